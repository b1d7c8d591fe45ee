//! How often may be called: one who floods is told so, and nobody else notices.

use pim_chassis::{
    auth::Grant,
    limits::Limits,
    rates::{Rate, RateLimits},
};
use pim_client::Client;
use pim_proto::{
    activation::v1::{ActivateRoleRequest, DeactivateRoleRequest},
    assignment::v1::GetRoleRequest,
};
use pim_tests::{
    Organisation, Person, World, assert_refused, eventually, metadata, new_id, reason,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Calls that one may make at once; a second later one more.
const BURST: u32 = 3;
/// More than any flood of these tests takes.
const FLOOD: usize = 100;

fn slow(burst: u32) -> Rate {
    Rate::Limited { per_second: 1, burst }
}

/// An organisation whose people call a server with these rates.
async fn limited(world: &mut World, rates: RateLimits) -> (Organisation, Organisation) {
    let (one, other) = (world.organisation().await, world.organisation().await);
    world.call_another(Limits { rates, ..Limits::default() }, |_, _, _| {}).await;
    (one, other)
}

/// A write that is malformed, and counts all the same.
async fn write(person: &Person) -> Result<(), Status> {
    person.client.activations().activate_role(ActivateRoleRequest::default()).await.map(drop)
}

async fn lose(person: &Person) -> Status {
    let request = DeactivateRoleRequest { activation_id: new_id(), ..Default::default() };
    person.client.activations().deactivate_role(request).await.unwrap_err()
}

/// Calls until it is too often.
async fn flood(call: impl AsyncFn() -> Result<(), Status>) -> Status {
    for _ in 0..FLOOD {
        let refused = call().await.unwrap_err();
        if refused.code() == Code::ResourceExhausted {
            return refused;
        }
    }
    panic!("{FLOOD} calls were answered");
}

#[tokio::test]
async fn who_floods_is_told_when_to_ask_again_and_stops_nobody_else() {
    let mut world = World::start().await;
    let rates = RateLimits { write_rate: slow(BURST), ..RateLimits::none() };
    let (org, _) = limited(&mut world, rates).await;
    let [alice, bob] = [org.user(&world, "alice").await, org.user(&world, "bob").await];
    let refused = flood(async || write(&alice).await).await;
    assert_eq!(
        (reason(&refused).as_str(), metadata(&refused, "subject").as_str()),
        ("RATE_LIMITED", "caller")
    );
    let quota = refused.get_details_quota_failure().unwrap().violations;
    assert_eq!(quota[0].description, "1 a second, 3 at once");
    let wait = refused.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert!(wait.as_millis() >= 1 && wait.as_secs() <= 1, "{wait:?}");

    assert_refused(write(&bob).await, Code::InvalidArgument, "INVALID_FIELD");
    assert_eq!(reason(&lose(&alice).await), "NOT_PERMITTED");
    eventually("the flood is over", async || {
        let again = write(&alice).await.unwrap_err();
        (again.code() == Code::InvalidArgument).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_tenant_that_floods_stops_no_other_and_can_still_lose() {
    let mut world = World::start().await;
    let rates = RateLimits {
        write_rate: slow(BURST),
        tenant_write_rate: slow(BURST * 2),
        ..RateLimits::none()
    };
    let (org, other) = limited(&mut world, rates).await;
    let mut people = Vec::new();
    for name in ["alice", "bob", "carol", "dave", "erin", "frank"] {
        people.push(org.user(&world, name).await);
    }
    let stranger = other.user(&world, "alice").await;
    let mut refused = Vec::new();
    for person in people {
        refused.push(metadata(&flood(async || write(&person).await).await, "subject"));
        assert_eq!(reason(&lose(&person).await), "NOT_PERMITTED");
    }
    assert_eq!(refused[0], "caller", "who is over their own share takes no more of the tenant's");
    assert!(refused.contains(&"tenant".to_owned()), "{refused:?}");
    assert_refused(write(&stranger).await, Code::InvalidArgument, "INVALID_FIELD");
}

#[tokio::test]
async fn tokens_that_are_no_good_stop_being_looked_at_and_known_ones_do_not() {
    let mut world = World::start().await;
    let rates = RateLimits { refused_token_rate: slow(BURST), ..RateLimits::none() };
    let _ = limited(&mut world, rates).await;
    let operator = Grant::Operator { subject: "operator".to_owned() };
    let mint = || {
        let hour = chrono::TimeDelta::hours(1);
        world.system.issuer.mint(&operator, world.now(), hour).unwrap()
    };
    let call =
        async |client: &Client| client.roles().get_role(GetRoleRequest::default()).await.map(drop);
    let known = world.client_with(Some(&mint()));
    assert_refused(call(&known).await, Code::PermissionDenied, "NOT_PERMITTED");
    // However many there are, those that are good are none of those that are not.
    for number in 0..BURST * 3 {
        let another = world.client(Grant::Operator { subject: format!("operator-{number}") });
        assert_refused(call(&another).await, Code::PermissionDenied, "NOT_PERMITTED");
    }
    let bad = world.client_with(Some("a.bad.token"));
    assert_refused(call(&bad).await, Code::Unauthenticated, "CREDENTIAL_INVALID");
    let refused = flood(async || call(&bad).await).await;
    assert_eq!(metadata(&refused, "subject"), "address");
    assert_refused(call(&known).await, Code::PermissionDenied, "NOT_PERMITTED");
    eventually("a new token is looked at again", async || {
        let again = call(&world.client_with(Some(&mint()))).await.unwrap_err();
        (again.code() == Code::PermissionDenied).then_some(())
    })
    .await;
}
