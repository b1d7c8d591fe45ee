//! Who calls: the principal behind a credential, with their administrative holdings.

use pim_domain::{
    authority::{self, Caller, SignIn},
    id::TenantId,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{StoreError, holdings, principals};

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
    let Some(principal) = principals::by_identity(connection, tenant, issuer, subject).await?
    else {
        return Ok(None);
    };
    let roles: Vec<Uuid> = authority::administrative_roles().collect();
    let ground =
        holdings::of_principal(connection, tenant, principal.id, Some(&roles), None).await?;
    Ok(Some(Caller { principal, sign_in, holdings: ground.resolve().held }))
}
