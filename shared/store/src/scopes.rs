//! The tree of scopes: what is registered in it, what lies below what, and what moves have done.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use pim_domain::{
    change::{Change, Version},
    id::{ActivationId, GroupId, TenantId},
    scope::{Lineage, Moved, Node, NodeKind, Parents, Place, Scope, ScopeKind},
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{StoreError, Tx, events, groups, row};

struct Row {
    tenant_id: Uuid,
    path: String,
    parent: Option<String>,
    display_name: String,
    delete_time: Option<DateTime<Utc>>,
    version: i64,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
}

impl TryFrom<Row> for Node {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let scope = row::scope(&row.path)?;
        Ok(Node {
            id: Node::id_of(row.tenant_id.into(), &scope),
            scope,
            parent: row.parent.as_deref().map(row::scope).transpose()?,
            display_name: row.display_name,
            deleted: row.delete_time,
            version: Version(row.version),
            create_time: row.create_time,
            update_time: row.update_time,
        })
    }
}

/// The node of a scope, also where it is registered no more.
///
/// # Errors
/// The database cannot serve.
pub async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
    scope: &Scope,
) -> Result<Option<Node>, StoreError> {
    sqlx::query_as!(
        Row,
        "select tenant_id, path, parent, display_name, delete_time, version, create_time,
                update_time
         from scope where tenant_id = $1 and path = $2",
        tenant.uuid(),
        scope.as_str(),
    )
    .fetch_optional(connection)
    .await?
    .map(Node::try_from)
    .transpose()
}

/// What a scope lies below.
///
/// # Errors
/// The database cannot serve.
pub async fn lineage(
    connection: &mut PgConnection,
    tenant: TenantId,
    scope: &Scope,
) -> Result<Lineage, StoreError> {
    Ok(Lineage::of(scope, &parents(connection, tenant, &[scope]).await?))
}

/// What each of several scopes lies below, in one query.
///
/// # Errors
/// The database cannot serve.
pub async fn lineages(
    connection: &mut PgConnection,
    tenant: TenantId,
    scopes: &[&Scope],
) -> Result<BTreeMap<Scope, Lineage>, StoreError> {
    let parents = parents(connection, tenant, scopes).await?;
    let lineage = |scope: &&Scope| ((*scope).clone(), Lineage::of(scope, &parents));
    Ok(scopes.iter().map(lineage).collect())
}

/// What was put below what, above these scopes. Only of resources does that take a look.
async fn parents(
    connection: &mut PgConnection,
    tenant: TenantId,
    scopes: &[&Scope],
) -> Result<Parents, StoreError> {
    let resources = scopes.iter().filter(|scope| scope.kind() == ScopeKind::Resource);
    let resources: Vec<String> = resources.map(ToString::to_string).collect();
    if resources.is_empty() {
        return Ok(Parents::new());
    }
    let rows = sqlx::query_scalar!(
        r#"select scope_parents($1, path) as "parents!: Json<Parents>"
         from unnest($2::text[]) as asked (path)"#,
        tenant.uuid(),
        &resources,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().flat_map(|Json(parents)| parents).collect())
}

/// Whoever changes the tree waits here until the transaction ends, so that two moves make no circle
/// together; and until all that is being judged by the tree as it is has been. To be taken before
/// anything is loaded.
///
/// # Errors
/// The database cannot serve.
pub async fn lock_tree(tx: &mut Tx, tenant: TenantId) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 5)) as \"locked!: ()\"",
        tenant.to_string(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Where a scope is, and where it is to go; `person` is whose grants, or those of groups of theirs,
/// must not come to reach it.
///
/// # Errors
/// The database cannot serve.
pub async fn place(
    tx: &mut Tx,
    tenant: TenantId,
    scope: &Scope,
    below: Option<&Scope>,
    person: Uuid,
) -> Result<Place, StoreError> {
    let from = lineage(tx, tenant, scope).await?;
    let Some(parent) = below else {
        let (below_is_registered, height, own) = (false, 1, Vec::new());
        return Ok(Place { from, below: None, below_is_registered, height, own });
    };
    let below = lineage(tx, tenant, parent).await?;
    let groups = groups::of_person(tx, tenant, person).await?;
    let groups: Vec<Uuid> = groups.into_iter().map(GroupId::uuid).collect();
    let row = sqlx::query_file!(
        "src/scopes/place.sql",
        tenant.uuid(),
        scope.as_str(),
        parent.as_str(),
        person,
        &groups,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Place {
        from,
        below: Some(below),
        below_is_registered: row.is_registered,
        height: usize::try_from(row.height).unwrap_or(usize::MAX),
        own: row.own.iter().map(|scope| row::scope(scope)).collect::<Result<_, _>>()?,
    })
}

/// What stands against deleting a scope.
#[derive(Debug, Clone, Copy)]
pub struct Use {
    /// Scopes are registered right below it.
    pub has_children: bool,
    /// Something that is granted or activated there or below has not ended.
    pub is_in_use: bool,
}

/// What stands against deleting a scope at `now`.
///
/// # Errors
/// The database cannot serve.
pub async fn use_of(
    tx: &mut Tx,
    tenant: TenantId,
    scope: &Scope,
    now: DateTime<Utc>,
) -> Result<Use, StoreError> {
    let row = sqlx::query_file!("src/scopes/use_of.sql", tenant.uuid(), scope.as_str(), now)
        .fetch_one(&mut **tx)
        .await?;
    Ok(Use { has_children: row.has_children, is_in_use: row.is_in_use })
}

/// Which registered scopes a list is of.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Only those right below this one.
    pub parent: Option<&'a Scope>,
    /// Only this one and those below.
    pub below: Option<&'a Scope>,
    /// Only of these kinds.
    pub kinds: Option<&'a [NodeKind]>,
}

