//! How many must stay who hold a role for good, and who counts.

use chrono::TimeDelta;
use pim_domain::{
    authority::{GLOBAL_ADMINISTRATOR, GLOBAL_READER, OWNER},
    denial::Reason,
    fixture::{grant, noon, role, stamp, user},
    grant::GrantKind,
    holders::{Holder, count, keep_enough},
    id::RoleId,
    policy::Layers,
    principal::PrincipalKind,
    role::Catalog,
    scope::Scope,
};

fn holder(name: &str) -> Holder {
    let principal = user(name);
    let start = noon() - TimeDelta::days(1);
    let assignment = grant(GrantKind::Assignment, &principal, &role(), start, None);
    Holder { assignment, memberships: Vec::new(), groups: Vec::new(), principal }
}

#[test]
fn two_must_administer_a_tenant_and_one_own_a_subscription() {
    let least = |role, scope: &str| {
        let layers = Layers::untouched(RoleId::from(role), Catalog::Entra);
        layers.at(&scope.parse().unwrap()).min_active_holders
    };
    assert_eq!(least(GLOBAL_ADMINISTRATOR, "/"), 2);
    assert_eq!(least(GLOBAL_ADMINISTRATOR, "/administrativeUnits/a"), 0);
    assert_eq!(least(OWNER, "/subscriptions/a"), 1);
    for scope in ["/", "/subscriptions/a/resourceGroups/b", "/managementGroups/a"] {
        assert_eq!(least(OWNER, scope), 0, "{scope}");
    }
    assert_eq!(least(GLOBAL_READER, "/"), 0);
}

#[test]
fn a_holder_is_a_person_with_an_enabled_account_and_a_permanent_assignment_in_force() {
    let one = |change: fn(&mut Holder)| {
        let mut holder = holder("alice");
        change(&mut holder);
        count(&[holder], noon())
    };
    assert_eq!(one(|_| ()), 1);
    assert_eq!(one(|it| it.principal.enabled_since = None), 0);
    assert_eq!(one(|it| it.principal.kind = PrincipalKind::ServicePrincipal), 0);
    assert_eq!(one(|it| it.assignment.kind = GrantKind::Eligibility), 0);
    assert_eq!(one(|it| it.assignment.window.end = Some(noon() + TimeDelta::days(9))), 0);
    assert_eq!(one(|it| it.assignment.window.start = noon() + TimeDelta::days(9)), 0);
    assert_eq!(one(|it| it.assignment.window.start = noon()), 1);
    let removed = |it: &mut Holder| {
        let removed = it.assignment.remove(Catalog::Entra, Default::default(), &stamp(noon()));
        it.assignment = removed.unwrap().into_after();
    };
    assert_eq!(one(removed), 0);

    let (first, mut second) = (holder("alice"), holder("alice-admin"));
    second.principal.person = Some(first.principal.id.uuid().into());
    assert_eq!(count(&[first, second.clone()], noon()), 1, "one human counts once");
    assert_eq!(count(&[second, holder("bob")], noon()), 2);
}

#[test]
fn nothing_leaves_fewer_than_the_minimum_or_makes_it_worse() {
    let all = ["alice", "bob", "carol"].map(holder);
    let (role, scope) = (RoleId::from(GLOBAL_ADMINISTRATOR), Scope::root());
    let judge = |before: usize, after: usize| {
        keep_enough((role, &scope), 2, &all[..before], &all[..after], noon())
    };
    for (before, after) in [(3, 2), (2, 2), (1, 1), (0, 0), (0, 1), (1, 2), (1, 3)] {
        judge(before, after).unwrap();
    }
    for (before, after) in [(3, 1), (2, 1), (2, 0), (1, 0)] {
        let left = u32::try_from(after).unwrap();
        let reason = Reason::LastHolder { role, scope: scope.clone(), minimum: 2, left };
        assert_eq!(judge(before, after).unwrap_err().reason, reason);
    }
}
