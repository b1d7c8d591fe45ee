//! When the condition of each alert about what is held, and from where, is met.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    alert::{
        AlertKind, Measure,
        condition::{
            Licence, Origin, Privileged, Untold, network, outside, stale, unlicensed,
            unusual_networks,
        },
    },
    event::ThingKind,
    fixture::noon,
    scope::Scope,
    tenant::Plan,
};
use uuid::Uuid;

use crate::alerts::{ago, setting, some_role, somebody};

#[test]
fn somebody_privileged_is_stale_after_so_many_days_without_a_sign_in() {
    let setting = setting(AlertKind::StaleSignIn, &[(Measure::Days, 30)]);
    let met = |since, last_sign_in| {
        let one = Privileged { principal: somebody(1), since, last_sign_in };
        stale(&[one], &setting, noon()).len()
    };
    let micro = TimeDelta::microseconds(1);
    assert_eq!(met(ago(90), Some(ago(30))), 1);
    assert_eq!(met(ago(90), Some(ago(30) + micro)), 0, "not yet");
    assert_eq!(met(ago(30), None), 1, "never, and made as long ago");
    assert_eq!(met(ago(30) + micro, None), 0, "never, and made lately");
}

#[test]
fn privileged_roles_need_a_plan() {
    let met = |plan, privileged| unlicensed(Licence { plan, privileged });
    assert_eq!(met(Plan::P2, 5), []);
    assert_eq!(met(Plan::Free, 0), []);
    let [one, more] = [1, 2].map(|privileged| met(Plan::Free, privileged).pop().unwrap());
    assert_eq!(one.condition, more.condition, "a tenant has one");
}

#[test]
fn each_thing_that_the_log_does_not_tell_of_is_a_condition_of_its_own() {
    let untold = |kind, id| Untold {
        kind,
        id: Uuid::from_u128(id),
        principal: somebody(1),
        role: some_role(),
        scope: Scope::root(),
    };
    let all = [
        untold(ThingKind::Assignment, 1),
        untold(ThingKind::Assignment, 2),
        untold(ThingKind::Activation, 1),
    ];
    let mut conditions: Vec<Uuid> = outside(&all).iter().map(|found| found.condition).collect();
    assert_eq!(outside(&all).len(), 3);
    conditions.sort_unstable();
    conditions.dedup();
    assert_eq!(conditions.len(), 3);
}

#[test]
fn a_network_is_24_bits_of_ipv4_and_48_of_ipv6() {
    let of = |text: &str| network(text.parse().unwrap());
    for (one, other) in [
        ("192.0.2.0", "192.0.2.255"),
        ("2001:db8:1::", "2001:db8:1:ffff:ffff:ffff:ffff:ffff"),
        ("::ffff:192.0.2.0", "192.0.2.255"),
        ("::ffff:192.0.2.0", "::ffff:192.0.2.255"),
    ] {
        assert_eq!(of(one), of(other), "{one} and {other}");
    }
    for (one, other) in [
        ("192.0.2.255", "192.0.3.0"),
        ("192.0.2.0", "192.0.1.255"),
        ("2001:db8:1::", "2001:db8:0:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8:1:ffff:ffff:ffff:ffff:ffff", "2001:db8:2::"),
        ("::ffff:192.0.2.255", "::ffff:192.0.3.0"),
        // Only looks like an address of version 4.
        ("::192.0.2.7", "192.0.2.7"),
    ] {
        assert_ne!(of(one), of(other), "{one} and {other}");
    }
}

#[test]
fn a_network_is_unusual_where_there_is_a_habit_and_it_was_never_from_there() {
    let setting = setting(AlertKind::UnusualNetwork, &[(Measure::Count, 5), (Measure::Hours, 24)]);
    let found = |history: &[&str], address: &str, time: DateTime<Utc>| {
        let address_of = |text: &str| text.parse::<IpAddr>().unwrap();
        let one = Origin {
            activation: Uuid::nil(),
            principal: somebody(1),
            role: some_role(),
            scope: Scope::root(),
            time,
            address: address_of(address),
            history: history.iter().map(|text| address_of(text)).collect(),
        };
        unusual_networks(&[one], &setting, noon())
    };
    let met = |history: &[&str], address| found(history, address, noon()).len();
    let (home, away) = ("192.0.2.7", "198.51.100.7");
    assert_eq!(met(&[home; 5], away), 1);
    assert_eq!(met(&[home; 4], away), 0, "no habit yet");
    assert_eq!(met(&[home, home, home, home, home, "198.51.100.255"], away), 0, "once from there");
    assert_eq!(met(&[home; 5], "192.0.3.0"), 1, "the next network");
    assert_eq!(met(&[home; 5], "192.0.2.255"), 0, "the last address of this one");
    assert_eq!(met(&[home; 5], "::ffff:192.0.2.9"), 0, "the same, written otherwise");
    assert_eq!(met(&[home; 5], "2001:db8::7"), 1);
    assert_eq!(met(&["2001:db8:0:1::7"; 5], "2001:db8:0:2::7"), 0, "within one site");
    let day = TimeDelta::hours(24);
    assert_eq!(found(&[home; 5], away, noon() - day).len(), 0, "long ago");
    let before = found(&[home; 5], away, noon() - day + TimeDelta::microseconds(1));
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].detail, "from 198.51.100.0/24; none of the 5 before it was from there");
    assert!(found(&[home; 5], "2001:db8:9:8::7", noon())[0].detail.contains("2001:db8:9::/48"));
}
