//! The steps, each with what is expected of it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pim_client::Refusal;
use pim_proto::{
    access::v1::Decision,
    activation::v1::{
        ActivateRoleRequest, Activation, ActivationState, DeactivateRoleRequest, Ending,
        GetActivationRequest, activate_role_request::Length,
    },
    approval::v1::{ApproveRequest, SearchMyApprovalsRequest},
    assignment::v1::{
        ApprovalMode, ApprovalRule, CreateEligibilityRequest, GetPolicyInForceRequest,
        GetPolicyRequest, Rules, UpdatePolicyRequest,
    },
    audit::v1::{EventFilter, ListEventsRequest},
    r#type::v1::Ticket,
};
use serde_json::json;

use super::{
    Stage,
    cast::{Cast, Player},
    report::Report,
};
use crate::{command::approvers::stage, error::CliError, time, view::policy::people};

const ROOT: &str = "/";
const SUBSCRIPTION: &str = "/subscriptions/9e1c27e8-55a8-4c5b-9d0e-6f6d1f3f2a11";
/// How long bob holds his role.
const SHORT: TimeDelta = TimeDelta::seconds(3);
/// How long the scheduler may take to record an end that has long had its effect.
const RECORD_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

async fn set_rules(cast: &Cast, role: &str, rules: Rules) -> Result<(), CliError> {
    let policies = || cast.admin.client.policies();
    let root = ROOT.to_owned();
    let read = GetPolicyRequest { role_id: role.to_owned(), scope: root.clone() };
    let policy = policies().get_policy(read).await?.into_inner().policy;
    let update = UpdatePolicyRequest {
        role_id: role.to_owned(),
        scope: root,
        etag: policy.ok_or(CliError::Incomplete)?.etag,
        rules: Some(rules),
        ..UpdatePolicyRequest::default()
    };
    policies().update_policy(update).await?;
    Ok(())
}

/// Global Administrator: eight hours, MFA, justification, two approvers.
pub(crate) async fn settings(cast: &Cast, report: &mut Report<'_>) -> Result<(), CliError> {
    let rules = Rules {
        activation_max: Some(time::wire_duration(TimeDelta::hours(8))),
        require_mfa: Some(true),
        require_justification: Some(true),
        approval: Some(ApprovalRule {
            stages: vec![stage(ApprovalMode::AllOf, 0, &[&cast.carol.id, &cast.dave.id])],
            ..ApprovalRule::default()
        }),
        ..Rules::default()
    };
    set_rules(cast, &cast.global_administrator, rules).await?;
    let role_id = cast.global_administrator.clone();
    let read = GetPolicyInForceRequest { role_id, scope: ROOT.to_owned() };
    let policy = cast.admin.client.policies().get_policy_in_force(read).await?.into_inner().policy;
    let rules = policy.and_then(|policy| policy.rules).ok_or(CliError::Incomplete)?;
    let approvers = people(&rules.approvals).count();
    let longest = time::iso(rules.activation_max).unwrap_or_default();
    let held = approvers == 2 && longest == "PT8H" && rules.require_mfa;
    let detail = format!("at most {longest}, MFA, justification, {approvers} approvers");
    report.expect("policy", held, detail)?;
    // Bob's role may be held for seconds, to see it end.
    let rules = Rules {
        activation_min: Some(time::wire_duration(TimeDelta::seconds(1))),
        ..Rules::default()
    };
    set_rules(cast, &cast.contributor, rules).await
}

/// Alice and bob may activate, and hold nothing yet.
pub(crate) async fn eligible(cast: &Cast, report: &mut Report<'_>) -> Result<(), CliError> {
    let wishes = [
        ("alice", &cast.alice, &cast.global_administrator, ROOT),
        ("bob", &cast.bob, &cast.contributor, SUBSCRIPTION),
    ];
    for (name, player, role, scope) in wishes {
        let request = CreateEligibilityRequest {
            principal_id: player.id.clone(),
            role_id: role.clone(),
            scope: scope.to_owned(),
            justification: "their work".to_owned(),
            ..CreateEligibilityRequest::default()
        };
        let made = cast.admin.client.assignments().create_eligibility(request).await?.into_inner();
        let permanent = made.eligibility.is_some_and(|made| made.end_time.is_none());
        let idle = !player.holds(role, scope).await?;
        let detail = format!("permanently, at {scope}; holds nothing yet");
        report.expect(&format!("{name} is eligible"), permanent && idle, detail)?;
    }
    Ok(())
}

fn wish(role: &str, scope: &str, length: TimeDelta) -> ActivateRoleRequest {
    ActivateRoleRequest {
        role_id: role.to_owned(),
        scope: scope.to_owned(),
        length: Some(Length::Duration(time::wire_duration(length))),
        justification: "to repair the sign-in of the sales team".to_owned(),
        ticket: Some(Ticket { number: "CHG-4711".to_owned(), system: "desk".to_owned() }),
        ..ActivateRoleRequest::default()
    }
}

