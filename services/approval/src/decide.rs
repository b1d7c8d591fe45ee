//! `Approve` and `Deny`.

use pim_chassis::{Context, Error, bell::ring};
use pim_domain::{
    approval::{self, Decide, Decided, State, Verdict},
    denial::{Denial, Reason},
    id::ActivationId,
};
use pim_proto::{
    activation::v1,
    call::{Answer, ApprovalView, Write},
};
use pim_store::{Purpose, activations, approvals};

/// One approver's yes or no. The last one that is needed rings the activation service, and the
/// answer shows what has become of the activation.
pub(crate) async fn decide(
    context: Context,
    wish: Write<Decide>,
) -> Result<Answer<ApprovalView>, Error> {
    let dry = wish.validate_only;
    let answer = commit(&context, wish).await?;
    let open = answer.value.approval.state == State::Pending;
    if dry || open { Ok(answer) } else { Ok(with_activation_now(&context, answer).await) }
}

async fn commit(context: &Context, wish: Write<Decide>) -> Result<Answer<ApprovalView>, Error> {
    let caller = context.caller()?;
    let tenant = context.tenant;
    let purpose = match wish.command.verdict {
        Verdict::Approve => Purpose::Gain,
        Verdict::Deny => Purpose::Lose,
    };
    let mut work = context.begin(purpose, &wish).await?;
    // To whom it is not known, it is as if they were not asked.
    let facts = approvals::facts(&mut work, tenant, wish.command.approval)
        .await?
        .ok_or_else(|| Denial::new(Reason::NotAnApprover))?;
    if facts.has_standing(caller.principal.id, context.now().max(facts.newest()))
        && let Some(answer) = context.replay(&mut work).await?
    {
        return Ok(answer);
    }
    let stamp = match wish.command.verdict {
        Verdict::Approve => context.gaining(facts.newest())?,
        Verdict::Deny => context.losing(facts.newest()),
    };
    let activation = facts.activation.clone();
    let change = match approval::decide(&facts, &caller.principal, wish.command, &stamp)? {
        Decided::Now(change) => *change,
        Decided::Before(approval) => {
            let extension = approvals::extension_of(&mut work, tenant, &approval).await?;
            let view = ApprovalView { approval, activation, extension };
            return context.commit(work, view, stamp.now).await;
        }
    };
    approvals::record(&mut work, tenant, &change).await?;
    let dry = work.is_dry();
    let approval = change.into_after();
    let extension = approvals::extension_of(&mut work, tenant, &approval).await?;
    let view = ApprovalView { approval, activation, extension };
    let answer = context.commit(work, view, stamp.now).await?;
    if !dry && matches!(answer.value.approval.state, State::Approved | State::Denied) {
        resolve(context, answer.value.activation.id).await;
    }
    Ok(answer)
}

async fn resolve(context: &Context, activation: ActivationId) {
    let Some(peer) = &context.process.peers.activation else { return };
    let request = v1::ResolveActivationRequest {
        tenant_id: context.tenant.to_string(),
        activation_id: activation.to_string(),
    };
    let call = async move { peer.activations().resolve_activation(request).await };
    ring("resolve_activation", call).await;
}

/// The decision stands whether or not this can be read.
async fn with_activation_now(
    context: &Context,
    decided: Answer<ApprovalView>,
) -> Answer<ApprovalView> {
    let Ok(mut read) = context.read().await else { return decided };
    let id = decided.value.activation.id;
    match activations::get(&mut read, context.tenant, id).await {
        Ok(Some(activation)) => {
            let as_of = context.now().max(activation.update_time);
            let view = ApprovalView { activation, ..decided.value };
            context.answer(view, read.revision(), as_of)
        }
        Ok(None) | Err(_) => decided,
    }
}
