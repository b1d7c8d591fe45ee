//! What a reader knows of one principal, and what it has to hear.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use pim_domain::{
    effective::{Effective, Ground, Holding, member_of},
    id::PrincipalId,
};
use pim_proto::call::WatchedChange;
use uuid::Uuid;

/// Holdings in one message, at most.
const HOLDINGS_MAX: usize = 1_000;

/// What has been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// On whose holdings it depends: the principal and all groups that it may belong to.
    pub(super) through: HashSet<PrincipalId>,
    /// By id.
    held: Vec<Holding>,
    /// The clock alone changes it no sooner.
    pub(super) valid_until: Option<DateTime<Utc>>,
}

/// A change of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    is_whole: bool,
    held: Vec<Holding>,
    lost: Vec<Uuid>,
    valid_until: Option<DateTime<Utc>>,
}

impl Change {
    pub(super) fn of(self, principal: PrincipalId) -> WatchedChange {
        let Self { is_whole, held, lost, valid_until } = self;
        WatchedChange { principal, is_whole, held, lost, valid_until }
    }
}

impl Seen {
    pub(super) fn new(through: HashSet<PrincipalId>, effective: Effective) -> Self {
        Self { through, held: effective.holdings, valid_until: effective.valid_until }
    }

    /// On whose holdings what is found there depends.
    pub(super) fn through(ground: &Ground) -> HashSet<PrincipalId> {
        let groups = ground.memberships.iter();
        let groups = groups.filter_map(|one| member_of(one.role, &one.scope));
        groups.chain([ground.principal]).collect()
    }

    /// Whether the clock may have changed it by then.
    pub(super) fn may_change_by(&self, latest: DateTime<Utc>) -> bool {
        self.valid_until.is_some_and(|until| until <= latest)
    }

    /// All of it.
    pub(super) fn whole(&self) -> Change {
        Change {
            is_whole: true,
            held: self.held.clone(),
            lost: Vec::new(),
            valid_until: self.valid_until,
        }
    }

    /// What `new` has and this has not, and the reverse.
    pub(super) fn change_to(&self, new: &Seen) -> Option<Change> {
        let find = |all: &[Holding], id: Uuid| all.binary_search_by_key(&id, |one| one.id).ok();
        let is_new = |one: &&Holding| {
            find(&self.held, one.id).is_none_or(|place| !is_shown_as(&self.held[place], one))
        };
        let held: Vec<Holding> = new.held.iter().filter(is_new).cloned().collect();
        let lost = self.held.iter().map(|one| one.id).filter(|id| find(&new.held, *id).is_none());
        let lost: Vec<Uuid> = lost.collect();
        let valid_until = new.valid_until;
        let is_same = held.is_empty() && lost.is_empty() && self.valid_until == valid_until;
        (!is_same).then_some(Change { is_whole: false, held, lost, valid_until })
    }
}

/// Whether a reader sees no difference.
fn is_shown_as(one: &Holding, other: &Holding) -> bool {
    one.span.window == other.span.window
        && one.holder == other.holder
        && one.role == other.role
        && one.scope == other.scope
}

/// The changes in as many messages as they need; at least one.
pub(super) fn pieces(changes: Vec<WatchedChange>) -> Vec<Vec<WatchedChange>> {
    let (mut pieces, mut last, mut room) = (Vec::new(), Vec::new(), HOLDINGS_MAX);
    for mut change in changes {
        loop {
            let rest = change.held.split_off(change.held.len().min(room));
            room -= change.held.len();
            let (principal, valid_until) = (change.principal, change.valid_until);
            last.push(change);
            if rest.is_empty() {
                break;
            }
            pieces.push(std::mem::take(&mut last));
            room = HOLDINGS_MAX;
            let (is_whole, lost) = (false, Vec::new());
            change = WatchedChange { principal, is_whole, held: rest, lost, valid_until };
        }
    }
    pieces.push(last);
    pieces
}

#[cfg(test)]
mod tests {
    use pim_domain::{
        effective::{HoldingKind, Span, Standing},
        scope::Scope,
        time::Window,
    };

    use super::*;

    fn holding(n: u128, hours: i64) -> Holding {
        let at = |hours: i64| DateTime::from_timestamp(hours * 3_600, 0).unwrap();
        Holding {
            id: Uuid::from_u128(n),
            kind: HoldingKind::Assignment,
            holder: Uuid::from_u128(1).into(),
            role: Uuid::from_u128(2).into(),
            scope: Scope::root(),
            span: Span { window: Window { start: at(0), end: Some(at(hours)) }, ended: None },
            standing: Standing::Held,
            path: None,
            granted_by: None,
            update_time: at(0),
        }
    }

    fn seen(held: &[(u128, i64)]) -> Seen {
        let held = held.iter().map(|(n, hours)| holding(*n, *hours)).collect();
        Seen { through: HashSet::new(), held, valid_until: None }
    }

    #[test]
    fn a_change_has_what_is_new_or_otherwise_and_what_is_gone() {
        let old = seen(&[(1, 5), (2, 5), (3, 5)]);
        let change = old.change_to(&seen(&[(1, 5), (3, 8), (4, 5)])).unwrap();
        assert_eq!(change.held, [holding(3, 8), holding(4, 5)]);
        assert_eq!(change.lost, [Uuid::from_u128(2)]);
        assert!(!change.is_whole);
        assert_eq!(old.change_to(&old), None);
        let until = Seen { valid_until: Some(DateTime::UNIX_EPOCH), ..old.clone() };
        assert!(old.change_to(&until).is_some(), "the next instant is part of it");
        // What nobody sees is no change.
        let mut touched = old.clone();
        touched.held[0].update_time = DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(1);
        assert_eq!(old.change_to(&touched), None);
    }

    #[test]
    fn what_is_much_comes_in_pieces_and_is_whole_only_at_first() {
        let change = |n: u128, count: u128| WatchedChange {
            principal: Uuid::from_u128(n).into(),
            is_whole: true,
            held: (0..count).map(|n| holding(n, 5)).collect(),
            lost: Vec::new(),
            valid_until: None,
        };
        let told = |pieces: Vec<Vec<WatchedChange>>| -> Vec<Vec<(bool, usize)>> {
            let told = |one: WatchedChange| (one.is_whole, one.held.len());
            pieces.into_iter().map(|piece| piece.into_iter().map(told).collect()).collect()
        };
        assert_eq!(told(pieces(Vec::new())), [vec![]]);
        assert_eq!(told(pieces(vec![change(1, 0)])), [vec![(true, 0)]]);
        let many = told(pieces(vec![change(1, 2_400), change(2, 600), change(3, 1)]));
        let expected = [
            vec![(true, 1_000)],
            vec![(false, 1_000)],
            vec![(false, 400), (true, 600)],
            vec![(true, 1)],
        ];
        // Room that is used up is no reason for an empty piece of the next one.
        let many: Vec<Vec<(bool, usize)>> = many
            .into_iter()
            .map(|piece| piece.into_iter().filter(|(whole, count)| *whole || *count > 0).collect())
            .collect();
        assert_eq!(many.iter().flatten().map(|(_, count)| count).sum::<usize>(), 3_001);
        assert_eq!(many[0], expected[0]);
        assert_eq!(many[1], expected[1]);
    }
}
