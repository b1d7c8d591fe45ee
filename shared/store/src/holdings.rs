//! What may be held, with all that it rests on: the candidates for [`pim_domain::effective`].

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use pim_domain::{
    effective::{Holding, HoldingKind, Span, Standing},
    id::{PrincipalId, RoleId, TenantId},
    scope::{Lineage, Scope},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{StoreError, row};

struct Row {
    id: Uuid,
    is_activation: bool,
    principal_id: Uuid,
    role_id: Uuid,
    scope: String,
    start_time: DateTime<Utc>,
    end_time: Option<DateTime<Utc>>,
    is_booked: bool,
    path_start_time: Option<DateTime<Utc>>,
    path_end_time: Option<DateTime<Utc>>,
    path_ended_time: Option<DateTime<Utc>>,
    enabled_since: Option<DateTime<Utc>>,
    update_time: DateTime<Utc>,
}

impl TryFrom<Row> for Holding {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let path = row.path_start_time.map(|start| Span {
            window: row::window(start, row.path_end_time),
            ended: row.path_ended_time,
        });
        Ok(Holding {
            id: row.id,
            kind: if row.is_activation { HoldingKind::Activation } else { HoldingKind::Assignment },
            principal: row.principal_id.into(),
            role: row.role_id.into(),
            scope: row::scope(&row.scope)?,
            span: Span { window: row::window(row.start_time, row.end_time), ended: None },
            standing: if row.is_booked { Standing::Booked } else { Standing::Held },
            path,
            enabled_since: row.enabled_since,
        })
    }
}

/// Candidates, and the newest `update_time` among what they were read from: no answer on them is
/// as of an earlier instant.
#[derive(Debug, Clone, Default)]
pub struct Candidates {
    /// Each may count; the domain says which do.
    pub holdings: Vec<Holding>,
    /// Absent where there are none.
    pub newest: Option<DateTime<Utc>>,
}

fn candidates(rows: Vec<Row>) -> Result<Candidates, StoreError> {
    let newest = rows.iter().map(|row| row.update_time).max();
    let holdings = rows.into_iter().map(Holding::try_from).collect::<Result<_, _>>()?;
    Ok(Candidates { holdings, newest })
}

/// What a principal may hold: of one role or of any, at a scope and above it or anywhere.
///
/// # Errors
/// The database cannot serve.
pub async fn of_principal(
    connection: &mut PgConnection,
    tenant: TenantId,
    principal: PrincipalId,
    roles: Option<&[Uuid]>,
    at: Option<&Lineage>,
) -> Result<Candidates, StoreError> {
    of_principals(connection, tenant, &[principal], roles, at.map(std::slice::from_ref)).await
}

/// What any of several principals may hold: of these roles or of any, at any of these scopes and
/// above them, or anywhere.
///
/// # Errors
/// The database cannot serve.
pub async fn of_principals(
    connection: &mut PgConnection,
    tenant: TenantId,
    principals: &[PrincipalId],
    roles: Option<&[Uuid]>,
    at: Option<&[Lineage]>,
) -> Result<Candidates, StoreError> {
    let principals: Vec<Uuid> = principals.iter().map(|id| id.uuid()).collect();
    let scopes = at.map(|all| all.iter().flat_map(Lineage::iter).collect::<BTreeSet<_>>());
    let scopes: Option<Vec<String>> =
        scopes.map(|scopes| scopes.into_iter().map(Scope::to_string).collect());
    let rows = sqlx::query_file_as!(
        Row,
        "src/holdings/of_principals.sql",
        tenant.uuid(),
        &principals,
        roles,
        scopes.as_deref(),
    )
    .fetch_all(connection)
    .await?;
    candidates(rows)
}

/// Who may hold a role at a scope, from above included.
///
/// # Errors
/// The database cannot serve.
pub async fn of_role(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: RoleId,
    scope: &Scope,
) -> Result<Candidates, StoreError> {
    let rows = sqlx::query_file_as!(
        Row,
        "src/holdings/of_role.sql",
        tenant.uuid(),
        role.uuid(),
        scope.as_str(),
    )
    .fetch_all(connection)
    .await?;
    candidates(rows)
}
