//! Whether approvers suffice: examples, and every way of seating them tried by brute force.

use std::collections::{BTreeSet, HashSet};

use chrono::TimeDelta;
use pim_domain::{
    effective::{HoldingKind, Membership},
    fixture::{group, noon, user, votes},
    group::Group,
    id::PrincipalId,
    policy::{ApprovalRule, Mode, Slot, Stage},
    principal::{Principal, PrincipalKind},
    quorum::{Panel, Seating, Vote},
    time::Window,
};
use proptest::prelude::*;
use uuid::Uuid;

fn stage(mode: Mode, people: &[&Principal]) -> Stage {
    Stage { slots: people.iter().map(|one| Slot::User(one.id)).collect(), mode }
}

fn rule(stages: Vec<Stage>) -> ApprovalRule {
    ApprovalRule { stages, ..ApprovalRule::off() }
}

fn said(people: &[&Principal]) -> HashSet<Vote> {
    votes(people).into_iter().collect()
}

#[test]
fn a_mode_says_how_many_of_a_stage_it_takes() {
    let people = ["a", "b", "c"].map(user);
    let [a, b, c] = &people;
    for (mode, enough, few) in [
        (Mode::AllOf, vec![a, b, c], vec![a, b]),
        (Mode::AnyOf, vec![c], vec![]),
        (Mode::Quorum(2), vec![a, c], vec![b]),
    ] {
        let seating = Seating::new(&rule(vec![stage(mode, &[a, b, c])]), Panel::of(&people), None);
        assert!(seating.is_met(&said(&enough)), "{mode:?}");
        assert_eq!(seating.open_stage(&said(&few)), Some(0), "{mode:?}");
    }
}

#[test]
fn one_person_counts_once_and_is_seated_where_they_are_needed() {
    let people = ["a", "b"].map(user);
    let [a, b] = &people;
    let rule = rule(vec![stage(Mode::AnyOf, &[a, b]), stage(Mode::AllOf, &[a])]);
    let seating = Seating::new(&rule, Panel::of(&people), None);
    assert!(seating.is_possible());
    // Alone they complete the first stage only; with the other they move to the second.
    assert_eq!(seating.open_stage(&said(&[a])), Some(1));
    assert!(seating.is_met(&said(&[a, b])));
    let mut one_human = people.clone();
    one_human[1].person = Some(one_human[0].id.uuid().into());
    let seating = Seating::new(&rule, Panel::of(&one_human), None);
    assert!(!seating.is_possible());
    assert_eq!(seating.open_stage(&said(&[&one_human[0], &one_human[1]])), Some(1));
}

#[test]
fn who_decides_in_a_later_stage_waits_for_it_and_who_decided_before_may_still() {
    let people = ["a", "b", "c"].map(user);
    let [a, b, c] = &people;
    let rule = rule(vec![stage(Mode::AnyOf, &[a, b]), stage(Mode::AllOf, &[c])]);
    let seating = Seating::new(&rule, Panel::of(&people), None);
    let may = |who: &Principal, after: &[&Principal]| seating.may_decide(who.id, &said(after));
    assert!(may(a, &[]) && may(b, &[]) && !may(c, &[]));
    assert!(may(c, &[a]));
    assert!(may(b, &[a]), "a vote beyond need");
    assert!(may(c, &[a, c]), "nobody loses their say by the end of it");
    assert!(!may(&user("nobody"), &[a]));
    assert_eq!(seating.approvers(), [(0, a.id), (0, b.id), (1, c.id)]);
}

