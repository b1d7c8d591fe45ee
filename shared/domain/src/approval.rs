//! Approvals: what the approvers that a policy names decide about an activation or its extension.
//! Who is needed says the rule; one no ends it.

mod decide;

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use decide::{Decide, Decided, decide};

use crate::{
    activation::{Activation, State as ActivationState, Verdict as Resolution},
    change::{Change, Thing, Version},
    denial::{Denial, Reason},
    effective::Membership,
    event::{About, Code, Stamp, ThingKind},
    id::{ActivationId, ApprovalId, ExtensionId, PrincipalId},
    justification::Justification,
    policy::{ACTIVATION_FLOOR, ApprovalRule, Rules},
    principal::Principal,
    quorum::{Panel, Seating, Vote},
    role::Catalog,
    time::{format_duration, iso},
};

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No.
    Deny,
}

/// What one approver said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Who.
    pub approver: PrincipalId,
    /// The human behind the account: counts once.
    pub person: Uuid,
    /// Yes or no.
    pub verdict: Verdict,
    /// Why.
    pub justification: Justification,
    /// When.
    pub time: DateTime<Utc>,
    /// When it ceased to count, because the approver had lost their standing as it came to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<DateTime<Utc>>,
}

impl Decision {
    fn is_yes(&self) -> bool {
        self.verdict == Verdict::Approve && self.dropped.is_none()
    }
}

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for decisions.
    Pending,
    /// Enough said yes.
    Approved,
    /// One said no.
    Denied,
    /// Not decided in time.
    TimedOut,
    /// Its activation ended otherwise.
    Canceled,
}

impl State {
    /// Every state.
    pub const ALL: [State; 5] =
        [State::Pending, State::Approved, State::Denied, State::TimedOut, State::Canceled];

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            State::Pending => "PENDING",
            State::Approved => "APPROVED",
            State::Denied => "DENIED",
            State::TimedOut => "TIMED_OUT",
            State::Canceled => "CANCELED",
        }
    }
}

/// What approvers decide about an activation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Made by the server.
    pub id: ApprovalId,
    /// About what. Its request never changes.
    pub activation: ActivationId,
    /// The extension of it that is decided on; absent: the activation itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<ExtensionId>,
    /// Who must say yes, by each of these; of the revision that the request was judged by.
    pub rules: Vec<ApprovalRule>,
    /// Approvers may grant no less than this.
    #[serde(with = "iso")]
    pub shortest: TimeDelta,
    /// An approver grants at most this length; absent: what was asked for.
    #[serde(with = "iso::option", default, skip_serializing_if = "Option::is_none")]
    pub shortened: Option<TimeDelta>,
    /// From then on nobody can decide, by time alone.
    pub expire_time: DateTime<Utc>,
    /// Where it stands.
    pub state: State,
    /// In the order in which they came.
    pub decisions: Vec<Decision>,
    /// Counts its changes.
    pub version: Version,
    /// When it was opened.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

impl Thing for Approval {
    const KIND: ThingKind = ThingKind::Approval;

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// What a decision is judged by.
#[derive(Debug, Clone)]
pub struct Facts {
    /// What is decided on.
    pub approval: Approval,
    /// What it is about.
    pub activation: Activation,
    /// Of the role.
    pub catalog: Catalog,
    /// Who asked.
    pub requester: Principal,
    /// Those whom its rules name, alone or by a group, and who exist.
    pub people: Vec<Principal>,
    /// The memberships by which these belong to groups that may approve.
    pub belonging: Vec<Membership>,
}

impl Facts {
    /// The newest `update_time` among the facts: no decision on them is earlier.
    #[must_use]
    pub fn newest(&self) -> DateTime<Utc> {
        let persons = self.people.iter().map(|one| one.update_time);
        let persons = persons.chain(self.belonging.iter().map(|one| one.update_time));
        [self.approval.update_time, self.activation.update_time, self.requester.update_time]
            .into_iter()
            .chain(persons)
            .max()
            .unwrap_or(self.approval.update_time)
    }

    fn panel(&self, at: DateTime<Utc>) -> Panel<'_> {
        Panel { people: &self.people, memberships: &self.belonging, at }
    }

