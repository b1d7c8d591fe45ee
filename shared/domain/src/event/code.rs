//! What can happen: stable codes, and what Entra calls them.

use serde::{Deserialize, Serialize};

// Entra's longest names; where there are two, of what has an end and of what has none.
const ADDED: [&str; 2] = [
    "Add member to role in PIM completed (timebound)",
    "Add member to role in PIM completed (permanent)",
];
const ELIGIBLE_ADDED: [&str; 2] = [
    "Add eligible member to role in PIM completed (timebound)",
    "Add eligible member to role in PIM completed (permanent)",
];
const ELIGIBLE_CANCELED: [&str; 2] = [
    "Add eligible member to role in PIM canceled (timebound)",
    "Add eligible member to role in PIM canceled (permanent)",
];
const ELIGIBLE_REMOVED_PERMANENT: &str =
    "Remove eligible member from role in PIM completed (permanent)";
const ELIGIBLE_REMOVED_TIMEBOUND: &str =
    "Remove eligible member from role in PIM completed (timebound)";
const REMOVED_PERMANENT: &str = "Remove member from role in PIM completed (permanent)";
const ELIGIBLE_EXTENSION_REQUESTED: &str = "Update eligible member in PIM requested (extend)";
const ELIGIBLE_EXTENSION_CANCELED: &str = "Update eligible member in PIM canceled (extend)";
const ELIGIBLE_RENEWAL_REQUESTED: &str = "Add eligible member to role in PIM requested (renew)";
const ELIGIBLE_RENEWAL_CANCELED: &str = "Add eligible member to role in PIM canceled (renew)";
const ACTIVATION_REQUESTED: &str = "Add member to role requested (PIM activation)";
const DEACTIVATED: &str = "Remove member from role completed (PIM deactivate)";
const EXTEND: &str = "Update member in PIM requested (extend)";
const DENIED_BY_ADMIN: &str = "Update member in PIM denied by admin (extend/renew)";

// Names that do not fit beside their code.
const ELIGIBILITY_EXTENSION_REQUESTED: &str = "pim.change_request.eligibility_extension_requested";
const ELIGIBILITY_EXTENSION_CANCELED: &str = "pim.change_request.eligibility_extension_canceled";
const ASSIGNMENT_EXTENSION_REQUESTED: &str = "pim.change_request.assignment_extension_requested";
// An administrator who extends without being asked has approved it, too.
const APPROVED_BY_ADMIN: &str = "Update member in PIM approved by admin (extend/renew)";
// To Entra, what an administrator takes away is a time-bound assignment.
const REMOVED_TIMEBOUND: &str = "Remove member from role in PIM completed (timebound)";

