//! Organisations.

use pim_domain::{
    change::{Change, Version},
    id::TenantId,
    tenant::{Consent, Freeze, Plan, Standing, Tenant},
};
use sqlx::PgConnection;

use crate::{StoreError, Tx, events, holders, row};

/// A tenant.
///
/// # Errors
/// The database cannot serve.
pub async fn get(
    connection: &mut PgConnection,
    id: TenantId,
) -> Result<Option<Tenant>, StoreError> {
    let row = sqlx::query!(
        "select display_name, plan, freeze_time, frozen_by, consent_time, consent_by, version,
                create_time, update_time
         from tenant where id = $1",
        id.uuid(),
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let consent = row.consent_time.zip(row.consent_by);
    let consent = consent.map(|(time, by)| Consent { by: by.into(), time });
    let freeze = row.freeze_time.zip(row.frozen_by);
    Ok(Some(Tenant {
        id,
        display_name: row.display_name,
        plan: plan(&row.plan)?,
        freeze: freeze.map(|(time, by)| Freeze { by: by.into(), time, consent }),
        version: Version(row.version),
        create_time: row.create_time,
        update_time: row.update_time,
    }))
}

/// A tenant that is to be changed, locked.
///
/// # Errors
/// The database cannot serve.
pub async fn get_for_update(tx: &mut Tx, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    holders::guard(tx, id).await?;
    get(tx, id).await
}

/// The same for who takes from it what it may gain by: waits until every transaction that has been
/// told that it may has ended. Whoever asks after this one sees what it has done.
///
/// # Errors
/// The database cannot serve.
pub async fn get_to_stop(tx: &mut Tx, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    // The row first, as those do who take both.
    holders::guard(tx, id).await?;
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 11)) as \"locked!: ()\"",
        id.to_string(),
    )
    .execute(&mut **tx)
    .await?;
    get(tx, id).await
}

/// What a tenant may gain by, which stays so until the transaction ends.
///
/// # Errors
/// The database cannot serve.
pub async fn standing(tx: &mut Tx, id: TenantId) -> Result<Option<Standing>, StoreError> {
    let row = sqlx::query!(
        r#"select plan as "plan!", freeze_time as "freeze_time?", frozen_by as "frozen_by?"
           from tenant_for_gain($1)"#,
        id.uuid(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let frozen = row.freeze_time.zip(row.frozen_by).map(|(since, by)| (since, by.into()));
    Ok(Some(Standing { plan: plan(&row.plan)?, frozen }))
}

fn plan(text: &str) -> Result<Plan, StoreError> {
    row::named(&Plan::ALL, Plan::as_str, text, "plan")
}

/// Writes a tenant that has been made or changed.
///
/// # Errors
/// `Conflict` where it has changed meanwhile; or the database cannot serve.
pub async fn record(tx: &mut Tx, change: &Change<Tenant>) -> Result<(), StoreError> {
    let tenant = change.after();
    tx.enter(tenant.id).await?;
    if tenant.version == Version::FIRST {
        insert(tx, tenant).await?;
    } else {
        update(tx, tenant).await?;
    }
    events::insert(tx, tenant.id, change.event()).await
}

async fn insert(tx: &mut Tx, tenant: &Tenant) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into tenant (id, display_name, plan, version, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6)",
        tenant.id.uuid(),
        tenant.display_name,
        tenant.plan.as_str(),
        tenant.version.0,
        tenant.create_time,
        tenant.update_time,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn update(tx: &mut Tx, tenant: &Tenant) -> Result<(), StoreError> {
    let freeze = tenant.freeze.as_ref();
    let consent = freeze.and_then(|freeze| freeze.consent.as_ref());
    let done = sqlx::query!(
        "update tenant
         set display_name = $2, plan = $3, freeze_time = $4, frozen_by = $5, consent_time = $6,
             consent_by = $7, version = $8::bigint, update_time = $9
         where id = $1 and version = $8::bigint - 1",
        tenant.id.uuid(),
        tenant.display_name,
        tenant.plan.as_str(),
        freeze.map(|freeze| freeze.time),
        freeze.map(|freeze| freeze.by.uuid()),
        consent.map(|consent| consent.time),
        consent.map(|consent| consent.by.uuid()),
        tenant.version.0,
        tenant.update_time,
    )
    .execute(&mut **tx)
    .await?;
    row::updated(&done, "tenant")
}
