//! Policies: each rule with its value, where it comes from and what enforces it.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_domain::policy::RuleName;
use pim_proto::assignment::v1::{
    ApprovalMode, ApprovalRule, ApprovalStage, Policy, PolicyInForce, RuleOrigin, Rules,
    RulesInForce, approver_slot::Approver,
};
use prost_types::Duration;
use serde::Serialize;

use super::{Column, Listed, Shown, or_id, yes_no};
use crate::{
    names::Names,
    output::table,
    time::{instant, iso},
};

/// What is in force for a role at a scope.
#[derive(Debug, Serialize)]
pub(crate) struct PolicyInForceView {
    role_id: String,
    role_name: Option<String>,
    scope: String,
    rules: Vec<RuleInForceView>,
    policy_revision: i64,
}

#[derive(Debug, Serialize)]
struct RuleInForceView {
    rule: String,
    value: ValueView,
    /// Absent: the catalog's default.
    set_at_scope: Option<String>,
    enforced_at_scopes: Vec<String>,
}

/// What is set for a role at one scope.
#[derive(Debug, Serialize)]
pub(crate) struct PolicyView {
    role_id: String,
    role_name: Option<String>,
    scope: String,
    rules: Vec<RuleView>,
    policy_revision: i64,
    create_time: Option<DateTime<Utc>>,
    update_time: Option<DateTime<Utc>>,
    etag: String,
}

#[derive(Debug, Serialize)]
struct RuleView {
    rule: &'static str,
    value: ValueView,
    enforced: bool,
}

/// A rule's value; absent is none.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum ValueView {
    Duration(Option<String>),
    Switch(Option<bool>),
    Count(Option<i32>),
    Texts(Vec<String>),
    Conditions(Vec<String>),
    Approvals(Vec<ApprovalView>),
}

/// Who must approve.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct ApprovalView {
    stages: Vec<StageView>,
    fallback_approver_ids: Vec<String>,
    fallback_approver_names: Vec<Option<String>>,
    timeout: Option<String>,
    justify_approve: bool,
    justify_deny: bool,
}

#[derive(Debug, PartialEq, Serialize)]
struct StageView {
    mode: &'static str,
    needed: usize,
    approver_ids: Vec<String>,
    approver_names: Vec<Option<String>>,
}

const IN_FORCE: &[Column] =
    &[Column::fixed("RULE"), Column::text("VALUE"), Column::text("FROM"), Column::text("ENFORCED")];
const SET: &[Column] = &[Column::fixed("RULE"), Column::text("VALUE"), Column::fixed("ENFORCED")];

impl PolicyInForceView {
    /// What is known of `policy`.
    pub(crate) fn new(policy: PolicyInForce, names: &Names) -> Self {
        let rules = policy.rules.unwrap_or_default();
        let view = |origin: RuleOrigin| RuleInForceView {
            value: ValueView::in_force(&origin.rule, &rules, names),
            rule: origin.rule,
            set_at_scope: Some(origin.set_at_scope).filter(|scope| !scope.is_empty()),
            enforced_at_scopes: origin.enforced_at_scopes,
        };
        Self {
            role_name: names.role(&policy.role_id),
            role_id: policy.role_id,
            scope: policy.scope,
            rules: policy.origins.into_iter().map(view).collect(),
            policy_revision: policy.policy_revision,
        }
    }
}

impl Shown for PolicyInForceView {
    fn table(&self) -> Table {
        let about = about(&self.role_name, &self.role_id, &self.scope, self.policy_revision);
        let rules = self.rules.iter().map(|rule| {
            let set_at = rule.set_at_scope.clone();
            vec![
                rule.rule.clone(),
                rule.value.text(),
                set_at.unwrap_or_else(|| "catalog default".to_owned()),
                rule.enforced_at_scopes.join(", "),
            ]
        });
        table(IN_FORCE, about.map(|row| padded(row, IN_FORCE)).chain(rules))
    }
}

impl PolicyView {
    /// What is known of `policy`.
    pub(crate) fn new(policy: Policy, names: &Names) -> Self {
        let rules = policy.rules.unwrap_or_default();
        let set = |name: RuleName| {
            let enforced = policy.enforced_rules.iter().any(|rule| rule == name.as_str());
            let value = ValueView::set(name, &rules, names)?;
            Some(RuleView { rule: name.as_str(), value, enforced })
        };
        Self {
            role_name: names.role(&policy.role_id),
            role_id: policy.role_id,
            scope: policy.scope,
            rules: RuleName::ALL.into_iter().filter_map(set).collect(),
            policy_revision: policy.policy_revision,
            create_time: instant(policy.create_time),
            update_time: instant(policy.update_time),
            etag: policy.etag,
        }
    }
}

