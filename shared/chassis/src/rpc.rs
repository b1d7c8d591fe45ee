//! The RPC authorisation table: who may call which method, deny by default. One row an RPC of the
//! contract; a test walks the descriptor and fails for one without.

use pim_domain::authority::Action;

/// Who may call a method. What is judged by the object is judged again by its verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Any enabled principal of the tenant; the verb judges by relationship.
    AnyPrincipal,
    /// Who holds the action somewhere; the verb asks for it at the object's scope.
    Action(Action),
    /// These services of this system.
    Services(&'static [&'static str]),
    /// Who runs the installation.
    Operator,
}

/// One method of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rpc {
    /// `/package.Service/Method`.
    pub path: &'static str,
    /// Who may call it.
    pub guard: Guard,
}

const fn row(path: &'static str, guard: Guard) -> Rpc {
    Rpc { path, guard }
}

use Guard::{Action as Own, AnyPrincipal, Operator, Services};

const SCHEDULER: Guard = Services(&["scheduler"]);

/// The table.
pub const RPCS: &[Rpc] = &[
    row("/pim.assignment.v1.TenantService/CreateTenant", Operator),
    row("/pim.assignment.v1.RoleService/ImportCatalog", Own(Action::RoleImport)),
    row("/pim.assignment.v1.RoleService/GetRole", AnyPrincipal),
    row("/pim.assignment.v1.RoleService/ListRoles", AnyPrincipal),
    row("/pim.assignment.v1.RoleService/CreateRole", Own(Action::RoleCreate)),
    row("/pim.assignment.v1.RoleService/UpdateRole", Own(Action::RoleUpdate)),
    row("/pim.assignment.v1.RoleService/DeleteRole", Own(Action::RoleDelete)),
    row("/pim.assignment.v1.DirectoryService/CreatePrincipal", Own(Action::PrincipalCreate)),
    row("/pim.assignment.v1.DirectoryService/GetPrincipal", AnyPrincipal),
    row("/pim.assignment.v1.DirectoryService/ListPrincipals", Own(Action::PrincipalRead)),
    row("/pim.assignment.v1.DirectoryService/DisablePrincipal", Own(Action::PrincipalDisable)),
    row("/pim.assignment.v1.DirectoryService/EnablePrincipal", Own(Action::PrincipalEnable)),
    row("/pim.assignment.v1.DirectoryService/CreateGroup", Own(Action::GroupCreate)),
    row("/pim.assignment.v1.DirectoryService/GetGroup", Own(Action::GroupRead)),
    row("/pim.assignment.v1.DirectoryService/ListGroups", Own(Action::GroupRead)),
    row("/pim.assignment.v1.DirectoryService/UpdateGroup", Own(Action::GroupUpdate)),
    row("/pim.assignment.v1.DirectoryService/DeleteGroup", Own(Action::GroupDelete)),
    row("/pim.assignment.v1.PolicyService/GetPolicy", AnyPrincipal),
    row("/pim.assignment.v1.PolicyService/ListPolicies", AnyPrincipal),
    row("/pim.assignment.v1.PolicyService/GetPolicyInForce", AnyPrincipal),
    row("/pim.assignment.v1.PolicyService/UpdatePolicy", Own(Action::PolicyUpdate)),
    row("/pim.assignment.v1.ScopeService/GetScope", Own(Action::ScopeRead)),
    row("/pim.assignment.v1.ScopeService/ListScopes", Own(Action::ScopeRead)),
    row("/pim.assignment.v1.ScopeService/CreateScope", Own(Action::ScopeCreate)),
    row("/pim.assignment.v1.ScopeService/UpdateScope", Own(Action::ScopeUpdate)),
    row("/pim.assignment.v1.ScopeService/DeleteScope", Own(Action::ScopeDelete)),
    row("/pim.assignment.v1.ScopeService/SearchActivatableScopes", AnyPrincipal),
    row("/pim.assignment.v1.AssignmentService/CreateEligibility", Own(Action::EligibilityCreate)),
    row("/pim.assignment.v1.AssignmentService/GetEligibility", AnyPrincipal),
    row("/pim.assignment.v1.AssignmentService/ListEligibilities", Own(Action::EligibilityRead)),
    row("/pim.assignment.v1.AssignmentService/UpdateEligibility", Own(Action::EligibilityUpdate)),
    row("/pim.assignment.v1.AssignmentService/ExtendEligibility", Own(Action::EligibilityExtend)),
    row("/pim.assignment.v1.AssignmentService/RenewEligibility", Own(Action::EligibilityRenew)),
    row("/pim.assignment.v1.AssignmentService/RemoveEligibility", Own(Action::EligibilityRemove)),
    row("/pim.assignment.v1.AssignmentService/CreateAssignment", Own(Action::AssignmentCreate)),
    row("/pim.assignment.v1.AssignmentService/GetAssignment", AnyPrincipal),
    row("/pim.assignment.v1.AssignmentService/ListAssignments", Own(Action::AssignmentRead)),
    row("/pim.assignment.v1.AssignmentService/UpdateAssignment", Own(Action::AssignmentUpdate)),
    row("/pim.assignment.v1.AssignmentService/ExtendAssignment", Own(Action::AssignmentExtend)),
    row("/pim.assignment.v1.AssignmentService/RenewAssignment", Own(Action::AssignmentRenew)),
    row("/pim.assignment.v1.AssignmentService/RemoveAssignment", Own(Action::AssignmentRemove)),
    row("/pim.assignment.v1.AssignmentService/SearchMyEligibilities", AnyPrincipal),
    row("/pim.assignment.v1.AssignmentService/EndEligibility", SCHEDULER),
    row("/pim.assignment.v1.AssignmentService/EndAssignment", SCHEDULER),
    row("/pim.assignment.v1.AssignmentService/CreateChangeRequest", AnyPrincipal),
    row("/pim.assignment.v1.AssignmentService/GetChangeRequest", AnyPrincipal),
    row("/pim.assignment.v1.AssignmentService/ListChangeRequests", Own(Action::ChangeRequestRead)),
    row("/pim.assignment.v1.AssignmentService/SearchMyChangeRequests", AnyPrincipal),
    row(
        "/pim.assignment.v1.AssignmentService/ApproveChangeRequest",
        Own(Action::ChangeRequestApprove),
    ),
    row("/pim.assignment.v1.AssignmentService/DenyChangeRequest", Own(Action::ChangeRequestDeny)),
    row("/pim.assignment.v1.AssignmentService/CancelChangeRequest", AnyPrincipal),
    row("/pim.assignment.v1.AssignmentService/TimeOutChangeRequest", SCHEDULER),
    row("/pim.activation.v1.ActivationService/ActivateRole", AnyPrincipal),
    row("/pim.activation.v1.ActivationService/BatchActivateRoles", AnyPrincipal),
    row("/pim.activation.v1.ActivationService/GetActivation", AnyPrincipal),
    row("/pim.activation.v1.ActivationService/ListActivations", Own(Action::ActivationRead)),
    row("/pim.activation.v1.ActivationService/SearchMyActivations", AnyPrincipal),
    row("/pim.activation.v1.ActivationService/DeactivateRole", AnyPrincipal),
    row("/pim.activation.v1.ActivationService/ExtendActivation", AnyPrincipal),
    row("/pim.activation.v1.ActivationService/CancelActivation", AnyPrincipal),
    row("/pim.activation.v1.ActivationService/RevokeActivation", Own(Action::ActivationRevoke)),
    row(
        "/pim.activation.v1.ActivationService/ResolveActivation",
        Services(&["approval", "scheduler"]),
    ),
    row("/pim.activation.v1.ActivationService/StartActivation", SCHEDULER),
    row("/pim.activation.v1.ActivationService/ExpireActivation", SCHEDULER),
    row(
        "/pim.activation.v1.ActivationService/VoidActivation",
        Services(&["assignment", "scheduler"]),
    ),
    row("/pim.approval.v1.ApprovalService/GetApproval", AnyPrincipal),
    row("/pim.approval.v1.ApprovalService/ListApprovals", Own(Action::ApprovalRead)),
    row("/pim.approval.v1.ApprovalService/SearchMyApprovals", AnyPrincipal),
    row("/pim.approval.v1.ApprovalService/Approve", AnyPrincipal),
    row("/pim.approval.v1.ApprovalService/Deny", AnyPrincipal),
    row("/pim.approval.v1.ApprovalService/ListPossibleApprovers", AnyPrincipal),
    row("/pim.approval.v1.ApprovalService/BatchDecide", AnyPrincipal),
    row("/pim.approval.v1.ApprovalService/OpenApproval", Services(&["activation", "scheduler"])),
    row("/pim.approval.v1.ApprovalService/CancelApproval", Services(&["activation", "scheduler"])),
    row("/pim.approval.v1.ApprovalService/TimeOutApproval", SCHEDULER),
    row("/pim.audit.v1.AuditService/ListEvents", Own(Action::EventRead)),
    row("/pim.audit.v1.AuditService/GetEvent", Own(Action::EventRead)),
    row("/pim.audit.v1.AuditService/ExportEvents", Own(Action::EventRead)),
    row("/pim.audit.v1.AuditService/TailEvents", Own(Action::EventRead)),
    row("/pim.audit.v1.AuditService/GetCheckpoint", Own(Action::EventRead)),
    row("/pim.audit.v1.AuditService/GetInclusionProof", Own(Action::EventRead)),
    row("/pim.audit.v1.AuditService/GetConsistencyProof", Own(Action::EventRead)),
    row("/pim.audit.v1.AuditService/ListEntries", Own(Action::EventRead)),
    row("/pim.audit.v1.AlertService/ListAlerts", Own(Action::EventRead)),
    row("/pim.audit.v1.AlertService/GetAlert", Own(Action::EventRead)),
    row("/pim.audit.v1.AlertService/DismissAlert", Own(Action::AlertDismiss)),
    row("/pim.audit.v1.AlertService/GetAlertSettings", Own(Action::EventRead)),
    row("/pim.audit.v1.AlertService/UpdateAlertSettings", Own(Action::AlertUpdate)),
    row("/pim.access.v1.AccessService/CheckAccess", AnyPrincipal),
    row("/pim.access.v1.AccessService/BatchCheckAccess", AnyPrincipal),
    row("/pim.access.v1.AccessService/ListEffectiveRoles", AnyPrincipal),
    row("/pim.access.v1.AccessService/WatchEffectiveRoles", AnyPrincipal),
    row("/pim.access.v1.AccessService/ListRoleHolders", Own(Action::AccessRead)),
    row("/pim.access.v1.AccessService/ExplainAccess", AnyPrincipal),
    row("/pim.access.v1.AccessService/IssueRoleToken", AnyPrincipal),
    row("/pim.access.v1.AccessService/GetRoleTokenKeys", AnyPrincipal),
    row("/pim.scheduler.v1.SchedulerService/ListDue", Operator),
];

/// The row of a method; `None` is a no.
#[must_use]
pub fn find(path: &str) -> Option<&'static Rpc> {
    RPCS.iter().find(|rpc| rpc.path == path)
}