#[test]
fn only_a_slot_that_nobody_can_fill_is_one_for_the_fallback() {
    let mut people = ["a", "b", "f", "g"].map(user);
    let ids = people.clone().map(|one| one.id);
    let stages = vec![stage(Mode::AllOf, &[&people[0], &people[1]])];
    let fallback_approvers = vec![ids[2], ids[3]];
    let rule = ApprovalRule { fallback_approvers, ..rule(stages) };
    let may = |people: &[Principal], who| {
        Seating::new(&rule, Panel::of(people), None).may_decide(who, &HashSet::new())
    };
    assert!(!may(&people, ids[2]));
    people[1].enabled_since = None;
    assert!(may(&people, ids[2]) && may(&people, ids[3]) && !may(&people, ids[1]));
    let [a, b, f, g] = &people;
    let seating = Seating::new(&rule, Panel::of(&people), None);
    assert!(seating.is_met(&said(&[a, f])));
    assert!(!seating.is_met(&said(&[f, g])), "the other slot is not theirs");
    assert!(!seating.is_met(&said(&[a, b])));
    assert!(
        Seating::counting(&rule, Panel::of(&people), None, &votes(&[b])).is_met(&said(&[a, b]))
    );
    people[0].enabled_since = None;
    let both = [&people[2], &people[3]];
    assert!(Seating::new(&rule, Panel::of(&people), None).is_met(&said(&both)), "each takes one");
    people[3].enabled_since = None;
    assert!(!Seating::new(&rule, Panel::of(&people), None).is_possible());
}

#[test]
fn neither_the_requester_nor_a_program_nor_who_is_unknown_takes_a_slot() {
    let mut people = ["a", "b"].map(user);
    let rule = rule(vec![stage(Mode::AnyOf, &[&people[0], &user("stranger")])]);
    assert!(Seating::new(&rule, Panel::of(&people), None).is_possible());
    let requester = people[0].person_key();
    assert!(!Seating::new(&rule, Panel::of(&people), Some(requester)).is_possible());
    people[0].kind = PrincipalKind::ServicePrincipal;
    assert!(!Seating::new(&rule, Panel::of(&people), None).is_possible());
}

/// Persons by slot, for each stage, with how many of its slots it takes.
type Plan = Vec<(usize, Vec<BTreeSet<usize>>)>;

/// Whether the stages before `end` can be complete: every choice for every slot is tried.
fn by_brute_force(plan: &Plan, end: usize, voted: &BTreeSet<usize>) -> bool {
    fn fill(
        slots: &[(usize, &BTreeSet<usize>)],
        need: &mut Vec<usize>,
        free: &BTreeSet<usize>,
    ) -> bool {
        if need.iter().all(|need| *need == 0) {
            return true;
        }
        let Some(((stage, fit), rest)) = slots.split_first() else { return false };
        if fill(rest, need, free) {
            return true;
        }
        if need[*stage] == 0 {
            return false;
        }
        need[*stage] -= 1;
        let filled = fit.intersection(free).any(|person| {
            let mut others = free.clone();
            others.remove(person);
            fill(rest, need, &others)
        });
        need[*stage] += 1;
        filled
    }
    let stages = &plan[..end];
    let slots: Vec<_> = stages
        .iter()
        .enumerate()
        .flat_map(|(stage, (_, slots))| slots.iter().map(move |fit| (stage, fit)))
        .collect();
    let mut need = stages.iter().map(|(needed, _)| *needed).collect();
    fill(&slots, &mut need, voted)
}

/// Slots for eight accounts of four persons, some of whom are there and said yes.
#[derive(Debug)]
struct Case {
    /// How many slots it takes, and whose they are.
    stages: Vec<(usize, Vec<usize>)>,
    fallback: Vec<usize>,
    enabled: Vec<bool>,
    voted: Vec<bool>,
}

