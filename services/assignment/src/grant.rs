//! Reading eligibilities and active assignments.

use pim_chassis::{Context, Error};
use pim_domain::{
    authority::{Action, Realm},
    denial::Reason,
    grant::{Grant, GrantKind},
    id::PrincipalId,
    scope::Scope,
};
use pim_proto::call::{Answer, GrantFilter, GrantRef, List, Listed};
use pim_store::{StoreError, grants, holdings, roles, scopes};

fn reading(kind: GrantKind) -> Action {
    match kind {
        GrantKind::Eligibility => Action::EligibilityRead,
        GrantKind::Assignment => Action::AssignmentRead,
    }
}

pub(crate) fn missing_role() -> StoreError {
    StoreError::Corrupt { what: "grant", source: "of no role".into() }
}

/// One grant: whom it is for may see it, and who may read grants at its scope.
pub(crate) async fn get(context: Context, wish: GrantRef) -> Result<Answer<Grant>, Error> {
    let caller = context.caller()?;
    let GrantRef { kind, grant: id } = wish;
    let mut read = context.read().await?;
    let Some(grant) = grants::get(&mut read, context.tenant, kind, id).await? else {
        let missing = Reason::NotFound { thing: kind.thing(), id: id.uuid() };
        return Err(caller.not_found(reading(kind), missing, context.now()).into());
    };
    let now = context.now().max(grant.update_time);
    if grant.principal != caller.principal.id {
        let role = roles::get(&mut read, context.tenant, grant.role).await?;
        let realm = Realm::from(role.ok_or_else(missing_role)?.catalog);
        let at = scopes::lineage(&mut read, context.tenant, &grant.scope).await?;
        caller.authorise(reading(kind), realm, &at, now)?;
    }
    Ok(context.answer(grant, read.revision(), now))
}

/// Grants at a scope and below it.
pub(crate) async fn list(
    context: Context,
    list: List<GrantFilter>,
) -> Result<Listed<Grant>, Error> {
    let caller = context.caller()?;
    let List { filter, page } = list;
    let now = context.now();
    let scope = filter.scope.clone().unwrap_or_else(Scope::root);
    let mut read = context.browse().await?;
    let at = scopes::lineage(&mut read, context.tenant, &scope).await?;
    let catalogs = caller.catalogs(reading(filter.kind), &at, now)?;
    let (after, limit) = context.page(&filter, &page)?;
    let principals = filter.principal.map(|one| vec![one]);
    let wanted = grants::Filter {
        kind: filter.kind,
        principals: principals.as_deref(),
        role: filter.role,
        scope: filter.scope.as_ref(),
        not_ended_at: (!filter.include_ended).then_some(now),
        catalogs: Some(&catalogs),
    };
    let rows = grants::list(&mut read, context.tenant, &wanted, after, limit).await?;
    Ok(context.listed(&filter, &page, rows, read.revision(), now, |last| last.id))
}

/// The eligibilities that have not ended of the caller and of the groups that they belong to now.
pub(crate) async fn search_mine(context: Context, list: List<()>) -> Result<Listed<Grant>, Error> {
    let caller = context.caller()?;
    let List { filter, page } = list;
    let now = context.now();
    let (after, limit) = context.page(&filter, &page)?;
    let mut read = context.browse().await?;
    let me = caller.principal.id;
    let ground = holdings::memberships(&mut read, context.tenant, me).await?.resolve();
    let principals: Vec<PrincipalId> = ground.groups(now).chain([me]).collect();
    let wanted = grants::Filter {
        kind: GrantKind::Eligibility,
        principals: Some(&principals),
        role: None,
        scope: None,
        not_ended_at: Some(now),
        catalogs: None,
    };
    let rows = grants::list(&mut read, context.tenant, &wanted, after, limit).await?;
    Ok(context.listed(&filter, &page, rows, read.revision(), now, |last| last.id))
}
