//! Signed checkpoints, and which trees have grown since theirs.

use pim_domain::{
    id::TenantId,
    log::{checkpoint::Checkpoint, hash::TreeHash, tree::Frontier},
};
use sqlx::PgConnection;

use super::{grown, hash, natural, stored};
use crate::{StoreError, Tx};

/// A tree that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Its number of entries.
    pub size: u64,
    /// Its hash.
    pub root: TreeHash,
    /// The signed note.
    pub note: String,
}

/// A tree that is not as large as when it was signed: it has grown, or lost something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned {
    /// Whose log.
    pub tenant: TenantId,
    /// What it has become.
    pub head: Frontier,
    /// What of it was signed last.
    pub last: Option<Signed>,
}

/// The trees that are not as large as when they were signed, at most `limit`: each whose last
/// checkpoint is at least a second old by the database's clock. All others cost nothing.
///
/// # Errors
/// The database cannot serve.
pub async fn unsigned(
    connection: &mut PgConnection,
    limit: i64,
) -> Result<Vec<Unsigned>, StoreError> {
    sqlx::query!(
        r#"select h.tenant_id, h.size, h.peaks,
               c.size as "signed_size?", c.root as "root?", c.note as "note?"
           from log_head h
           left join lateral (
               select c.size, c.root, c.note, c.create_time from log_checkpoint c
               where c.tenant_id = h.tenant_id order by c.size desc limit 1
           ) c on true
           where h.size <> h.signed_size
               and coalesce(c.create_time <= clock_timestamp() - interval '1 second', true)
           order by c.create_time nulls first
           limit $1"#,
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| {
        let last = match (row.signed_size, row.root, row.note) {
            (Some(size), Some(root), Some(note)) => {
                Some(Signed { size: natural(size)?, root: hash(&root)?, note })
            }
            _ => None,
        };
        let head = grown(row.size, &row.peaks)?;
        Ok(Unsigned { tenant: row.tenant_id.into(), head, last })
    })
    .collect()
}

/// Whether the caller is the one who may sign the tenant's tree, until the transaction ends.
///
/// # Errors
/// The database cannot serve.
pub async fn claim_signing(tx: &mut Tx, tenant: TenantId) -> Result<bool, StoreError> {
    let claimed = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtextextended($1, 10))
               as "claimed!""#,
        tenant.to_string(),
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(claimed)
}

/// Writes a signed tree. Where somebody else has signed the same size meanwhile, theirs stays.
///
/// # Errors
/// The database cannot serve.
pub async fn record_checkpoint(
    tx: &mut Tx,
    tenant: TenantId,
    checkpoint: &Checkpoint,
    note: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into log_checkpoint (tenant_id, size, root, note) values ($1, $2, $3, $4)
         on conflict (tenant_id, size) do nothing",
        tenant.uuid(),
        stored(checkpoint.size),
        checkpoint.root.as_bytes(),
        note,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The checkpoint of that size, or the newest.
///
/// # Errors
/// The database cannot serve.
pub async fn checkpoint(
    connection: &mut PgConnection,
    tenant: TenantId,
    size: Option<u64>,
) -> Result<Option<Signed>, StoreError> {
    sqlx::query!(
        "select size, root, note from log_checkpoint
         where tenant_id = $1 and ($2::bigint is null or size = $2)
         order by size desc limit 1",
        tenant.uuid(),
        size.map(stored),
    )
    .fetch_optional(connection)
    .await?
    .map(|row| Ok(Signed { size: natural(row.size)?, root: hash(&row.root)?, note: row.note }))
    .transpose()
}

/// The checkpoints of more than `after` entries with their numbers, smallest first, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn checkpoints(
    connection: &mut PgConnection,
    tenant: TenantId,
    after: u64,
    limit: i64,
) -> Result<Vec<(i64, Signed)>, StoreError> {
    sqlx::query!(
        "select number, size, root, note from log_checkpoint
         where tenant_id = $1 and size > $2 order by size limit $3",
        tenant.uuid(),
        stored(after),
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| {
        let (size, root) = (natural(row.size)?, hash(&row.root)?);
        Ok((row.number, Signed { size, root, note: row.note }))
    })
    .collect()
}
