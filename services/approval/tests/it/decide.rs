//! `Approve` and `Deny`: all must say yes, one no ends it.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{ActivateRoleRequest, ActivationState, Ending, activate_role_request},
    approval::v1::{Approval, ApprovalKind, ApprovalState, Decision, Verdict, approval::Length},
    assignment::v1::{ApprovalMode, ApprovalRule, Rules},
    r#type::v1::Ticket,
};
use pim_tests::{Person, assert_refused, duration, stage, timestamp};
use tonic::Code;

use crate::ground::{Ground, ROLE, approve, deny, get, no, yes};

#[tokio::test]
async fn an_approval_says_all_of_itself() {
    let ground = Ground::new().await;
    let ticket = Some(Ticket { number: "INC-17".to_owned(), system: "desk".to_owned() });
    let wish = ActivateRoleRequest { ticket: ticket.clone(), ..Person::wish(ROLE, "/") };
    let activation = ground.ada.activate(wish).await.unwrap();
    let [approval] = <[Approval; 1]>::try_from(ground.carl.inbox().await).unwrap();
    let now = ground.world.now();
    let expected = Approval {
        id: approval.id.clone(),
        activation_id: activation.id,
        principal_id: ground.ada.id.clone(),
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        state: ApprovalState::Pending.into(),
        length: Some(Length::Duration(duration(TimeDelta::hours(1)))),
        justification: "to mend the mail".to_owned(),
        ticket,
        rules: vec![ApprovalRule {
            stages: vec![stage(ApprovalMode::AllOf, 0, &[&ground.bea, &ground.carl])],
            timeout: Some(duration(TimeDelta::hours(24))),
            justify_approve: Some(true),
            justify_deny: Some(true),
            fallback_approver_ids: Vec::new(),
        }],
        decisions: Vec::new(),
        expire_time: Some(timestamp(now + TimeDelta::hours(24))),
        policy_revision: 1,
        create_time: Some(timestamp(now)),
        update_time: Some(timestamp(now)),
        etag: approval.etag.clone(),
        activation_state: ActivationState::PendingApproval.into(),
        kind: ApprovalKind::Activation.into(),
        shortened_duration: None,
    };
    assert_eq!(approval, expected);
    assert!(!approval.etag.is_empty());
    for person in [&ground.bea, &ground.ada, &ground.org.admin] {
        assert_eq!(get(person, &approval.id).await.unwrap(), approval);
    }
}

#[tokio::test]
async fn an_asked_end_is_shown_as_one() {
    let ground = Ground::new().await;
    let end = timestamp(ground.world.now() + TimeDelta::hours(2));
    let length = Some(activate_role_request::Length::EndTime(end));
    let wish = ActivateRoleRequest { length, ..Person::wish(ROLE, "/") };
    ground.ada.activate(wish).await.unwrap();
    let [approval] = <[Approval; 1]>::try_from(ground.bea.inbox().await).unwrap();
    assert_eq!(approval.length, Some(Length::EndTime(end)));
}