/// What happened: stable, one a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is its text in as_str")]
pub enum Code {
    #[serde(rename = "pim.tenant.created")]
    TenantCreated,
    #[serde(rename = "pim.tenant.updated")]
    TenantUpdated,
    #[serde(rename = "pim.tenant.plan_changed")]
    TenantPlanChanged,
    #[serde(rename = "pim.tenant.frozen")]
    TenantFrozen,
    #[serde(rename = "pim.tenant.unfreeze_consented")]
    TenantUnfreezeConsented,
    #[serde(rename = "pim.tenant.unfrozen")]
    TenantUnfrozen,
    #[serde(rename = "pim.catalog.imported")]
    CatalogImported,
    #[serde(rename = "pim.role.created")]
    RoleCreated,
    #[serde(rename = "pim.role.updated")]
    RoleUpdated,
    #[serde(rename = "pim.role.deleted")]
    RoleDeleted,
    #[serde(rename = "pim.principal.created")]
    PrincipalCreated,
    #[serde(rename = "pim.principal.disabled")]
    PrincipalDisabled,
    #[serde(rename = "pim.principal.enabled")]
    PrincipalEnabled,
    #[serde(rename = "pim.group.created")]
    GroupCreated,
    #[serde(rename = "pim.group.updated")]
    GroupUpdated,
    #[serde(rename = "pim.group.deleted")]
    GroupDeleted,
    #[serde(rename = "pim.policy.updated")]
    PolicyUpdated,
    #[serde(rename = "pim.scope.created")]
    ScopeCreated,
    #[serde(rename = "pim.scope.updated")]
    ScopeUpdated,
    #[serde(rename = "pim.scope.moved")]
    ScopeMoved,
    #[serde(rename = "pim.scope.deleted")]
    ScopeDeleted,
    #[serde(rename = "pim.eligibility.created")]
    EligibilityCreated,
    #[serde(rename = "pim.eligibility.updated")]
    EligibilityUpdated,
    #[serde(rename = "pim.eligibility.extended")]
    EligibilityExtended,
    #[serde(rename = "pim.eligibility.renewed")]
    EligibilityRenewed,
    #[serde(rename = "pim.eligibility.removed")]
    EligibilityRemoved,
    #[serde(rename = "pim.eligibility.canceled")]
    EligibilityCanceled,
    #[serde(rename = "pim.eligibility.expired")]
    EligibilityExpired,
    #[serde(rename = "pim.assignment.created")]
    AssignmentCreated,
    #[serde(rename = "pim.assignment.updated")]
    AssignmentUpdated,
    #[serde(rename = "pim.assignment.extended")]
    AssignmentExtended,
    #[serde(rename = "pim.assignment.renewed")]
    AssignmentRenewed,
    #[serde(rename = "pim.assignment.removed")]
    AssignmentRemoved,
    #[serde(rename = "pim.assignment.canceled")]
    AssignmentCanceled,
    #[serde(rename = "pim.assignment.expired")]
    AssignmentExpired,
    #[serde(rename = "pim.activation.requested")]
    ActivationRequested,
    #[serde(rename = "pim.activation.scheduled")]
    ActivationScheduled,
    #[serde(rename = "pim.activation.activated")]
    ActivationActivated,
    #[serde(rename = "pim.activation.denied")]
    ActivationDenied,
    #[serde(rename = "pim.activation.timed_out")]
    ActivationTimedOut,
    #[serde(rename = "pim.activation.canceled")]
    ActivationCanceled,
    #[serde(rename = "pim.activation.voided")]
    ActivationVoided,
    #[serde(rename = "pim.activation.expired")]
    ActivationExpired,
    #[serde(rename = "pim.activation.deactivated")]
    ActivationDeactivated,
    #[serde(rename = "pim.activation.extension_requested")]
    ActivationExtensionRequested,
    #[serde(rename = "pim.activation.extended")]
    ActivationExtended,
    #[serde(rename = "pim.activation.extension_denied")]
    ActivationExtensionDenied,
    #[serde(rename = "pim.activation.extension_timed_out")]
    ActivationExtensionTimedOut,
    #[serde(rename = "pim.activation.extension_voided")]
    ActivationExtensionVoided,
    #[serde(rename = "pim.activation.revoked")]
    ActivationRevoked,
    #[serde(rename = "pim.approval.opened")]
    ApprovalOpened,
    #[serde(rename = "pim.approval.voted")]
    ApprovalVoted,
    #[serde(rename = "pim.approval.approved")]
    ApprovalApproved,
    #[serde(rename = "pim.approval.denied")]
    ApprovalDenied,
    #[serde(rename = "pim.approval.timed_out")]
    ApprovalTimedOut,
    #[serde(rename = "pim.approval.canceled")]
    ApprovalCanceled,
    #[serde(rename = "pim.change_request.eligibility_extension_requested")]
    EligibilityExtensionRequested,
    #[serde(rename = "pim.change_request.eligibility_extension_canceled")]
    EligibilityExtensionCanceled,
    #[serde(rename = "pim.change_request.eligibility_renewal_requested")]
    EligibilityRenewalRequested,
    #[serde(rename = "pim.change_request.eligibility_renewal_canceled")]
    EligibilityRenewalCanceled,
    #[serde(rename = "pim.change_request.assignment_extension_requested")]
    AssignmentExtensionRequested,
    #[serde(rename = "pim.change_request.assignment_extension_canceled")]
    AssignmentExtensionCanceled,
    #[serde(rename = "pim.change_request.assignment_renewal_requested")]
    AssignmentRenewalRequested,
    #[serde(rename = "pim.change_request.assignment_renewal_canceled")]
    AssignmentRenewalCanceled,
    #[serde(rename = "pim.change_request.approved")]
    ChangeRequestApproved,
    #[serde(rename = "pim.change_request.denied")]
    ChangeRequestDenied,
    #[serde(rename = "pim.change_request.timed_out")]
    ChangeRequestTimedOut,
    #[serde(rename = "pim.alert.triggered")]
    AlertTriggered,
    #[serde(rename = "pim.alert.resolved")]
    AlertResolved,
    #[serde(rename = "pim.alert.dismissed")]
    AlertDismissed,
    #[serde(rename = "pim.alert.enabled")]
    AlertEnabled,
    #[serde(rename = "pim.alert.disabled")]
    AlertDisabled,
    #[serde(rename = "pim.alert.updated")]
    AlertUpdated,
    #[serde(rename = "pim.event.exported")]
    EventExported,
    #[serde(rename = "pim.justification.erased")]
    JustificationErased,
    #[serde(rename = "pim.service.started")]
    ServiceStarted,
    #[serde(rename = "pim.service.stopped")]
    ServiceStopped,
    #[serde(rename = "pim.call.refused")]
    CallRefused,
    #[serde(rename = "pim.log.key_changed")]
    LogKeyChanged,
}

