//! Eligibilities and active assignments.

use chrono::{DateTime, Utc};
use pim_domain::{
    change::{Change, Version},
    grant::{Grant, GrantEnd, GrantEnding, GrantKind},
    id::{GrantId, GroupId, PrincipalId, RoleId, TenantId},
    justification::Justification,
    role::Catalog,
    scope::Scope,
    text::Ticket,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{StoreError, Tx, events, justifications, row};

/// Statements that read all of grants; what follows says which.
macro_rules! rows {
    ($which:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id, kind, principal_id, role_id, scope, start_time, end_time, ended_time, ending,
                      justification(justification, (
                          select w.text from words w
                          where w.tenant_id = role_grant.tenant_id and w.commitment = role_grant.justification
                      )) as "justification!: Json<Justification>",
                      ticket_number, ticket_system, granted_by, renewed_from,
                      policy_revision, version, create_time, update_time
               from role_grant "#
                + $which
            $(, $argument)*
        )
    };
}

struct Row {
    id: Uuid,
    kind: String,
    principal_id: Uuid,
    role_id: Uuid,
    scope: String,
    start_time: DateTime<Utc>,
    end_time: Option<DateTime<Utc>>,
    ended_time: Option<DateTime<Utc>>,
    ending: Option<String>,
    justification: Json<Justification>,
    ticket_number: Option<String>,
    ticket_system: Option<String>,
    granted_by: Option<Uuid>,
    renewed_from: Option<Uuid>,
    policy_revision: i64,
    version: i64,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
}

const KINDS: [GrantKind; 2] = [GrantKind::Eligibility, GrantKind::Assignment];

impl TryFrom<Row> for Grant {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let how = row
            .ending
            .map(|ending| row::named(&GrantEnding::ALL, GrantEnding::as_str, &ending, "ending"))
            .transpose()?;
        let ended = row.ended_time.zip(how).map(|(at, how)| GrantEnd { at, how });
        Ok(Grant {
            id: row.id.into(),
            kind: row::named(&KINDS, GrantKind::as_str, &row.kind, "grant kind")?,
            principal: row.principal_id.into(),
            role: row.role_id.into(),
            scope: row::scope(&row.scope)?,
            window: row::window(row.start_time, row.end_time),
            ended,
            justification: row.justification.0,
            ticket: row::ticket(row.ticket_number, row.ticket_system),
            granted_by: row.granted_by.map(PrincipalId::from),
            renewed_from: row.renewed_from.map(GrantId::from),
            policy_revision: row.policy_revision,
            version: Version(row.version),
            create_time: row.create_time,
            update_time: row.update_time,
        })
    }
}

fn grants(rows: Vec<Row>) -> Result<Vec<Grant>, StoreError> {
    rows.into_iter().map(Grant::try_from).collect()
}

/// One grant of a kind.
///
/// # Errors
/// The database cannot serve.
pub async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
    kind: GrantKind,
    id: GrantId,
) -> Result<Option<Grant>, StoreError> {
    rows!(
        "where tenant_id = $1 and kind = $2 and id = $3",
        tenant.uuid(),
        kind.as_str(),
        id.uuid(),
    )
    .fetch_optional(connection)
    .await?
    .map(Grant::try_from)
    .transpose()
}

/// Those of `ids` that there are, by id.
///
/// # Errors
/// The database cannot serve.
pub async fn get_all(
    connection: &mut PgConnection,
    tenant: TenantId,
    ids: &[Uuid],
) -> Result<Vec<Grant>, StoreError> {
    let rows = rows!("where tenant_id = $1 and id = any($2) order by id", tenant.uuid(), ids)
        .fetch_all(connection)
        .await?;
    grants(rows)
}

