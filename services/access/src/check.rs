//! `CheckAccess`.

use pim_chassis::{Context, Error};
use pim_domain::{
    authority::{Action, Realm},
    denial::Reason,
    effective::{self, Effective},
    event::ThingKind,
    role::Role,
    scope::Scope,
};
use pim_proto::call::{AccessView, CheckAccess};
use pim_store::{Read, Revision, holdings, principals, roles};

/// Does a principal hold a role at a scope, now?
pub(crate) async fn check(context: Context, question: CheckAccess) -> Result<AccessView, Error> {
    let caller = context.caller()?;
    let CheckAccess { principal, role, scope } = question;
    let mut read = context.db().read().await?;
    let known = roles::get(&mut read, context.tenant, role).await?;
    let is_self = principal == caller.principal.id;
    if !is_self {
        authorise(&context, known.as_ref(), &scope)?;
    }
    if known.is_none() {
        return Err(Reason::NotFound { thing: ThingKind::Role, id: role.uuid() }.into());
    }
    if !is_self && principals::get(&mut read, context.tenant, principal).await?.is_none() {
        let missing = Reason::NotFound { thing: ThingKind::Principal, id: principal.uuid() };
        return Err(caller.not_found(Action::AccessCheck, missing, context.now()).into());
    }
    let wanted = [role.uuid()];
    let candidates =
        holdings::of_principal(&mut read, context.tenant, principal, Some(&wanted), Some(&scope))
            .await?;
    Ok(answer(&context, &read, candidates, effective::decision))
}

/// An unknown role is one to nobody but who may ask everywhere.
fn authorise(context: &Context, role: Option<&Role>, scope: &Scope) -> Result<(), Error> {
    let (caller, now) = (context.caller()?, context.now());
    match role {
        Some(role) => {
            Ok(caller.authorise(Action::AccessCheck, Realm::from(role.catalog), scope, now)?)
        }
        None => {
            caller.catalogs(Action::AccessCheck, &Scope::root(), now)?;
            Ok(())
        }
    }
}

/// Candidates judged at the instant that it is once they are in hand, so that what is asked at or
/// after an end is answered as ended.
pub(crate) fn answer(
    context: &Context,
    read: &Read,
    candidates: holdings::Candidates,
    judge: fn(Vec<effective::Holding>, effective::Instant) -> Effective,
) -> AccessView {
    let revision: &Revision = read.revision();
    let (as_of, max_clock_error, instant) = context.reading(candidates.newest);
    AccessView {
        effective: judge(candidates.holdings, instant),
        revision: context.revision(revision),
        as_of,
        max_clock_error,
    }
}
