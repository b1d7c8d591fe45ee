//! What administrators say of a change request, and what comes of a yes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ChangeKind, ChangeRequest, Decision, State, Until, not_removed, window};
use crate::{
    change::Change,
    denial::{Denial, FieldError, Reason, Rule, Violation},
    event::{About, Code, Stamp, ThingKind},
    grant::{self, Extend, Grant, NewEnd, Renew},
    id::ChangeRequestId,
    justification::Justification,
    principal::Principal,
    role::Catalog,
    text::is_blank,
};

/// A wish to say yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approve {
    /// To what.
    pub request: ChangeRequestId,
    /// Of the request as the caller read it.
    pub etag: String,
    /// Of a renewal; absent or past: now.
    pub start: Option<DateTime<Utc>>,
    /// Absent: the end that was wished for.
    pub end: Option<NewEnd>,
    /// Why.
    pub justification: Justification,
}

/// A wish to say no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deny {
    /// To what.
    pub request: ChangeRequestId,
    /// Of the request as the caller read it.
    pub etag: String,
    /// Why.
    pub justification: Justification,
}

/// What a yes does.
#[derive(Debug, Clone, PartialEq)]
pub struct Approved {
    /// The request is approved.
    pub request: Change<ChangeRequest>,
    /// Its grant has a later end, or there is a new one.
    pub grant: Change<Grant>,
}

impl ChangeRequest {
    /// Says yes, and does it. `facts` are those of `grant`, which the request is about; the words
    /// of who asked are what the outcome is justified by.
    ///
    /// # Errors
    /// In this order: `SELF_APPROVAL`, `ALREADY_RESOLVED`, `ETAG_MISMATCH`, `WRONG_STATE` where an
    /// administrator has ended the grant, the window where it was moved meanwhile, dates that do not
    /// go with the request, then as extending or renewing says.
    pub fn approve(
        &self,
        grant: &Grant,
        facts: &grant::Facts,
        wish: Approve,
        stamp: &Stamp,
    ) -> Result<Approved, Denial> {
        let about = About {
            policy_revision: Some(facts.policy.revision),
            ..self.about(facts.role.catalog, wish.justification.clone())
        };
        let refuse = |denial: Denial| {
            denial.about(about.clone()).of(ThingKind::ChangeRequest, self.id.uuid())
        };
        self.waits_for(facts.widens_caller(), &wish.etag, stamp).map_err(refuse)?;
        not_removed(grant, stamp.now).map_err(refuse)?;
        let late = window(self.kind, grant, stamp.now, Until::Decided);
        Denial::check(late.into_iter().collect(), None).map_err(refuse)?;
        let outcome = self.outcome(grant, facts, &wish, stamp).map_err(refuse)?;
        let decision = Decision { by: facts.caller.id, justification: wish.justification };
        let state = State::Approved { decision, outcome: outcome.after().id };
        let request = self.moved(state, Code::ChangeRequestApproved, about, stamp);
        Ok(Approved { request, grant: outcome })
    }

    fn outcome(
        &self,
        grant: &Grant,
        facts: &grant::Facts,
        wish: &Approve,
        stamp: &Stamp,
    ) -> Result<Change<Grant>, Denial> {
        let end = wish.end.or(self.end.map(NewEnd::At)).ok_or_else(|| {
            invalid("end_time", "is required where none was asked for; none was given")
        })?;
        let (kind, id, correlation) = (grant.kind, grant.id, Some(self.id.uuid()));
        let (justification, ticket) = (self.justification.clone(), self.ticket.clone());
        match (self.kind, wish.start) {
            (ChangeKind::Extension, Some(_)) => {
                Err(invalid("start_time", "must be absent: an extension moves the end alone"))
            }
            (ChangeKind::Extension, None) => {
                let wish = Extend { kind, grant: id, end, justification, ticket };
                grant.extend_for(facts, &wish, correlation, stamp)
            }
            (ChangeKind::Renewal, start) => {
                let end = end.end();
                let wish = Renew { kind, grant: id, start, end, justification, ticket };
                grant.renew_for(facts, &wish, correlation, stamp)
            }
        }
    }

    /// Says no, which ends it.
    ///
    /// # Errors
    /// In this order: `SELF_APPROVAL`, `ALREADY_RESOLVED`, `ETAG_MISMATCH`, `POLICY_DENIED` for a
    /// missing justification.
    pub fn deny(
        &self,
        holder: &Principal,
        catalog: Catalog,
        caller: &Principal,
        wish: Deny,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = self.about(catalog, wish.justification.clone());
        let refuse = |denial: Denial| {
            denial.about(about.clone()).of(ThingKind::ChangeRequest, self.id.uuid())
        };
        self.waits_for(caller.is_same_person(holder), &wish.etag, stamp).map_err(refuse)?;
        let silent = is_blank(&wish.justification)
            .then(|| Violation::new(Rule::Justification, "justification", "required", "none"));
        Denial::check(silent.into_iter().collect(), None).map_err(refuse)?;
        let decision = Decision { by: caller.id, justification: wish.justification };
        Ok(self.moved(State::Denied(decision), Code::ChangeRequestDenied, about, stamp))
    }

    /// Passes who may decide on it, as they have read it, while it waits: nobody whom it benefits.
    fn waits_for(&self, benefits: bool, etag: &str, stamp: &Stamp) -> Result<(), Denial> {
        if benefits {
            return Err(Denial::new(Reason::SelfApproval));
        }
        match self.settled(stamp.now).state {
            State::Pending => {}
            state @ (State::Approved { .. }
            | State::Denied(_)
            | State::TimedOut
            | State::Canceled(_)) => {
                return Err(Denial::new(Reason::AlreadyResolved { state: state.as_str() }));
            }
        }
        if etag != self.version.etag() {
            return Err(Denial::new(Reason::EtagMismatch { current: self.version.etag() }));
        }
        Ok(())
    }
}

fn invalid(field: &str, description: &str) -> Denial {
    let error = FieldError { field: field.to_owned(), description: description.to_owned() };
    Denial::new(Reason::Invalid(vec![error]))
}
