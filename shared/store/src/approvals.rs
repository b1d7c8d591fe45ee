//! Approvals with their decisions.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Extension},
    approval::{Approval, Decision, Facts, State, Verdict},
    change::{Change, Version},
    id::{ActivationId, ApprovalId, ExtensionId, GroupId, PrincipalId, RoleId, TenantId},
    policy::ApprovalRule,
    role::Catalog,
    scope::Scope,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    StoreError, Tx, activations,
    approvers::{self, Approvers},
    events, justifications, principals, roles, row,
};

struct Row {
    id: Uuid,
    activation_id: Uuid,
    extension_id: Option<Uuid>,
    rules: Json<Vec<ApprovalRule>>,
    shortest_duration: i64,
    shortened_duration: Option<i64>,
    expire_time: DateTime<Utc>,
    state: String,
    version: i64,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
    decisions: Json<Vec<Decision>>,
}

impl TryFrom<Row> for Approval {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Approval {
            id: row.id.into(),
            activation: row.activation_id.into(),
            extension: row.extension_id.map(ExtensionId::from),
            rules: row.rules.0,
            shortest: TimeDelta::microseconds(row.shortest_duration),
            shortened: row.shortened_duration.map(TimeDelta::microseconds),
            expire_time: row.expire_time,
            state: row::named(&State::ALL, State::as_str, &row.state, "approval state")?,
            decisions: row.decisions.0,
            version: Version(row.version),
            create_time: row.create_time,
            update_time: row.update_time,
        })
    }
}

/// One approval.
///
/// # Errors
/// The database cannot serve.
pub async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: ApprovalId,
) -> Result<Option<Approval>, StoreError> {
    find(connection, tenant, Some(id), None).await
}

/// The approval of an activation, or of an extension of it.
///
/// # Errors
/// The database cannot serve.
pub async fn of_activation(
    connection: &mut PgConnection,
    tenant: TenantId,
    activation: ActivationId,
    extension: Option<ExtensionId>,
) -> Result<Option<Approval>, StoreError> {
    find(connection, tenant, None, Some((activation, extension))).await
}

async fn find(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: Option<ApprovalId>,
    of: Option<(ActivationId, Option<ExtensionId>)>,
) -> Result<Option<Approval>, StoreError> {
    sqlx::query_file_as!(
        Row,
        "src/approvals/find.sql",
        tenant.uuid(),
        id.map(ApprovalId::uuid),
        of.map(|(activation, _)| activation.uuid()),
        of.and_then(|(_, extension)| extension).map(ExtensionId::uuid),
    )
    .fetch_optional(connection)
    .await?
    .map(Approval::try_from)
    .transpose()
}

/// All that a decision is judged by; the approval is locked until the transaction ends.
///
/// # Errors
/// The database cannot serve.
pub async fn facts(
    tx: &mut Tx,
    tenant: TenantId,
    id: ApprovalId,
) -> Result<Option<Facts>, StoreError> {
    // First the lock, then a statement of its own that sees what was committed before it.
    sqlx::query!(
        "select id from approval where tenant_id = $1 and id = $2 for update",
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(approval) = get(tx, tenant, id).await? else { return Ok(None) };
    Ok(around(tx, tenant, vec![approval]).await?.pop())
}

/// Approvals with all that decisions on them are judged by, in their order; nothing is locked.
///
/// # Errors
/// The database cannot serve.
pub async fn around(
    connection: &mut PgConnection,
    tenant: TenantId,
    approvals: Vec<Approval>,
) -> Result<Vec<Facts>, StoreError> {
    let ids: Vec<ActivationId> = approvals.iter().map(|one| one.activation).collect();
    let activations = activations::get_all(connection, tenant, &ids).await?;
    let roles: Vec<RoleId> = activations.iter().map(|one| one.role).collect();
    let catalogs = roles::catalogs(connection, tenant, &roles).await?;
    let requesters: Vec<PrincipalId> = activations.iter().map(|one| one.principal).collect();
    let requesters = principals::get_all(connection, tenant, &requesters).await?;
    let rules: Vec<ApprovalRule> =
        approvals.iter().flat_map(|approval| approval.rules.iter().cloned()).collect();
    let all = approvers::of_rules(connection, tenant, &rules).await?;
    let asked = |id: PrincipalId| requesters.iter().find(|one| one.id == id).cloned();
    let facts = |approval: Approval| {
        let activation = activations.iter().find(|one| one.id == approval.activation)?.clone();
        let Approvers { people, belonging } = all.of(&approval.rules);
        Some(Facts {
            catalog: *catalogs.get(&activation.role)?,
            requester: asked(activation.principal)?,
            approval,
            activation,
            people,
            belonging,
        })
    };
    let whole = |approval| {
        facts(approval).ok_or_else(|| StoreError::corrupt("approval", "of nothing or nobody"))
    };
    approvals.into_iter().map(whole).collect()
}

/// What an approval is about.
///
/// # Errors
/// The database cannot serve.
pub async fn activation_of(
    connection: &mut PgConnection,
    tenant: TenantId,
    approval: &Approval,
) -> Result<Activation, StoreError> {
    activations::get(connection, tenant, approval.activation)
        .await?
        .ok_or_else(|| StoreError::corrupt("approval", "of no activation"))
}

/// The extension that an approval is about, where it is about one.
///
/// # Errors
/// The database cannot serve.
pub async fn extension_of(
    connection: &mut PgConnection,
    tenant: TenantId,
    approval: &Approval,
) -> Result<Option<Extension>, StoreError> {
    match approval.extension {
        Some(id) => Ok(activations::extensions(connection, tenant, &[id]).await?.pop()),
        None => Ok(None),
    }
}

/// Which approvals a list is of.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Only those that may wait for this principal's decision, as themselves or as one of these
    /// groups; whether they do, the domain says.
    pub waits_for: Option<(PrincipalId, &'a [GroupId])>,
    /// Only of activations at this scope and below.
    pub scope: Option<&'a Scope>,
    /// Only what is pending then; absent: resolved ones too.
    pub pending_at: Option<DateTime<Utc>>,
    /// Only of roles of these catalogs.
    pub catalogs: Option<&'a [Catalog]>,
}

/// Approvals by id, at most `limit`.
///
/// # Errors
/// The database cannot serve.
pub async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &Filter<'_>,
    after: Option<ApprovalId>,
    limit: i64,
) -> Result<Vec<Approval>, StoreError> {
    let catalogs = row::catalogs(filter.catalogs);
    let groups = filter.waits_for.map_or(&[][..], |(_, groups)| groups);
    let groups: Vec<Uuid> = groups.iter().map(|group| group.uuid()).collect();
    sqlx::query_file_as!(
        Row,
        "src/approvals/list.sql",
        tenant.uuid(),
        filter.waits_for.map(|(principal, _)| principal.uuid()),
        row::below(filter.scope),
        filter.pending_at,
        catalogs.as_deref(),
        after.map(ApprovalId::uuid),
        limit,
        &groups,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Approval::try_from)
    .collect()
}

