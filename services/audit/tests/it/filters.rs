//! Each filter, of the list and of the tail alike.

use pim_proto::audit::v1::{Event, EventFilter, Result as EventResult};
use pim_tests::{Organisation, Person, World, assert_invalid, timestamp};

use crate::story::{CONTRIBUTOR, SUBSCRIPTION, Tail, begin, ids, listed, new, sorted, tell};

type Matches = Box<dyn Fn(&Event) -> bool>;

fn time(event: &Event) -> (i64, i32) {
    let time = event.event_time.unwrap();
    (time.seconds, time.nanos)
}

fn actor(event: &Event) -> &str {
    &event.actor.as_ref().unwrap().id
}

/// A filter for each field, and what it means in words of the entries themselves.
fn filters(world: &World, alice: &Person, log: &[Event]) -> Vec<(EventFilter, Matches)> {
    let none = EventFilter::default;
    let middle = timestamp(world.now() - chrono::TimeDelta::hours(1));
    let at = (middle.seconds, middle.nanos);
    let requested = log.iter().find(|event| event.code == "pim.activation.activated").unwrap();
    let (thing, correlation) = (requested.thing_id.clone(), requested.correlation_id.clone());
    let (subject, me) = (alice.id.clone(), alice.id.clone());
    let code = "pim.activation.expired";
    let filter = |filter: EventFilter, matches: Matches| (filter, matches);
    vec![
        filter(
            EventFilter { start_time: Some(middle), ..none() },
            Box::new(move |event| time(event) >= at),
        ),
        filter(
            EventFilter { end_time: Some(middle), ..none() },
            Box::new(move |event| time(event) < at),
        ),
        filter(
            EventFilter { actor_id: me.clone(), ..none() },
            Box::new(move |event| actor(event) == me),
        ),
        filter(
            EventFilter { actor_id: "scheduler".to_owned(), ..none() },
            Box::new(|event| actor(event) == "scheduler"),
        ),
        filter(
            EventFilter { subject_id: subject.clone(), ..none() },
            Box::new(move |event| event.subject_id == subject),
        ),
        filter(
            EventFilter { role_id: CONTRIBUTOR.to_owned(), ..none() },
            Box::new(|event| event.role_id == CONTRIBUTOR),
        ),
        filter(
            EventFilter { scope: SUBSCRIPTION.to_owned(), ..none() },
            Box::new(|event| event.scope == SUBSCRIPTION),
        ),
        filter(
            EventFilter { scope: "/".to_owned(), ..none() },
            Box::new(|event| event.scope == "/"),
        ),
        filter(
            EventFilter { code: code.to_owned(), ..none() },
            Box::new(move |event| event.code == code),
        ),
        filter(
            EventFilter { result: EventResult::Success.into(), ..none() },
            Box::new(|event| event.result() == EventResult::Success),
        ),
        filter(
            EventFilter { result: EventResult::Failure.into(), ..none() },
            Box::new(|event| event.result() == EventResult::Failure),
        ),
        filter(
            EventFilter { correlation_id: correlation.clone(), ..none() },
            Box::new(move |event| event.correlation_id == correlation),
        ),
        filter(
            EventFilter { thing_id: thing.clone(), ..none() },
            Box::new(move |event| event.thing_id == thing),
        ),
        filter(
            EventFilter { category: "RoleManagement".to_owned(), ..none() },
            Box::new(|event| event.category == "RoleManagement"),
        ),
        filter(
            EventFilter { category: "ResourceManagement".to_owned(), ..none() },
            Box::new(|event| event.category == "ResourceManagement"),
        ),
    ]
}

