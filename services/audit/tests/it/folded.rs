//! A flood of refusals is counted in the log.

use chrono::TimeDelta;
use pim_proto::audit::v1::{Event, EventFilter};
use pim_tests::{Person, eventually};

use crate::story::{CONTRIBUTOR, SUBSCRIPTION, begin, listed};

#[tokio::test]
async fn each_refusal_is_counted_and_few_are_entries() {
    let (world, organisation, alice) = begin().await;
    for _ in 0..50 {
        alice.activate(Person::wish(CONTRIBUTOR, SUBSCRIPTION)).await.unwrap_err();
    }
    let admin = &organisation.admin.client;
    let refused = || EventFilter { code: "pim.call.refused".to_owned(), ..EventFilter::default() };
    let entries = listed(admin, refused()).await.unwrap();
    assert_eq!(entries.len(), 20);
    assert!(entries.iter().all(|entry| (entry.count, entry.since_time) == (1, None)));

    world.advance(TimeDelta::minutes(1));
    let count = |entries: &[Event]| entries.iter().map(|entry| entry.count).sum::<i64>();
    let entries = eventually("the rest is written", async || {
        Some(listed(admin, refused()).await.unwrap()).filter(|entries| count(entries) == 50)
    })
    .await;
    assert_eq!(entries.len(), 21);
    let folded = entries.iter().max_by_key(|entry| entry.count).unwrap();
    assert_eq!((folded.count, folded.actor.as_ref().unwrap().id.as_str()), (30, alice.id.as_str()));
    assert_eq!(folded.method, "/pim.activation.v1.ActivationService/ActivateRole");
    assert!(folded.since_time.is_some());
}
