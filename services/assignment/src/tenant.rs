//! `CreateTenant`, `GetTenant`, `UpdateTenant`, `SetTenantPlan`, `FreezeTenant`, `UnfreezeTenant`.

use pim_chassis::{Context, Error, Who, Work};
use pim_domain::{
    authority::{Action, GLOBAL_ADMINISTRATOR, Realm},
    catalog,
    change::Change,
    denial::Reason,
    event::{Stamp, ThingKind},
    grant,
    id::{RoleId, TenantId},
    principal,
    role::{self, Catalog},
    scope::{Lineage, Scope},
    tenant::{self, StopGaining, Tenant, Thaw, ThawedBy, Unfreeze, Update},
};
use pim_proto::{
    call::{Administrator, Answer, CreateTenant, GetTenant, SetTenantPlan, TenantView, Write},
    field::FieldViolation,
};
use pim_store::{Purpose, StoreError, grants, holders, principals, roles, tenants};

use crate::role::unreadable;

/// Makes an organisation with its directory roles and its first two administrators, all or nothing.
pub(crate) async fn create(
    context: Context,
    wish: Write<CreateTenant>,
) -> Result<Answer<TenantView>, Error> {
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let now = context.process.clock.gaining_now(None)?;
    let stamp = context.gaining(now)?;
    let CreateTenant { display_name, administrators, plan } = wish.command;
    let change = tenant::create(display_name, plan, &stamp);
    let id = change.after().id;
    tenants::record(&mut work, &change).await?;
    for catalog in [Catalog::Entra, Catalog::Pim] {
        let file = catalog::file(catalog).map_err(unreadable)?;
        if let Some(import) = role::import(id, None, file, &stamp) {
            let all = role::of_catalog(file, import.after());
            roles::record(&mut work, id, &import, all).await?;
        }
    }
    let mut made = Vec::new();
    for administrator in administrators {
        made.push(appoint(&mut work, id, administrator, &stamp).await?);
    }
    let view = TenantView { tenant: change.into_after(), administrators: made };
    context.commit(work, view, stamp.now).await
}

/// An emergency account with a permanent assignment of Global Administrator at the root.
async fn appoint(
    work: &mut Work,
    tenant: TenantId,
    administrator: Administrator,
    stamp: &Stamp,
) -> Result<pim_domain::id::PrincipalId, Error> {
    let Administrator { issuer, subject, display_name } = administrator;
    let change = principal::create_break_glass(issuer, subject, display_name, stamp);
    principals::record(work, tenant, &change).await?;
    let id = RoleId::from(GLOBAL_ADMINISTRATOR);
    let role = roles::get(work, tenant, id)
        .await?
        .ok_or(Reason::NotFound { thing: ThingKind::Role, id: id.uuid() })?;
    let assignment = grant::create_first_administrator(change.after(), &role, stamp);
    grants::record(work, tenant, &assignment).await?;
    Ok(change.after().id)
}

/// The caller's own.
pub(crate) async fn get(context: Context, _: GetTenant) -> Result<Answer<Tenant>, Error> {
    let mut read = context.read().await?;
    let tenant = tenants::get(&mut read, context.tenant).await?.ok_or_else(nowhere)?;
    let now = context.now().max(tenant.update_time);
    Ok(context.answer(tenant, read.revision(), now))
}

/// Gives it another name, which gives nobody anything.
pub(crate) async fn update(context: Context, wish: Write<Update>) -> Result<Answer<Tenant>, Error> {
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    authorise(&context, Action::TenantUpdate)?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let found = tenants::get_for_update(&mut work, context.tenant).await?;
    let tenant = found.ok_or_else(nowhere)?;
    let stamp = context.losing(tenant.update_time);
    let change = tenant.update(wish.command, &stamp)?;
    finish(&context, work, tenant, change, &stamp).await
}

/// What a tenant has paid for is the operator's to say.
pub(crate) async fn set_plan(
    mut context: Context,
    wish: Write<SetTenantPlan>,
) -> Result<Answer<Tenant>, Error> {
    let mut work = context.begin(Purpose::Lose, &wish).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let SetTenantPlan { tenant: id, plan } = wish.command;
    let missing = || Reason::NotFound { thing: ThingKind::Tenant, id: id.uuid() };
    // An operator is in no tenant, and sees only the one for which the transaction acts.
    work.enter(id).await?;
    let tenant = tenants::get_to_stop(&mut work, id).await?.ok_or_else(missing)?;
    let stamp = context.losing(tenant.update_time);
    let change = tenant.set_plan(plan, &stamp);
    // The answer is about a state of that tenant.
    context.tenant = id;
    finish(&context, work, tenant, change, &stamp).await
}

