//! `ResolveActivation` and `StartActivation`: an activation is judged again before it grants
//! anything. The bell is no evidence: what the approvers said is read here.

use pim_chassis::{Context, Error, Work};
use pim_domain::{
    activation::{Activation, Facts, Verdict},
    approval::Approval,
    change::Change,
    denial::{Denial, Reason},
    event::{Stamp, ThingKind},
    id::ActivationId,
    policy::Rules,
};
use pim_proto::call::Answer;
use pim_store::{Purpose, activations, approvals, approvers};

/// Acts on what has become of the approval of a pending activation, or of its extension.
pub(crate) async fn resolve(
    context: Context,
    id: ActivationId,
) -> Result<Answer<Activation>, Error> {
    let mut work = context.begin_internal(Purpose::Gain).await?;
    let Again { activation, facts, pinned } = again(&context, &mut work, id).await?;
    let extension = activation.waits_for().flatten().map(|extension| extension.id);
    let approval = approvals::of_activation(&mut work, context.tenant, id, extension).await?;
    let resolution = approval.as_ref().and_then(Approval::resolution);
    let Some(verdict) = resolution else {
        let state = approval.map_or("PENDING", |approval| approval.state.as_str());
        let reason = Reason::WrongState { thing: ThingKind::Approval, state };
        return Err(Denial::new(reason).into());
    };
    let newest = facts.newest().max(activation.update_time);
    let stamp = match &verdict {
        Verdict::Approved { .. } => context.gaining(newest)?,
        Verdict::Denied => context.losing(newest),
    };
    let change = activation.resolve(&facts, &pinned, &verdict, &stamp)?;
    commit(&context, work, change, &stamp).await
}

/// Judges a booked activation at its start.
pub(crate) async fn start(context: Context, id: ActivationId) -> Result<Answer<Activation>, Error> {
    let mut work = context.begin_internal(Purpose::Gain).await?;
    let Again { activation, facts, pinned } = again(&context, &mut work, id).await?;
    let approval = approvals::of_activation(&mut work, context.tenant, id, None).await?;
    let stamp = context.gaining(facts.newest().max(activation.update_time))?;
    let votes: Vec<_> = approval.iter().flat_map(Approval::votes).collect();
    let change = activation.start(&facts, &pinned, &votes, &stamp)?;
    commit(&context, work, change, &stamp).await
}

/// What it takes to judge a request again.
struct Again {
    activation: Activation,
    facts: Facts,
    /// The rules that the request was judged by.
    pinned: Rules,
}

async fn again(context: &Context, work: &mut Work, id: ActivationId) -> Result<Again, Error> {
    let tenant = context.tenant;
    let missing = || Reason::NotFound { thing: ThingKind::Activation, id: id.uuid() };
    let (activation, mut facts) = load(context, work, id).await?.ok_or_else(missing)?;
    let pinned = activations::pinned(work, tenant, &activation).await?;
    // Those who had to approve by either revision.
    let more = approvers::of_rules(work, tenant, &pinned.approvals).await?;
    facts.people.extend(more.people);
    facts.belonging.extend(more.belonging);
    Ok(Again { activation, facts, pinned })
}

/// An activation, locked, with what its request is judged by; `None` where there is none.
pub(crate) async fn load(
    context: &Context,
    work: &mut Work,
    id: ActivationId,
) -> Result<Option<(Activation, Facts)>, Error> {
    let tenant = context.tenant;
    let Some(found) = activations::get(work, tenant, id).await? else { return Ok(None) };
    // The target is locked before the row, in the order in which a request does it.
    let (principal, role, scope) = (found.principal, found.role, &found.scope);
    let mut facts = activations::facts(work, tenant, principal, role, scope).await?;
    if let Some(facts) = &mut facts {
        facts.decide = pim_conditions::decide;
    }
    let activation = activations::get_for_update(work, tenant, id).await?;
    Ok(activation.zip(facts))
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
