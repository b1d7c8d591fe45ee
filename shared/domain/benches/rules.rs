//! What the rules cost for a typical principal: `cargo bench -p pim-domain`.
//!
//! Typical is: policies at three scopes that set five rules each, approval in two stages, four
//! eligibilities, and twelve holdings of which a few have ended.

#![expect(clippy::unwrap_used, reason = "a benchmark may stop where it stands")]

use std::{collections::HashSet, hint::black_box};

use chrono::TimeDelta;
use criterion::{Criterion, criterion_group, criterion_main};
use pim_domain::{
    activation::{Facts, ask},
    authority::GROUP_MEMBER,
    catalog,
    effective::{Ground, Holding, HoldingKind, Instant, Path, Span, Standing, decision, list},
    fixture::{facts, grant, noon, role, set_at, stamp, user, votes, wish},
    grant::GrantKind,
    id::{GrantId, GroupId, PrincipalId},
    justification::Justification,
    permission::{Operation, Permissions, Plane},
    policy::{ApprovalRule, Mode, RuleName, RuleSet, Slot, Stage},
    principal::Principal,
    quorum::{Panel, Seating},
    role::{Catalog, Role},
    scope::Scope,
    time::Window,
};

const SCOPES: [&str; 3] = ["/", "/subscriptions/a", "/subscriptions/a/resourceGroups/x"];

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

fn approval(people: &[Principal]) -> ApprovalRule {
    let slots = |range: &[Principal]| range.iter().map(|one| Slot::User(one.id)).collect();
    let stages = vec![
        Stage { slots: slots(&people[..4]), mode: Mode::AnyOf },
        Stage { slots: slots(&people[2..]), mode: Mode::Quorum(2) },
    ];
    ApprovalRule { stages, ..ApprovalRule::off() }
}

fn typical() -> Facts {
    let alice = user("alice");
    let mut facts = facts(&alice);
    facts.role.catalog = Catalog::Azure;
    facts.policy.catalog = Catalog::Azure;
    facts.people = (0..6).map(|n| user(&format!("approver {n}"))).collect();
    for (index, at) in SCOPES.iter().enumerate() {
        let rules = RuleSet {
            activation_max: Some(TimeDelta::hours(8 - i64::try_from(index).unwrap())),
            require_mfa: Some(true),
            require_justification: Some(true),
            require_ticket: Some(false),
            approval: Some(approval(&facts.people)),
            ..RuleSet::default()
        };
        set_at(&mut facts.policy, &scope(at), rules);
    }
    facts.policy.policies[0].enforced = [RuleName::ActivationMax, RuleName::RequireMfa].into();
    let start = noon() - TimeDelta::days(1);
    facts.eligibilities = ["/", "/subscriptions/a", "/subscriptions/a", "/subscriptions/b"]
        .iter()
        .map(|at| {
            let mut one = grant(GrantKind::Eligibility, &alice, &facts.role, start, None);
            one.scope = scope(at);
            one
        })
        .collect();
    facts
}

fn holdings(facts: &Facts) -> Vec<Holding> {
    let holding = |n: i64| Holding {
        id: GrantId::at(noon()).uuid(),
        kind: if n % 2 == 0 { HoldingKind::Activation } else { HoldingKind::Assignment },
        holder: facts.principal.id,
        role: facts.role.id,
        scope: scope(SCOPES[usize::try_from(n % 3).unwrap()]),
        span: Span {
            window: Window {
                start: noon() - TimeDelta::hours(n),
                end: Some(noon() + TimeDelta::hours(n - 3)),
            },
            ended: None,
        },
        standing: Standing::Held,
        path: (n % 2 == 0).then_some(Path {
            eligibility: Span {
                window: Window { start: noon() - TimeDelta::days(9), end: None },
                ended: None,
            },
            memberships: Vec::new(),
        }),
        granted_by: None,
        update_time: noon(),
    };
    (1..=12).map(holding).collect()
}

