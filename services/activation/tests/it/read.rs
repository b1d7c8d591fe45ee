//! `GetActivation`, `ListActivations`, `SearchMyActivations`: who sees what, page by page.

use chrono::TimeDelta;
use pim_client::Client;
use pim_proto::activation::v1::{
    Activation, ActivationState, GetActivationRequest, ListActivationsRequest,
    ListActivationsResponse, SearchMyActivationsRequest, SearchMyActivationsResponse,
};
use pim_tests::{Organisation, Person, assert_refused, assert_same_refusal, fields, new_id};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, SUBSCRIPTION, UNIT};

async fn list(
    client: &Client,
    request: ListActivationsRequest,
) -> Result<ListActivationsResponse, Status> {
    Ok(client.activations().list_activations(request).await?.into_inner())
}

async fn mine(
    client: &Client,
    request: SearchMyActivationsRequest,
) -> Result<SearchMyActivationsResponse, Status> {
    Ok(client.activations().search_my_activations(request).await?.into_inner())
}

fn ids(activations: &[Activation]) -> Vec<&str> {
    activations.iter().map(|activation| &*activation.id).collect()
}

/// Ada's three activations, in the order in which they were made: at the root, at a unit, and of
/// a resource role at a subscription.
async fn three(ground: &Ground) -> [Activation; 3] {
    ground.org.make_eligible(&ground.ada, Organisation::CONTRIBUTOR, "/").await;
    let mut made = Vec::new();
    for (role, scope) in [(ROLE, "/"), (ROLE, UNIT), (Organisation::CONTRIBUTOR, SUBSCRIPTION)] {
        ground.world.advance(TimeDelta::seconds(1));
        made.push(ground.ada.activate(Person::wish(role, scope)).await.unwrap());
    }
    made.try_into().unwrap()
}

#[tokio::test]
async fn its_holder_and_readers_at_its_scope_see_it() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    let reader = ground.user("reader").await;
    let global_reader = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";
    ground.org.assign(&reader, global_reader, "/").await.unwrap();
    for person in [&ground.ada, &ground.org.admin, &reader] {
        assert_eq!(person.activation(&activation.id).await.unwrap(), activation);
    }
}

#[tokio::test]
async fn strangers_see_nothing_and_do_not_learn_whether_there_is_one() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    let bob = ground.user("bob").await;
    let elsewhere = ground.user("unit-reader").await;
    let global_reader = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";
    ground.org.assign(&elsewhere, global_reader, UNIT).await.unwrap();
    for stranger in [&bob, &elsewhere] {
        let real = stranger.activation(&activation.id).await;
        let real = assert_refused(real, Code::PermissionDenied, "NOT_PERMITTED");
        let missing = stranger.activation(&new_id()).await;
        let missing = assert_refused(missing, Code::PermissionDenied, "NOT_PERMITTED");
        assert_same_refusal(&real, &missing);
    }
    let answer = ground.org.admin.activation(&new_id()).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn another_tenant_has_none_of_it() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    let elsewhere = ground.world.organisation().await;
    let eve = elsewhere.user(&ground.world, "eve").await;
    let answer = elsewhere.admin.activation(&activation.id).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
    let answer = eve.activation(&activation.id).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    let principal_id = ground.ada.id.clone();
    let request =
        ListActivationsRequest { principal_id, include_ended: true, ..Default::default() };
    assert_eq!(list(&elsewhere.admin.client, request).await.unwrap().activations, []);
}

