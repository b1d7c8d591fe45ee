//! Approvals.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_proto::{
    activation::v1::ActivationState,
    approval::v1::{
        Approval, ApprovalKind, ApprovalState, Decision, PossibleApprover, Verdict,
        approval::Length,
    },
};
use serde::Serialize;

use super::{
    Column, Listed, Shown, TicketView, enum_name, exact, or_id, outcome::Done,
    policy::ApprovalView as RuleView, with_id,
};
use crate::{
    names::Names,
    output::fields,
    time::{instant, iso},
};

/// An approval.
#[derive(Debug, Serialize)]
pub(crate) struct ApprovalView {
    id: String,
    activation_id: String,
    principal_id: String,
    principal_name: Option<String>,
    role_id: String,
    role_name: Option<String>,
    scope: String,
    state: String,
    duration: Option<String>,
    end_time: Option<DateTime<Utc>>,
    justification: String,
    ticket: Option<TicketView>,
    kind: String,
    shortened_duration: Option<String>,
    rules: Vec<RuleView>,
    /// Only where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    possible_approvers: Option<Vec<PossibleApproverView>>,
    decisions: Vec<DecisionView>,
    expire_time: Option<DateTime<Utc>>,
    policy_revision: i64,
    create_time: Option<DateTime<Utc>>,
    update_time: Option<DateTime<Utc>>,
    etag: String,
    activation_state: String,
}

#[derive(Debug, Serialize)]
struct DecisionView {
    approver_id: String,
    approver_name: Option<String>,
    verdict: String,
    justification: String,
    decide_time: Option<DateTime<Utc>>,
    drop_time: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize)]
struct PossibleApproverView {
    principal_id: String,
    principal_name: Option<String>,
    stage: i32,
    may_decide_now: bool,
}

impl ApprovalView {
    /// What is known of `approval`.
    pub(crate) fn new(approval: Approval, names: &Names) -> Self {
        let state = ApprovalState::try_from(approval.state).ok().map(|it| it.as_str_name());
        let (duration, end_time) = match approval.length {
            Some(Length::Duration(duration)) => (iso(Some(duration)), None),
            Some(Length::EndTime(end)) => (None, instant(Some(end))),
            None => (None, None),
        };
        let kind = ApprovalKind::try_from(approval.kind).ok().map(|it| it.as_str_name());
        let decisions = approval.decisions.into_iter();
        let activation = approval.activation_state;
        let activation_name = ActivationState::try_from(activation).ok().map(|it| it.as_str_name());
        Self {
            id: approval.id,
            activation_id: approval.activation_id,
            principal_name: names.principal(&approval.principal_id),
            principal_id: approval.principal_id,
            role_name: names.role(&approval.role_id),
            role_id: approval.role_id,
            scope: approval.scope,
            state: enum_name("APPROVAL_STATE_", approval.state, state),
            duration,
            end_time,
            justification: approval.justification,
            ticket: TicketView::of(approval.ticket),
            kind: enum_name("APPROVAL_KIND_", approval.kind, kind),
            shortened_duration: iso(approval.shortened_duration),
            rules: approval.rules.iter().map(|rule| RuleView::new(rule, names)).collect(),
            possible_approvers: None,
            decisions: decisions.map(|it| DecisionView::new(it, names)).collect(),
            expire_time: instant(approval.expire_time),
            policy_revision: approval.policy_revision,
            create_time: instant(approval.create_time),
            update_time: instant(approval.update_time),
            etag: approval.etag,
            activation_state: enum_name("ACTIVATION_STATE_", activation, activation_name),
        }
    }

    /// The same, with who could approve it.
    pub(crate) fn with_possible(mut self, possible: Vec<PossibleApprover>, names: &Names) -> Self {
        let view = |one: PossibleApprover| PossibleApproverView {
            principal_name: names.principal(&one.principal_id),
            principal_id: one.principal_id,
            stage: one.stage,
            may_decide_now: one.may_decide_now,
        };
        self.possible_approvers = Some(possible.into_iter().map(view).collect());
        self
    }

    fn possible(&self) -> Vec<String> {
        let text = |one: &PossibleApproverView| {
            let who = or_id(one.principal_name.as_deref(), &one.principal_id);
            let counts = |it: &&DecisionView| it.drop_time.is_none();
            let mut decided = self.decisions.iter().filter(counts).map(|it| &it.approver_id);
            if one.may_decide_now {
                who
            } else if decided.any(|id| *id == one.principal_id) {
                format!("{who}, who has decided")
            } else {
                format!("{who}, from stage {} on", one.stage)
            }
        };
        self.possible_approvers.iter().flatten().map(text).collect()
    }

