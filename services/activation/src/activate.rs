//! `ActivateRole`.

use pim_chassis::{Context, Error};
use pim_domain::{
    activation::{self, Activation, Ask, State},
    denial::Reason,
    event::ThingKind,
};
use pim_proto::call::{Answer, Write};
use pim_store::{Purpose, activations};

use crate::bells;

/// Judges a request and makes it an activation: active, booked, or waiting for approval.
pub(crate) async fn activate(
    context: Context,
    wish: Write<Ask>,
) -> Result<Answer<Activation>, Error> {
    let caller = context.caller()?;
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let tenant = context.tenant;
    let mut ask = wish.command;
    // Of the sign-in, never of the request: the same request works after a step-up.
    ask.request.mfa = caller.mfa;
    let (role, scope) = (ask.role, &ask.scope);
    let facts = activations::facts(&mut work, tenant, caller.principal.id, role, scope)
        .await?
        // Everybody may know the roles that there are.
        .ok_or(Reason::NotFound { thing: ThingKind::Role, id: role.uuid() })?;
    let stamp = context.gaining(facts.newest())?;
    // Settle first: one that time has ended does not stand in the way of the next.
    if let Some(live) = &facts.live
        && let Some(settled) = live.settle(facts.role.catalog, &stamp)
    {
        activations::record(&mut work, tenant, &settled).await?;
    }
    let change = activation::ask(&facts, ask, &stamp)?;
    activations::record(&mut work, tenant, &change).await?;
    let dry = work.is_dry();
    let answer = context.commit(work, change.into_after(), stamp.now).await?;
    if !dry && matches!(answer.value.state, State::PendingApproval { .. }) {
        bells::open_approval(&context, answer.value.id).await;
    }
    Ok(answer)
}