#[tokio::test]
async fn a_filter_lets_through_what_matches_and_nothing_else() {
    let (world, organisation, alice) = begin().await;
    let admin = &organisation.admin.client;
    let before = listed(admin, EventFilter::default()).await.unwrap();
    let (tail, start) = Tail::from_now(admin).await;
    drop(tail);
    tell(&world, &organisation, &alice).await;
    let log = listed(admin, EventFilter::default()).await.unwrap();
    for (filter, matches) in filters(&world, &alice, &log) {
        let wanted: Vec<_> = log.iter().filter(|event| matches(event)).cloned().collect();
        assert!(!wanted.is_empty() && wanted.len() < log.len(), "{filter:?} cannot fail");
        let list = listed(admin, filter.clone()).await.unwrap();
        assert_eq!(ids(&list), ids(&wanted), "{filter:?}");

        // A tail judges with other code than a list does.
        let mut tail = Tail::open(admin, filter.clone(), &start).await.unwrap();
        tail.next().await.unwrap();
        let (heard, _) = tail.all().await;
        assert_eq!(sorted(&heard), sorted(&new(&wanted, &before)), "{filter:?}");
    }
}

#[tokio::test]
async fn filters_hold_together() {
    let (world, organisation, alice) = begin().await;
    tell(&world, &organisation, &alice).await;
    let admin = &organisation.admin.client;
    let filter = EventFilter {
        start_time: Some(timestamp(world.now() - chrono::TimeDelta::hours(1))),
        end_time: Some(timestamp(world.now())),
        actor_id: alice.id.clone(),
        subject_id: alice.id.clone(),
        role_id: CONTRIBUTOR.to_owned(),
        scope: SUBSCRIPTION.to_owned(),
        code: "pim.activation.activated".to_owned(),
        result: EventResult::Success.into(),
        category: "ResourceManagement".to_owned(),
        ..EventFilter::default()
    };
    assert_eq!(listed(admin, filter.clone()).await.unwrap().len(), 1);
    for narrower in [
        EventFilter { role_id: Organisation::USER_ADMINISTRATOR.to_owned(), ..filter.clone() },
        EventFilter { actor_id: organisation.admin.id.clone(), ..filter.clone() },
        EventFilter { scope: "/".to_owned(), ..filter.clone() },
        EventFilter { category: "RoleManagement".to_owned(), ..filter },
    ] {
        assert_eq!(listed(admin, narrower.clone()).await.unwrap(), [], "{narrower:?}");
    }
}

#[tokio::test]
async fn the_customers_names_of_categories_are_understood() {
    let (world, organisation, alice) = begin().await;
    tell(&world, &organisation, &alice).await;
    let admin = &organisation.admin.client;
    let of = async |category: &str| {
        listed(admin, EventFilter { category: category.to_owned(), ..EventFilter::default() }).await
    };
    let all = listed(admin, EventFilter::default()).await.unwrap();
    let everything = of("Privileged Identity Management").await.unwrap();
    assert_eq!(ids(&everything), ids(&all));
    let directory = of("Directory Management").await.unwrap();
    let entras = of("RoleManagement").await.unwrap();
    assert_eq!(ids(&directory), ids(&entras));
    assert!(!directory.is_empty() && directory.len() < all.len());
    for unknown in ["rolemanagement", "Directory", "UserManagement"] {
        assert_invalid(of(unknown).await, "filter.category");
    }
}

#[tokio::test]
async fn a_filter_that_means_nothing_is_refused() {
    let (world, organisation, _alice) = begin().await;
    let admin = &organisation.admin.client;
    let none = EventFilter::default;
    let now = Some(timestamp(world.now()));
    let unknown = "pim.nothing.happened".to_owned();
    for (path, filter) in [
        ("filter.end_time", EventFilter { start_time: now, end_time: now, ..none() }),
        ("filter.subject_id", EventFilter { subject_id: "alice".to_owned(), ..none() }),
        ("filter.role_id", EventFilter { role_id: "Owner".to_owned(), ..none() }),
        ("filter.scope", EventFilter { scope: "subscriptions".to_owned(), ..none() }),
        ("filter.code", EventFilter { code: unknown, ..none() }),
        ("filter.result", EventFilter { result: 9, ..none() }),
        ("filter.correlation_id", EventFilter { correlation_id: "7".to_owned(), ..none() }),
        ("filter.thing_id", EventFilter { thing_id: "7".to_owned(), ..none() }),
    ] {
        assert_invalid(listed(admin, filter.clone()).await, path);
        assert_invalid(Tail::open(admin, filter, "").await, path);
    }
}