/// Registered scopes by path, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &Filter<'_>,
    after: Option<&Scope>,
    limit: i64,
) -> Result<Vec<Node>, StoreError> {
    let kinds: Option<Vec<String>> =
        filter.kinds.map(|kinds| kinds.iter().map(|kind| kind.as_str().to_owned()).collect());
    sqlx::query_file_as!(
        Row,
        "src/scopes/list.sql",
        tenant.uuid(),
        filter.parent.map(Scope::as_str),
        row::below(filter.below),
        kinds.as_deref(),
        after.map(Scope::as_str),
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Node::try_from)
    .collect()
}

/// Since when a move has kept an activation from what it rests on.
///
/// # Errors
/// The database cannot serve.
pub async fn severed(
    connection: &mut PgConnection,
    tenant: TenantId,
    activation: ActivationId,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select sever_time from severed where tenant_id = $1 and activation_id = $2",
        tenant.uuid(),
        activation.uuid(),
    )
    .fetch_optional(connection)
    .await?)
}

/// Writes a node as it is now.
///
/// # Errors
/// The database cannot serve, or somebody else changed it meanwhile.
pub async fn record(
    tx: &mut Tx,
    tenant: TenantId,
    change: &Change<Node>,
) -> Result<(), StoreError> {
    write(tx, tenant, change).await?;
    events::insert(tx, tenant, change.event()).await
}

/// The row of a node without its event.
async fn write(tx: &mut Tx, tenant: TenantId, change: &Change<Node>) -> Result<(), StoreError> {
    let node = change.after();
    let done = sqlx::query!(
        "insert into scope
             (tenant_id, path, kind, parent, display_name, delete_time, version, create_time,
              update_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (tenant_id, path) do update
         set parent = excluded.parent,
             display_name = excluded.display_name,
             delete_time = excluded.delete_time,
             version = excluded.version,
             update_time = excluded.update_time
         where scope.version = excluded.version - 1",
        tenant.uuid(),
        node.scope.as_str(),
        node.kind().as_str(),
        node.parent.as_ref().map(Scope::as_str),
        node.display_name,
        node.deleted,
        node.version.0,
        node.create_time,
        node.update_time,
    )
    .execute(&mut **tx)
    .await?;
    row::updated(&done, "scope")
}

/// Writes a node as it is now, and which activations at it and below rest on what it has lost:
/// those are answered. The lock on the tree is held since the beginning.
///
/// # Errors
/// The database cannot serve, or somebody else changed it meanwhile.
pub async fn record_move(
    tx: &mut Tx,
    tenant: TenantId,
    moved: &Moved,
) -> Result<Vec<ActivationId>, StoreError> {
    write(tx, tenant, &moved.change).await?;
    let severed = sever(tx, tenant, moved).await?;
    events::insert(tx, tenant, &moved.event(&severed)).await?;
    Ok(severed)
}

async fn sever(
    tx: &mut Tx,
    tenant: TenantId,
    moved: &Moved,
) -> Result<Vec<ActivationId>, StoreError> {
    if moved.lost.is_empty() {
        return Ok(Vec::new());
    }
    let lost: Vec<String> = moved.lost.iter().cloned().map(String::from).collect();
    let node = moved.change.after();
    let ids = sqlx::query_file_scalar!(
        "src/scopes/sever.sql",
        tenant.uuid(),
        node.scope.as_str(),
        &lost,
        node.update_time,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(ActivationId::from).collect())
}
