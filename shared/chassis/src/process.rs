//! A service process: what its services share, and its life from start to drain.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use pim_client::{Client, ClientError, Credentials, FilesError};
use pim_domain::id::TenantId;
use pim_store::{Db, Options, Reach, Revision, StoreError, events};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{Issuers, RoleTokens},
    backlog::{self, Backlog},
    clock::Clock,
    config::{Config, ConfigError, RoleTokenConfig},
    life::{self, ConfigDigest},
    limits::Limits,
    log_keys::LogKeys,
    periodic::Periodic,
    rates::Rates,
    readiness::Readiness,
    refusals::{self, Refusals},
    seal::Seal,
    serve::{Listeners, ServeError, Server, Services, shutdown_on_signals},
    sign_ins::{self, SignIns},
    streams::Streams,
    telemetry,
    tls::Tls,
};

/// How often the clock is compared with the database's.
const CLOCK_SAMPLE_INTERVAL: Duration = Duration::from_secs(2);
/// How often the files of certificates are looked at.
const CERTIFICATES_INTERVAL: Duration = Duration::from_secs(2);
/// Comparisons at start, of which the best counts.
const CLOCK_SAMPLES_AT_START: usize = 5;

/// What a sealed revision is for.
const REVISION: &str = "revision";

/// What the services of a process share. Cheap to clone.
#[derive(Clone)]
pub struct Process {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Authenticates what clients carry for us: page tokens, revisions, positions.
    pub seal: Arc<Seal>,
    /// Sign the log; absent where the process has none.
    pub log_keys: Option<Arc<LogKeys>>,
    /// Whose tokens are accepted.
    pub issuers: Arc<Issuers>,
    /// Signs role tokens; absent where none are issued.
    pub role_tokens: Option<Arc<RoleTokens>>,
    /// The other services.
    pub peers: Arc<Peers>,
    /// How far the sealing of the log is behind.
    pub backlog: Backlog,
    /// What is counted before it goes to the log.
    pub refusals: Refusals,
    /// Who has signed in, before it goes to the database.
    pub sign_ins: SignIns,
    /// The streams that are open.
    pub streams: Streams,
    /// How it is called by TLS; absent where it speaks plain HTTP/2.
    pub tls: Option<Tls>,
    /// How it calls the other services by TLS; absent where it calls them without.
    pub peer_tls: Option<pim_client::Tls>,
    /// Told when the process is to stop: what streams ends by itself then.
    pub shutdown: CancellationToken,
    /// Of what the process was told, where its start and its stop are told in the log: where it is
    /// one service's, as in production.
    pub config_digest: Option<ConfigDigest>,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("db", &self.db.instance()).finish_non_exhaustive()
    }
}

/// The services that others ring; absent where a process needs none of it.
#[derive(Clone, Default)]
pub struct Peers {
    /// Owns roles, people, policies and grants.
    pub assignment: Option<Client>,
    /// Owns activations.
    pub activation: Option<Client>,
    /// Owns approvals.
    pub approval: Option<Client>,
}

/// One service: what it serves, and what it repeats beside that.
#[derive(Clone, Copy)]
pub struct Service {
    /// Its name, as its credential says it.
    pub name: &'static str,
    /// Adds its RPCs.
    pub mount: fn(&Process, Services) -> Services,
    /// Starts what it repeats until shutdown.
    pub background: fn(&Process, &CancellationToken) -> Vec<Periodic>,
}

/// The background of a service in which people gain and which repeats nothing of its own.
#[must_use]
pub fn background_of_gaining(process: &Process, shutdown: &CancellationToken) -> Vec<Periodic> {
    vec![backlog::watch(process, shutdown), sign_ins::keep_written(process, shutdown)]
}

/// Nothing is repeated.
#[must_use]
pub fn no_background(_: &Process, _: &CancellationToken) -> Vec<Periodic> {
    Vec::new()
}

