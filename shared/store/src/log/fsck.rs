//! The whole log of a tenant, read and examined: while one page of entries is examined, the next
//! one is read.

use std::{collections::VecDeque, panic::resume_unwind};

use chrono::{DateTime, Utc};
use pim_domain::{
    event::Indexed,
    id::{EventId, TenantId},
    log::{
        checkpoint,
        examine::{Examination, Stored},
        fault::Fault,
        hash::TreeHash,
        note::VerifierKey,
        tree::Node,
    },
};
use sqlx::PgConnection;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{Signed, Stop, checkpoints, hash, head, kept_from, natural, state, stored};
use crate::StoreError;

/// Entries that are read at once.
const ENTRIES_PAGE: i64 = 5_000;
/// Checkpoints that are read at once.
const CHECKPOINTS_PAGE: i64 = 1_000;
/// Events that may wait to be sealed.
const WAITING_MAX: i64 = 100_000;

/// How far a log has been examined, and what was wrong there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Examined {
    /// Entries, or events that were replayed.
    pub entries: u64,
    /// Signed checkpoints.
    pub checkpoints: u64,
    /// Things that the log tells of.
    pub things: usize,
    /// The first that is not as it should be.
    pub fault: Option<Fault>,
}

/// Examines every leaf, node and checkpoint, the events with all that stands beside them, and the
/// versions of all that is stored. In one state of the database, so that log and state belong
/// together. Without keys, signatures are not verified.
///
/// # Errors
/// The database cannot serve.
pub async fn fsck(
    connection: &mut PgConnection,
    tenant: TenantId,
    keys: &[VerifierKey],
) -> Result<Examined, StoreError> {
    let instance = sqlx::query_scalar!("select id from instance").fetch_optional(&mut *connection);
    let origin = checkpoint::origin(instance.await?.unwrap_or_default(), tenant);
    let keys = keys.iter().map(|key| key.under(&origin)).collect();
    let mut examined = Examined::default();
    let result = examine(connection, tenant, Examination::new(origin, keys), &mut examined).await;
    examined.fault = Stop::fault(result)?;
    Ok(examined)
}

async fn examine(
    connection: &mut PgConnection,
    tenant: TenantId,
    examination: Examination,
    examined: &mut Examined,
) -> Result<(), Stop> {
    let found = entries(connection, tenant, examination, examined).await?;
    beyond(connection, tenant, &found).await?;
    let mut examination = found.examination;
    unsealed(connection, tenant, &mut examination).await?;
    examined.things = examination.things();
    let stored = state::state(connection, tenant).await?;
    Ok(examination.state(&stored)?)
}

/// A leaf with its event.
struct Entry {
    index: u64,
    event: EventId,
    hash: TreeHash,
    xid: Option<i64>,
    body: Option<(Vec<u8>, Indexed)>,
}

/// A log up to some entry.
struct Found {
    examination: Examination,
    checkpoints: i64,
    signed: u64,
    nodes: u64,
    completed: Vec<Node>,
    /// The transaction and the id of the last event.
    last: Option<(i64, Uuid)>,
}

async fn entries(
    connection: &mut PgConnection,
    tenant: TenantId,
    examination: Examination,
    examined: &mut Examined,
) -> Result<Found, Stop> {
    let (signed, nodes, completed) = (0, 0, Vec::new());
    let mut found = Found { examination, checkpoints: 0, signed, nodes, completed, last: None };
    let mut due = Due::default();
    let (mut first, mut next) = (0, page(connection, tenant, 0).await?);
    while !next.is_empty() {
        first += u64::try_from(next.len()).unwrap_or(u64::MAX);
        let signed = due.up_to(connection, tenant, first).await?;
        let entries = next;
        let working = spawn_blocking(move || {
            let result = found.page(&entries, signed);
            (found, result)
        });
        let read = page(connection, tenant, first).await;
        let (back, result) =
            working.await.unwrap_or_else(|error| resume_unwind(error.into_panic()));
        found = back;
        examined.entries = found.examination.tree().size();
        examined.checkpoints = found.checkpoints.unsigned_abs();
        result?;
        let completed = std::mem::take(&mut found.completed);
        found.nodes += u64::try_from(completed.len()).unwrap_or(u64::MAX);
        nodes_are(connection, tenant, completed).await?;
        next = read?;
    }
    if let Some((_, beyond)) = due.up_to(connection, tenant, u64::MAX).await?.first() {
        let size = found.examination.tree().size();
        let text = format!("{size} of {} entries that were signed are there", beyond.size);
        return Err(Fault::Incomplete(text).into());
    }
    Ok(found)
}