impl Code {
    /// Every code.
    pub const ALL: [Code; 79] = [
        Code::TenantCreated,
        Code::TenantUpdated,
        Code::TenantPlanChanged,
        Code::TenantFrozen,
        Code::TenantUnfreezeConsented,
        Code::TenantUnfrozen,
        Code::CatalogImported,
        Code::RoleCreated,
        Code::RoleUpdated,
        Code::RoleDeleted,
        Code::PrincipalCreated,
        Code::PrincipalDisabled,
        Code::PrincipalEnabled,
        Code::GroupCreated,
        Code::GroupUpdated,
        Code::GroupDeleted,
        Code::PolicyUpdated,
        Code::ScopeCreated,
        Code::ScopeUpdated,
        Code::ScopeMoved,
        Code::ScopeDeleted,
        Code::EligibilityCreated,
        Code::EligibilityUpdated,
        Code::EligibilityExtended,
        Code::EligibilityRenewed,
        Code::EligibilityRemoved,
        Code::EligibilityCanceled,
        Code::EligibilityExpired,
        Code::AssignmentCreated,
        Code::AssignmentUpdated,
        Code::AssignmentExtended,
        Code::AssignmentRenewed,
        Code::AssignmentRemoved,
        Code::AssignmentCanceled,
        Code::AssignmentExpired,
        Code::ActivationRequested,
        Code::ActivationScheduled,
        Code::ActivationActivated,
        Code::ActivationDenied,
        Code::ActivationTimedOut,
        Code::ActivationCanceled,
        Code::ActivationVoided,
        Code::ActivationExpired,
        Code::ActivationDeactivated,
        Code::ActivationExtensionRequested,
        Code::ActivationExtended,
        Code::ActivationExtensionDenied,
        Code::ActivationExtensionTimedOut,
        Code::ActivationExtensionVoided,
        Code::ActivationRevoked,
        Code::ApprovalOpened,
        Code::ApprovalVoted,
        Code::ApprovalApproved,
        Code::ApprovalDenied,
        Code::ApprovalTimedOut,
        Code::ApprovalCanceled,
        Code::EligibilityExtensionRequested,
        Code::EligibilityExtensionCanceled,
        Code::EligibilityRenewalRequested,
        Code::EligibilityRenewalCanceled,
        Code::AssignmentExtensionRequested,
        Code::AssignmentExtensionCanceled,
        Code::AssignmentRenewalRequested,
        Code::AssignmentRenewalCanceled,
        Code::ChangeRequestApproved,
        Code::ChangeRequestDenied,
        Code::ChangeRequestTimedOut,
        Code::AlertTriggered,
        Code::AlertResolved,
        Code::AlertDismissed,
        Code::AlertEnabled,
        Code::AlertDisabled,
        Code::AlertUpdated,
        Code::EventExported,
        Code::JustificationErased,
        Code::ServiceStarted,
        Code::ServiceStopped,
        Code::CallRefused,
        Code::LogKeyChanged,
    ];

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Code::TenantCreated => "pim.tenant.created",
            Code::TenantUpdated => "pim.tenant.updated",
            Code::TenantPlanChanged => "pim.tenant.plan_changed",
            Code::TenantFrozen => "pim.tenant.frozen",
            Code::TenantUnfreezeConsented => "pim.tenant.unfreeze_consented",
            Code::TenantUnfrozen => "pim.tenant.unfrozen",
            Code::CatalogImported => "pim.catalog.imported",
            Code::RoleCreated => "pim.role.created",
            Code::RoleUpdated => "pim.role.updated",
            Code::RoleDeleted => "pim.role.deleted",
            Code::PrincipalCreated => "pim.principal.created",
            Code::PrincipalDisabled => "pim.principal.disabled",
            Code::PrincipalEnabled => "pim.principal.enabled",
            Code::GroupCreated => "pim.group.created",
            Code::GroupUpdated => "pim.group.updated",
            Code::GroupDeleted => "pim.group.deleted",
            Code::PolicyUpdated => "pim.policy.updated",
            Code::ScopeCreated => "pim.scope.created",
            Code::ScopeUpdated => "pim.scope.updated",
            Code::ScopeMoved => "pim.scope.moved",
            Code::ScopeDeleted => "pim.scope.deleted",
            Code::EligibilityCreated => "pim.eligibility.created",
            Code::EligibilityUpdated => "pim.eligibility.updated",
            Code::EligibilityExtended => "pim.eligibility.extended",
            Code::EligibilityRenewed => "pim.eligibility.renewed",
            Code::EligibilityRemoved => "pim.eligibility.removed",
            Code::EligibilityCanceled => "pim.eligibility.canceled",
            Code::EligibilityExpired => "pim.eligibility.expired",
            Code::AssignmentCreated => "pim.assignment.created",
            Code::AssignmentUpdated => "pim.assignment.updated",
            Code::AssignmentExtended => "pim.assignment.extended",
            Code::AssignmentRenewed => "pim.assignment.renewed",
            Code::AssignmentRemoved => "pim.assignment.removed",
            Code::AssignmentCanceled => "pim.assignment.canceled",
            Code::AssignmentExpired => "pim.assignment.expired",
            Code::ActivationRequested => "pim.activation.requested",
            Code::ActivationScheduled => "pim.activation.scheduled",
            Code::ActivationActivated => "pim.activation.activated",
            Code::ActivationDenied => "pim.activation.denied",
            Code::ActivationTimedOut => "pim.activation.timed_out",
            Code::ActivationCanceled => "pim.activation.canceled",
            Code::ActivationVoided => "pim.activation.voided",
            Code::ActivationExpired => "pim.activation.expired",
            Code::ActivationDeactivated => "pim.activation.deactivated",
            Code::ActivationExtensionRequested => "pim.activation.extension_requested",
            Code::ActivationExtended => "pim.activation.extended",
            Code::ActivationExtensionDenied => "pim.activation.extension_denied",
            Code::ActivationExtensionTimedOut => "pim.activation.extension_timed_out",
            Code::ActivationExtensionVoided => "pim.activation.extension_voided",
            Code::ActivationRevoked => "pim.activation.revoked",
            Code::ApprovalOpened => "pim.approval.opened",
            Code::ApprovalVoted => "pim.approval.voted",
            Code::ApprovalApproved => "pim.approval.approved",
            Code::ApprovalDenied => "pim.approval.denied",
            Code::ApprovalTimedOut => "pim.approval.timed_out",
            Code::ApprovalCanceled => "pim.approval.canceled",
            Code::EligibilityExtensionRequested => ELIGIBILITY_EXTENSION_REQUESTED,
            Code::EligibilityExtensionCanceled => ELIGIBILITY_EXTENSION_CANCELED,
            Code::EligibilityRenewalRequested => "pim.change_request.eligibility_renewal_requested",
            Code::EligibilityRenewalCanceled => "pim.change_request.eligibility_renewal_canceled",
            Code::AssignmentExtensionRequested => ASSIGNMENT_EXTENSION_REQUESTED,
            Code::AssignmentExtensionCanceled => "pim.change_request.assignment_extension_canceled",
            Code::AssignmentRenewalRequested => "pim.change_request.assignment_renewal_requested",
            Code::AssignmentRenewalCanceled => "pim.change_request.assignment_renewal_canceled",
            Code::ChangeRequestApproved => "pim.change_request.approved",
            Code::ChangeRequestDenied => "pim.change_request.denied",
            Code::ChangeRequestTimedOut => "pim.change_request.timed_out",
            Code::AlertTriggered => "pim.alert.triggered",
            Code::AlertResolved => "pim.alert.resolved",
            Code::AlertDismissed => "pim.alert.dismissed",
            Code::AlertEnabled => "pim.alert.enabled",
            Code::AlertDisabled => "pim.alert.disabled",
            Code::AlertUpdated => "pim.alert.updated",
            Code::EventExported => "pim.event.exported",
            Code::JustificationErased => "pim.justification.erased",
            Code::ServiceStarted => "pim.service.started",
            Code::ServiceStopped => "pim.service.stopped",
            Code::CallRefused => "pim.call.refused",
            Code::LogKeyChanged => "pim.log.key_changed",
        }
    }

    /// Entra's name for it, exactly as Entra spells it; empty where Entra has none.
    pub(super) fn activity(self, permanent: bool) -> &'static str {
        let term = usize::from(permanent);
        match (self, permanent) {
            (Code::GroupCreated, _) => "Onboarded resource to PIM",
            (Code::GroupUpdated, _) => "Resource updated",
            (Code::GroupDeleted, _) => "Offboarded resource from PIM",
            (Code::PolicyUpdated, _) => "Update role setting in PIM",
            // A renewal makes a grant, and Entra has no name of its own for that it was made.
            (Code::EligibilityCreated | Code::EligibilityRenewed, _) => ELIGIBLE_ADDED[term],
            (Code::EligibilityRemoved, true) => ELIGIBLE_REMOVED_PERMANENT,
            (Code::EligibilityRemoved | Code::EligibilityExpired, _) => ELIGIBLE_REMOVED_TIMEBOUND,
            (Code::EligibilityCanceled, _) => ELIGIBLE_CANCELED[term],
            (Code::AssignmentCreated | Code::AssignmentRenewed, _) => ADDED[term],
            (Code::AssignmentRemoved, true) => REMOVED_PERMANENT,
            (Code::AssignmentRemoved | Code::AssignmentExpired, _) => REMOVED_TIMEBOUND,
            (Code::ActivationRevoked, _) => REMOVED_TIMEBOUND,
            // Entra lists the permanent one for groups only.
            (Code::AssignmentCanceled, _) => "Add member to role in PIM canceled (timebound)",
            (Code::ActivationRequested | Code::ActivationScheduled, _) => ACTIVATION_REQUESTED,
            (Code::ActivationActivated, _) => "Add member to role completed (PIM activation)",
            (Code::ActivationTimedOut, _) => "PIM activation request expired",
            (Code::ActivationCanceled, _) => "Add member to role canceled (PIM activation)",
            (Code::ActivationExpired, _) => "Remove member from role (PIM activation expired)",
            (Code::ActivationDeactivated | Code::ActivationVoided, _) => DEACTIVATED,
            (Code::ApprovalOpened, _) => "Add member to role approval requested (PIM activation)",
            (Code::ApprovalApproved, _) => "Add member to role request approved (PIM activation)",
            (Code::ApprovalDenied, _) => "Add member to role request denied (PIM activation)",
            (Code::EligibilityExtended | Code::AssignmentExtended, _) => APPROVED_BY_ADMIN,
            (Code::ChangeRequestApproved, _) => APPROVED_BY_ADMIN,
            (Code::ChangeRequestDenied, _) => DENIED_BY_ADMIN,
            (Code::EligibilityExtensionRequested, _) => ELIGIBLE_EXTENSION_REQUESTED,
            (Code::EligibilityExtensionCanceled, _) => ELIGIBLE_EXTENSION_CANCELED,
            (Code::EligibilityRenewalRequested, _) => ELIGIBLE_RENEWAL_REQUESTED,
            (Code::EligibilityRenewalCanceled, _) => ELIGIBLE_RENEWAL_CANCELED,
            (Code::AssignmentExtensionRequested | Code::ActivationExtensionRequested, _) => EXTEND,
            (Code::AssignmentExtensionCanceled, _) => "Update member in PIM canceled (extend)",
            (Code::AssignmentRenewalRequested, _) => "Add member to role in PIM requested (renew)",
            (Code::AssignmentRenewalCanceled, _) => "Add member to role in PIM canceled (renew)",
            (Code::AlertTriggered, _) => "Triggered PIM alert",
            (Code::AlertResolved, _) => "Resolve PIM alert",
            (Code::AlertDismissed, _) => "Deactivate PIM alert",
            (Code::AlertEnabled, _) => "Enable PIM alert",
            (Code::AlertDisabled, _) => "Disable PIM alert",
            (Code::AlertUpdated, _) => "Update PIM alert setting",
            (
                Code::TenantCreated
                | Code::TenantUpdated
                | Code::TenantPlanChanged
                | Code::TenantFrozen
                | Code::TenantUnfreezeConsented
                | Code::TenantUnfrozen
                | Code::CatalogImported
                | Code::RoleCreated
                | Code::RoleUpdated
                | Code::RoleDeleted
                | Code::PrincipalCreated
                | Code::PrincipalDisabled
                | Code::PrincipalEnabled
                | Code::ScopeCreated
                | Code::ScopeUpdated
                | Code::ScopeMoved
                | Code::ScopeDeleted
                | Code::ActivationDenied
                | Code::ActivationExtended
                | Code::ActivationExtensionDenied
                | Code::ActivationExtensionTimedOut
                | Code::ActivationExtensionVoided
                | Code::ApprovalVoted
                | Code::ApprovalTimedOut
                | Code::ApprovalCanceled
                | Code::EligibilityUpdated
                | Code::AssignmentUpdated
                | Code::ChangeRequestTimedOut
                | Code::EventExported
                | Code::JustificationErased
                | Code::ServiceStarted
                | Code::ServiceStopped
                | Code::CallRefused
                | Code::LogKeyChanged,
                _,
            ) => "",
        }
    }
}
