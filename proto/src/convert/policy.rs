//! `PolicyService`.

use std::collections::HashSet;

use pim_domain::{
    id::PrincipalId,
    policy::{
        APPROVAL_STAGES_MAX, APPROVAL_TIMEOUT_DEFAULT, APPROVER_SLOTS_MAX,
        AUTHENTICATION_CONTEXT_CHARS_MAX, ApprovalRule, Mode, Origin, Policy, RuleName, RuleSet,
        Rules, Slot, Stage, TICKET_PATTERN_CHARS_MAX, TicketPattern, Update,
    },
};
use uuid::Uuid;

use super::{
    condition::conditions, known, list, texts, wire_count, wire_duration, wire_time, write,
};
use crate::{
    assignment::v1,
    call::{Answer, List, Listed, PolicyFilter, PolicyInForceView, PolicyRef, Write},
    field::{self, FieldViolation, Nested as _},
};

impl TryFrom<v1::GetPolicyRequest> for PolicyRef {
    type Error = FieldViolation;

    fn try_from(request: v1::GetPolicyRequest) -> Result<Self, FieldViolation> {
        Ok(Self {
            role: field::id(&request.role_id, "role_id")?,
            scope: field::scope(&request.scope, "scope")?,
        })
    }
}

impl TryFrom<v1::GetPolicyInForceRequest> for PolicyRef {
    type Error = FieldViolation;

    fn try_from(request: v1::GetPolicyInForceRequest) -> Result<Self, FieldViolation> {
        Ok(Self {
            role: field::id(&request.role_id, "role_id")?,
            scope: field::scope(&request.scope, "scope")?,
        })
    }
}

impl TryFrom<v1::ListPoliciesRequest> for List<PolicyFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListPoliciesRequest) -> Result<Self, FieldViolation> {
        let filter = PolicyFilter {
            role: field::optional_id(&request.role_id, "role_id")?,
            scope: field::optional_scope(&request.scope, "scope")?,
        };
        list(filter, request.page_size, request.page_token)
    }
}

impl TryFrom<v1::UpdatePolicyRequest> for Write<Update> {
    type Error = FieldViolation;

    fn try_from(request: v1::UpdatePolicyRequest) -> Result<Self, FieldViolation> {
        let command = Update {
            role: field::id(&request.role_id, "role_id")?,
            scope: field::scope(&request.scope, "scope")?,
            etag: field::etag(request.etag)?,
            set: RuleSet::try_from(request.rules.unwrap_or_default()).field("rules")?,
            reset: names(&request.reset_rules, "reset_rules")?,
            enforce: names(&request.enforce_rules, "enforce_rules")?,
            unenforce: names(&request.unenforce_rules, "unenforce_rules")?,
        };
        against_each_other(&command)?;
        write(command, &request.request_id, request.validate_only)
    }
}

/// The rules of these names, each once.
fn names(names: &[String], path: &str) -> Result<Vec<RuleName>, FieldViolation> {
    let mut rules = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let refuse = |what: &str| {
            let description = format!("must {what}; it is {}", field::given(name));
            Err(FieldViolation::new(format!("{path}[{index}]"), description))
        };
        let Some(rule) = RuleName::ALL.into_iter().find(|rule| rule.as_str() == name) else {
            return refuse("name a rule, a field of Rules");
        };
        if rules.contains(&rule) {
            return refuse("be named once");
        }
        rules.push(rule);
    }
    Ok(rules)
}

