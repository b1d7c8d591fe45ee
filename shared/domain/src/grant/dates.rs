//! Moving the dates of a grant, and renewing one that has ended by time. What is left of a grant is
//! judged as one that is made now: a maximum counts from now on, and an end must be far enough ahead.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Facts, Grant, GrantKind, GrantState,
    judge::{Terms, judge, not_oneself},
};
use crate::{
    change::{Change, Version},
    denial::{Denial, Reason, Rule, Violation},
    event::{About, Code, Stamp},
    id::{GrantId, PrincipalId},
    justification::Justification,
    role::GroupAccess,
    text::Ticket,
    time::Window,
};

/// An end that is asked for; that nothing is asked for is said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewEnd {
    /// Then.
    At(DateTime<Utc>),
    /// Never.
    Permanent,
}

impl NewEnd {
    /// As the end of a window.
    #[must_use]
    pub fn end(self) -> Option<DateTime<Utc>> {
        match self {
            NewEnd::At(end) => Some(end),
            NewEnd::Permanent => None,
        }
    }
}

/// A wish to move the dates of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// An eligibility or an assignment.
    pub kind: GrantKind,
    /// Which.
    pub grant: GrantId,
    /// Of the grant as the caller read it.
    pub etag: String,
    /// Absent: as it is; past: now.
    pub start: Option<DateTime<Utc>>,
    /// Absent: as it is.
    pub end: Option<NewEnd>,
    /// Why.
    pub justification: Justification,
    /// On which change or incident.
    pub ticket: Option<Ticket>,
}

/// A wish for a later end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extend {
    /// An eligibility or an assignment.
    pub kind: GrantKind,
    /// Which.
    pub grant: GrantId,
    /// Later than the one that it has.
    pub end: NewEnd,
    /// Why.
    pub justification: Justification,
    /// On which change or incident.
    pub ticket: Option<Ticket>,
}

/// A wish for a grant like one that has ended by time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renew {
    /// An eligibility or an assignment.
    pub kind: GrantKind,
    /// The one that has ended.
    pub grant: GrantId,
    /// Absent or past: now.
    pub start: Option<DateTime<Utc>>,
    /// Absent: permanent.
    pub end: Option<DateTime<Utc>>,
    /// Why.
    pub justification: Justification,
    /// On which change or incident.
    pub ticket: Option<Ticket>,
}

impl Grant {
    /// Moves its dates: the end while it has not ended, the start only before it. `None` where they
    /// are so already, and nothing changes.
    ///
    /// # Errors
    /// `SELF_GRANT`, `WRONG_STATE`, `ETAG_MISMATCH`, then every broken rule of the policy together,
    /// then `DUPLICATE`.
    pub fn update(
        &self,
        facts: &Facts,
        wish: &Update,
        stamp: &Stamp,
    ) -> Result<Option<Change<Self>>, Denial> {
        let end = wish.end.map_or(self.window.end, NewEnd::end);
        let why = (&wish.justification, wish.ticket.as_ref());
        let about = self.about_change(facts, end, why, None);
        not_oneself(facts, &about)?;
        let state = self.state(stamp.now);
        let start = wish.start.filter(|start| *start != self.window.start);
        match (state, start) {
            (GrantState::Scheduled, _) | (GrantState::InForce, None) => {}
            (GrantState::InForce, Some(_))
            | (GrantState::Expired | GrantState::Removed | GrantState::Canceled, _) => {
                return Err(self.wrong_state(state, about));
            }
        }
        if wish.etag != self.version.etag() {
            let reason = Reason::EtagMismatch { current: self.version.etag() };
            return Err(Denial::new(reason).about(about).of(self.kind.thing(), self.id.uuid()));
        }
        let start = start.map_or(self.window.start, |start| start.max(stamp.now));
        let window = Window { start, end };
        if window == self.window {
            return Ok(None);
        }
        self.judge(facts, window, why, None, stamp)
            .map_err(|denial| denial.about(about.clone()).of(self.kind.thing(), self.id.uuid()))?;
        let code = match self.kind {
            GrantKind::Eligibility => Code::EligibilityUpdated,
            GrantKind::Assignment => Code::AssignmentUpdated,
        };
        Ok(Some(self.moved(window, facts, code, about, stamp)))
    }

    /// Moves its end further away, while it has not ended.
    ///
    /// # Errors
    /// `SELF_GRANT`, `WRONG_STATE`, then every broken rule of the policy together, then `DUPLICATE`.
    pub fn extend(
        &self,
        facts: &Facts,
        wish: &Extend,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        self.extend_for(facts, wish, None, stamp)
    }

    /// The same, as a part of what `correlation` names.
    pub(crate) fn extend_for(
        &self,
        facts: &Facts,
        wish: &Extend,
        correlation: Option<Uuid>,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let window = Window { end: wish.end.end(), ..self.window };
        let why = (&wish.justification, wish.ticket.as_ref());
        let about = self.about_change(facts, window.end, why, correlation);
        not_oneself(facts, &about)?;
        let state = self.state(stamp.now);
        if state.is_ended() {
            return Err(self.wrong_state(state, about));
        }
        self.judge(facts, window, why, self.not_later(window.end), stamp)
            .map_err(|denial| denial.about(about.clone()).of(self.kind.thing(), self.id.uuid()))?;
        let code = match self.kind {
            GrantKind::Eligibility => Code::EligibilityExtended,
            GrantKind::Assignment => Code::AssignmentExtended,
        };
        Ok(self.moved(window, facts, code, about, stamp))
    }

