//! The whole system in one process, with a clock that is moved by hand.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use pim_chassis::{
    Process, Service,
    auth::{DEVELOPMENT_KEY_FILE, DevelopmentIssuer, Grant, RoleTokens},
    backlog::Backlog,
    clock::Clock,
    limits::Limits,
    log_keys::LogKeys,
    process,
    rates::RateLimits,
    seal::Seal,
    sign_ins::SignIns,
};
use pim_cli::system::{Databases, SERVICES, System};
use pim_client::{Client, Credentials, Tls};
use pim_store::{Db, Options, Reach};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{Organisation, Person, TestDb, database::ACQUIRE_TIMEOUT};

/// How long a token of a test lives; each call gets a new one.
const TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// Steps in which the scheduler must have done all that is due.
const SETTLE_STEPS_MAX: u32 = 20;

/// The whole system.
pub struct World {
    /// What it stands on.
    pub system: System,
    /// Its database.
    pub database: TestDb,
    /// The same, for tests that look behind the services with what rights these have.
    pub db: Db,
    /// Where it listens.
    pub url: String,
    /// How clients that are made from now on call it by TLS.
    pub tls: Option<Tls>,
    server: JoinHandle<()>,
    keys: Arc<TempDir>,
}

/// A Monday noon.
#[must_use]
pub fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_614_400, 0).unwrap()
}

impl World {
    /// With every service but the scheduler, which a test steps by hand, at a Monday noon.
    pub async fn start() -> Self {
        let keys = Arc::new(tempfile::tempdir().unwrap());
        Self::on(TestDb::new().await, Clock::manual(noon()), keys).await
    }

    /// With the time as it is.
    pub async fn start_in_real_time() -> Self {
        let keys = Arc::new(tempfile::tempdir().unwrap());
        Self::on(TestDb::new().await, Clock::disciplined(), keys).await
    }

    /// The same database and keys with everything else begun anew, as after a crash.
    pub async fn restart(self) -> Self {
        self.server.abort();
        let _ = self.server.await;
        // What would go on beside it ends as well.
        self.system.shutdown.cancel();
        self.system.databases.close().await;
        self.db.close().await;
        Self::on(self.database, self.system.clock, self.keys).await
    }

