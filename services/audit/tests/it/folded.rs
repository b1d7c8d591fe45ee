//! A flood of refusals is counted in the log.

use chrono::TimeDelta;
use pim_proto::audit::v1::{Event, EventFilter};
use pim_tests::{Person, eventually};
use sqlx::{Executor as _, Row as _};

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

#[tokio::test]
async fn what_has_been_counted_is_written_when_the_process_stops() {
    let (world, _organisation, alice) = begin().await;
    for _ in 0..25 {
        alice.activate(Person::wish(CONTRIBUTOR, SUBSCRIPTION)).await.unwrap_err();
    }
    let mut database = world.database.connect().await;
    world.system.shutdown.cancel();
    eventually("the rest is written", async || {
        let counted = "select convert_from(body, 'UTF8')::jsonb #>> '{folded,count}' from event
             where code = 'pim.call.refused'";
        let rows = database.fetch_all(counted).await.unwrap();
        let counts: Vec<Option<String>> = rows.iter().map(|row| row.get(0)).collect();
        let folded: Vec<&str> = counts.iter().flatten().map(String::as_str).collect();
        (rows.len() == 21 && folded == ["5"]).then_some(())
    })
    .await;
}
