//! `AssignmentService`: what holders ask. What time alone has decided is shown as of the answer.

use chrono::{DateTime, Utc};
use pim_domain::{
    change_request::{Approve, Ask, ChangeKind, ChangeRequest, Deny, State},
    grant::GrantKind,
    id::ChangeRequestId,
};

use super::dates::{end_at, permanent};
use crate::{
    assignment::v1,
    call::{Answer, CancelChangeRequest, ChangeRequestFilter, Internal, List, Listed, Write},
    convert::{known, list, wire_ticket, wire_time, write},
    field::{self, FieldViolation, Required as _},
};

impl TryFrom<v1::CreateChangeRequestRequest> for Write<Ask> {
    type Error = FieldViolation;

    fn try_from(request: v1::CreateChangeRequestRequest) -> Result<Self, FieldViolation> {
        use v1::create_change_request_request::Grant;
        let kind = match known(request.kind, "kind")? {
            v1::ChangeRequestKind::Unspecified => None,
            v1::ChangeRequestKind::Extension => Some(ChangeKind::Extension),
            v1::ChangeRequestKind::Renewal => Some(ChangeKind::Renewal),
        };
        let (grant_kind, grant) = match request.grant.required("eligibility_id")? {
            Grant::EligibilityId(id) => (GrantKind::Eligibility, field::id(&id, "eligibility_id")?),
            Grant::AssignmentId(id) => (GrantKind::Assignment, field::id(&id, "assignment_id")?),
        };
        let command = Ask {
            kind: kind.required("kind")?,
            grant_kind,
            grant,
            end: field::timestamp(request.end_time, "end_time")?,
            justification: field::justification(request.justification)?,
            ticket: field::ticket(request.ticket)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::GetChangeRequestRequest> for ChangeRequestId {
    type Error = FieldViolation;

    fn try_from(request: v1::GetChangeRequestRequest) -> Result<Self, FieldViolation> {
        field::id(&request.change_request_id, "change_request_id")
    }
}

impl TryFrom<v1::ListChangeRequestsRequest> for List<ChangeRequestFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListChangeRequestsRequest) -> Result<Self, FieldViolation> {
        let filter = ChangeRequestFilter {
            principal: field::optional_id(&request.principal_id, "principal_id")?,
            scope: field::optional_scope(&request.scope, "scope")?,
            include_resolved: request.include_resolved,
        };
        list(filter, request.page_size, request.page_token)
    }
}

impl TryFrom<v1::SearchMyChangeRequestsRequest> for List<ChangeRequestFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::SearchMyChangeRequestsRequest) -> Result<Self, FieldViolation> {
        let include_resolved = request.include_resolved;
        let filter = ChangeRequestFilter { principal: None, scope: None, include_resolved };
        list(filter, request.page_size, request.page_token)
    }
}

impl TryFrom<v1::ApproveChangeRequestRequest> for Write<Approve> {
    type Error = FieldViolation;

