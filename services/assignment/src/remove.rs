//! `RemoveEligibility` and `RemoveAssignment`.

use pim_chassis::{Context, Error};
use pim_domain::{
    authority::{Action, Realm},
    denial::Reason,
    grant::{Grant, GrantKind},
};
use pim_proto::call::{Answer, RemoveGrant, Write};
use pim_store::{Purpose, activations, grants, holders, roles, scopes};

use crate::{bells, grant::missing_role, holders::keep_enough_with};

/// Ends a grant at once, and what was activated on it. Losing privilege: doubt about the time does
/// not stop it.
pub(crate) async fn remove(
    context: Context,
    wish: Write<RemoveGrant>,
) -> Result<Answer<Grant>, Error> {
    let caller = context.caller()?;
    let tenant = context.tenant;
    let action = match wish.command.kind {
        GrantKind::Eligibility => Action::EligibilityRemove,
        GrantKind::Assignment => Action::AssignmentRemove,
    };
    let mut work = context.begin(Purpose::Lose, &wish).await?;
    let RemoveGrant { kind, grant: id, justification } = wish.command;
    if kind == GrantKind::Assignment {
        holders::guard(&mut work, tenant).await?;
    }
    let Some(grant) = grants::get_for_update(&mut work, tenant, kind, id).await? else {
        let missing = Reason::NotFound { thing: kind.thing(), id: id.uuid() };
        return Err(caller.not_found(action, missing, context.now()).into());
    };
    let stamp = context.losing(grant.update_time);
    let role = roles::get(&mut work, tenant, grant.role).await?.ok_or_else(missing_role)?;
    let at = scopes::lineage(&mut work, tenant, &grant.scope).await?;
    caller.authorise(action, Realm::from(role.catalog), &at, stamp.now)?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let change = grant.remove(role.catalog, justification, &stamp)?;
    if kind == GrantKind::Assignment {
        keep_enough_with(&context, &mut work, &change, &stamp).await?;
    }
    grants::record(&mut work, tenant, &change).await?;
    let ended = activations::resting_on(&mut work, tenant, id.uuid()).await?;
    let dry = work.is_dry();
    let answer = context.commit(work, change.into_after(), stamp.now).await?;
    if !dry {
        bells::void_activations(&context, ended).await;
    }
    Ok(answer)
}
