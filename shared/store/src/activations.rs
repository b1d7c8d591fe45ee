//! Activations.

pub(crate) mod columns;
mod extensions;
mod used_authentications;

use chrono::{DateTime, Utc};
use pim_domain::{
    activation::{Activation, Facts, Rest, State, Use},
    change::Change,
    condition::{Signals, undecided},
    grant::GrantKind,
    id::{ActivationId, GroupId, PrincipalId, RoleId, TenantId},
    justification::Justification,
    policy::Rules,
    role::Catalog,
    scope::Scope,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use self::{
    columns::{Columns, Row},
    extensions::ExtensionRow,
};
pub use self::{extensions::extensions, used_authentications::used};
use crate::{
    StoreError, Tx,
    approvers::{self, Approvers},
    events, grants, groups, holdings, justifications, policies, principals, roles, row, scopes,
};

/// Statements that read all of activations; what follows says which.
macro_rules! rows {
    ($which:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id, principal_id, role_id, scope, eligibility_id, membership_ids,
                      requested_start_time, requested_duration, requested_end_time,
                      justification(justification, (
                          select w.text from words w
                          where w.tenant_id = activation.tenant_id and w.commitment = activation.justification
                      )) as "justification!: Json<Justification>",
                      ticket_number, ticket_system, mfa, auth_time, authentication_contexts,
                      signals as "signals: Json<Signals>",
                      array(select u.auth_time from used_authentication u
                            where u.tenant_id = activation.tenant_id
                              and u.activation_id = activation.id) as "used_authentications!",
                      shortened_duration,
                      policy_revision, state, expire_time, start_time, end_time, truncated,
                      ended_time, ending, void_rules, version, create_time, update_time,
                      (select extension_as_read(e) from extension e
                       where e.tenant_id = activation.tenant_id
                         and e.id = activation.extension_id) as "extension: Json<ExtensionRow>"
               from activation "#
                + $which
            $(, $argument)*
        )
    };
}

/// One activation.
///
/// # Errors
/// The database cannot serve.
pub async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: ActivationId,
) -> Result<Option<Activation>, StoreError> {
    Ok(get_all(connection, tenant, &[id]).await?.pop())
}

/// Those of `ids` that exist.
///
/// # Errors
/// The database cannot serve.
pub async fn get_all(
    connection: &mut PgConnection,
    tenant: TenantId,
    ids: &[ActivationId],
) -> Result<Vec<Activation>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    rows!("where tenant_id = $1 and id = any($2)", tenant.uuid(), &ids)
        .fetch_all(connection)
        .await?
        .into_iter()
        .map(Activation::try_from)
        .collect()
}

/// One activation, locked until the transaction ends. For the service that writes activations.
///
/// # Errors
/// The database cannot serve.
pub async fn get_for_update(
    tx: &mut Tx,
    tenant: TenantId,
    id: ActivationId,
) -> Result<Option<Activation>, StoreError> {
    rows!("where tenant_id = $1 and id = $2 for update", tenant.uuid(), id.uuid())
        .fetch_optional(&mut **tx)
        .await?
        .map(Activation::try_from)
        .transpose()
}

/// All that a request of `principal` for `role` at `scope` is judged by; `None` where there is no
/// such role. What is live for that target is locked, and whoever asks for the same target waits.
///
/// # Errors
/// The database cannot serve.
pub async fn facts(
    tx: &mut Tx,
    tenant: TenantId,
    principal: PrincipalId,
    role: RoleId,
    scope: &Scope,
) -> Result<Option<Facts>, StoreError> {
    lock_target(tx, tenant, principal, role, scope).await?;
    let Some(role) = roles::get(tx, tenant, role).await? else { return Ok(None) };
    let Some(principal) = principals::get(tx, tenant, principal).await? else { return Ok(None) };
    let policy = policies::newest(tx, tenant, &role, scope).await?;
    let memberships = holdings::memberships(tx, tenant, principal.id).await?.memberships();
    let groups = memberships.iter().map(|one| one.group);
    let holders: Vec<PrincipalId> = groups.chain([principal.id]).collect();
    let (kind, target) = (GrantKind::Eligibility, (role.id, scope));
    let eligibilities = grants::reaching(tx, tenant, kind, &holders, target).await?;
    let live = live_for_update(tx, tenant, principal.id, role.id, scope).await?;
    let severed = match &live {
        Some(live) => scopes::severed(tx, tenant, live.id).await?,
        None => None,
    };
    // Who must approve depends on the eligibility that the rules will choose.
    let Approvers { people, belonging } =
        approvers::of_rules(tx, tenant, &policy.approvals()).await?;
    Ok(Some(Facts {
        principal,
        role,
        policy,
        eligibilities,
        memberships,
        live,
        severed,
        people,
        belonging,
        // For who judges to say; until then nothing passes.
        decide: undecided,
        used: Use::Unknown,
    }))
}

