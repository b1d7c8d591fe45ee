//! What can happen: stable codes, and what Entra calls them.

use serde::{Deserialize, Serialize};

/// What happened: stable, one a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is its text in as_str")]
pub enum Code {
    #[serde(rename = "pim.tenant.created")]
    TenantCreated,
    #[serde(rename = "pim.catalog.imported")]
    CatalogImported,
    #[serde(rename = "pim.principal.created")]
    PrincipalCreated,
    #[serde(rename = "pim.principal.disabled")]
    PrincipalDisabled,
    #[serde(rename = "pim.principal.enabled")]
    PrincipalEnabled,
    #[serde(rename = "pim.policy.updated")]
    PolicyUpdated,
    #[serde(rename = "pim.eligibility.created")]
    EligibilityCreated,
    #[serde(rename = "pim.eligibility.removed")]
    EligibilityRemoved,
    #[serde(rename = "pim.eligibility.canceled")]
    EligibilityCanceled,
    #[serde(rename = "pim.eligibility.expired")]
    EligibilityExpired,
    #[serde(rename = "pim.assignment.created")]
    AssignmentCreated,
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
    #[serde(rename = "pim.call.refused")]
    CallRefused,
}

impl Code {
    /// Every code.
    pub const ALL: [Code; 31] = [
        Code::TenantCreated,
        Code::CatalogImported,
        Code::PrincipalCreated,
        Code::PrincipalDisabled,
        Code::PrincipalEnabled,
        Code::PolicyUpdated,
        Code::EligibilityCreated,
        Code::EligibilityRemoved,
        Code::EligibilityCanceled,
        Code::EligibilityExpired,
        Code::AssignmentCreated,
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
        Code::ActivationRevoked,
        Code::ApprovalOpened,
        Code::ApprovalVoted,
        Code::ApprovalApproved,
        Code::ApprovalDenied,
        Code::ApprovalTimedOut,
        Code::ApprovalCanceled,
        Code::CallRefused,
    ];

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Code::TenantCreated => "pim.tenant.created",
            Code::CatalogImported => "pim.catalog.imported",
            Code::PrincipalCreated => "pim.principal.created",
            Code::PrincipalDisabled => "pim.principal.disabled",
            Code::PrincipalEnabled => "pim.principal.enabled",
            Code::PolicyUpdated => "pim.policy.updated",
            Code::EligibilityCreated => "pim.eligibility.created",
            Code::EligibilityRemoved => "pim.eligibility.removed",
            Code::EligibilityCanceled => "pim.eligibility.canceled",
            Code::EligibilityExpired => "pim.eligibility.expired",
            Code::AssignmentCreated => "pim.assignment.created",
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
            Code::ActivationRevoked => "pim.activation.revoked",
            Code::ApprovalOpened => "pim.approval.opened",
            Code::ApprovalVoted => "pim.approval.voted",
            Code::ApprovalApproved => "pim.approval.approved",
            Code::ApprovalDenied => "pim.approval.denied",
            Code::ApprovalTimedOut => "pim.approval.timed_out",
            Code::ApprovalCanceled => "pim.approval.canceled",
            Code::CallRefused => "pim.call.refused",
        }
    }

    /// Entra's name for it, exactly as Entra spells it; empty where Entra has none.
    pub(super) fn activity(self, permanent: bool) -> &'static str {
        match (self, permanent) {
            (Code::PolicyUpdated, _) => "Update role setting in PIM",
            (Code::EligibilityCreated, true) => {
                "Add eligible member to role in PIM completed (permanent)"
            }
            (Code::EligibilityCreated, false) => {
                "Add eligible member to role in PIM completed (timebound)"
            }
            (Code::EligibilityRemoved, true) => {
                "Remove eligible member from role in PIM completed (permanent)"
            }
            (Code::EligibilityRemoved | Code::EligibilityExpired, _) => {
                "Remove eligible member from role in PIM completed (timebound)"
            }
            (Code::EligibilityCanceled, true) => {
                "Add eligible member to role in PIM canceled (permanent)"
            }
            (Code::EligibilityCanceled, false) => {
                "Add eligible member to role in PIM canceled (timebound)"
            }
            (Code::AssignmentCreated, true) => "Add member to role in PIM completed (permanent)",
            (Code::AssignmentCreated, false) => "Add member to role in PIM completed (timebound)",
            (Code::AssignmentRemoved, true) => {
                "Remove member from role in PIM completed (permanent)"
            }
            // To Entra, what an administrator takes away is a time-bound assignment.
            (Code::AssignmentRemoved | Code::AssignmentExpired | Code::ActivationRevoked, _) => {
                "Remove member from role in PIM completed (timebound)"
            }
            // Entra lists the permanent one for groups only.
            (Code::AssignmentCanceled, _) => "Add member to role in PIM canceled (timebound)",
            (Code::ActivationRequested | Code::ActivationScheduled, _) => {
                "Add member to role requested (PIM activation)"
            }
            (Code::ActivationActivated, _) => "Add member to role completed (PIM activation)",
            (Code::ActivationTimedOut, _) => "PIM activation request expired",
            (Code::ActivationCanceled, _) => "Add member to role canceled (PIM activation)",
            (Code::ActivationExpired, _) => "Remove member from role (PIM activation expired)",
            (Code::ActivationDeactivated | Code::ActivationVoided, _) => {
                "Remove member from role completed (PIM deactivate)"
            }
            (Code::ApprovalOpened, _) => "Add member to role approval requested (PIM activation)",
            (Code::ApprovalApproved, _) => "Add member to role request approved (PIM activation)",
            (Code::ApprovalDenied, _) => "Add member to role request denied (PIM activation)",
            (
                Code::TenantCreated
                | Code::CatalogImported
                | Code::PrincipalCreated
                | Code::PrincipalDisabled
                | Code::PrincipalEnabled
                | Code::ActivationDenied
                | Code::ApprovalVoted
                | Code::ApprovalTimedOut
                | Code::ApprovalCanceled
                | Code::CallRefused,
                _,
            ) => "",
        }
    }
}
