//! A frozen tenant: nothing is gained, everything can be lost, and each write of the contract is
//! tried. And who ends a freeze, what waits for that, and a tenant without a plan.

mod ground;
mod log;
mod operator;
mod race;
mod tries;
mod ways;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use pim_client::Client;
use pim_proto::{
    activation::v1::ActivateRoleRequest,
    assignment::v1::{
        FreezeTenantRequest, GetTenantRequest, SetTenantPlanRequest, Tenant, TenantPlan,
        UnfreezeTenantRequest, UpdateTenantRequest,
    },
};
use pim_tests::{Organisation, Person, World, assert_refused, metadata, timestamp};
use tonic::{Code, Status};

use crate::descriptor::methods;
use ground::Ground;

const ROLE: &str = Organisation::USER_ADMINISTRATOR;

/// What a frozen tenant refuses.
const FROZEN: [&str; 27] = [
    "ImportCatalog",
    "CreateRole",
    "UpdateRole",
    "CreatePrincipal",
    "EnablePrincipal",
    "CreateGroup",
    "UpdateGroup",
    "UpdatePolicy",
    "CreateScope",
    "UpdateScope",
    "DeleteScope",
    "CreateEligibility",
    "UpdateEligibility",
    "ExtendEligibility",
    "RenewEligibility",
    "CreateAssignment",
    "UpdateAssignment",
    "ExtendAssignment",
    "RenewAssignment",
    "CreateChangeRequest",
    "ApproveChangeRequest",
    "ActivateRole",
    "BatchActivateRoles",
    "ExtendActivation",
    "StartActivation",
    "ResolveActivation",
    "Approve",
];

/// What works in it all the same. Of a batch of decisions the noes do.
const WORKS: [&str; 28] = [
    "CreateTenant",
    "UpdateTenant",
    "SetTenantPlan",
    "FreezeTenant",
    "UnfreezeTenant",
    "DeleteRole",
    "DisablePrincipal",
    "DeleteGroup",
    "RemoveEligibility",
    "RemoveAssignment",
    "EndEligibility",
    "EndAssignment",
    "DenyChangeRequest",
    "CancelChangeRequest",
    "TimeOutChangeRequest",
    "DeactivateRole",
    "CancelActivation",
    "RevokeActivation",
    "ExpireActivation",
    "VoidActivation",
    "Deny",
    "BatchDecide",
    "OpenApproval",
    "CancelApproval",
    "TimeOutApproval",
    "ExportEvents",
    "EraseJustification",
    "UpdateAlertSettings",
];

/// Works too, and needs an alert: the walk of the events has one.
const DISMISSAL: &str = "DismissAlert";

async fn freeze(client: &Client) -> Result<Tenant, Status> {
    let justification = "a stolen laptop".to_owned();
    let request = FreezeTenantRequest { justification, ..FreezeTenantRequest::default() };
    Ok(client.tenants().freeze_tenant(request).await?.into_inner().tenant.unwrap())
}

async fn tenant(client: &Client) -> Tenant {
    let answer = client.tenants().get_tenant(GetTenantRequest {}).await.unwrap();
    answer.into_inner().tenant.unwrap()
}

async fn unfreeze(client: &Client) -> Result<Tenant, Status> {
    let request = UnfreezeTenantRequest {
        etag: tenant(client).await.etag,
        justification: "it was found".to_owned(),
        ..UnfreezeTenantRequest::default()
    };
    Ok(client.tenants().unfreeze_tenant(request).await?.into_inner().tenant.unwrap())
}

async fn set_plan(world: &World, organisation: &Organisation, plan: TenantPlan) -> Tenant {
    let request = SetTenantPlanRequest {
        tenant_id: organisation.tenant.to_string(),
        plan: plan.into(),
        ..SetTenantPlanRequest::default()
    };
    let answer = world.operator().tenants().set_tenant_plan(request).await.unwrap();
    answer.into_inner().tenant.unwrap()
}

/// A third administrator, so that two are left who did not freeze it.
async fn third(world: &World, organisation: &Organisation) -> Person {
    let dora = organisation.user(world, "dora").await;
    organisation.assign(&dora, Organisation::GLOBAL_ADMINISTRATOR, "/").await.unwrap();
    dora
}

#[tokio::test]
async fn each_write_is_refused_in_a_frozen_tenant_or_works() {
    let ground = Ground::new().await;
    let admin = &ground.organisation.admin;
    let frozen = freeze(&admin.client).await.unwrap();
    assert_eq!(frozen.freeze.unwrap().frozen_by_id, admin.id);
    let mut refused = BTreeSet::new();
    tries::directory(&ground, &mut refused).await;
    tries::grants(&ground, &mut refused).await;
    tries::activations(&ground, &mut refused).await;
    let again = freeze(&admin.client).await;
    assert_refused(again, Code::FailedPrecondition, "WRONG_STATE");
    let mut works = BTreeSet::from(["FreezeTenant"]);
    tries::loses(&ground, &mut works).await;
    tries::over_time(&ground, &mut refused, &mut works).await;
    let request = UpdateTenantRequest {
        etag: tenant(&admin.client).await.etag,
        display_name: "Renamed".to_owned(),
        ..UpdateTenantRequest::default()
    };
    admin.client.tenants().update_tenant(request).await.unwrap();
    ground.world.organisation().await;
    set_plan(&ground.world, &ground.organisation, TenantPlan::P2).await;
    unfreeze(&ground.organisation.second_admin.client).await.unwrap();
    let open = unfreeze(&ground.dora.client).await.unwrap();
    assert_eq!(open.freeze, None);
    works.extend(["UpdateTenant", "CreateTenant", "SetTenantPlan", "UnfreezeTenant"]);

    assert_eq!(refused, BTreeSet::from(FROZEN));
    assert_eq!(works, BTreeSet::from(WORKS));
    let tried: BTreeSet<&str> = FROZEN.into_iter().chain(WORKS).chain([DISMISSAL]).collect();
    let contract = methods();
    let writes: BTreeSet<&str> =
        contract.iter().filter(|one| !one.reads()).map(|one| one.name.as_str()).collect();
    assert_eq!(tried, writes);
}