/// Nothing is set and reset, or enforced and not enforced, at once; and something is changed.
fn against_each_other(update: &Update) -> Result<(), FieldViolation> {
    let Update { set, reset, enforce, unenforce, .. } = update;
    let refuse = |path: &str, index: usize, description: &str| {
        Err(FieldViolation::new(format!("{path}[{index}]"), description))
    };
    if let Some(index) = reset.iter().position(|rule| set.sets(*rule)) {
        return refuse("reset_rules", index, "must not name a rule that rules sets");
    }
    if let Some(index) = enforce.iter().position(|rule| reset.contains(rule)) {
        return refuse("enforce_rules", index, "must not name a rule that is reset");
    }
    if let Some(index) = unenforce.iter().position(|rule| enforce.contains(rule)) {
        return refuse("unenforce_rules", index, "must not name a rule that is enforced");
    }
    let names = [reset, enforce, unenforce].into_iter().all(Vec::is_empty);
    if names && set.names().next().is_none() {
        let description =
            "must set a rule, or one must be reset, enforced or unenforced; nothing is changed";
        return Err(FieldViolation::new("rules", description));
    }
    Ok(())
}

impl TryFrom<v1::Rules> for RuleSet {
    type Error = FieldViolation;

    fn try_from(rules: v1::Rules) -> Result<Self, FieldViolation> {
        let context = |text: String| {
            if text.is_empty() {
                return Ok(text);
            }
            let text =
                field::name(text, "authentication_context", AUTHENTICATION_CONTEXT_CHARS_MAX)?;
            // Several of them are told to clients in one text, with spaces between them.
            if text.contains(char::is_whitespace) {
                let description = format!("must have no spaces; it is {}", field::given(&text));
                return Err(FieldViolation::new("authentication_context", description));
            }
            Ok(text)
        };
        Ok(Self {
            activation_max: field::positive_duration(rules.activation_max, "activation_max")?,
            activation_min: field::positive_duration(rules.activation_min, "activation_min")?,
            require_mfa: rules.require_mfa,
            mfa_max_age: field::duration_from_zero(rules.mfa_max_age, "mfa_max_age")?,
            single_use_authentication: rules.single_use_authentication,
            authentication_context: rules.authentication_context.map(context).transpose()?,
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
            min_active_holders: rules.min_active_holders.map(holders).transpose()?,
            conditions: rules.conditions.map(conditions).transpose().field("conditions")?,
        })
    }
}

fn holders(count: i32) -> Result<u32, FieldViolation> {
    u32::try_from(count).map_err(|_| {
        FieldViolation::new("min_active_holders", format!("must not be negative; it is {count}"))
    })
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
        at_most(rule.stages.len(), APPROVAL_STAGES_MAX, "stages")?;
        let stages = rule
            .stages
            .into_iter()
            .enumerate()
            .map(|(index, stage)| Stage::try_from(stage).field(format!("stages[{index}]")));
        Ok(Self {
            stages: stages.collect::<Result<_, _>>()?,
            timeout: field::positive_duration(rule.timeout, "timeout")?
                .unwrap_or(APPROVAL_TIMEOUT_DEFAULT),
            justify_approve: rule.justify_approve.unwrap_or(true),
            justify_deny: rule.justify_deny.unwrap_or(true),
            fallback_approvers: users(&rule.fallback_approver_ids, "fallback_approver_ids")?,
        })
    }
}

impl TryFrom<v1::ApprovalStage> for Stage {
    type Error = FieldViolation;

    fn try_from(stage: v1::ApprovalStage) -> Result<Self, FieldViolation> {
        let mode = known(stage.mode, "mode")?;
        if stage.quorum != 0 && mode != v1::ApprovalMode::Quorum {
            let description = format!("must be absent but for QUORUM; it is {}", stage.quorum);
            return Err(FieldViolation::new("quorum", description));
        }
        let mode = match mode {
            v1::ApprovalMode::Unspecified | v1::ApprovalMode::AllOf => Mode::AllOf,
            v1::ApprovalMode::AnyOf => Mode::AnyOf,
            v1::ApprovalMode::Quorum => Mode::Quorum(usize::try_from(stage.quorum).unwrap_or(0)),
        };
        at_most(stage.slots.len(), APPROVER_SLOTS_MAX, "slots")?;
        let mut slots: Vec<Slot> = Vec::new();
        for (index, wire) in stage.slots.into_iter().enumerate() {
            let path = format!("slots[{index}]");
            let slot = slot(wire).field(&path)?;
            let id = approver(&slot);
            if slots.iter().any(|known| approver(known) == id) {
                let description = format!("must be named once; {id} is named before");
                return Err(FieldViolation::new(path, description));
            }
            slots.push(slot);
        }
        Ok(Self { slots, mode })
    }
}

