//! `BatchActivateRoles`: each item as the single call, and none at the cost of another.

use std::time::Duration;

use chrono::TimeDelta;
use pim_client::{Refusal, status_of_item};
use pim_proto::{
    activation::v1::{
        ActivateRoleRequest, Activation, ActivationState, BatchActivateRolesRequest,
        BatchActivateRolesResponse,
        activate_role_request::Length,
        batch_activate_roles_request::{Item, item},
        batch_activate_roles_response::result::Outcome,
    },
    audit::v1::EventFilter,
};
use pim_store::{Purpose, activations};
use pim_tests::{
    Organisation, Person, assert_invalid, assert_refused, eventually, fields, metadata, new_id,
    reason, rules,
};
use tonic::{Code, Request, Status};
use uuid::Uuid;

use crate::ground::{Ground, ROLE, SUBSCRIPTION, UNIT, activations_of, assert_state, stored};

/// An hour of `role`, with a justification.
fn wish(role: &str, scope: &str) -> Item {
    let single = Person::wish(role, scope);
    let Some(Length::Duration(hour)) = single.length else { panic!("{single:?}") };
    Item {
        role_id: single.role_id,
        scope: single.scope,
        length: Some(item::Length::Duration(hour)),
        justification: single.justification,
        ..Item::default()
    }
}

fn batch(items: impl IntoIterator<Item = Item>) -> BatchActivateRolesRequest {
    BatchActivateRolesRequest { items: items.into_iter().collect(), ..Default::default() }
}

async fn send(
    person: &Person,
    request: BatchActivateRolesRequest,
) -> Result<BatchActivateRolesResponse, Status> {
    let answer = person.client.activations().batch_activate_roles(request).await?;
    Ok(answer.into_inner())
}

fn read(response: BatchActivateRolesResponse) -> Vec<Result<Activation, Status>> {
    assert!(!response.revision.is_empty());
    let results = response.results.into_iter();
    results
        .map(|result| match result.outcome.unwrap() {
            Outcome::Activation(activation) => Ok(activation),
            Outcome::Status(status) => Err(status_of_item(&status)),
        })
        .collect()
}

async fn outcomes(
    person: &Person,
    request: BatchActivateRolesRequest,
) -> Vec<Result<Activation, Status>> {
    read(send(person, request).await.unwrap())
}

/// What became of each item, in short.
fn said(outcomes: &[Result<Activation, Status>]) -> Vec<String> {
    let short = |outcome: &Result<Activation, Status>| match outcome {
        Ok(activation) => activation.state().as_str_name().replace("ACTIVATION_STATE_", ""),
        Err(status) => reason(status),
    };
    outcomes.iter().map(short).collect()
}

#[track_caller]
fn assert_same(item: &Status, single: &Status) {
    assert_eq!(Refusal::from_status(item), Refusal::from_status(single));
}

/// The reasons of the refusals in the log. Entries of one instant have no order.
async fn refusals(ground: &Ground) -> Vec<String> {
    let code = "pim.call.refused".to_owned();
    let events = ground.org.log(EventFilter { code, ..EventFilter::default() }).await;
    let mut reasons: Vec<_> = events.into_iter().map(|event| event.reason).collect();
    reasons.sort_unstable();
    reasons
}

#[tokio::test]
async fn several_roles_are_granted_in_one_call() {
    let ground = Ground::new().await;
    let contributor = Organisation::CONTRIBUTOR;
    ground.org.make_eligible(&ground.ada, contributor, "/").await;
    let items = [wish(ROLE, "/"), wish(ROLE, UNIT), wish(contributor, SUBSCRIPTION)];
    let granted = outcomes(&ground.ada, batch(items)).await;
    assert_eq!(said(&granted), ["ACTIVE"; 3]);
    for (outcome, (role, scope)) in
        granted.iter().zip([(ROLE, "/"), (ROLE, UNIT), (contributor, SUBSCRIPTION)])
    {
        let activation = outcome.as_ref().unwrap();
        assert_eq!((&*activation.role_id, &*activation.scope), (role, scope));
        assert_eq!(&stored(&ground.ada, activation).await, activation);
        assert!(ground.ada.holds(role, scope).await);
    }
}

