//! The guard against locking everybody out.

use pim_chassis::{Context, Error, Work};
use pim_domain::{
    change::Change,
    event::{Event, Stamp},
    grant::Grant,
    holders::{self, Holder},
    id::RoleId,
    role::GroupAccess,
    scope::Scope,
};
use pim_store::{policies, roles};

use crate::grant::missing_role;

/// Passes a change of an assignment that leaves enough who hold for good what it is of, and what is
/// held by the group to which it gives access.
pub(crate) async fn keep_enough_with(
    context: &Context,
    work: &mut Work,
    change: &Change<Grant>,
    stamp: &Stamp,
) -> Result<(), Error> {
    let after = change.after();
    let mut targets = vec![(after.role, after.scope.clone())];
    if let (Some(GroupAccess::Member), Some(group)) =
        (GroupAccess::of(after.role), after.scope.group())
    {
        let group = group.uuid().into();
        targets.extend(pim_store::holders::targets_of(work, context.tenant, group).await?);
    }
    for (role, scope) in targets {
        keep_enough(context, work, (role, &scope), change.event(), stamp, |holder| {
            let all = holder.memberships.iter_mut().chain([&mut holder.assignment]);
            all.filter(|one| one.id == after.id).for_each(|one| *one = after.clone());
        })
        .await?;
    }
    Ok(())
}

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
