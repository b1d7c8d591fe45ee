//! `ActivateRole`.

use pim_chassis::{Context, Error};
use pim_domain::{
    activation::{self, Activation, Ask, Facts, State},
    approval::possible_approvers,
    denial::Reason,
    event::ThingKind,
    id::PrincipalId,
};
use pim_proto::call::{Answer, AskView, Write};
use pim_store::{Purpose, activations};

use crate::bells;

/// Judges a request and makes it an activation: active, booked, or waiting for approval.
pub(crate) async fn activate(context: Context, wish: Write<Ask>) -> Result<Answer<AskView>, Error> {
    let caller = context.caller()?;
    let mut work = context.begin(Purpose::Gain, &wish).await?;
    if let Some(answer) = context.replay(&mut work).await? {
        return Ok(answer);
    }
    let tenant = context.tenant;
    let mut ask = wish.command;
    // Of the sign-in, never of the request: the same request works after a step-up.
    ask.request.sign_in = caller.sign_in.clone();
    let (role, scope) = (ask.role, &ask.scope);
    let mut facts = activations::facts(&mut work, tenant, caller.principal.id, role, scope)
        .await?
        // Everybody may know the roles that there are.
        .ok_or(Reason::NotFound { thing: ThingKind::Role, id: role.uuid() })?;
    facts.decide = pim_conditions::decide;
    facts.used = activations::used(&mut work, tenant, &facts, &ask.request.sign_in).await?;
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
    let activation = change.into_after();
    let waits = matches!(activation.state, State::PendingApproval { .. });
    let asked = dry && waits;
    let possible = if asked { who_could_approve(&facts, &activation) } else { Vec::new() };
    let view = AskView { activation, possible_approvers: possible };
    let answer = context.commit(work, view, stamp.now).await?;
    if !dry && waits {
        bells::open_approval(&context, answer.value.activation.id).await;
    }
    Ok(answer)
}

fn who_could_approve(facts: &Facts, activation: &Activation) -> Vec<PrincipalId> {
    let chosen = facts.eligibilities.iter().find(|one| one.id == activation.eligibility);
    let rules = facts.rules(chosen, &activation.scope).approvals;
    let panel = facts.panel(activation.create_time);
    let possible = possible_approvers(&rules, panel, &facts.principal);
    possible.into_iter().map(|one| one.approver).collect()
}
