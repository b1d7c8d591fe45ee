//! The sealed log, read: entries with the bytes that they are of, and the nodes that proofs need.

use std::collections::HashMap;

use chrono::TimeDelta;
use pim_domain::{
    id::{EventId, TenantId},
    log::{
        hash::TreeHash,
        proof::{self, Part, Span},
        tree::{Frontier, Node},
    },
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{grown, hash, level, natural, stored};
use crate::StoreError;

/// A leaf, and the bytes that are stored for its event now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where in the log, from 0.
    pub index: u64,
    /// Of which event.
    pub event: EventId,
    /// The hash with which it was sealed.
    pub hash: TreeHash,
    /// The event's bytes; absent where the event is gone.
    pub body: Option<Vec<u8>>,
}

/// How an entry is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKey {
    /// By its event.
    Event(EventId),
    /// By its place in the log, from 0.
    Index(u64),
}

/// Kept nodes, to make proofs of.
#[derive(Debug, Clone, Default)]
pub struct Kept(HashMap<(u32, u64), TreeHash>);

impl Kept {
    /// The node at that place of its level.
    #[must_use]
    pub fn get(&self, level: u32, index: u64) -> Option<TreeHash> {
        self.0.get(&(level, index)).copied()
    }

    /// The hashes of the parts of a proof; `None` where a node is missing.
    #[must_use]
    pub fn hashes(&self, parts: &[Part]) -> Option<Vec<TreeHash>> {
        parts.iter().map(|part| proof::hash(part, &|level, index| self.get(level, index))).collect()
    }
}

struct Row {
    index: i64,
    event_id: Uuid,
    hash: Vec<u8>,
    body: Option<Vec<u8>>,
}

impl TryFrom<Row> for Entry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let (index, hash) = (natural(row.index)?, hash(&row.hash)?);
        Ok(Self { index, event: row.event_id.into(), hash, body: row.body })
    }
}

/// The entries from `first` on, in order, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn entries(
    connection: &mut PgConnection,
    tenant: TenantId,
    first: u64,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"select l.index, l.event_id, l.hash, e.body as "body?"
           from log_leaf l
           left join event e on e.tenant_id = l.tenant_id and e.id = l.event_id
           where l.tenant_id = $1 and l.index >= $2
           order by l.index
           limit $3"#,
        tenant.uuid(),
        stored(first),
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Entry::try_from)
    .collect()
}

/// One entry.
///
/// # Errors
/// The database cannot serve.
pub async fn entry(
    connection: &mut PgConnection,
    tenant: TenantId,
    key: EventKey,
) -> Result<Option<Entry>, StoreError> {
    let (event, index) = match key {
        EventKey::Event(event) => (Some(event.uuid()), None),
        EventKey::Index(index) => (None, Some(stored(index))),
    };
    // Two questions in one, each by its own index.
    sqlx::query_as!(
        Row,
        r#"select l.index as "index!", l.event_id as "event_id!", l.hash as "hash!",
               e.body as "body?"
           from (
               select * from log_leaf where tenant_id = $1 and event_id = $2
               union all
               select * from log_leaf where tenant_id = $1 and index = $3
           ) l
           left join event e on e.tenant_id = l.tenant_id and e.id = l.event_id"#,
        tenant.uuid(),
        event,
        index,
    )
    .fetch_optional(connection)
    .await?
    .map(Entry::try_from)
    .transpose()
}