    /// Who may take which slot at `at`, for each of its rules.
    fn seatings(&self, at: DateTime<Utc>) -> Vec<Seating> {
        let barred = Some(self.requester.person_key());
        let seating = |rule| Seating::new(rule, self.panel(at), barred);
        self.approval.rules.iter().map(seating).collect()
    }

    /// Whether `principal` may decide now: they can fill a slot of a stage that has been reached.
    #[must_use]
    pub fn has_standing(&self, principal: PrincipalId, now: DateTime<Utc>) -> bool {
        let votes = self.approval.votes();
        self.seatings(now).iter().any(|seating| seating.may_decide(principal, &votes))
    }

    /// Whether those who are there can complete it.
    #[must_use]
    pub fn is_possible(&self, now: DateTime<Utc>) -> bool {
        self.seatings(now).iter().all(Seating::is_possible)
    }

    /// Whether it waits for `principal`: they may decide and have not.
    #[must_use]
    pub fn waits_for(&self, principal: &Principal, now: DateTime<Utc>) -> bool {
        let pending = self.approval.state_beside(&self.activation, now) == State::Pending;
        let decided = self.approval.decision_of(principal.person_key()).is_some();
        pending && !decided && self.has_standing(principal.id, now)
    }

    /// Who could say yes, now or once the stages before theirs are complete; by stage.
    #[must_use]
    pub fn possible_approvers(&self, now: DateTime<Utc>) -> Vec<PossibleApprover> {
        let approval = &self.approval;
        let pending = approval.state_beside(&self.activation, now) == State::Pending;
        let decided = |one: PrincipalId| {
            let people = self.people.iter().filter(|person| person.id == one);
            people.map(Principal::person_key).any(|key| approval.decision_of(key).is_some())
        };
        let panel = self.panel(now);
        let mut all = possible(&approval.rules, panel, &self.requester, &approval.votes());
        for one in &mut all {
            one.may_now &= pending && !decided(one.approver);
        }
        all
    }
}

/// Somebody who could approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PossibleApprover {
    /// Who.
    pub approver: PrincipalId,
    /// The first stage in which they have a slot, from 0.
    pub stage: usize,
    /// Whether that stage has been reached, and they have not decided.
    pub may_now: bool,
}

/// Who could approve what these rules are for, asked by `requester`, by stage.
#[must_use]
pub fn possible_approvers(
    rules: &[ApprovalRule],
    panel: Panel<'_>,
    requester: &Principal,
) -> Vec<PossibleApprover> {
    possible(rules, panel, requester, &HashSet::new())
}

fn possible(
    rules: &[ApprovalRule],
    panel: Panel<'_>,
    requester: &Principal,
    votes: &HashSet<Vote>,
) -> Vec<PossibleApprover> {
    let mut possible: Vec<PossibleApprover> = Vec::new();
    for rule in rules {
        let seating = Seating::new(rule, panel, Some(requester.person_key()));
        for (stage, approver) in seating.approvers() {
            let may_now = seating.may_decide(approver, votes);
            match possible.iter_mut().find(|one| one.approver == approver) {
                Some(known) => {
                    known.may_now |= may_now;
                    known.stage = known.stage.min(stage);
                }
                None => possible.push(PossibleApprover { approver, stage, may_now }),
            }
        }
    }
    possible.sort_by_key(|one| (one.stage, one.approver));
    possible
}

/// The approval that `activation`, or an extension of it, waits for; by the rules that it was judged
/// by.
///
/// # Errors
/// `WRONG_STATE` where it waits for none.
pub fn open(
    activation: &Activation,
    rules: Rules,
    catalog: Catalog,
    stamp: &Stamp,
) -> Result<Change<Approval>, Denial> {
    let about = activation.about(catalog);
    let settled = activation.settled(stamp.now);
    let (extension, expire_time, shortest) = match (&settled.state, settled.waits_for()) {
        (_, Some(Some(extension))) => (Some(extension.id), extension.expire_time, ACTIVATION_FLOOR),
        (ActivationState::PendingApproval { expire_time }, _) => {
            (None, *expire_time, rules.activation_min)
        }
        (state, _) => {
            let reason = Reason::WrongState { thing: ThingKind::Activation, state: state.as_str() };
            return Err(Denial::new(reason).about(about));
        }
    };
    let approval = Approval {
        id: ApprovalId::at(stamp.now),
        activation: activation.id,
        extension,
        rules: rules.approvals,
        shortest,
        shortened: None,
        expire_time,
        state: State::Pending,
        decisions: Vec::new(),
        version: Version::FIRST,
        create_time: stamp.now,
        update_time: stamp.now,
    };
    Ok(Change::created(approval, stamp, Code::ApprovalOpened, about))
}

