//! What gains: after it, somebody holds or may hold more, or something is on its way to that. It is
//! refused in a tenant that is frozen or has no plan for it. Losing is never refused.

use super::Code;

impl Code {
    /// Whether what happened gains something: all does that is not listed here. A change of a policy, a
    /// role, a scope or a group that may widen counts as one that does: the two cannot be told apart in
    /// general. A scope that is deleted is afterwards where its path alone has it, and who holds
    /// something there reaches it. Opening an approval only asks those who may decide, and their yes is
    /// refused.
    #[must_use]
    pub fn gains(self) -> bool {
        !matches!(
            self,
            Code::TenantCreated
                | Code::TenantUpdated
                | Code::TenantPlanChanged
                | Code::TenantFrozen
                | Code::TenantUnfreezeConsented
                | Code::TenantUnfrozen
                | Code::TenantUnfrozenByOperator
                | Code::RoleDeleted
                | Code::PrincipalDisabled
                | Code::GroupDeleted
                | Code::EligibilityRemoved
                | Code::EligibilityCanceled
                | Code::EligibilityExpired
                | Code::AssignmentRemoved
                | Code::AssignmentCanceled
                | Code::AssignmentExpired
                | Code::ActivationDenied
                | Code::ActivationTimedOut
                | Code::ActivationCanceled
                | Code::ActivationVoided
                | Code::ActivationExpired
                | Code::ActivationDeactivated
                | Code::ActivationExtensionDenied
                | Code::ActivationExtensionTimedOut
                | Code::ActivationExtensionVoided
                | Code::ActivationRevoked
                | Code::ApprovalOpened
                | Code::ApprovalDenied
                | Code::ApprovalTimedOut
                | Code::ApprovalCanceled
                | Code::EligibilityExtensionCanceled
                | Code::EligibilityRenewalCanceled
                | Code::AssignmentExtensionCanceled
                | Code::AssignmentRenewalCanceled
                | Code::ChangeRequestDenied
                | Code::ChangeRequestTimedOut
                | Code::AlertTriggered
                | Code::AlertResolved
                | Code::AlertDismissed
                | Code::AlertEnabled
                | Code::AlertDisabled
                | Code::AlertUpdated
                | Code::EventExported
                | Code::CallRefused
                | Code::JustificationErased
                | Code::ServiceStarted
                | Code::ServiceStopped
                | Code::LogKeyChanged
        )
    }
}
