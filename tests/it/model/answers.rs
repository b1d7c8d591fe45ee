//! What the services answer, in the terms of the model.

use pim_proto::{
    activation::v1::{self as activation, Activation},
    approval::v1::{Approval, ApprovalKind, approval::Length as WireLength},
    assignment::v1::{
        self as assignment, ApprovalMode, Assignment, Eligibility, Policy, approver_slot::Approver,
    },
};

use super::{
    rules::{
        ACTIVATION_MAX, ACTIVATION_MIN, APPROVAL, ASSIGNED_MAX, ASSIGNMENT_JUSTIFICATION,
        ASSIGNMENT_MFA, ASSIGNMENT_TICKET, ApprovalRule, ELIGIBLE_MAX, Mode, Name,
        PERMANENT_ASSIGNMENT, PERMANENT_ELIGIBILITY, REQUIRE_JUSTIFICATION, REQUIRE_MFA,
        REQUIRE_TICKET, Stage,
    },
    system::{Raw, RawView, System, place_of},
    things::{Kind, Length, Vote},
    universe::{Role, SECOND, Scope, Time},
    view::{ActivationView, Answer, ApprovalView, ExtensionView, GrantView, View},
};

fn role(id: &str) -> Role {
    *Role::ALL.iter().find(|role| role.id() == id).expect("a role of the universe")
}

pub(super) fn scope(text: &str) -> Scope {
    let same = |scope: &&Scope| scope.text().eq_ignore_ascii_case(text);
    *Scope::ALL.iter().find(same).expect("a scope of the universe")
}

fn name(text: &str) -> Name {
    let all = [
        ACTIVATION_MAX,
        ACTIVATION_MIN,
        REQUIRE_MFA,
        REQUIRE_JUSTIFICATION,
        REQUIRE_TICKET,
        APPROVAL,
        PERMANENT_ELIGIBILITY,
        ELIGIBLE_MAX,
        PERMANENT_ASSIGNMENT,
        ASSIGNED_MAX,
        ASSIGNMENT_JUSTIFICATION,
        ASSIGNMENT_MFA,
        ASSIGNMENT_TICKET,
    ];
    all.into_iter().find(|name| *name == text).expect("a rule of the universe")
}

pub(super) fn length(wire: &prost_types::Duration) -> Time {
    wire.seconds * SECOND + Time::from(wire.nanos / 1_000)
}

impl System {
    pub(super) fn time(&self, wire: &prost_types::Timestamp) -> Time {
        let seconds = wire.seconds - self.began.timestamp();
        let micros =
            Time::from(wire.nanos / 1_000) - Time::from(self.began.timestamp_subsec_micros());
        seconds * SECOND + micros
    }

    pub(super) fn when(&self, wire: Option<&prost_types::Timestamp>) -> Option<Time> {
        wire.map(|wire| self.time(wire))
    }

    pub(super) fn view(&self, raw: &RawView) -> View {
        let eligibilities = raw.eligibilities.iter().map(|one| self.eligibility(one));
        let mut grants: Vec<_> = eligibilities.collect();
        grants.extend(raw.assignments.iter().map(|one| self.assignment(one)));
        let mut activations: Vec<_> =
            raw.activations.iter().map(|one| self.activation(one)).collect();
        let mut approvals: Vec<_> = raw.approvals.iter().map(|one| self.approval(one)).collect();
        grants.sort_by_key(|(place, _)| *place);
        activations.sort_by_key(|(place, _)| *place);
        approvals.sort_by_key(|(place, _)| *place);
        let mut principals: Vec<_> = raw.principals.iter().collect();
        principals.sort_by_key(|one| self.who(&one.id));
        View {
            grants: grants.into_iter().map(|(_, view)| view).collect(),
            activations: activations.into_iter().map(|(_, view)| view).collect(),
            approvals: approvals.into_iter().map(|(_, view)| view).collect(),
            principals: principals
                .into_iter()
                .map(|one| self.when(one.enabled_since_time.as_ref()))
                .collect(),
        }
    }

    pub(super) fn answer(&self, raw: &Raw) -> Answer {
        match raw {
            Raw::Eligibility(one) => {
                let (place, view) = self.eligibility(one);
                Answer::Grant(place, view)
            }
            Raw::Assignment(one) => {
                let (place, view) = self.assignment(one);
                Answer::Grant(place, view)
            }
            Raw::Activation(one) => {
                let (place, view) = self.activation(one);
                Answer::Activation(place, view)
            }
            Raw::Approval(one) => {
                let (place, view) = self.approval(one);
                Answer::Approval(place, view)
            }
            Raw::Principal(one) => Answer::Principal {
                who: self.who(&one.id),
                enabled_since: self.when(one.enabled_since_time.as_ref()),
            },
            Raw::Policy(policy) => {
                let (_, _, set, enforced, revision) = self.policy(policy);
                Answer::Policy { set, enforced, revision }
            }
        }
    }

    fn eligibility(&self, wire: &Eligibility) -> (usize, GrantView) {
        let view = GrantView {
            kind: Kind::Eligibility,
            principal: self.who(&wire.principal_id),
            role: role(&wire.role_id),
            scope: scope(&wire.scope),
            state: wire.state(),
            start: self.time(&wire.start_time.unwrap()),
            end: self.when(wire.end_time.as_ref()),
            ended: self.when(wire.ended_time.as_ref()),
            because: wire.justification.clone(),
            ticket: wire.ticket.is_some(),
            revision: wire.policy_revision,
            created: self.time(&wire.create_time.unwrap()),
        };
        (place_of(&self.grants, &wire.id), view)
    }

