//! `ListEffectiveRoles` and `ListRoleHolders`.

use pim_chassis::{Context, Error};
use pim_domain::{
    authority::{Action, Realm},
    denial::Reason,
    effective,
    event::ThingKind,
    scope::Lineage,
};
use pim_proto::call::{AccessPage, AccessView, HoldersFilter, HoldingsFilter, List, PageRequest};
use pim_store::{Read, holdings, principals, roles, scopes};
use serde::Serialize;
use uuid::Uuid;

/// All that a principal holds, now.
pub(crate) async fn of_principal(
    context: Context,
    list: List<HoldingsFilter>,
) -> Result<AccessPage, Error> {
    let caller = context.caller()?;
    let List { filter, page } = list;
    let mut read = context.db().read().await?;
    if filter.principal != caller.principal.id {
        let now = context.now();
        for realm in [Realm::Directory, Realm::Resources] {
            caller.authorise(Action::AccessCheck, realm, &Lineage::root(), now)?;
        }
        if principals::get(&mut read, context.tenant, filter.principal).await?.is_none() {
            let id = filter.principal.uuid();
            return Err(Reason::NotFound { thing: ThingKind::Principal, id }.into());
        }
    }
    let at = match &filter.scope {
        Some(scope) => Some(scopes::lineage(&mut read, context.tenant, scope).await?),
        None => None,
    };
    let candidates =
        holdings::of_principal(&mut read, context.tenant, filter.principal, None, at.as_ref())
            .await?;
    cut(&context, &read, candidates, &filter, &page)
}

/// All who hold a role at a scope, now.
pub(crate) async fn of_role(
    context: Context,
    list: List<HoldersFilter>,
) -> Result<AccessPage, Error> {
    let caller = context.caller()?;
    let List { filter, page } = list;
    let mut read = context.db().read().await?;
    let Some(role) = roles::get(&mut read, context.tenant, filter.role).await? else {
        let missing = Reason::NotFound { thing: ThingKind::Role, id: filter.role.uuid() };
        return Err(caller.not_found(Action::AccessRead, missing, context.now()).into());
    };
    let realm = Realm::from(role.catalog);
    let at = scopes::lineage(&mut read, context.tenant, &filter.scope).await?;
    caller.authorise(Action::AccessRead, realm, &at, context.now())?;
    let candidates =
        holdings::of_role(&mut read, context.tenant, filter.role, &filter.scope).await?;
    cut(&context, &read, candidates, &filter, &page)
}

/// One page of what counts. `valid_until` is that of the whole list.
fn cut<F: Serialize>(
    context: &Context,
    read: &Read,
    candidates: holdings::Candidates,
    filter: &F,
    page: &PageRequest,
) -> Result<AccessPage, Error> {
    let (after, limit): (Option<Uuid>, _) = context.page(filter, page)?;
    // The instant that it is once the candidates are in hand, so that what is asked at or after an
    // end is answered as ended.
    let (as_of, max_clock_error, instant) = context.reading(candidates.newest);
    let mut effective = effective::list(candidates.holdings, instant);
    let rows = effective
        .holdings
        .into_iter()
        .filter(|holding| after.is_none_or(|after| holding.id > after))
        .take(usize::try_from(limit).unwrap_or(usize::MAX))
        .collect();
    let listed = context.listed(filter, page, rows, read.revision(), as_of, |last| last.id);
    effective.holdings = listed.items;
    let view = AccessView { effective, revision: listed.revision, as_of, max_clock_error };
    Ok(AccessPage { view, next_page_token: listed.next_page_token })
}
