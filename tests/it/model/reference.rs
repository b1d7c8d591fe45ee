//! The reference model: the rules of the specification over plain values, one function a command.
//! Where the specification is silent, what the system does is written here as a decision, marked
//! "Decided".

use std::collections::BTreeMap;

use pim_proto::{activation::v1::Ending, assignment::v1::GrantState};
use tonic::Code;

use super::{
    request::{Request, Sent, What},
    rules::{Policies, Rules, Standing, in_force},
    things::{Activation, Approval, Grant, Kind, State},
    universe::{PEOPLE, Role, Scope, Time, Who, is_administrator},
    view::Answer,
};

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) now: Time,
    /// Of each principal; none while disabled.
    pub(super) enabled_since: Vec<Option<Time>>,
    /// When each was last disabled.
    pub(super) disabled_at: Vec<Option<Time>>,
    pub(super) policies: Policies,
    /// The newest revision of each role's policies.
    pub(super) revisions: BTreeMap<Role, i64>,
    pub(super) grants: Vec<Grant>,
    pub(super) activations: Vec<Activation>,
    pub(super) approvals: Vec<Approval>,
    /// What each request's etag stands for, as it was when it was first sent.
    pub(super) etags: BTreeMap<(Who, usize), Etag>,
    /// What was answered to the successful requests.
    pub(super) replies: BTreeMap<(Who, usize), (Request, Answer)>,
}

/// What an etag covers: a policy's revision, or the length that is decided on.
pub(super) type Etag = Option<i64>;

pub(super) type Outcome = Result<Answer, Answer>;

pub(super) fn refused(code: Code, reason: &str) -> Answer {
    Answer::Refused { code, reason: reason.to_owned(), rules: Vec::new() }
}

pub(super) fn not_permitted() -> Answer {
    refused(Code::PermissionDenied, "NOT_PERMITTED")
}

pub(super) fn not_found() -> Answer {
    refused(Code::NotFound, "NOT_FOUND")
}

pub(super) fn wrong_state() -> Answer {
    refused(Code::FailedPrecondition, "WRONG_STATE")
}

pub(super) fn invalid() -> Answer {
    refused(Code::InvalidArgument, "INVALID_FIELD")
}

