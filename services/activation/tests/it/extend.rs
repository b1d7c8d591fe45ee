//! `ExtendActivation`: an active role is held for longer, at once or once that is approved.

use chrono::{DateTime, TimeDelta, Utc};
use pim_client::{Client, Refusal};
use pim_proto::{
    activation::v1::{
        Activation, ActivationState, Ending, ExtendActivationRequest, Extension,
        VoidActivationRequest, extend_activation_request::Length,
    },
    approval::v1::{Approval, ApprovalKind, ApprovalState, GetApprovalRequest, approval},
    assignment::v1::{CreateEligibilityRequest, Rules},
    r#type::v1::Ticket,
};
use pim_tests::{
    Person, assert_invalid, assert_refused, duration, metadata, new_id, rules, timestamp,
};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, assert_state, stored};

async fn extend(client: &Client, request: ExtendActivationRequest) -> Result<Activation, Status> {
    let answer = client.activations().extend_activation(request).await?;
    Ok(answer.into_inner().activation.unwrap())
}

/// By so many minutes more.
fn by(minutes: i64, activation: &Activation) -> ExtendActivationRequest {
    ExtendActivationRequest {
        activation_id: activation.id.clone(),
        length: Some(Length::Duration(duration(TimeDelta::minutes(minutes)))),
        justification: "it takes longer".to_owned(),
        ..ExtendActivationRequest::default()
    }
}

fn until(end: DateTime<Utc>, activation: &Activation) -> ExtendActivationRequest {
    ExtendActivationRequest { length: Some(Length::EndTime(timestamp(end))), ..by(1, activation) }
}

fn minutes_after(time: DateTime<Utc>, minutes: i64) -> Option<prost_types::Timestamp> {
    Some(timestamp(time + TimeDelta::minutes(minutes)))
}

impl Ground {
    /// Ada holds `ROLE` for an hour; an extension of it takes the approval of `approvers`.
    async fn approved_by<const N: usize>(names: [&str; N]) -> (Self, [Person; N], Activation) {
        let ground = Self::new().await;
        let active = ground.activated().await;
        let mut approvers = Vec::new();
        for name in names {
            approvers.push(ground.user(name).await);
        }
        ground.org.require_approval(ROLE, &approvers.iter().collect::<Vec<_>>()).await;
        (ground, approvers.try_into().unwrap(), active)
    }

    async fn extend(&self, request: ExtendActivationRequest) -> Result<Activation, Status> {
        extend(&self.ada.client, request).await
    }

    async fn approval(&self, approval: &Approval) -> Approval {
        let request = GetApprovalRequest { approval_id: approval.id.clone() };
        let answer = self.org.admin.client.approvals().get_approval(request).await.unwrap();
        answer.into_inner().approval.unwrap()
    }
}

#[tokio::test]
async fn without_approval_the_end_moves_at_once() {
    let ground = Ground::new().await;
    let start = ground.world.now();
    let active = ground.activated().await;
    ground.world.advance(TimeDelta::minutes(50));
    let longer = ground.extend(by(30, &active)).await.unwrap();
    let expected = Activation {
        end_time: minutes_after(start, 90),
        update_time: Some(timestamp(ground.world.now())),
        etag: longer.etag.clone(),
        ..active.clone()
    };
    assert_eq!(longer, expected);
    assert_ne!(longer.etag, active.etag);
    assert_eq!(stored(&ground.ada, &active).await, longer);
    let end = start + TimeDelta::minutes(100);
    let again = ground.extend(until(end, &active)).await.unwrap();
    assert_eq!(again.end_time, Some(timestamp(end)));
    ground.world.advance(TimeDelta::minutes(50) - TimeDelta::microseconds(1));
    assert!(ground.ada.holds(ROLE, "/").await);
    ground.world.advance(TimeDelta::microseconds(1));
    assert!(!ground.ada.holds(ROLE, "/").await, "it ends by time alone");
    ground.world.settle().await;
    let ended = stored(&ground.ada, &active).await;
    assert_eq!((ended.ending(), ended.ended_time), (Ending::Expired, Some(timestamp(end))));
    let answer = ground.extend(by(30, &active)).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "state"), "ENDED");
}

