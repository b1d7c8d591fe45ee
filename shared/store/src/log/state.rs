//! The state beside the log: what there is at which version, and what the log tells of each.

use pim_domain::{
    alert::{AlertKind, Setting},
    event::{Event, ThingKind, ThingRef},
    id::TenantId,
    policy::Policy,
    scope::Node,
};
use sqlx::PgConnection;

use crate::{StoreError, row};

/// Everything that is stored of a tenant and told of in its log, each at its version. Built-in roles
/// are not: they come with their catalog, which is.
///
/// # Errors
/// The database cannot serve.
pub(super) async fn state(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Vec<ThingRef>, StoreError> {
    let rows =
        sqlx::query_file!("src/log/state.sql", tenant.uuid()).fetch_all(&mut *connection).await?;
    rows.into_iter()
        .map(|row| {
            let kind = row::named(&ThingKind::ALL, ThingKind::as_str, &row.kind, "kind of thing")?;
            let name = row.name.as_deref().unwrap_or_default();
            let named = |error: StoreError| {
                StoreError::corrupt("name", format!("{} {}: {error}", row.kind, row.id))
            };
            let scope = || row::scope(name).map_err(named);
            // Those of a scope or of a kind of alert are named after it.
            let id = match kind {
                ThingKind::Policy => Policy::id_of(row.id.into(), &scope()?),
                ThingKind::Scope => Node::id_of(tenant, &scope()?).uuid(),
                ThingKind::AlertSetting => {
                    let kind = row::named(&AlertKind::ALL, AlertKind::as_str, name, "alert");
                    let kind = kind.map_err(named)?;
                    Setting::untouched(tenant, kind).id.uuid()
                }
                ThingKind::Tenant
                | ThingKind::Catalog
                | ThingKind::Role
                | ThingKind::Principal
                | ThingKind::Group
                | ThingKind::Eligibility
                | ThingKind::Assignment
                | ThingKind::Activation
                | ThingKind::Approval
                | ThingKind::ChangeRequest
                | ThingKind::Alert
                | ThingKind::Event => row.id,
            };
            Ok(ThingRef { kind, id, version: row.version })
        })
        .collect()
}

/// The versions that the log tells of, with their events, thing by thing and version by version, at
/// most `limit`, behind `after`.
///
/// # Errors
/// The database cannot serve, or an event does not read.
pub(super) async fn history(
    connection: &mut PgConnection,
    tenant: TenantId,
    after: Option<ThingRef>,
    limit: i64,
) -> Result<Vec<(ThingRef, Event)>, StoreError> {
    let rows = sqlx::query_file!(
        "src/log/history.sql",
        tenant.uuid(),
        after.map(|thing| thing.kind.as_str()),
        after.map(|thing| thing.id),
        after.map(|thing| thing.version),
        limit,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let kind = row::named(&ThingKind::ALL, ThingKind::as_str, &row.kind, "kind of thing")?;
            let event = serde_json::from_slice(&row.body).map_err(|error| {
                StoreError::corrupt("event", format!("of {} {}: {error}", row.kind, row.id))
            })?;
            Ok((ThingRef { kind, id: row.id, version: row.version }, event))
        })
        .collect()
}
