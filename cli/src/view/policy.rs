//! Policies: each rule with its value, and who has set it.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_domain::policy::RuleName;
use pim_proto::assignment::v1::{ApprovalRule, Policy, Rules};
use prost_types::Duration;
use serde::Serialize;

use super::{Column, Shown, or_id, yes_no};
use crate::{
    names::Names,
    output::table,
    time::{instant, iso},
};

/// A role's policy.
#[derive(Debug, Serialize)]
pub(crate) struct PolicyView {
    role_id: String,
    role_name: Option<String>,
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
    source: Source,
}

/// A rule's value; absent is none.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ValueView {
    Duration(Option<String>),
    Switch(Option<bool>),
    Pattern(Option<String>),
    Approval(Option<ApprovalView>),
}

#[derive(Debug, Serialize)]
struct ApprovalView {
    approver_ids: Vec<String>,
    approver_names: Vec<Option<String>>,
    timeout: Option<String>,
    justify_approve: bool,
    justify_deny: bool,
}

/// Who has set a rule.
#[derive(Debug, Serialize)]
enum Source {
    #[serde(rename = "TENANT")]
    Tenant,
    #[serde(rename = "CATALOG")]
    Catalog,
}

const COLUMNS: &[Column] = &[Column::fixed("RULE"), Column::text("VALUE"), Column::fixed("FROM")];

impl PolicyView {
    /// What is known of `policy`.
    pub(crate) fn new(policy: Policy, names: &Names) -> Self {
        let rules = policy.rules.unwrap_or_default();
        let rules = RuleName::ALL
            .into_iter()
            .map(|name| RuleView {
                rule: name.as_str(),
                value: ValueView::new(name, &rules, names),
                source: if policy.set_rules.iter().any(|set| set == name.as_str()) {
                    Source::Tenant
                } else {
                    Source::Catalog
                },
            })
            .collect();
        Self {
            role_name: names.role(&policy.role_id),
            role_id: policy.role_id,
            rules,
            policy_revision: policy.policy_revision,
            create_time: instant(policy.create_time),
            update_time: instant(policy.update_time),
            etag: policy.etag,
        }
    }
}

impl Shown for PolicyView {
    fn table(&self) -> Table {
        let role = ["role", &or_id(self.role_name.as_deref(), &self.role_id), ""];
        let revision = ["policy_revision", &self.policy_revision.to_string(), ""];
        let about = [role, revision].map(|row| row.map(str::to_owned).to_vec());
        let rules = self.rules.iter().map(|rule| {
            let source = match rule.source {
                Source::Tenant => "tenant",
                Source::Catalog => "catalog default",
            };
            vec![rule.rule.to_owned(), rule.value.text(), source.to_owned()]
        });
        table(COLUMNS, about.into_iter().chain(rules))
    }
}

impl ValueView {
    fn new(name: RuleName, rules: &Rules, names: &Names) -> Self {
        let length = |value: Option<Duration>| Self::Duration(iso(value));
        match name {
            RuleName::ActivationMax => length(rules.activation_max),
            RuleName::ActivationMin => length(rules.activation_min),
            RuleName::RequireMfa => Self::Switch(rules.require_mfa),
            RuleName::RequireJustification => Self::Switch(rules.require_justification),
            RuleName::RequireTicket => Self::Switch(rules.require_ticket),
            RuleName::TicketPattern => Self::Pattern(rules.ticket_pattern.clone()),
            RuleName::Approval => {
                Self::Approval(rules.approval.as_ref().map(|it| ApprovalView::new(it, names)))
            }
            RuleName::PermanentEligibility => Self::Switch(rules.permanent_eligibility),
            RuleName::EligibleMax => length(rules.eligible_max),
            RuleName::PermanentAssignment => Self::Switch(rules.permanent_assignment),
            RuleName::AssignedMax => length(rules.assigned_max),
            RuleName::AssignmentRequireJustification => {
                Self::Switch(rules.assignment_require_justification)
            }
            RuleName::AssignmentRequireMfa => Self::Switch(rules.assignment_require_mfa),
            RuleName::AssignmentRequireTicket => Self::Switch(rules.assignment_require_ticket),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Duration(value) | Self::Pattern(value) => {
                value.clone().filter(|text| !text.is_empty()).unwrap_or_else(|| "none".to_owned())
            }
            Self::Switch(value) => value.map_or_else(|| "none".to_owned(), yes_no),
            Self::Approval(None) => "not needed".to_owned(),
            Self::Approval(Some(approval)) => approval.text(),
        }
    }
}