#[tokio::test]
async fn what_is_refused_keeps_nothing_else_from_being_granted() {
    let ground = Ground::new().await;
    let unknown = new_id();
    let long = Item {
        length: Some(item::Length::Duration(pim_tests::duration(TimeDelta::hours(9)))),
        justification: String::new(),
        ..wish(ROLE, UNIT)
    };
    let items = [
        wish(ROLE, "/"),
        wish(ROLE, "/"),
        wish(&unknown, "/"),
        wish("not-a-uuid", "/"),
        long,
        wish(ROLE, UNIT),
    ];
    let outcomes = outcomes(&ground.ada, batch(items)).await;
    let expected =
        ["ACTIVE", "ACTIVATION_LIVE", "NOT_FOUND", "INVALID_FIELD", "POLICY_DENIED", "ACTIVE"];
    assert_eq!(said(&outcomes), expected);
    let [first, live, missing, malformed, denied, _] = <[_; 6]>::try_from(outcomes).unwrap();
    let live = assert_refused(live, Code::AlreadyExists, "ACTIVATION_LIVE");
    assert_eq!(metadata(&live, "activation_id"), first.unwrap().id);
    let missing = assert_refused(missing, Code::NotFound, "NOT_FOUND");
    assert_eq!(metadata(&missing, "id"), unknown);
    let malformed = assert_refused(malformed, Code::InvalidArgument, "INVALID_FIELD");
    assert_eq!(fields(&malformed), ["items[3].role_id"]);
    let denied = assert_refused(denied, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&denied), ["EXPIRATION", "JUSTIFICATION"]);
    assert_eq!(activations_of(&ground.ada).await.len(), 2);
    // As for a single call: what is malformed was never judged.
    assert_eq!(refusals(&ground).await, ["ACTIVATION_LIVE", "NOT_FOUND", "POLICY_DENIED"]);
}

#[tokio::test]
async fn an_item_is_refused_as_the_single_call_is() {
    let ground = Ground::new().await;
    let contributor = Organisation::CONTRIBUTOR;
    let single = ground.ada.activate(Person::wish(contributor, SUBSCRIPTION)).await.unwrap_err();
    let [item] =
        <[_; 1]>::try_from(outcomes(&ground.ada, batch([wish(contributor, SUBSCRIPTION)])).await)
            .unwrap();
    assert_same(&item.unwrap_err(), &single);
    let request = batch([wish(ROLE, "/")]);
    let answer = ground.ada.weak.activations().batch_activate_roles(request).await.unwrap();
    let [item] = <[_; 1]>::try_from(read(answer.into_inner())).unwrap();
    let item = assert_refused(item, Code::Unauthenticated, "STEP_UP_REQUIRED");
    let single = ground.ada.weak.activations().activate_role(Person::wish(ROLE, "/")).await;
    assert_same(&item, &single.unwrap_err());
}

#[tokio::test]
async fn a_repeat_gets_the_first_answers_and_judges_anew_what_was_refused() {
    let ground = Ground::new().await;
    let contributor = Organisation::CONTRIBUTOR;
    let items = [wish(ROLE, "/"), wish(contributor, SUBSCRIPTION), wish(ROLE, UNIT)];
    let request = BatchActivateRolesRequest { request_id: new_id(), ..batch(items) };
    let first = outcomes(&ground.ada, request.clone()).await;
    assert_eq!(said(&first), ["ACTIVE", "POLICY_DENIED", "ACTIVE"]);
    ground.world.advance(TimeDelta::minutes(3));
    ground.ada.deactivate(&first[0].as_ref().unwrap().id).await.unwrap();
    ground.org.make_eligible(&ground.ada, contributor, "/").await;
    let second = outcomes(&ground.ada, request.clone()).await;
    assert_eq!(said(&second), ["ACTIVE"; 3]);
    for place in [0, 2] {
        assert_eq!(second[place].as_ref().unwrap(), first[place].as_ref().unwrap());
    }
    assert!(!ground.ada.holds(ROLE, "/").await, "a repeat revives nothing");
    let third = outcomes(&ground.ada, request).await;
    assert_eq!(third[1].as_ref().unwrap(), second[1].as_ref().unwrap());
    assert_eq!(activations_of(&ground.ada).await.len(), 3);
}

#[tokio::test]
async fn other_contents_under_the_same_id_are_that_items_fault_alone() {
    let ground = Ground::new().await;
    let items = [wish(ROLE, "/"), wish(ROLE, UNIT)];
    let request = BatchActivateRolesRequest { request_id: new_id(), ..batch(items) };
    let first = outcomes(&ground.ada, request.clone()).await;
    let mut other = request.clone();
    other.items[0].justification = "another".to_owned();
    let again = outcomes(&ground.ada, other).await;
    assert_eq!(said(&again), ["REQUEST_ID_REUSED", "ACTIVE"]);
    assert_eq!(again[1].as_ref().unwrap(), first[1].as_ref().unwrap());
    // The single call has ids of its own.
    ground.ada.deactivate(&first[0].as_ref().unwrap().id).await.unwrap();
    let request_id = request.request_id;
    let single = ActivateRoleRequest { request_id, ..Person::wish(ROLE, "/") };
    assert_state(&ground.ada.activate(single).await.unwrap(), ActivationState::Active);
}

