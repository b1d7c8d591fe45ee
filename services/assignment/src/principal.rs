//! `CreatePrincipal`, `GetPrincipal`, `ListPrincipals`, `DisablePrincipal`, `EnablePrincipal`.

use pim_chassis::{Context, Error, Work};
use pim_domain::{
    authority::{Action, Realm},
    denial::{Denial, Reason},
    event::ThingKind,
    id::PrincipalId,
    principal::{self, NewPrincipal, Principal},
    scope::Lineage,
};
use pim_proto::call::{Answer, GetPrincipal, List, Listed, PrincipalFilter, PrincipalView, Write};
use pim_store::{Purpose, activations, holders, principals, sign_ins};

use crate::{bells, holders::keep_enough};

/// A new user or service principal.
pub(crate) async fn create(
    context: Context,
    wish: Write<NewPrincipal>,
) -> Result<Answer<Principal>, Error> {
    let caller = context.caller()?;
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let stamp = context.gaining(caller.principal.update_time)?;
    let root = Lineage::root();
    caller.authorise(Action::PrincipalCreate, Realm::Directory, &root, stamp.now)?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let NewPrincipal { issuer, subject, .. } = &wish.command;
    let existing = principals::by_identity(&mut work, context.tenant, issuer, subject).await?;
    let change = principal::create(wish.command, existing.as_ref(), &stamp)?;
    principals::record(&mut work, context.tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

/// One principal: the caller, or anybody for who may read principals.
pub(crate) async fn get(
    context: Context,
    wish: GetPrincipal,
) -> Result<Answer<PrincipalView>, Error> {
    let caller = context.caller()?;
    let id = wish.principal.unwrap_or(caller.principal.id);
    let now = context.now();
    if id != caller.principal.id {
        caller.authorise(Action::PrincipalRead, Realm::Directory, &Lineage::root(), now)?;
    }
    let mut read = context.read().await?;
    let principal =
        principals::get(&mut read, context.tenant, id).await?.ok_or_else(|| missing(id))?;
    let last_sign_in = sign_ins::last(&mut read, context.tenant, &[id]).await?.remove(&id);
    let view = PrincipalView { principal, last_sign_in };
    Ok(context.answer(view, read.revision(), now))
}

/// Principals by id.
pub(crate) async fn list(
    context: Context,
    list: List<PrincipalFilter>,
) -> Result<Listed<PrincipalView>, Error> {
    let (caller, now) = (context.caller()?, context.now());
    caller.authorise(Action::PrincipalRead, Realm::Directory, &Lineage::root(), now)?;
    let List { filter, page } = list;
    let (after, limit) = context.page(&filter, &page)?;
    let mut read = context.browse().await?;
    let text = &filter.text_contains;
    let rows = principals::list(&mut read, context.tenant, text, after, limit).await?;
    let ids: Vec<PrincipalId> = rows.iter().map(|principal| principal.id).collect();
    let mut last = sign_ins::last(&mut read, context.tenant, &ids).await?;
    let view = |principal: Principal| {
        let last_sign_in = last.remove(&principal.id);
        PrincipalView { principal, last_sign_in }
    };
    let rows = rows.into_iter().map(view).collect();
    let cursor = |last: &PrincipalView| last.principal.id;
    Ok(context.listed(&filter, &page, rows, read.revision(), now, cursor))
}

/// Suspends what a principal has, and ends its activations. Losing privilege: doubt about the time
/// does not stop it.
pub(crate) async fn disable(
    context: Context,
    wish: Write<PrincipalId>,
) -> Result<Answer<Principal>, Error> {
    let mut work = context.begin(Purpose::Lose, &wish).await?;
    holders::guard(&mut work, context.tenant).await?;
    let principal = load(&context, &mut work, wish.command, Action::PrincipalDisable).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let stamp = context.losing(principal.update_time);
    let change = principal.disable(&stamp)?;
    let event = change.event();
    for (role, scope) in holders::targets_of(&mut work, context.tenant, principal.id).await? {
        keep_enough(&context, &mut work, (role, &scope), event, &stamp, |holder| {
            if holder.principal.id == principal.id {
                holder.principal = change.after().clone();
            }
        })
        .await?;
    }
    principals::record(&mut work, context.tenant, &change).await?;
    let ended = activations::of_principal(&mut work, context.tenant, principal.id).await?;
    let dry = work.is_dry();
    let answer = context.commit(work, change.into_after(), stamp.now).await?;
    if !dry {
        bells::void_activations(&context, ended).await;
    }
    Ok(answer)
}

/// Lets a principal act again. Nobody does that for an account of their own.
pub(crate) async fn enable(
    context: Context,
    wish: Write<PrincipalId>,
) -> Result<Answer<Principal>, Error> {
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let principal = load(&context, &mut work, wish.command, Action::PrincipalEnable).await?;
    if context.caller()?.principal.is_same_person(&principal) {
        let denial = Denial::new(Reason::SelfGrant);
        return Err(denial.of(ThingKind::Principal, principal.id.uuid()).into());
    }
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let stamp = context.gaining(principal.update_time)?;
    let change = principal.enable(&stamp)?;
    principals::record(&mut work, context.tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

async fn load(
    context: &Context,
    work: &mut Work,
    id: PrincipalId,
    action: Action,
) -> Result<Principal, Error> {
    let caller = context.caller()?;
    caller.authorise(action, Realm::Directory, &Lineage::root(), context.now())?;
    let found = principals::get_for_update(work, context.tenant, id).await?;
    Ok(found.ok_or_else(|| missing(id))?)
}

pub(crate) fn missing(id: PrincipalId) -> Reason {
    Reason::NotFound { thing: ThingKind::Principal, id: id.uuid() }
}
