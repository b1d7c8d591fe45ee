//! The rules that are set, each by its name; absent ones are inherited.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{ApprovalRule, Rules, TicketPattern};
use crate::{condition::Condition, time::iso};

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
    #[serde(with = "iso::option", skip_serializing_if = "Option::is_none")]
    pub mfa_max_age: Option<TimeDelta>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub single_use_authentication: Option<bool>,
    /// An empty context is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_context: Option<String>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_active_holders: Option<u32>,
    /// An empty list is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
}

/// The name of one rule: the field of the contract's `Rules`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "field by field as in Rules")]
pub enum RuleName {
    ActivationMax,
    ActivationMin,
    RequireMfa,
    MfaMaxAge,
    SingleUseAuthentication,
    AuthenticationContext,
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
    MinActiveHolders,
    Conditions,
}

impl RuleName {
    /// Every rule, in the contract's order.
    pub const ALL: [RuleName; 19] = [
        RuleName::ActivationMax,
        RuleName::ActivationMin,
        RuleName::RequireMfa,
        RuleName::MfaMaxAge,
        RuleName::SingleUseAuthentication,
        RuleName::AuthenticationContext,
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
        RuleName::MinActiveHolders,
        RuleName::Conditions,
    ];

    /// As it is called in the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RuleName::ActivationMax => "activation_max",
            RuleName::ActivationMin => "activation_min",
            RuleName::RequireMfa => "require_mfa",
            RuleName::MfaMaxAge => "mfa_max_age",
            RuleName::SingleUseAuthentication => "single_use_authentication",
            RuleName::AuthenticationContext => "authentication_context",
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
            RuleName::MinActiveHolders => "min_active_holders",
            RuleName::Conditions => "conditions",
        }
    }
}

impl RuleSet {
    /// The rules that are set.
    pub fn names(&self) -> impl Iterator<Item = RuleName> + '_ {
        RuleName::ALL.into_iter().filter(|name| self.sets(*name))
    }

    /// Whether a rule is set.
    #[must_use]
    pub fn sets(&self, name: RuleName) -> bool {
        match name {
            RuleName::ActivationMax => self.activation_max.is_some(),
            RuleName::ActivationMin => self.activation_min.is_some(),
            RuleName::RequireMfa => self.require_mfa.is_some(),
            RuleName::MfaMaxAge => self.mfa_max_age.is_some(),
            RuleName::SingleUseAuthentication => self.single_use_authentication.is_some(),
            RuleName::AuthenticationContext => self.authentication_context.is_some(),
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
            RuleName::MinActiveHolders => self.min_active_holders.is_some(),
            RuleName::Conditions => self.conditions.is_some(),
        }
    }

    /// Takes a rule out.
    pub(super) fn reset(&mut self, name: RuleName) {
        match name {
            RuleName::ActivationMax => self.activation_max = None,
            RuleName::ActivationMin => self.activation_min = None,
            RuleName::RequireMfa => self.require_mfa = None,
            RuleName::MfaMaxAge => self.mfa_max_age = None,
            RuleName::SingleUseAuthentication => self.single_use_authentication = None,
            RuleName::AuthenticationContext => self.authentication_context = None,
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
            RuleName::MinActiveHolders => self.min_active_holders = None,
            RuleName::Conditions => self.conditions = None,
        }
    }

    /// What `other` sets wins.
    pub(super) fn overlaid(self, other: RuleSet) -> Self {
        Self {
            activation_max: other.activation_max.or(self.activation_max),
            activation_min: other.activation_min.or(self.activation_min),
            require_mfa: other.require_mfa.or(self.require_mfa),
            mfa_max_age: other.mfa_max_age.or(self.mfa_max_age),
            single_use_authentication: other
                .single_use_authentication
                .or(self.single_use_authentication),
            authentication_context: other.authentication_context.or(self.authentication_context),
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
            min_active_holders: other.min_active_holders.or(self.min_active_holders),
            conditions: other.conditions.or(self.conditions),
        }
    }
}

impl Rules {
    /// These rules, but for those that `set` sets.
    #[must_use]
    pub(super) fn with(self, set: &RuleSet) -> Self {
        Self {
            activation_max: set.activation_max.unwrap_or(self.activation_max),
            activation_min: set.activation_min.unwrap_or(self.activation_min),
            require_mfa: set.require_mfa.unwrap_or(self.require_mfa),
            mfa_max_age: set.mfa_max_age.or(self.mfa_max_age),
            single_use_authentication: set
                .single_use_authentication
                .unwrap_or(self.single_use_authentication),
            authentication_contexts: match &set.authentication_context {
                Some(context) => one_or_none(context.clone(), context.is_empty()),
                None => self.authentication_contexts,
            },
            require_justification: set.require_justification.unwrap_or(self.require_justification),
            require_ticket: set.require_ticket.unwrap_or(self.require_ticket),
            ticket_patterns: match &set.ticket_pattern {
                Some(pattern) => one_or_none(pattern.clone(), pattern.is_empty()),
                None => self.ticket_patterns,
            },
            approvals: match &set.approval {
                Some(approval) => one_or_none(approval.clone(), !approval.is_on()),
                None => self.approvals,
            },
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
            min_active_holders: set.min_active_holders.unwrap_or(self.min_active_holders),
            conditions: set.conditions.clone().unwrap_or(self.conditions),
        }
    }
}

fn one_or_none<T>(one: T, is_none: bool) -> Vec<T> {
    if is_none { Vec::new() } else { vec![one] }
}
