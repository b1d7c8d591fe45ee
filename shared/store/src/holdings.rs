//! What may be held, with all that it rests on: the grounds for [`pim_domain::effective`].

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use pim_domain::{
    authority::GROUP_MEMBER,
    effective::{Ground, Holding, HoldingKind, Path, Span, Standing},
    group::GROUP_NESTING_MAX,
    id::{PrincipalId, RoleId, TenantId},
    role::Catalog,
    scope::{Lineage, Parents, Scope},
};
use serde::Deserialize;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{Snapshot, StoreError, row};

/// A row of the view `holding`.
#[derive(Debug, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) is_activation: bool,
    pub(crate) holder_id: Uuid,
    pub(crate) role_id: Uuid,
    pub(crate) scope: String,
    pub(crate) start_time: DateTime<Utc>,
    pub(crate) end_time: Option<DateTime<Utc>>,
    pub(crate) ended_time: Option<DateTime<Utc>>,
    pub(crate) is_booked: bool,
    pub(crate) path_start_time: Option<DateTime<Utc>>,
    pub(crate) path_end_time: Option<DateTime<Utc>>,
    pub(crate) path_ended_time: Option<DateTime<Utc>>,
    pub(crate) membership_ids: Vec<Uuid>,
    pub(crate) granted_by: Option<Uuid>,
    pub(crate) update_time: DateTime<Utc>,
}

/// The row that a record of one of these queries has in it.
macro_rules! of_record {
    ($record:expr) => {
        $crate::holdings::Row {
            id: $record.id,
            is_activation: $record.is_activation,
            holder_id: $record.holder_id,
            role_id: $record.role_id,
            scope: $record.scope,
            start_time: $record.start_time,
            end_time: $record.end_time,
            ended_time: $record.ended_time,
            is_booked: $record.is_booked,
            path_start_time: $record.path_start_time,
            path_end_time: $record.path_end_time,
            path_ended_time: $record.path_ended_time,
            membership_ids: $record.membership_ids,
            granted_by: $record.granted_by,
            update_time: $record.update_time,
        }
    };
}
pub(crate) use of_record;

impl TryFrom<Row> for Holding {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let path = row.path_start_time.map(|start| Path {
            eligibility: Span {
                window: row::window(start, row.path_end_time),
                ended: row.path_ended_time,
            },
            memberships: row.membership_ids,
        });
        Ok(Holding {
            id: row.id,
            kind: if row.is_activation { HoldingKind::Activation } else { HoldingKind::Assignment },
            holder: row.holder_id.into(),
            role: row.role_id.into(),
            scope: row::scope(&row.scope)?,
            span: Span { window: row::window(row.start_time, row.end_time), ended: row.ended_time },
            standing: if row.is_booked { Standing::Booked } else { Standing::Held },
            path,
            granted_by: row.granted_by,
            update_time: row.update_time,
        })
    }
}

/// What a principal may hold: of some roles or of any, at a scope and above it or anywhere.
///
/// # Errors
/// The database cannot serve.
pub async fn of_principal(
    connection: &mut PgConnection,
    tenant: TenantId,
    principal: PrincipalId,
    roles: Option<&[Uuid]>,
    at: Option<&Scope>,
) -> Result<Ground, StoreError> {
    let at = at.map(std::slice::from_ref);
    let grounds = of_principals(connection, tenant, &[principal], roles, at).await?;
    grounds.into_iter().next().ok_or_else(|| StoreError::corrupt("ground", "of nobody"))
}

/// By what a principal may belong to groups, and nothing else.
///
/// # Errors
/// The database cannot serve.
pub async fn memberships(
    connection: &mut PgConnection,
    tenant: TenantId,
    principal: PrincipalId,
) -> Result<Ground, StoreError> {
    of_principal(connection, tenant, principal, Some(&[]), None).await
}

/// The same for each of `principals`, in their order, and at any of several scopes.
///
/// # Errors
/// The database cannot serve.
pub async fn of_principals(
    connection: &mut PgConnection,
    tenant: TenantId,
    principals: &[PrincipalId],
    roles: Option<&[Uuid]>,
    at: Option<&[Scope]>,
) -> Result<Vec<Ground>, StoreError> {
    let places: Option<Vec<String>> = at.map(|all| all.iter().map(Scope::to_string).collect());
    let ids: Vec<Uuid> = principals.iter().map(|id| id.uuid()).collect();
    let found = sqlx::query_file!(
        "src/holdings/of_principals.sql",
        tenant.uuid(),
        &ids,
        roles,
        places.as_deref(),
        GROUP_MEMBER,
        nesting_max(),
    )
    .fetch_all(connection)
    .await?;
    let found = found.into_iter().map(|record| Found {
        enabled_since: record.enabled_since,
        is_membership: record.is_membership,
        is_asked: record.is_asked,
        row: of_record!(record),
    });
    grounds(principals, found)
}

