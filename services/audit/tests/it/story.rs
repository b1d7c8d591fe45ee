//! A story that leaves entries of many kinds, and the ways to read them.

use chrono::TimeDelta;
use pim_client::Client;
use pim_proto::audit::v1::{
    Event, EventFilter, GetEventRequest, ListEventsRequest, ListEventsResponse, TailEventsRequest,
    TailEventsResponse,
};
use pim_tests::{Organisation, Person, World};
use tonic::{Status, Streaming};

pub(crate) const CONTRIBUTOR: &str = Organisation::CONTRIBUTOR;
pub(crate) const SUBSCRIPTION: &str = "/subscriptions/9e1c27e8-55a8-4c5b-9d0e-6f6d1f3f2a11";
/// How long a message may take on a busy machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// A world, an organisation in it, and alice.
pub(crate) async fn begin() -> (World, Organisation, Person) {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    (world, organisation, alice)
}

/// Directory and resource roles, at two scopes, by a person and by a service, done and refused.
pub(crate) async fn tell(world: &World, organisation: &Organisation, alice: &Person) {
    world.advance(TimeDelta::hours(1));
    organisation.make_eligible(alice, CONTRIBUTOR, SUBSCRIPTION).await;
    organisation.assign(alice, Organisation::USER_ADMINISTRATOR, "/").await.unwrap();
    world.advance(TimeDelta::hours(1));
    let wish = || Person::wish(CONTRIBUTOR, SUBSCRIPTION);
    alice.activate(wish()).await.unwrap();
    alice.activate(wish()).await.unwrap_err();
    world.advance(TimeDelta::hours(1));
    world.settle().await;
}

/// A page of the log.
pub(crate) async fn page(
    caller: &Client,
    request: ListEventsRequest,
) -> Result<ListEventsResponse, Status> {
    Ok(caller.audit().list_events(request).await?.into_inner())
}

/// All that matches, newest first.
pub(crate) async fn listed(caller: &Client, filter: EventFilter) -> Result<Vec<Event>, Status> {
    let filter = Some(filter);
    let request = ListEventsRequest { filter, page_size: 1_000, page_token: String::new() };
    let page = page(caller, request).await?;
    assert_eq!(page.next_page_token, "", "the story is shorter");
    Ok(page.events)
}

/// One entry.
pub(crate) async fn get(caller: &Client, id: &str) -> Result<Event, Status> {
    let request = GetEventRequest { event_id: id.to_owned() };
    Ok(caller.audit().get_event(request).await?.into_inner().event.unwrap())
}

/// The log as it grows.
pub(crate) struct Tail(Streaming<TailEventsResponse>);

impl Tail {
    /// After a position; from now on where it is empty.
    pub(crate) async fn open(
        caller: &Client,
        filter: EventFilter,
        after: &str,
    ) -> Result<Self, Status> {
        let request = TailEventsRequest { filter: Some(filter), after_position: after.to_owned() };
        Ok(Self(caller.audit().tail_events(request).await?.into_inner()))
    }

    /// From now on, and the position of that.
    pub(crate) async fn from_now(caller: &Client) -> (Self, String) {
        let mut tail = Self::open(caller, EventFilter::default(), "").await.unwrap();
        let first = tail.next().await.unwrap().unwrap();
        assert_eq!(first.events, []);
        (tail, first.position)
    }

    /// What is heard next; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<TailEventsResponse>, Status> {
        tokio::time::timeout(PATIENCE, self.0.message()).await.expect("the stream is silent")
    }

    /// All entries up to the next sign that all was sent, and the position of that.
    pub(crate) async fn all(&mut self) -> (Vec<Event>, String) {
        let mut events = Vec::new();
        loop {
            let message = self.next().await.unwrap().expect("the stream goes on");
            if message.events.is_empty() {
                return (events, message.position);
            }
            events.extend(message.events);
        }
    }

    /// Entries up to and with the one that `is_last`, and the position after all of them.
    pub(crate) async fn until(&mut self, is_last: impl Fn(&Event) -> bool) -> (Vec<Event>, String) {
        let heard = async {
            let mut heard = Vec::new();
            loop {
                let (events, position) = self.all().await;
                heard.extend(events);
                if heard.iter().any(&is_last) {
                    return (heard, position);
                }
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.expect("it is never heard")
    }

    /// What it ends with, whatever is heard before.
    pub(crate) async fn end(mut self) -> Result<(), Status> {
        let end = async {
            while self.next().await?.is_some() {}
            Ok(())
        };
        tokio::time::timeout(PATIENCE, end).await.expect("it never ends")
    }
}

/// Their ids, as they come.
pub(crate) fn ids(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.id.as_str()).collect()
}

/// Their ids in order, to compare as sets that have no doubles.
pub(crate) fn sorted(events: &[Event]) -> Vec<&str> {
    let mut ids = ids(events);
    ids.sort_unstable();
    ids
}

/// Those of `log` that are not of `before`.
pub(crate) fn new(log: &[Event], before: &[Event]) -> Vec<Event> {
    log.iter().filter(|event| !before.contains(event)).cloned().collect()
}
