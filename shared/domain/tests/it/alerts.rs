//! When the condition of each alert is met: at its thresholds, and just below.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    alert::{
        AlertKind, Finding, Measure, Setting,
        condition::{
            Activated, Approvals, Approvers, Changed, Crowd, Eligible, InForce, Refused, Renewals,
            Use, crowded, disabled, duplicates, few_break_glass, mutual, refused, renewed,
            unapprovable, unused, unusual_hours, used, weakened, without_mfa,
        },
    },
    authority::GLOBAL_ADMINISTRATOR,
    condition::Condition,
    fixture::{grant, noon, role, set, user},
    grant::GrantKind,
    holders::Holder,
    id::{GrantId, PrincipalId, RoleId, TenantId},
    policy::{ApprovalRule, Layers, RuleSet, Rules},
    role::{Catalog, Custom, PermissionBlock, Role},
    scope::Scope,
};
use uuid::Uuid;

pub(crate) fn setting(kind: AlertKind, values: &[(Measure, i64)]) -> Setting {
    let mut setting = Setting::untouched(TenantId::from(Uuid::nil()), kind);
    for (measure, value) in values {
        let known = kind.parameters().iter().find(|one| one.measure == *measure).unwrap();
        setting.parameters.insert(known.name.to_owned(), *value);
    }
    setting
}

pub(crate) fn somebody(number: u128) -> PrincipalId {
    Uuid::from_u128(number).into()
}

pub(crate) fn some_role() -> RoleId {
    GLOBAL_ADMINISTRATOR.into()
}

pub(crate) fn ago(days: i64) -> DateTime<Utc> {
    noon() - TimeDelta::days(days)
}

