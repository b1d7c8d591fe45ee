//! `GetScope`, `ListScopes`, `CreateScope`, `UpdateScope`, `DeleteScope` and
//! `SearchActivatableScopes`.

use pim_chassis::{Context, Error};
use pim_domain::{
    authority::{Action, Realm},
    denial::{Denial, Reason},
    event::ThingKind,
    grant::GrantKind,
    id::GrantId,
    scope::{
        self, Deletion, Lineage, Node, NodeKind, Parents, Place, Register, Scope, ScopeKind, Update,
    },
};
use pim_proto::call::{Answer, List, Listed, ScopeFilter, Write};
use pim_store::{Purpose, grants, roles, scopes};

use crate::{bells, grant::missing_role};

/// One registered scope.
pub(crate) async fn get(context: Context, scope: Scope) -> Result<Answer<Node>, Error> {
    let caller = context.caller()?;
    let mut read = context.read().await?;
    let at = scopes::lineage(&mut read, context.tenant, &scope).await?;
    let found = scopes::get(&mut read, context.tenant, &scope).await?;
    let now = context.now();
    let now = found.as_ref().map_or(now, |node| node.update_time.max(now));
    caller.authorise(Action::ScopeRead, Realm::from(&scope), &at, now)?;
    let node = found.filter(Node::is_live).ok_or_else(|| missing(&context, &scope))?;
    Ok(context.answer(node, read.revision(), now))
}

/// Registered scopes right below one, or anywhere below one.
pub(crate) async fn list(context: Context, list: List<ScopeFilter>) -> Result<Listed<Node>, Error> {
    let (caller, now) = (context.caller()?, context.now());
    let List { filter, page } = list;
    let from = filter.below.as_ref().or(filter.parent.as_ref()).cloned();
    let mut read = context.browse().await?;
    let at = from.unwrap_or_else(Scope::root);
    let at = scopes::lineage(&mut read, context.tenant, &at).await?;
    let may = |realm: Realm| caller.may(Action::ScopeRead, realm, &at, now);
    let (directory, resources) = (may(Realm::Directory), may(Realm::Resources));
    if !directory && !resources {
        return Err(Denial::new(Reason::NotPermitted).into());
    }
    let readable = |kind: &NodeKind| match Realm::from(ScopeKind::from(*kind)) {
        Realm::Directory => directory,
        Realm::Resources => resources,
        Realm::Groups => false,
    };
    let wanted = |kind: &NodeKind| readable(kind) && filter.kind.is_none_or(|only| only == *kind);
    let kinds: Vec<NodeKind> = NodeKind::ALL.into_iter().filter(wanted).collect();
    let wanted = scopes::Filter {
        parent: filter.parent.as_ref(),
        below: filter.below.as_ref(),
        kinds: Some(&kinds),
    };
    let (after, limit) = context.page(&filter, &page)?;
    let rows = scopes::list(&mut read, context.tenant, &wanted, after.as_ref(), limit).await?;
    let cursor = |last: &Node| last.scope.clone();
    Ok(context.listed(&filter, &page, rows, read.revision(), now, cursor))
}

/// The registered scopes at which an eligibility of the caller can be activated.
pub(crate) async fn search_activatable(
    context: Context,
    list: List<GrantId>,
) -> Result<Listed<Node>, Error> {
    let caller = context.caller()?;
    let List { filter: id, page } = list;
    let mut read = context.browse().await?;
    let found = grants::get(&mut read, context.tenant, GrantKind::Eligibility, id).await?;
    // To whom it is not known, it is as if there were none.
    let own = found.filter(|grant| grant.principal == caller.principal.id);
    let eligibility = own.ok_or_else(|| Denial::new(Reason::NotPermitted))?;
    let role = roles::get(&mut read, context.tenant, eligibility.role).await?;
    let catalog = role.ok_or_else(missing_role)?.catalog;
    let wanted = scopes::Filter { below: Some(&eligibility.scope), ..scopes::Filter::default() };
    let (mut after, limit) = context.page::<_, Scope>(&id, &page)?;
    let wanted_count = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut fit = Vec::new();
    while !eligibility.state(context.now()).is_ended() && fit.len() < wanted_count {
        let rows = scopes::list(&mut read, context.tenant, &wanted, after.as_ref(), limit).await?;
        let was_last = rows.len() < wanted_count;
        after = rows.last().map(|last| last.scope.clone());
        fit.extend(rows.into_iter().filter(|node| catalog.grants_at(&node.scope)));
        if was_last {
            break;
        }
    }
    fit.truncate(wanted_count);
    let cursor = |last: &Node| last.scope.clone();
    Ok(context.listed(&id, &page, fit, read.revision(), context.now(), cursor))
}

