//! The part of the walk that renames a tenant, sets its plan, freezes and unfreezes it.

use pim_proto::assignment::v1::{
    FreezeTenantRequest, GetTenantRequest, SetTenantPlanRequest, TenantPlan, UnfreezeTenantRequest,
    UpdateTenantRequest,
};
use pim_tests::{Organisation, Person, World};

use super::Walk;

pub(super) async fn tenants(world: &World, organisation: &Organisation, walk: &mut Walk<'_>) {
    let mut tenants = organisation.admin.client.tenants();
    let request = UpdateTenantRequest {
        etag: etag(&organisation.admin).await,
        display_name: "Renamed".to_owned(),
        ..UpdateTenantRequest::default()
    };
    tenants.update_tenant(request).await.unwrap();
    walk.left(&[("UpdateTenant", "pim.tenant.updated")]).await;
    for plan in [TenantPlan::Free, TenantPlan::P2] {
        let request = SetTenantPlanRequest {
            tenant_id: organisation.tenant.to_string(),
            plan: plan.into(),
            ..SetTenantPlanRequest::default()
        };
        world.operator().tenants().set_tenant_plan(request.clone()).await.unwrap();
        // It is so already.
        world.operator().tenants().set_tenant_plan(request).await.unwrap();
        walk.left(&[("SetTenantPlan", "pim.tenant.plan_changed")]).await;
    }
    let dora = organisation.user(world, "dora").await;
    organisation.assign(&dora, Organisation::GLOBAL_ADMINISTRATOR, "/").await.unwrap();
    walk.left(&[
        ("CreatePrincipal", "pim.principal.created"),
        ("CreateAssignment", "pim.assignment.created"),
    ])
    .await;
    let justification = "a stolen laptop".to_owned();
    let request = FreezeTenantRequest { justification, ..FreezeTenantRequest::default() };
    tenants.freeze_tenant(request).await.unwrap();
    walk.left(&[("FreezeTenant", "pim.tenant.frozen")]).await;
    for (person, code) in [
        (&organisation.second_admin, "pim.tenant.unfreeze_consented"),
        (&dora, "pim.tenant.unfrozen"),
    ] {
        let request = UnfreezeTenantRequest {
            etag: etag(person).await,
            justification: "it was found".to_owned(),
            ..UnfreezeTenantRequest::default()
        };
        person.client.tenants().unfreeze_tenant(request).await.unwrap();
        walk.left(&[("UnfreezeTenant", code)]).await;
    }
    unfrozen_by_operator(world, organisation, walk).await;
}

/// The way out that an operator shares.
async fn unfrozen_by_operator(world: &World, organisation: &Organisation, walk: &mut Walk<'_>) {
    let justification = "another stolen laptop".to_owned();
    let request = FreezeTenantRequest { justification, ..FreezeTenantRequest::default() };
    organisation.admin.client.tenants().freeze_tenant(request).await.unwrap();
    walk.left(&[("FreezeTenant", "pim.tenant.frozen")]).await;
    let second = &organisation.second_admin;
    for (client, code) in [
        (&second.client, "pim.tenant.unfreeze_consented"),
        (&world.operator(), "pim.tenant.unfrozen_by_operator"),
    ] {
        let request = UnfreezeTenantRequest {
            tenant_id: organisation.tenant.to_string(),
            etag: etag(second).await,
            justification: "it was found".to_owned(),
            ..UnfreezeTenantRequest::default()
        };
        client.tenants().unfreeze_tenant(request).await.unwrap();
        walk.left(&[("UnfreezeTenant", code)]).await;
    }
}

async fn etag(person: &Person) -> String {
    let answer = person.client.tenants().get_tenant(GetTenantRequest {}).await.unwrap();
    answer.into_inner().tenant.unwrap().etag
}
