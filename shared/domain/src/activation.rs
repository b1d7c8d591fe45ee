//! Activations: a user turns an eligibility into a holding for a limited time.
//!
//! [`ask`] is the request; the methods of [`Activation`] are the ways from state to state, each a
//! full match: what has ended stays ended.

mod extend;
mod judge;
mod transition;
mod way;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use extend::{Extend, Extension};
pub use judge::{Ask, Facts, SIGN_IN_LEEWAY, START_AHEAD_MAX, Use, ask};
pub use transition::{Rest, Verdict};

use crate::{
    authority::SignIn,
    change::{Thing, Version},
    denial::Rule,
    effective::{Holding, HoldingKind, Path, Span, Standing},
    event::{About, ThingKind},
    id::{ActivationId, GrantId, PrincipalId, RoleId},
    justification::Justification,
    role::Catalog,
    scope::Scope,
    text::Ticket,
    time::{Window, iso},
};

/// How long a role is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// From the start, whenever that is.
    Duration(#[serde(with = "iso")] TimeDelta),
    /// Up to an instant; waiting for approval does not move it.
    Until(DateTime<Utc>),
}

/// What a user asked for. Never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Absent: as soon as it may.
    pub start: Option<DateTime<Utc>>,
    /// How long.
    pub length: Length,
    /// Why.
    pub justification: Justification,
    /// On which change or incident.
    pub ticket: Option<Ticket>,
    /// How the requester had signed in; judged again from here.
    pub sign_in: SignIn,
}

/// How an activation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Ending {
    /// An approver denied it.
    Denied,
    /// Nobody decided in time.
    TimedOut,
    /// Withdrawn before it was active.
    Canceled,
    /// Judged again and no longer permitted, or what it rests on has ended.
    Void {
        /// The rules that no longer held.
        rules: Vec<Rule>,
    },
    /// Its time was up.
    Expired,
    /// Given up by its holder.
    Deactivated,
    /// Taken away by an administrator.
    Revoked,
}

impl Ending {
    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Ending::Denied => "denied",
            Ending::TimedOut => "timed_out",
            Ending::Canceled => "canceled",
            Ending::Void { .. } => "void",
            Ending::Expired => "expired",
            Ending::Deactivated => "deactivated",
            Ending::Revoked => "revoked",
        }
    }
}

/// The time for which the role is or was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The commit that made it active, or later.
    pub start: DateTime<Utc>,
    /// The first instant at which it is held no more.
    pub end: DateTime<Utc>,
    /// The end was moved to the end of the eligibility.
    pub truncated: bool,
}

/// Where an activation stands. What belongs to a state lives in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "few are in memory, and each for one call")]
pub enum State {
    /// Waits for its approvers.
    PendingApproval {
        /// From then on it is timed out, by time alone.
        expire_time: DateTime<Utc>,
    },
    /// Booked: grants nothing until it has been judged at its start.
    Scheduled {
        /// When that is.
        start: DateTime<Utc>,
    },
    /// The role is held.
    Active {
        /// When.
        held: Held,
        /// What would move the end, and waits for its approvers.
        extension: Option<Extension>,
    },
    /// Final.
    Ended {
        /// From then on it counts for nothing.
        at: DateTime<Utc>,
        /// Why.
        ending: Ending,
        /// The time for which the role was granted, if it ever was.
        held: Option<Held>,
    },
}

impl State {
    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            State::PendingApproval { .. } => "PENDING_APPROVAL",
            State::Scheduled { .. } => "SCHEDULED",
            State::Active { .. } => "ACTIVE",
            State::Ended { .. } => "ENDED",
        }
    }
}

/// A user's request to turn an eligibility into a time-bound holding, and that holding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    /// Made by the server.
    pub id: ActivationId,
    /// Who.
    pub principal: PrincipalId,
    /// What.
    pub role: RoleId,
    /// Where: the eligibility's scope or one below it.
    pub scope: Scope,
    /// What it rests on, by id: made again, it is another.
    pub eligibility: GrantId,
    /// Where a group has that: the memberships on the way to it by id, from the principal's own on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memberships: Vec<Uuid>,
    /// What was asked for.
    pub request: Request,
    /// The sign-ins (`auth_time`) that served for it and its extensions, and serve for nothing else:
    /// where the policy lets each serve once.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub used_authentications: BTreeSet<DateTime<Utc>>,
    /// The approvers granted at most this length.
    #[serde(with = "iso::option", default, skip_serializing_if = "Option::is_none")]
    pub shortened: Option<TimeDelta>,
    /// The revision of the policy that the request was judged by.
    pub policy_revision: i64,
    /// Where it stands.
    pub state: State,
    /// Counts its changes.
    pub version: Version,
    /// When it was asked for.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

impl Thing for Activation {
    const KIND: ThingKind = ThingKind::Activation;

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> Version {
        self.version
    }
}

impl Activation {
    /// Whether it is pending, scheduled or active, as recorded.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !matches!(self.state, State::Ended { .. })
    }

    /// How long a role is asked for: of a pending extension how much longer than it is held, else
    /// from the start or, where that is past, from `now`.
    #[must_use]
    pub fn asked_length(&self, now: DateTime<Utc>) -> TimeDelta {
        if let State::Active { held, extension: Some(extension) } = &self.state {
            return extension.end - held.end;
        }
        match self.request.length {
            Length::Duration(duration) => duration,
            Length::Until(end) => end - self.request.start.map_or(now, |start| start.max(now)),
        }
    }

    /// The holding that it is, on an eligibility that counts within `eligibility`; `None` where it
    /// can never be one.
    #[must_use]
    pub fn holding(&self, eligibility: Span) -> Option<Holding> {
        let (window, ended, standing) = match &self.state {
            State::PendingApproval { .. } | State::Ended { held: None, .. } => return None,
            State::Scheduled { start } => {
                (Window { start: *start, end: None }, None, Standing::Booked)
            }
            State::Active { held, .. } => (held.window(), None, Standing::Held),
            State::Ended { at, held: Some(held), .. } => (held.window(), Some(*at), Standing::Held),
        };
        Some(Holding {
            id: self.id.uuid(),
            kind: HoldingKind::Activation,
            holder: self.principal,
            role: self.role,
            scope: self.scope.clone(),
            span: Span { window, ended },
            standing,
            path: Some(Path { eligibility, memberships: self.memberships.clone() }),
            granted_by: None,
            update_time: self.update_time,
        })
    }

    /// Whom and what it concerns.
    #[must_use]
    pub fn about(&self, catalog: Catalog) -> About {
        About {
            correlation: Some(self.id.uuid()),
            subject: Some(self.principal),
            role: Some(self.role),
            catalog: Some(catalog),
            scope: Some(self.scope.clone()),
            permanent: false,
            justification: Justification::default(),
            ticket: self.request.ticket.clone(),
            policy_revision: Some(self.policy_revision),
        }
    }
}

impl Held {
    /// `[start, end)`.
    #[must_use]
    pub fn window(&self) -> Window {
        Window { start: self.start, end: Some(self.end) }
    }
}
