//! Who holds what, now: the one function behind every answer.
//!
//! Expiry is a fact: times are compared on every read, so that a holding past its end counts for
//! nothing whether or not anything has recorded the end.
//!
//! What a principal may hold is resolved once, into the instants at which it counts ([`Spans`]):
//! first the groups that the principal belongs to, then what it holds itself and what they hold.
//! Time is applied when somebody asks.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    group::GROUP_NESTING_MAX,
    id::{PrincipalId, RoleId},
    role::GroupAccess,
    scope::Scope,
    spans::Spans,
    time::{Window, earliest},
};

/// What carries a holding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HoldingKind {
    /// An active assignment.
    Assignment,
    /// An activation.
    Activation,
}

/// A span of time in which something counts, cut short where it was ended before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// As it was granted.
    pub window: Window,
    /// When it was ended otherwise.
    pub ended: Option<DateTime<Utc>>,
}

impl Span {
    /// Whether it counts at `at`.
    #[must_use]
    pub fn counts(&self, at: DateTime<Utc>) -> bool {
        self.window.contains(at) && self.ended.is_none_or(|ended| at < ended)
    }

    /// When it counts.
    #[must_use]
    pub fn spans(&self) -> Spans {
        let end = earliest(self.window.end, self.ended);
        Window { start: self.window.start, end }.into()
    }
}

/// Whether a holding has begun by a decision, or only will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It counts within its span.
    Held,
    /// It counts for nothing until it has been judged at its start.
    Booked,
}

/// What an activation rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Its eligibility.
    pub eligibility: Span,
    /// By id, from the user's own to that in the group which is eligible.
    pub memberships: Vec<Uuid>,
}

/// A role that somebody holds at a scope, as it was granted: an assignment or an activation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Of the assignment or activation.
    pub id: Uuid,
    /// Which of the two.
    pub kind: HoldingKind,
    /// Who: a principal, or a group for all who belong to it.
    pub holder: PrincipalId,
    /// What.
    pub role: RoleId,
    /// Where, and everywhere below.
    pub scope: Scope,
    /// When, taken by itself.
    pub span: Span,
    /// Whether it has been judged.
    pub standing: Standing,
    /// What an activation rests on.
    pub path: Option<Path>,
    /// The person who made it, or the eligibility of an activation; absent: nobody of the directory.
    pub granted_by: Option<Uuid>,
    /// When it, its holder or its eligibility last changed.
    pub update_time: DateTime<Utc>,
}

impl Holding {
    /// The group, where it is a membership of one.
    fn member_of(&self) -> Option<PrincipalId> {
        member_of(self.role, &self.scope)
    }
}

/// To which group it gives access as a member to hold a role at a scope, if to any.
#[must_use]
pub fn member_of(role: RoleId, scope: &Scope) -> Option<PrincipalId> {
    match GroupAccess::of(role)? {
        GroupAccess::Member => scope.group().map(|group| group.uuid().into()),
        GroupAccess::Owner => None,
    }
}

/// What there may be of a principal: what it holds itself, and through groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// Who.
    pub principal: PrincipalId,
    /// Since when it has been enabled; absent while disabled.
    pub enabled_since: Option<DateTime<Utc>>,
    /// The memberships by which it may belong to groups: its own and those of the groups.
    pub memberships: Vec<Holding>,
    /// What is asked for: held by the principal or by one of the groups.
    pub holdings: Vec<Holding>,
}

impl Ground {
    /// When each membership counts for who has it, whether or not that is in turn the principal.
    #[must_use]
    pub fn memberships(&self) -> Vec<Membership> {
        let membership = |one: &Holding| {
            let group = one.member_of()?;
            let counts = self.counts(one, self.memberships.len());
            Some(Membership {
                id: one.id,
                kind: one.kind,
                holder: one.holder,
                group,
                counts,
                granted_by: one.granted_by,
                update_time: one.update_time,
            })
        };
        self.memberships.iter().filter_map(membership).collect()
    }

    /// When each holding counts for the principal.
    #[must_use]
    pub fn resolve(mut self) -> Resolved {
        let memberships = self.memberships();
        let reach = Reach::new(self.principal, &memberships);
        let holdings = std::mem::take(&mut self.holdings);
        let held = holdings.into_iter().map(|holding| {
            let counts = self.counts(&holding, self.memberships.len());
            let counts = reach.of(holding.holder).map_or_else(Spans::never, |of| counts.and(of));
            Held { holding, counts }
        });
        let held: Vec<Held> = held.collect();
        let booked = self.booked(&memberships, &held);
        let memberships = reach.through(memberships);
        Resolved { principal: self.principal, held, memberships, booked }
    }

