//! `ActivationService`: the answers. What time alone has decided is shown as of the answer.

use chrono::{DateTime, Utc};
use pim_domain::{
    activation::{Activation, Ending, Extension, Held, State},
    denial::Rule,
};

use crate::{
    activation::v1::{self, batch_activate_roles_response},
    call::{Answer, AskView, Batched, Listed},
    convert::{batch::wire_status, texts, wire_duration, wire_ticket, wire_time},
};

fn activation(activation: &Activation, as_of: DateTime<Utc>) -> v1::Activation {
    let settled = activation.settled(as_of);
    let shown = v1::Activation {
        id: settled.id.to_string(),
        principal_id: settled.principal.to_string(),
        role_id: settled.role.to_string(),
        scope: settled.scope.into(),
        eligibility_id: settled.eligibility.to_string(),
        membership_ids: texts(settled.memberships),
        justification: settled.request.justification.into(),
        ticket: settled.request.ticket.map(wire_ticket),
        policy_revision: settled.policy_revision,
        create_time: Some(wire_time(settled.create_time)),
        update_time: Some(wire_time(settled.update_time)),
        etag: settled.version.etag(),
        shortened_duration: settled.shortened.map(wire_duration),
        ..v1::Activation::default()
    };
    in_state(shown, settled.state)
}

impl From<&State> for v1::ActivationState {
    fn from(state: &State) -> Self {
        match state {
            State::PendingApproval { .. } => v1::ActivationState::PendingApproval,
            State::Scheduled { .. } => v1::ActivationState::Scheduled,
            State::Active { .. } => v1::ActivationState::Active,
            State::Ended { .. } => v1::ActivationState::Ended,
        }
    }
}

/// The message with the fields that belong to its state.
fn in_state(shown: v1::Activation, state: State) -> v1::Activation {
    let shown = v1::Activation { state: v1::ActivationState::from(&state).into(), ..shown };
    match state {
        State::PendingApproval { .. } => shown,
        State::Scheduled { start } => {
            v1::Activation { start_time: Some(wire_time(start)), ..shown }
        }
        State::Active { held, extension } => v1::Activation {
            extension: extension.map(v1::Extension::from),
            ..holding(shown, Some(held))
        },
        State::Ended { at, ending, held } => {
            let (ending, void_rules) = wire_ending(ending);
            v1::Activation {
                ending: ending.into(),
                ended_time: Some(wire_time(at)),
                void_rules,
                ..holding(shown, held)
            }
        }
    }
}

impl From<Extension> for v1::Extension {
    fn from(extension: Extension) -> Self {
        Self {
            id: extension.id.to_string(),
            end_time: Some(wire_time(extension.end)),
            justification: extension.request.justification.into(),
            ticket: extension.request.ticket.map(wire_ticket),
            policy_revision: extension.policy_revision,
            expire_time: Some(wire_time(extension.expire_time)),
            create_time: Some(wire_time(extension.create_time)),
        }
    }
}

fn holding(shown: v1::Activation, held: Option<Held>) -> v1::Activation {
    v1::Activation {
        start_time: held.map(|held| wire_time(held.start)),
        end_time: held.map(|held| wire_time(held.end)),
        truncated: held.is_some_and(|held| held.truncated),
        ..shown
    }
}

fn wire_ending(ending: Ending) -> (v1::Ending, Vec<String>) {
    match ending {
        Ending::Denied => (v1::Ending::Denied, Vec::new()),
        Ending::TimedOut => (v1::Ending::TimedOut, Vec::new()),
        Ending::Canceled => (v1::Ending::Canceled, Vec::new()),
        Ending::Void { rules } => (v1::Ending::Void, texts(rules.into_iter().map(Rule::as_str))),
        Ending::Expired => (v1::Ending::Expired, Vec::new()),
        Ending::Deactivated => (v1::Ending::Deactivated, Vec::new()),
        Ending::Revoked => (v1::Ending::Revoked, Vec::new()),
    }
}

impl From<Answer<AskView>> for v1::ActivateRoleResponse {
    fn from(answer: Answer<AskView>) -> Self {
        Self {
            activation: Some(activation(&answer.value.activation, answer.as_of)),
            revision: answer.revision,
            possible_approver_ids: texts(answer.value.possible_approvers),
        }
    }
}

impl From<Answer<Activation>> for v1::ExtendActivationResponse {
    fn from(answer: Answer<Activation>) -> Self {
        let activation = activation(&answer.value, answer.as_of);
        Self { activation: Some(activation), revision: answer.revision }
    }
}

impl From<Batched<AskView>> for v1::BatchActivateRolesResponse {
    fn from(batched: Batched<AskView>) -> Self {
        use batch_activate_roles_response::{Result as Item, result::Outcome};
        let results = batched.results.into_iter().map(|result| match result {
            Ok(answer) => Item {
                outcome: Some(Outcome::Activation(activation(
                    &answer.value.activation,
                    answer.as_of,
                ))),
                possible_approver_ids: texts(answer.value.possible_approvers),
            },
            Err(status) => Item {
                outcome: Some(Outcome::Status(wire_status(&status))),
                possible_approver_ids: Vec::new(),
            },
        });
        Self { results: results.collect(), revision: batched.revision }
    }
}

impl From<Answer<Activation>> for v1::GetActivationResponse {
    fn from(answer: Answer<Activation>) -> Self {
        let activation = activation(&answer.value, answer.as_of);
        Self { activation: Some(activation), revision: answer.revision }
    }
}

impl From<Listed<Activation>> for v1::ListActivationsResponse {
    fn from(listed: Listed<Activation>) -> Self {
        Self {
            activations: listed.items.iter().map(|one| activation(one, listed.as_of)).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Listed<Activation>> for v1::SearchMyActivationsResponse {
    fn from(listed: Listed<Activation>) -> Self {
        Self {
            activations: listed.items.iter().map(|one| activation(one, listed.as_of)).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Answer<Activation>> for v1::DeactivateRoleResponse {
    fn from(answer: Answer<Activation>) -> Self {
        let activation = activation(&answer.value, answer.as_of);
        Self { activation: Some(activation), revision: answer.revision }
    }
}

impl From<Answer<Activation>> for v1::CancelActivationResponse {
    fn from(answer: Answer<Activation>) -> Self {
        let activation = activation(&answer.value, answer.as_of);
        Self { activation: Some(activation), revision: answer.revision }
    }
}

impl From<Answer<Activation>> for v1::RevokeActivationResponse {
    fn from(answer: Answer<Activation>) -> Self {
        let activation = activation(&answer.value, answer.as_of);
        Self { activation: Some(activation), revision: answer.revision }
    }
}

impl From<Answer<Activation>> for v1::ResolveActivationResponse {
    fn from(answer: Answer<Activation>) -> Self {
        let activation = activation(&answer.value, answer.as_of);
        Self { activation: Some(activation), revision: answer.revision }
    }
}

impl From<Answer<Activation>> for v1::StartActivationResponse {
    fn from(answer: Answer<Activation>) -> Self {
        let activation = activation(&answer.value, answer.as_of);
        Self { activation: Some(activation), revision: answer.revision }
    }
}

impl From<Answer<Activation>> for v1::ExpireActivationResponse {
    fn from(answer: Answer<Activation>) -> Self {
        let activation = activation(&answer.value, answer.as_of);
        Self { activation: Some(activation), revision: answer.revision }
    }
}

impl From<Answer<Activation>> for v1::VoidActivationResponse {
    fn from(answer: Answer<Activation>) -> Self {
        let activation = activation(&answer.value, answer.as_of);
        Self { activation: Some(activation), revision: answer.revision }
    }
}
