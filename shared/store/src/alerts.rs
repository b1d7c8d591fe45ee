//! Alerts: their incidents, what tenants set of them, and whose turn it is to be scanned.

pub mod facts;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use pim_domain::{
    alert::{AlertKind, Incident, IncidentState, OPEN_MAX, Setting},
    change::{Change, Version},
    id::{IncidentId, PrincipalId, RoleId, TenantId},
    justification::Justification,
    scope::Scope,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{StoreError, Tx, events, justifications, row};

/// Statements that read all of incidents; what follows says which.
macro_rules! rows {
    ($which:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id, kind, condition_id, subject_id, role_id, scope, detail, state, dismissed_by,
                      dismiss_time, justification(dismiss_justification, (
                          select w.text from words w
                          where w.tenant_id = alert.tenant_id and w.commitment = alert.dismiss_justification
                      )) as "dismiss_justification: Json<Justification>",
                      resolve_time, version, create_time, update_time
               from alert "#
                + $which
            $(, $argument)*
        )
    };
}

struct Row {
    id: Uuid,
    kind: String,
    condition_id: Uuid,
    subject_id: Option<Uuid>,
    role_id: Option<Uuid>,
    scope: Option<String>,
    detail: String,
    state: String,
    dismissed_by: Option<Uuid>,
    dismiss_time: Option<DateTime<Utc>>,
    dismiss_justification: Option<Json<Justification>>,
    resolve_time: Option<DateTime<Utc>>,
    version: i64,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
}

impl TryFrom<Row> for Incident {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let dismissal = row.dismissed_by.zip(row.dismiss_time).zip(row.dismiss_justification);
        let state = match (row.state.as_str(), dismissal, row.resolve_time) {
            ("TRIGGERED", None, None) => IncidentState::Triggered,
            ("DISMISSED", Some(((by, dismiss_time), Json(justification))), None) => {
                IncidentState::Dismissed { dismissed_by: by.into(), dismiss_time, justification }
            }
            ("RESOLVED", None, Some(resolve_time)) => IncidentState::Resolved { resolve_time },
            (state, ..) => {
                let problem = format!("{} is half {state}", row.id);
                return Err(StoreError::corrupt("alert", problem));
            }
        };
        Ok(Incident {
            id: row.id.into(),
            kind: row::named(&AlertKind::ALL, AlertKind::as_str, &row.kind, "alert kind")?,
            condition: row.condition_id,
            subject: row.subject_id.map(PrincipalId::from),
            role: row.role_id.map(RoleId::from),
            scope: row.scope.as_deref().map(row::scope).transpose()?,
            detail: row.detail,
            state,
            version: Version(row.version),
            create_time: row.create_time,
            update_time: row.update_time,
        })
    }
}

/// One incident.
///
/// # Errors
/// The database cannot serve.
pub async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: IncidentId,
) -> Result<Option<Incident>, StoreError> {
    rows!("where tenant_id = $1 and id = $2", tenant.uuid(), id.uuid())
        .fetch_optional(connection)
        .await?
        .map(Incident::try_from)
        .transpose()
}

/// One incident, locked until the transaction ends.
///
/// # Errors
/// The database cannot serve.
pub async fn get_for_update(
    tx: &mut Tx,
    tenant: TenantId,
    id: IncidentId,
) -> Result<Option<Incident>, StoreError> {
    rows!("where tenant_id = $1 and id = $2 for update", tenant.uuid(), id.uuid())
        .fetch_optional(&mut **tx)
        .await?
        .map(Incident::try_from)
        .transpose()
}

/// Which incidents a list is of; what is absent matches all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Of this kind.
    pub kind: Option<AlertKind>,
    /// In this state, as it is stored.
    pub state: Option<&'static str>,
}

/// Incidents, the newest first, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: Filter,
    before: Option<IncidentId>,
    limit: i64,
) -> Result<Vec<Incident>, StoreError> {
    sqlx::query_file_as!(
        Row,
        "src/alerts/list.sql",
        tenant.uuid(),
        filter.kind.map(AlertKind::as_str),
        filter.state,
        before.map(IncidentId::uuid),
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Incident::try_from)
    .collect()
}

/// The incidents of a kind that are not resolved; never more than are opened.
///
/// # Errors
/// The database cannot serve.
pub async fn open(
    connection: &mut PgConnection,
    tenant: TenantId,
    kind: AlertKind,
) -> Result<Vec<Incident>, StoreError> {
    rows!(
        "where tenant_id = $1 and kind = $2 and state <> 'RESOLVED'
         order by condition_id
         limit $3",
        tenant.uuid(),
        kind.as_str(),
        i64::try_from(OPEN_MAX).unwrap_or(i64::MAX),
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Incident::try_from)
    .collect()
}

