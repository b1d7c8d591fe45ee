//! `CreatePrincipal`, `GetPrincipal`, `ListPrincipals`.

use chrono::TimeDelta;
use pim_client::Client;
use pim_proto::assignment::v1::{
    CreatePrincipalRequest, GetPrincipalRequest, ListPrincipalsRequest, Principal, PrincipalKind,
};
use pim_tests::{
    Organisation, Person, assert_invalid, assert_refused, assert_same_refusal, metadata, new_id,
    timestamp,
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::ground::{Ground, UNIT, forged};

fn bob() -> CreatePrincipalRequest {
    CreatePrincipalRequest {
        kind: PrincipalKind::User.into(),
        issuer: Person::issuer().to_owned(),
        subject: "bob".to_owned(),
        display_name: "Bob Example".to_owned(),
        ..Default::default()
    }
}

async fn create(client: &Client, request: CreatePrincipalRequest) -> Result<Principal, Status> {
    let answer = client.directory().create_principal(request).await?;
    Ok(answer.into_inner().principal.unwrap())
}

async fn get(client: &Client, id: &str) -> Result<Principal, Status> {
    let request = GetPrincipalRequest { principal_id: id.to_owned() };
    Ok(client.directory().get_principal(request).await?.into_inner().principal.unwrap())
}

async fn list(
    client: &Client,
    request: ListPrincipalsRequest,
) -> Result<(Vec<Principal>, String), Status> {
    let page = client.directory().list_principals(request).await?.into_inner();
    Ok((page.principals, page.next_page_token))
}

/// Those whose name or subject contains `text`.
async fn named(client: &Client, text: &str) -> Vec<Principal> {
    let request = ListPrincipalsRequest { text_contains: text.to_owned(), ..Default::default() };
    list(client, request).await.unwrap().0
}

#[tokio::test]
async fn a_principal_says_all_of_itself() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let person_id = Uuid::new_v4().to_string();
    let request = CreatePrincipalRequest { person_id: person_id.clone(), ..bob() };
    let made = create(admin, request).await.unwrap();
    let now = Some(timestamp(ground.world.now()));
    let expected = Principal {
        id: made.id.clone(),
        kind: PrincipalKind::User.into(),
        issuer: Person::issuer().to_owned(),
        subject: "bob".to_owned(),
        display_name: "Bob Example".to_owned(),
        person_id,
        enabled: true,
        enabled_since_time: now,
        break_glass: false,
        create_time: now,
        update_time: now,
        etag: made.etag.clone(),
        last_sign_in_time: None,
    };
    assert_eq!(made, expected);
    assert!(made.id.parse::<Uuid>().is_ok());
    assert_eq!(get(admin, &made.id).await.unwrap(), made);
}

#[tokio::test]
async fn one_who_is_known_already_is_a_duplicate() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let first = create(admin, bob()).await.unwrap();
    let renamed = CreatePrincipalRequest { display_name: "Robert".to_owned(), ..bob() };
    let answer = create(admin, renamed).await;
    let status = assert_refused(answer, Code::AlreadyExists, "DUPLICATE");
    assert_eq!(metadata(&status, "id"), first.id);
    assert_eq!(named(admin, "bob").await, [first]);
    let issuer = "https://other.example".to_owned();
    create(admin, CreatePrincipalRequest { issuer, ..bob() }).await.unwrap();
    let elsewhere = ground.world.organisation().await;
    create(&elsewhere.admin.client, bob()).await.unwrap();
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_a_dry_run_writes_nothing() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let request = CreatePrincipalRequest { request_id: new_id(), ..bob() };
    let dry = CreatePrincipalRequest { validate_only: true, ..request.clone() };
    assert_eq!(create(admin, dry).await.unwrap().subject, "bob");
    assert_eq!(named(admin, "bob").await, []);
    let first = create(admin, request.clone()).await.unwrap();
    ground.world.advance(TimeDelta::minutes(1));
    assert_eq!(create(admin, request.clone()).await.unwrap(), first);
    let other = CreatePrincipalRequest { subject: "rob".to_owned(), ..request };
    let answer = create(admin, other).await;
    assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
    assert_eq!(named(admin, "ob").await, [first]);
}

