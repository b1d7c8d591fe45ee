//! `Update`, `Extend` and `Renew`, of eligibilities and of assignments.

use pim_chassis::{Context, Error};
use pim_domain::{
    authority::Action,
    grant::{Extend, Grant, GrantKind, Renew, Update},
};
use pim_proto::call::{Answer, Write};
use pim_store::{Purpose, grants, holders};

use crate::{facts, holders::keep_enough_with};

/// Moves dates. What was activated on an eligibility ends with it, by its new end; booked ones that
/// do not fit any more are due work of the scheduler.
pub(crate) async fn update(context: Context, wish: Write<Update>) -> Result<Answer<Grant>, Error> {
    let tenant = context.tenant;
    let action = match wish.command.kind {
        GrantKind::Eligibility => Action::EligibilityUpdate,
        GrantKind::Assignment => Action::AssignmentUpdate,
    };
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    if wish.command.kind == GrantKind::Assignment {
        holders::guard(&mut work, tenant).await?;
    }
    let which = (wish.command.kind, wish.command.grant);
    let (grant, role) = facts::load(&context, &mut work, which, action).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let facts = facts::of_grant(&context, &mut work, &grant, role).await?;
    let stamp = context.gaining(facts.newest().max(grant.update_time))?;
    let Some(change) = grant.update(&facts, &wish.command, &stamp)? else {
        return context.commit(work, grant, stamp.now).await;
    };
    if grant.kind == GrantKind::Assignment {
        keep_enough_with(&context, &mut work, &change, &stamp).await?;
    }
    grants::record(&mut work, tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

/// Moves an end further away.
pub(crate) async fn extend(context: Context, wish: Write<Extend>) -> Result<Answer<Grant>, Error> {
    let action = match wish.command.kind {
        GrantKind::Eligibility => Action::EligibilityExtend,
        GrantKind::Assignment => Action::AssignmentExtend,
    };
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let which = (wish.command.kind, wish.command.grant);
    let (grant, role) = facts::load(&context, &mut work, which, action).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let facts = facts::of_grant(&context, &mut work, &grant, role).await?;
    let stamp = context.gaining(facts.newest().max(grant.update_time))?;
    let change = grant.extend(&facts, &wish.command, &stamp)?;
    grants::record(&mut work, context.tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}

/// Makes a new grant of one that time has ended.
pub(crate) async fn renew(context: Context, wish: Write<Renew>) -> Result<Answer<Grant>, Error> {
    let action = match wish.command.kind {
        GrantKind::Eligibility => Action::EligibilityRenew,
        GrantKind::Assignment => Action::AssignmentRenew,
    };
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let which = (wish.command.kind, wish.command.grant);
    let (grant, role) = facts::load(&context, &mut work, which, action).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let facts = facts::of_grant(&context, &mut work, &grant, role).await?;
    let stamp = context.gaining(facts.newest().max(grant.update_time))?;
    let change = grant.renew(&facts, &wish.command, &stamp)?;
    grants::record(&mut work, context.tenant, &change).await?;
    context.commit(work, change.into_after(), stamp.now).await
}