/// Stops everything that gains, at once: one administrator suffices.
pub(crate) async fn freeze(
    context: Context,
    wish: Write<StopGaining>,
) -> Result<Answer<Tenant>, Error> {
    let caller = context.caller()?;
    let mut work = context.begin(Purpose::Lose, &wish).await?;
    authorise(&context, Action::TenantFreeze)?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let found = tenants::get_to_stop(&mut work, context.tenant).await?;
    let tenant = found.ok_or_else(nowhere)?;
    let stamp = context.losing(tenant.update_time);
    let change = tenant.freeze(caller.principal.id, wish.command, &stamp)?;
    finish(&context, work, tenant, Some(change), &stamp).await
}

/// The first of two who want it ends nothing; the second does, who may be an operator.
pub(crate) async fn unfreeze(
    mut context: Context,
    wish: Write<Unfreeze>,
) -> Result<Answer<Tenant>, Error> {
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let id = to_unfreeze(&context, wish.command.tenant)?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let missing = || Reason::NotFound { thing: ThingKind::Tenant, id: id.uuid() };
    work.enter(id).await?;
    // Nobody who has a say loses it meanwhile: that takes the same guard first.
    let tenant = tenants::get_for_update(&mut work, id).await?.ok_or_else(missing)?;
    let (role, root) = (RoleId::from(GLOBAL_ADMINISTRATOR), Scope::root());
    let administrators = holders::of_target(&mut work, id, role, &root).await?;
    let freezer = match &tenant.freeze {
        None => None,
        Some(freeze) => {
            let found = principals::get(&mut work, id, freeze.by).await?;
            Some(found.ok_or_else(|| StoreError::corrupt("tenant", "frozen by nobody"))?)
        }
    };
    let by = match &context.who {
        Who::Operator(_) => ThawedBy::Operator,
        Who::Principal { .. } | Who::Service(_) => {
            ThawedBy::Principal(&context.caller()?.principal)
        }
    };
    let known = administrators
        .iter()
        .flat_map(|holder| [holder.assignment.update_time, holder.principal.update_time]);
    let caller = context.caller().ok().map(|caller| caller.principal.update_time);
    let newest = known.chain(caller).fold(tenant.update_time, Ord::max);
    let stamp = context.gaining(newest)?;
    let facts = Thaw { by, freezer: freezer.as_ref(), administrators: &administrators };
    let change = tenant.unfreeze(&facts, wish.command, &stamp)?;
    // The answer is about a state of that tenant.
    context.tenant = id;
    finish(&context, work, tenant, change, &stamp).await
}

/// Which tenant is to be unfrozen: the caller's own, or the one that an operator names.
fn to_unfreeze(context: &Context, named: Option<TenantId>) -> Result<TenantId, Error> {
    if matches!(context.who, Who::Operator(_)) {
        let description = "must be named by an operator, who is in no tenant; it is empty";
        return named.ok_or_else(|| FieldViolation::new("tenant_id", description).into());
    }
    authorise(context, Action::TenantUnfreeze)?;
    if named.is_some_and(|named| named != context.tenant) {
        return Err(Reason::NotPermitted.into());
    }
    Ok(context.tenant)
}

/// Writes a change, where there is one, and answers with the tenant.
async fn finish(
    context: &Context,
    mut work: Work,
    before: Tenant,
    change: Option<Change<Tenant>>,
    stamp: &Stamp,
) -> Result<Answer<Tenant>, Error> {
    let Some(change) = change else { return context.commit(work, before, stamp.now).await };
    tenants::record(&mut work, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

/// Whose action reaches the whole tenant.
fn authorise(context: &Context, action: Action) -> Result<(), Error> {
    let root = Lineage::root();
    Ok(context.caller()?.authorise(action, Realm::Directory, &root, context.now())?)
}

/// The credential names a tenant that its principal is in, so there is one.
fn nowhere() -> StoreError {
    StoreError::corrupt("tenant", "there is none")
}
