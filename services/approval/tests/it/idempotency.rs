//! The repeat and the dry run of a decision.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::ActivationState,
    approval::v1::{ApprovalState, ApproveRequest, DenyRequest},
};
use pim_tests::{assert_refused, new_id};
use tonic::Code;

use crate::ground::{Ground, ROLE, approve, deny, no, yes};

#[tokio::test]
async fn a_repeated_yes_gets_the_first_answer() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let request = ApproveRequest { request_id: new_id(), ..yes(&approval) };
    let first = approve(&ground.bea, request.clone()).await.unwrap();
    ground.world.advance(TimeDelta::minutes(1));
    assert_eq!(approve(&ground.bea, request.clone()).await.unwrap(), first);
    let last = approve(&ground.carl, yes(&approval)).await.unwrap();
    let again = approve(&ground.bea, request).await.unwrap();
    assert_eq!((again.state(), &again.decisions), (ApprovalState::Pending, &first.decisions));
    assert_eq!(ground.stored(&approval).await, last);
}

#[tokio::test]
async fn another_decision_under_the_same_id_is_refused() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let request = ApproveRequest { request_id: new_id(), ..yes(&approval) };
    let first = approve(&ground.bea, request.clone()).await.unwrap();
    let other = ApproveRequest { justification: "why not".to_owned(), ..request.clone() };
    let answer = approve(&ground.bea, other).await;
    assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
    assert_eq!(ground.stored(&approval).await, first);
    let approved = approve(&ground.carl, request).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved, "each caller's ids are their own");
}

#[tokio::test]
async fn a_repeated_no_gets_the_first_answer_and_another_is_refused() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let request = DenyRequest { request_id: new_id(), ..no(&approval) };
    let first = deny(&ground.bea, request.clone()).await.unwrap();
    ground.world.advance(TimeDelta::minutes(1));
    assert_eq!(deny(&ground.bea, request.clone()).await.unwrap(), first);
    let other = DenyRequest { justification: "never".to_owned(), ..request };
    let answer = deny(&ground.bea, other).await;
    assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
    assert_eq!(ground.stored(&approval).await, first);
}

#[tokio::test]
async fn a_refusal_leaves_no_claim_on_its_request_id() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let request = ApproveRequest { request_id: new_id(), ..yes(&approval) };
    let blank = ApproveRequest { justification: String::new(), ..request.clone() };
    let answer = approve(&ground.bea, blank).await;
    assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    approve(&ground.bea, request).await.unwrap();
}

#[tokio::test]
async fn a_dry_run_answers_as_usual_and_decides_nothing() {
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    let first = approve(&ground.bea, yes(&approval)).await.unwrap();
    let request_id = new_id();
    let dry = ApproveRequest { request_id, validate_only: true, ..yes(&approval) };
    let judged = approve(&ground.carl, dry.clone()).await.unwrap();
    assert_eq!((judged.state(), judged.decisions.len()), (ApprovalState::Approved, 2));
    let dry_no = DenyRequest { validate_only: true, ..no(&approval) };
    let judged = deny(&ground.carl, dry_no).await.unwrap();
    assert_eq!(judged.state(), ApprovalState::Denied);
    assert_eq!(ground.stored(&approval).await, first);
    let pending = ground.ada.activation(&activation.id).await.unwrap();
    assert_eq!(pending.state(), ActivationState::PendingApproval);
    assert!(!ground.ada.holds(ROLE, "/").await);
    let real = ApproveRequest { validate_only: false, ..dry };
    assert_eq!(approve(&ground.carl, real).await.unwrap().state(), ApprovalState::Approved);
    assert!(ground.ada.holds(ROLE, "/").await);
}
