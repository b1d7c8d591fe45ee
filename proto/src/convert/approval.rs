//! `ApprovalService`. What time alone has decided is shown as of the answer.

use chrono::{DateTime, Utc};
use pim_domain::{
    activation::Length,
    approval::{Decide, Decision, PossibleApprover, State, Verdict},
    id::{ActivationId, ApprovalId},
};

use super::{
    batch::{batch, wire_status},
    known, list, wire_count, wire_duration, wire_ticket, wire_time, write,
};
use crate::{
    activation::v1::ActivationState,
    approval::v1::{self, batch_decide_request, batch_decide_response},
    assignment::v1::ApprovalRule,
    call::{
        Answer, ApprovalFilter, ApprovalView, Batch, Batched, Internal, List,
        ListPossibleApprovers, Listed, PossibleApproversView, Write,
    },
    field::{self, FieldViolation, Required as _},
};

impl TryFrom<v1::GetApprovalRequest> for ApprovalId {
    type Error = FieldViolation;

    fn try_from(request: v1::GetApprovalRequest) -> Result<Self, FieldViolation> {
        field::id(&request.approval_id, "approval_id")
    }
}

impl TryFrom<v1::ListApprovalsRequest> for List<ApprovalFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListApprovalsRequest) -> Result<Self, FieldViolation> {
        let filter = ApprovalFilter {
            scope: field::optional_scope(&request.scope, "scope")?,
            include_resolved: request.include_resolved,
        };
        list(filter, request.page_size, request.page_token)
    }
}

impl TryFrom<v1::SearchMyApprovalsRequest> for List<()> {
    type Error = FieldViolation;

    fn try_from(request: v1::SearchMyApprovalsRequest) -> Result<Self, FieldViolation> {
        list((), request.page_size, request.page_token)
    }
}

impl TryFrom<v1::ApproveRequest> for Write<Decide> {
    type Error = FieldViolation;

