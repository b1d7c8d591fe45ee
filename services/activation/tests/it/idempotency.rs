//! The repeat and the dry run of each write.

use chrono::TimeDelta;
use pim_proto::activation::v1::{
    ActivateRoleRequest, Activation, ActivationState, CancelActivationRequest,
    DeactivateRoleRequest,
};
use pim_tests::{Person, assert_refused, metadata, new_id, timestamp};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, UNIT, activations_of, assert_state, stored};

async fn deactivate(person: &Person, request: DeactivateRoleRequest) -> Result<Activation, Status> {
    let answer = person.client.activations().deactivate_role(request).await?;
    Ok(answer.into_inner().activation.unwrap())
}

async fn cancel(person: &Person, request: CancelActivationRequest) -> Result<Activation, Status> {
    let answer = person.client.activations().cancel_activation(request).await?;
    Ok(answer.into_inner().activation.unwrap())
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer() {
    let Ground { world, ada, .. } = Ground::new().await;
    let request_id = new_id();
    let wish = ActivateRoleRequest { request_id, ..Person::wish(ROLE, "/") };
    let first = ada.activate(wish.clone()).await.unwrap();
    world.advance(TimeDelta::minutes(3));
    assert_eq!(ada.activate(wish.clone()).await.unwrap(), first);
    ada.deactivate(&first.id).await.unwrap();
    assert_eq!(ada.activate(wish).await.unwrap(), first, "as it was then");
    assert_eq!(activations_of(&ada).await.len(), 1);
    assert!(!ada.holds(ROLE, "/").await, "a repeat revives nothing");
}

#[tokio::test]
async fn two_spellings_of_one_request_are_one_request() {
    let Ground { ada, .. } = Ground::new().await;
    let request_id = new_id();
    let wish = ActivateRoleRequest { request_id, ..Person::wish(ROLE, UNIT) };
    let first = ada.activate(wish.clone()).await.unwrap();
    let spelt = ActivateRoleRequest { role_id: ROLE.to_uppercase(), ..wish };
    assert_eq!(ada.activate(spelt).await.unwrap(), first);
}

#[tokio::test]
async fn another_request_under_the_same_id_is_refused() {
    let Ground { ada, .. } = Ground::new().await;
    let request_id = new_id();
    let wish = ActivateRoleRequest { request_id, ..Person::wish(ROLE, "/") };
    let first = ada.activate(wish.clone()).await.unwrap();
    for other in [
        ActivateRoleRequest { justification: "another".to_owned(), ..wish.clone() },
        ActivateRoleRequest { scope: UNIT.to_owned(), ..wish },
    ] {
        let answer = ada.activate(other).await;
        assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
    }
    assert_eq!(activations_of(&ada).await, [first]);
}

#[tokio::test]
async fn a_request_id_belongs_to_one_caller_and_one_rpc() {
    let Ground { world, org, ada, .. } = Ground::new().await;
    let bob = org.user(&world, "bob").await;
    org.make_eligible(&bob, ROLE, "/").await;
    let request_id = new_id();
    let wish = ActivateRoleRequest { request_id: request_id.clone(), ..Person::wish(ROLE, "/") };
    let hers = ada.activate(wish.clone()).await.unwrap();
    let his = bob.activate(wish).await.unwrap();
    assert_eq!(his.principal_id, bob.id);
    let activation_id = hers.id;
    let request = DeactivateRoleRequest { activation_id, request_id, ..Default::default() };
    assert_state(&deactivate(&ada, request).await.unwrap(), ActivationState::Ended);
}

#[tokio::test]
async fn a_refusal_leaves_no_claim_on_its_request_id() {
    let Ground { ada, .. } = Ground::new().await;
    let request_id = new_id();
    let wish = ActivateRoleRequest { request_id, ..Person::wish(ROLE, "/") };
    let blank = ActivateRoleRequest { justification: String::new(), ..wish.clone() };
    assert_refused(ada.activate(blank).await, Code::FailedPrecondition, "POLICY_DENIED");
    ada.activate(wish).await.unwrap();
}

#[tokio::test]
async fn a_dry_run_answers_as_usual_and_writes_nothing() {
    let Ground { ada, eligibility, .. } = Ground::new().await;
    let request_id = new_id();
    let wish = ActivateRoleRequest { request_id, ..Person::wish(ROLE, "/") };
    let dry = ActivateRoleRequest { validate_only: true, ..wish.clone() };
    let judged = ada.activate(dry.clone()).await.unwrap();
    assert_state(&judged, ActivationState::Active);
    assert_eq!(judged.eligibility_id, eligibility.id);
    assert_eq!(activations_of(&ada).await, []);
    assert!(!ada.holds(ROLE, "/").await);
    let real = ada.activate(wish).await.unwrap();
    let again = ActivateRoleRequest { request_id: new_id(), ..dry };
    assert_refused(ada.activate(again).await, Code::AlreadyExists, "ACTIVATION_LIVE");
    assert_eq!(activations_of(&ada).await, [real]);
}

#[tokio::test]
async fn a_dry_run_does_not_record_what_time_has_ended_either() {
    let ground = Ground::new().await;
    let first = ground.activated().await;
    ground.world.advance(TimeDelta::hours(1));
    let dry = ActivateRoleRequest { validate_only: true, ..Person::wish(ROLE, "/") };
    ground.ada.activate(dry).await.unwrap();
    assert_eq!(stored(&ground.ada, &first).await.etag, first.etag);
}

#[tokio::test]
async fn giving_up_twice_under_one_id_is_giving_up_once() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    let request = DeactivateRoleRequest {
        activation_id: activation.id.clone(),
        justification: "done".to_owned(),
        request_id: new_id(),
        validate_only: false,
    };
    let dry = DeactivateRoleRequest { validate_only: true, ..request.clone() };
    assert_state(&deactivate(&ground.ada, dry).await.unwrap(), ActivationState::Ended);
    assert_eq!(stored(&ground.ada, &activation).await, activation);
    let first = deactivate(&ground.ada, request.clone()).await.unwrap();
    ground.world.advance(TimeDelta::minutes(1));
    assert_eq!(deactivate(&ground.ada, request.clone()).await.unwrap(), first);
    let other = DeactivateRoleRequest { justification: "bored".to_owned(), ..request.clone() };
    let answer = deactivate(&ground.ada, other).await;
    assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
    let fresh = DeactivateRoleRequest { request_id: new_id(), ..request };
    let answer = deactivate(&ground.ada, fresh).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "state"), "ENDED");
    assert_eq!(stored(&ground.ada, &activation).await, first);
}

