//! Why somebody holds something, or why not.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_proto::access::v1::{
    Decided, Decision, Entry, ExplainAccessResponse, Obstacle, ObstacleReason, Origin, Support,
};
use serde::Serialize;

use super::{Shown, access::HoldingView, enum_name, exact, minute, or_id};
use crate::{
    names::Names,
    output::fields,
    time::{instant, iso},
};

/// The answer, and what it rests on.
#[derive(Debug, Serialize)]
pub(crate) struct ExplainView {
    decision: String,
    as_of_time: Option<DateTime<Utc>>,
    max_clock_error: Option<String>,
    valid_until: Option<DateTime<Utc>>,
    next_change_time: Option<DateTime<Utc>>,
    supports: Vec<SupportView>,
    obstacles: Vec<ObstacleView>,
    revision: String,
}

#[derive(Debug, Serialize)]
struct SupportView {
    holding: Option<HoldingView>,
    is_membership: bool,
    create_time: Option<DateTime<Utc>>,
    created_by: Option<String>,
    created_by_name: Option<String>,
    policy_revision: i64,
    eligibility: Option<OriginView>,
    membership_ids: Vec<String>,
    approvals: Vec<ApprovalView>,
    events: Vec<EntryView>,
}

#[derive(Debug, Serialize)]
struct OriginView {
    id: String,
    principal_id: String,
    principal_name: Option<String>,
    scope: String,
    start_time: Option<DateTime<Utc>>,
    end_time: Option<DateTime<Utc>>,
    created_by: Option<String>,
    created_by_name: Option<String>,
    create_time: Option<DateTime<Utc>>,
    policy_revision: i64,
}

#[derive(Debug, Serialize)]
struct ApprovalView {
    approval_id: String,
    votes: Vec<VoteView>,
}

#[derive(Debug, Serialize)]
struct VoteView {
    approver_id: String,
    approver_name: Option<String>,
    is_approved: bool,
    decide_time: Option<DateTime<Utc>>,
    drop_time: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize)]
struct EntryView {
    event_id: String,
    code: String,
    event_time: Option<DateTime<Utc>>,
    actor_id: String,
    actor_name: Option<String>,
}

#[derive(Debug, Serialize)]
struct ObstacleView {
    id: String,
    reason: String,
    change_time: Option<DateTime<Utc>>,
    principal_id: String,
    principal_name: Option<String>,
    role_id: Option<String>,
    role_name: Option<String>,
    scope: Option<String>,
}

/// Whose names an explanation is easier to read with.
pub(crate) fn people(response: &ExplainAccessResponse) -> Vec<String> {
    let of = |support: &Support| {
        let votes = support.approvals.iter().flat_map(|one| &one.votes);
        let votes = votes.map(|vote| vote.approver_id.clone());
        let holding = support.holding.iter();
        let holding = holding.flat_map(|one| [one.principal_id.clone(), one.group_id.clone()]);
        let origin = support.eligibility.iter();
        let origin = origin.flat_map(|one| [one.principal_id.clone(), one.created_by.clone()]);
        let actors = support.events.iter().map(|event| event.actor_id.clone());
        let maker = std::iter::once(support.created_by.clone());
        votes.chain(holding).chain(origin).chain(maker).chain(actors).collect::<Vec<_>>()
    };
    let obstacles = response.obstacles.iter().map(|one| one.principal_id.clone());
    response.supports.iter().flat_map(of).chain(obstacles).collect()
}

impl ExplainView {
    /// What is known of the answer.
    pub(crate) fn new(response: ExplainAccessResponse, names: &Names) -> Self {
        let decision = Decision::try_from(response.decision).ok().map(|it| it.as_str_name());
        let supports = response.supports.into_iter();
        let obstacles = response.obstacles.into_iter();
        Self {
            decision: enum_name("DECISION_", response.decision, decision),
            as_of_time: instant(response.as_of_time),
            max_clock_error: iso(response.max_clock_error),
            valid_until: instant(response.valid_until),
            next_change_time: instant(response.next_change_time),
            supports: supports.map(|one| SupportView::new(one, names)).collect(),
            obstacles: obstacles.map(|one| ObstacleView::new(one, names)).collect(),
            revision: response.revision,
        }
    }
}

