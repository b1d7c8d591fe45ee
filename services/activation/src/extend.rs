//! `ExtendActivation`.

use pim_chassis::{Context, Error};
use pim_domain::{
    activation::{Activation, Extend},
    change::Change,
    denial::{Denial, Reason},
};
use pim_proto::call::{Answer, Write};
use pim_store::{Purpose, activations};

use crate::{bells, resolve};

/// Moves the end of an active role, or asks its approvers to. Only its holder may.
pub(crate) async fn extend(
    context: Context,
    wish: Write<Extend>,
) -> Result<Answer<Activation>, Error> {
    let caller = context.caller()?;
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    let mut extend = wish.command;
    // Of the sign-in, never of the request: the same request works after a step-up.
    extend.request.sign_in = caller.sign_in.clone();
    let found = resolve::load(&context, &mut work, extend.activation)
        .await?
        .filter(|(activation, _)| activation.principal == caller.principal.id);
    let Some((activation, mut facts)) = found else {
        return Err(Denial::new(Reason::NotPermitted).into());
    };
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let sign_in = &extend.request.sign_in;
    facts.used = activations::used(&mut work, context.tenant, &facts, sign_in).await?;
    let stamp = context.gaining(facts.newest().max(activation.update_time))?;
    // Settle first: an extension that time has ended does not stand in the way of the next.
    let settled = activation.settle(facts.role.catalog, &stamp);
    if let Some(settled) = &settled {
        activations::record(&mut work, context.tenant, settled).await?;
    }
    let activation = settled.map_or(activation, Change::into_after);
    let change = activation.extend(&facts, extend, &stamp)?;
    activations::record(&mut work, context.tenant, &change).await?;
    let dry = work.is_dry();
    let answer = context.commit(work, change.into_after(), stamp.now).await?;
    if !dry && answer.value.waits_for().is_some() {
        bells::open_approval(&context, answer.value.id).await;
    }
    Ok(answer)
}
