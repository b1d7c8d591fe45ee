//! Roles, and the catalogs that a tenant has imported.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use pim_domain::{
    change::{Change, Version},
    id::{RoleId, TenantId},
    role::{Catalog, Custom, Deletion, Import, PermissionBlock, Role},
};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{StoreError, Tx, events, row};

/// Statements that read all of roles; what follows says which.
macro_rules! rows {
    ($which:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id, catalog, display_name, privileged, assignable, inherits,
                      permissions as "permissions: Json<Vec<PermissionBlock>>", assignable_scopes,
                      deleted_time, deleted_by, version, create_time, update_time
               from role "#
                + $which
            $(, $argument)*
        )
    };
}

struct Row {
    id: Uuid,
    catalog: String,
    display_name: String,
    privileged: bool,
    assignable: bool,
    inherits: Vec<Uuid>,
    permissions: Json<Vec<PermissionBlock>>,
    assignable_scopes: Option<Vec<String>>,
    deleted_time: Option<DateTime<Utc>>,
    deleted_by: Option<Uuid>,
    version: i64,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
}

impl TryFrom<Row> for Role {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let deleted = row.deleted_time.zip(row.deleted_by);
        let deleted = deleted.map(|(at, by)| Deletion { at, by: by.into() });
        let scopes = row.assignable_scopes.map(|scopes| {
            scopes.iter().map(|scope| row::scope(scope)).collect::<Result<Vec<_>, _>>()
        });
        let custom =
            scopes.transpose()?.map(|assignable_scopes| Custom { assignable_scopes, deleted });
        Ok(Role {
            id: row.id.into(),
            catalog: row::catalog(&row.catalog)?,
            display_name: row.display_name,
            privileged: row.privileged,
            assignable: row.assignable,
            inherits: row.inherits.into_iter().map(RoleId::from).collect(),
            permissions: row.permissions.0,
            custom,
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
    rows!("where tenant_id = $1 and id = $2", tenant.uuid(), id.uuid())
        .fetch_optional(connection)
        .await?
        .map(Role::try_from)
        .transpose()
}

/// Those of `ids` that there are, and all that they inherit from.
///
/// # Errors
/// The database cannot serve.
pub async fn with_inherited(
    connection: &mut PgConnection,
    tenant: TenantId,
    ids: &[RoleId],
) -> Result<Vec<Role>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    sqlx::query_as!(
        Row,
        r#"with recursive reached (id) as (
               select unnest($2::uuid[])
               union
               select unnest(r.inherits)
               from reached join role r on r.tenant_id = $1 and r.id = reached.id
           )
           select id, catalog, display_name, privileged, assignable, inherits,
                  permissions as "permissions: Json<Vec<PermissionBlock>>", assignable_scopes,
                  deleted_time, deleted_by, version, create_time, update_time
           from role where tenant_id = $1 and id in (select id from reached)"#,
        tenant.uuid(),
        &ids,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Role::try_from)
    .collect()
}

/// One role, which nobody else can change or delete until the transaction ends. For the service
/// that writes roles.
///
/// # Errors
/// The database cannot serve.
pub async fn get_for_update(
    tx: &mut Tx,
    tenant: TenantId,
    id: RoleId,
) -> Result<Option<Role>, StoreError> {
    rows!("where tenant_id = $1 and id = $2 for update", tenant.uuid(), id.uuid())
        .fetch_optional(&mut **tx)
        .await?
        .map(Role::try_from)
        .transpose()
}

/// One role, which stays as it is until the transaction ends: whoever changes it waits, and sees
/// what is granted of it now. Grants of one role do not wait for each other. For the service that
/// writes roles.
///
/// # Errors
/// The database cannot serve.
pub async fn get_for_grant(
    tx: &mut Tx,
    tenant: TenantId,
    id: RoleId,
) -> Result<Option<Role>, StoreError> {
    rows!("where tenant_id = $1 and id = $2 for key share", tenant.uuid(), id.uuid())
        .fetch_optional(&mut **tx)
        .await?
        .map(Role::try_from)
        .transpose()
}

