//! Decisions that do not count: each with its code, and nothing is stored.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{ActivationState, CancelActivationRequest, Ending},
    approval::v1::{Approval, ApprovalState, ApproveRequest, DenyRequest},
    assignment::v1::PrincipalKind,
};
use pim_tests::{Person, assert_refused, assert_same_refusal, fields, metadata, new_id, rules};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::ground::{Ground, ROLE, approve, deny, no, yes};

/// Both decisions of somebody are refused so.
async fn assert_both_refused(
    person: &Person,
    approval: &Approval,
    code: Code,
    expected: &str,
) -> Status {
    assert_refused(deny(person, no(approval)).await, code, expected);
    assert_refused(approve(person, yes(approval)).await, code, expected)
}

#[tokio::test]
async fn who_is_not_an_approver_decides_nothing_and_does_not_learn_whether_there_is_one() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let bob = ground.user("bob").await;
    let elsewhere = ground.world.organisation().await;
    let missing = Approval { id: new_id(), ..approval.clone() };
    for stranger in [&bob, &ground.org.admin, &elsewhere.admin] {
        let code = Code::PermissionDenied;
        let real = assert_both_refused(stranger, &approval, code, "NOT_AN_APPROVER").await;
        let none = assert_both_refused(stranger, &missing, code, "NOT_AN_APPROVER").await;
        assert_same_refusal(&real, &none);
    }
    assert_eq!(ground.stored(&approval).await, approval);
}

#[tokio::test]
async fn nobody_decides_on_their_own_request_by_any_account() {
    let ground = Ground::new().await;
    let person = Some(Uuid::new_v4());
    let (user, org) = (PrincipalKind::User, &ground.org);
    let eve = org.principal(&ground.world, "eve", user, person).await;
    let other_eve = org.principal(&ground.world, "eve-admin", user, person).await;
    org.make_eligible(&eve, ROLE, "/").await;
    let activation = eve.activate(Person::wish(ROLE, "/")).await.unwrap();
    let [approval] = <[Approval; 1]>::try_from(ground.bea.inbox().await).unwrap();
    for account in [&eve, &other_eve] {
        let code = Code::PermissionDenied;
        assert_both_refused(account, &approval, code, "SELF_APPROVAL").await;
    }
    assert_eq!(ground.stored(&approval).await, approval);
    let pending = eve.activation(&activation.id).await.unwrap();
    assert_eq!(pending.state(), ActivationState::PendingApproval);
}

#[tokio::test]
async fn a_role_whose_approver_is_another_account_of_the_requester_is_not_even_asked_for() {
    let ground = Ground::new().await;
    let person = Some(Uuid::new_v4());
    let (user, org) = (PrincipalKind::User, &ground.org);
    let eve = org.principal(&ground.world, "eve", user, person).await;
    let other_eve = org.principal(&ground.world, "eve-admin", user, person).await;
    org.make_eligible(&eve, ROLE, "/").await;
    org.require_approval(ROLE, &[&ground.bea, &other_eve]).await;
    let answer = eve.activate(Person::wish(ROLE, "/")).await;
    assert_refused(answer, Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER");
    assert_eq!(other_eve.inbox().await, []);
}

#[tokio::test]
async fn an_etag_of_something_else_is_refused_with_the_right_one() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let old = Approval { etag: "aold".to_owned(), ..approval.clone() };
    let status = assert_both_refused(&ground.bea, &old, Code::Aborted, "ETAG_MISMATCH").await;
    assert_eq!(metadata(&status, "etag"), approval.etag);
    assert_eq!(ground.stored(&approval).await, approval);
}

#[tokio::test]
async fn a_decision_without_a_reason_is_refused() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let blank = "\u{200b} ".to_owned();
    let request = ApproveRequest { justification: blank.clone(), ..yes(&approval) };
    let answer = approve(&ground.bea, request).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["JUSTIFICATION"]);
    let request = DenyRequest { justification: blank, ..no(&approval) };
    let answer = deny(&ground.bea, request).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["JUSTIFICATION"]);
    assert_eq!(ground.stored(&approval).await, approval);
}