    fn try_from(request: v1::ApproveChangeRequestRequest) -> Result<Self, FieldViolation> {
        use v1::approve_change_request_request::End;
        let start = field::timestamp(request.start_time, "start_time")?;
        let end = match request.end {
            Some(End::EndTime(end)) => end_at(start, end)?,
            Some(End::Permanent(given)) => permanent(given)?,
            None => None,
        };
        let command = Approve {
            request: field::id(&request.change_request_id, "change_request_id")?,
            etag: field::etag(request.etag)?,
            start,
            end,
            justification: field::justification(request.justification)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::DenyChangeRequestRequest> for Write<Deny> {
    type Error = FieldViolation;

    fn try_from(request: v1::DenyChangeRequestRequest) -> Result<Self, FieldViolation> {
        let command = Deny {
            request: field::id(&request.change_request_id, "change_request_id")?,
            etag: field::etag(request.etag)?,
            justification: field::justification(request.justification)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::CancelChangeRequestRequest> for Write<CancelChangeRequest> {
    type Error = FieldViolation;

    fn try_from(request: v1::CancelChangeRequestRequest) -> Result<Self, FieldViolation> {
        let command = CancelChangeRequest {
            request: field::id(&request.change_request_id, "change_request_id")?,
            justification: field::justification(request.justification)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::TimeOutChangeRequestRequest> for Internal<ChangeRequestId> {
    type Error = FieldViolation;

    fn try_from(request: v1::TimeOutChangeRequestRequest) -> Result<Self, FieldViolation> {
        let tenant = field::id(&request.tenant_id, "tenant_id")?;
        Ok(Self { tenant, id: field::id(&request.change_request_id, "change_request_id")? })
    }
}

impl From<Answer<ChangeRequest>> for v1::CreateChangeRequestResponse {
    fn from(answer: Answer<ChangeRequest>) -> Self {
        let change_request = change_request(answer.value, answer.as_of);
        Self { change_request: Some(change_request), revision: answer.revision }
    }
}

impl From<Answer<ChangeRequest>> for v1::GetChangeRequestResponse {
    fn from(answer: Answer<ChangeRequest>) -> Self {
        let change_request = change_request(answer.value, answer.as_of);
        Self { change_request: Some(change_request), revision: answer.revision }
    }
}

impl From<Answer<ChangeRequest>> for v1::ApproveChangeRequestResponse {
    fn from(answer: Answer<ChangeRequest>) -> Self {
        let change_request = change_request(answer.value, answer.as_of);
        Self { change_request: Some(change_request), revision: answer.revision }
    }
}

impl From<Answer<ChangeRequest>> for v1::DenyChangeRequestResponse {
    fn from(answer: Answer<ChangeRequest>) -> Self {
        let change_request = change_request(answer.value, answer.as_of);
        Self { change_request: Some(change_request), revision: answer.revision }
    }
}

impl From<Answer<ChangeRequest>> for v1::CancelChangeRequestResponse {
    fn from(answer: Answer<ChangeRequest>) -> Self {
        let change_request = change_request(answer.value, answer.as_of);
        Self { change_request: Some(change_request), revision: answer.revision }
    }
}

impl From<Answer<ChangeRequest>> for v1::TimeOutChangeRequestResponse {
    fn from(answer: Answer<ChangeRequest>) -> Self {
        let change_request = change_request(answer.value, answer.as_of);
        Self { change_request: Some(change_request), revision: answer.revision }
    }
}

impl From<Listed<ChangeRequest>> for v1::ListChangeRequestsResponse {
    fn from(listed: Listed<ChangeRequest>) -> Self {
        let show = |request| change_request(request, listed.as_of);
        Self {
            change_requests: listed.items.into_iter().map(show).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Listed<ChangeRequest>> for v1::SearchMyChangeRequestsResponse {
    fn from(listed: Listed<ChangeRequest>) -> Self {
        let show = |request| change_request(request, listed.as_of);
        Self {
            change_requests: listed.items.into_iter().map(show).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

fn change_request(request: ChangeRequest, as_of: DateTime<Utc>) -> v1::ChangeRequest {
    use v1::change_request::Grant;
    let grant = request.grant.to_string();
    let (state, decision, outcome) = match request.settled(as_of).state {
        State::Pending => (v1::ChangeRequestState::Pending, None, None),
        State::Approved { decision, outcome } => {
            (v1::ChangeRequestState::Approved, Some(decision), Some(outcome))
        }
        State::Denied(decision) => (v1::ChangeRequestState::Denied, Some(decision), None),
        State::TimedOut => (v1::ChangeRequestState::TimedOut, None, None),
        State::Canceled(decision) => (v1::ChangeRequestState::Canceled, Some(decision), None),
    };
    let kind = match request.kind {
        ChangeKind::Extension => v1::ChangeRequestKind::Extension,
        ChangeKind::Renewal => v1::ChangeRequestKind::Renewal,
    };
    let (decider_id, decision_justification) = decision
        .map(|said| (said.by.to_string(), String::from(said.justification)))
        .unwrap_or_default();
    v1::ChangeRequest {
        etag: request.version.etag(),
        id: request.id.to_string(),
        kind: kind.into(),
        grant: Some(match request.grant_kind {
            GrantKind::Eligibility => Grant::EligibilityId(grant),
            GrantKind::Assignment => Grant::AssignmentId(grant),
        }),
        principal_id: request.principal.to_string(),
        role_id: request.role.to_string(),
        scope: request.scope.into(),
        state: state.into(),
        end_time: request.end.map(wire_time),
        justification: request.justification.into(),
        ticket: request.ticket.map(wire_ticket),
        expire_time: Some(wire_time(request.expire_time)),
        decider_id,
        decision_justification,
        outcome_id: outcome.map(|id| id.to_string()).unwrap_or_default(),
        create_time: Some(wire_time(request.create_time)),
        update_time: Some(wire_time(request.update_time)),
    }
}
