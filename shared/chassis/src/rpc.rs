//! The RPC authorisation table: who may call which method, deny by default. One row an RPC of the
//! contract; a test walks the descriptor and fails for one without.

use pim_domain::authority::Action;

/// Who may call a method. What is judged by the object is judged again by its verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Whoever has a credential that counts: principals, services and operators.
    Anyone,
    /// Any enabled principal of the tenant; the verb judges by relationship.
    AnyPrincipal,
    /// Who holds the action somewhere; the verb asks for it at the object's scope.
    Action(Action),
    /// The same; or who runs the installation, whose log is the platform's own.
    ActionOrOperator(Action),
    /// These services of this system.
    Services(&'static [&'static str]),
    /// Who runs the installation.
    Operator,
}

/// How often a method may be called: see [`crate::rates`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Asked on each request that somebody else serves: whether a principal may do something.
    Check,
    /// Another reading.
    Read,
    /// A writing that may widen what somebody holds, or administers.
    Write,
    /// One that only narrows it. Nothing that others do may be in its way.
    Lose,
    /// Between the services of this system.
    Internal,
}

/// One method of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rpc {
    /// `/package.Service/Method`.
    pub path: &'static str,
    /// Who may call it.
    pub guard: Guard,
    /// How often.
    pub class: Class,
}

const fn check(path: &'static str, guard: Guard) -> Rpc {
    Rpc { path, guard, class: Class::Check }
}

const fn read(path: &'static str, guard: Guard) -> Rpc {
    Rpc { path, guard, class: Class::Read }
}

const fn write(path: &'static str, guard: Guard) -> Rpc {
    Rpc { path, guard, class: Class::Write }
}

const fn lose(path: &'static str, guard: Guard) -> Rpc {
    Rpc { path, guard, class: Class::Lose }
}

