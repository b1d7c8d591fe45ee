//! The kinds of alerts, as data: what each is called, how bad it is, and what mends it. Names and
//! ids are Entra's and Azure's where they have the alert.

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// To be looked at some day.
    Low,
    /// To be looked at soon.
    Medium,
    /// To be looked at today.
    High,
    /// To be looked at now.
    Critical,
}

/// What an alert tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is its text in name")]
pub enum AlertKind {
    #[serde(rename = "TooManyGlobalAdminsAssignedToTenantAlert")]
    TooManyGlobalAdministrators,
    #[serde(rename = "RedundantAssignmentAlert")]
    RolesNotUsed,
    #[serde(rename = "NoMfaOnRoleActivationAlert")]
    NoMfaOnActivation,
    #[serde(rename = "SequentialActivationRenewalsAlert")]
    SequentialRenewals,
    #[serde(rename = "FewBreakGlassHoldersAlert")]
    FewBreakGlassHolders,
    #[serde(rename = "BreakGlassUsedAlert")]
    BreakGlassUsed,
    #[serde(rename = "SettingsWeakenedAlert")]
    SettingsWeakened,
    #[serde(rename = "UnapprovablePolicyAlert")]
    UnapprovablePolicy,
    #[serde(rename = "DenialsInARowAlert")]
    DenialsInARow,
    #[serde(rename = "MutualApprovalAlert")]
    MutualApproval,
    #[serde(rename = "TooManyOwnersAssignedToResource")]
    TooManyOwners,
    #[serde(rename = "TooManyPermanentOwnersAssignedToResource")]
    TooManyPermanentOwners,
    #[serde(rename = "DuplicateRoleCreated")]
    DuplicateRoles,
    #[serde(rename = "UnusualHourActivationAlert")]
    UnusualHour,
    #[serde(rename = "StaleSignInAlert")]
    StaleSignIn,
    #[serde(rename = "InvalidLicenseAlert")]
    NoLicence,
    #[serde(rename = "RolesAssignedOutsidePimAlert")]
    AssignedOutside,
    #[serde(rename = "AzureRolesAssignedOutsidePimAlert")]
    AzureAssignedOutside,
    #[serde(rename = "UnusualNetworkActivationAlert")]
    UnusualNetwork,
    #[serde(rename = "AlertDisabledAlert")]
    AlertDisabled,
}

