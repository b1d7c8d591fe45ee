//! Changing a policy: rules that are not mentioned stay, and what nobody could satisfy is refused.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ACTIVATION_CEILING, ACTIVATION_FLOOR, AUTHENTICATION_CONTEXT_CHARS_MAX, GRANT_CEILING,
    GRANT_FLOOR, Layers, MFA_AGE_CEILING, MIN_ACTIVE_HOLDERS_MAX, Policy, RuleName, RuleSet, Slot,
};
use crate::{
    change::Change,
    condition::{CONDITION_BYTES_MAX, CONDITIONS_MAX, Condition},
    denial::{Denial, FieldError, Reason, Rule, Violation},
    effective::Membership,
    event::{About, Code, Stamp, ThingKind},
    group::Group,
    id::RoleId,
    principal::Principal,
    quorum::{Panel, Seating},
    role::Role,
    scope::Scope,
    time::format_duration,
};

/// A wish to change a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Of which role.
    pub role: RoleId,
    /// Where.
    pub scope: Scope,
    /// Of the policy as the caller read it.
    pub etag: String,
    /// The rules to set.
    pub set: RuleSet,
    /// The rules that are inherited again.
    pub reset: Vec<RuleName>,
    /// The rules that from now on bind everything below.
    pub enforce: Vec<RuleName>,
    /// The rules that bind nothing below any more.
    pub unenforce: Vec<RuleName>,
}

/// What an update is judged by.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The role.
    pub role: Role,
    /// Its policies at the scope and above.
    pub layers: Layers,
    /// Those whom the approval rule would name, alone or by a group, and who exist.
    pub people: Vec<Principal>,
    /// The memberships by which these belong to the groups.
    pub belonging: Vec<Membership>,
    /// The groups that it would name and that there are or were.
    pub groups: Vec<Group>,
}

/// The policy with the update in it, as a new revision.
///
/// # Errors
/// `ETAG_MISMATCH`; `INVALID_FIELD` for values out of range or against each other;
/// `MFA_AND_CONTEXT_CONFLICT`; `NO_ELIGIBLE_APPROVER` where not even everybody could approve.
pub fn update(facts: &Facts, update: Update, stamp: &Stamp) -> Result<Change<Policy>, Denial> {
    let before = facts.layers.own(&update.scope);
    let revision = facts.layers.revision + 1;
    let about = About {
        role: Some(facts.role.id),
        catalog: Some(facts.role.catalog),
        scope: Some(update.scope.clone()),
        policy_revision: Some(revision),
        ..About::default()
    };
    let id = crate::change::Thing::id(&before);
    let refuse = |reason| Err(Denial::new(reason).about(about.clone()).of(ThingKind::Policy, id));
    if update.etag != before.version.etag() {
        return refuse(Reason::EtagMismatch { current: before.version.etag() });
    }
    let after = after(&before, update, revision, stamp);
    let would = facts.layers.with(after.clone());
    let mut errors = contradictions(&after, &would);
    errors.extend(unfit_groups(&after, &facts.groups));
    if !errors.is_empty() {
        return refuse(Reason::Invalid(errors));
    }
    let inherited = would.inherited(&after.scope);
    if inherited.require_mfa && !inherited.authentication_contexts.is_empty() {
        return refuse(Reason::MfaAndContext);
    }
    if let Some(violation) = unsatisfiable(&after, facts, stamp.now) {
        return refuse(Reason::Policy { violations: vec![violation], live: None });
    }
    Ok(if before.is_untouched() {
        Change::created(after, stamp, Code::PolicyUpdated, about)
    } else {
        Change::updated(&before, after, stamp, Code::PolicyUpdated, about)
    })
}

fn after(before: &Policy, update: Update, revision: i64, stamp: &Stamp) -> Policy {
    let mut set = before.set.clone();
    for name in &update.reset {
        set.reset(*name);
    }
    let set = set.overlaid(update.set);
    let mut enforced: BTreeSet<RuleName> = before.enforced.clone();
    enforced.extend(update.enforce);
    enforced.retain(|rule| !update.unenforce.contains(rule) && !update.reset.contains(rule));
    let create_time = if before.is_untouched() { stamp.now } else { before.create_time };
    Policy {
        role: before.role,
        scope: before.scope.clone(),
        set,
        enforced,
        revision,
        version: before.version.next(),
        create_time,
        update_time: stamp.now,
    }
}

