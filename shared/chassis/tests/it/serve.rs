//! The server as its clients see it.

use std::time::Duration;

use pim_chassis::limits::{Limits, MESSAGE_BYTES_MAX};
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::{
    v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    },
    v1alpha,
};
use tonic_types::StatusExt as _;

use crate::probe::{TestServer, call, call_with, open_stream};

const PATIENCE: Duration = Duration::from_secs(20);

/// A deadline that passes soon but not before an answer that is ready.
fn short_deadline() -> Limits {
    Limits { request_deadline_millis: 200, ..Limits::default() }
}

fn reason(status: &Status) -> String {
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.domain, "pim.dev");
    info.reason
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

async fn health(server: &TestServer, service: &str) -> Result<ServingStatus, Code> {
    let request = HealthCheckRequest { service: service.to_owned() };
    let answer = HealthClient::new(server.channel().await).check(request).await;
    answer.map(|answer| answer.into_inner().status()).map_err(|status| status.code())
}

#[tokio::test]
async fn health_follows_readiness() {
    let server = TestServer::start(Limits::default()).await;
    for service in ["", "test.Probe"] {
        assert_eq!(health(&server, service).await, Ok(ServingStatus::NotServing));
    }
    assert_eq!(health(&server, "live").await, Ok(ServingStatus::Serving));
    assert_eq!(health(&server, "test.Other").await, Err(Code::NotFound));

    server.readiness.ready().await;
    for service in ["", "test.Probe"] {
        assert_eq!(health(&server, service).await, Ok(ServingStatus::Serving));
    }
    server.readiness.not_ready("the test says so").await;
    assert_eq!(health(&server, "").await, Ok(ServingStatus::NotServing));
    assert_eq!(health(&server, "live").await, Ok(ServingStatus::Serving));
}

#[tokio::test]
async fn reflection_lists_what_is_served() {
    let server = TestServer::start(Limits::default()).await;
    let list = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let mut answers = ServerReflectionClient::new(server.channel().await)
        .server_reflection_info(tokio_stream::once(list))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"test.Probe".to_owned()), "{names:?}");
    assert!(names.contains(&"grpc.health.v1.Health".to_owned()), "{names:?}");
}

#[tokio::test]
async fn the_older_reflection_knows_the_health_service() {
    use v1alpha::{
        server_reflection_client::ServerReflectionClient, server_reflection_request as request,
        server_reflection_response as response,
    };
    let server = TestServer::start(Limits::default()).await;
    let symbol = "grpc.health.v1.Health".to_owned();
    let find = v1alpha::ServerReflectionRequest {
        message_request: Some(request::MessageRequest::FileContainingSymbol(symbol)),
        ..Default::default()
    };
    let mut answers = ServerReflectionClient::new(server.channel().await)
        .server_reflection_info(tokio_stream::once(find))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response;
    assert!(
        matches!(answer, Some(response::MessageResponse::FileDescriptorResponse(_))),
        "{answer:?}"
    );
}

#[tokio::test]
async fn the_guard_comes_first() {
    let server = TestServer::start(Limits::default()).await;
    for path in ["/test.Probe/Echo", "/test.Probe/Panic", "/test.Probe/Nothing", "/nowhere/Echo"] {
        let refused = call_with(server.channel().await, path, String::new(), &[]).await;
        assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated, "{path}");
    }
    for path in ["/test.Probe/Nothing", "/nowhere/Echo"] {
        let missing = call(server.channel().await, path).await;
        assert_eq!(missing.unwrap_err().code(), Code::Unimplemented, "{path}");
    }
    call(server.channel().await, "/test.Probe/Echo").await.unwrap();
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_as_such() {
    let server = TestServer::start(Limits::default()).await;
    let echo = async |bytes: usize| {
        let text = "x".repeat(bytes);
        call_with(server.channel().await, "/test.Probe/Echo", text, &["pass"]).await
    };
    // The field's tag and length take four bytes.
    echo(MESSAGE_BYTES_MAX - 4).await.unwrap();
    let refused = echo(MESSAGE_BYTES_MAX - 3).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(reason(&refused), "MESSAGE_TOO_LARGE");
}

#[tokio::test]
async fn a_call_that_takes_too_long_exceeds_its_deadline() {
    let server = TestServer::start(short_deadline()).await;
    let late = soon(call(server.channel().await, "/test.Probe/Wait")).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
    assert_eq!(reason(&late), "DEADLINE");
    let metadata = late.get_details_error_info().unwrap().metadata;
    assert_eq!(metadata["deadline_millis"], "200");
}

#[tokio::test]
async fn a_stream_outlives_the_deadline() {
    let mut server = TestServer::start(short_deadline()).await;
    let mut stream = open_stream(server.channel().await).await;
    let first = tokio::spawn(async move { stream.next().await });
    soon(server.entered.recv()).await.unwrap();
    // When a call that began after the stream has exceeded its deadline, so has the stream.
    let late = soon(call(server.channel().await, "/test.Probe/Wait")).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
    server.allowed.add_permits(1);
    soon(first).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_panic_is_an_internal_error_that_tells_nothing() {
    let server = TestServer::start(Limits::default()).await;
    let channel = server.channel().await;
    let failed = call(channel.clone(), "/test.Probe/Panic").await.unwrap_err();
    assert_eq!(failed.code(), Code::Internal);
    assert_eq!(reason(&failed), "INTERNAL");
    assert!(!format!("{failed:?}").contains("hunter2"));
    call(channel, "/test.Probe/Echo").await.unwrap();
}

#[tokio::test]
async fn a_drain_lets_running_calls_finish_and_nobody_in() {
    let mut server = TestServer::start(Limits::default()).await;
    server.readiness.ready().await;
    let running = tokio::spawn(call(server.channel().await, "/test.Probe/Wait"));
    soon(server.entered.recv()).await.unwrap();
    let watched = HealthCheckRequest { service: "test.Probe".to_owned() };
    let mut watch =
        HealthClient::new(server.channel().await).watch(watched).await.unwrap().into_inner();
    assert_eq!(watch.next().await.unwrap().unwrap().status(), ServingStatus::Serving);

    server.shutdown.cancel();
    let last = soon(watch.next()).await.unwrap().unwrap();
    assert_eq!(last.status(), ServingStatus::NotServing, "load balancers were not told");
    server.readiness.ready().await;
    drop(watch);
    soon(async {
        while tokio::net::TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!server.serving.is_finished(), "the running call was left behind");

    server.allowed.add_permits(1);
    soon(running).await.unwrap().unwrap();
    soon(server.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_drain_ends_when_its_time_is_over() {
    let mut server = TestServer::start(Limits { drain_seconds: 0, ..Limits::default() }).await;
    let hanging = tokio::spawn(call(server.channel().await, "/test.Probe/Wait"));
    soon(server.entered.recv()).await.unwrap();
    server.shutdown.cancel();
    soon(server.serving).await.unwrap().unwrap();
    let cut = soon(hanging).await.unwrap().unwrap_err();
    assert_ne!(cut.code(), Code::DeadlineExceeded, "the drain waited for the call's own end");
}
