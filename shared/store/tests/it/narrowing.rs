//! What SQL narrows agrees with what the rules decide on all rows, at random states of the world
//! and at each of their boundaries, a microsecond before and a microsecond after.

mod command;
mod model;
mod said;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::Activation,
    approval::Approval,
    change_request::{ChangeRequest, State},
    due::{Due, DueKind},
    effective::{self, Holding, Instant},
    fixture::by_path,
    grant::{Grant, GrantKind},
    policy::Mode,
    principal::Principal,
    scope::Scope,
};
use pim_store::{
    Tx, activations, approvals, change_requests,
    due::{self, Cursor},
    grants, holdings,
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use self::{
    command::{Command, Step, command},
    model::Model,
};
use crate::ground::{Ground, scope};

const CASES: u32 = 48;
const COMMANDS_MAX: usize = 80;
/// More than any case has.
const ALL: i64 = 1_000;

#[test]
fn sql_narrows_to_what_the_rules_decide() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // A failed case drops its transaction while it unwinds.
    let _guard = runtime.enter();
    let ground = runtime.block_on(Ground::new());
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let commands = prop::collection::vec(command(), COMMANDS_MAX / 4..COMMANDS_MAX);
    TestRunner::new(config)
        .run(&commands, |commands| {
            runtime.block_on(compare(&ground, &commands));
            Ok(())
        })
        .unwrap();
}

/// One world in which there is something of everything, whatever chance brings.
#[tokio::test]
async fn every_kind_of_due_work_is_found() {
    let (asking, free) = (Some(Mode::AllOf), None);
    let ask =
        |eligibility, at, ahead, asks| Command::Ask { eligibility, at, ahead, hours: 1, asks };
    let (eligible, who, role, at, ahead, hours) = (false, 0, 0, 0, 0, Some(2));
    let commands = [
        Command::Grant { eligible, who, role, at, ahead, hours },
        // Withdrawn, denied, and not opened.
        ask(0, 1, None, asking),
        Command::Open(0),
        Command::Activation(0, Step::Cancel),
        ask(0, 2, None, asking),
        Command::Open(0),
        Command::Decide { approval: 1, who: 0, yes: false, minutes: None },
        ask(0, 3, None, asking),
        // Booked on what will have ended by then, and active of somebody disabled.
        ask(0, 0, Some(1), free),
        Command::Shorten { grant: 0, hours: 1 },
        ask(1, 0, None, free),
        Command::Disable(1),
        // Nobody will have answered.
        Command::Request(2),
    ];
    let seen = compare(&Ground::new().await, &commands).await;
    assert_eq!(seen, BTreeSet::from(DueKind::ALL));
}

/// What becomes of extensions, with approvals of their own and people who come and go.
#[tokio::test]
async fn every_fate_of_an_extension_is_found() {
    let asks = Some(Mode::AllOf);
    let ask = |eligibility, at| Command::Ask { eligibility, at, ahead: None, hours: 5, asks: None };
    let extend = |active| Command::Extend { active, hours: 2, asks };
    let vote = |approval, who| Command::Decide { approval, who, yes: true, minutes: Some(45) };
    let commands = [
        // Expired, approved to less, denied, voided, and not opened.
        ask(0, 0),
        ask(0, 1),
        ask(0, 2),
        ask(0, 3),
        ask(1, 0),
        extend(0),
        Command::Open(0),
        extend(1),
        Command::Open(0),
        vote(1, 0),
        vote(1, 1),
        extend(2),
        Command::Open(0),
        Command::Decide { approval: 1, who: 0, yes: false, minutes: None },
        extend(3),
        Command::Open(0),
        extend(4),
        Command::Disable(2),
        Command::Disable(4),
        Command::Wait { hours: 1 },
        Command::Activation(2, Step::Resolve),
    ];
    let seen = compare(&Ground::new().await, &commands).await;
    let expected = [
        DueKind::ExpireActivation,
        DueKind::VoidActivation,
        DueKind::ResolveActivation,
        DueKind::OpenApproval,
        DueKind::TimeOutApproval,
    ];
    assert!(expected.iter().all(|kind| seen.contains(kind)), "{seen:?}");
}

