//! `pim audit fsck` and `pim audit replay`: the whole log in its database, by whoever runs it.

use clap::Args;
use pim_chassis::{config::Secret, process::ProcessError};
use pim_domain::{id::TenantId, log::note::VerifierKey};
use pim_store::{
    Db, Options,
    log::{self, Examined},
};
use uuid::Uuid;

use crate::{
    connect::Session,
    error::{CliError, EXIT_OK, fault_code},
    output::Page,
    view::log::ExaminedView,
};

/// Where the log is, and whose.
#[derive(Debug, Args)]
pub(crate) struct Where {
    /// The Postgres database, as a URL, by a login that reads all tenants: pim_audit
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Secret,
    /// Only of this tenant [default: of all]
    #[arg(long, value_name = "UUID")]
    tenant: Option<Uuid>,
}

/// `pim audit fsck`.
#[derive(Debug, Args)]
pub(crate) struct Fsck {
    #[command(flatten)]
    place: Where,
    /// A public key that has signed, of any of the logs; several where keys have changed. Without one
    /// signatures are not verified
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<VerifierKey>,
}

/// Examines every leaf, node and checkpoint, and the versions of all that is stored.
pub(crate) async fn fsck(fsck: Fsck, session: &mut Session<'_>) -> Result<u8, CliError> {
    let (db, tenants) = open(&fsck.place).await?;
    let mut examined = Vec::new();
    for tenant in tenants {
        // One state of the database, so that log and state belong together.
        let mut read = db.copy().await.map_err(ProcessError::from)?;
        let found = log::fsck(&mut read, tenant, &fsck.keys).await.map_err(ProcessError::from)?;
        examined.push((tenant, found));
    }
    show(examined, session)
}

/// Leads each thing from the log to its rows, and compares them with what is stored.
pub(crate) async fn replay(place: Where, session: &mut Session<'_>) -> Result<u8, CliError> {
    let (db, tenants) = open(&place).await?;
    let mut examined = Vec::new();
    for tenant in tenants {
        let mut read = db.copy().await.map_err(ProcessError::from)?;
        let found = log::replay(&mut read, tenant).await.map_err(ProcessError::from)?;
        examined.push((tenant, found));
    }
    show(examined, session)
}

async fn open(place: &Where) -> Result<(Db, Vec<TenantId>), CliError> {
    let url = place.database_url.expose();
    let db = Db::connect(url, &Options::default()).await.map_err(ProcessError::from)?;
    let mut read = db.copy().await.map_err(ProcessError::from)?;
    let tenants = match place.tenant {
        Some(tenant) => vec![tenant.into()],
        None => log::tenants(&mut read).await.map_err(ProcessError::from)?,
    };
    drop(read);
    Ok((db, tenants))
}

/// The process exits with the code of the first fault.
fn show(examined: Vec<(TenantId, Examined)>, session: &mut Session<'_>) -> Result<u8, CliError> {
    let faults = examined.iter().find_map(|(_, found)| found.fault.as_ref());
    let code = faults.map_or(EXIT_OK, fault_code);
    let view = |(tenant, found): (TenantId, Examined)| ExaminedView {
        tenant_id: tenant.to_string(),
        entries: found.entries,
        checkpoints: found.checkpoints,
        things: found.things,
        fault: found.fault.map(|fault| fault.to_string()),
    };
    let items = examined.into_iter().map(view).collect();
    session.printer.list(&Page { items, more: false })?;
    Ok(code)
}
