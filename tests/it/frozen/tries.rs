//! Each write, tried on a frozen tenant.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use pim_chassis::auth::Grant;
use pim_proto::{
    activation::v1::{
        BatchActivateRolesRequest, CancelActivationRequest, ExpireActivationRequest,
        ExtendActivationRequest, ResolveActivationRequest, RevokeActivationRequest,
        StartActivationRequest, batch_activate_roles_request, batch_activate_roles_response,
        extend_activation_request,
    },
    approval::v1::{
        BatchDecideRequest, OpenApprovalRequest, TimeOutApprovalRequest, Verdict,
        batch_decide_request, batch_decide_response,
    },
    assignment::v1::{
        Administrator, ApproveChangeRequestRequest, CancelChangeRequestRequest,
        CreateAssignmentRequest, CreateEligibilityRequest, CreateGroupRequest,
        CreatePrincipalRequest, CreateRoleRequest, CreateTenantRequest, DeleteGroupRequest,
        DeleteRoleRequest, DenyChangeRequestRequest, DisablePrincipalRequest,
        EnablePrincipalRequest, EndAssignmentRequest, EndEligibilityRequest,
        ExtendAssignmentRequest, ExtendEligibilityRequest, ImportCatalogRequest, PrincipalKind,
        RemoveAssignmentRequest, RemoveEligibilityRequest, RenewAssignmentRequest,
        RenewEligibilityRequest, Rules, TimeOutChangeRequestRequest, UpdateAssignmentRequest,
        UpdateEligibilityRequest, UpdateGroupRequest, UpdateRoleRequest,
        approve_change_request_request, extend_assignment_request, extend_eligibility_request,
        update_assignment_request, update_eligibility_request,
    },
    audit::v1::{
        EraseJustificationRequest, EventFilter, ExportEventsRequest, ExportFormat,
        UpdateAlertSettingsRequest,
    },
    r#type::v1::Catalog,
};
use pim_tests::{Person, assert_refused, duration, reason, timestamp};
use tonic::{Code, Status};

use super::{
    ROLE, freeze,
    ground::{Ground, SCOPE, definition, extension},
};

type Tried = BTreeSet<&'static str>;

#[track_caller]
fn frozen<T>(tried: &mut Tried, name: &'static str, answer: Result<T, Status>) {
    if let Err(status) = &answer {
        assert_eq!(reason(status), "FROZEN", "{name}: {status:?}");
    }
    assert_refused(answer, Code::FailedPrecondition, "FROZEN");
    tried.insert(name);
}

#[track_caller]
fn works<T>(tried: &mut Tried, name: &'static str, answer: Result<T, Status>) -> T {
    tried.insert(name);
    match answer {
        Ok(answer) => answer,
        Err(status) => panic!("{name}: {status:?}"),
    }
}

pub(super) async fn directory(ground: &Ground, tried: &mut Tried) {
    let organisation = &ground.organisation;
    let client = &organisation.admin.client;
    let (mut roles, mut directory) = (client.roles(), client.directory());
    let request = CreateRoleRequest {
        catalog: Catalog::Entra.into(),
        definition: Some(definition("Another")),
        ..CreateRoleRequest::default()
    };
    frozen(tried, "CreateRole", roles.create_role(request).await);
    let request = UpdateRoleRequest {
        role_id: ground.role.id.clone(),
        etag: ground.role.etag.clone(),
        definition: Some(definition("Renamed")),
        ..UpdateRoleRequest::default()
    };
    frozen(tried, "UpdateRole", roles.update_role(request).await);
    let request = CreatePrincipalRequest {
        kind: PrincipalKind::User.into(),
        issuer: Person::issuer().to_owned(),
        subject: "mallory".to_owned(),
        display_name: "mallory".to_owned(),
        ..CreatePrincipalRequest::default()
    };
    frozen(tried, "CreatePrincipal", directory.create_principal(request).await);
    let principal_id = ground.eve.id.clone();
    let request = EnablePrincipalRequest { principal_id, ..Default::default() };
    frozen(tried, "EnablePrincipal", directory.enable_principal(request).await);
    let display_name = "dev".to_owned();
    let request = CreateGroupRequest { display_name, ..CreateGroupRequest::default() };
    frozen(tried, "CreateGroup", directory.create_group(request).await);
    let request = UpdateGroupRequest {
        group_id: ground.group.id.clone(),
        etag: ground.group.etag.clone(),
        display_name: "dev".to_owned(),
        ..UpdateGroupRequest::default()
    };
    frozen(tried, "UpdateGroup", directory.update_group(request).await);
    // Whether a policy becomes stricter cannot be told.
    let rules = Rules { require_ticket: Some(true), ..Rules::default() };
    frozen(tried, "UpdatePolicy", organisation.set_policy(ROLE, rules).await);
    frozen(tried, "CreateScope", organisation.register("/managementGroups/web", "").await);
    frozen(tried, "DeleteScope", organisation.delete_scope(SCOPE).await);
    let scope = organisation.scope(SCOPE).await.unwrap();
    let request = pim_proto::assignment::v1::UpdateScopeRequest {
        scope: SCOPE.to_owned(),
        etag: scope.etag,
        display_name: "renamed".to_owned(),
        ..Default::default()
    };
    frozen(tried, "UpdateScope", client.scopes().update_scope(request).await);
    import(ground, tried).await;
}

