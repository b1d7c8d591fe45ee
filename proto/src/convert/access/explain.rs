//! `ExplainAccess`: why the answer is as it is.

use pim_domain::{
    approval::{Approval, Decision, Verdict},
    event::StoredEvent,
    grant::Grant,
    id::PrincipalId,
    past::{Obstacle, Support, Why},
};

use super::super::{texts, wire_time};
use crate::{
    access::v1::{self, ObstacleReason, decided::Vote},
    call::{Explanation, HeldBy},
};

impl From<Explanation> for v1::ExplainAccessResponse {
    fn from(explanation: Explanation) -> Self {
        let Explanation { answer, supports, obstacles } = explanation;
        let principal = answer.effective.principal;
        let answer = v1::CheckAccessResponse::from(answer);
        Self {
            decision: answer.decision,
            revision: answer.revision,
            as_of_time: answer.as_of_time,
            max_clock_error: answer.max_clock_error,
            valid_until: answer.valid_until,
            next_change_time: answer.next_change_time,
            supports: supports.into_iter().map(|one| support(principal, one)).collect(),
            obstacles: obstacles.into_iter().map(v1::Obstacle::from).collect(),
        }
    }
}

/// What a group has is shown as held by the principal; by which that belongs to groups, as held by
/// whoever does.
fn support(principal: PrincipalId, support: Support) -> v1::Support {
    let Support { holding, is_membership, eligibility, approvals, events, .. } = support;
    let path = holding.path.as_ref();
    let membership_ids = path.map(|path| texts(&path.memberships)).unwrap_or_default();
    let principal = if is_membership { holding.holder } else { principal };
    v1::Support {
        holding: Some(HeldBy { principal, holding }.into()),
        is_membership,
        eligibility: eligibility.map(v1::Origin::from),
        membership_ids,
        create_time: Some(wire_time(support.create_time)),
        created_by: support.created_by.map(|by| by.to_string()).unwrap_or_default(),
        policy_revision: support.policy_revision,
        approvals: approvals.into_iter().map(v1::Decided::from).collect(),
        events: events.into_iter().map(v1::Entry::from).collect(),
    }
}

impl From<Grant> for v1::Origin {
    fn from(grant: Grant) -> Self {
        Self {
            id: grant.id.to_string(),
            principal_id: grant.principal.to_string(),
            scope: grant.scope.into(),
            start_time: Some(wire_time(grant.window.start)),
            end_time: grant.window.end.map(wire_time),
            created_by: grant.granted_by.map(|by| by.to_string()).unwrap_or_default(),
            create_time: Some(wire_time(grant.create_time)),
            policy_revision: grant.policy_revision,
        }
    }
}

impl From<Approval> for v1::Decided {
    fn from(approval: Approval) -> Self {
        let vote = |decision: Decision| Vote {
            approver_id: decision.approver.to_string(),
            is_approved: decision.verdict == Verdict::Approve,
            decide_time: Some(wire_time(decision.time)),
            drop_time: decision.dropped.map(wire_time),
        };
        Self {
            approval_id: approval.id.to_string(),
            votes: approval.decisions.into_iter().map(vote).collect(),
        }
    }
}

impl From<StoredEvent> for v1::Entry {
    fn from(StoredEvent { id, event, .. }: StoredEvent) -> Self {
        Self {
            event_id: id.to_string(),
            code: event.code.as_str().to_owned(),
            event_time: Some(wire_time(event.time)),
            actor_id: event.actor.id(),
        }
    }
}

impl From<Obstacle> for v1::Obstacle {
    fn from(obstacle: Obstacle) -> Self {
        let (reason, time) = match obstacle.why {
            Why::PrincipalDisabled => (ObstacleReason::PrincipalDisabled, None),
            Why::Ended(at) => (ObstacleReason::Ended, Some(at)),
            Why::NotStarted(at) => (ObstacleReason::NotStarted, Some(at)),
            Why::NotActivated => (ObstacleReason::NotActivated, None),
            Why::PendingApproval(until) => (ObstacleReason::PendingApproval, Some(until)),
            Why::NotGranted(at) => (ObstacleReason::NotGranted, Some(at)),
            Why::PathBroken => (ObstacleReason::PathBroken, None),
            Why::Deleted => (ObstacleReason::Deleted, None),
            Why::NotAMember => (ObstacleReason::NotAMember, None),
        };
        let (role_id, scope) = match obstacle.target {
            Some((role, scope)) => (role.to_string(), scope.into()),
            None => (String::new(), String::new()),
        };
        Self {
            id: obstacle.id.to_string(),
            principal_id: obstacle.holder.to_string(),
            role_id,
            scope,
            reason: reason.into(),
            change_time: time.map(wire_time),
        }
    }
}
