//! The ways of an activation from state to state.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Activation, Ending, Extension, Facts, Held, State,
    judge::{self, Judged, RULES, THING},
};
use crate::{
    change::Change,
    denial::{Denial, Reason, Rule, Violation},
    effective::Membership,
    event::{About, Code, Stamp},
    grant::Grant,
    justification::Justification,
    policy::{ApprovalRule, Rules},
    principal::Principal,
    quorum::{Panel, Seating, Vote},
    role::{Catalog, Role},
    text::is_blank,
};

/// What an activation rests on, as it is now.
#[derive(Debug, Clone)]
pub struct Rest {
    /// The eligibility.
    pub eligibility: Grant,
    /// Since when a move of a scope has kept it from the eligibility.
    pub severed: Option<DateTime<Utc>>,
    /// When the group that has it, or to which it gives access, was deleted.
    pub deleted: Option<DateTime<Utc>>,
    /// The memberships by which the principal may belong to groups.
    pub memberships: Vec<Membership>,
    /// The principal.
    pub principal: Principal,
    /// The role.
    pub role: Role,
    /// Who must approve it or its extension; none where nobody must any more.
    pub approvals: Vec<ApprovalRule>,
    /// Those whom these name, alone or by a group, and who exist.
    pub people: Vec<Principal>,
    /// The memberships by which these belong to groups that may approve.
    pub belonging: Vec<Membership>,
}

/// What has become of the approval of a pending activation, or of its extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Enough said yes.
    Approved {
        /// Who did.
        votes: Vec<Vote>,
        /// To at most this length; absent: to what was asked for.
        shortened: Option<TimeDelta>,
    },
    /// Somebody said no.
    Denied,
}

impl Activation {
    /// As it stands at `now`: what time alone has decided is applied.
    #[must_use]
    pub fn settled(&self, now: DateTime<Utc>) -> Activation {
        match self.overdue(now) {
            Some((state, _)) => Activation { state, ..self.clone() },
            None => self.clone(),
        }
    }

    /// Records what time alone has decided; `None` where that is nothing.
    #[must_use]
    pub fn settle(&self, catalog: Catalog, stamp: &Stamp) -> Option<Change<Self>> {
        let (state, code) = self.overdue(stamp.now)?;
        Some(self.moved(state, code, self.about(catalog), stamp))
    }

    fn overdue(&self, now: DateTime<Utc>) -> Option<(State, Code)> {
        let ended = |at, ending, held| State::Ended { at, ending, held };
        match &self.state {
            State::PendingApproval { expire_time } if *expire_time <= now => {
                Some((ended(*expire_time, Ending::TimedOut, None), Code::ActivationTimedOut))
            }
            State::Active { held, .. } if held.end <= now => {
                Some((ended(held.end, Ending::Expired, Some(*held)), Code::ActivationExpired))
            }
            State::Active { held, extension: Some(extension) } if extension.expire_time <= now => {
                let state = State::Active { held: *held, extension: None };
                Some((state, Code::ActivationExtensionTimedOut))
            }
            State::PendingApproval { .. }
            | State::Scheduled { .. }
            | State::Active { .. }
            | State::Ended { .. } => None,
        }
    }

    /// What it waits for somebody to approve: its request (`None`), or an extension.
    #[must_use]
    pub fn waits_for(&self) -> Option<Option<&Extension>> {
        match &self.state {
            State::PendingApproval { .. } => Some(None),
            State::Active { extension: Some(extension), .. } => Some(Some(extension)),
            State::Active { extension: None, .. }
            | State::Scheduled { .. }
            | State::Ended { .. } => None,
        }
    }

    /// The revision of the policy by which what it waits for, or else itself, was judged.
    #[must_use]
    pub fn pinned_revision(&self) -> i64 {
        match self.waits_for() {
            Some(Some(extension)) => extension.policy_revision,
            Some(None) | None => self.policy_revision,
        }
    }

