//! Bad input, each with the code and reason of the error table, and nothing stored.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{ActivateRoleRequest, ListActivationsRequest, activate_role_request::Length},
    approval::v1::ListApprovalsRequest,
    assignment::v1::ListRolesRequest,
    audit::v1::EventFilter,
};
use pim_tests::{Organisation, Person, World, duration, reason, rules};
use tonic::{Code, Status};

const ROLE: &str = Organisation::USER_ADMINISTRATOR;
/// Of no role.
const UNKNOWN: &str = "0b9bf5a2-6f0c-4f0b-9c3b-0a4a9d0f3c77";

/// Whatever a refusal may not have touched: activations, approvals, and entries of success.
async fn state(organisation: &Organisation) -> (usize, usize, usize) {
    let admin = &organisation.admin.client;
    let request = ListActivationsRequest { include_ended: true, ..Default::default() };
    let activations = admin.activations().list_activations(request).await.unwrap().into_inner();
    let request = ListApprovalsRequest { include_resolved: true, ..Default::default() };
    let approvals = admin.approvals().list_approvals(request).await.unwrap().into_inner();
    let entries = organisation.log(EventFilter::default()).await;
    let done = entries.iter().filter(|event| event.code != "pim.call.refused").count();
    (activations.activations.len(), approvals.approvals.len(), done)
}

fn wish() -> ActivateRoleRequest {
    Person::wish(ROLE, "/")
}

fn lasting(seconds: i64, nanos: i32) -> ActivateRoleRequest {
    let length = Length::Duration(prost_types::Duration { seconds, nanos });
    ActivateRoleRequest { length: Some(length), ..wish() }
}

fn because(justification: &str) -> ActivateRoleRequest {
    ActivateRoleRequest { justification: justification.to_owned(), ..wish() }
}

fn refusal(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

#[tokio::test]
async fn malformed_requests_name_the_field() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let before = state(&organisation).await;
    let role = |role: &str| ActivateRoleRequest { role_id: role.to_owned(), ..wish() };
    let scope = |scope: &str| ActivateRoleRequest { scope: scope.to_owned(), ..wish() };
    let malformed = [
        (role("not-a-uuid"), "role_id"),
        (role(""), "role_id"),
        (scope("subscriptions/a"), "scope"),
        (scope("/subscriptions/../b"), "scope"),
        (lasting(-1, 0), "duration"),
        (lasting(0, 0), "duration"),
        (lasting(i64::MAX, 0), "duration"),
        (lasting(1, -1), "duration"),
        (lasting(1, i32::MAX), "duration"),
        (because("a\0b"), "justification"),
        (because("a\u{202e}b"), "justification"),
        (because(&"x".repeat(1_001)), "justification"),
        (ActivateRoleRequest { request_id: "7".to_owned(), ..wish() }, "request_id"),
        (ActivateRoleRequest { length: None, ..wish() }, "duration"),
    ];
    for (request, field) in malformed {
        let refused = alice.activate(request).await.unwrap_err();
        assert_eq!(refusal(&refused), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
        assert!(refused.message().contains(field), "{field}: {}", refused.message());
    }
    assert_eq!(state(&organisation).await, before);
}

#[tokio::test]
async fn what_the_policy_does_not_permit_is_refused_with_every_reason() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let before = state(&organisation).await;
    let unknown = ActivateRoleRequest { role_id: UNKNOWN.to_owned(), ..wish() };
    let refused = alice.activate(unknown).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::NotFound, "NOT_FOUND".to_owned()));

    let nine_hours = Some(Length::Duration(duration(TimeDelta::hours(9))));
    let everything = ActivateRoleRequest { length: nine_hours, ..because(" \n") };
    let refused = alice.weak.activations().activate_role(everything).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, "POLICY_DENIED".to_owned()));
    assert_eq!(rules(&refused), ["EXPIRATION", "JUSTIFICATION", "MFA"]);

    let refused = alice.weak.activations().activate_role(wish()).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::Unauthenticated, "STEP_UP_REQUIRED".to_owned()));

    let bob = organisation.user(&world, "bob").await;
    let refused = bob.activate(wish()).await.unwrap_err();
    assert_eq!(rules(&refused), ["ELIGIBILITY"]);
    let (activations, approvals, done) = state(&organisation).await;
    // Bob himself is the one entry more.
    assert_eq!((activations, approvals, done), (before.0, before.1, before.2 + 1));
}

