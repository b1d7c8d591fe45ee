//! `DeactivateRole`: losing privilege needs nobody's leave, and nobody else can do it for one.

use chrono::TimeDelta;
use pim_proto::activation::v1::{
    ActivateRoleRequest, Activation, ActivationState, DeactivateRoleRequest, Ending,
};
use pim_tests::{Person, assert_refused, assert_same_refusal, fields, metadata, new_id, timestamp};
use tonic::Code;

use crate::ground::{Ground, ROLE, stored};

#[tokio::test]
async fn it_ends_the_activation_at_once() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    ground.world.advance(TimeDelta::minutes(1));
    let ended = ground.ada.deactivate(&activation.id).await.unwrap();
    let now = Some(timestamp(ground.world.now()));
    let expected = Activation {
        state: ActivationState::Ended.into(),
        ending: Ending::Deactivated.into(),
        ended_time: now,
        update_time: now,
        etag: ended.etag.clone(),
        ..activation.clone()
    };
    assert_eq!(ended, expected);
    assert_ne!(ended.etag, activation.etag);
    assert_eq!(stored(&ground.ada, &activation).await, ended);
    assert!(!ground.ada.holds(ROLE, "/").await);
    ground.activated().await;
}

#[tokio::test]
async fn it_needs_no_second_factor_and_no_eligibility() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    let request = DeactivateRoleRequest { activation_id: activation.id, ..Default::default() };
    ground.ada.weak.activations().deactivate_role(request).await.unwrap();
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn it_works_while_the_clock_is_in_doubt() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    ground.world.system.clock.set(ground.world.now() - TimeDelta::minutes(1));
    let answer = ground.ada.activate(Person::wish(ROLE, "/")).await;
    assert_refused(answer, Code::Unavailable, "CLOCK_IN_DOUBT");
    let ended = ground.ada.deactivate(&activation.id).await.unwrap();
    assert_eq!(ended.ending(), Ending::Deactivated);
}

#[tokio::test]
async fn nobody_else_can_and_nobody_else_learns_whether_there_is_one() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    let bob = ground.user("bob").await;
    let elsewhere = ground.world.organisation().await;
    for stranger in [&bob, &ground.org.admin, &elsewhere.admin] {
        let real = stranger.deactivate(&activation.id).await;
        let real = assert_refused(real, Code::PermissionDenied, "NOT_PERMITTED");
        let missing = stranger.deactivate(&new_id()).await;
        let missing = assert_refused(missing, Code::PermissionDenied, "NOT_PERMITTED");
        assert_same_refusal(&real, &missing);
    }
    assert_eq!(stored(&ground.ada, &activation).await, activation);
}

#[tokio::test]
async fn only_what_is_active_can_be_given_up() {
    let (ground, _) = Ground::with_approvers(["boss"]).await;
    let pending = ground.activated().await;
    ground.no_approval().await;
    let start_time = Some(timestamp(ground.world.now() + TimeDelta::hours(1)));
    let unit = crate::ground::UNIT;
    let booked = ActivateRoleRequest { start_time, ..Person::wish(ROLE, unit) };
    let booked = ground.ada.activate(booked).await.unwrap();
    for (activation, state) in [(pending, "PENDING_APPROVAL"), (booked, "SCHEDULED")] {
        let answer = ground.ada.deactivate(&activation.id).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
        assert_eq!(metadata(&status, "state"), state);
        assert_eq!(metadata(&status, "thing"), "activation");
        assert_eq!(stored(&ground.ada, &activation).await, activation);
    }
}

#[tokio::test]
async fn what_time_has_ended_cannot_be_given_up() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    ground.world.advance(TimeDelta::hours(1));
    let answer = ground.ada.deactivate(&activation.id).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "state"), "ENDED");
    assert_eq!(stored(&ground.ada, &activation).await.ending(), Ending::Expired);
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let ground = Ground::new().await;
    let activation_id = ground.activated().await.id;
    let good = DeactivateRoleRequest { activation_id, ..Default::default() };
    for (path, request) in [
        ("activation_id", DeactivateRoleRequest::default()),
        ("justification", DeactivateRoleRequest { justification: "\0".to_owned(), ..good.clone() }),
        ("request_id", DeactivateRoleRequest { request_id: "1".to_owned(), ..good }),
    ] {
        let answer = ground.ada.client.activations().deactivate_role(request).await;
        let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
        assert_eq!(fields(&status), [path]);
    }
    assert!(ground.ada.holds(ROLE, "/").await);
}