/// Why a process could not start or go on; one sentence for whoever runs it.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// What it was told is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database cannot be used.
    #[error("{error}{}", cause(.error))]
    Store {
        /// Why not.
        #[from]
        error: StoreError,
    },
    /// A peer's address is wrong.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The server cannot run.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The address cannot be listened on, or the system refused something else.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
}

fn cause(error: &StoreError) -> String {
    std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default()
}

impl Process {
    /// What the configuration names, connected and checked.
    ///
    /// # Errors
    /// It cannot be used as it is.
    pub async fn start(config: &Config, shutdown: CancellationToken) -> Result<Self, ProcessError> {
        let seal = Arc::new(Seal::load(&config.token_key_file)?);
        let log_keys = LogKeys::load(config)?.map(Arc::new);
        let issuers = Arc::new(Issuers::load(&config.issuers)?);
        let db = Db::connect(config.database_url.expose(), &Options::default()).await?;
        let credentials = credentials(config.credential_file.clone());
        let tls = Tls::load(&config.tls)?;
        let peer_tls = peer_tls(config)?;
        let peer = |url: &Option<http::Uri>| {
            url.as_ref().map(|url| {
                let (url, credentials) = (url.to_string(), credentials.clone());
                Client::connect_lazy_by(&url, credentials, peer_tls.clone())
            })
        };
        let peers = Peers {
            assignment: peer(&config.assignment_url).transpose()?,
            activation: peer(&config.activation_url).transpose()?,
            approval: peer(&config.approval_url).transpose()?,
        };
        let clock = Clock::disciplined();
        discipline(&db, &clock).await?;
        Ok(Self {
            db,
            clock,
            seal,
            log_keys,
            issuers,
            role_tokens: None,
            peers: Arc::new(peers),
            backlog: Backlog::default(),
            refusals: Refusals::default(),
            sign_ins: SignIns::default(),
            streams: Streams::default(),
            tls,
            peer_tls,
            shutdown,
            config_digest: None,
        })
    }

    /// A revision as clients of a tenant see it: of this database, for this tenant, and nobody
    /// else's making.
    #[must_use]
    pub fn revision(&self, tenant: TenantId, revision: &Revision) -> String {
        let text = format!("{} {revision}", self.db.instance());
        self.seal.seal(REVISION, &[tenant.uuid().as_bytes()], text.as_bytes())
    }

    /// The revision that a client of a tenant was given; `None` where it was given no such thing.
    #[must_use]
    pub fn open_revision(&self, tenant: TenantId, sealed: &str) -> Option<Revision> {
        let text = self.seal.open(REVISION, &[tenant.uuid().as_bytes()], sealed)?;
        let (instance, revision) = str::from_utf8(&text).ok()?.split_once(' ')?;
        if instance != self.db.instance().to_string() {
            return None;
        }
        revision.parse().ok()
    }
}

/// Reads the newest event's time and compares the clocks, so that the first answer is right.
///
/// # Errors
/// The database cannot serve.
pub async fn discipline(db: &Db, clock: &Clock) -> Result<(), StoreError> {
    let mut read = db.read(Reach::EveryTenant).await?;
    if let Some(newest) = events::newest_time(&mut read).await? {
        clock.raise_floor(newest);
    }
    drop(read);
    for _ in 0..CLOCK_SAMPLES_AT_START {
        sample(db, clock).await?;
    }
    Ok(())
}

async fn sample(db: &Db, clock: &Clock) -> Result<Duration, StoreError> {
    let before = clock.local();
    let database = db.clock().await?;
    clock.observe(before, database, clock.local());
    Ok(CLOCK_SAMPLE_INTERVAL)
}

/// How peers are called by TLS: by all addresses or by none, so that no call goes without because
/// of one letter in a URL.
fn peer_tls(config: &Config) -> Result<Option<pim_client::Tls>, ConfigError> {
    let urls = [&config.assignment_url, &config.activation_url, &config.approval_url];
    let secure = |url: &http::Uri| url.scheme_str() == Some("https");
    let authority = config.tls.peer_ca_file.clone();
    if authority.is_none() && !urls.into_iter().flatten().any(secure) {
        return Ok(None);
    }
    pim_client::Tls::load(authority, config.tls.own())
        .map(Some)
        .map_err(|error| ConfigError::new(error.to_string()))
}

