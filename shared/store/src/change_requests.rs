//! What holders ask about their eligibilities and assignments.

use chrono::{DateTime, Utc};
use pim_domain::{
    change::{Change, Version},
    change_request::{ChangeKind, ChangeRequest, Decision, State},
    grant::GrantKind,
    id::{ChangeRequestId, GrantId, PrincipalId, RoleId, TenantId},
    justification::Justification,
    role::Catalog,
    scope::Scope,
    text::Ticket,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{StoreError, Tx, events, justifications, row};

/// Statements that read all of change requests; what follows says which.
macro_rules! rows {
    ($which:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id, kind, grant_kind, grant_id, principal_id, role_id, scope, end_time,
                      justification(justification, (
                          select w.text from words w
                          where w.tenant_id = change_request.tenant_id and w.commitment = change_request.justification
                      )) as "justification!: Json<Justification>",
                      ticket_number, ticket_system, expire_time, state, decider_id,
                      justification(decision_justification, (
                          select w.text from words w
                          where w.tenant_id = change_request.tenant_id and w.commitment = change_request.decision_justification
                      )) as "decision_justification: Json<Justification>",
                      outcome_id, version, create_time, update_time
               from change_request "#
                + $which
            $(, $argument)*
        )
    };
}

struct Row {
    id: Uuid,
    kind: String,
    grant_kind: String,
    grant_id: Uuid,
    principal_id: Uuid,
    role_id: Uuid,
    scope: String,
    end_time: Option<DateTime<Utc>>,
    justification: Json<Justification>,
    ticket_number: Option<String>,
    ticket_system: Option<String>,
    expire_time: DateTime<Utc>,
    state: String,
    decider_id: Option<Uuid>,
    decision_justification: Option<Json<Justification>>,
    outcome_id: Option<Uuid>,
    version: i64,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
}

const GRANT_KINDS: [GrantKind; 2] = [GrantKind::Eligibility, GrantKind::Assignment];

impl TryFrom<Row> for ChangeRequest {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let decision = row
            .decider_id
            .zip(row.decision_justification)
            .map(|(by, Json(justification))| Decision { by: by.into(), justification });
        let state = match (row.state.as_str(), decision, row.outcome_id) {
            ("PENDING", None, None) => State::Pending,
            ("TIMED_OUT", None, None) => State::TimedOut,
            ("DENIED", Some(decision), None) => State::Denied(decision),
            ("CANCELED", Some(decision), None) => State::Canceled(decision),
            ("APPROVED", Some(decision), Some(outcome)) => {
                State::Approved { decision, outcome: outcome.into() }
            }
            (state, _, _) => {
                let problem = format!("half a state: {state:?}");
                return Err(StoreError::corrupt("change request", problem));
            }
        };
        Ok(ChangeRequest {
            id: row.id.into(),
            kind: row::named(&ChangeKind::ALL, ChangeKind::as_str, &row.kind, "change kind")?,
            grant_kind: row::named(&GRANT_KINDS, GrantKind::as_str, &row.grant_kind, "grant kind")?,
            grant: row.grant_id.into(),
            principal: row.principal_id.into(),
            role: row.role_id.into(),
            scope: row::scope(&row.scope)?,
            end: row.end_time,
            justification: row.justification.0,
            ticket: row::ticket(row.ticket_number, row.ticket_system),
            expire_time: row.expire_time,
            state,
            version: Version(row.version),
            create_time: row.create_time,
            update_time: row.update_time,
        })
    }
}

/// One request.
///
/// # Errors
/// The database cannot serve.
pub async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: ChangeRequestId,
) -> Result<Option<ChangeRequest>, StoreError> {
    rows!("where tenant_id = $1 and id = $2", tenant.uuid(), id.uuid())
        .fetch_optional(connection)
        .await?
        .map(ChangeRequest::try_from)
        .transpose()
}

