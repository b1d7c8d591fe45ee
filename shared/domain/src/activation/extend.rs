//! Extending: a user asks to hold an active role for longer. Judged as a new request; where approval
//! is needed the role keeps its old end until it is given.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Activation, Facts, Held, Length, Request, State, Verdict,
    judge::{Judged, RULES, approvable, single_use, used_up},
    way::Way,
};
use crate::{
    change::Change,
    denial::{Denial, Rule, Violation},
    event::{About, Code, Stamp},
    id::{ActivationId, ExtensionId},
    policy::Rules,
    time::earliest,
};

/// A wish to hold an active role for longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extend {
    /// Which activation.
    pub activation: ActivationId,
    /// By how much its end moves, or where to; why; how the requester signed in. Without a start.
    pub request: Request,
}

/// A wish that waits for its approvers. Never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Made by the server.
    pub id: ExtensionId,
    /// Where the end is to move.
    pub end: DateTime<Utc>,
    /// As it was asked for.
    pub request: Request,
    /// The revision of the policy that it was judged by.
    pub policy_revision: i64,
    /// From then on it is timed out, by time alone.
    pub expire_time: DateTime<Utc>,
    /// When it was asked for.
    pub create_time: DateTime<Utc>,
}

impl Activation {
    /// Moves the end, or asks the approvers to.
    ///
    /// # Errors
    /// `WRONG_STATE` where it is not active; then every broken rule together, `OVERLAP` where
    /// another extension waits.
    pub fn extend(
        &self,
        facts: &Facts,
        wish: Extend,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = About {
            justification: wish.request.justification.clone(),
            ticket: wish.request.ticket.clone(),
            policy_revision: Some(facts.policy.revision),
            ..self.about(facts.role.catalog)
        };
        let State::Active { held, extension } = self.settled(stamp.now).state else {
            return Err(self.wrong_state(about, stamp.now));
        };
        let way = self.way(facts, stamp.now);
        let rules = facts.rules(way.as_ref().map(|way| way.eligibility), &self.scope);
        let end = asked_end(&wish.request, held);
        let asked = Asked { request: &wish.request, end, time: stamp.now };
        let mut violations = self.broken_by(facts, &rules, held, &asked, stamp.now);
        let waiting = extension.map(|extension| {
            let given = format!("{}, which waits for its approvers", extension.id);
            Violation::new(Rule::Overlap, "activation_id", "one extension at a time", given)
        });
        let overlaps = waiting.is_some();
        violations.extend(waiting);
        violations.extend(single_use(facts, &wish.request, &rules));
        violations.extend(approvable(facts, &rules, stamp.now));
        violations.sort_by_key(|violation| violation.rule);
        let live = overlaps.then_some(self.id.uuid());
        let refuse =
            |denial: Denial| denial.about(about.clone()).of(super::judge::THING, self.id.uuid());
        Denial::check(violations, live).map_err(refuse)?;
        let mut after = self.clone();
        after.used_authentications.extend(used_up(&wish.request, &rules));
        let Some(timeout) = rules.approval_timeout() else {
            return Ok(self.extended(after, (held, end), way.as_ref(), about, stamp));
        };
        let extension = Extension {
            id: ExtensionId::at(stamp.now),
            end,
            request: wish.request,
            policy_revision: facts.policy.revision,
            expire_time: stamp.now + timeout,
            create_time: stamp.now,
        };
        let state = State::Active { held, extension: Some(extension) };
        Ok(self.changed(after, state, Code::ActivationExtensionRequested, about, stamp))
    }