    /// When a booked membership begins that would carry something which is asked for.
    fn booked(&self, memberships: &[Membership], held: &[Held]) -> Vec<DateTime<Utc>> {
        let booked = self.memberships.iter().filter(|one| one.standing == Standing::Booked);
        let carrying = booked.filter_map(|one| {
            let (group, start) = (one.member_of()?, one.span.window.start);
            let from = Reach::new(group, memberships);
            let carries = |held: &Held| {
                let of = from.of(held.holding.holder);
                of.is_some_and(|of| of.contains(start))
                    && self.counts(&held.holding, self.memberships.len()).contains(start)
            };
            held.iter().any(carries).then_some(start)
        });
        carrying.collect()
    }

    /// The newest change among what it consists of: no answer is as of an earlier instant.
    #[must_use]
    pub fn newest(&self) -> Option<DateTime<Utc>> {
        self.memberships.iter().chain(&self.holdings).map(|one| one.update_time).max()
    }

    /// When a holding counts, taken for itself: its own span and everything on its path, and for an
    /// activation an account that has been enabled without a break. A path names what was there
    /// before it, so that it is no longer than there are memberships.
    fn counts(&self, one: &Holding, further: usize) -> Spans {
        let enabled = match (one.holder == self.principal, one.kind, self.enabled_since) {
            (false, _, _) | (true, HoldingKind::Assignment, Some(_)) => true,
            (true, HoldingKind::Activation, Some(since)) => since <= one.span.window.start,
            (true, _, None) => false,
        };
        if !enabled || one.standing == Standing::Booked {
            return Spans::never();
        }
        let own = one.span.spans();
        let Some(path) = &one.path else { return own };
        let on_path = path.memberships.iter().map(|id| {
            let found = self.memberships.iter().find(|other| other.id == *id);
            match (found, further.checked_sub(1)) {
                (Some(found), Some(further)) => self.counts(found, further),
                // What has ended for good is not there any more.
                (None, _) | (Some(_), None) => Spans::never(),
            }
        });
        on_path.fold(own.and(&path.eligibility.spans()), |counts, on| counts.and(&on))
    }
}

/// That somebody belongs to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Of the assignment or activation.
    pub id: Uuid,
    /// Which of the two.
    pub kind: HoldingKind,
    /// Who: a principal, or a group.
    pub holder: PrincipalId,
    /// To which group.
    pub group: PrincipalId,
    /// When.
    pub counts: Spans,
    /// The person who made it, or the eligibility of an activation; absent: nobody of the directory.
    pub granted_by: Option<Uuid>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

/// When a principal is itself, and belongs to each group.
struct Reach(Vec<(PrincipalId, Spans)>);

impl Reach {
    fn new(principal: PrincipalId, memberships: &[Membership]) -> Self {
        let mut reach = Self(vec![(principal, Spans::always())]);
        // One round for each group that lies in another, in whatever order they come.
        for _ in 0..GROUP_NESTING_MAX {
            let mut grown = false;
            for one in memberships {
                let Some(of_holder) = reach.of(one.holder) else { continue };
                grown |= reach.add(one.group, &one.counts.and(of_holder));
            }
            if !grown {
                break;
            }
        }
        reach
    }

    fn of(&self, holder: PrincipalId) -> Option<&Spans> {
        self.0.iter().find(|(one, _)| *one == holder).map(|(_, spans)| spans)
    }

    fn add(&mut self, group: PrincipalId, more: &Spans) -> bool {
        if more.windows().is_empty() {
            return false;
        }
        match self.0.iter_mut().find(|(one, _)| *one == group) {
            Some((_, spans)) => {
                let either = spans.or(more);
                let grown = either != *spans;
                *spans = either;
                grown
            }
            None => {
                self.0.push((group, more.clone()));
                true
            }
        }
    }

    /// When each membership makes the principal belong to its group.
    fn through(&self, mut memberships: Vec<Membership>) -> Vec<Membership> {
        for one in &mut memberships {
            one.counts = self.of(one.holder).map_or_else(Spans::never, |of| one.counts.and(of));
        }
        memberships
    }
}

/// A holding, and when it counts for one principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What is held.
    pub holding: Holding,
    /// When, with all that it rests on and all ways to it.
    pub counts: Spans,
}

impl Held {
    /// Whether it counts at `at`.
    #[must_use]
    pub fn counts(&self, at: DateTime<Utc>) -> bool {
        self.counts.contains(at)
    }

    /// Whether it counts wherever in `at` the instant may lie.
    fn counts_throughout(&self, at: Instant) -> bool {
        at.is_in(&self.counts)
    }

    /// Where it is booked: it may then be judged and count.
    fn booked(&self) -> Option<DateTime<Utc>> {
        let start = self.holding.span.window.start;
        (self.holding.standing == Standing::Booked).then_some(start)
    }
}

