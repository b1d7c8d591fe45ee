//! `pim up` starts, serves, stops, starts again, and says what is wrong where it cannot.

use std::{
    collections::BTreeSet, fs, net::TcpListener, path::Path, process::Command, time::Duration,
};

use pim_tests::eventually;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use rustix::process::Signal;
use serde_json::Value;
use tonic::Request;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::{
    installation::{Installation, PIM, items, text},
    program::{Program, channel, free_port, processes_of},
};

/// How long an end by SIGTERM may take.
const END_MAX: Duration = Duration::from_secs(5);

/// The services that reflection names.
async fn reflected(url: &str, token: &str) -> BTreeSet<String> {
    let list = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..ServerReflectionRequest::default()
    };
    let mut request = Request::new(tokio_stream::once(list));
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let mut client = ServerReflectionClient::new(channel(url).await.unwrap());
    let mut answers = client.server_reflection_info(request).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    list.service.into_iter().map(|service| service.name).collect()
}

/// The services of the contract.
fn contract() -> BTreeSet<String> {
    let files = FileDescriptorSet::decode(pim_proto::FILE_DESCRIPTOR_SET).unwrap().file;
    let named = files.iter().flat_map(|file| {
        file.service.iter().map(|service| format!("{}.{}", file.package(), service.name()))
    });
    named.collect()
}

#[tokio::test]
async fn it_welcomes_and_serves_all_services_of_the_contract() {
    let installation = Installation::new();
    let up = installation.up().await;
    assert!(up.welcome.contains("on embedded Postgres"), "{}", up.welcome);
    assert!(up.welcome.contains("DEVELOPMENT ISSUER"), "{}", up.welcome);

    let mut health = HealthClient::new(channel(&up.url).await.unwrap());
    for service in contract().into_iter().chain([String::new()]) {
        let request = HealthCheckRequest { service: service.clone() };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service:?}");
    }
    let roles = items(up.ask("admin", &["role", "list", "--limit", "3"]).await);
    assert_eq!(roles.len(), 3);

    let token = up.run("admin", &["token"]).await;
    let mut served = reflected(&up.url, token.out.trim()).await;
    assert!(served.contains("grpc.health.v1.Health"), "{served:?}");
    served.retain(|name| name.starts_with("pim."));
    assert_eq!(served, contract());
}

#[tokio::test]
async fn a_role_token_names_a_key_that_is_published() {
    let installation = Installation::new();
    let up = installation.up().await;
    let token = up.run("alice", &["access", "token", "--audience", "https://reader.example"]).await;
    assert_eq!(token.code, Some(0), "{}", token.err);
    let answer: Value = serde_json::from_str(&token.out).unwrap();
    assert_eq!(text(&answer, "token").split('.').count(), 3);
    let keys = up.ask("alice", &["access", "keys"]).await;
    assert_eq!(text(&keys["jwks"]["keys"][0], "kid"), text(&answer, "key_id"));
    assert_eq!((text(&keys, "key_id"), text(&keys, "max_age")), (text(&answer, "key_id"), "PT5M"));
    let line = ["access", "token", "--audience", "reader", "--lifetime", "PT1H"];
    let refused = up.run("alice", &line).await;
    assert!(refused.err.contains("from PT5S to PT5M"), "{}", refused.err);
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn sigterm_ends_it_soon_and_leaves_nothing_running() {
    let installation = Installation::new();
    for signal in [Signal::TERM, Signal::INT] {
        let up = installation.up().await;
        assert!(processes_of(&installation.data()).len() > 1, "no Postgres is seen to run");
        up.program.signal(signal);
        let ended = tokio::time::timeout(END_MAX, up.program.ended()).await.expect("it lingers");
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        eventually("nothing is left running", async || {
            processes_of(&installation.data()).is_empty().then_some(())
        })
        .await;
    }
    let log = fs::read_to_string(installation.data().join("postgres.log")).unwrap();
    assert!(!log.contains("not properly shut down"), "{log}");
}

#[tokio::test]
async fn a_second_start_finds_what_the_first_one_stored() {
    let installation = Installation::new();
    let first = installation.up().await;
    let line = ["eligibility", "create", "--principal", "alice", "--role", "User Administrator"];
    let made = first.ask("admin", &line).await;
    let log = first.log().await;
    let issuers = fs::read_to_string(installation.data().join("issuers.json")).unwrap();
    first.program.signal(Signal::TERM);
    assert_eq!(first.program.ended().await.code, Some(0));

    let second = installation.up().await;
    assert_eq!(second.ask("admin", &["eligibility", "show", text(&made, "id")]).await, made);
    assert_eq!(second.log().await, log, "a start that finds its tenant makes nothing");
    let kept = fs::read_to_string(installation.data().join("issuers.json")).unwrap();
    assert_eq!(kept, issuers, "tokens of the first start would be refused");
}

/// A start that fails: its exit code, and the one sentence that it says on standard error.
async fn refused(data: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(PIM);
    let ended = Program::start(command.arg("up").args(more).arg("--data").arg(data)).ended().await;
    assert_eq!(ended.out, "", "a failure is no answer");
    let sentence = ended.err.strip_suffix('\n').unwrap();
    assert_eq!(sentence.lines().count(), 1, "{sentence}");
    (ended.code, sentence.to_owned())
}

#[tokio::test]
async fn a_second_start_beside_the_first_is_refused() {
    let installation = Installation::new();
    let first = installation.up().await;
    let (code, sentence) = refused(&installation.data(), &["--listen", "127.0.0.1:0"]).await;
    assert_eq!(code, Some(8));
    let wanted = format!("is in use by process {}.", first.program.pid());
    assert!(sentence.starts_with("error: ") && sentence.contains(&wanted), "{sentence}");
    first.ask("admin", &["role", "list", "--limit", "1"]).await;
}

#[tokio::test]
async fn an_address_in_use_is_named_before_anything_is_made() {
    let installation = Installation::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, sentence) = refused(&installation.data(), &["--listen", &address]).await;
    assert_eq!(code, Some(8));
    let wanted = format!("error: cannot listen on {address}: Address already in use");
    assert!(sentence.starts_with(&wanted), "{sentence}");
    assert!(!installation.data().exists());
}

/// Permissions do not stop root, so a file stands in the way.
#[tokio::test]
async fn a_data_folder_that_cannot_be_made_is_named() {
    let installation = Installation::new();
    fs::write(installation.data(), "no folder").unwrap();
    let below = installation.data().join("below");
    let (code, sentence) = refused(&below, &["--listen", "127.0.0.1:0"]).await;
    assert_eq!(code, Some(2));
    let wanted = format!("error: cannot use the data folder {}: ", below.display());
    assert!(sentence.starts_with(&wanted), "{sentence}");
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_refused_without_its_password() {
    let installation = Installation::new();
    let port = free_port();
    let nobody = format!("postgres://pim:hunter2@127.0.0.1:{port}/pim");
    let unavailable = "error: database unavailable: ";
    let wrong = "error: the database URL is not one: it must be postgres://";
    for (url, expected, text) in [(nobody, 8, unavailable), ("hunter2".to_owned(), 2, wrong)] {
        let more = ["--listen", "127.0.0.1:0", "--database-url", &url];
        let (code, sentence) = refused(&installation.data(), &more).await;
        assert_eq!(code, Some(expected));
        assert!(sentence.starts_with(text), "{sentence}");
        assert!(!sentence.contains("hunter2"), "{sentence}");
        assert!(!installation.data().join("postgres").exists(), "a database was given");
    }
}
