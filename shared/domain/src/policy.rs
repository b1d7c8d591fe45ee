//! Policies: the rules for activating and granting one role. A tenant sets single rules; those it
//! has not set are the catalog's defaults.

mod update;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use update::{Facts, RuleName, Update, update};

use crate::{
    change::{Thing, Version},
    event::ThingKind,
    id::{PrincipalId, RoleId},
    role::Catalog,
    time::iso,
};

/// No activation is longer, whatever a policy says. Fixed.
pub const ACTIVATION_CEILING: TimeDelta = TimeDelta::hours(24);
/// No activation is shorter, whatever a policy says. Fixed.
pub const ACTIVATION_FLOOR: TimeDelta = TimeDelta::seconds(1);
/// Eligibilities and assignments with an end last at most this long. Fixed.
pub const GRANT_CEILING: TimeDelta = TimeDelta::days(3_650);
/// The lowest maximum for eligibilities and assignments. Fixed.
pub const GRANT_FLOOR: TimeDelta = TimeDelta::days(1);
/// Approvers of one role, at most.
pub const APPROVER_SLOTS_MAX: usize = 50;
/// How long approvers may be given, at least.
pub const APPROVAL_TIMEOUT_MIN: TimeDelta = TimeDelta::minutes(5);
/// How long approvers may be given, at most.
pub const APPROVAL_TIMEOUT_MAX: TimeDelta = TimeDelta::days(14);
/// How long approvers have where the policy does not say.
pub const APPROVAL_TIMEOUT_DEFAULT: TimeDelta = TimeDelta::hours(24);
/// Characters in a ticket pattern, at most.
pub const TICKET_PATTERN_CHARS_MAX: usize = 256;
/// Memory that a compiled ticket pattern may take, at most.
const TICKET_PATTERN_BYTES_MAX: usize = 64 * 1_024;

/// Who must approve an activation: all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRule {
    /// Users, no two of one person. None: no approval is needed.
    pub approvers: Vec<PrincipalId>,
    /// A request that is not decided by then is timed out.
    #[serde(with = "iso")]
    pub timeout: TimeDelta,
    /// Approving needs a justification.
    pub justify_approve: bool,
    /// Denying needs a justification.
    pub justify_deny: bool,
}

impl ApprovalRule {
    /// No approval is needed.
    #[must_use]
    pub fn off() -> Self {
        Self {
            approvers: Vec::new(),
            timeout: APPROVAL_TIMEOUT_DEFAULT,
            justify_approve: true,
            justify_deny: true,
        }
    }

    /// Whether approval is needed.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.approvers.is_empty()
    }
}

/// The rules in force for one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The longest activation.
    pub activation_max: TimeDelta,
    /// The shortest activation.
    pub activation_min: TimeDelta,
    /// Activation needs multi-factor authentication.
    pub require_mfa: bool,
    /// Activation needs a justification.
    pub require_justification: bool,
    /// Activation needs a ticket.
    pub require_ticket: bool,
    /// What the whole number of a ticket must match.
    pub ticket_pattern: Option<TicketPattern>,
    /// Activation needs approval.
    pub approval: ApprovalRule,
    /// An eligibility may be without end.
    pub permanent_eligibility: bool,
    /// The longest eligibility where it may not be without end.
    pub eligible_max: TimeDelta,
    /// An active assignment may be without end.
    pub permanent_assignment: bool,
    /// The longest active assignment where it may not be without end.
    pub assigned_max: TimeDelta,
    /// Creating an active assignment needs a justification.
    pub assignment_require_justification: bool,
    /// Creating an active assignment needs multi-factor authentication.
    pub assignment_require_mfa: bool,
    /// Creating an active assignment needs a ticket.
    pub assignment_require_ticket: bool,
}

/// The rules that a tenant has set; absent ones are the catalog's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "field by field as in Rules")]
pub struct RuleSet {
    #[serde(with = "iso::option", skip_serializing_if = "Option::is_none")]
    pub activation_max: Option<TimeDelta>,
    #[serde(with = "iso::option", skip_serializing_if = "Option::is_none")]
    pub activation_min: Option<TimeDelta>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_mfa: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_justification: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_ticket: Option<bool>,
    /// An empty pattern is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_pattern: Option<TicketPattern>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalRule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permanent_eligibility: Option<bool>,
    #[serde(with = "iso::option", skip_serializing_if = "Option::is_none")]
    pub eligible_max: Option<TimeDelta>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permanent_assignment: Option<bool>,
    #[serde(with = "iso::option", skip_serializing_if = "Option::is_none")]
    pub assigned_max: Option<TimeDelta>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment_require_justification: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment_require_mfa: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment_require_ticket: Option<bool>,
}

