//! Roles, and the catalogs that a tenant has imported.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use pim_domain::{
    change::{Change, Version},
    id::{RoleId, TenantId},
    role::{Catalog, Import, PermissionBlock, Role},
};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{StoreError, Tx, events, row};

struct Row {
    id: Uuid,
    catalog: String,
    display_name: String,
    privileged: bool,
    assignable: bool,
    inherits: Vec<Uuid>,
    permissions: Json<Vec<PermissionBlock>>,
    version: i64,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
}

impl TryFrom<Row> for Role {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Role {
            id: row.id.into(),
            catalog: row::catalog(&row.catalog)?,
            display_name: row.display_name,
            privileged: row.privileged,
            assignable: row.assignable,
            inherits: row.inherits.into_iter().map(RoleId::from).collect(),
            permissions: row.permissions.0,
            version: Version(row.version),
            create_time: row.create_time,
            update_time: row.update_time,
        })
    }
}

/// Where a page of roles ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cursor {
    /// Its last role's display name, in lower case.
    pub name: String,
    /// Its last role.
    pub id: RoleId,
}

impl From<&Role> for Cursor {
    fn from(role: &Role) -> Self {
        Self { name: role.display_name.to_lowercase(), id: role.id }
    }
}

/// One role.
///
/// # Errors
/// The database cannot serve.
pub async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: RoleId,
) -> Result<Option<Role>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"select id, catalog, display_name, privileged, assignable, inherits,
                  permissions as "permissions: Json<Vec<PermissionBlock>>",
                  version, create_time, update_time
           from role where tenant_id = $1 and id = $2"#,
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_optional(connection)
    .await?
    .map(Role::try_from)
    .transpose()
}

/// Roles by name, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    catalog: Option<Catalog>,
    name_contains: &str,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<Role>, StoreError> {
    let (after_name, after_id) = after.map(|cursor| (cursor.name, cursor.id.uuid())).unzip();
    sqlx::query_as!(
        Row,
        r#"select id, catalog, display_name, privileged, assignable, inherits,
                  permissions as "permissions: Json<Vec<PermissionBlock>>",
                  version, create_time, update_time
           from role
           where tenant_id = $1
             and ($2::text is null or catalog = $2)
             and position(lower($3::text) in lower(display_name)) > 0
             and ($4::text is null or (lower(display_name), id) > ($4, $5::uuid))
           order by lower(display_name), id
           limit $6"#,
        tenant.uuid(),
        catalog.map(Catalog::as_str),
        name_contains,
        after_name,
        after_id,
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Role::try_from)
    .collect()
}

/// What a tenant has of a catalog, locked against another import.
///
/// # Errors
/// The database cannot serve.
pub async fn import_for_update(
    tx: &mut Tx,
    tenant: TenantId,
    catalog: Catalog,
) -> Result<Option<Import>, StoreError> {
    let row = sqlx::query!(
        "select id, catalog_version, version, create_time, update_time
         from catalog_import where tenant_id = $1 and catalog = $2 for update",
        tenant.uuid(),
        catalog.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Import {
        id: row.id,
        catalog,
        catalog_version: row.catalog_version,
        version: Version(row.version),
        create_time: row.create_time,
        update_time: row.update_time,
    }))
}

/// Writes an import with its roles, and says how many of them were new or differed.
///
/// # Errors
/// The database cannot serve, or somebody else imported meanwhile.
pub async fn record(
    tx: &mut Tx,
    tenant: TenantId,
    change: &Change<Import>,
    roles: impl Iterator<Item = Role>,
) -> Result<u64, StoreError> {
    let import = change.after();
    let done = sqlx::query!(
        "insert into catalog_import
             (tenant_id, id, catalog, catalog_version, version, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant_id, catalog) do update
         set catalog_version = excluded.catalog_version,
             version = excluded.version,
             update_time = excluded.update_time
         where catalog_import.version = excluded.version - 1",
        tenant.uuid(),
        import.id,
        import.catalog.as_str(),
        import.catalog_version,
        import.version.0,
        import.create_time,
        import.update_time,
    )
    .execute(&mut **tx)
    .await?;
    row::updated(&done, "catalog")?;
    let changed = write_roles(tx, tenant, import.update_time, roles).await?;
    events::insert(tx, tenant, change.event()).await?;
    Ok(changed)
}

async fn write_roles(
    tx: &mut Tx,
    tenant: TenantId,
    now: DateTime<Utc>,
    roles: impl Iterator<Item = Role>,
) -> Result<u64, StoreError> {
    // As one document: Postgres has no arrays of arrays of unequal length, which `inherits` is.
    let document = serde_json::to_value(roles.collect::<Vec<_>>())
        .map_err(|error| StoreError::corrupt("role", error))?;
    let done = sqlx::query_file!("src/roles/write.sql", tenant.uuid(), document, now)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}

/// Which catalogs these roles are of.
///
/// # Errors
/// The database cannot serve.
pub async fn catalogs(
    connection: &mut PgConnection,
    tenant: TenantId,
    ids: &[RoleId],
) -> Result<HashMap<RoleId, Catalog>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        "select id, catalog from role where tenant_id = $1 and id = any($2)",
        tenant.uuid(),
        &ids,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| Ok((row.id.into(), row::catalog(&row.catalog)?))).collect()
}
