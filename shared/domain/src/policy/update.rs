//! Changing a policy: rules that are not mentioned stay, and what nobody could satisfy is refused.

use std::collections::HashSet;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{
    ACTIVATION_CEILING, ACTIVATION_FLOOR, APPROVAL_TIMEOUT_MAX, APPROVAL_TIMEOUT_MIN,
    APPROVER_SLOTS_MAX, GRANT_CEILING, GRANT_FLOOR, Policy, RuleSet, Rules,
};
use crate::{
    change::{Change, Version},
    denial::{Denial, FieldError, Reason, Rule, Violation},
    event::{About, Code, Stamp, ThingKind},
    id::{PrincipalId, RoleId},
    principal::{Principal, PrincipalKind},
    role::Role,
    time::format_duration,
};

/// The name of one rule: the field of the contract's `Rules`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "field by field as in Rules")]
pub enum RuleName {
    ActivationMax,
    ActivationMin,
    RequireMfa,
    RequireJustification,
    RequireTicket,
    TicketPattern,
    Approval,
    PermanentEligibility,
    EligibleMax,
    PermanentAssignment,
    AssignedMax,
    AssignmentRequireJustification,
    AssignmentRequireMfa,
    AssignmentRequireTicket,
}

impl RuleName {
    /// Every rule, in the contract's order.
    pub const ALL: [RuleName; 14] = [
        RuleName::ActivationMax,
        RuleName::ActivationMin,
        RuleName::RequireMfa,
        RuleName::RequireJustification,
        RuleName::RequireTicket,
        RuleName::TicketPattern,
        RuleName::Approval,
        RuleName::PermanentEligibility,
        RuleName::EligibleMax,
        RuleName::PermanentAssignment,
        RuleName::AssignedMax,
        RuleName::AssignmentRequireJustification,
        RuleName::AssignmentRequireMfa,
        RuleName::AssignmentRequireTicket,
    ];

    /// As it is called in the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RuleName::ActivationMax => "activation_max",
            RuleName::ActivationMin => "activation_min",
            RuleName::RequireMfa => "require_mfa",
            RuleName::RequireJustification => "require_justification",
            RuleName::RequireTicket => "require_ticket",
            RuleName::TicketPattern => "ticket_pattern",
            RuleName::Approval => "approval",
            RuleName::PermanentEligibility => "permanent_eligibility",
            RuleName::EligibleMax => "eligible_max",
            RuleName::PermanentAssignment => "permanent_assignment",
            RuleName::AssignedMax => "assigned_max",
            RuleName::AssignmentRequireJustification => "assignment_require_justification",
            RuleName::AssignmentRequireMfa => "assignment_require_mfa",
            RuleName::AssignmentRequireTicket => "assignment_require_ticket",
        }
    }
}

impl RuleSet {
    /// The rules that are set.
    pub fn names(&self) -> impl Iterator<Item = RuleName> + '_ {
        RuleName::ALL.into_iter().filter(|name| match name {
            RuleName::ActivationMax => self.activation_max.is_some(),
            RuleName::ActivationMin => self.activation_min.is_some(),
            RuleName::RequireMfa => self.require_mfa.is_some(),
            RuleName::RequireJustification => self.require_justification.is_some(),
            RuleName::RequireTicket => self.require_ticket.is_some(),
            RuleName::TicketPattern => self.ticket_pattern.is_some(),
            RuleName::Approval => self.approval.is_some(),
            RuleName::PermanentEligibility => self.permanent_eligibility.is_some(),
            RuleName::EligibleMax => self.eligible_max.is_some(),
            RuleName::PermanentAssignment => self.permanent_assignment.is_some(),
            RuleName::AssignedMax => self.assigned_max.is_some(),
            RuleName::AssignmentRequireJustification => {
                self.assignment_require_justification.is_some()
            }
            RuleName::AssignmentRequireMfa => self.assignment_require_mfa.is_some(),
            RuleName::AssignmentRequireTicket => self.assignment_require_ticket.is_some(),
        })
    }

    fn reset(&mut self, name: RuleName) {
        match name {
            RuleName::ActivationMax => self.activation_max = None,
            RuleName::ActivationMin => self.activation_min = None,
            RuleName::RequireMfa => self.require_mfa = None,
            RuleName::RequireJustification => self.require_justification = None,
            RuleName::RequireTicket => self.require_ticket = None,
            RuleName::TicketPattern => self.ticket_pattern = None,
            RuleName::Approval => self.approval = None,
            RuleName::PermanentEligibility => self.permanent_eligibility = None,
            RuleName::EligibleMax => self.eligible_max = None,
            RuleName::PermanentAssignment => self.permanent_assignment = None,
            RuleName::AssignedMax => self.assigned_max = None,
            RuleName::AssignmentRequireJustification => {
                self.assignment_require_justification = None;
            }
            RuleName::AssignmentRequireMfa => self.assignment_require_mfa = None,
            RuleName::AssignmentRequireTicket => self.assignment_require_ticket = None,
        }
    }

    /// What `other` sets wins.
    fn overlaid(self, other: RuleSet) -> Self {
        Self {
            activation_max: other.activation_max.or(self.activation_max),
            activation_min: other.activation_min.or(self.activation_min),
            require_mfa: other.require_mfa.or(self.require_mfa),
            require_justification: other.require_justification.or(self.require_justification),
            require_ticket: other.require_ticket.or(self.require_ticket),
            ticket_pattern: other.ticket_pattern.or(self.ticket_pattern),
            approval: other.approval.or(self.approval),
            permanent_eligibility: other.permanent_eligibility.or(self.permanent_eligibility),
            eligible_max: other.eligible_max.or(self.eligible_max),
            permanent_assignment: other.permanent_assignment.or(self.permanent_assignment),
            assigned_max: other.assigned_max.or(self.assigned_max),
            assignment_require_justification: other
                .assignment_require_justification
                .or(self.assignment_require_justification),
            assignment_require_mfa: other.assignment_require_mfa.or(self.assignment_require_mfa),
            assignment_require_ticket: other
                .assignment_require_ticket
                .or(self.assignment_require_ticket),
        }
    }
}