#[tokio::test]
async fn with_approval_the_old_end_stays_until_it_is_given() {
    let (ground, [boss, chief], active) = Ground::approved_by(["boss", "chief"]).await;
    let now = ground.world.now();
    let ticket = Some(Ticket { number: "INC-17".to_owned(), system: "desk".to_owned() });
    let wish = ExtendActivationRequest { ticket: ticket.clone(), ..by(30, &active) };
    let waiting = ground.extend(wish).await.unwrap();
    let expected = Extension {
        id: waiting.extension.as_ref().unwrap().id.clone(),
        end_time: minutes_after(now, 90),
        justification: "it takes longer".to_owned(),
        ticket: ticket.clone(),
        policy_revision: 1,
        expire_time: minutes_after(now, 24 * 60),
        create_time: Some(timestamp(now)),
    };
    assert_eq!(waiting.extension, Some(expected));
    assert_eq!((waiting.state(), waiting.end_time), (ActivationState::Active, active.end_time));
    assert_eq!((waiting.policy_revision, &waiting.ticket), (0, &None), "its own are as they were");
    let approval = ground.waiting(&boss).await;
    let shown = (approval.kind(), approval.length, &*approval.justification, &approval.ticket);
    let more = approval::Length::Duration(duration(TimeDelta::minutes(30)));
    let expected = (ApprovalKind::Extension, Some(more), "it takes longer", &ticket);
    assert_eq!(shown, expected);
    assert_eq!((&approval.activation_id, approval.policy_revision), (&active.id, 1));
    boss.approve(&approval).await.unwrap();
    assert_eq!(stored(&ground.ada, &active).await, waiting);
    ground.world.advance(TimeDelta::minutes(20));
    let approved = chief.approve(&ground.waiting(&chief).await).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    assert_eq!(approved.activation_state(), ActivationState::Active);
    let longer = stored(&ground.ada, &active).await;
    assert_eq!((longer.end_time, longer.extension), (minutes_after(now, 90), None));
    assert_eq!((longer.start_time, longer.truncated), (active.start_time, false));
    ground.world.advance(TimeDelta::minutes(69));
    assert!(ground.ada.holds(ROLE, "/").await);
    assert_eq!(ground.approval(&approval).await.length, shown_length(30), "as it was asked for");
}

fn shown_length(minutes: i64) -> Option<approval::Length> {
    Some(approval::Length::Duration(duration(TimeDelta::minutes(minutes))))
}

#[tokio::test]
async fn a_denied_extension_changes_nothing_and_another_may_be_asked_for() {
    let (ground, [boss], active) = Ground::approved_by(["boss"]).await;
    ground.extend(by(30, &active)).await.unwrap();
    let approval = ground.waiting(&boss).await;
    let denied = boss.deny(&approval).await.unwrap();
    assert_eq!(denied.state(), ApprovalState::Denied);
    assert_eq!(denied.activation_state(), ActivationState::Active);
    let shown = stored(&ground.ada, &active).await;
    assert_eq!((shown.end_time, &shown.extension), (active.end_time, &None));
    assert_state(&shown, ActivationState::Active);
    ground.extend(by(40, &active)).await.unwrap();
    let next = ground.waiting(&boss).await;
    assert_ne!((&next.id, &next.etag), (&approval.id, &approval.etag));
    boss.approve(&next).await.unwrap();
    let longer = stored(&ground.ada, &active).await;
    assert_eq!(longer.end_time, minutes_after(ground.world.now(), 100));
}

