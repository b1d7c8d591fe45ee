//! What can happen: stable codes, and what Entra calls them.

use serde::{Deserialize, Serialize};
use strum::{EnumProperty, EnumString, IntoStaticStr, VariantArray};

/// What happened: stable, one a transition.
///
/// Each row says under which text it is stored and shown, and what Entra calls it, exactly: `activity`,
/// and `permanent` where Entra tells what has no end from what has one. It is empty where Entra has
/// no name. A renewal makes a grant, and has the name of that. An administrator who extends without
/// being asked has approved it, too; and what one takes away is to Entra a time-bound assignment.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    EnumProperty,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Serialize,
    Deserialize,
)]
#[serde(into = "&'static str", try_from = "String")]
#[expect(missing_docs, reason = "each is its text")]
pub enum Code {
    #[strum(serialize = "pim.tenant.created")]
    TenantCreated,
    #[strum(serialize = "pim.tenant.updated")]
    TenantUpdated,
    #[strum(serialize = "pim.tenant.plan_changed")]
    TenantPlanChanged,
    #[strum(serialize = "pim.tenant.frozen")]
    TenantFrozen,
    #[strum(serialize = "pim.tenant.unfreeze_consented")]
    TenantUnfreezeConsented,
    #[strum(serialize = "pim.tenant.unfrozen")]
    TenantUnfrozen,
    #[strum(serialize = "pim.tenant.unfrozen_by_operator")]
    TenantUnfrozenByOperator,
    #[strum(serialize = "pim.catalog.imported")]
    CatalogImported,
    #[strum(serialize = "pim.role.created")]
    RoleCreated,
    #[strum(serialize = "pim.role.updated")]
    RoleUpdated,
    #[strum(serialize = "pim.role.deleted")]
    RoleDeleted,
    #[strum(serialize = "pim.principal.created")]
    PrincipalCreated,
    #[strum(serialize = "pim.principal.disabled")]
    PrincipalDisabled,
    #[strum(serialize = "pim.principal.enabled")]
    PrincipalEnabled,
    #[strum(serialize = "pim.group.created", props(activity = "Onboarded resource to PIM"))]
    GroupCreated,
    #[strum(serialize = "pim.group.updated", props(activity = "Resource updated"))]
    GroupUpdated,
    #[strum(serialize = "pim.group.deleted", props(activity = "Offboarded resource from PIM"))]
    GroupDeleted,
    #[strum(serialize = "pim.policy.updated", props(activity = "Update role setting in PIM"))]
    PolicyUpdated,
    #[strum(serialize = "pim.scope.created")]
    ScopeCreated,
    #[strum(serialize = "pim.scope.updated")]
    ScopeUpdated,
    #[strum(serialize = "pim.scope.moved")]
    ScopeMoved,
    #[strum(serialize = "pim.scope.deleted")]
    ScopeDeleted,
    #[strum(serialize = "pim.eligibility.created")]
    #[strum(props(activity = "Add eligible member to role in PIM completed (timebound)"))]
    #[strum(props(permanent = "Add eligible member to role in PIM completed (permanent)"))]
    EligibilityCreated,
    #[strum(serialize = "pim.eligibility.updated")]
    EligibilityUpdated,
    #[strum(serialize = "pim.eligibility.extended")]
    #[strum(props(activity = "Update member in PIM approved by admin (extend/renew)"))]
    EligibilityExtended,
    #[strum(serialize = "pim.eligibility.renewed")]
    #[strum(props(activity = "Add eligible member to role in PIM completed (timebound)"))]
    #[strum(props(permanent = "Add eligible member to role in PIM completed (permanent)"))]
    EligibilityRenewed,
    #[strum(serialize = "pim.eligibility.removed")]
    #[strum(props(activity = "Remove eligible member from role in PIM completed (timebound)"))]
    #[strum(props(permanent = "Remove eligible member from role in PIM completed (permanent)"))]
    EligibilityRemoved,
    #[strum(serialize = "pim.eligibility.canceled")]
    #[strum(props(activity = "Add eligible member to role in PIM canceled (timebound)"))]
    #[strum(props(permanent = "Add eligible member to role in PIM canceled (permanent)"))]
    EligibilityCanceled,
    #[strum(serialize = "pim.eligibility.expired")]
    #[strum(props(activity = "Remove eligible member from role in PIM completed (timebound)"))]
    EligibilityExpired,
    #[strum(serialize = "pim.assignment.created")]
    #[strum(props(activity = "Add member to role in PIM completed (timebound)"))]
    #[strum(props(permanent = "Add member to role in PIM completed (permanent)"))]
    AssignmentCreated,
    #[strum(serialize = "pim.assignment.updated")]
    AssignmentUpdated,
    #[strum(serialize = "pim.assignment.extended")]
    #[strum(props(activity = "Update member in PIM approved by admin (extend/renew)"))]
    AssignmentExtended,
    #[strum(serialize = "pim.assignment.renewed")]
    #[strum(props(activity = "Add member to role in PIM completed (timebound)"))]
    #[strum(props(permanent = "Add member to role in PIM completed (permanent)"))]
    AssignmentRenewed,
    #[strum(serialize = "pim.assignment.removed")]
    #[strum(props(activity = "Remove member from role in PIM completed (timebound)"))]
    #[strum(props(permanent = "Remove member from role in PIM completed (permanent)"))]
    AssignmentRemoved,
    #[strum(serialize = "pim.assignment.canceled")]
    #[strum(props(activity = "Add member to role in PIM canceled (timebound)"))]
    AssignmentCanceled,
    #[strum(serialize = "pim.assignment.expired")]
    #[strum(props(activity = "Remove member from role in PIM completed (timebound)"))]
    AssignmentExpired,
    #[strum(serialize = "pim.activation.requested")]
    #[strum(props(activity = "Add member to role requested (PIM activation)"))]
    ActivationRequested,
    #[strum(serialize = "pim.activation.scheduled")]
    #[strum(props(activity = "Add member to role requested (PIM activation)"))]
    ActivationScheduled,
    #[strum(serialize = "pim.activation.activated")]
    #[strum(props(activity = "Add member to role completed (PIM activation)"))]
    ActivationActivated,
    #[strum(serialize = "pim.activation.denied")]
    ActivationDenied,
    #[strum(serialize = "pim.activation.timed_out")]
    #[strum(props(activity = "PIM activation request expired"))]
    ActivationTimedOut,
    #[strum(serialize = "pim.activation.canceled")]
    #[strum(props(activity = "Add member to role canceled (PIM activation)"))]
    ActivationCanceled,
    #[strum(serialize = "pim.activation.voided")]
    #[strum(props(activity = "Remove member from role completed (PIM deactivate)"))]
    ActivationVoided,
    #[strum(serialize = "pim.activation.expired")]
    #[strum(props(activity = "Remove member from role (PIM activation expired)"))]
    ActivationExpired,
    #[strum(serialize = "pim.activation.deactivated")]
    #[strum(props(activity = "Remove member from role completed (PIM deactivate)"))]
    ActivationDeactivated,
    #[strum(serialize = "pim.activation.extension_requested")]
    #[strum(props(activity = "Update member in PIM requested (extend)"))]
    ActivationExtensionRequested,
    #[strum(serialize = "pim.activation.extended")]
    ActivationExtended,
    #[strum(serialize = "pim.activation.extension_denied")]
    ActivationExtensionDenied,
    #[strum(serialize = "pim.activation.extension_timed_out")]
    ActivationExtensionTimedOut,
    #[strum(serialize = "pim.activation.extension_voided")]
    ActivationExtensionVoided,
    #[strum(serialize = "pim.activation.revoked")]
    #[strum(props(activity = "Remove member from role in PIM completed (timebound)"))]
    ActivationRevoked,
    #[strum(serialize = "pim.approval.opened")]
    #[strum(props(activity = "Add member to role approval requested (PIM activation)"))]
    ApprovalOpened,
    #[strum(serialize = "pim.approval.voted")]
    ApprovalVoted,
    #[strum(serialize = "pim.approval.approved")]
    #[strum(props(activity = "Add member to role request approved (PIM activation)"))]
    ApprovalApproved,
    #[strum(serialize = "pim.approval.denied")]
    #[strum(props(activity = "Add member to role request denied (PIM activation)"))]
    ApprovalDenied,
    #[strum(serialize = "pim.approval.timed_out")]
    ApprovalTimedOut,
    #[strum(serialize = "pim.approval.canceled")]
    ApprovalCanceled,
    #[strum(serialize = "pim.change_request.eligibility_extension_requested")]
    #[strum(props(activity = "Update eligible member in PIM requested (extend)"))]
    EligibilityExtensionRequested,
    #[strum(serialize = "pim.change_request.eligibility_extension_canceled")]
    #[strum(props(activity = "Update eligible member in PIM canceled (extend)"))]
    EligibilityExtensionCanceled,
    #[strum(serialize = "pim.change_request.eligibility_renewal_requested")]
    #[strum(props(activity = "Add eligible member to role in PIM requested (renew)"))]
    EligibilityRenewalRequested,
    #[strum(serialize = "pim.change_request.eligibility_renewal_canceled")]
    #[strum(props(activity = "Add eligible member to role in PIM canceled (renew)"))]
    EligibilityRenewalCanceled,
    #[strum(serialize = "pim.change_request.assignment_extension_requested")]
    #[strum(props(activity = "Update member in PIM requested (extend)"))]
    AssignmentExtensionRequested,
    #[strum(serialize = "pim.change_request.assignment_extension_canceled")]
    #[strum(props(activity = "Update member in PIM canceled (extend)"))]
    AssignmentExtensionCanceled,
    #[strum(serialize = "pim.change_request.assignment_renewal_requested")]
    #[strum(props(activity = "Add member to role in PIM requested (renew)"))]
    AssignmentRenewalRequested,
    #[strum(serialize = "pim.change_request.assignment_renewal_canceled")]
    #[strum(props(activity = "Add member to role in PIM canceled (renew)"))]
    AssignmentRenewalCanceled,
    #[strum(serialize = "pim.change_request.approved")]
    #[strum(props(activity = "Update member in PIM approved by admin (extend/renew)"))]
    ChangeRequestApproved,
    #[strum(serialize = "pim.change_request.denied")]
    #[strum(props(activity = "Update member in PIM denied by admin (extend/renew)"))]
    ChangeRequestDenied,
    #[strum(serialize = "pim.change_request.timed_out")]
    ChangeRequestTimedOut,
    #[strum(serialize = "pim.alert.triggered", props(activity = "Triggered PIM alert"))]
    AlertTriggered,
    #[strum(serialize = "pim.alert.resolved", props(activity = "Resolve PIM alert"))]
    AlertResolved,
    #[strum(serialize = "pim.alert.dismissed", props(activity = "Deactivate PIM alert"))]
    AlertDismissed,
    #[strum(serialize = "pim.alert.enabled", props(activity = "Enable PIM alert"))]
    AlertEnabled,
    #[strum(serialize = "pim.alert.disabled", props(activity = "Disable PIM alert"))]
    AlertDisabled,
    #[strum(serialize = "pim.alert.updated", props(activity = "Update PIM alert setting"))]
    AlertUpdated,
    #[strum(serialize = "pim.event.exported")]
    EventExported,
    #[strum(serialize = "pim.justification.erased")]
    JustificationErased,
    #[strum(serialize = "pim.service.started")]
    ServiceStarted,
    #[strum(serialize = "pim.service.stopped")]
    ServiceStopped,
    #[strum(serialize = "pim.call.refused")]
    CallRefused,
    #[strum(serialize = "pim.log.key_changed")]
    LogKeyChanged,
}

impl Code {
    /// Every code.
    pub const ALL: &'static [Code] = Code::VARIANTS;

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Entra's name for it, exactly as Entra spells it; empty where Entra has none.
    pub(super) fn activity(self, permanent: bool) -> &'static str {
        let of_permanent = self.get_str("permanent").filter(|_| permanent);
        of_permanent.or_else(|| self.get_str("activity")).unwrap_or_default()
    }
}

impl TryFrom<String> for Code {
    type Error = strum::ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}
