//! Approvals with their decisions.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::Activation,
    approval::{Approval, Decision, Facts, State, Verdict},
    change::{Change, Version},
    id::{ActivationId, ApprovalId, PrincipalId, TenantId},
    policy::ApprovalRule,
    role::Catalog,
    scope::Scope,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{StoreError, Tx, activations, events, principals, roles, row};

struct Row {
    id: Uuid,
    activation_id: Uuid,
    approver_ids: Vec<Uuid>,
    timeout: i64,
    justify_approve: bool,
    justify_deny: bool,
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
            rule: ApprovalRule {
                approvers: row.approver_ids.into_iter().map(PrincipalId::from).collect(),
                timeout: TimeDelta::microseconds(row.timeout),
                justify_approve: row.justify_approve,
                justify_deny: row.justify_deny,
            },
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

/// The approval of an activation.
///
/// # Errors
/// The database cannot serve.
pub async fn of_activation(
    connection: &mut PgConnection,
    tenant: TenantId,
    activation: ActivationId,
) -> Result<Option<Approval>, StoreError> {
    find(connection, tenant, None, Some(activation)).await
}

async fn find(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: Option<ApprovalId>,
    activation: Option<ActivationId>,
) -> Result<Option<Approval>, StoreError> {
    sqlx::query_file_as!(
        Row,
        "src/approvals/find.sql",
        tenant.uuid(),
        id.map(ApprovalId::uuid),
        activation.map(ActivationId::uuid),
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
    let activation = activation_of(tx, tenant, &approval).await?;
    let role = roles::get(tx, tenant, activation.role).await?;
    let requester = principals::get(tx, tenant, activation.principal).await?;
    let approvers = principals::get_all(tx, tenant, &approval.rule.approvers).await?;
    let Some((role, requester)) = role.zip(requester) else {
        return Err(StoreError::corrupt("approval", "of no role or nobody"));
    };
    Ok(Some(Facts { approval, activation, catalog: role.catalog, requester, approvers }))
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

/// Which approvals a list is of.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Only those that wait for this principal's decision.
    pub waits_for: Option<PrincipalId>,
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
    sqlx::query_file_as!(
        Row,
        "src/approvals/list.sql",
        tenant.uuid(),
        filter.waits_for.map(PrincipalId::uuid),
        row::below(filter.scope),
        filter.pending_at,
        catalogs.as_deref(),
        after.map(ApprovalId::uuid),
        limit,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Approval::try_from)
    .collect()
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
    let approvers: Vec<Uuid> = approval.rule.approvers.iter().map(|one| one.uuid()).collect();
    let done = sqlx::query!(
        "insert into approval
             (tenant_id, id, activation_id, approver_ids, timeout, justify_approve, justify_deny,
              expire_time, state, version, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (tenant_id, id) do update
         set state = excluded.state,
             version = excluded.version,
             update_time = excluded.update_time
         where approval.version = excluded.version - 1",
        tenant.uuid(),
        approval.id.uuid(),
        approval.activation.uuid(),
        &approvers,
        row::micros(approval.rule.timeout)?,
        approval.rule.justify_approve,
        approval.rule.justify_deny,
        approval.expire_time,
        approval.state.as_str(),
        approval.version.0,
        approval.create_time,
        approval.update_time,
    )
    .execute(&mut **tx)
    .await?;
    row::updated(&done, "approval")?;
    for decision in &approval.decisions {
        record_decision(tx, tenant, approval, decision).await?;
    }
    events::insert(tx, tenant, change.event()).await
}

/// Those that are there already stay as they are.
async fn record_decision(
    tx: &mut Tx,
    tenant: TenantId,
    approval: &Approval,
    decision: &Decision,
) -> Result<(), StoreError> {
    let verdict = match decision.verdict {
        Verdict::Approve => "approve",
        Verdict::Deny => "deny",
    };
    sqlx::query!(
        "insert into decision
             (tenant_id, approval_id, person_id, approver_id, verdict, justification, decide_time,
              version)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict do nothing",
        tenant.uuid(),
        approval.id.uuid(),
        decision.person,
        decision.approver.uuid(),
        verdict,
        decision.justification,
        decision.time,
        approval.version.0,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
