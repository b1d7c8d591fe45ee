//! What answers rest on, of all tenants, for a copy in memory: the whole of it, and what has changed
//! since an earlier state.
//!
//! The events say what has changed, and the tables how it is now: a copy that lags holds an earlier
//! state, never a mixture. Transactions commit in another order than they begin, so what is new is
//! told by snapshots.

use chrono::{DateTime, Utc};
use futures::{Stream, TryStreamExt as _};
use pim_domain::{
    effective::Holding,
    id::{PrincipalId, RoleId, TenantId},
    principal::Principal,
    role::Catalog,
    scope::Scope,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{StoreError, holdings::of_record, principals, revision::Snapshot, row};

/// What has changed, each thing once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// Assignments and activations, each with whose it is: a principal's or a group's.
    pub holdings: Vec<(TenantId, PrincipalId, Uuid)>,
    /// Principals.
    pub principals: Vec<(TenantId, PrincipalId)>,
    /// Roles.
    pub roles: Vec<(TenantId, RoleId)>,
    /// Tenants in whose tree of scopes something moved.
    pub trees: Vec<TenantId>,
}

/// A role, as far as answers depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRole {
    /// Which.
    pub id: RoleId,
    /// Its family.
    pub catalog: Catalog,
    /// Roles whose permissions it has as well.
    pub inherits: Vec<RoleId>,
    /// Its permission blocks, as JSON.
    pub permissions: String,
    /// Whether it was deleted; nobody holds it then.
    pub is_deleted: bool,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

/// Things that have changed, at most; to read all there is anew is better than more.
const CHANGES_MAX: i64 = 10_000;

/// What has changed since the state of `since`; `None` where that is very much.
///
/// # Errors
/// The database cannot serve.
pub async fn changed(
    connection: &mut PgConnection,
    since: &Snapshot,
) -> Result<Option<Changed>, StoreError> {
    let since = since.to_string();
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
               select from event
               where xid >= pg_snapshot_xmin($1::text::pg_snapshot)
                   and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
               order by xid
               limit $2
           ) new"#,
        since,
        CHANGES_MAX,
    )
    .fetch_one(&mut *connection)
    .await?;
    if count >= CHANGES_MAX {
        return Ok(None);
    }
    let rows = sqlx::query_file!("src/replica/changed.sql", since, CHANGES_MAX)
        .fetch_all(connection)
        .await?;
    let mut changed = Changed::default();
    for row in rows {
        let tenant = TenantId::from(row.tenant_id);
        match row.what.as_str() {
            "holding" => changed.holdings.push((tenant, row.holder_id.into(), row.id)),
            "principal" => changed.principals.push((tenant, row.id.into())),
            "role" => changed.roles.push((tenant, row.id.into())),
            _ => changed.trees.push(tenant),
        }
    }
    Ok(Some(changed))
}

/// All that anybody may hold.
pub fn all_holdings(
    connection: &mut PgConnection,
) -> impl Stream<Item = Result<(TenantId, Holding), StoreError>> + '_ {
    sqlx::query_file!("src/replica/all_holdings.sql")
        .fetch(connection)
        .map_err(StoreError::from)
        .and_then(async |record| Ok((record.tenant_id.into(), of_record!(record).try_into()?)))
}

/// Those of these that may still be held.
///
/// # Errors
/// The database cannot serve.
pub async fn holdings(
    connection: &mut PgConnection,
    wanted: &[(TenantId, PrincipalId, Uuid)],
) -> Result<Vec<(TenantId, Holding)>, StoreError> {
    let wanted = wanted.iter().map(|(tenant, _, id)| (tenant.uuid(), *id));
    let (tenants, ids): (Vec<Uuid>, Vec<Uuid>) = wanted.unzip();
    sqlx::query_file!("src/replica/holdings.sql", &tenants, &ids)
        .fetch_all(connection)
        .await?
        .into_iter()
        .map(|record| Ok((record.tenant_id.into(), of_record!(record).try_into()?)))
        .collect()
}

/// Everybody but groups.
pub fn all_principals(
    connection: &mut PgConnection,
) -> impl Stream<Item = Result<(TenantId, Principal), StoreError>> + '_ {
    principals::of_all_tenants(connection)
}

/// Those of `wanted` who exist and are not groups.
///
/// # Errors
/// The database cannot serve.
pub async fn principals(
    connection: &mut PgConnection,
    wanted: &[(TenantId, PrincipalId)],
) -> Result<Vec<(TenantId, Principal)>, StoreError> {
    let mut found = Vec::new();
    for (tenant, id) in wanted {
        let one = principals::get(connection, *tenant, *id).await?;
        found.extend(one.map(|one| (*tenant, one)));
    }
    Ok(found)
}

/// Those of `wanted` that there are; all, where nothing is wanted in particular.
///
/// # Errors
/// The database cannot serve.
pub async fn roles(
    connection: &mut PgConnection,
    wanted: Option<&[(TenantId, RoleId)]>,
) -> Result<Vec<(TenantId, KnownRole)>, StoreError> {
    let (tenants, ids) = wanted.map(|all| split(all, RoleId::uuid)).unzip();
    sqlx::query!(
        r#"select tenant_id, id, catalog, inherits, permissions::text as "permissions!",
                  deleted_time is not null as "is_deleted!", update_time
           from role
           where $1::uuid[] is null
               or (tenant_id, id) in (select * from unnest($1::uuid[], $2::uuid[]))"#,
        tenants.as_deref(),
        ids.as_deref(),
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| {
        let role = KnownRole {
            id: row.id.into(),
            catalog: row::catalog(&row.catalog)?,
            inherits: row.inherits.into_iter().map(RoleId::from).collect(),
            permissions: row.permissions,
            is_deleted: row.is_deleted,
            update_time: row.update_time,
        };
        Ok((row.tenant_id.into(), role))
    })
    .collect()
}

/// What was put below what, in the trees of these tenants; in all, where none are named.
///
/// # Errors
/// The database cannot serve.
pub async fn parents(
    connection: &mut PgConnection,
    tenants: Option<&[TenantId]>,
) -> Result<Vec<(TenantId, Scope, Scope)>, StoreError> {
    let tenants: Option<Vec<Uuid>> =
        tenants.map(|all| all.iter().map(|tenant| tenant.uuid()).collect());
    sqlx::query!(
        r#"select tenant_id, path, parent as "parent!" from scope
           where parent is not null and ($1::uuid[] is null or tenant_id = any($1))"#,
        tenants.as_deref(),
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| Ok((row.tenant_id.into(), row::scope(&row.path)?, row::scope(&row.parent)?)))
    .collect()
}

fn split<T: Copy>(all: &[(TenantId, T)], id: fn(T) -> Uuid) -> (Vec<Uuid>, Vec<Uuid>) {
    all.iter().map(|(tenant, one)| (tenant.uuid(), id(*one))).unzip()
}
