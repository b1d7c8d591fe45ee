//! Grants: eligibilities (may activate; hold nothing) and active assignments (hold). One machinery,
//! because they differ only in their effect and in some rules of the policy.

mod create;
mod dates;
mod judge;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use create::{Create, create, create_first_administrator};
pub use dates::{Extend, NewEnd, Renew, Update};
pub use judge::Facts;

use crate::{
    change::{Change, Thing, Version},
    denial::{Denial, Reason},
    effective::Span,
    event::{About, Code, Stamp, ThingKind},
    group::Group,
    id::{GrantId, PrincipalId, RoleId},
    justification::Justification,
    role::{Catalog, Deletion, Role},
    scope::Scope,
    text::Ticket,
    time::Window,
};

/// What a grant does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantKind {
    /// The user may activate the role.
    Eligibility,
    /// The principal holds the role.
    Assignment,
}

impl GrantKind {
    /// As what the log tells of it.
    #[must_use]
    pub fn thing(self) -> ThingKind {
        match self {
            GrantKind::Eligibility => ThingKind::Eligibility,
            GrantKind::Assignment => ThingKind::Assignment,
        }
    }

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.thing().as_str()
    }
}

/// How a grant ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantEnding {
    /// By an administrator, while it was in force.
    Removed,
    /// By an administrator, before its start.
    Canceled,
    /// By time, and that has been recorded.
    Expired,
}

impl GrantEnding {
    /// Every ending.
    pub const ALL: [GrantEnding; 3] =
        [GrantEnding::Removed, GrantEnding::Canceled, GrantEnding::Expired];

    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            GrantEnding::Removed => "removed",
            GrantEnding::Canceled => "canceled",
            GrantEnding::Expired => "expired",
        }
    }
}

/// That and how a grant ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantEnd {
    /// From then on it counts for nothing.
    pub at: DateTime<Utc>,
    /// Why.
    pub how: GrantEnding,
}

/// Where a grant stands at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantState {
    /// Its start lies ahead.
    Scheduled,
    /// It counts.
    InForce,
    /// Its end has passed.
    Expired,
    /// An administrator ended it while it was in force.
    Removed,
    /// An administrator ended it before its start.
    Canceled,
}

impl GrantState {
    /// As it is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            GrantState::Scheduled => "SCHEDULED",
            GrantState::InForce => "IN_FORCE",
            GrantState::Expired => "EXPIRED",
            GrantState::Removed => "REMOVED",
            GrantState::Canceled => "CANCELED",
        }
    }

    /// Whether it never counts again.
    #[must_use]
    pub fn is_ended(self) -> bool {
        matches!(self, GrantState::Expired | GrantState::Removed | GrantState::Canceled)
    }
}

/// An eligibility or an active assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Made by the server.
    pub id: GrantId,
    /// What it does.
    pub kind: GrantKind,
    /// For whom.
    pub principal: PrincipalId,
    /// For what.
    pub role: RoleId,
    /// Where, and everywhere below.
    pub scope: Scope,
    /// When.
    pub window: Window,
    /// That it ended, where that is recorded.
    pub ended: Option<GrantEnd>,
    /// Why it was made.
    pub justification: Justification,
    /// On which change or incident.
    pub ticket: Option<Ticket>,
    /// Who made it: a principal, or nobody of the directory. Of access to a group, whoever gave more
    /// of it since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_by: Option<PrincipalId>,
    /// The one that had ended, where it renews one.
    pub renewed_from: Option<GrantId>,
    /// The revision of the policy that it was last judged by.
    pub policy_revision: i64,
    /// Counts its changes.
    pub version: Version,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

impl Thing for Grant {
    const KIND: ThingKind = ThingKind::Assignment;

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> Version {
        self.version
    }

    fn kind(&self) -> ThingKind {
        self.kind.thing()
    }
}

impl Grant {
    /// When it counts.
    #[must_use]
    pub fn span(&self) -> Span {
        Span { window: self.window, ended: self.ended.map(|end| end.at) }
    }

    /// Where it stands at `now`.
    #[must_use]
    pub fn state(&self, now: DateTime<Utc>) -> GrantState {
        match self.ended.map(|end| end.how) {
            Some(GrantEnding::Removed) => GrantState::Removed,
            Some(GrantEnding::Canceled) => GrantState::Canceled,
            Some(GrantEnding::Expired) => GrantState::Expired,
            None if self.window.end.is_some_and(|end| end <= now) => GrantState::Expired,
            None if now < self.window.start => GrantState::Scheduled,
            None => GrantState::InForce,
        }
    }

