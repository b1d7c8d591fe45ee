//! `GetApproval`, `ListApprovals`, `SearchMyApprovals`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use pim_chassis::{Context, Error};
use pim_domain::{
    approval::Approval,
    authority::{Action, Realm},
    denial::Reason,
    event::ThingKind,
    id::{ActivationId, ApprovalId},
    scope::Scope,
};
use pim_proto::call::{Answer, ApprovalFilter, ApprovalView, List, Listed, PageRequest};
use pim_store::{Read, StoreError, activations, approvals, roles};
use serde::Serialize;

/// One approval: its approvers and its requester may see it, and who may read approvals there.
pub(crate) async fn get(context: Context, id: ApprovalId) -> Result<Answer<ApprovalView>, Error> {
    let caller = context.caller()?;
    let me = caller.principal.id;
    let mut read = context.db().read().await?;
    let Some(approval) = approvals::get(&mut read, context.tenant, id).await? else {
        let missing = Reason::NotFound { thing: ThingKind::Approval, id: id.uuid() };
        return Err(caller.not_found(Action::ApprovalRead, missing, context.now()).into());
    };
    let activation = approvals::activation_of(&mut read, context.tenant, &approval).await?;
    let now = context.now().max(approval.update_time);
    if activation.principal != me && !approval.rule.approvers.contains(&me) {
        let role = roles::get(&mut read, context.tenant, activation.role)
            .await?
            .ok_or_else(|| StoreError::Corrupt { what: "approval", source: "of no role".into() })?;
        let realm = Realm::from(role.catalog);
        caller.authorise(Action::ApprovalRead, realm, &activation.scope, now)?;
    }
    Ok(context.answer(ApprovalView { approval, activation }, read.revision(), now))
}

/// Approvals at a scope and below it.
pub(crate) async fn list(
    context: Context,
    list: List<ApprovalFilter>,
) -> Result<Listed<ApprovalView>, Error> {
    let caller = context.caller()?;
    let List { filter, page } = list;
    let now = context.now();
    let scope = filter.scope.clone().unwrap_or_else(Scope::root);
    let catalogs = caller.catalogs(Action::ApprovalRead, &scope, now)?;
    let wanted = approvals::Filter {
        waits_for: None,
        scope: filter.scope.as_ref(),
        pending_at: (!filter.include_resolved).then_some(now),
        catalogs: Some(&catalogs),
    };
    listed(&context, &filter, &wanted, &page, now).await
}

/// What waits for the caller's decision.
pub(crate) async fn search_mine(
    context: Context,
    list: List<()>,
) -> Result<Listed<ApprovalView>, Error> {
    let caller = context.caller()?;
    let List { filter, page } = list;
    let now = context.now();
    let wanted = approvals::Filter {
        waits_for: Some(caller.principal.id),
        pending_at: Some(now),
        ..approvals::Filter::default()
    };
    listed(&context, &filter, &wanted, &page, now).await
}

async fn listed<F: Serialize>(
    context: &Context,
    filter: &F,
    wanted: &approvals::Filter<'_>,
    page: &PageRequest,
    now: DateTime<Utc>,
) -> Result<Listed<ApprovalView>, Error> {
    let (after, limit) = context.page(filter, page)?;
    let mut read = context.db().read().await?;
    let rows = approvals::list(&mut read, context.tenant, wanted, after, limit).await?;
    let views = views(context, &mut read, rows).await?;
    let cursor = |last: &ApprovalView| last.approval.id;
    Ok(context.listed(filter, page, views, read.revision(), now, cursor))
}

async fn views(
    context: &Context,
    read: &mut Read,
    rows: Vec<Approval>,
) -> Result<Vec<ApprovalView>, Error> {
    let ids: Vec<ActivationId> = rows.iter().map(|approval| approval.activation).collect();
    let activations = activations::get_all(read, context.tenant, &ids).await?;
    let mut of: HashMap<_, _> = activations.into_iter().map(|one| (one.id, one)).collect();
    let view = |approval: Approval| {
        let activation = of.remove(&approval.activation)?;
        Some(ApprovalView { approval, activation })
    };
    Ok(rows.into_iter().filter_map(view).collect())
}
