//! `ExpireActivation` and `VoidActivation`: bookkeeping of what has ended already. The effect never
//! waits for them.

use pim_chassis::{Context, Error, Work};
use pim_domain::{
    activation::Activation, change::Change, denial::Reason, event::ThingKind, id::ActivationId,
    role::Catalog,
};
use pim_proto::call::Answer;
use pim_store::{Purpose, activations, roles};

use crate::{bells, deactivate::missing_role};

/// Records that an activation's time is up.
pub(crate) async fn expire(
    context: Context,
    id: ActivationId,
) -> Result<Answer<Activation>, Error> {
    let mut work = context.begin_internal(Purpose::Lose).await?;
    let (activation, catalog) = load(&context, &mut work, id).await?;
    let stamp = context.losing(activation.update_time);
    let change = activation.expire(catalog, &stamp)?;
    end(&context, work, &activation, change).await
}

/// Records that what an activation rests on has ended.
pub(crate) async fn void(context: Context, id: ActivationId) -> Result<Answer<Activation>, Error> {
    let mut work = context.begin_internal(Purpose::Lose).await?;
    let (activation, catalog) = load(&context, &mut work, id).await?;
    let rest = activations::rest(&mut work, context.tenant, &activation).await?;
    let people = rest.people.iter().map(|one| one.update_time).max();
    let newest = rest.eligibility.update_time.max(rest.principal.update_time);
    let newest = newest.max(rest.role.update_time);
    let memberships = rest.memberships.iter().chain(&rest.belonging);
    let newest = memberships.map(|one| one.update_time).fold(newest, Ord::max);
    let others = people.into_iter().chain(rest.severed).chain(rest.deleted);
    let newest = others.fold(newest, Ord::max);
    let stamp = context.losing(newest.max(activation.update_time));
    let change = activation.void(&rest, catalog, &stamp)?;
    end(&context, work, &activation, change).await
}

async fn load(
    context: &Context,
    work: &mut Work,
    id: ActivationId,
) -> Result<(Activation, Catalog), Error> {
    let activation = activations::get_for_update(work, context.tenant, id)
        .await?
        .ok_or(Reason::NotFound { thing: ThingKind::Activation, id: id.uuid() })?;
    let role = roles::get(work, context.tenant, activation.role).await?;
    Ok((activation, role.ok_or_else(missing_role)?.catalog))
}

async fn end(
    context: &Context,
    mut work: Work,
    before: &Activation,
    change: Change<Activation>,
) -> Result<Answer<Activation>, Error> {
    activations::record(&mut work, context.tenant, &change).await?;
    let now = change.event().time;
    let answer = context.commit(work, change.into_after(), now).await?;
    bells::cancel_approval(context, before).await;
    bells::void_resting_on(context, before.id).await;
    Ok(answer)
}
