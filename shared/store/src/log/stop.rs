//! Logs that cannot be sealed: what somebody has done to the head or the leaves of one tenant must
//! not keep the events of all others from being sealed. Such a log is stopped, and goes on from
//! there when it was mended.

use pim_domain::id::TenantId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Stopped, cut, grown};
use crate::{StoreError, Tx};

/// Stops the logs that keep the next batch from being sealed, and says whose they are: the head is
/// not that of the leaves, or an event is sealed already. To be called when sealing fails.
///
/// # Errors
/// The database cannot serve.
pub async fn stop(tx: &mut Tx, limit: i64) -> Result<Vec<TenantId>, StoreError> {
    let Some(cut) = cut(tx, limit).await? else { return Ok(Vec::new()) };
    let tenants = sqlx::query_scalar!(
        "select distinct tenant_id from event e
         where xid >= $1::bigint::text::xid8 and xid < $2::bigint::text::xid8
             and not exists (select from log_stopped s where s.tenant_id = e.tenant_id)",
        cut.from,
        cut.to,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut stopped = Vec::new();
    for tenant in tenants {
        if is_sound(tx, tenant, cut.from).await? {
            continue;
        }
        sqlx::query!(
            "insert into log_stopped (tenant_id, xid) values ($1, $2::bigint::text::xid8)",
            tenant,
            cut.from,
        )
        .execute(&mut **tx)
        .await?;
        stopped.push(tenant.into());
    }
    Ok(stopped)
}

/// The logs that were stopped. Those that can go on are stopped no more.
pub(super) async fn stopped(tx: &mut Tx, watermark: i64) -> Result<Stopped, StoreError> {
    let rows = sqlx::query!(r#"select tenant_id, xid::text::bigint as "xid!" from log_stopped"#)
        .fetch_all(&mut **tx)
        .await?;
    let mut stopped = Stopped { still: Vec::new(), mended: Vec::new() };
    for row in rows {
        // Where the watermark was taken back, it is sealed from there like all others.
        let since = row.xid.min(watermark);
        if !is_sound(tx, row.tenant_id, since).await? {
            stopped.still.push(row.tenant_id);
            continue;
        }
        sqlx::query!("delete from log_stopped where tenant_id = $1", row.tenant_id)
            .execute(&mut **tx)
            .await?;
        stopped.mended.push((row.tenant_id, since));
    }
    Ok(stopped)
}

/// Whether the head of a log goes with its leaves, and nothing from that transaction on has one.
async fn is_sound(
    connection: &mut PgConnection,
    tenant: Uuid,
    since: i64,
) -> Result<bool, StoreError> {
    let row = sqlx::query!(
        r#"select
               coalesce(h.size, 0) as "size!", coalesce(h.peaks, '') as "peaks!",
               coalesce((select max(index) + 1 from log_leaf where tenant_id = $1), 0) as "leaves!",
               exists (
                   select from event e
                   join log_leaf l on l.tenant_id = e.tenant_id and l.event_id = e.id
                   where e.tenant_id = $1 and e.xid >= $2::bigint::text::xid8
               ) as "is_sealed!"
           from (select) one left join log_head h on h.tenant_id = $1"#,
        tenant,
        since,
    )
    .fetch_one(connection)
    .await?;
    Ok(!row.is_sealed && row.size == row.leaves && grown(row.size, &row.peaks).is_ok())
}