/// A wish to change a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Whose.
    pub role: RoleId,
    /// Of the policy as the caller read it.
    pub etag: String,
    /// The rules to set.
    pub set: RuleSet,
    /// The rules that go back to the catalog's default.
    pub reset: Vec<RuleName>,
}

/// What an update is judged by.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The role.
    pub role: Role,
    /// Its policy as it is.
    pub policy: Policy,
    /// Those of the approvers that it would have who exist.
    pub approvers: Vec<Principal>,
}

/// The policy with the update in it, as a new revision.
///
/// # Errors
/// `ETAG_MISMATCH`; `INVALID_FIELD` for values out of range or against each other;
/// `NO_ELIGIBLE_APPROVER` where not all approvers are distinct, enabled users.
pub fn update(facts: &Facts, update: Update, stamp: &Stamp) -> Result<Change<Policy>, Denial> {
    let before = &facts.policy;
    let about = About {
        role: Some(facts.role.id),
        catalog: Some(facts.role.catalog),
        policy_revision: Some(before.version.next().0),
        ..About::default()
    };
    let refuse = |reason| {
        Err(Denial::new(reason).about(about.clone()).of(ThingKind::Policy, facts.role.id.uuid()))
    };
    if update.etag != before.version.etag() {
        return refuse(Reason::EtagMismatch { current: before.version.etag() });
    }
    let mut set = before.set.clone();
    for name in &update.reset {
        set.reset(*name);
    }
    let set = set.overlaid(update.set);
    let rules = Rules::defaults(facts.role.catalog).with(&set);
    let errors = contradictions(&rules);
    if !errors.is_empty() {
        return refuse(Reason::Invalid(errors));
    }
    if let Some(violation) = unsatisfiable(&rules.approval.approvers, &facts.approvers) {
        return refuse(Reason::Policy { violations: vec![violation], live: None });
    }
    let create_time = if before.is_untouched() { stamp.now } else { before.create_time };
    let after = Policy {
        role: before.role,
        set,
        version: before.version.next(),
        create_time,
        update_time: stamp.now,
    };
    Ok(if before.version == Version(0) {
        Change::created(after, stamp, Code::PolicyUpdated, about)
    } else {
        Change::updated(before, after, stamp, Code::PolicyUpdated, about)
    })
}

/// Values out of their range or against each other, each with its field.
fn contradictions(rules: &Rules) -> Vec<FieldError> {
    let minimum_ceiling = rules.activation_max.min(ACTIVATION_CEILING);
    let ranges = [
        ("rules.activation_max", rules.activation_max, ACTIVATION_FLOOR, ACTIVATION_CEILING),
        ("rules.activation_min", rules.activation_min, ACTIVATION_FLOOR, minimum_ceiling),
        ("rules.eligible_max", rules.eligible_max, GRANT_FLOOR, GRANT_CEILING),
        ("rules.assigned_max", rules.assigned_max, GRANT_FLOOR, GRANT_CEILING),
        (
            "rules.approval.timeout",
            rules.approval.timeout,
            APPROVAL_TIMEOUT_MIN,
            APPROVAL_TIMEOUT_MAX,
        ),
    ];
    let mut errors: Vec<FieldError> = ranges
        .into_iter()
        .filter(|(_, given, least, most)| given < least || given > most)
        .map(|(field, given, least, most)| out_of_range(field, given, least, most))
        .collect();
    let slots = rules.approval.approvers.len();
    if slots > APPROVER_SLOTS_MAX {
        errors.push(FieldError {
            field: "rules.approval.approver_ids".to_owned(),
            description: format!("must have at most {APPROVER_SLOTS_MAX} entries; it has {slots}"),
        });
    }
    errors
}

fn out_of_range(field: &str, given: TimeDelta, least: TimeDelta, most: TimeDelta) -> FieldError {
    FieldError {
        field: field.to_owned(),
        description: format!(
            "must be from {} to {}; it is {}",
            format_duration(least),
            format_duration(most),
            format_duration(given)
        ),
    }
}

/// Every slot needs a living person of its own, or nobody could ever activate the role.
fn unsatisfiable(slots: &[PrincipalId], known: &[Principal]) -> Option<Violation> {
    let mut persons = HashSet::new();
    let unfit = slots.iter().find(|slot| {
        let person = known
            .iter()
            .find(|principal| principal.id == **slot)
            .filter(|principal| principal.kind == PrincipalKind::User && principal.is_enabled())
            .map(Principal::person_key);
        !person.is_some_and(|person| persons.insert(person))
    })?;
    Some(Violation::new(
        Rule::Approvable,
        "rules.approval.approver_ids",
        "each approver is an enabled user, and a person of their own",
        unfit.to_string(),
    ))
}