/// What an activation rests on, as it is now, and who could approve what it waits for.
///
/// # Errors
/// The database cannot serve, or the activation rests on nothing.
pub async fn rest(
    connection: &mut PgConnection,
    tenant: TenantId,
    activation: &Activation,
) -> Result<Rest, StoreError> {
    let kind = GrantKind::Eligibility;
    let eligibility = grants::get(connection, tenant, kind, activation.eligibility).await?;
    let principal = principals::get(connection, tenant, activation.principal).await?;
    let role = roles::get(connection, tenant, activation.role).await?;
    let ((eligibility, principal), role) = eligibility
        .zip(principal)
        .zip(role)
        .ok_or_else(|| StoreError::corrupt("activation", "rests on nothing"))?;
    let memberships = holdings::memberships(connection, tenant, principal.id).await?.memberships();
    let groups = [Some(eligibility.principal.uuid().into()), eligibility.scope.group()];
    let groups: Vec<GroupId> = groups.into_iter().flatten().collect();
    let groups = groups::get_all(connection, tenant, &groups).await?;
    let deleted = groups.iter().filter_map(|group| group.deleted).min();
    let approvals = match activation.waits_for() {
        Some(_) => pinned(connection, tenant, activation).await?.approvals,
        None => Vec::new(),
    };
    let severed = scopes::severed(connection, tenant, activation.id).await?;
    let Approvers { people, belonging } =
        approvers::of_rules(connection, tenant, &approvals).await?;
    Ok(Rest {
        eligibility,
        deleted,
        memberships,
        severed,
        principal,
        role,
        approvals,
        people,
        belonging,
    })
}

/// The rules by which what an activation waits for, or else itself, was judged.
///
/// # Errors
/// The database cannot serve.
pub async fn pinned(
    connection: &mut PgConnection,
    tenant: TenantId,
    activation: &Activation,
) -> Result<Rules, StoreError> {
    let role = roles::get(connection, tenant, activation.role).await?;
    let kind = GrantKind::Eligibility;
    let eligibility = grants::get(connection, tenant, kind, activation.eligibility).await?;
    let (role, eligibility) = role
        .zip(eligibility)
        .ok_or_else(|| StoreError::corrupt("activation", "of no role, or rests on nothing"))?;
    let (scope, revision) = (&activation.scope, activation.pinned_revision());
    let layers = policies::at(connection, tenant, &role, scope, revision).await?;
    Ok(layers.between(&eligibility.scope, scope))
}

/// Whoever wants the same target waits here until the transaction ends: two requests at once are
/// judged one after the other, so that the second hears which one is live. Whoever moves a scope
/// waits as well: what is judged before a move is there for the move to see.
async fn lock_target(
    tx: &mut Tx,
    tenant: TenantId,
    principal: PrincipalId,
    role: RoleId,
    scope: &Scope,
) -> Result<(), StoreError> {
    let target = format!("{tenant} {principal} {role} {scope}");
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 1)) as \"locked!: ()\",
                pg_advisory_xact_lock_shared(hashtextextended($2, 5)) as \"kept!: ()\"",
        target,
        tenant.to_string(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn live_for_update(
    tx: &mut Tx,
    tenant: TenantId,
    principal: PrincipalId,
    role: RoleId,
    scope: &Scope,
) -> Result<Option<Activation>, StoreError> {
    rows!(
        "where tenant_id = $1 and principal_id = $2 and role_id = $3 and scope = $4
             and state <> 'ENDED'
           for update",
        tenant.uuid(),
        principal.uuid(),
        role.uuid(),
        scope.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await?
    .map(Activation::try_from)
    .transpose()
}

/// Which activations a list is of.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Only of this principal.
    pub principal: Option<PrincipalId>,
    /// Only of this role.
    pub role: Option<RoleId>,
    /// Only at this scope and below.
    pub scope: Option<&'a Scope>,
    /// Only what has not ended by then; absent: ended ones too.
    pub live_at: Option<DateTime<Utc>>,
    /// Only of roles of these catalogs.
    pub catalogs: Option<&'a [Catalog]>,
}

/// Activations by id, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &Filter<'_>,
    after: Option<ActivationId>,
    limit: i64,
) -> Result<Vec<Activation>, StoreError> {
    let catalogs = row::catalogs(filter.catalogs);
    rows!(
        "where tenant_id = $1
             and ($2::uuid is null or principal_id = $2)
             and ($3::uuid is null or role_id = $3)
             and ($4::text is null
                  or starts_with(scope || '/', $4 || '/')
                  or scope_head(scope) in (select scope_heads_below($1, $4)))
             and ($5::timestamptz is null
                  or (state <> 'ENDED' and coalesce(expire_time, end_time, 'infinity') > $5))
             and ($6::text[] is null or exists (
                     select from role r
                     where r.tenant_id = activation.tenant_id and r.id = activation.role_id
                       and r.catalog = any($6)))
             and ($7::uuid is null or id > $7)
           order by id
           limit $8",
        tenant.uuid(),
        filter.principal.map(PrincipalId::uuid),
        filter.role.map(RoleId::uuid),
        row::below(filter.scope),
        filter.live_at,
        catalogs.as_deref(),
        after.map(ActivationId::uuid),
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Activation::try_from)
    .collect()
}

