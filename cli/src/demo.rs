//! `pim demo`: the customer's walk-through against a fresh tenant, with every expectation checked.

mod cast;
mod report;
mod steps;

use std::sync::Arc;

use clap::Args as ClapArgs;
use pim_chassis::{auth::DevelopmentIssuer, clock::Clock, limits::Limits, process::ProcessError};
use pim_embedded::Cluster;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    connect::Connection,
    error::{CliError, EXIT_NO, EXIT_OK},
    files::Files,
    output::Printer,
    system::SERVICES,
    up::{DATABASE, Running},
};

use self::{cast::Cast, report::Report};

/// Walk through settings, eligibility, activation, approval and expiry, on real roles
///
/// Starts a whole system of its own on a throwaway Postgres, unless told to use a running one.
/// Exits with 0 only if every expectation held.
#[derive(Debug, ClapArgs)]
pub(crate) struct Demo {
    /// Use the `pim up` that runs at --server with the data folder --data
    #[arg(long)]
    running: bool,
}

/// Where the demo plays: a system, and who signs the tokens of everybody in it.
pub(crate) struct Stage {
    url: String,
    issuer: Arc<DevelopmentIssuer>,
    clock: Clock,
}

/// Plays it, and says whether all went as it should.
pub(crate) async fn run(
    demo: Demo,
    connection: &Connection,
    printer: &mut Printer,
) -> Result<u8, CliError> {
    if demo.running {
        let files = Files::at(&connection.data_folder())?;
        let stage = Stage {
            url: connection.server.clone(),
            issuer: files.issuer()?,
            clock: Clock::disciplined(),
        };
        return play(&stage, printer).await;
    }
    let folder = tempfile::tempdir()?;
    let files = Files::at(folder.path())?;
    let cluster = Cluster::throwaway()?;
    let url = cluster.database_url(DATABASE);
    let running = Running::start(&files, Some(cluster), &url, CancellationToken::new()).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let stage = Stage {
        url: format!("http://{}", listener.local_addr()?),
        issuer: running.system.issuer.clone(),
        clock: running.system.clock.clone(),
    };
    let system = running.system.clone();
    let server =
        tokio::spawn(async move { system.serve(&SERVICES, listener, Limits::default()).await });
    let played = play(&stage, printer).await;
    running.system.shutdown.cancel();
    let served = server.await.unwrap_or(Ok(()));
    running.stop()?;
    served.map_err(|error: ProcessError| CliError::from(error))?;
    played
}

async fn play(stage: &Stage, printer: &mut Printer) -> Result<u8, CliError> {
    let mut report = Report::new(printer);
    report.title("A fresh tenant, with the built-in roles of Entra and Azure")?;
    let cast = Cast::assemble(stage, &mut report).await?;
    report.title("1. Settings: Global Administrator needs two approvers")?;
    steps::settings(&cast, &mut report).await?;
    report.title("2. Eligible: alice for Global Administrator, bob for Contributor")?;
    steps::eligible(&cast, &mut report).await?;
    report.title("3. Activation: alice asks, first for too much")?;
    let asked = steps::activation(&cast, &mut report).await?;
    report.title("4. Approval: both approvers, then the role is effective")?;
    steps::approval(&cast, &asked, &mut report).await?;
    report.title("5. The end: bob's role ends by itself, alice gives hers up")?;
    steps::expiry(stage, &cast, &mut report).await?;
    steps::deactivation(&cast, &asked, &mut report).await?;
    report.title("The log of it all")?;
    steps::log(&cast, &asked, &mut report).await?;
    Ok(if report.finish()? { EXIT_OK } else { EXIT_NO })
}
