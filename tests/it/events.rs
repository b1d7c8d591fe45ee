//! Every write leaves its event: a walk through all writes of the contract.

mod alerts;
mod dates;
mod groups;
mod roles;
mod tenants;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{
        ActivateRoleRequest, Activation, BatchActivateRolesRequest, CancelActivationRequest,
        ExpireActivationRequest, ExtendActivationRequest, RevokeActivationRequest,
        StartActivationRequest, VoidActivationRequest, activate_role_request::Length,
        batch_activate_roles_request, extend_activation_request::Length as Longer,
    },
    approval::v1::{
        Approval, BatchDecideRequest, TimeOutApprovalRequest, Verdict, batch_decide_request,
    },
    assignment::v1::{
        CreateAssignmentRequest, CreateEligibilityRequest, DisablePrincipalRequest,
        EnablePrincipalRequest, EndAssignmentRequest, EndEligibilityRequest,
        RemoveAssignmentRequest, RemoveEligibilityRequest, Rules,
    },
    audit::v1::{EventFilter, ExportEventsRequest, ExportFormat},
};
use pim_tests::{Organisation, Person, World, duration, timestamp};

use crate::descriptor::methods;

const ROLE: &str = Organisation::USER_ADMINISTRATOR;

/// Looks at the log around each write.
struct Walk<'a> {
    organisation: &'a Organisation,
    covered: BTreeSet<&'static str>,
    /// Ids of entries.
    seen: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    async fn begin(organisation: &'a Organisation) -> Self {
        let mut walk = Self { organisation, covered: BTreeSet::new(), seen: BTreeSet::new() };
        walk.codes().await;
        walk
    }

    /// What the log says since it was last looked at.
    async fn codes(&mut self) -> Vec<String> {
        let events = self.organisation.log(EventFilter::default()).await;
        let new = events.into_iter().filter(|event| self.seen.insert(event.id.clone()));
        new.map(|event| event.code).collect()
    }

    /// These methods have just left these entries, and no others.
    async fn left(&mut self, entries: &[(&'static str, &str)]) {
        let mut expected: Vec<&str> = entries.iter().map(|(_, code)| *code).collect();
        let mut found = self.codes().await;
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{entries:?}");
        self.covered.extend(entries.iter().map(|(method, _)| *method));
    }
}

#[tokio::test]
async fn every_write_leaves_its_event() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    // The platform made the tenant: its own entry and those of the first administrators are the
    // first of the tenant's log.
    let born = organisation.log(EventFilter::default()).await;
    let codes: BTreeSet<&str> = born.iter().map(|event| event.code.as_str()).collect();
    for code in ["pim.tenant.created", "pim.principal.created", "pim.catalog.imported"] {
        assert!(codes.contains(code), "{code} is not in {codes:?}");
    }
    let covered = all_writes(&world, &organisation).await;
    let contract = methods();
    let writes: BTreeSet<&str> =
        contract.iter().filter(|one| !one.reads()).map(|one| one.name.as_str()).collect();
    assert_eq!(covered, writes);

    assert_eq!(world.untold(organisation.tenant).await, []);
    world.sign_log().await;
    world.is_sound().await;
}

/// Every write of the contract, each of which leaves its event; which ones those are.
pub(crate) async fn all_writes(
    world: &World,
    organisation: &Organisation,
) -> BTreeSet<&'static str> {
    let mut walk = Walk::begin(organisation).await;
    walk.covered.extend(["CreateTenant", "ImportCatalog"]);
    let alice = organisation.user(world, "alice").await;
    walk.left(&[("CreatePrincipal", "pim.principal.created")]).await;
    let carol = organisation.user(world, "carol").await;
    walk.left(&[("CreatePrincipal", "pim.principal.created")]).await;
    principals(organisation, &carol, &mut walk).await;
    groups::groups(organisation, &mut walk).await;
    grants(world, organisation, &alice, &mut walk).await;
    dates::eligibilities(world, organisation, &alice, &mut walk).await;
    dates::assignments(world, organisation, &alice, &mut walk).await;
    dates::requests(world, organisation, &alice, &mut walk).await;
    activations(world, organisation, &alice, &mut walk).await;
    approvals(world, organisation, (&alice, &carol), &mut walk).await;

    batches(&alice, &carol, &mut walk).await;
    roles::custom(organisation, &alice, &mut walk).await;
    scopes(organisation, &mut walk).await;
    export(organisation, &mut walk).await;
    tenants::tenants(world, organisation, &mut walk).await;
    alerts::alerts(world, organisation, &mut walk).await;
    alerts::erase(organisation, &mut walk).await;
    walk.covered
}

