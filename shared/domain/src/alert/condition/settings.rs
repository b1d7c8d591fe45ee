//! Conditions of what is set: of policies, and of alerts themselves.

use chrono::{DateTime, Utc};

use super::{AlertKind, Finding, Setting};
use crate::{
    effective::Membership,
    id::RoleId,
    policy::{ApprovalRule, Rules, Stage},
    principal::Principal,
    quorum::{Panel, Seating},
    scope::Scope,
};

/// The rules in force for a role where a tenant has set some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// Which role.
    pub role: RoleId,
    /// Where.
    pub scope: Scope,
    /// The rules.
    pub rules: Rules,
}

/// Where a role is activated without multi-factor authentication: neither it nor an authentication
/// context is asked for.
#[must_use]
pub fn without_mfa(all: &[InForce]) -> Vec<Finding> {
    let is_met =
        |one: &&InForce| !one.rules.require_mfa && one.rules.authentication_contexts.is_empty();
    let detail = || "the policy in force asks for none".to_owned();
    all.iter().filter(is_met).map(|one| of_policy(one.role, &one.scope, detail())).collect()
}

/// The rules in force for a role at a scope, before and after the changes of lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Which role.
    pub role: RoleId,
    /// Where something was set.
    pub scope: Scope,
    /// In force at the beginning of the time that is looked at.
    pub before: Rules,
    /// In force now.
    pub after: Rules,
    /// When something was last set.
    pub latest: DateTime<Utc>,
}

/// Where a role is easier to activate or to grant than it was, with the rules that are weaker.
#[must_use]
pub fn weakened(all: &[Changed]) -> Vec<Finding> {
    let finding = |one: &Changed| {
        let weaker = weaker(&one.before, &one.after);
        (!weaker.is_empty()).then(|| Finding {
            latest: Some(one.latest),
            ..of_policy(one.role, &one.scope, format!("weaker: {}", weaker.join(", ")))
        })
    };
    all.iter().filter_map(finding).collect()
}

/// The rules that ask for less than before. How many must hold a role counts as one: fewer are
/// easier to be left without.
fn weaker(before: &Rules, after: &Rules) -> Vec<&'static str> {
    let lost = |name, before: bool, after: bool| (name, before && !after);
    let age = match (before.mfa_max_age, after.mfa_max_age) {
        (Some(before), Some(after)) => after > before,
        (Some(_), None) => true,
        (None, _) => false,
    };
    // Where no end is needed, the longest is no limit.
    let longer = |before_any: bool, before, after_any: bool, after| {
        !before_any && (after_any || after > before)
    };
    let contexts = &after.authentication_contexts;
    let patterns = &after.ticket_patterns;
    [
        ("activation_max", after.activation_max > before.activation_max),
        // A context is asked for in the place of it.
        lost("require_mfa", before.require_mfa, after.require_mfa || !contexts.is_empty()),
        ("mfa_max_age", age),
        lost(
            "single_use_authentication",
            before.single_use_authentication,
            after.single_use_authentication,
        ),
        (
            "authentication_context",
            before.authentication_contexts.iter().any(|one| !contexts.contains(one)),
        ),
        lost("require_justification", before.require_justification, after.require_justification),
        lost("require_ticket", before.require_ticket, after.require_ticket),
        ("ticket_pattern", !before.ticket_patterns.is_empty() && patterns.is_empty()),
        ("approval", persons(after) < persons(before)),
        (
            "eligible_max",
            longer(
                before.permanent_eligibility,
                before.eligible_max,
                after.permanent_eligibility,
                after.eligible_max,
            ),
        ),
        (
            "assigned_max",
            longer(
                before.permanent_assignment,
                before.assigned_max,
                after.permanent_assignment,
                after.assigned_max,
            ),
        ),
        lost(
            "assignment_require_justification",
            before.assignment_require_justification,
            after.assignment_require_justification,
        ),
        lost("assignment_require_mfa", before.assignment_require_mfa, after.assignment_require_mfa),
        lost(
            "assignment_require_ticket",
            before.assignment_require_ticket,
            after.assignment_require_ticket,
        ),
        ("conditions", before.conditions.iter().any(|one| !after.conditions.contains(one))),
        ("min_active_holders", after.min_active_holders < before.min_active_holders),
    ]
    .into_iter()
    .filter_map(|(name, is_weaker)| is_weaker.then_some(name))
    .collect()
}

/// How many must say yes. One approver for another is no weaker.
fn persons(rules: &Rules) -> usize {
    rules.approvals.iter().flat_map(|rule| &rule.stages).map(Stage::needed).sum()
}

/// What must be approved for a role at a scope, and by whom it can be.
#[derive(Debug, Clone)]
pub struct Approvers {
    /// Which role.
    pub role: RoleId,
    /// Where.
    pub scope: Scope,
    /// All of these rules apply.
    pub rules: Vec<ApprovalRule>,
    /// Those whom they name, alone or by a group.
    pub people: Vec<Principal>,
    /// By what these belong to the groups.
    pub belonging: Vec<Membership>,
}

/// Where nobody can give the approval that is needed, whoever asks.
#[must_use]
pub fn unapprovable(all: &[Approvers], now: DateTime<Utc>) -> Vec<Finding> {
    let is_met = |one: &&Approvers| {
        let panel = Panel { people: &one.people, memberships: &one.belonging, at: now };
        one.rules.iter().any(|rule| !Seating::new(rule, panel, None).is_possible())
    };
    let detail = || "too few of those whom the policy names can approve".to_owned();
    all.iter().filter(is_met).map(|one| of_policy(one.role, &one.scope, detail())).collect()
}

/// The alerts that are not looked for.
#[must_use]
pub fn disabled(settings: &[Setting]) -> Vec<Finding> {
    // Its own is not looked for either.
    let is_met = |one: &&Setting| !one.is_enabled && one.kind != AlertKind::AlertDisabled;
    let finding = |one: &Setting| {
        let kind = one.kind.as_str();
        Finding { latest: Some(one.update_time), ..Finding::of(&[&kind], kind.to_owned()) }
    };
    settings.iter().filter(is_met).map(finding).collect()
}

fn of_policy(role: RoleId, scope: &Scope, detail: String) -> Finding {
    let finding = Finding::of(&[&role, scope], detail);
    Finding { role: Some(role), scope: Some(scope.clone()), ..finding }
}