#[tokio::test]
async fn a_list_is_narrowed_by_each_of_its_filters() {
    let ground = Ground::new().await;
    let [root, unit, resource] = three(&ground).await;
    let bob = ground.user("bob").await;
    ground.org.make_eligible(&bob, ROLE, UNIT).await;
    ground.world.advance(TimeDelta::seconds(1));
    let bobs = bob.activate(Person::wish(ROLE, UNIT)).await.unwrap();
    ground.ada.deactivate(&root.id).await.unwrap();
    let admin = &ground.org.admin.client;
    let all = ListActivationsRequest { include_ended: true, ..Default::default() };
    let cases = [
        (all.clone(), vec![&root, &unit, &resource, &bobs]),
        (ListActivationsRequest::default(), vec![&unit, &resource, &bobs]),
        (
            ListActivationsRequest { principal_id: ground.ada.id.clone(), ..all.clone() },
            vec![&root, &unit, &resource],
        ),
        (
            ListActivationsRequest { role_id: ROLE.to_owned(), ..all.clone() },
            vec![&root, &unit, &bobs],
        ),
        (ListActivationsRequest { scope: UNIT.to_owned(), ..all.clone() }, vec![&unit, &bobs]),
        (ListActivationsRequest { principal_id: new_id(), ..all }, vec![]),
    ];
    for (request, expected) in cases {
        let answer = list(admin, request.clone()).await.unwrap();
        let expected: Vec<&str> = expected.iter().map(|one| &*one.id).collect();
        assert_eq!(ids(&answer.activations), expected, "{request:?}");
        assert!(answer.next_page_token.is_empty());
        assert!(!answer.revision.is_empty());
    }
}

#[tokio::test]
async fn a_list_leaves_out_what_time_has_ended_and_shows_it_as_ended() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    ground.world.advance(TimeDelta::hours(1));
    let admin = &ground.org.admin.client;
    let answer = list(admin, ListActivationsRequest::default()).await.unwrap();
    assert_eq!(answer.activations, []);
    let all = ListActivationsRequest { include_ended: true, ..Default::default() };
    let answer = list(admin, all).await.unwrap();
    assert_eq!(ids(&answer.activations), [&*activation.id]);
    assert_eq!(answer.activations[0].state(), ActivationState::Ended);
    let answer = mine(&ground.ada.client, SearchMyActivationsRequest::default()).await.unwrap();
    assert_eq!(answer.activations, []);
}

#[tokio::test]
async fn a_list_needs_the_right_at_the_scope_asked_for() {
    let ground = Ground::new().await;
    let [_, unit, resource] = three(&ground).await;
    let owner = ground.user("owner").await;
    ground.org.assign(&owner, Organisation::OWNER, SUBSCRIPTION).await.unwrap();
    let local = ground.user("local").await;
    ground.org.assign(&local, Organisation::GLOBAL_ADMINISTRATOR, UNIT).await.unwrap();
    let at = |scope: &str| ListActivationsRequest { scope: scope.to_owned(), ..Default::default() };
    let answer = list(&owner.client, at(SUBSCRIPTION)).await.unwrap();
    assert_eq!(ids(&answer.activations), [&*resource.id]);
    let answer = list(&local.client, at(UNIT)).await.unwrap();
    assert_eq!(ids(&answer.activations), [&*unit.id]);
    for (person, scope) in [(&owner, ""), (&owner, UNIT), (&local, "/"), (&ground.ada, UNIT)] {
        let answer = list(&person.client, at(scope)).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    }
}

#[tokio::test]
async fn an_owner_of_everything_does_not_see_activations_of_directory_roles() {
    let ground = Ground::new().await;
    let [.., resource] = three(&ground).await;
    let owner = ground.user("owner").await;
    ground.org.assign(&owner, Organisation::OWNER, "/").await.unwrap();
    let answer = list(&owner.client, ListActivationsRequest::default()).await.unwrap();
    assert_eq!(ids(&answer.activations), [&*resource.id]);
}