impl ApprovalView {
    fn new(rule: &ApprovalRule, names: &Names) -> Self {
        Self {
            approver_ids: rule.approver_ids.clone(),
            approver_names: rule.approver_ids.iter().map(|id| names.principal(id)).collect(),
            timeout: iso(rule.timeout),
            justify_approve: rule.justify_approve.unwrap_or(true),
            justify_deny: rule.justify_deny.unwrap_or(true),
        }
    }

    fn text(&self) -> String {
        if self.approver_ids.is_empty() {
            return "not needed".to_owned();
        }
        let approvers: Vec<String> = self
            .approver_names
            .iter()
            .zip(&self.approver_ids)
            .map(|(name, id)| or_id(name.as_deref(), id))
            .collect();
        let mut lines = vec![format!("by {}", approvers.join(" and "))];
        lines.extend(self.timeout.as_ref().map(|timeout| format!("within {timeout}")));
        let justified = match (self.justify_approve, self.justify_deny) {
            (true, true) => "justified",
            (true, false) => "a yes justified",
            (false, true) => "a no justified",
            (false, false) => "no justification needed",
        };
        lines.push(justified.to_owned());
        lines.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        let hours = |hours: i64| Some(Duration { seconds: hours * 3_600, nanos: 0 });
        Policy {
            role_id: "r".to_owned(),
            rules: Some(Rules {
                activation_max: hours(4),
                activation_min: Some(Duration { seconds: 300, nanos: 0 }),
                require_mfa: Some(true),
                require_ticket: Some(false),
                approval: Some(ApprovalRule {
                    approver_ids: vec!["a".to_owned(), "b".to_owned()],
                    timeout: hours(24),
                    justify_approve: Some(true),
                    justify_deny: Some(true),
                }),
                eligible_max: hours(365 * 24),
                ..Rules::default()
            }),
            set_rules: vec!["activation_max".to_owned(), "approval".to_owned()],
            policy_revision: 2,
            ..Policy::default()
        }
    }

    #[test]
    fn a_policy_is_a_table_of_its_rules() {
        let names = Names::known(&[("r", "Reader")], &[("a", "Alice")]);
        let printed = PolicyView::new(policy(), &names).table().trim_fmt();
        let row = |rule: &str| -> String {
            let line = printed.lines().find(|line| line.starts_with(rule)).unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(row("role"), "role Reader");
        assert_eq!(row("activation_max"), "activation_max PT4H tenant");
        assert_eq!(row("activation_min"), "activation_min PT5M catalog default");
        assert_eq!(row("require_mfa"), "require_mfa yes catalog default");
        assert_eq!(row("ticket_pattern"), "ticket_pattern none catalog default");
        assert_eq!(row("eligible_max"), "eligible_max P365D catalog default");
        assert_eq!(row("approval"), "approval by Alice and b, within P1D, justified tenant");
        assert_eq!(printed.lines().count(), 3 + RuleName::ALL.len(), "{printed}");
    }

    #[test]
    fn programs_get_typed_values() {
        let json = serde_json::to_value(PolicyView::new(policy(), &Names::default())).unwrap();
        let rule = |name: &str| {
            json["rules"].as_array().unwrap().iter().find(|it| it["rule"] == name).unwrap().clone()
        };
        assert_eq!(rule("activation_max")["value"], "PT4H");
        assert_eq!(rule("activation_max")["source"], "TENANT");
        assert_eq!(rule("require_mfa")["value"], true);
        assert_eq!(rule("require_mfa")["source"], "CATALOG");
        assert_eq!(rule("ticket_pattern")["value"], serde_json::Value::Null);
        assert_eq!(rule("approval")["value"]["approver_ids"][1], "b");
    }
}
