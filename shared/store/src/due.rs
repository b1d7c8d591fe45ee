//! What is due, over all tenants: what time has decided and nobody has recorded, and doorbells
//! that were not heard. Candidates only: the service that owns a thing decides again.

use chrono::{DateTime, Utc};
use pim_domain::due::{Due, DueKind};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{StoreError, row};

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
        Ok(Due {
            kind: row::named(&DueKind::ALL, DueKind::as_str, &row.kind, "due kind")?,
            tenant: row.tenant_id.into(),
            thing: row.thing_id,
            time: row.due_time,
        })
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
