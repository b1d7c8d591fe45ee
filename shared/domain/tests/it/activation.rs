//! Judging a request: each rule, alone and together.

use chrono::TimeDelta;
use pim_domain::{
    activation::{
        Activation, Ask, Ending, Facts, Length, SIGN_IN_LEEWAY, START_AHEAD_MAX, State, Use,
        Verdict, ask,
    },
    denial::{Denial, Reason, Rule},
    event::ThingKind,
    fixture::{facts, grant, noon, set, set_at, stamp, user, votes, wish},
    grant::GrantKind,
    policy::{ApprovalRule, RuleSet, TicketPattern},
    principal::PrincipalKind,
    role::Catalog,
    scope::Scope,
    text::Ticket,
};

fn broken(denial: &Denial) -> Vec<Rule> {
    denial.rules().collect()
}

#[test]
fn a_request_that_breaks_nothing_is_active_from_now() {
    let facts = facts(&user("alice"));
    let change = ask(&facts, wish(&facts), &stamp(noon())).unwrap();
    let State::Active { held, .. } = change.after().state.clone() else { panic!("{change:?}") };
    assert_eq!((held.start, held.end), (noon(), noon() + TimeDelta::hours(1)));
    assert!(!held.truncated);
    assert_eq!(change.event().activity(), "Add member to role completed (PIM activation)");
}

#[test]
fn every_broken_rule_is_answered_at_once_and_in_order() {
    let mut facts = facts(&user("alice"));
    facts.eligibilities.clear();
    let require_ticket = Some(true);
    set(&mut facts.policy, RuleSet { require_ticket, ..RuleSet::default() });
    let mut wish = wish(&facts);
    wish.request.length = Length::Duration(TimeDelta::hours(9));
    wish.request.justification = " \u{200b}".into();
    wish.request.sign_in.mfa = false;
    let denial = ask(&facts, wish, &stamp(noon())).unwrap_err();
    let all =
        [Rule::Eligibility, Rule::Expiration, Rule::Justification, Rule::Ticketing, Rule::Mfa];
    assert_eq!(broken(&denial), all);
}

#[test]
fn each_rule_breaks_alone() {
    let alice = user("alice");
    let good = facts(&alice);
    let refused = |facts: &Facts, change: &dyn Fn(&mut pim_domain::activation::Ask)| {
        let mut wish = wish(facts);
        change(&mut wish);
        broken(&ask(facts, wish, &stamp(noon())).unwrap_err())
    };
    let minute = TimeDelta::minutes(1);
    assert_eq!(
        refused(&good, &|wish| wish.request.length = Length::Duration(minute)),
        [Rule::Expiration]
    );
    assert_eq!(
        refused(&good, &|wish| {
            wish.request.start = Some(noon() + START_AHEAD_MAX + TimeDelta::microseconds(1));
        }),
        [Rule::Window]
    );
    assert_eq!(refused(&good, &|wish| wish.request.length = Length::Until(noon())), [Rule::Window]);
    assert_eq!(refused(&good, &|wish| wish.request.sign_in.mfa = false), [Rule::Mfa]);
    assert_eq!(
        refused(&good, &|wish| wish.scope = "/subscriptions/a".parse().unwrap()),
        [Rule::Role]
    );
    let mut program = good.clone();
    program.principal.kind = PrincipalKind::ServicePrincipal;
    assert_eq!(refused(&program, &|_| ()), [Rule::Principal]);
    let mut disabled = good.clone();
    disabled.principal.enabled_since = None;
    assert_eq!(refused(&disabled, &|_| ()), [Rule::Principal]);
    let mut patterned = good.clone();
    let pattern = TicketPattern::try_from("CHG[0-9]+".to_owned()).unwrap();
    set(
        &mut patterned.policy,
        RuleSet { require_ticket: Some(true), ticket_pattern: Some(pattern), ..RuleSet::default() },
    );
    let ticket = |number: &str| Ticket { number: number.to_owned(), system: "desk".to_owned() };
    for number in ["CHG", "CHG1x", "xCHG1"] {
        assert_eq!(
            refused(&patterned, &|wish| wish.request.ticket = Some(ticket(number))),
            [Rule::Ticketing]
        );
    }
    let mut fitting = wish(&patterned);
    fitting.request.ticket = Some(ticket("CHG42"));
    assert!(ask(&patterned, fitting, &stamp(noon())).is_ok());
}

