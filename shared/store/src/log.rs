//! The sealed log: leaves, the nodes above them that are kept, and how events are cut into batches.
//!
//! A batch is cut by what is visible, because transactions commit in another order than they begin:
//! all events of transactions from the watermark on, below the oldest one that still runs. No event
//! below that can appear any more. Whoever seals holds the watermark's row, so that two who do it at
//! the same time leave no gap and double nothing, and one that was stopped in the middle has done
//! nothing.

mod checkpoints;
mod fsck;
mod reads;
mod replay;
mod rows;
mod state;
mod stop;

use std::collections::BTreeMap;

use pim_domain::log::{
    fault::Fault,
    hash::{HASH_BYTES, TreeHash},
    tree::{Frontier, Node},
};
use sqlx::PgConnection;
use uuid::Uuid;

pub use checkpoints::{
    Signed, Unsigned, checkpoint, checkpoints, claim_signing, record_checkpoint, unsigned,
};
pub use fsck::{Examined, fsck};
pub use reads::{
    Entry, EventKey, Kept, entries, entry, frontier, head, kept, kept_from, oldest_unsealed,
    tenants, waiting,
};
pub use replay::replay;
pub use stop::stop;

use crate::{StoreError, Tx};

/// Why an examination stopped.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Stop {
    /// What was wrong. What does not read is so as well.
    fn fault(result: Result<(), Stop>) -> Result<Option<Fault>, StoreError> {
        match result {
            Ok(()) => Ok(None),
            Err(Stop::Fault(fault)) => Ok(Some(fault)),
            Err(Stop::Store(error @ StoreError::Corrupt { .. })) => {
                Ok(Some(Fault::Altered(error.to_string())))
            }
            Err(Stop::Store(error)) => Err(error),
        }
    }
}

/// What one batch has sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// How many events.
    pub events: usize,
    /// There is more to seal behind it.
    pub more: bool,
}

/// Tenants whose logs were not sealed, by whether they can be again.
struct Stopped {
    still: Vec<Uuid>,
    /// From which transaction on each is sealed again.
    mended: Vec<(Uuid, i64)>,
}

/// Transactions whose events are sealed at once: from the first one up to the second, by their
/// numbers.
struct Cut {
    from: i64,
    to: i64,
    more: bool,
}

/// What has become a leaf.
struct Leaf {
    tenant: Uuid,
    index: u64,
    hash: TreeHash,
}

type Heads = Vec<(Uuid, Frontier)>;
type Nodes = Vec<(Uuid, Node)>;

/// Whether any event could be sealed now. Locks nothing and writes nothing.
///
/// # Errors
/// The database cannot serve.
pub async fn is_behind(connection: &mut PgConnection) -> Result<bool, StoreError> {
    let behind = sqlx::query_scalar!(
        r#"select exists (
               select from event
               where xid >= (select xid from log_watermark)
                   and xid < pg_snapshot_xmin(pg_current_snapshot())
           ) or exists (select from log_stopped) as "behind!""#
    )
    .fetch_one(connection)
    .await?;
    Ok(behind)
}

/// Seals a batch of at least `limit` events, where there are as many: it ends with the last event of
/// a transaction. `None` where somebody else is sealing.
///
/// # Errors
/// The database cannot serve; or a head is not what its leaves lead to, or an event is sealed
/// already: see [`stop`].
pub async fn seal(tx: &mut Tx, limit: i64) -> Result<Option<Sealed>, StoreError> {
    let Some(cut) = cut(tx, limit).await? else { return Ok(None) };
    let stopped = stop::stopped(tx, cut.from).await?;
    let leaves = append(tx, &cut, &stopped).await?;
    // A watermark that moved with nothing to seal would be a write of its own each time.
    if !leaves.is_empty() || (cut.more && !stopped.still.is_empty()) {
        let (heads, nodes) = grow(heads(tx, &leaves).await?, &leaves)?;
        record(tx, &cut, &heads, &nodes).await?;
    }
    Ok(Some(Sealed { events: leaves.len(), more: cut.more }))
}