impl Shown for PolicyView {
    fn table(&self) -> Table {
        let about = about(&self.role_name, &self.role_id, &self.scope, self.policy_revision);
        let rules = self
            .rules
            .iter()
            .map(|rule| vec![rule.rule.to_owned(), rule.value.text(), yes_no(rule.enforced)]);
        table(SET, about.map(|row| padded(row, SET)).chain(rules))
    }
}

impl Listed for PolicyView {
    const COLUMNS: &'static [Column] = &[
        Column::text("ROLE"),
        Column::text("SCOPE"),
        Column::text("RULES"),
        Column::fixed("REVISION"),
    ];

    fn row(&self) -> Vec<String> {
        let rules: Vec<&str> = self.rules.iter().map(|rule| rule.rule).collect();
        vec![
            or_id(self.role_name.as_deref(), &self.role_id),
            self.scope.clone(),
            rules.join(", "),
            self.policy_revision.to_string(),
        ]
    }
}

fn about(
    name: &Option<String>,
    id: &str,
    scope: &str,
    revision: i64,
) -> impl Iterator<Item = [String; 2]> {
    let role = ["role".to_owned(), or_id(name.as_deref(), id)];
    let scope = ["scope".to_owned(), scope.to_owned()];
    [role, scope, ["policy_revision".to_owned(), revision.to_string()]].into_iter()
}

fn padded(row: [String; 2], columns: &[Column]) -> Vec<String> {
    let mut row = row.to_vec();
    row.resize(columns.len(), String::new());
    row
}

impl ValueView {
    /// A rule that is set; `None` where it is not.
    fn set(name: RuleName, rules: &Rules, names: &Names) -> Option<Self> {
        let length = |value: Option<Duration>| value.map(|value| Self::Duration(iso(Some(value))));
        let switch = |value: Option<bool>| value.map(|value| Self::Switch(Some(value)));
        let text = |value: &Option<String>| {
            let texts = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
            value.as_ref().map(|text| Self::Texts(texts(text).into_iter().collect()))
        };
        match name {
            RuleName::ActivationMax => length(rules.activation_max),
            RuleName::ActivationMin => length(rules.activation_min),
            RuleName::RequireMfa => switch(rules.require_mfa),
            RuleName::MfaMaxAge => length(rules.mfa_max_age),
            RuleName::SingleUseAuthentication => switch(rules.single_use_authentication),
            RuleName::AuthenticationContext => text(&rules.authentication_context),
            RuleName::RequireJustification => switch(rules.require_justification),
            RuleName::RequireTicket => switch(rules.require_ticket),
            RuleName::TicketPattern => text(&rules.ticket_pattern),
            RuleName::Approval => rules.approval.as_ref().map(|rule| {
                let on = Some(rule).filter(|rule| !rule.stages.is_empty());
                Self::Approvals(on.map(|rule| ApprovalView::new(rule, names)).into_iter().collect())
            }),
            RuleName::PermanentEligibility => switch(rules.permanent_eligibility),
            RuleName::EligibleMax => length(rules.eligible_max),
            RuleName::PermanentAssignment => switch(rules.permanent_assignment),
            RuleName::AssignedMax => length(rules.assigned_max),
            RuleName::AssignmentRequireJustification => {
                switch(rules.assignment_require_justification)
            }
            RuleName::AssignmentRequireMfa => switch(rules.assignment_require_mfa),
            RuleName::AssignmentRequireTicket => switch(rules.assignment_require_ticket),
            RuleName::MinActiveHolders => {
                rules.min_active_holders.map(|count| Self::Count(Some(count)))
            }
            RuleName::Conditions => {
                rules.conditions.as_ref().map(|all| Self::Conditions(all.policies.clone()))
            }
        }
    }

    /// A rule in force, by the name that the server gives it; one that this program does not know
    /// has no value to show.
    fn in_force(name: &str, rules: &RulesInForce, names: &Names) -> Self {
        let length = |value: Option<Duration>| Self::Duration(iso(value));
        let switch = |value: bool| Self::Switch(Some(value));
        let Some(name) = RuleName::ALL.into_iter().find(|rule| rule.as_str() == name) else {
            return Self::Switch(None);
        };
        match name {
            RuleName::ActivationMax => length(rules.activation_max),
            RuleName::ActivationMin => length(rules.activation_min),
            RuleName::RequireMfa => switch(rules.require_mfa),
            RuleName::MfaMaxAge => length(rules.mfa_max_age),
            RuleName::SingleUseAuthentication => switch(rules.single_use_authentication),
            RuleName::AuthenticationContext => Self::Texts(rules.authentication_contexts.clone()),
            RuleName::RequireJustification => switch(rules.require_justification),
            RuleName::RequireTicket => switch(rules.require_ticket),
            RuleName::TicketPattern => Self::Texts(rules.ticket_patterns.clone()),
            RuleName::Approval => {
                let all = rules.approvals.iter().map(|rule| ApprovalView::new(rule, names));
                Self::Approvals(all.collect())
            }
            RuleName::PermanentEligibility => switch(rules.permanent_eligibility),
            RuleName::EligibleMax => length(rules.eligible_max),
            RuleName::PermanentAssignment => switch(rules.permanent_assignment),
            RuleName::AssignedMax => length(rules.assigned_max),
            RuleName::AssignmentRequireJustification => {
                switch(rules.assignment_require_justification)
            }
            RuleName::AssignmentRequireMfa => switch(rules.assignment_require_mfa),
            RuleName::AssignmentRequireTicket => switch(rules.assignment_require_ticket),
            RuleName::MinActiveHolders => Self::Count(Some(rules.min_active_holders)),
            RuleName::Conditions => Self::Conditions(rules.conditions.clone()),
        }
    }