impl AlertKind {
    /// Every kind.
    pub const ALL: [AlertKind; 20] = [
        AlertKind::TooManyGlobalAdministrators,
        AlertKind::RolesNotUsed,
        AlertKind::NoMfaOnActivation,
        AlertKind::SequentialRenewals,
        AlertKind::FewBreakGlassHolders,
        AlertKind::BreakGlassUsed,
        AlertKind::SettingsWeakened,
        AlertKind::UnapprovablePolicy,
        AlertKind::DenialsInARow,
        AlertKind::MutualApproval,
        AlertKind::TooManyOwners,
        AlertKind::TooManyPermanentOwners,
        AlertKind::DuplicateRoles,
        AlertKind::UnusualHour,
        AlertKind::StaleSignIn,
        AlertKind::NoLicence,
        AlertKind::AssignedOutside,
        AlertKind::AzureAssignedOutside,
        AlertKind::UnusualNetwork,
        AlertKind::AlertDisabled,
    ];

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AlertKind::TooManyGlobalAdministrators => "TooManyGlobalAdminsAssignedToTenantAlert",
            AlertKind::RolesNotUsed => "RedundantAssignmentAlert",
            AlertKind::NoMfaOnActivation => "NoMfaOnRoleActivationAlert",
            AlertKind::SequentialRenewals => "SequentialActivationRenewalsAlert",
            AlertKind::FewBreakGlassHolders => "FewBreakGlassHoldersAlert",
            AlertKind::BreakGlassUsed => "BreakGlassUsedAlert",
            AlertKind::SettingsWeakened => "SettingsWeakenedAlert",
            AlertKind::UnapprovablePolicy => "UnapprovablePolicyAlert",
            AlertKind::DenialsInARow => "DenialsInARowAlert",
            AlertKind::MutualApproval => "MutualApprovalAlert",
            AlertKind::TooManyOwners => "TooManyOwnersAssignedToResource",
            AlertKind::TooManyPermanentOwners => "TooManyPermanentOwnersAssignedToResource",
            AlertKind::DuplicateRoles => "DuplicateRoleCreated",
            AlertKind::UnusualHour => "UnusualHourActivationAlert",
            AlertKind::StaleSignIn => "StaleSignInAlert",
            AlertKind::NoLicence => "InvalidLicenseAlert",
            AlertKind::AssignedOutside => "RolesAssignedOutsidePimAlert",
            AlertKind::AzureAssignedOutside => "AzureRolesAssignedOutsidePimAlert",
            AlertKind::UnusualNetwork => "UnusualNetworkActivationAlert",
            AlertKind::AlertDisabled => "AlertDisabledAlert",
        }
    }

    /// The kind that is shown as `text`.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AlertKind::TooManyGlobalAdministrators => "There are too many global administrators",
            AlertKind::RolesNotUsed => "Administrators aren't using their privileged roles",
            AlertKind::NoMfaOnActivation => {
                "Roles don't require multi-factor authentication for activation"
            }
            AlertKind::SequentialRenewals => "Roles are being activated too frequently",
            AlertKind::FewBreakGlassHolders => {
                "Fewer than two break-glass accounts hold the tenant"
            }
            AlertKind::BreakGlassUsed => "A break-glass account was used",
            AlertKind::SettingsWeakened => "The settings of a role were weakened",
            AlertKind::UnapprovablePolicy => "Nobody can give the approval that a role needs",
            AlertKind::DenialsInARow => "Somebody was refused many times in a row",
            AlertKind::MutualApproval => "Two people always approve each other",
            AlertKind::TooManyOwners => "Too many owners are assigned to a resource",
            AlertKind::TooManyPermanentOwners => {
                "Too many permanent owners are assigned to a resource"
            }
            AlertKind::DuplicateRoles => "Custom roles permit the same at the same scopes",
            AlertKind::UnusualHour => "A role was activated at an unusual hour for that person",
            AlertKind::StaleSignIn => "Potential stale accounts in a privileged role",
            AlertKind::NoLicence => "Privileged roles are held without a plan for them",
            AlertKind::AssignedOutside => {
                "Roles are being assigned outside of Privileged Identity Management"
            }
            AlertKind::AzureAssignedOutside => {
                "Resource roles are being assigned outside of Privileged Identity Management"
            }
            AlertKind::UnusualNetwork => {
                "A role was activated from an unusual network for that person"
            }
            AlertKind::AlertDisabled => "An alert is disabled",
        }
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            AlertKind::TooManyGlobalAdministrators
            | AlertKind::RolesNotUsed
            | AlertKind::NoMfaOnActivation
            | AlertKind::SequentialRenewals
            | AlertKind::NoLicence => Severity::Low,
            AlertKind::TooManyOwners
            | AlertKind::TooManyPermanentOwners
            | AlertKind::DuplicateRoles
            | AlertKind::DenialsInARow
            | AlertKind::MutualApproval
            | AlertKind::UnusualHour
            | AlertKind::StaleSignIn
            | AlertKind::UnusualNetwork
            | AlertKind::AlertDisabled => Severity::Medium,
            AlertKind::SettingsWeakened
            | AlertKind::UnapprovablePolicy
            | AlertKind::AssignedOutside
            | AlertKind::AzureAssignedOutside => Severity::High,
            AlertKind::FewBreakGlassHolders | AlertKind::BreakGlassUsed => Severity::Critical,
        }
    }

    /// What mends it.
    #[must_use]
    pub fn remediation(self) -> &'static str {
        match self {
            AlertKind::TooManyGlobalAdministrators => {
                "Take the role from those who do not need it, or give them a narrower one"
            }
            AlertKind::RolesNotUsed => "Remove the eligibility",
            AlertKind::NoMfaOnActivation => "Set require_mfa in the policy of the role",
            AlertKind::SequentialRenewals => {
                "Ask why; a longer activation_max or an active assignment may fit the work better"
            }
            AlertKind::FewBreakGlassHolders => {
                "Enable the break-glass accounts, and assign Global Administrator to them for good"
            }
            AlertKind::BreakGlassUsed => {
                "Find out who used it and why, and change its credential afterwards"
            }
            AlertKind::SettingsWeakened => "Set the rules as they were, or dismiss with the reason",
            AlertKind::UnapprovablePolicy => {
                "Name approvers, or fallback approvers, who are enabled users and enough of them"
            }
            AlertKind::DenialsInARow => {
                "Ask them what they try; disable the account if it is not they"
            }
            AlertKind::MutualApproval => "Name more approvers for what the two activate",
            AlertKind::TooManyOwners => "Remove owners, or give them a narrower role",
            AlertKind::TooManyPermanentOwners => {
                "Make them eligible, or give their assignments an end"
            }
            AlertKind::DuplicateRoles => "Delete all but one of the roles",
            AlertKind::UnusualHour | AlertKind::UnusualNetwork => {
                "Ask them whether it was they; revoke the activation if not"
            }
            AlertKind::StaleSignIn => {
                "Remove what they have, or disable the account if nobody needs it"
            }
            AlertKind::NoLicence => "Get a plan that includes them, or remove them",
            AlertKind::AssignedOutside | AlertKind::AzureAssignedOutside => {
                "Remove it, run pim audit fsck and replay, and find out who writes to the database"
            }
            AlertKind::AlertDisabled => "Enable it, or dismiss with the reason",
        }
    }
}
