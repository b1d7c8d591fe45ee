//! `DeactivateRole`.

use pim_chassis::{Context, Error};
use pim_domain::{
    activation::Activation,
    denial::{Denial, Reason},
};
use pim_proto::call::{Answer, EndActivation, Write};
use pim_store::{Purpose, StoreError, activations, roles};

use crate::bells;

/// Gives a role up, at once. Only its holder may, and nothing else is asked: losing privilege
/// works whatever else does not.
pub(crate) async fn deactivate(
    context: Context,
    wish: Write<EndActivation>,
) -> Result<Answer<Activation>, Error> {
    let caller = context.caller()?;
    let mut work = context.begin(Purpose::Lose, &wish).await?;
    let found = activations::get_for_update(&mut work, context.tenant, wish.command.activation)
        .await?
        .filter(|activation| activation.principal == caller.principal.id);
    let Some(activation) = found else {
        return Err(Denial::new(Reason::NotPermitted).into());
    };
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let stamp = context.losing(activation.update_time);
    let catalog = roles::get(&mut work, context.tenant, activation.role)
        .await?
        .ok_or_else(missing_role)?
        .catalog;
    let change = activation.deactivate(catalog, wish.command.justification, &stamp)?;
    activations::record(&mut work, context.tenant, &change).await?;
    let dry = work.is_dry();
    let answer = context.commit(work, change.into_after(), stamp.now).await?;
    if !dry {
        bells::cancel_approval(&context, &activation).await;
        bells::void_resting_on(&context, activation.id).await;
    }
    Ok(answer)
}

pub(crate) fn missing_role() -> StoreError {
    StoreError::Corrupt { what: "activation", source: "of no role".into() }
}
