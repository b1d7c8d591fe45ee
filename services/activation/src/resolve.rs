//! `ResolveActivation` and `StartActivation`: an activation is judged again before it grants
//! anything. The bell is no evidence: what the approvers said is read here.

use pim_chassis::{Context, Error, Work};
use pim_domain::{
    activation::{Activation, Facts},
    change::Change,
    denial::{Denial, Reason},
    event::{Stamp, ThingKind},
    id::ActivationId,
    policy::Rules,
};
use pim_proto::call::Answer;
use pim_store::{Purpose, activations, approvals, policies, principals};

/// Acts on what has become of a pending activation's approval.
pub(crate) async fn resolve(
    context: Context,
    id: ActivationId,
) -> Result<Answer<Activation>, Error> {
    let mut work = context.begin_internal(Purpose::Gain).await?;
    let Again { activation, facts, pinned, stamp } = again(&context, &mut work, id).await?;
    let approval = approvals::of_activation(&mut work, context.tenant, id).await?;
    let resolution = approval.as_ref().and_then(pim_domain::approval::Approval::resolution);
    let Some(verdict) = resolution else {
        let state = approval.map_or("PENDING", |approval| approval.state.as_str());
        let reason = Reason::WrongState { thing: ThingKind::Approval, state };
        return Err(Denial::new(reason).into());
    };
    let change = activation.resolve(&facts, &pinned, &verdict, &stamp)?;
    commit(&context, work, change, &stamp).await
}

/// Judges a booked activation at its start.
pub(crate) async fn start(context: Context, id: ActivationId) -> Result<Answer<Activation>, Error> {
    let mut work = context.begin_internal(Purpose::Gain).await?;
    let Again { activation, facts, pinned, stamp } = again(&context, &mut work, id).await?;
    let change = activation.start(&facts, &pinned, &stamp)?;
    commit(&context, work, change, &stamp).await
}

/// What it takes to judge a request again.
struct Again {
    activation: Activation,
    facts: Facts,
    /// The rules that the request was judged by.
    pinned: Rules,
    stamp: Stamp,
}

async fn again(context: &Context, work: &mut Work, id: ActivationId) -> Result<Again, Error> {
    let tenant = context.tenant;
    let missing = || Reason::NotFound { thing: ThingKind::Activation, id: id.uuid() };
    let found = activations::get(work, tenant, id).await?.ok_or_else(missing)?;
    // The target is locked before the row, in the order in which a request does it.
    let (principal, role, scope) = (found.principal, found.role, &found.scope);
    let mut facts =
        activations::facts(work, tenant, principal, role, scope).await?.ok_or_else(missing)?;
    let activation = activations::get_for_update(work, tenant, id).await?.ok_or_else(missing)?;
    let revision = activation.policy_revision;
    let pinned = policies::at(work, tenant, role, revision).await?.rules(facts.role.catalog);
    // Those who had to approve by either revision.
    facts.approvers.extend(principals::get_all(work, tenant, &pinned.approval.approvers).await?);
    let stamp = context.gaining(facts.newest().max(activation.update_time))?;
    Ok(Again { activation, facts, pinned, stamp })
}

async fn commit(
    context: &Context,
    mut work: Work,
    change: Change<Activation>,
    stamp: &Stamp,
) -> Result<Answer<Activation>, Error> {
    activations::record(&mut work, context.tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}
