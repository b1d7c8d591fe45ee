//! By which way a member of an eligible group activates, and what ends that.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Facts, Length, State, ask},
    denial::Rule,
    effective::{HoldingKind, Membership},
    fixture::{facts, noon, stamp, user, wish},
    grant::Grant,
    group::GROUP_NESTING_MAX,
    id::{GrantId, PrincipalId},
    time::Window,
};
use uuid::Uuid;

fn hour(hours: i64) -> DateTime<Utc> {
    noon() + TimeDelta::hours(hours)
}

fn id(number: u128) -> PrincipalId {
    Uuid::from_u128(number).into()
}

/// Of a user and the groups 10, 20 and 30, of which the last is eligible for a year.
struct Ground {
    facts: Facts,
    alice: PrincipalId,
}

impl Ground {
    fn new() -> Self {
        let mut facts = facts(&user("alice"));
        facts.eligibilities[0].principal = id(30);
        let alice = facts.principal.id;
        Self { facts, alice }
    }

    fn belongs(&mut self, number: u128, holder: PrincipalId, group: u128, end: Option<i64>) {
        self.facts.memberships.push(Membership {
            id: Uuid::from_u128(number),
            kind: HoldingKind::Assignment,
            holder,
            group: id(group),
            counts: Window { start: hour(-1), end: end.map(hour) }.into(),
            granted_by: None,
            update_time: hour(-1),
        });
    }

    fn asked(&self) -> Activation {
        ask(&self.facts, wish(&self.facts), &stamp(noon())).unwrap().into_after()
    }

    fn way(&self) -> Vec<u128> {
        self.asked().memberships.iter().map(Uuid::as_u128).collect()
    }

    fn refused(&self) -> Vec<Rule> {
        ask(&self.facts, wish(&self.facts), &stamp(noon())).unwrap_err().rules().collect()
    }
}

#[test]
fn latest_end_then_fewest_memberships_then_lowest_ids() {
    let mut ground = Ground::new();
    assert_eq!(ground.refused(), [Rule::Eligibility]);
    let alice = ground.alice;
    ground.belongs(9, alice, 30, Some(2));
    assert_eq!(ground.way(), [9]);
    // Through two groups, but for longer.
    ground.belongs(8, alice, 10, Some(5));
    ground.belongs(7, id(10), 20, None);
    ground.belongs(6, id(20), 30, Some(4));
    assert_eq!(ground.way(), [8, 7, 6]);
    // As long, through one.
    ground.belongs(5, id(10), 30, Some(4));
    assert_eq!(ground.way(), [8, 5]);
    // As long and as short, by a lower id at the first that differs.
    ground.belongs(4, alice, 20, Some(6));
    assert_eq!(ground.way(), [4, 6]);
    // Beyond the end of the eligibility no way is longer than another.
    ground.facts.eligibilities[0].window.end = Some(hour(2));
    assert_eq!(ground.way(), [9]);
}

#[test]
fn nearest_scope_then_own_before_group_then_latest_end() {
    let mut ground = Ground::new();
    let alice = ground.alice;
    ground.belongs(1, alice, 30, None);
    let of_group = ground.facts.eligibilities[0].id;
    assert_eq!(ground.asked().eligibility, of_group);
    let own = Grant {
        id: GrantId::at(noon()),
        principal: alice,
        window: Window { start: hour(-1), end: Some(hour(1)) },
        ..ground.facts.eligibilities[0].clone()
    };
    ground.facts.eligibilities.push(own.clone());
    let chosen = ground.asked();
    assert_eq!((chosen.eligibility, chosen.memberships), (own.id, Vec::new()));
    let mut named = wish(&ground.facts);
    named.eligibility = Some(of_group);
    let named = ask(&ground.facts, named, &stamp(noon())).unwrap().into_after();
    assert_eq!((named.eligibility, named.memberships.len()), (of_group, 1));
}

#[test]
fn the_end_is_the_earliest_on_the_way() {
    let mut ground = Ground::new();
    let alice = ground.alice;
    ground.belongs(1, alice, 10, Some(3));
    ground.belongs(2, id(10), 30, Some(2));
    let mut long = wish(&ground.facts);
    long.request.length = Length::Duration(TimeDelta::hours(4));
    let State::Active { held, .. } =
        ask(&ground.facts, long, &stamp(noon())).unwrap().into_after().state
    else {
        panic!("not active");
    };
    assert_eq!((held.end, held.truncated), (hour(2), true));
}

#[test]
fn a_booked_one_needs_a_way_at_its_start() {
    let mut ground = Ground::new();
    let alice = ground.alice;
    ground.belongs(1, alice, 30, Some(2));
    let mut ahead = wish(&ground.facts);
    ahead.request.start = Some(hour(2));
    let denial = ask(&ground.facts, ahead.clone(), &stamp(noon())).unwrap_err();
    assert_eq!(denial.rules().collect::<Vec<_>>(), [Rule::Eligibility]);
    ahead.request.start = Some(hour(1));
    let booked = ask(&ground.facts, ahead, &stamp(noon())).unwrap().into_after();
    // Made again, the membership is another: the booked one rests on that which is gone.
    ground.facts.memberships[0].id = Uuid::from_u128(2);
    let pinned = ground.facts.policy.at(&booked.scope);
    let void = booked.start(&ground.facts, &pinned, &[], &stamp(hour(1))).unwrap().into_after();
    let State::Ended { ending, .. } = void.state else { panic!("begun") };
    assert_eq!(ending, pim_domain::activation::Ending::Void { rules: vec![Rule::Eligibility] });
}

#[test]
fn of_ways_that_are_as_good_the_lowest_ids_are_taken_in_whatever_order_they_are_found() {
    for turned in [false, true] {
        let mut ground = Ground::new();
        let alice = ground.alice;
        let mut all = [(4, alice, 10), (8, alice, 20), (5, id(10), 30), (3, id(20), 30)];
        if turned {
            all.reverse();
        }
        for (number, holder, group) in all {
            ground.belongs(number, holder, group, None);
        }
        assert_eq!(ground.way(), [4, 5], "turned: {turned}");
        // Who belongs to a group already needs no longer way to it.
        ground.belongs(1, id(10), 20, None);
        assert_eq!(ground.way(), [4, 5], "turned: {turned}");
    }
}

#[test]
fn the_longest_way_is_as_long_as_groups_may_lie_in_each_other() {
    let mut ground = Ground::new();
    let alice = ground.alice;
    let longest = u128::try_from(GROUP_NESTING_MAX).unwrap();
    ground.belongs(1, alice, 101, None);
    for step in 2..longest {
        ground.belongs(step, id(99 + step), 100 + step, None);
    }
    ground.belongs(longest, id(99 + longest), 30, None);
    assert_eq!(ground.way(), (1..=longest).collect::<Vec<_>>());
}