/// Another role than `besides` that has not been deleted and is called `name`, in whatever case.
///
/// # Errors
/// The database cannot serve.
pub async fn namesake(
    connection: &mut PgConnection,
    tenant: TenantId,
    name: &str,
    besides: Option<RoleId>,
) -> Result<Option<RoleId>, StoreError> {
    let id = sqlx::query_scalar!(
        "select id from role
         where tenant_id = $1 and lower(display_name) = lower($2) and deleted_time is null
           and id is distinct from $3
         order by id limit 1",
        tenant.uuid(),
        name,
        besides.map(RoleId::uuid),
    )
    .fetch_optional(connection)
    .await?;
    Ok(id.map(RoleId::from))
}

/// Which roles a list is of.
#[derive(Debug, Clone)]
pub struct Filter<'a> {
    /// Only of this catalog.
    pub catalog: Option<Catalog>,
    /// Only with this in their display name, without regard to case.
    pub name_contains: &'a str,
    /// Only those that the tenant has made itself.
    pub custom_only: bool,
    /// Deleted ones too.
    pub include_deleted: bool,
}

/// Roles by name, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &Filter<'_>,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<Role>, StoreError> {
    let (after_name, after_id) = after.map(|cursor| (cursor.name, cursor.id.uuid())).unzip();
    rows!(
        "where tenant_id = $1
             and ($2::text is null or catalog = $2)
             and position(lower($3::text) in lower(display_name)) > 0
             and ($4::text is null or (lower(display_name), id) > ($4, $5::uuid))
             and (not $6 or assignable_scopes is not null)
             and ($7 or deleted_time is null)
           order by lower(display_name), id
           limit $8",
        tenant.uuid(),
        filter.catalog.map(Catalog::as_str),
        filter.name_contains,
        after_name,
        after_id,
        filter.custom_only,
        filter.include_deleted,
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Role::try_from)
    .collect()
}

/// What a tenant has of a catalog.
///
/// # Errors
/// The database cannot serve.
pub async fn import(
    connection: &mut PgConnection,
    tenant: TenantId,
    catalog: Catalog,
) -> Result<Option<Import>, StoreError> {
    let row = sqlx::query!(
        "select id, catalog_version, version, create_time, update_time
         from catalog_import where tenant_id = $1 and catalog = $2",
        tenant.uuid(),
        catalog.as_str(),
    )
    .fetch_optional(connection)
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

/// Writes a custom role as it is now.
///
/// # Errors
/// The database cannot serve, somebody else changed it meanwhile, or another role has taken the
/// name.
pub async fn record_custom(
    tx: &mut Tx,
    tenant: TenantId,
    change: &Change<Role>,
) -> Result<(), StoreError> {
    let role = change.after();
    let not_custom = || StoreError::corrupt("role", "built in, and changed");
    let Custom { assignable_scopes, deleted } = role.custom.as_ref().ok_or_else(not_custom)?;
    let scopes: Vec<String> = assignable_scopes.iter().cloned().map(String::from).collect();
    let done = sqlx::query!(
        "insert into role
             (tenant_id, id, catalog, display_name, privileged, assignable, inherits, permissions,
              assignable_scopes, deleted_time, deleted_by, version, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, '{}', $7, $8, $9, $10, $11, $12, $13)
         on conflict (tenant_id, id) do update
         set display_name = excluded.display_name,
             privileged = excluded.privileged,
             permissions = excluded.permissions,
             assignable_scopes = excluded.assignable_scopes,
             deleted_time = excluded.deleted_time,
             deleted_by = excluded.deleted_by,
             version = excluded.version,
             update_time = excluded.update_time
         where role.version = excluded.version - 1",
        tenant.uuid(),
        role.id.uuid(),
        role.catalog.as_str(),
        role.display_name,
        role.privileged,
        role.assignable,
        Json(&role.permissions) as _,
        &scopes,
        deleted.map(|deletion| deletion.at),
        deleted.map(|deletion| deletion.by.uuid()),
        role.version.0,
        role.create_time,
        role.update_time,
    )
    .execute(&mut **tx)
    .await?;
    row::updated(&done, "role")?;
    events::insert(tx, tenant, change.event()).await
}

/// What roles are called, the deleted as well.
///
/// # Errors
/// The database cannot serve.
pub async fn names(
    connection: &mut PgConnection,
    tenant: TenantId,
    ids: &[RoleId],
) -> Result<Vec<(RoleId, String)>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        "select id, display_name from role where tenant_id = $1 and id = any($2)",
        tenant.uuid(),
        &ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id.into(), row.display_name)).collect())
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
