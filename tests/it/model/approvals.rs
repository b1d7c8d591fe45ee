//! The model of approvals (specification, section 5), and of the bells between services.

use pim_proto::{
    activation::v1::Ending,
    approval::v1::{ApprovalState, Verdict},
    assignment::v1::GrantState,
};
use tonic::Code;

use super::{
    grants::is_blank,
    reference::{Model, Outcome, invalid, policy, refused, wrong_state},
    request::{Bell, Request, Sent},
    rules::ACTIVATION_MIN,
    things::{Length, State, Vote},
    universe::{Time, Who, person},
    view::Answer,
};

fn not_an_approver() -> Answer {
    refused(Code::PermissionDenied, "NOT_AN_APPROVER")
}

impl Model {
    /// Whether somebody may decide on it: has a slot of a stage that has been reached.
    pub(super) fn is_approver(&self, who: Who, place: usize) -> bool {
        let approval = &self.approvals[place];
        let requester = self.activations[approval.activation].principal;
        self.with_standing(Some(requester), |standing| {
            approval.rules.iter().any(|rule| rule.may_decide(who, &approval.yes(), standing))
        })
    }

    pub(super) fn decide(&mut self, sent: &Sent) -> Outcome {
        let (approval, verdict, because, stale, shorten) = match sent.request {
            Request::Approve { approval, shorten, because, stale } => {
                (approval, Verdict::Approve, because, stale, shorten)
            }
            Request::Deny { approval, because, stale } => {
                (approval, Verdict::Deny, because, stale, None)
            }
            _ => panic!("not a decision: {sent:?}"),
        };
        let place = approval.ok_or_else(not_an_approver)?;
        let approval = self.approvals[place].clone();
        let activation = &self.activations[approval.activation];
        if person(activation.principal) == person(sent.caller) {
            return Err(refused(Code::PermissionDenied, "SELF_APPROVAL"));
        }
        if !self.is_approver(sent.caller, place) {
            return Err(not_an_approver());
        }
        if let Some(answer) = self.replay(sent)? {
            return Ok(self.with_activation_now(answer));
        }
        let before = approval
            .votes
            .iter()
            .rfind(|vote| person(vote.who) == person(sent.caller) && vote.dropped.is_none());
        match before {
            Some(vote) if vote.verdict == verdict => {
                return Ok(Answer::Approval(place, self.view_approval(place)));
            }
            Some(_) => return Err(refused(Code::AlreadyExists, "ALREADY_DECIDED")),
            None => {}
        }
        if approval.state(place, activation, self.now) != ApprovalState::Pending {
            return Err(refused(Code::FailedPrecondition, "ALREADY_RESOLVED"));
        }
        // Known: the contract's table has this after the broken rules.
        if stale || self.is_outdated(sent) {
            return Err(refused(Code::Aborted, "ETAG_MISMATCH"));
        }
        let blank = approval.rules.iter().any(|rule| rule.justify) && is_blank(because);
        policy(if blank { &["JUSTIFICATION"] } else { &[] })?;
        // Decided: a length that may not be granted is a malformed field, not a broken rule.
        if shorten.is_some_and(|most| !self.may_shorten(place, most)) {
            return Err(invalid());
        }
        self.vote(sent, place, verdict, shorten)
    }

    /// "An approver may shorten the duration (not below the minimum)."
    fn may_shorten(&self, place: usize, most: Time) -> bool {
        let approval = &self.approvals[place];
        let activation = &self.activations[approval.activation];
        let before = match (approval.shortened, approval.length) {
            (Some(before), _) => before,
            (None, Length::For(lasts)) => lasts,
            (None, Length::Until(end)) => end - self.now,
        };
        most <= before && most >= activation.asked.rules.time(ACTIVATION_MIN)
    }

    fn vote(
        &mut self,
        sent: &Sent,
        place: usize,
        verdict: Verdict,
        shorten: Option<Time>,
    ) -> Outcome {
        let now = self.now;
        let requester = self.activations[self.approvals[place].activation].principal;
        let approval = &mut self.approvals[place];
        approval.votes.push(Vote { who: sent.caller, verdict, at: now, dropped: None });
        approval.shortened = shorten.or(approval.shortened);
        let approval = self.approvals[place].clone();
        let votes = approval.yes();
        let met = self.with_standing(Some(requester), |standing| {
            approval.rules.iter().all(|rule| rule.is_met(&votes, standing))
        });
        if verdict == Verdict::Deny {
            self.approvals[place].state = ApprovalState::Denied;
        } else if met {
            self.approvals[place].state = ApprovalState::Approved;
        }
        let answer = Answer::Approval(place, self.view_approval(place));
        self.replies.insert((sent.caller, sent.id), (sent.request.clone(), answer.clone()));
        if !sent.dry {
            self.act_on(place);
        }
        Ok(self.with_activation_now(answer))
    }

