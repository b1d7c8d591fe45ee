//! How things are shown: as of the answer, with every state under its own name.

use std::fmt::Debug;

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{self, Activation, Extend, Length},
    approval::{self, Approval, Decide, Decided, Verdict},
    change::Version,
    denial::Rule,
    effective::{Effective, Holding, HoldingKind, Span, Standing},
    event::{Event, Outcome, StoredEvent},
    fixture,
    grant::{Grant, GrantKind},
    id::{EventId, PrincipalId, RoleId, TenantId},
    policy::{ApprovalRule, Policy, RuleName, RuleSet},
    principal::{self, Principal},
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
    call::{
        AccessView, Answer, ApprovalView, AskView, ImportView, PossibleApproversView, TenantView,
    },
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

/// What Bob must approve within an hour.
struct Asked {
    facts: activation::Facts,
    bob: Principal,
}

impl Asked {
    fn new() -> Self {
        let mut facts = fixture::facts(&fixture::user("alice"));
        let bob = fixture::user("bob");
        let approval = Some(ApprovalRule { timeout: hour(), ..ApprovalRule::all_of([bob.id]) });
        fixture::set(&mut facts.policy, RuleSet { approval, ..RuleSet::default() });
        facts.people = vec![bob.clone()];
        Self { facts, bob }
    }

    fn ask(&self) -> Activation {
        let stamp = fixture::stamp(fixture::noon());
        let wish = fixture::wish(&self.facts);
        activation::ask(&self.facts, wish, &stamp).unwrap().into_after()
    }

    /// An active one that is to be held for half an hour more.
    fn extending(&self) -> Activation {
        let active = active();
        let mut facts = self.facts.clone();
        facts.principal.id = active.principal;
        facts.role.id = active.role;
        facts.eligibilities[0].principal = active.principal;
        facts.eligibilities[0].role = active.role;
        facts.eligibilities[0].id = active.eligibility;
        let mut request = active.request.clone();
        request.length = Length::Duration(hour() / 2);
        request.justification = "not done yet".into();
        let wish = Extend { activation: active.id, request };
        active.extend(&facts, wish, &fixture::stamp(fixture::noon())).unwrap().into_after()
    }

    /// The approval that an activation waits for.
    fn open(&self, activation: Activation) -> ApprovalView {
        let stamp = fixture::stamp(fixture::noon());
        let rules = self.facts.policy.at(&Scope::root());
        let extension = activation.waits_for().unwrap().cloned();
        let opened = approval::open(&activation, rules, Catalog::Entra, &stamp).unwrap();
        ApprovalView { approval: opened.into_after(), activation, extension }
    }

    /// Bob says yes to half an hour.
    fn shorten(&self, view: ApprovalView) -> ApprovalView {
        let facts = approval::Facts {
            approval: view.approval.clone(),
            activation: view.activation.clone(),
            catalog: Catalog::Entra,
            requester: self.facts.principal.clone(),
            people: vec![self.bob.clone()],
            belonging: Vec::new(),
        };
        let wish = Decide {
            approval: view.approval.id,
            etag: view.approval.etag(),
            verdict: Verdict::Approve,
            justification: "half will do".into(),
            duration: Some(hour() / 2),
        };
        let stamp = fixture::stamp(fixture::noon());
        let decided = approval::decide(&facts, &self.bob, wish, &stamp).unwrap();
        let Decided::Now(change) = decided else { panic!("decided before") };
        ApprovalView { approval: change.into_after(), ..view }
    }
}

/// One that waits for approval until an hour past noon, and its approval.
fn pending() -> ApprovalView {
    let asked = Asked::new();
    asked.open(asked.ask())
}

fn shown_approval(view: ApprovalView, as_of: DateTime<Utc>) -> appr::Approval {
    appr::GetApprovalResponse::from(answer(view, as_of)).approval.unwrap()
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
    let waiting = pending();
    let at = |as_of| shown_approval(waiting.clone(), as_of);
    let end = fixture::noon() + hour();
    assert_eq!(at(fixture::noon()).state(), appr::ApprovalState::Pending);
    let after = at(end);
    assert_eq!(after.state(), appr::ApprovalState::TimedOut);
    assert_eq!(after.expire_time.unwrap().seconds, end.timestamp());
    let asked = prost_types::Duration { seconds: 3_600, nanos: 0 };
    assert_eq!(after.length, Some(appr::approval::Length::Duration(asked)));
    assert_eq!(after.rules, [waiting.approval.rules[0].clone().into()]);
    assert_eq!(after.kind(), appr::ApprovalKind::Activation);
    assert_eq!(after.shortened_duration, None);
    assert!(after.etag.starts_with('a'));
}

