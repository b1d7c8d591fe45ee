//! `DisablePrincipal` and `EnablePrincipal`: from one state to the other and back, and what had
//! been activated stays ended.

use chrono::TimeDelta;
use pim_client::Client;
use pim_proto::{
    activation::v1::Ending,
    assignment::v1::{DisablePrincipalRequest, EnablePrincipalRequest, Principal},
};
use pim_tests::{
    Organisation, Person, assert_invalid, assert_refused, assert_same_refusal, metadata, new_id,
    timestamp,
};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, UNIT};

async fn disable(client: &Client, request: DisablePrincipalRequest) -> Result<Principal, Status> {
    let answer = client.directory().disable_principal(request).await?;
    Ok(answer.into_inner().principal.unwrap())
}

async fn enable(client: &Client, request: EnablePrincipalRequest) -> Result<Principal, Status> {
    let answer = client.directory().enable_principal(request).await?;
    Ok(answer.into_inner().principal.unwrap())
}

fn off(id: &str) -> DisablePrincipalRequest {
    DisablePrincipalRequest { principal_id: id.to_owned(), ..Default::default() }
}

fn on(id: &str) -> EnablePrincipalRequest {
    EnablePrincipalRequest { principal_id: id.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn who_is_disabled_holds_nothing_and_cannot_call() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    ground.org.assign(&ground.ada, ROLE, "/").await.unwrap();
    assert!(ground.ada.holds(ROLE, "/").await);
    let before = ground.stored(&ground.ada.id).await;
    ground.world.advance(TimeDelta::minutes(1));
    let disabled = disable(admin, off(&ground.ada.id)).await.unwrap();
    let expected = Principal {
        enabled: false,
        enabled_since_time: None,
        update_time: Some(timestamp(ground.world.now())),
        etag: disabled.etag.clone(),
        ..before.clone()
    };
    assert_eq!(disabled, expected);
    assert_ne!(disabled.etag, before.etag);
    assert_eq!(ground.stored(&ground.ada.id).await, disabled);
    let answer = ground.ada.activate(Person::wish(ROLE, "/")).await;
    assert_refused(answer, Code::Unauthenticated, "CREDENTIAL_INVALID");
}

#[tokio::test]
async fn enabled_again_assignments_count_and_activations_do_not() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    ground.org.make_eligible(&ground.ada, ROLE, "/").await;
    ground.org.assign(&ground.ada, ROLE, UNIT).await.unwrap();
    let activation = ground.ada.activate(Person::wish(ROLE, "/")).await.unwrap();
    disable(admin, off(&ground.ada.id)).await.unwrap();
    ground.world.advance(TimeDelta::minutes(1));
    let enabled = enable(admin, on(&ground.ada.id)).await.unwrap();
    assert!(enabled.enabled);
    assert_eq!(enabled.enabled_since_time, Some(timestamp(ground.world.now())));
    assert_eq!(ground.stored(&ground.ada.id).await, enabled);
    assert!(ground.ada.holds(ROLE, UNIT).await);
    assert!(!ground.ada.holds(ROLE, "/").await);
    let ended = ground.ada.activation(&activation.id).await.unwrap();
    assert_eq!((ended.ending(), &*ended.void_rules[0]), (Ending::Void, "PRINCIPAL"));
}

#[tokio::test]
async fn each_goes_from_the_other_state_only() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let before = ground.stored(&ground.ada.id).await;
    let answer = enable(admin, on(&ground.ada.id)).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "state"), "enabled");
    assert_eq!(ground.stored(&ground.ada.id).await, before);
    let disabled = disable(admin, off(&ground.ada.id)).await.unwrap();
    let answer = disable(admin, off(&ground.ada.id)).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "state"), "disabled");
    assert_eq!(ground.stored(&ground.ada.id).await, disabled);
}

