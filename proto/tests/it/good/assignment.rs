//! The requests of package `pim.assignment`.

use pim_domain::{
    grant::Create,
    id::{PrincipalId, RoleId},
    policy::Update,
    principal::NewPrincipal,
    role, tenant,
};
use pim_proto::{
    assignment::v1::{
        Administrator, ApprovalMode, ApprovalRule, ApprovalStage, ApproverSlot, Circumstances,
        Conditions, CreateAssignmentRequest, CreateEligibilityRequest, CreatePrincipalRequest,
        CreateRoleRequest, CreateTenantRequest, DeleteRoleRequest, DisablePrincipalRequest,
        EnablePrincipalRequest, EndAssignmentRequest, EndEligibilityRequest, FreezeTenantRequest,
        GetAssignmentRequest, GetEligibilityRequest, GetPolicyInForceRequest, GetPolicyRequest,
        GetPrincipalRequest, GetRoleRequest, GetTenantRequest, ImportCatalogRequest,
        ListAssignmentsRequest, ListEligibilitiesRequest, ListPoliciesRequest,
        ListPrincipalsRequest, ListRolesRequest, PermissionBlock, RemoveAssignmentRequest,
        RemoveEligibilityRequest, RoleDefinition, Rules, SearchMyEligibilitiesRequest,
        SetTenantPlanRequest, TestPolicyRequest, UnfreezeTenantRequest, UpdatePolicyRequest,
        UpdateRoleRequest, UpdateTenantRequest, approver_slot::Approver,
    },
    call::{
        CreateTenant, GetPrincipal, GetTenant, GrantFilter, GrantRef, ImportCatalog, Internal,
        List, PolicyFilter, PolicyRef, PrincipalFilter, RemoveGrant, RoleFilter, SetTenantPlan,
        TestPolicy, Write,
    },
};

use crate::{
    good::{OTHER_ID, hours, id, scope, second, ticket, why},
    requests::{Shape, shape},
};