    /// Acts on what the approvers said of `extension`, after judging it again by the stricter of
    /// the revision that it was judged by and the newest.
    pub(super) fn resolve_extension(
        &self,
        (held, extension): (Held, &Extension),
        facts: &Facts,
        pinned: &Rules,
        verdict: &Verdict,
        stamp: &Stamp,
    ) -> Change<Self> {
        let about = About {
            policy_revision: Some(extension.policy_revision),
            ..self.about(facts.role.catalog)
        };
        let Verdict::Approved { votes, shortened } = verdict else {
            let state = State::Active { held, extension: None };
            return self.moved(state, Code::ActivationExtensionDenied, about, stamp);
        };
        let granted = shortened.and_then(|most| held.end.checked_add_signed(most));
        let end = granted.map_or(extension.end, |granted| granted.min(extension.end));
        let way = self.way(facts, stamp.now);
        let newest = facts.rules(way.as_ref().map(|way| way.eligibility), &self.scope);
        let asked = Asked { request: &extension.request, end, time: extension.create_time };
        let broken = [pinned, &newest]
            .into_iter()
            .any(|rules| !self.broken_by(facts, rules, held, &asked, stamp.now).is_empty());
        let now = stamp.now;
        if broken || super::transition::unapproved(facts, pinned, &newest, votes, now).is_some() {
            let state = State::Active { held, extension: None };
            return self.moved(state, Code::ActivationExtensionVoided, about, stamp);
        }
        self.extended(self.clone(), (held, end), way.as_ref(), about, stamp)
    }

    fn broken_by(
        &self,
        facts: &Facts,
        rules: &Rules,
        held: Held,
        asked: &Asked<'_>,
        now: DateTime<Utc>,
    ) -> Vec<Violation> {
        let way = self.way(facts, now);
        let whole = Request { length: Length::Until(asked.end), ..asked.request.clone() };
        let judged = Judged {
            facts,
            request: &whole,
            scope: &self.scope,
            rules,
            asked: asked.time,
            shortened: None,
            now,
            start: held.start,
            way: way.as_ref(),
            live: None,
        };
        let last = way.as_ref().and_then(|way| way.end);
        let end = earliest(Some(asked.end), last).unwrap_or(asked.end);
        let no_later = (end <= held.end).then(|| {
            let limit = format!("after the end that it has, {}", held.end.to_rfc3339());
            Violation::new(Rule::Window, asked.field(), limit, end.to_rfc3339())
        });
        // Disabled since it began, it counts no more, whether or not that is recorded.
        let broken_off = facts.principal.enabled_since.is_some_and(|since| since > held.start);
        let broken_off = broken_off.then(|| {
            let limit = "an account enabled since the start, without a break";
            Violation::new(Rule::Principal, "authorization", limit, "one that was disabled")
        });
        let mut violations: Vec<Violation> = RULES
            .iter()
            .filter_map(|rule| rule(&judged))
            .chain(no_later)
            .chain(broken_off)
            .collect();
        // Of what was asked for, whichever way the end was said.
        for violation in violations.iter_mut().filter(|one| one.field == "end_time") {
            violation.field = asked.field();
        }
        violations.sort_by_key(|violation| violation.rule);
        violations.dedup_by_key(|violation| violation.rule);
        violations
    }

    fn extended(
        &self,
        after: Self,
        (held, asked): (Held, DateTime<Utc>),
        way: Option<&Way<'_>>,
        about: About,
        stamp: &Stamp,
    ) -> Change<Self> {
        let last = way.and_then(|way| way.end);
        let end = earliest(Some(asked), last).unwrap_or(asked);
        let held = Held { end, truncated: end < asked, ..held };
        let state = State::Active { held, extension: None };
        self.changed(after, state, Code::ActivationExtended, about, stamp)
    }
}

/// What is asked for, with the end that it comes to.
struct Asked<'a> {
    request: &'a Request,
    end: DateTime<Utc>,
    time: DateTime<Utc>,
}

impl Asked<'_> {
    fn field(&self) -> &'static str {
        match self.request.length {
            Length::Duration(_) => "duration",
            Length::Until(_) => "end_time",
        }
    }
}

fn asked_end(request: &Request, held: Held) -> DateTime<Utc> {
    match request.length {
        Length::Duration(more) => added(held.end, more),
        Length::Until(end) => end,
    }
}

/// What no calendar has is judged as the furthest that one has.
fn added(end: DateTime<Utc>, more: TimeDelta) -> DateTime<Utc> {
    end.checked_add_signed(more).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
