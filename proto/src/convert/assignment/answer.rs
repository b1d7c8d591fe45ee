//! `AssignmentService`: the answers. Where a grant stands is computed as of the answer.

use chrono::{DateTime, Utc};
use pim_domain::grant::{Grant, GrantState};

use crate::{
    assignment::v1,
    call::{Answer, Listed},
    convert::{wire_ticket, wire_time},
};

fn state(grant: &Grant, as_of: DateTime<Utc>) -> v1::GrantState {
    match grant.state(as_of) {
        GrantState::Scheduled => v1::GrantState::Scheduled,
        GrantState::InForce => v1::GrantState::InForce,
        GrantState::Expired => v1::GrantState::Expired,
        GrantState::Removed => v1::GrantState::Removed,
        GrantState::Canceled => v1::GrantState::Canceled,
    }
}

fn eligibility(grant: Grant, as_of: DateTime<Utc>) -> v1::Eligibility {
    v1::Eligibility {
        id: grant.id.to_string(),
        principal_id: grant.principal.to_string(),
        role_id: grant.role.to_string(),
        state: state(&grant, as_of).into(),
        scope: grant.scope.into(),
        start_time: Some(wire_time(grant.window.start)),
        end_time: grant.window.end.map(wire_time),
        ended_time: grant.ended.map(|end| wire_time(end.at)),
        justification: grant.justification.into(),
        ticket: grant.ticket.map(wire_ticket),
        policy_revision: grant.policy_revision,
        create_time: Some(wire_time(grant.create_time)),
        update_time: Some(wire_time(grant.update_time)),
        etag: grant.version.etag(),
        renewed_from_id: grant.renewed_from.map(|id| id.to_string()).unwrap_or_default(),
    }
}

impl From<Answer<Grant>> for v1::CreateEligibilityResponse {
    fn from(answer: Answer<Grant>) -> Self {
        let eligibility = eligibility(answer.value, answer.as_of);
        Self { eligibility: Some(eligibility), revision: answer.revision }
    }
}

impl From<Answer<Grant>> for v1::GetEligibilityResponse {
    fn from(answer: Answer<Grant>) -> Self {
        let eligibility = eligibility(answer.value, answer.as_of);
        Self { eligibility: Some(eligibility), revision: answer.revision }
    }
}

impl From<Listed<Grant>> for v1::ListEligibilitiesResponse {
    fn from(listed: Listed<Grant>) -> Self {
        let show = |grant| eligibility(grant, listed.as_of);
        Self {
            eligibilities: listed.items.into_iter().map(show).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Answer<Grant>> for v1::UpdateEligibilityResponse {
    fn from(answer: Answer<Grant>) -> Self {
        let eligibility = eligibility(answer.value, answer.as_of);
        Self { eligibility: Some(eligibility), revision: answer.revision }
    }
}

impl From<Answer<Grant>> for v1::ExtendEligibilityResponse {
    fn from(answer: Answer<Grant>) -> Self {
        let eligibility = eligibility(answer.value, answer.as_of);
        Self { eligibility: Some(eligibility), revision: answer.revision }
    }
}

impl From<Answer<Grant>> for v1::RenewEligibilityResponse {
    fn from(answer: Answer<Grant>) -> Self {
        let eligibility = eligibility(answer.value, answer.as_of);
        Self { eligibility: Some(eligibility), revision: answer.revision }
    }
}

impl From<Answer<Grant>> for v1::RemoveEligibilityResponse {
    fn from(answer: Answer<Grant>) -> Self {
        let eligibility = eligibility(answer.value, answer.as_of);
        Self { eligibility: Some(eligibility), revision: answer.revision }
    }
}

impl From<Listed<Grant>> for v1::SearchMyEligibilitiesResponse {
    fn from(listed: Listed<Grant>) -> Self {
        let show = |grant| eligibility(grant, listed.as_of);
        Self {
            eligibilities: listed.items.into_iter().map(show).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Answer<Grant>> for v1::EndEligibilityResponse {
    fn from(answer: Answer<Grant>) -> Self {
        let eligibility = eligibility(answer.value, answer.as_of);
        Self { eligibility: Some(eligibility), revision: answer.revision }
    }
}

fn assignment(grant: Grant, as_of: DateTime<Utc>) -> v1::Assignment {
    v1::Assignment {
        id: grant.id.to_string(),
        principal_id: grant.principal.to_string(),
        role_id: grant.role.to_string(),
        state: state(&grant, as_of).into(),
        scope: grant.scope.into(),
        start_time: Some(wire_time(grant.window.start)),
        end_time: grant.window.end.map(wire_time),
        ended_time: grant.ended.map(|end| wire_time(end.at)),
        justification: grant.justification.into(),
        ticket: grant.ticket.map(wire_ticket),
        policy_revision: grant.policy_revision,
        create_time: Some(wire_time(grant.create_time)),
        update_time: Some(wire_time(grant.update_time)),
        etag: grant.version.etag(),
        renewed_from_id: grant.renewed_from.map(|id| id.to_string()).unwrap_or_default(),
    }
}

impl From<Answer<Grant>> for v1::CreateAssignmentResponse {
    fn from(answer: Answer<Grant>) -> Self {
        let assignment = assignment(answer.value, answer.as_of);
        Self { assignment: Some(assignment), revision: answer.revision }
    }
}

impl From<Answer<Grant>> for v1::GetAssignmentResponse {
    fn from(answer: Answer<Grant>) -> Self {
        let assignment = assignment(answer.value, answer.as_of);
        Self { assignment: Some(assignment), revision: answer.revision }
    }
}

impl From<Listed<Grant>> for v1::ListAssignmentsResponse {
    fn from(listed: Listed<Grant>) -> Self {
        let show = |grant| assignment(grant, listed.as_of);
        Self {
            assignments: listed.items.into_iter().map(show).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Answer<Grant>> for v1::UpdateAssignmentResponse {
    fn from(answer: Answer<Grant>) -> Self {
        let assignment = assignment(answer.value, answer.as_of);
        Self { assignment: Some(assignment), revision: answer.revision }
    }
}

impl From<Answer<Grant>> for v1::ExtendAssignmentResponse {
    fn from(answer: Answer<Grant>) -> Self {
        let assignment = assignment(answer.value, answer.as_of);
        Self { assignment: Some(assignment), revision: answer.revision }
    }
}

impl From<Answer<Grant>> for v1::RenewAssignmentResponse {
    fn from(answer: Answer<Grant>) -> Self {
        let assignment = assignment(answer.value, answer.as_of);
        Self { assignment: Some(assignment), revision: answer.revision }
    }
}

impl From<Answer<Grant>> for v1::RemoveAssignmentResponse {
    fn from(answer: Answer<Grant>) -> Self {
        let assignment = assignment(answer.value, answer.as_of);
        Self { assignment: Some(assignment), revision: answer.revision }
    }
}

impl From<Answer<Grant>> for v1::EndAssignmentResponse {
    fn from(answer: Answer<Grant>) -> Self {
        let assignment = assignment(answer.value, answer.as_of);
        Self { assignment: Some(assignment), revision: answer.revision }
    }
}