    async fn on(database: TestDb, clock: Clock, keys: Arc<TempDir>) -> Self {
        let options = Options { acquire_timeout: ACQUIRE_TIMEOUT, ..Options::default() };
        let databases = Databases::connect(database.url(), |_| None, &options).await.unwrap();
        let db = database.db().await;
        process::discipline(&db, &clock).await.unwrap();
        let system = System {
            databases,
            clock,
            seal: Arc::new(Seal::new([7; 32])),
            log_keys: Arc::new(LogKeys::from_seed(&[8; 32]).unwrap()),
            issuer: Arc::new(DevelopmentIssuer::load_or_create(keys.path()).unwrap()),
            role_tokens: Some(Arc::new(RoleTokens::load_or_create(keys.path()).unwrap())),
            backlog: Backlog::default(),
            sign_ins: SignIns::default(),
            shutdown: CancellationToken::new(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = system.clone();
        let services =
            SERVICES.map(|service| Service { background: process::no_background, ..service });
        let server = tokio::spawn(async move {
            served.serve(&services, listener, unhurried()).await.unwrap();
        });
        Self { system, database, db, url, tls: None, server, keys }
    }

    /// The private key of the issuer whose tokens are accepted, as PKCS#8.
    #[must_use]
    pub fn development_key(&self) -> Vec<u8> {
        std::fs::read(self.keys.path().join(DEVELOPMENT_KEY_FILE)).unwrap()
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.system.clock.now().now
    }

    /// Lets time pass; nobody is told.
    pub fn advance(&self, by: TimeDelta) {
        self.system.clock.advance(by);
    }

    /// Lets the scheduler do all that is due.
    pub async fn settle(&self) {
        let scheduler = self.system.process("scheduler", &self.url).unwrap();
        for _ in 0..SETTLE_STEPS_MAX {
            pim_scheduler::step(&scheduler).await.expect("a step of the scheduler");
            let mut read = self.db.read(Reach::EveryTenant).await.unwrap();
            let due = pim_store::due::list(&mut read, self.now(), None, 10).await.unwrap();
            if due.is_empty() {
                return;
            }
        }
        panic!("the scheduler never gets everything done");
    }

    /// Writes who has signed in. Nothing else does in a world.
    pub async fn write_sign_ins(&self) {
        let db = self.system.databases.of("access");
        self.system.sign_ins.write(db).await.expect("sign-ins are written");
    }

    /// Lets as much time pass as there is between scans for alerts, and scans.
    pub async fn scan(&self) {
        self.advance(TimeDelta::minutes(1));
        let audit = self.system.process("audit", &self.url).unwrap();
        pim_audit::scan(&audit).await.expect("a scan for alerts");
    }

    /// From now on clients of this world call one service alone, which finds its peers at `peers`.
    ///
    /// # Panics
    /// It cannot be served.
    pub async fn call_alone(&mut self, service: Service, peers: &str) {
        let process = self.system.process(service.name, peers).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.url = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = self.system.shutdown.clone();
        tokio::spawn(async move {
            let (limits, services) = (unhurried(), [(service, process.clone())]);
            process::serve(&process, &services, listener, limits, shutdown).await.unwrap();
        });
    }

    /// From now on clients of this world call a server with these limits, whose processes are as
    /// `prepare` makes them, which is told their service and where the server is.
    ///
    /// # Panics
    /// It cannot be served.
    pub async fn call_another(
        &mut self,
        limits: Limits,
        prepare: impl Fn(&'static str, &str, &mut Process),
    ) {
        self.call_at("127.0.0.1:0", limits, prepare).await;
    }

    /// The same of a server that listens at this address.
    ///
    /// # Panics
    /// It cannot be served.
    pub async fn call_at(
        &mut self,
        address: &str,
        limits: Limits,
        prepare: impl Fn(&'static str, &str, &mut Process),
    ) {
        let listener = TcpListener::bind(address).await.unwrap();
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut address = listener.local_addr().unwrap();
        address.set_ip(address.ip().to_canonical());
        self.url = format!("{scheme}://{address}");
        let services = SERVICES.map(|service| {
            let mut own = self.system.process(service.name, &self.url).unwrap();
            prepare(service.name, &self.url, &mut own);
            (Service { background: process::no_background, ..service }, own)
        });
        let shutdown = self.system.shutdown.clone();
        tokio::spawn(async move {
            let base = services[0].1.clone();
            process::serve(&base, &services, listener, limits, shutdown).await.unwrap();
        });
    }

    /// A client with tokens of `grant`.
    #[must_use]
    pub fn client(&self, grant: Grant) -> Client {
        self.client_by(&self.url, grant, self.tls.clone())
    }

    /// A client of a server at `url` with tokens of `grant`, by `tls` where it is given.
    #[must_use]
    pub fn client_by(&self, url: &str, grant: Grant, tls: Option<Tls>) -> Client {
        let (issuer, clock) = (self.system.issuer.clone(), self.system.clock.clone());
        let credentials = Credentials::provider(move || {
            Ok(issuer.mint(&grant, clock.now().now, TOKEN_LIFETIME)?)
        });
        Client::connect_lazy_by(url, credentials, tls).unwrap()
    }

    /// A token of somebody who signed in with multi-factor authentication.
    #[must_use]
    pub fn token(&self, person: &Person) -> String {
        self.system.issuer.mint(&person.grant(), self.now(), TOKEN_LIFETIME).unwrap()
    }

    /// A client with a fixed token, or none.
    #[must_use]
    pub fn client_with(&self, token: Option<&str>) -> Client {
        let credentials =
            token.map_or_else(Credentials::none, |token| Credentials::token(token.to_owned()));
        Client::connect_lazy(&self.url, credentials).unwrap()
    }

    /// Whoever runs the installation.
    #[must_use]
    pub fn operator(&self) -> Client {
        self.client(Grant::Operator { subject: "operator".to_owned() })
    }

    /// A service of the system.
    #[must_use]
    pub fn service(&self, name: &str) -> Client {
        self.client(Grant::Service { name: name.to_owned() })
    }

    /// A new organisation with two administrators and both catalogs.
    pub async fn organisation(&self) -> Organisation {
        Organisation::create(self).await
    }
}

/// The limits of a server that may be called as often as a test likes.
fn unhurried() -> Limits {
    Limits { rates: RateLimits::none(), ..Limits::default() }
}
