//! `TailEvents`: what is committed is heard, once, in whatever order writers commit.

use pim_proto::{
    assignment::v1::{CreatePrincipalRequest, PrincipalKind},
    audit::v1::{Event, EventFilter, ListEventsRequest},
};
use pim_tests::{Person, assert_invalid};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::story::{Tail, begin, ids, listed, new, page, sorted};

fn all() -> EventFilter {
    EventFilter::default()
}

fn created(name: &str) -> impl Fn(&Event) -> bool {
    let name = format!("\"{name}\"");
    move |event| event.changes.iter().any(|change| change.new_value == name)
}

#[tokio::test]
async fn what_is_new_is_heard_and_nothing_older() {
    let (world, organisation, _alice) = begin().await;
    let admin = &organisation.admin.client;
    let before = listed(admin, all()).await.unwrap();
    let (mut one, _) = Tail::from_now(admin).await;
    let (mut other, _) = Tail::from_now(&organisation.second_admin.client).await;
    organisation.user(&world, "bob").await;
    organisation.user(&world, "carol").await;
    let (heard, _) = one.until(created("carol")).await;
    let (others, _) = other.until(created("carol")).await;
    assert_eq!(sorted(&others), sorted(&heard));
    let log = listed(admin, all()).await.unwrap();
    assert_eq!(sorted(&heard), sorted(&new(&log, &before)));
}

#[tokio::test]
async fn a_reader_resumes_where_it_was_without_loss_or_double() {
    let (world, organisation, _alice) = begin().await;
    let admin = &organisation.admin.client;
    let before = listed(admin, all()).await.unwrap();
    let (mut tail, mut position) = Tail::from_now(admin).await;
    let mut heard = Vec::new();
    for name in ["bob", "carol", "dave", "erin"] {
        // Gone while it happens.
        drop(tail);
        organisation.user(&world, name).await;
        tail = Tail::open(admin, all(), &position).await.unwrap();
        assert_eq!(tail.next().await.unwrap().unwrap().events, [], "it says where it is");
        let (events, after) = tail.until(created(name)).await;
        heard.extend(events);
        position = after;
    }
    let log = listed(admin, all()).await.unwrap();
    assert_eq!(sorted(&heard), sorted(&new(&log, &before)));
}

#[tokio::test]
async fn a_position_amid_entries_loses_none_and_doubles_none() {
    let (world, organisation, _alice) = begin().await;
    let admin = &organisation.admin.client;
    let before = listed(admin, all()).await.unwrap();
    let (mut tail, _) = Tail::from_now(admin).await;
    organisation.user(&world, "bob").await;
    let message = tail.next().await.unwrap().unwrap();
    assert!(message.events.iter().any(created("bob")));
    drop(tail);
    organisation.user(&world, "carol").await;
    let mut tail = Tail::open(admin, all(), &message.position).await.unwrap();
    let rest = tail.until(created("carol")).await.0;
    let heard: Vec<Event> = message.events.into_iter().chain(rest).collect();
    let log = listed(admin, all()).await.unwrap();
    assert_eq!(sorted(&heard), sorted(&new(&log, &before)));
}

#[tokio::test]
async fn writers_at_the_same_time_are_all_heard_once() {
    let (world, organisation, _alice) = begin().await;
    let admin = &organisation.admin.client;
    let before = listed(admin, all()).await.unwrap();
    let (mut tail, _) = Tail::from_now(admin).await;
    let writers = (0..24).map(|number| {
        let directory = admin.directory();
        let name = format!("user-{number}");
        let request = CreatePrincipalRequest {
            kind: PrincipalKind::User.into(),
            issuer: Person::issuer().to_owned(),
            subject: name.clone(),
            display_name: name,
            ..CreatePrincipalRequest::default()
        };
        tokio::spawn(async move { { directory }.create_principal(request).await.unwrap() })
    });
    let writers: Vec<_> = writers.collect();
    let made = writers.len();
    for writer in writers {
        writer.await.unwrap();
    }
    organisation.user(&world, "the-last").await;
    let (heard, _) = tail.until(created("the-last")).await;
    assert_eq!(heard.len(), made + 1);
    let log = listed(admin, all()).await.unwrap();
    assert_eq!(sorted(&heard), sorted(&new(&log, &before)));
}

#[tokio::test]
async fn a_writer_that_commits_late_is_heard_after_those_that_began_later() {
    let (world, organisation, alice) = begin().await;
    let admin = &organisation.admin.client;
    let (mut tail, _) = Tail::from_now(admin).await;
    let mut slow = world.database.connect().await;
    slow.execute("begin").await.unwrap();
    let copy = format!(
        "insert into event
             (tenant_id, id, body, event_time, code, category, result, actor_id)
         select tenant_id, gen_random_uuid(), body, event_time, code, category, result, actor_id
         from event
         where subject_id = '{alice}'",
        alice = alice.id
    );
    slow.execute(AssertSqlSafe(copy)).await.unwrap();
    organisation.user(&world, "bob").await;
    let (heard, position) = tail.until(created("bob")).await;
    assert_eq!(heard.len(), 1, "what is not committed has not happened");
    slow.execute("commit").await.unwrap();
    let (late, _) = tail.until(created("alice")).await;
    assert_eq!(late.len(), 1);
    // So for one who was away meanwhile.
    let mut tail = Tail::open(admin, all(), &position).await.unwrap();
    tail.next().await.unwrap();
    assert_eq!(ids(&tail.until(created("alice")).await.0), ids(&late));
}

#[tokio::test]
async fn only_a_position_of_this_tenants_tail_is_one() {
    let (world, organisation, _alice) = begin().await;
    let admin = &organisation.admin.client;
    let (_, position) = Tail::from_now(admin).await;
    Tail::open(&organisation.second_admin.client, all(), &position).await.unwrap();
    let other = world.organisation().await;
    assert_invalid(Tail::open(&other.admin.client, all(), &position).await, "after_position");
    let request = ListEventsRequest { page_size: 1, ..ListEventsRequest::default() };
    let list = page(admin, request).await.unwrap();
    let swapped = position.chars().rev().collect::<String>();
    let forged = [list.next_page_token, list.revision, swapped, "0".to_owned(), " ".to_owned()];
    for forged in forged {
        assert_invalid(Tail::open(admin, all(), &forged).await, "after_position");
    }
}

#[tokio::test]
async fn a_quiet_log_gives_signs_of_life() {
    let (_world, organisation, _alice) = begin().await;
    let (mut tail, first) = Tail::from_now(&organisation.admin.client).await;
    let quiet = tail.next().await.unwrap().unwrap();
    assert_eq!(quiet.events, []);
    assert!(!first.is_empty() && !quiet.position.is_empty());
}

#[tokio::test]
async fn a_process_that_stops_ends_its_tails() {
    let (world, organisation, _alice) = begin().await;
    let (tail, _) = Tail::from_now(&organisation.admin.client).await;
    world.system.shutdown.cancel();
    // With or without a word.
    let _ = tail.end().await;
}
