//! The whole system in one process: every service on one port, each with a credential of its own
//! for what it asks of the others.

use std::{collections::BTreeMap, sync::Arc};

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
    sign_ins::SignIns,
    streams::Streams,
};
use pim_client::{Client, Credentials};
use pim_store::{Db, Login, Options, StoreError};
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

/// The database as each service has it: by a login of its own.
#[derive(Clone)]
pub struct Databases {
    of_service: BTreeMap<Login, Db>,
    /// By the login that may least.
    least: Db,
}

impl Databases {
    /// Connects to the database at `url` by each login, with its password where it needs one.
    ///
    /// # Errors
    /// As [`Db::connect`] says.
    pub async fn connect(
        url: &str,
        password: impl Fn(Login) -> Option<String>,
        options: &Options,
    ) -> Result<Self, StoreError> {
        let connect =
            async |login| Db::connect_as(url, login, password(login).as_deref(), options).await;
        let least = connect(Login::Scheduler).await?;
        let mut of_service = BTreeMap::from([(Login::Scheduler, least.clone())]);
        for login in Login::ALL.into_iter().filter(|login| *login != Login::Scheduler) {
            of_service.insert(login, connect(login).await?);
        }
        Ok(Self { of_service, least })
    }

    /// That of the service of this name. What is of no service, such as the clock, has the one that
    /// may least.
    #[must_use]
    pub fn of(&self, service: &str) -> &Db {
        let login = Login::of_service(service);
        login.and_then(|login| self.of_service.get(&login)).unwrap_or(&self.least)
    }

    /// Lets go of all connections.
    pub async fn close(&self) {
        for db in self.of_service.values() {
            db.close().await;
        }
        self.least.close().await;
    }
}

/// What the whole system stands on.
#[derive(Clone)]
pub struct System {
    /// The database, with this program's schema.
    pub databases: Databases,
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
    /// Who has signed in, before it goes to the database.
    pub sign_ins: SignIns,
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
            db: self.databases.of(service).clone(),
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
            sign_ins: self.sign_ins.clone(),
            streams: Streams::default(),
            tls: None,
            peer_tls: None,
            shutdown: self.shutdown.clone(),
            config_digest: None,
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
