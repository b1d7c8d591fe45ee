//! The start and the stop of a service process, told in the platform's own log. Neither waits for
//! that: a log that cannot be written now must keep nobody from starting or draining.

use std::{fmt, fs, path::PathBuf};

use pim_domain::{
    event::{Actor, Event, Stamp},
    id::TenantId,
};
use pim_store::{Purpose, StoreError, events, migrate};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{config::Config, process::Process};

/// What an operator can tell two configurations apart by: SHA-256 over all that a process was told,
/// without secrets, and over the list of issuers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigDigest(String);

impl ConfigDigest {
    /// Of a configuration, with what a service is told beside what all are. Both are digested as
    /// they are printed, which leaves secrets out; of files with keys that is the path.
    #[must_use]
    pub fn of(config: &Config, own: &impl fmt::Debug) -> Self {
        let issuers: &PathBuf = &config.issuers;
        let issuers = fs::read(issuers).unwrap_or_default();
        let printed = format!("{config:?}\n{own:?}\n");
        let digest = Sha256::new().chain_update(printed).chain_update(issuers).finalize();
        Self(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Tells that a service is ready to serve.
pub(crate) async fn tell_start(process: &Process, service: &'static str, digest: &ConfigDigest) {
    let facts = [
        ("service", service.to_owned()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("schema_version", migrate::needed().to_string()),
        ("config_digest", digest.0.clone()),
    ];
    tell(process, service, |stamp| Event::service_started(stamp, &facts)).await;
}

/// Tells that a service stops.
pub(crate) async fn tell_stop(process: &Process, service: &'static str) {
    tell(process, service, Event::service_stopped).await;
}

async fn tell(process: &Process, service: &'static str, event: impl FnOnce(&Stamp) -> Event) {
    let actor = Actor::Service { name: service.to_owned() };
    let stamp = Stamp { now: process.clock.losing_now(None), actor };
    if let Err(error) = write(process, &event(&stamp)).await {
        tracing::error!(service, %error, "a start or stop is not in the log");
    }
}

async fn write(process: &Process, event: &Event) -> Result<(), StoreError> {
    let platform = TenantId::from(Uuid::nil());
    let mut tx = process.db.begin(Purpose::Log, platform).await?;
    events::insert(&mut tx, platform, event).await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Args {
        #[command(flatten)]
        chassis: Config,
    }

    fn digest(database: &str, more: &[&str]) -> ConfigDigest {
        let told = ["service", "--database-url", database, "--issuers", "i"];
        let told = told.iter().chain(&["--token-key-file", "k"]).chain(more);
        ConfigDigest::of(&Args::parse_from(told).chassis, &())
    }

    #[test]
    fn a_digest_is_of_what_was_told_and_not_of_secrets() {
        let one = digest("postgres://pim:hunter2@db/pim", &[]);
        assert_eq!(one, digest("postgres://pim:hunter3@db/pim", &[]));
        assert_ne!(one, digest("postgres://pim:hunter2@db/pim", &["--log", "debug"]));
        assert_eq!(one.0.len(), 64);
    }
}
