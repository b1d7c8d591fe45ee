//! `pim up`: the whole system in one process, on a Postgres of its own unless it is given one.

use std::{net::SocketAddr, path::Path};

use clap::Args as ClapArgs;
use pim_chassis::{
    backlog::Backlog,
    clock::Clock,
    config::{LogConfig, Secret},
    limits::Limits,
    process::{self, ProcessError},
    serve::shutdown_on_signals,
    sign_ins::SignIns,
    telemetry,
};
use pim_embedded::Cluster;
use pim_store::Options;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    error::CliError,
    files::Files,
    migrate::RolePasswords,
    output::Printer,
    seed,
    system::{Databases, SERVICES, System},
};

/// The database in the embedded cluster. It is always there.
pub(crate) const DATABASE: &str = "postgres";

/// Run the whole system in one process, with a development issuer of its own
#[derive(Debug, ClapArgs)]
pub(crate) struct Up {
    /// The address to serve gRPC on
    #[arg(long, env = "PIM_LISTEN", default_value = "127.0.0.1:50051")]
    listen: SocketAddr,
    /// A Postgres database to use in place of an embedded one, as a URL, by a login that may make
    /// roles
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<Secret>,
    #[command(flatten)]
    log: LogConfig,
    #[command(flatten)]
    limits: Limits,
}

/// A system that is starting or runs, and what it stands on.
pub(crate) struct Running {
    pub(crate) system: System,
    cluster: Option<Cluster>,
}

impl Running {
    /// Brings the schema of the database up to date, and connects to it by the services' logins.
    pub(crate) async fn start(
        files: &Files,
        cluster: Option<Cluster>,
        database_url: &str,
        shutdown: CancellationToken,
    ) -> Result<Self, CliError> {
        // A cluster of ours trusts whoever gets into its directory.
        let passwords = match &cluster {
            Some(_) => RolePasswords::default(),
            None => RolePasswords::load(&files.role_passwords()?)?,
        };
        let migrated = pim_store::migrate::migrate(database_url, &passwords.verifiers()?).await;
        migrated.map_err(ProcessError::from)?;
        let password = |login| passwords.of(login);
        let databases = Databases::connect(database_url, password, &Options::default()).await;
        let databases = databases.map_err(ProcessError::from)?;
        let clock = Clock::disciplined();
        process::discipline(databases.of("system"), &clock).await.map_err(ProcessError::from)?;
        let (seal, log_keys, issuer) = (files.seal()?, files.log_keys()?, files.issuer()?);
        let role_tokens = Some(files.role_tokens()?);
        let system = System {
            databases,
            clock,
            seal,
            log_keys,
            issuer,
            role_tokens,
            backlog: Backlog::default(),
            sign_ins: SignIns::default(),
            shutdown,
        };
        Ok(Self { system, cluster })
    }

    /// Stops the cluster, after the system has stopped.
    pub(crate) fn stop(self) -> Result<(), CliError> {
        self.system.shutdown.cancel();
        self.cluster.map_or(Ok(()), Cluster::stop).map_err(CliError::from)
    }
}

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(up: Up, folder: &Path, printer: &mut Printer) -> Result<(), CliError> {
    let telemetry = telemetry::init("pim", &up.log).map_err(ProcessError::from)?;
    let shutdown = shutdown_on_signals()
        .map_err(|source| ProcessError::System { what: "cannot hear signals".into(), source })?;
    // Before anything is started: a wrong address is the likeliest mistake.
    let listener = TcpListener::bind(up.listen).await.map_err(|source| ProcessError::System {
        what: format!("cannot listen on {}", up.listen),
        source,
    })?;
    let files = Files::at(folder)?;
    let (cluster, url) = match &up.database_url {
        Some(url) => (None, url.expose().to_owned()),
        None => {
            let cluster = Cluster::open(folder)?;
            let url = cluster.database_url(DATABASE);
            (Some(cluster), url)
        }
    };
    let running = Running::start(&files, cluster, &url, shutdown).await?;
    let address = listener.local_addr()?;
    let system = running.system.clone();
    let limits = up.limits;
    let server = tokio::spawn(async move { system.serve(&SERVICES, listener, limits).await });
    let seeded = seed::development(&running.system, &format!("http://{address}"), &files).await;
    let served = match seeded {
        Ok(()) => {
            printer.line(&welcome(address, &files, up.database_url.is_some()))?;
            server.await
        }
        Err(error) => {
            running.stop()?;
            return Err(error);
        }
    };
    running.stop()?;
    telemetry.shutdown().await;
    match served {
        Ok(served) => Ok(served?),
        Err(_) => Err(CliError::Incomplete),
    }
}

fn welcome(address: SocketAddr, files: &Files, is_own_database: bool) -> String {
    let data = files.folder().display();
    let database = if is_own_database { "the database that you gave" } else { "embedded Postgres" };
    format!(
        "pim is ready at http://{address} on {database}; data in {data}
DEVELOPMENT ISSUER: whoever can read {data} can call as anybody. Not for production.
Try next, in another terminal:
  pim role list --as {admin} --mfa
  pim eligibility create --as {admin} --mfa --principal alice --role \"User Administrator\"
  pim activate \"User Administrator\" --as alice --mfa --for PT1H --justification \"ticket 7\"
  pim access roles --as alice --principal me
  pim audit list --as {admin} --mfa --limit 10",
        admin = seed::ADMINISTRATORS[0],
    )
}
