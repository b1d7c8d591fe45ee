//! What this service wants of the activation service: asked once, after the commit, and whatever
//! comes of it changes nothing of the decision.

use pim_proto::{
    activation::v1::{Activation, ActivationState},
    approval::v1::{ApprovalState, ApproveRequest},
};
use tonic::Code;

use crate::{
    fake::{Heard, call_alone, listen, nowhere},
    ground::{Ground, ROLE, approve, assert_refused, deny, no, nothing, yes},
};

/// The approvers call an approval service that has its peers at `peers`; the others are as they
/// were.
async fn alone(ground: &mut Ground, peers: &str) {
    call_alone(&mut ground.world, peers).await;
    ground.bea = ground.bea.again(&ground.world);
    ground.carl = ground.carl.again(&ground.world);
}

fn heard(activation: &Activation, state: &'static str) -> Heard {
    (activation.id.parse().unwrap(), Some(state))
}

#[tokio::test]
async fn the_last_yes_rings_once_after_the_commit() {
    let mut ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    let (bells, url) = listen(&ground.world, false).await;
    alone(&mut ground, &url).await;
    approve(&ground.bea, yes(&approval)).await.unwrap();
    assert_eq!(bells.heard(), [], "one yes decides nothing");
    approve(&ground.carl, yes(&approval)).await.unwrap();
    assert_eq!(bells.heard(), [heard(&activation, "APPROVED")]);
}

#[tokio::test]
async fn a_no_rings_once_after_the_commit() {
    let mut ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    let (bells, url) = listen(&ground.world, false).await;
    alone(&mut ground, &url).await;
    deny(&ground.bea, no(&approval)).await.unwrap();
    assert_eq!(bells.heard(), [heard(&activation, "DENIED")]);
    deny(&ground.bea, no(&approval)).await.unwrap();
    assert_eq!(bells.heard().len(), 1, "the same again rings for nobody");
}

#[tokio::test]
async fn a_bell_that_is_refused_is_not_rung_again() {
    let mut ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let (bells, url) = listen(&ground.world, true).await;
    alone(&mut ground, &url).await;
    let denied = deny(&ground.bea, no(&approval)).await.unwrap();
    assert_eq!(denied.state(), ApprovalState::Denied);
    assert_eq!(bells.heard().len(), 1);
}

#[tokio::test]
async fn a_dry_run_a_refusal_and_a_repeat_ring_for_nobody() {
    let mut ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let (bells, url) = listen(&ground.world, false).await;
    alone(&mut ground, &url).await;
    approve(&ground.bea, yes(&approval)).await.unwrap();
    let request = ApproveRequest { request_id: nothing(), ..yes(&approval) };
    let dry = ApproveRequest { validate_only: true, ..request.clone() };
    approve(&ground.carl, dry).await.unwrap();
    let blank = ApproveRequest { justification: String::new(), ..request.clone() };
    let answer = approve(&ground.carl, blank).await;
    assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(bells.heard(), []);
    approve(&ground.carl, request.clone()).await.unwrap();
    approve(&ground.carl, request).await.unwrap();
    assert_eq!(bells.heard().len(), 1);
}

#[tokio::test]
async fn a_peer_that_is_down_changes_nothing_of_the_decision() {
    let mut ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    let whole = ground.world.url.clone();
    alone(&mut ground, &nowhere().await).await;
    approve(&ground.bea, yes(&approval)).await.unwrap();
    let approved = approve(&ground.carl, yes(&approval)).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    assert_eq!(approved.activation_state(), ActivationState::PendingApproval);
    assert_eq!(ground.stored(&approval).await, approved);
    assert!(!ground.ada.holds(ROLE, "/").await);
    ground.world.url = whole;
    ground.world.settle().await;
    let active = ground.ada.activation(&activation.id).await.unwrap();
    assert_eq!(active.state(), ActivationState::Active, "the scheduler has asked for it");
    assert!(ground.ada.holds(ROLE, "/").await);
}
