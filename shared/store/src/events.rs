//! The one insert-only table of events: the hand-over of facts to whoever reads the log.

use chrono::{DateTime, Utc};
use pim_domain::{
    event::{Event, StoredEvent},
    export::Entry,
    id::{EventId, PrincipalId, RoleId, TenantId},
    scope::Scope,
};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{StoreError, Tx, justifications};

/// Writes what happened, in the transaction in which it did.
///
/// # Errors
/// The database cannot serve, or the thing's version has its event already.
pub async fn insert(tx: &mut Tx, tenant: TenantId, event: &Event) -> Result<(), StoreError> {
    let stored = StoredEvent::new(tenant, event.clone());
    let body = serde_json::to_vec(&stored).map_err(|error| StoreError::corrupt("event", error))?;
    let indexed = stored.indexed();
    let words = event.about.justification.new_words();
    let xid = sqlx::query_file_scalar!(
        "src/events/insert.sql",
        indexed.tenant_id,
        indexed.id,
        body,
        indexed.event_time,
        &*indexed.code,
        &*indexed.category,
        &*indexed.result,
        indexed.correlation_id,
        indexed.actor_id,
        indexed.thing_kind.as_deref(),
        indexed.thing_id,
        indexed.thing_version,
        indexed.subject_id,
        indexed.role_id,
        indexed.scope,
        words.as_ref().map(|words| words.commitment.as_bytes()),
        words.as_ref().map(|words| &words.salt[..]),
        words.as_ref().map(|words| words.text),
    )
    .fetch_one(&mut **tx)
    .await?;
    tx.wrote_as(xid.unsigned_abs());
    if event.outcome == pim_domain::event::Outcome::Success && event.code.gains() {
        tx.has_gained();
    }
    Ok(())
}

/// Entries of one tenant, with the words that they commit to.
async fn events(
    connection: &mut PgConnection,
    tenant: TenantId,
    bodies: Vec<Vec<u8>>,
) -> Result<Vec<StoredEvent>, StoreError> {
    let read = |body: Vec<u8>| serde_json::from_slice(&body);
    let events: Result<Vec<StoredEvent>, _> = bodies.into_iter().map(read).collect();
    let mut events = events.map_err(|error| StoreError::corrupt("event", error))?;
    justifications::join_events(connection, tenant, &mut events).await?;
    Ok(events)
}

/// Which events a list is of; what is absent matches all.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "field by field as in the contract's EventFilter")]
pub struct Filter {
    pub start: Option<DateTime<Utc>>,
    pub end: Option<DateTime<Utc>>,
    pub actor: Option<String>,
    pub subject: Option<PrincipalId>,
    pub role: Option<RoleId>,
    pub scope: Option<Scope>,
    pub code: Option<String>,
    pub result: Option<&'static str>,
    pub correlation: Option<Uuid>,
    pub thing: Option<Uuid>,
    pub category: Option<String>,
}

/// Where a page of events ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// When its last event was.
    pub time: DateTime<Utc>,
    /// Its last event.
    pub id: EventId,
}

/// Events, newest first, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &Filter,
    before: Option<Cursor>,
    limit: i64,
) -> Result<Vec<StoredEvent>, StoreError> {
    let bodies = sqlx::query_file_scalar!(
        "src/events/list.sql",
        tenant.uuid(),
        filter.start,
        filter.end,
        filter.actor,
        filter.subject.map(PrincipalId::uuid),
        filter.role.map(RoleId::uuid),
        filter.scope.as_ref().map(Scope::as_str),
        filter.code,
        filter.result,
        filter.correlation,
        filter.thing,
        filter.category,
        before.map(|cursor| cursor.time),
        before.map(|cursor| cursor.id.uuid()),
        limit,
    )
    .fetch_all(&mut *connection)
    .await?;
    events(connection, tenant, bodies).await
}