/// Values out of their range or against each other, each with its field.
fn contradictions(policy: &Policy, would: &Layers) -> Vec<FieldError> {
    let set = &policy.set;
    let mut errors: Vec<FieldError> = [
        ("activation_max", set.activation_max, ACTIVATION_FLOOR, ACTIVATION_CEILING),
        ("activation_min", set.activation_min, ACTIVATION_FLOOR, ACTIVATION_CEILING),
        ("mfa_max_age", set.mfa_max_age, TimeDelta::zero(), MFA_AGE_CEILING),
        ("eligible_max", set.eligible_max, GRANT_FLOOR, GRANT_CEILING),
        ("assigned_max", set.assigned_max, GRANT_FLOOR, GRANT_CEILING),
    ]
    .into_iter()
    .filter_map(|(field, given, least, most)| Some((field, given?, least, most)))
    .filter(|(_, given, least, most)| given < least || given > most)
    .map(|(field, given, least, most)| {
        let [given, least, most] = [given, least, most].map(format_duration);
        error(field, format!("must be from {least} to {most}; it is {given}"))
    })
    .collect();
    errors.extend(set.approval.iter().flat_map(super::ApprovalRule::errors));
    if let Some(given) = set.min_active_holders.filter(|given| *given > MIN_ACTIVE_HOLDERS_MAX) {
        let text = format!("must be from 0 to {MIN_ACTIVE_HOLDERS_MAX}; it is {given}");
        errors.push(error("min_active_holders", text));
    }
    errors.extend(set.conditions.iter().flat_map(|conditions| oversized(conditions)));
    let chars = set.authentication_context.as_ref().map_or(0, |context| context.chars().count());
    if chars > AUTHENTICATION_CONTEXT_CHARS_MAX {
        let most = AUTHENTICATION_CONTEXT_CHARS_MAX;
        let text = format!("must have at most {most} characters; it has {chars}");
        errors.push(error("authentication_context", text));
    }
    // Below what is enforced above as well: nobody could ever activate.
    for rules in [would.inherited(&policy.scope), would.at(&policy.scope)] {
        if errors.is_empty() && rules.activation_min > rules.activation_max {
            let [least, most] = [rules.activation_min, rules.activation_max].map(format_duration);
            let text = format!("must not be over the maximum in force, {most}; it is {least}");
            errors.push(error("activation_min", text));
        }
    }
    errors.extend(unenforceable(policy));
    errors
}

/// Conditions that are too many or too long.
fn oversized(conditions: &[Condition]) -> Vec<FieldError> {
    let given = conditions.len();
    let many = (given > CONDITIONS_MAX).then(|| {
        let text = format!("must have at most {CONDITIONS_MAX} entries; it has {given}");
        error("conditions.policies", text)
    });
    let long = conditions.iter().enumerate().filter_map(|(index, condition)| {
        let bytes = condition.as_str().len();
        let text = format!("must have at most {CONDITION_BYTES_MAX} bytes; it has {bytes}");
        let path = format!("conditions.policies[{index}]");
        (bytes > CONDITION_BYTES_MAX).then(|| error(&path, text))
    });
    many.into_iter().chain(long).collect()
}

/// Only what is set here can bind what lies below, and a minimum of holders is of one scope.
fn unenforceable(policy: &Policy) -> impl Iterator<Item = FieldError> + '_ {
    let fit = |rule: &&RuleName| policy.set.sets(**rule) && **rule != RuleName::MinActiveHolders;
    policy.enforced.iter().filter(move |rule| !fit(rule)).map(|rule| FieldError {
        field: "enforce_rules".to_owned(),
        description: format!("must name rules that are set here and merged; not {}", rule.as_str()),
    })
}

/// Whoever manages the members of a group must not be able to make themselves an approver.
fn unfit_groups(policy: &Policy, groups: &[Group]) -> Vec<FieldError> {
    let stages = policy.set.approval.iter().flat_map(|rule| rule.stages.iter().enumerate());
    let slots = stages.flat_map(|(stage, it)| {
        it.slots.iter().enumerate().map(move |(place, slot)| (stage, place, slot))
    });
    let unfit = slots.filter_map(|(stage, place, slot)| {
        let Slot::Group { group: id, .. } = slot else { return None };
        let given = match groups.iter().find(|group| group.id == *id) {
            None => "unknown",
            Some(group) if group.deleted.is_some() => "deleted",
            Some(group) if !group.role_assignable => "not role-assignable",
            Some(_) => return None,
        };
        let field = format!("approval.stages[{stage}].slots[{place}].group_id");
        Some(error(&field, format!("must be a role-assignable group; it is {given}")))
    });
    unfit.collect()
}

fn error(field: &str, description: String) -> FieldError {
    FieldError { field: format!("rules.{field}"), description }
}

/// Each stage needs living persons of its own, or nobody could ever activate the role.
fn unsatisfiable(policy: &Policy, facts: &Facts, at: DateTime<Utc>) -> Option<Violation> {
    let rule = policy.set.approval.as_ref()?;
    let panel = Panel { people: &facts.people, memberships: &facts.belonging, at };
    let seating = Seating::new(rule, panel, None);
    (!seating.is_possible()).then(|| {
        Violation::new(
            Rule::Approvable,
            "rules.approval.stages",
            "enabled users, each a person of their own, for every slot that it takes",
            format!("{} who can approve", seating.approvers().len()),
        )
    })
}