/// Writes an incident that has been opened or has changed.
///
/// # Errors
/// The database cannot serve; or somebody else has changed it, or has opened one for the same
/// condition.
pub async fn record(
    tx: &mut Tx,
    tenant: TenantId,
    change: &Change<Incident>,
) -> Result<(), StoreError> {
    let incident = change.after();
    let (dismissal, resolved) = match &incident.state {
        IncidentState::Triggered => (None, None),
        IncidentState::Dismissed { dismissed_by, dismiss_time, justification } => (
            Some((dismissed_by.uuid(), *dismiss_time, justifications::column(justification))),
            None,
        ),
        IncidentState::Resolved { resolve_time } => (None, Some(*resolve_time)),
    };
    let done = sqlx::query_file!(
        "src/alerts/record.sql",
        tenant.uuid(),
        incident.id.uuid(),
        incident.kind.as_str(),
        incident.condition,
        incident.subject.map(PrincipalId::uuid),
        incident.role.map(RoleId::uuid),
        incident.scope.as_ref().map(Scope::as_str),
        incident.detail,
        incident.state.as_str(),
        dismissal.as_ref().map(|(by, ..)| *by),
        dismissal.as_ref().map(|(_, time, _)| *time),
        dismissal.map(|(.., justification)| justification),
        resolved,
        incident.version.0,
        incident.create_time,
        incident.update_time,
    )
    .execute(&mut **tx)
    .await?;
    row::updated(&done, "alert")?;
    events::insert(tx, tenant, change.event()).await
}

/// What is set of each kind; of a kind that nobody has touched what it is then.
///
/// # Errors
/// The database cannot serve.
pub async fn settings(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Vec<Setting>, StoreError> {
    let rows = sqlx::query!(
        r#"select kind, is_enabled, parameters as "parameters: Json<BTreeMap<String, i64>>",
                  version, create_time, update_time
           from alert_setting where tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_all(connection)
    .await?;
    let setting = |kind: AlertKind| {
        let untouched = Setting::untouched(tenant, kind);
        match rows.iter().find(|row| row.kind == kind.as_str()) {
            None => untouched,
            Some(row) => Setting {
                is_enabled: row.is_enabled,
                parameters: row.parameters.0.clone(),
                version: Version(row.version),
                create_time: row.create_time,
                update_time: row.update_time,
                ..untouched
            },
        }
    };
    Ok(AlertKind::ALL.map(setting).into())
}

/// Writes what is set of a kind.
///
/// # Errors
/// The database cannot serve, or somebody else has changed it meanwhile.
pub async fn record_setting(
    tx: &mut Tx,
    tenant: TenantId,
    change: &Change<Setting>,
) -> Result<(), StoreError> {
    let setting = change.after();
    let done = sqlx::query!(
        "insert into alert_setting
             (tenant_id, kind, is_enabled, parameters, version, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant_id, kind) do update
         set is_enabled = excluded.is_enabled,
             parameters = excluded.parameters,
             version = excluded.version,
             update_time = excluded.update_time
         where alert_setting.version = excluded.version - 1",
        tenant.uuid(),
        setting.kind.as_str(),
        setting.is_enabled,
        Json(&setting.parameters) as _,
        setting.version.0,
        setting.create_time,
        setting.update_time,
    )
    .execute(&mut **tx)
    .await?;
    row::updated(&done, "alert setting")?;
    events::insert(tx, tenant, change.event()).await
}

/// The tenants whose last scan, or whose beginning, was at `before` or earlier, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn due(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<TenantId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select t.id
         from tenant t
         left join alert_scan s on s.tenant_id = t.id
         where coalesce(s.scan_time, t.create_time) <= $1
         order by coalesce(s.scan_time, t.create_time), t.id
         limit $2",
        before,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(TenantId::from).collect())
}

/// Takes a tenant's turn: false where somebody else was faster.
///
/// # Errors
/// The database cannot serve.
pub async fn take_turn(
    tx: &mut Tx,
    tenant: TenantId,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "insert into alert_scan (tenant_id, scan_time) values ($1, $3)
         on conflict (tenant_id) do update
         set scan_time = excluded.scan_time
         where alert_scan.scan_time <= $2",
        tenant.uuid(),
        before,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}
