//! Time and lifecycle.

use chrono::{DateTime, TimeDelta, Utc};
use pim_proto::{
    activation::v1::{ActivateRoleRequest, activate_role_request::Length},
    assignment::v1::CreateEligibilityRequest,
};
use pim_tests::{
    Organisation, Person, World, assert_invalid, assert_refused, duration, metadata, rules,
    timestamp,
};
use tonic::Code;

use super::written;

const ROLE: &str = Organisation::USER_ADMINISTRATOR;

fn wish() -> ActivateRoleRequest {
    Person::wish(ROLE, "/")
}

fn lasting(seconds: i64, nanos: i32) -> ActivateRoleRequest {
    let length = Length::Duration(prost_types::Duration { seconds, nanos });
    ActivateRoleRequest { length: Some(length), ..wish() }
}

fn until(at: prost_types::Timestamp) -> ActivateRoleRequest {
    ActivateRoleRequest { length: Some(Length::EndTime(at)), ..wish() }
}

/// Alice, who is eligible.
async fn eligible(world: &World) -> (Organisation, Person) {
    let organisation = world.organisation().await;
    let alice = organisation.user(world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    (organisation, alice)
}

#[tokio::test]
async fn t_41_a_length_of_time_that_is_none_is_refused_and_never_cut_to_one() {
    let world = World::start().await;
    let (organisation, alice) = eligible(&world).await;
    let before = written(&organisation).await;
    let malformed = [
        (0, 0),
        (-1, 0),
        (0, -1),
        (i64::MAX, 0),
        (i64::MIN, 0),
        (i64::MAX, i32::MAX),
        (1, -1),
        (-1, 1),
        (1, i32::MAX),
        (1, 1_000_000_000),
    ];
    for (seconds, nanos) in malformed {
        assert_invalid(alice.activate(lasting(seconds, nanos)).await, "duration");
    }
    for (seconds, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (0, -1), (0, 1_000_000_000)] {
        let at = prost_types::Timestamp { seconds, nanos };
        assert_invalid(alice.activate(until(at)).await, "end_time");
    }
    // Well formed, and not what the policy permits: the ceiling of a day and the floor hold.
    for seconds in [1, 299, 8 * 3_600 + 1, 24 * 3_600 + 1, 1_000_000_000] {
        let refused = alice.activate(lasting(seconds, 0)).await;
        let refused = assert_refused(refused, Code::FailedPrecondition, "POLICY_DENIED");
        assert_eq!(rules(&refused), ["EXPIRATION"], "{seconds} s");
    }
    assert_eq!(written(&organisation).await, before);
    alice.activate(lasting(300, 0)).await.unwrap();
}

#[tokio::test]
async fn t_42_nothing_begins_in_the_past_too_far_ahead_or_after_its_end() {
    let world = World::start().await;
    let (organisation, alice) = eligible(&world).await;
    let before = written(&organisation).await;
    let from = |start: DateTime<Utc>, wish: ActivateRoleRequest| ActivateRoleRequest {
        start_time: Some(timestamp(start)),
        ..wish
    };
    let now = world.now();
    let too_far = now + TimeDelta::days(30) + TimeDelta::microseconds(1);
    let refused = alice.activate(from(too_far, wish())).await;
    let refused = assert_refused(refused, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&refused), ["WINDOW"]);
    let end = timestamp(now + TimeDelta::hours(1));
    for start in [now + TimeDelta::hours(1), now + TimeDelta::hours(2)] {
        assert_invalid(alice.activate(from(start, until(end))).await, "end_time");
    }
    // An end that has passed is no end of anything that begins now.
    let passed = until(timestamp(now - TimeDelta::hours(1)));
    let refused = alice.activate(from(now - TimeDelta::hours(2), passed)).await;
    let refused = assert_refused(refused, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&refused)[0], "WINDOW");
    assert_eq!(written(&organisation).await, before);
    let made = alice.activate(from(now - TimeDelta::days(1), wish())).await.unwrap();
    assert_eq!(made.start_time, Some(timestamp(now)), "not earlier than its commit");
    assert_eq!(made.end_time, Some(end));
}

#[tokio::test]
async fn t_43_nothing_lasts_longer_than_the_eligibility_and_nothing_begins_at_its_end() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    let end = world.now() + TimeDelta::minutes(30);
    let request = CreateEligibilityRequest {
        principal_id: alice.id.clone(),
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        end_time: Some(timestamp(end)),
        ..CreateEligibilityRequest::default()
    };
    organisation.admin.client.assignments().create_eligibility(request).await.unwrap();
    let asked = until(timestamp(end + TimeDelta::hours(1)));
    let made = alice.activate(asked.clone()).await.unwrap();
    assert_eq!((made.truncated, made.end_time), (true, Some(timestamp(end))));
    world.advance(end - world.now() - TimeDelta::microseconds(1));
    assert!(alice.holds(ROLE, "/").await);
    world.advance(TimeDelta::microseconds(1));
    assert!(!alice.holds(ROLE, "/").await);
    let before = written(&organisation).await;
    for wish in [wish(), asked] {
        let refused = alice.activate(wish).await;
        let refused = assert_refused(refused, Code::FailedPrecondition, "POLICY_DENIED");
        assert_eq!(rules(&refused), ["ELIGIBILITY"]);
    }
    assert_eq!(written(&organisation).await, before);
}

/// Eight hours over the change to summer time in Europe are eight hours.
#[tokio::test]
async fn t_49_a_length_is_elapsed_time_and_no_time_on_a_wall() {
    let world = World::start().await;
    let (_, alice) = eligible(&world).await;
    let change = DateTime::parse_from_rfc3339("2026-03-29T01:00:00Z").unwrap().to_utc();
    world.advance(change - TimeDelta::hours(4) - world.now());
    let made = alice.activate(lasting(8 * 3_600, 0)).await.unwrap();
    assert_eq!(made.end_time, Some(timestamp(change + TimeDelta::hours(4))));
    world.advance(TimeDelta::hours(8) - TimeDelta::microseconds(1));
    assert!(alice.holds(ROLE, "/").await);
    world.advance(TimeDelta::microseconds(1));
    assert!(!alice.holds(ROLE, "/").await);
}

#[tokio::test]
async fn t_49b_a_second_activation_that_would_survive_the_first_is_refused_and_names_it() {
    let world = World::start().await;
    let (organisation, alice) = eligible(&world).await;
    let first = alice.activate(wish()).await.unwrap();
    let before = written(&organisation).await;
    let booked = ActivateRoleRequest {
        start_time: Some(timestamp(world.now() + TimeDelta::minutes(30))),
        length: Some(Length::Duration(duration(TimeDelta::hours(2)))),
        ..wish()
    };
    for wish in [wish(), booked] {
        let refused = alice.activate(wish).await;
        let refused = assert_refused(refused, Code::AlreadyExists, "ACTIVATION_LIVE");
        assert_eq!(metadata(&refused, "activation_id"), first.id);
    }
    assert_eq!(written(&organisation).await, before);
    alice.deactivate(&first.id).await.unwrap();
    assert!(!alice.holds(ROLE, "/").await);
}
