//! One approver's yes or no, and whether with it enough have said yes.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Approval, Decision, Facts, State, Verdict};
use crate::{
    change::Change,
    denial::{Denial, FieldError, Reason, Rule, Violation},
    event::{About, Code, Stamp, ThingKind},
    id::ApprovalId,
    justification::Justification,
    policy::ApprovalRule,
    principal::Principal,
    quorum::{Seating, Vote},
    text::is_blank,
    time::format_duration,
};

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
    pub justification: Justification,
    /// With a yes: grants at most this length. Absent: what has been granted so far.
    pub duration: Option<TimeDelta>,
}

/// What becomes of a decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Decided {
    /// It counts.
    Now(Box<Change<Approval>>),
    /// The same person said the same before; nothing changes.
    Before(Approval),
}

/// One approver's yes or no.
///
/// # Errors
/// In this order: `SELF_APPROVAL`, `NOT_AN_APPROVER`, `ALREADY_DECIDED`, `ALREADY_RESOLVED`,
/// `ETAG_MISMATCH`, `POLICY_DENIED` for a missing justification, `INVALID_FIELD` for a duration that
/// is not shorter or is too short.
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
    if !facts.has_standing(caller.id, stamp.now) {
        return refuse(Reason::NotAnApprover);
    }
    let person = caller.person_key();
    if let Some(earlier) = approval.decision_of(person) {
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
    if let Some(violation) = unjustified(&approval.rules, &wish) {
        return refuse(Reason::Policy { violations: vec![violation], live: None });
    }
    if let Some(error) = wish.duration.and_then(|given| facts.unfit(given, stamp.now)) {
        return refuse(Reason::Invalid(vec![error]));
    }
    let decision = Decision {
        approver: caller.id,
        person,
        verdict: wish.verdict,
        justification: wish.justification,
        time: stamp.now,
        dropped: None,
    };
    let shortened = wish.duration.or(approval.shortened);
    Ok(Decided::Now(Box::new(approval.with(decision, shortened, facts, about, stamp))))
}

fn unjustified(rules: &[ApprovalRule], wish: &Decide) -> Option<Violation> {
    let required = rules.iter().any(|rule| match wish.verdict {
        Verdict::Approve => rule.justify_approve,
        Verdict::Deny => rule.justify_deny,
    });
    (required && is_blank(&wish.justification))
        .then(|| Violation::new(Rule::Justification, "justification", "required", "none"))
}

impl Facts {
    /// Why approvers may not grant the length `given`.
    fn unfit(&self, given: TimeDelta, now: DateTime<Utc>) -> Option<FieldError> {
        let approval = &self.approval;
        let most = approval.shortened.unwrap_or_else(|| self.activation.asked_length(now));
        let least = approval.shortest;
        (given < least || given > most).then(|| {
            let [least, most, given] = [least, most, given].map(format_duration);
            let description = format!("must be from {least} to {most}; it is {given}");
            FieldError { field: "duration".to_owned(), description }
        })
    }
}

impl Approval {
    fn with(
        &self,
        decision: Decision,
        shortened: Option<TimeDelta>,
        facts: &Facts,
        about: About,
        stamp: &Stamp,
    ) -> Change<Self> {
        let verdict = decision.verdict;
        let mut after = self.clone();
        after.decisions.push(decision);
        after.shortened = shortened;
        let (state, code) = match verdict {
            Verdict::Deny => (State::Denied, Code::ApprovalDenied),
            Verdict::Approve if after.complete(facts, stamp.now) => {
                (State::Approved, Code::ApprovalApproved)
            }
            Verdict::Approve => (State::Pending, Code::ApprovalVoted),
        };
        after.state = state;
        self.moved(after, code, about, stamp)
    }

    /// Whether the votes that stand suffice. Where they would only with votes that have lost their
    /// standing, those are dropped: who gave them may decide again.
    fn complete(&mut self, facts: &Facts, now: DateTime<Utc>) -> bool {
        let votes = self.votes();
        let standing = facts.seatings(now);
        if standing.iter().all(|seating| seating.is_met(&votes)) {
            return true;
        }
        let barred = Some(facts.requester.person_key());
        let given: Vec<Vote> = votes.iter().copied().collect();
        let would = self
            .rules
            .iter()
            .all(|rule| Seating::as_given(rule, facts.panel(now), barred, &given).is_met(&votes));
        if would {
            let stands = |one: &Decision| {
                let seated = |seating: &Seating| {
                    seating.approvers().iter().any(|(_, seated)| *seated == one.approver)
                };
                standing.iter().any(seated)
            };
            for one in self.decisions.iter_mut().filter(|one| one.is_yes()) {
                if !stands(one) {
                    one.dropped = Some(now);
                }
            }
        }
        false
    }
}