#[test]
fn every_kind_is_found_by_its_name_and_has_defaults_in_range() {
    for kind in AlertKind::ALL {
        assert_eq!(AlertKind::named(kind.as_str()), Some(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        assert!(!kind.name().is_empty() && !kind.remediation().is_empty());
        let setting = setting(kind, &[]);
        for one in kind.parameters() {
            assert!((one.least..=one.most).contains(&one.default), "{}", one.name);
            assert_eq!(setting.value(one.measure), one.default, "{}", one.name);
        }
    }
    assert_eq!(AlertKind::named("StaleSignInAlerts"), None);
}

#[test]
fn too_many_are_so_many_and_so_large_a_part() {
    let kind = AlertKind::TooManyGlobalAdministrators;
    let setting = setting(kind, &[(Measure::Count, 3), (Measure::Share, 10)]);
    let met = |count, of| {
        let crowd = Crowd { role: some_role(), scope: Scope::root(), count, of };
        crowded(&[crowd], &setting).len()
    };
    assert_eq!(met(3, 30), 1);
    assert_eq!(met(2, 2), 0, "too few, however large a part");
    assert_eq!(met(3, 31), 0, "enough, but too small a part");
    assert_eq!(met(4, 31), 1);
}

#[test]
fn an_eligibility_is_unused_after_so_many_days() {
    let setting = setting(AlertKind::RolesNotUsed, &[(Measure::Days, 30)]);
    let met = |since, last_used| {
        let one = Eligible {
            eligibility: GrantId::from(Uuid::nil()),
            principal: somebody(1),
            role: some_role(),
            scope: Scope::root(),
            since,
            last_used,
        };
        unused(&[one], &setting, noon()).len()
    };
    assert_eq!(met(ago(30), None), 1);
    assert_eq!(met(ago(30) + TimeDelta::microseconds(1), None), 0, "not yet");
    assert_eq!(met(ago(90), Some(ago(30))), 1);
    assert_eq!(met(ago(90), Some(ago(29))), 0);
}

#[test]
fn activations_follow_each_other_too_fast() {
    let setting = setting(AlertKind::SequentialRenewals, &[(Measure::Count, 3)]);
    let met = |count| {
        let (principal, role, scope) = (somebody(1), some_role(), Scope::root());
        renewed(&[Renewals { principal, role, scope, count }], &setting).len()
    };
    assert_eq!((met(2), met(3)), (0, 1));
    assert_eq!(setting.since(noon()), noon() - TimeDelta::hours(1));
}

fn administrator(name: &str, break_glass: bool) -> Holder {
    let mut principal = user(name);
    principal.break_glass = break_glass;
    let assignment = grant(GrantKind::Assignment, &principal, &role(), ago(1), None);
    Holder { assignment, memberships: Vec::new(), groups: Vec::new(), principal }
}

#[test]
fn two_break_glass_persons_must_administer_for_good() {
    let met = |holders: &[Holder]| few_break_glass(holders, noon()).len();
    let (ada, grace) = (administrator("ada", true), administrator("grace", true));
    assert_eq!(met(&[ada.clone(), grace.clone()]), 0);
    assert_eq!(met(&[ada.clone(), administrator("alice", false)]), 1);
    assert_eq!(met(&[]), 1);
    let mut disabled = grace.clone();
    disabled.principal.enabled_since = None;
    assert_eq!(met(&[ada.clone(), disabled]), 1);
    let mut ends = grace.clone();
    ends.assignment.window.end = Some(noon() + TimeDelta::days(1));
    assert_eq!(met(&[ada.clone(), ends]), 1);
    let mut same = grace;
    same.principal.person = Some(ada.principal.person_key().into());
    assert_eq!(met(&[ada, same]), 1, "two accounts of one person are one");
}

#[test]
fn a_use_of_break_glass_counts_for_a_while() {
    let setting = setting(AlertKind::BreakGlassUsed, &[(Measure::Hours, 2)]);
    let met = |hours| {
        let latest = noon() - TimeDelta::hours(hours);
        used(&[Use { principal: somebody(1), latest }], &setting, noon()).len()
    };
    assert_eq!((met(1), met(2)), (1, 0));
}

#[test]
fn denials_in_a_row_are_counted() {
    let setting = setting(AlertKind::DenialsInARow, &[(Measure::Count, 4)]);
    let met = |count| refused(&[Refused { principal: somebody(1), count }], &setting).len();
    assert_eq!((met(3), met(4)), (0, 1));
}

#[test]
fn two_persons_who_always_approve_each_other_are_told_of_once() {
    let setting = setting(AlertKind::MutualApproval, &[(Measure::Count, 3)]);
    let said = |requester, approver, count, of| Approvals {
        account: somebody(requester),
        requester: Uuid::from_u128(requester),
        approver: Uuid::from_u128(approver),
        count,
        of,
    };
    let met = |all: &[Approvals]| mutual(all, &setting).len();
    assert_eq!(met(&[said(1, 2, 3, 3), said(2, 1, 5, 5)]), 1);
    assert_eq!(met(&[said(1, 2, 3, 3), said(2, 1, 2, 2)]), 0, "too seldom");
    assert_eq!(met(&[said(1, 2, 3, 3), said(2, 1, 5, 6)]), 0, "not always");
    assert_eq!(met(&[said(1, 2, 3, 3)]), 0, "one way only");
}

#[test]
fn custom_roles_are_alike_in_whatever_order_they_say_it() {
    let custom = |actions: &[&str], scopes: &[&str]| Role {
        catalog: Catalog::Azure,
        permissions: vec![PermissionBlock {
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
            ..PermissionBlock::default()
        }],
        custom: Some(Custom {
            assignable_scopes: scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
            deleted: None,
        }),
        ..role()
    };
    let one = custom(&["A/read", "B/read"], &["/subscriptions/a", "/subscriptions/b"]);
    let same = custom(&["b/READ", "A/read"], &["/subscriptions/b", "/subscriptions/a"]);
    let elsewhere = custom(&["A/read", "B/read"], &["/subscriptions/a"]);
    let more = custom(&["A/read"], &["/subscriptions/a", "/subscriptions/b"]);
    assert_eq!(duplicates(&[one.clone(), elsewhere, more]), []);
    let found = duplicates(&[one.clone(), same.clone()]);
    assert_eq!(found.len(), 1);
    assert_eq!(found, duplicates(&[same, one]), "the same condition, whoever comes first");
}

#[test]
fn an_hour_is_unusual_where_there_is_a_habit_and_it_is_far_from_it() {
    let setting = setting(
        AlertKind::UnusualHour,
        &[(Measure::Count, 5), (Measure::Distance, 3), (Measure::Hours, 24)],
    );
    // The habit is 23:00, for nine days or fewer.
    let habit = |days: i64| (1..=days).map(|day| ago(day) + TimeDelta::hours(11)).collect();
    let met = |history: Vec<DateTime<Utc>>, time: DateTime<Utc>| {
        let one = Activated {
            activation: Uuid::nil(),
            principal: somebody(1),
            role: some_role(),
            scope: Scope::root(),
            time,
            history,
        };
        unusual_hours(&[one], &setting, noon()).len()
    };
    let at = |hour: i64| noon() - TimeDelta::hours(12) + TimeDelta::hours(hour);
    assert_eq!(met(habit(9), at(9)), 1);
    assert_eq!(met(habit(4), at(9)), 0, "no habit yet");
    assert_eq!(met(habit(9), at(1)), 0, "two hours, around midnight");
    assert_eq!(met(habit(9), at(2)), 1, "three hours, around midnight");
    assert_eq!(met(habit(9), at(9) - TimeDelta::days(1)), 0, "long ago");
}

fn in_force(rules: RuleSet) -> Rules {
    let mut layers = Layers::untouched(some_role(), Catalog::Entra);
    set(&mut layers, rules);
    layers.at(&Scope::root())
}

#[test]
fn no_second_factor_and_no_context_is_told_of() {
    let met = |rules| {
        let one = InForce { role: some_role(), scope: Scope::root(), rules: in_force(rules) };
        without_mfa(&[one]).len()
    };
    assert_eq!(met(RuleSet::default()), 0);
    assert_eq!(met(RuleSet { require_mfa: Some(false), ..RuleSet::default() }), 1);
    let context = Some("c1".to_owned());
    let rules =
        RuleSet { require_mfa: Some(false), authentication_context: context, ..RuleSet::default() };
    assert_eq!(met(rules), 0);
}

/// What is said of a change of the rules.
fn said(before: RuleSet, after: RuleSet) -> Option<String> {
    let changed = Changed {
        role: some_role(),
        scope: Scope::root(),
        before: in_force(before),
        after: in_force(after),
        latest: noon(),
    };
    weakened(&[changed]).pop().map(|finding| finding.detail)
}

#[test]
fn weaker_rules_are_named_and_stricter_ones_are_not() {
    let none = RuleSet::default;
    let no_mfa = RuleSet { require_mfa: Some(false), ..none() };
    let longer = RuleSet {
        activation_max: Some(TimeDelta::hours(24)),
        require_justification: Some(false),
        ..none()
    };
    let people = [user("a").id, user("b").id, user("c").id];
    let asked = |many: usize| RuleSet {
        approval: Some(ApprovalRule::all_of(people.into_iter().take(many))),
        ..none()
    };
    let weaker = |names: &str| Some(format!("weaker: {names}"));
    assert_eq!(said(none(), none()), None);
    assert_eq!(said(none(), no_mfa.clone()), weaker("require_mfa"));
    assert_eq!(said(no_mfa, none()), None);
    assert_eq!(said(none(), longer.clone()), weaker("activation_max, require_justification"));
    assert_eq!(said(longer, none()), None);
    assert_eq!(said(asked(2), asked(1)), weaker("approval"));
    assert_eq!(said(asked(1), asked(2)), None);
    assert_eq!(said(asked(1), none()), weaker("approval"));
    let context = RuleSet {
        require_mfa: Some(false),
        authentication_context: Some("c1".to_owned()),
        ..none()
    };
    assert_eq!(said(none(), context.clone()), None, "asked for in the place of it");
    assert_eq!(said(context, none()), weaker("authentication_context"));
    let ends = RuleSet { permanent_eligibility: Some(false), ..none() };
    assert_eq!(said(ends.clone(), none()), weaker("eligible_max"));
    assert_eq!(said(none(), ends), None);
    let on = |texts: &[&str]| RuleSet {
        conditions: Some(texts.iter().map(|it| Condition::new((*it).to_owned())).collect()),
        ..none()
    };
    assert_eq!(said(on(&["a", "b"]), on(&["b"])), weaker("conditions"));
    assert_eq!(said(on(&["a"]), on(&["c"])), weaker("conditions"), "nobody can tell");
    assert_eq!(said(on(&["a"]), on(&["b", "a"])), None);
    assert_eq!(said(none(), on(&["a"])), None);
    let fewer = RuleSet { min_active_holders: Some(1), ..none() };
    assert_eq!(said(none(), fewer), weaker("min_active_holders"));
}

#[test]
fn a_policy_without_living_approvers_is_told_of() {
    let (alice, mut bob) = (user("alice"), user("bob"));
    let rule = ApprovalRule::all_of([alice.id, bob.id]);
    let met = |people: &[_], rule: &ApprovalRule| {
        let one = Approvers {
            role: some_role(),
            scope: Scope::root(),
            rules: vec![rule.clone()],
            people: Vec::from(people),
            belonging: Vec::new(),
        };
        unapprovable(&[one], noon()).len()
    };
    assert_eq!(met(&[alice.clone(), bob.clone()], &rule), 0);
    bob.enabled_since = None;
    assert_eq!(met(&[alice.clone(), bob.clone()], &rule), 1);
    let carol = user("carol");
    let helped = ApprovalRule { fallback_approvers: vec![carol.id], ..rule };
    assert_eq!(met(&[alice, bob, carol], &helped), 0);
}

#[test]
fn each_disabled_alert_is_told_of_but_this_one() {
    let off = |kind| Setting { is_enabled: false, ..setting(kind, &[]) };
    let all = [
        off(AlertKind::RolesNotUsed),
        off(AlertKind::AlertDisabled),
        setting(AlertKind::BreakGlassUsed, &[]),
    ];
    let told: Vec<Finding> = disabled(&all);
    let told: Vec<&str> = told.iter().map(|finding| finding.detail.as_str()).collect();
    assert_eq!(told, [AlertKind::RolesNotUsed.as_str()]);
}

#[test]
fn a_setting_is_stored_flat() {
    let setting = setting(AlertKind::RolesNotUsed, &[(Measure::Days, 9)]);
    let stored = serde_json::to_value(&setting).unwrap();
    assert_eq!(stored["days"], 9);
    let read: Setting = serde_json::from_value(stored).unwrap();
    assert_eq!(read, setting);
    assert_eq!(read.parameters, BTreeMap::from([("days".to_owned(), 9)]));
}
