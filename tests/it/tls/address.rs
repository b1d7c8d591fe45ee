//! Conditions judge by the address of the connection, also where it speaks TLS and IPv6.

use pim_chassis::{limits::Limits, rates::RateLimits, tls::Tls};
use pim_proto::assignment::v1::{Conditions, Rules};
use pim_tests::{Authority, Organisation, Person, World, assert_refused, rules};
use tonic::Code;

use super::{Clients, config, mounted};

const ROLE: &str = Organisation::USER_ADMINISTRATOR;

fn when(expression: &str) -> Rules {
    let known = format!("context has ip && {expression}");
    let policies = vec![format!("permit (principal, action, resource) when {{ {known} }};")];
    Rules { conditions: Some(Conditions { policies }), ..Rules::default() }
}

/// Alice's activation is refused on the one condition and allowed on the other, where she calls a
/// server that listens at `address`.
async fn judges(address: &str, denies: &str, allows: &str) {
    let mut world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let files = mounted(&Authority::new());
    let tls = Tls::load(&config(&files, Clients::Any)).unwrap();
    world.tls = Some(files.nameless_client());
    let limits = Limits { rates: RateLimits::none(), ..Limits::default() };
    world.call_at(address, limits, |_, _, process| process.tls.clone_from(&tls)).await;
    let (organisation, alice) = (organisation.again(&world), alice.again(&world));
    organisation.set_policy(ROLE, when(denies)).await.unwrap();
    let refused = alice.activate(Person::wish(ROLE, "/")).await;
    let refused = assert_refused(refused, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&refused), ["CONDITIONS"], "{address}");
    organisation.set_policy(ROLE, when(allows)).await.unwrap();
    alice.activate(Person::wish(ROLE, "/")).await.unwrap();
}

#[tokio::test]
async fn an_address_of_ipv4_is_that_of_the_connection() {
    let (other, own) = (r#"ip("127.0.0.2")"#, r#"ip("127.0.0.1")"#);
    let is = |address| format!("context.ip == {address}");
    judges("127.0.0.1:0", &is(other), &is(own)).await;
}

#[tokio::test]
async fn an_address_of_ipv6_is_all_of_it() {
    let (network, own) = (r#"context.ip == ip("::")"#, r#"context.ip == ip("::1")"#);
    judges("[::1]:0", network, own).await;
}

#[tokio::test]
async fn an_address_of_ipv4_that_came_over_ipv6_is_one_of_ipv4() {
    let range = r#"context.ip.isInRange(ip("127.0.0.0/8"))"#;
    judges("[::ffff:127.0.0.1]:0", "context.ip.isIpv6()", range).await;
}
