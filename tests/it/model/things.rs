//! What the model remembers of eligibilities, assignments, activations and approvals, and how each
//! stands at a time (specification, section 2).

use pim_proto::{
    activation::v1::{ActivationState, Ending},
    approval::v1::{ApprovalState, Verdict},
    assignment::v1::GrantState,
};

use super::{
    rules::{ApprovalRule, Rules},
    universe::{Role, Scope, Time, Who},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Eligibility,
    Assignment,
}

/// An eligibility or an assignment.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    /// As the system calls it: it decides between equals.
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) principal: Who,
    pub(super) role: Role,
    pub(super) scope: Scope,
    pub(super) start: Time,
    pub(super) end: Option<Time>,
    pub(super) because: &'static str,
    pub(super) ticket: bool,
    pub(super) revision: i64,
    pub(super) created: Time,
    /// How and when that was recorded.
    pub(super) ended: Option<(GrantState, Time)>,
}

impl Grant {
    pub(super) fn state(&self, now: Time) -> GrantState {
        match self.ended {
            Some((state, _)) => state,
            None if now < self.start => GrantState::Scheduled,
            None if self.end.is_some_and(|end| now >= end) => GrantState::Expired,
            None => GrantState::InForce,
        }
    }

    /// Whether it counts at `at`, as far as is known at `now`.
    pub(super) fn counts(&self, at: Time) -> bool {
        let removed = self.ended.is_some();
        !removed && self.start <= at && self.end.is_none_or(|end| at < end)
    }

    pub(super) fn is_over(&self, now: Time) -> bool {
        !matches!(self.state(now), GrantState::Scheduled | GrantState::InForce)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    For(Time),
    Until(Time),
}

/// What was asked for, and by which rules it was judged.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) length: Length,
    pub(super) because: &'static str,
    pub(super) ticket: bool,
    pub(super) mfa: bool,
    pub(super) rules: Rules,
    pub(super) revision: i64,
    pub(super) created: Time,
    /// When it is timed out, if anybody must approve it.
    pub(super) expires: Time,
    /// The approvers granted at most this.
    pub(super) shortened: Option<Time>,
}

#[derive(Debug, Clone)]
pub(super) struct Extension {
    pub(super) asked: Asked,
    pub(super) end: Time,
    /// The place of its approval.
    pub(super) approval: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) start: Time,
    pub(super) end: Time,
    pub(super) truncated: bool,
}

#[derive(Debug, Clone)]
pub(super) enum State {
    Pending,
    Scheduled,
    Active(Held, Option<Box<Extension>>),
    Ended { ending: Ending, at: Time, rules: Vec<&'static str>, held: Option<Held> },
}

#[derive(Debug, Clone)]
pub(super) struct Activation {
    pub(super) id: String,
    pub(super) principal: Who,
    pub(super) role: Role,
    pub(super) scope: Scope,
    /// The place of the eligibility that it rests on.
    pub(super) eligibility: usize,
    /// Where its start lay ahead.
    pub(super) booked: Option<Time>,
    pub(super) asked: Asked,
    pub(super) state: State,
}

impl Activation {
    /// What time has decided, applied: "settle first".
    pub(super) fn settled(&self, now: Time) -> State {
        match &self.state {
            State::Pending if now >= self.asked.expires => {
                let (ending, at) = (Ending::TimedOut, self.asked.expires);
                State::Ended { ending, at, rules: Vec::new(), held: None }
            }
            State::Active(held, _) if now >= held.end => {
                let (ending, at) = (Ending::Expired, held.end);
                State::Ended { ending, at, rules: Vec::new(), held: Some(*held) }
            }
            State::Active(held, Some(extension)) if now >= extension.asked.expires => {
                State::Active(*held, None)
            }
            State::Pending | State::Scheduled | State::Active(..) | State::Ended { .. } => {
                self.state.clone()
            }
        }
    }

    pub(super) fn is_live(&self, now: Time) -> bool {
        !matches!(self.settled(now), State::Ended { .. })
    }

    /// What it holds at `now`, if it is active.
    pub(super) fn held(&self, now: Time) -> Option<Held> {
        match self.settled(now) {
            State::Active(held, _) => Some(held),
            State::Pending | State::Scheduled | State::Ended { .. } => None,
        }
    }

    /// The extension that waits.
    pub(super) fn extension(&self, now: Time) -> Option<Box<Extension>> {
        match self.settled(now) {
            State::Active(_, extension) => extension,
            State::Pending | State::Scheduled | State::Ended { .. } => None,
        }
    }
}

/// On the wire.
pub(super) fn wire_state(state: &State) -> ActivationState {
    match state {
        State::Pending => ActivationState::PendingApproval,
        State::Scheduled => ActivationState::Scheduled,
        State::Active(..) => ActivationState::Active,
        State::Ended { .. } => ActivationState::Ended,
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vote {
    pub(super) who: Who,
    pub(super) verdict: Verdict,
    pub(super) at: Time,
    pub(super) dropped: Option<Time>,
}

#[derive(Debug, Clone)]
pub(super) struct Approval {
    pub(super) id: String,
    /// The place of its activation.
    pub(super) activation: usize,
    /// Whether it is about an extension of it.
    pub(super) extension: bool,
    pub(super) length: Length,
    pub(super) rules: Vec<ApprovalRule>,
    pub(super) revision: i64,
    pub(super) created: Time,
    pub(super) expires: Time,
    pub(super) shortened: Option<Time>,
    pub(super) votes: Vec<Vote>,
    /// As it was recorded.
    pub(super) state: ApprovalState,
}

impl Approval {
    pub(super) fn yes(&self) -> Vec<Who> {
        let counted = self.votes.iter().filter(|vote| vote.dropped.is_none());
        counted.filter(|vote| vote.verdict == Verdict::Approve).map(|vote| vote.who).collect()
    }

    /// How it stands at `now`; `place` is its own.
    pub(super) fn state(&self, place: usize, activation: &Activation, now: Time) -> ApprovalState {
        if self.state != ApprovalState::Pending {
            return self.state;
        }
        let settled = activation.settled(now);
        let waits = match &settled {
            State::Pending => !self.extension,
            State::Active(_, Some(extension)) => extension.approval == place,
            State::Scheduled | State::Active(_, None) | State::Ended { .. } => false,
        };
        if waits {
            ApprovalState::Pending
        } else if now >= self.expires {
            // Known to be wrong where the activation had ended before, and that was not recorded:
            // what has been shown as CANCELED becomes TIMED_OUT ("an ended thing stays ended").
            ApprovalState::TimedOut
        } else {
            ApprovalState::Canceled
        }
    }
}
