//! The gRPC server of a process: its services, health and reflection behind one guard, within
//! limits, until it is told to stop.

use std::{convert::Infallible, future::pending, io, time::Duration};

use http::{Request, Response};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, server::NamedService, service::RoutesBuilder};
use tower::Service;

pub use crate::edge::Guard;
use crate::{
    connection,
    edge::Edge,
    limits::{
        HEADER_LIST_BYTES_MAX, KEEPALIVE_INTERVAL_SECONDS, KEEPALIVE_TIMEOUT_SECONDS,
        LOCAL_ERROR_RESET_STREAMS_MAX, Limits, PENDING_RESET_STREAMS_MAX, PROBE_CONNECTIONS_MAX,
    },
    readiness::Readiness,
    tls::Tls,
};

const HEALTH_NAME: &str = "grpc.health.v1.Health";

/// The services of a process.
#[derive(Debug, Default)]
pub struct Services {
    routes: RoutesBuilder,
    names: Vec<&'static str>,
}

/// A server that is ready to serve.
pub struct Server {
    edge: Edge,
    /// Health alone, for who asks at the address of probes.
    probed: Edge,
    readiness: Readiness,
    limits: Limits,
    tls: Option<Tls>,
}

/// Where a server is called.
#[derive(Debug)]
pub struct Listeners {
    /// By everybody.
    pub calls: TcpListener,
    /// By health probes, without TLS, where they have an address of their own.
    pub probes: Option<TcpListener>,
}

impl From<TcpListener> for Listeners {
    fn from(calls: TcpListener) -> Self {
        Self { calls, probes: None }
    }
}

/// Why a server could not be made or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptors are not those of the services.
    #[error("the service descriptors cannot be reflected")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("the server failed")]
    Transport(#[from] tonic::transport::Error),
}

impl Services {
    /// No services.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more service.
    #[must_use]
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }
}

impl Server {
    /// A server of `services`, described by `descriptors` (encoded descriptor sets), each call
    /// admitted by `guard`. Health and reflection are added to the services.
    ///
    /// # Errors
    /// If the descriptors cannot be read.
    pub async fn new(
        services: Services,
        descriptors: &[&[u8]],
        guard: Guard,
        limits: Limits,
    ) -> Result<Self, ServeError> {
        let Services { mut routes, names } = services;
        let (readiness, health) = Readiness::new(&names).await;
        let mut probed = RoutesBuilder::default();
        probed.add_service(health.clone());
        routes.add_service(health);
        add_reflection(&mut routes, &names, descriptors)?;
        let deadline_max = Duration::from_millis(limits.request_deadline_millis);
        let probed = Edge { routes: probed.routes().prepare(), guard: guard.clone(), deadline_max };
        let edge = Edge { routes: routes.routes().prepare(), guard, deadline_max };
        Ok(Self { edge, probed, readiness, limits, tls: None })
    }

    /// The same, by TLS where there is a certificate.
    #[must_use]
    pub fn secured(self, tls: Option<Tls>) -> Self {
        Self { tls, ..self }
    }

    /// Says whether calls are welcome; they are not until it is told so.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Serves until `shutdown`, then drains: says NOT_SERVING, accepts nobody, asks every
    /// connection to go away, waits for running calls, and cuts what is left when the time for
    /// draining is over. When it returns no connection is open.
    ///
    /// # Errors
    /// If the transport fails.
    pub async fn serve(
        self,
        listeners: impl Into<Listeners>,
        shutdown: CancellationToken,
    ) -> Result<(), ServeError> {
        let Self { edge, probed, readiness, limits, tls } = self;
        let Listeners { calls, probes } = listeners.into();
        let (cut, ended) = (CancellationToken::new(), CancellationToken::new());
        let incoming = connection::incoming(calls, tls, &limits, cut.clone());
        let stop = async {
            shutdown.cancelled().await;
            readiness.draining().await;
        };
        let calls = async {
            let served =
                transport(&limits).serve_with_incoming_shutdown(edge, incoming, stop).await;
            // Probes are answered for as long as calls are.
            ended.cancel();
            served
        };
        let probes = async {
            let Some(probes) = probes else { return Ok(()) };
            let limits = Limits {
                connections_max: PROBE_CONNECTIONS_MAX,
                connections_per_address_max: PROBE_CONNECTIONS_MAX,
                ..limits.clone()
            };
            let incoming = connection::incoming(probes, None, &limits, cut.clone());
            let stop = ended.cancelled();
            transport(&limits).serve_with_incoming_shutdown(probed, incoming, stop).await
        };
        let cut_after_drain = async {
            shutdown.cancelled().await;
            tokio::time::sleep(Duration::from_secs(limits.drain_seconds)).await;
            cut.cancel();
            pending::<Infallible>().await
        };
        tokio::select! {
            served = async { tokio::try_join!(calls, probes) } => {
                served?;
                Ok(())
            }
            never = cut_after_drain => match never {},
        }
    }
}

/// A token that is cancelled at the first SIGTERM or SIGINT.
///
/// # Errors
/// If the system refuses to tell us of signals.
pub fn shutdown_on_signals() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = CancellationToken::new();
    let told = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("got SIGTERM"),
            _ = interrupt.recv() => tracing::info!("got SIGINT"),
        }
        told.cancel();
    });
    Ok(shutdown)
}

/// The age only asks a connection to go away; [`connection`] cuts it after the grace. Requests
/// cannot be compressed, because no service accepts an encoding.
fn transport(limits: &Limits) -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .max_concurrent_streams(limits.streams_per_connection_max)
        .max_connection_age(Duration::from_secs(limits.connection_age_seconds))
        .http2_keepalive_interval(Some(Duration::from_secs(KEEPALIVE_INTERVAL_SECONDS)))
        .http2_keepalive_timeout(Some(Duration::from_secs(KEEPALIVE_TIMEOUT_SECONDS)))
        .http2_max_header_list_size(HEADER_LIST_BYTES_MAX)
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESET_STREAMS_MAX))
        .http2_max_local_error_reset_streams(Some(LOCAL_ERROR_RESET_STREAMS_MAX))
}

/// Reflection names only what this process serves, though the descriptors know more.
fn add_reflection(
    routes: &mut RoutesBuilder,
    names: &[&'static str],
    descriptors: &[&[u8]],
) -> Result<(), ServeError> {
    let health = tonic_health::pb::FILE_DESCRIPTOR_SET;
    let builder = || {
        let named = names.iter().fold(
            tonic_reflection::server::Builder::configure().with_service_name(HEALTH_NAME),
            |builder, name| builder.with_service_name(*name),
        );
        descriptors.iter().chain([&health]).fold(named, |builder, descriptor| {
            builder.register_encoded_file_descriptor_set(descriptor)
        })
    };
    routes.add_service(builder().build_v1()?);
    routes.add_service(builder().build_v1alpha()?);
    Ok(())
}