const fn internal(path: &'static str, services: &'static [&'static str]) -> Rpc {
    Rpc { path, guard: Guard::Services(services), class: Class::Internal }
}

use Guard::{Action as Own, ActionOrOperator, AnyPrincipal, Anyone, Operator};

const SCHEDULER: &[&str] = &["scheduler"];
const LOG_READ: Guard = ActionOrOperator(Action::EventRead);

/// The table.
pub const RPCS: &[Rpc] = &[
    write("/pim.assignment.v1.TenantService/CreateTenant", Operator),
    read("/pim.assignment.v1.TenantService/GetTenant", AnyPrincipal),
    write("/pim.assignment.v1.TenantService/UpdateTenant", Own(Action::TenantUpdate)),
    write("/pim.assignment.v1.TenantService/SetTenantPlan", Operator),
    lose("/pim.assignment.v1.TenantService/FreezeTenant", Own(Action::TenantFreeze)),
    write(
        "/pim.assignment.v1.TenantService/UnfreezeTenant",
        ActionOrOperator(Action::TenantUnfreeze),
    ),
    write("/pim.assignment.v1.RoleService/ImportCatalog", Own(Action::RoleImport)),
    read("/pim.assignment.v1.RoleService/GetRole", AnyPrincipal),
    read("/pim.assignment.v1.RoleService/ListRoles", AnyPrincipal),
    write("/pim.assignment.v1.RoleService/CreateRole", Own(Action::RoleCreate)),
    write("/pim.assignment.v1.RoleService/UpdateRole", Own(Action::RoleUpdate)),
    lose("/pim.assignment.v1.RoleService/DeleteRole", Own(Action::RoleDelete)),
    write("/pim.assignment.v1.DirectoryService/CreatePrincipal", Own(Action::PrincipalCreate)),
    read("/pim.assignment.v1.DirectoryService/GetPrincipal", AnyPrincipal),
    read("/pim.assignment.v1.DirectoryService/ListPrincipals", Own(Action::PrincipalRead)),
    lose("/pim.assignment.v1.DirectoryService/DisablePrincipal", Own(Action::PrincipalDisable)),
    write("/pim.assignment.v1.DirectoryService/EnablePrincipal", Own(Action::PrincipalEnable)),
    write("/pim.assignment.v1.DirectoryService/CreateGroup", Own(Action::GroupCreate)),
    read("/pim.assignment.v1.DirectoryService/GetGroup", Own(Action::GroupRead)),
    read("/pim.assignment.v1.DirectoryService/ListGroups", Own(Action::GroupRead)),
    write("/pim.assignment.v1.DirectoryService/UpdateGroup", Own(Action::GroupUpdate)),
    lose("/pim.assignment.v1.DirectoryService/DeleteGroup", Own(Action::GroupDelete)),
    read("/pim.assignment.v1.PolicyService/GetPolicy", AnyPrincipal),
    read("/pim.assignment.v1.PolicyService/ListPolicies", AnyPrincipal),
    read("/pim.assignment.v1.PolicyService/GetPolicyInForce", AnyPrincipal),
    write("/pim.assignment.v1.PolicyService/UpdatePolicy", Own(Action::PolicyUpdate)),
    read("/pim.assignment.v1.PolicyService/TestPolicy", AnyPrincipal),
    read("/pim.assignment.v1.ScopeService/GetScope", Own(Action::ScopeRead)),
    read("/pim.assignment.v1.ScopeService/ListScopes", Own(Action::ScopeRead)),
    write("/pim.assignment.v1.ScopeService/CreateScope", Own(Action::ScopeCreate)),
    write("/pim.assignment.v1.ScopeService/UpdateScope", Own(Action::ScopeUpdate)),
    write("/pim.assignment.v1.ScopeService/DeleteScope", Own(Action::ScopeDelete)),
    read("/pim.assignment.v1.ScopeService/SearchActivatableScopes", AnyPrincipal),
    write("/pim.assignment.v1.AssignmentService/CreateEligibility", Own(Action::EligibilityCreate)),
    read("/pim.assignment.v1.AssignmentService/GetEligibility", AnyPrincipal),
    read("/pim.assignment.v1.AssignmentService/ListEligibilities", Own(Action::EligibilityRead)),
    write("/pim.assignment.v1.AssignmentService/UpdateEligibility", Own(Action::EligibilityUpdate)),
    write("/pim.assignment.v1.AssignmentService/ExtendEligibility", Own(Action::EligibilityExtend)),
    write("/pim.assignment.v1.AssignmentService/RenewEligibility", Own(Action::EligibilityRenew)),
    lose("/pim.assignment.v1.AssignmentService/RemoveEligibility", Own(Action::EligibilityRemove)),
    write("/pim.assignment.v1.AssignmentService/CreateAssignment", Own(Action::AssignmentCreate)),
    read("/pim.assignment.v1.AssignmentService/GetAssignment", AnyPrincipal),
    read("/pim.assignment.v1.AssignmentService/ListAssignments", Own(Action::AssignmentRead)),
    write("/pim.assignment.v1.AssignmentService/UpdateAssignment", Own(Action::AssignmentUpdate)),
    write("/pim.assignment.v1.AssignmentService/ExtendAssignment", Own(Action::AssignmentExtend)),
    write("/pim.assignment.v1.AssignmentService/RenewAssignment", Own(Action::AssignmentRenew)),
    lose("/pim.assignment.v1.AssignmentService/RemoveAssignment", Own(Action::AssignmentRemove)),
    read("/pim.assignment.v1.AssignmentService/SearchMyEligibilities", AnyPrincipal),
    internal("/pim.assignment.v1.AssignmentService/EndEligibility", SCHEDULER),
    internal("/pim.assignment.v1.AssignmentService/EndAssignment", SCHEDULER),
    write("/pim.assignment.v1.AssignmentService/CreateChangeRequest", AnyPrincipal),
    read("/pim.assignment.v1.AssignmentService/GetChangeRequest", AnyPrincipal),
    read("/pim.assignment.v1.AssignmentService/ListChangeRequests", Own(Action::ChangeRequestRead)),
    read("/pim.assignment.v1.AssignmentService/SearchMyChangeRequests", AnyPrincipal),
    write(
        "/pim.assignment.v1.AssignmentService/ApproveChangeRequest",
        Own(Action::ChangeRequestApprove),
    ),
    lose("/pim.assignment.v1.AssignmentService/DenyChangeRequest", Own(Action::ChangeRequestDeny)),
    lose("/pim.assignment.v1.AssignmentService/CancelChangeRequest", AnyPrincipal),
    internal("/pim.assignment.v1.AssignmentService/TimeOutChangeRequest", SCHEDULER),
    write("/pim.activation.v1.ActivationService/ActivateRole", AnyPrincipal),
    write("/pim.activation.v1.ActivationService/BatchActivateRoles", AnyPrincipal),
    read("/pim.activation.v1.ActivationService/GetActivation", AnyPrincipal),
    read("/pim.activation.v1.ActivationService/ListActivations", Own(Action::ActivationRead)),
    read("/pim.activation.v1.ActivationService/SearchMyActivations", AnyPrincipal),
    lose("/pim.activation.v1.ActivationService/DeactivateRole", AnyPrincipal),
    write("/pim.activation.v1.ActivationService/ExtendActivation", AnyPrincipal),
    lose("/pim.activation.v1.ActivationService/CancelActivation", AnyPrincipal),
    lose("/pim.activation.v1.ActivationService/RevokeActivation", Own(Action::ActivationRevoke)),
    internal("/pim.activation.v1.ActivationService/ResolveActivation", &["approval", "scheduler"]),
    internal("/pim.activation.v1.ActivationService/StartActivation", SCHEDULER),
    internal("/pim.activation.v1.ActivationService/ExpireActivation", SCHEDULER),
    internal("/pim.activation.v1.ActivationService/VoidActivation", &["assignment", "scheduler"]),
    read("/pim.approval.v1.ApprovalService/GetApproval", AnyPrincipal),
    read("/pim.approval.v1.ApprovalService/ListApprovals", Own(Action::ApprovalRead)),
    read("/pim.approval.v1.ApprovalService/SearchMyApprovals", AnyPrincipal),
    write("/pim.approval.v1.ApprovalService/Approve", AnyPrincipal),
    lose("/pim.approval.v1.ApprovalService/Deny", AnyPrincipal),
    read("/pim.approval.v1.ApprovalService/ListPossibleApprovers", AnyPrincipal),
    write("/pim.approval.v1.ApprovalService/BatchDecide", AnyPrincipal),
    internal("/pim.approval.v1.ApprovalService/OpenApproval", &["activation", "scheduler"]),
    internal("/pim.approval.v1.ApprovalService/CancelApproval", &["activation", "scheduler"]),
    internal("/pim.approval.v1.ApprovalService/TimeOutApproval", SCHEDULER),
    read("/pim.audit.v1.AuditService/ListEvents", LOG_READ),
    read("/pim.audit.v1.AuditService/GetEvent", LOG_READ),
    write("/pim.audit.v1.AuditService/ExportEvents", Own(Action::EventRead)),
    read("/pim.audit.v1.AuditService/TailEvents", Own(Action::EventRead)),
    read("/pim.audit.v1.AuditService/GetCheckpoint", LOG_READ),
    read("/pim.audit.v1.AuditService/GetInclusionProof", LOG_READ),
    read("/pim.audit.v1.AuditService/GetConsistencyProof", LOG_READ),
    read("/pim.audit.v1.AuditService/ListEntries", LOG_READ),
    write("/pim.audit.v1.AuditService/EraseJustification", Own(Action::JustificationErase)),
    read("/pim.audit.v1.AlertService/ListAlerts", Own(Action::EventRead)),
    read("/pim.audit.v1.AlertService/GetAlert", Own(Action::EventRead)),
    write("/pim.audit.v1.AlertService/DismissAlert", Own(Action::AlertDismiss)),
    read("/pim.audit.v1.AlertService/GetAlertSettings", Own(Action::EventRead)),
    write("/pim.audit.v1.AlertService/UpdateAlertSettings", Own(Action::AlertUpdate)),
    check("/pim.access.v1.AccessService/CheckAccess", AnyPrincipal),
    check("/pim.access.v1.AccessService/BatchCheckAccess", AnyPrincipal),
    check("/pim.access.v1.AccessService/ListEffectiveRoles", AnyPrincipal),
    check("/pim.access.v1.AccessService/WatchEffectiveRoles", AnyPrincipal),
    read("/pim.access.v1.AccessService/ListRoleHolders", Own(Action::AccessRead)),
    read("/pim.access.v1.AccessService/ExplainAccess", AnyPrincipal),
    read("/pim.access.v1.AccessService/IssueRoleToken", AnyPrincipal),
    check("/pim.access.v1.AccessService/GetRoleTokenKeys", AnyPrincipal),
    read("/pim.access.v1.AccessService/GetCaller", Anyone),
    read("/pim.scheduler.v1.SchedulerService/ListDue", Operator),
];

/// The row of a method; `None` is a no.
#[must_use]
pub fn find(path: &str) -> Option<&'static Rpc> {
    RPCS.iter().find(|rpc| rpc.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const READING: [&str; 7] = ["Get", "List", "Search", "Tail", "Explain", "Watch", "Test"];

    fn methods(class: Class) -> Vec<&'static str> {
        let of = RPCS.iter().filter(|rpc| rpc.class == class);
        of.filter_map(|rpc| rpc.path.rsplit('/').next()).collect()
    }

    #[test]
    fn what_only_narrows_is_that_and_no_more() {
        let losing = [
            "FreezeTenant",
            "DeleteRole",
            "DisablePrincipal",
            "DeleteGroup",
            "RemoveEligibility",
            "RemoveAssignment",
            "DenyChangeRequest",
            "CancelChangeRequest",
            "DeactivateRole",
            "CancelActivation",
            "RevokeActivation",
            "Deny",
        ];
        assert_eq!(methods(Class::Lose), losing);
    }

    #[test]
    fn checks_are_those_of_the_access_service_that_others_ask_on_each_request() {
        let checks = [
            "CheckAccess",
            "BatchCheckAccess",
            "ListEffectiveRoles",
            "WatchEffectiveRoles",
            "GetRoleTokenKeys",
        ];
        assert_eq!(methods(Class::Check), checks);
    }

    #[test]
    fn reading_and_writing_go_by_the_name() {
        let reads = |method: &&str| READING.iter().any(|verb| method.starts_with(verb));
        let mut reading = methods(Class::Read);
        reading.retain(|method| !reads(method));
        assert_eq!(reading, ["IssueRoleToken"]);
        let mut writing = methods(Class::Write);
        writing.extend(methods(Class::Lose));
        writing.retain(reads);
        assert_eq!(writing, [""; 0]);
        for rpc in RPCS {
            let services = matches!(rpc.guard, Guard::Services(_));
            assert_eq!(services, rpc.class == Class::Internal, "{}", rpc.path);
        }
    }
}