/// The refusal for these broken rules, if there are any.
pub(super) fn policy(broken: &[&str]) -> Result<(), Answer> {
    let only = |rule: &str| broken.iter().all(|broken| *broken == rule);
    let (code, reason) = match broken {
        [] => return Ok(()),
        _ if only("MFA") => (Code::Unauthenticated, "STEP_UP_REQUIRED"),
        _ if only("APPROVABLE") => (Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER"),
        _ if only("OVERLAP") => (Code::AlreadyExists, "ACTIVATION_LIVE"),
        _ => (Code::FailedPrecondition, "POLICY_DENIED"),
    };
    let rules = broken.iter().map(|rule| (*rule).to_owned()).collect();
    Err(Answer::Refused { code, reason: reason.to_owned(), rules })
}

impl Model {
    pub(super) fn new() -> Self {
        let (enabled_since, disabled_at) = (vec![Some(0); PEOPLE.len()], vec![None; PEOPLE.len()]);
        Self { enabled_since, disabled_at, ..Self::default() }
    }

    /// What is answered; and it happens, unless the request is dry.
    pub(super) fn apply(&mut self, sent: &Sent) -> Answer {
        let current = self.etag(&sent.request);
        self.etags.entry((sent.caller, sent.id)).or_insert(current);
        if sent.dry {
            return self.clone().answer(sent);
        }
        self.answer(sent)
    }

    fn answer(&mut self, sent: &Sent) -> Answer {
        let is_bell = matches!(sent.request, Request::Ring { .. });
        if !is_bell && self.enabled_since[sent.caller].is_none() {
            return refused(Code::Unauthenticated, "CREDENTIAL_INVALID");
        }
        match self.judge(sent) {
            Ok(answer) => {
                let claim = (sent.caller, sent.id);
                self.replies.entry(claim).or_insert((sent.request.clone(), answer.clone()));
                answer
            }
            Err(refusal) => refusal,
        }
    }

    fn etag(&self, request: &Request) -> Etag {
        match request {
            Request::Set { role, scope, .. } | Request::Reset { role, scope, .. } => {
                self.policies.get(&(*role, *scope)).map(|policy| policy.revision)
            }
            Request::Approve { approval: Some(place), .. }
            | Request::Deny { approval: Some(place), .. } => self.approvals[*place].shortened,
            _ => None,
        }
    }

    /// Whether what is changed or decided on is another since the request was first sent.
    pub(super) fn is_outdated(&self, sent: &Sent) -> bool {
        self.etags[&(sent.caller, sent.id)] != self.etag(&sent.request)
    }

    fn judge(&mut self, sent: &Sent) -> Outcome {
        match &sent.request {
            Request::Grant { .. } => self.create_grant(sent),
            Request::Remove { kind, grant, .. } => self.remove_grant(sent, *kind, *grant),
            Request::Set { role, scope, stale, .. } | Request::Reset { role, scope, stale, .. } => {
                self.update_policy(sent, *role, *scope, *stale)
            }
            Request::Activate { .. } => self.activate(sent),
            Request::Deactivate { activation, .. } => self.deactivate(sent, *activation),
            Request::Cancel { activation, .. } => self.cancel(sent, *activation),
            Request::Extend { .. } => self.extend(sent),
            Request::Approve { .. } | Request::Deny { .. } => self.decide(sent),
            Request::Disable { who } => self.disable(sent, *who),
            Request::Enable { who } => self.enable(sent, *who),
            Request::Ring { bell, thing } => self.ring(*bell, thing.ok_or_else(not_found)?),
            Request::Read { what, thing } => self.read(sent.caller, *what, *thing),
        }
    }

    /// A repeat of what was done gets the first answer; other contents are refused.
    pub(super) fn replay(&self, sent: &Sent) -> Result<Option<Answer>, Answer> {
        match self.replies.get(&(sent.caller, sent.id)) {
            None => Ok(None),
            Some((request, answer)) if *request == sent.request => Ok(Some(answer.clone())),
            Some(_) => Err(refused(Code::InvalidArgument, "REQUEST_ID_REUSED")),
        }
    }

    /// Whether somebody holds a role at a scope now: of themselves or from above.
    pub(super) fn holds(&self, who: Who, role: Role, scope: Scope) -> bool {
        !self.supporting(who, role, scope).is_empty()
    }

    /// The assignments and activations that carry a yes: each by its kind and place.
    pub(super) fn supporting(&self, who: Who, role: Role, scope: Scope) -> Vec<(Kind, usize)> {
        let Some(since) = self.enabled_since[who] else { return Vec::new() };
        let assigned = self.grants.iter().enumerate().filter(|(_, grant)| {
            let own = (grant.kind, grant.principal, grant.role) == (Kind::Assignment, who, role);
            own && grant.scope.covers(scope) && grant.counts(self.now)
        });
        let activated = self.activations.iter().enumerate().filter(|(_, activation)| {
            let own = (activation.principal, activation.role) == (who, role);
            let counts = activation.held(self.now).is_some_and(|held| since <= held.start)
                && self.grants[activation.eligibility].counts(self.now);
            own && activation.scope.covers(scope) && counts
        });
        let assigned = assigned.map(|(place, _)| (Kind::Assignment, place));
        assigned.chain(activated.map(|(place, _)| (Kind::Eligibility, place))).collect()
    }

    /// Whether somebody administers a role at a scope: the first administrators everything,
    /// resource roles also who holds User Access Administrator there.
    pub(super) fn administers(&self, who: Who, role: Role, scope: Scope) -> bool {
        is_administrator(who) || (role == Role::Azure && self.holds(who, Role::Azure, scope))
    }

    /// Whether they administer anything anywhere.
    pub(super) fn administers_something(&self, who: Who) -> bool {
        Scope::ALL.iter().any(|scope| self.administers(who, Role::Azure, *scope))
    }

    /// "A missing thing is NOT_FOUND only for who holds the action at `/`."
    pub(super) fn missing(&self, who: Who) -> Answer {
        if self.administers(who, Role::Azure, Scope::Root) { not_found() } else { not_permitted() }
    }

    pub(super) fn enabled(&self) -> Vec<bool> {
        self.enabled_since.iter().map(Option::is_some).collect()
    }

    pub(super) fn with_standing<T>(
        &self,
        requester: Option<Who>,
        look: impl FnOnce(&Standing) -> T,
    ) -> T {
        look(&Standing { enabled: &self.enabled(), requester })
    }

    /// The rules for a role at a scope, by an eligibility: "when an eligibility at one scope is
    /// activated at a narrower one, the two policies are merged by stricter too".
    pub(super) fn rules(&self, role: Role, scope: Scope, eligibility: Option<usize>) -> Rules {
        let here = in_force(&self.policies, role, scope);
        let Some(place) = eligibility else { return here };
        here.stricter(&in_force(&self.policies, role, self.grants[place].scope))
    }

    pub(super) fn revision(&self, role: Role) -> i64 {
        self.revisions.get(&role).copied().unwrap_or(0)
    }

    fn read(&self, caller: Who, what: What, thing: Option<usize>) -> Outcome {
        let Some(place) = thing else { return Err(self.missing(caller)) };
        let seen_by = |principal: Who, role, scope| {
            let may = caller == principal || self.administers(caller, role, scope);
            if may { Ok(()) } else { Err(not_permitted()) }
        };
        match what {
            What::Grant(_) => {
                let grant = &self.grants[place];
                seen_by(grant.principal, grant.role, grant.scope)?;
                Ok(Answer::Grant(place, self.view_grant(grant)))
            }
            What::Activation => {
                let activation = &self.activations[place];
                seen_by(activation.principal, activation.role, activation.scope)?;
                Ok(Answer::Activation(place, self.view_activation(activation)))
            }
            What::Approval => {
                let approval = &self.approvals[place];
                let activation = &self.activations[approval.activation];
                if !self.is_approver(caller, place) {
                    seen_by(activation.principal, activation.role, activation.scope)?;
                }
                Ok(Answer::Approval(place, self.view_approval(place)))
            }
        }
    }

    /// All that the scheduler does: it records what time has decided, makes void what rests on
    /// nothing or waits for nobody, and starts what is booked.
    pub(super) fn settle(&mut self) {
        for place in 0..self.grants.len() {
            self.record_expiry(place);
        }
        for place in 0..self.activations.len() {
            self.record_time(place);
            if let Some(rule) = self.broken_path(place) {
                self.void(place, vec![rule]);
            }
            let start = self.activations[place].booked.unwrap_or(self.now);
            if matches!(self.activations[place].state, State::Scheduled) && start <= self.now {
                self.start(place);
            }
        }
        for place in 0..self.approvals.len() {
            self.record_approval(place);
        }
    }

    pub(super) fn record_expiry(&mut self, place: usize) {
        let now = self.now;
        let grant = &mut self.grants[place];
        if grant.ended.is_none() && grant.state(now) == GrantState::Expired {
            // Decided: an expiry is recorded as of the end.
            grant.ended = Some((GrantState::Expired, grant.end.unwrap_or(now)));
        }
    }

    /// Records what time has decided of an activation.
    pub(super) fn record_time(&mut self, place: usize) {
        self.activations[place].state = self.activations[place].settled(self.now);
    }

    pub(super) fn void(&mut self, place: usize, rules: Vec<&'static str>) {
        self.end(place, Ending::Void, rules);
    }

    /// Ends an activation now, and what waits for it.
    pub(super) fn end(&mut self, place: usize, ending: Ending, rules: Vec<&'static str>) {
        let held = self.activations[place].held(self.now);
        self.activations[place].state = State::Ended { ending, at: self.now, rules, held };
        for approval in 0..self.approvals.len() {
            if self.approvals[approval].activation == place {
                self.record_approval(approval);
            }
        }
    }

    pub(super) fn record_approval(&mut self, place: usize) {
        let activation = &self.activations[self.approvals[place].activation];
        self.approvals[place].state = self.approvals[place].state(place, activation, self.now);
    }

    /// "The next instant at which the decision changes by the clock alone, a booked start counted as
    /// a possible change"; and on a no, "not sooner than".
    pub(super) fn next_change(
        &self,
        who: Who,
        role: Role,
        scope: Scope,
    ) -> (Option<Time>, Option<Time>) {
        let held = self.holds(who, role, scope);
        let booked = self.activations.iter().filter(|activation| {
            let own = (activation.principal, activation.role) == (who, role);
            let booked = matches!(activation.state, State::Scheduled);
            own && booked && activation.scope.covers(scope) && self.enabled_since[who].is_some()
        });
        let booked: Vec<Time> = booked.filter_map(|activation| activation.booked).collect();
        let mut instants = self.changes();
        instants.push(self.now + 1);
        instants.extend(&booked);
        instants.sort_unstable();
        let at = |now: Time| Self { now, ..self.clone() }.holds(who, role, scope);
        let changes = |now: &Time| at(*now) != held || (!held && booked.contains(now));
        let next = instants.into_iter().filter(|at| *at > self.now).find(changes);
        (next, if held { None } else { next })
    }

    /// The instants ahead at which something begins or ends.
    pub(super) fn changes(&self) -> Vec<Time> {
        let mut changes = Vec::new();
        for grant in self.grants.iter().filter(|grant| grant.ended.is_none()) {
            changes.push(grant.start);
            changes.extend(grant.end);
        }
        for activation in &self.activations {
            match &activation.state {
                State::Pending => changes.push(activation.asked.expires),
                State::Scheduled => changes.extend(activation.booked),
                State::Active(held, extension) => {
                    changes.push(held.end);
                    changes.extend(extension.as_ref().map(|extension| extension.asked.expires));
                }
                State::Ended { .. } => {}
            }
        }
        changes.retain(|change| *change > self.now);
        changes
    }
}