/// One request, locked until the transaction ends. Where its grant is locked as well, that goes
/// first. For the service that writes requests.
///
/// # Errors
/// The database cannot serve.
pub async fn get_for_update(
    tx: &mut Tx,
    tenant: TenantId,
    id: ChangeRequestId,
) -> Result<Option<ChangeRequest>, StoreError> {
    rows!("where tenant_id = $1 and id = $2 for update", tenant.uuid(), id.uuid())
        .fetch_optional(&mut **tx)
        .await?
        .map(ChangeRequest::try_from)
        .transpose()
}

/// The request about a grant that is not recorded as ended, locked until the transaction ends. The
/// grant is locked first.
///
/// # Errors
/// The database cannot serve.
pub async fn pending_for_update(
    tx: &mut Tx,
    tenant: TenantId,
    grant: GrantId,
) -> Result<Option<ChangeRequest>, StoreError> {
    rows!(
        "where tenant_id = $1 and grant_id = $2 and state = 'PENDING' for update",
        tenant.uuid(),
        grant.uuid(),
    )
    .fetch_optional(&mut **tx)
    .await?
    .map(ChangeRequest::try_from)
    .transpose()
}

/// The requests about grants of a role that wait, as recorded, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn pending_of_role(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: RoleId,
    limit: i64,
) -> Result<Vec<ChangeRequestId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select id from change_request
         where tenant_id = $1 and role_id = $2 and state = 'PENDING'
         order by id limit $3",
        tenant.uuid(),
        role.uuid(),
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(ChangeRequestId::from).collect())
}

/// Which requests a list is of.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Only of this principal.
    pub principal: Option<PrincipalId>,
    /// Only about grants at this scope and below.
    pub scope: Option<&'a Scope>,
    /// Only what is pending then; absent: resolved ones too.
    pub pending_at: Option<DateTime<Utc>>,
    /// Only about roles of these catalogs.
    pub catalogs: Option<&'a [Catalog]>,
}

/// Requests by id, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &Filter<'_>,
    after: Option<ChangeRequestId>,
    limit: i64,
) -> Result<Vec<ChangeRequest>, StoreError> {
    let catalogs = row::catalogs(filter.catalogs);
    sqlx::query_file_as!(
        Row,
        "src/change_requests/list.sql",
        tenant.uuid(),
        filter.principal.map(PrincipalId::uuid),
        row::below(filter.scope),
        filter.pending_at,
        catalogs.as_deref(),
        after.map(ChangeRequestId::uuid),
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(ChangeRequest::try_from)
    .collect()
}

/// Writes a request as it is now.
///
/// # Errors
/// The database cannot serve, somebody else changed it meanwhile, or another one waits.
pub async fn record(
    tx: &mut Tx,
    tenant: TenantId,
    change: &Change<ChangeRequest>,
) -> Result<(), StoreError> {
    let request = change.after();
    let (number, system) =
        request.ticket.clone().map(|Ticket { number, system }| (number, system)).unzip();
    let (decision, outcome) = match &request.state {
        State::Pending | State::TimedOut => (None, None),
        State::Denied(decision) | State::Canceled(decision) => (Some(decision), None),
        State::Approved { decision, outcome } => (Some(decision), Some(outcome.uuid())),
    };
    let done = sqlx::query_file!(
        "src/change_requests/record.sql",
        tenant.uuid(),
        request.id.uuid(),
        request.kind.as_str(),
        request.grant_kind.as_str(),
        request.grant.uuid(),
        request.principal.uuid(),
        request.role.uuid(),
        request.scope.as_str(),
        request.end,
        justifications::column(&request.justification),
        number,
        system,
        request.expire_time,
        request.state.as_str(),
        decision.map(|decision| decision.by.uuid()),
        decision.map(|decision| justifications::column(&decision.justification)),
        outcome,
        request.version.0,
        request.create_time,
        request.update_time,
    )
    .execute(&mut **tx)
    .await?;
    row::updated(&done, "change request")?;
    events::insert(tx, tenant, change.event()).await
}
