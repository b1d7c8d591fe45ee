//! Who holds what: boundaries to the microsecond, paths, uncertainty.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::ask,
    authority::GROUP_MEMBER,
    effective::{Ground, Holding, HoldingKind, Instant, Resolved, Span, Standing, decision, list},
    fixture::{facts, noon, stamp, user, wish},
    grant::{GrantEnd, GrantEnding},
    id::{PrincipalId, RoleId},
    principal::Principal,
    scope::Scope,
    time::Window,
};
use uuid::Uuid;

fn tick() -> TimeDelta {
    TimeDelta::microseconds(1)
}

fn alice() -> PrincipalId {
    Uuid::from_u128(1).into()
}

fn assignment(start: DateTime<Utc>, end: Option<DateTime<Utc>>) -> Holding {
    Holding {
        id: Uuid::new_v4(),
        kind: HoldingKind::Assignment,
        holder: alice(),
        role: RoleId::at(start),
        scope: Scope::root(),
        span: Span { window: Window { start, end }, ended: None },
        standing: Standing::Held,
        path: None,
        granted_by: None,
        update_time: start,
    }
}

fn resolved(holdings: &[Holding]) -> Resolved {
    since(Some(DateTime::<Utc>::MIN_UTC), holdings)
}

/// Of alice, enabled since then.
fn since(enabled_since: Option<DateTime<Utc>>, holdings: &[Holding]) -> Resolved {
    let (memberships, holdings) = (Vec::new(), holdings.to_vec());
    Ground { principal: alice(), enabled_since, memberships, holdings }.resolve()
}

fn held(holdings: &[Holding], at: impl Into<Instant>) -> bool {
    counts(resolved(holdings), at)
}

fn counts(resolved: Resolved, at: impl Into<Instant>) -> bool {
    !decision(resolved, at.into()).holdings.is_empty()
}

#[test]
fn a_holding_counts_from_its_start_to_just_before_its_end() {
    let end = noon() + TimeDelta::hours(1);
    let all = [assignment(noon(), Some(end))];
    assert!(!held(&all, noon() - tick()));
    assert!(held(&all, noon()));
    assert!(held(&all, end - tick()));
    assert!(!held(&all, end));
}

#[test]
fn where_the_time_is_uncertain_the_answer_is_no() {
    let end = noon() + TimeDelta::hours(1);
    let all = [assignment(noon(), Some(end))];
    let around = |at: DateTime<Utc>| Instant { earliest: at - tick(), latest: at + tick() };
    assert!(!held(&all, around(noon())));
    assert!(held(&all, around(noon() + tick())));
    assert!(!held(&all, around(end - tick())));
    assert!(held(&all, around(end - tick() * 2)));
    let unsure = decision(resolved(&all), around(noon()));
    assert_eq!(unsure.valid_until, Some(noon()), "nobody may keep this answer");
}

#[test]
fn an_activation_counts_while_its_whole_path_does() {
    let facts = facts(&Principal { id: alice(), ..user("alice") });
    let change = ask(&facts, wish(&facts), &stamp(noon())).unwrap();
    let mut eligibility = facts.eligibilities[0].clone();
    let holding = |path| [change.after().holding(path).unwrap()];
    let at = noon() + TimeDelta::minutes(30);
    assert!(held(&holding(eligibility.span()), at));
    assert!(!counts(since(None, &holding(eligibility.span())), at));
    let again = since(Some(noon() + tick()), &holding(eligibility.span()));
    assert!(!counts(again, at), "disabled and enabled again");
    assert!(counts(since(Some(noon()), &holding(eligibility.span())), at));
    eligibility.ended = Some(GrantEnd { at, how: GrantEnding::Removed });
    assert!(held(&holding(eligibility.span()), at - tick()));
    assert!(!held(&holding(eligibility.span()), at));
}

#[test]
fn an_assignment_goes_on_when_its_principal_is_enabled_again() {
    let one = [assignment(noon(), None)];
    assert!(!counts(since(None, &one), noon()));
    let later = noon() + TimeDelta::hours(1);
    assert!(counts(since(Some(later), &one), later));
}

#[test]
fn a_decision_is_valid_until_it_changes_and_a_list_until_the_set_does() {
    let hour = |hours| noon() + TimeDelta::hours(hours);
    let all = resolved(&[
        assignment(noon(), Some(hour(1))),
        assignment(noon(), Some(hour(2))),
        assignment(hour(3), None),
    ]);
    assert_eq!(decision(all.clone(), noon().into()).valid_until, Some(hour(2)));
    assert_eq!(list(all.clone(), noon().into()).valid_until, Some(hour(1)));
    assert_eq!(decision(all.clone(), hour(2).into()).valid_until, Some(hour(3)));
    assert_eq!(decision(all.clone(), hour(3).into()).valid_until, None);
    assert_eq!(list(all, hour(3).into()).valid_until, None);
}

#[test]
fn a_booked_one_grants_nothing_and_may_change_the_answer_at_its_start() {
    let start = noon() + TimeDelta::hours(1);
    let mut booked = assignment(start, None);
    booked.standing = Standing::Booked;
    assert!(!held(&[booked.clone()], start));
    assert_eq!(decision(resolved(&[booked.clone()]), noon().into()).valid_until, Some(start));
    assert_eq!(list(resolved(&[booked]), noon().into()).valid_until, Some(start));
}

#[test]
fn a_booked_membership_may_change_the_answer_at_its_start_by_what_its_group_then_has() {
    let hour = |hours| noon() + TimeDelta::hours(hours);
    let group: PrincipalId = Uuid::from_u128(2).into();
    let booked = Holding {
        kind: HoldingKind::Activation,
        role: GROUP_MEMBER.into(),
        scope: Scope::of_group(group.uuid().into()),
        standing: Standing::Booked,
        ..assignment(hour(2), Some(hour(4)))
    };
    let until = |start, at: DateTime<Utc>| {
        let of_group = Holding { holder: group, ..assignment(start, None) };
        let ground = Ground {
            principal: alice(),
            enabled_since: Some(noon()),
            memberships: vec![booked.clone()],
            holdings: vec![of_group],
        };
        let decided = decision(ground.clone().resolve(), at.into());
        assert!(decided.holdings.is_empty());
        assert_eq!(decided.valid_until, list(ground.resolve(), at.into()).valid_until);
        decided.valid_until
    };
    assert_eq!(until(noon(), hour(1)), Some(hour(2)));
    assert_eq!(until(noon(), hour(2)), None, "an event tells of its start");
    assert_eq!(until(hour(3), hour(1)), None, "the group has nothing when it starts");
}

#[test]
fn no_answer_is_as_of_before_the_newest_change_of_its_ground() {
    let at = |minutes| Holding {
        update_time: noon() + TimeDelta::minutes(minutes),
        ..assignment(noon(), None)
    };
    let newest = |memberships: &[i64], holdings: &[i64]| {
        let all = |minutes: &[i64]| minutes.iter().copied().map(at).collect();
        let (memberships, holdings) = (all(memberships), all(holdings));
        Ground { principal: alice(), enabled_since: None, memberships, holdings }.newest()
    };
    assert_eq!(newest(&[], &[]), None);
    assert_eq!(newest(&[3], &[1, 2]), Some(noon() + TimeDelta::minutes(3)));
    assert_eq!(newest(&[1], &[4, 2]), Some(noon() + TimeDelta::minutes(4)));
}
