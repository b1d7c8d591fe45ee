//! Who reads the log, and for how long.

use pim_client::Client;
use pim_proto::{
    assignment::v1::{DisablePrincipalRequest, RemoveAssignmentRequest},
    audit::v1::EventFilter,
};
use pim_tests::{Organisation, assert_refused};
use tonic::{Code, Status};

use crate::story::{SUBSCRIPTION, Tail, begin, get, listed};

const READERS: [&str; 5] = [
    Organisation::GLOBAL_ADMINISTRATOR,
    "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "5d6b6bb7-de71-4623-b4af-96380a352509",
    "194ae4cb-b126-40b2-bd5b-6091b380977d",
];

/// Each way to read.
async fn ways(caller: &Client, event: &str) -> [Result<(), Status>; 3] {
    [
        listed(caller, EventFilter::default()).await.map(drop),
        get(caller, event).await.map(drop),
        Tail::open(caller, EventFilter::default(), "").await.map(drop),
    ]
}

async fn an_event(organisation: &Organisation) -> String {
    let log = listed(&organisation.admin.client, EventFilter::default()).await.unwrap();
    log[0].id.clone()
}

#[tokio::test]
async fn readers_of_the_whole_directory_read_the_log() {
    let (world, organisation, _alice) = begin().await;
    let event = an_event(&organisation).await;
    for role in READERS {
        let reader = organisation.user(&world, role).await;
        organisation.assign(&reader, role, "/").await.unwrap();
        assert!(ways(&reader.client, &event).await.iter().all(Result::is_ok), "{role}");
    }
}

#[tokio::test]
async fn nobody_else_reads_it() {
    let (world, organisation, alice) = begin().await;
    let event = an_event(&organisation).await;
    let owner = organisation.user(&world, "olga").await;
    organisation.assign(&owner, Organisation::OWNER, SUBSCRIPTION).await.unwrap();
    let everywhere = organisation.user(&world, "otto").await;
    organisation.assign(&everywhere, Organisation::OWNER, "/").await.unwrap();
    let below = organisation.user(&world, "rita").await;
    organisation.assign(&below, READERS[2], "/administrativeUnits/sales").await.unwrap();
    let eligible = organisation.user(&world, "erin").await;
    organisation.make_eligible(&eligible, READERS[2], "/").await;
    let nobodies = [
        &alice.client,
        &owner.client,
        &everywhere.client,
        &below.client,
        &eligible.client,
        &world.service("audit"),
    ];
    for caller in nobodies {
        // The same no, whether or not there is such an entry.
        for event in [event.as_str(), "01890000-0000-7000-8000-000000000000"] {
            for answer in ways(caller, event).await {
                assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
            }
        }
    }
    // Operators read the platform's own log, and nothing of a tenant's.
    let operator = world.operator();
    assert_eq!(listed(&operator, EventFilter::default()).await.unwrap(), []);
    assert_refused(get(&operator, &event).await, Code::NotFound, "NOT_FOUND");
    for answer in ways(&world.client_with(None), &event).await {
        assert_refused(answer, Code::Unauthenticated, "CREDENTIAL_MISSING");
    }
}

#[tokio::test]
async fn a_tail_ends_with_the_right_to_it() {
    let (world, organisation, _alice) = begin().await;
    let mut tails = Vec::new();
    let mut readers = Vec::new();
    for name in ["rita", "rose"] {
        let reader = organisation.user(&world, name).await;
        let right = organisation.assign(&reader, READERS[2], "/").await.unwrap();
        tails.push(Tail::from_now(&reader.client).await.0);
        readers.push((reader, right));
    }
    let admin = &organisation.admin.client;
    let assignment_id = readers[0].1.id.clone();
    let request = RemoveAssignmentRequest { assignment_id, ..RemoveAssignmentRequest::default() };
    admin.assignments().remove_assignment(request).await.unwrap();
    let principal_id = readers[1].0.id.clone();
    let request = DisablePrincipalRequest { principal_id, ..DisablePrincipalRequest::default() };
    admin.directory().disable_principal(request).await.unwrap();
    let (rose, rita) = (tails.pop().unwrap(), tails.pop().unwrap());
    let (rita, rose) = tokio::join!(rita.end(), rose.end());
    assert_refused(rita, Code::PermissionDenied, "NOT_PERMITTED");
    assert_refused(rose, Code::Unauthenticated, "CREDENTIAL_INVALID");
}

#[tokio::test]
async fn a_tail_outlives_no_token() {
    let (world, organisation, _alice) = begin().await;
    let (tail, _) = Tail::from_now(&organisation.admin.client).await;
    world.advance(chrono::TimeDelta::minutes(5));
    assert_refused(tail.end().await, Code::Unauthenticated, "CREDENTIAL_INVALID");
}
