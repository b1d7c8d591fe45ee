//! Organisations.

use pim_domain::{change::Change, tenant::Tenant};

use crate::{StoreError, Tx, events};

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