/// Alice asks without MFA and for too long, hears both, and asks again.
pub(crate) async fn activation(
    cast: &Cast,
    report: &mut Report<'_>,
) -> Result<Activation, CliError> {
    let role = &cast.global_administrator;
    let too_much = wish(role, ROOT, TimeDelta::hours(9));
    let refusal = match cast.alice.weak.activations().activate_role(too_much).await {
        Ok(_) => None,
        Err(status) => Some(Refusal::from_status(&status)),
    };
    let broken: Vec<String> = refusal
        .iter()
        .flat_map(|refusal| &refusal.violations)
        .map(|one| format!("{} ({})", one.rule, one.description))
        .collect();
    let both = broken.len() == 2
        && broken[0].starts_with("EXPIRATION")
        && broken[1].starts_with("MFA")
        && refusal.is_some_and(|refusal| refusal.reason == "POLICY_DENIED");
    report.expect("refused, all reasons at once", both, broken.join("; "))?;
    let answer = cast.alice.client.activations();
    let answer = { answer }.activate_role(wish(role, ROOT, TimeDelta::hours(2))).await?;
    let asked = answer.into_inner().activation.ok_or(CliError::Incomplete)?;
    let waits = asked.state() == ActivationState::PendingApproval;
    let idle = !cast.alice.holds(role, ROOT).await?;
    let detail = format!("for PT2H on CHG-4711: {}", asked.state().as_str_name());
    report.expect("alice asked with MFA", waits && idle, detail)?;
    Ok(asked)
}

/// Both approve; only then is the role effective.
pub(crate) async fn approval(
    cast: &Cast,
    asked: &Activation,
    report: &mut Report<'_>,
) -> Result<(), CliError> {
    let role = &cast.global_administrator;
    approve(&cast.carol, asked).await?;
    let not_yet = !cast.alice.holds(role, ROOT).await?;
    report.expect("one approval is not enough", not_yet, "carol approved; alice holds nothing")?;
    approve(&cast.dave, asked).await?;
    let now = get(&cast.alice, &asked.id).await?;
    let detail = format!("dave approved: {}", now.state().as_str_name());
    report.expect("two are", now.state() == ActivationState::Active, detail)?;
    let below = cast.alice.holds(role, "/administrativeUnits/sales").await?;
    let effective = cast.alice.holds(role, ROOT).await?;
    let detail = "other services see it at the root and below";
    report.expect("the role is effective", effective && below, detail)
}

async fn approve(approver: &Player, asked: &Activation) -> Result<(), CliError> {
    let inbox = approver
        .client
        .approvals()
        .search_my_approvals(SearchMyApprovalsRequest::default())
        .await?
        .into_inner();
    let approval = inbox
        .approvals
        .into_iter()
        .find(|approval| approval.activation_id == asked.id)
        .ok_or_else(|| CliError::NotFound("the request is not in the inbox".to_owned()))?;
    let request = ApproveRequest {
        approval_id: approval.id,
        etag: approval.etag,
        justification: "known work".to_owned(),
        ..ApproveRequest::default()
    };
    approver.client.approvals().approve(request).await?;
    Ok(())
}

async fn get(player: &Player, id: &str) -> Result<Activation, CliError> {
    let request = GetActivationRequest { activation_id: id.to_owned() };
    let answer = player.client.activations().get_activation(request).await?.into_inner();
    answer.activation.ok_or(CliError::Incomplete)
}

/// What a loop of questions around an end saw.
struct Seen {
    asks: u64,
    /// When the last question with a yes was asked.
    last_yes: Option<DateTime<Utc>>,
    /// When the first no had come, and how far off the clock may have been.
    first_no: DateTime<Utc>,
    max_clock_error: TimeDelta,
}

/// Bob's role ends by itself while a loop asks for it.
pub(crate) async fn expiry(
    stage: &Stage,
    cast: &Cast,
    report: &mut Report<'_>,
) -> Result<(), CliError> {
    let answer = cast.bob.client.activations();
    let answer = { answer }.activate_role(wish(&cast.contributor, SUBSCRIPTION, SHORT)).await?;
    let active = answer.into_inner().activation.ok_or(CliError::Incomplete)?;
    let end = time::instant(active.end_time).ok_or(CliError::Incomplete)?;
    report.say(&format!("  bob holds Contributor until {}", end.to_rfc3339()))?;
    let seen = ask_until_no(stage, cast).await?;
    let after_end = millis(seen.first_no - end);
    let last_yes = seen.last_yes.map(|asked| millis(asked - end));
    report.figure("asks", seen.asks);
    report.figure("first_no_after_end_ms", after_end);
    report.figure("last_yes_after_end_ms", last_yes);
    report.figure("max_clock_error_ms", millis(seen.max_clock_error));
    let exact = seen.last_yes.is_some_and(|asked| asked < end)
        && seen.first_no >= end - seen.max_clock_error;
    let detail = format!(
        "{} questions; the first no came {after_end:.3} ms from the end, the last yes was asked {:.3} ms",
        seen.asks,
        last_yes.unwrap_or_default()
    );
    report.expect("it ended by itself, on time", exact, detail)?;
    let recorded = recorded_end(&cast.bob, &active.id).await?;
    let detail = format!("{}: the log follows, the effect did not wait", recorded.as_str_name());
    report.expect("the end is recorded", recorded == Ending::Expired, detail)
}

