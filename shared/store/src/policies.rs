//! Policies, every revision of them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use pim_domain::{
    change::{Change, Version},
    id::{RoleId, TenantId},
    policy::{Layers, Policy, RuleName, RuleSet},
    role::Role,
    scope::{Parents, Scope},
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{StoreError, Tx, events, row};

struct Row {
    role_id: Uuid,
    scope: String,
    rules: Json<RuleSet>,
    enforced: Vec<String>,
    revision: i64,
    version: i64,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
}

impl TryFrom<Row> for Policy {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let rule = |name: &String| row::named(&RuleName::ALL, RuleName::as_str, name, "rule");
        Ok(Policy {
            role: row.role_id.into(),
            scope: row::scope(&row.scope)?,
            set: row.rules.0,
            enforced: row.enforced.iter().map(rule).collect::<Result<BTreeSet<_>, _>>()?,
            revision: row.revision,
            version: Version(row.version),
            create_time: row.create_time,
            update_time: row.update_time,
        })
    }
}

/// The newest policies of a role at a scope and above it.
///
/// # Errors
/// The database cannot serve.
pub async fn newest(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: &Role,
    scope: &Scope,
) -> Result<Layers, StoreError> {
    at(connection, tenant, role, scope, i64::MAX).await
}

/// The policies of a role at a scope and above it, as they were at a revision.
///
/// # Errors
/// The database cannot serve.
pub async fn at(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: &Role,
    scope: &Scope,
    revision: i64,
) -> Result<Layers, StoreError> {
    let row = sqlx::query_file!(
        "src/policies/at.sql",
        tenant.uuid(),
        role.id.uuid(),
        scope.as_str(),
        revision,
    )
    .fetch_one(connection)
    .await?;
    Ok(Layers {
        role: role.id,
        catalog: role.catalog,
        revision: row.revision,
        policies: row.policies.0,
        parents: row.parents.0,
    })
}

/// Whoever changes a policy of the same role waits here until the transaction ends, so that its
/// revisions follow each other.
///
/// # Errors
/// The database cannot serve.
pub async fn lock_role(tx: &mut Tx, tenant: TenantId, role: RoleId) -> Result<(), StoreError> {
    let name = format!("{tenant} {role}");
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, 4)) as \"locked!: ()\"", name)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The newest policies that a tenant has set, of one role or of all, at a scope and below it; by
/// role and scope, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: Option<RoleId>,
    scope: Option<&Scope>,
    after: Option<&(RoleId, Scope)>,
    limit: i64,
) -> Result<Vec<Policy>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"select distinct on (role_id, scope)
                  role_id, scope, rules as "rules: Json<RuleSet>", enforced, revision, version,
                  create_time, update_time
           from policy
           where tenant_id = $1
             and ($2::uuid is null or role_id = $2)
             and ($3::text is null
                  or starts_with(scope || '/', $3 || '/')
                  or scope_head(scope) in (select scope_heads_below($1, $3)))
             and ($4::uuid is null or (role_id, scope) > ($4, $5::text))
           order by role_id, scope, revision desc
           limit $6"#,
        tenant.uuid(),
        role.map(RoleId::uuid),
        row::below(scope),
        after.map(|(role, _)| role.uuid()),
        after.map(|(_, scope)| scope.as_str()),
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Policy::try_from)
    .collect()
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
    let enforced: Vec<String> =
        policy.enforced.iter().map(|rule| rule.as_str().to_owned()).collect();
    sqlx::query!(
        "insert into policy
             (tenant_id, role_id, scope, revision, version, rules, enforced, create_time,
              update_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tenant.uuid(),
        policy.role.uuid(),
        policy.scope.as_str(),
        policy.revision,
        policy.version.0,
        Json(&policy.set) as _,
        &enforced,
        policy.create_time,
        policy.update_time,
    )
    .execute(&mut **tx)
    .await?;
    events::insert(tx, tenant, change.event()).await
}
