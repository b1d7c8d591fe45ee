//! Reading change requests.

use pim_chassis::{Context, Error};
use pim_domain::{
    authority::{Action, Realm},
    change_request::ChangeRequest,
    id::ChangeRequestId,
    scope::Scope,
};
use pim_proto::call::{Answer, ChangeRequestFilter, List, Listed};
use pim_store::{change_requests, roles, scopes};

use crate::{decide::missing, grant::missing_role};

const READ: Action = Action::ChangeRequestRead;

/// One request: who asked may see it, and who may read requests at its scope.
pub(crate) async fn get(
    context: Context,
    id: ChangeRequestId,
) -> Result<Answer<ChangeRequest>, Error> {
    let caller = context.caller()?;
    let mut read = context.read().await?;
    let Some(request) = change_requests::get(&mut read, context.tenant, id).await? else {
        return Err(caller.not_found(READ, missing(id), context.now()).into());
    };
    let now = context.now().max(request.update_time);
    if request.principal != caller.principal.id {
        let role = roles::get(&mut read, context.tenant, request.role).await?;
        let realm = Realm::from(role.ok_or_else(missing_role)?.catalog);
        let at = scopes::lineage(&mut read, context.tenant, &request.scope).await?;
        caller.authorise(READ, realm, &at, now)?;
    }
    Ok(context.answer(request, read.revision(), now))
}

/// Requests about what is at a scope and below it.
pub(crate) async fn list(
    context: Context,
    list: List<ChangeRequestFilter>,
) -> Result<Listed<ChangeRequest>, Error> {
    let caller = context.caller()?;
    let List { filter, page } = list;
    let now = context.now();
    let scope = filter.scope.clone().unwrap_or_else(Scope::root);
    let mut read = context.browse().await?;
    let at = scopes::lineage(&mut read, context.tenant, &scope).await?;
    let catalogs = caller.catalogs(READ, &at, now)?;
    let (after, limit) = context.page(&filter, &page)?;
    let wanted = change_requests::Filter {
        principal: filter.principal,
        scope: filter.scope.as_ref(),
        pending_at: (!filter.include_resolved).then_some(now),
        catalogs: Some(&catalogs),
    };
    let mut read = context.browse().await?;
    let rows = change_requests::list(&mut read, context.tenant, &wanted, after, limit).await?;
    Ok(context.listed(&filter, &page, rows, read.revision(), now, |last| last.id))
}

/// What the caller has asked for.
pub(crate) async fn search_mine(
    context: Context,
    list: List<ChangeRequestFilter>,
) -> Result<Listed<ChangeRequest>, Error> {
    let caller = context.caller()?;
    let List { filter, page } = list;
    let now = context.now();
    let (after, limit) = context.page(&filter, &page)?;
    let wanted = change_requests::Filter {
        principal: Some(caller.principal.id),
        pending_at: (!filter.include_resolved).then_some(now),
        ..change_requests::Filter::default()
    };
    let mut read = context.browse().await?;
    let rows = change_requests::list(&mut read, context.tenant, &wanted, after, limit).await?;
    Ok(context.listed(&filter, &page, rows, read.revision(), now, |last| last.id))
}