/// Into another tenant, because this one has all catalogs.
async fn import(ground: &Ground, tried: &mut Tried) {
    let administrator = |subject: &str| Administrator {
        issuer: Person::issuer().to_owned(),
        subject: subject.to_owned(),
        display_name: subject.to_owned(),
    };
    let request = CreateTenantRequest {
        display_name: "Fabrikam".to_owned(),
        administrators: vec![administrator("first"), administrator("second")],
        ..CreateTenantRequest::default()
    };
    let made = ground.world.operator().tenants().create_tenant(request).await.unwrap();
    let client = ground.world.client(Grant::Principal {
        tenant: made.into_inner().tenant.unwrap().id.parse().unwrap(),
        subject: "first".to_owned(),
        amr: vec!["mfa".to_owned()],
        acr: None,
        acrs: Vec::new(),
        auth_time: None,
        signals: pim_domain::condition::Signals::default(),
    });
    freeze(&client).await.unwrap();
    let catalog = Catalog::Azure.into();
    let request = ImportCatalogRequest { catalog, ..ImportCatalogRequest::default() };
    frozen(tried, "ImportCatalog", client.roles().import_catalog(request).await);
}

pub(super) async fn grants(ground: &Ground, tried: &mut Tried) {
    let mut client = ground.organisation.admin.client.assignments();
    let end = |days| Some(timestamp(ground.world.now() + TimeDelta::days(days)));
    let request = CreateEligibilityRequest {
        principal_id: ground.carol.id.clone(),
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        ..CreateEligibilityRequest::default()
    };
    frozen(tried, "CreateEligibility", client.create_eligibility(request).await);
    let [lasting, _] = &ground.eligibilities;
    let request = UpdateEligibilityRequest {
        eligibility_id: lasting.id.clone(),
        etag: lasting.etag.clone(),
        end: end(5).map(update_eligibility_request::End::EndTime),
        justification: "less work".to_owned(),
        ..UpdateEligibilityRequest::default()
    };
    frozen(tried, "UpdateEligibility", client.update_eligibility(request).await);
    let request = ExtendEligibilityRequest {
        eligibility_id: lasting.id.clone(),
        end: end(20).map(extend_eligibility_request::End::EndTime),
        justification: "more work".to_owned(),
        ..ExtendEligibilityRequest::default()
    };
    frozen(tried, "ExtendEligibility", client.extend_eligibility(request).await);
    frozen(
        tried,
        "CreateAssignment",
        client
            .create_assignment(CreateAssignmentRequest {
                principal_id: ground.carol.id.clone(),
                role_id: ROLE.to_owned(),
                scope: "/".to_owned(),
                justification: "their work".to_owned(),
                ..CreateAssignmentRequest::default()
            })
            .await,
    );
    let [held, _] = &ground.assignments;
    let request = UpdateAssignmentRequest {
        assignment_id: held.id.clone(),
        etag: held.etag.clone(),
        end: end(5).map(update_assignment_request::End::EndTime),
        justification: "less work".to_owned(),
        ..UpdateAssignmentRequest::default()
    };
    frozen(tried, "UpdateAssignment", client.update_assignment(request).await);
    let request = ExtendAssignmentRequest {
        assignment_id: held.id.clone(),
        end: end(20).map(extend_assignment_request::End::EndTime),
        justification: "more work".to_owned(),
        ..ExtendAssignmentRequest::default()
    };
    frozen(tried, "ExtendAssignment", client.extend_assignment(request).await);
    let request = &ground.requests[0];
    let request = ApproveChangeRequestRequest {
        change_request_id: request.id.clone(),
        etag: request.etag.clone(),
        end: end(14).map(approve_change_request_request::End::EndTime),
        ..ApproveChangeRequestRequest::default()
    };
    frozen(tried, "ApproveChangeRequest", client.approve_change_request(request).await);
    let request = extension(lasting);
    let mut holder = ground.holder.client.assignments();
    frozen(tried, "CreateChangeRequest", holder.create_change_request(request).await);
}

