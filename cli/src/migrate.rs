//! `pim migrate`: brings a database to this program's schema.

use clap::Args as ClapArgs;
use pim_chassis::{config::Secret, process::ProcessError};

use crate::{error::CliError, output::Printer};

/// Bring a database to this program's schema; services check it and refuse to start on another
#[derive(Debug, ClapArgs)]
pub(crate) struct Migrate {
    /// The Postgres database, as a URL
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Secret,
}

/// Migrates; does nothing where there is nothing to do.
pub(crate) async fn run(migrate: Migrate, printer: &mut Printer) -> Result<(), CliError> {
    pim_store::migrate::migrate(migrate.database_url.expose()).await.map_err(ProcessError::from)?;
    let version = pim_store::migrate::needed();
    Ok(printer.line(&format!("the database has schema version {version}"))?)
}