impl Rules {
    /// What holds for a role of `catalog` where nothing has been set. The one place that says so
    /// (`spec` section 3).
    #[must_use]
    pub fn defaults(catalog: Catalog) -> Self {
        let activation_max = match catalog {
            Catalog::Entra | Catalog::Pim => TimeDelta::hours(8),
            Catalog::Azure => TimeDelta::hours(1),
        };
        Self {
            activation_max,
            activation_min: TimeDelta::minutes(5),
            require_mfa: true,
            require_justification: true,
            require_ticket: false,
            ticket_pattern: None,
            approval: ApprovalRule::off(),
            permanent_eligibility: true,
            eligible_max: TimeDelta::days(365),
            permanent_assignment: true,
            assigned_max: TimeDelta::days(180),
            assignment_require_justification: true,
            assignment_require_mfa: false,
            assignment_require_ticket: false,
        }
    }

    /// These rules, but for those that `set` sets.
    #[must_use]
    pub fn with(self, set: &RuleSet) -> Self {
        Self {
            activation_max: set.activation_max.unwrap_or(self.activation_max),
            activation_min: set.activation_min.unwrap_or(self.activation_min),
            require_mfa: set.require_mfa.unwrap_or(self.require_mfa),
            require_justification: set.require_justification.unwrap_or(self.require_justification),
            require_ticket: set.require_ticket.unwrap_or(self.require_ticket),
            ticket_pattern: match &set.ticket_pattern {
                Some(pattern) => Some(pattern.clone()).filter(|pattern| !pattern.is_empty()),
                None => self.ticket_pattern,
            },
            approval: set.approval.clone().unwrap_or(self.approval),
            permanent_eligibility: set.permanent_eligibility.unwrap_or(self.permanent_eligibility),
            eligible_max: set.eligible_max.unwrap_or(self.eligible_max),
            permanent_assignment: set.permanent_assignment.unwrap_or(self.permanent_assignment),
            assigned_max: set.assigned_max.unwrap_or(self.assigned_max),
            assignment_require_justification: set
                .assignment_require_justification
                .unwrap_or(self.assignment_require_justification),
            assignment_require_mfa: set
                .assignment_require_mfa
                .unwrap_or(self.assignment_require_mfa),
            assignment_require_ticket: set
                .assignment_require_ticket
                .unwrap_or(self.assignment_require_ticket),
        }
    }
}

/// The policy of one role in one tenant, as it is stored. A role whose policy nobody has touched
/// has revision 0 and an empty set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Which role.
    pub role: RoleId,
    /// What the tenant has set. Flat, so that the log shows each rule for itself.
    #[serde(flatten)]
    pub set: RuleSet,
    /// The revision; requests remember the one that they were judged by.
    pub version: Version,
    /// When something was first set.
    pub create_time: DateTime<Utc>,
    /// When something was last set.
    pub update_time: DateTime<Utc>,
}

impl Policy {
    /// The policy of a role that nobody has touched.
    #[must_use]
    pub fn untouched(role: RoleId) -> Self {
        Self {
            role,
            set: RuleSet::default(),
            version: Version(0),
            create_time: DateTime::UNIX_EPOCH,
            update_time: DateTime::UNIX_EPOCH,
        }
    }

    /// Whether the tenant has ever set a rule.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.version == Version(0)
    }

    /// The rules in force for a role of `catalog`.
    #[must_use]
    pub fn rules(&self, catalog: Catalog) -> Rules {
        Rules::defaults(catalog).with(&self.set)
    }
}

impl Thing for Policy {
    const KIND: ThingKind = ThingKind::Policy;

    fn id(&self) -> Uuid {
        self.role.uuid()
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// A regular expression that the whole ticket number must match: without look-around and
/// back-references, so matched in linear time, and bounded in size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TicketPattern(String);

/// A text that is not such an expression, or too large.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a regular expression of at most {TICKET_PATTERN_CHARS_MAX} characters: {0}")]
pub struct PatternError(String);

impl TicketPattern {
    /// Whether the whole of `number` matches.
    #[must_use]
    pub fn matches(&self, number: &str) -> bool {
        compile(&self.0).is_ok_and(|pattern| pattern.is_match(number))
    }

    /// Whether it is the empty pattern, which unsets the rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn compile(pattern: &str) -> Result<regex_lite::Regex, regex_lite::Error> {
    regex_lite::RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(TICKET_PATTERN_BYTES_MAX)
        .build()
}

impl TryFrom<String> for TicketPattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        let chars = text.chars().count();
        if chars > TICKET_PATTERN_CHARS_MAX {
            return Err(PatternError(format!("it has {chars}")));
        }
        // Alone first: a closing parenthesis must not end the group that anchors it.
        regex_lite::Regex::new(&text)
            .and_then(|_| compile(&text))
            .map_err(|error| PatternError(error.to_string()))?;
        Ok(Self(text))
    }
}

impl From<TicketPattern> for String {
    fn from(pattern: TicketPattern) -> String {
        pattern.0
    }
}