async fn scopes(organisation: &Organisation, walk: &mut Walk<'_>) {
    let (web, shop) = ("/managementGroups/web", "/subscriptions/shop");
    organisation.register(web, "").await.unwrap();
    organisation.register(shop, web).await.unwrap();
    let made = ("CreateScope", "pim.scope.created");
    walk.left(&[made, made]).await;
    organisation.move_scope(shop, "/").await.unwrap();
    walk.left(&[("UpdateScope", "pim.scope.moved")]).await;
    organisation.delete_scope(shop).await.unwrap();
    walk.left(&[("DeleteScope", "pim.scope.deleted")]).await;
}

async fn export(organisation: &Organisation, walk: &mut Walk<'_>) {
    let format = ExportFormat::JsonLines.into();
    let request = ExportEventsRequest { format, ..ExportEventsRequest::default() };
    organisation.admin.client.audit().export_events(request).await.unwrap();
    walk.left(&[("ExportEvents", "pim.event.exported")]).await;
}

async fn principals(organisation: &Organisation, carol: &Person, walk: &mut Walk<'_>) {
    let mut directory = organisation.admin.client.directory();
    let principal_id = carol.id.clone();
    let request = DisablePrincipalRequest { principal_id, ..DisablePrincipalRequest::default() };
    directory.disable_principal(request).await.unwrap();
    walk.left(&[("DisablePrincipal", "pim.principal.disabled")]).await;
    let principal_id = carol.id.clone();
    let request = EnablePrincipalRequest { principal_id, ..EnablePrincipalRequest::default() };
    directory.enable_principal(request).await.unwrap();
    walk.left(&[("EnablePrincipal", "pim.principal.enabled")]).await;
}

async fn grants(world: &World, organisation: &Organisation, alice: &Person, walk: &mut Walk<'_>) {
    let mut assignments = organisation.admin.client.assignments();
    let scheduler = world.service("scheduler");
    let end_time = Some(timestamp(world.now() + TimeDelta::hours(1)));
    let request = CreateEligibilityRequest {
        principal_id: alice.id.clone(),
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        end_time,
        ..CreateEligibilityRequest::default()
    };
    let made = assignments.create_eligibility(request).await.unwrap().into_inner();
    walk.left(&[("CreateEligibility", "pim.eligibility.created")]).await;
    let request = CreateAssignmentRequest {
        principal_id: alice.id.clone(),
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        end_time,
        justification: "their work".to_owned(),
        ..CreateAssignmentRequest::default()
    };
    let assigned = assignments.create_assignment(request).await.unwrap().into_inner();
    walk.left(&[("CreateAssignment", "pim.assignment.created")]).await;
    world.advance(TimeDelta::hours(1));
    let request = EndEligibilityRequest {
        tenant_id: organisation.tenant.to_string(),
        eligibility_id: made.eligibility.unwrap().id,
    };
    scheduler.assignments().end_eligibility(request).await.unwrap();
    walk.left(&[("EndEligibility", "pim.eligibility.expired")]).await;
    let request = EndAssignmentRequest {
        tenant_id: organisation.tenant.to_string(),
        assignment_id: assigned.assignment.unwrap().id,
    };
    scheduler.assignments().end_assignment(request).await.unwrap();
    walk.left(&[("EndAssignment", "pim.assignment.expired")]).await;
    let assignment = organisation.assign(alice, ROLE, "/").await.unwrap();
    walk.left(&[("CreateAssignment", "pim.assignment.created")]).await;
    let assignment_id = assignment.id;
    let request = RemoveAssignmentRequest { assignment_id, ..RemoveAssignmentRequest::default() };
    assignments.remove_assignment(request).await.unwrap();
    walk.left(&[("RemoveAssignment", "pim.assignment.removed")]).await;
}

