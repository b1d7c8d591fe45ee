//! Who holds what, now: the one function behind every answer.
//!
//! Expiry is a fact: times are compared on every read, so that a holding past its end counts for
//! nothing whether or not anything has recorded the end.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    id::{PrincipalId, RoleId},
    scope::Scope,
    time::Window,
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
}

/// Whether a holding has begun by a decision, or only will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It counts within its span.
    Held,
    /// It counts for nothing until it has been judged at its start.
    Booked,
}

/// One way in which a principal may hold a role at a scope, with all that it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Of the assignment or activation.
    pub id: Uuid,
    /// Which of the two.
    pub kind: HoldingKind,
    /// Who.
    pub principal: PrincipalId,
    /// What.
    pub role: RoleId,
    /// Where, and everywhere below.
    pub scope: Scope,
    /// When.
    pub span: Span,
    /// Whether it has been judged.
    pub standing: Standing,
    /// The eligibility that an activation rests on.
    pub path: Option<Span>,
    /// Since when the principal has been enabled; absent while disabled.
    pub enabled_since: Option<DateTime<Utc>>,
}

impl Holding {
    /// Whether it counts at `at`: its own span and everything on its path count, and the principal
    /// is enabled, for an activation without a break since its start.
    #[must_use]
    pub fn counts(&self, at: DateTime<Utc>) -> bool {
        let enabled = match (self.kind, self.enabled_since) {
            (_, None) => false,
            (HoldingKind::Assignment, Some(_)) => true,
            (HoldingKind::Activation, Some(since)) => since <= self.span.window.start,
        };
        enabled
            && self.standing == Standing::Held
            && self.span.counts(at)
            && self.path.is_none_or(|path| path.counts(at))
    }

    /// Whether it counts wherever in `at` the instant may lie.
    fn counts_throughout(&self, at: Instant) -> bool {
        self.counts(at.earliest) && self.counts(at.latest)
    }

    /// Whether it is booked and begins at `boundary`: it may then be judged and count.
    fn is_booked_at(&self, boundary: DateTime<Utc>) -> bool {
        self.standing == Standing::Booked && self.span.window.start == boundary
    }

    /// The instants after `at` at which the clock alone may change whether it counts.
    fn boundaries(&self, at: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        let spans = [Some(self.span), self.path];
        spans
            .into_iter()
            .flatten()
            .flat_map(|span| [Some(span.window.start), span.window.end, span.ended])
            .flatten()
            .filter(move |boundary| *boundary > at)
    }
}

/// An instant that is known only to lie between two.
///
/// What is asked at or after an end must be refused, and what is asked before a start as well: a
/// holding counts for an answer only if it counts at both ends of the interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant {
    /// Not before this.
    pub earliest: DateTime<Utc>,
    /// Not after this.
    pub latest: DateTime<Utc>,
}

impl From<DateTime<Utc>> for Instant {
    fn from(exact: DateTime<Utc>) -> Self {
        Self { earliest: exact, latest: exact }
    }
}

/// What is held, and until when the clock leaves it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The holdings that count, by id.
    pub holdings: Vec<Holding>,
    /// The next instant at which the clock alone may change the decision or set; absent: never.
    pub valid_until: Option<DateTime<Utc>>,
}

/// Which of `candidates` count, for a decision: does any? `valid_until` is when that changes.
#[must_use]
pub fn decision(candidates: Vec<Holding>, at: Instant) -> Effective {
    let any = |holdings: &[Holding], at| holdings.iter().any(|holding| holding.counts(at));
    let books = |holdings: &[Holding], at| holdings.iter().any(|holding| holding.is_booked_at(at));
    let now = candidates.iter().any(|holding| holding.counts_throughout(at));
    let valid_until = boundaries(&candidates, at.earliest).into_iter().find(|boundary| {
        any(&candidates, *boundary) != now || (!now && books(&candidates, *boundary))
    });
    Effective { holdings: counting(candidates, at), valid_until }
}

/// Which of `candidates` count, for a list: `valid_until` is when the set changes.
#[must_use]
pub fn list(candidates: Vec<Holding>, at: Instant) -> Effective {
    // Each one changes at boundaries of its own only: no need to ask all at each of all.
    let changes = candidates.iter().filter_map(|holding| {
        let held = holding.counts_throughout(at);
        holding
            .boundaries(at.earliest)
            .filter(|boundary| holding.counts(*boundary) != held || holding.is_booked_at(*boundary))
            .min()
    });
    let valid_until = changes.min();
    Effective { holdings: counting(candidates, at), valid_until }
}

fn counting(mut candidates: Vec<Holding>, at: Instant) -> Vec<Holding> {
    candidates.retain(|holding| holding.counts_throughout(at));
    candidates.sort_by_key(|holding| holding.id);
    candidates
}

fn boundaries(candidates: &[Holding], after: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let mut all: Vec<_> = candidates.iter().flat_map(|holding| holding.boundaries(after)).collect();
    all.sort();
    all.dedup();
    all
}
