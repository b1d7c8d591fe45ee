//! Who calls: the principal behind a credential, with their administrative holdings.

use pim_domain::{
    authority::{self, Caller, GROUP_MEMBER, SignIn},
    id::TenantId,
    principal::Principal,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    StoreError,
    holdings::{self, Found},
    principals,
};

/// Whom an identity provider calls so, with what they may hold of administrative roles.
///
/// # Errors
/// The database cannot serve.
pub async fn load(
    connection: &mut PgConnection,
    tenant: TenantId,
    issuer: &str,
    subject: &str,
    sign_in: SignIn,
) -> Result<Option<Caller>, StoreError> {
    let roles: Vec<Uuid> = authority::administrative_roles().collect();
    let row = sqlx::query_file!(
        "src/callers/load.sql",
        tenant.uuid(),
        issuer,
        subject,
        &roles,
        GROUP_MEMBER,
        holdings::nesting_max(),
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let principal: Principal = principals::of_record!(row).try_into()?;
    let grounds = holdings::grounds(&[principal.id], row.found.0.into_iter())?;
    let held = grounds.into_iter().flat_map(|ground| ground.resolve().held).collect();
    Ok(Some(Caller { principal, sign_in, holdings: held }))
}
