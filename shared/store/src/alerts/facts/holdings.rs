//! What conditions of what is held are judged by, and from where it was activated.

use chrono::{DateTime, Utc};
use pim_domain::{
    alert::{
        Measure, Setting,
        condition::{Licence, Origin, Privileged, Untold},
    },
    authority::GROUP_MEMBER,
    event::ThingKind,
    id::TenantId,
    role::Catalog,
    tenant::Tenant,
};
use sqlx::PgConnection;

use super::{Candidates, limit};
use crate::{StoreError, row, tenants};

/// Who has a privileged role, or is eligible for one, and has not signed in for long.
///
/// # Errors
/// The database cannot serve.
pub async fn stale(
    connection: &mut PgConnection,
    tenant: TenantId,
    setting: &Setting,
    now: DateTime<Utc>,
) -> Result<Candidates<Privileged>, StoreError> {
    let rows = sqlx::query_file!(
        "src/alerts/stale.sql",
        tenant.uuid(),
        now,
        setting.since(now),
        GROUP_MEMBER,
        limit(),
    )
    .fetch_all(connection)
    .await?;
    let rows = rows.into_iter().map(|row| Privileged {
        principal: row.id.into(),
        since: row.since,
        last_sign_in: row.last_sign_in,
    });
    Ok(Candidates::of(rows.collect()))
}

/// What a tenant has paid for, and how many privileged roles are held in it or can be.
///
/// # Errors
/// The database cannot serve.
pub async fn licence(
    connection: &mut PgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<Option<Licence>, StoreError> {
    let Some(Tenant { plan, .. }) = tenants::get(connection, tenant).await? else {
        return Ok(None);
    };
    let privileged = sqlx::query_scalar!(
        r#"select count(*) as "count!"
           from role_grant g
           join role r on r.tenant_id = g.tenant_id and r.id = g.role_id
               and r.privileged and r.deleted_time is null
           join principal p on p.tenant_id = g.tenant_id and p.id = g.principal_id
               and (p.enabled_since is not null or p.kind = 'group' and p.deleted_time is null)
           where g.tenant_id = $1 and g.ended_time is null
             and g.start_time <= $2 and (g.end_time is null or g.end_time > $2)"#,
        tenant.uuid(),
        now,
    )
    .fetch_one(connection)
    .await?;
    Ok(Some(Licence { plan, privileged }))
}

/// Which catalog's roles are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roles {
    /// Resource roles.
    Azure,
    /// Directory roles, and access to groups.
    Others,
}

/// What is held, or can come to be, of which the log does not tell.
///
/// # Errors
/// The database cannot serve.
pub async fn untold(
    connection: &mut PgConnection,
    tenant: TenantId,
    which: Roles,
    now: DateTime<Utc>,
) -> Result<Candidates<Untold>, StoreError> {
    let rows = sqlx::query_file!(
        "src/alerts/untold.sql",
        tenant.uuid(),
        now,
        Catalog::Azure.as_str(),
        which == Roles::Azure,
        limit(),
    )
    .fetch_all(connection)
    .await?;
    let rows = rows.into_iter().map(|row| {
        Ok(Untold {
            kind: row::named(&ThingKind::ALL, ThingKind::as_str, &row.kind, "kind of thing")?,
            id: row.id,
            principal: row.principal_id.into(),
            role: row.role_id.into(),
            scope: row::scope(&row.scope)?,
        })
    });
    Ok(Candidates::of(rows.collect::<Result<_, StoreError>>()?))
}

/// The activations of late from another network than all before them.
///
/// # Errors
/// The database cannot serve.
pub async fn unusual_networks(
    connection: &mut PgConnection,
    tenant: TenantId,
    setting: &Setting,
    now: DateTime<Utc>,
) -> Result<Candidates<Origin>, StoreError> {
    let rows = sqlx::query_file!(
        "src/alerts/unusual_networks.sql",
        tenant.uuid(),
        setting.since(now),
        i32::try_from(setting.value(Measure::Count)).unwrap_or(i32::MAX),
        limit(),
    )
    .fetch_all(connection)
    .await?;
    let address = |text: &str| {
        text.parse().map_err(|error| StoreError::corrupt("activation", format!("{text}: {error}")))
    };
    let rows = rows.into_iter().map(|row| {
        Ok(Origin {
            activation: row.thing_id,
            principal: row.subject_id.into(),
            role: row.role_id.into(),
            scope: row::scope(&row.scope)?,
            time: row.event_time,
            address: address(&row.address)?,
            history: row.addresses.iter().map(|text| address(text)).collect::<Result<_, _>>()?,
        })
    });
    Ok(Candidates::of(rows.collect::<Result<_, StoreError>>()?))
}