    fn text(&self) -> String {
        let none = || "none".to_owned();
        match self {
            Self::Duration(value) => value.clone().unwrap_or_else(none),
            Self::Switch(value) => value.map_or_else(none, yes_no),
            Self::Count(value) => value.map_or_else(none, |count| count.to_string()),
            Self::Texts(texts) | Self::Conditions(texts) if texts.is_empty() => none(),
            Self::Conditions(texts) => {
                texts.iter().map(|text| text.trim()).collect::<Vec<_>>().join("\nand\n")
            }
            Self::Texts(texts) => texts.join(" and "),
            Self::Approvals(rules) if rules.is_empty() => "not needed".to_owned(),
            Self::Approvals(rules) => {
                rules.iter().map(ApprovalView::text).collect::<Vec<_>>().join("; and ")
            }
        }
    }
}

impl ApprovalView {
    /// What is known of `rule`.
    pub(crate) fn new(rule: &ApprovalRule, names: &Names) -> Self {
        let fallback = &rule.fallback_approver_ids;
        Self {
            stages: rule.stages.iter().map(|stage| StageView::new(stage, names)).collect(),
            fallback_approver_names: fallback.iter().map(|id| names.principal(id)).collect(),
            fallback_approver_ids: fallback.clone(),
            timeout: iso(rule.timeout),
            justify_approve: rule.justify_approve.unwrap_or(true),
            justify_deny: rule.justify_deny.unwrap_or(true),
        }
    }

    /// In one line.
    pub(crate) fn text(&self) -> String {
        let stages: Vec<String> = self.stages.iter().map(StageView::text).collect();
        let mut parts = vec![format!("by {}", stages.join(", then "))];
        if !self.fallback_approver_ids.is_empty() {
            let fallback = joined(&self.fallback_approver_names, &self.fallback_approver_ids);
            parts.push(format!("else {}", fallback.join(" or ")));
        }
        parts.extend(self.timeout.as_ref().map(|timeout| format!("within {timeout}")));
        let justified = match (self.justify_approve, self.justify_deny) {
            (true, true) => "justified",
            (true, false) => "a yes justified",
            (false, true) => "a no justified",
            (false, false) => "no justification needed",
        };
        parts.push(justified.to_owned());
        parts.join(", ")
    }
}

impl StageView {
    fn new(stage: &ApprovalStage, names: &Names) -> Self {
        let ids: Vec<String> = slots(stage).map(str::to_owned).collect();
        let (mode, needed) = match stage.mode() {
            ApprovalMode::AnyOf => ("ANY_OF", 1),
            ApprovalMode::Quorum => ("QUORUM", usize::try_from(stage.quorum).unwrap_or(0)),
            ApprovalMode::AllOf | ApprovalMode::Unspecified => ("ALL_OF", ids.len()),
        };
        let approver_names = ids.iter().map(|id| names.principal(id)).collect();
        Self { mode, needed, approver_ids: ids, approver_names }
    }

    fn text(&self) -> String {
        let approvers = joined(&self.approver_names, &self.approver_ids);
        if self.needed == approvers.len() {
            return approvers.join(" and ");
        }
        if self.needed == 1 {
            return approvers.join(" or ");
        }
        format!("{} of {}", self.needed, approvers.join(", "))
    }
}

/// The users and groups of a stage's slots.
pub(crate) fn slots(stage: &ApprovalStage) -> impl Iterator<Item = &str> {
    let approvers = stage.slots.iter().filter_map(|slot| slot.approver.as_ref());
    approvers.map(|approver| match approver {
        Approver::UserId(id) | Approver::GroupId(id) => id.as_str(),
    })
}

