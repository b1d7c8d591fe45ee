//! `RevokeActivation`.

use pim_chassis::{Context, Error};
use pim_domain::{
    activation::Activation,
    authority::{Action, Realm},
    denial::Reason,
    event::ThingKind,
};
use pim_proto::call::{Answer, EndActivation, Write};
use pim_store::{Purpose, activations, roles, scopes};

use crate::{bells, deactivate::missing_role};

/// Takes an activation away, whether it is held, booked or waiting: administrators at its scope
/// may, and say why.
pub(crate) async fn revoke(
    context: Context,
    wish: Write<EndActivation>,
) -> Result<Answer<Activation>, Error> {
    let caller = context.caller()?;
    let mut work = context.begin(Purpose::Lose, &wish).await?;
    let id = wish.command.activation;
    let Some(activation) = activations::get_for_update(&mut work, context.tenant, id).await? else {
        let missing = Reason::NotFound { thing: ThingKind::Activation, id: id.uuid() };
        return Err(caller.not_found(Action::ActivationRevoke, missing, context.now()).into());
    };
    let stamp = context.losing(activation.update_time);
    let role = roles::get(&mut work, context.tenant, activation.role).await?;
    let catalog = role.ok_or_else(missing_role)?.catalog;
    let realm = Realm::from(catalog);
    let at = scopes::lineage(&mut work, context.tenant, &activation.scope).await?;
    caller.authorise(Action::ActivationRevoke, realm, &at, stamp.now)?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let change = activation.revoke(catalog, wish.command.justification, &stamp)?;
    activations::record(&mut work, context.tenant, &change).await?;
    let dry = work.is_dry();
    let answer = context.commit(work, change.into_after(), stamp.now).await?;
    if !dry {
        bells::cancel_approval(&context, &activation).await;
        bells::void_resting_on(&context, activation.id).await;
    }
    Ok(answer)
}