impl Shown for ExplainView {
    fn table(&self) -> Table {
        let mut rows = vec![
            ("decision", self.decision.clone()),
            ("as of", exact(self.as_of_time)),
            ("valid until", exact(self.valid_until)),
            ("next change", exact(self.next_change_time)),
        ];
        rows.extend(self.supports.iter().map(|one| ("because", one.text())));
        rows.extend(self.obstacles.iter().map(|one| ("obstacle", one.text())));
        fields(rows)
    }
}

impl SupportView {
    fn new(support: Support, names: &Names) -> Self {
        Self {
            holding: support.holding.map(|holding| HoldingView::new(holding, names)),
            is_membership: support.is_membership,
            create_time: instant(support.create_time),
            created_by_name: names.principal(&support.created_by),
            created_by: given(support.created_by),
            policy_revision: support.policy_revision,
            eligibility: support.eligibility.map(|one| OriginView::new(one, names)),
            membership_ids: support.membership_ids,
            approvals: support
                .approvals
                .into_iter()
                .map(|one| ApprovalView::new(one, names))
                .collect(),
            events: support.events.into_iter().map(|one| EntryView::new(one, names)).collect(),
        }
    }

    /// What holds, and then what was done for it, a line each.
    fn text(&self) -> String {
        let holding = self.holding.iter().map(HoldingView::text);
        let origin = self.eligibility.iter().map(|one| {
            let who = or_id(one.principal_name.as_deref(), &one.principal_id);
            format!("eligible: {who} at {}, {}", one.scope, one.id)
        });
        let events = self.events.iter().map(|one| {
            let actor = or_id(one.actor_name.as_deref(), &one.actor_id);
            format!("{} {} by {actor}", minute(one.event_time), one.code)
        });
        holding.chain(origin).chain(events).collect::<Vec<_>>().join("\n")
    }
}

impl OriginView {
    fn new(origin: Origin, names: &Names) -> Self {
        Self {
            id: origin.id,
            principal_name: names.principal(&origin.principal_id),
            principal_id: origin.principal_id,
            scope: origin.scope,
            start_time: instant(origin.start_time),
            end_time: instant(origin.end_time),
            created_by_name: names.principal(&origin.created_by),
            created_by: given(origin.created_by),
            create_time: instant(origin.create_time),
            policy_revision: origin.policy_revision,
        }
    }
}

impl ApprovalView {
    fn new(decided: Decided, names: &Names) -> Self {
        let votes = decided.votes.into_iter().map(|vote| VoteView {
            approver_name: names.principal(&vote.approver_id),
            approver_id: vote.approver_id,
            is_approved: vote.is_approved,
            decide_time: instant(vote.decide_time),
            drop_time: instant(vote.drop_time),
        });
        Self { approval_id: decided.approval_id, votes: votes.collect() }
    }
}

impl EntryView {
    fn new(entry: Entry, names: &Names) -> Self {
        Self {
            event_id: entry.event_id,
            code: entry.code,
            event_time: instant(entry.event_time),
            actor_name: names.principal(&entry.actor_id),
            actor_id: entry.actor_id,
        }
    }
}

impl ObstacleView {
    fn new(obstacle: Obstacle, names: &Names) -> Self {
        let reason = ObstacleReason::try_from(obstacle.reason).ok().map(|it| it.as_str_name());
        Self {
            id: obstacle.id,
            reason: enum_name("OBSTACLE_REASON_", obstacle.reason, reason),
            change_time: instant(obstacle.change_time),
            principal_name: names.principal(&obstacle.principal_id),
            principal_id: obstacle.principal_id,
            role_name: names.role(&obstacle.role_id),
            role_id: given(obstacle.role_id),
            scope: given(obstacle.scope),
        }
    }

    fn text(&self) -> String {
        let who = or_id(self.principal_name.as_deref(), &self.principal_id);
        let mut text = format!("{} {} of {who}", self.reason, self.id);
        if let (Some(role), Some(scope)) = (&self.role_id, &self.scope) {
            let role = or_id(self.role_name.as_deref(), role);
            text.push_str(&format!(", {role} at {scope}"));
        }
        if let Some(time) = self.change_time {
            text.push_str(&format!(", {}", exact(Some(time))));
        }
        text
    }
}

/// What the wire leaves empty where there is nothing.
fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
