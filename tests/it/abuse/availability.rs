//! Availability and protocol.

use std::{fs, future::poll_fn};

use chrono::TimeDelta;
use http_body_util::Full;
use pim_proto::{
    activation::v1::{
        ActivateRoleRequest, ActivationState, BatchActivateRolesRequest, Ending,
        batch_activate_roles_request::Item,
    },
    assignment::v1::{CreateAssignmentRequest, GetPrincipalRequest, GetPrincipalResponse},
    audit::v1::EventFilter,
};
use pim_tests::{Organisation, Person, World, assert_invalid, assert_refused, timestamp};
use tonic::{
    Code, Status,
    body::Body,
    codegen::{Bytes, Service as _, http},
    transport::Endpoint,
};

use super::{
    wire::{Raw, Wire},
    written,
};
use crate::tidy::files::root;

const ROLE: &str = Organisation::USER_ADMINISTRATOR;
const GET: &str = "/pim.assignment.v1.DirectoryService/GetPrincipal";

#[tokio::test]
async fn t_60_what_is_too_large_or_too_many_is_refused_before_it_is_read() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let before = written(&organisation).await;
    let because =
        |bytes| ActivateRoleRequest { justification: "x".repeat(bytes), ..Person::wish(ROLE, "/") };
    for bytes in [64 * 1024, 4 * 1024 * 1024] {
        let refused = alice.activate(because(bytes)).await;
        assert_refused(refused, Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
    }
    let many = |count| BatchActivateRolesRequest {
        items: vec![Item::default(); count],
        ..BatchActivateRolesRequest::default()
    };
    let mut activations = alice.client.activations();
    for count in [501, 100_000] {
        assert_invalid(activations.batch_activate_roles(many(count)).await, "items");
    }
    // Five hundred are not too many, and five megabytes are too much.
    let item = Item { justification: "x".repeat(10 * 1024), ..Item::default() };
    let large = BatchActivateRolesRequest { items: vec![item; 500], ..many(0) };
    let refused = activations.batch_activate_roles(large).await;
    assert_refused(refused, Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
    assert_eq!(written(&organisation).await, before);
    assert!(!alice.holds(ROLE, "/").await);
}

#[tokio::test]
async fn t_57_more_headers_than_a_call_may_have_are_refused_and_not_kept() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = Wire::of(&world, &organisation.user(&world, "alice").await);
    // Of who is known, and of who need not be.
    for path in [GET, "/grpc.health.v1.Health/Check"] {
        let with = async |bytes| {
            let text = "x".repeat(bytes);
            alice.call_with::<_, Raw>(path, Raw::default(), &[("x-long", &text)]).await
        };
        for bytes in [16 * 1024, 64 * 1024] {
            let refused = with(bytes).await;
            assert_refused(refused, Code::ResourceExhausted, "HEADERS_TOO_LARGE");
        }
        let fits = with(15 * 1024).await;
        assert!(!fits.is_err_and(|status| status.code() == Code::ResourceExhausted));
    }
}

/// The answer to one frame, written by hand.
async fn framed(world: &World, token: &str, encoding: Option<&str>, frame: Vec<u8>) -> Status {
    let mut channel = Endpoint::from_shared(world.url.clone()).unwrap().connect().await.unwrap();
    let mut request = http::Request::post(format!("{}{GET}", world.url))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {token}"));
    if let Some(encoding) = encoding {
        request = request.header("grpc-encoding", encoding);
    }
    let body = Body::new(Full::new(Bytes::from(frame)));
    poll_fn(|context| channel.poll_ready(context)).await.unwrap();
    let answer = channel.call(request.body(body).unwrap()).await.unwrap();
    Status::from_header_map(answer.headers()).expect("refused before anything was answered")
}

/// What would unpack to a message that is far over the limit.
fn packed() -> Vec<u8> {
    let data = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&[1][..], &length, &data].concat()
}

#[tokio::test]
async fn t_61_nothing_packed_is_unpacked() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let token = world.token(&organisation.admin);
    for encoding in ["gzip", "deflate", "zstd", "br"] {
        let refused = framed(&world, &token, Some(encoding), packed()).await;
        assert_eq!(refused.code(), Code::Unimplemented, "{encoding}: {refused:?}");
    }
    for encoding in [None, Some("identity")] {
        let refused = framed(&world, &token, encoding, packed()).await;
        assert_refused(Err::<(), _>(refused), Code::InvalidArgument, "INVALID_FIELD");
    }
    // Not packed, and no message either: the length of a field that does not end.
    let refused = framed(&world, &token, None, vec![0, 0, 0, 0, 2, 0x0a, 0x7f]).await;
    assert_refused(Err::<(), _>(refused), Code::InvalidArgument, "INVALID_FIELD");
    let wire = Wire::of(&world, &organisation.admin);
    let plain: GetPrincipalResponse = wire.call(GET, GetPrincipalRequest::default()).await.unwrap();
    assert_eq!(plain.principal.unwrap().id, organisation.admin.id);
}