#[test]
fn the_bounds_of_a_length_are_inclusive() {
    let facts = facts(&user("alice"));
    let with = |length| {
        let mut wish = wish(&facts);
        wish.request.length = length;
        ask(&facts, wish, &stamp(noon()))
    };
    let tick = TimeDelta::microseconds(1);
    let (least, most) = (TimeDelta::minutes(5), TimeDelta::hours(8));
    assert!(with(Length::Duration(least)).is_ok());
    assert!(with(Length::Duration(least - tick)).is_err());
    assert!(with(Length::Duration(most)).is_ok());
    assert!(with(Length::Duration(most + tick)).is_err());
    assert!(with(Length::Until(noon() + most)).is_ok());
    assert!(with(Length::Until(noon() + most + tick)).is_err());
}

#[test]
fn the_end_is_never_past_the_eligibility() {
    let mut facts = facts(&user("alice"));
    let end = noon() + TimeDelta::minutes(2);
    facts.eligibilities[0].window.end = Some(end);
    let change = ask(&facts, wish(&facts), &stamp(noon())).unwrap();
    let State::Active { held, .. } = change.after().state.clone() else { panic!("{change:?}") };
    // Below the minimum, which binds what is asked and not what is left.
    assert_eq!((held.end, held.truncated), (end, true));
    let denial = ask(&facts, wish(&facts), &stamp(end)).unwrap_err();
    assert_eq!(broken(&denial), [Rule::Eligibility]);
}

#[test]
fn the_nearest_eligibility_is_taken_then_the_one_that_lasts_longest() {
    let alice = user("alice");
    let mut facts = facts(&alice);
    facts.role.catalog = Catalog::Azure;
    let start = noon() - TimeDelta::days(1);
    let at = |scope: &str, days: i64| {
        let end = Some(noon() + TimeDelta::days(days));
        let mut grant = grant(GrantKind::Eligibility, &alice, &facts.role, start, end);
        grant.scope = scope.parse().unwrap();
        grant
    };
    let (root, short, long) = (at("/", 9), at("/subscriptions/a", 1), at("/subscriptions/a", 2));
    let beside = at("/subscriptions/ab", 9);
    facts.eligibilities = vec![root.clone(), short.clone(), long.clone(), beside];
    let scope: Scope = "/subscriptions/a/resourceGroups/x".parse().unwrap();
    let mut wish = wish(&facts);
    wish.scope = scope;
    let chosen =
        |wish| ask(&facts, wish, &stamp(noon())).map(|change| change.into_after().eligibility);
    assert_eq!(chosen(wish.clone()).unwrap(), long.id);
    wish.eligibility = Some(short.id);
    assert_eq!(chosen(wish.clone()).unwrap(), short.id);
    wish.eligibility = Some(root.id);
    assert_eq!(chosen(wish).unwrap(), root.id);
}

#[test]
fn a_live_one_stands_in_the_way_until_its_time_is_up() {
    let mut facts = facts(&user("alice"));
    let first = ask(&facts, wish(&facts), &stamp(noon())).unwrap().into_after();
    facts.live = Some(first.clone());
    let end = noon() + TimeDelta::hours(1);
    let last = end - TimeDelta::microseconds(1);
    let denial = ask(&facts, wish(&facts), &stamp(last)).unwrap_err();
    assert_eq!(broken(&denial), [Rule::Overlap]);
    let Reason::Policy { live, .. } = denial.reason else { panic!() };
    assert_eq!(live, Some(first.id.uuid()));
    assert!(ask(&facts, wish(&facts), &stamp(end)).is_ok());
}

#[test]
fn nobody_who_must_approve_may_be_missing_or_the_requester() {
    let (alice, carol) = (user("alice"), user("carol"));
    let mut facts = facts(&alice);
    let approval = Some(ApprovalRule::all_of([carol.id]));
    set(&mut facts.policy, RuleSet { approval, ..RuleSet::default() });
    let refused = |facts: &Facts| {
        ask(facts, wish(facts), &stamp(noon())).map_err(|denial| broken(&denial)).unwrap_err()
    };
    assert_eq!(refused(&facts), [Rule::Approvable]);
    facts.people = vec![carol.clone()];
    let change = ask(&facts, wish(&facts), &stamp(noon())).unwrap();
    assert!(matches!(change.after().state, State::PendingApproval { .. }));
    facts.people[0].enabled_since = None;
    assert_eq!(refused(&facts), [Rule::Approvable]);
    facts.people[0] = carol;
    facts.people[0].person = Some(alice.id.uuid().into());
    facts.principal.person = Some(alice.id.uuid().into());
    assert_eq!(refused(&facts), [Rule::Approvable]);
}