#[test]
fn a_pending_extension_is_shown_until_it_is_timed_out() {
    let asked = Asked::new();
    let extending = asked.extending();
    let end = fixture::noon() + hour();
    let before = shown(extending.clone(), end - TimeDelta::microseconds(1));
    assert_eq!(before.state(), act::ActivationState::Active);
    assert_eq!(before.end_time.unwrap().seconds, end.timestamp());
    let extension = before.extension.unwrap();
    let expected = extending.waits_for().unwrap().unwrap();
    assert_eq!(extension.id, expected.id.to_string());
    assert_eq!(extension.end_time.unwrap().seconds, (end + hour() / 2).timestamp());
    assert_eq!(extension.justification, "not done yet");
    assert_eq!(extension.policy_revision, 1);
    assert_eq!(extension.create_time.unwrap().seconds, fixture::noon().timestamp());
    assert_eq!(extension.expire_time.unwrap().seconds, end.timestamp());
    assert_eq!(shown(extending.clone(), end).extension, None);
    // Timed out while the role is still held.
    let activation::State::Active { held, extension } = extending.state.clone() else {
        panic!("not active")
    };
    let held = activation::Held { end: end + hour(), ..held };
    let state = activation::State::Active { held, extension };
    let after = shown(Activation { state, ..extending }, end);
    assert_eq!((after.state(), after.extension), (act::ActivationState::Active, None));
}

#[test]
fn an_approval_of_an_extension_shows_what_that_asks_for() {
    let asked = Asked::new();
    let view = asked.open(asked.extending());
    let extension = view.extension.clone().unwrap();
    let show = shown_approval(view.clone(), fixture::noon());
    assert_eq!(show.kind(), appr::ApprovalKind::Extension);
    assert_eq!(show.activation_state(), act::ActivationState::Active);
    let more = prost_types::Duration { seconds: 1_800, nanos: 0 };
    assert_eq!(show.length, Some(appr::approval::Length::Duration(more)));
    assert_eq!(show.justification, "not done yet");
    assert_eq!(show.policy_revision, extension.policy_revision);
    assert_ne!(view.activation.policy_revision, extension.policy_revision);
    assert!(show.etag.contains(&extension.id.uuid().simple().to_string()));
    // Its length may be an end as well.
    let end = fixture::noon() + hour() * 2;
    let mut until = extension.clone();
    until.request.length = Length::Until(end);
    let show =
        shown_approval(ApprovalView { extension: Some(until), ..view.clone() }, fixture::noon());
    let Some(appr::approval::Length::EndTime(shown_end)) = show.length else {
        panic!("{:?}", show.length)
    };
    assert_eq!(shown_end.seconds, end.timestamp());
    // The activation waits for it no more: it is closed, whether or not that is recorded.
    let given_up = view.activation.deactivate(
        Catalog::Entra,
        Default::default(),
        &fixture::stamp(fixture::noon()),
    );
    let activation = given_up.unwrap().into_after();
    let show = shown_approval(ApprovalView { activation, ..view }, fixture::noon());
    assert_eq!(show.state(), appr::ApprovalState::Canceled);
    assert_eq!(show.activation_state(), act::ActivationState::Ended);
}

#[test]
fn a_shortened_length_is_shown_and_is_part_of_the_etag() {
    let asked = Asked::new();
    let before = asked.open(asked.ask());
    let half = Some(prost_types::Duration { seconds: 1_800, nanos: 0 });
    let after = shown_approval(asked.shorten(before.clone()), fixture::noon());
    let before = shown_approval(before, fixture::noon());
    assert_eq!((before.shortened_duration, after.shortened_duration), (None, half));
    assert_eq!(after.state(), appr::ApprovalState::Approved);
    // What was asked for is still to be seen.
    assert_eq!(after.length, before.length);
    assert_ne!(after.etag, before.etag);
    let activation = Activation { shortened: Some(hour() / 2), ..active() };
    assert_eq!(shown(activation, fixture::noon()).shortened_duration, half);
    assert_eq!(shown(active(), fixture::noon()).shortened_duration, None);
}

