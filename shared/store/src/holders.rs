//! Who holds roles for good, and the guard that whoever might lower their number takes first.

use std::collections::HashMap;

use pim_domain::{
    authority::GROUP_MEMBER,
    group::GROUP_NESTING_MAX,
    holders::Holder,
    id::{GroupId, PrincipalId, RoleId, TenantId},
    scope::Scope,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{StoreError, Tx, grants, groups, principals, row};

/// Whoever might lower the number of holders waits here until the transaction ends, so that of two
/// who would leave one too few together the second sees what the first has done. To be taken before
/// anything is loaded. What only refers to the tenant goes on beside it.
///
/// # Errors
/// The database cannot serve.
pub async fn guard(tx: &mut Tx, tenant: TenantId) -> Result<(), StoreError> {
    sqlx::query!("select id from tenant where id = $1 for no key update", tenant.uuid())
        .fetch_optional(&mut **tx)
        .await?;
    Ok(())
}

/// Those with an assignment of a role at exactly that scope that has no end and has not been ended:
/// of their own, or of a group to which they belong by such assignments. Candidates only: the rules
/// say who counts.
///
/// # Errors
/// The database cannot serve.
pub async fn of_target(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: RoleId,
    scope: &Scope,
) -> Result<Vec<Holder>, StoreError> {
    let rows = sqlx::query_file!(
        "src/holders/of_target.sql",
        tenant.uuid(),
        role.uuid(),
        scope.as_str(),
        GROUP_MEMBER,
        i32::try_from(GROUP_NESTING_MAX).unwrap_or(i32::MAX),
    )
    .fetch_all(&mut *connection)
    .await?;
    let memberships = rows.iter().flat_map(|row| &row.membership_ids).copied();
    let ids: Vec<Uuid> = rows.iter().map(|row| row.assignment_id).chain(memberships).collect();
    let who: Vec<PrincipalId> = rows.iter().map(|row| row.holder_id.into()).collect();
    let of: Vec<GroupId> =
        rows.iter().flat_map(|row| &row.group_ids).map(|id| (*id).into()).collect();
    let grants = by_id(grants::get_all(connection, tenant, &ids).await?, |one| one.id.uuid());
    let principals =
        by_id(principals::get_all(connection, tenant, &who).await?, |one| one.id.uuid());
    let groups = by_id(groups::get_all(connection, tenant, &of).await?, |one| one.id.uuid());
    let holders = rows.into_iter().map(|row| {
        Some(Holder {
            assignment: grants.get(&row.assignment_id)?.clone(),
            memberships: all_of(&grants, &row.membership_ids)?,
            groups: all_of(&groups, &row.group_ids)?,
            principal: principals.get(&row.holder_id)?.clone(),
        })
    });
    let whole: Option<Vec<Holder>> = holders.collect();
    whole.ok_or_else(|| StoreError::corrupt("grant", "of nobody"))
}

fn by_id<T>(all: Vec<T>, id: fn(&T) -> Uuid) -> HashMap<Uuid, T> {
    all.into_iter().map(|one| (id(&one), one)).collect()
}

fn all_of<T: Clone>(known: &HashMap<Uuid, T>, ids: &[Uuid]) -> Option<Vec<T>> {
    ids.iter().map(|id| known.get(id).cloned()).collect()
}

/// The roles and scopes of which a principal or a group has an assignment that has no end and has
/// not been ended, or a group to which it belongs by such assignments.
///
/// # Errors
/// The database cannot serve.
pub async fn targets_of(
    connection: &mut PgConnection,
    tenant: TenantId,
    principal: PrincipalId,
) -> Result<Vec<(RoleId, Scope)>, StoreError> {
    sqlx::query!(
        "with recursive above (id) as (
             select $2::uuid
             union
             select g.group_id
             from above a
             join role_grant g on g.tenant_id = $1 and g.principal_id = a.id and g.role_id = $3
                 and g.kind = 'assignment' and g.end_time is null and g.ended_time is null
         )
         select distinct role_id, scope from role_grant
         where tenant_id = $1 and kind = 'assignment' and principal_id in (select id from above)
           and end_time is null and ended_time is null
         order by role_id, scope",
        tenant.uuid(),
        principal.uuid(),
        GROUP_MEMBER,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| Ok((row.role_id.into(), row::scope(&row.scope)?)))
    .collect()
}
