//! The extensions of activations, as they are written.

use pim_domain::{
    activation::{Activation, Extension},
    id::TenantId,
};
use sqlx::types::Json;

use super::columns;
use crate::{StoreError, Tx};

/// One that is there already stays as it is.
pub(super) async fn record(
    tx: &mut Tx,
    tenant: TenantId,
    activation: &Activation,
    extension: &Extension,
) -> Result<(), StoreError> {
    let (requested_duration, requested_end_time) = columns::length(extension.request.length)?;
    let (ticket_number, ticket_system) = columns::ticket(extension.request.ticket.as_ref());
    sqlx::query!(
        "insert into extension
             (tenant_id, id, activation_id, end_time, requested_duration, requested_end_time,
              justification, ticket_number, ticket_system, mfa, auth_time,
              authentication_contexts, signals, policy_revision, expire_time, create_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         on conflict do nothing",
        tenant.uuid(),
        extension.id.uuid(),
        activation.id.uuid(),
        extension.end,
        requested_duration,
        requested_end_time,
        extension.request.justification,
        ticket_number,
        ticket_system,
        extension.request.sign_in.mfa,
        extension.request.sign_in.time,
        &extension.request.sign_in.contexts,
        Json(&extension.request.sign_in.signals) as _,
        extension.policy_revision,
        extension.expire_time,
        extension.create_time,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