#[tokio::test]
async fn withdrawing_twice_under_one_id_is_withdrawing_once() {
    let ground = Ground::new().await;
    let start_time = Some(timestamp(ground.world.now() + TimeDelta::hours(1)));
    let wish = ActivateRoleRequest { start_time, ..Person::wish(ROLE, "/") };
    let activation = ground.ada.activate(wish).await.unwrap();
    let request = CancelActivationRequest {
        activation_id: activation.id.clone(),
        justification: "not needed".to_owned(),
        request_id: new_id(),
        validate_only: false,
    };
    let dry = CancelActivationRequest { validate_only: true, ..request.clone() };
    assert_state(&cancel(&ground.ada, dry).await.unwrap(), ActivationState::Ended);
    assert_eq!(stored(&ground.ada, &activation).await, activation);
    let first = cancel(&ground.ada, request.clone()).await.unwrap();
    ground.world.advance(TimeDelta::minutes(1));
    assert_eq!(cancel(&ground.ada, request.clone()).await.unwrap(), first);
    let other = CancelActivationRequest { justification: String::new(), ..request };
    let answer = cancel(&ground.ada, other).await;
    assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
    assert_eq!(stored(&ground.ada, &activation).await, first);
}

#[tokio::test]
async fn the_right_is_judged_before_a_repeat_is_answered() {
    let ground = Ground::new().await;
    let start_time = Some(timestamp(ground.world.now() + TimeDelta::hours(1)));
    let wish = ActivateRoleRequest { start_time, ..Person::wish(ROLE, "/") };
    let activation_id = ground.ada.activate(wish).await.unwrap().id;
    let request_id = new_id();
    let request = CancelActivationRequest { activation_id, request_id, ..Default::default() };
    let helper = ground.user("helper").await;
    let made = ground.org.assign(&helper, pim_tests::Organisation::GLOBAL_ADMINISTRATOR, "/").await;
    let first = cancel(&helper, request.clone()).await.unwrap();
    assert_eq!(cancel(&helper, request.clone()).await.unwrap(), first);
    let assignment_id = made.unwrap().id;
    let removal =
        pim_proto::assignment::v1::RemoveAssignmentRequest { assignment_id, ..Default::default() };
    ground.org.admin.client.assignments().remove_assignment(removal).await.unwrap();
    let answer = cancel(&helper, request).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
}