/// What one principal may hold, with the instants at which it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Who.
    pub principal: PrincipalId,
    /// What, held by the principal or by a group that it belongs to.
    pub held: Vec<Held>,
    /// By which it belongs to groups, and when.
    pub memberships: Vec<Membership>,
    /// When it may come to hold more, by a membership that is booked.
    pub booked: Vec<DateTime<Utc>>,
}

impl Resolved {
    /// The groups to which the principal belongs at `at`.
    pub fn groups(&self, at: DateTime<Utc>) -> impl Iterator<Item = PrincipalId> + '_ {
        let counting = self.memberships.iter().filter(move |one| one.counts.contains(at));
        counting.map(|one| one.group)
    }

    /// The memberships that carry what `holders` hold, at `at`.
    fn carrying(&self, holders: impl Iterator<Item = PrincipalId>, at: Instant) -> Vec<Uuid> {
        let mut groups: Vec<PrincipalId> = Vec::new();
        for holder in holders.filter(|holder| *holder != self.principal) {
            if !groups.contains(&holder) {
                groups.push(holder);
            }
        }
        let mut carrying = Vec::new();
        let mut next = 0;
        while let Some(group) = groups.get(next).copied() {
            next += 1;
            let to = self.memberships.iter().filter(|one| one.group == group);
            for one in to.filter(|one| at.is_in(&one.counts)) {
                carrying.push(one.id);
                if one.holder != self.principal && !groups.contains(&one.holder) {
                    groups.push(one.holder);
                }
            }
        }
        carrying.sort();
        carrying
    }
}

/// An instant that is known only to lie between two.
///
/// What is asked at or after an end must be refused, and what is asked before a start as well: a
/// holding counts for an answer only if it counts throughout the interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant {
    /// Not before this.
    pub earliest: DateTime<Utc>,
    /// Not after this.
    pub latest: DateTime<Utc>,
}

impl Instant {
    fn is_in(self, spans: &Spans) -> bool {
        spans.window_at(self.earliest).is_some_and(|window| window.contains(self.latest))
    }
}

impl From<DateTime<Utc>> for Instant {
    fn from(exact: DateTime<Utc>) -> Self {
        Self { earliest: exact, latest: exact }
    }
}

/// What is held, and until when the clock leaves it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Who.
    pub principal: PrincipalId,
    /// The holdings that count, by id.
    pub holdings: Vec<Holding>,
    /// The memberships by which those that groups hold count, by id.
    pub memberships: Vec<Uuid>,
    /// The next instant at which the clock alone may change the decision or set; absent: never.
    pub valid_until: Option<DateTime<Utc>>,
}

/// Which of what may be held counts, for a decision: does any? `valid_until` is when that changes.
#[must_use]
pub fn decision(resolved: Resolved, at: Instant) -> Effective {
    let held = &resolved.held;
    let now = held.iter().any(|one| one.counts_throughout(at));
    let changes = |boundary: &DateTime<Utc>| held.iter().any(|one| one.counts(*boundary)) != now;
    let counting = held.iter().flat_map(|one| one.counts.boundaries(at.earliest)).filter(changes);
    let booked = held.iter().filter_map(Held::booked).chain(resolved.booked.iter().copied());
    let booked = booked.filter(|start| !now && *start > at.earliest);
    let valid_until = counting.chain(booked).min();
    counted(resolved, at, valid_until)
}

/// Which of what may be held counts, for a list: `valid_until` is when the set changes.
#[must_use]
pub fn list(resolved: Resolved, at: Instant) -> Effective {
    // Each one changes at boundaries of its own only: no need to ask all at each of all.
    let changes = resolved.held.iter().filter_map(|one| {
        let now = one.counts_throughout(at);
        let changes = |boundary: &DateTime<Utc>| one.counts(*boundary) != now;
        let counting = one.counts.boundaries(at.earliest).find(changes);
        earliest(counting, one.booked().filter(|start| *start > at.earliest))
    });
    let booked = resolved.booked.iter().copied().filter(|start| *start > at.earliest);
    let valid_until = changes.chain(booked).min();
    counted(resolved, at, valid_until)
}

fn counted(mut resolved: Resolved, at: Instant, valid_until: Option<DateTime<Utc>>) -> Effective {
    let held = std::mem::take(&mut resolved.held).into_iter();
    let counting = held.filter(|one| one.counts_throughout(at));
    let mut holdings: Vec<Holding> = counting.map(|one| one.holding).collect();
    holdings.sort_by_key(|holding| holding.id);
    let memberships = resolved.carrying(holdings.iter().map(|one| one.holder), at);
    Effective { principal: resolved.principal, holdings, memberships, valid_until }
}
