//! The guard against locking everybody out.

use pim_chassis::{Context, Error, Work};
use pim_domain::{
    event::{Event, Stamp},
    holders::{self, Holder},
    id::RoleId,
    scope::Scope,
};
use pim_store::{policies, roles};

use crate::grant::missing_role;

/// Passes what leaves enough who hold a role at a scope for good: `change` does to each of them
/// what `event` tells of. The store's guard is held since the beginning.
pub(crate) async fn keep_enough(
    context: &Context,
    work: &mut Work,
    (role, scope): (RoleId, &Scope),
    event: &Event,
    stamp: &Stamp,
    change: impl Fn(&mut Holder),
) -> Result<(), Error> {
    let known = roles::get(work, context.tenant, role).await?.ok_or_else(missing_role)?;
    let policy = policies::newest(work, context.tenant, &known, scope).await?;
    let minimum = policy.at(scope).min_active_holders;
    if minimum == 0 {
        return Ok(());
    }
    let before = pim_store::holders::of_target(work, context.tenant, role, scope).await?;
    let mut after = before.clone();
    after.iter_mut().for_each(change);
    holders::keep_enough((role, scope), minimum, &before, &after, stamp.now).map_err(|denial| {
        let denial = denial.about(event.about.clone());
        match event.thing {
            Some(thing) => denial.of(thing.kind, thing.id),
            None => denial,
        }
    })?;
    Ok(())
}
