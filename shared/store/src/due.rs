//! What is due, over all tenants: what time has decided and nobody has recorded, and doorbells
//! that were not heard. Candidates only: the service that owns a thing decides again.

use chrono::{DateTime, Utc};
use pim_domain::{
    due::{Due, DueKind},
    id::{ApprovalId, TenantId},
};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{StoreError, approvals, row};

/// Where a page of due things ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Cursor {
    /// Since when its last thing was due.
    pub time: DateTime<Utc>,
    /// Its last thing.
    pub thing: Uuid,
    /// What was to be done to it.
    pub kind: DueKind,
}

impl From<&Due> for Cursor {
    fn from(due: &Due) -> Self {
        Self { time: due.time, thing: due.thing, kind: due.kind }
    }
}

/// What is due at `now`, oldest first, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn list(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<Due>, StoreError> {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut all = Vec::new();
    let mut after = after;
    loop {
        let page = candidates(connection, now, after, limit).await?;
        let was_last = page.len() < wanted;
        after = page.last().map(|last| Cursor::from(&last.due)).or(after);
        for candidate in page {
            if is_due(connection, &candidate, now).await? {
                all.push(candidate.due);
            }
        }
        if was_last || all.len() >= wanted {
            all.truncate(wanted);
            return Ok(all);
        }
    }
}

/// What SQL finds, and cannot always decide.
struct Candidate {
    due: Due,
    /// Due only if those who are left cannot complete this approval.
    approval: Option<ApprovalId>,
}

/// What does not read is left to its owner, who says so: it must not hide what else is due.
async fn is_due(
    connection: &mut PgConnection,
    candidate: &Candidate,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let Some(id) = candidate.approval else { return Ok(true) };
    match is_impossible(connection, candidate.due.tenant, id, now).await {
        Err(StoreError::Corrupt { .. }) => Ok(true),
        answer => answer,
    }
}

async fn is_impossible(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: ApprovalId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let Some(approval) = approvals::get(connection, tenant, id).await? else { return Ok(false) };
    let facts = approvals::around(connection, tenant, vec![approval]).await?;
    Ok(facts.iter().any(|facts| !facts.is_possible(now)))
}

async fn candidates(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<Candidate>, StoreError> {
    sqlx::query_file!(
        "src/due/list.sql",
        now,
        after.map(|cursor| cursor.time),
        after.map(|cursor| cursor.thing),
        after.map(|cursor| cursor.kind.as_str()),
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| {
        let due = Due {
            kind: row::named(&DueKind::ALL, DueKind::as_str, &row.kind, "due kind")?,
            tenant: row.tenant_id.into(),
            thing: row.thing_id,
            time: row.due_time,
        };
        Ok(Candidate { due, approval: row.approval_id.map(ApprovalId::from) })
    })
    .collect()
}

/// The next instant after `now` at which something becomes due by time.
///
/// # Errors
/// The database cannot serve.
pub async fn next(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_file_scalar!("src/due/next.sql", now).fetch_one(connection).await?)
}