    fn assignment(&self, wire: &Assignment) -> (usize, GrantView) {
        let view = GrantView {
            kind: Kind::Assignment,
            principal: self.who(&wire.principal_id),
            role: role(&wire.role_id),
            scope: scope(&wire.scope),
            state: wire.state(),
            start: self.time(&wire.start_time.unwrap()),
            end: self.when(wire.end_time.as_ref()),
            ended: self.when(wire.ended_time.as_ref()),
            because: wire.justification.clone(),
            ticket: wire.ticket.is_some(),
            revision: wire.policy_revision,
            created: self.time(&wire.create_time.unwrap()),
        };
        (place_of(&self.grants, &wire.id), view)
    }

    fn activation(&self, wire: &Activation) -> (usize, ActivationView) {
        let extension = wire.extension.as_ref().map(|it: &activation::Extension| ExtensionView {
            end: self.time(&it.end_time.unwrap()),
            because: it.justification.clone(),
            ticket: it.ticket.is_some(),
            revision: it.policy_revision,
            created: self.time(&it.create_time.unwrap()),
            expires: self.time(&it.expire_time.unwrap()),
        });
        let view = ActivationView {
            principal: self.who(&wire.principal_id),
            role: role(&wire.role_id),
            scope: scope(&wire.scope),
            eligibility: place_of(&self.grants, &wire.eligibility_id),
            state: wire.state(),
            ending: wire.ending(),
            ended: self.when(wire.ended_time.as_ref()),
            void_rules: wire.void_rules.clone(),
            start: self.when(wire.start_time.as_ref()),
            end: self.when(wire.end_time.as_ref()),
            truncated: wire.truncated,
            because: wire.justification.clone(),
            ticket: wire.ticket.is_some(),
            revision: wire.policy_revision,
            created: self.time(&wire.create_time.unwrap()),
            shortened: wire.shortened_duration.as_ref().map(length),
            extension,
        };
        (place_of(&self.activations, &wire.id), view)
    }

    fn approval(&self, wire: &Approval) -> (usize, ApprovalView) {
        let votes = wire.decisions.iter().map(|decision| Vote {
            who: self.who(&decision.approver_id),
            verdict: decision.verdict(),
            at: self.time(&decision.decide_time.unwrap()),
            dropped: self.when(decision.drop_time.as_ref()),
        });
        let view = ApprovalView {
            activation: place_of(&self.activations, &wire.activation_id),
            extension: wire.kind() == ApprovalKind::Extension,
            principal: self.who(&wire.principal_id),
            role: role(&wire.role_id),
            scope: scope(&wire.scope),
            state: wire.state(),
            activation_state: wire.activation_state(),
            length: match wire.length.as_ref().unwrap() {
                WireLength::Duration(lasts) => Length::For(length(lasts)),
                WireLength::EndTime(end) => Length::Until(self.time(end)),
            },
            rules: wire.rules.iter().map(|rule| self.rule(rule)).collect(),
            votes: votes.collect(),
            revision: wire.policy_revision,
            created: self.time(&wire.create_time.unwrap()),
            expires: self.time(&wire.expire_time.unwrap()),
            shortened: wire.shortened_duration.as_ref().map(length),
        };
        (place_of(&self.approvals, &wire.id), view)
    }

    fn rule(&self, wire: &assignment::ApprovalRule) -> ApprovalRule {
        let stages = wire.stages.iter().map(|stage| {
            let slots = stage.slots.iter().map(|slot| match slot.approver.as_ref().unwrap() {
                Approver::UserId(id) | Approver::GroupId(id) => self.who(id),
            });
            let mode = match stage.mode() {
                ApprovalMode::Unspecified | ApprovalMode::AllOf => Mode::All,
                ApprovalMode::AnyOf => Mode::Any,
                ApprovalMode::Quorum => Mode::Quorum(usize::try_from(stage.quorum).unwrap()),
            };
            Stage { slots: slots.collect(), mode }
        });
        ApprovalRule {
            stages: stages.collect(),
            timeout: length(wire.timeout.as_ref().unwrap()),
            justify: wire.justify_approve(),
            fallback: wire.fallback_approver_ids.iter().map(|id| self.who(id)).collect(),
        }
    }

    /// Names of what is set and of what is enforced at one scope.
    pub(super) fn policy(&self, wire: &Policy) -> (Role, Scope, Vec<Name>, Vec<Name>, i64) {
        let rules = wire.rules.clone().unwrap_or_default();
        let given = [
            (ACTIVATION_MAX, rules.activation_max.is_some()),
            (ACTIVATION_MIN, rules.activation_min.is_some()),
            (REQUIRE_MFA, rules.require_mfa.is_some()),
            (REQUIRE_JUSTIFICATION, rules.require_justification.is_some()),
            (REQUIRE_TICKET, rules.require_ticket.is_some()),
            (APPROVAL, rules.approval.is_some()),
            (PERMANENT_ELIGIBILITY, rules.permanent_eligibility.is_some()),
            (ELIGIBLE_MAX, rules.eligible_max.is_some()),
            (PERMANENT_ASSIGNMENT, rules.permanent_assignment.is_some()),
            (ASSIGNED_MAX, rules.assigned_max.is_some()),
            (ASSIGNMENT_JUSTIFICATION, rules.assignment_require_justification.is_some()),
            (ASSIGNMENT_MFA, rules.assignment_require_mfa.is_some()),
            (ASSIGNMENT_TICKET, rules.assignment_require_ticket.is_some()),
        ];
        let mut set: Vec<_> =
            given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
        set.sort_unstable();
        let mut enforced: Vec<_> = wire.enforced_rules.iter().map(|text| name(text)).collect();
        enforced.sort_unstable();
        (role(&wire.role_id), scope(&wire.scope), set, enforced, wire.policy_revision)
    }
}