/// Everybody whom these rules name.
pub(crate) fn people<'a>(
    rules: impl IntoIterator<Item = &'a ApprovalRule>,
) -> impl Iterator<Item = &'a str> {
    rules.into_iter().flat_map(|rule| {
        let fallback = rule.fallback_approver_ids.iter().map(String::as_str);
        rule.stages.iter().flat_map(slots).chain(fallback)
    })
}

fn joined(names: &[Option<String>], ids: &[String]) -> Vec<String> {
    names.iter().zip(ids).map(|(name, id)| or_id(name.as_deref(), id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::approvers;

    fn hours(hours: i64) -> Option<Duration> {
        Some(Duration { seconds: hours * 3_600, nanos: 0 })
    }

    fn approval() -> ApprovalRule {
        ApprovalRule {
            stages: vec![
                approvers::stage(ApprovalMode::AnyOf, 0, &["a", "b"]),
                approvers::stage(ApprovalMode::Quorum, 2, &["a", "b", "c"]),
            ],
            timeout: hours(24),
            justify_approve: Some(true),
            justify_deny: Some(true),
            fallback_approver_ids: vec!["d".to_owned()],
        }
    }

    fn in_force() -> PolicyInForce {
        let origin = |name: RuleName| {
            let rule = name.as_str().to_owned();
            match name {
                RuleName::ActivationMax => RuleOrigin {
                    rule,
                    set_at_scope: "/subscriptions/a".to_owned(),
                    enforced_at_scopes: vec!["/".to_owned()],
                },
                _ => RuleOrigin { rule, ..RuleOrigin::default() },
            }
        };
        PolicyInForce {
            role_id: "r".to_owned(),
            scope: "/subscriptions/a".to_owned(),
            rules: Some(RulesInForce {
                activation_max: hours(4),
                require_mfa: true,
                approvals: vec![approval()],
                eligible_max: hours(365 * 24),
                min_active_holders: 1,
                ..RulesInForce::default()
            }),
            origins: RuleName::ALL.map(origin).into(),
            policy_revision: 2,
        }
    }

    #[test]
    fn a_policy_is_a_table_of_its_rules_with_their_origin() {
        let names = Names::known(&[("r", "Reader")], &[("a", "Alice")]);
        let printed = PolicyInForceView::new(in_force(), &names).table().trim_fmt();
        let row = |rule: &str| -> String {
            let line = printed.lines().find(|line| line.starts_with(rule)).unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(row("role"), "role Reader");
        assert_eq!(row("activation_max"), "activation_max PT4H /subscriptions/a /");
        assert_eq!(row("require_mfa"), "require_mfa yes catalog default");
        assert_eq!(row("ticket_pattern"), "ticket_pattern none catalog default");
        assert_eq!(row("eligible_max"), "eligible_max P365D catalog default");
        assert_eq!(row("min_active_holders"), "min_active_holders 1 catalog default");
    }

    #[test]
    fn stages_are_told_one_after_another() {
        let names = Names::known(&[], &[("a", "Alice")]);
        assert_eq!(
            ApprovalView::new(&approval(), &names).text(),
            "by Alice or b, then 2 of Alice, b, c, else d, within P1D, justified"
        );
    }

    #[test]
    fn programs_get_typed_values() {
        let json = serde_json::to_value(PolicyInForceView::new(in_force(), &Names::default()));
        let json = json.unwrap();
        let rule = |name: &str| {
            json["rules"].as_array().unwrap().iter().find(|it| it["rule"] == name).unwrap().clone()
        };
        assert_eq!(rule("activation_max")["value"], "PT4H");
        assert_eq!(rule("activation_max")["enforced_at_scopes"][0], "/");
        assert_eq!(rule("require_mfa")["value"], true);
        assert_eq!(rule("require_mfa")["set_at_scope"], serde_json::Value::Null);
        assert_eq!(rule("ticket_pattern")["value"], serde_json::json!([]));
        assert_eq!(rule("approval")["value"][0]["stages"][1]["needed"], 2);
    }

    #[test]
    fn of_what_is_set_at_a_scope_only_that_is_shown() {
        let policy = Policy {
            rules: Some(Rules {
                require_mfa: Some(false),
                ticket_pattern: Some(String::new()),
                approval: Some(ApprovalRule::default()),
                ..Rules::default()
            }),
            enforced_rules: vec!["require_mfa".to_owned()],
            ..Policy::default()
        };
        let view = PolicyView::new(policy, &Names::default());
        let rules: Vec<_> =
            view.rules.iter().map(|rule| (rule.rule, rule.value.text(), rule.enforced)).collect();
        assert_eq!(
            rules,
            [
                ("require_mfa", "no".to_owned(), true),
                ("ticket_pattern", "none".to_owned(), false),
                ("approval", "not needed".to_owned(), false),
            ]
        );
    }
}
