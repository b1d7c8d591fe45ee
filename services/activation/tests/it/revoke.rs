//! `RevokeActivation`: administrators at its scope take away what is held, booked or waiting.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{
        ActivateRoleRequest, Activation, ActivationState, Ending, RevokeActivationRequest,
    },
    approval::v1::{ApprovalState, GetApprovalRequest},
    audit::v1::EventFilter,
};
use pim_tests::{
    Organisation, Person, assert_invalid, assert_refused, assert_same_refusal, metadata, new_id,
    rules, timestamp,
};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, SUBSCRIPTION, UNIT, stored};

fn request(id: &str) -> RevokeActivationRequest {
    let (activation_id, justification) = (id.to_owned(), "misused".to_owned());
    RevokeActivationRequest { activation_id, justification, ..Default::default() }
}

async fn send(person: &Person, request: RevokeActivationRequest) -> Result<Activation, Status> {
    let answer = person.client.activations().revoke_activation(request).await?;
    Ok(answer.into_inner().activation.unwrap())
}

async fn revoke(person: &Person, id: &str) -> Result<Activation, Status> {
    send(person, request(id)).await
}

async fn booked(ground: &Ground, scope: &str) -> Activation {
    let start_time = Some(timestamp(ground.world.now() + TimeDelta::hours(1)));
    let wish = ActivateRoleRequest { start_time, ..Person::wish(ROLE, scope) };
    ground.ada.activate(wish).await.unwrap()
}

#[tokio::test]
async fn what_is_held_is_held_no_more() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    ground.world.advance(TimeDelta::minutes(1));
    let ended = revoke(&ground.org.admin, &activation.id).await.unwrap();
    let now = Some(timestamp(ground.world.now()));
    let expected = Activation {
        state: ActivationState::Ended.into(),
        ending: Ending::Revoked.into(),
        ended_time: now,
        update_time: now,
        etag: ended.etag.clone(),
        ..activation.clone()
    };
    assert_eq!(ended, expected);
    assert_eq!(stored(&ground.ada, &activation).await, ended);
    assert!(!ground.ada.holds(ROLE, "/").await);
    let filter = EventFilter { correlation_id: activation.id, ..EventFilter::default() };
    let last = ground.org.log(filter).await.pop().unwrap();
    assert_eq!((&*last.code, &*last.justification), ("pim.activation.revoked", "misused"));
    assert_eq!(last.activity, "Remove member from role in PIM completed (timebound)");
    // The eligibility still stands.
    ground.activated().await;
}

#[tokio::test]
async fn what_is_booked_does_not_start() {
    let ground = Ground::new().await;
    let activation = booked(&ground, "/").await;
    let ended = revoke(&ground.org.admin, &activation.id).await.unwrap();
    assert_eq!((ended.ending(), ended.start_time), (Ending::Revoked, None));
    ground.world.advance(TimeDelta::hours(1));
    ground.world.settle().await;
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn what_waits_is_closed_with_its_approval() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let activation = ground.activated().await;
    let approval = ground.waiting(&boss).await;
    let ended = revoke(&ground.org.admin, &activation.id).await.unwrap();
    assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::Revoked));
    assert_eq!(boss.inbox().await, []);
    let request = GetApprovalRequest { approval_id: approval.id };
    let answer = boss.client.approvals().get_approval(request).await.unwrap().into_inner();
    let closed = answer.approval.unwrap();
    assert_eq!(closed.state(), ApprovalState::Canceled);
    assert_eq!(closed.update_time, ended.update_time, "that is recorded");
}

#[tokio::test]
async fn it_works_while_the_clock_is_in_doubt_and_without_a_second_factor() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    ground.world.system.clock.set(ground.world.now() - TimeDelta::minutes(1));
    let weak = &ground.org.admin.weak;
    weak.activations().revoke_activation(request(&activation.id)).await.unwrap();
    assert_eq!(stored(&ground.ada, &activation).await.ending(), Ending::Revoked);
}