async fn ask_until_no(stage: &Stage, cast: &Cast) -> Result<Seen, CliError> {
    let (mut asks, mut last_yes) = (0, None);
    loop {
        let asked = stage.clock.now().now;
        let answer = cast.bob.check(&cast.contributor, SUBSCRIPTION).await?;
        asks += 1;
        if answer.decision() == Decision::Allowed {
            last_yes = Some(asked);
            continue;
        }
        let error = answer.max_clock_error.unwrap_or_default();
        let max_clock_error =
            TimeDelta::seconds(error.seconds) + TimeDelta::nanoseconds(i64::from(error.nanos));
        let first_no = stage.clock.now().now;
        return Ok(Seen { asks, last_yes, first_no, max_clock_error });
    }
}

async fn recorded_end(player: &Player, id: &str) -> Result<Ending, CliError> {
    let start = tokio::time::Instant::now();
    loop {
        let activation = get(player, id).await?;
        // Shown as ended from its end on; written once the scheduler has come by.
        let written = activation.etag != "v1";
        if written || start.elapsed() > RECORD_MAX {
            return Ok(activation.ending());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Alice gives her role up.
pub(crate) async fn deactivation(
    cast: &Cast,
    asked: &Activation,
    report: &mut Report<'_>,
) -> Result<(), CliError> {
    let request = DeactivateRoleRequest {
        activation_id: asked.id.clone(),
        justification: "done".to_owned(),
        ..DeactivateRoleRequest::default()
    };
    let answer = cast.alice.client.activations().deactivate_role(request).await?.into_inner();
    let ended = answer.activation.is_some_and(|one| one.ending() == Ending::Deactivated);
    let gone = !cast.alice.holds(&cast.global_administrator, ROOT).await?;
    report.expect("alice gave it up", ended && gone, "gone at once")
}

/// The whole story of alice's request, under one correlation id.
pub(crate) async fn log(
    cast: &Cast,
    asked: &Activation,
    report: &mut Report<'_>,
) -> Result<(), CliError> {
    let filter = EventFilter { correlation_id: asked.id.clone(), ..EventFilter::default() };
    let request = ListEventsRequest { filter: Some(filter), ..ListEventsRequest::default() };
    let mut events = cast.admin.client.audit().list_events(request).await?.into_inner().events;
    events.reverse();
    for event in &events {
        let at = time::instant(event.event_time).map(|at| at.format("%H:%M:%S%.3f").to_string());
        let activity = if event.activity.is_empty() { "-" } else { &event.activity };
        report.say(&format!("  {} {:<28} {activity}", at.unwrap_or_default(), event.code))?;
    }
    let codes: Vec<&str> = events.iter().map(|event| event.code.as_str()).collect();
    let expected = [
        "pim.activation.requested",
        "pim.approval.opened",
        "pim.approval.voted",
        "pim.approval.approved",
        "pim.activation.activated",
        "pim.activation.deactivated",
    ];
    let detail = format!("{} entries of one request, in order", codes.len());
    report.expect("the log tells the whole story", codes == expected, detail)?;
    let filter = EventFilter { code: "pim.call.refused".to_owned(), ..EventFilter::default() };
    let request = ListEventsRequest { filter: Some(filter), ..ListEventsRequest::default() };
    let refused = cast.admin.client.audit().list_events(request).await?.into_inner().events;
    let told = refused.iter().any(|event| event.rules == ["EXPIRATION", "MFA"]);
    report.figure("refusals_in_log", json!(refused.len()));
    report.expect("and of what was refused", told, "with the broken rules")
}

/// Milliseconds with a fraction, for people.
fn millis(delta: TimeDelta) -> f64 {
    let micros = delta.num_microseconds().unwrap_or(i64::MAX);
    // Exact up to 2^53 microseconds, which is 285 years.
    #[expect(clippy::cast_precision_loss, reason = "shown to people")]
    let micros = micros as f64;
    micros / 1_000.0
}
