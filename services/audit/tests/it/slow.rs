//! A reader that does not keep up is cut, never skipped.

use pim_chassis::limits::STREAMS_PER_CALLER_MAX;
use pim_proto::audit::v1::{EventFilter, ExportEventsRequest, ExportFormat};
use pim_tests::{Person, assert_refused, eventually};
use sqlx::Executor as _;
use tonic::Code;

use crate::story::{CONTRIBUTOR, SUBSCRIPTION, Tail, begin};

/// More entries than wait for a reader and are on their way to it at once, by far.
const FLOOD: usize = 20_000;

#[tokio::test]
async fn a_reader_that_is_too_slow_is_cut_and_loses_nothing() {
    let (world, organisation, alice) = begin().await;
    let admin = &organisation.admin.client;
    let filter = || EventFilter { code: "pim.call.refused".to_owned(), ..EventFilter::default() };
    let mut tail = Tail::open(admin, filter(), "").await.unwrap();
    let mut position = tail.next().await.unwrap().unwrap().position;
    alice.activate(Person::wish(CONTRIBUTOR, SUBSCRIPTION)).await.unwrap_err();
    let flood = "insert into event
             (tenant_id, id, body, event_time, code, category, result, actor_id)
         select tenant_id, n.id,
             convert_to(replace(convert_from(body, 'UTF8'), event.id::text, n.id::text), 'UTF8'),
             event_time, code, category, result, actor_id
         from event, (select gen_random_uuid() as id from generate_series(2, 20000)) n
         where code = 'pim.call.refused'";
    let mut database = world.database.connect().await;
    database.execute(flood).await.unwrap();

    // It reads nothing until nobody looks at the log for it any more.
    eventually("the reader is cut", async || {
        let quiet = "select from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()
             having clock_timestamp() - max(query_start) > interval '1 second'";
        database.fetch_optional(quiet).await.unwrap()
    })
    .await;
    let mut heard = Vec::new();
    let cut = loop {
        match tail.next().await {
            Ok(message) => {
                let message = message.expect("it ends without a word");
                heard.extend(message.events.into_iter().map(|event| event.id));
                position = message.position;
            }
            Err(status) => break status,
        }
    };
    assert_eq!(cut.code(), Code::ResourceExhausted);
    assert!(heard.len() < FLOOD, "it was told all, and not cut");

    // One that keeps up hears the rest from where the other was.
    let mut tail = Tail::open(admin, filter(), &position).await.unwrap();
    while heard.len() < FLOOD {
        let message = tail.next().await.unwrap().unwrap();
        heard.extend(message.events.into_iter().map(|event| event.id));
    }
    assert_eq!(heard.len(), FLOOD);
    heard.sort_unstable();
    heard.dedup();
    assert_eq!(heard.len(), FLOOD, "some are heard twice");
}

#[tokio::test]
async fn a_caller_has_only_so_many_streams_and_gets_back_what_is_closed() {
    let (world, organisation, _alice) = begin().await;
    let admin = &organisation.admin.client;
    let mut open = Vec::new();
    for _ in 0..STREAMS_PER_CALLER_MAX {
        open.push(Tail::open(admin, EventFilter::default(), "").await.unwrap());
    }
    // By a connection of its own, which has streams to spare.
    let again = organisation.again(&world).admin.client;
    let one_more = Tail::open(&again, EventFilter::default(), "").await.map(drop);
    assert_refused(one_more, Code::ResourceExhausted, "RATE_LIMITED");
    let export = ExportEventsRequest {
        format: ExportFormat::JsonLines.into(),
        ..ExportEventsRequest::default()
    };
    let export = again.audit().export_events(export).await.map(drop);
    assert_refused(export, Code::ResourceExhausted, "RATE_LIMITED");
    let other = &organisation.second_admin.client;
    drop(Tail::open(other, EventFilter::default(), "").await.unwrap());

    drop(open);
    eventually("the streams are given back", async || {
        Tail::open(&again, EventFilter::default(), "").await.ok().map(drop)
    })
    .await;
}