/// Every user and every group whom its rules name.
pub(crate) fn approver_ids(approval: &Approval) -> Vec<Uuid> {
    let ids = approval.rules.iter().flat_map(|rule| {
        let groups = rule.groups().into_iter().map(GroupId::uuid);
        groups.chain(rule.users().into_iter().map(PrincipalId::uuid))
    });
    ids.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Writes an approval as it is now, with the decision that this change made.
///
/// # Errors
/// The database cannot serve, or somebody else changed it meanwhile.
pub async fn record(
    tx: &mut Tx,
    tenant: TenantId,
    change: &Change<Approval>,
) -> Result<(), StoreError> {
    let approval = change.after();
    let done = sqlx::query!(
        "insert into approval
             (tenant_id, id, activation_id, extension_id, approver_ids, rules, shortest_duration,
              shortened_duration, expire_time, state, version, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (tenant_id, id) do update
         set shortened_duration = excluded.shortened_duration,
             state = excluded.state,
             version = excluded.version,
             update_time = excluded.update_time
         where approval.version = excluded.version - 1",
        tenant.uuid(),
        approval.id.uuid(),
        approval.activation.uuid(),
        approval.extension.map(ExtensionId::uuid),
        &approver_ids(approval),
        Json(&approval.rules) as _,
        row::micros(approval.shortest)?,
        approval.shortened.map(row::micros).transpose()?,
        approval.expire_time,
        approval.state.as_str(),
        approval.version.0,
        approval.create_time,
        approval.update_time,
    )
    .execute(&mut **tx)
    .await?;
    row::updated(&done, "approval")?;
    // Each has made one version, the first one the second.
    for (version, decision) in (2..).zip(&approval.decisions) {
        record_decision(tx, tenant, approval.id, version, decision).await?;
    }
    events::insert(tx, tenant, change.event()).await
}

/// Those that are there already stay as they are, but that they may have been dropped.
async fn record_decision(
    tx: &mut Tx,
    tenant: TenantId,
    approval: ApprovalId,
    version: i64,
    decision: &Decision,
) -> Result<(), StoreError> {
    let verdict = match decision.verdict {
        Verdict::Approve => "approve",
        Verdict::Deny => "deny",
    };
    sqlx::query!(
        "insert into decision
             (tenant_id, approval_id, person_id, approver_id, verdict, justification, decide_time,
              dropped_time, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (tenant_id, approval_id, version) do update
         set dropped_time = excluded.dropped_time
         where decision.dropped_time is null",
        tenant.uuid(),
        approval.uuid(),
        decision.person,
        decision.approver.uuid(),
        verdict,
        justifications::column(&decision.justification),
        decision.time,
        decision.dropped,
        version,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
