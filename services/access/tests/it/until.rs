//! `valid_until` and `next_change_time`: exactly the next instant at which the clock alone changes
//! the answer.

use pim_tests::{Person, timestamp};

use crate::ask::{
    CONTRIBUTOR, GROUP, SUBSCRIPTION, assign, begin, hours, is_yes, of, own, roles, tick,
};

#[tokio::test]
async fn a_permanent_holding_has_no_end() {
    let (_world, organisation, alice) = begin().await;
    organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let answer = own(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    assert!(is_yes(&answer));
    assert_eq!((answer.valid_until, answer.next_change_time), (None, None));
}

#[tokio::test]
async fn a_yes_stands_until_the_last_of_its_holdings_ends() {
    let (world, organisation, alice) = begin().await;
    organisation.make_eligible(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    let active = alice.activate(Person::wish(CONTRIBUTOR, SUBSCRIPTION)).await.unwrap();
    let later = world.now() + hours(2);
    let target = (CONTRIBUTOR, SUBSCRIPTION);
    let assignment = assign(&organisation, &alice, target, None, later).await;

    let both = own(&alice, CONTRIBUTOR, GROUP).await;
    let mut carried = [active.id, assignment.id.clone()];
    carried.sort();
    assert_eq!((both.supporting_ids, both.valid_until), (carried.to_vec(), Some(timestamp(later))));
    let set = roles(&alice.client, of(&alice)).await.unwrap();
    assert_eq!(set.valid_until, active.end_time, "a list changes with the first end");

    world.advance(hours(1));
    let one = own(&alice, CONTRIBUTOR, GROUP).await;
    assert_eq!(one.supporting_ids, [assignment.id]);
    assert_eq!(one.valid_until, Some(timestamp(later)));
    let set = roles(&alice.client, of(&alice)).await.unwrap();
    assert_eq!(set.valid_until, Some(timestamp(later)));
}

#[tokio::test]
async fn a_holding_that_takes_over_at_an_end_leaves_no_gap() {
    let (world, organisation, alice) = begin().await;
    let (change, end) = (world.now() + hours(1), world.now() + hours(2));
    assign(&organisation, &alice, (CONTRIBUTOR, SUBSCRIPTION), None, change).await;
    let second = assign(&organisation, &alice, (CONTRIBUTOR, GROUP), Some(change), end).await;
    let here = own(&alice, CONTRIBUTOR, GROUP).await;
    assert_eq!(here.valid_until, Some(timestamp(end)));
    let above = own(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    assert_eq!(above.valid_until, Some(timestamp(change)));
    world.advance(hours(1) - tick());
    assert!(is_yes(&own(&alice, CONTRIBUTOR, GROUP).await));
    world.advance(tick());
    let taken_over = own(&alice, CONTRIBUTOR, GROUP).await;
    assert_eq!(taken_over.supporting_ids, [second.id]);
    assert!(!is_yes(&own(&alice, CONTRIBUTOR, SUBSCRIPTION).await));
}

#[tokio::test]
async fn a_no_says_when_an_assignment_begins() {
    let (world, organisation, alice) = begin().await;
    let (start, end) = (world.now() + hours(3), world.now() + hours(4));
    assign(&organisation, &alice, (CONTRIBUTOR, SUBSCRIPTION), Some(start), end).await;
    for wait in [hours(0), hours(3) - tick()] {
        world.advance(wait);
        let no = own(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
        assert!(!is_yes(&no));
        assert_eq!(no.next_change_time, Some(timestamp(start)));
        assert_eq!(no.valid_until, Some(timestamp(start)));
    }
    world.advance(tick());
    let yes = own(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    assert!(is_yes(&yes));
    assert_eq!((yes.valid_until, yes.next_change_time), (Some(timestamp(end)), None));
}

#[tokio::test]
async fn a_booked_activation_may_change_a_no_and_counts_once_it_is_judged() {
    let (world, organisation, alice) = begin().await;
    organisation.make_eligible(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    let start = timestamp(world.now() + hours(2));
    let wish = pim_proto::activation::v1::ActivateRoleRequest {
        start_time: Some(start),
        ..Person::wish(CONTRIBUTOR, SUBSCRIPTION)
    };
    let booked = alice.activate(wish).await.unwrap();
    let no = own(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    assert!(!is_yes(&no));
    assert_eq!((no.next_change_time, no.valid_until), (Some(start), Some(start)));
    let set = roles(&alice.client, of(&alice)).await.unwrap();
    assert_eq!((set.holdings.len(), set.valid_until), (0, Some(start)));

    world.advance(hours(2));
    assert!(!is_yes(&own(&alice, CONTRIBUTOR, SUBSCRIPTION).await), "nobody has judged it");
    world.settle().await;
    let yes = own(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    assert_eq!(yes.supporting_ids, [booked.id]);
    assert_eq!(yes.valid_until, Some(timestamp(world.now() + hours(1))));
}

#[tokio::test]
async fn an_activation_stands_no_longer_than_its_eligibility() {
    let (world, organisation, alice) = begin().await;
    let eligibility = organisation.make_eligible(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    alice.activate(Person::wish(CONTRIBUTOR, SUBSCRIPTION)).await.unwrap();
    world.advance(hours(1) / 2);
    let request = pim_proto::assignment::v1::RemoveEligibilityRequest {
        eligibility_id: eligibility.id,
        ..Default::default()
    };
    organisation.admin.client.assignments().remove_eligibility(request).await.unwrap();
    let no = own(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    assert!(!is_yes(&no));
    assert_eq!((no.valid_until, no.next_change_time), (None, None), "nothing will begin");
}
