//! The ways of an activation from state to state.

use chrono::{DateTime, Utc};

use super::{
    Activation, Ending, Facts, Held, State,
    judge::{self, Judged, RULES, THING},
};
use crate::{
    change::Change,
    denial::{Denial, Reason, Rule, Violation},
    event::{About, Code, Stamp},
    grant::Grant,
    id::PrincipalId,
    policy::Rules,
    principal::Principal,
    role::Catalog,
    text::is_blank,
};

/// What an activation rests on, as it is now.
#[derive(Debug, Clone)]
pub struct Rest {
    /// The eligibility.
    pub eligibility: Grant,
    /// The principal.
    pub principal: Principal,
}

/// What has become of the approval of a pending activation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Those whose yes is recorded.
    Approved {
        /// Who.
        by: Vec<PrincipalId>,
    },
    /// Somebody said no.
    Denied,
}

impl Activation {
    /// As it stands at `now`: what time alone has decided is applied.
    #[must_use]
    pub fn settled(&self, now: DateTime<Utc>) -> Activation {
        match self.overdue(now) {
            Some((at, ending, held)) => {
                Activation { state: State::Ended { at, ending, held }, ..self.clone() }
            }
            None => self.clone(),
        }
    }

    /// Records what time alone has decided; `None` where that is nothing.
    #[must_use]
    pub fn settle(&self, catalog: Catalog, stamp: &Stamp) -> Option<Change<Self>> {
        let (at, ending, held) = self.overdue(stamp.now)?;
        Some(self.ended(at, ending, held, self.about(catalog), stamp))
    }

    fn overdue(&self, now: DateTime<Utc>) -> Option<(DateTime<Utc>, Ending, Option<Held>)> {
        match &self.state {
            State::PendingApproval { expire_time } if *expire_time <= now => {
                Some((*expire_time, Ending::TimedOut, None))
            }
            State::Active(held) if held.end <= now => {
                Some((held.end, Ending::Expired, Some(*held)))
            }
            State::PendingApproval { .. }
            | State::Scheduled { .. }
            | State::Active(_)
            | State::Ended { .. } => None,
        }
    }

    /// Acts on what has become of its approval, after judging the request again.
    ///
    /// # Errors
    /// `WRONG_STATE` where it is not pending any more.
    pub fn resolve(
        &self,
        facts: &Facts,
        pinned: &Rules,
        verdict: &Verdict,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = self.about(facts.role.catalog);
        match (&self.settled(stamp.now).state, verdict) {
            (State::PendingApproval { .. }, Verdict::Denied) => {
                Ok(self.ended(stamp.now, Ending::Denied, None, about, stamp))
            }
            (State::PendingApproval { .. }, Verdict::Approved { by }) => {
                let mut rules = self.broken_again(facts, pinned, stamp.now);
                rules.extend(unapproved(facts, pinned, by));
                Ok(self.begin(facts, rules, stamp))
            }
            (State::Scheduled { .. } | State::Active(_) | State::Ended { .. }, _) => {
                Err(self.wrong_state(about, stamp.now))
            }
        }
    }

    /// Judges a booked activation at its start.
    ///
    /// # Errors
    /// `WRONG_STATE` before its start, and where it is not booked any more.
    pub fn start(
        &self,
        facts: &Facts,
        pinned: &Rules,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        match &self.state {
            State::Scheduled { start } if *start <= stamp.now => {
                let rules = self.broken_again(facts, pinned, stamp.now);
                Ok(self.begin(facts, rules, stamp))
            }
            State::Scheduled { .. }
            | State::PendingApproval { .. }
            | State::Active(_)
            | State::Ended { .. } => {
                Err(self.wrong_state(self.about(facts.role.catalog), stamp.now))
            }
        }
    }

    /// Gives the role up, at once.
    ///
    /// # Errors
    /// `WRONG_STATE` where it is not active, by time too.
    pub fn deactivate(
        &self,
        catalog: Catalog,
        justification: String,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = About { justification, ..self.about(catalog) };
        match self.settled(stamp.now).state {
            State::Active(held) => {
                Ok(self.ended(stamp.now, Ending::Deactivated, Some(held), about, stamp))
            }
            State::PendingApproval { .. } | State::Scheduled { .. } | State::Ended { .. } => {
                Err(self.wrong_state(about, stamp.now))
            }
        }
    }