#[tokio::test]
async fn an_extension_that_nobody_decides_is_over_by_time_and_stands_in_no_way() {
    let (ground, [boss], active) = Ground::approved_by(["boss"]).await;
    let five = Some(duration(TimeDelta::minutes(5)));
    let mut rule = pim_tests::all_of(&[&boss]);
    rule.timeout = five;
    ground.org.set_policy(ROLE, Rules { approval: Some(rule), ..Rules::default() }).await.unwrap();
    ground.extend(by(30, &active)).await.unwrap();
    let approval = ground.waiting(&boss).await;
    ground.world.advance(TimeDelta::minutes(5));
    let answer = boss.approve(&approval).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "ALREADY_RESOLVED");
    assert_eq!(metadata(&status, "state"), "TIMED_OUT");
    assert_eq!(stored(&ground.ada, &active).await.extension, None);
    // Whether or not that is recorded yet.
    let next = ground.extend(by(20, &active)).await.unwrap();
    assert!(next.extension.is_some());
    ground.world.settle().await;
    assert_eq!(ground.approval(&approval).await.state(), ApprovalState::TimedOut);
    ground.world.advance(TimeDelta::minutes(5));
    ground.world.settle().await;
    let shown = stored(&ground.ada, &active).await;
    assert_eq!((shown.end_time, &shown.extension), (active.end_time, &None));
    assert_state(&shown, ActivationState::Active);
    assert_eq!(boss.inbox().await, []);
}

#[tokio::test]
async fn one_extension_waits_at_a_time() {
    let (ground, [boss], active) = Ground::approved_by(["boss"]).await;
    let waiting = ground.extend(by(30, &active)).await.unwrap();
    let answer = ground.extend(by(40, &active)).await;
    let status = assert_refused(answer, Code::AlreadyExists, "ACTIVATION_LIVE");
    assert_eq!(rules(&status), ["OVERLAP"]);
    assert_eq!(metadata(&status, "activation_id"), active.id);
    assert_eq!(stored(&ground.ada, &active).await, waiting);
    assert_eq!(boss.inbox().await.len(), 1);
}

#[tokio::test]
async fn it_is_judged_as_a_new_request_from_the_start() {
    let ground = Ground::new().await;
    let active = ground.activated().await;
    ground.world.advance(TimeDelta::minutes(30));
    let over = TimeDelta::hours(7) + TimeDelta::microseconds(1);
    let over = ExtendActivationRequest {
        length: Some(Length::Duration(duration(over))),
        ..by(1, &active)
    };
    let start = ground.world.now() - TimeDelta::minutes(30);
    let blank = ExtendActivationRequest { justification: " ".to_owned(), ..by(1, &active) };
    for (wish, expected) in [
        (over, ("EXPIRATION", "duration")),
        (until(start + TimeDelta::minutes(481), &active), ("EXPIRATION", "end_time")),
        (until(start + TimeDelta::minutes(60), &active), ("WINDOW", "end_time")),
        (until(start + TimeDelta::minutes(59), &active), ("WINDOW", "end_time")),
        (until(start - TimeDelta::minutes(1), &active), ("WINDOW", "end_time")),
        (blank, ("JUSTIFICATION", "justification")),
    ] {
        let answer = ground.extend(wish).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
        let broken = Refusal::from_status(&status).violations;
        let broken: Vec<_> = broken.iter().map(|one| (&*one.rule, &*one.field)).collect();
        assert_eq!(broken, [expected]);
        assert_eq!(stored(&ground.ada, &active).await, active);
    }
    let answer = extend(&ground.ada.weak, by(1, &active)).await;
    assert_refused(answer, Code::Unauthenticated, "STEP_UP_REQUIRED");
    let set = Rules { require_ticket: Some(true), ..Rules::default() };
    ground.org.set_policy(ROLE, set).await.unwrap();
    let answer = ground.extend(by(1, &active)).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["TICKETING"], "by the newest policy");
    let set = Rules { require_ticket: Some(false), ..Rules::default() };
    ground.org.set_policy(ROLE, set).await.unwrap();
    let longest = ground.extend(by(7 * 60, &active)).await.unwrap();
    assert_eq!(longest.end_time, minutes_after(start, 8 * 60));
}