pub(super) async fn activations(ground: &Ground, tried: &mut Tried) {
    let hour = duration(TimeDelta::hours(1));
    let alice = &ground.alice;
    frozen(tried, "ActivateRole", alice.activate(Person::wish(ROLE, "/")).await);
    let item = batch_activate_roles_request::Item {
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        length: Some(batch_activate_roles_request::item::Length::Duration(hour)),
        justification: "to mend the mail".to_owned(),
        ..Default::default()
    };
    let request = BatchActivateRolesRequest { items: vec![item], ..Default::default() };
    let answer = alice.client.activations().batch_activate_roles(request).await.unwrap();
    let [result] = <[_; 1]>::try_from(answer.into_inner().results).unwrap();
    let Some(batch_activate_roles_response::result::Outcome::Status(status)) = result.outcome
    else {
        panic!("it was answered");
    };
    assert_eq!(status.code, Code::FailedPrecondition as i32);
    tried.insert("BatchActivateRoles");
    let (person, active) = &ground.activations["active"];
    let request = ExtendActivationRequest {
        activation_id: active.id.clone(),
        length: Some(extend_activation_request::Length::Duration(duration(TimeDelta::minutes(1)))),
        justification: "it takes longer".to_owned(),
        ..ExtendActivationRequest::default()
    };
    let answer = person.client.activations().extend_activation(request).await;
    frozen(tried, "ExtendActivation", answer);
    let request = ResolveActivationRequest {
        tenant_id: ground.organisation.tenant.to_string(),
        activation_id: ground.activations["approved"].1.id.clone(),
    };
    let scheduler = ground.world.service("scheduler");
    let answer = scheduler.activations().resolve_activation(request).await;
    frozen(tried, "ResolveActivation", answer);
    let approval = ground.approval("pending").await;
    frozen(tried, "Approve", ground.carol.approve(&approval).await);
}

pub(super) async fn loses(ground: &Ground, tried: &mut Tried) {
    decisions(ground, tried).await;
    let admin = &ground.organisation.admin.client;
    let (active, activation) = &ground.activations["active"];
    works(tried, "DeactivateRole", active.deactivate(&activation.id).await);
    let request = RevokeActivationRequest {
        activation_id: ground.activations["revoked"].1.id.clone(),
        justification: "not now".to_owned(),
        ..RevokeActivationRequest::default()
    };
    works(tried, "RevokeActivation", admin.activations().revoke_activation(request).await);
    let (withdrawn, activation) = &ground.activations["withdrawn"];
    let activation_id = activation.id.clone();
    let request = CancelActivationRequest { activation_id, ..Default::default() };
    // It rings.
    works(
        tried,
        "CancelActivation",
        withdrawn.client.activations().cancel_activation(request).await,
    );
    assert!(ground.left("pim.approval.canceled").await);
    tried.insert("CancelApproval");
    let (_, activation) = &ground.activations["voided"];
    let eligibility_id = activation.eligibility_id.clone();
    let request = RemoveEligibilityRequest { eligibility_id, ..Default::default() };
    works(tried, "RemoveEligibility", admin.assignments().remove_eligibility(request).await);
    assert!(ground.left("pim.activation.voided").await);
    tried.insert("VoidActivation");
    let assignment_id = ground.assignments[0].id.clone();
    let request = RemoveAssignmentRequest { assignment_id, ..Default::default() };
    works(tried, "RemoveAssignment", admin.assignments().remove_assignment(request).await);
    let [denied, withdrawn, _] = &ground.requests;
    let request = DenyChangeRequestRequest {
        change_request_id: denied.id.clone(),
        etag: denied.etag.clone(),
        justification: "not needed".to_owned(),
        ..DenyChangeRequestRequest::default()
    };
    works(tried, "DenyChangeRequest", admin.assignments().deny_change_request(request).await);
    let change_request_id = withdrawn.id.clone();
    let request = CancelChangeRequestRequest { change_request_id, ..Default::default() };
    let mut asker = ground.asker.client.assignments();
    works(tried, "CancelChangeRequest", asker.cancel_change_request(request).await);
    let principal_id = ground.holder.id.clone();
    let request = DisablePrincipalRequest { principal_id, ..Default::default() };
    works(tried, "DisablePrincipal", admin.directory().disable_principal(request).await);
    let (role_id, etag) = (ground.role.id.clone(), ground.role.etag.clone());
    let request = DeleteRoleRequest { role_id, etag, ..DeleteRoleRequest::default() };
    works(tried, "DeleteRole", admin.roles().delete_role(request).await);
    let (group_id, etag) = (ground.group.id.clone(), ground.group.etag.clone());
    let request = DeleteGroupRequest { group_id, etag, ..DeleteGroupRequest::default() };
    works(tried, "DeleteGroup", admin.directory().delete_group(request).await);
    let format = ExportFormat::JsonLines.into();
    let request = ExportEventsRequest { format, ..ExportEventsRequest::default() };
    works(tried, "ExportEvents", admin.audit().export_events(request).await);
    let log = ground.organisation.log(EventFilter::default()).await;
    let said = log.iter().find(|event| !event.justification.is_empty()).unwrap();
    let request = EraseJustificationRequest { event_id: said.id.clone(), ..Default::default() };
    works(tried, "EraseJustification", admin.audit().erase_justification(request).await);
    let request = UpdateAlertSettingsRequest {
        kind: "RedundantAssignmentAlert".to_owned(),
        etag: "v0".to_owned(),
        is_enabled: Some(false),
        ..UpdateAlertSettingsRequest::default()
    };
    works(tried, "UpdateAlertSettings", admin.alerts().update_alert_settings(request).await);
}