/// Nothing depends on the scheduler but the books, and those are made up for, each end once, as of
/// when it was.
#[tokio::test]
async fn t_68_while_the_scheduler_is_down_for_days_nothing_lasts_longer() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let [alice, bob, carol] = [
        organisation.user(&world, "alice").await,
        organisation.user(&world, "bob").await,
        organisation.user(&world, "carol").await,
    ];
    organisation.make_eligible(&alice, ROLE, "/").await;
    let active = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    organisation.require_approval(ROLE, &[&carol]).await;
    organisation.make_eligible(&bob, ROLE, "/").await;
    let waiting = bob.activate(Person::wish(ROLE, "/")).await.unwrap();
    let end = timestamp(world.now() + TimeDelta::hours(2));
    let request = CreateAssignmentRequest {
        principal_id: carol.id.clone(),
        role_id: Organisation::CONTRIBUTOR.to_owned(),
        scope: "/subscriptions/shop".to_owned(),
        end_time: Some(end),
        justification: "their work".to_owned(),
        ..CreateAssignmentRequest::default()
    };
    let mut assignments = organisation.admin.client.assignments();
    let assigned = assignments.create_assignment(request).await.unwrap().into_inner();
    let assigned = assigned.assignment.unwrap();
    let approval = carol.inbox().await.remove(0);
    world.advance(TimeDelta::days(9));
    for person in [&alice, &bob, &carol] {
        assert_eq!(person.effective_roles().await, Vec::<String>::new());
    }
    let refused = carol.approve(&approval).await;
    assert_refused(refused, Code::FailedPrecondition, "ALREADY_RESOLVED");
    for _ in 0..2 {
        world.settle().await;
    }
    let state = async |person: &Person, id: &str| {
        let shown = person.activation(id).await.unwrap();
        (shown.state(), shown.ending(), shown.ended_time)
    };
    let ended = ActivationState::Ended;
    assert_eq!(state(&alice, &active.id).await, (ended, Ending::Expired, active.end_time));
    let timed_out = (ended, Ending::TimedOut, approval.expire_time);
    assert_eq!(state(&bob, &waiting.id).await, timed_out);
    let log = organisation.log(EventFilter::default()).await;
    for thing in [&active.id, &waiting.id, &assigned.id, &approval.id] {
        let late = log.iter().filter(|event| is_late(&world, event, thing));
        let late = late.filter(|event| event.code != "pim.call.refused");
        let late: Vec<&str> = late.map(|event| event.code.as_str()).collect();
        assert_eq!(late.len(), 1, "{thing}: {late:?}");
    }
    let state = assignments.get_assignment(pim_proto::assignment::v1::GetAssignmentRequest {
        assignment_id: assigned.id,
    });
    let shown = state.await.unwrap().into_inner().assignment.unwrap();
    assert_eq!(shown.ended_time, Some(end));
}

/// Whether an entry of a thing was made now: what says when something ended says that beside.
fn is_late(world: &World, event: &pim_proto::audit::v1::Event, thing: &str) -> bool {
    event.thing_id == thing && event.event_time == Some(timestamp(world.now()))
}

/// What the chart asks of every pod. Whether a cluster obeys is the cluster's.
#[test]
fn t_71_a_pod_can_do_nothing_but_its_work() {
    let templates = root().join("deploy/helm/pim/templates");
    let text = |name: &str| fs::read_to_string(templates.join(name)).unwrap();
    let helpers = text("_helpers.tpl");
    for asked in [
        "runAsNonRoot: true",
        "type: RuntimeDefault",
        "allowPrivilegeEscalation: false",
        "readOnlyRootFilesystem: true",
        "drop: [ALL]",
    ] {
        assert!(helpers.contains(asked), "the chart does not ask for {asked}");
    }
    for entry in fs::read_dir(&templates).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let text = text(&name);
        let pods = text.matches("containers:").count();
        for part in ["pim.podSecurity", "pim.containerSecurity"] {
            let defined = text.matches(&format!("define \"{part}\"")).count();
            assert_eq!(text.matches(part).count() - defined, pods, "{name}: {part}");
        }
        assert!(pods == 0 || text.contains("automountServiceAccountToken: false"), "{name}");
    }
}