/// Lets the commands happen, writes what came of them, and asks at each boundary. Gives the kinds
/// of due work that there were.
async fn compare(ground: &Ground, commands: &[Command]) -> BTreeSet<DueKind> {
    let model = Model::run(ground, commands);
    let mut tx = ground.begin().await;
    model.write(&mut tx).await;
    let instants = model.instants();
    let mut seen = BTreeSet::new();
    for at in &instants {
        seen.extend(compare_due(&mut tx, &model, *at).await);
        compare_lists(&mut tx, ground, &model, *at).await;
    }
    compare_holdings(&mut tx, ground, &model, &instants).await;
    compare_resting(&mut tx, ground, &model).await;
    tx.roll_back().await.unwrap();
    seen
}

async fn compare_due(tx: &mut Tx, model: &Model, at: DateTime<Utc>) -> BTreeSet<DueKind> {
    let expected = said::due(model, at);
    let found = due::list(tx, at, None, ALL).await.unwrap();
    assert_eq!(found, expected, "due at {at}");
    assert_eq!(due::next(tx, at).await.unwrap(), said::next_due(model, at), "after {at}");
    // In parts it is the same.
    let (mut parts, mut after): (Vec<Due>, _) = (Vec::new(), None);
    loop {
        let part = due::list(tx, at, after, 2).await.unwrap();
        let Some(last) = part.last() else { break };
        after = Some(Cursor::from(last));
        parts.extend(part);
    }
    parts.dedup();
    assert_eq!(parts, expected, "in parts, at {at}");
    found.iter().map(|due| due.kind).collect()
}

async fn compare_lists(tx: &mut Tx, ground: &Ground, model: &Model, at: DateTime<Utc>) {
    let tenant = ground.tenant;
    for kind in [GrantKind::Eligibility, GrantKind::Assignment] {
        let filter = grants::Filter {
            kind,
            principals: None,
            role: None,
            scope: None,
            not_ended_at: Some(at),
            catalogs: None,
        };
        let found = grants::list(tx, tenant, &filter, None, ALL).await.unwrap();
        let counts = |grant: &&Grant| grant.kind == kind && !grant.state(at).is_ended();
        assert_eq!(found, sorted(model.grants.iter().filter(counts), |grant| grant.id));
    }

    let filter = activations::Filter { live_at: Some(at), ..activations::Filter::default() };
    let found = activations::list(tx, tenant, &filter, None, ALL).await.unwrap();
    let live = |activation: &&Activation| activation.settled(at).is_live();
    assert_eq!(found, sorted(model.activations.iter().filter(live), |one| one.id));

    let filter = approvals::Filter { pending_at: Some(at), ..approvals::Filter::default() };
    let found = approvals::list(tx, tenant, &filter, None, ALL).await.unwrap();
    let pending = |approval: &&Approval| said::is_pending(model, approval, at);
    assert_eq!(found, sorted(model.approvals.iter().filter(pending), |one| one.id));

    let asked =
        change_requests::Filter { pending_at: Some(at), ..change_requests::Filter::default() };
    let found = change_requests::list(tx, tenant, &asked, None, ALL).await.unwrap();
    let waits = |request: &&ChangeRequest| request.settled(at).state == State::Pending;
    assert_eq!(found, sorted(model.requests.iter().filter(waits), |one| one.id));

    for principal in &model.principals {
        let filter = approvals::Filter { waits_for: Some((principal.id, &[])), ..filter.clone() };
        let found = approvals::list(tx, tenant, &filter, None, ALL).await.unwrap();
        let waits = |approval: &&Approval| {
            pending(approval) && said::may_wait_for(model, approval, principal.id)
        };
        assert_eq!(found, sorted(model.approvals.iter().filter(waits), |one| one.id));
        let all = model.approvals.iter();
        let missed = all.filter(|one| said::waits_for(model, one, principal, at));
        let missed: Vec<_> = missed.filter(|one| !found.contains(one)).collect();
        assert!(missed.is_empty(), "wait for {}: {missed:?}", principal.display_name);
    }
}