/// What checks of roles depend on, of one state.
#[derive(Debug)]
pub struct Facts {
    /// Which state.
    pub snapshot: Snapshot,
    /// Those of the principals that there are, but for groups.
    pub people: Vec<PrincipalId>,
    /// Of those of the roles that there are.
    pub catalogs: HashMap<RoleId, Catalog>,
    /// What was put below what, above the scopes.
    pub parents: Parents,
    /// What each of the principals may hold of the roles at the scopes, in their order.
    pub grounds: Vec<Ground>,
}

/// All that checks of roles depend on, by one statement: it needs no transaction to see one state.
///
/// # Errors
/// The database cannot serve.
pub async fn facts(
    connection: &mut PgConnection,
    tenant: TenantId,
    principals: &[PrincipalId],
    roles: &[RoleId],
    at: &[Scope],
) -> Result<Facts, StoreError> {
    let ids: Vec<Uuid> = principals.iter().map(|id| id.uuid()).collect();
    let roles: Vec<Uuid> = roles.iter().map(|id| id.uuid()).collect();
    let places: Vec<String> = at.iter().map(Scope::to_string).collect();
    let row = sqlx::query_file!(
        "src/holdings/facts.sql",
        tenant.uuid(),
        &ids,
        &roles,
        &places,
        GROUP_MEMBER,
        nesting_max(),
    )
    .fetch_one(connection)
    .await?;
    let catalog = |(id, name): (Uuid, String)| Ok((id.into(), row::catalog(&name)?));
    Ok(Facts {
        snapshot: row.snapshot.parse()?,
        people: row.people.into_iter().map(PrincipalId::from).collect(),
        catalogs: row.catalogs.0.into_iter().map(catalog).collect::<Result<_, StoreError>>()?,
        parents: row.parents.0.into_iter().flatten().collect(),
        grounds: grounds(principals, row.found.0.into_iter())?,
    })
}

/// Those who may hold a role at a scope, from above and through groups included: by id, at most
/// `limit`, the first not before `from`.
///
/// # Errors
/// The database cannot serve.
pub async fn holders(
    connection: &mut PgConnection,
    tenant: TenantId,
    (role, at): (RoleId, &Lineage),
    from: Option<PrincipalId>,
    limit: i64,
) -> Result<Vec<PrincipalId>, StoreError> {
    let scopes: Vec<Scope> = at.iter().cloned().collect();
    holders_at(connection, tenant, role, &scopes, from, limit).await
}

/// The same at exactly these scopes.
pub(crate) async fn holders_at(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: RoleId,
    scopes: &[Scope],
    from: Option<PrincipalId>,
    limit: i64,
) -> Result<Vec<PrincipalId>, StoreError> {
    let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
    let ids = sqlx::query_file_scalar!(
        "src/holdings/holders.sql",
        tenant.uuid(),
        role.uuid(),
        &scopes,
        from.map_or(Uuid::nil(), PrincipalId::uuid),
        limit,
        GROUP_MEMBER,
        nesting_max(),
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(PrincipalId::from).collect())
}

pub(crate) fn nesting_max() -> i32 {
    i32::try_from(GROUP_NESTING_MAX).unwrap_or(i32::MAX)
}

/// A row of the function `grounds`: a holding, and what it was found for.
#[derive(Debug, Deserialize)]
pub(crate) struct Found {
    enabled_since: Option<DateTime<Utc>>,
    is_membership: bool,
    is_asked: bool,
    #[serde(flatten)]
    row: Row,
}

/// What groups have is part of the ground of each.
pub(crate) fn grounds(
    principals: &[PrincipalId],
    all: impl Iterator<Item = Found>,
) -> Result<Vec<Ground>, StoreError> {
    let ground = |principal: &PrincipalId| Ground {
        principal: *principal,
        enabled_since: None,
        memberships: Vec::new(),
        holdings: Vec::new(),
    };
    let mut grounds: Vec<Ground> = principals.iter().map(ground).collect();
    let place: HashMap<Uuid, usize> =
        principals.iter().enumerate().map(|(place, id)| (id.uuid(), place)).collect();
    for Found { enabled_since, is_membership, is_asked, row } in all {
        let own = place.get(&row.holder_id).copied();
        let holding = Holding::try_from(row)?;
        let touched = match own {
            Some(place) => {
                grounds[place].enabled_since = enabled_since;
                &mut grounds[place..=place]
            }
            None => &mut grounds[..],
        };
        for ground in touched {
            if is_membership {
                ground.memberships.push(holding.clone());
            }
            if is_asked {
                ground.holdings.push(holding.clone());
            }
        }
    }
    Ok(grounds)
}
