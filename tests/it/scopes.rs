//! What people live through when scopes move.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{ActivationState, Ending},
    assignment::v1::Rules,
    audit::v1::EventFilter,
};
use pim_tests::{Organisation, Person, World, duration};
use tonic::Code;

const ROLE: &str = Organisation::CONTRIBUTOR;
const ALL: &str = "/managementGroups/all";
const WEB: &str = "/managementGroups/web";
const SHOP: &str = "/subscriptions/shop";
const RACK: &str = "/subscriptions/shop/resourceGroups/rack";

/// The shop below the web below all.
async fn tree(world: &World) -> Organisation {
    let organisation = world.organisation().await;
    for (scope, parent) in [(ALL, ""), (WEB, ALL), (SHOP, WEB)] {
        organisation.register(scope, parent).await.unwrap();
    }
    organisation
}

#[tokio::test]
async fn what_is_activated_below_a_management_group_ends_when_the_scope_is_moved_away() {
    let world = World::start().await;
    let organisation = tree(&world).await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, ALL).await;
    let active = alice.activate(Person::wish(ROLE, SHOP)).await.unwrap();
    let holds = async |scope: &str| alice.holds(ROLE, scope).await;
    assert!(holds(SHOP).await && holds(RACK).await);
    assert!(!holds(WEB).await && !holds(ALL).await);

    // Below what it rests on it may go anywhere.
    organisation.move_scope(SHOP, ALL).await.unwrap();
    assert!(holds(RACK).await);
    organisation.move_scope(SHOP, "/").await.unwrap();
    assert!(!holds(SHOP).await && !holds(RACK).await);
    let shown = alice.activation(&active.id).await.unwrap();
    assert_eq!((shown.state(), shown.ending()), (ActivationState::Ended, Ending::Void));
    assert_eq!(shown.void_rules, ["ELIGIBILITY"]);
    let refused = alice.activate(Person::wish(ROLE, SHOP)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);

    organisation.move_scope(SHOP, WEB).await.unwrap();
    assert!(!holds(SHOP).await, "moved back, nothing revives");
    world.settle().await;
    assert!(!holds(SHOP).await);
    alice.activate(Person::wish(ROLE, RACK)).await.unwrap();
    assert!(holds(RACK).await && !holds(SHOP).await);
    // What lies between goes with all that lies below it.
    organisation.move_scope(WEB, "/").await.unwrap();
    assert!(!holds(RACK).await);
    let log = organisation.log(EventFilter::default()).await;
    let moved = log.iter().filter(|event| event.code == "pim.scope.moved");
    assert!(moved.clone().all(|event| event.category == "ResourceManagement"));
    assert_eq!(moved.count(), 4);
}

/// A request that waits, and a booked one: neither comes to anything once the scope has gone, and
/// come back.
#[tokio::test]
async fn what_has_not_begun_ends_as_well() {
    let world = World::start().await;
    let organisation = tree(&world).await;
    let alice = organisation.user(&world, "alice").await;
    let carol = organisation.user(&world, "carol").await;
    organisation.make_eligible(&alice, ROLE, ALL).await;
    let start_time = Some(pim_tests::timestamp(world.now() + TimeDelta::hours(2)));
    let wish =
        pim_proto::activation::v1::ActivateRoleRequest { start_time, ..Person::wish(ROLE, RACK) };
    let booked = alice.activate(wish).await.unwrap();
    organisation.require_approval(ROLE, &[&carol]).await;
    let waiting = alice.activate(Person::wish(ROLE, SHOP)).await.unwrap();
    let approval = carol.inbox().await.remove(0);
    organisation.move_scope(SHOP, "/").await.unwrap();
    organisation.move_scope(SHOP, WEB).await.unwrap();
    assert!(carol.inbox().await.is_empty());
    carol.approve(&approval).await.unwrap_err();
    world.advance(TimeDelta::hours(2));
    world.settle().await;
    for one in [booked, waiting] {
        let shown = alice.activation(&one.id).await.unwrap();
        assert_eq!((shown.state(), shown.ending()), (ActivationState::Ended, Ending::Void));
    }
    assert_eq!(alice.effective_roles().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_granted_at_the_scope_stays_and_rules_come_from_where_it_is() {
    let world = World::start().await;
    let organisation = tree(&world).await;
    let alice = organisation.user(&world, "alice").await;
    let bob = organisation.user(&world, "bob").await;
    organisation.assign(&bob, ROLE, ALL).await.unwrap();
    organisation.make_eligible(&alice, ROLE, SHOP).await;
    let most = |minutes| Rules {
        activation_max: Some(duration(TimeDelta::minutes(minutes))),
        ..Rules::default()
    };
    organisation.set_policy_at(ROLE, WEB, most(20), &[]).await.unwrap();
    assert!(bob.holds(ROLE, RACK).await);
    let wish = Person::wish(ROLE, SHOP);
    let refused = alice.activate(wish.clone()).await.unwrap_err();
    assert_eq!(pim_tests::rules(&refused), ["EXPIRATION"], "an hour is more than the web permits");

    organisation.move_scope(SHOP, ALL).await.unwrap();
    let active = alice.activate(wish).await.unwrap();
    assert!(bob.holds(ROLE, RACK).await && alice.holds(ROLE, RACK).await);
    organisation.move_scope(SHOP, "/").await.unwrap();
    assert!(!bob.holds(ROLE, RACK).await, "assigned above");
    assert!(alice.holds(ROLE, RACK).await, "{} rests on what is granted there", active.id);
    organisation.move_scope(SHOP, WEB).await.unwrap();
    assert!(bob.holds(ROLE, RACK).await, "an assignment holds wherever it reaches");
    assert!(alice.holds(ROLE, RACK).await);
}

#[tokio::test]
async fn who_administers_a_management_group_administers_what_lies_below_it() {
    let world = World::start().await;
    let organisation = tree(&world).await;
    let owner = organisation.user(&world, "owner").await;
    let alice = organisation.user(&world, "alice").await;
    organisation.assign(&owner, Organisation::OWNER, WEB).await.unwrap();
    let theirs = Organisation { admin: owner.again(&world), ..organisation.clone() };
    let made = theirs.make_eligible(&alice, ROLE, RACK).await;
    let below = |scope: &str| pim_proto::assignment::v1::ListEligibilitiesRequest {
        scope: scope.to_owned(),
        ..Default::default()
    };
    let listed = async |scope: &str| {
        let mut client = theirs.admin.client.assignments();
        client
            .list_eligibilities(below(scope))
            .await
            .map(|answer| answer.into_inner().eligibilities)
    };
    assert_eq!(listed(WEB).await.unwrap(), std::slice::from_ref(&made));
    assert_eq!(listed(SHOP).await.unwrap(), [made]);
    assert_eq!(listed(ALL).await.unwrap_err().code(), Code::PermissionDenied);
    organisation.move_scope(SHOP, "/").await.unwrap();
    assert_eq!(listed(WEB).await.unwrap(), []);
    assert_eq!(listed(SHOP).await.unwrap_err().code(), Code::PermissionDenied);
}
