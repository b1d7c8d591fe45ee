//! Organisations.

use pim_domain::{
    change::{Change, Version},
    id::TenantId,
    tenant::Tenant,
};
use sqlx::PgConnection;

use crate::{StoreError, Tx, events};

/// A tenant.
///
/// # Errors
/// The database cannot serve.
pub async fn get(
    connection: &mut PgConnection,
    id: TenantId,
) -> Result<Option<Tenant>, StoreError> {
    let row = sqlx::query!(
        "select display_name, version, create_time, update_time from tenant where id = $1",
        id.uuid(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Tenant {
        id,
        display_name: row.display_name,
        version: Version(row.version),
        create_time: row.create_time,
        update_time: row.update_time,
    }))
}

/// Writes a tenant that has just been made.
///
/// # Errors
/// The database cannot serve.
pub async fn record(tx: &mut Tx, change: &Change<Tenant>) -> Result<(), StoreError> {
    let tenant = change.after();
    sqlx::query!(
        "insert into tenant (id, display_name, version, create_time, update_time)
         values ($1, $2, $3, $4, $5)",
        tenant.id.uuid(),
        tenant.display_name,
        tenant.version.0,
        tenant.create_time,
        tenant.update_time,
    )
    .execute(&mut **tx)
    .await?;
    events::insert(tx, tenant.id, change.event()).await
}