/// The activations that rest on an eligibility or a membership and have not ended, as recorded.
///
/// # Errors
/// The database cannot serve.
pub async fn resting_on(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: Uuid,
) -> Result<Vec<ActivationId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"select id as "id!" from activation
           where tenant_id = $1 and eligibility_id = $2 and state <> 'ENDED'
           union
           select id from activation
           where tenant_id = $1 and $2 = any(membership_ids) and membership_ids <> '{}'
               and state <> 'ENDED'"#,
        tenant.uuid(),
        id,
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(ActivationId::from).collect())
}

/// The activations of a principal that have not ended, as recorded.
///
/// # Errors
/// The database cannot serve.
pub async fn of_principal(
    connection: &mut PgConnection,
    tenant: TenantId,
    principal: PrincipalId,
) -> Result<Vec<ActivationId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select id from activation
         where tenant_id = $1 and principal_id = $2 and state <> 'ENDED'",
        tenant.uuid(),
        principal.uuid(),
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(ActivationId::from).collect())
}

/// The activations of a role that have not ended, as recorded, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn of_role(
    connection: &mut PgConnection,
    tenant: TenantId,
    role: RoleId,
    limit: i64,
) -> Result<Vec<ActivationId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select id from activation
         where tenant_id = $1 and role_id = $2 and state <> 'ENDED'
         order by id limit $3",
        tenant.uuid(),
        role.uuid(),
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(ActivationId::from).collect())
}

/// Writes an activation as it is now.
///
/// # Errors
/// The database cannot serve, or somebody else changed it meanwhile.
pub async fn record(
    tx: &mut Tx,
    tenant: TenantId,
    change: &Change<Activation>,
) -> Result<(), StoreError> {
    let activation = change.after();
    if let State::Active { extension: Some(extension), .. } = &activation.state {
        extensions::record(tx, tenant, activation, extension).await?;
    }
    let columns = Columns::of(activation)?;
    let done = sqlx::query_file!(
        "src/activations/record.sql",
        tenant.uuid(),
        activation.id.uuid(),
        activation.principal.uuid(),
        activation.role.uuid(),
        activation.scope.as_str(),
        activation.eligibility.uuid(),
        &activation.memberships,
        activation.request.start,
        columns.requested_duration,
        columns.requested_end_time,
        justifications::column(&activation.request.justification),
        columns.ticket_number,
        columns.ticket_system,
        activation.request.sign_in.mfa,
        activation.request.sign_in.time,
        &activation.request.sign_in.contexts,
        Json(&activation.request.sign_in.signals) as _,
        columns.shortened_duration,
        activation.policy_revision,
        activation.state.as_str(),
        columns.expire_time,
        columns.start_time,
        columns.end_time,
        columns.truncated,
        columns.ended_time,
        columns.ending,
        columns.void_rules.as_deref(),
        columns.extension_id,
        activation.version.0,
        activation.create_time,
        activation.update_time,
    )
    .execute(&mut **tx)
    .await?;
    row::updated(&done, "activation")?;
    used_authentications::record(tx, tenant, activation).await?;
    events::insert(tx, tenant, change.event()).await
}
