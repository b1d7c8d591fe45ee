//! The whole system in one process: every service on one port, each with a credential of its own
//! for what it asks of the others.

use std::sync::Arc;

use chrono::TimeDelta;
use pim_chassis::{
    Process, Service,
    auth::{DevelopmentIssuer, Grant, RoleTokens},
    backlog::Backlog,
    clock::Clock,
    limits::Limits,
    log_keys::LogKeys,
    process::{self, Peers, ProcessError},
    refusals::Refusals,
    seal::Seal,
    streams::Streams,
};
use pim_client::{Client, Credentials};
use pim_store::Db;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Every service.
pub const SERVICES: [Service; 6] = [
    pim_assignment::SERVICE,
    pim_activation::SERVICE,
    pim_approval::SERVICE,
    pim_audit::SERVICE,
    pim_access::SERVICE,
    pim_scheduler::SERVICE,
];

/// How long a service's own token lives; a new one is made for each call.
const SERVICE_TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(1);

/// What the whole system stands on.
#[derive(Clone)]
pub struct System {
    /// The database, with this program's schema.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Authenticates what clients carry for us.
    pub seal: Arc<Seal>,
    /// Sign the log.
    pub log_keys: Arc<LogKeys>,
    /// Whose tokens are accepted, and who makes those of the services.
    pub issuer: Arc<DevelopmentIssuer>,
    /// Signs role tokens; absent where none are issued.
    pub role_tokens: Option<Arc<RoleTokens>>,
    /// How far the sealing of the log is behind.
    pub backlog: Backlog,
    /// Stops it.
    pub shutdown: CancellationToken,
}

impl System {
    /// The process of one service that finds the others at `url`.
    ///
    /// # Errors
    /// The address is not one.
    pub fn process(&self, service: &'static str, url: &str) -> Result<Process, ProcessError> {
        let (issuer, clock) = (self.issuer.clone(), self.clock.clone());
        let credentials = Credentials::provider(move || {
            let grant = Grant::Service { name: service.to_owned() };
            Ok(issuer.mint(&grant, clock.now().now, SERVICE_TOKEN_LIFETIME)?)
        });
        let peer = Client::connect_lazy(url, credentials)?;
        Ok(Process {
            db: self.db.clone(),
            clock: self.clock.clone(),
            seal: self.seal.clone(),
            log_keys: Some(self.log_keys.clone()),
            issuers: Arc::new(self.issuer.issuers()?),
            role_tokens: self.role_tokens.clone(),
            peers: Arc::new(Peers {
                assignment: Some(peer.clone()),
                activation: Some(peer.clone()),
                approval: Some(peer),
            }),
            backlog: self.backlog.clone(),
            refusals: Refusals::default(),
            streams: Streams::default(),
            tls: None,
            peer_tls: None,
            shutdown: self.shutdown.clone(),
        })
    }

    /// Serves `services` on `listener` until shutdown, then drains.
    ///
    /// # Errors
    /// The server cannot run.
    pub async fn serve(
        &self,
        services: &[Service],
        listener: TcpListener,
        limits: Limits,
    ) -> Result<(), ProcessError> {
        let address = listener.local_addr().map_err(|source| ProcessError::System {
            what: "the listener has no address".to_owned(),
            source,
        })?;
        let url = format!("http://{address}");
        let own = services
            .iter()
            .map(|service| Ok((*service, self.process(service.name, &url)?)))
            .collect::<Result<Vec<_>, ProcessError>>()?;
        let base = self.process("system", &url)?;
        process::serve(&base, &own, listener, limits, self.shutdown.clone()).await?;
        Ok(())
    }
}
