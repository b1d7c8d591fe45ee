//! `GetPolicy` and `UpdatePolicy`.

use pim_chassis::{Context, Error};
use pim_domain::{
    authority::{Action, Realm},
    denial::Reason,
    event::ThingKind,
    id::RoleId,
    policy::{self, Facts, Update},
    scope::Scope,
};
use pim_proto::call::{Answer, PolicyView, Write};
use pim_store::{Purpose, policies, principals, roles};

/// The rules in force for a role. Everybody of a tenant may know them.
pub(crate) async fn get(context: Context, role: RoleId) -> Result<Answer<PolicyView>, Error> {
    let mut read = context.db().read().await?;
    let role = roles::get(&mut read, context.tenant, role).await?.ok_or_else(|| missing(role))?;
    let policy = policies::newest(&mut read, context.tenant, role.id).await?;
    let view = PolicyView { policy, catalog: role.catalog };
    Ok(context.answer(view, read.revision(), context.now()))
}

/// Changes rules, all or none, as a new revision.
pub(crate) async fn update(
    context: Context,
    wish: Write<Update>,
) -> Result<Answer<PolicyView>, Error> {
    let caller = context.caller()?;
    let tenant = context.tenant;
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let id = wish.command.role;
    let Some(role) = roles::get(&mut work, tenant, id).await? else {
        return Err(caller.not_found(Action::PolicyUpdate, missing(id), context.now()).into());
    };
    let policy = policies::newest(&mut work, tenant, id).await?;
    let approval = wish.command.set.approval.as_ref().or(policy.set.approval.as_ref());
    let slots = approval.map(|approval| approval.approvers.clone()).unwrap_or_default();
    let approvers = principals::get_all(&mut work, tenant, &slots).await?;
    let known = approvers.iter().map(|approver| approver.update_time);
    let newest = known.chain([role.update_time, policy.update_time]).max();
    let stamp = context.gaining(newest.unwrap_or(role.update_time))?;
    let realm = Realm::from(role.catalog);
    caller.authorise(Action::PolicyUpdate, realm, &Scope::root(), stamp.now)?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let catalog = role.catalog;
    let change = policy::update(&Facts { role, policy, approvers }, wish.command, &stamp)?;
    policies::record(&mut work, tenant, &change).await?;
    let view = PolicyView { policy: change.into_after(), catalog };
    context.commit(work, view, stamp.now).await
}

fn missing(role: RoleId) -> Reason {
    Reason::NotFound { thing: ThingKind::Role, id: role.uuid() }
}