fn slot(slot: v1::ApproverSlot) -> Result<Slot, FieldViolation> {
    let activated = slot.activated_members;
    match slot.approver {
        Some(v1::approver_slot::Approver::UserId(_)) if activated => {
            let description = "must be absent but for a group";
            Err(FieldViolation::new("activated_members", description))
        }
        Some(v1::approver_slot::Approver::UserId(user)) => {
            Ok(Slot::User(field::id(&user, "user_id")?))
        }
        Some(v1::approver_slot::Approver::GroupId(group)) => {
            Ok(Slot::Group { group: field::id(&group, "group_id")?, activated })
        }
        None => Err(FieldViolation::required("user_id")),
    }
}

/// The user or the group that can take a slot.
fn approver(slot: &Slot) -> Uuid {
    match slot {
        Slot::User(user) => user.uuid(),
        Slot::Group { group, .. } => group.uuid(),
    }
}

fn at_most(given: usize, most: usize, path: &str) -> Result<(), FieldViolation> {
    if given > most {
        let description = format!("must have at most {most} entries; it has {given}");
        return Err(FieldViolation::new(path, description));
    }
    Ok(())
}

/// The ids of users, each once.
fn users(ids: &[String], path: &str) -> Result<Vec<PrincipalId>, FieldViolation> {
    at_most(ids.len(), APPROVER_SLOTS_MAX, path)?;
    let mut known = HashSet::new();
    let mut users = Vec::new();
    for (index, text) in ids.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let user = field::id(text, &path)?;
        if !known.insert(user) {
            let description = format!("must be named once; {user} is named before");
            return Err(FieldViolation::new(path, description));
        }
        users.push(user);
    }
    Ok(users)
}