#[test]
fn what_is_approved_is_judged_again() {
    let (alice, carol) = (user("alice"), user("carol"));
    let mut facts = facts(&alice);
    facts.people = vec![carol.clone()];
    let approval = Some(ApprovalRule::all_of([carol.id]));
    set(&mut facts.policy, RuleSet { approval, ..RuleSet::default() });
    let pending = ask(&facts, wish(&facts), &stamp(noon())).unwrap().into_after();
    let pinned = facts.policy.at(&Scope::root());
    let yes = Verdict::Approved { votes: votes(&[&carol]), shortened: None };
    let later = stamp(noon() + TimeDelta::hours(1));
    let ending = |facts: &Facts, verdict: &Verdict| {
        let change = pending.resolve(facts, &pinned, verdict, &later).unwrap();
        match change.into_after().state {
            State::Ended { ending: Ending::Void { rules }, .. } => rules,
            State::Active { held, .. } => {
                assert_eq!(held.start, later.now, "waiting costs no time");
                vec![]
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ending(&facts, &yes), []);
    assert_eq!(
        ending(&facts, &Verdict::Approved { votes: vec![], shortened: None }),
        [Rule::Approvable]
    );
    let mut stricter = facts.clone();
    stricter.policy.policies[0].set.activation_max = Some(TimeDelta::minutes(30));
    assert_eq!(ending(&stricter, &yes), [Rule::Expiration]);
    let mut removed = facts.clone();
    removed.eligibilities[0].ended = Some(pim_domain::grant::GrantEnd {
        at: noon(),
        how: pim_domain::grant::GrantEnding::Removed,
    });
    assert_eq!(ending(&removed, &yes), [Rule::Eligibility]);
    let mut again = facts.clone();
    again.principal.enabled_since = Some(noon() + TimeDelta::minutes(1));
    assert_eq!(ending(&again, &yes), [Rule::Principal]);
    let mut widened = facts.clone();
    let dave = user("dave");
    widened.people.push(dave.clone());
    widened.policy.policies[0].set.approval = Some(ApprovalRule::all_of([carol.id, dave.id]));
    assert_eq!(ending(&widened, &yes), [Rule::Approvable]);
}

#[test]
fn what_is_judged_again_below_the_eligibility_heeds_both_scopes() {
    let mut facts = facts(&user("alice"));
    let unit: Scope = "/administrativeUnits/a".parse().unwrap();
    let mut wish = Ask { scope: unit.clone(), ..wish(&facts) };
    let start = noon() + TimeDelta::hours(1);
    wish.request.start = Some(start);
    let booked = ask(&facts, wish, &stamp(noon())).unwrap().into_after();
    let pinned = facts.policy.between(&Scope::root(), &unit);
    let longest =
        |hours| RuleSet { activation_max: Some(TimeDelta::hours(hours)), ..RuleSet::default() };
    let begun = |facts: &Facts| {
        booked.start(facts, &pinned, &[], &stamp(start)).unwrap().into_after().state
    };
    set_at(&mut facts.policy, &unit, longest(8));
    assert!(matches!(begun(&facts), State::Active { .. }));
    let short = RuleSet { activation_max: Some(TimeDelta::minutes(30)), ..RuleSet::default() };
    set(&mut facts.policy, short);
    let rules = vec![Rule::Expiration];
    let void = State::Ended { at: start, ending: Ending::Void { rules }, held: None };
    assert_eq!(begun(&facts), void, "the unit sets its own, the root's is the stricter");
}

#[test]
fn a_sign_in_may_be_as_old_as_the_policy_says() {
    let mut facts = facts(&user("alice"));
    let asked = |facts: &Facts, age: Option<TimeDelta>| {
        let mut wish = wish(facts);
        wish.request.sign_in.time = age.map(|age| noon() - age);
        ask(facts, wish, &stamp(noon())).map_err(|denial| broken(&denial))
    };
    let hour = TimeDelta::hours(1);
    assert!(asked(&facts, None).is_ok());
    set(&mut facts.policy, RuleSet { mfa_max_age: Some(hour), ..RuleSet::default() });
    assert!(asked(&facts, Some(hour)).is_ok());
    assert_eq!(asked(&facts, Some(hour + TimeDelta::seconds(1))).unwrap_err(), [Rule::Mfa]);
    assert_eq!(asked(&facts, None).unwrap_err(), [Rule::Mfa], "of unknown age");
    assert_eq!(asked(&facts, Some(-hour)).unwrap_err(), [Rule::Mfa], "not yet");
    assert!(asked(&facts, Some(-SIGN_IN_LEEWAY)).is_ok(), "clocks differ");
    set(&mut facts.policy, RuleSet { mfa_max_age: Some(TimeDelta::zero()), ..RuleSet::default() });
    assert!(asked(&facts, Some(SIGN_IN_LEEWAY)).is_ok());
    let stale = SIGN_IN_LEEWAY + TimeDelta::seconds(1);
    assert_eq!(asked(&facts, Some(stale)).unwrap_err(), [Rule::Mfa]);
}

/// One sign-in serves once: what that needs of the facts, and what it leaves behind.
#[test]
fn where_a_sign_in_serves_once_it_serves_no_second_time() {
    let mut facts = facts(&user("alice"));
    let signed_in = noon() - TimeDelta::seconds(90);
    let asked = |facts: &Facts, time| {
        let mut wish = wish(facts);
        wish.request.sign_in.time = time;
        ask(facts, wish, &stamp(noon()))
    };
    let served = |activation: &Activation| activation.used_authentications.clone();
    // Nobody asks for it: any sign-in serves, and none is used up.
    let first = asked(&facts, Some(signed_in)).unwrap().into_after();
    assert_eq!(served(&first), [].into());
    facts.used = Use::Activation(first.id);
    assert!(asked(&facts, Some(signed_in)).is_ok());
    set(&mut facts.policy, RuleSet { single_use_authentication: Some(true), ..RuleSet::default() });
    for (used, time) in [
        (Use::Activation(first.id), Some(signed_in)),
        (Use::Unknown, Some(signed_in)),
        (Use::Unknown, None),
        (Use::Nothing, None),
    ] {
        facts.used = used;
        let denial = asked(&facts, time).unwrap_err();
        assert_eq!(broken(&denial), [Rule::SingleUseAuthentication], "{used:?} {time:?}");
        let Reason::Policy { violations, .. } = &denial.reason else { panic!("{denial:?}") };
        let wanted = violations[0].step_up.as_ref().unwrap();
        assert_eq!(wanted.max_age, Some(TimeDelta::zero()), "the same one would come back");
    }
    facts.used = Use::Nothing;
    let second = asked(&facts, Some(signed_in)).unwrap().into_after();
    assert_eq!(served(&second), [signed_in].into());
    facts.used = Use::Activation(second.id);
    let mut wish = wish(&facts);
    wish.request.justification = "".into();
    wish.request.sign_in.time = Some(signed_in);
    facts.live = Some(second);
    let denial = ask(&facts, wish, &stamp(noon())).unwrap_err();
    let all = [Rule::Justification, Rule::SingleUseAuthentication, Rule::Overlap];
    assert_eq!(broken(&denial), all, "in order");
}

#[test]
fn every_authentication_context_must_be_satisfied() {
    let mut facts = facts(&user("alice"));
    let set_here = |context: &str| RuleSet {
        require_mfa: Some(false),
        authentication_context: Some(context.to_owned()),
        ..RuleSet::default()
    };
    set(&mut facts.policy, set_here("c1"));
    let asked = |contexts: &[&str]| {
        let mut wish = wish(&facts);
        wish.request.sign_in.contexts = contexts.iter().map(|one| (*one).to_owned()).collect();
        ask(&facts, wish, &stamp(noon())).map_err(|denial| broken(&denial))
    };
    assert!(asked(&["c0", "c1"]).is_ok());
    assert_eq!(asked(&["c0"]).unwrap_err(), [Rule::AuthenticationContext]);
    assert_eq!(asked(&[]).unwrap_err(), [Rule::AuthenticationContext]);
}

#[test]
fn approvers_grant_less_than_was_asked_for_but_not_more() {
    let (alice, carol) = (user("alice"), user("carol"));
    let mut facts = facts(&alice);
    facts.people = vec![carol.clone()];
    let approval = Some(ApprovalRule::all_of([carol.id]));
    set(&mut facts.policy, RuleSet { approval, ..RuleSet::default() });
    let pinned = facts.policy.at(&Scope::root());
    let granted = |length, shortened| {
        let mut wish = wish(&facts);
        wish.request.length = length;
        let pending = ask(&facts, wish, &stamp(noon())).unwrap().into_after();
        let verdict = Verdict::Approved { votes: votes(&[&carol]), shortened };
        let later = stamp(noon() + TimeDelta::minutes(1));
        let after = pending.resolve(&facts, &pinned, &verdict, &later).unwrap().into_after();
        match after.state {
            State::Active { held, .. } => Ok(held.end - held.start),
            State::Ended { ending, .. } => Err(ending),
            other => panic!("{other:?}"),
        }
    };
    let (hour, half) = (TimeDelta::hours(1), TimeDelta::minutes(30));
    assert_eq!(granted(Length::Duration(hour), None), Ok(hour));
    assert_eq!(granted(Length::Duration(hour), Some(half)), Ok(half));
    assert_eq!(granted(Length::Duration(half), Some(hour)), Ok(half));
    assert_eq!(granted(Length::Until(noon() + hour), Some(half)), Ok(half));
    let little = Some(TimeDelta::minutes(1));
    let rules = vec![Rule::Expiration];
    let void = Ending::Void { rules };
    assert_eq!(granted(Length::Duration(hour), little), Err(void));
}

#[test]
fn what_is_approved_before_its_start_is_booked_and_stays_as_short_as_was_granted() {
    let (alice, carol) = (user("alice"), user("carol"));
    let mut facts = facts(&alice);
    facts.people = vec![carol.clone()];
    let approval = Some(ApprovalRule::all_of([carol.id]));
    set(&mut facts.policy, RuleSet { approval, ..RuleSet::default() });
    let pinned = facts.policy.at(&Scope::root());
    let mut wish = wish(&facts);
    let start = noon() + START_AHEAD_MAX;
    wish.request.start = Some(start);
    let pending = ask(&facts, wish, &stamp(noon())).unwrap().into_after();
    let half = TimeDelta::minutes(30);
    let verdict = Verdict::Approved { votes: votes(&[&carol]), shortened: Some(half) };
    let later = stamp(noon() + TimeDelta::minutes(1));
    // What is read back is live itself.
    facts.live = Some(pending.clone());
    let booked = pending.resolve(&facts, &pinned, &verdict, &later).unwrap().into_after();
    assert_eq!(booked.state, State::Scheduled { start });
    assert_eq!((booked.shortened, booked.update_time), (Some(half), later.now));
    facts.live = Some(booked.clone());
    let begun = booked.start(&facts, &pinned, &[], &stamp(start));
    let denied = begun.unwrap().into_after();
    assert_eq!(denied.state, ended_void(start), "whoever approved is asked again");
    let votes = votes(&[&carol]);
    let State::Active { held, .. } =
        booked.start(&facts, &pinned, &votes, &stamp(start)).unwrap().into_after().state
    else {
        panic!("not begun")
    };
    assert_eq!((held.start, held.end), (start, start + half));
}

fn ended_void(at: chrono::DateTime<chrono::Utc>) -> State {
    State::Ended { at, ending: Ending::Void { rules: vec![Rule::Approvable] }, held: None }
}

#[test]
fn whoever_takes_an_activation_away_says_why() {
    let facts = facts(&user("alice"));
    let active = ask(&facts, wish(&facts), &stamp(noon())).unwrap().into_after();
    let (later, end) = (noon() + TimeDelta::minutes(10), noon() + TimeDelta::hours(1));
    let revoke = |why: &str, at| active.revoke(Catalog::Entra, why.into(), &stamp(at));
    for blank in ["", " \u{200b}\n"] {
        let denial = revoke(blank, later).unwrap_err();
        assert_eq!(broken(&denial), [Rule::Justification]);
        assert_eq!(denial.thing, Some((ThingKind::Activation, active.id.uuid())));
    }
    let change = revoke("misused", later).unwrap();
    let State::Active { held, .. } = active.state.clone() else { panic!("{active:?}") };
    let ended = State::Ended { at: later, ending: Ending::Revoked, held: Some(held) };
    assert_eq!(change.after().state, ended);
    assert_eq!(change.event().about.justification, "misused");
    assert_eq!(change.event().activity(), "Remove member from role in PIM completed (timebound)");
    // What has ended is said before anything is asked for.
    let denial = revoke("", end).unwrap_err();
    assert!(matches!(denial.reason, Reason::WrongState { state: "ENDED", .. }), "{denial:?}");
}