#[tokio::test]
async fn a_dry_run_judges_each_item_and_writes_nothing() {
    let ground = Ground::new().await;
    let items = [wish(ROLE, "/"), wish(ROLE, SUBSCRIPTION), wish(ROLE, "/")];
    let request = BatchActivateRolesRequest { request_id: new_id(), ..batch(items) };
    let dry = BatchActivateRolesRequest { validate_only: true, ..request.clone() };
    let judged = outcomes(&ground.ada, dry).await;
    assert_eq!(said(&judged), ["ACTIVE", "POLICY_DENIED", "ACTIVE"]);
    assert_eq!(activations_of(&ground.ada).await, []);
    assert_eq!(refusals(&ground).await, Vec::<String>::new());
    let real = outcomes(&ground.ada, request).await;
    assert_eq!(said(&real), ["ACTIVE", "POLICY_DENIED", "ACTIVATION_LIVE"]);
}

#[tokio::test]
async fn what_must_be_approved_waits_for_its_approvers() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let items = [wish(ROLE, "/"), wish(ROLE, UNIT)];
    let asked = outcomes(&ground.ada, batch(items)).await;
    assert_eq!(said(&asked), ["PENDING_APPROVAL"; 2]);
    assert_eq!(boss.inbox().await.len(), 2);
}

#[tokio::test]
async fn five_hundred_items_are_taken_and_no_more() {
    let ground = Ground::new().await;
    let unit = |number: usize| wish(ROLE, &format!("/administrativeUnits/{}", number + 1));
    let mut items: Vec<Item> = (0..500).map(unit).collect();
    for number in (0..500).filter(|number| number % 50 != 0) {
        // Most are malformed, which costs no time: a busy machine has a deadline too.
        items[number].eligibility_id = "7".to_owned();
    }
    let full = outcomes(&ground.ada, batch(items.clone())).await;
    assert_eq!(full.len(), 500);
    for (number, outcome) in full.iter().enumerate() {
        let granted =
            outcome.as_ref().is_ok_and(|activation| activation.scope == items[number].scope);
        assert_eq!(granted, number % 50 == 0, "{number}: {outcome:?}");
    }
    items.push(unit(500));
    assert_invalid(send(&ground.ada, batch(items)).await, "items");
    assert_invalid(send(&ground.ada, batch([])).await, "items");
    let bad_id = BatchActivateRolesRequest { request_id: "1".to_owned(), ..batch([unit(0)]) };
    assert_invalid(send(&ground.ada, bad_id).await, "request_id");
    assert_eq!(activations_of(&ground.ada).await.len(), 10);
}

/// Holds what a request of Ada's for `ROLE` at the root waits for, until it is given up.
async fn hold(ground: &Ground) -> pim_store::Tx {
    let mut tx = ground.world.db.begin(Purpose::Gain, ground.tenant()).await.unwrap();
    let [role, ada] = [ROLE, &ground.ada.id].map(|id| id.parse::<Uuid>().unwrap());
    let root = "/".parse().unwrap();
    let facts = activations::facts(&mut tx, ground.tenant(), ada.into(), role.into(), &root);
    facts.await.unwrap();
    tx
}

#[tokio::test]
async fn who_is_disabled_in_the_middle_gets_nothing_more() {
    let ground = Ground::new().await;
    let held = hold(&ground).await;
    // Each of those at the root waits for a second at most, and a busy machine is slow.
    let waiting = std::iter::repeat_n(wish(ROLE, "/"), 3);
    let last = wish(ROLE, "/administrativeUnits/1");
    let items: Vec<Item> = [wish(ROLE, UNIT)].into_iter().chain(waiting).chain([last]).collect();
    let ada = ground.ada.clone();
    let call = tokio::spawn(async move { outcomes(&ada, batch(items)).await });
    eventually("the first item", async || activations_of(&ground.ada).await.pop()).await;
    ground.disable(&ground.ada).await;
    held.roll_back().await.unwrap();
    let outcomes = call.await.unwrap();
    let said = said(&outcomes);
    assert_eq!((&*said[0], &*said[4]), ("ACTIVE", "CREDENTIAL_INVALID"), "{said:?}");
    assert!(outcomes[1..].iter().all(Result::is_err), "{said:?}");
}

#[tokio::test]
async fn a_batch_is_finished_though_its_caller_has_gone() {
    let ground = Ground::new().await;
    // The service has a connection by now: the time is for the call.
    assert_eq!(activations_of(&ground.ada).await.len(), 0);
    let held = hold(&ground).await;
    let mut request = Request::new(batch([wish(ROLE, "/"), wish(ROLE, UNIT)]));
    request.set_timeout(Duration::from_millis(500));
    let late = ground.ada.client.activations().batch_activate_roles(request).await;
    assert!(late.is_err(), "{late:?}");
    held.roll_back().await.unwrap();
    let both = async || Some(activations_of(&ground.ada).await).filter(|all| all.len() == 2);
    eventually("both items", both).await;
}
