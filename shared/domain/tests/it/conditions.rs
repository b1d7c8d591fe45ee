//! Conditions: which of them apply, what they are told, and that doubt denies; and what a sign-in is
//! asked for.

use chrono::TimeDelta;
use pim_domain::{
    activation::{Facts, Length, SIGN_IN_LEEWAY, State, Verdict, ask},
    condition::{Circumstances, Condition, Outcome, Signals, undecided},
    denial::{Denial, Reason, Rule, StepUp, Violation},
    fixture::{facts, noon, set, set_at, stamp, user, votes, wish},
    policy::{ApprovalRule, RuleSet},
    scope::Scope,
    text::Ticket,
};

fn conditions(texts: &[&str]) -> RuleSet {
    let all = texts.iter().map(|text| Condition::new((*text).to_owned())).collect();
    RuleSet { conditions: Some(all), ..RuleSet::default() }
}

/// Decides by the text of a condition: `yes`, `no`, or what the circumstances must be.
fn by_text(condition: &Condition, circumstances: &Circumstances) -> Outcome {
    match condition.as_str() {
        "yes" => Outcome::Allowed,
        "no" => Outcome::Denied,
        "broken" => Outcome::Failed("it is broken".to_owned()),
        expected if format!("{circumstances:?}").contains(expected) => Outcome::Allowed,
        _ => Outcome::Denied,
    }
}

fn deciding(texts: &[&str]) -> Facts {
    let mut facts = Facts { decide: by_text, ..facts(&user("alice")) };
    set(&mut facts.policy, conditions(texts));
    facts
}

fn violations(denial: &Denial) -> &[Violation] {
    let Reason::Policy { violations, .. } = &denial.reason else { panic!("{denial:?}") };
    violations
}

/// What the rule says was given.
fn given(facts: &Facts) -> Option<String> {
    let denial = ask(facts, wish(facts), &stamp(noon())).err()?;
    let [violation] = violations(&denial) else { panic!("{denial:?}") };
    assert_eq!(violation.rule, Rule::Conditions);
    assert_eq!(violation.step_up, None, "no sign-in is known to mend it");
    Some(violation.given.clone())
}

#[test]
fn each_condition_must_allow() {
    assert_eq!(given(&deciding(&[])), None);
    assert_eq!(given(&deciding(&["yes", "yes"])), None);
    assert_eq!(given(&deciding(&["yes", "no"])).as_deref(), Some("conditions[1] does not"));
    let broken = given(&deciding(&["broken", "yes"]));
    assert_eq!(broken.as_deref(), Some("conditions[0] cannot be evaluated: it is broken"));
}

#[test]
fn where_nothing_decides_nothing_passes() {
    let facts = Facts { decide: undecided, ..deciding(&["yes"]) };
    assert!(given(&facts).unwrap().contains("nothing here decides"));
    assert_eq!(given(&Facts { decide: undecided, ..deciding(&[]) }), None);
}

#[test]
fn they_are_told_of_the_stored_sign_in_and_of_what_was_asked_for() {
    let told = |expected: &str| {
        let facts = deciding(&[expected]);
        let mut wish = wish(&facts);
        wish.request.sign_in.time = Some(noon() - TimeDelta::seconds(90));
        wish.request.sign_in.contexts = vec!["c7".to_owned()];
        let risk = Some("low".to_owned());
        wish.request.sign_in.signals = Signals { risk, ..Signals::default() };
        wish.request.ticket = Some(Ticket { number: "n5".to_owned(), system: "desk".to_owned() });
        wish.request.start = Some(noon() + TimeDelta::hours(3));
        wish.request.length = Length::Until(noon() + TimeDelta::hours(5));
        ask(&facts, wish, &stamp(noon())).is_ok()
    };
    let start = format!("time: {:?}", noon() + TimeDelta::hours(3));
    let known = [
        "mfa: true",
        "contexts: [\"c7\"]",
        "auth_age: Some(TimeDelta { secs: 90,",
        "risk: Some(\"low\")",
        "number: \"n5\"",
        "duration: TimeDelta { secs: 7200,",
        &start,
    ];
    for expected in known {
        assert!(told(expected), "{expected}");
    }
    assert!(!told("mfa: false"));
}

