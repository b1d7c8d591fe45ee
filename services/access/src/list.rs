//! `ListEffectiveRoles` and `ListRoleHolders`.

use chrono::{DateTime, TimeDelta, Utc};
use pim_chassis::{Context, Error};
use pim_domain::{
    authority::{Action, Realm},
    denial::Reason,
    effective::{self, Effective, Ground, Instant},
    event::ThingKind,
    id::{PrincipalId, RoleId, TenantId},
    scope::Lineage,
    time::earliest,
};
use pim_proto::call::{AccessPage, HeldBy, HoldersFilter, HoldingsFilter, List};
use pim_store::{
    Read, holdings,
    past::{self, Wanted},
    roles, scopes,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    facts::{Facts, Loaded},
    verb::{Verb, of_the_past},
};

/// All that a principal holds, now.
impl Verb for List<HoldingsFilter> {
    type Answer = AccessPage;

    async fn load(&self, context: &Context, at: Option<DateTime<Utc>>) -> Result<Loaded, Error> {
        Loaded::for_list(context, &self.filter, at).await
    }

    fn answer(self, context: &Context, facts: &impl Facts) -> Result<AccessPage, Error> {
        let List { filter, page } = self;
        permit(context, facts, &filter)?;
        let (after, limit): (Option<Cursor>, _) = context.page(&filter, &page)?;
        let ground = facts.ground_of(&filter);
        let (as_of, max_clock_error, instant) = facts.reading(context, ground.newest());
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

/// All who hold a role at a scope.
pub(crate) async fn of_role(
    context: Context,
    list: List<HoldersFilter>,
) -> Result<AccessPage, Error> {
    let caller = context.caller()?;
    let List { filter, page } = list;
    let when = filter.at.map(|at| of_the_past(&context.process, at)).transpose()?;
    let mut read = context.read().await?;
    let Some(role) = roles::get(&mut read, context.tenant, filter.role).await? else {
        let missing = Reason::NotFound { thing: ThingKind::Role, id: filter.role.uuid() };
        return Err(caller.not_found(Action::AccessRead, missing, context.now()).into());
    };
    let realm = Realm::from(role.catalog);
    let at = scopes::lineage(&mut read, context.tenant, &filter.scope).await?;
    caller.authorise(Action::AccessRead, realm, &at, context.now())?;
    let (after, limit): (Option<Cursor>, _) = context.page(&filter, &page)?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let candidates = match when {
        None => Candidates::Now(at),
        Some(then) => {
            let placed = past::lineage(&mut read, context.tenant, &filter.scope, when).await?;
            Candidates::Then(placed, then)
        }
    };
    let mut from = after.map(|after| after.principal);
    let mut held: Vec<HeldBy> = Vec::new();
    let (mut valid_until, mut newest) = (None, None);
    // As many principals at a time as the page has room for: a group may have very many.
    let (as_of, max_clock_error) = loop {
        let (ids, more) =
            candidates.load(&mut read, context.tenant, filter.role, from, limit).await?;
        let was_last = ids.len() < wanted;
        from = ids.last().map(|last| after_id(*last)).or(from);
        newest = newest.max(more.iter().filter_map(Ground::newest).max());
        let (as_of, max_clock_error, instant) = candidates.reading(&context, newest);
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

/// Those who may hold a role at a scope, or may have.
enum Candidates {
    Now(Lineage),
    Then(Lineage, DateTime<Utc>),
}

impl Candidates {
    /// The first of them by id that are not before `from`, and what they may hold of the role.
    async fn load(
        &self,
        read: &mut Read,
        tenant: TenantId,
        role: RoleId,
        from: Option<PrincipalId>,
        limit: i64,
    ) -> Result<(Vec<PrincipalId>, Vec<Ground>), Error> {
        match self {
            Candidates::Now(at) => {
                let ids = holdings::holders(read, tenant, (role, at), from, limit).await?;
                let (roles, at) = ([role.uuid()], std::slice::from_ref(at.scope()));
                let grounds = holdings::of_principals(read, tenant, &ids, Some(&roles), Some(at));
                Ok((ids.clone(), grounds.await?))
            }
            Candidates::Then(at, then) => {
                let ids = past::holders(read, tenant, (role, at), *then, from, limit).await?;
                let wanted = Wanted {
                    until: Some(*then),
                    roles: Some(vec![role]),
                    scopes: Some(at.iter().cloned().collect()),
                };
                let past = past::of_principals(read, tenant, &ids, &wanted).await?;
                let mut grounds = past.grounds(&ids);
                for ground in &mut grounds {
                    ground.holdings.retain(|one| one.role == role && at.is_below(&one.scope));
                }
                Ok((ids, grounds))
            }
        }
    }

    fn reading(
        &self,
        context: &Context,
        newest: Option<DateTime<Utc>>,
    ) -> (DateTime<Utc>, TimeDelta, Instant) {
        match self {
            Candidates::Now(_) => context.reading(newest),
            Candidates::Then(_, then) => (*then, TimeDelta::zero(), (*then).into()),
        }
    }
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
