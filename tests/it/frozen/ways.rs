//! What a write leads to besides what the walk over all writes sees of it: a request that only asks,
//! what is ahead, what changes where something lies, and what ends before it has begun.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{ActivateRoleRequest, ExtendActivationRequest, extend_activation_request},
    assignment::v1::{
        CreateAssignmentRequest, CreateEligibilityRequest, RemoveAssignmentRequest,
        RemoveEligibilityRequest,
    },
    audit::v1::EventFilter,
};
use pim_tests::{Organisation, Person, World, assert_refused, duration, timestamp};
use tonic::Code;

use super::{ROLE, freeze, ground::GUARDED};

const SHOP: &str = "/subscriptions/shop";
const ABOVE: [&str; 2] = ["/managementGroups/one", "/managementGroups/other"];

async fn assert_left(organisation: &Organisation, code: &str) {
    let filter = EventFilter { code: code.to_owned(), ..EventFilter::default() };
    assert!(!organisation.log(filter).await.is_empty(), "{code}");
}

#[tokio::test]
async fn to_ask_to_book_and_to_move_is_to_gain() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let [alice, bob, carol] = [
        organisation.user(&world, "alice").await,
        organisation.user(&world, "bob").await,
        organisation.user(&world, "carol").await,
    ];
    organisation.require_approval(GUARDED, &[&carol]).await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    for person in [&alice, &bob] {
        organisation.make_eligible(person, GUARDED, "/").await;
    }
    let active = bob.activate(Person::wish(GUARDED, "/")).await.unwrap();
    carol.approve(&carol.inbox().await[0]).await.unwrap();
    for above in ABOVE {
        organisation.register(above, "").await.unwrap();
    }
    organisation.register(SHOP, ABOVE[0]).await.unwrap();
    freeze(&organisation.admin.client).await.unwrap();

    let asked = alice.activate(Person::wish(GUARDED, "/")).await;
    assert_refused(asked, Code::FailedPrecondition, "FROZEN");
    let start_time = Some(timestamp(world.now() + TimeDelta::hours(1)));
    let booked = ActivateRoleRequest { start_time, ..Person::wish(ROLE, "/") };
    assert_refused(alice.activate(booked).await, Code::FailedPrecondition, "FROZEN");
    let longer = extend_activation_request::Length::Duration(duration(TimeDelta::hours(2)));
    let request = ExtendActivationRequest {
        activation_id: active.id,
        length: Some(longer),
        justification: "it takes longer".to_owned(),
        ..ExtendActivationRequest::default()
    };
    let extended = bob.client.activations().extend_activation(request).await;
    assert_refused(extended, Code::FailedPrecondition, "FROZEN");
    let moved = organisation.move_scope(SHOP, ABOVE[1]).await;
    assert_refused(moved, Code::FailedPrecondition, "FROZEN");
}

#[tokio::test]
async fn what_has_not_begun_is_given_up_and_what_waits_times_out() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let [alice, carol] =
        [organisation.user(&world, "alice").await, organisation.user(&world, "carol").await];
    organisation.require_approval(GUARDED, &[&carol]).await;
    organisation.make_eligible(&alice, GUARDED, "/").await;
    alice.activate(Person::wish(GUARDED, "/")).await.unwrap();
    let mut admin = organisation.admin.client.assignments();
    let start_time = Some(timestamp(world.now() + TimeDelta::days(2)));
    let (principal_id, role_id, scope) = (alice.id.clone(), ROLE.to_owned(), "/".to_owned());
    let request = CreateEligibilityRequest {
        principal_id: principal_id.clone(),
        role_id: role_id.clone(),
        scope: scope.clone(),
        start_time,
        ..CreateEligibilityRequest::default()
    };
    let eligibility = admin.create_eligibility(request).await.unwrap().into_inner();
    let request = CreateAssignmentRequest {
        principal_id,
        role_id,
        scope,
        start_time,
        justification: "their work".to_owned(),
        ..CreateAssignmentRequest::default()
    };
    let assignment = admin.create_assignment(request).await.unwrap().into_inner();
    freeze(&organisation.admin.client).await.unwrap();

    let eligibility_id = eligibility.eligibility.unwrap().id;
    let request = RemoveEligibilityRequest { eligibility_id, ..Default::default() };
    admin.remove_eligibility(request).await.unwrap();
    let assignment_id = assignment.assignment.unwrap().id;
    let request = RemoveAssignmentRequest { assignment_id, ..Default::default() };
    admin.remove_assignment(request).await.unwrap();
    world.advance(TimeDelta::hours(25));
    world.settle().await;
    for thing in ["eligibility.canceled", "assignment.canceled", "activation.timed_out"] {
        assert_left(&organisation, &format!("pim.{thing}")).await;
    }
}
