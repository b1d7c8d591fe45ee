//! Why nothing carries a yes.

use std::{cmp::Reverse, collections::BTreeSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Past;
use crate::{
    activation::{Activation, State},
    effective::{Instant, Resolved, member_of},
    grant::{Grant, GrantKind},
    id::{PrincipalId, RoleId},
    scope::Scope,
    time::Window,
};

/// Why something does not carry a yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The principal is disabled.
    PrincipalDisabled,
    /// It was ended, or its time was up.
    Ended(DateTime<Utc>),
    /// It begins only then.
    NotStarted(DateTime<Utc>),
    /// An eligibility that counts.
    NotActivated,
    /// It waits for its approvers until then.
    PendingApproval(DateTime<Utc>),
    /// It was never granted, and that was decided then.
    NotGranted(DateTime<Utc>),
    /// What it rests on does not count.
    PathBroken,
    /// Its role or its group is deleted.
    Deleted,
    /// A group has it to which the principal does not belong.
    NotAMember,
}

/// What might have carried a yes, and why it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// Of the grant or activation; of the principal where that is disabled.
    pub id: Uuid,
    /// Who has it.
    pub holder: PrincipalId,
    /// What; absent of a principal.
    pub target: Option<(RoleId, Scope)>,
    /// Why not.
    pub why: Why,
}

/// What a grant and an activation have in common.
struct Item<'a> {
    id: Uuid,
    holder: PrincipalId,
    role: RoleId,
    scope: &'a Scope,
    create_time: DateTime<Utc>,
    /// `None`: taken for itself, it counts.
    why: Option<Why>,
}

impl Past {
    /// Why nothing of what was asked for counted at `at`: each thing that might have, the newest
    /// first, those as well that would have made the principal a member of a group which has it.
    /// `resolved` is what the decision was made on, which was no.
    #[must_use]
    pub fn obstacles(
        &self,
        resolved: &Resolved,
        is_asked: &dyn Fn(RoleId, &Scope) -> bool,
        at: Instant,
    ) -> Vec<Obstacle> {
        let principal = resolved.principal;
        let items: Vec<Item<'_>> = self.items(at).collect();
        let carriers = carriers(&items, is_asked);
        let belongs: BTreeSet<PrincipalId> =
            resolved.groups(at.latest).chain([principal]).collect();
        let counts = |id: Uuid| {
            let memberships = &resolved.memberships;
            memberships.iter().any(|one| one.id == id && one.counts.contains(at.latest))
        };
        let why = |one: &Item<'_>| {
            if is_asked(one.role, one.scope) {
                return Some(match one.why {
                    Some(why) if belongs.contains(&one.holder) => why,
                    Some(why @ (Why::Ended(_) | Why::Deleted)) => why,
                    Some(_) => Why::NotAMember,
                    // The principal's own counts as long as there is the principal.
                    None if one.holder == principal => Why::PrincipalDisabled,
                    None => Why::NotAMember,
                });
            }
            let leads = member_of(one.role, one.scope).is_some_and(|to| carriers.contains(&to));
            one.why.filter(|_| leads && belongs.contains(&one.holder) && !counts(one.id))
        };
        let mut all: Vec<(DateTime<Utc>, Obstacle)> = items
            .iter()
            .filter_map(|one| {
                let target = Some((one.role, one.scope.clone()));
                let obstacle = Obstacle { id: one.id, holder: one.holder, target, why: why(one)? };
                Some((one.create_time, obstacle))
            })
            .collect();
        all.sort_by_key(|(made, one)| Reverse((*made, one.id)));
        let disabled = self.principals.get(&principal).filter(|one| !one.is_enabled());
        let disabled = disabled.map(|_| Obstacle {
            id: principal.uuid(),
            holder: principal,
            target: None,
            why: Why::PrincipalDisabled,
        });
        disabled.into_iter().chain(all.into_iter().map(|(_, one)| one)).collect()
    }

    fn items(&self, at: Instant) -> impl Iterator<Item = Item<'_>> {
        let grants = self.grants.values().map(move |one| Item {
            id: one.id.uuid(),
            holder: one.principal,
            role: one.role,
            scope: &one.scope,
            create_time: one.create_time,
            why: self.why_not_grant(one, at),
        });
        grants.chain(self.activations.values().map(move |one| Item {
            id: one.id.uuid(),
            holder: one.principal,
            role: one.role,
            scope: &one.scope,
            create_time: one.create_time,
            why: self.why_not_activation(one, at),
        }))
    }

    fn why_not_grant(&self, grant: &Grant, at: Instant) -> Option<Why> {
        if self.is_deleted(grant.principal, grant.role, &grant.scope) {
            return Some(Why::Deleted);
        }
        let ended = grant.ended.map(|end| Why::Ended(end.at));
        let eligible = (grant.kind == GrantKind::Eligibility).then_some(Why::NotActivated);
        ended.or_else(|| outside(grant.window, at)).or(eligible)
    }

    fn why_not_activation(&self, activation: &Activation, at: Instant) -> Option<Why> {
        if self.is_deleted(activation.principal, activation.role, &activation.scope) {
            return Some(Why::Deleted);
        }
        match activation.settled(at.latest).state {
            State::PendingApproval { expire_time } => Some(Why::PendingApproval(expire_time)),
            State::Scheduled { start } => Some(Why::NotStarted(start)),
            State::Ended { at, held: None, .. } => Some(Why::NotGranted(at)),
            State::Ended { at, held: Some(_), .. } => Some(Why::Ended(at)),
            State::Active { held, .. } => outside(held.window(), at).or(Some(Why::PathBroken)),
        }
    }

    fn is_deleted(&self, holder: PrincipalId, role: RoleId, scope: &Scope) -> bool {
        let group = self.deleted(holder).or_else(|| self.target_deleted(scope));
        self.is_gone(role) || group.is_some()
    }
}

/// The groups that have what is asked for, and those that may belong to one of them.
fn carriers(
    items: &[Item<'_>],
    is_asked: &dyn Fn(RoleId, &Scope) -> bool,
) -> BTreeSet<PrincipalId> {
    let asked = items.iter().filter(|one| is_asked(one.role, one.scope));
    let mut carriers: BTreeSet<PrincipalId> = asked.map(|one| one.holder).collect();
    loop {
        let known = carriers.len();
        let leading = items.iter().filter(|one| {
            member_of(one.role, one.scope).is_some_and(|group| carriers.contains(&group))
        });
        let leading: Vec<PrincipalId> = leading.map(|one| one.holder).collect();
        carriers.extend(leading);
        if carriers.len() == known {
            return carriers;
        }
    }
}

/// Why a window does not hold an instant, if it does not.
fn outside(window: Window, at: Instant) -> Option<Why> {
    let over = window.end.filter(|end| *end <= at.latest).map(Why::Ended);
    over.or_else(|| (window.start > at.earliest).then_some(Why::NotStarted(window.start)))
}
