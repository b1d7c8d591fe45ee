//! Groups: principals that cannot sign in, and how they lie in each other.

use chrono::{DateTime, Utc};
use pim_domain::{
    authority::{GROUP_MEMBER, GROUP_OWNER},
    change::{Change, Version},
    group::{GROUP_NESTING_MAX, Group, Subject, Surroundings},
    id::{GroupId, PrincipalId, TenantId},
    principal::Principal,
    scope::Scope,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{StoreError, Tx, events, principals, row};

/// Statements that read all of groups; what follows says which.
macro_rules! rows {
    ($which:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id, display_name, role_assignable as "role_assignable!", deleted_time, version,
                      create_time, update_time
               from principal "#
                + $which
            $(, $argument)*
        )
    };
}

struct Row {
    id: Uuid,
    display_name: String,
    role_assignable: bool,
    deleted_time: Option<DateTime<Utc>>,
    version: i64,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
}

impl From<Row> for Group {
    fn from(row: Row) -> Self {
        Group {
            id: row.id.into(),
            display_name: row.display_name,
            role_assignable: row.role_assignable,
            deleted: row.deleted_time,
            version: Version(row.version),
            create_time: row.create_time,
            update_time: row.update_time,
        }
    }
}

/// One group, deleted or not.
///
/// # Errors
/// The database cannot serve.
pub async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: GroupId,
) -> Result<Option<Group>, StoreError> {
    Ok(get_all(connection, tenant, &[id]).await?.pop())
}

/// Those of `ids` that there are or were.
///
/// # Errors
/// The database cannot serve.
pub async fn get_all(
    connection: &mut PgConnection,
    tenant: TenantId,
    ids: &[GroupId],
) -> Result<Vec<Group>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows =
        rows!("where tenant_id = $1 and kind = 'group' and id = any($2)", tenant.uuid(), &ids)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(Group::from).collect())
}

/// One group, locked until the transaction ends. For the service that writes groups.
///
/// # Errors
/// The database cannot serve.
pub async fn get_for_update(
    tx: &mut Tx,
    tenant: TenantId,
    id: GroupId,
) -> Result<Option<Group>, StoreError> {
    let row = rows!(
        "where tenant_id = $1 and kind = 'group' and id = $2 for update",
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(Group::from))
}

/// Groups by id, at most `limit`; those that are deleted only where they are asked for.
///
/// # Errors
/// The database cannot serve.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    text_contains: &str,
    include_deleted: bool,
    after: Option<GroupId>,
    limit: i64,
) -> Result<Vec<Group>, StoreError> {
    let rows = rows!(
        "where tenant_id = $1 and kind = 'group'
             and position(lower($2::text) in lower(display_name)) > 0
             and ($3 or deleted_time is null)
             and ($4::uuid is null or id > $4)
           order by id
           limit $5",
        tenant.uuid(),
        text_contains,
        include_deleted,
        after.map(GroupId::uuid),
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Group::from).collect())
}

/// Writes a group as it is now.
///
/// # Errors
/// The database cannot serve, or somebody else changed it meanwhile.
pub async fn record(
    tx: &mut Tx,
    tenant: TenantId,
    change: &Change<Group>,
) -> Result<(), StoreError> {
    let group = change.after();
    let done = sqlx::query!(
        "insert into principal
             (tenant_id, id, kind, display_name, role_assignable, deleted_time, break_glass,
              version, create_time, update_time)
         values ($1, $2, 'group', $3, $4, $5, false, $6, $7, $8)
         on conflict (tenant_id, id) do update
         set display_name = excluded.display_name,
             deleted_time = excluded.deleted_time,
             version = excluded.version,
             update_time = excluded.update_time
         where principal.version = excluded.version - 1",
        tenant.uuid(),
        group.id.uuid(),
        group.display_name,
        group.role_assignable,
        group.deleted,
        group.version.0,
        group.create_time,
        group.update_time,
    )
    .execute(&mut **tx)
    .await?;
    row::updated(&done, "group")?;
    events::insert(tx, tenant, change.event()).await
}

/// To whom something is granted: a principal or a group.
///
/// # Errors
/// The database cannot serve.
pub async fn subject(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: PrincipalId,
) -> Result<Option<Subject>, StoreError> {
    if let Some(principal) = principals::get(connection, tenant, id).await? {
        return Ok(Some(Subject::Principal(principal)));
    }
    Ok(get(connection, tenant, id.uuid().into()).await?.map(Subject::Group))
}

/// Whoever puts a group into another waits here until the transaction ends, so that of two who
/// would close a circle together the second sees what the first has done.
///
/// # Errors
/// The database cannot serve.
pub async fn lock_nesting(tx: &mut Tx, tenant: TenantId) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 6)) as \"locked!: ()\"",
        tenant.to_string(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The groups around a wish of `caller` to grant something to `subject` at a scope. Where that may
/// put one group into another, nobody else does so until the transaction ends.
///
/// # Errors
/// The database cannot serve.
pub async fn surroundings(
    tx: &mut Tx,
    tenant: TenantId,
    caller: &Principal,
    subject: &Subject,
    scope: &Scope,
) -> Result<Surroundings, StoreError> {
    let target = match scope.group() {
        Some(id) => get(tx, tenant, id).await?,
        None => None,
    };
    let Subject::Group(group) = subject else {
        return Ok(Surroundings { target, ..Surroundings::default() });
    };
    lock_nesting(tx, tenant).await?;
    let of_caller = of_person(tx, tenant, caller.person_key()).await?;
    let Some(outer) = &target else {
        return Ok(Surroundings { target, of_caller, ..Surroundings::default() });
    };
    let nested = sqlx::query_file!(
        "src/groups/nested.sql",
        tenant.uuid(),
        group.id.uuid(),
        outer.id.uuid(),
        GROUP_MEMBER,
        // One more than may be tells that it is too many.
        i32::try_from(GROUP_NESTING_MAX).unwrap_or(i32::MAX),
    )
    .fetch_one(&mut **tx)
    .await?;
    let above = nested.above.into_iter().map(GroupId::from).collect();
    let nesting = usize::try_from(nested.nesting).unwrap_or(usize::MAX);
    Ok(Surroundings { target, of_caller, above, nesting })
}

/// The groups that any account of a person belongs to, owns or may come to, through others as well.
///
/// # Errors
/// The database cannot serve.
pub async fn of_person(
    connection: &mut PgConnection,
    tenant: TenantId,
    person: Uuid,
) -> Result<Vec<GroupId>, StoreError> {
    let access = [GROUP_MEMBER, GROUP_OWNER];
    let ids =
        sqlx::query_file_scalar!("src/groups/of_person.sql", tenant.uuid(), person, &access[..])
            .fetch_all(connection)
            .await?;
    Ok(ids.into_iter().map(GroupId::from).collect())
}