impl Found {
    fn page(&mut self, entries: &[Entry], signed: Vec<(i64, Signed)>) -> Result<(), Fault> {
        let mut signed = VecDeque::from(signed);
        for entry in entries {
            let Entry { index, event, hash: leaf, xid, body } = entry;
            let body = body.as_ref().map(|(body, indexed)| (body.as_slice(), indexed));
            let stored = Stored { index: *index, event: *event, leaf: *leaf, body };
            self.examination.entry(stored, &mut self.completed)?;
            self.order(*index, *event, *xid)?;
            let size = self.examination.tree().size();
            while let Some((number, next)) = signed.pop_front_if(|(_, next)| next.size == size) {
                self.checkpoint(number, &next)?;
            }
        }
        Ok(())
    }

    /// Entries are in the order in which transactions were numbered.
    fn order(&mut self, index: u64, event: EventId, xid: Option<i64>) -> Result<(), Fault> {
        let this = xid.map(|xid| (xid, event.uuid()));
        if let Some((_, before)) = self.last.filter(|last| this <= Some(*last)) {
            let text = format!("entry {} and entry {index}", index.saturating_sub(1));
            let text = format!("{text}: the transactions of their events {before} and {event}");
            return Err(Fault::Altered(format!("{text} are not in the order of sealing")));
        }
        self.last = this;
        Ok(())
    }

    fn checkpoint(&mut self, number: i64, next: &Signed) -> Result<(), Fault> {
        self.examination.checkpoint(next.size, next.root, &next.note)?;
        self.checkpoints += 1;
        if number != self.checkpoints {
            let text = format!("checkpoint {} of {} entries", self.checkpoints, next.size);
            return Err(Fault::Incomplete(format!("{text} has the number {number}")));
        }
        self.signed = next.size;
        Ok(())
    }
}

/// Checkpoints that have been read and not been reached.
#[derive(Default)]
struct Due {
    read: VecDeque<(i64, Signed)>,
    last: u64,
    is_over: bool,
}

impl Due {
    async fn up_to(
        &mut self,
        connection: &mut PgConnection,
        tenant: TenantId,
        size: u64,
    ) -> Result<Vec<(i64, Signed)>, StoreError> {
        let mut due = Vec::new();
        loop {
            while let Some(next) = self.read.pop_front_if(|(_, next)| next.size <= size) {
                due.push(next);
            }
            if self.is_over || !self.read.is_empty() {
                return Ok(due);
            }
            let page = checkpoints(connection, tenant, self.last, CHECKPOINTS_PAGE).await?;
            self.last = page.last().map_or(self.last, |(_, last)| last.size);
            self.is_over = page.is_empty();
            self.read = page.into();
        }
    }
}

/// What there is besides the entries: the head, as many nodes as they lead to, the watermark.
async fn beyond(
    connection: &mut PgConnection,
    tenant: TenantId,
    found: &Found,
) -> Result<(), Stop> {
    let size = found.examination.tree().size();
    let head = head(connection, tenant).await?.unwrap_or_default();
    if head.size() > size {
        let text = format!("{size} of {} entries are there, by the log's head", head.size());
        return Err(Fault::Incomplete(text).into());
    }
    if head != *found.examination.tree() {
        let text = "the head of the tree is not the one to which its entries lead".to_owned();
        return Err(Fault::Altered(text).into());
    }
    let counted = sqlx::query!(
        r#"select
               coalesce((select signed_size from log_head where tenant_id = $1), 0) as "signed!",
               (select count(*) from log_node where tenant_id = $1) as "nodes!",
               (select xid::text::bigint from log_watermark) as watermark"#,
        tenant.uuid(),
    )
    .fetch_one(connection)
    .await?;
    if natural(counted.signed)? != found.signed {
        let text = format!("the head says that {} entries were signed", counted.signed);
        return Err(Fault::Altered(format!("{text}, the checkpoints {}", found.signed)).into());
    }
    if natural(counted.nodes)? != found.nodes {
        let text = format!("{} nodes are kept, the entries lead to {}", counted.nodes, found.nodes);
        return Err(Fault::Altered(text).into());
    }
    let watermark = counted.watermark;
    let watermark = watermark.ok_or_else(|| Fault::Incomplete("the watermark is gone".into()))?;
    match found.last {
        Some((xid, event)) if xid >= watermark => {
            let text = format!("event {event} is sealed and is not below the watermark");
            Err(Fault::Altered(text).into())
        }
        Some(_) | None => Ok(()),
    }
}