#[tokio::test]
async fn nobody_changes_their_mind_and_the_same_again_is_the_same() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let first = approve(&ground.bea, yes(&approval)).await.unwrap();
    ground.world.advance(TimeDelta::minutes(1));
    assert_eq!(approve(&ground.bea, yes(&approval)).await.unwrap(), first);
    let answer = deny(&ground.bea, no(&approval)).await;
    let status = assert_refused(answer, Code::AlreadyExists, "ALREADY_DECIDED");
    assert_eq!(metadata(&status, "approval_id"), approval.id);
    assert_eq!(ground.stored(&approval).await, first);
    let last = deny(&ground.carl, no(&approval)).await.unwrap();
    assert_eq!(deny(&ground.carl, no(&approval)).await.unwrap(), last);
    let answer = approve(&ground.carl, yes(&approval)).await;
    assert_refused(answer, Code::AlreadyExists, "ALREADY_DECIDED");
    assert_eq!(ground.stored(&approval).await, last);
}

#[tokio::test]
async fn a_denied_one_is_resolved() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let denied = deny(&ground.bea, no(&approval)).await.unwrap();
    let code = Code::FailedPrecondition;
    let status = assert_both_refused(&ground.carl, &approval, code, "ALREADY_RESOLVED").await;
    assert_eq!(metadata(&status, "state"), "DENIED");
    assert_eq!(ground.stored(&approval).await, denied);
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn a_withdrawn_one_is_resolved_whether_or_not_that_is_recorded() {
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    ground.canceled_unheard(&activation).await;
    let code = Code::FailedPrecondition;
    let status = assert_both_refused(&ground.bea, &approval, code, "ALREADY_RESOLVED").await;
    assert_eq!(metadata(&status, "state"), "CANCELED");
    assert_eq!(ground.stored(&approval).await.state(), ApprovalState::Canceled);
    let (activation, approval) = ground.asked().await;
    let activation_id = activation.id;
    let request = CancelActivationRequest { activation_id, ..Default::default() };
    ground.ada.client.activations().cancel_activation(request).await.unwrap();
    let status = assert_both_refused(&ground.bea, &approval, code, "ALREADY_RESOLVED").await;
    assert_eq!(metadata(&status, "state"), "CANCELED");
    assert_eq!(ground.stored(&approval).await.decisions, []);
}

#[tokio::test]
async fn what_nobody_decided_in_time_is_resolved_by_time_alone() {
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    approve(&ground.bea, yes(&approval)).await.unwrap();
    ground.world.advance(TimeDelta::hours(24));
    let code = Code::FailedPrecondition;
    let status = assert_both_refused(&ground.carl, &approval, code, "ALREADY_RESOLVED").await;
    assert_eq!(metadata(&status, "state"), "TIMED_OUT");
    let stored = ground.stored(&approval).await;
    assert_eq!((stored.state(), stored.decisions.len()), (ApprovalState::TimedOut, 1));
    let ended = ground.ada.activation(&activation.id).await.unwrap();
    assert_eq!(ended.ending(), Ending::TimedOut);
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn the_last_instant_before_the_timeout_still_counts() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    approve(&ground.bea, yes(&approval)).await.unwrap();
    ground.world.advance(TimeDelta::hours(24) - TimeDelta::microseconds(1));
    let approved = approve(&ground.carl, yes(&approval)).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    assert!(ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let good = yes(&approval);
    for (path, request) in [
        ("approval_id", ApproveRequest { approval_id: String::new(), ..good.clone() }),
        ("etag", ApproveRequest { etag: String::new(), ..good.clone() }),
        ("etag", ApproveRequest { etag: "a b".to_owned(), ..good.clone() }),
        ("justification", ApproveRequest { justification: "\0".to_owned(), ..good.clone() }),
        ("request_id", ApproveRequest { request_id: "1".to_owned(), ..good }),
    ] {
        let ApproveRequest { approval_id, etag, justification, request_id, .. } = request.clone();
        let no = DenyRequest { approval_id, etag, justification, request_id, ..no(&approval) };
        for answer in [approve(&ground.bea, request).await, deny(&ground.bea, no).await] {
            let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
            assert_eq!(fields(&status), [path]);
        }
    }
    assert_eq!(ground.stored(&approval).await, approval);
}

#[tokio::test]
async fn services_and_operators_decide_nothing() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    for client in [ground.world.service("scheduler"), ground.world.operator()] {
        let answer = client.approvals().approve(yes(&approval)).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
        let answer = client.approvals().deny(no(&approval)).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    }
    assert_eq!(ground.stored(&approval).await, approval);
}
