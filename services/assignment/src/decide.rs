//! `ApproveChangeRequest`, `DenyChangeRequest`, `CancelChangeRequest`, `TimeOutChangeRequest`.

use pim_chassis::{Context, Error, Work};
use pim_domain::{
    authority::{Action, Realm},
    change_request::{Approve, ChangeRequest, Decision, Deny},
    denial::Reason,
    event::ThingKind,
    id::ChangeRequestId,
    role::Role,
};
use pim_proto::call::{Answer, CancelChangeRequest, Write};
use pim_store::{Purpose, StoreError, change_requests, grants, principals, roles, scopes};

use crate::{facts, grant::missing_role};

/// Says yes, and extends or renews.
pub(crate) async fn approve(
    context: Context,
    wish: Write<Approve>,
) -> Result<Answer<ChangeRequest>, Error> {
    let tenant = context.tenant;
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let id = wish.command.request;
    // The grant is locked before the request, as by whoever asks. What it is about never changes.
    let about = change_requests::get(&mut work, tenant, id).await?;
    let grant = match &about {
        Some(it) => grants::get_for_update(&mut work, tenant, it.grant_kind, it.grant).await?,
        None => None,
    };
    let (request, role) = load(&context, &mut work, id, Action::ChangeRequestApprove).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let grant = grant.ok_or_else(|| corrupt("of no grant"))?;
    let facts = facts::of_grant(&context, &mut work, &grant, role).await?;
    let newest = facts.newest().max(grant.update_time).max(request.update_time);
    let stamp = context.gaining(newest)?;
    let done = request.approve(&grant, &facts, wish.command, &stamp)?;
    grants::record(&mut work, tenant, &done.grant).await?;
    change_requests::record(&mut work, tenant, &done.request).await?;
    context.commit(work, done.request.into_after(), stamp.now).await
}

/// Says no.
pub(crate) async fn deny(
    context: Context,
    wish: Write<Deny>,
) -> Result<Answer<ChangeRequest>, Error> {
    let (caller, tenant) = (context.caller()?, context.tenant);
    let mut work = context.begin(Purpose::Lose, &wish).await?;
    let id = wish.command.request;
    let (request, role) = load(&context, &mut work, id, Action::ChangeRequestDeny).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let holder = principals::get(&mut work, tenant, request.principal).await?;
    let holder = holder.ok_or_else(|| corrupt("of nobody"))?;
    let stamp = context.losing(request.update_time.max(holder.update_time));
    let caller = &caller.principal;
    let change = request.deny(&holder, role.catalog, caller, wish.command, &stamp)?;
    change_requests::record(&mut work, tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

/// Withdraws it: who asked, or an administrator.
pub(crate) async fn cancel(
    context: Context,
    wish: Write<CancelChangeRequest>,
) -> Result<Answer<ChangeRequest>, Error> {
    let caller = context.caller()?;
    let mut work = context.begin(Purpose::Lose, &wish).await?;
    let CancelChangeRequest { request: id, justification } = wish.command;
    let (request, role) = load(&context, &mut work, id, Action::ChangeRequestCancel).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let stamp = context.losing(request.update_time);
    let decision = Decision { by: caller.principal.id, justification };
    let change = request.cancel(role.catalog, decision, &stamp)?;
    change_requests::record(&mut work, context.tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

/// Records that nobody decided in time, or that its role was deleted.
pub(crate) async fn time_out(
    context: Context,
    id: ChangeRequestId,
) -> Result<Answer<ChangeRequest>, Error> {
    let tenant = context.tenant;
    let mut work = context.begin_internal(Purpose::Lose).await?;
    let found = change_requests::get_for_update(&mut work, tenant, id).await?;
    let request = found.ok_or_else(|| missing(id))?;
    let role = roles::get(&mut work, tenant, request.role).await?.ok_or_else(missing_role)?;
    let stamp = context.losing(request.update_time.max(role.update_time));
    let change = request.settle(&role, &stamp)?;
    change_requests::record(&mut work, tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

/// A request that the caller may do `action` to, locked, and its role. Who asked may withdraw.
async fn load(
    context: &Context,
    work: &mut Work,
    id: ChangeRequestId,
    action: Action,
) -> Result<(ChangeRequest, Role), Error> {
    let (caller, tenant) = (context.caller()?, context.tenant);
    let Some(request) = change_requests::get_for_update(work, tenant, id).await? else {
        return Err(caller.not_found(action, missing(id), context.now()).into());
    };
    let role = roles::get(work, tenant, request.role).await?.ok_or_else(missing_role)?;
    let withdraws = action == Action::ChangeRequestCancel;
    if !(withdraws && request.principal == caller.principal.id) {
        let now = context.now().max(request.update_time);
        let at = scopes::lineage(work, tenant, &request.scope).await?;
        caller.authorise(action, Realm::from(role.catalog), &at, now)?;
    }
    Ok((request, role))
}

pub(crate) fn missing(id: ChangeRequestId) -> Reason {
    Reason::NotFound { thing: ThingKind::ChangeRequest, id: id.uuid() }
}

fn corrupt(source: &'static str) -> StoreError {
    StoreError::Corrupt { what: "change request", source: source.into() }
}
