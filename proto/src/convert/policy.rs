//! `PolicyService`.

use std::collections::HashSet;

use pim_domain::{
    id::{PrincipalId, RoleId},
    policy::{
        APPROVAL_TIMEOUT_DEFAULT, APPROVER_SLOTS_MAX, ApprovalRule, RuleName, RuleSet, Rules,
        TICKET_PATTERN_CHARS_MAX, TicketPattern, Update,
    },
};

use super::{texts, wire_duration, wire_time, write};
use crate::{
    assignment::v1,
    call::{Answer, PolicyView, Write},
    field::{self, FieldViolation, Nested as _},
};

impl TryFrom<v1::GetPolicyRequest> for RoleId {
    type Error = FieldViolation;

    fn try_from(request: v1::GetPolicyRequest) -> Result<Self, FieldViolation> {
        field::id(&request.role_id, "role_id")
    }
}

impl TryFrom<v1::UpdatePolicyRequest> for Write<Update> {
    type Error = FieldViolation;

    fn try_from(request: v1::UpdatePolicyRequest) -> Result<Self, FieldViolation> {
        let role = field::id(&request.role_id, "role_id")?;
        let etag = field::etag(request.etag)?;
        let set = RuleSet::try_from(request.rules.unwrap_or_default()).field("rules")?;
        let reset = reset(&request.reset_rules, &set)?;
        if reset.is_empty() && set.names().next().is_none() {
            let description = "must set a rule, or reset_rules must name one; nothing is changed";
            return Err(FieldViolation::new("rules", description));
        }
        let command = Update { role, etag, set, reset };
        write(command, &request.request_id, request.validate_only)
    }
}

/// The rules of these names, each once and none that is set as well.
fn reset(names: &[String], set: &RuleSet) -> Result<Vec<RuleName>, FieldViolation> {
    let mut rules = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let refuse = |what: &str| {
            let description = format!("must {what}; it is {}", field::given(name));
            Err(FieldViolation::new(format!("reset_rules[{index}]"), description))
        };
        let Some(rule) = RuleName::ALL.into_iter().find(|rule| rule.as_str() == name) else {
            return refuse("name a rule, a field of Rules");
        };
        if rules.contains(&rule) {
            return refuse("be named once");
        }
        if set.names().any(|set| set == rule) {
            return refuse("not name a rule that rules sets");
        }
        rules.push(rule);
    }
    Ok(rules)
}

impl TryFrom<v1::Rules> for RuleSet {
    type Error = FieldViolation;

    fn try_from(rules: v1::Rules) -> Result<Self, FieldViolation> {
        Ok(Self {
            activation_max: field::positive_duration(rules.activation_max, "activation_max")?,
            activation_min: field::positive_duration(rules.activation_min, "activation_min")?,
            require_mfa: rules.require_mfa,
            require_justification: rules.require_justification,
            require_ticket: rules.require_ticket,
            ticket_pattern: rules.ticket_pattern.map(ticket_pattern).transpose()?,
            approval: rules.approval.map(ApprovalRule::try_from).transpose().field("approval")?,
            permanent_eligibility: rules.permanent_eligibility,
            eligible_max: field::positive_duration(rules.eligible_max, "eligible_max")?,
            permanent_assignment: rules.permanent_assignment,
            assigned_max: field::positive_duration(rules.assigned_max, "assigned_max")?,
            assignment_require_justification: rules.assignment_require_justification,
            assignment_require_mfa: rules.assignment_require_mfa,
            assignment_require_ticket: rules.assignment_require_ticket,
        })
    }
}

fn ticket_pattern(text: String) -> Result<TicketPattern, FieldViolation> {
    let text = if text.is_empty() {
        text
    } else {
        field::name(text, "ticket_pattern", TICKET_PATTERN_CHARS_MAX)?
    };
    TicketPattern::try_from(text)
        .map_err(|error| FieldViolation::new("ticket_pattern", error.to_string()))
}

impl TryFrom<v1::ApprovalRule> for ApprovalRule {
    type Error = FieldViolation;

    fn try_from(rule: v1::ApprovalRule) -> Result<Self, FieldViolation> {
        Ok(Self {
            approvers: approvers(&rule.approver_ids)?,
            timeout: field::positive_duration(rule.timeout, "timeout")?
                .unwrap_or(APPROVAL_TIMEOUT_DEFAULT),
            justify_approve: rule.justify_approve.unwrap_or(true),
            justify_deny: rule.justify_deny.unwrap_or(true),
        })
    }
}

fn approvers(ids: &[String]) -> Result<Vec<PrincipalId>, FieldViolation> {
    if ids.len() > APPROVER_SLOTS_MAX {
        let description =
            format!("must have at most {APPROVER_SLOTS_MAX} entries; it has {}", ids.len());
        return Err(FieldViolation::new("approver_ids", description));
    }
    let mut known = HashSet::new();
    let mut approvers = Vec::new();
    for (index, text) in ids.iter().enumerate() {
        let path = format!("approver_ids[{index}]");
        let approver = field::id(text, &path)?;
        if !known.insert(approver) {
            let description = format!("must be named once; {approver} is named before");
            return Err(FieldViolation::new(path, description));
        }
        approvers.push(approver);
    }
    Ok(approvers)
}

impl From<Answer<PolicyView>> for v1::GetPolicyResponse {
    fn from(answer: Answer<PolicyView>) -> Self {
        Self { policy: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<PolicyView>> for v1::UpdatePolicyResponse {
    fn from(answer: Answer<PolicyView>) -> Self {
        Self { policy: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<PolicyView> for v1::Policy {
    fn from(PolicyView { policy, catalog }: PolicyView) -> Self {
        let touched = !policy.is_untouched();
        Self {
            role_id: policy.role.to_string(),
            rules: Some(policy.rules(catalog).into()),
            set_rules: texts(policy.set.names().map(RuleName::as_str)),
            policy_revision: policy.version.0,
            create_time: touched.then(|| wire_time(policy.create_time)),
            update_time: touched.then(|| wire_time(policy.update_time)),
            etag: policy.version.etag(),
        }
    }
}

impl From<Rules> for v1::Rules {
    fn from(rules: Rules) -> Self {
        Self {
            activation_max: Some(wire_duration(rules.activation_max)),
            activation_min: Some(wire_duration(rules.activation_min)),
            require_mfa: Some(rules.require_mfa),
            require_justification: Some(rules.require_justification),
            require_ticket: Some(rules.require_ticket),
            ticket_pattern: rules.ticket_pattern.map(String::from),
            approval: Some(rules.approval.into()),
            permanent_eligibility: Some(rules.permanent_eligibility),
            eligible_max: Some(wire_duration(rules.eligible_max)),
            permanent_assignment: Some(rules.permanent_assignment),
            assigned_max: Some(wire_duration(rules.assigned_max)),
            assignment_require_justification: Some(rules.assignment_require_justification),
            assignment_require_mfa: Some(rules.assignment_require_mfa),
            assignment_require_ticket: Some(rules.assignment_require_ticket),
        }
    }
}

impl From<ApprovalRule> for v1::ApprovalRule {
    fn from(rule: ApprovalRule) -> Self {
        Self {
            approver_ids: texts(rule.approvers),
            timeout: Some(wire_duration(rule.timeout)),
            justify_approve: Some(rule.justify_approve),
            justify_deny: Some(rule.justify_deny),
        }
    }
}