/// The kept nodes in these spans.
///
/// # Errors
/// The database cannot serve.
pub async fn kept(
    connection: &mut PgConnection,
    tenant: TenantId,
    spans: &[Span],
) -> Result<Kept, StoreError> {
    let starts: Vec<i64> = spans.iter().map(|span| stored(span.first)).collect();
    let ends: Vec<i64> = spans.iter().map(|span| stored(span.first + span.count)).collect();
    let levels: Vec<i16> = spans.iter().map(|span| level(span.level)).collect();
    let rows = sqlx::query!(
        r#"select s.level as "level!", n.index as "index!", n.hash as "hash!"
           from unnest($2::smallint[], $3::bigint[], $4::bigint[]) as s (level, first, beyond)
           cross join lateral (
               select l.index, l.hash from log_leaf l
               where s.level = 0 and l.tenant_id = $1
                   and l.index >= s.first and l.index < s.beyond
               union all
               select n.index, n.hash from log_node n
               where n.tenant_id = $1 and n.level = s.level
                   and n.index >= s.first and n.index < s.beyond
           ) n"#,
        tenant.uuid(),
        &levels,
        &starts,
        &ends,
    )
    .fetch_all(connection)
    .await?;
    let mut kept = Kept::default();
    for row in rows {
        let place = (u32::from(row.level.unsigned_abs()), natural(row.index)?);
        kept.0.insert(place, hash(&row.hash)?);
    }
    Ok(kept)
}

/// The kept nodes of a level above the leaves, from `first` on, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn kept_from(
    connection: &mut PgConnection,
    tenant: TenantId,
    of_level: u32,
    first: u64,
    limit: i64,
) -> Result<Vec<Node>, StoreError> {
    sqlx::query!(
        "select index, hash from log_node
         where tenant_id = $1 and level = $2 and index >= $3 order by index limit $4",
        tenant.uuid(),
        level(of_level),
        stored(first),
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| Ok(Node { level: of_level, index: natural(row.index)?, hash: hash(&row.hash)? }))
    .collect()
}

/// The tree as it was at that size; `None` where something of it is not there.
///
/// # Errors
/// The database cannot serve.
pub async fn frontier(
    connection: &mut PgConnection,
    tenant: TenantId,
    size: u64,
) -> Result<Option<Frontier>, StoreError> {
    let spans = proof::spans(&proof::peaks(size));
    let kept = kept(connection, tenant, &spans).await?;
    Ok(proof::frontier(size, &|level, index| kept.get(level, index)))
}

/// The tree as it is; `None` where the tenant has no sealed events.
///
/// # Errors
/// The database cannot serve.
pub async fn head(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Option<Frontier>, StoreError> {
    sqlx::query!("select size, peaks from log_head where tenant_id = $1", tenant.uuid(),)
        .fetch_optional(connection)
        .await?
        .map(|row| grown(row.size, &row.peaks))
        .transpose()
}

/// Everybody of whom anything is stored, in any table; the nil tenant is the platform.
///
/// # Errors
/// The database cannot serve.
pub async fn tenants(connection: &mut PgConnection) -> Result<Vec<TenantId>, StoreError> {
    let ids = sqlx::query_scalar!(r#"select distinct log_tenants() as "id!" order by 1"#)
        .fetch_all(connection)
        .await?;
    Ok(ids.into_iter().map(TenantId::from).collect())
}

/// How many events of a tenant wait to be sealed, as far as they are visible.
///
/// # Errors
/// The database cannot serve.
pub async fn waiting(connection: &mut PgConnection, tenant: TenantId) -> Result<u64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from event
           where tenant_id = $1 and xid >= (select xid from log_watermark)"#,
        tenant.uuid(),
    )
    .fetch_one(connection)
    .await?;
    natural(count)
}

/// For how long the oldest event that is not sealed has waited, by the database's clock; `None` where
/// there is none, or where it is from before that was kept.
///
/// # Errors
/// The database cannot serve.
pub async fn oldest_unsealed(
    connection: &mut PgConnection,
) -> Result<Option<TimeDelta>, StoreError> {
    let micros = sqlx::query_scalar!(
        r#"select (extract(epoch from clock_timestamp() - oldest_unsealed_time()) * 1000000)::bigint
               as "micros""#
    )
    .fetch_one(connection)
    .await?;
    Ok(micros.map(TimeDelta::microseconds))
}
