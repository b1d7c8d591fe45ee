//! How far the sealing of the log is behind what is written. What is gained while nobody seals could
//! be taken out of the log unseen, so doubt about the log blocks gaining privilege, as doubt about
//! the clock does; it never blocks losing it.
//!
//! Each process that lets anybody gain asks the database now and then and remembers the answer. While
//! the database cannot be asked, the last answer stays: no answer is no doubt of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use pim_store::{Db, Reach, StoreError, log};
use tokio_util::sync::CancellationToken;

use crate::{periodic::Periodic, process::Process};

/// Nothing can be gained once an event has waited this long to be sealed.
pub const BACKLOG_AGE_MAX: TimeDelta = TimeDelta::seconds(120);
/// The process's own log says so once one has waited this long.
pub const BACKLOG_AGE_WARNED: TimeDelta = TimeDelta::seconds(30);
/// How often the database is asked.
const ASK_INTERVAL: Duration = Duration::from_secs(5);

/// The log is too far behind to give anybody a privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event has waited {} s to be sealed", .age.num_seconds())]
pub struct AuditBacklog {
    /// For how long the oldest event had waited when the database was last asked.
    pub age: TimeDelta,
}

/// What a process knows of the backlog; clones know the same.
#[derive(Debug, Clone, Default)]
pub struct Backlog(Arc<AtomicI64>);

impl Backlog {
    /// Passes what gains.
    ///
    /// # Errors
    /// An event has waited too long to be sealed.
    pub fn gaining(&self) -> Result<(), AuditBacklog> {
        let age = self.age();
        if age > BACKLOG_AGE_MAX { Err(AuditBacklog { age }) } else { Ok(()) }
    }

    /// Asks the database once, and says when to ask again.
    ///
    /// # Errors
    /// It cannot be asked; what is known stays.
    pub async fn learn(&self, db: &Db) -> Result<Duration, StoreError> {
        let waited = log::oldest_unsealed(&mut *db.glance(Reach::EveryTenant).await?).await?;
        self.tell(waited.unwrap_or_default());
        Ok(ASK_INTERVAL)
    }

    /// The oldest event has waited for `age`.
    fn tell(&self, age: TimeDelta) {
        let before = self.age();
        self.0.store(age.num_milliseconds(), Ordering::Relaxed);
        let (was, is) = (before > BACKLOG_AGE_WARNED, age > BACKLOG_AGE_WARNED);
        if age > BACKLOG_AGE_MAX && before <= BACKLOG_AGE_MAX {
            let seconds = age.num_seconds();
            tracing::error!(seconds, "the log is not being sealed: nothing can be gained");
        } else if is && !was {
            tracing::warn!(seconds = age.num_seconds(), "the log is not being sealed");
        } else if was && !is {
            tracing::info!("the log is being sealed again");
        }
    }

    fn age(&self) -> TimeDelta {
        TimeDelta::milliseconds(self.0.load(Ordering::Relaxed))
    }
}

/// Keeps what a process knows of the backlog fresh; part of the background of each service that lets
/// anybody gain.
#[must_use]
pub fn watch(process: &Process, shutdown: &CancellationToken) -> Periodic {
    let process = process.clone();
    Periodic::spawn("backlog", shutdown.clone(), move || {
        let process = process.clone();
        async move { process.backlog.learn(&process.db).await }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_gained_once_an_event_has_waited_too_long() {
        let backlog = Backlog::default();
        assert_eq!(backlog.gaining(), Ok(()));
        let beside = backlog.clone();
        for (seconds, blocks) in [(30, false), (120, false), (121, true), (900, true), (0, false)] {
            let age = TimeDelta::seconds(seconds);
            beside.tell(age);
            let expected = if blocks { Err(AuditBacklog { age }) } else { Ok(()) };
            assert_eq!(backlog.gaining(), expected, "{seconds} s");
        }
    }
}
