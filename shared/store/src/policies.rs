//! Policies, every revision of them.

use pim_domain::{
    change::{Change, Version},
    id::{RoleId, TenantId},
    policy::{Policy, RuleSet},
};
use sqlx::{PgConnection, types::Json};

use crate::{StoreError, Tx, events};

/// The newest policy of a role; untouched where nobody has set anything.
///
/// # Errors
/// The database cannot serve.
pub async fn newest(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: RoleId,
) -> Result<Policy, StoreError> {
    at(connection, tenant, role, i64::MAX).await
}

/// The policy of a role at a revision.
///
/// # Errors
/// The database cannot serve.
pub async fn at(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: RoleId,
    revision: i64,
) -> Result<Policy, StoreError> {
    let row = sqlx::query!(
        r#"select revision, rules as "rules: Json<RuleSet>", create_time, update_time
           from policy
           where tenant_id = $1 and role_id = $2 and revision <= $3
           order by revision desc limit 1"#,
        tenant.uuid(),
        role.uuid(),
        revision,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map_or_else(
        || Policy::untouched(role),
        |row| Policy {
            role,
            set: row.rules.0,
            version: Version(row.revision),
            create_time: row.create_time,
            update_time: row.update_time,
        },
    ))
}

/// Writes a new revision.
///
/// # Errors
/// The database cannot serve, or somebody else made that revision meanwhile.
pub async fn record(
    tx: &mut Tx,
    tenant: TenantId,
    change: &Change<Policy>,
) -> Result<(), StoreError> {
    let policy = change.after();
    sqlx::query!(
        "insert into policy (tenant_id, role_id, revision, rules, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6)",
        tenant.uuid(),
        policy.role.uuid(),
        policy.version.0,
        Json(&policy.set) as _,
        policy.create_time,
        policy.update_time,
    )
    .execute(&mut **tx)
    .await?;
    events::insert(tx, tenant, change.event()).await
}
