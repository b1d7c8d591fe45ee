//! What can be seen of the state from outside: the same from the model and from the system.

use pim_proto::{
    activation::v1::{ActivationState, Ending},
    approval::v1::ApprovalState,
    assignment::v1::GrantState,
};
use tonic::Code;

use super::{
    reference::Model,
    rules::{ApprovalRule, Name},
    things::{Activation, Approval, Grant, Kind, Length, State, Vote, wire_state},
    universe::{Role, Scope, Time, Who},
};

/// What was asked is answered so.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    Refused { code: Code, reason: String, rules: Vec<String> },
    Grant(usize, GrantView),
    Activation(usize, ActivationView),
    Approval(usize, ApprovalView),
    Principal { who: Who, enabled_since: Option<Time> },
    Policy { set: Vec<Name>, enforced: Vec<Name>, revision: i64 },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct GrantView {
    pub(super) kind: Kind,
    pub(super) principal: Who,
    pub(super) role: Role,
    pub(super) scope: Scope,
    pub(super) state: GrantState,
    pub(super) start: Time,
    pub(super) end: Option<Time>,
    pub(super) ended: Option<Time>,
    pub(super) because: String,
    pub(super) ticket: bool,
    pub(super) revision: i64,
    pub(super) created: Time,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ActivationView {
    pub(super) principal: Who,
    pub(super) role: Role,
    pub(super) scope: Scope,
    pub(super) eligibility: usize,
    pub(super) state: ActivationState,
    pub(super) ending: Ending,
    pub(super) ended: Option<Time>,
    pub(super) void_rules: Vec<String>,
    pub(super) start: Option<Time>,
    pub(super) end: Option<Time>,
    pub(super) truncated: bool,
    pub(super) because: String,
    pub(super) ticket: bool,
    pub(super) revision: i64,
    pub(super) created: Time,
    pub(super) shortened: Option<Time>,
    pub(super) extension: Option<ExtensionView>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ExtensionView {
    pub(super) end: Time,
    pub(super) because: String,
    pub(super) ticket: bool,
    pub(super) revision: i64,
    pub(super) created: Time,
    pub(super) expires: Time,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ApprovalView {
    pub(super) activation: usize,
    pub(super) extension: bool,
    pub(super) principal: Who,
    pub(super) role: Role,
    pub(super) scope: Scope,
    pub(super) state: ApprovalState,
    pub(super) activation_state: ActivationState,
    pub(super) length: Length,
    pub(super) rules: Vec<ApprovalRule>,
    pub(super) votes: Vec<Vote>,
    pub(super) revision: i64,
    pub(super) created: Time,
    pub(super) expires: Time,
    pub(super) shortened: Option<Time>,
}

/// All of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    pub(super) grants: Vec<GrantView>,
    pub(super) activations: Vec<ActivationView>,
    pub(super) approvals: Vec<ApprovalView>,
    pub(super) principals: Vec<Option<Time>>,
}

impl Model {
    pub(super) fn view(&self) -> View {
        View {
            grants: self.grants.iter().map(|grant| self.view_grant(grant)).collect(),
            activations: self.activations.iter().map(|one| self.view_activation(one)).collect(),
            approvals: (0..self.approvals.len()).map(|place| self.view_approval(place)).collect(),
            principals: self.enabled_since.clone(),
        }
    }

    pub(super) fn view_grant(&self, grant: &Grant) -> GrantView {
        GrantView {
            kind: grant.kind,
            principal: grant.principal,
            role: grant.role,
            scope: grant.scope,
            state: grant.state(self.now),
            start: grant.start,
            end: grant.end,
            ended: grant.ended.map(|(_, at)| at),
            because: grant.because.to_owned(),
            ticket: grant.ticket,
            revision: grant.revision,
            created: grant.created,
        }
    }

    pub(super) fn view_activation(&self, activation: &Activation) -> ActivationView {
        let state = activation.settled(self.now);
        let (ending, ended, void_rules) = match &state {
            State::Ended { ending, at, rules, .. } => (*ending, Some(*at), rules.clone()),
            State::Pending | State::Scheduled | State::Active(..) => {
                (Ending::Unspecified, None, Vec::new())
            }
        };
        let held = match &state {
            State::Active(held, _) => Some(*held),
            State::Ended { held, .. } => *held,
            State::Pending | State::Scheduled => None,
        };
        // Decided: a start that was asked for is shown once it is booked, not while it waits.
        let booked = match &state {
            State::Scheduled => activation.booked,
            State::Pending | State::Active(..) | State::Ended { .. } => None,
        };
        ActivationView {
            principal: activation.principal,
            role: activation.role,
            scope: activation.scope,
            eligibility: activation.eligibility,
            state: wire_state(&state),
            ending,
            ended,
            void_rules: void_rules.iter().map(|rule| (*rule).to_owned()).collect(),
            start: held.map(|held| held.start).or(booked),
            end: held.map(|held| held.end),
            truncated: held.is_some_and(|held| held.truncated),
            because: activation.asked.because.to_owned(),
            ticket: activation.asked.ticket,
            revision: activation.asked.revision,
            created: activation.asked.created,
            shortened: activation.asked.shortened,
            extension: activation.extension(self.now).map(|extension| ExtensionView {
                end: extension.end,
                because: extension.asked.because.to_owned(),
                ticket: extension.asked.ticket,
                revision: extension.asked.revision,
                created: extension.asked.created,
                expires: extension.asked.expires,
            }),
        }
    }

    pub(super) fn view_approval(&self, place: usize) -> ApprovalView {
        let approval: &Approval = &self.approvals[place];
        let activation = &self.activations[approval.activation];
        ApprovalView {
            activation: approval.activation,
            extension: approval.extension,
            principal: activation.principal,
            role: activation.role,
            scope: activation.scope,
            state: approval.state(place, activation, self.now),
            activation_state: wire_state(&activation.settled(self.now)),
            length: approval.length,
            rules: approval.rules.clone(),
            votes: approval.votes.clone(),
            revision: approval.revision,
            created: approval.created,
            expires: approval.expires,
            shortened: approval.shortened,
        }
    }
}