    /// What was asked for, and granted.
    fn length(&self) -> String {
        let asked = self.asked();
        match &self.shortened_duration {
            Some(most) => format!("{asked}, shortened to {most}"),
            None => asked,
        }
    }

    fn asked(&self) -> String {
        match (&self.duration, self.end_time) {
            (Some(duration), _) => duration.clone(),
            (None, Some(end)) => format!("until {}", exact(Some(end))),
            (None, None) => String::new(),
        }
    }
}

impl DecisionView {
    fn new(decision: Decision, names: &Names) -> Self {
        let verdict = Verdict::try_from(decision.verdict).ok().map(|it| it.as_str_name());
        Self {
            approver_name: names.principal(&decision.approver_id),
            approver_id: decision.approver_id,
            verdict: enum_name("VERDICT_", decision.verdict, verdict),
            justification: decision.justification,
            decide_time: instant(decision.decide_time),
            drop_time: instant(decision.drop_time),
        }
    }

    fn text(&self) -> String {
        let who = or_id(self.approver_name.as_deref(), &self.approver_id);
        let mut said = format!("{} by {who} at {}", self.verdict, exact(self.decide_time));
        if self.drop_time.is_some() {
            said.push_str(", which counts no more");
        }
        if self.justification.is_empty() { said } else { format!("{said}: {}", self.justification) }
    }
}

impl Done for ApprovalView {
    fn state(&self) -> String {
        self.state.clone()
    }

    fn detail(&self) -> String {
        let principal = or_id(self.principal_name.as_deref(), &self.principal_id);
        let role = or_id(self.role_name.as_deref(), &self.role_id);
        format!("{role} at {} for {principal}: {}", self.scope, self.activation_state)
    }
}

impl Listed for ApprovalView {
    const COLUMNS: &'static [Column] = &[
        Column::fixed("ID"),
        Column::text("FOR"),
        Column::text("ROLE"),
        Column::text("SCOPE"),
        Column::text("LENGTH"),
        Column::fixed("STATE"),
        Column::text("JUSTIFICATION"),
    ];

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            or_id(self.principal_name.as_deref(), &self.principal_id),
            or_id(self.role_name.as_deref(), &self.role_id),
            self.scope.clone(),
            self.length(),
            self.state.clone(),
            self.justification.clone(),
        ]
    }
}

impl Shown for ApprovalView {
    fn table(&self) -> Table {
        let rules: Vec<String> = self.rules.iter().map(RuleView::text).collect();
        let decisions: Vec<String> = self.decisions.iter().map(DecisionView::text).collect();
        fields(vec![
            ("id", self.id.clone()),
            ("activation", with_id(Some(&self.activation_state), &self.activation_id)),
            ("for", with_id(self.principal_name.as_deref(), &self.principal_id)),
            ("role", with_id(self.role_name.as_deref(), &self.role_id)),
            ("scope", self.scope.clone()),
            ("kind", self.kind.clone()),
            ("length", self.length()),
            ("state", self.state.clone()),
            ("justification", self.justification.clone()),
            ("ticket", TicketView::text(self.ticket.as_ref())),
            ("approvers", rules.join("\n")),
            ("could approve", self.possible().join("\n")),
            ("decisions", decisions.join("\n")),
            ("decide before", exact(self.expire_time)),
            ("policy revision", self.policy_revision.to_string()),
            ("created", exact(self.create_time)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use pim_proto::assignment::v1::{ApprovalMode, ApprovalRule};

    use super::*;
    use crate::command::approvers;

    #[test]
    fn decisions_are_shown_with_names() {
        let approval = Approval {
            state: ApprovalState::Pending.into(),
            length: Some(Length::Duration(prost_types::Duration { seconds: 3_600, nanos: 0 })),
            rules: vec![ApprovalRule {
                stages: vec![approvers::stage(ApprovalMode::AllOf, 0, &["a"])],
                ..ApprovalRule::default()
            }],
            decisions: vec![Decision {
                approver_id: "a".to_owned(),
                verdict: Verdict::Approve.into(),
                justification: "fine".to_owned(),
                decide_time: Some(prost_types::Timestamp { seconds: 1_900_000_000, nanos: 0 }),
                drop_time: None,
            }],
            ..Approval::default()
        };
        let view = ApprovalView::new(approval, &Names::known(&[], &[("a", "Alice")]));
        assert_eq!(view.row()[4], "PT1H");
        let shown = view.table().trim_fmt();
        assert!(shown.contains("APPROVE by Alice at 2030-03-17T17:46:40Z: fine"), "{shown}");
        assert!(shown.contains("by Alice, justified"), "{shown}");
    }
}