/// Takes the watermark and cuts a batch.
async fn cut(tx: &mut Tx, limit: i64) -> Result<Option<Cut>, StoreError> {
    let from = sqlx::query_scalar!(
        r#"select xid::text::bigint as "xid!" from log_watermark for update skip locked"#
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(from) = from else { return Ok(None) };
    // A statement of its own: only what is looked up after the lock was taken is behind what the one
    // who had it before has sealed.
    let row = sqlx::query!(
        r#"select
               horizon::text::bigint as "horizon!",
               (select e.xid::text::bigint from event e
                where e.xid >= $1::bigint::text::xid8 and e.xid < horizon
                order by e.xid offset $2 limit 1) as last
           from pg_snapshot_xmin(pg_current_snapshot()) as horizon"#,
        from,
        limit.saturating_sub(1),
    )
    .fetch_one(&mut **tx)
    .await?;
    let to = row.last.map_or(row.horizon, |last| last.saturating_add(1));
    Ok(Some(Cut { from, to, more: row.last.is_some() }))
}

/// Appends the events of a batch as leaves; in the order of their tenants and indices.
async fn append(tx: &mut Tx, cut: &Cut, stopped: &Stopped) -> Result<Vec<Leaf>, StoreError> {
    let (mended, since): (Vec<Uuid>, Vec<i64>) = stopped.mended.iter().copied().unzip();
    let rows =
        sqlx::query_file!("src/log/append.sql", cut.from, cut.to, &stopped.still, &mended, &since,)
            .fetch_all(&mut **tx)
            .await?;
    let mut leaves = rows
        .into_iter()
        .map(|row| {
            Ok(Leaf { tenant: row.tenant_id, index: natural(row.index)?, hash: hash(&row.hash)? })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    leaves.sort_unstable_by_key(|leaf| (leaf.tenant, leaf.index));
    Ok(leaves)
}

/// What the trees have been so far; of a tenant without sealed events there is none.
async fn heads(
    connection: &mut PgConnection,
    leaves: &[Leaf],
) -> Result<BTreeMap<Uuid, Frontier>, StoreError> {
    let mut tenants: Vec<Uuid> = leaves.iter().map(|leaf| leaf.tenant).collect();
    tenants.dedup();
    sqlx::query!(
        r#"select h.tenant_id, h.size, h.peaks,
               exists (
                   select from log_leaf l where l.tenant_id = h.tenant_id and l.index = h.size - 1
               ) as "is_whole!"
           from log_head h where h.tenant_id = any($1)"#,
        &tenants,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| {
        if !row.is_whole {
            return Err(StoreError::corrupt("tree", "it counts more leaves than there are"));
        }
        Ok((row.tenant_id, grown(row.size, &row.peaks)?))
    })
    .collect()
}

/// What the trees become with these leaves, and the nodes that are new.
fn grow(
    mut heads: BTreeMap<Uuid, Frontier>,
    leaves: &[Leaf],
) -> Result<(Heads, Nodes), StoreError> {
    let (mut nodes, mut completed) = (Vec::new(), Vec::new());
    for leaf in leaves {
        let head = heads.entry(leaf.tenant).or_default();
        if head.size() != leaf.index {
            return Err(StoreError::corrupt("tree", "its leaves are not as many as it counts"));
        }
        head.push(leaf.hash, &mut completed);
        nodes.extend(completed.drain(..).map(|node| (leaf.tenant, node)));
    }
    Ok((heads.into_iter().collect(), nodes))
}

/// Writes what the trees have become, and moves the watermark behind the batch.
async fn record(
    tx: &mut Tx,
    cut: &Cut,
    heads: &[(Uuid, Frontier)],
    nodes: &[(Uuid, Node)],
) -> Result<(), StoreError> {
    if !nodes.is_empty() {
        let hashes: Vec<Vec<u8>> =
            nodes.iter().map(|(_, node)| node.hash.as_bytes().to_vec()).collect();
        sqlx::query!(
            "insert into log_node (tenant_id, level, index, hash)
             select * from unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::bytea[])",
            &nodes.iter().map(|(tenant, _)| *tenant).collect::<Vec<_>>(),
            &nodes.iter().map(|(_, node)| level(node.level)).collect::<Vec<_>>(),
            &nodes.iter().map(|(_, node)| stored(node.index)).collect::<Vec<_>>(),
            &hashes,
        )
        .execute(&mut **tx)
        .await?;
    }
    let peaks: Vec<Vec<u8>> = heads
        .iter()
        .map(|(_, head)| head.peaks().iter().flat_map(|peak| *peak.as_bytes()).collect())
        .collect();
    sqlx::query!(
        "insert into log_head (tenant_id, size, peaks)
         select * from unnest($1::uuid[], $2::bigint[], $3::bytea[])
         on conflict (tenant_id) do update set size = excluded.size, peaks = excluded.peaks",
        &heads.iter().map(|(tenant, _)| *tenant).collect::<Vec<_>>(),
        &heads.iter().map(|(_, head)| stored(head.size())).collect::<Vec<_>>(),
        &peaks,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("update log_watermark set xid = $1::bigint::text::xid8", cut.to)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A tree as it is stored.
fn grown(size: i64, peaks: &[u8]) -> Result<Frontier, StoreError> {
    let peaks = peaks.chunks(HASH_BYTES).map(hash).collect::<Result<_, _>>()?;
    Frontier::new(natural(size)?, peaks).map_err(|error| StoreError::corrupt("tree", error))
}

fn hash(bytes: &[u8]) -> Result<TreeHash, StoreError> {
    TreeHash::try_from(bytes).map_err(|error| StoreError::corrupt("hash", error))
}

fn natural(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|error| StoreError::corrupt("size", error))
}

/// No log is as long as what a column can count.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn level(level: u32) -> i16 {
    i16::try_from(level).unwrap_or(i16::MAX)
}
