//! `CreateRole`, `UpdateRole`, `DeleteRole`.

use pim_chassis::{Context, Error, Work};
use pim_domain::{
    authority::{Action, Realm},
    event::Stamp,
    id::RoleId,
    role::{self, Catalog, Create, Delete, Facts, Role, Update},
    scope::Scope,
};
use pim_proto::call::{Answer, GrantRef, Write};
use pim_store::{Purpose, activations, change_requests, grants, groups, roles, scopes};

use crate::{bells, decide, end, role::missing};

/// Eligibilities and assignments of a deleted role that its deletion ends itself, at most; the same
/// of requests and of activations. The scheduler does the rest: a role may have thousands.
const ENDED_AT_ONCE_MAX: i64 = 50;

/// Makes a custom role.
pub(crate) async fn create(context: Context, wish: Write<Create>) -> Result<Answer<Role>, Error> {
    let (caller, tenant) = (context.caller()?, context.tenant);
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let stamp = context.gaining(caller.principal.update_time)?;
    let Create { catalog, definition } = &wish.command;
    let scopes = &definition.assignable_scopes;
    everywhere(&context, &mut work, Action::RoleCreate, *catalog, scopes, &stamp).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let namesake = roles::namesake(&mut work, tenant, &definition.display_name, None).await?;
    let change = role::create(wish.command, namesake, &stamp)?;
    roles::record_custom(&mut work, tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

/// Defines a custom role anew.
pub(crate) async fn update(context: Context, wish: Write<Update>) -> Result<Answer<Role>, Error> {
    let (caller, tenant) = (context.caller()?, context.tenant);
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let id = wish.command.role;
    // Whoever grants it waits, or is waited for.
    let Some(role) = roles::get_for_update(&mut work, tenant, id).await? else {
        return Err(caller.not_found(Action::RoleUpdate, missing(id), context.now()).into());
    };
    let stamp = context.gaining(role.update_time)?;
    let mut scopes = scopes_of(&role);
    scopes.extend(wish.command.definition.assignable_scopes.iter().cloned());
    everywhere(&context, &mut work, Action::RoleUpdate, role.catalog, &scopes, &stamp).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let name = &wish.command.definition.display_name;
    let namesake = roles::namesake(&mut work, tenant, name, Some(id)).await?;
    let person = caller.principal.person_key();
    let groups = groups::of_person(&mut work, tenant, person).await?;
    let own = grants::open_of_person(&mut work, tenant, id, person, &groups).await?;
    let granted_at = grants::open_scopes_of_role(&mut work, tenant, id).await?;
    let granted_at: Vec<&Scope> = granted_at.iter().collect();
    let granted_at = scopes::lineages(&mut work, tenant, &granted_at).await?.into_values();
    let facts = Facts { role, namesake, own, granted_at: granted_at.collect() };
    let Some(change) = Role::update(&facts, wish.command, &stamp)? else {
        return context.commit(work, facts.role, stamp.now).await;
    };
    roles::record_custom(&mut work, tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

/// Deletes a custom role. Nobody holds it from now on. Losing privilege: doubt about the time does
/// not stop it.
pub(crate) async fn delete(context: Context, wish: Write<Delete>) -> Result<Answer<Role>, Error> {
    let (caller, tenant) = (context.caller()?, context.tenant);
    let mut work = context.begin(Purpose::Lose, &wish).await?;
    let id = wish.command.role;
    let Some(role) = roles::get_for_update(&mut work, tenant, id).await? else {
        return Err(caller.not_found(Action::RoleDelete, missing(id), context.now()).into());
    };
    let stamp = context.losing(role.update_time);
    let scopes = scopes_of(&role);
    everywhere(&context, &mut work, Action::RoleDelete, role.catalog, &scopes, &stamp).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let change = role.delete(&wish.command, caller.principal.id, &stamp)?;
    roles::record_custom(&mut work, tenant, &change).await?;
    let dry = work.is_dry();
    let answer = context.commit(work, change.into_after(), stamp.now).await?;
    if !dry && let Err(error) = end_what_there_is(&context, id).await {
        // The scheduler does this one and the rest.
        tracing::warn!(%error, role = %id, "not all of a deleted role was ended at once");
    }
    Ok(answer)
}

/// Ends what there is of a deleted role, as far as it is little; each in a transaction of its own.
async fn end_what_there_is(context: &Context, role: RoleId) -> Result<(), Error> {
    let (tenant, limit) = (context.tenant, ENDED_AT_ONCE_MAX);
    let mut read = context.read().await?;
    let open = grants::open_of_role(&mut read, tenant, role, limit).await?;
    let asked = change_requests::pending_of_role(&mut read, tenant, role, limit).await?;
    let active = activations::of_role(&mut read, tenant, role, limit).await?;
    drop(read);
    for (kind, grant) in open {
        end::end(context.clone(), GrantRef { kind, grant }).await?;
    }
    for request in asked {
        decide::time_out(context.clone(), request).await?;
    }
    bells::void_activations(context, active).await;
    Ok(())
}

/// Passes who may do `action` at all of `scopes`.
async fn everywhere(
    context: &Context,
    work: &mut Work,
    action: Action,
    catalog: Catalog,
    scopes: &[Scope],
    stamp: &Stamp,
) -> Result<(), Error> {
    let caller = context.caller()?;
    let scopes: Vec<&Scope> = scopes.iter().collect();
    for at in scopes::lineages(work, context.tenant, &scopes).await?.values() {
        caller.authorise(action, Realm::from(catalog), at, stamp.now)?;
    }
    Ok(())
}

/// Where a role can be granted; there is nothing to be said of a built-in one but at the root.
fn scopes_of(role: &Role) -> Vec<Scope> {
    match &role.custom {
        Some(custom) => custom.assignable_scopes.clone(),
        None => vec![Scope::root()],
    }
}
