//! What the rules say of all that there is.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Rest, State},
    approval::{self, Approval, State as ApprovalState},
    due::{Due, DueKind},
    effective::{Holding, HoldingKind, Standing},
    fixture::stamp,
    grant::GrantKind,
    id::PrincipalId,
    policy::ApprovalRule,
    role::Catalog,
};
use uuid::Uuid;

use super::model::Model;

const CATALOG: Catalog = Catalog::Entra;

/// Everything that some verb would do at `at`, oldest first.
pub(super) fn due(model: &Model, at: DateTime<Utc>) -> Vec<Due> {
    let mut all = Vec::new();
    for activation in &model.activations {
        all.extend(due_of(model, activation, at).into_iter().flatten());
    }
    for approval in &model.approvals {
        let activation = model.activation(approval.activation);
        if approval.time_out(activation, CATALOG, &stamp(at)).is_ok() {
            let thing = approval.id.uuid();
            all.push((DueKind::TimeOutApproval, thing, approval.expire_time));
        }
        if approval.cancel(activation, CATALOG, &stamp(at)).is_ok() {
            all.push((DueKind::CancelApproval, approval.id.uuid(), activation.update_time));
        }
    }
    for grant in &model.grants {
        if let Ok(change) = grant.expire(CATALOG, &stamp(at)) {
            let kind = match grant.kind {
                GrantKind::Eligibility => DueKind::EndEligibility,
                GrantKind::Assignment => DueKind::EndAssignment,
            };
            all.push((kind, grant.id.uuid(), change.after().ended.unwrap().at));
        }
    }
    for request in &model.requests {
        if request.time_out(CATALOG, &stamp(at)).is_ok() {
            all.push((DueKind::TimeOutChangeRequest, request.id.uuid(), request.expire_time));
        }
    }
    all.sort_by_key(|(kind, thing, time)| (*time, *thing, kind.as_str()));
    let due = |(kind, thing, time)| Due { kind, tenant: model.tenant, thing, time };
    all.into_iter().map(due).collect()
}

type Found = (DueKind, Uuid, DateTime<Utc>);

fn due_of(model: &Model, activation: &Activation, at: DateTime<Utc>) -> [Option<Found>; 5] {
    let (stamp, thing) = (stamp(at), activation.id.uuid());
    let facts = model.facts(activation);
    let pinned = facts.policy.rules(CATALOG);
    let rest = Rest {
        eligibility: model.grant(activation.eligibility).clone(),
        principal: facts.principal.clone(),
    };
    let expire = activation.expire(CATALOG, &stamp).ok().map(|change| {
        let State::Ended { at, .. } = change.after().state else { panic!("not ended") };
        (DueKind::ExpireActivation, thing, at)
    });
    let start = activation.start(&facts, &pinned, &stamp).ok().map(|_| {
        let State::Scheduled { start } = activation.state else { panic!("not booked") };
        (DueKind::StartActivation, thing, start)
    });
    let void = activation.void(&rest, CATALOG, &stamp).ok().map(|_| {
        let changed = rest.eligibility.update_time.max(rest.principal.update_time);
        (DueKind::VoidActivation, thing, changed.min(at))
    });
    let approval = model.approval_of(activation.id);
    let resolve = approval.and_then(|approval| {
        let verdict = approval.resolution()?;
        activation.resolve(&facts, &pinned, &verdict, &stamp).ok()?;
        Some((DueKind::ResolveActivation, thing, approval.update_time))
    });
    let open = match approval {
        Some(_) => None,
        None => approval::open(activation, ApprovalRule::off(), CATALOG, &stamp)
            .ok()
            .map(|_| (DueKind::OpenApproval, thing, activation.create_time)),
    };
    [expire, start, void, resolve, open]
}

/// The first boundary after `at` at which something is due that was not due just before.
pub(super) fn next_due(model: &Model, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let what = |at| due(model, at).into_iter().map(|due| (due.kind, due.thing)).collect::<Vec<_>>();
    model.boundaries().into_iter().filter(|boundary| *boundary > at).find(|boundary| {
        let before = what(*boundary - TimeDelta::microseconds(1));
        what(*boundary).iter().any(|due| !before.contains(due))
    })
}

/// Every way in which somebody holds something, ended ones too.
pub(super) fn holdings(model: &Model) -> Vec<Holding> {
    let assignments = model.grants.iter().filter(|grant| grant.kind == GrantKind::Assignment);
    let assignments = assignments.map(|grant| Holding {
        id: grant.id.uuid(),
        kind: HoldingKind::Assignment,
        principal: grant.principal,
        role: grant.role,
        scope: grant.scope.clone(),
        span: grant.span(),
        standing: Standing::Held,
        path: None,
        enabled_since: model.principal(grant.principal).enabled_since,
    });
    let activations = model.activations.iter().filter_map(|activation| {
        let path = model.grant(activation.eligibility).span();
        activation.holding(path, model.principal(activation.principal).enabled_since)
    });
    assignments.chain(activations).collect()
}

/// Whether an approval still waits at `at`.
pub(super) fn is_pending(model: &Model, approval: &Approval, at: DateTime<Utc>) -> bool {
    let activation = model.activation(approval.activation);
    approval.state_beside(activation, at) == ApprovalState::Pending
}

/// Whether it is asked of `principal`, who has not answered and did not ask.
pub(super) fn waits_for(model: &Model, approval: &Approval, principal: PrincipalId) -> bool {
    approval.rule.approvers.contains(&principal)
        && model.activation(approval.activation).principal != principal
        && approval.decisions.iter().all(|decision| decision.approver != principal)
}
