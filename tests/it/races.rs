//! What several callers do at once, over real connections: one of them is first.

use std::collections::BTreeSet;

use futures::future::join_all;
use pim_proto::activation::v1::{ActivateRoleRequest, ActivationState, Ending};
use pim_tests::{Organisation, Person, World, reason};
use uuid::Uuid;

const ROLE: &str = Organisation::USER_ADMINISTRATOR;
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_activations_of_a_target_is_made() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let answers = join_all((0..AT_ONCE).map(|_| alice.activate(Person::wish(ROLE, "/")))).await;
    let made = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(made, 1);
    for refused in answers.into_iter().filter_map(Result::err) {
        assert_eq!(reason(&refused), "ACTIVATION_LIVE", "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_sent_many_times_at_once_is_one() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let request_id = Uuid::new_v4().to_string();
    let wish = ActivateRoleRequest { request_id, ..Person::wish(ROLE, "/") };
    let answers = join_all((0..AT_ONCE).map(|_| alice.activate(wish.clone()))).await;
    let ids: BTreeSet<String> = answers.into_iter().map(|answer| answer.unwrap().id).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approvals_at_once_give_one_activation() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    let carol = organisation.user(&world, "carol").await;
    let dave = organisation.user(&world, "dave").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    organisation.require_approval(ROLE, &[&carol, &dave]).await;
    let asked = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    let approval = carol.inbox().await.remove(0);
    let votes = (0..AT_ONCE).map(|vote| {
        let approver = if vote % 2 == 0 { &carol } else { &dave };
        approver.approve(&approval)
    });
    for vote in join_all(votes).await {
        vote.unwrap();
    }
    assert!(alice.holds(ROLE, "/").await);
    let active = alice.activation(&asked.id).await.unwrap();
    assert_eq!((active.state(), active.etag.as_str()), (ActivationState::Active, "v2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_and_a_no_at_once_have_one_outcome() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    let carol = organisation.user(&world, "carol").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    organisation.require_approval(ROLE, &[&carol]).await;
    for _ in 0..AT_ONCE {
        let asked = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
        let approval = carol.inbox().await.remove(0);
        let (yes, no) = tokio::join!(carol.approve(&approval), carol.deny(&approval));
        assert_ne!(yes.is_ok(), no.is_ok(), "{yes:?} {no:?}");
        let shown = alice.activation(&asked.id).await.unwrap();
        if yes.is_ok() {
            assert_eq!(shown.state(), ActivationState::Active);
            alice.deactivate(&asked.id).await.unwrap();
        } else {
            assert_eq!((shown.state(), shown.ending()), (ActivationState::Ended, Ending::Denied));
        }
    }
}
