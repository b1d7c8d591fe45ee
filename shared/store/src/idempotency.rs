//! What was answered under which request id, so that a repeat gets the first answer.

use chrono::{DateTime, Utc};
use pim_domain::id::TenantId;
use serde_json::Value;
use uuid::Uuid;

use crate::{StoreError, Tx};

/// A request that names itself.
#[derive(Debug, Clone)]
pub struct Key {
    /// Whose.
    pub tenant: TenantId,
    /// By whom; another caller's request id is another.
    pub caller: String,
    /// Which RPC.
    pub method: &'static str,
    /// Its own name.
    pub request_id: Uuid,
    /// Keyed digest of what it asks, with the words of justifications and no commitments to them.
    pub digest: [u8; 32],
}

/// What is known under a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// Nothing: it is claimed, and whoever repeats it waits until this transaction ends.
    Nothing,
    /// It was done, and this was the answer, as of then.
    Done(Value, DateTime<Utc>),
    /// Something else was done under it.
    Other,
}

/// Claims a request id for this transaction, waiting for one that has it; to be the first statement.
///
/// # Errors
/// The database cannot serve.
pub async fn claim(tx: &mut Tx, key: &Key) -> Result<Known, StoreError> {
    let name = format!("{} {} {} {}", key.tenant, key.caller, key.method, key.request_id);
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, 2)) as \"locked!: ()\"", name)
        .execute(&mut **tx)
        .await?;
    // A statement of its own, which sees what was committed while the lock was waited for.
    let row = sqlx::query!(
        "select digest, answer, create_time from idempotency
         where tenant_id = $1 and caller = $2 and method = $3 and request_id = $4",
        key.tenant.uuid(),
        key.caller,
        key.method,
        key.request_id,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(match row {
        None => Known::Nothing,
        Some(row) if row.digest == key.digest => Known::Done(row.answer, row.create_time),
        Some(_) => Known::Other,
    })
}

/// Keeps the answer for repeats.
///
/// # Errors
/// The database cannot serve.
pub async fn keep(
    tx: &mut Tx,
    key: &Key,
    answer: &Value,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into idempotency
             (tenant_id, caller, method, request_id, digest, answer, create_time)
         values ($1, $2, $3, $4, $5, $6, $7)",
        key.tenant.uuid(),
        key.caller,
        key.method,
        key.request_id,
        &key.digest[..],
        answer,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
