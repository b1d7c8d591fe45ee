//! Whether the process wants calls, as `grpc.health.v1` tells load balancers and Kubernetes.
//!
//! Every service of the process, and `""` for all of them, is SERVING or NOT_SERVING together.
//! The name [`LIVE`] is SERVING as long as the process runs: restarting a process mends no
//! database, so a liveness probe must not ask for readiness. The name [`ISSUERS`] is for whoever
//! watches the installation: it is NOT_SERVING while the tokens of an issuer are refused because
//! its keys cannot be fetched, and [`CERTIFICATES`] while a certificate or an authority is in use
//! that has expired or whose files cannot be used any more.

use std::sync::Arc;

use tokio::sync::Mutex;
use tonic_health::{
    ServingStatus,
    pb::health_server::{Health, HealthServer},
    server::HealthReporter,
};

/// The name that a liveness probe asks for.
pub const LIVE: &str = "live";
/// The name that tells whether every issuer has keys.
pub const ISSUERS: &str = "issuers";

/// The name that tells whether the files of certificates can be used.
pub const CERTIFICATES: &str = "certificates";

/// Says whether the process wants calls. It does not until [`Readiness::ready`].
#[derive(Debug, Clone)]
pub struct Readiness {
    reporter: HealthReporter,
    names: Arc<[&'static str]>,
    state: Arc<Mutex<State>>,
    /// The issuers that were without keys when it was last told.
    without_keys: Arc<Mutex<Vec<String>>>,
    /// Whether the files of certificates could be used when it was last told.
    certificates: Arc<Mutex<bool>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    NotReady,
    /// The process is stopping; there is no way back.
    Draining,
}

impl Readiness {
    /// The readiness of services with these names, and the service that tells it.
    pub(crate) async fn new(
        services: &[&'static str],
    ) -> (Self, HealthServer<impl Health + use<>>) {
        let (reporter, server) = tonic_health::server::health_reporter();
        let names = [""].iter().chain(services).copied().collect();
        let state = Arc::new(Mutex::new(State::NotReady));
        let without_keys = Arc::default();
        let certificates = Arc::new(Mutex::new(true));
        let readiness = Self { reporter, names, state, without_keys, certificates };
        readiness.report(ServingStatus::NotServing).await;
        for name in [LIVE, ISSUERS, CERTIFICATES] {
            readiness.reporter.set_service_status(name, ServingStatus::Serving).await;
        }
        (readiness, server)
    }

    /// Calls are welcome, unless the process is stopping.
    pub async fn ready(&self) {
        if self.change(State::Ready, ServingStatus::Serving).await {
            tracing::info!("ready");
        }
    }

    /// Calls should go elsewhere, because of `reason`.
    pub async fn not_ready(&self, reason: &str) {
        if self.change(State::NotReady, ServingStatus::NotServing).await {
            tracing::warn!(reason, "not ready");
        }
    }

    /// These issuers are without keys, so that their tokens are refused; the others' are not.
    pub(crate) async fn issuers(&self, without_keys: &[&str]) {
        let mut before = self.without_keys.lock().await;
        if *before == without_keys {
            return;
        }
        let status = if without_keys.is_empty() {
            tracing::info!("all issuers have keys");
            ServingStatus::Serving
        } else {
            tracing::warn!(issuers = ?without_keys, "issuers without keys, their tokens are refused");
            ServingStatus::NotServing
        };
        self.reporter.set_service_status(ISSUERS, status).await;
        *before = without_keys.iter().map(ToString::to_string).collect();
    }

    /// Whether the files of certificates can be used. Calls go on by what was read before.
    pub(crate) async fn certificates(&self, usable: bool) {
        let mut before = self.certificates.lock().await;
        if *before == usable {
            return;
        }
        let status = if usable { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.reporter.set_service_status(CERTIFICATES, status).await;
        *before = usable;
    }

    /// Calls should go elsewhere, and this will not change.
    pub(crate) async fn draining(&self) {
        if self.change(State::Draining, ServingStatus::NotServing).await {
            tracing::info!("stopping");
        }
    }

    /// The lock is held while the change is reported, so that two changes cannot be reported in
    /// the wrong order. True if this was a change.
    async fn change(&self, to: State, status: ServingStatus) -> bool {
        let mut state = self.state.lock().await;
        if *state == to || *state == State::Draining {
            return false;
        }
        *state = to;
        self.report(status).await;
        true
    }

    async fn report(&self, status: ServingStatus) {
        for name in self.names.iter() {
            self.reporter.set_service_status(name, status).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_that_stops_is_not_ready_again() {
        let (readiness, _health) = Readiness::new(&["test.Service"]).await;
        readiness.ready().await;
        readiness.draining().await;
        assert!(!readiness.change(State::Ready, ServingStatus::Serving).await);
        assert!(!readiness.change(State::NotReady, ServingStatus::NotServing).await);
    }
}
