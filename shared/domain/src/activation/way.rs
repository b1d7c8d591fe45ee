//! The way by which a user may activate a role: an eligibility, and where a group has it the
//! memberships from the user to that group.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use super::{Activation, Ask, Facts};
use crate::{
    effective::Membership,
    grant::{Grant, GrantState},
    group::GROUP_NESTING_MAX,
    id::PrincipalId,
    scope::Scope,
};

/// What an activation may rest on, all of it in force at its start.
#[derive(Debug, Clone)]
pub(super) struct Way<'a> {
    pub(super) eligibility: &'a Grant,
    /// From the user's own to that in the group which is eligible.
    pub(super) memberships: Vec<&'a Membership>,
    /// The earliest end on it.
    pub(super) end: Option<DateTime<Utc>>,
}

/// Nearest scope, then own before group, then latest end, then lowest id, of those in force at the
/// start.
pub(super) fn choose<'a>(facts: &'a Facts, wish: &Ask, start: DateTime<Utc>) -> Option<Way<'a>> {
    let lineage = facts.policy.lineage(&wish.scope);
    facts
        .eligibilities
        .iter()
        .filter(|grant| wish.eligibility.is_none_or(|id| id == grant.id))
        .filter(|grant| fits(grant, facts, &wish.scope, start))
        .filter_map(|grant| {
            let memberships = if grant.principal == facts.principal.id {
                Vec::new()
            } else {
                best(facts, grant, start)?
            };
            Some(way(grant, memberships, start))
        })
        .max_by_key(|way| {
            let is_own = way.memberships.is_empty();
            let id = Reverse(way.eligibility.id);
            (Reverse(lineage.distance(&way.eligibility.scope)), is_own, latest(way.end), id)
        })
}

impl Activation {
    /// What it rests on, where all of that counts at `at`. What a move of a scope has severed rests
    /// on nothing, even if it lies below it again.
    pub(super) fn way<'a>(&self, facts: &'a Facts, at: DateTime<Utc>) -> Option<Way<'a>> {
        let eligibility = facts.eligibilities.iter().find(|grant| grant.id == self.eligibility)?;
        let memberships: Option<Vec<&Membership>> = self
            .memberships
            .iter()
            .map(|id| facts.memberships.iter().find(|one| one.id == *id))
            .map(|one| one.filter(|one| one.counts.contains(at)))
            .collect();
        let reaches = facts.severed.is_none() && fits(eligibility, facts, &self.scope, at);
        reaches.then_some(way(eligibility, memberships?, at))
    }
}

/// Whether an activation at `scope` that starts at `start` may rest on `grant`.
fn fits(grant: &Grant, facts: &Facts, scope: &Scope, start: DateTime<Utc>) -> bool {
    grant.role == facts.role.id
        && facts.policy.lineage(scope).is_below(&grant.scope)
        && grant.state(start) == GrantState::InForce
}

fn way<'a>(eligibility: &'a Grant, memberships: Vec<&'a Membership>, at: DateTime<Utc>) -> Way<'a> {
    let ends = memberships.iter().map(|one| end(one, at)).map(|end| end.unwrap_or(at));
    let end = ends.fold(latest(eligibility.window.end), DateTime::min);
    Way { eligibility, memberships, end: (end != DateTime::<Utc>::MAX_UTC).then_some(end) }
}

/// Of all ways to the group that is eligible: latest end, then fewest memberships, then lowest ids.
fn best<'a>(facts: &'a Facts, grant: &Grant, at: DateTime<Utc>) -> Option<Vec<&'a Membership>> {
    let counting: Vec<(&Membership, DateTime<Utc>)> =
        facts.memberships.iter().filter_map(|one| Some((one, end(one, at)?))).collect();
    let user = facts.principal.id;
    let reached = last(&counting, user, grant.principal)?;
    // An end after that of the eligibility is no better.
    let end = reached.min(latest(grant.window.end));
    let lasting = counting.iter().filter(|(_, until)| *until >= end).map(|(one, _)| *one);
    shortest(&lasting.collect::<Vec<_>>(), user, grant.principal)
}

/// The latest instant up to which `user` belongs to `group` without a change of ways.
fn last(
    counting: &[(&Membership, DateTime<Utc>)],
    user: PrincipalId,
    group: PrincipalId,
) -> Option<DateTime<Utc>> {
    let mut until = vec![(user, DateTime::<Utc>::MAX_UTC)];
    for _ in 0..GROUP_NESTING_MAX {
        for (one, end) in counting {
            let Some((_, of)) = until.iter().find(|(holder, _)| *holder == one.holder) else {
                continue;
            };
            let through = (*end).min(*of);
            match until.iter_mut().find(|(known, _)| *known == one.group) {
                Some((_, known)) => *known = through.max(*known),
                None => until.push((one.group, through)),
            }
        }
    }
    until.iter().find(|(known, _)| *known == group).map(|(_, until)| *until)
}

/// The fewest memberships from `user` to `group`, of the same number those with the lowest ids.
fn shortest<'a>(
    memberships: &[&'a Membership],
    user: PrincipalId,
    group: PrincipalId,
) -> Option<Vec<&'a Membership>> {
    let mut reached: Vec<(PrincipalId, Vec<&Membership>)> = vec![(user, Vec::new())];
    let ids = |way: &[&Membership]| way.iter().map(|one| one.id).collect::<Vec<_>>();
    for length in 1..=GROUP_NESTING_MAX {
        let mut next: Vec<(PrincipalId, Vec<&'a Membership>)> = Vec::new();
        for (holder, before) in reached.iter().filter(|(_, way)| way.len() + 1 == length) {
            let onward = memberships.iter().filter(|one| one.holder == *holder);
            for one in onward.filter(|one| reached.iter().all(|(known, _)| *known != one.group)) {
                let way: Vec<&Membership> = before.iter().copied().chain([*one]).collect();
                match next.iter_mut().find(|(known, _)| *known == one.group) {
                    Some((_, known)) if ids(&way) < ids(known) => *known = way,
                    Some(_) => {}
                    None => next.push((one.group, way)),
                }
            }
        }
        reached.append(&mut next);
    }
    reached.into_iter().find(|(known, _)| *known == group).map(|(_, way)| way)
}

/// The end of the window in which a membership counts at `at`; `None` where it does not.
fn end(membership: &Membership, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    membership.counts.window_at(at).map(|window| latest(window.end))
}

fn latest(end: Option<DateTime<Utc>>) -> DateTime<Utc> {
    end.unwrap_or(DateTime::<Utc>::MAX_UTC)
}