#[tokio::test]
async fn two_of_two_must_approve() {
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    ground.world.advance(TimeDelta::minutes(1));
    let first = approve(&ground.bea, yes(&approval)).await.unwrap();
    let decided = Decision {
        approver_id: ground.bea.id.clone(),
        verdict: Verdict::Approve.into(),
        justification: "known work".to_owned(),
        decide_time: Some(timestamp(ground.world.now())),
        drop_time: None,
    };
    let expected = Approval {
        decisions: vec![decided.clone()],
        update_time: Some(timestamp(ground.world.now())),
        ..approval.clone()
    };
    assert_eq!(first, expected, "one yes is not enough, and the etag does not cover it");
    assert_eq!(ground.stored(&approval).await, first);
    let pending = ground.ada.activation(&activation.id).await.unwrap();
    assert_eq!(pending.state(), ActivationState::PendingApproval);
    assert!(!ground.ada.holds(ROLE, "/").await);

    ground.world.advance(TimeDelta::minutes(1));
    let second = approve(&ground.carl, yes(&approval)).await.unwrap();
    let his = Decision {
        approver_id: ground.carl.id.clone(),
        decide_time: Some(timestamp(ground.world.now())),
        ..decided.clone()
    };
    let expected = Approval {
        state: ApprovalState::Approved.into(),
        decisions: vec![decided, his],
        update_time: Some(timestamp(ground.world.now())),
        activation_state: ActivationState::Active.into(),
        ..approval.clone()
    };
    assert_eq!(second, expected);
    assert_eq!(ground.stored(&approval).await, second);
    let active = ground.ada.activation(&activation.id).await.unwrap();
    assert_eq!(active.state(), ActivationState::Active);
    assert_eq!(active.start_time, Some(timestamp(ground.world.now())));
    assert!(ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn one_no_ends_it() {
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    approve(&ground.bea, yes(&approval)).await.unwrap();
    let denied = deny(&ground.carl, no(&approval)).await.unwrap();
    assert_eq!(denied.state(), ApprovalState::Denied);
    let said: Vec<_> =
        denied.decisions.iter().map(|one| (&*one.approver_id, one.verdict())).collect();
    let expected = [(&*ground.bea.id, Verdict::Approve), (&*ground.carl.id, Verdict::Deny)];
    assert_eq!(said, expected);
    assert_eq!(denied.decisions[1].justification, "not now");
    assert_eq!(denied.activation_state(), ActivationState::Ended);
    assert_eq!(ground.stored(&approval).await, denied);
    let ended = ground.ada.activation(&activation.id).await.unwrap();
    assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::Denied));
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn the_first_no_ends_it_without_the_others() {
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    assert_eq!(deny(&ground.bea, no(&approval)).await.unwrap().state(), ApprovalState::Denied);
    let ended = ground.ada.activation(&activation.id).await.unwrap();
    assert_eq!(ended.ending(), Ending::Denied);
    assert_eq!(ground.carl.inbox().await, []);
}

#[tokio::test]
async fn a_yes_after_which_the_request_is_not_permitted_any_more_says_so() {
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    let set = Rules { require_ticket: Some(true), ..Rules::default() };
    ground.org.set_policy(ROLE, set).await.unwrap();
    approve(&ground.bea, yes(&approval)).await.unwrap();
    let approved = approve(&ground.carl, yes(&approval)).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    assert_eq!(approved.activation_state(), ActivationState::Ended);
    let ended = ground.ada.activation(&activation.id).await.unwrap();
    assert_eq!((ended.ending(), &*ended.void_rules[0]), (Ending::Void, "TICKETING"));
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn a_yes_of_somebody_who_was_disabled_since_completes_nothing() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    approve(&ground.bea, yes(&approval)).await.unwrap();
    ground.disable(&ground.bea).await;
    let pending = approve(&ground.carl, yes(&approval)).await.unwrap();
    assert_eq!(pending.state(), ApprovalState::Pending);
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn who_is_disabled_decides_nothing() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    ground.disable(&ground.bea).await;
    let answer = approve(&ground.bea, yes(&approval)).await;
    assert_refused(answer, Code::Unauthenticated, "CREDENTIAL_INVALID");
    ground.enable(&ground.bea).await;
    approve(&ground.bea, yes(&approval)).await.unwrap();
}

#[tokio::test]
async fn the_approvers_are_those_of_the_policy_by_which_it_was_asked() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let dora = ground.user("dora").await;
    ground.org.require_approval(ROLE, &[&dora]).await;
    let answer = approve(&dora, yes(&approval)).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_AN_APPROVER");
    approve(&ground.bea, yes(&approval)).await.unwrap();
}

#[tokio::test]
async fn a_decision_needs_no_reason_where_the_policy_asks_for_none() {
    let ground = Ground::new().await;
    let rule = ApprovalRule {
        stages: vec![stage(ApprovalMode::AllOf, 0, &[&ground.bea])],
        justify_approve: Some(false),
        justify_deny: Some(false),
        ..ApprovalRule::default()
    };
    let set = Rules { approval: Some(rule), ..Rules::default() };
    ground.org.set_policy(ROLE, set).await.unwrap();
    let (activation, approval) = ground.asked().await;
    let mut silent = yes(&approval);
    silent.justification.clear();
    let approved = approve(&ground.bea, silent).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    ground.ada.deactivate(&activation.id).await.unwrap();
    let (_, approval) = ground.asked().await;
    let mut silent = no(&approval);
    silent.justification.clear();
    let denied = deny(&ground.bea, silent).await.unwrap();
    assert_eq!(denied.state(), ApprovalState::Denied);
}

#[tokio::test]
async fn nobody_approves_while_the_clock_is_in_doubt() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let now = ground.world.now();
    ground.world.system.clock.set(now - TimeDelta::minutes(1));
    let answer = approve(&ground.bea, yes(&approval)).await;
    assert_refused(answer, Code::Unavailable, "CLOCK_IN_DOUBT");
    ground.world.system.clock.set(now);
    assert_eq!(ground.stored(&approval).await, approval);
}
