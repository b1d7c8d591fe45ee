//! `ExportEvents`: all of it, in each format, in pieces that can be gone on with.

use std::collections::BTreeMap;

use pim_client::Client;
use pim_proto::audit::v1::{EventFilter, ExportEventsRequest, ExportEventsResponse, ExportFormat};
use pim_tests::{Organisation, Person, assert_invalid, assert_refused};
use serde_json::Value;
use sqlx::{Executor as _, Row as _};
use tonic::{Code, Status};

use crate::story::{CONTRIBUTOR, SUBSCRIPTION, begin, ids, listed, tell};

fn request(format: ExportFormat) -> ExportEventsRequest {
    ExportEventsRequest { format: format.into(), ..ExportEventsRequest::default() }
}

/// All pieces.
async fn pieces(
    caller: &Client,
    request: ExportEventsRequest,
) -> Result<Vec<ExportEventsResponse>, Status> {
    let mut stream = caller.audit().export_events(request).await?.into_inner();
    let mut pieces = Vec::new();
    while let Some(piece) = stream.message().await? {
        pieces.push(piece);
    }
    let (last, before) = pieces.split_last().unwrap();
    assert!(last.is_last && before.iter().all(|piece| !piece.is_last));
    Ok(pieces)
}

async fn text(caller: &Client, request: ExportEventsRequest) -> String {
    let pieces = pieces(caller, request).await.unwrap();
    String::from_utf8(pieces.into_iter().flat_map(|piece| piece.data).collect()).unwrap()
}

