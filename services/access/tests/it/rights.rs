//! Who may ask about whom, and that a no tells nothing.

use pim_proto::access::v1::{CheckAccessResponse, ListEffectiveRolesRequest};
use pim_tests::{Organisation, Person, World, assert_refused, reason};
use tonic::{Code, Status};

use crate::ask::{
    CONTRIBUTOR, GROUP, ROOT, SUBSCRIPTION, USER_ADMINISTRATOR, begin, check, holders, is_yes, of,
    roles,
};

const ACCESS_CHECKER: &str = "5a3cde95-7a1e-4b52-9a3f-2d1f6c1f6e0b";
const GLOBAL_READER: &str = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";
/// Of nothing that there is.
const NOTHING: &str = "01890000-0000-7000-8000-000000000000";

#[track_caller]
fn assert_not_permitted<T: std::fmt::Debug>(answer: Result<T, Status>) {
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
}

/// Somebody with a role of their own at a scope.
async fn with(
    world: &World,
    organisation: &Organisation,
    name: &str,
    (role, scope): (&str, &str),
) -> Person {
    let person = organisation.user(world, name).await;
    organisation.assign(&person, role, scope).await.unwrap();
    person
}

#[tokio::test]
async fn everybody_may_ask_about_themselves() {
    let (_world, organisation, alice) = begin().await;
    organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let answer = check(&alice.weak, &alice.id, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    assert!(is_yes(&answer));
    assert_eq!(roles(&alice.weak, of(&alice)).await.unwrap().holdings.len(), 1);
}

#[tokio::test]
async fn nobody_may_ask_about_others_without_the_right() {
    let (world, organisation, alice) = begin().await;
    let bob = organisation.user(&world, "bob").await;
    organisation.assign(&bob, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    // The same no, whether or not there is such a principal, role or holding.
    for principal in [bob.id.as_str(), NOTHING] {
        for role in [CONTRIBUTOR, USER_ADMINISTRATOR, NOTHING] {
            assert_not_permitted(check(&alice.client, principal, role, SUBSCRIPTION).await);
        }
        let request =
            ListEffectiveRolesRequest { principal_id: principal.to_owned(), ..of(&alice) };
        assert_not_permitted(roles(&alice.client, request).await);
    }
    for role in [CONTRIBUTOR, NOTHING] {
        assert_not_permitted(holders(&alice.client, role, SUBSCRIPTION).await);
    }
}

#[tokio::test]
async fn a_checker_may_check_at_its_scope_and_list_nobody() {
    let (world, organisation, alice) = begin().await;
    organisation.assign(&alice, CONTRIBUTOR, GROUP).await.unwrap();
    let everywhere = with(&world, &organisation, "pip", (ACCESS_CHECKER, ROOT)).await;
    let answer = check(&everywhere.client, &alice.id, CONTRIBUTOR, GROUP).await.unwrap();
    assert!(is_yes(&answer));
    let answer = check(&everywhere.client, &alice.id, USER_ADMINISTRATOR, ROOT).await.unwrap();
    assert!(!is_yes(&answer));
    assert_eq!(roles(&everywhere.client, of(&alice)).await.unwrap().holdings.len(), 1);
    assert_not_permitted(holders(&everywhere.client, CONTRIBUTOR, GROUP).await);
    for (principal, role) in [(NOTHING, CONTRIBUTOR), (alice.id.as_str(), NOTHING)] {
        let answer = check(&everywhere.client, principal, role, GROUP).await;
        assert_refused(answer, Code::NotFound, "NOT_FOUND");
    }
}

#[tokio::test]
async fn an_owner_may_ask_about_resources_at_its_scope_only() {
    let (world, organisation, alice) = begin().await;
    organisation.assign(&alice, CONTRIBUTOR, GROUP).await.unwrap();
    let owner = with(&world, &organisation, "olga", (Organisation::OWNER, SUBSCRIPTION)).await;
    assert!(is_yes(&check(&owner.client, &alice.id, CONTRIBUTOR, GROUP).await.unwrap()));
    assert_eq!(holders(&owner.client, CONTRIBUTOR, GROUP).await.unwrap().holdings.len(), 1);
    for scope in [ROOT, "/subscriptions/another"] {
        assert_not_permitted(check(&owner.client, &alice.id, CONTRIBUTOR, scope).await);
        assert_not_permitted(holders(&owner.client, CONTRIBUTOR, scope).await);
    }
    let directory = check(&owner.client, &alice.id, USER_ADMINISTRATOR, SUBSCRIPTION).await;
    assert_not_permitted(directory);
    // All that somebody holds is of both realms and of all scopes.
    assert_not_permitted(roles(&owner.client, of(&alice)).await);
    let here = ListEffectiveRolesRequest { scope: GROUP.to_owned(), ..of(&alice) };
    assert_not_permitted(roles(&owner.client, here).await);
}

#[tokio::test]
async fn who_may_ask_at_a_scope_hears_the_same_of_nobody_as_of_somebody_who_holds_nothing() {
    let (world, organisation, alice) = begin().await;
    let target = (ACCESS_CHECKER, SUBSCRIPTION);
    let here = with(&world, &organisation, "pip", target).await;
    let owner = with(&world, &organisation, "olga", (Organisation::OWNER, SUBSCRIPTION)).await;
    for caller in [&here, &owner] {
        let asked = async |principal: &str| {
            let answer = check(&caller.client, principal, CONTRIBUTOR, GROUP).await.unwrap();
            CheckAccessResponse { revision: String::new(), ..answer }
        };
        let (somebody, nobody) = (asked(&alice.id).await, asked(NOTHING).await);
        assert!(!is_yes(&somebody));
        assert_eq!(somebody, nobody);
    }
}

#[tokio::test]
async fn a_reader_may_see_holders() {
    let (world, organisation, alice) = begin().await;
    organisation.assign(&alice, CONTRIBUTOR, GROUP).await.unwrap();
    let reader = with(&world, &organisation, "rita", (GLOBAL_READER, ROOT)).await;
    assert_eq!(holders(&reader.client, CONTRIBUTOR, GROUP).await.unwrap().holdings.len(), 1);
    let answer = holders(&reader.client, NOTHING, GROUP).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
    assert_not_permitted(check(&reader.client, &alice.id, CONTRIBUTOR, GROUP).await);
}

#[tokio::test]
async fn a_right_that_has_ended_asks_nothing() {
    let (world, organisation, alice) = begin().await;
    let checker = organisation.user(&world, "pip").await;
    organisation.make_eligible(&checker, ACCESS_CHECKER, ROOT).await;
    assert_not_permitted(check(&checker.client, &alice.id, CONTRIBUTOR, GROUP).await);
    let active = checker.activate(Person::wish(ACCESS_CHECKER, ROOT)).await.unwrap();
    check(&checker.client, &alice.id, CONTRIBUTOR, GROUP).await.unwrap();
    checker.deactivate(&active.id).await.unwrap();
    assert_not_permitted(check(&checker.client, &alice.id, CONTRIBUTOR, GROUP).await);
}

#[tokio::test]
async fn another_organisation_is_not_there() {
    let (world, organisation, alice) = begin().await;
    organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let other = world.organisation().await;
    let admin = &other.admin.client;
    let answer = check(admin, &alice.id, CONTRIBUTOR, SUBSCRIPTION).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
    assert_refused(roles(admin, of(&alice)).await, Code::NotFound, "NOT_FOUND");
    assert_eq!(holders(admin, CONTRIBUTOR, SUBSCRIPTION).await.unwrap().holdings, []);
}

#[tokio::test]
async fn nobody_of_no_organisation_asks() {
    let (world, _organisation, alice) = begin().await;
    for client in [world.operator(), world.service("scheduler")] {
        assert_not_permitted(check(&client, &alice.id, CONTRIBUTOR, ROOT).await);
        assert_not_permitted(roles(&client, of(&alice)).await);
        assert_not_permitted(holders(&client, CONTRIBUTOR, ROOT).await);
    }
    let answer = check(&world.client_with(None), &alice.id, CONTRIBUTOR, ROOT).await;
    assert_refused(answer, Code::Unauthenticated, "CREDENTIAL_MISSING");
}

#[tokio::test]
async fn a_malformed_question_is_answered_with_the_field() {
    let (_world, _organisation, alice) = begin().await;
    let field = |answer: Status| {
        assert_eq!(reason(&answer), "INVALID_FIELD");
        pim_client::Refusal::from_status(&answer).fields.remove(0).field
    };
    let asked = async |principal: &str, role: &str, scope: &str| {
        field(check(&alice.client, principal, role, scope).await.unwrap_err())
    };
    assert_eq!(asked("alice", CONTRIBUTOR, ROOT).await, "principal_id");
    assert_eq!(asked(&alice.id, "", ROOT).await, "role_id");
    for scope in ["", "subscriptions/1", "/subscriptions/../1", "/subscriptions//1"] {
        assert_eq!(asked(&alice.id, CONTRIBUTOR, scope).await, "scope", "{scope:?}");
    }
    let request = ListEffectiveRolesRequest { page_size: -1, ..of(&alice) };
    assert_eq!(field(roles(&alice.client, request).await.unwrap_err()), "page_size");
}