impl Approval {
    /// Covers what is decided on, not the decisions: another's yes changes it only by a length
    /// that it shortens.
    #[must_use]
    pub fn etag(&self) -> String {
        let of = self.extension.map_or(self.activation.uuid(), ExtensionId::uuid).simple();
        match self.shortened {
            Some(shortened) => format!("a{of}-{}", format_duration(shortened)),
            None => format!("a{of}"),
        }
    }

    /// As it stands at `now`: what time alone has decided is applied.
    #[must_use]
    pub fn settled(&self, now: DateTime<Utc>) -> Approval {
        let state = match self.state {
            State::Pending if self.expire_time <= now => State::TimedOut,
            state => state,
        };
        Approval { state, ..self.clone() }
    }

    /// Where it stands at `now` beside its activation: one that waits no more has closed it,
    /// whether or not that is recorded.
    #[must_use]
    pub fn state_beside(&self, activation: &Activation, now: DateTime<Utc>) -> State {
        match self.settled(now).state {
            State::Pending if !self.is_awaited(activation, now) => State::Canceled,
            state => state,
        }
    }

    /// Whether the activation waits for this approval.
    fn is_awaited(&self, activation: &Activation, now: DateTime<Utc>) -> bool {
        let settled = activation.settled(now);
        settled.waits_for().is_some_and(|of| of.map(|one| one.id) == self.extension)
    }

    /// What has become of it, for its activation; `None` while nothing has.
    #[must_use]
    pub fn resolution(&self) -> Option<Resolution> {
        match self.state {
            State::Approved => Some(Resolution::Approved {
                votes: self.votes().into_iter().collect(),
                shortened: self.shortened,
            }),
            State::Denied => Some(Resolution::Denied),
            State::Pending | State::TimedOut | State::Canceled => None,
        }
    }

    /// Every yes that has not been dropped.
    #[must_use]
    pub fn votes(&self) -> HashSet<Vote> {
        let yes = self.decisions.iter().filter(|decision| decision.is_yes());
        yes.map(|one| Vote { approver: one.approver, person: one.person }).collect()
    }

    /// What a person has said, unless it was dropped.
    fn decision_of(&self, person: Uuid) -> Option<&Decision> {
        self.decisions.iter().find(|one| one.person == person && one.dropped.is_none())
    }

    /// Closes it because its activation has ended otherwise.
    ///
    /// # Errors
    /// `WRONG_STATE` while its activation still waits for it, and where it is resolved already.
    pub fn cancel(
        &self,
        activation: &Activation,
        catalog: Catalog,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = activation.about(catalog);
        match self.settled(stamp.now).state {
            State::Pending if !self.is_awaited(activation, stamp.now) => {
                let after = Self { state: State::Canceled, ..self.clone() };
                Ok(self.moved(after, Code::ApprovalCanceled, about, stamp))
            }
            state => Err(self.wrong_state(state, about)),
        }
    }

    /// Records that nobody decided in time.
    ///
    /// # Errors
    /// `WRONG_STATE` before that, and where it is resolved already.
    pub fn time_out(
        &self,
        activation: &Activation,
        catalog: Catalog,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = activation.about(catalog);
        match (self.state, self.settled(stamp.now)) {
            (State::Pending, after) if after.state == State::TimedOut => {
                Ok(self.moved(after, Code::ApprovalTimedOut, about, stamp))
            }
            (_, after) => Err(self.wrong_state(after.state, about)),
        }
    }

    fn wrong_state(&self, state: State, about: About) -> Denial {
        let reason = Reason::WrongState { thing: ThingKind::Approval, state: state.as_str() };
        Denial::new(reason).about(about).of(ThingKind::Approval, self.id.uuid())
    }

    fn moved(&self, after: Self, code: Code, about: About, stamp: &Stamp) -> Change<Self> {
        let after = Self { version: self.version.next(), update_time: stamp.now, ..after };
        Change::updated(self, after, stamp, code, about)
    }
}