async fn lines(caller: &Client, format: ExportFormat) -> Vec<Value> {
    let text = text(caller, request(format)).await;
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn json_lines_have_the_bytes_that_are_stored() {
    let (world, organisation, alice) = begin().await;
    tell(&world, &organisation, &alice).await;
    let admin = &organisation.admin.client;
    let log = listed(admin, EventFilter::default()).await.unwrap();
    let lines = lines(admin, ExportFormat::JsonLines).await;
    let mut exported: Vec<&str> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
    exported.reverse();
    assert_eq!(exported, ids(&log));
    let rows = "select id::text, convert_from(body, 'UTF8') as body from event";
    let rows = world.database.connect().await.fetch_all(rows).await.unwrap();
    let stored: BTreeMap<String, String> =
        rows.iter().map(|row| (row.get("id"), row.get("body"))).collect();
    for line in &lines {
        assert_eq!(line["body"].as_str().unwrap(), stored[line["id"].as_str().unwrap()]);
    }
}

#[tokio::test]
async fn that_somebody_exports_is_told_and_so_is_that_somebody_may_not() {
    let (_world, organisation, alice) = begin().await;
    let admin = &organisation.admin;
    let filter = EventFilter { role_id: CONTRIBUTOR.to_owned(), ..EventFilter::default() };
    let wish = ExportEventsRequest { filter: Some(filter), ..request(ExportFormat::Csv) };
    text(&admin.client, wish).await;
    let of = |code: &str| EventFilter { code: code.to_owned(), ..EventFilter::default() };
    let told = listed(&admin.client, of("pim.event.exported")).await.unwrap();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(told.actor.as_ref().unwrap().id, admin.id);
    let said: Vec<(&str, &str)> =
        told.changes.iter().map(|one| (one.field.as_str(), one.new_value.as_str())).collect();
    let role = format!("\"{CONTRIBUTOR}\"");
    assert_eq!(said, [("format", "\"csv\""), ("role", role.as_str())]);

    let answer = alice.client.audit().export_events(request(ExportFormat::Csv)).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    let refused = listed(&admin.client, of("pim.call.refused")).await.unwrap();
    assert_eq!(refused[0].method, "/pim.audit.v1.AuditService/ExportEvents");
    assert_eq!(refused[0].actor.as_ref().unwrap().id, alice.id);
}

#[tokio::test]
async fn csv_has_a_heading_and_a_line_for_each_and_no_formula() {
    let (world, organisation, alice) = begin().await;
    let wish = pim_proto::assignment::v1::CreateAssignmentRequest {
        principal_id: alice.id.clone(),
        role_id: Organisation::USER_ADMINISTRATOR.to_owned(),
        scope: "/".to_owned(),
        justification: "=HYPERLINK(\"http://evil\"), he said".to_owned(),
        ..Default::default()
    };
    organisation.admin.client.assignments().create_assignment(wish).await.unwrap();
    world.settle().await;
    let filter =
        EventFilter { code: "pim.assignment.created".to_owned(), ..EventFilter::default() };
    let filter = EventFilter { subject_id: alice.id.clone(), ..filter };
    let wish = ExportEventsRequest { filter: Some(filter), ..request(ExportFormat::Csv) };
    let text = text(&organisation.admin.client, wish).await;
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    let [heading, line] = lines.as_slice() else { panic!("{text}") };
    assert!(heading.starts_with("id,event_time,code,"), "{heading}");
    assert!(line.contains(r#","'=HYPERLINK(""http://evil""), he said","#), "{line}");
    assert!(line.contains(",alice,") && line.contains(",User Administrator,"), "{line}");
}

#[tokio::test]
async fn cloud_events_and_directory_audits_tell_the_same() {
    let (world, organisation, alice) = begin().await;
    tell(&world, &organisation, &alice).await;
    let admin = &organisation.admin.client;
    let log = listed(admin, EventFilter::default()).await.unwrap();
    let events = lines(admin, ExportFormat::CloudEvents).await;
    // The export before is in this one.
    assert_eq!(events.len(), log.len());
    for event in &events {
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["type"], event["data"]["code"]);
    }
    let audits = lines(admin, ExportFormat::DirectoryAudit).await;
    let of = |activity: &str| {
        let found = audits.iter().filter(|one| one["activityDisplayName"] == activity);
        found.collect::<Vec<_>>()
    };
    let activated = of("Add member to role completed (PIM activation)");
    let [activated] = activated.as_slice() else { panic!("{audits:?}") };
    assert_eq!(of("Add member to role requested (PIM activation)").len(), 1);
    assert_eq!(activated["loggedByService"], "PIM");
    assert_eq!(activated["category"], "ResourceManagement");
    assert_eq!(activated["initiatedBy"]["user"]["displayName"], "alice");
    let kinds = activated["targetResources"].as_array().unwrap();
    let kinds: Vec<&str> = kinds.iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Role", "Request", "User", "Directory"]);
    assert_eq!(activated["targetResources"][0]["displayName"], "Contributor");
    let detail = |key: &str| {
        let details = activated["additionalDetails"].as_array().unwrap();
        let found = details.iter().find(|one| one["key"] == key);
        found.map(|one| one["value"].as_str().unwrap().to_owned())
    };
    assert!(detail("StartTime") < detail("ExpirationTime"), "{activated}");
    assert_eq!(detail("TemplateId").unwrap(), CONTRIBUTOR);
    assert_eq!(detail("oid").unwrap(), alice.id);
    // What the scheduler records, nobody has done.
    let expired = of("Remove member from role (PIM activation expired)");
    assert_eq!(expired[0]["initiatedBy"]["app"]["displayName"], "MS-PIM");
}

/// More entries than one piece has room for.
async fn flood(world: &pim_tests::World, alice: &Person) {
    alice.activate(Person::wish(CONTRIBUTOR, SUBSCRIPTION)).await.unwrap_err();
    let flood = "insert into event
             (tenant_id, id, body, event_time, code, category, result, actor_id)
         select tenant_id, gen_random_uuid(), body, event_time + n * interval '1 microsecond',
             code, category, result, actor_id
         from event, generate_series(1, 4999) n
         where code = 'pim.call.refused'";
    world.database.connect().await.execute(flood).await.unwrap();
}

#[tokio::test]
async fn it_is_of_one_state_and_goes_on_where_it_was() {
    let (world, organisation, alice) = begin().await;
    flood(&world, &alice).await;
    let admin = &organisation.admin.client;
    let filter = EventFilter { code: "pim.call.refused".to_owned(), ..EventFilter::default() };
    let wish = ExportEventsRequest { filter: Some(filter), ..request(ExportFormat::JsonLines) };
    let all = pieces(admin, wish.clone()).await.unwrap();
    assert!(all.len() > 4, "{} pieces", all.len());
    assert_eq!(all.last().unwrap().exported_count, 5_000);
    let first = all.first().unwrap();
    // Written after it began, so no part of it.
    alice.activate(Person::wish(CONTRIBUTOR, SUBSCRIPTION)).await.unwrap_err();
    let after_position = first.position.clone();
    let rest = ExportEventsRequest { after_position, ..wish.clone() };
    let rest = pieces(admin, rest).await.unwrap();
    let data = |pieces: &[ExportEventsResponse]| {
        pieces.iter().flat_map(|piece| piece.data.clone()).collect::<Vec<u8>>()
    };
    assert_eq!([first.data.clone(), data(&rest)].concat(), data(&all));

    let other = ExportEventsRequest {
        format: ExportFormat::CloudEvents.into(),
        after_position: first.position.clone(),
        ..wish
    };
    assert_invalid(admin.audit().export_events(other).await, "after_position");
}

#[tokio::test]
async fn bad_input_is_named() {
    let (_world, organisation, _alice) = begin().await;
    let admin = &organisation.admin.client;
    assert_invalid(admin.audit().export_events(ExportEventsRequest::default()).await, "format");
    let unknown = ExportEventsRequest { format: 77, ..ExportEventsRequest::default() };
    assert_invalid(admin.audit().export_events(unknown).await, "format");
    let filter = EventFilter { code: "pim.nothing".to_owned(), ..EventFilter::default() };
    let wish = ExportEventsRequest { filter: Some(filter), ..request(ExportFormat::Csv) };
    assert_invalid(admin.audit().export_events(wish).await, "filter.code");
    let after_position = "AAAA".to_owned();
    let wish = ExportEventsRequest { after_position, ..request(ExportFormat::Csv) };
    assert_invalid(admin.audit().export_events(wish).await, "after_position");
}