    fn try_from(request: v1::ApproveRequest) -> Result<Self, FieldViolation> {
        let command = Decide {
            approval: field::id(&request.approval_id, "approval_id")?,
            etag: field::etag(request.etag)?,
            verdict: Verdict::Approve,
            justification: field::justification(request.justification)?,
            duration: field::positive_duration(request.duration, "duration")?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::DenyRequest> for Write<Decide> {
    type Error = FieldViolation;

    fn try_from(request: v1::DenyRequest) -> Result<Self, FieldViolation> {
        let command = Decide {
            approval: field::id(&request.approval_id, "approval_id")?,
            etag: field::etag(request.etag)?,
            verdict: Verdict::Deny,
            justification: field::justification(request.justification)?,
            duration: None,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::ListPossibleApproversRequest> for ListPossibleApprovers {
    type Error = FieldViolation;

    fn try_from(request: v1::ListPossibleApproversRequest) -> Result<Self, FieldViolation> {
        Ok(Self { approval: field::id(&request.approval_id, "approval_id")? })
    }
}

impl TryFrom<v1::BatchDecideRequest> for Batch<Decide> {
    type Error = FieldViolation;

    fn try_from(request: v1::BatchDecideRequest) -> Result<Self, FieldViolation> {
        batch(request.items, &request.request_id, request.validate_only)
    }
}

impl TryFrom<batch_decide_request::Item> for Decide {
    type Error = FieldViolation;

    fn try_from(item: batch_decide_request::Item) -> Result<Self, FieldViolation> {
        let verdict = match known(item.verdict, "verdict")? {
            v1::Verdict::Unspecified => None,
            v1::Verdict::Approve => Some(Verdict::Approve),
            v1::Verdict::Deny => Some(Verdict::Deny),
        };
        let duration = field::positive_duration(item.duration, "duration")?;
        if duration.is_some() && verdict == Some(Verdict::Deny) {
            return Err(FieldViolation::new("duration", "must be absent with a no"));
        }
        Ok(Decide {
            approval: field::id(&item.approval_id, "approval_id")?,
            etag: field::etag(item.etag)?,
            verdict: verdict.required("verdict")?,
            justification: field::justification(item.justification)?,
            duration,
        })
    }
}

impl TryFrom<v1::OpenApprovalRequest> for Internal<ActivationId> {
    type Error = FieldViolation;

    fn try_from(request: v1::OpenApprovalRequest) -> Result<Self, FieldViolation> {
        let tenant = field::id(&request.tenant_id, "tenant_id")?;
        Ok(Self { tenant, id: field::id(&request.activation_id, "activation_id")? })
    }
}

impl TryFrom<v1::CancelApprovalRequest> for Internal<ApprovalId> {
    type Error = FieldViolation;

    fn try_from(request: v1::CancelApprovalRequest) -> Result<Self, FieldViolation> {
        let tenant = field::id(&request.tenant_id, "tenant_id")?;
        Ok(Self { tenant, id: field::id(&request.approval_id, "approval_id")? })
    }
}

impl TryFrom<v1::TimeOutApprovalRequest> for Internal<ApprovalId> {
    type Error = FieldViolation;

    fn try_from(request: v1::TimeOutApprovalRequest) -> Result<Self, FieldViolation> {
        let tenant = field::id(&request.tenant_id, "tenant_id")?;
        Ok(Self { tenant, id: field::id(&request.approval_id, "approval_id")? })
    }
}

impl From<Answer<ApprovalView>> for v1::GetApprovalResponse {
    fn from(answer: Answer<ApprovalView>) -> Self {
        let approval = approval(&answer.value, answer.as_of);
        Self { approval: Some(approval), revision: answer.revision }
    }
}

impl From<Listed<ApprovalView>> for v1::ListApprovalsResponse {
    fn from(listed: Listed<ApprovalView>) -> Self {
        Self {
            approvals: listed.items.iter().map(|one| approval(one, listed.as_of)).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Listed<ApprovalView>> for v1::SearchMyApprovalsResponse {
    fn from(listed: Listed<ApprovalView>) -> Self {
        Self {
            approvals: listed.items.iter().map(|one| approval(one, listed.as_of)).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Answer<ApprovalView>> for v1::ApproveResponse {
    fn from(answer: Answer<ApprovalView>) -> Self {
        let approval = approval(&answer.value, answer.as_of);
        Self { approval: Some(approval), revision: answer.revision }
    }
}

impl From<Answer<ApprovalView>> for v1::DenyResponse {
    fn from(answer: Answer<ApprovalView>) -> Self {
        let approval = approval(&answer.value, answer.as_of);
        Self { approval: Some(approval), revision: answer.revision }
    }
}

impl From<Answer<PossibleApproversView>> for v1::ListPossibleApproversResponse {
    fn from(answer: Answer<PossibleApproversView>) -> Self {
        let approver = |one: PossibleApprover| v1::PossibleApprover {
            principal_id: one.approver.to_string(),
            stage: wire_count(one.stage + 1),
            may_decide_now: one.may_now,
        };
        Self {
            approvers: answer.value.approvers.into_iter().map(approver).collect(),
            revision: answer.revision,
        }
    }
}

impl From<Batched<ApprovalView>> for v1::BatchDecideResponse {
    fn from(batched: Batched<ApprovalView>) -> Self {
        use batch_decide_response::result::Outcome;
        let results = batched.results.into_iter().map(|result| {
            let outcome = match result {
                Ok(answer) => Outcome::Approval(approval(&answer.value, answer.as_of)),
                Err(status) => Outcome::Status(wire_status(&status)),
            };
            batch_decide_response::Result { outcome: Some(outcome) }
        });
        Self { results: results.collect(), revision: batched.revision }
    }
}

impl From<Answer<ApprovalView>> for v1::OpenApprovalResponse {
    fn from(answer: Answer<ApprovalView>) -> Self {
        let approval = approval(&answer.value, answer.as_of);
        Self { approval: Some(approval), revision: answer.revision }
    }
}

impl From<Answer<ApprovalView>> for v1::CancelApprovalResponse {
    fn from(answer: Answer<ApprovalView>) -> Self {
        let approval = approval(&answer.value, answer.as_of);
        Self { approval: Some(approval), revision: answer.revision }
    }
}

impl From<Answer<ApprovalView>> for v1::TimeOutApprovalResponse {
    fn from(answer: Answer<ApprovalView>) -> Self {
        let approval = approval(&answer.value, answer.as_of);
        Self { approval: Some(approval), revision: answer.revision }
    }
}

fn approval(view: &ApprovalView, as_of: DateTime<Utc>) -> v1::Approval {
    let ApprovalView { approval, activation, extension } = view.clone();
    let stands = approval.state_beside(&activation, as_of);
    let activation_state = ActivationState::from(&activation.settled(as_of).state);
    let (kind, request, policy_revision) = match extension {
        Some(one) => (v1::ApprovalKind::Extension, one.request, one.policy_revision),
        None => (v1::ApprovalKind::Activation, activation.request, activation.policy_revision),
    };
    let length = match request.length {
        Length::Duration(duration) => v1::approval::Length::Duration(wire_duration(duration)),
        Length::Until(end) => v1::approval::Length::EndTime(wire_time(end)),
    };
    v1::Approval {
        etag: approval.etag(),
        id: approval.id.to_string(),
        activation_id: approval.activation.to_string(),
        principal_id: activation.principal.to_string(),
        role_id: activation.role.to_string(),
        scope: activation.scope.into(),
        state: state(stands).into(),
        length: Some(length),
        justification: request.justification.into(),
        ticket: request.ticket.map(wire_ticket),
        rules: approval.rules.into_iter().map(ApprovalRule::from).collect(),
        decisions: approval.decisions.into_iter().map(v1::Decision::from).collect(),
        expire_time: Some(wire_time(approval.expire_time)),
        policy_revision,
        create_time: Some(wire_time(approval.create_time)),
        update_time: Some(wire_time(approval.update_time)),
        activation_state: activation_state.into(),
        kind: kind.into(),
        shortened_duration: approval.shortened.map(wire_duration),
    }
}

fn state(state: State) -> v1::ApprovalState {
    match state {
        State::Pending => v1::ApprovalState::Pending,
        State::Approved => v1::ApprovalState::Approved,
        State::Denied => v1::ApprovalState::Denied,
        State::TimedOut => v1::ApprovalState::TimedOut,
        State::Canceled => v1::ApprovalState::Canceled,
    }
}

impl From<Decision> for v1::Decision {
    fn from(decision: Decision) -> Self {
        let verdict = match decision.verdict {
            Verdict::Approve => v1::Verdict::Approve,
            Verdict::Deny => v1::Verdict::Deny,
        };
        Self {
            approver_id: decision.approver.to_string(),
            verdict: verdict.into(),
            justification: decision.justification.into(),
            decide_time: Some(wire_time(decision.time)),
            drop_time: decision.dropped.map(wire_time),
        }
    }
}
