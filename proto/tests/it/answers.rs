//! How things are shown: as of the answer, with every state under its own name.

use std::fmt::Debug;

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{self, Activation},
    approval::{self, Approval},
    change::Version,
    denial::Rule,
    effective::{Effective, Holding, HoldingKind, Span, Standing},
    event::{Event, Outcome, StoredEvent},
    fixture,
    grant::{Grant, GrantKind},
    id::{EventId, PrincipalId, RoleId, TenantId},
    policy::{ApprovalRule, Policy, RuleSet},
    principal,
    role::{Catalog, Import},
    scope::Scope,
    tenant,
    time::Window,
};
use pim_proto::{
    access,
    activation::v1 as act,
    approval::v1 as appr,
    assignment::v1 as asgn,
    audit,
    call::{AccessView, Answer, ApprovalView, ImportView, PolicyView, TenantView},
};
use serde::{Serialize, de::DeserializeOwned};

fn hour() -> TimeDelta {
    TimeDelta::hours(1)
}

fn answer<T>(value: T, as_of: DateTime<Utc>) -> Answer<T> {
    Answer { value, revision: "r1".to_owned(), as_of }
}

/// An activation of one hour from noon.
fn active() -> Activation {
    let facts = fixture::facts(&fixture::user("alice"));
    let wish = fixture::wish(&facts);
    activation::ask(&facts, wish, &fixture::stamp(fixture::noon())).unwrap().into_after()
}

/// One that waits for approval until an hour past noon, and its approval.
fn pending() -> ApprovalView {
    let mut facts = fixture::facts(&fixture::user("alice"));
    let bob = fixture::user("bob");
    let rule = ApprovalRule { approvers: vec![bob.id], timeout: hour(), ..ApprovalRule::off() };
    facts.policy.set.approval = Some(rule.clone());
    facts.approvers = vec![bob];
    let stamp = fixture::stamp(fixture::noon());
    let wish = fixture::wish(&facts);
    let activation = activation::ask(&facts, wish, &stamp).unwrap().into_after();
    let approval = approval::open(&activation, rule, Catalog::Entra, &stamp).unwrap().into_after();
    ApprovalView { approval, activation }
}

fn grant(end: Option<DateTime<Utc>>) -> Grant {
    let (alice, role) = (fixture::user("alice"), fixture::role());
    fixture::grant(GrantKind::Assignment, &alice, &role, fixture::noon(), end)
}

fn shown(activation: Activation, as_of: DateTime<Utc>) -> act::Activation {
    act::GetActivationResponse::from(answer(activation, as_of)).activation.unwrap()
}

#[test]
fn an_activation_past_its_end_is_shown_as_ended() {
    let end = fixture::noon() + hour();
    let before = shown(active(), end - TimeDelta::microseconds(1));
    assert_eq!(before.state(), act::ActivationState::Active);
    assert_eq!((before.ending(), before.ended_time), (act::Ending::Unspecified, None));
    let after = shown(active(), end);
    assert_eq!(after.state(), act::ActivationState::Ended);
    assert_eq!(after.ending(), act::Ending::Expired);
    assert_eq!((after.start_time, after.end_time), (before.start_time, before.end_time));
    assert_eq!(after.ended_time, after.end_time);
    assert_eq!(after.end_time.unwrap().seconds, end.timestamp());
}

#[test]
fn a_void_activation_names_the_rules() {
    let ending = activation::Ending::Void { rules: vec![Rule::Eligibility, Rule::Mfa] };
    let at = fixture::noon();
    let state = activation::State::Ended { at, ending, held: None };
    let void = shown(Activation { state, ..active() }, at);
    assert_eq!(void.ending(), act::Ending::Void);
    assert_eq!(void.void_rules, ["ELIGIBILITY", "MFA"]);
    assert_eq!((void.start_time, void.end_time), (None, None));
}

#[test]
fn a_booked_activation_has_a_start_alone() {
    let start = fixture::noon() + hour();
    let state = activation::State::Scheduled { start };
    let booked = shown(Activation { state, ..active() }, fixture::noon());
    assert_eq!(booked.state(), act::ActivationState::Scheduled);
    assert_eq!(booked.start_time.unwrap().seconds, start.timestamp());
    assert_eq!(booked.end_time, None);
}

#[test]
fn an_approval_past_its_time_is_shown_as_timed_out() {
    let at = |as_of| appr::GetApprovalResponse::from(answer(pending(), as_of)).approval.unwrap();
    let end = fixture::noon() + hour();
    assert_eq!(at(fixture::noon()).state(), appr::ApprovalState::Pending);
    let after = at(end);
    assert_eq!(after.state(), appr::ApprovalState::TimedOut);
    assert_eq!(after.expire_time.unwrap().seconds, end.timestamp());
    let asked = prost_types::Duration { seconds: 3_600, nanos: 0 };
    assert_eq!(after.length, Some(appr::approval::Length::Duration(asked)));
    assert_eq!(after.approver_ids.len(), 1);
    assert!(after.etag.starts_with('a'));
}

#[test]
fn a_grant_stands_where_it_stands_at_the_answer() {
    let end = fixture::noon() + hour();
    let at = |as_of| {
        let answer = answer(grant(Some(end)), as_of);
        asgn::GetAssignmentResponse::from(answer).assignment.unwrap().state()
    };
    assert_eq!(at(fixture::noon() - hour()), asgn::GrantState::Scheduled);
    assert_eq!(at(fixture::noon()), asgn::GrantState::InForce);
    assert_eq!(at(end), asgn::GrantState::Expired);
}

