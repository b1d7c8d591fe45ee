//! Traces reach a collector, the last ones at shutdown.

use std::{sync::Arc, time::Duration};

use pim_chassis::{
    config::LogConfig,
    limits::Limits,
    serve::{Guard, Server, Services},
    telemetry,
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

/// The only test that may start logging: there is one log in a process.
#[tokio::test(flavor = "multi_thread")]
async fn traces_are_sent_before_the_process_ends() {
    let (called, mut calls) = mpsc::unbounded_channel();
    let guard: Guard = Arc::new(move |parts| {
        let _ = called.send(parts.uri.path().to_owned());
        Box::pin(async { Ok(()) })
    });
    let collector = Server::new(Services::new(), &[], guard, Limits::default()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(collector.serve(listener, CancellationToken::new()));

    let config = LogConfig {
        filter: "off".to_owned(),
        otlp_endpoint: Some(endpoint.parse().unwrap()),
        ..LogConfig::default()
    };
    let telemetry = telemetry::init("test", &config).unwrap();
    let again = telemetry::init("test", &config).unwrap_err();
    assert!(again.to_string().starts_with("logging cannot be started"), "{again}");

    tracing::info_span!("a span").in_scope(|| ());
    telemetry.shutdown().await;
    let path = tokio::time::timeout(Duration::from_secs(20), calls.recv()).await.unwrap();
    assert_eq!(path.unwrap(), "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
}