#[test]
fn a_dropped_decision_says_when_it_ceased_to_count() {
    let asked = Asked::new();
    let mut view = asked.shorten(asked.open(asked.ask()));
    let drop_time = |view: &ApprovalView| {
        let show = shown_approval(view.clone(), fixture::noon());
        assert_eq!(show.decisions.len(), 1);
        assert_eq!(show.decisions[0].verdict(), appr::Verdict::Approve);
        assert_eq!(show.decisions[0].approver_id, asked.bob.id.to_string());
        show.decisions[0].drop_time.map(|time| time.seconds)
    };
    assert_eq!(drop_time(&view), None);
    let dropped = fixture::noon() + hour();
    view.approval.decisions[0].dropped = Some(dropped);
    assert_eq!(drop_time(&view), Some(dropped.timestamp()));
}

#[test]
fn who_could_approve_is_shown_by_stages_from_one() {
    let [carol, dave] = ["carol", "dave"].map(|name| fixture::user(name).id);
    let possible =
        |approver, stage, may_now| approval::PossibleApprover { approver, stage, may_now };
    let approvers = vec![possible(carol, 0, true), possible(dave, 1, false)];
    let view = answer(PossibleApproversView { approvers }, fixture::noon());
    let show = appr::ListPossibleApproversResponse::from(view);
    let all = show.approvers.iter();
    let all: Vec<_> =
        all.map(|one| (one.principal_id.clone(), one.stage, one.may_decide_now)).collect();
    assert_eq!(all, [(carol.to_string(), 1, true), (dave.to_string(), 2, false)]);
}

#[test]
fn a_rehearsed_activation_names_who_could_approve() {
    let asked = Asked::new();
    let (activation, possible_approvers) = (asked.ask(), vec![asked.bob.id]);
    let view = AskView { activation, possible_approvers };
    let show = act::ActivateRoleResponse::from(answer(view, fixture::noon()));
    assert_eq!(show.possible_approver_ids, [asked.bob.id.to_string()]);
    let activation = show.activation.unwrap();
    assert_eq!(activation.state(), act::ActivationState::PendingApproval);
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

fn view(holdings: Vec<Holding>) -> AccessView {
    AccessView {
        effective: Effective {
            principal: PrincipalId::at(fixture::noon()),
            holdings,
            memberships: Vec::new(),
            valid_until: Some(fixture::noon() + hour()),
        },
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
        holder: PrincipalId::at(fixture::noon()),
        role: RoleId::at(fixture::noon()),
        scope: Scope::root(),
        span: Span { window: Window { start: fixture::noon(), end: None }, ended: None },
        standing: Standing::Held,
        path: None,
        granted_by: None,
        update_time: fixture::noon(),
    };
    let yes = access::v1::CheckAccessResponse::from(view(vec![holding]));
    assert_eq!(yes.decision(), access::v1::Decision::Allowed);
    assert_eq!(yes.next_change_time, None);
    assert_eq!(yes.supporting_ids, [grant.id.to_string()]);
}

#[test]
fn an_entry_of_the_log_says_who_did_what_to_what() {
    let stamp = fixture::stamp(fixture::noon());
    let change = tenant::create("Tenant".to_owned(), tenant::Plan::P2, &stamp);
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
        folded: None,
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
    let tenant = tenant::create("Tenant".to_owned(), tenant::Plan::P2, &stamp).into_after();
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
    let asked = Asked::new();
    let bob = asked.bob.id;
    round_trips(AskView { activation: asked.ask(), possible_approvers: vec![bob] });
    round_trips(Activation { shortened: Some(hour()), ..active() });
    let used = [stamp.now, stamp.now - hour()].into();
    round_trips(Activation { used_authentications: used, ..active() });
    let extending = asked.extending();
    round_trips(extending.clone());
    round_trips(asked.open(extending));
    let mut waiting = asked.shorten(asked.open(asked.ask()));
    round_trips(waiting.clone());
    waiting.approval.decisions[0].dropped = Some(stamp.now);
    round_trips::<Approval>(waiting.approval.clone());
    round_trips(waiting.clone());
    let set = RuleSet {
        activation_max: Some(hour()),
        mfa_max_age: Some(TimeDelta::zero()),
        authentication_context: Some("c1".to_owned()),
        approval: waiting.approval.rules.pop(),
        assignment_require_mfa: Some(true),
        min_active_holders: Some(1),
        ..RuleSet::default()
    };
    for set in [RuleSet::default(), set] {
        let enforced = [RuleName::Approval].into();
        let untouched = Policy::untouched(RoleId::at(stamp.now), Scope::root());
        round_trips(Policy { set, enforced, ..untouched });
    }
}
