//! What people live through, with the clock moved by hand.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{ActivateRoleRequest, ActivationState, Ending},
    assignment::v1::{
        CreateEligibilityRequest, DisablePrincipalRequest, EnablePrincipalRequest,
        RemoveEligibilityRequest,
    },
    audit::v1::EventFilter,
};
use pim_tests::{Organisation, Person, World, timestamp};

const ROLE: &str = Organisation::USER_ADMINISTRATOR;
const SUBSCRIPTION: &str = "/subscriptions/9e1c27e8-55a8-4c5b-9d0e-6f6d1f3f2a11";

fn hours(hours: i64) -> TimeDelta {
    TimeDelta::hours(hours)
}

fn tick() -> TimeDelta {
    TimeDelta::microseconds(1)
}

#[tokio::test]
async fn a_role_is_held_from_its_activation_to_its_end_and_not_a_moment_longer() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, Organisation::CONTRIBUTOR, SUBSCRIPTION).await;
    assert_eq!(alice.effective_roles().await, Vec::<String>::new());
    let wish = Person::wish(Organisation::CONTRIBUTOR, SUBSCRIPTION);
    let active = alice.activate(wish).await.unwrap();
    assert_eq!(alice.effective_roles().await, [Organisation::CONTRIBUTOR]);
    let below = format!("{SUBSCRIPTION}/resourceGroups/web");
    let holds = async |scope: &str| alice.holds(Organisation::CONTRIBUTOR, scope).await;
    assert!(holds(SUBSCRIPTION).await && holds(&below).await);
    assert!(!holds("/subscriptions/another").await && !holds("/").await);
    // Nobody steps the scheduler.
    world.advance(hours(1) - tick());
    assert!(holds(&below).await);
    world.advance(tick());
    assert!(!holds(SUBSCRIPTION).await && !holds(&below).await);
    let shown = alice.activation(&active.id).await.unwrap();
    assert_eq!((shown.state(), shown.ending()), (ActivationState::Ended, Ending::Expired));
    // What has ended is no obstacle, recorded or not.
    alice.activate(Person::wish(Organisation::CONTRIBUTOR, SUBSCRIPTION)).await.unwrap();
    assert!(holds(SUBSCRIPTION).await);
}

#[tokio::test]
async fn two_approvers_must_both_say_yes() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    let carol = organisation.user(&world, "carol").await;
    let dave = organisation.user(&world, "dave").await;
    let role = Organisation::GLOBAL_ADMINISTRATOR;
    organisation.make_eligible(&alice, role, "/").await;
    organisation.require_approval(role, &[&carol, &dave]).await;
    let asked = alice.activate(Person::wish(role, "/")).await.unwrap();
    assert_eq!(asked.state(), ActivationState::PendingApproval);
    world.advance(hours(3));
    let voted = carol.approve(&carol.inbox().await[0]).await.unwrap();
    assert_eq!(voted.activation_state(), ActivationState::PendingApproval);
    assert!(!alice.holds(role, "/").await);
    assert!(carol.inbox().await.is_empty(), "carol has said what she had to say");
    let approved = dave.approve(&dave.inbox().await[0]).await.unwrap();
    assert_eq!(approved.activation_state(), ActivationState::Active);
    assert!(alice.holds(role, "/").await);
    // Waiting for approval cost no time.
    let active = alice.activation(&asked.id).await.unwrap();
    let (start, end) = (active.start_time.unwrap(), active.end_time.unwrap());
    assert_eq!(end.seconds - start.seconds, 3_600);
    assert_eq!(start.seconds, world.now().timestamp());
    let story = EventFilter { correlation_id: asked.id, ..EventFilter::default() };
    let mut codes: Vec<String> =
        organisation.log(story).await.into_iter().map(|event| event.code).collect();
    // The clock stands still here, so that entries of one instant come in any order.
    codes.sort();
    assert_eq!(
        codes,
        [
            "pim.activation.activated",
            "pim.activation.requested",
            "pim.approval.approved",
            "pim.approval.opened",
            "pim.approval.voted",
        ]
    );
}

#[tokio::test]
async fn one_no_is_enough_and_silence_is_one() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    let carol = organisation.user(&world, "carol").await;
    let dave = organisation.user(&world, "dave").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    organisation.require_approval(ROLE, &[&carol, &dave]).await;
    let first = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    carol.approve(&carol.inbox().await[0]).await.unwrap();
    dave.deny(&dave.inbox().await[0]).await.unwrap();
    let shown = alice.activation(&first.id).await.unwrap();
    assert_eq!((shown.state(), shown.ending()), (ActivationState::Ended, Ending::Denied));

    let second = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    carol.approve(&carol.inbox().await[0]).await.unwrap();
    let late = dave.inbox().await.remove(0);
    world.advance(hours(24));
    dave.approve(&late).await.unwrap_err();
    let shown = alice.activation(&second.id).await.unwrap();
    assert_eq!((shown.state(), shown.ending()), (ActivationState::Ended, Ending::TimedOut));
    assert!(!alice.holds(ROLE, "/").await);
    world.settle().await;
    assert_eq!(alice.activation(&second.id).await.unwrap().ending(), Ending::TimedOut);
}

