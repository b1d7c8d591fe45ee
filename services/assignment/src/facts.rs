//! What a wish to grant, or to change what was granted, is judged by.

use pim_chassis::{Context, Error, Work};
use pim_domain::{
    authority::{Action, Realm},
    denial::Reason,
    grant::{Facts, Grant, GrantKind},
    group::Subject,
    id::GrantId,
    role::Role,
    scope::Scope,
};
use pim_store::{StoreError, grants, groups, policies, roles, scopes};

use crate::grant::missing_role;

/// What there is of a target; whoever wants the same one waits until the transaction ends.
pub(crate) async fn of_target(
    context: &Context,
    work: &mut Work,
    kind: GrantKind,
    subject: Subject,
    role: Role,
    scope: &Scope,
) -> Result<Facts, Error> {
    let (caller, tenant) = (context.caller()?, context.tenant);
    grants::lock_target(work, tenant, kind, subject.id(), role.id, scope).await?;
    // As it stays: where it can be granted is not changed beside this.
    let role = roles::get_for_grant(work, tenant, role.id).await?.ok_or_else(missing_role)?;
    let (holders, target) = ([subject.id()], (role.id, scope));
    let mut existing = grants::reaching(work, tenant, kind, &holders, target).await?;
    existing.retain(|grant| grant.scope == *scope);
    let policy = policies::newest(work, tenant, &role, scope).await?;
    let groups = groups::surroundings(work, tenant, &caller.principal, &subject, scope).await?;
    Ok(Facts {
        role,
        policy,
        subject,
        caller: caller.principal.clone(),
        caller_mfa: caller.sign_in.mfa,
        existing,
        groups,
    })
}

/// The same for a grant that is there.
pub(crate) async fn of_grant(
    context: &Context,
    work: &mut Work,
    grant: &Grant,
    role: Role,
) -> Result<Facts, Error> {
    let subject = groups::subject(work, context.tenant, grant.principal).await?;
    let nobody = || StoreError::Corrupt { what: "grant", source: "of nobody".into() };
    let subject = subject.ok_or_else(nobody)?;
    of_target(context, work, grant.kind, subject, role, &grant.scope).await
}

/// A grant that the caller may do `action` to, locked, and its role.
pub(crate) async fn load(
    context: &Context,
    work: &mut Work,
    (kind, id): (GrantKind, GrantId),
    action: Action,
) -> Result<(Grant, Role), Error> {
    let (caller, tenant) = (context.caller()?, context.tenant);
    let Some(grant) = grants::get_for_update(work, tenant, kind, id).await? else {
        let missing = Reason::NotFound { thing: kind.thing(), id: id.uuid() };
        return Err(caller.not_found(action, missing, context.now()).into());
    };
    let role = roles::get(work, tenant, grant.role).await?.ok_or_else(missing_role)?;
    let now = context.now().max(grant.update_time);
    let at = scopes::lineage(work, tenant, &grant.scope).await?;
    caller.authorise(action, Realm::from(role.catalog), &at, now)?;
    Ok((grant, role))
}