#[test]
fn a_sign_in_that_is_to_come_has_no_age() {
    let age = |ahead: TimeDelta, expected: &str| {
        let facts = deciding(&[expected]);
        let mut wish = wish(&facts);
        wish.request.sign_in.time = Some(noon() + ahead);
        ask(&facts, wish, &stamp(noon())).is_ok()
    };
    assert!(age(SIGN_IN_LEEWAY, "auth_age: Some(TimeDelta { secs: 0, nanos: 0 })"));
    assert!(age(SIGN_IN_LEEWAY + TimeDelta::microseconds(1), "auth_age: None"));
}

#[test]
fn what_waited_is_judged_again_by_the_conditions_of_both_revisions() {
    let boss = user("boss");
    let state = |pinned: &str, newest: &str| {
        let mut facts = deciding(&["yes"]);
        facts.people = vec![boss.clone()];
        let approval = Some(ApprovalRule::all_of([boss.id]));
        set(&mut facts.policy, RuleSet { approval: approval.clone(), ..conditions(&["yes"]) });
        let pending = ask(&facts, wish(&facts), &stamp(noon())).unwrap().into_after();
        let approved =
            Verdict::Approved { votes: votes(&[&boss]).into_iter().collect(), shortened: None };
        let mut rules = facts.rules(facts.eligibilities.first(), &Scope::root());
        rules.conditions = conditions(&[pinned]).conditions.unwrap();
        set(&mut facts.policy, RuleSet { approval, ..conditions(&[newest]) });
        let later = stamp(noon() + TimeDelta::minutes(5));
        pending.resolve(&facts, &rules, &approved, &later).unwrap().into_after().state
    };
    assert!(matches!(state("yes", "yes"), State::Active { .. }));
    assert!(matches!(state("no", "yes"), State::Ended { .. }));
    assert!(matches!(state("yes", "no"), State::Ended { .. }));
}

#[test]
fn a_step_up_asks_for_all_that_the_sign_in_must_satisfy() {
    let scope: Scope = "/administrativeUnits/a".parse().unwrap();
    let mut facts = facts(&user("alice"));
    let context = |name: &str| RuleSet {
        authentication_context: Some(name.to_owned()),
        mfa_max_age: Some(TimeDelta::seconds(300)),
        require_mfa: Some(false),
        ..RuleSet::default()
    };
    set(&mut facts.policy, RuleSet { require_mfa: Some(true), ..RuleSet::default() });
    let asked = |facts: &Facts, contexts: &[&str], age: i64| {
        let mut wish = wish(facts);
        wish.scope = scope.clone();
        wish.request.sign_in.contexts = contexts.iter().map(|one| (*one).to_owned()).collect();
        wish.request.sign_in.time = Some(noon() - TimeDelta::seconds(age));
        ask(facts, wish, &stamp(noon())).err().map(|denial| {
            let all = violations(&denial);
            assert!(all.iter().all(|one| one.step_up == all[0].step_up), "the same of each");
            all[0].step_up.clone().unwrap()
        })
    };
    assert_eq!(asked(&facts, &[], 301), None);
    set_at(&mut facts.policy, &scope, context("c2"));
    let wanted = Some(StepUp {
        acr_values: vec![StepUp::MFA.to_owned(), "c2".to_owned()],
        max_age: Some(TimeDelta::seconds(300)),
    });
    assert_eq!(asked(&facts, &["c2"], 301), wanted);
    assert_eq!(asked(&facts, &[], 10), wanted);
    assert_eq!(asked(&facts, &[], 301), wanted);
    assert_eq!(asked(&facts, &["c2"], 300), None);
}
