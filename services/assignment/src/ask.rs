//! `CreateChangeRequest`.

use pim_chassis::{Context, Error};
use pim_domain::{
    authority::Action,
    change_request::{self, Ask, ChangeRequest, Facts},
    denial::Reason,
};
use pim_proto::call::{Answer, Write};
use pim_store::{Purpose, change_requests, grants, roles};

use crate::grant::missing_role;

/// Asks administrators for more time.
pub(crate) async fn ask(
    context: Context,
    wish: Write<Ask>,
) -> Result<Answer<ChangeRequest>, Error> {
    let (caller, tenant) = (context.caller()?, context.tenant);
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let Ask { grant_kind, grant: id, .. } = wish.command;
    let Some(grant) = grants::get_for_update(&mut work, tenant, grant_kind, id).await? else {
        let missing = Reason::NotFound { thing: grant_kind.thing(), id: id.uuid() };
        return Err(caller.not_found(Action::ChangeRequestRead, missing, context.now()).into());
    };
    if grant.principal != caller.principal.id {
        return Err(Reason::NotPermitted.into());
    }
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let role = roles::get(&mut work, tenant, grant.role).await?.ok_or_else(missing_role)?;
    let pending = change_requests::pending_for_update(&mut work, tenant, id).await?;
    let asked = pending.as_ref().map_or(grant.update_time, |pending| pending.update_time);
    let stamp = context.gaining(grant.update_time.max(asked))?;
    let facts = Facts { grant, catalog: role.catalog, pending };
    let change = change_request::ask(&facts, &caller.principal, wish.command, &stamp)?;
    // What has timed out makes room: there is one that waits, and it is this one.
    let late = facts.pending.and_then(|late| late.time_out(facts.catalog, &stamp).ok());
    if let Some(late) = late {
        change_requests::record(&mut work, tenant, &late).await?;
    }
    change_requests::record(&mut work, tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}