/// One grant of a kind, locked until the transaction ends. For the service that writes grants.
///
/// # Errors
/// The database cannot serve.
pub async fn get_for_update(
    tx: &mut Tx,
    tenant: TenantId,
    kind: GrantKind,
    id: GrantId,
) -> Result<Option<Grant>, StoreError> {
    rows!(
        "where tenant_id = $1 and kind = $2 and id = $3 for update",
        tenant.uuid(),
        kind.as_str(),
        id.uuid(),
    )
    .fetch_optional(&mut **tx)
    .await?
    .map(Grant::try_from)
    .transpose()
}

/// Grants of a kind to `principals` for a role at a scope and above it, ended ones too; none at a
/// group that is deleted.
///
/// # Errors
/// The database cannot serve.
pub async fn reaching(
    connection: &mut PgConnection,
    tenant: TenantId,
    kind: GrantKind,
    principals: &[PrincipalId],
    (role, scope): (RoleId, &Scope),
) -> Result<Vec<Grant>, StoreError> {
    let principals: Vec<Uuid> = principals.iter().map(|id| id.uuid()).collect();
    let rows = rows!(
        "where tenant_id = $1 and kind = $2 and principal_id = any($3) and role_id = $4
           and scope = any((select scope_lineage($1, $5))::text[])
           and not exists (
                   select from principal p
                   where p.tenant_id = role_grant.tenant_id and p.id = role_grant.group_id
                     and p.deleted_time is not null)",
        tenant.uuid(),
        kind.as_str(),
        &principals,
        role.uuid(),
        scope.as_str(),
    )
    .fetch_all(connection)
    .await?;
    grants(rows)
}

/// Grants of a role that are not recorded as ended, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn open_of_role(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: RoleId,
    limit: i64,
) -> Result<Vec<(GrantKind, GrantId)>, StoreError> {
    sqlx::query!(
        "select kind, id from role_grant
         where tenant_id = $1 and role_id = $2 and ended_time is null
         order by id limit $3",
        tenant.uuid(),
        role.uuid(),
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| {
        let kind = row::named(&KINDS, GrantKind::as_str, &row.kind, "grant kind")?;
        Ok((kind, row.id.into()))
    })
    .collect()
}

/// The scopes at which a role is granted, as far as that is not recorded as ended.
///
/// # Errors
/// The database cannot serve.
pub async fn open_scopes_of_role(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: RoleId,
) -> Result<Vec<Scope>, StoreError> {
    let scopes = sqlx::query_scalar!(
        "select distinct scope from role_grant
         where tenant_id = $1 and role_id = $2 and ended_time is null
         order by scope",
        tenant.uuid(),
        role.uuid(),
    )
    .fetch_all(connection)
    .await?;
    scopes.iter().map(|scope| row::scope(scope)).collect()
}

/// What of a role any account of a person has, or one of `groups`, as far as that is not recorded as
/// ended.
///
/// # Errors
/// The database cannot serve.
pub async fn open_of_person(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: RoleId,
    person: Uuid,
    groups: &[GroupId],
) -> Result<Vec<Grant>, StoreError> {
    let groups: Vec<Uuid> = groups.iter().map(|group| group.uuid()).collect();
    let rows = rows!(
        "where tenant_id = $1 and role_id = $2 and ended_time is null
           and (principal_id = any($4) or principal_id in (
               select id from principal
               where tenant_id = $1 and (person_id = $3 or id = $3)))",
        tenant.uuid(),
        role.uuid(),
        person,
        &groups,
    )
    .fetch_all(connection)
    .await?;
    grants(rows)
}

/// Whoever wants the same target waits here until the transaction ends, so that of two grants just
/// alike the second finds the first.
///
/// # Errors
/// The database cannot serve.
pub async fn lock_target(
    tx: &mut Tx,
    tenant: TenantId,
    kind: GrantKind,
    principal: PrincipalId,
    role: RoleId,
    scope: &Scope,
) -> Result<(), StoreError> {
    let target = format!("{tenant} {} {principal} {role} {scope}", kind.as_str());
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 3)) as \"locked!: ()\"",
        target
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Which grants a list is of.
#[derive(Debug, Clone)]
pub struct Filter<'a> {
    /// Eligibilities or assignments.
    pub kind: GrantKind,
    /// Only of these principals.
    pub principals: Option<&'a [PrincipalId]>,
    /// Only of this role.
    pub role: Option<RoleId>,
    /// Only at this scope and below.
    pub scope: Option<&'a Scope>,
    /// Only what has not ended by then; absent: ended ones too.
    pub not_ended_at: Option<DateTime<Utc>>,
    /// Only of roles of these catalogs.
    pub catalogs: Option<&'a [Catalog]>,
}