/// Two groups that the principal is in, each in another, share what it held.
fn join(ground: &mut Ground) {
    let groups: Vec<GroupId> = (0..4).map(|_| GroupId::at(noon())).collect();
    let member = |holder: PrincipalId, group: GroupId| Holding {
        id: GrantId::at(noon()).uuid(),
        kind: HoldingKind::Assignment,
        holder,
        role: GROUP_MEMBER.into(),
        scope: Scope::of_group(group),
        path: None,
        ..ground.holdings[0].clone()
    };
    let inner = |n: usize| member(groups[n].uuid().into(), groups[n + 2]);
    let own = |n: usize| member(ground.principal, groups[n]);
    let memberships = vec![own(0), own(1), inner(0), inner(1)];
    ground.memberships = memberships;
    for (n, holding) in ground.holdings.iter_mut().enumerate() {
        holding.kind = HoldingKind::Assignment;
        holding.path = None;
        holding.holder = groups[n % 4].uuid().into();
    }
}

fn policy(c: &mut Criterion) {
    let facts = typical();
    let deepest = scope(SCOPES[2]);
    let mut group = c.benchmark_group("policy");
    group.bench_function("in force at a scope", |b| {
        b.iter(|| black_box(&facts.policy).at(black_box(&deepest)));
    });
    let mut refused = wish(&facts);
    refused.scope = deepest.clone();
    refused.request.justification = Justification::default();
    group.bench_function("a request judged and refused", |b| {
        b.iter_batched(
            || refused.clone(),
            |wish| ask(black_box(&facts), wish, &stamp(noon())).unwrap_err(),
            criterion::BatchSize::SmallInput,
        );
    });
    let mut good = wish(&facts);
    good.scope = deepest;
    group.bench_function("a request judged, with its change and event", |b| {
        b.iter_batched(
            || good.clone(),
            |wish| ask(black_box(&facts), wish, &stamp(noon())).unwrap(),
            criterion::BatchSize::SmallInput,
        );
    });
    let rule = approval(&facts.people);
    let said: HashSet<_> =
        votes(&[&facts.people[0], &facts.people[2], &facts.people[4]]).into_iter().collect();
    group.bench_function("whether votes suffice, two stages", |b| {
        b.iter(|| {
            Seating::new(black_box(&rule), Panel::of(&facts.people), None).is_met(black_box(&said))
        });
    });
    group.finish();
}

fn effective(c: &mut Criterion) {
    let facts = typical();
    let ground = Ground {
        principal: facts.principal.id,
        enabled_since: facts.principal.enabled_since,
        memberships: Vec::new(),
        holdings: holdings(&facts),
    };
    let mut in_groups = ground.clone();
    join(&mut in_groups);
    let at = Instant::from(noon());
    let mut group = c.benchmark_group("effective");
    group.bench_function("a decision over 12 holdings", |b| {
        b.iter_batched(
            || ground.clone(),
            |ground| decision(ground.resolve(), black_box(at)),
            criterion::BatchSize::SmallInput,
        );
    });
    group.bench_function("a decision over 12 holdings of 4 groups", |b| {
        b.iter_batched(
            || in_groups.clone(),
            |ground| decision(ground.resolve(), black_box(at)),
            criterion::BatchSize::SmallInput,
        );
    });
    group.bench_function("a list of 12 holdings", |b| {
        b.iter_batched(
            || ground.clone(),
            |ground| list(ground.resolve(), black_box(at)),
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// A role as its catalog has it.
fn built_in(catalog: Catalog, name: &str) -> Role {
    let file = catalog::file(catalog).unwrap();
    let found = file.roles.iter().find(|one| one.name == name).unwrap();
    Role { catalog, permissions: found.permissions.clone(), ..role() }
}

fn permission(c: &mut Criterion) {
    let global = built_in(Catalog::Entra, "Global Administrator");
    let contributor = built_in(Catalog::Azure, "Contributor");
    let ask = |name| Operation::new(Plane::Control, name).unwrap();
    let [read, write] = ["Microsoft.Web/sites/read", "microsoft.directory/x/y/z/nothing"].map(ask);
    let mut group = c.benchmark_group("permission");
    group.bench_function("the largest role compiled, 260 patterns", |b| {
        b.iter(|| Permissions::of(black_box(&global), &[]));
    });
    let global = Permissions::of(&global, &[]);
    group.bench_function("the largest role asked, a no", |b| {
        b.iter(|| black_box(&global).permit(black_box(&write)));
    });
    let contributor = Permissions::of(&contributor, &[]);
    group.bench_function("a role with `*` and exceptions asked, a yes", |b| {
        b.iter(|| black_box(&contributor).permit(black_box(&read)));
    });
    group.finish();
}

criterion_group!(benches, policy, effective, permission);
criterion_main!(benches);