#[tokio::test]
async fn ones_own_are_ones_own() {
    let ground = Ground::new().await;
    let made = three(&ground).await;
    ground.ada.deactivate(&made[1].id).await.unwrap();
    let answer = mine(&ground.ada.client, SearchMyActivationsRequest::default()).await.unwrap();
    assert_eq!(ids(&answer.activations), [&*made[0].id, &*made[2].id]);
    let all = SearchMyActivationsRequest { include_ended: true, ..Default::default() };
    let answer = mine(&ground.ada.client, all.clone()).await.unwrap();
    assert_eq!(ids(&answer.activations), ids(&made));
    let answer = mine(&ground.org.admin.client, all).await.unwrap();
    assert_eq!(answer.activations, []);
}

#[tokio::test]
async fn pages_of_one_show_everything_once_in_order() {
    let ground = Ground::new().await;
    let made = three(&ground).await;
    let mut listed = Vec::new();
    let mut request = ListActivationsRequest { page_size: 1, ..Default::default() };
    loop {
        let page = list(&ground.org.admin.client, request.clone()).await.unwrap();
        assert_eq!(page.activations.len(), 1);
        listed.extend(page.activations);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(ids(&listed), ids(&made));
    let mut found = Vec::new();
    let mut request = SearchMyActivationsRequest { page_size: 1, ..Default::default() };
    loop {
        let page = mine(&ground.ada.client, request.clone()).await.unwrap();
        assert_eq!(page.activations.len(), 1);
        found.extend(page.activations);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(ids(&found), ids(&made));
}

#[tokio::test]
async fn a_page_token_is_good_for_one_list_of_one_caller_only() {
    let ground = Ground::new().await;
    three(&ground).await;
    let admin = &ground.org.admin.client;
    let first = ListActivationsRequest { page_size: 1, ..Default::default() };
    let page_token = list(admin, first.clone()).await.unwrap().next_page_token;
    let token_of_mine = SearchMyActivationsRequest { page_size: 1, ..Default::default() };
    let token_of_mine = mine(&ground.ada.client, token_of_mine).await.unwrap().next_page_token;
    let next = ListActivationsRequest { page_token, ..first };
    list(admin, next.clone()).await.unwrap();
    let mut forged = next.page_token.clone();
    let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
    forged.insert(forged.len() / 2, last);
    let second = &ground.org.second_admin.client;
    for (client, request) in [
        (admin, ListActivationsRequest { page_token: forged, ..next.clone() }),
        (admin, ListActivationsRequest { page_token: "next".to_owned(), ..next.clone() }),
        (admin, ListActivationsRequest { page_token: token_of_mine, ..next.clone() }),
        (admin, ListActivationsRequest { role_id: ROLE.to_owned(), ..next.clone() }),
        (admin, ListActivationsRequest { include_ended: true, ..next.clone() }),
        (second, next.clone()),
    ] {
        let answer = list(client, request).await;
        let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
        assert_eq!(fields(&status), ["page_token"]);
    }
    let foreign = SearchMyActivationsRequest { page_token: next.page_token, ..Default::default() };
    let status = assert_refused(mine(admin, foreign).await, Code::InvalidArgument, "INVALID_FIELD");
    assert_eq!(fields(&status), ["page_token"]);
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for (path, request) in [
        ("principal_id", ListActivationsRequest { principal_id: "1".into(), ..Default::default() }),
        ("role_id", ListActivationsRequest { role_id: "1".into(), ..Default::default() }),
        ("scope", ListActivationsRequest { scope: "here".into(), ..Default::default() }),
        ("page_size", ListActivationsRequest { page_size: -1, ..Default::default() }),
    ] {
        let answer = list(admin, request).await;
        let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
        assert_eq!(fields(&status), [path]);
    }
    let request = SearchMyActivationsRequest { page_size: -1, ..Default::default() };
    let status = assert_refused(mine(admin, request).await, Code::InvalidArgument, "INVALID_FIELD");
    assert_eq!(fields(&status), ["page_size"]);
    let request = GetActivationRequest { activation_id: String::new() };
    let answer = admin.activations().get_activation(request).await;
    let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
    assert_eq!(fields(&status), ["activation_id"]);
}
