//! What the rules say of all that there is.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, State},
    approval::{self, Approval, Decision, State as ApprovalState},
    due::{Due, DueKind},
    effective::{Holding, HoldingKind, Standing},
    fixture::stamp,
    grant::GrantKind,
    id::PrincipalId,
    policy::ApprovalRule,
    principal::Principal,
    quorum::{Panel, Seating},
    role::Catalog,
};
use uuid::Uuid;

use super::model::{Model, wanted};

const CATALOG: Catalog = Catalog::Entra;

/// What the store should name at `at`, oldest first: everything that some verb would do.
pub(super) fn due(model: &Model, at: DateTime<Utc>) -> Vec<Due> {
    let mut all = Vec::new();
    for activation in &model.activations {
        all.extend(due_of(model, activation, at).into_iter().flatten());
    }
    for approval in &model.approvals {
        all.extend(due_of_approval(model, approval, at).into_iter().flatten());
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
    for activation in &model.activations {
        nothing_is_missed(model, activation, at, &all);
    }
    // What is due for two reasons at once is due since the first.
    all.sort_by_key(|(kind, thing, time)| (kind.as_str(), *thing, *time));
    all.dedup_by_key(|(kind, thing, _)| (kind.as_str(), *thing));
    all.sort_by_key(|(kind, thing, time)| (*time, *thing, kind.as_str()));
    let due = |(kind, thing, time)| Due { kind, tenant: model.tenant, thing, time };
    all.into_iter().map(due).collect()
}

type Found = (DueKind, Uuid, DateTime<Utc>);

fn due_of(model: &Model, activation: &Activation, at: DateTime<Utc>) -> [Option<Found>; 6] {
    let (stamp, thing) = (stamp(at), activation.id.uuid());
    let facts = model.facts(activation);
    let pinned = facts.policy.at(&activation.scope);
    let rest = model.rest(activation);
    let expire = activation.expire(CATALOG, &stamp).ok().map(|change| {
        let time = match (&change.after().state, &activation.state) {
            (State::Ended { at, .. }, _) => *at,
            (_, State::Active { extension: Some(extension), .. }) => extension.expire_time,
            (state, _) => panic!("neither ended nor of an extension: {state:?}"),
        };
        (DueKind::ExpireActivation, thing, time)
    });
    let votes = model.votes(activation);
    let start = activation.start(&facts, &pinned, &votes, &stamp).ok().map(|_| {
        let State::Scheduled { start } = activation.state else { panic!("not booked") };
        (DueKind::StartActivation, thing, start)
    });
    let path_ended = activation.broken_path(&rest, at).is_some();
    let void = activation.void(&rest, CATALOG, &stamp).ok().filter(|_| path_ended).map(|_| {
        let changed = rest.eligibility.update_time.max(rest.principal.update_time);
        (DueKind::VoidActivation, thing, changed.min(at))
    });
    let waits_for = wanted(activation);
    let approval = waits_for.and_then(|wanted| model.approval_of(wanted));
    let resolve = approval.and_then(|approval| {
        let verdict = approval.resolution()?;
        activation.resolve(&facts, &pinned, &verdict, &stamp).ok()?;
        Some((DueKind::ResolveActivation, thing, approval.update_time))
    });
    let opened = approval::open(activation, pinned.clone(), CATALOG, &stamp).ok();
    let open = opened.filter(|_| approval.is_none()).map(|_| {
        let since = match activation.waits_for() {
            Some(Some(extension)) => extension.create_time,
            Some(None) | None => activation.create_time,
        };
        (DueKind::OpenApproval, thing, since)
    });
    // Where its path has ended nobody asks who could approve it.
    let deserted = deserted(model, activation, at)
        .filter(|_| void.is_none())
        .map(|time| (DueKind::VoidActivation, thing, time));
    [expire, start, void, resolve, open, deserted]
}

/// Since when nobody is left who could complete the pending approval that an activation still waits
/// for at `at`.
fn deserted(model: &Model, activation: &Activation, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let approval = model.approval_of(wanted(&activation.settled(at))?)?;
    let users = users(approval).map(|user| model.principal(user));
    let gone = users.filter(|user| !user.is_enabled()).map(|user| user.update_time).max()?;
    let possible = approval.rules.iter().all(|rule| {
        let requester = model.principal(activation.principal).person_key();
        Seating::new(rule, Panel::of(&model.principals), Some(requester)).is_possible()
    });
    (approval.state == ApprovalState::Pending && !possible).then_some(gone.min(at))
}

fn due_of_approval(model: &Model, approval: &Approval, at: DateTime<Utc>) -> [Option<Found>; 2] {
    let activation = model.activation(approval.activation);
    let (stamp, thing) = (stamp(at), approval.id.uuid());
    let time_out = approval.time_out(activation, CATALOG, &stamp).ok();
    let time_out = time_out.map(|_| (DueKind::TimeOutApproval, thing, approval.expire_time));
    // What time has decided of the activation is recorded first.
    let wanted = wanted(activation) == Some((approval.activation, approval.extension));
    let cancel = approval.cancel(activation, CATALOG, &stamp).ok();
    if cancel.is_some() && wanted {
        assert!(activation.expire(CATALOG, &stamp).is_ok(), "not to be recorded: {activation:?}");
    }
    let cancel = cancel.filter(|_| !wanted);
    [time_out, cancel.map(|_| (DueKind::CancelApproval, thing, activation.update_time))]
}

/// Whatever the rules would make void is named, or what comes before it: nobody has been asked
/// yet, or those who were have decided.
fn nothing_is_missed(model: &Model, activation: &Activation, at: DateTime<Utc>, named: &[Found]) {
    if activation.void(&model.rest(activation), CATALOG, &stamp(at)).is_err() {
        return;
    }
    let first = [DueKind::VoidActivation, DueKind::OpenApproval, DueKind::ResolveActivation];
    let thing = activation.id.uuid();
    let is_named = named.iter().any(|(kind, named, _)| first.contains(kind) && *named == thing);
    assert!(is_named, "void at {at}: {activation:?}");
}

/// The first boundary after `at` at which something is due that was not due just before.
pub(super) fn next_due(model: &Model, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let what = |at| {
        let what = |due: Due| {
            // First an extension may time out, and then its activation.
            let time = (due.kind == DueKind::ExpireActivation).then_some(due.time);
            (due.kind, due.thing, time)
        };
        due(model, at).into_iter().map(what).collect::<Vec<_>>()
    };
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
        holder: grant.principal,
        role: grant.role,
        scope: grant.scope.clone(),
        span: grant.span(),
        standing: Standing::Held,
        path: None,
        granted_by: None,
        update_time: grant.update_time.max(model.principal(grant.principal).update_time),
    });
    let activations = model.activations.iter().filter_map(|activation| {
        let eligibility = model.grant(activation.eligibility);
        let holding = activation.holding(eligibility.span())?;
        let changed = eligibility.update_time.max(holding.update_time);
        let update_time = changed.max(model.principal(activation.principal).update_time);
        Some(Holding { update_time, ..holding })
    });
    assignments.chain(activations).collect()
}

/// Whether an approval still waits at `at`.
pub(super) fn is_pending(model: &Model, approval: &Approval, at: DateTime<Utc>) -> bool {
    let activation = model.activation(approval.activation);
    approval.state_beside(activation, at) == ApprovalState::Pending
}

/// Whether its rules name `principal`, who has not answered and did not ask.
pub(super) fn may_wait_for(model: &Model, approval: &Approval, principal: PrincipalId) -> bool {
    let answered = |one: &Decision| one.approver == principal && one.dropped.is_none();
    users(approval).any(|user| user == principal)
        && model.activation(approval.activation).principal != principal
        && !approval.decisions.iter().any(answered)
}

/// Whether it waits for `principal`, as the rules say.
pub(super) fn waits_for(
    model: &Model,
    approval: &Approval,
    principal: &Principal,
    at: DateTime<Utc>,
) -> bool {
    model.facts_of_approval(approval).waits_for(principal, at)
}

/// Every user whom its rules name.
fn users(approval: &Approval) -> impl Iterator<Item = PrincipalId> + '_ {
    approval.rules.iter().flat_map(ApprovalRule::users)
}