    /// Acts on what has become of its approval or that of its extension, after judging the
    /// request again.
    ///
    /// # Errors
    /// `WRONG_STATE` where it waits for none.
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
            (State::PendingApproval { .. }, Verdict::Approved { votes, shortened }) => {
                let approved = Self { shortened: *shortened, ..self.clone() };
                let mut broken = approved.broken_again(facts, pinned, stamp.now);
                let newest = self.newest_rules(facts);
                broken.extend(unapproved(facts, pinned, &newest, votes, stamp.now));
                Ok(self.begin(*shortened, facts, broken, stamp))
            }
            (State::Active { held, extension: Some(extension) }, verdict) => {
                Ok(self.resolve_extension((*held, extension), facts, pinned, verdict, stamp))
            }
            (
                State::Scheduled { .. }
                | State::Active { extension: None, .. }
                | State::Ended { .. },
                _,
            ) => Err(self.wrong_state(about, stamp.now)),
        }
    }

    /// Judges a booked activation at its start, and the `votes` that approved it by the newest
    /// policy.
    ///
    /// # Errors
    /// `WRONG_STATE` before its start, and where it is not booked any more.
    pub fn start(
        &self,
        facts: &Facts,
        pinned: &Rules,
        votes: &[Vote],
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        match &self.state {
            State::Scheduled { start } if *start <= stamp.now => {
                let mut broken = self.broken_again(facts, pinned, stamp.now);
                // Standing was judged when the approval was complete; the policy may have changed.
                let newest = self.newest_rules(facts);
                broken.extend(unmet(facts, pinned, &newest, (votes, votes), stamp.now));
                Ok(self.begin(self.shortened, facts, broken, stamp))
            }
            State::Scheduled { .. }
            | State::PendingApproval { .. }
            | State::Active { .. }
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
        justification: Justification,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = About { justification, ..self.about(catalog) };
        match self.settled(stamp.now).state {
            State::Active { held, .. } => {
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
        justification: Justification,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = About { justification, ..self.about(catalog) };
        match self.settled(stamp.now).state {
            State::PendingApproval { .. } | State::Scheduled { .. } => {
                Ok(self.ended(stamp.now, Ending::Canceled, None, about, stamp))
            }
            State::Active { .. } | State::Ended { .. } => Err(self.wrong_state(about, stamp.now)),
        }
    }

    /// Takes it away, whether it is held, booked or waiting. Whoever does that says why.
    ///
    /// # Errors
    /// `WRONG_STATE` where it has ended, by time too; `JUSTIFICATION` where no reason is given.
    pub fn revoke(
        &self,
        catalog: Catalog,
        justification: Justification,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = About { justification, ..self.about(catalog) };
        let held = match self.settled(stamp.now).state {
            State::Active { held, .. } => Some(held),
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

    /// Records that what it rests on has ended, or that nobody is left who could approve it or its
    /// extension.
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
        let impossible = self.unapprovable(rest, stamp.now);
        match (self.settled(stamp.now).state, self.broken_path(rest, stamp.now)) {
            (State::Active { held, .. }, Some(rule)) => {
                let ending = Ending::Void { rules: vec![rule] };
                Ok(self.ended(stamp.now, ending, Some(held), about, stamp))
            }
            (State::Active { held, extension: Some(_) }, None) if impossible => {
                let state = State::Active { held, extension: None };
                Ok(self.moved(state, Code::ActivationExtensionVoided, about, stamp))
            }
            (State::PendingApproval { .. } | State::Scheduled { .. }, Some(rule)) => {
                let ending = Ending::Void { rules: vec![rule] };
                Ok(self.ended(stamp.now, ending, None, about, stamp))
            }
            (State::PendingApproval { .. }, None) if impossible => {
                let ending = Ending::Void { rules: vec![Rule::Approvable] };
                Ok(self.ended(stamp.now, ending, None, about, stamp))
            }
            (
                State::PendingApproval { .. } | State::Scheduled { .. } | State::Active { .. },
                None,
            )
            | (State::Ended { .. }, _) => Err(self.wrong_state(about, stamp.now)),
        }
    }

    /// Whether those who are left cannot approve what it waits for.
    fn unapprovable(&self, rest: &Rest, at: DateTime<Utc>) -> bool {
        let barred = Some(rest.principal.person_key());
        let panel = Panel { people: &rest.people, memberships: &rest.belonging, at };
        rest.approvals.iter().any(|rule| !Seating::new(rule, panel, barred).is_possible())
    }

    /// The first thing on its path that does not count any more.
    #[must_use]
    pub fn broken_path(&self, rest: &Rest, now: DateTime<Utc>) -> Option<Rule> {
        let since = match &self.state {
            State::Active { held, .. } => held.start,
            State::PendingApproval { .. } | State::Scheduled { .. } | State::Ended { .. } => {
                self.create_time
            }
        };
        let enabled = rest.principal.enabled_since.is_some_and(|enabled| enabled <= since);
        if !enabled {
            return Some(Rule::Principal);
        }
        if rest.role.deletion().is_some() {
            return Some(Rule::Role);
        }
        // A booked activation may rest on an eligibility that has not begun.
        let at = match &self.state {
            State::Scheduled { start } => now.max(*start),
            State::PendingApproval { .. } => self.request.start.map_or(now, |start| now.max(start)),
            State::Active { .. } | State::Ended { .. } => now,
        };
        let belongs = |id| {
            let on_path = rest.memberships.iter().find(|one| one.id == id);
            on_path.is_some_and(|one| one.counts.contains(at))
        };
        let deleted = rest.deleted.is_some_and(|deleted| deleted <= at);
        let reaches = rest.severed.is_none() && !deleted;
        let counts = rest.eligibility.span().counts(at) && reaches;
        let whole = counts && self.memberships.iter().copied().all(belongs);
        (!whole).then_some(Rule::Eligibility)
    }

    /// The rules that the request breaks when it is judged again, by the stricter of the revision
    /// that it was judged by and the newest.
    fn broken_again(&self, facts: &Facts, pinned: &Rules, now: DateTime<Utc>) -> Vec<Rule> {
        let start = self.request.start.map_or(now, |start| start.max(now));
        let way = self.way(facts, start);
        let newest = self.newest_rules(facts);
        let mut broken: Vec<Rule> = [pinned, &newest]
            .into_iter()
            .flat_map(|rules| {
                let judged = Judged {
                    facts,
                    request: &self.request,
                    scope: &self.scope,
                    rules,
                    asked: self.create_time,
                    shortened: self.shortened,
                    now,
                    start,
                    way: way.as_ref(),
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

    /// The newest rules for it, at its scope and that of its eligibility.
    fn newest_rules(&self, facts: &Facts) -> Rules {
        let own = facts.eligibilities.iter().find(|grant| grant.id == self.eligibility);
        facts.rules(own, &self.scope)
    }

    /// Active or booked where no rule is broken, else void.
    fn begin(
        &self,
        shortened: Option<TimeDelta>,
        facts: &Facts,
        mut broken: Vec<Rule>,
        stamp: &Stamp,
    ) -> Change<Self> {
        let about = self.about(facts.role.catalog);
        let start = self.request.start.map_or(stamp.now, |start| start.max(stamp.now));
        let way = self.way(facts, start);
        if way.is_none() && broken.is_empty() {
            broken.push(Rule::Eligibility);
        }
        match way {
            Some(way) if broken.is_empty() => {
                let (state, code) = if start > stamp.now {
                    (State::Scheduled { start }, Code::ActivationScheduled)
                } else {
                    let held = judge::held(&self.request, shortened, way.end, start);
                    (State::Active { held, extension: None }, Code::ActivationActivated)
                };
                let granted = Self { shortened, ..self.clone() };
                self.changed(granted, state, code, about, stamp)
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

    pub(super) fn moved(
        &self,
        state: State,
        code: Code,
        about: About,
        stamp: &Stamp,
    ) -> Change<Self> {
        self.changed(self.clone(), state, code, about, stamp)
    }

    pub(super) fn changed(
        &self,
        after: Self,
        state: State,
        code: Code,
        about: About,
        stamp: &Stamp,
    ) -> Change<Self> {
        let (version, update_time) = (self.version.next(), stamp.now);
        let after = Self { state, version, update_time, ..after };
        Change::updated(self, after, stamp, code, about)
    }

    pub(super) fn wrong_state(&self, about: About, now: DateTime<Utc>) -> Denial {
        let state = self.settled(now).state.as_str();
        Denial::new(Reason::WrongState { thing: THING, state })
            .about(about)
            .of(THING, self.id.uuid())
    }
}

/// `APPROVABLE` where the votes that still stand do not meet what the pinned and the newest policy
/// ask for.
pub(super) fn unapproved(
    facts: &Facts,
    pinned: &Rules,
    newest: &Rules,
    votes: &[Vote],
    now: DateTime<Utc>,
) -> Option<Rule> {
    unmet(facts, pinned, newest, (votes, &[]), now)
}

/// The same, where those who gave the votes `anyhow` need not be enabled any more.
fn unmet(
    facts: &Facts,
    pinned: &Rules,
    newest: &Rules,
    (votes, anyhow): (&[Vote], &[Vote]),
    now: DateTime<Utc>,
) -> Option<Rule> {
    let votes: HashSet<Vote> = votes.iter().copied().collect();
    let barred = Some(facts.principal.person_key());
    let met = |rule| Seating::counting(rule, facts.panel(now), barred, anyhow).is_met(&votes);
    let all = pinned.approvals.iter().chain(&newest.approvals).all(met);
    (!all).then_some(Rule::Approvable)
}