async fn activations(
    world: &World,
    organisation: &Organisation,
    alice: &Person,
    walk: &mut Walk<'_>,
) {
    let eligibility = organisation.make_eligible(alice, ROLE, "/").await;
    walk.left(&[("CreateEligibility", "pim.eligibility.created")]).await;
    let active = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    walk.left(&[("ActivateRole", "pim.activation.activated")]).await;
    extend(alice, &active).await;
    walk.left(&[("ExtendActivation", "pim.activation.extended")]).await;
    alice.deactivate(&active.id).await.unwrap();
    walk.left(&[("DeactivateRole", "pim.activation.deactivated")]).await;

    let start_time = Some(timestamp(world.now() + TimeDelta::hours(2)));
    let booked = ActivateRoleRequest { start_time, ..Person::wish(ROLE, "/") };
    let booked = alice.activate(booked).await.unwrap();
    walk.left(&[("ActivateRole", "pim.activation.scheduled")]).await;
    world.advance(TimeDelta::hours(2));
    let request = StartActivationRequest {
        tenant_id: organisation.tenant.to_string(),
        activation_id: booked.id.clone(),
    };
    let scheduler = world.service("scheduler");
    scheduler.activations().start_activation(request).await.unwrap();
    walk.left(&[("StartActivation", "pim.activation.activated")]).await;
    world.advance(TimeDelta::hours(1));
    let request = ExpireActivationRequest {
        tenant_id: organisation.tenant.to_string(),
        activation_id: booked.id,
    };
    scheduler.activations().expire_activation(request).await.unwrap();
    walk.left(&[("ExpireActivation", "pim.activation.expired")]).await;

    alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    walk.left(&[("ActivateRole", "pim.activation.activated")]).await;
    let request = RemoveEligibilityRequest {
        eligibility_id: eligibility.id,
        ..RemoveEligibilityRequest::default()
    };
    organisation.admin.client.assignments().remove_eligibility(request).await.unwrap();
    // It rings for what rested on it.
    walk.left(&[
        ("RemoveEligibility", "pim.eligibility.removed"),
        ("VoidActivation", "pim.activation.voided"),
    ])
    .await;
}

async fn approvals(
    world: &World,
    organisation: &Organisation,
    (alice, carol): (&Person, &Person),
    walk: &mut Walk<'_>,
) {
    organisation.make_eligible(alice, ROLE, "/").await;
    organisation.require_approval(ROLE, &[carol]).await;
    walk.left(&[
        ("CreateEligibility", "pim.eligibility.created"),
        ("UpdatePolicy", "pim.policy.updated"),
    ])
    .await;
    let asked =
        [("ActivateRole", "pim.activation.requested"), ("OpenApproval", "pim.approval.opened")];
    let active = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    walk.left(&asked).await;
    carol.approve(&carol.inbox().await[0]).await.unwrap();
    walk.left(&[
        ("Approve", "pim.approval.approved"),
        ("ResolveActivation", "pim.activation.activated"),
    ])
    .await;
    extensions(world, organisation, (alice, carol, &active), walk).await;
    alice.deactivate(&active.id).await.unwrap();
    walk.left(&[("DeactivateRole", "pim.activation.deactivated")]).await;

    alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    walk.left(&asked).await;
    carol.deny(&carol.inbox().await[0]).await.unwrap();
    walk.left(&[("Deny", "pim.approval.denied"), ("ResolveActivation", "pim.activation.denied")])
        .await;

    let withdrawn = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    walk.left(&asked).await;
    let activation_id = withdrawn.id;
    let request = CancelActivationRequest { activation_id, ..CancelActivationRequest::default() };
    alice.client.activations().cancel_activation(request).await.unwrap();
    walk.left(&[
        ("CancelActivation", "pim.activation.canceled"),
        ("CancelApproval", "pim.approval.canceled"),
    ])
    .await;

    let waiting = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    walk.left(&asked).await;
    let (activation_id, justification) = (waiting.id, "not now".to_owned());
    let request = RevokeActivationRequest { activation_id, justification, ..Default::default() };
    organisation.admin.client.activations().revoke_activation(request).await.unwrap();
    walk.left(&[
        ("RevokeActivation", "pim.activation.revoked"),
        ("CancelApproval", "pim.approval.canceled"),
    ])
    .await;

    alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    walk.left(&asked).await;
    let approval = carol.inbox().await.remove(0);
    world.advance(TimeDelta::hours(24));
    let request = TimeOutApprovalRequest {
        tenant_id: organisation.tenant.to_string(),
        approval_id: approval.id,
    };
    world.service("scheduler").approvals().time_out_approval(request).await.unwrap();
    walk.left(&[("TimeOutApproval", "pim.approval.timed_out")]).await;
}

/// By a minute more.
async fn extend(alice: &Person, active: &Activation) {
    let request = ExtendActivationRequest {
        activation_id: active.id.clone(),
        length: Some(Longer::Duration(duration(TimeDelta::minutes(1)))),
        justification: "it takes longer".to_owned(),
        ..ExtendActivationRequest::default()
    };
    alice.client.activations().extend_activation(request).await.unwrap();
}

