//! Change requests: what the holder of an eligibility or assignment asks of administrators, shortly
//! before its end (an extension) or for a while after it (a renewal).

mod decide;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use decide::{Approve, Approved, Deny};

use crate::{
    change::{Change, Thing, Version},
    denial::{Denial, Reason, Rule, Violation},
    event::{About, Code, Stamp, ThingKind},
    grant::{Grant, GrantEnding, GrantKind},
    id::{ChangeRequestId, GrantId, PrincipalId, RoleId},
    justification::Justification,
    principal::Principal,
    role::{Catalog, Deletion, Role},
    scope::Scope,
    text::{Ticket, is_blank},
    time::format_duration,
};

/// How long administrators have. Nothing is granted by silence. Fixed.
pub const CHANGE_REQUEST_TIMEOUT: TimeDelta = TimeDelta::days(14);
/// How long before the end an extension may be asked for. Fixed.
pub const EXTENSION_AHEAD_MAX: TimeDelta = TimeDelta::days(14);
/// How long after the end a renewal may be asked for. Fixed.
pub const RENEWAL_AFTER_MAX: TimeDelta = TimeDelta::days(30);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A later end.
    Extension,
    /// A new one like it.
    Renewal,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [ChangeKind; 2] = [ChangeKind::Extension, ChangeKind::Renewal];

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Extension => "EXTENSION",
            ChangeKind::Renewal => "RENEWAL",
        }
    }
}

/// What somebody said of a request, which ended it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Who.
    pub by: PrincipalId,
    /// Why.
    pub justification: Justification,
}

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for an administrator.
    Pending,
    /// It was done.
    Approved {
        /// By whom.
        decision: Decision,
        /// The grant that was extended, or the new one.
        outcome: GrantId,
    },
    /// An administrator said no.
    Denied(Decision),
    /// Nobody decided in time.
    TimedOut,
    /// Withdrawn by who asked, or by an administrator.
    Canceled(Decision),
}

impl State {
    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            State::Pending => "PENDING",
            State::Approved { .. } => "APPROVED",
            State::Denied(_) => "DENIED",
            State::TimedOut => "TIMED_OUT",
            State::Canceled(_) => "CANCELED",
        }
    }
}

/// What the holder of an eligibility or assignment asks about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRequest {
    /// Made by the server.
    pub id: ChangeRequestId,
    /// What is asked for.
    pub kind: ChangeKind,
    /// About an eligibility or an assignment.
    pub grant_kind: GrantKind,
    /// About which.
    pub grant: GrantId,
    /// Who asks, and holds it.
    pub principal: PrincipalId,
    /// Of that grant.
    pub role: RoleId,
    /// Of that grant.
    pub scope: Scope,
    /// The end that is wished for; absent: as administrators see fit.
    pub end: Option<DateTime<Utc>>,
    /// Why.
    pub justification: Justification,
    /// On which change or incident.
    pub ticket: Option<Ticket>,
    /// From then on nobody can decide, by time alone.
    pub expire_time: DateTime<Utc>,
    /// Where it stands.
    pub state: State,
    /// Counts its changes.
    pub version: Version,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

impl Thing for ChangeRequest {
    const KIND: ThingKind = ThingKind::ChangeRequest;

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// A wish to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// What for.
    pub kind: ChangeKind,
    /// About an eligibility or an assignment.
    pub grant_kind: GrantKind,
    /// About which.
    pub grant: GrantId,
    /// The end that is wished for; absent: as administrators see fit.
    pub end: Option<DateTime<Utc>>,
    /// Why.
    pub justification: Justification,
    /// On which change or incident.
    pub ticket: Option<Ticket>,
}

/// What a wish to ask is judged by.
#[derive(Debug, Clone)]
pub struct Facts {
    /// About what.
    pub grant: Grant,
    /// Of its role.
    pub catalog: Catalog,
    /// A request about it that has not been recorded as ended.
    pub pending: Option<ChangeRequest>,
}

