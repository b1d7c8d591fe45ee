//! `TestPolicy`, and conditions wherever they are named.

use std::net::IpAddr;

use chrono::TimeDelta;
use pim_domain::{
    condition::{CONDITION_BYTES_MAX, CONDITIONS_MAX, Condition, Outcome, Signals},
    policy::AUTHENTICATION_CONTEXT_CHARS_MAX,
};

use crate::{
    assignment::v1,
    call::{Answer, PolicyRef, PolicyTestView, TestPolicy},
    field::{self, FieldViolation, Nested as _},
};

/// Authentication contexts of a supposed sign-in, at most.
const CONTEXTS_MAX: usize = 64;
/// How long an activation is supposed to last where the request does not say.
const DURATION_DEFAULT: TimeDelta = TimeDelta::hours(1);

/// Conditions of which only their size is judged here: what they say is for the service.
pub(super) fn conditions(wire: v1::Conditions) -> Result<Vec<Condition>, FieldViolation> {
    let given = wire.policies.len();
    if given > CONDITIONS_MAX {
        let description = format!("must have at most {CONDITIONS_MAX} entries; it has {given}");
        return Err(FieldViolation::new("policies", description));
    }
    let condition = |(index, text): (usize, String)| {
        field::lines(text, &format!("policies[{index}]"), CONDITION_BYTES_MAX).map(Condition::new)
    };
    wire.policies.into_iter().enumerate().map(condition).collect()
}

impl TryFrom<v1::TestPolicyRequest> for TestPolicy {
    type Error = FieldViolation;

    fn try_from(request: v1::TestPolicyRequest) -> Result<Self, FieldViolation> {
        let policy = PolicyRef {
            role: field::id(&request.role_id, "role_id")?,
            scope: field::scope(&request.scope, "scope")?,
        };
        let candidates = request.conditions.map(conditions).transpose().field("conditions")?;
        let supposed = request.circumstances.unwrap_or_default();
        supposing(policy, candidates, supposed).field("circumstances")
    }
}

fn supposing(
    policy: PolicyRef,
    candidates: Option<Vec<Condition>>,
    wire: v1::Circumstances,
) -> Result<TestPolicy, FieldViolation> {
    let text = |text: Option<String>, path: &str| {
        text.map(|text| field::name(text, path, AUTHENTICATION_CONTEXT_CHARS_MAX)).transpose()
    };
    let given = wire.acrs.len();
    if given > CONTEXTS_MAX {
        let description = format!("must have at most {CONTEXTS_MAX} entries; it has {given}");
        return Err(FieldViolation::new("acrs", description));
    }
    let context = |(index, text): (usize, String)| {
        field::name(text, &format!("acrs[{index}]"), AUTHENTICATION_CONTEXT_CHARS_MAX)
    };
    Ok(TestPolicy {
        policy,
        candidates,
        principal: field::optional_id(&wire.principal_id, "principal_id")?,
        mfa: wire.mfa,
        contexts: wire.acrs.into_iter().enumerate().map(context).collect::<Result<_, _>>()?,
        auth_age: field::duration_from_zero(wire.auth_age, "auth_age")?,
        signals: Signals {
            acr: text(wire.acr, "acr")?,
            device_compliant: wire.device_compliant,
            device_managed: wire.device_managed,
            country: text(wire.country, "country")?,
            risk: text(wire.risk, "risk")?,
            address: address(&wire.ip)?,
        },
        start: field::timestamp(wire.start_time, "start_time")?,
        ticket: field::ticket(wire.ticket)?,
        duration: field::positive_duration(wire.duration, "duration")?.unwrap_or(DURATION_DEFAULT),
    })
}

fn address(text: &str) -> Result<Option<IpAddr>, FieldViolation> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let description =
            format!("must be an address of IPv4 or IPv6; it is {}", field::given(text));
        FieldViolation::new("ip", description)
    })
}

impl From<Answer<PolicyTestView>> for v1::TestPolicyResponse {
    fn from(answer: Answer<PolicyTestView>) -> Self {
        let results: Vec<_> =
            answer.value.results.into_iter().map(v1::ConditionResult::from).collect();
        let allows = |one: &v1::ConditionResult| one.outcome() == v1::ConditionOutcome::Allowed;
        let outcome = if results.iter().all(allows) {
            v1::ConditionOutcome::Allowed
        } else {
            v1::ConditionOutcome::Denied
        };
        Self { outcome: outcome.into(), results, revision: answer.revision }
    }
}

impl From<(Condition, Outcome)> for v1::ConditionResult {
    fn from((condition, outcome): (Condition, Outcome)) -> Self {
        let (outcome, error) = match outcome {
            Outcome::Allowed => (v1::ConditionOutcome::Allowed, String::new()),
            Outcome::Denied => (v1::ConditionOutcome::Denied, String::new()),
            Outcome::Failed(why) => (v1::ConditionOutcome::Failed, why),
        };
        Self { condition: condition.to_string(), outcome: outcome.into(), error }
    }
}
