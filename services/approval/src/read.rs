//! `GetApproval`, `ListApprovals`, `SearchMyApprovals`, `ListPossibleApprovers`.

use std::collections::HashMap;

use pim_chassis::{Context, Error};
use pim_domain::{
    activation::Activation,
    approval::{Approval, Facts},
    authority::{Action, Realm},
    denial::Reason,
    event::ThingKind,
    id::{ActivationId, ApprovalId, ExtensionId, GroupId},
    scope::Scope,
};
use pim_proto::call::{
    Answer, ApprovalFilter, ApprovalView, List, ListPossibleApprovers, Listed,
    PossibleApproversView,
};
use pim_store::{Read, StoreError, activations, approvals, holdings, scopes};

/// One approval: its approvers and its requester may see it, and who may read approvals there.
pub(crate) async fn get(context: Context, id: ApprovalId) -> Result<Answer<ApprovalView>, Error> {
    let mut read = context.read().await?;
    let facts = visible(&context, &mut read, id).await?;
    let now = context.now().max(facts.approval.update_time);
    let extension = approvals::extension_of(&mut read, context.tenant, &facts.approval).await?;
    let view = ApprovalView { approval: facts.approval, activation: facts.activation, extension };
    Ok(context.answer(view, read.revision(), now))
}

/// Who could approve it.
pub(crate) async fn possible_approvers(
    context: Context,
    wish: ListPossibleApprovers,
) -> Result<Answer<PossibleApproversView>, Error> {
    let mut read = context.read().await?;
    let facts = visible(&context, &mut read, wish.approval).await?;
    let now = context.now().max(facts.newest());
    let approvers = facts.possible_approvers(now);
    Ok(context.answer(PossibleApproversView { approvers }, read.revision(), now))
}

/// What the caller may see of an approval is all of it or nothing.
async fn visible(context: &Context, read: &mut Read, id: ApprovalId) -> Result<Facts, Error> {
    let caller = context.caller()?;
    let me = caller.principal.id;
    let Some(approval) = approvals::get(read, context.tenant, id).await? else {
        let missing = Reason::NotFound { thing: ThingKind::Approval, id: id.uuid() };
        return Err(caller.not_found(Action::ApprovalRead, missing, context.now()).into());
    };
    let facts = approvals::around(read, context.tenant, vec![approval])
        .await?
        .pop()
        .ok_or_else(|| StoreError::Corrupt { what: "approval", source: "of nothing".into() })?;
    let rules = &facts.approval.rules;
    let named = rules.iter().any(|rule| rule.users().contains(&me))
        || facts.possible_approvers(context.now()).iter().any(|one| one.approver == me);
    if facts.activation.principal != me && !named {
        let now = context.now().max(facts.approval.update_time);
        let realm = Realm::from(facts.catalog);
        let at = scopes::lineage(read, context.tenant, &facts.activation.scope).await?;
        caller.authorise(Action::ApprovalRead, realm, &at, now)?;
    }
    Ok(facts)
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
    let mut read = context.browse().await?;
    let at = scopes::lineage(&mut read, context.tenant, &scope).await?;
    let catalogs = caller.catalogs(Action::ApprovalRead, &at, now)?;
    let wanted = approvals::Filter {
        waits_for: None,
        scope: filter.scope.as_ref(),
        pending_at: (!filter.include_resolved).then_some(now),
        catalogs: Some(&catalogs),
    };
    let (after, limit) = context.page(&filter, &page)?;
    let mut read = context.browse().await?;
    let rows = approvals::list(&mut read, context.tenant, &wanted, after, limit).await?;
    let ids: Vec<ActivationId> = rows.iter().map(|approval| approval.activation).collect();
    let activations = activations::get_all(&mut read, context.tenant, &ids).await?;
    let of: HashMap<ActivationId, Activation> =
        activations.into_iter().map(|one| (one.id, one)).collect();
    let pairs = rows.into_iter().filter_map(|approval| {
        let activation = of.get(&approval.activation)?.clone();
        Some((approval, activation))
    });
    let views = views(&context, &mut read, pairs.collect()).await?;
    let cursor = |last: &ApprovalView| last.approval.id;
    Ok(context.listed(&filter, &page, views, read.revision(), now, cursor))
}

/// What waits for the caller's decision: of what may, that which the domain says does.
pub(crate) async fn search_mine(
    context: Context,
    list: List<()>,
) -> Result<Listed<ApprovalView>, Error> {
    let caller = context.caller()?;
    let List { filter, page } = list;
    let now = context.now();
    let mut read = context.browse().await?;
    let me = caller.principal.id;
    let ground = holdings::memberships(&mut read, context.tenant, me).await?.resolve();
    let groups: Vec<GroupId> = ground.groups(now).map(|group| group.uuid().into()).collect();
    let wanted = approvals::Filter {
        waits_for: Some((me, &groups)),
        pending_at: Some(now),
        ..approvals::Filter::default()
    };
    let (mut after, limit) = context.page::<_, ApprovalId>(&filter, &page)?;
    let mut mine = Vec::new();
    let wanted_count = usize::try_from(limit).unwrap_or(usize::MAX);
    loop {
        let rows = approvals::list(&mut read, context.tenant, &wanted, after, limit).await?;
        let was_last = rows.len() < wanted_count;
        after = rows.last().map(|last| last.id).or(after);
        let facts = approvals::around(&mut read, context.tenant, rows).await?;
        mine.extend(facts.into_iter().filter(|facts| facts.waits_for(&caller.principal, now)));
        if was_last || mine.len() >= wanted_count {
            break;
        }
    }
    mine.truncate(wanted_count);
    let pairs = mine.into_iter().map(|facts| (facts.approval, facts.activation)).collect();
    let views = views(&context, &mut read, pairs).await?;
    let cursor = |last: &ApprovalView| last.approval.id;
    Ok(context.listed(&filter, &page, views, read.revision(), now, cursor))
}

async fn views(
    context: &Context,
    read: &mut Read,
    pairs: Vec<(Approval, Activation)>,
) -> Result<Vec<ApprovalView>, Error> {
    let ids: Vec<ExtensionId> =
        pairs.iter().filter_map(|(approval, _)| approval.extension).collect();
    let extensions = match ids.as_slice() {
        [] => Vec::new(),
        ids => activations::extensions(read, context.tenant, ids).await?,
    };
    let views = pairs.into_iter().map(|(approval, activation)| {
        let extension = extensions.iter().find(|one| Some(one.id) == approval.extension).cloned();
        ApprovalView { approval, activation, extension }
    });
    Ok(views.collect())
}
