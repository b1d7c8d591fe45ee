//! `GetActivation`, `ListActivations`, `SearchMyActivations`.

use pim_chassis::{Context, Error};
use pim_domain::{
    activation::Activation,
    authority::{Action, Realm},
    denial::Reason,
    event::ThingKind,
    id::ActivationId,
    scope::Scope,
};
use pim_proto::call::{ActivationFilter, Answer, List, Listed, MineFilter};
use pim_store::{activations, roles, scopes};

use crate::deactivate::missing_role;

/// One activation: its holder may see it, and who may read activations at its scope.
pub(crate) async fn get(context: Context, id: ActivationId) -> Result<Answer<Activation>, Error> {
    let caller = context.caller()?;
    let mut read = context.read().await?;
    let Some(activation) = activations::get(&mut read, context.tenant, id).await? else {
        let missing = Reason::NotFound { thing: ThingKind::Activation, id: id.uuid() };
        return Err(caller.not_found(Action::ActivationRead, missing, context.now()).into());
    };
    let now = context.now().max(activation.update_time);
    if activation.principal != caller.principal.id {
        let role = roles::get(&mut read, context.tenant, activation.role).await?;
        let realm = Realm::from(role.ok_or_else(missing_role)?.catalog);
        let at = scopes::lineage(&mut read, context.tenant, &activation.scope).await?;
        caller.authorise(Action::ActivationRead, realm, &at, now)?;
    }
    Ok(context.answer(activation, read.revision(), now))
}

/// Activations at a scope and below it.
pub(crate) async fn list(
    context: Context,
    list: List<ActivationFilter>,
) -> Result<Listed<Activation>, Error> {
    let caller = context.caller()?;
    let List { filter, page } = list;
    let now = context.now();
    let scope = filter.scope.clone().unwrap_or_else(Scope::root);
    let mut read = context.browse().await?;
    let at = scopes::lineage(&mut read, context.tenant, &scope).await?;
    let catalogs = caller.catalogs(Action::ActivationRead, &at, now)?;
    let (after, limit) = context.page(&filter, &page)?;
    let wanted = activations::Filter {
        principal: filter.principal,
        role: filter.role,
        scope: filter.scope.as_ref(),
        live_at: (!filter.include_ended).then_some(now),
        catalogs: Some(&catalogs),
    };
    let rows = activations::list(&mut read, context.tenant, &wanted, after, limit).await?;
    Ok(context.listed(&filter, &page, rows, read.revision(), now, |last| last.id))
}

/// The caller's own activations.
pub(crate) async fn search_mine(
    context: Context,
    list: List<MineFilter>,
) -> Result<Listed<Activation>, Error> {
    let caller = context.caller()?;
    let List { filter, page } = list;
    let now = context.now();
    let (after, limit) = context.page(&filter, &page)?;
    let wanted = activations::Filter {
        principal: Some(caller.principal.id),
        live_at: (!filter.include_ended).then_some(now),
        ..activations::Filter::default()
    };
    let mut read = context.browse().await?;
    let rows = activations::list(&mut read, context.tenant, &wanted, after, limit).await?;
    Ok(context.listed(&filter, &page, rows, read.revision(), now, |last| last.id))
}