async fn compare_holdings(tx: &mut Tx, ground: &Ground, model: &Model, instants: &[DateTime<Utc>]) {
    let all = said::holdings(model);
    let of = |principal: &Principal, keep: &dyn Fn(&Holding) -> bool| {
        let own = all.iter().filter(|one| one.holder == principal.id && keep(one));
        effective::Ground {
            principal: principal.id,
            enabled_since: principal.enabled_since,
            memberships: Vec::new(),
            holdings: own.cloned().collect(),
        }
    };
    let tenant = ground.tenant;
    let targets: Vec<Scope> = model::SCOPES.iter().map(|text| scope(text)).collect();
    for principal in &model.principals {
        let id = principal.id;
        let found = holdings::of_principal(tx, tenant, id, None, None).await.unwrap();
        assert_same(&found, &of(principal, &|_| true), instants);
        for target in &targets {
            let role = ground.role.id;
            let roles = [role.uuid()];
            let lineage = by_path(target);
            let found =
                holdings::of_principal(tx, tenant, id, Some(&roles), Some(lineage.scope())).await;
            let asked = |one: &Holding| one.role == role && lineage.is_below(&one.scope);
            assert_same(&found.unwrap(), &of(principal, &asked), instants);
        }
    }
    let at = instants[0];
    for role in [ground.role.id, ground.other_role.id] {
        for target in &targets {
            let lineage = by_path(target);
            let wanted = (role, &lineage);
            let found = holdings::holders(tx, tenant, wanted, None, ALL).await.unwrap();
            assert!(found.is_sorted(), "{found:?}");
            let asked = |one: &Holding| one.role == role && lineage.is_below(&one.scope);
            for principal in &model.principals {
                let holds = effective::list(of(principal, &asked).resolve(), at.into());
                assert!(holds.holdings.is_empty() || found.contains(&principal.id));
            }
        }
    }
}

/// The candidates lead to the answers to which all rows lead, exactly then and around then.
fn assert_same(
    candidates: &effective::Ground,
    all: &effective::Ground,
    instants: &[DateTime<Utc>],
) {
    let micro = TimeDelta::microseconds(1);
    for at in instants {
        let around = Instant { earliest: *at, latest: *at + micro + micro };
        for at in [Instant::from(*at), around] {
            let (candidates, all) = (|| candidates.clone().resolve(), || all.clone().resolve());
            let found = effective::decision(candidates(), at);
            assert_eq!(found, effective::decision(all(), at), "decision at {at:?}");
            let found = effective::list(candidates(), at);
            assert_eq!(found, effective::list(all(), at), "list at {at:?}");
        }
    }
}

async fn compare_resting(tx: &mut Tx, ground: &Ground, model: &Model) {
    let live = |keep: &dyn Fn(&Activation) -> bool| {
        let all = model.activations.iter().filter(|one| one.is_live() && keep(one));
        all.map(|activation| activation.id).collect::<BTreeSet<_>>()
    };
    for grant in &model.grants {
        let id = grant.id.uuid();
        let found = activations::resting_on(tx, ground.tenant, id).await.unwrap();
        let expected = live(&|activation| activation.eligibility == grant.id);
        assert_eq!(BTreeSet::from_iter(found), expected);
    }
    for principal in &model.principals {
        let found = activations::of_principal(tx, ground.tenant, principal.id).await.unwrap();
        let expected = live(&|activation| activation.principal == principal.id);
        assert_eq!(BTreeSet::from_iter(found), expected);
    }
}

fn sorted<'a, T: Clone + 'a, K: Ord>(
    things: impl Iterator<Item = &'a T>,
    key: impl Fn(&T) -> K,
) -> Vec<T> {
    let mut things: Vec<T> = things.cloned().collect();
    things.sort_by_key(key);
    things
}
