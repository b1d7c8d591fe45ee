//! Pages of the log, and single entries.

use pim_proto::audit::v1::{EventFilter, ListEventsRequest};
use pim_tests::{assert_invalid, assert_refused};
use tonic::Code;

use crate::story::{CONTRIBUTOR, SUBSCRIPTION, begin, get, ids, listed, page, tell};

fn of_size(page_size: i32) -> ListEventsRequest {
    ListEventsRequest { page_size, ..ListEventsRequest::default() }
}

#[tokio::test]
async fn the_newest_is_first() {
    let (world, organisation, alice) = begin().await;
    tell(&world, &organisation, &alice).await;
    let log = listed(&organisation.admin.client, EventFilter::default()).await.unwrap();
    assert_eq!(log[0].code, "pim.activation.expired");
    assert!(log.is_sorted_by(|newer, older| {
        let key = |event: &pim_proto::audit::v1::Event| {
            let time = event.event_time.unwrap();
            (time.seconds, time.nanos, event.id.clone())
        };
        key(newer) > key(older)
    }));
}

#[tokio::test]
async fn pages_stay_as_they_were_while_entries_arrive() {
    let (world, organisation, alice) = begin().await;
    tell(&world, &organisation, &alice).await;
    let admin = &organisation.admin.client;
    let log = listed(admin, EventFilter::default()).await.unwrap();
    let (mut seen, mut request) = (Vec::new(), of_size(3));
    for user in 0.. {
        world.advance(chrono::TimeDelta::microseconds(1));
        organisation.user(&world, &format!("user-{user}")).await;
        let page = page(admin, request.clone()).await.unwrap();
        assert!(page.events.len() == 3 || page.next_page_token.is_empty());
        seen.extend(page.events);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    // The entry that came before the first page is on it.
    assert_eq!(seen[0].code, "pim.principal.created");
    assert_eq!(ids(&seen[1..]), ids(&log));
}

#[tokio::test]
async fn a_page_token_belongs_to_its_filter_and_its_caller() {
    let (world, organisation, alice) = begin().await;
    tell(&world, &organisation, &alice).await;
    let admin = &organisation.admin.client;
    let page_token = page(admin, of_size(1)).await.unwrap().next_page_token;
    let next = ListEventsRequest { page_token, ..of_size(2) };
    assert_eq!(page(admin, next.clone()).await.unwrap().events.len(), 2);
    assert_invalid(page(&organisation.second_admin.client, next.clone()).await, "page_token");
    let filter = EventFilter { role_id: CONTRIBUTOR.to_owned(), ..EventFilter::default() };
    let other = ListEventsRequest { filter: Some(filter), ..next.clone() };
    assert_invalid(page(admin, other).await, "page_token");
    let other = world.organisation().await;
    assert_invalid(page(&other.admin.client, next.clone()).await, "page_token");
    let mut forged = next.clone();
    let first = if next.page_token.starts_with('A') { "B" } else { "A" };
    forged.page_token.replace_range(..1, first);
    assert_invalid(page(admin, forged).await, "page_token");
    assert_invalid(page(admin, of_size(-1)).await, "page_size");
}

#[tokio::test]
async fn an_entry_is_shown_as_it_is_listed() {
    let (world, organisation, alice) = begin().await;
    tell(&world, &organisation, &alice).await;
    let admin = &organisation.admin.client;
    let other = world.organisation().await;
    for event in listed(admin, EventFilter::default()).await.unwrap() {
        assert_eq!(get(admin, &event.id).await.unwrap(), event);
        assert_refused(get(&other.admin.client, &event.id).await, Code::NotFound, "NOT_FOUND");
    }
    let unknown = get(admin, "01890000-0000-7000-8000-000000000000").await;
    assert_refused(unknown, Code::NotFound, "NOT_FOUND");
    assert_invalid(get(admin, "newest").await, "event_id");
}

#[tokio::test]
async fn an_entry_tells_the_whole_of_what_happened() {
    let (world, organisation, alice) = begin().await;
    tell(&world, &organisation, &alice).await;
    let log = listed(&organisation.admin.client, EventFilter::default()).await.unwrap();
    let find = |code: &str| log.iter().find(|event| event.code == code).unwrap();
    let done = find("pim.activation.activated");
    assert_eq!(done.activity, "Add member to role completed (PIM activation)");
    assert_eq!((done.thing_kind.as_str(), done.thing_version), ("activation", 1));
    assert_eq!((&done.subject_id, done.role_id.as_str()), (&alice.id, CONTRIBUTOR));
    assert_eq!(
        (done.scope.as_str(), done.justification.as_str()),
        (SUBSCRIPTION, "to mend the mail")
    );
    let actor = done.actor.as_ref().unwrap();
    assert_eq!((&actor.id, actor.amr.join(" ").as_str()), (&alice.id, "pwd mfa"));
    let refused = find("pim.call.refused");
    assert_eq!((refused.reason.as_str(), refused.thing_version), ("ACTIVATION_LIVE", 0));
    assert_eq!(refused.rules, ["OVERLAP"]);
    assert_eq!(refused.method, "/pim.activation.v1.ActivationService/ActivateRole");
}
