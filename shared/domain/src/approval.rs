//! Approvals: what the approvers that a policy names decide about an activation. All must say yes;
//! one no ends it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    activation::{Activation, State as ActivationState, Verdict as Resolution},
    change::{Change, Thing, Version},
    denial::{Denial, Reason, Rule, Violation},
    event::{About, Code, Stamp, ThingKind},
    id::{ActivationId, ApprovalId, PrincipalId},
    policy::ApprovalRule,
    principal::{Principal, PrincipalKind},
    role::Catalog,
    text::is_blank,
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
    pub justification: String,
    /// When.
    pub time: DateTime<Utc>,
}

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for decisions.
    Pending,
    /// All said yes.
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
    /// Who must say yes, by which rules; of the policy's revision that the request was judged by.
    pub rule: ApprovalRule,
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
    /// Those of the approvers who exist.
    pub approvers: Vec<Principal>,
}

impl Facts {
    /// The newest `update_time` among the facts: no decision on them is earlier.
    #[must_use]
    pub fn newest(&self) -> DateTime<Utc> {
        let persons = self.approvers.iter().map(|approver| approver.update_time);
        [self.approval.update_time, self.activation.update_time, self.requester.update_time]
            .into_iter()
            .chain(persons)
            .max()
            .unwrap_or(self.approval.update_time)
    }
}

/// A wish to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decide {
    /// On what.
    pub approval: ApprovalId,
    /// Of the approval as the caller read it.
    pub etag: String,
    /// Yes or no.
    pub verdict: Verdict,
    /// Why.
    pub justification: String,
}

/// What becomes of a decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Decided {
    /// It counts.
    Now(Box<Change<Approval>>),
    /// The same person said the same before; nothing changes.
    Before(Approval),
}

/// The approval that `activation` waits for.
///
/// # Errors
/// `WRONG_STATE` where it waits for none.
pub fn open(
    activation: &Activation,
    rule: ApprovalRule,
    catalog: Catalog,
    stamp: &Stamp,
) -> Result<Change<Approval>, Denial> {
    let about = activation.about(catalog);
    let settled = activation.settled(stamp.now);
    let ActivationState::PendingApproval { expire_time } = settled.state else {
        let state = settled.state.as_str();
        let reason = Reason::WrongState { thing: ThingKind::Activation, state };
        return Err(Denial::new(reason).about(about));
    };
    let approval = Approval {
        id: ApprovalId::at(stamp.now),
        activation: activation.id,
        rule,
        expire_time,
        state: State::Pending,
        decisions: Vec::new(),
        version: Version::FIRST,
        create_time: stamp.now,
        update_time: stamp.now,
    };
    Ok(Change::created(approval, stamp, Code::ApprovalOpened, about))
}

/// One approver's yes or no.
///
/// # Errors
/// In this order: `SELF_APPROVAL`, `NOT_AN_APPROVER`, `ALREADY_DECIDED`, `ALREADY_RESOLVED`,
/// `ETAG_MISMATCH`, `POLICY_DENIED` for a missing justification.
pub fn decide(
    facts: &Facts,
    caller: &Principal,
    wish: Decide,
    stamp: &Stamp,
) -> Result<Decided, Denial> {
    let approval = &facts.approval;
    let about = About {
        justification: wish.justification.clone(),
        ..facts.activation.about(facts.catalog)
    };
    let refuse = |reason| {
        let denial = Denial::new(reason).about(about.clone());
        Err(denial.of(ThingKind::Approval, approval.id.uuid()))
    };
    if caller.is_same_person(&facts.requester) {
        return refuse(Reason::SelfApproval);
    }
    if !approval.has_standing(caller) {
        return refuse(Reason::NotAnApprover);
    }
    let person = caller.person_key();
    if let Some(earlier) = approval.decisions.iter().find(|decision| decision.person == person) {
        return if earlier.verdict == wish.verdict {
            Ok(Decided::Before(approval.settled(stamp.now)))
        } else {
            refuse(Reason::AlreadyDecided { id: approval.id.uuid() })
        };
    }
    let state = approval.state_beside(&facts.activation, stamp.now);
    if state != State::Pending {
        return refuse(Reason::AlreadyResolved { state: state.as_str() });
    }
    if wish.etag != approval.etag() {
        return refuse(Reason::EtagMismatch { current: approval.etag() });
    }
    if let Some(violation) = unjustified(&approval.rule, &wish) {
        return refuse(Reason::Policy { violations: vec![violation], live: None });
    }
    let decision = Decision {
        approver: caller.id,
        person,
        verdict: wish.verdict,
        justification: wish.justification,
        time: stamp.now,
    };
    Ok(Decided::Now(Box::new(approval.with(decision, facts, about, stamp))))
}

fn unjustified(rule: &ApprovalRule, wish: &Decide) -> Option<Violation> {
    let required = match wish.verdict {
        Verdict::Approve => rule.justify_approve,
        Verdict::Deny => rule.justify_deny,
    };
    (required && is_blank(&wish.justification))
        .then(|| Violation::new(Rule::Justification, "justification", "required", "none"))
}

impl Approval {
    /// Covers what is decided on, not the decisions: another's yes does not change it.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("a{}", self.activation.uuid().simple())
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
        let state = self.settled(now).state;
        let waits =
            matches!(activation.settled(now).state, ActivationState::PendingApproval { .. });
        if state == State::Pending && !waits { State::Canceled } else { state }
    }

    /// Whether `principal` is one of those who decide, now.
    #[must_use]
    pub fn has_standing(&self, principal: &Principal) -> bool {
        principal.is_enabled()
            && principal.kind == PrincipalKind::User
            && self.rule.approvers.contains(&principal.id)
    }

    /// What has become of it, for its activation; `None` while nothing has.
    #[must_use]
    pub fn resolution(&self) -> Option<Resolution> {
        match self.state {
            State::Approved => Some(Resolution::Approved { by: self.approved_by().collect() }),
            State::Denied => Some(Resolution::Denied),
            State::Pending | State::TimedOut | State::Canceled => None,
        }
    }

    fn approved_by(&self) -> impl Iterator<Item = PrincipalId> + '_ {
        let yes = |decision: &&Decision| decision.verdict == Verdict::Approve;
        self.decisions.iter().filter(yes).map(|decision| decision.approver)
    }

    fn with(&self, decision: Decision, facts: &Facts, about: About, stamp: &Stamp) -> Change<Self> {
        let verdict = decision.verdict;
        let mut after = self.clone();
        after.decisions.push(decision);
        let standing = |slot: &PrincipalId| {
            facts.approvers.iter().any(|one| one.id == *slot && after.has_standing(one))
        };
        let approved: Vec<PrincipalId> = after.approved_by().filter(|one| standing(one)).collect();
        let complete = after.rule.approvers.iter().all(|slot| approved.contains(slot));
        let (state, code) = match (verdict, complete) {
            (Verdict::Deny, _) => (State::Denied, Code::ApprovalDenied),
            (Verdict::Approve, true) => (State::Approved, Code::ApprovalApproved),
            (Verdict::Approve, false) => (State::Pending, Code::ApprovalVoted),
        };
        after.state = state;
        self.moved(after, code, about, stamp)
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
        let waits =
            matches!(activation.settled(stamp.now).state, ActivationState::PendingApproval { .. });
        match self.settled(stamp.now).state {
            State::Pending if !waits => {
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