#[tokio::test]
async fn what_is_booked_begins_at_its_start_and_is_judged_again() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    let eligibility = organisation.make_eligible(&alice, ROLE, "/").await;
    let start_time = Some(timestamp(world.now() + hours(2)));
    let wish = ActivateRoleRequest { start_time, ..Person::wish(ROLE, "/") };
    let booked = alice.activate(wish.clone()).await.unwrap();
    assert_eq!(booked.state(), ActivationState::Scheduled);
    world.advance(hours(2));
    assert!(!alice.holds(ROLE, "/").await, "nobody has judged it yet");
    world.settle().await;
    assert!(alice.holds(ROLE, "/").await);
    world.advance(hours(1));
    assert!(!alice.holds(ROLE, "/").await);
    world.settle().await;

    let start_time = Some(timestamp(world.now() + hours(2)));
    let booked = alice.activate(ActivateRoleRequest { start_time, ..wish }).await.unwrap();
    let request = RemoveEligibilityRequest {
        eligibility_id: eligibility.id,
        ..RemoveEligibilityRequest::default()
    };
    organisation.admin.client.assignments().remove_eligibility(request).await.unwrap();
    world.advance(hours(2));
    world.settle().await;
    let shown = alice.activation(&booked.id).await.unwrap();
    assert_eq!((shown.state(), shown.ending()), (ActivationState::Ended, Ending::Void));
    assert!(!alice.holds(ROLE, "/").await);
}

#[tokio::test]
async fn nothing_that_has_ended_comes_back() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    let eligibility = organisation.make_eligible(&alice, ROLE, "/").await;
    let admin = &organisation.admin.client;
    alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    let principal_id = alice.id.clone();
    let request = DisablePrincipalRequest {
        principal_id: principal_id.clone(),
        ..DisablePrincipalRequest::default()
    };
    admin.directory().disable_principal(request).await.unwrap();
    let request = EnablePrincipalRequest { principal_id, ..EnablePrincipalRequest::default() };
    admin.directory().enable_principal(request).await.unwrap();
    assert!(!alice.holds(ROLE, "/").await, "enabled again, but not as it was");
    world.settle().await;

    alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    let request = RemoveEligibilityRequest {
        eligibility_id: eligibility.id,
        ..RemoveEligibilityRequest::default()
    };
    admin.assignments().remove_eligibility(request).await.unwrap();
    organisation.make_eligible(&alice, ROLE, "/").await;
    assert!(!alice.holds(ROLE, "/").await, "made again, it is another eligibility");
}

#[tokio::test]
async fn an_activation_ends_with_its_eligibility() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    let request = CreateEligibilityRequest {
        principal_id: alice.id.clone(),
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        end_time: Some(timestamp(world.now() + TimeDelta::minutes(20))),
        ..CreateEligibilityRequest::default()
    };
    organisation.admin.client.assignments().create_eligibility(request).await.unwrap();
    let active = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    assert!(active.truncated);
    world.advance(TimeDelta::minutes(20) - tick());
    assert!(alice.holds(ROLE, "/").await);
    world.advance(tick());
    assert!(!alice.holds(ROLE, "/").await);
    alice.activate(Person::wish(ROLE, "/")).await.unwrap_err();
}

#[tokio::test]
async fn an_assignment_is_held_without_activation_within_its_window() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let bob = organisation.user(&world, "bob").await;
    let request = pim_proto::assignment::v1::CreateAssignmentRequest {
        principal_id: bob.id.clone(),
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        start_time: Some(timestamp(world.now() + hours(1))),
        end_time: Some(timestamp(world.now() + hours(2))),
        justification: "a project".to_owned(),
        ..Default::default()
    };
    organisation.admin.client.assignments().create_assignment(request).await.unwrap();
    assert!(!bob.holds(ROLE, "/").await);
    world.advance(hours(1));
    assert!(bob.holds(ROLE, "/").await);
    world.advance(hours(1));
    assert!(!bob.holds(ROLE, "/").await);
}

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    let carol = organisation.user(&world, "carol").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    organisation.require_approval(ROLE, &[&carol]).await;
    let asked = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    let world = world.restart().await;
    let (alice, carol) = (alice.again(&world), carol.again(&world));
    carol.approve(&carol.inbox().await[0]).await.unwrap();
    assert!(alice.holds(ROLE, "/").await);
    assert_eq!(alice.activation(&asked.id).await.unwrap().state(), ActivationState::Active);
}
