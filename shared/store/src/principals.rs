//! Users and service principals.

use chrono::{DateTime, Utc};
use futures::{Stream, TryStreamExt as _};
use pim_domain::{
    change::{Change, Version},
    id::{PersonId, PrincipalId, TenantId},
    principal::{Principal, PrincipalKind},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{StoreError, Tx, events, row};

pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) display_name: String,
    pub(crate) person_id: Option<Uuid>,
    pub(crate) enabled_since: Option<DateTime<Utc>>,
    pub(crate) break_glass: bool,
    pub(crate) version: i64,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) update_time: DateTime<Utc>,
}

/// The row that a record of one of these queries has in it.
macro_rules! of_record {
    ($record:expr) => {
        $crate::principals::Row {
            id: $record.id,
            kind: $record.kind,
            issuer: $record.issuer,
            subject: $record.subject,
            display_name: $record.display_name,
            person_id: $record.person_id,
            enabled_since: $record.enabled_since,
            break_glass: $record.break_glass,
            version: $record.version,
            create_time: $record.create_time,
            update_time: $record.update_time,
        }
    };
}
pub(crate) use of_record;

/// Statements that read all of principals; what follows says which.
macro_rules! rows {
    ($which:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id, kind, issuer as "issuer!", subject as "subject!", display_name, person_id,
                        enabled_since, break_glass, version, create_time, update_time
               from principal "#
                + $which
            $(, $argument)*
        )
    };
}

const KINDS: [PrincipalKind; 2] = [PrincipalKind::User, PrincipalKind::ServicePrincipal];

fn kind(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::User => "user",
        PrincipalKind::ServicePrincipal => "service_principal",
    }
}

impl TryFrom<Row> for Principal {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Principal {
            id: row.id.into(),
            kind: row::named(&KINDS, kind, &row.kind, "principal kind")?,
            issuer: row.issuer,
            subject: row.subject,
            display_name: row.display_name,
            person: row.person_id.map(PersonId::from),
            enabled_since: row.enabled_since,
            break_glass: row.break_glass,
            version: Version(row.version),
            create_time: row.create_time,
            update_time: row.update_time,
        })
    }
}

/// One principal.
///
/// # Errors
/// The database cannot serve.
pub async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: PrincipalId,
) -> Result<Option<Principal>, StoreError> {
    Ok(get_all(connection, tenant, &[id]).await?.pop())
}

/// Those of `ids` who exist.
///
/// # Errors
/// The database cannot serve.
pub async fn get_all(
    connection: &mut PgConnection,
    tenant: TenantId,
    ids: &[PrincipalId],
) -> Result<Vec<Principal>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    rows!("where tenant_id = $1 and kind <> 'group' and id = any($2)", tenant.uuid(), &ids)
        .fetch_all(connection)
        .await?
        .into_iter()
        .map(Principal::try_from)
        .collect()
}

/// What principals and groups are called.
///
/// # Errors
/// The database cannot serve.
pub async fn names(
    connection: &mut PgConnection,
    tenant: TenantId,
    ids: &[PrincipalId],
) -> Result<Vec<(PrincipalId, String)>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        "select id, display_name from principal where tenant_id = $1 and id = any($2)",
        tenant.uuid(),
        &ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id.into(), row.display_name)).collect())
}

/// Whom an identity provider calls so.
///
/// # Errors
/// The database cannot serve.
pub async fn by_identity(
    connection: &mut PgConnection,
    tenant: TenantId,
    issuer: &str,
    subject: &str,
) -> Result<Option<Principal>, StoreError> {
    rows!("where tenant_id = $1 and issuer = $2 and subject = $3", tenant.uuid(), issuer, subject)
        .fetch_optional(connection)
        .await?
        .map(Principal::try_from)
        .transpose()
}

/// Everybody of all tenants.
pub(crate) fn of_all_tenants(
    connection: &mut PgConnection,
) -> impl Stream<Item = Result<(TenantId, Principal), StoreError>> + '_ {
    let rows = sqlx::query!(
        r#"select tenant_id, id, kind, issuer as "issuer!", subject as "subject!", display_name,
                  person_id, enabled_since, break_glass, version, create_time, update_time
         from principal where kind <> 'group'"#,
    );
    rows.fetch(connection).map_err(StoreError::from).and_then(async |found| {
        let row = of_record!(found);
        Ok((found.tenant_id.into(), row.try_into()?))
    })
}

/// One principal, locked until the transaction ends. For the service that writes principals.
///
/// # Errors
/// The database cannot serve.
pub async fn get_for_update(
    tx: &mut Tx,
    tenant: TenantId,
    id: PrincipalId,
) -> Result<Option<Principal>, StoreError> {
    rows!(
        "where tenant_id = $1 and kind <> 'group' and id = $2 for update",
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_optional(&mut **tx)
    .await?
    .map(Principal::try_from)
    .transpose()
}

/// Principals by id, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    text_contains: &str,
    after: Option<PrincipalId>,
    limit: i64,
) -> Result<Vec<Principal>, StoreError> {
    rows!(
        "where tenant_id = $1 and kind <> 'group'
           and (position(lower($2::text) in lower(display_name)) > 0
                or position(lower($2::text) in lower(subject)) > 0)
           and ($3::uuid is null or id > $3)
         order by id
         limit $4",
        tenant.uuid(),
        text_contains,
        after.map(PrincipalId::uuid),
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Principal::try_from)
    .collect()
}

/// Writes a principal as it is now.
///
/// # Errors
/// The database cannot serve, or somebody else changed it meanwhile.
pub async fn record(
    tx: &mut Tx,
    tenant: TenantId,
    change: &Change<Principal>,
) -> Result<(), StoreError> {
    let principal = change.after();
    let done = sqlx::query!(
        "insert into principal
             (tenant_id, id, kind, issuer, subject, display_name, person_id, enabled_since,
              break_glass, version, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (tenant_id, id) do update
         set enabled_since = excluded.enabled_since,
             version = excluded.version,
             update_time = excluded.update_time
         where principal.version = excluded.version - 1",
        tenant.uuid(),
        principal.id.uuid(),
        kind(principal.kind),
        principal.issuer,
        principal.subject,
        principal.display_name,
        principal.person.map(PersonId::uuid),
        principal.enabled_since,
        principal.break_glass,
        principal.version.0,
        principal.create_time,
        principal.update_time,
    )
    .execute(&mut **tx)
    .await?;
    row::updated(&done, "principal")?;
    events::insert(tx, tenant, change.event()).await
}