    /// Withdraws the request.
    ///
    /// # Errors
    /// `WRONG_STATE` where it is neither pending nor booked, by time too.
    pub fn cancel(
        &self,
        catalog: Catalog,
        justification: String,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = About { justification, ..self.about(catalog) };
        match self.settled(stamp.now).state {
            State::PendingApproval { .. } | State::Scheduled { .. } => {
                Ok(self.ended(stamp.now, Ending::Canceled, None, about, stamp))
            }
            State::Active(_) | State::Ended { .. } => Err(self.wrong_state(about, stamp.now)),
        }
    }

    /// Takes it away, whether it is held, booked or waiting. Whoever does that says why.
    ///
    /// # Errors
    /// `WRONG_STATE` where it has ended, by time too; `JUSTIFICATION` where no reason is given.
    pub fn revoke(
        &self,
        catalog: Catalog,
        justification: String,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = About { justification, ..self.about(catalog) };
        let held = match self.settled(stamp.now).state {
            State::Active(held) => Some(held),
            State::PendingApproval { .. } | State::Scheduled { .. } => None,
            State::Ended { .. } => return Err(self.wrong_state(about, stamp.now)),
        };
        if is_blank(&about.justification) {
            let rule = Rule::Justification;
            let violations = vec![Violation::new(rule, "justification", "required", "none")];
            let denial = Denial::new(Reason::Policy { violations, live: None });
            return Err(denial.about(about).of(THING, self.id.uuid()));
        }
        Ok(self.ended(stamp.now, Ending::Revoked, held, about, stamp))
    }

    /// Records that its time is up.
    ///
    /// # Errors
    /// `WRONG_STATE` before its time is up, and where its end is recorded already.
    pub fn expire(&self, catalog: Catalog, stamp: &Stamp) -> Result<Change<Self>, Denial> {
        self.settle(catalog, stamp).ok_or_else(|| self.wrong_state(self.about(catalog), stamp.now))
    }

    /// Records that what it rests on has ended.
    ///
    /// # Errors
    /// `WRONG_STATE` where that still stands, and where it has ended already, by time too.
    pub fn void(
        &self,
        rest: &Rest,
        catalog: Catalog,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = self.about(catalog);
        let broken = self.broken_path(rest, stamp.now);
        let held = match self.settled(stamp.now).state {
            State::Active(held) => Some(held),
            State::PendingApproval { .. } | State::Scheduled { .. } => None,
            State::Ended { .. } => return Err(self.wrong_state(about, stamp.now)),
        };
        match broken {
            Some(rule) => {
                let ending = Ending::Void { rules: vec![rule] };
                Ok(self.ended(stamp.now, ending, held, about, stamp))
            }
            None => Err(self.wrong_state(about, stamp.now)),
        }
    }

    /// The first thing on its path that does not count any more.
    #[must_use]
    pub fn broken_path(&self, rest: &Rest, now: DateTime<Utc>) -> Option<Rule> {
        let since = match &self.state {
            State::Active(held) => held.start,
            State::PendingApproval { .. } | State::Scheduled { .. } | State::Ended { .. } => {
                self.create_time
            }
        };
        let enabled = rest.principal.enabled_since.is_some_and(|enabled| enabled <= since);
        if !enabled {
            return Some(Rule::Principal);
        }
        // A booked activation may rest on an eligibility that has not begun.
        let at = match &self.state {
            State::Scheduled { start } => now.max(*start),
            State::PendingApproval { .. } => self.request.start.map_or(now, |start| now.max(start)),
            State::Active(_) | State::Ended { .. } => now,
        };
        (!rest.eligibility.span().counts(at)).then_some(Rule::Eligibility)
    }

