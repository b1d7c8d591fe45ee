//! Policies: the rules for activating and granting one role. A tenant sets single rules, for the
//! whole tenant (at the root) or at any scope. Each rule is inherited by itself, down to the
//! catalog's default; one that is enforced binds what lies below as well, as the stricter.

mod approval;
mod defaults;
mod layers;
mod pattern;
mod set;
mod update;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

pub use approval::{
    APPROVAL_STAGES_MAX, APPROVAL_TIMEOUT_DEFAULT, APPROVAL_TIMEOUT_MAX, APPROVAL_TIMEOUT_MIN,
    APPROVER_SLOTS_MAX, ApprovalRule, Mode, Slot, Stage,
};
pub use layers::{Layers, Origin};
pub use pattern::{PatternError, TICKET_PATTERN_CHARS_MAX, TicketPattern};
pub use set::{RuleName, RuleSet};
pub use update::{Facts, Update, update};

use crate::{
    change::{Thing, Version},
    condition::Condition,
    denial::{Rule, Violation},
    event::ThingKind,
    id::RoleId,
    scope::Scope,
    text::Ticket,
};

/// No activation is longer, whatever a policy says. Fixed.
pub const ACTIVATION_CEILING: TimeDelta = TimeDelta::hours(24);
/// No activation is shorter, whatever a policy says. Fixed.
pub const ACTIVATION_FLOOR: TimeDelta = TimeDelta::seconds(1);
/// Eligibilities and assignments with an end last at most this long. Fixed.
pub const GRANT_CEILING: TimeDelta = TimeDelta::days(3_650);
/// The lowest maximum for eligibilities and assignments. Fixed.
pub const GRANT_FLOOR: TimeDelta = TimeDelta::days(1);
/// The oldest sign-in that a policy may still take for multi-factor authentication. Fixed.
pub const MFA_AGE_CEILING: TimeDelta = TimeDelta::days(30);
/// Holders that a policy may demand of a role, at most. Fixed.
pub const MIN_ACTIVE_HOLDERS_MAX: u32 = 100;
/// Characters in the name of an authentication context, at most.
pub const AUTHENTICATION_CONTEXT_CHARS_MAX: usize = 64;

/// The rules in force for one role at one scope: those that were set and inherited, merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The longest activation.
    pub activation_max: TimeDelta,
    /// The shortest activation.
    pub activation_min: TimeDelta,
    /// Activation needs multi-factor authentication.
    pub require_mfa: bool,
    /// The sign-in for an activation may be this old; absent: as old as the session. Zero: always
    /// a fresh one.
    pub mfa_max_age: Option<TimeDelta>,
    /// One sign-in serves for one activation, or for one extension of one.
    pub single_use_authentication: bool,
    /// Authentication contexts that the sign-in for an activation must satisfy, all of them.
    pub authentication_contexts: Vec<String>,
    /// Activation needs a justification.
    pub require_justification: bool,
    /// Activation needs a ticket.
    pub require_ticket: bool,
    /// What the whole number of a ticket must match, all of them.
    pub ticket_patterns: Vec<TicketPattern>,
    /// Activation needs approval, by each of these; none: by nobody.
    pub approvals: Vec<ApprovalRule>,
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
    /// So many persons must hold it without end; nothing may lower them further.
    pub min_active_holders: u32,
    /// Conditions, all of which must allow an activation.
    pub conditions: Vec<Condition>,
}

impl Rules {
    /// How long approvers have, where somebody must approve: the shortest of what they are given.
    #[must_use]
    pub fn approval_timeout(&self) -> Option<TimeDelta> {
        self.approvals.iter().map(|rule| rule.timeout).min()
    }

    /// What is wrong with a ticket where one is required, for an activation or an assignment.
    pub(crate) fn ticketing(&self, ticket: Option<&Ticket>) -> Option<Violation> {
        let broken = |field, limit: &str, given: &str| {
            Some(Violation::new(Rule::Ticketing, field, limit, given))
        };
        let Some(Ticket { number, .. }) = ticket else {
            return broken("ticket", "required", "none");
        };
        let pattern = self.ticket_patterns.iter().find(|pattern| !pattern.matches(number))?;
        broken("ticket.number", &format!("matches {}", pattern.as_str()), number)
    }

