//! Sign-ins that served for something, where the policy lets each serve once.

use chrono::{DateTime, Utc};
use pim_domain::{
    activation::{Activation, Facts, Use},
    authority::SignIn,
    id::TenantId,
};

use crate::{StoreError, Tx};

/// What a sign-in of who asks has served for, where any policy that may apply wants to know.
/// Whoever asks with the same sign-in waits here until the transaction ends, so that of two at once
/// the second hears what it served for.
///
/// # Errors
/// The database cannot serve.
pub async fn used(
    tx: &mut Tx,
    tenant: TenantId,
    facts: &Facts,
    sign_in: &SignIn,
) -> Result<Use, StoreError> {
    let Some(time) = sign_in.time.filter(|_| facts.policy.any_single_use()) else {
        return Ok(Use::Unknown);
    };
    let principal = facts.principal.id;
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 12)) as \"locked!: ()\"",
        format!("{tenant} {principal} {}", time.timestamp_micros()),
    )
    .execute(&mut **tx)
    .await?;
    // A statement of its own, which sees what was committed while the one before it waited.
    let activation = sqlx::query_scalar!(
        "select activation_id from used_authentication
         where tenant_id = $1 and principal_id = $2 and auth_time = $3",
        tenant.uuid(),
        principal.uuid(),
        time,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(activation.map_or(Use::Nothing, |id| Use::Activation(id.into())))
}

/// What has served for another activation is refused by the key.
pub(super) async fn record(
    tx: &mut Tx,
    tenant: TenantId,
    activation: &Activation,
) -> Result<(), StoreError> {
    if activation.used_authentications.is_empty() {
        return Ok(());
    }
    let times: Vec<DateTime<Utc>> = activation.used_authentications.iter().copied().collect();
    sqlx::query!(
        "insert into used_authentication (tenant_id, principal_id, auth_time, activation_id)
         select $1, $2, asked.time, $4
         from unnest($3::timestamptz[]) as asked (time)
         where not exists (
             select from used_authentication u
             where u.tenant_id = $1 and u.principal_id = $2 and u.auth_time = asked.time
                 and u.activation_id = $4)",
        tenant.uuid(),
        activation.principal.uuid(),
        &times,
        activation.id.uuid(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