    /// Decided: the answer to what ends it, also when it is repeated, says where the activation
    /// stands now.
    fn with_activation_now(&self, answer: Answer) -> Answer {
        match answer {
            Answer::Approval(place, mut view) if view.state != ApprovalState::Pending => {
                view.activation_state = self.view_approval(place).activation_state;
                Answer::Approval(place, view)
            }
            answer => answer,
        }
    }

    /// The activation, or its extension, acts on what was decided.
    fn act_on(&mut self, place: usize) {
        let approval = self.approvals[place].clone();
        let activation = approval.activation;
        let votes = approval.yes();
        match (approval.state, approval.extension) {
            (ApprovalState::Denied, false) => self.end(activation, Ending::Denied, Vec::new()),
            (ApprovalState::Denied, true) => {
                if let State::Active(_, extension) = &mut self.activations[activation].state {
                    *extension = None;
                }
            }
            (ApprovalState::Approved, false) => {
                self.activations[activation].asked.shortened = approval.shortened;
                self.begin(activation, &votes);
                // Decided: where nothing is granted, nothing was granted for less.
                if let State::Ended { .. } = self.activations[activation].state {
                    self.activations[activation].asked.shortened = None;
                }
            }
            (ApprovalState::Approved, true) => {
                if let State::Active(_, Some(extension)) = &mut self.activations[activation].state {
                    extension.asked.shortened = approval.shortened;
                }
                self.lengthen(activation, &votes);
            }
            _ => {}
        }
    }

    /// One service tells another something, at whatever time: only what is so happens.
    pub(super) fn ring(&mut self, bell: Bell, place: usize) -> Outcome {
        match bell {
            Bell::EndEligibility | Bell::EndAssignment => {
                let grant = &self.grants[place];
                if grant.ended.is_some() || grant.state(self.now) != GrantState::Expired {
                    return Err(wrong_state());
                }
                self.record_expiry(place);
                Ok(Answer::Grant(place, self.view_grant(&self.grants[place])))
            }
            Bell::CancelApproval | Bell::TimeOutApproval => {
                let before = self.approvals[place].state;
                let wanted = match bell {
                    Bell::CancelApproval => ApprovalState::Canceled,
                    _ => ApprovalState::TimedOut,
                };
                let state = self.view_approval(place).state;
                if before != ApprovalState::Pending || state != wanted {
                    return Err(wrong_state());
                }
                self.record_approval(place);
                Ok(Answer::Approval(place, self.view_approval(place)))
            }
            Bell::OpenApproval => {
                let waits = self.activations[place].extension(self.now);
                let wanted = waits.map(|extension| extension.approval);
                let own = |at: &usize| {
                    let approval = &self.approvals[*at];
                    approval.activation == place && !approval.extension
                };
                let first = (0..self.approvals.len()).find(own);
                let place = wanted.or(first).ok_or_else(wrong_state)?;
                Ok(Answer::Approval(place, self.view_approval(place)))
            }
            Bell::ExpireActivation
            | Bell::StartActivation
            | Bell::ResolveActivation
            | Bell::VoidActivation => self.ring_activation(bell, place),
        }
    }

    fn ring_activation(&mut self, bell: Bell, place: usize) -> Outcome {
        let activation = &self.activations[place];
        let settled = activation.settled(self.now);
        match (bell, &settled) {
            (Bell::ExpireActivation, _) => {
                let extended = |state: &State| matches!(state, State::Active(_, Some(_)));
                let ended = |state: &State| matches!(state, State::Ended { .. });
                let same = extended(&settled) == extended(&activation.state)
                    && ended(&settled) == ended(&activation.state);
                if same {
                    return Err(wrong_state());
                }
                self.record_time(place);
                for approval in 0..self.approvals.len() {
                    if self.approvals[approval].activation == place {
                        self.record_approval(approval);
                    }
                }
            }
            (Bell::StartActivation, State::Scheduled)
                if activation.booked.is_none_or(|start| start <= self.now) =>
            {
                self.start(place);
            }
            (Bell::VoidActivation, State::Pending | State::Scheduled | State::Active(..)) => {
                let rule = self.broken_path(place).ok_or_else(wrong_state)?;
                self.void(place, vec![rule]);
            }
            _ => return Err(wrong_state()),
        }
        Ok(Answer::Activation(place, self.view_activation(&self.activations[place])))
    }
}
