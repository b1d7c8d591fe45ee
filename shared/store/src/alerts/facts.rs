//! What the conditions of alerts are judged by. Candidates only, as few as can be: the rules say
//! which meet theirs. No statement answers with more than [`FOUND_MAX`] of them.

pub mod holdings;

use chrono::{DateTime, Utc};
use pim_domain::{
    alert::{
        FOUND_MAX, Measure, Setting,
        condition::{
            Activated, Approvals, Approvers, Changed, Crowd, Eligible, InForce, Refused, Renewals,
            Use,
        },
    },
    authority::{GLOBAL_ADMINISTRATOR, GROUP_MEMBER, OWNER},
    holders::Holder,
    id::{RoleId, TenantId},
    role::Role,
    scope::Scope,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{StoreError, approvers, holders, policies, roles, row};

/// Some of the candidates, or all.
#[derive(Debug, Clone)]
pub struct Candidates<T> {
    /// At most [`FOUND_MAX`].
    pub some: Vec<T>,
    /// Whether there are no others.
    pub is_whole: bool,
}

impl<T> Candidates<T> {
    /// These and no others.
    fn whole(some: Vec<T>) -> Self {
        Self { some, is_whole: true }
    }

    /// Of one more than are looked at, to know whether there are others.
    fn of(mut some: Vec<T>) -> Self {
        let is_whole = some.len() <= FOUND_MAX;
        some.truncate(FOUND_MAX);
        Self { some, is_whole }
    }
}

/// One more than are looked at.
fn limit() -> i64 {
    i64::try_from(FOUND_MAX).map_or(i64::MAX, |most| most.saturating_add(1))
}

/// How many administer the whole tenant, of how many that have a directory role or are eligible.
///
/// # Errors
/// The database cannot serve.
pub async fn global_administrators(
    connection: &mut PgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<Candidates<Crowd>, StoreError> {
    let row = sqlx::query_file!(
        "src/alerts/global_administrators.sql",
        tenant.uuid(),
        GLOBAL_ADMINISTRATOR,
        now,
        GROUP_MEMBER,
    )
    .fetch_one(connection)
    .await?;
    let (role, scope) = (GLOBAL_ADMINISTRATOR.into(), Scope::root());
    Ok(Candidates::whole(vec![Crowd { role, scope, count: row.count, of: row.of }]))
}

/// Whose number is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// Owners, of all who have a role there.
    Any,
    /// Owners for good, of all owners.
    Permanent,
}

/// How many own a scope, where they are too many.
///
/// # Errors
/// The database cannot serve.
pub async fn owners(
    connection: &mut PgConnection,
    tenant: TenantId,
    which: Owners,
    setting: &Setting,
    now: DateTime<Utc>,
) -> Result<Candidates<Crowd>, StoreError> {
    let rows = sqlx::query_file!(
        "src/alerts/owners.sql",
        tenant.uuid(),
        OWNER,
        now,
        GROUP_MEMBER,
        which == Owners::Permanent,
        setting.value(Measure::Count),
        setting.value(Measure::Share),
        limit(),
    )
    .fetch_all(connection)
    .await?;
    let crowd = |row: (String, i64, i64)| {
        let (scope, count, of) = row;
        Ok(Crowd { role: OWNER.into(), scope: row::scope(&scope)?, count, of })
    };
    let rows = rows.into_iter().map(|row| crowd((row.scope, row.count, row.of)));
    Ok(Candidates::of(rows.collect::<Result<_, StoreError>>()?))
}

/// Eligibilities in force that have not been used for long.
///
/// # Errors
/// The database cannot serve.
pub async fn unused(
    connection: &mut PgConnection,
    tenant: TenantId,
    setting: &Setting,
    now: DateTime<Utc>,
) -> Result<Candidates<Eligible>, StoreError> {
    let rows = sqlx::query_file!(
        "src/alerts/unused.sql",
        tenant.uuid(),
        now,
        setting.since(now),
        limit(),
    )
    .fetch_all(connection)
    .await?;
    let rows = rows.into_iter().map(|row| {
        Ok(Eligible {
            eligibility: row.id.into(),
            principal: row.principal_id.into(),
            role: row.role_id.into(),
            scope: row::scope(&row.scope)?,
            since: row.since,
            last_used: row.last_used,
        })
    });
    Ok(Candidates::of(rows.collect::<Result<_, StoreError>>()?))
}

/// Who has activated the same role often of late.
///
/// # Errors
/// The database cannot serve.
pub async fn renewals(
    connection: &mut PgConnection,
    tenant: TenantId,
    setting: &Setting,
    now: DateTime<Utc>,
) -> Result<Candidates<Renewals>, StoreError> {
    let rows = sqlx::query!(
        r#"select subject_id as "subject_id!", role_id as "role_id!", scope as "scope!",
                  count(*) as "count!"
           from event
           where tenant_id = $1 and code = 'pim.activation.activated' and event_time > $2
             and subject_id is not null and role_id is not null and scope is not null
           group by subject_id, role_id, scope
           having count(*) >= $3
           order by subject_id, role_id, scope
           limit $4"#,
        tenant.uuid(),
        setting.since(now),
        setting.value(Measure::Count),
        limit(),
    )
    .fetch_all(connection)
    .await?;
    let rows = rows.into_iter().map(|row| {
        Ok(Renewals {
            principal: row.subject_id.into(),
            role: row.role_id.into(),
            scope: row::scope(&row.scope)?,
            count: row.count,
        })
    });
    Ok(Candidates::of(rows.collect::<Result<_, StoreError>>()?))
}

/// Who administers the whole tenant for good.
///
/// # Errors
/// The database cannot serve.
pub async fn administrators(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Vec<Holder>, StoreError> {
    let role = GLOBAL_ADMINISTRATOR.into();
    holders::of_target(connection, tenant, role, &Scope::root()).await
}

/// When break-glass accounts last did something, of late.
///
/// # Errors
/// The database cannot serve.
pub async fn uses(
    connection: &mut PgConnection,
    tenant: TenantId,
    setting: &Setting,
    now: DateTime<Utc>,
) -> Result<Candidates<Use>, StoreError> {
    let rows = sqlx::query!(
        r#"select p.id, last.event_time
           from principal p
           cross join lateral (
               select e.event_time
               from event e
               where e.tenant_id = p.tenant_id and e.actor_id = p.id::text and e.event_time > $2
               order by e.event_time desc
               limit 1
           ) last
           where p.tenant_id = $1 and p.break_glass
           order by p.id
           limit $3"#,
        tenant.uuid(),
        setting.since(now),
        limit(),
    )
    .fetch_all(connection)
    .await?;
    let rows = rows.into_iter();
    Ok(Candidates::of(
        rows.map(|row| Use { principal: row.id.into(), latest: row.event_time }).collect(),
    ))
}

/// Who was refused often of late, and has not succeeded with anything since.
///
/// # Errors
/// The database cannot serve.
pub async fn refused(
    connection: &mut PgConnection,
    tenant: TenantId,
    setting: &Setting,
    now: DateTime<Utc>,
) -> Result<Candidates<Refused>, StoreError> {
    let rows = sqlx::query_file!(
        "src/alerts/refused.sql",
        tenant.uuid(),
        setting.since(now),
        setting.value(Measure::Count),
        limit(),
    )
    .fetch_all(connection)
    .await?;
    let found = Candidates::of(rows);
    // Services and operators have no id in the directory.
    let somebody = found.some.into_iter().filter_map(|row| {
        let principal = row.actor_id.parse().ok()?;
        Some(Refused { principal, count: row.count })
    });
    Ok(Candidates { some: somebody.collect(), is_whole: found.is_whole })
}

/// Pairs of persons of whom each has approved all of the other's of late; both of a pair follow
/// each other.
///
/// # Errors
/// The database cannot serve.
pub async fn approvals(
    connection: &mut PgConnection,
    tenant: TenantId,
    setting: &Setting,
    now: DateTime<Utc>,
) -> Result<Candidates<Approvals>, StoreError> {
    let rows = sqlx::query_file!(
        "src/alerts/mutual.sql",
        tenant.uuid(),
        setting.since(now),
        setting.value(Measure::Count),
        limit(),
    )
    .fetch_all(connection)
    .await?;
    let rows = rows.into_iter().map(|row| Approvals {
        account: row.account_id.into(),
        requester: row.requester_id,
        approver: row.approver_id,
        count: row.count,
        of: row.of,
    });
    Ok(Candidates::of(rows.collect()))
}

/// The custom roles that there are.
///
/// # Errors
/// The database cannot serve.
pub async fn custom_roles(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Candidates<Role>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select id from role
         where tenant_id = $1 and assignable_scopes is not null and deleted_time is null
         order by id
         limit $2",
        tenant.uuid(),
        limit(),
    )
    .fetch_all(&mut *connection)
    .await?;
    let found = Candidates::of(ids.into_iter().map(RoleId::from).collect());
    let some = roles::with_inherited(connection, tenant, &found.some).await?;
    Ok(Candidates { some, is_whole: found.is_whole })
}

/// The activations of late that are far from the hour of all before them.
///
/// # Errors
/// The database cannot serve.
pub async fn unusual_hours(
    connection: &mut PgConnection,
    tenant: TenantId,
    setting: &Setting,
    now: DateTime<Utc>,
) -> Result<Candidates<Activated>, StoreError> {
    let rows = sqlx::query_file!(
        "src/alerts/unusual_hours.sql",
        tenant.uuid(),
        setting.since(now),
        i32::try_from(setting.value(Measure::Count)).unwrap_or(i32::MAX),
        setting.value(Measure::Distance).saturating_mul(3_600),
        limit(),
    )
    .fetch_all(connection)
    .await?;
    let rows = rows.into_iter().map(|row| {
        Ok(Activated {
            activation: row.thing_id,
            principal: row.subject_id.into(),
            role: row.role_id.into(),
            scope: row::scope(&row.scope)?,
            time: row.event_time,
            history: row.times,
        })
    });
    Ok(Candidates::of(rows.collect::<Result<_, StoreError>>()?))
}

/// The rules in force where something is set that may ask for less than a second factor.
///
/// # Errors
/// The database cannot serve.
pub async fn without_mfa(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Candidates<InForce>, StoreError> {
    let rows = sqlx::query!(
        r#"select p.role_id as "role_id!", p.scope as "scope!"
           from (
               select distinct on (role_id, scope) role_id, scope, rules
               from policy where tenant_id = $1
               order by role_id, scope, revision desc
           ) p
           join role r on r.tenant_id = $1 and r.id = p.role_id and r.deleted_time is null
           -- What sets neither is no weaker than what is set above it.
           where p.rules ->> 'require_mfa' = 'false' or p.rules ->> 'authentication_context' = ''
           order by p.role_id, p.scope
           limit $2"#,
        tenant.uuid(),
        limit(),
    )
    .fetch_all(&mut *connection)
    .await?;
    let found = Candidates::of(rows);
    let mut some = Vec::with_capacity(found.some.len());
    for row in found.some {
        let (role, scope) = target(connection, tenant, row.role_id, &row.scope).await?;
        let layers = policies::newest(connection, tenant, &role, &scope).await?;
        some.push(InForce { role: role.id, rules: layers.at(&scope), scope });
    }
    Ok(Candidates { some, is_whole: found.is_whole })
}

/// The rules in force where something was set of late, and those before it.
///
/// # Errors
/// The database cannot serve.
pub async fn changed(
    connection: &mut PgConnection,
    tenant: TenantId,
    setting: &Setting,
    now: DateTime<Utc>,
) -> Result<Candidates<Changed>, StoreError> {
    let rows = sqlx::query!(
        r#"select p.role_id as "role_id!", p.scope as "scope!", max(p.update_time) as "latest!",
                  (
                      select coalesce(max(b.revision), 0)
                      from policy b
                      where b.tenant_id = $1 and b.role_id = p.role_id and b.update_time <= $2
                  ) as "revision!"
           from policy p
           join role r on r.tenant_id = p.tenant_id and r.id = p.role_id and r.deleted_time is null
           where p.tenant_id = $1 and p.update_time > $2
           group by p.role_id, p.scope
           order by p.role_id, p.scope
           limit $3"#,
        tenant.uuid(),
        setting.since(now),
        limit(),
    )
    .fetch_all(&mut *connection)
    .await?;
    let found = Candidates::of(rows);
    let mut some = Vec::with_capacity(found.some.len());
    for row in found.some {
        let (role, scope) = target(connection, tenant, row.role_id, &row.scope).await?;
        let before = policies::at(connection, tenant, &role, &scope, row.revision).await?;
        let after = policies::newest(connection, tenant, &role, &scope).await?;
        some.push(Changed {
            role: role.id,
            before: before.at(&scope),
            after: after.at(&scope),
            scope,
            latest: row.latest,
        });
    }
    Ok(Candidates { some, is_whole: found.is_whole })
}

/// A policy that asks for approval.
#[derive(Debug, Clone)]
pub struct Approved {
    role: Uuid,
    scope: String,
}

/// The policies that ask for approval.
///
/// # Errors
/// The database cannot serve.
pub async fn approved(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Candidates<Approved>, StoreError> {
    let rows = sqlx::query_as!(
        Approved,
        r#"select p.role_id as "role!", p.scope as "scope!"
           from (
               select distinct on (role_id, scope) role_id, scope, rules
               from policy where tenant_id = $1
               order by role_id, scope, revision desc
           ) p
           join role r on r.tenant_id = $1 and r.id = p.role_id and r.deleted_time is null
           where jsonb_array_length(p.rules #> '{approval,stages}') > 0
           order by p.role_id, p.scope
           limit $2"#,
        tenant.uuid(),
        limit(),
    )
    .fetch_all(connection)
    .await?;
    Ok(Candidates::of(rows))
}

/// What one of them asks for, and who can give it.
///
/// # Errors
/// The database cannot serve.
pub async fn approvers(
    connection: &mut PgConnection,
    tenant: TenantId,
    approved: &Approved,
) -> Result<Approvers, StoreError> {
    let (role, scope) = target(connection, tenant, approved.role, &approved.scope).await?;
    let layers = policies::newest(connection, tenant, &role, &scope).await?;
    let rules = layers.at(&scope).approvals;
    let named = approvers::of_rules(connection, tenant, &rules).await?;
    Ok(Approvers { role: role.id, scope, rules, people: named.people, belonging: named.belonging })
}

async fn target(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: Uuid,
    scope: &str,
) -> Result<(Role, Scope), StoreError> {
    let found = roles::get(connection, tenant, role.into()).await?;
    let role = found.ok_or_else(|| StoreError::corrupt("policy", "of no role"))?;
    Ok((role, row::scope(scope)?))
}