#[tokio::test]
async fn it_is_never_longer_than_the_eligibility() {
    let ground = Ground::new().await;
    let bob = ground.user("bob").await;
    let last = minutes_after(ground.world.now(), 80);
    let request = CreateEligibilityRequest {
        principal_id: bob.id.clone(),
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        end_time: last,
        ..Default::default()
    };
    ground.make_eligible(request).await;
    let active = bob.activate(Person::wish(ROLE, "/")).await.unwrap();
    assert!(!active.truncated);
    let longer = extend(&bob.client, by(60, &active)).await.unwrap();
    assert_eq!((longer.end_time, longer.truncated), (last, true));
    let answer = extend(&bob.client, by(1, &active)).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["WINDOW"], "it is as long as it can be");
}

#[tokio::test]
async fn only_who_holds_it_extends_it_and_others_learn_nothing() {
    let ground = Ground::new().await;
    let active = ground.activated().await;
    let missing = ExtendActivationRequest { activation_id: new_id(), ..by(1, &active) };
    let bob = ground.user("bob").await;
    let elsewhere = ground.world.organisation().await;
    for other in [&bob, &ground.org.admin, &elsewhere.admin] {
        for wish in [by(1, &active), missing.clone()] {
            let answer = extend(&other.client, wish).await;
            assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
        }
    }
    let answer = ground.extend(missing).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    for client in [ground.world.service("scheduler"), ground.world.operator()] {
        let answer = extend(&client, by(1, &active)).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    }
    assert_eq!(stored(&ground.ada, &active).await, active);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_a_dry_run_writes_nothing() {
    let ground = Ground::new().await;
    let active = ground.activated().await;
    let wish = ExtendActivationRequest { request_id: new_id(), ..by(30, &active) };
    let dry = ExtendActivationRequest { validate_only: true, ..wish.clone() };
    let would = ground.extend(dry.clone()).await.unwrap();
    assert_eq!(would.end_time, minutes_after(ground.world.now(), 90));
    assert_eq!(stored(&ground.ada, &active).await, active);
    let first = ground.extend(wish.clone()).await.unwrap();
    ground.world.advance(TimeDelta::minutes(1));
    assert_eq!(ground.extend(wish.clone()).await.unwrap(), first);
    assert_eq!(stored(&ground.ada, &active).await, first, "by half an hour and no more");
    let other = ExtendActivationRequest { justification: "another".to_owned(), ..wish };
    let answer = ground.extend(other).await;
    assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
    let boss = ground.user("boss").await;
    ground.org.require_approval(ROLE, &[&boss]).await;
    let fresh = ExtendActivationRequest { request_id: new_id(), ..dry };
    assert!(ground.extend(fresh).await.unwrap().extension.is_some());
    assert_eq!(stored(&ground.ada, &active).await, first);
    assert_eq!(boss.inbox().await, []);
}

#[tokio::test]
async fn what_has_ended_meanwhile_is_extended_no_more_and_its_approval_is_closed() {
    let (ground, [boss], active) = Ground::approved_by(["boss"]).await;
    ground.extend(by(30, &active)).await.unwrap();
    let given_up = ground.waiting(&boss).await;
    let ended = ground.ada.deactivate(&active.id).await.unwrap();
    assert_eq!((ended.ending(), &ended.extension), (Ending::Deactivated, &None));
    assert_eq!(ground.approval(&given_up).await.state(), ApprovalState::Canceled);
    let answer = boss.approve(&given_up).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "ALREADY_RESOLVED");
    assert_eq!(metadata(&status, "state"), "CANCELED");
    // The next one ends by time, which is known before it is recorded.
    let next = ground.activated().await;
    boss.approve(&ground.waiting(&boss).await).await.unwrap();
    ground.extend(by(30, &next)).await.unwrap();
    let late = ground.waiting(&boss).await;
    ground.world.advance(TimeDelta::hours(1));
    assert_eq!(boss.inbox().await, []);
    let answer = boss.approve(&late).await;
    assert_refused(answer, Code::FailedPrecondition, "ALREADY_RESOLVED");
    ground.world.settle().await;
    assert_eq!(ground.approval(&late).await.state(), ApprovalState::Canceled);
    assert_eq!(stored(&ground.ada, &next).await.ending(), Ending::Expired);
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn what_the_newest_policy_does_not_permit_is_not_extended_though_it_is_approved() {
    let (ground, [boss], active) = Ground::approved_by(["boss"]).await;
    ground.extend(by(30, &active)).await.unwrap();
    let shorter = Some(duration(TimeDelta::minutes(89)));
    let set = Rules { activation_max: shorter, ..Rules::default() };
    ground.org.set_policy(ROLE, set).await.unwrap();
    let approved = boss.approve(&ground.waiting(&boss).await).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    let shown = stored(&ground.ada, &active).await;
    assert_eq!((shown.end_time, &shown.extension), (active.end_time, &None));
    assert_state(&shown, ActivationState::Active);
}

#[tokio::test]
async fn an_extension_that_nobody_is_left_to_approve_is_void_and_the_role_stays() {
    let (ground, [boss], active) = Ground::approved_by(["boss"]).await;
    let waiting = ground.extend(by(30, &active)).await.unwrap();
    let approval = ground.waiting(&boss).await;
    let push = VoidActivationRequest {
        tenant_id: ground.org.tenant.to_string(),
        activation_id: active.id.clone(),
    };
    let scheduler = ground.world.service("scheduler");
    let answer = scheduler.activations().void_activation(push).await;
    assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(stored(&ground.ada, &active).await, waiting);
    ground.disable(&boss).await;
    ground.world.settle().await;
    let shown = stored(&ground.ada, &active).await;
    assert_eq!((shown.end_time, &shown.extension), (active.end_time, &None));
    assert_state(&shown, ActivationState::Active);
    assert_eq!(ground.approval(&approval).await.state(), ApprovalState::Canceled);
    let answer = ground.extend(by(30, &active)).await;
    assert_refused(answer, Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER");
}

#[tokio::test]
async fn what_counts_no_more_is_not_extended_whether_or_not_that_is_recorded() {
    let ground = Ground::new().await;
    let active = ground.activated().await;
    ground.world.advance(TimeDelta::minutes(1));
    ground.remove_unheard(&ground.eligibility).await;
    let again = ground.org.make_eligible(&ground.ada, ROLE, "/").await;
    assert!(!ground.ada.holds(ROLE, "/").await);
    let answer = ground.extend(by(30, &active)).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["ELIGIBILITY"], "it rests on that one and not on {again:?}");
    ground.world.settle().await;
    let next = ground.activated().await;
    ground.world.advance(TimeDelta::minutes(1));
    ground.interrupt_unheard(&ground.ada).await;
    assert!(!ground.ada.holds(ROLE, "/").await);
    let answer = ground.extend(by(30, &next)).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["PRINCIPAL"]);
    assert_eq!(stored(&ground.ada, &next).await, next);
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let ground = Ground::new().await;
    let active = ground.activated().await;
    let good = by(30, &active);
    let length = |delta| Some(Length::Duration(duration(delta)));
    let end = prost_types::Timestamp { seconds: i64::MAX, nanos: 0 };
    for (path, request) in [
        (
            "activation_id",
            ExtendActivationRequest { activation_id: "1".to_owned(), ..good.clone() },
        ),
        ("duration", ExtendActivationRequest { length: None, ..good.clone() }),
        ("duration", ExtendActivationRequest { length: length(TimeDelta::zero()), ..good.clone() }),
        (
            "duration",
            ExtendActivationRequest { length: length(-TimeDelta::hours(1)), ..good.clone() },
        ),
        (
            "end_time",
            ExtendActivationRequest { length: Some(Length::EndTime(end)), ..good.clone() },
        ),
        (
            "justification",
            ExtendActivationRequest { justification: "\0".to_owned(), ..good.clone() },
        ),
        ("request_id", ExtendActivationRequest { request_id: "1".to_owned(), ..good.clone() }),
    ] {
        assert_invalid(ground.extend(request).await, path);
    }
    let longest =
        Some(Length::Duration(prost_types::Duration { seconds: 315_576_000_000, nanos: 0 }));
    let answer = ground.extend(ExtendActivationRequest { length: longest, ..good }).await;
    assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(stored(&ground.ada, &active).await, active);
}
