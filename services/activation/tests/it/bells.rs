//! What this service wants of the approval service: asked once, after the commit, and whatever
//! comes of it changes nothing here.

use pim_proto::activation::v1::{
    ActivateRoleRequest, Activation, ActivationState, CancelActivationRequest, Ending,
    RevokeActivationRequest,
};
use pim_proto::approval::v1::approval_service_server::ApprovalServiceServer;
use pim_store::{Reach, activations, approvals};
use pim_tests::{Bell, Peer, Person, Reply, assert_refused, new_id, nowhere};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::ground::{Ground, ROLE, UNIT, activations_of, assert_state, stored};

/// A bell that was rung, for which activation, and the state of it that could be read then.
type Heard = (String, Uuid, Option<&'static str>);

const OPEN: &str = "/pim.approval.v1.ApprovalService/OpenApproval";
const CANCEL: &str = "/pim.approval.v1.ApprovalService/CancelApproval";

/// An approval service that only listens.
async fn listen(ground: &Ground, reply: Reply) -> Peer<Heard> {
    let (db, tenant) = (ground.world.db.clone(), ground.tenant());
    let note = move |bell: Bell| {
        let db = db.clone();
        async move {
            let mut read = db.read(Reach::EveryTenant).await.unwrap();
            let thing: Uuid = bell.thing_id.parse().unwrap();
            let activation = match approvals::get(&mut read, tenant, thing.into()).await.unwrap() {
                Some(approval) => approval.activation,
                None => thing.into(),
            };
            let found = activations::get(&mut read, tenant, activation).await.unwrap();
            (bell.path, activation.uuid(), found.map(|activation| activation.state.as_str()))
        }
    };
    Peer::listen::<ApprovalServiceServer<()>, _>(reply, note).await
}

/// Calls an activation service that has its peers at `peers`; the others are as they were.
async fn alone(ground: &mut Ground, peers: &str) {
    ground.world.call_alone(pim_activation::SERVICE, peers).await;
    ground.ada = ground.ada.again(&ground.world);
}

fn heard(bell: &str, activation: &Activation, state: &'static str) -> Heard {
    (bell.to_owned(), activation.id.parse().unwrap(), Some(state))
}

async fn cancel(person: &Person, activation: &Activation) -> Activation {
    let activation_id = activation.id.clone();
    let request = CancelActivationRequest { activation_id, ..Default::default() };
    let answer = person.client.activations().cancel_activation(request).await.unwrap();
    answer.into_inner().activation.unwrap()
}

#[tokio::test]
async fn a_pending_one_rings_once_for_its_approval_after_the_commit() {
    let (mut ground, _) = Ground::with_approvers(["boss"]).await;
    let bells = listen(&ground, || Ok(())).await;
    alone(&mut ground, &bells.url).await;
    let activation = ground.activated().await;
    assert_eq!(bells.take(), [heard(OPEN, &activation, "PENDING_APPROVAL")]);
}

#[tokio::test]
async fn a_bell_that_is_refused_is_not_rung_again() {
    let (mut ground, _) = Ground::with_approvers(["boss"]).await;
    let bells = listen(&ground, || Err(Status::unavailable("not now"))).await;
    alone(&mut ground, &bells.url).await;
    let activation = ground.activated().await;
    assert_state(&activation, ActivationState::PendingApproval);
    assert_eq!(bells.take().len(), 1);
}

#[tokio::test]
async fn what_needs_nobody_rings_for_nobody() {
    let mut ground = Ground::new().await;
    let bells = listen(&ground, || Ok(())).await;
    alone(&mut ground, &bells.url).await;
    let activation = ground.activated().await;
    ground.ada.deactivate(&activation.id).await.unwrap();
    assert_eq!(bells.take(), []);
}

#[tokio::test]
async fn a_dry_run_a_refusal_and_a_repeat_ring_for_nobody() {
    let (mut ground, _) = Ground::with_approvers(["boss"]).await;
    let bells = listen(&ground, || Ok(())).await;
    alone(&mut ground, &bells.url).await;
    let wish = ActivateRoleRequest { request_id: new_id(), ..Person::wish(ROLE, "/") };
    let dry = ActivateRoleRequest { validate_only: true, ..wish.clone() };
    ground.ada.activate(dry).await.unwrap();
    let blank = ActivateRoleRequest { justification: String::new(), ..wish.clone() };
    assert_refused(ground.ada.activate(blank).await, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(bells.take(), []);
    let first = ground.ada.activate(wish.clone()).await.unwrap();
    assert_eq!(ground.ada.activate(wish).await.unwrap(), first);
    assert_eq!(bells.take().len(), 1);
}

#[tokio::test]
async fn a_withdrawn_one_rings_once_for_its_approval_to_be_closed() {
    let (mut ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let activation = ground.activated().await;
    assert_eq!(ground.waiting(&boss).await.activation_id, activation.id);
    let bells = listen(&ground, || Ok(())).await;
    alone(&mut ground, &bells.url).await;
    cancel(&ground.ada, &activation).await;
    assert_eq!(bells.take(), [heard(CANCEL, &activation, "ENDED")]);
}

#[tokio::test]
async fn one_that_is_taken_away_rings_only_where_it_waited() {
    let (mut ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let waiting = ground.activated().await;
    assert_eq!(ground.waiting(&boss).await.activation_id, waiting.id);
    ground.org.require_approval(ROLE, &[]).await;
    let active = ground.ada.activate(Person::wish(ROLE, UNIT)).await.unwrap();
    let bells = listen(&ground, || Ok(())).await;
    alone(&mut ground, &bells.url).await;
    let admin = ground.org.admin.again(&ground.world);
    for (activation, validate_only) in [(&active, false), (&waiting, true), (&waiting, false)] {
        assert_eq!(bells.take(), []);
        let (activation_id, justification) = (activation.id.clone(), "misused".to_owned());
        let request = RevokeActivationRequest {
            activation_id,
            justification,
            validate_only,
            ..Default::default()
        };
        admin.client.activations().revoke_activation(request).await.unwrap();
    }
    assert_eq!(bells.take(), [heard(CANCEL, &waiting, "ENDED")]);
}

#[tokio::test]
async fn a_peer_that_is_down_changes_nothing_of_the_answers() {
    let (mut ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let whole = ground.world.url.clone();
    alone(&mut ground, &nowhere().await).await;
    let activation = ground.activated().await;
    assert_state(&activation, ActivationState::PendingApproval);
    assert_eq!(activations_of(&ground.ada).await, std::slice::from_ref(&activation));
    assert_eq!(boss.inbox().await, [], "nobody has heard of it");
    ground.world.url = whole;
    ground.world.settle().await;
    let approval = ground.waiting(&boss).await;
    assert_eq!(approval.activation_id, activation.id, "the scheduler has asked for it");
    let ended = cancel(&ground.ada, &activation).await;
    assert_eq!(ended.ending(), Ending::Canceled);
    assert_eq!(stored(&ground.ada, &activation).await, ended);
    assert_eq!(boss.inbox().await, [], "what waits for nothing is in no inbox");
}
