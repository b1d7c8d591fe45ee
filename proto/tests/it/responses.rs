//! What every answer is made of.

use std::any::type_name;

use pim_domain::{
    activation::Activation, change_request::ChangeRequest, due::Due, effective::Effective,
    event::StoredEvent, grant::Grant, group::Group, policy::Policy, principal::Principal,
    role::Role, scope::Node,
};
use pim_proto::{
    access,
    activation::v1 as act,
    approval::v1 as appr,
    assignment::v1 as asgn,
    audit,
    call::{
        AccessPage, AccessView, Answer, ApprovalView, AskView, BatchAnswer, Batched,
        CheckpointView, ConsistencyView, EntriesPage, Explanation, Exported, ImportView,
        InclusionView, Listed, PolicyInForceView, PossibleApproversView, RoleTokenKeysView,
        RoleTokenView, Tailed, TenantView, Watched,
    },
    scheduler,
};

use crate::descriptor::method_names;

fn answer<R: From<A>, A>() -> &'static str {
    type_name::<R>().rsplit("::").next().unwrap()
}

/// Every response of the contract; that it compiles says what each is made of.
fn responses() -> Vec<&'static str> {
    vec![
        answer::<asgn::CreateTenantResponse, Answer<TenantView>>(),
        answer::<asgn::ImportCatalogResponse, Answer<ImportView>>(),
        answer::<asgn::GetRoleResponse, Answer<Role>>(),
        answer::<asgn::ListRolesResponse, Listed<Role>>(),
        answer::<asgn::CreateRoleResponse, Answer<Role>>(),
        answer::<asgn::UpdateRoleResponse, Answer<Role>>(),
        answer::<asgn::DeleteRoleResponse, Answer<Role>>(),
        answer::<asgn::CreatePrincipalResponse, Answer<Principal>>(),
        answer::<asgn::GetPrincipalResponse, Answer<Principal>>(),
        answer::<asgn::ListPrincipalsResponse, Listed<Principal>>(),
        answer::<asgn::DisablePrincipalResponse, Answer<Principal>>(),
        answer::<asgn::EnablePrincipalResponse, Answer<Principal>>(),
        answer::<asgn::CreateGroupResponse, Answer<Group>>(),
        answer::<asgn::GetGroupResponse, Answer<Group>>(),
        answer::<asgn::ListGroupsResponse, Listed<Group>>(),
        answer::<asgn::UpdateGroupResponse, Answer<Group>>(),
        answer::<asgn::DeleteGroupResponse, Answer<Group>>(),
        answer::<asgn::GetPolicyResponse, Answer<Policy>>(),
        answer::<asgn::ListPoliciesResponse, Listed<Policy>>(),
        answer::<asgn::UpdatePolicyResponse, Answer<Policy>>(),
        answer::<asgn::GetPolicyInForceResponse, Answer<PolicyInForceView>>(),
        answer::<asgn::GetScopeResponse, Answer<Node>>(),
        answer::<asgn::ListScopesResponse, Listed<Node>>(),
        answer::<asgn::CreateScopeResponse, Answer<Node>>(),
        answer::<asgn::UpdateScopeResponse, Answer<Node>>(),
        answer::<asgn::DeleteScopeResponse, Answer<Node>>(),
        answer::<asgn::SearchActivatableScopesResponse, Listed<Node>>(),
        answer::<asgn::CreateEligibilityResponse, Answer<Grant>>(),
        answer::<asgn::GetEligibilityResponse, Answer<Grant>>(),
        answer::<asgn::ListEligibilitiesResponse, Listed<Grant>>(),
        answer::<asgn::RemoveEligibilityResponse, Answer<Grant>>(),
        answer::<asgn::UpdateEligibilityResponse, Answer<Grant>>(),
        answer::<asgn::ExtendEligibilityResponse, Answer<Grant>>(),
        answer::<asgn::RenewEligibilityResponse, Answer<Grant>>(),
        answer::<asgn::EndEligibilityResponse, Answer<Grant>>(),
        answer::<asgn::SearchMyEligibilitiesResponse, Listed<Grant>>(),
        answer::<asgn::CreateAssignmentResponse, Answer<Grant>>(),
        answer::<asgn::GetAssignmentResponse, Answer<Grant>>(),
        answer::<asgn::ListAssignmentsResponse, Listed<Grant>>(),
        answer::<asgn::RemoveAssignmentResponse, Answer<Grant>>(),
        answer::<asgn::UpdateAssignmentResponse, Answer<Grant>>(),
        answer::<asgn::ExtendAssignmentResponse, Answer<Grant>>(),
        answer::<asgn::RenewAssignmentResponse, Answer<Grant>>(),
        answer::<asgn::EndAssignmentResponse, Answer<Grant>>(),
        answer::<asgn::CreateChangeRequestResponse, Answer<ChangeRequest>>(),
        answer::<asgn::GetChangeRequestResponse, Answer<ChangeRequest>>(),
        answer::<asgn::ListChangeRequestsResponse, Listed<ChangeRequest>>(),
        answer::<asgn::SearchMyChangeRequestsResponse, Listed<ChangeRequest>>(),
        answer::<asgn::ApproveChangeRequestResponse, Answer<ChangeRequest>>(),
        answer::<asgn::DenyChangeRequestResponse, Answer<ChangeRequest>>(),
        answer::<asgn::CancelChangeRequestResponse, Answer<ChangeRequest>>(),
        answer::<asgn::TimeOutChangeRequestResponse, Answer<ChangeRequest>>(),
        answer::<act::ActivateRoleResponse, Answer<AskView>>(),
        answer::<act::BatchActivateRolesResponse, Batched<AskView>>(),
        answer::<act::GetActivationResponse, Answer<Activation>>(),
        answer::<act::ListActivationsResponse, Listed<Activation>>(),
        answer::<act::SearchMyActivationsResponse, Listed<Activation>>(),
        answer::<act::DeactivateRoleResponse, Answer<Activation>>(),
        answer::<act::ExtendActivationResponse, Answer<Activation>>(),
        answer::<act::CancelActivationResponse, Answer<Activation>>(),
        answer::<act::RevokeActivationResponse, Answer<Activation>>(),
        answer::<act::ResolveActivationResponse, Answer<Activation>>(),
        answer::<act::StartActivationResponse, Answer<Activation>>(),
        answer::<act::ExpireActivationResponse, Answer<Activation>>(),
        answer::<act::VoidActivationResponse, Answer<Activation>>(),
        answer::<appr::GetApprovalResponse, Answer<ApprovalView>>(),
        answer::<appr::ListApprovalsResponse, Listed<ApprovalView>>(),
        answer::<appr::SearchMyApprovalsResponse, Listed<ApprovalView>>(),
        answer::<appr::ApproveResponse, Answer<ApprovalView>>(),
        answer::<appr::DenyResponse, Answer<ApprovalView>>(),
        answer::<appr::ListPossibleApproversResponse, Answer<PossibleApproversView>>(),
        answer::<appr::BatchDecideResponse, Batched<ApprovalView>>(),
        answer::<appr::OpenApprovalResponse, Answer<ApprovalView>>(),
        answer::<appr::CancelApprovalResponse, Answer<ApprovalView>>(),
        answer::<appr::TimeOutApprovalResponse, Answer<ApprovalView>>(),
        answer::<audit::v1::ListEventsResponse, Listed<StoredEvent>>(),
        answer::<audit::v1::GetEventResponse, Answer<StoredEvent>>(),
        answer::<audit::v1::TailEventsResponse, Tailed>(),
        answer::<audit::v1::ExportEventsResponse, Exported>(),
        answer::<audit::v1::GetCheckpointResponse, Answer<CheckpointView>>(),
        answer::<audit::v1::GetInclusionProofResponse, Answer<InclusionView>>(),
        answer::<audit::v1::GetConsistencyProofResponse, Answer<ConsistencyView>>(),
        answer::<audit::v1::ListEntriesResponse, EntriesPage>(),
        answer::<access::v1::CheckAccessResponse, AccessView>(),
        answer::<access::v1::BatchCheckAccessResponse, BatchAnswer<Effective>>(),
        answer::<access::v1::ListEffectiveRolesResponse, AccessPage>(),
        answer::<access::v1::WatchEffectiveRolesResponse, Watched>(),
        answer::<access::v1::ListRoleHoldersResponse, AccessPage>(),
        answer::<access::v1::ExplainAccessResponse, Explanation>(),
        answer::<access::v1::IssueRoleTokenResponse, RoleTokenView>(),
        answer::<access::v1::GetRoleTokenKeysResponse, RoleTokenKeysView>(),
        answer::<scheduler::v1::ListDueResponse, Listed<Due>>(),
    ]
}

#[test]
fn every_response_can_be_written() {
    let mut written = responses();
    written.sort_unstable();
    assert_eq!(written, method_names("Response"));
}