    /// A new grant like this one, which has ended by time, whether or not that is recorded.
    ///
    /// # Errors
    /// `SELF_GRANT`, `WRONG_STATE`, then every broken rule of the policy together, then `DUPLICATE`.
    pub fn renew(
        &self,
        facts: &Facts,
        wish: &Renew,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        self.renew_for(facts, wish, None, stamp)
    }

    /// The same, as a part of what `correlation` names.
    pub(crate) fn renew_for(
        &self,
        facts: &Facts,
        wish: &Renew,
        correlation: Option<Uuid>,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let start = wish.start.map_or(stamp.now, |start| start.max(stamp.now));
        let window = Window { start, end: wish.end };
        let why = (&wish.justification, wish.ticket.as_ref());
        let about = self.about_change(facts, window.end, why, correlation);
        not_oneself(facts, &about)?;
        match self.state(stamp.now) {
            GrantState::Expired => {}
            state @ (GrantState::Scheduled
            | GrantState::InForce
            | GrantState::Removed
            | GrantState::Canceled) => return Err(self.wrong_state(state, about)),
        }
        self.judge(facts, window, why, None, stamp)
            .map_err(|denial| denial.about(about.clone()).of(self.kind.thing(), self.id.uuid()))?;
        let grant = Self {
            id: GrantId::at(stamp.now),
            window,
            ended: None,
            justification: wish.justification.clone(),
            ticket: wish.ticket.clone(),
            granted_by: stamp.actor.principal(),
            renewed_from: Some(self.id),
            policy_revision: facts.policy.revision,
            version: Version::FIRST,
            create_time: stamp.now,
            update_time: stamp.now,
            ..self.clone()
        };
        let code = match self.kind {
            GrantKind::Eligibility => Code::EligibilityRenewed,
            GrantKind::Assignment => Code::AssignmentRenewed,
        };
        // Its life is its own, and begins here.
        let correlation = correlation.or(Some(grant.id.uuid()));
        Ok(Change::created(grant, stamp, code, About { correlation, ..about }))
    }

    fn judge(
        &self,
        facts: &Facts,
        window: Window,
        (justification, ticket): (&Justification, Option<&Ticket>),
        first: Option<Violation>,
        stamp: &Stamp,
    ) -> Result<(), Denial> {
        let left = Window { start: window.start.max(stamp.now), ..window };
        let (kind, scope) = (self.kind, &self.scope);
        let terms = Terms { kind, scope, window: left, justification, ticket, of: Some(self) };
        judge(facts, &terms, first, stamp.now)
    }

    /// What is wrong with `end` as a later end than the one that it has.
    fn not_later(&self, end: Option<DateTime<Utc>>) -> Option<Violation> {
        let limit = match (self.window.end, end) {
            (Some(_), None) => return None,
            (Some(old), Some(new)) if new > old => return None,
            (Some(old), Some(_)) => format!("later than the end that it has, {}", old.to_rfc3339()),
            (None, _) => "nothing: it has no end".to_owned(),
        };
        let given = end.map_or_else(|| "permanent".to_owned(), |end| end.to_rfc3339());
        Some(Violation::new(Rule::Window, "end_time", limit, given))
    }

    /// Who answers for what is held in `window`. Of access to a group that is whoever gave it, or gave
    /// more of it, last: what the requester of an activation gave makes nobody their approver, and to
    /// lengthen a membership is as good as to make one.
    fn answering(&self, window: Window, stamp: &Stamp) -> Option<PrincipalId> {
        let ends_later = self.window.end.is_some_and(|old| window.end.is_none_or(|new| new > old));
        let widens = ends_later || window.start < self.window.start;
        match GroupAccess::of(self.role) {
            Some(GroupAccess::Member | GroupAccess::Owner) if widens => stamp.actor.principal(),
            Some(GroupAccess::Member | GroupAccess::Owner) | None => self.granted_by,
        }
    }

    fn moved(
        &self,
        window: Window,
        facts: &Facts,
        code: Code,
        about: About,
        stamp: &Stamp,
    ) -> Change<Self> {
        let after = Self {
            window,
            granted_by: self.answering(window, stamp),
            policy_revision: facts.policy.revision,
            version: self.version.next(),
            update_time: stamp.now,
            ..self.clone()
        };
        Change::updated(self, after, stamp, code, about)
    }

    fn about_change(
        &self,
        facts: &Facts,
        end: Option<DateTime<Utc>>,
        (justification, ticket): (&Justification, Option<&Ticket>),
        correlation: Option<Uuid>,
    ) -> About {
        About {
            correlation: correlation.or(Some(self.id.uuid())),
            permanent: end.is_none(),
            justification: justification.clone(),
            ticket: ticket.cloned(),
            policy_revision: Some(facts.policy.revision),
            ..self.about(facts.role.catalog)
        }
    }
}