/// The new request.
///
/// # Errors
/// In this order: `NOT_PERMITTED` to who is not the holder, `WRONG_STATE` where an administrator has
/// ended the grant, every broken rule together, `DUPLICATE` while another request about it waits.
pub fn ask(
    facts: &Facts,
    caller: &Principal,
    wish: Ask,
    stamp: &Stamp,
) -> Result<Change<ChangeRequest>, Denial> {
    let grant = &facts.grant;
    if grant.principal != caller.id {
        return Err(Denial::new(Reason::NotPermitted));
    }
    let about = About {
        justification: wish.justification.clone(),
        ticket: wish.ticket.clone(),
        ..grant.about(facts.catalog)
    };
    let refuse =
        |denial: Denial| denial.about(about.clone()).of(grant.kind.thing(), grant.id.uuid());
    not_removed(grant, stamp.now).map_err(refuse)?;
    let violations = [
        window(wish.kind, grant, stamp.now, Until::Asked),
        end(&wish, grant, stamp.now),
        is_blank(&wish.justification)
            .then(|| Violation::new(Rule::Justification, "justification", "required", "none")),
    ];
    Denial::check(violations.into_iter().flatten().collect(), None).map_err(refuse)?;
    let waits = |pending: &&ChangeRequest| pending.settled(stamp.now).state == State::Pending;
    if let Some(pending) = facts.pending.as_ref().filter(waits) {
        let (thing, id) = (ThingKind::ChangeRequest, pending.id.uuid());
        return Err(refuse(Denial::new(Reason::Duplicate { thing, id })));
    }
    let request = ChangeRequest {
        id: ChangeRequestId::at(stamp.now),
        kind: wish.kind,
        grant_kind: grant.kind,
        grant: grant.id,
        principal: grant.principal,
        role: grant.role,
        scope: grant.scope.clone(),
        end: wish.end,
        justification: wish.justification,
        ticket: wish.ticket,
        expire_time: stamp.now + CHANGE_REQUEST_TIMEOUT,
        state: State::Pending,
        version: Version::FIRST,
        create_time: stamp.now,
        update_time: stamp.now,
    };
    let code = match (request.grant_kind, request.kind) {
        (GrantKind::Eligibility, ChangeKind::Extension) => Code::EligibilityExtensionRequested,
        (GrantKind::Eligibility, ChangeKind::Renewal) => Code::EligibilityRenewalRequested,
        (GrantKind::Assignment, ChangeKind::Extension) => Code::AssignmentExtensionRequested,
        (GrantKind::Assignment, ChangeKind::Renewal) => Code::AssignmentRenewalRequested,
    };
    let about = request.about(facts.catalog, request.justification.clone());
    Ok(Change::created(request, stamp, code, about))
}

/// What an administrator has ended stays ended, whatever is asked for.
fn not_removed(grant: &Grant, now: DateTime<Utc>) -> Result<(), Denial> {
    match grant.ended.map(|end| end.how) {
        Some(GrantEnding::Removed | GrantEnding::Canceled) => {
            let (thing, state) = (grant.kind.thing(), grant.state(now).as_str());
            Err(Denial::new(Reason::WrongState { thing, state }))
        }
        Some(GrantEnding::Expired) | None => Ok(()),
    }
}

/// Whether a request is made, or was made in time and is decided on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Asked,
    Decided,
}

/// What is wrong with asking for `kind` at `now`, or with giving it.
fn window(kind: ChangeKind, grant: &Grant, now: DateTime<Utc>, until: Until) -> Option<Violation> {
    let broken = |limit: String, given| Some(Violation::new(Rule::Window, "kind", limit, given));
    let Some(end) = grant.window.end else {
        let limit = format!("an {} that has an end", grant.kind.as_str());
        return broken(limit, "a permanent one".to_owned());
    };
    let fits = match (kind, until) {
        (ChangeKind::Extension, _) => end - EXTENSION_AHEAD_MAX <= now && now < end,
        (ChangeKind::Renewal, Until::Asked) => end <= now && now <= end + RENEWAL_AFTER_MAX,
        // The decision may come later than the question could: that was in time.
        (ChangeKind::Renewal, Until::Decided) => end <= now,
    };
    if fits {
        return None;
    }
    let limit = match kind {
        ChangeKind::Extension => {
            let ahead = format_duration(EXTENSION_AHEAD_MAX);
            format!("within {ahead} before the end, {}", end.to_rfc3339())
        }
        ChangeKind::Renewal => {
            let after = format_duration(RENEWAL_AFTER_MAX);
            format!("within {after} after the end, {}", end.to_rfc3339())
        }
    };
    broken(limit, now.to_rfc3339())
}