#[test]
fn a_policy_shows_the_rules_in_force_and_which_are_set() {
    let role = RoleId::at(fixture::noon());
    let show = |policy| {
        let view = PolicyView { policy, catalog: Catalog::Azure };
        asgn::GetPolicyResponse::from(answer(view, fixture::noon())).policy.unwrap()
    };
    let untouched = show(Policy::untouched(role));
    assert_eq!((untouched.create_time, untouched.update_time), (None, None));
    assert_eq!((untouched.policy_revision, untouched.etag.as_str()), (0, "v0"));
    assert!(untouched.set_rules.is_empty());
    assert_eq!(untouched.rules.unwrap().activation_max.unwrap().seconds, 3_600);
    let set = RuleSet { require_mfa: Some(false), ..RuleSet::default() };
    let touched = show(Policy { set, version: Version(3), ..Policy::untouched(role) });
    assert_eq!(touched.set_rules, ["require_mfa"]);
    assert_eq!(touched.rules.unwrap().require_mfa, Some(false));
    assert!(touched.create_time.is_some());
}

fn view(holdings: Vec<Holding>) -> AccessView {
    AccessView {
        effective: Effective { holdings, valid_until: Some(fixture::noon() + hour()) },
        revision: "r1".to_owned(),
        as_of: fixture::noon(),
        max_clock_error: TimeDelta::milliseconds(250),
    }
}

#[test]
fn a_no_says_when_a_yes_may_come() {
    let no = access::v1::CheckAccessResponse::from(view(Vec::new()));
    assert_eq!(no.decision(), access::v1::Decision::Denied);
    assert_eq!(no.next_change_time, no.valid_until);
    assert!(no.supporting_ids.is_empty());
    assert_eq!(no.max_clock_error.unwrap().nanos, 250_000_000);
    let grant = grant(None);
    let holding = Holding {
        id: grant.id.uuid(),
        kind: HoldingKind::Assignment,
        principal: PrincipalId::at(fixture::noon()),
        role: RoleId::at(fixture::noon()),
        scope: Scope::root(),
        span: Span { window: Window { start: fixture::noon(), end: None }, ended: None },
        standing: Standing::Held,
        path: None,
        enabled_since: Some(fixture::noon()),
    };
    let yes = access::v1::CheckAccessResponse::from(view(vec![holding]));
    assert_eq!(yes.decision(), access::v1::Decision::Allowed);
    assert_eq!(yes.next_change_time, None);
    assert_eq!(yes.supporting_ids, [grant.id.to_string()]);
}

#[test]
fn an_entry_of_the_log_says_who_did_what_to_what() {
    let stamp = fixture::stamp(fixture::noon());
    let change = tenant::create("Tenant".to_owned(), &stamp);
    let id = change.after().id;
    let show = |event| {
        let stored = StoredEvent { id: EventId::at(stamp.now), tenant: id, event };
        audit::v1::GetEventResponse::from(answer(stored, stamp.now)).event.unwrap()
    };
    let done = show(change.event().clone());
    assert_eq!(done.code, "pim.tenant.created");
    assert_eq!((done.result(), done.reason.as_str()), (audit::v1::Result::Success, ""));
    assert_eq!((done.thing_kind.as_str(), done.thing_version), ("tenant", 1));
    assert_eq!(done.thing_id, id.to_string());
    assert_eq!(done.correlation_id, id.to_string());
    assert_eq!(done.actor.unwrap().kind(), audit::v1::ActorKind::Service);
    let name = done.changes.iter().find(|change| change.field == "display_name").unwrap();
    assert_eq!((name.old_value.as_str(), name.new_value.as_str()), ("", "\"Tenant\""));
    let outcome = Outcome::Failure {
        reason: "NOT_PERMITTED".to_owned(),
        rules: Vec::new(),
        method: String::new(),
    };
    let refused = show(Event { outcome, ..change.event().clone() });
    assert_eq!(refused.result(), audit::v1::Result::Failure);
    assert_eq!((refused.reason.as_str(), refused.thing_version), ("NOT_PERMITTED", 0));
}

/// What a write answers is stored, so that a repeat gets the same.
fn round_trips<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    let stored = serde_json::to_string(&value).unwrap();
    assert_eq!(serde_json::from_str::<T>(&stored).unwrap(), value);
}

#[test]
fn what_a_write_answers_can_be_stored_and_read_again() {
    let stamp = fixture::stamp(fixture::noon() + TimeDelta::microseconds(123_456));
    let tenant = tenant::create("Tenant".to_owned(), &stamp).into_after();
    let administrators = vec![PrincipalId::at(stamp.now)];
    let import = Import {
        id: TenantId::at(stamp.now).uuid(),
        catalog: Catalog::Pim,
        catalog_version: "2026-01".to_owned(),
        version: Version::FIRST,
        create_time: stamp.now,
        update_time: stamp.now,
    };
    let (name, origin) = ("alice".to_owned(), "here".to_owned());
    round_trips(TenantView { tenant, administrators });
    round_trips(ImportView { import, origin, role_count: 3, changed_count: 2 });
    round_trips(
        principal::create_break_glass(name.clone(), name.clone(), name, &stamp).after().clone(),
    );
    round_trips(grant(None));
    round_trips(grant(Some(stamp.now)));
    round_trips(active());
    let waiting = pending();
    let rule: ApprovalRule = waiting.approval.rule.clone();
    round_trips::<Approval>(waiting.approval.clone());
    round_trips(waiting);
    let set = RuleSet {
        activation_max: Some(hour()),
        approval: Some(rule),
        assignment_require_mfa: Some(true),
        ..RuleSet::default()
    };
    for set in [RuleSet::default(), set] {
        let policy = Policy { set, ..Policy::untouched(RoleId::at(stamp.now)) };
        round_trips(PolicyView { policy, catalog: Catalog::Entra });
    }
}