#[tokio::test]
async fn a_second_activation_is_refused_and_names_the_first() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let first = alice.activate(wish()).await.unwrap();
    let before = state(&organisation).await;
    let refused = alice.activate(wish()).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::AlreadyExists, "ACTIVATION_LIVE".to_owned()));
    let refusal = pim_client::Refusal::from_status(&refused);
    assert_eq!(refusal.metadata["activation_id"], first.id);
    assert_eq!(state(&organisation).await, before);
}

#[tokio::test]
async fn nobody_approves_their_own_request_under_any_account() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let person = Some(uuid::Uuid::new_v4());
    let user = pim_proto::assignment::v1::PrincipalKind::User;
    let alice = organisation.principal(&world, "alice", user, person).await;
    let second = organisation.principal(&world, "alice-admin", user, person).await;
    let carol = organisation.user(&world, "carol").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    organisation.require_approval(ROLE, &[&carol]).await;
    alice.activate(wish()).await.unwrap();
    let approval = carol.inbox().await.remove(0);
    let before = state(&organisation).await;
    for account in [&alice, &second] {
        let refused = account.approve(&approval).await.unwrap_err();
        assert_eq!(refusal(&refused), (Code::PermissionDenied, "SELF_APPROVAL".to_owned()));
    }
    let refused = organisation.admin.approve(&approval).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::PermissionDenied, "NOT_AN_APPROVER".to_owned()));
    assert_eq!(state(&organisation).await, before);
}

#[tokio::test]
async fn a_page_token_is_good_for_its_own_list_alone() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let other = world.organisation().await;
    let list = |filter: &str, page_token: String| ListRolesRequest {
        display_name_contains: filter.to_owned(),
        page_size: 3,
        page_token,
        ..ListRolesRequest::default()
    };
    let roles = |person: &Person| person.client.roles();
    let admin = &organisation.admin;
    let first = roles(admin).list_roles(list("", String::new())).await.unwrap().into_inner();
    let token = first.next_page_token;
    roles(admin).list_roles(list("", token.clone())).await.unwrap();
    let mut forged = token.clone();
    forged.replace_range(3..4, if &token[3..4] == "A" { "B" } else { "A" });
    let misused = [
        (admin, list("", forged)),
        (admin, list("", "1".to_owned())),
        (admin, list("reader", token.clone())),
        (&organisation.second_admin, list("", token.clone())),
        (&other.admin, list("", token)),
    ];
    for (person, request) in misused {
        let refused = roles(person).list_roles(request).await.unwrap_err();
        assert_eq!(refusal(&refused), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
        assert!(refused.message().contains("page_token"), "{}", refused.message());
    }
}

#[tokio::test]
async fn another_tenants_things_are_not_there() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let active = alice.activate(wish()).await.unwrap();
    let other = world.organisation().await;
    let mallory = other.user(&world, "mallory").await;
    let foreign = mallory.activation(&active.id).await.unwrap_err();
    let missing = mallory.activation(UNKNOWN).await.unwrap_err();
    assert_eq!(refusal(&foreign), (Code::PermissionDenied, "NOT_PERMITTED".to_owned()));
    assert_eq!(foreign.message(), missing.message());
    let refused = mallory.deactivate(&active.id).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::PermissionDenied, "NOT_PERMITTED".to_owned()));
    assert!(alice.holds(ROLE, "/").await);
}