pub(crate) fn tenants_and_roles() -> Vec<Shape> {
    vec![
        shape::<Write<CreateTenant>, _>(CreateTenantRequest {
            display_name: why(),
            administrators: vec![administrator("one"), administrator("two")],
            request_id: id(),
            validate_only: true,
            plan: 2,
        }),
        shape::<GetTenant, _>(GetTenantRequest {}),
        shape::<Write<tenant::Update>, _>(UpdateTenantRequest {
            etag: "v1".to_owned(),
            display_name: why(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<SetTenantPlan>, _>(SetTenantPlanRequest {
            tenant_id: id(),
            plan: 2,
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<tenant::StopGaining>, _>(FreezeTenantRequest {
            justification: why(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<tenant::Unfreeze>, _>(UnfreezeTenantRequest {
            etag: "v1".to_owned(),
            justification: why(),
            request_id: id(),
            validate_only: true,
            tenant_id: id(),
        }),
        shape::<Write<ImportCatalog>, _>(ImportCatalogRequest {
            catalog: 1,
            request_id: id(),
            validate_only: true,
        }),
        shape::<RoleId, _>(GetRoleRequest { role_id: id() }),
        shape::<List<RoleFilter>, _>(ListRolesRequest {
            catalog: 1,
            display_name_contains: why(),
            page_size: 7,
            page_token: id(),
            custom_only: true,
            include_deleted: true,
        }),
        shape::<Write<role::Create>, _>(CreateRoleRequest {
            catalog: 2,
            definition: definition(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<role::Update>, _>(UpdateRoleRequest {
            role_id: id(),
            etag: "v1".to_owned(),
            definition: definition(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<role::Delete>, _>(DeleteRoleRequest {
            role_id: id(),
            etag: "v1".to_owned(),
            justification: why(),
            request_id: id(),
            validate_only: true,
        }),
    ]
}

pub(crate) fn directory() -> Vec<Shape> {
    vec![
        shape::<Write<NewPrincipal>, _>(CreatePrincipalRequest {
            kind: 1,
            issuer: why(),
            subject: why(),
            display_name: why(),
            person_id: id(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<GetPrincipal, _>(GetPrincipalRequest { principal_id: id() }),
        shape::<List<PrincipalFilter>, _>(ListPrincipalsRequest {
            text_contains: why(),
            page_size: 7,
            page_token: id(),
        }),
        shape::<Write<PrincipalId>, _>(DisablePrincipalRequest {
            principal_id: id(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Write<PrincipalId>, _>(EnablePrincipalRequest {
            principal_id: id(),
            request_id: id(),
            validate_only: true,
        }),
    ]
}

fn conditions() -> Option<Conditions> {
    Some(Conditions { policies: vec!["permit (principal, action, resource);".to_owned()] })
}

fn circumstances() -> Circumstances {
    Circumstances {
        principal_id: id(),
        mfa: true,
        acr: Some("urn:strong".to_owned()),
        acrs: vec!["c1".to_owned()],
        auth_age: hours(1),
        device_compliant: Some(true),
        device_managed: Some(false),
        ip: "2001:db8::7".to_owned(),
        country: Some("SE".to_owned()),
        risk: Some("low".to_owned()),
        start_time: second(5),
        ticket: ticket(),
        duration: hours(2),
    }
}

pub(crate) fn policies() -> Vec<Shape> {
    vec![
        shape::<PolicyRef, _>(GetPolicyRequest { role_id: id(), scope: scope() }),
        shape::<PolicyRef, _>(GetPolicyInForceRequest { role_id: id(), scope: scope() }),
        shape::<List<PolicyFilter>, _>(ListPoliciesRequest {
            role_id: id(),
            scope: scope(),
            page_size: 7,
            page_token: id(),
        }),
        shape::<TestPolicy, _>(TestPolicyRequest {
            role_id: id(),
            scope: scope(),
            conditions: conditions(),
            circumstances: Some(circumstances()),
        }),
        shape::<Write<Update>, _>(UpdatePolicyRequest {
            role_id: id(),
            scope: scope(),
            etag: "v1".to_owned(),
            rules: Some(rules()),
            reset_rules: vec!["require_mfa".to_owned()],
            enforce_rules: vec!["approval".to_owned()],
            unenforce_rules: vec!["eligible_max".to_owned()],
            request_id: id(),
            validate_only: true,
        }),
    ]
}

fn rules() -> Rules {
    Rules {
        activation_max: hours(8),
        activation_min: hours(1),
        mfa_max_age: hours(2),
        single_use_authentication: Some(true),
        authentication_context: Some("c1".to_owned()),
        require_justification: Some(true),
        require_ticket: Some(true),
        ticket_pattern: Some("CHG-[0-9]+".to_owned()),
        approval: Some(ApprovalRule {
            stages: vec![ApprovalStage {
                slots: vec![slot(&id()), slot(OTHER_ID)],
                mode: ApprovalMode::Quorum.into(),
                quorum: 2,
            }],
            timeout: hours(1),
            justify_approve: Some(false),
            justify_deny: None,
            fallback_approver_ids: vec![id(), OTHER_ID.to_owned()],
        }),
        min_active_holders: Some(2),
        conditions: conditions(),
        ..Rules::default()
    }
}

pub(crate) fn slot(user: &str) -> ApproverSlot {
    let approver = Some(Approver::UserId(user.to_owned()));
    ApproverSlot { approver, activated_members: false }
}

pub(crate) fn eligibilities() -> Vec<Shape> {
    vec![
        shape::<Write<Create>, _>(CreateEligibilityRequest {
            principal_id: id(),
            role_id: id(),
            scope: scope(),
            start_time: second(1),
            end_time: second(2),
            justification: why(),
            ticket: ticket(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<GrantRef, _>(GetEligibilityRequest { eligibility_id: id() }),
        shape::<List<GrantFilter>, _>(ListEligibilitiesRequest {
            principal_id: id(),
            role_id: id(),
            scope: scope(),
            include_ended: true,
            page_size: 7,
            page_token: id(),
        }),
        shape::<Write<RemoveGrant>, _>(RemoveEligibilityRequest {
            eligibility_id: id(),
            justification: why(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Internal<GrantRef>, _>(EndEligibilityRequest {
            tenant_id: id(),
            eligibility_id: id(),
        }),
        shape::<List<()>, _>(SearchMyEligibilitiesRequest { page_size: 7, page_token: id() }),
    ]
}

pub(crate) fn assignments() -> Vec<Shape> {
    vec![
        shape::<Write<Create>, _>(CreateAssignmentRequest {
            principal_id: id(),
            role_id: id(),
            scope: scope(),
            start_time: second(1),
            end_time: second(2),
            justification: why(),
            ticket: ticket(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<GrantRef, _>(GetAssignmentRequest { assignment_id: id() }),
        shape::<List<GrantFilter>, _>(ListAssignmentsRequest {
            principal_id: id(),
            role_id: id(),
            scope: scope(),
            include_ended: true,
            page_size: 7,
            page_token: id(),
        }),
        shape::<Write<RemoveGrant>, _>(RemoveAssignmentRequest {
            assignment_id: id(),
            justification: why(),
            request_id: id(),
            validate_only: true,
        }),
        shape::<Internal<GrantRef>, _>(EndAssignmentRequest {
            tenant_id: id(),
            assignment_id: id(),
        }),
    ]
}

fn administrator(subject: &str) -> Administrator {
    Administrator {
        issuer: "https://issuer.example".to_owned(),
        subject: subject.to_owned(),
        display_name: subject.to_owned(),
    }
}

fn definition() -> Option<RoleDefinition> {
    let list = || vec!["Microsoft.Web/sites/read".to_owned()];
    Some(RoleDefinition {
        display_name: "Site Reader".to_owned(),
        privileged: true,
        permissions: vec![PermissionBlock {
            actions: list(),
            not_actions: list(),
            data_actions: list(),
            not_data_actions: list(),
            condition: String::new(),
        }],
        assignable_scopes: vec![scope()],
    })
}
