//! Who holds roles for good, and the guard that whoever might lower their number takes first.

use pim_domain::{
    grant::Grant,
    holders::Holder,
    id::{PrincipalId, RoleId, TenantId},
    scope::Scope,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{StoreError, Tx, grants, principals, row};

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

/// Those with an assignment of a role at exactly that scope that has no end and has not been ended.
/// Candidates only: the rules say who counts.
///
/// # Errors
/// The database cannot serve.
pub async fn of_target(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: RoleId,
    scope: &Scope,
) -> Result<Vec<Holder>, StoreError> {
    let rows = sqlx::query!(
        "select id, principal_id from role_grant
         where tenant_id = $1 and kind = 'assignment' and role_id = $2 and scope = $3
           and end_time is null and ended_time is null
         order by id",
        tenant.uuid(),
        role.uuid(),
        scope.as_str(),
    )
    .fetch_all(&mut *connection)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let who: Vec<PrincipalId> = rows.iter().map(|row| row.principal_id.into()).collect();
    let assignments = grants::get_all(connection, tenant, &ids).await?;
    let principals = principals::get_all(connection, tenant, &who).await?;
    let holder = |assignment: Grant| {
        let principal = principals.iter().find(|one| one.id == assignment.principal).cloned();
        let missing = || StoreError::corrupt("grant", "of nobody");
        Ok(Holder { assignment, principal: principal.ok_or_else(missing)? })
    };
    assignments.into_iter().map(holder).collect()
}

/// The roles and scopes of which a principal has an assignment that has no end and has not been
/// ended.
///
/// # Errors
/// The database cannot serve.
pub async fn targets_of(
    connection: &mut PgConnection,
    tenant: TenantId,
    principal: PrincipalId,
) -> Result<Vec<(RoleId, Scope)>, StoreError> {
    sqlx::query!(
        "select distinct role_id, scope from role_grant
         where tenant_id = $1 and kind = 'assignment' and principal_id = $2
           and end_time is null and ended_time is null
         order by role_id, scope",
        tenant.uuid(),
        principal.uuid(),
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| Ok((row.role_id.into(), row::scope(&row.scope)?)))
    .collect()
}