    /// The rules that the request breaks when it is judged again, by the stricter of the revision
    /// that it was judged by and the newest.
    fn broken_again(&self, facts: &Facts, pinned: &Rules, now: DateTime<Utc>) -> Vec<Rule> {
        let start = self.request.start.map_or(now, |start| start.max(now));
        let eligibility = facts
            .eligibilities
            .iter()
            .find(|grant| grant.id == self.eligibility)
            .filter(|grant| judge::fits(grant, facts, &self.scope, start));
        let newest = facts.policy.rules(facts.role.catalog);
        let mut broken: Vec<Rule> = [pinned, &newest]
            .into_iter()
            .flat_map(|rules| {
                let judged = Judged {
                    facts,
                    request: &self.request,
                    scope: &self.scope,
                    rules,
                    now,
                    start,
                    eligibility,
                    live: facts.live.as_ref().filter(|live| live.id != self.id),
                };
                RULES.iter().filter_map(move |rule| rule(&judged)).collect::<Vec<Violation>>()
            })
            .map(|violation| violation.rule)
            .collect();
        let enabled = facts.principal.enabled_since.is_some_and(|since| since <= self.create_time);
        if !enabled {
            broken.push(Rule::Principal);
        }
        broken.sort();
        broken.dedup();
        broken
    }

    /// Active or booked where no rule is broken, else void.
    fn begin(&self, facts: &Facts, mut broken: Vec<Rule>, stamp: &Stamp) -> Change<Self> {
        let catalog = facts.role.catalog;
        let about = self.about(catalog);
        let chosen = facts.eligibilities.iter().find(|grant| grant.id == self.eligibility);
        if chosen.is_none() && broken.is_empty() {
            broken.push(Rule::Eligibility);
        }
        let start = self.request.start.map_or(stamp.now, |start| start.max(stamp.now));
        match chosen {
            Some(chosen) if broken.is_empty() => {
                let (state, code) = if start > stamp.now {
                    (State::Scheduled { start }, Code::ActivationScheduled)
                } else {
                    let held = judge::held(&self.request, chosen, start);
                    (State::Active(held), Code::ActivationActivated)
                };
                self.moved(state, code, about, stamp)
            }
            _ => {
                let ending = Ending::Void { rules: broken };
                self.ended(stamp.now, ending, None, about, stamp)
            }
        }
    }

    fn ended(
        &self,
        at: DateTime<Utc>,
        ending: Ending,
        held: Option<Held>,
        about: About,
        stamp: &Stamp,
    ) -> Change<Self> {
        let code = match ending {
            Ending::Denied => Code::ActivationDenied,
            Ending::TimedOut => Code::ActivationTimedOut,
            Ending::Canceled => Code::ActivationCanceled,
            Ending::Void { .. } => Code::ActivationVoided,
            Ending::Expired => Code::ActivationExpired,
            Ending::Deactivated => Code::ActivationDeactivated,
            Ending::Revoked => Code::ActivationRevoked,
        };
        self.moved(State::Ended { at, ending, held }, code, about, stamp)
    }

    fn moved(&self, state: State, code: Code, about: About, stamp: &Stamp) -> Change<Self> {
        let after =
            Self { state, version: self.version.next(), update_time: stamp.now, ..self.clone() };
        Change::updated(self, after, stamp, code, about)
    }

    fn wrong_state(&self, about: About, now: DateTime<Utc>) -> Denial {
        let state = self.settled(now).state.as_str();
        Denial::new(Reason::WrongState { thing: THING, state })
            .about(about)
            .of(THING, self.id.uuid())
    }
}

/// `APPROVABLE` where not everybody whom the pinned or the newest policy asks has said yes and is
/// still enabled.
fn unapproved(facts: &Facts, pinned: &Rules, by: &[PrincipalId]) -> Option<Rule> {
    let newest = facts.policy.rules(facts.role.catalog);
    let asked = pinned.approval.approvers.iter().chain(&newest.approval.approvers);
    let met = |slot: &PrincipalId| {
        let approver = facts.approvers.iter().find(|approver| approver.id == *slot);
        by.contains(slot)
            && approver.is_some_and(|approver| {
                approver.is_enabled() && !approver.is_same_person(&facts.principal)
            })
    };
    asked.into_iter().any(|slot| !met(slot)).then_some(Rule::Approvable)
}
