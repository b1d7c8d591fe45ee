//! Refusals, on their way to the log: a flood of them is counted.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use pim_domain::{
    event::{Event, Folding},
    id::TenantId,
};
use pim_store::{Db, Purpose, StoreError, events};

/// Between two looks for what is to be written.
pub(crate) const FLUSH_INTERVAL: Duration = Duration::from_secs(5);

/// Whose log, who was refused, what, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    tenant: TenantId,
    actor: String,
    method: &'static str,
    reason: &'static str,
}

/// The refusals of one process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Arc<Mutex<Folding<Kind>>>);

impl Refusals {
    /// Writes a refusal, or counts it.
    pub(crate) async fn tell(
        &self,
        db: &Db,
        tenant: TenantId,
        (method, reason): (&'static str, &'static str),
        refusal: Event,
    ) -> Result<(), StoreError> {
        let kind = Kind { tenant, actor: refusal.actor.id(), method, reason };
        let entry = self.folding().add(kind, refusal);
        match entry {
            Some(entry) => write(db, tenant, &entry).await,
            None => Ok(()),
        }
    }

    /// Writes what has been counted long enough.
    pub(crate) async fn flush(&self, db: &Db, now: DateTime<Utc>) -> Result<(), StoreError> {
        let due = self.folding().due(now);
        self.write_all(db, due).await
    }

    /// Writes all that has been counted.
    pub(crate) async fn flush_all(&self, db: &Db) -> Result<(), StoreError> {
        let all = self.folding().all();
        self.write_all(db, all).await
    }

    /// What cannot be written is kept for the next time.
    async fn write_all(&self, db: &Db, due: Vec<(Kind, Event)>) -> Result<(), StoreError> {
        let mut failed = Ok(());
        for (kind, event) in due {
            if failed.is_ok() {
                failed = write(db, kind.tenant, &event).await;
            }
            if failed.is_err() {
                self.folding().restore(kind, event);
            }
        }
        failed
    }

    fn folding(&self) -> MutexGuard<'_, Folding<Kind>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(db: &Db, tenant: TenantId, event: &Event) -> Result<(), StoreError> {
    let mut tx = db.begin(Purpose::Lose, tenant).await?;
    events::insert(&mut tx, tenant, event).await?;
    tx.commit().await?;
    Ok(())
}
