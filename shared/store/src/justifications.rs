//! The words of justifications, which stand aside from all that commits to them and can be erased.

use std::collections::HashMap;

use pim_domain::{
    event::StoredEvent,
    export::{Entry, Words},
    id::TenantId,
    justification::{self, Commitment, Justification},
};
use serde_json::Value;
use sqlx::PgConnection;

use crate::{StoreError, Tx};

/// The bytes of a justification's commitment, as its column has them: none where nothing was said.
pub(crate) fn column(justification: &Justification) -> Vec<u8> {
    justification.commitment().map(|one| one.as_bytes().to_vec()).unwrap_or_default()
}

/// Puts their words beside the commitments of events, as far as they were not erased.
pub(crate) async fn join_events(
    connection: &mut PgConnection,
    tenant: TenantId,
    events: &mut [StoredEvent],
) -> Result<(), StoreError> {
    let wanted = events.iter().flat_map(|stored| stored.event.commitments()).collect();
    let known = known(connection, tenant, wanted).await?;
    events.iter_mut().for_each(|stored| stored.event.join(&known));
    Ok(())
}

/// The same of an answer that was kept as JSON.
///
/// # Errors
/// The database cannot serve.
pub async fn join(
    connection: &mut PgConnection,
    tenant: TenantId,
    kept: &mut Value,
) -> Result<(), StoreError> {
    let mut wanted = Vec::new();
    justification::commitments(kept, &mut wanted);
    justification::join(kept, &known(connection, tenant, wanted).await?);
    Ok(())
}

/// Puts the words with their salts beside entries as they are stored.
pub(crate) async fn join_entries(
    connection: &mut PgConnection,
    tenant: TenantId,
    entries: &mut [Entry],
) -> Result<(), StoreError> {
    let wanted = entries.iter().map(Entry::commitments).collect::<Result<Vec<_>, _>>();
    let wanted = wanted.map_err(|error| StoreError::corrupt("event", error))?;
    let words = words(connection, tenant, wanted.iter().flatten().copied().collect()).await?;
    let words: HashMap<_, _> = words.into_iter().map(|said| (said.commitment, said)).collect();
    for (entry, mut wanted) in entries.iter_mut().zip(wanted) {
        wanted.sort_unstable();
        wanted.dedup();
        entry.justifications = wanted.iter().filter_map(|one| words.get(one).cloned()).collect();
    }
    Ok(())
}

async fn known(
    connection: &mut PgConnection,
    tenant: TenantId,
    wanted: Vec<Commitment>,
) -> Result<HashMap<Commitment, String>, StoreError> {
    let words = words(connection, tenant, wanted).await?;
    Ok(words.into_iter().map(|said| (said.commitment, said.text)).collect())
}

async fn words(
    connection: &mut PgConnection,
    tenant: TenantId,
    mut wanted: Vec<Commitment>,
) -> Result<Vec<Words>, StoreError> {
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let wanted: Vec<Vec<u8>> = wanted.iter().map(|one| one.as_bytes().to_vec()).collect();
    sqlx::query!(
        "select commitment, salt, text from words where tenant_id = $1 and commitment = any($2)",
        tenant.uuid(),
        &wanted,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| {
        let commitment = Commitment::try_from(row.commitment.as_slice());
        let commitment = commitment.map_err(|error| StoreError::corrupt("words", error))?;
        Ok(Words { commitment, salt: row.salt, text: row.text })
    })
    .collect()
}

/// Erases words for good: false where they were erased before. For the audit service.
///
/// # Errors
/// The database cannot serve.
pub async fn erase(
    tx: &mut Tx,
    tenant: TenantId,
    commitment: Commitment,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "delete from words where tenant_id = $1 and commitment = $2",
        tenant.uuid(),
        commitment.as_bytes(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}