impl From<Answer<Policy>> for v1::GetPolicyResponse {
    fn from(answer: Answer<Policy>) -> Self {
        Self { policy: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<Policy>> for v1::UpdatePolicyResponse {
    fn from(answer: Answer<Policy>) -> Self {
        Self { policy: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Listed<Policy>> for v1::ListPoliciesResponse {
    fn from(listed: Listed<Policy>) -> Self {
        Self {
            policies: listed.items.into_iter().map(v1::Policy::from).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Answer<PolicyInForceView>> for v1::GetPolicyInForceResponse {
    fn from(answer: Answer<PolicyInForceView>) -> Self {
        let PolicyInForceView { layers, scope } = answer.value;
        let policy = v1::PolicyInForce {
            role_id: layers.role.to_string(),
            rules: Some(layers.at(&scope).into()),
            origins: layers.origins(&scope).into_iter().map(v1::RuleOrigin::from).collect(),
            policy_revision: layers.revision,
            scope: scope.into(),
        };
        Self { policy: Some(policy), revision: answer.revision }
    }
}

impl From<Policy> for v1::Policy {
    fn from(policy: Policy) -> Self {
        let touched = !policy.is_untouched();
        Self {
            role_id: policy.role.to_string(),
            scope: policy.scope.into(),
            rules: Some(policy.set.into()),
            enforced_rules: texts(policy.enforced.into_iter().map(RuleName::as_str)),
            policy_revision: policy.revision,
            create_time: touched.then(|| wire_time(policy.create_time)),
            update_time: touched.then(|| wire_time(policy.update_time)),
            etag: policy.version.etag(),
        }
    }
}

impl From<Origin> for v1::RuleOrigin {
    fn from(origin: Origin) -> Self {
        Self {
            rule: origin.rule.as_str().to_owned(),
            set_at_scope: origin.set_at.map(String::from).unwrap_or_default(),
            enforced_at_scopes: texts(origin.enforced_at),
        }
    }
}

impl From<RuleSet> for v1::Rules {
    fn from(set: RuleSet) -> Self {
        Self {
            activation_max: set.activation_max.map(wire_duration),
            activation_min: set.activation_min.map(wire_duration),
            require_mfa: set.require_mfa,
            mfa_max_age: set.mfa_max_age.map(wire_duration),
            single_use_authentication: set.single_use_authentication,
            authentication_context: set.authentication_context,
            require_justification: set.require_justification,
            require_ticket: set.require_ticket,
            ticket_pattern: set.ticket_pattern.map(String::from),
            approval: set.approval.map(v1::ApprovalRule::from),
            permanent_eligibility: set.permanent_eligibility,
            eligible_max: set.eligible_max.map(wire_duration),
            permanent_assignment: set.permanent_assignment,
            assigned_max: set.assigned_max.map(wire_duration),
            assignment_require_justification: set.assignment_require_justification,
            assignment_require_mfa: set.assignment_require_mfa,
            assignment_require_ticket: set.assignment_require_ticket,
            min_active_holders: set.min_active_holders.map(wire_holders),
            conditions: set
                .conditions
                .map(|conditions| v1::Conditions { policies: texts(conditions) }),
        }
    }
}

fn wire_holders(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

impl From<Rules> for v1::RulesInForce {
    fn from(rules: Rules) -> Self {
        Self {
            activation_max: Some(wire_duration(rules.activation_max)),
            activation_min: Some(wire_duration(rules.activation_min)),
            require_mfa: rules.require_mfa,
            mfa_max_age: rules.mfa_max_age.map(wire_duration),
            single_use_authentication: rules.single_use_authentication,
            authentication_contexts: rules.authentication_contexts,
            require_justification: rules.require_justification,
            require_ticket: rules.require_ticket,
            ticket_patterns: rules.ticket_patterns.into_iter().map(String::from).collect(),
            approvals: rules.approvals.into_iter().map(v1::ApprovalRule::from).collect(),
            permanent_eligibility: rules.permanent_eligibility,
            eligible_max: Some(wire_duration(rules.eligible_max)),
            permanent_assignment: rules.permanent_assignment,
            assigned_max: Some(wire_duration(rules.assigned_max)),
            assignment_require_justification: rules.assignment_require_justification,
            assignment_require_mfa: rules.assignment_require_mfa,
            assignment_require_ticket: rules.assignment_require_ticket,
            min_active_holders: wire_holders(rules.min_active_holders),
            conditions: texts(rules.conditions),
        }
    }
}

impl From<ApprovalRule> for v1::ApprovalRule {
    fn from(rule: ApprovalRule) -> Self {
        Self {
            stages: rule.stages.into_iter().map(v1::ApprovalStage::from).collect(),
            timeout: Some(wire_duration(rule.timeout)),
            justify_approve: Some(rule.justify_approve),
            justify_deny: Some(rule.justify_deny),
            fallback_approver_ids: texts(rule.fallback_approvers),
        }
    }
}

impl From<Stage> for v1::ApprovalStage {
    fn from(stage: Stage) -> Self {
        let (mode, quorum) = match stage.mode {
            Mode::AllOf => (v1::ApprovalMode::AllOf, 0),
            Mode::AnyOf => (v1::ApprovalMode::AnyOf, 0),
            Mode::Quorum(needed) => (v1::ApprovalMode::Quorum, wire_count(needed)),
        };
        let slot = |slot: Slot| match slot {
            Slot::User(user) => v1::ApproverSlot {
                approver: Some(v1::approver_slot::Approver::UserId(user.to_string())),
                activated_members: false,
            },
            Slot::Group { group, activated } => v1::ApproverSlot {
                approver: Some(v1::approver_slot::Approver::GroupId(group.to_string())),
                activated_members: activated,
            },
        };
        Self { slots: stage.slots.into_iter().map(slot).collect(), mode: mode.into(), quorum }
    }
}