#[tokio::test]
async fn a_refusal_says_since_when_and_by_whom_and_goes_after_who_may() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let since = world.now();
    freeze(&organisation.admin.client).await.unwrap();
    world.advance(TimeDelta::hours(1));
    let rehearsed = ActivateRoleRequest { validate_only: true, ..Person::wish(ROLE, "/") };
    assert_refused(alice.activate(rehearsed).await, Code::FailedPrecondition, "FROZEN");
    let status = alice.activate(Person::wish(ROLE, "/")).await;
    let status = assert_refused(status, Code::FailedPrecondition, "FROZEN");
    assert_eq!(metadata(&status, "frozen_by_id"), organisation.admin.id);
    let time = metadata(&status, "freeze_time");
    assert_eq!(time.parse::<chrono::DateTime<chrono::Utc>>().unwrap(), since);
    // Who may not at all hears just that, and everybody may know of the freeze.
    assert_refused(freeze(&alice.client).await, Code::PermissionDenied, "NOT_PERMITTED");
    assert_refused(unfreeze(&alice.client).await, Code::PermissionDenied, "NOT_PERMITTED");
    let seen = tenant(&alice.client).await.freeze.unwrap();
    assert_eq!(seen.freeze_time, Some(timestamp(since)));
    // It has cost nobody anything.
    assert!(organisation.admin.holds(Organisation::GLOBAL_ADMINISTRATOR, "/").await);
}

#[tokio::test]
async fn two_persons_who_did_not_freeze_it_end_a_freeze() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let dora = third(&world, &organisation).await;
    let (first, second) = (&organisation.admin, &organisation.second_admin);
    freeze(&first.client).await.unwrap();
    assert_refused(unfreeze(&first.client).await, Code::PermissionDenied, "SELF_APPROVAL");
    let consented = unfreeze(&second.client).await.unwrap().freeze.unwrap();
    assert_eq!(consented.consent_by_id, second.id);
    // One is one, however often.
    assert!(unfreeze(&second.client).await.unwrap().freeze.is_some());
    world.advance(TimeDelta::hours(24));
    let lapsed = unfreeze(&dora.client).await.unwrap().freeze.unwrap();
    assert_eq!(lapsed.consent_by_id, dora.id);
    assert_eq!(unfreeze(&second.client).await.unwrap().freeze, None);
    // What was consented to was that freeze.
    freeze(&second.client).await.unwrap();
    let fresh = unfreeze(&first.client).await.unwrap().freeze.unwrap();
    assert_eq!(fresh.consent_by_id, first.id);
    let examined = world.examine(&["replay"]).await;
    assert_eq!(examined.code, 0, "{examined:?}");
}

#[tokio::test]
async fn what_is_booked_begins_when_the_freeze_has_ended() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let dora = third(&world, &organisation).await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let booked = ground::book(&world, &alice, 2).await;
    freeze(&organisation.admin.client).await.unwrap();
    world.advance(TimeDelta::hours(2));
    world.settle().await;
    let state = |activation: pim_proto::activation::v1::Activation| activation.state();
    let waits = alice.activation(&booked.id).await.unwrap();
    assert_eq!(state(waits), pim_proto::activation::v1::ActivationState::Scheduled);
    unfreeze(&organisation.second_admin.client).await.unwrap();
    unfreeze(&dora.client).await.unwrap();
    world.settle().await;
    assert!(alice.holds(ROLE, "/").await);
}

#[tokio::test]
async fn without_a_plan_nothing_is_gained_and_what_is_held_runs_on() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let active = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    let now = set_plan(&world, &organisation, TenantPlan::Free).await;
    assert_eq!(now.plan(), TenantPlan::Free);
    let assigned = organisation.assign(&alice, ROLE, "/").await;
    let status = assert_refused(assigned, Code::FailedPrecondition, "PLAN_REQUIRED");
    assert_eq!(metadata(&status, "plan"), "FREE");
    assert!(alice.holds(ROLE, "/").await);
    alice.deactivate(&active.id).await.unwrap();
    let again = alice.activate(Person::wish(ROLE, "/")).await;
    assert_refused(again, Code::FailedPrecondition, "PLAN_REQUIRED");
    freeze(&organisation.admin.client).await.unwrap();
    let again = alice.activate(Person::wish(ROLE, "/")).await;
    assert_refused(again, Code::FailedPrecondition, "FROZEN");
    let request = SetTenantPlanRequest {
        tenant_id: organisation.tenant.to_string(),
        plan: TenantPlan::P2.into(),
        ..SetTenantPlanRequest::default()
    };
    let own = organisation.admin.client.tenants().set_tenant_plan(request).await;
    assert_refused(own, Code::PermissionDenied, "NOT_PERMITTED");
}
