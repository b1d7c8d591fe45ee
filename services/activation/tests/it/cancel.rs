//! `CancelActivation`: its requester and administrators at its scope withdraw what is not yet held.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{
        ActivateRoleRequest, Activation, ActivationState, CancelActivationRequest, Ending,
    },
    approval::v1::{ApprovalState, GetApprovalRequest},
};
use pim_tests::{
    Organisation, Person, assert_refused, assert_same_refusal, fields, metadata, new_id, timestamp,
};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, SUBSCRIPTION, stored};

async fn cancel(person: &Person, id: &str) -> Result<Activation, Status> {
    let request = CancelActivationRequest { activation_id: id.to_owned(), ..Default::default() };
    let answer = person.client.activations().cancel_activation(request).await?;
    Ok(answer.into_inner().activation.unwrap())
}

async fn booked(ground: &Ground) -> Activation {
    let start_time = Some(timestamp(ground.world.now() + TimeDelta::hours(1)));
    let wish = ActivateRoleRequest { start_time, ..Person::wish(ROLE, "/") };
    ground.ada.activate(wish).await.unwrap()
}

#[tokio::test]
async fn a_booked_one_is_withdrawn() {
    let ground = Ground::new().await;
    let activation = booked(&ground).await;
    ground.world.advance(TimeDelta::minutes(1));
    let ended = cancel(&ground.ada, &activation.id).await.unwrap();
    let now = Some(timestamp(ground.world.now()));
    let expected = Activation {
        state: ActivationState::Ended.into(),
        ending: Ending::Canceled.into(),
        ended_time: now,
        start_time: None,
        update_time: now,
        etag: ended.etag.clone(),
        ..activation.clone()
    };
    assert_eq!(ended, expected);
    assert_eq!(stored(&ground.ada, &activation).await, ended);
}

#[tokio::test]
async fn a_pending_one_is_withdrawn_and_so_is_its_approval() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let activation = ground.activated().await;
    let approval = ground.waiting(&boss).await;
    let ended = cancel(&ground.ada, &activation.id).await.unwrap();
    assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::Canceled));
    assert_eq!(boss.inbox().await, []);
    let request = GetApprovalRequest { approval_id: approval.id };
    let answer = boss.client.approvals().get_approval(request).await.unwrap().into_inner();
    let closed = answer.approval.unwrap();
    assert_eq!(closed.state(), ApprovalState::Canceled);
    assert_eq!(closed.update_time, ended.update_time, "that is recorded");
}

#[tokio::test]
async fn an_administrator_at_its_scope_can() {
    let ground = Ground::new().await;
    let activation = booked(&ground).await;
    let ended = cancel(&ground.org.admin, &activation.id).await.unwrap();
    assert_eq!(ended.ending(), Ending::Canceled);
}

#[tokio::test]
async fn administrators_of_something_else_cannot() {
    let ground = Ground::new().await;
    let Ground { world, org, ada, .. } = &ground;
    let directory = booked(&ground).await;
    org.make_eligible(ada, Organisation::CONTRIBUTOR, "/").await;
    let start_time = Some(timestamp(world.now() + TimeDelta::hours(1)));
    let wish = Person::wish(Organisation::CONTRIBUTOR, SUBSCRIPTION);
    let wish = ActivateRoleRequest { start_time, ..wish };
    let resource = ada.activate(wish).await.unwrap();
    let owner = ground.user("owner").await;
    org.assign(&owner, Organisation::OWNER, "/").await.unwrap();
    let beside = ground.user("beside").await;
    let other = "/subscriptions/00000000-1111-4222-8333-444444444444";
    org.assign(&beside, Organisation::OWNER, other).await.unwrap();
    let answer = cancel(&owner, &directory.id).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    let answer = cancel(&beside, &resource.id).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    assert_eq!(stored(ada, &directory).await, directory);
    assert_eq!(stored(ada, &resource).await, resource);
    cancel(&owner, &resource.id).await.unwrap();
}

#[tokio::test]
async fn a_stranger_learns_nothing_and_an_administrator_that_there_is_none() {
    let ground = Ground::new().await;
    let activation = booked(&ground).await;
    let bob = ground.user("bob").await;
    let real = cancel(&bob, &activation.id).await;
    let real = assert_refused(real, Code::PermissionDenied, "NOT_PERMITTED");
    let missing = cancel(&bob, &new_id()).await;
    let missing = assert_refused(missing, Code::PermissionDenied, "NOT_PERMITTED");
    assert_same_refusal(&real, &missing);
    let answer = cancel(&ground.org.admin, &new_id()).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
    let elsewhere = ground.world.organisation().await;
    let answer = cancel(&elsewhere.admin, &activation.id).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
    assert_eq!(stored(&ground.ada, &activation).await, activation);
}

#[tokio::test]
async fn what_is_active_or_ended_cannot_be_withdrawn() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    let answer = cancel(&ground.ada, &activation.id).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "state"), "ACTIVE");
    assert_eq!(stored(&ground.ada, &activation).await, activation);
    let ended = ground.ada.deactivate(&activation.id).await.unwrap();
    let answer = cancel(&ground.org.admin, &activation.id).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "state"), "ENDED");
    assert_eq!(stored(&ground.ada, &activation).await, ended);
}

#[tokio::test]
async fn what_nobody_decided_in_time_cannot_be_withdrawn() {
    let (ground, _) = Ground::with_approvers(["boss"]).await;
    let activation = ground.activated().await;
    ground.world.advance(TimeDelta::hours(24));
    let answer = cancel(&ground.ada, &activation.id).await;
    assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(stored(&ground.ada, &activation).await.ending(), Ending::TimedOut);
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let ground = Ground::new().await;
    let activation = booked(&ground).await;
    let activation_id = activation.id.clone();
    let good = CancelActivationRequest { activation_id, ..Default::default() };
    for (path, request) in [
        ("activation_id", CancelActivationRequest::default()),
        ("justification", CancelActivationRequest { justification: "\0".into(), ..good.clone() }),
        ("request_id", CancelActivationRequest { request_id: "1".to_owned(), ..good }),
    ] {
        let answer = ground.ada.client.activations().cancel_activation(request).await;
        let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
        assert_eq!(fields(&status), [path]);
    }
    assert_eq!(stored(&ground.ada, &activation).await, activation);
}