#[tokio::test]
async fn repeats_get_the_first_answer_and_dry_runs_write_nothing() {
    let ground = Ground::new().await;
    let (admin, id) = (&ground.org.admin.client, &ground.ada.id);
    let bob = ground.user("bob").await;
    let before = ground.stored(id).await;
    let request = DisablePrincipalRequest { request_id: new_id(), ..off(id) };
    let dry = DisablePrincipalRequest { validate_only: true, ..request.clone() };
    assert!(!disable(admin, dry).await.unwrap().enabled);
    assert_eq!(ground.stored(id).await, before);
    let disabled = disable(admin, request.clone()).await.unwrap();
    assert_eq!(disable(admin, request.clone()).await.unwrap(), disabled);
    let other = DisablePrincipalRequest { principal_id: bob.id.clone(), ..request.clone() };
    let answer = disable(admin, other).await;
    assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
    assert!(ground.stored(&bob.id).await.enabled);
    ground.world.advance(TimeDelta::minutes(1));
    let back = EnablePrincipalRequest { request_id: new_id(), ..on(id) };
    let dry = EnablePrincipalRequest { validate_only: true, ..back.clone() };
    assert!(enable(admin, dry).await.unwrap().enabled);
    assert_eq!(ground.stored(id).await, disabled);
    let enabled = enable(admin, back.clone()).await.unwrap();
    assert_eq!(enable(admin, back.clone()).await.unwrap(), enabled);
    let other = EnablePrincipalRequest { principal_id: bob.id, ..back };
    let answer = enable(admin, other).await;
    assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
    assert_eq!(disable(admin, request).await.unwrap(), disabled, "as it was then");
    assert_eq!(ground.stored(id).await, enabled, "and it stays as it is");
}

#[tokio::test]
async fn who_may_not_learns_nothing() {
    let ground = Ground::new().await;
    let owner = ground.user("owner").await;
    ground.org.assign(&owner, Organisation::OWNER, "/").await.unwrap();
    let local = ground.user("local").await;
    ground.org.assign(&local, Organisation::GLOBAL_ADMINISTRATOR, UNIT).await.unwrap();
    let bob = ground.user("bob").await;
    let before = ground.stored(&bob.id).await;
    for person in [&ground.ada, &owner, &local] {
        let real = disable(&person.client, off(&bob.id)).await;
        let real = assert_refused(real, Code::PermissionDenied, "NOT_PERMITTED");
        let missing = disable(&person.client, off(&new_id())).await;
        let missing = assert_refused(missing, Code::PermissionDenied, "NOT_PERMITTED");
        assert_same_refusal(&real, &missing);
        let real = enable(&person.client, on(&bob.id)).await;
        let real = assert_refused(real, Code::PermissionDenied, "NOT_PERMITTED");
        let missing = enable(&person.client, on(&new_id())).await;
        let missing = assert_refused(missing, Code::PermissionDenied, "NOT_PERMITTED");
        assert_same_refusal(&real, &missing);
    }
    assert_eq!(ground.stored(&bob.id).await, before);
}

#[tokio::test]
async fn who_there_is_not_is_not_found_for_who_may_know() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let elsewhere = ground.world.organisation().await;
    for id in [new_id(), elsewhere.second_admin.id.clone()] {
        assert_refused(disable(admin, off(&id)).await, Code::NotFound, "NOT_FOUND");
        assert_refused(enable(admin, on(&id)).await, Code::NotFound, "NOT_FOUND");
    }
    assert_eq!(elsewhere.second_admin.inbox().await, [], "they can still call");
    assert_invalid(disable(admin, off("")).await, "principal_id");
    assert_invalid(enable(admin, on("1")).await, "principal_id");
}

#[tokio::test]
async fn nobody_enables_another_account_of_their_own_person() {
    let ground = Ground::new().await;
    let [root, user] = ground.accounts(["root", "user"]).await;
    ground.org.assign(&root, Organisation::GLOBAL_ADMINISTRATOR, "/").await.unwrap();
    let disabled = disable(&root.client, off(&user.id)).await.unwrap();
    let answer = enable(&root.client, on(&user.id)).await;
    assert_refused(answer, Code::PermissionDenied, "SELF_GRANT");
    assert_eq!(ground.stored(&user.id).await, disabled);
}

#[tokio::test]
async fn disabling_works_while_the_clock_is_in_doubt_and_enabling_does_not() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let now = ground.world.now();
    ground.world.system.clock.set(now - TimeDelta::minutes(1));
    let disabled = disable(admin, off(&ground.ada.id)).await.unwrap();
    let answer = enable(admin, on(&ground.ada.id)).await;
    assert_refused(answer, Code::Unavailable, "CLOCK_IN_DOUBT");
    ground.world.system.clock.set(now);
    assert_eq!(ground.stored(&ground.ada.id).await, disabled);
}