    /// Ends it at once.
    ///
    /// # Errors
    /// `WRONG_STATE` where it has ended already, by time too.
    pub fn remove(
        &self,
        catalog: Catalog,
        justification: Justification,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = About { justification, ..self.about(catalog) };
        match self.state(stamp.now) {
            state @ (GrantState::InForce | GrantState::Scheduled) => {
                let (ending, code) = self.taken_away(state == GrantState::InForce);
                Ok(self.end(stamp.now, ending, code, about, stamp))
            }
            state @ (GrantState::Expired | GrantState::Removed | GrantState::Canceled) => {
                Err(self.wrong_state(state, about))
            }
        }
    }

    /// Records that its time is up.
    ///
    /// # Errors
    /// `WRONG_STATE` before its end, and where its end is recorded already.
    pub fn expire(&self, catalog: Catalog, stamp: &Stamp) -> Result<Change<Self>, Denial> {
        let about = self.about(catalog);
        match (self.window.end, self.ended) {
            (Some(end), None) if end <= stamp.now => {
                let code = match self.kind {
                    GrantKind::Eligibility => Code::EligibilityExpired,
                    GrantKind::Assignment => Code::AssignmentExpired,
                };
                Ok(self.end(end, GrantEnding::Expired, code, about, stamp))
            }
            _ => Err(self.wrong_state(self.state(stamp.now), about)),
        }
    }

    /// Records that it has ended: with its role, with its group (the one that has it, or to which
    /// it gives access), or because its time is up.
    ///
    /// # Errors
    /// `WRONG_STATE` while it stands, and where its end is recorded already.
    pub fn settle(
        &self,
        role: &Role,
        groups: &[Group],
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let own = |group: &&Group| {
            group.principal() == self.principal || self.scope.group() == Some(group.id)
        };
        let groups = groups.iter().filter(own).filter_map(|group| group.deleted);
        let with_group = groups.min().map(|at| (at, "its group was deleted"));
        let with_role = role.deletion().map(|Deletion { at, by: _ }| (at, "its role was deleted"));
        let taken = [with_role, with_group].into_iter().flatten().min_by_key(|(at, _)| *at);
        let lasts = |at| self.window.end.is_none_or(|end| at < end);
        match (taken, self.ended) {
            (Some((at, why)), None) if lasts(at) => {
                let (ending, code) = self.taken_away(self.window.start <= at);
                let about = About { justification: why.into(), ..self.about(role.catalog) };
                Ok(self.end(at, ending, code, about, stamp))
            }
            (Some(_) | None, _) => self.expire(role.catalog, stamp),
        }
    }

    /// How it ends by an administrator, in force or before its start.
    fn taken_away(&self, in_force: bool) -> (GrantEnding, Code) {
        match (self.kind, in_force) {
            (GrantKind::Eligibility, true) => (GrantEnding::Removed, Code::EligibilityRemoved),
            (GrantKind::Assignment, true) => (GrantEnding::Removed, Code::AssignmentRemoved),
            (GrantKind::Eligibility, false) => (GrantEnding::Canceled, Code::EligibilityCanceled),
            (GrantKind::Assignment, false) => (GrantEnding::Canceled, Code::AssignmentCanceled),
        }
    }

    fn wrong_state(&self, state: GrantState, about: About) -> Denial {
        let thing = self.kind.thing();
        Denial::new(Reason::WrongState { thing, state: state.as_str() })
            .about(about)
            .of(thing, self.id.uuid())
    }

    fn end(
        &self,
        at: DateTime<Utc>,
        how: GrantEnding,
        code: Code,
        about: About,
        stamp: &Stamp,
    ) -> Change<Self> {
        let after = Self {
            ended: Some(GrantEnd { at, how }),
            version: self.version.next(),
            update_time: stamp.now,
            ..self.clone()
        };
        Change::updated(self, after, stamp, code, about)
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
            permanent: self.window.end.is_none(),
            justification: Justification::default(),
            ticket: self.ticket.clone(),
            policy_revision: Some(self.policy_revision),
        }
    }
}
