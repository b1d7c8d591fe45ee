//! What this service wants of the activation service: asked once, after the commit, and whatever
//! comes of it changes nothing of the decision.

use pim_proto::activation::v1::activation_service_server::ActivationServiceServer;
use pim_proto::{
    activation::v1::{Activation, ActivationState},
    approval::v1::{ApprovalState, ApproveRequest},
};
use pim_store::{Reach, approvals};
use pim_tests::{Bell, Peer, Reply, assert_refused, new_id, nowhere};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, approve, deny, no, yes};

/// The activation that a bell was rung for, and the state of its approval that could be read then.
type Heard = (String, Option<&'static str>);

/// An activation service that only listens.
async fn listen(ground: &Ground, reply: Reply) -> Peer<Heard> {
    let (db, tenant) = (ground.world.db.clone(), ground.tenant());
    let note = move |bell: Bell| {
        let db = db.clone();
        async move {
            assert_eq!(bell.path, "/pim.activation.v1.ActivationService/ResolveActivation");
            let mut read = db.read(Reach::EveryTenant).await.unwrap();
            let activation = bell.thing_id.parse().unwrap();
            let found =
                approvals::of_activation(&mut read, tenant, activation, None).await.unwrap();
            (bell.thing_id, found.map(|approval| approval.state.as_str()))
        }
    };
    Peer::listen::<ActivationServiceServer<()>, _>(reply, note).await
}

/// The approvers call an approval service that has its peers at `peers`; the others are as they
/// were.
async fn alone(ground: &mut Ground, peers: &str) {
    ground.world.call_alone(pim_approval::SERVICE, peers).await;
    ground.bea = ground.bea.again(&ground.world);
    ground.carl = ground.carl.again(&ground.world);
}

fn heard(activation: &Activation, state: &'static str) -> Heard {
    (activation.id.clone(), Some(state))
}

#[tokio::test]
async fn the_last_yes_rings_once_after_the_commit() {
    let mut ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    let bells = listen(&ground, || Ok(())).await;
    alone(&mut ground, &bells.url).await;
    approve(&ground.bea, yes(&approval)).await.unwrap();
    assert_eq!(bells.take(), [], "one yes decides nothing");
    approve(&ground.carl, yes(&approval)).await.unwrap();
    assert_eq!(bells.take(), [heard(&activation, "APPROVED")]);
}

#[tokio::test]
async fn a_no_rings_once_after_the_commit() {
    let mut ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    let bells = listen(&ground, || Ok(())).await;
    alone(&mut ground, &bells.url).await;
    deny(&ground.bea, no(&approval)).await.unwrap();
    assert_eq!(bells.take(), [heard(&activation, "DENIED")]);
    deny(&ground.bea, no(&approval)).await.unwrap();
    assert_eq!(bells.take(), [], "the same again rings for nobody");
}

#[tokio::test]
async fn a_bell_that_is_refused_is_not_rung_again() {
    let mut ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let bells = listen(&ground, || Err(Status::unavailable("not now"))).await;
    alone(&mut ground, &bells.url).await;
    let denied = deny(&ground.bea, no(&approval)).await.unwrap();
    assert_eq!(denied.state(), ApprovalState::Denied);
    assert_eq!(bells.take().len(), 1);
}

#[tokio::test]
async fn a_dry_run_a_refusal_and_a_repeat_ring_for_nobody() {
    let mut ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let bells = listen(&ground, || Ok(())).await;
    alone(&mut ground, &bells.url).await;
    approve(&ground.bea, yes(&approval)).await.unwrap();
    let request = ApproveRequest { request_id: new_id(), ..yes(&approval) };
    let dry = ApproveRequest { validate_only: true, ..request.clone() };
    approve(&ground.carl, dry).await.unwrap();
    let blank = ApproveRequest { justification: String::new(), ..request.clone() };
    let answer = approve(&ground.carl, blank).await;
    assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(bells.take(), []);
    approve(&ground.carl, request.clone()).await.unwrap();
    approve(&ground.carl, request).await.unwrap();
    assert_eq!(bells.take().len(), 1);
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
