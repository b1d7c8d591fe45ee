//! The state beside the log: what there is at which version, and whether the log leads to it.

use pim_domain::{
    activation::Activation,
    alert::{AlertKind, Incident, Setting},
    approval::Approval,
    change::{Thing, fold},
    change_request::ChangeRequest,
    event::{Event, ThingKind, ThingRef},
    grant::{Grant, GrantKind},
    group::Group,
    id::TenantId,
    invariant::{self, Broken},
    policy::Policy,
    principal::Principal,
    role::{Import, Role},
    scope::Node,
    tenant::Tenant,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    StoreError, activations, alerts, approvals, change_requests, grants, groups, policies,
    principals, roles, row, scopes, tenants,
};

/// Everything that is stored of a tenant and told of in its log, each at its version. Built-in roles
/// are not: they come with their catalog, which is.
///
/// # Errors
/// The database cannot serve.
pub async fn state(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Vec<ThingRef>, StoreError> {
    let rows =
        sqlx::query_file!("src/log/state.sql", tenant.uuid()).fetch_all(&mut *connection).await?;
    rows.into_iter()
        .map(|row| {
            let kind = row::named(&ThingKind::ALL, ThingKind::as_str, &row.kind, "kind of thing")?;
            let name = row.name.as_deref().unwrap_or_default();
            let scope = || row::scope(name);
            // Those of a scope or of a kind of alert are named after it.
            let id = match kind {
                ThingKind::Policy => Policy::id_of(row.id.into(), &scope()?),
                ThingKind::Scope => Node::id_of(tenant, &scope()?).uuid(),
                ThingKind::AlertSetting => {
                    let kind = row::named(&AlertKind::ALL, AlertKind::as_str, name, "alert")?;
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
pub async fn history(
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
            let event = serde_json::from_slice(&row.body)
                .map_err(|error| StoreError::corrupt("event", error))?;
            Ok((ThingRef { kind, id: row.id, version: row.version }, event))
        })
        .collect()
}

/// Whether the events of a thing, which are all of it, lead to what is stored of it.
///
/// # Errors
/// The database cannot serve.
pub async fn replay(
    connection: &mut PgConnection,
    tenant: TenantId,
    (kind, id): (ThingKind, Uuid),
    events: &[Event],
) -> Result<Result<(), Broken>, StoreError> {
    let unreadable = || Broken {
        invariant: "the log does not read as a thing",
        detail: format!("{} {id}", kind.as_str()),
    };
    Ok(match kind {
        ThingKind::Tenant => {
            explained::<Tenant>(kind, id, events, tenants::get(connection, tenant).await?)
        }
        ThingKind::Catalog => {
            let Some(import) = fold::<Import>(events) else { return Ok(Err(unreadable())) };
            let stored = roles::import(connection, tenant, import.catalog).await?;
            explained::<Import>(kind, id, events, stored)
        }
        ThingKind::Role => {
            explained::<Role>(kind, id, events, roles::get(connection, tenant, id.into()).await?)
        }
        ThingKind::Principal => {
            let stored = principals::get(connection, tenant, id.into()).await?;
            explained::<Principal>(kind, id, events, stored)
        }
        ThingKind::Group => {
            explained::<Group>(kind, id, events, groups::get(connection, tenant, id.into()).await?)
        }
        ThingKind::Policy => {
            let Some(policy) = fold::<Policy>(events) else { return Ok(Err(unreadable())) };
            let Some(role) = roles::get(connection, tenant, policy.role).await? else {
                return Ok(Err(unreadable()));
            };
            let layers = policies::newest(connection, tenant, &role, &policy.scope).await?;
            explained::<Policy>(kind, id, events, Some(layers.own(&policy.scope)))
        }
        ThingKind::Scope => {
            let Some(node) = fold::<Node>(events) else { return Ok(Err(unreadable())) };
            let stored = scopes::get(connection, tenant, &node.scope).await?;
            explained::<Node>(kind, id, events, stored)
        }
        ThingKind::Eligibility => {
            let grant = GrantKind::Eligibility;
            let stored = grants::get(connection, tenant, grant, id.into()).await?;
            explained::<Grant>(kind, id, events, stored)
        }
        ThingKind::Assignment => {
            let grant = GrantKind::Assignment;
            let stored = grants::get(connection, tenant, grant, id.into()).await?;
            explained::<Grant>(kind, id, events, stored)
        }
        ThingKind::Activation => {
            let stored = activations::get(connection, tenant, id.into()).await?;
            explained::<Activation>(kind, id, events, stored)
        }
        ThingKind::Approval => {
            let stored = approvals::get(connection, tenant, id.into()).await?;
            explained::<Approval>(kind, id, events, stored)
        }
        ThingKind::ChangeRequest => {
            let stored = change_requests::get(connection, tenant, id.into()).await?;
            explained::<ChangeRequest>(kind, id, events, stored)
        }
        ThingKind::Alert => {
            let stored = alerts::get(connection, tenant, id.into()).await?;
            explained::<Incident>(kind, id, events, stored)
        }
        ThingKind::AlertSetting => {
            let stored = alerts::settings(connection, tenant).await?;
            let stored = stored.into_iter().find(|setting| setting.id.uuid() == id);
            explained::<Setting>(kind, id, events, stored)
        }
        ThingKind::Event => Err(unreadable()),
    })
}

fn explained<T: Thing + PartialEq>(
    kind: ThingKind,
    id: Uuid,
    events: &[Event],
    stored: Option<T>,
) -> Result<(), Broken> {
    match stored {
        Some(stored) => invariant::log_explains(events, &stored),
        None => Err(Broken {
            invariant: "the log tells of what is not stored",
            detail: format!("{} {id}", kind.as_str()),
        }),
    }
}
