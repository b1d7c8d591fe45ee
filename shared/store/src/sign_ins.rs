//! When principals last signed in: when a verified token of theirs was last seen, to the hour.
//!
//! Telemetry: no entry of the log tells of it, and nothing is permitted or refused by it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use pim_domain::id::{PrincipalId, TenantId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Db, Purpose, StoreError};

/// Keeps that principals of a tenant were seen, and says when each was last, as it is kept now: what
/// is less than an hour later than that, or earlier, leaves it as it is. Whom the tenant does not
/// have is left out.
///
/// # Errors
/// The database cannot serve.
pub async fn record(
    db: &Db,
    tenant: TenantId,
    seen: &[(PrincipalId, DateTime<Utc>)],
) -> Result<Vec<(PrincipalId, DateTime<Utc>)>, StoreError> {
    let (ids, times): (Vec<Uuid>, Vec<DateTime<Utc>>) =
        seen.iter().map(|(id, time)| (id.uuid(), *time)).unzip();
    let mut tx = db.begin(Purpose::Telemetry, tenant).await?;
    let rows = sqlx::query!(
        r#"select principal_id as "principal_id!", last_time as "last_time!"
           from record_sign_ins($1, $2)"#,
        &ids,
        &times,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(|row| (row.principal_id.into(), row.last_time)).collect())
}

/// When principals last signed in, of those who have.
///
/// # Errors
/// The database cannot serve.
pub async fn last(
    connection: &mut PgConnection,
    tenant: TenantId,
    ids: &[PrincipalId],
) -> Result<HashMap<PrincipalId, DateTime<Utc>>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        "select principal_id, last_time from sign_in
         where tenant_id = $1 and principal_id = any($2)",
        tenant.uuid(),
        &ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.principal_id.into(), row.last_time)).collect())
}