/// A no works, and asking who may decide.
async fn decisions(ground: &Ground, tried: &mut Tried) {
    let request = OpenApprovalRequest {
        tenant_id: ground.organisation.tenant.to_string(),
        activation_id: ground.activations["unopened"].1.id.clone(),
    };
    let scheduler = ground.world.service("scheduler");
    works(tried, "OpenApproval", scheduler.approvals().open_approval(request).await);
    let approval = ground.approval("pending").await;
    works(tried, "Deny", ground.carol.deny(&approval).await);
    assert!(ground.left("pim.activation.denied").await);
    let approval = ground.approval("batched").await;
    let decide = |verdict: Verdict| batch_decide_request::Item {
        approval_id: approval.id.clone(),
        etag: approval.etag.clone(),
        verdict: verdict.into(),
        justification: "known work".to_owned(),
        duration: None,
    };
    let items = vec![decide(Verdict::Approve), decide(Verdict::Deny)];
    let request = BatchDecideRequest { items, ..BatchDecideRequest::default() };
    let answer = ground.carol.client.approvals().batch_decide(request).await;
    let [yes, no] = <[_; 2]>::try_from(works(tried, "BatchDecide", answer).into_inner().results)
        .unwrap()
        .map(|result| result.outcome.unwrap());
    assert!(matches!(yes, batch_decide_response::result::Outcome::Status(_)));
    assert!(matches!(no, batch_decide_response::result::Outcome::Approval(_)));
}

/// What time has decided is recorded, and does not begin anything.
pub(super) async fn over_time(ground: &Ground, refused: &mut Tried, tried: &mut Tried) {
    ground.world.advance(TimeDelta::hours(1));
    let scheduler = ground.world.service("scheduler");
    let tenant = || ground.organisation.tenant.to_string();
    let activation = |name: &str| ground.activations[name].1.id.clone();
    let (tenant_id, activation_id) = (tenant(), activation("booked"));
    let request = StartActivationRequest { tenant_id, activation_id };
    let answer = scheduler.activations().start_activation(request).await;
    frozen(refused, "StartActivation", answer);
    let (tenant_id, activation_id) = (tenant(), activation("expiring"));
    let request = ExpireActivationRequest { tenant_id, activation_id };
    let answer = scheduler.activations().expire_activation(request).await;
    works(tried, "ExpireActivation", answer);
    let (eligibility, assignment) = (&ground.eligibilities[1], &ground.assignments[1]);
    let mut admin = ground.organisation.admin.client.assignments();
    let end_time = Some(timestamp(ground.world.now() + TimeDelta::hours(1)));
    let request = RenewEligibilityRequest {
        eligibility_id: eligibility.id.clone(),
        end_time,
        justification: "new work".to_owned(),
        ..RenewEligibilityRequest::default()
    };
    frozen(refused, "RenewEligibility", admin.renew_eligibility(request).await);
    let request = RenewAssignmentRequest {
        assignment_id: assignment.id.clone(),
        end_time,
        justification: "new work".to_owned(),
        ..RenewAssignmentRequest::default()
    };
    frozen(refused, "RenewAssignment", admin.renew_assignment(request).await);
    let (tenant_id, eligibility_id) = (tenant(), eligibility.id.clone());
    let request = EndEligibilityRequest { tenant_id, eligibility_id };
    works(tried, "EndEligibility", scheduler.assignments().end_eligibility(request).await);
    let (tenant_id, assignment_id) = (tenant(), assignment.id.clone());
    let request = EndAssignmentRequest { tenant_id, assignment_id };
    works(tried, "EndAssignment", scheduler.assignments().end_assignment(request).await);
    let approval_id = ground.approval("forgotten").await.id;
    ground.world.advance(TimeDelta::hours(24));
    let request = TimeOutApprovalRequest { tenant_id: tenant(), approval_id };
    works(tried, "TimeOutApproval", scheduler.approvals().time_out_approval(request).await);
    ground.world.advance(TimeDelta::days(14));
    let change_request_id = ground.requests[2].id.clone();
    let request = TimeOutChangeRequestRequest { tenant_id: tenant(), change_request_id };
    let answer = scheduler.assignments().time_out_change_request(request).await;
    works(tried, "TimeOutChangeRequest", answer);
}
