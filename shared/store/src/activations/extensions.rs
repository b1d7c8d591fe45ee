//! Wishes of holders to hold an active role for longer.

use chrono::{DateTime, Utc};
use pim_domain::{
    activation::{Activation, Extension, Request},
    authority::SignIn,
    condition::Signals,
    id::{ExtensionId, TenantId},
    justification::Justification,
};
use serde::Deserialize;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::columns;
use crate::{StoreError, Tx, justifications, row};

/// The extension that an activation waits for, as its row's JSON.
#[derive(Deserialize)]
pub(super) struct ExtensionRow {
    id: Uuid,
    end_time: DateTime<Utc>,
    requested_duration: Option<i64>,
    requested_end_time: Option<DateTime<Utc>>,
    justification: Justification,
    ticket_number: Option<String>,
    ticket_system: Option<String>,
    mfa: bool,
    auth_time: Option<DateTime<Utc>>,
    authentication_contexts: Vec<String>,
    signals: Signals,
    policy_revision: i64,
    expire_time: DateTime<Utc>,
    create_time: DateTime<Utc>,
}

impl TryFrom<ExtensionRow> for Extension {
    type Error = StoreError;

    fn try_from(row: ExtensionRow) -> Result<Self, StoreError> {
        Ok(Extension {
            id: row.id.into(),
            end: row.end_time,
            request: Request {
                start: None,
                length: columns::asked(row.requested_duration, row.requested_end_time)?,
                justification: row.justification,
                ticket: row::ticket(row.ticket_number, row.ticket_system),
                sign_in: SignIn {
                    mfa: row.mfa,
                    time: row.auth_time,
                    contexts: row.authentication_contexts,
                    signals: row.signals,
                },
            },
            policy_revision: row.policy_revision,
            expire_time: row.expire_time,
            create_time: row.create_time,
        })
    }
}

/// Wishes to hold an active role for longer, also those that have been decided.
///
/// # Errors
/// The database cannot serve.
pub async fn extensions(
    connection: &mut PgConnection,
    tenant: TenantId,
    ids: &[ExtensionId],
) -> Result<Vec<Extension>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query_scalar!(
        r#"select extension_as_read(e) as "row!: Json<ExtensionRow>" from extension e
           where tenant_id = $1 and id = any($2)"#,
        tenant.uuid(),
        &ids,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|Json(row)| row.try_into()).collect()
}

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
        justifications::column(&extension.request.justification),
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
