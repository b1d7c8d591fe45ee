//! What must hold after every step, whatever was done, by the predicates that the other tests use
//! too: of what is stored, not of what is answered.

use std::collections::HashMap;

use pim_domain::{
    activation::Activation,
    approval::Approval,
    change::Thing,
    effective,
    event::Event,
    grant::{Grant, GrantKind, GrantState},
    id::{ActivationId, TenantId},
    invariant::{self, Broken},
    policy::Policy,
    principal::Principal,
};
use pim_store::{Reach, activations, approvals, events, grants, holdings, policies, principals};
use pim_tests::World;

/// More than a sequence makes of anything.
const READ_MAX: i64 = 10_000;

/// All that is stored of one tenant.
#[derive(Debug, PartialEq)]
pub(super) struct Stored {
    activations: Vec<Activation>,
    approvals: Vec<Approval>,
    eligibilities: Vec<Grant>,
    assignments: Vec<Grant>,
    principals: Vec<Principal>,
    policies: Vec<Policy>,
}

/// What had ended at the last step.
pub(super) type Ended = HashMap<ActivationId, Activation>;

pub(super) async fn stored(world: &World, tenant: TenantId) -> Stored {
    let mut read = world.db.read(Reach::EveryTenant).await.unwrap();
    let all = activations::Filter::default();
    let activations = activations::list(&mut read, tenant, &all, None, READ_MAX).await.unwrap();
    let all = approvals::Filter::default();
    let approvals = approvals::list(&mut read, tenant, &all, None, READ_MAX).await.unwrap();
    let of = |kind| grants::Filter {
        kind,
        principals: None,
        role: None,
        scope: None,
        not_ended_at: None,
        catalogs: None,
    };
    let kind = of(GrantKind::Eligibility);
    let eligibilities = grants::list(&mut read, tenant, &kind, None, READ_MAX).await.unwrap();
    let kind = of(GrantKind::Assignment);
    let assignments = grants::list(&mut read, tenant, &kind, None, READ_MAX).await.unwrap();
    let principals = principals::list(&mut read, tenant, "", None, READ_MAX).await.unwrap();
    let policies = policies::list(&mut read, tenant, None, None, None, READ_MAX).await.unwrap();
    Stored { activations, approvals, eligibilities, assignments, principals, policies }
}

fn eligibility_of<'a>(stored: &'a Stored, activation: &Activation) -> &'a Grant {
    let rests_on = |grant: &&Grant| grant.id == activation.eligibility;
    stored.eligibilities.iter().find(rests_on).unwrap()
}

/// Invariants 1 to 6.
pub(super) async fn check(
    world: &World,
    tenant: TenantId,
    stored: &Stored,
    ended: &mut Ended,
) -> Result<(), Broken> {
    let now = world.now();
    invariant::one_live_each(&stored.activations, now)?;
    for activation in &stored.activations {
        invariant::bounded(activation, eligibility_of(stored, activation))?;
        if let Some(before) = ended.get(&activation.id) {
            invariant::ended_stays_ended(before, activation)?;
        }
        if !activation.is_live() {
            ended.insert(activation.id, activation.clone());
        }
    }
    for approval in &stored.approvals {
        let asked = |one: &&Activation| one.id == approval.activation;
        let activation = stored.activations.iter().find(asked).unwrap();
        let requester = |one: &&Principal| one.id == activation.principal;
        let requester = stored.principals.iter().find(requester).unwrap();
        invariant::nobody_decides_alone(approval, requester)?;
    }
    let grants = || stored.eligibilities.iter().chain(&stored.assignments);
    for principal in &stored.principals {
        let counts = |grant: &Grant| grant.state(now) == GrantState::InForce;
        if !grants().any(|grant| grant.principal == principal.id && counts(grant)) {
            continue;
        }
        let mut read = world.db.read(Reach::EveryTenant).await.unwrap();
        let all = holdings::of_principal(&mut read, tenant, principal.id, None, None).await;
        let held = effective::list(all.unwrap().resolve(), now.into()).holdings;
        invariant::nothing_outside_its_window(&held, now)?;
        for holding in &held {
            assert!(principal.is_enabled(), "held while disabled: {holding:?}");
            let carries = |one: &&Activation| one.id.uuid() == holding.id;
            let Some(activation) = stored.activations.iter().find(carries) else { continue };
            let eligibility = eligibility_of(stored, activation);
            let counts = eligibility.state(now) == GrantState::InForce;
            assert!(counts, "held without a right: {activation:?}");
            assert!(activation.settled(now).is_live(), "held after its end: {activation:?}");
        }
    }
    Ok(())
}

/// Invariants 7 and 8: the log explains all that is stored.
pub(super) async fn check_log(
    world: &World,
    tenant: TenantId,
    stored: &Stored,
) -> Result<(), Broken> {
    for activation in &stored.activations {
        explained(world, tenant, activation).await?;
    }
    for approval in &stored.approvals {
        explained(world, tenant, approval).await?;
    }
    for grant in stored.eligibilities.iter().chain(&stored.assignments) {
        explained(world, tenant, grant).await?;
    }
    for principal in &stored.principals {
        explained(world, tenant, principal).await?;
    }
    for policy in &stored.policies {
        explained(world, tenant, policy).await?;
    }
    Ok(())
}

async fn explained<T: Thing + PartialEq>(
    world: &World,
    tenant: TenantId,
    stored: &T,
) -> Result<(), Broken> {
    let mut read = world.db.read(Reach::EveryTenant).await.unwrap();
    let events = events::of_thing(&mut read, tenant, stored.id()).await.unwrap();
    let events: Vec<Event> = events.into_iter().map(|stored| stored.event).collect();
    invariant::log_explains(&events, stored)
}