/// The token in a file, read at each use: it is small, and the platform rotates it.
fn credentials(file: Option<PathBuf>) -> Credentials {
    match file {
        Some(file) => Credentials::provider(move || {
            std::fs::read_to_string(&file)
                .map(|token| token.trim().to_owned())
                .map_err(|error| format!("{}: {error}", file.display()).into())
        }),
        None => Credentials::none(),
    }
}

/// Serves each service with its view of the process on `listeners` until `shutdown`, then drains.
///
/// # Errors
/// The server cannot run.
pub async fn serve(
    process: &Process,
    services: &[(Service, Process)],
    listeners: impl Into<Listeners>,
    limits: Limits,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let mounted = services
        .iter()
        .fold(Services::new(), |mounted, (service, own)| (service.mount)(own, mounted));
    let descriptors = [pim_proto::FILE_DESCRIPTOR_SET];
    let guard = crate::guard::guard(process, Rates::new(&limits.rates));
    let server = Server::new(mounted, &descriptors, guard, limits).await?;
    let server = server.secured(process.tls.clone());
    let readiness = server.readiness();
    // Before anybody is welcome: the first callers must not be refused for want of keys.
    let now = process.clock.now().now;
    for unavailable in process.issuers.refresh(now).await {
        tracing::warn!(error = %unavailable, "the tokens of an issuer are refused");
    }
    tell_readiness(process, &readiness, true).await;
    let mut repeated: Vec<Periodic> =
        services.iter().flat_map(|(service, own)| (service.background)(own, &shutdown)).collect();
    repeated.push(watch_clock(process, &readiness, &shutdown));
    repeated.extend(services.iter().map(|(_, own)| flush_refusals(own, &shutdown)));
    repeated.extend(process.issuers.keep_fresh(&process.clock, &shutdown));
    repeated.push(watch_certificates(process, &readiness, &shutdown));
    for (service, own) in services {
        if let Some(digest) = &own.config_digest {
            life::tell_start(own, service.name, digest).await;
        }
    }
    let served = server.serve(listeners, shutdown.clone()).await;
    shutdown.cancel();
    for periodic in repeated {
        periodic.stopped().await;
    }
    for (service, own) in services {
        if let Err(error) = own.refusals.flush_all(&own.db).await {
            tracing::error!(service = service.name, %error, "counted refusals were lost");
        }
        if own.config_digest.is_some() {
            life::tell_stop(own, service.name).await;
        }
        own.db.close().await;
    }
    process.db.close().await;
    served
}

/// Writes what has been counted of refusals.
fn flush_refusals(process: &Process, shutdown: &CancellationToken) -> Periodic {
    let process = process.clone();
    Periodic::spawn("refusals", shutdown.clone(), move || {
        let process = process.clone();
        async move {
            process.refusals.flush(&process.db, process.clock.now().now).await?;
            Ok::<_, StoreError>(refusals::FLUSH_INTERVAL)
        }
    })
}

/// Keeps the clock true, and says in readiness when it cannot, or when something else is missing.
fn watch_clock(process: &Process, readiness: &Readiness, shutdown: &CancellationToken) -> Periodic {
    let (process, readiness) = (process.clone(), readiness.clone());
    Periodic::spawn("clock", shutdown.clone(), move || {
        let (process, readiness) = (process.clone(), readiness.clone());
        async move {
            let sampled = sample(&process.db, &process.clock).await;
            tell_readiness(&process, &readiness, sampled.is_ok()).await;
            sampled
        }
    })
}

