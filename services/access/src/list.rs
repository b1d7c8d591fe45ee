//! `ListEffectiveRoles` and `ListRoleHolders`.

use pim_chassis::{Context, Error};
use pim_domain::{
    authority::{Action, Realm},
    denial::Reason,
    effective::{self, Effective, Ground},
    event::ThingKind,
    id::PrincipalId,
    scope::Lineage,
    time::earliest,
};
use pim_proto::call::{AccessPage, HeldBy, HoldersFilter, HoldingsFilter, List};
use pim_store::{holdings, roles, scopes};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    facts::{Facts, Loaded},
    verb::Verb,
};

/// All that a principal holds, now.
impl Verb for List<HoldingsFilter> {
    type Answer = AccessPage;

    async fn load(&self, context: &Context) -> Result<Loaded, Error> {
        Loaded::for_list(context, &self.filter).await
    }

    fn answer(self, context: &Context, facts: &impl Facts) -> Result<AccessPage, Error> {
        let List { filter, page } = self;
        permit(context, facts, &filter)?;
        let (after, limit): (Option<Cursor>, _) = context.page(&filter, &page)?;
        let at = filter.scope.as_ref().map(|scope| facts.lineage(scope));
        let ground = facts
            .ground(filter.principal, &|_, scope| at.as_ref().is_none_or(|at| at.is_below(scope)));
        let (as_of, max_clock_error, instant) = context.reading(ground.newest());
        let effective = effective::list(ground.resolve(), instant);
        let valid_until = effective.valid_until;
        let mut held = held(effective);
        held.retain(|one| after.is_none_or(|after| Cursor::from(one) > after));
        held.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let (revision, cursor) = (facts.revision(), |last: &HeldBy| Cursor::from(last));
        let listed = context.listed(&filter, &page, held, revision, as_of, cursor);
        Ok(AccessPage {
            held: listed.items,
            valid_until,
            revision: listed.revision,
            as_of,
            max_clock_error,
            next_page_token: listed.next_page_token,
        })
    }
}

/// Passes who may see all that somebody holds.
pub(crate) fn permit(
    context: &Context,
    facts: &impl Facts,
    filter: &HoldingsFilter,
) -> Result<(), Error> {
    let (caller, now) = (context.caller()?, context.now());
    if filter.principal == caller.principal.id {
        return Ok(());
    }
    for realm in [Realm::Directory, Realm::Resources] {
        caller.authorise(Action::AccessCheck, realm, &Lineage::root(), now)?;
    }
    if facts.knows(filter.principal) {
        return Ok(());
    }
    let id = filter.principal.uuid();
    Err(Reason::NotFound { thing: ThingKind::Principal, id }.into())
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
    let (after, limit): (Option<Cursor>, _) = context.page(&filter, &page)?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let (tenant, target) = (context.tenant, (filter.role, &at));
    let mut from = after.map(|after| after.principal);
    let mut held: Vec<HeldBy> = Vec::new();
    let (mut valid_until, mut newest) = (None, None);
    // As many principals at a time as the page has room for: a group may have very many.
    let (as_of, max_clock_error) = loop {
        let ids = holdings::holders(&mut read, tenant, target, from, limit).await?;
        let roles = [filter.role.uuid()];
        let at = Some(std::slice::from_ref(&at));
        let more = holdings::of_principals(&mut read, tenant, &ids, Some(&roles), at).await?;
        let was_last = ids.len() < wanted;
        from = ids.last().map(|last| after_id(*last)).or(from);
        newest = newest.max(more.iter().filter_map(Ground::newest).max());
        let (as_of, max_clock_error, instant) = context.reading(newest);
        for ground in more {
            let effective = effective::list(ground.resolve(), instant);
            valid_until = earliest(valid_until, effective.valid_until);
            held.extend(self::held(effective));
        }
        held.retain(|one| after.is_none_or(|after| Cursor::from(one) > after));
        if was_last || held.len() >= wanted {
            break (as_of, max_clock_error);
        }
    };
    held.truncate(wanted);
    let revision = read.revision();
    let listed = context.listed(&filter, &page, held, revision, as_of, |last| Cursor::from(last));
    Ok(AccessPage {
        held: listed.items,
        valid_until,
        revision: listed.revision,
        as_of,
        max_clock_error,
        next_page_token: listed.next_page_token,
    })
}

/// Where a page of what is held ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Cursor {
    principal: PrincipalId,
    id: Uuid,
}

impl From<&HeldBy> for Cursor {
    fn from(one: &HeldBy) -> Self {
        Self { principal: one.principal, id: one.holding.id }
    }
}

fn held(effective: Effective) -> Vec<HeldBy> {
    let Effective { principal, holdings, .. } = effective;
    holdings.into_iter().map(|holding| HeldBy { principal, holding }).collect()
}

/// The id after which nothing comes before the next: ids are compared as numbers.
fn after_id(id: PrincipalId) -> PrincipalId {
    Uuid::from_u128(id.uuid().as_u128().saturating_add(1)).into()
}