#[tokio::test]
async fn its_holder_cannot_and_administrators_of_something_else_cannot() {
    let ground = Ground::new().await;
    let Ground { org, ada, .. } = &ground;
    let directory = ground.activated().await;
    org.make_eligible(ada, Organisation::CONTRIBUTOR, "/").await;
    let wish = Person::wish(Organisation::CONTRIBUTOR, SUBSCRIPTION);
    let resource = ada.activate(wish).await.unwrap();
    let owner = ground.user("owner").await;
    org.assign(&owner, Organisation::OWNER, "/").await.unwrap();
    let beside = ground.user("beside").await;
    let other = "/subscriptions/00000000-1111-4222-8333-444444444444";
    org.assign(&beside, Organisation::OWNER, other).await.unwrap();
    let mut said = Vec::new();
    for (person, activation) in [(ada, &directory), (&owner, &directory), (&beside, &resource)] {
        let answer = revoke(person, &activation.id).await;
        said.push(assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED"));
    }
    let missing = revoke(&beside, &new_id()).await;
    let missing = assert_refused(missing, Code::PermissionDenied, "NOT_PERMITTED");
    said.iter().for_each(|one| assert_same_refusal(one, &missing));
    assert_eq!(stored(ada, &directory).await, directory);
    assert_eq!(stored(ada, &resource).await, resource);
    revoke(&owner, &resource.id).await.unwrap();
    let answer = revoke(&org.admin, &new_id()).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
    let elsewhere = ground.world.organisation().await;
    let answer = revoke(&elsewhere.admin, &directory.id).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn a_reason_must_be_given() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    for justification in ["", " \n"] {
        let blank = RevokeActivationRequest {
            justification: justification.to_owned(),
            ..request(&activation.id)
        };
        let answer = send(&ground.org.admin, blank).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
        assert_eq!(rules(&status), ["JUSTIFICATION"]);
    }
    assert_eq!(stored(&ground.ada, &activation).await, activation);
}

#[tokio::test]
async fn what_has_ended_cannot_be_taken_away() {
    let ground = Ground::new().await;
    let (given_up, expired) = (ground.activated().await, booked(&ground, UNIT).await);
    ground.ada.deactivate(&given_up.id).await.unwrap();
    ground.world.advance(TimeDelta::hours(1));
    ground.world.settle().await;
    ground.world.advance(TimeDelta::hours(1));
    for activation in [given_up, expired] {
        let before = stored(&ground.ada, &activation).await;
        let answer = revoke(&ground.org.admin, &activation.id).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
        assert_eq!(metadata(&status, "state"), "ENDED");
        assert_eq!(stored(&ground.ada, &activation).await, before);
    }
}

#[tokio::test]
async fn taking_away_twice_under_one_id_is_taking_away_once() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    let wish = RevokeActivationRequest { request_id: new_id(), ..request(&activation.id) };
    let dry = RevokeActivationRequest { validate_only: true, ..wish.clone() };
    let judged = send(&ground.org.admin, dry).await.unwrap();
    assert_eq!(judged.ending(), Ending::Revoked);
    assert_eq!(stored(&ground.ada, &activation).await, activation);
    let first = send(&ground.org.admin, wish.clone()).await.unwrap();
    ground.world.advance(TimeDelta::minutes(1));
    assert_eq!(send(&ground.org.admin, wish.clone()).await.unwrap(), first);
    let other = RevokeActivationRequest { justification: "bored".to_owned(), ..wish };
    let answer = send(&ground.org.admin, other).await;
    assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
    assert_eq!(stored(&ground.ada, &activation).await, first);
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let ground = Ground::new().await;
    let good = request(&ground.activated().await.id);
    for (path, request) in [
        ("activation_id", RevokeActivationRequest::default()),
        ("justification", RevokeActivationRequest { justification: "\0".into(), ..good.clone() }),
        ("request_id", RevokeActivationRequest { request_id: "1".to_owned(), ..good }),
    ] {
        assert_invalid(send(&ground.org.admin, request).await, path);
    }
    assert!(ground.ada.holds(ROLE, "/").await);
}
