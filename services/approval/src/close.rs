//! `CancelApproval` and `TimeOutApproval`: bookkeeping of what has ended already.

use pim_chassis::{Context, Error, Work};
use pim_domain::{
    approval::{Approval, Facts},
    change::Change,
    denial::Reason,
    event::ThingKind,
    id::ApprovalId,
};
use pim_proto::call::{Answer, ApprovalView};
use pim_store::{Purpose, approvals};

/// Closes an approval whose activation has ended otherwise.
pub(crate) async fn cancel(
    context: Context,
    id: ApprovalId,
) -> Result<Answer<ApprovalView>, Error> {
    let mut work = context.begin_internal(Purpose::Lose).await?;
    let facts = load(&context, &mut work, id).await?;
    let stamp = context.losing(facts.newest());
    let change = facts.approval.cancel(&facts.activation, facts.catalog, &stamp)?;
    close(&context, work, facts, change).await
}

/// Records that nobody decided in time.
pub(crate) async fn time_out(
    context: Context,
    id: ApprovalId,
) -> Result<Answer<ApprovalView>, Error> {
    let mut work = context.begin_internal(Purpose::Lose).await?;
    let facts = load(&context, &mut work, id).await?;
    let stamp = context.losing(facts.newest());
    let change = facts.approval.time_out(&facts.activation, facts.catalog, &stamp)?;
    close(&context, work, facts, change).await
}

async fn load(context: &Context, work: &mut Work, id: ApprovalId) -> Result<Facts, Error> {
    let facts = approvals::facts(work, context.tenant, id).await?;
    Ok(facts.ok_or(Reason::NotFound { thing: ThingKind::Approval, id: id.uuid() })?)
}

async fn close(
    context: &Context,
    mut work: Work,
    facts: Facts,
    change: Change<Approval>,
) -> Result<Answer<ApprovalView>, Error> {
    approvals::record(&mut work, context.tenant, &change).await?;
    let now = change.event().time;
    let approval = change.into_after();
    let extension = approvals::extension_of(&mut work, context.tenant, &approval).await?;
    let view = ApprovalView { approval, activation: facts.activation, extension };
    context.commit(work, view, now).await
}