#[tokio::test]
async fn only_administrators_of_the_whole_directory_keep_it() {
    let ground = Ground::new().await;
    let owner = ground.user("owner").await;
    ground.org.assign(&owner, Organisation::OWNER, "/").await.unwrap();
    let local = ground.user("local").await;
    ground.org.assign(&local, Organisation::GLOBAL_ADMINISTRATOR, UNIT).await.unwrap();
    for person in [&ground.ada, &owner, &local] {
        let answer = create(&person.client, bob()).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
        let answer = list(&person.client, ListPrincipalsRequest::default()).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
        let real = get(&person.client, &ground.org.admin.id).await;
        let real = assert_refused(real, Code::PermissionDenied, "NOT_PERMITTED");
        let missing = get(&person.client, &new_id()).await;
        let missing = assert_refused(missing, Code::PermissionDenied, "NOT_PERMITTED");
        assert_same_refusal(&real, &missing);
    }
    assert_eq!(named(&ground.org.admin.client, "bob").await, []);
}

#[tokio::test]
async fn everybody_sees_themselves_by_name_or_without() {
    let ground = Ground::new().await;
    let ada = get(&ground.ada.client, "").await.unwrap();
    assert_eq!((&*ada.id, &*ada.subject), (&*ground.ada.id, "ada"));
    assert_eq!(get(&ground.ada.client, &ada.id).await.unwrap(), ada);
    assert!(get(&ground.org.admin.client, "").await.unwrap().break_glass);
}

#[tokio::test]
async fn who_there_is_not_is_not_found_for_who_may_know() {
    let ground = Ground::new().await;
    let elsewhere = ground.world.organisation().await;
    for id in [new_id(), elsewhere.admin.id] {
        let answer = get(&ground.org.admin.client, &id).await;
        assert_refused(answer, Code::NotFound, "NOT_FOUND");
    }
    assert_invalid(get(&ground.org.admin.client, "1").await, "principal_id");
}

#[tokio::test]
async fn a_list_finds_by_name_and_subject_without_case_in_this_tenant() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let elsewhere = ground.world.organisation().await;
    elsewhere.user(&ground.world, "bob-elsewhere").await;
    let made = create(admin, bob()).await.unwrap();
    for text in ["BOB", "example"] {
        let found = named(admin, text).await;
        assert!(found.contains(&made), "{text}");
        assert!(found.iter().all(|one| one.subject != "bob-elsewhere"));
    }
    assert_eq!(named(admin, "b_b").await, [], "it is text and no pattern");
}

#[tokio::test]
async fn pages_of_one_show_everybody_once() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let all = list(admin, ListPrincipalsRequest::default()).await.unwrap().0;
    assert_eq!(all.len(), 3);
    let mut listed = Vec::new();
    let mut request = ListPrincipalsRequest { page_size: 1, ..Default::default() };
    loop {
        let (page, next) = list(admin, request.clone()).await.unwrap();
        assert_eq!(page.len(), 1);
        listed.extend(page);
        request.page_token = next;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, all);
}

#[tokio::test]
async fn a_page_token_is_good_for_one_list_of_one_caller_only() {
    let ground = Ground::new().await;
    let (admin, second) = (&ground.org.admin.client, &ground.org.second_admin.client);
    let first = ListPrincipalsRequest { page_size: 1, ..Default::default() };
    let page_token = list(admin, first.clone()).await.unwrap().1;
    let next = ListPrincipalsRequest { page_token, ..first };
    list(admin, next.clone()).await.unwrap();
    let page_token = forged(&next.page_token);
    for (client, request) in [
        (admin, ListPrincipalsRequest { page_token, ..next.clone() }),
        (admin, ListPrincipalsRequest { text_contains: "a".to_owned(), ..next.clone() }),
        (second, next),
    ] {
        assert_invalid(list(client, request).await, "page_token");
    }
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for (path, request) in [
        ("kind", CreatePrincipalRequest { kind: 0, ..bob() }),
        ("kind", CreatePrincipalRequest { kind: 9, ..bob() }),
        ("issuer", CreatePrincipalRequest { issuer: String::new(), ..bob() }),
        ("subject", CreatePrincipalRequest { subject: "b".repeat(256), ..bob() }),
        ("display_name", CreatePrincipalRequest { display_name: " ".to_owned(), ..bob() }),
        ("person_id", CreatePrincipalRequest { person_id: "1".to_owned(), ..bob() }),
        ("request_id", CreatePrincipalRequest { request_id: "1".to_owned(), ..bob() }),
    ] {
        assert_invalid(create(admin, request).await, path);
    }
    assert_eq!(named(admin, "bob").await, []);
    let request = ListPrincipalsRequest { page_size: -1, ..Default::default() };
    assert_invalid(list(admin, request).await, "page_size");
}