/// What waits to be sealed is part of what the log tells; nothing else is not sealed.
async fn unsealed(
    connection: &mut PgConnection,
    tenant: TenantId,
    examination: &mut Examination,
) -> Result<(), Stop> {
    let rows = sqlx::query_file!("src/log/waiting.sql", tenant.uuid(), WAITING_MAX)
        .fetch_all(&mut *connection)
        .await?;
    let waiting = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    if waiting >= WAITING_MAX {
        let text = format!("{waiting} events and more are not sealed");
        return Err(Fault::Incomplete(text).into());
    }
    for row in rows {
        if row.is_sealed {
            let text = format!("event {} is sealed and is not below the watermark", row.id);
            return Err(Fault::Altered(text).into());
        }
        let indexed = Indexed {
            tenant_id: tenant.uuid(),
            id: row.id,
            event_time: row.event_time,
            code: row.code.into(),
            category: row.category.into(),
            result: row.result.into(),
            correlation_id: row.correlation_id,
            actor_id: row.actor_id,
            thing_kind: row.thing_kind.map(Into::into),
            thing_id: row.thing_id,
            thing_version: row.thing_version,
            subject_id: row.subject_id,
            role_id: row.role_id,
            scope: row.scope,
        };
        examination.event(row.id.into(), &row.body, &indexed)?;
    }
    // Counting is quick; only where the count is wrong, it is worth asking which.
    let events = sqlx::query_scalar!(
        r#"select count(*) as "count!" from event where tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_one(&mut *connection)
    .await?;
    if events - waiting == stored(examination.tree().size()) {
        return Ok(());
    }
    let late = sqlx::query_scalar!(
        "select id from event e
         where tenant_id = $1 and xid < (select xid from log_watermark)
             and not exists (
                 select from log_leaf l where l.tenant_id = e.tenant_id and l.event_id = e.id)
         order by xid, id limit 1",
        tenant.uuid(),
    )
    .fetch_optional(connection)
    .await?;
    Err(match late {
        Some(late) => Fault::Altered(format!("event {late} is not in the log, and should be")),
        None => Fault::Altered(format!("{events} events are not as many as the entries")),
    }
    .into())
}

/// The entries from `first` on.
async fn page(
    connection: &mut PgConnection,
    tenant: TenantId,
    first: u64,
) -> Result<Vec<Entry>, StoreError> {
    sqlx::query_file_as!(Row, "src/log/examined.sql", tenant.uuid(), stored(first), ENTRIES_PAGE)
        .fetch_all(connection)
        .await?
        .into_iter()
        .map(|row| Entry::of(tenant, row))
        .collect()
}

struct Row {
    index: i64,
    event_id: Uuid,
    hash: Vec<u8>,
    xid: Option<i64>,
    body: Option<Vec<u8>>,
    event_time: Option<DateTime<Utc>>,
    code: Option<String>,
    category: Option<String>,
    result: Option<String>,
    correlation_id: Option<Uuid>,
    actor_id: Option<String>,
    thing_kind: Option<String>,
    thing_id: Option<Uuid>,
    thing_version: Option<i64>,
    subject_id: Option<Uuid>,
    role_id: Option<Uuid>,
    scope: Option<String>,
}

impl Entry {
    fn of(tenant: TenantId, row: Row) -> Result<Self, StoreError> {
        // All of these are there, or the event is not.
        let beside = row.event_time.zip(row.code).zip(row.category.zip(row.result));
        let beside = beside.zip(row.actor_id);
        let body = row.body.zip(beside).map(|(body, beside)| {
            let (((event_time, code), (category, result)), actor_id) = beside;
            let indexed = Indexed {
                tenant_id: tenant.uuid(),
                id: row.event_id,
                event_time,
                code: code.into(),
                category: category.into(),
                result: result.into(),
                correlation_id: row.correlation_id,
                actor_id,
                thing_kind: row.thing_kind.map(Into::into),
                thing_id: row.thing_id,
                thing_version: row.thing_version,
                subject_id: row.subject_id,
                role_id: row.role_id,
                scope: row.scope,
            };
            (body, indexed)
        });
        let (index, hash) = (natural(row.index)?, hash(&row.hash)?);
        Ok(Self { index, event: row.event_id.into(), hash, xid: row.xid, body })
    }
}

/// The kept nodes are those that the leaves below them lead to.
async fn nodes_are(
    connection: &mut PgConnection,
    tenant: TenantId,
    mut completed: Vec<Node>,
) -> Result<(), Stop> {
    completed.sort_unstable_by_key(|node| (node.level, node.index));
    for level in completed.chunk_by(|one, next| one.level == next.level) {
        let Some(first) = level.first() else { continue };
        let count = i64::try_from(level.len()).unwrap_or(i64::MAX);
        let kept = kept_from(connection, tenant, first.level, first.index, count).await?;
        if kept != level {
            let text = format!("nodes of level {} from {} on", first.level, first.index);
            return Err(Fault::Altered(format!("{text} are not what their leaves lead to")).into());
        }
    }
    Ok(())
}