/// Reads certificates again when their files change. What is wrong with them is logged once, and
/// calls go on by what was read before.
fn watch_certificates(
    process: &Process,
    readiness: &Readiness,
    shutdown: &CancellationToken,
) -> Periodic {
    let (process, readiness) = (process.clone(), readiness.clone());
    Periodic::spawn("certificates", shutdown.clone(), move || {
        let (process, readiness) = (process.clone(), readiness.clone());
        async move {
            let own = process.tls.as_ref().map_or(Ok(false), Tls::reload);
            let peers = process.peer_tls.as_ref().map_or(Ok(false), pim_client::Tls::reload);
            readiness.certificates(own.is_ok() && peers.is_ok()).await;
            if own? {
                tracing::info!("new connections get the new certificate");
            }
            peers?;
            Ok::<_, FilesError>(CERTIFICATES_INTERVAL)
        }
    })
}

/// An issuer without keys is told by a name of its own and takes no call from the others' callers.
async fn tell_readiness(process: &Process, readiness: &Readiness, database: bool) {
    let now = process.clock.now().now;
    let without_keys: Vec<_> = process.issuers.without_keys(now).collect();
    readiness.issuers(&without_keys).await;
    if process.clock.in_doubt() {
        readiness.not_ready("the clock is in doubt").await;
    } else if !database {
        readiness.not_ready("the database cannot be reached").await;
    } else if process.issuers.all_without_keys(now) {
        readiness.not_ready("no issuer has keys").await;
    } else {
        readiness.ready().await;
    }
}

/// The life of a process with one service: configuration, start, serve, drain. Exits with one
/// sentence where something is wrong.
#[must_use]
pub fn boot(service: Service) -> std::process::ExitCode {
    #[derive(Debug, clap::Args)]
    struct Nothing {}
    start(service, |Nothing {}, _| Ok(()))
}

/// The same for the service that issues role tokens.
#[must_use]
pub fn boot_with_role_tokens(service: Service) -> std::process::ExitCode {
    start(service, |config: &RoleTokenConfig, process| {
        process.role_tokens = RoleTokens::load(config)?.map(Arc::new);
        Ok(())
    })
}

/// Starts a process that is told `A` beside what all are, by which `complete` completes it.
fn start<A: clap::Args + fmt::Debug>(
    service: Service,
    complete: impl FnOnce(&A, &mut Process) -> Result<(), ConfigError>,
) -> std::process::ExitCode {
    #[derive(clap::Parser)]
    #[command(version, about = "One service of privileged identity management")]
    struct Arguments<A: clap::Args> {
        #[command(flatten)]
        chassis: Config,
        #[command(flatten)]
        own: A,
    }
    let Arguments { chassis, own } = clap::Parser::parse();
    let complete = |process: &mut Process| {
        process.config_digest = Some(ConfigDigest::of(&chassis, &own));
        complete(&own, process)
    };
    match run(service, &chassis, complete) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "cannot go on");
            #[expect(clippy::print_stderr, reason = "for whoever started it, log or not")]
            {
                eprintln!("pim-{}: {error}", service.name);
            }
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(
    service: Service,
    config: &Config,
    complete: impl FnOnce(&mut Process) -> Result<(), ConfigError>,
) -> Result<(), ProcessError> {
    let system = |what: &str| {
        let what = what.to_owned();
        move |source| ProcessError::System { what, source }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(system("cannot make a runtime"))?;
    runtime.block_on(async {
        let _telemetry = telemetry::init(service.name, &config.log)?;
        let shutdown = shutdown_on_signals().map_err(system("cannot hear signals"))?;
        let mut process = Process::start(config, shutdown.clone()).await?;
        complete(&mut process)?;
        let bind = async |address| {
            TcpListener::bind(address).await.map_err(system(&format!("cannot listen on {address}")))
        };
        let calls = bind(config.listen).await?;
        let probes = match config.health_listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let listeners = Listeners { calls, probes };
        tracing::info!(service = service.name, listen = %config.listen, "serving");
        serve(&process, &[(service, process.clone())], listeners, config.limits.clone(), shutdown)
            .await?;
        Ok(())
    })
}