    /// Of each rule the stricter: yes over no, the smaller maximum and age, the larger minimum;
    /// patterns, contexts, conditions and approvals all apply. How many must hold a role is not merged.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        Self {
            activation_max: self.activation_max.min(other.activation_max),
            activation_min: self.activation_min.max(other.activation_min),
            require_mfa: self.require_mfa || other.require_mfa,
            mfa_max_age: match (self.mfa_max_age, other.mfa_max_age) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
            single_use_authentication: self.single_use_authentication
                || other.single_use_authentication,
            authentication_contexts: both(
                self.authentication_contexts,
                other.authentication_contexts,
            ),
            require_justification: self.require_justification || other.require_justification,
            require_ticket: self.require_ticket || other.require_ticket,
            ticket_patterns: both(self.ticket_patterns, other.ticket_patterns),
            approvals: both(self.approvals, other.approvals),
            permanent_eligibility: self.permanent_eligibility && other.permanent_eligibility,
            eligible_max: self.eligible_max.min(other.eligible_max),
            permanent_assignment: self.permanent_assignment && other.permanent_assignment,
            assigned_max: self.assigned_max.min(other.assigned_max),
            assignment_require_justification: self.assignment_require_justification
                || other.assignment_require_justification,
            assignment_require_mfa: self.assignment_require_mfa || other.assignment_require_mfa,
            assignment_require_ticket: self.assignment_require_ticket
                || other.assignment_require_ticket,
            min_active_holders: self.min_active_holders,
            conditions: both(self.conditions, other.conditions),
        }
    }
}

/// All of one and what `other` has besides.
fn both<T: PartialEq>(mut one: Vec<T>, other: Vec<T>) -> Vec<T> {
    for item in other {
        if !one.contains(&item) {
            one.push(item);
        }
    }
    one
}

/// What a tenant has set for a role at a scope, as it is stored. Where nobody has set anything it
/// has version 0 and an empty set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Of which role.
    pub role: RoleId,
    /// Where, and below; the root is the whole tenant.
    pub scope: Scope,
    /// The rules that are set. Flat, so that the log shows each rule for itself.
    #[serde(flatten)]
    pub set: RuleSet,
    /// Those of them that bind everything below as well, as the stricter.
    #[serde(default)]
    pub enforced: BTreeSet<RuleName>,
    /// Numbers the changes of all policies of the role; requests remember the newest that they
    /// were judged by.
    pub revision: i64,
    /// Counts the changes of this one.
    pub version: Version,
    /// When something was first set.
    pub create_time: DateTime<Utc>,
    /// When something was last set.
    pub update_time: DateTime<Utc>,
}

impl Policy {
    /// The id of a role's policy at a scope: the role's for the whole tenant, else made of role and
    /// scope, so that one role has one policy at a scope, from the start.
    #[must_use]
    pub fn id_of(role: RoleId, scope: &Scope) -> Uuid {
        if scope.is_root() {
            return role.uuid();
        }
        Uuid::new_v5(&role.uuid(), scope.as_str().as_bytes())
    }

    /// The policy that nobody has touched.
    #[must_use]
    pub fn untouched(role: RoleId, scope: Scope) -> Self {
        Self {
            role,
            scope,
            set: RuleSet::default(),
            enforced: BTreeSet::new(),
            revision: 0,
            version: Version(0),
            create_time: DateTime::UNIX_EPOCH,
            update_time: DateTime::UNIX_EPOCH,
        }
    }

    /// Whether the tenant has ever set a rule here.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.version == Version(0)
    }
}

impl Thing for Policy {
    const KIND: ThingKind = ThingKind::Policy;

    fn id(&self) -> Uuid {
        Self::id_of(self.role, &self.scope)
    }

    fn version(&self) -> Version {
        self.version
    }
}