/// Registers a scope, and puts it below another.
pub(crate) async fn create(context: Context, wish: Write<Register>) -> Result<Answer<Node>, Error> {
    let (caller, tenant) = (context.caller()?, context.tenant);
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    scopes::lock_tree(&mut work, tenant).await?;
    let Register { scope, parent, .. } = &wish.command;
    let person = caller.principal.person_key();
    let place = scopes::place(&mut work, tenant, scope, parent.as_ref(), person).await?;
    may_place(&context, Action::ScopeCreate, &place.from.parent(), &place)?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let before = scopes::get(&mut work, tenant, scope).await?;
    let newest = before.as_ref().map_or(caller.principal.update_time, |node| node.update_time);
    let stamp = context.gaining(newest)?;
    let change = scope::register(tenant, wish.command, before.as_ref(), &place, &stamp)?;
    scopes::record(&mut work, tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

/// Renames a registered scope, or moves it.
pub(crate) async fn update(context: Context, wish: Write<Update>) -> Result<Answer<Node>, Error> {
    let tenant = context.tenant;
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    scopes::lock_tree(&mut work, tenant).await?;
    let Update { scope, parent, .. } = &wish.command;
    let person = context.caller()?.principal.person_key();
    let place = scopes::place(&mut work, tenant, scope, parent.as_ref(), person).await?;
    let old = if parent.is_some() { place.from.parent() } else { place.from.clone() };
    may_place(&context, Action::ScopeUpdate, &old, &place)?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let found = scopes::get(&mut work, tenant, scope).await?.filter(Node::is_live);
    let node = found.ok_or_else(|| missing(&context, scope))?;
    let stamp = context.gaining(node.update_time)?;
    let moved = scope::update(&node, wish.command, &place, &stamp)?;
    let ended = scopes::record_move(&mut work, tenant, &moved).await?;
    let dry = work.is_dry();
    let answer = context.commit(work, moved.change.into_after(), stamp.now).await?;
    if !dry {
        bells::void_activations(&context, ended).await;
    }
    Ok(answer)
}

/// Registers a scope no more.
pub(crate) async fn delete(context: Context, wish: Write<Deletion>) -> Result<Answer<Node>, Error> {
    let (caller, tenant) = (context.caller()?, context.tenant);
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    scopes::lock_tree(&mut work, tenant).await?;
    let Deletion { scope, .. } = &wish.command;
    let at = scopes::lineage(&mut work, tenant, scope).await?;
    // Where it is, and where its path alone has it: what is bound from above now is not then.
    for above in [at.parent(), Lineage::of(scope, &Parents::new()).parent()] {
        caller.authorise(Action::ScopeDelete, Realm::from(scope), &above, context.now())?;
    }
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let found = scopes::get(&mut work, tenant, scope).await?.filter(Node::is_live);
    let node = found.ok_or_else(|| missing(&context, scope))?;
    let stamp = context.gaining(node.update_time)?;
    let used = scopes::use_of(&mut work, tenant, scope, stamp.now).await?;
    let change = scope::delete(&node, &wish.command, used.has_children, used.is_in_use, &stamp)?;
    scopes::record(&mut work, tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

/// Passes who may do `action` at `old` and at what the scope is to be put below.
fn may_place(context: &Context, action: Action, old: &Lineage, place: &Place) -> Result<(), Error> {
    let (caller, now) = (context.caller()?, context.now());
    let realm = Realm::from(place.from.scope());
    for at in std::iter::once(old).chain(&place.below) {
        caller.authorise(action, realm, at, now)?;
    }
    Ok(())
}

/// Said to who may act at the scope, and so may know.
fn missing(context: &Context, scope: &Scope) -> Reason {
    let id = Node::id_of(context.tenant, scope).uuid();
    Reason::NotFound { thing: ThingKind::Scope, id }
}
