//! What can be set of each kind of alert. Ranges are Entra's and Azure's where they have the alert.

use super::AlertKind;

/// What a parameter measures; its unit is the last word of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// So many, at least.
    Count,
    /// At least so large a part of all, in percent.
    Share,
    /// How long ago at most, or at least; in days.
    Days,
    /// The same in hours.
    Hours,
    /// The same in seconds.
    Seconds,
    /// How far one hour of the day is from another, at least; in hours.
    Distance,
}

/// Something that can be set of a kind of alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// As it is shown and set.
    pub name: &'static str,
    /// What it means.
    pub measure: Measure,
    /// The least that it can be.
    pub least: i64,
    /// The most that it can be.
    pub most: i64,
    /// What it is where nobody has set it.
    pub default: i64,
}

const fn parameter(
    name: &'static str,
    measure: Measure,
    (least, most): (i64, i64),
    default: i64,
) -> Parameter {
    Parameter { name, measure, least, most, default }
}

const GLOBAL_ADMINISTRATORS: [Parameter; 2] = [
    parameter("global_admin_count_threshold", Measure::Count, (2, 100), 5),
    parameter("percentage_of_global_admins_out_of_roles_threshold", Measure::Share, (0, 100), 10),
];
const NOT_USED: [Parameter; 1] = [parameter("days", Measure::Days, (0, 100), 30)];
const STALE: [Parameter; 1] = [parameter("days", Measure::Days, (1, 365), 30)];
const RENEWALS: [Parameter; 2] = [
    parameter("count", Measure::Count, (2, 100), 3),
    parameter("window_seconds", Measure::Seconds, (1, 2_592_000), 3_600),
];
const BREAK_GLASS: [Parameter; 1] = [parameter("hours", Measure::Hours, (1, 720), 24)];
const WEAKENED: [Parameter; 1] = [parameter("days", Measure::Days, (1, 90), 7)];
const DENIALS: [Parameter; 2] = [
    parameter("count", Measure::Count, (3, 100), 10),
    parameter("hours", Measure::Hours, (1, 168), 1),
];
const MUTUAL: [Parameter; 2] = [
    parameter("count", Measure::Count, (2, 100), 3),
    parameter("days", Measure::Days, (1, 365), 90),
];
const OWNERS: [Parameter; 2] = [
    parameter("threshold_number_of_owners", Measure::Count, (2, 100), 2),
    parameter(
        "threshold_percentage_of_owners_out_of_all_role_members",
        Measure::Share,
        (0, 100),
        3,
    ),
];
const PERMANENT_OWNERS: [Parameter; 2] = [
    parameter("threshold_number_of_permanent_owners", Measure::Count, (2, 100), 10),
    parameter(
        "threshold_percentage_of_permanent_owners_out_of_all_owners",
        Measure::Share,
        (0, 100),
        10,
    ),
];
const UNUSUAL_HOUR: [Parameter; 3] = [
    parameter("hours", Measure::Hours, (1, 168), 24),
    parameter("history_count", Measure::Count, (5, 100), 10),
    parameter("distance_hours", Measure::Distance, (1, 11), 3),
];
const UNUSUAL_NETWORK: [Parameter; 2] = [
    parameter("hours", Measure::Hours, (1, 168), 24),
    parameter("history_count", Measure::Count, (5, 100), 10),
];

impl AlertKind {
    /// What can be set of it.
    #[must_use]
    pub fn parameters(self) -> &'static [Parameter] {
        match self {
            AlertKind::TooManyGlobalAdministrators => &GLOBAL_ADMINISTRATORS,
            AlertKind::RolesNotUsed => &NOT_USED,
            AlertKind::SequentialRenewals => &RENEWALS,
            AlertKind::BreakGlassUsed => &BREAK_GLASS,
            AlertKind::SettingsWeakened => &WEAKENED,
            AlertKind::DenialsInARow => &DENIALS,
            AlertKind::MutualApproval => &MUTUAL,
            AlertKind::TooManyOwners => &OWNERS,
            AlertKind::TooManyPermanentOwners => &PERMANENT_OWNERS,
            AlertKind::UnusualHour => &UNUSUAL_HOUR,
            AlertKind::StaleSignIn => &STALE,
            AlertKind::UnusualNetwork => &UNUSUAL_NETWORK,
            AlertKind::NoMfaOnActivation
            | AlertKind::FewBreakGlassHolders
            | AlertKind::UnapprovablePolicy
            | AlertKind::DuplicateRoles
            | AlertKind::NoLicence
            | AlertKind::AssignedOutside
            | AlertKind::AzureAssignedOutside
            | AlertKind::AlertDisabled => &[],
        }
    }
}