/// Entries as they are stored, the oldest first, at most `limit`: of those that a state shows, told
/// by its snapshot, what comes after `after`.
///
/// # Errors
/// The database cannot serve, or the snapshot is none.
pub async fn export(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &Filter,
    snapshot: &str,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<(Entry, Cursor)>, StoreError> {
    let rows = sqlx::query_file!(
        "src/events/export.sql",
        tenant.uuid(),
        snapshot,
        filter.start,
        filter.end,
        filter.actor,
        filter.subject.map(PrincipalId::uuid),
        filter.role.map(RoleId::uuid),
        filter.scope.as_ref().map(Scope::as_str),
        filter.code,
        filter.result,
        filter.correlation,
        filter.thing,
        filter.category,
        after.map(|cursor| cursor.time),
        after.map(|cursor| cursor.id.uuid()),
        limit,
    )
    .fetch_all(&mut *connection)
    .await?;
    let cursors: Vec<Cursor> =
        rows.iter().map(|row| Cursor { time: row.event_time, id: row.id.into() }).collect();
    let entry = |id: Uuid, body| Entry { id: id.into(), tenant, body, justifications: Vec::new() };
    let mut entries: Vec<Entry> = rows.into_iter().map(|row| entry(row.id, row.body)).collect();
    justifications::join_entries(connection, tenant, &mut entries).await?;
    Ok(entries.into_iter().zip(cursors).collect())
}

/// One event.
///
/// # Errors
/// The database cannot serve.
pub async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: EventId,
) -> Result<Option<StoredEvent>, StoreError> {
    let body = sqlx::query_scalar!(
        "select body from event where tenant_id = $1 and id = $2",
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    Ok(events(connection, tenant, body.into_iter().collect()).await?.pop())
}

/// The events of one thing, in the order of its versions.
///
/// # Errors
/// The database cannot serve.
pub async fn of_thing(
    connection: &mut PgConnection,
    tenant: TenantId,
    thing: Uuid,
) -> Result<Vec<StoredEvent>, StoreError> {
    let bodies = sqlx::query_scalar!(
        "select body from event
         where tenant_id = $1 and thing_id = $2 and result = 'success'
         order by thing_version",
        tenant.uuid(),
        thing,
    )
    .fetch_all(&mut *connection)
    .await?;
    events(connection, tenant, bodies).await
}

/// What was done to several things, with all that belongs to it such as the approvals of an
/// activation; by then, or so far, the oldest first.
///
/// # Errors
/// The database cannot serve.
pub async fn of_correlations(
    connection: &mut PgConnection,
    tenant: TenantId,
    correlations: &[Uuid],
    until: Option<DateTime<Utc>>,
) -> Result<Vec<StoredEvent>, StoreError> {
    let bodies = sqlx::query_scalar!(
        "select body from event
         where tenant_id = $1 and correlation_id = any($2) and result = 'success'
             and ($3::timestamptz is null or event_time <= $3)
         order by event_time, id",
        tenant.uuid(),
        correlations,
        until,
    )
    .fetch_all(&mut *connection)
    .await?;
    events(connection, tenant, bodies).await
}

/// The time of the newest event of all; no decision is earlier, so that a clock that jumped back
/// revives nothing.
///
/// # Errors
/// The database cannot serve.
pub async fn newest_time(
    connection: &mut PgConnection,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar!("select newest_event_time()").fetch_one(connection).await?)
}

/// Where a part of what was committed between two states ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommittedCursor {
    /// The transaction that wrote its last event.
    pub xid: i64,
    /// Its last event.
    pub id: EventId,
}

/// Two states of the database, by their snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Between {
    /// The older one.
    pub since: String,
    /// The newer one; not newer than the state that is read.
    pub until: String,
}

/// What was committed between two states of the database, at most `limit`: visible in the newer
/// one, and not in the older. Transactions commit in another order than they begin, so neither ids
/// nor times can say what is new; snapshots can. The order is that of the transactions' own
/// numbers, because an index has it however long ago the older state was; it is no order of events.
///
/// # Errors
/// The database cannot serve, or one of the two is not a snapshot.
pub async fn committed_between(
    connection: &mut PgConnection,
    tenant: TenantId,
    between: &Between,
    after: Option<CommittedCursor>,
    limit: i64,
) -> Result<Vec<(StoredEvent, CommittedCursor)>, StoreError> {
    let rows = sqlx::query_file!(
        "src/events/committed_between.sql",
        tenant.uuid(),
        between.since,
        between.until,
        after.map(|cursor| cursor.xid),
        after.map(|cursor| cursor.id.uuid()),
        limit,
    )
    .fetch_all(&mut *connection)
    .await?;
    let cursors: Vec<CommittedCursor> =
        rows.iter().map(|row| CommittedCursor { xid: row.xid, id: row.id.into() }).collect();
    let bodies = rows.into_iter().map(|row| row.body).collect();
    let events = events(connection, tenant, bodies).await?;
    Ok(events.into_iter().zip(cursors).collect())
}