/// Extensions that need approval: approved, denied, not decided, and with nobody left to decide.
async fn extensions(
    world: &World,
    organisation: &Organisation,
    (alice, carol, active): (&Person, &Person, &Activation),
    walk: &mut Walk<'_>,
) {
    let asked = [
        ("ExtendActivation", "pim.activation.extension_requested"),
        ("OpenApproval", "pim.approval.opened"),
    ];
    let canceled = ("CancelApproval", "pim.approval.canceled");
    extend(alice, active).await;
    walk.left(&asked).await;
    carol.approve(&carol.inbox().await[0]).await.unwrap();
    walk.left(&[
        ("Approve", "pim.approval.approved"),
        ("ResolveActivation", "pim.activation.extended"),
    ])
    .await;
    extend(alice, active).await;
    walk.left(&asked).await;
    carol.deny(&carol.inbox().await[0]).await.unwrap();
    walk.left(&[
        ("Deny", "pim.approval.denied"),
        ("ResolveActivation", "pim.activation.extension_denied"),
    ])
    .await;

    extend(alice, active).await;
    walk.left(&asked).await;
    let mut directory = organisation.admin.client.directory();
    let principal_id = carol.id.clone();
    let request = DisablePrincipalRequest { principal_id, ..DisablePrincipalRequest::default() };
    directory.disable_principal(request).await.unwrap();
    walk.left(&[("DisablePrincipal", "pim.principal.disabled")]).await;
    let request = VoidActivationRequest {
        tenant_id: organisation.tenant.to_string(),
        activation_id: active.id.clone(),
    };
    world.service("scheduler").activations().void_activation(request).await.unwrap();
    walk.left(&[("VoidActivation", "pim.activation.extension_voided"), canceled]).await;
    let principal_id = carol.id.clone();
    let request = EnablePrincipalRequest { principal_id, ..EnablePrincipalRequest::default() };
    directory.enable_principal(request).await.unwrap();
    walk.left(&[("EnablePrincipal", "pim.principal.enabled")]).await;
}

async fn batches(alice: &Person, carol: &Person, walk: &mut Walk<'_>) {
    let Some(Length::Duration(hour)) = Person::wish(ROLE, "/").length else { panic!() };
    let ask = |number: u32| batch_activate_roles_request::Item {
        role_id: ROLE.to_owned(),
        scope: format!("/administrativeUnits/{number}"),
        length: Some(batch_activate_roles_request::item::Length::Duration(hour)),
        justification: "to mend the mail".to_owned(),
        ..Default::default()
    };
    let items = vec![ask(1), ask(1), ask(2)];
    let request = BatchActivateRolesRequest { items, ..Default::default() };
    alice.client.activations().batch_activate_roles(request).await.unwrap();
    // Each item leaves its own, a refused one too.
    walk.left(&[
        ("BatchActivateRoles", "pim.activation.requested"),
        ("OpenApproval", "pim.approval.opened"),
        ("BatchActivateRoles", "pim.call.refused"),
        ("BatchActivateRoles", "pim.activation.requested"),
        ("OpenApproval", "pim.approval.opened"),
    ])
    .await;
    let inbox = carol.inbox().await;
    let decide = |approval: &Approval, verdict: Verdict| batch_decide_request::Item {
        approval_id: approval.id.clone(),
        etag: approval.etag.clone(),
        verdict: verdict.into(),
        justification: "known work".to_owned(),
        duration: None,
    };
    let items = vec![
        decide(&inbox[0], Verdict::Approve),
        decide(&inbox[0], Verdict::Deny),
        decide(&inbox[1], Verdict::Deny),
    ];
    let request = BatchDecideRequest { items, ..Default::default() };
    carol.client.approvals().batch_decide(request).await.unwrap();
    walk.left(&[
        ("BatchDecide", "pim.approval.approved"),
        ("ResolveActivation", "pim.activation.activated"),
        ("BatchDecide", "pim.call.refused"),
        ("BatchDecide", "pim.approval.denied"),
        ("ResolveActivation", "pim.activation.denied"),
    ])
    .await;
}

#[tokio::test]
async fn a_refused_write_leaves_its_entry_and_nothing_else() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    let mut walk = Walk::begin(&organisation).await;
    let nine_hours = Length::Duration(duration(TimeDelta::hours(9)));
    let wish = ActivateRoleRequest { length: Some(nine_hours), ..Person::wish(ROLE, "/") };
    alice.activate(wish.clone()).await.unwrap_err();
    assert_eq!(walk.codes().await, ["pim.call.refused"]);
    alice.client.activations().activate_role(wish).await.unwrap_err();
    let rules = Some(Rules::default());
    alice
        .client
        .policies()
        .update_policy(pim_proto::assignment::v1::UpdatePolicyRequest {
            role_id: ROLE.to_owned(),
            scope: "/".to_owned(),
            etag: "v0".to_owned(),
            rules,
            ..Default::default()
        })
        .await
        .unwrap_err();
    assert_eq!(walk.codes().await, ["pim.call.refused", "pim.call.refused"]);
    // Only a question: nothing is written.
    let wish = ActivateRoleRequest { validate_only: true, ..Person::wish(ROLE, "/") };
    alice.activate(wish).await.unwrap_err();
    assert_eq!(walk.codes().await, Vec::<String>::new());
}