fn cases() -> impl Strategy<Value = Case> {
    let slots = prop::collection::vec(0_usize..8, 1..4);
    let stage = slots.prop_flat_map(|slots| (1..=slots.len(), Just(slots)));
    let stages = prop::collection::vec(stage, 1..4);
    let fallback = prop::collection::vec(0_usize..8, 0..3);
    let enabled = prop::collection::vec(prop::bool::weighted(0.75), 8);
    let voted = prop::collection::vec(any::<bool>(), 8);
    (stages, fallback, enabled, voted).prop_map(|(stages, fallback, enabled, voted)| Case {
        stages,
        fallback,
        enabled,
        voted,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_matching_is_what_trying_everything_finds(
        Case { stages, fallback, enabled, voted } in cases(),
    ) {
        let mut people: Vec<Principal> = (0..8).map(|n| user(&n.to_string())).collect();
        for n in 0..8 {
            people[n].person = Some(people[n - n % 2].id.uuid().into());
            if !enabled[n] {
                people[n].enabled_since = None;
            }
        }
        let slot = |n: &usize| Slot::User(people[*n].id);
        let wanted = stages.iter().map(|(needed, slots)| Stage {
            slots: slots.iter().map(slot).collect(),
            mode: Mode::Quorum(*needed),
        });
        let fallback_approvers = fallback.iter().map(|n| people[*n].id).collect();
        let rule = ApprovalRule { fallback_approvers, ..rule(wanted.collect()) };
        let seating = Seating::new(&rule, Panel::of(&people), None);

        let living = |accounts: &[usize]| -> BTreeSet<usize> {
            accounts.iter().copied().filter(|n| enabled[*n]).collect()
        };
        let accounts = |n: usize| match living(&[n]) {
            own if own.is_empty() => living(&fallback),
            own => own,
        };
        let persons = |accounts: &BTreeSet<usize>| accounts.iter().map(|n| n / 2).collect();
        let said_yes = |of: BTreeSet<usize>| -> BTreeSet<usize> {
            of.into_iter().filter(|n| voted[*n]).collect()
        };
        let all: Plan = stages.iter().map(|(needed, slots)| {
            (*needed, slots.iter().map(|n| persons(&accounts(*n))).collect())
        }).collect();
        let given: Plan = stages.iter().map(|(needed, slots)| {
            (*needed, slots.iter().map(|n| persons(&said_yes(accounts(*n)))).collect())
        }).collect();
        let everybody: BTreeSet<usize> = (0..4).collect();
        prop_assert_eq!(seating.is_possible(), by_brute_force(&all, all.len(), &everybody));
        let ballots: Vec<&Principal> =
            people.iter().zip(&voted).filter(|(_, voted)| **voted).map(|(one, _)| one).collect();
        let open = (1..=given.len()).find(|end| !by_brute_force(&given, *end, &everybody));
        prop_assert_eq!(seating.open_stage(&said(&ballots)), open.map(|end| end - 1));
    }
}

#[test]
fn a_group_seats_its_members_of_standing() {
    let [a, b, c] = ["a", "b", "c"].map(user);
    let people = [a.clone(), b.clone(), c.clone()];
    let asker = user("asker");
    let (board, inner) = (group("board", true), group("inner", true));
    let member = |number: u128, holder: PrincipalId, of: &Group| Membership {
        id: Uuid::from_u128(number),
        kind: HoldingKind::Assignment,
        holder,
        group: of.principal(),
        counts: Window { start: noon(), end: Some(noon() + TimeDelta::hours(1)) }.into(),
        granted_by: None,
        update_time: noon(),
    };
    let mut memberships = vec![
        member(1, a.id, &inner),
        member(2, inner.principal(), &board),
        member(3, b.id, &board),
        member(4, c.id, &board),
    ];
    memberships[2].kind = HoldingKind::Activation;
    memberships[3].granted_by = Some(asker.person_key());
    let seated = |activated, at, barred: Option<Uuid>| {
        let slots = vec![Slot::Group { group: board.id, activated }];
        let rule = rule(vec![Stage { slots, mode: Mode::AnyOf }]);
        let panel = Panel { people: &people, memberships: &memberships, at };
        let seating = Seating::new(&rule, panel, barred);
        seating.approvers().into_iter().map(|(_, one)| one).collect::<BTreeSet<_>>()
    };
    let barred = Some(asker.person_key());
    assert_eq!(seated(false, noon(), None), BTreeSet::from([a.id, c.id]));
    assert_eq!(seated(true, noon(), None), BTreeSet::from([a.id, b.id, c.id]));
    assert_eq!(seated(false, noon(), barred), BTreeSet::from([a.id]), "who was put there for it");
    assert_eq!(seated(true, noon() + TimeDelta::hours(1), None), BTreeSet::new());
}