/// Grants by id, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &Filter<'_>,
    after: Option<GrantId>,
    limit: i64,
) -> Result<Vec<Grant>, StoreError> {
    // Nothing lies below a group, and what is at it is found by an index.
    let group = filter.scope.and_then(Scope::group);
    let catalogs = row::catalogs(filter.catalogs);
    let principals: Option<Vec<Uuid>> =
        filter.principals.map(|all| all.iter().map(|id| id.uuid()).collect());
    let rows = rows!(
        "where tenant_id = $1 and kind = $2
           and ($3::uuid[] is null or principal_id = any($3))
           and ($4::uuid is null or role_id = $4)
           and ($5::text is null
                or starts_with(scope || '/', $5 || '/')
                or scope_head(scope) in (select scope_heads_below($1, $5)))
           and ($6::timestamptz is null
                or (ended_time is null and (end_time is null or end_time > $6)))
           and ($7::text[] is null or exists (
                   select from role r
                   where r.tenant_id = role_grant.tenant_id and r.id = role_grant.role_id
                     and r.catalog = any($7)))
           and ($8::uuid is null or id > $8)
           and ($10::uuid is null or group_id = $10)
         order by id
         limit $9",
        tenant.uuid(),
        filter.kind.as_str(),
        principals.as_deref(),
        filter.role.map(RoleId::uuid),
        row::below(filter.scope).filter(|_| group.is_none()),
        filter.not_ended_at,
        catalogs.as_deref(),
        after.map(GrantId::uuid),
        limit,
        group.map(GroupId::uuid),
    )
    .fetch_all(connection)
    .await?;
    grants(rows)
}

/// Writes a grant as it is now.
///
/// # Errors
/// The database cannot serve, or somebody else changed it meanwhile.
pub async fn record(
    tx: &mut Tx,
    tenant: TenantId,
    change: &Change<Grant>,
) -> Result<(), StoreError> {
    let grant = change.after();
    let (number, system) =
        grant.ticket.clone().map(|Ticket { number, system }| (number, system)).unzip();
    let done = sqlx::query!(
        "insert into role_grant
             (tenant_id, id, kind, principal_id, role_id, scope, start_time, end_time, ended_time,
              ending, justification, ticket_number, ticket_system, granted_by, renewed_from,
              policy_revision, version, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                 $19)
         on conflict (tenant_id, id) do update
         set start_time = excluded.start_time,
             end_time = excluded.end_time,
             ended_time = excluded.ended_time,
             ending = excluded.ending,
             granted_by = excluded.granted_by,
             policy_revision = excluded.policy_revision,
             version = excluded.version,
             update_time = excluded.update_time
         where role_grant.version = excluded.version - 1",
        tenant.uuid(),
        grant.id.uuid(),
        grant.kind.as_str(),
        grant.principal.uuid(),
        grant.role.uuid(),
        grant.scope.as_str(),
        grant.window.start,
        grant.window.end,
        grant.ended.map(|end| end.at),
        grant.ended.map(|end| end.how.as_str()),
        justifications::column(&grant.justification),
        number,
        system,
        grant.granted_by.map(PrincipalId::uuid),
        grant.renewed_from.map(GrantId::uuid),
        grant.policy_revision,
        grant.version.0,
        grant.create_time,
        grant.update_time,
    )
    .execute(&mut **tx)
    .await?;
    row::updated(&done, "grant")?;
    events::insert(tx, tenant, change.event()).await
}