/// What is wrong with the end that is wished for.
fn end(wish: &Ask, grant: &Grant, now: DateTime<Utc>) -> Option<Violation> {
    let end = wish.end?;
    let least = match (wish.kind, grant.window.end) {
        (ChangeKind::Extension, Some(old)) => old.max(now),
        (ChangeKind::Extension, None) | (ChangeKind::Renewal, _) => now,
    };
    (end <= least).then(|| {
        let limit = format!("later than {}", least.to_rfc3339());
        Violation::new(Rule::Window, "end_time", limit, end.to_rfc3339())
    })
}

impl ChangeRequest {
    /// As it stands at `now`: what time alone has decided is applied.
    #[must_use]
    pub fn settled(&self, now: DateTime<Utc>) -> Self {
        let late = self.state == State::Pending && self.expire_time <= now;
        let state = if late { State::TimedOut } else { self.state.clone() };
        Self { state, ..self.clone() }
    }

    /// Withdraws it.
    ///
    /// # Errors
    /// `WRONG_STATE` where it waits no more.
    pub fn cancel(
        &self,
        catalog: Catalog,
        decision: Decision,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = self.about(catalog, decision.justification.clone());
        let code = match (self.grant_kind, self.kind) {
            (GrantKind::Eligibility, ChangeKind::Extension) => Code::EligibilityExtensionCanceled,
            (GrantKind::Eligibility, ChangeKind::Renewal) => Code::EligibilityRenewalCanceled,
            (GrantKind::Assignment, ChangeKind::Extension) => Code::AssignmentExtensionCanceled,
            (GrantKind::Assignment, ChangeKind::Renewal) => Code::AssignmentRenewalCanceled,
        };
        match self.settled(stamp.now).state {
            State::Pending => Ok(self.moved(State::Canceled(decision), code, about, stamp)),
            state @ (State::Approved { .. }
            | State::Denied(_)
            | State::TimedOut
            | State::Canceled(_)) => Err(self.wrong_state(&state, about)),
        }
    }

    /// Records that nobody decided in time.
    ///
    /// # Errors
    /// `WRONG_STATE` before that, and where it is recorded as ended already.
    pub fn time_out(&self, catalog: Catalog, stamp: &Stamp) -> Result<Change<Self>, Denial> {
        let about = self.about(catalog, Justification::default());
        match (&self.state, self.settled(stamp.now).state) {
            (State::Pending, State::TimedOut) => {
                Ok(self.moved(State::TimedOut, Code::ChangeRequestTimedOut, about, stamp))
            }
            (_, state) => Err(self.wrong_state(&state, about)),
        }
    }

    /// Records that it waits no more: its role was deleted, or nobody decided in time.
    ///
    /// # Errors
    /// `WRONG_STATE` while it waits, and where it is recorded as ended already.
    pub fn settle(&self, role: &Role, stamp: &Stamp) -> Result<Change<Self>, Denial> {
        match role.deletion() {
            Some(Deletion { at: _, by }) if stamp.now < self.expire_time => {
                let justification = "its role was deleted".into();
                self.cancel(role.catalog, Decision { by, justification }, stamp)
            }
            Some(_) | None => self.time_out(role.catalog, stamp),
        }
    }

    fn wrong_state(&self, state: &State, about: About) -> Denial {
        let reason = Reason::WrongState { thing: ThingKind::ChangeRequest, state: state.as_str() };
        Denial::new(reason).about(about).of(ThingKind::ChangeRequest, self.id.uuid())
    }

    fn moved(&self, state: State, code: Code, about: About, stamp: &Stamp) -> Change<Self> {
        let after =
            Self { state, version: self.version.next(), update_time: stamp.now, ..self.clone() };
        Change::updated(self, after, stamp, code, about)
    }

    /// Whom and what it concerns.
    fn about(&self, catalog: Catalog, justification: Justification) -> About {
        About {
            correlation: Some(self.id.uuid()),
            subject: Some(self.principal),
            role: Some(self.role),
            catalog: Some(catalog),
            scope: Some(self.scope.clone()),
            permanent: false,
            justification,
            ticket: self.ticket.clone(),
            policy_revision: None,
        }
    }
}
