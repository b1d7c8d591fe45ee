//! What each method that names a thing is asked.

use chrono::TimeDelta;
use pim_proto::{
    access::v1::{self as access, CheckAccessRequest, ExplainAccessRequest},
    activation::v1::{self as activation, ActivateRoleRequest},
    approval::v1 as approval,
    assignment::v1 as assignment,
    audit::v1 as audit,
};
use pim_tests::{Person, duration};

use super::{CONTRIBUTOR, SHOP, Things, definition};
use crate::abuse::wire::Raw;

/// Well-formed requests, each by the name of its method.
pub(super) type Asked = Vec<(&'static str, Raw)>;

fn ask(method: &'static str, message: &impl prost::Message) -> (&'static str, Raw) {
    (method, Raw::of(message))
}

fn text(one: &str) -> String {
    one.to_owned()
}

fn about_eligibilities(things: &Things) -> Asked {
    use assignment::{
        CreateEligibilityRequest, ExtendEligibilityRequest, GetEligibilityRequest,
        RemoveEligibilityRequest, RenewEligibilityRequest, SearchActivatableScopesRequest,
        UpdateEligibilityRequest, extend_eligibility_request as extend,
        update_eligibility_request as update,
    };
    let eligibility_id = things.eligibility.clone();
    vec![
        ask(
            "CreateEligibility",
            &CreateEligibilityRequest {
                principal_id: things.principal.clone(),
                role_id: things.role.clone(),
                scope: text(SHOP),
                ..Default::default()
            },
        ),
        ask(
            "SearchActivatableScopes",
            &SearchActivatableScopesRequest {
                eligibility_id: eligibility_id.clone(),
                ..Default::default()
            },
        ),
        ask("GetEligibility", &GetEligibilityRequest { eligibility_id: eligibility_id.clone() }),
        ask(
            "UpdateEligibility",
            &UpdateEligibilityRequest {
                eligibility_id: eligibility_id.clone(),
                etag: text("v1"),
                end: Some(update::End::Permanent(true)),
                ..Default::default()
            },
        ),
        ask(
            "ExtendEligibility",
            &ExtendEligibilityRequest {
                eligibility_id: eligibility_id.clone(),
                end: Some(extend::End::Permanent(true)),
                ..Default::default()
            },
        ),
        ask(
            "RenewEligibility",
            &RenewEligibilityRequest {
                eligibility_id: eligibility_id.clone(),
                ..Default::default()
            },
        ),
        ask(
            "RemoveEligibility",
            &RemoveEligibilityRequest { eligibility_id, ..Default::default() },
        ),
    ]
}

fn about_assignments(things: &Things) -> Asked {
    use assignment::{
        CreateAssignmentRequest, ExtendAssignmentRequest, GetAssignmentRequest,
        RemoveAssignmentRequest, RenewAssignmentRequest, UpdateAssignmentRequest,
        extend_assignment_request as extend, update_assignment_request as update,
    };
    let assignment_id = things.assignment.clone();
    vec![
        ask(
            "CreateAssignment",
            &CreateAssignmentRequest {
                principal_id: things.principal.clone(),
                role_id: things.role.clone(),
                scope: text(SHOP),
                justification: text("their work"),
                ..Default::default()
            },
        ),
        ask("GetAssignment", &GetAssignmentRequest { assignment_id: assignment_id.clone() }),
        ask(
            "UpdateAssignment",
            &UpdateAssignmentRequest {
                assignment_id: assignment_id.clone(),
                etag: text("v1"),
                end: Some(update::End::Permanent(true)),
                ..Default::default()
            },
        ),
        ask(
            "ExtendAssignment",
            &ExtendAssignmentRequest {
                assignment_id: assignment_id.clone(),
                end: Some(extend::End::Permanent(true)),
                ..Default::default()
            },
        ),
        ask(
            "RenewAssignment",
            &RenewAssignmentRequest { assignment_id: assignment_id.clone(), ..Default::default() },
        ),
        ask("RemoveAssignment", &RemoveAssignmentRequest { assignment_id, ..Default::default() }),
    ]
}

fn about_change_requests(things: &Things) -> Asked {
    use assignment::{
        ApproveChangeRequestRequest, CancelChangeRequestRequest, ChangeRequestKind,
        CreateChangeRequestRequest, DenyChangeRequestRequest, GetChangeRequestRequest,
        approve_change_request_request as approve, create_change_request_request as create,
    };
    let change_request_id = things.request.clone();
    vec![
        ask(
            "CreateChangeRequest",
            &CreateChangeRequestRequest {
                kind: ChangeRequestKind::Extension.into(),
                grant: Some(create::Grant::EligibilityId(things.eligibility.clone())),
                justification: text("still needed"),
                ..Default::default()
            },
        ),
        ask(
            "GetChangeRequest",
            &GetChangeRequestRequest { change_request_id: change_request_id.clone() },
        ),
        ask(
            "ApproveChangeRequest",
            &ApproveChangeRequestRequest {
                change_request_id: change_request_id.clone(),
                etag: text("v1"),
                end: Some(approve::End::Permanent(true)),
                ..Default::default()
            },
        ),
        ask(
            "DenyChangeRequest",
            &DenyChangeRequestRequest {
                change_request_id: change_request_id.clone(),
                etag: text("v1"),
                justification: text("no"),
                ..Default::default()
            },
        ),
        ask(
            "CancelChangeRequest",
            &CancelChangeRequestRequest { change_request_id, ..Default::default() },
        ),
    ]
}

fn about_directory(things: &Things) -> Asked {
    use assignment::{
        DeleteGroupRequest, DeleteRoleRequest, DisablePrincipalRequest, EnablePrincipalRequest,
        GetGroupRequest, GetPrincipalRequest, UpdateGroupRequest, UpdatePolicyRequest,
        UpdateRoleRequest,
    };
    let (principal_id, group_id) = (things.principal.clone(), things.group.clone());
    let (role_id, etag) = (things.role.clone(), text("v1"));
    vec![
        ask("GetPrincipal", &GetPrincipalRequest { principal_id: principal_id.clone() }),
        ask(
            "DisablePrincipal",
            &DisablePrincipalRequest { principal_id: principal_id.clone(), ..Default::default() },
        ),
        ask("EnablePrincipal", &EnablePrincipalRequest { principal_id, ..Default::default() }),
        ask("GetGroup", &GetGroupRequest { group_id: group_id.clone() }),
        ask(
            "UpdateGroup",
            &UpdateGroupRequest {
                group_id: group_id.clone(),
                etag: etag.clone(),
                display_name: text("mine"),
                ..Default::default()
            },
        ),
        ask(
            "DeleteGroup",
            &DeleteGroupRequest { group_id, etag: etag.clone(), ..Default::default() },
        ),
        ask(
            "UpdateRole",
            &UpdateRoleRequest {
                role_id: role_id.clone(),
                etag: etag.clone(),
                definition: Some(definition("mine")),
                ..Default::default()
            },
        ),
        ask(
            "DeleteRole",
            &DeleteRoleRequest {
                role_id: role_id.clone(),
                etag: etag.clone(),
                ..Default::default()
            },
        ),
        ask(
            "UpdatePolicy",
            &UpdatePolicyRequest {
                role_id,
                scope: text(SHOP),
                etag,
                rules: Some(assignment::Rules { require_mfa: Some(false), ..Default::default() }),
                ..Default::default()
            },
        ),
    ]
}

fn about_activations(things: &Things) -> Asked {
    use activation::{
        CancelActivationRequest, DeactivateRoleRequest, ExtendActivationRequest,
        GetActivationRequest, RevokeActivationRequest, extend_activation_request as extend,
    };
    let activation_id = things.active.clone();
    vec![
        ask(
            "ActivateRole",
            &ActivateRoleRequest {
                eligibility_id: things.eligibility.clone(),
                ..Person::wish(CONTRIBUTOR, SHOP)
            },
        ),
        ask("GetActivation", &GetActivationRequest { activation_id: activation_id.clone() }),
        ask(
            "DeactivateRole",
            &DeactivateRoleRequest { activation_id: activation_id.clone(), ..Default::default() },
        ),
        ask(
            "ExtendActivation",
            &ExtendActivationRequest {
                activation_id: activation_id.clone(),
                length: Some(extend::Length::Duration(duration(TimeDelta::hours(2)))),
                justification: text("more"),
                ..Default::default()
            },
        ),
        ask(
            "CancelActivation",
            &CancelActivationRequest {
                activation_id: things.pending.clone(),
                ..Default::default()
            },
        ),
        ask(
            "RevokeActivation",
            &RevokeActivationRequest {
                activation_id,
                justification: text("no"),
                ..Default::default()
            },
        ),
    ]
}

fn about_approvals(things: &Things) -> Asked {
    use approval::{ApproveRequest, DenyRequest, GetApprovalRequest, ListPossibleApproversRequest};
    let approval_id = things.approval.clone();
    vec![
        ask("GetApproval", &GetApprovalRequest { approval_id: approval_id.clone() }),
        ask(
            "ListPossibleApprovers",
            &ListPossibleApproversRequest { approval_id: approval_id.clone() },
        ),
        ask(
            "Approve",
            &ApproveRequest {
                approval_id: approval_id.clone(),
                etag: text("a1"),
                justification: text("yes"),
                ..Default::default()
            },
        ),
        ask(
            "Deny",
            &DenyRequest {
                approval_id,
                etag: text("a1"),
                justification: text("no"),
                ..Default::default()
            },
        ),
    ]
}

fn about_the_rest(things: &Things) -> Asked {
    use access::{check_access_request as check, explain_access_request as explain};
    use audit::{
        DismissAlertRequest, EraseJustificationRequest, GetAlertRequest, GetEventRequest,
        GetInclusionProofRequest, get_inclusion_proof_request as proof,
    };
    let (principal_id, role_id) = (things.principal.clone(), things.role.clone());
    vec![
        ask(
            "CheckAccess",
            &CheckAccessRequest {
                principal_id: principal_id.clone(),
                question: Some(check::Question::RoleId(role_id.clone())),
                scope: text(SHOP),
                ..Default::default()
            },
        ),
        ask(
            "ExplainAccess",
            &ExplainAccessRequest {
                principal_id,
                question: Some(explain::Question::RoleId(role_id)),
                scope: text(SHOP),
                ..Default::default()
            },
        ),
        ask("GetEvent", &GetEventRequest { event_id: things.event.clone() }),
        ask(
            "EraseJustification",
            &EraseJustificationRequest { event_id: things.event.clone(), ..Default::default() },
        ),
        ask(
            "GetInclusionProof",
            &GetInclusionProofRequest {
                entry: Some(proof::Entry::EventId(things.event.clone())),
                ..Default::default()
            },
        ),
        ask("GetAlert", &GetAlertRequest { alert_id: things.alert.clone() }),
        ask(
            "DismissAlert",
            &DismissAlertRequest {
                alert_id: things.alert.clone(),
                justification: text("known"),
                ..Default::default()
            },
        ),
        ask(
            "UnfreezeTenant",
            &assignment::UnfreezeTenantRequest {
                tenant_id: things.tenant.clone(),
                etag: text("v1"),
                justification: text("over"),
                ..Default::default()
            },
        ),
    ]
}

/// A request for each thing, by each method that names one.
pub(super) fn about_all(things: &Things) -> Asked {
    let about = [
        about_eligibilities,
        about_assignments,
        about_change_requests,
        about_directory,
        about_activations,
        about_approvals,
        about_the_rest,
    ];
    about.into_iter().flat_map(|about| about(things)).collect()
}
