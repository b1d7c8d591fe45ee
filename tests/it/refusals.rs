//! Bad input, each with the code and reason of the error table, and nothing stored.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{ActivateRoleRequest, ListActivationsRequest, activate_role_request::Length},
    approval::v1::ListApprovalsRequest,
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
