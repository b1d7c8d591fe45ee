//! Inheritance: each rule from the nearest scope that sets it, and the stricter of what is enforced.

use chrono::TimeDelta;
use pim_domain::{
    activation::ask,
    change::Change,
    condition::Condition,
    denial::{Reason, Rule},
    fixture::{facts, grant, noon, set, set_at, stamp, user, wish},
    grant::GrantKind,
    policy::{
        ApprovalRule, Facts, Layers, Policy, RuleName, RuleSet, TicketPattern, Update, update,
    },
    role::Catalog,
    scope::Scope,
};

const SUBSCRIPTION: &str = "/subscriptions/a";
const GROUP: &str = "/subscriptions/a/resourceGroups/x";

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

fn azure() -> Layers {
    Layers::untouched(pim_domain::fixture::role().id, Catalog::Azure)
}

fn hours(hours: i64) -> RuleSet {
    RuleSet { activation_max: Some(TimeDelta::hours(hours)), ..RuleSet::default() }
}

fn enforce(layers: &mut Layers, at: &str, rules: &[RuleName]) {
    let policy = layers.policies.iter_mut().find(|policy| policy.scope == scope(at)).unwrap();
    policy.enforced.extend(rules);
}

#[test]
fn each_rule_comes_from_the_nearest_scope_that_sets_it() {
    let mut layers = azure();
    set(&mut layers, RuleSet { require_ticket: Some(true), ..hours(3) });
    set_at(&mut layers, &scope(SUBSCRIPTION), hours(5));
    set_at(&mut layers, &scope("/subscriptions/ab"), hours(7));
    let rules = |at: &str| layers.at(&scope(at));
    assert_eq!(rules("/").activation_max, TimeDelta::hours(3));
    assert_eq!(rules(SUBSCRIPTION).activation_max, TimeDelta::hours(5));
    assert_eq!(rules(GROUP).activation_max, TimeDelta::hours(5));
    assert_eq!(rules("/subscriptions/other").activation_max, TimeDelta::hours(3));
    assert!(rules(GROUP).require_ticket, "each by itself");
    assert_eq!(rules(GROUP).activation_min, TimeDelta::minutes(5), "the catalog's");
}

#[test]
fn what_is_enforced_binds_what_lies_below_as_the_stricter() {
    let mut layers = azure();
    set(&mut layers, RuleSet { require_mfa: Some(true), ..hours(3) });
    set_at(&mut layers, &scope(SUBSCRIPTION), RuleSet { require_mfa: Some(false), ..hours(5) });
    set_at(&mut layers, &scope(GROUP), hours(2));
    assert!(!layers.at(&scope(SUBSCRIPTION)).require_mfa);
    enforce(&mut layers, "/", &[RuleName::ActivationMax, RuleName::RequireMfa]);
    let rules = |at: &str| layers.at(&scope(at));
    assert_eq!(rules(SUBSCRIPTION).activation_max, TimeDelta::hours(3), "not the five");
    assert_eq!(rules(GROUP).activation_max, TimeDelta::hours(2), "which is stricter by itself");
    assert!(rules(GROUP).require_mfa);
    let origins = layers.origins(&scope(GROUP));
    let origin = |rule| origins.iter().find(|origin| origin.rule == rule).unwrap();
    assert_eq!(origin(RuleName::ActivationMax).set_at, Some(scope(GROUP)));
    assert_eq!(origin(RuleName::ActivationMax).enforced_at, [scope("/")]);
    assert_eq!(origin(RuleName::RequireMfa).set_at, Some(scope(SUBSCRIPTION)));
    assert_eq!(origin(RuleName::ActivationMin).set_at, None);
    assert_eq!(origins.len(), RuleName::ALL.len());
}

#[test]
fn of_two_rules_the_stricter_is_taken_and_what_can_be_asked_twice_is() {
    let (carol, dave) = (user("carol"), user("dave"));
    let pattern = |text: &str| Some(TicketPattern::try_from(text.to_owned()).unwrap());
    let conditions = |text: &str| Some(vec![Condition::new(text.to_owned())]);
    let lax = RuleSet {
        activation_max: Some(TimeDelta::hours(8)),
        activation_min: Some(TimeDelta::minutes(1)),
        require_mfa: Some(false),
        mfa_max_age: Some(TimeDelta::hours(2)),
        single_use_authentication: Some(false),
        authentication_context: Some("c1".to_owned()),
        require_justification: Some(false),
        require_ticket: Some(false),
        ticket_pattern: pattern("A.*"),
        approval: Some(ApprovalRule::all_of([carol.id])),
        permanent_eligibility: Some(true),
        eligible_max: Some(TimeDelta::days(90)),
        permanent_assignment: Some(true),
        assigned_max: Some(TimeDelta::days(80)),
        assignment_require_justification: Some(false),
        assignment_require_mfa: Some(false),
        assignment_require_ticket: Some(false),
        min_active_holders: Some(1),
        conditions: conditions("a"),
    };
    let strict = RuleSet {
        activation_max: Some(TimeDelta::hours(2)),
        activation_min: Some(TimeDelta::minutes(10)),
        require_mfa: Some(true),
        mfa_max_age: Some(TimeDelta::minutes(10)),
        single_use_authentication: Some(true),
        authentication_context: Some("c2".to_owned()),
        require_justification: Some(true),
        require_ticket: Some(true),
        ticket_pattern: pattern(".*B"),
        approval: Some(ApprovalRule::all_of([dave.id])),
        permanent_eligibility: Some(false),
        eligible_max: Some(TimeDelta::days(30)),
        permanent_assignment: Some(false),
        assigned_max: Some(TimeDelta::days(20)),
        assignment_require_justification: Some(true),
        assignment_require_mfa: Some(true),
        assignment_require_ticket: Some(true),
        min_active_holders: Some(3),
        conditions: conditions("b"),
    };
    let rules = |set_here: &RuleSet| {
        let mut layers = azure();
        set(&mut layers, set_here.clone());
        layers.at(&Scope::root())
    };
    let merged = rules(&lax).stricter(rules(&strict));
    let either = pim_domain::policy::Rules {
        authentication_contexts: vec!["c1".to_owned(), "c2".to_owned()],
        ticket_patterns: [pattern("A.*"), pattern(".*B")].into_iter().flatten().collect(),
        approvals: vec![ApprovalRule::all_of([carol.id]), ApprovalRule::all_of([dave.id])],
        conditions: [conditions("a"), conditions("b")].into_iter().flatten().flatten().collect(),
        // Of one scope, and not merged.
        min_active_holders: 1,
        ..rules(&strict)
    };
    assert_eq!(merged, either);
    assert_eq!(rules(&lax).stricter(rules(&lax)), rules(&lax), "nothing is asked for twice");
}

#[test]
fn an_activation_at_a_narrower_scope_obeys_both_policies() {
    let alice = user("alice");
    let mut facts = facts(&alice);
    facts.role.catalog = Catalog::Azure;
    facts.policy.catalog = Catalog::Azure;
    facts.eligibilities =
        vec![grant(GrantKind::Eligibility, &alice, &facts.role, noon() - TimeDelta::days(1), None)];
    facts.eligibilities[0].scope = scope(SUBSCRIPTION);
    set_at(
        &mut facts.policy,
        &scope(SUBSCRIPTION),
        RuleSet { require_ticket: Some(true), ..hours(1) },
    );
    set_at(&mut facts.policy, &scope(GROUP), RuleSet { require_ticket: Some(false), ..hours(4) });
    let mut wish = wish(&facts);
    wish.scope = scope(GROUP);
    wish.request.length = pim_domain::activation::Length::Duration(TimeDelta::hours(2));
    let denial = ask(&facts, wish.clone(), &stamp(noon())).unwrap_err();
    assert_eq!(denial.rules().collect::<Vec<_>>(), [Rule::Expiration, Rule::Ticketing]);
    facts.eligibilities[0].scope = scope(GROUP);
    assert!(ask(&facts, wish, &stamp(noon())).is_ok(), "only its own");
}

fn around() -> Facts {
    let mut role = pim_domain::fixture::role();
    role.catalog = Catalog::Azure;
    let layers = Layers::untouched(role.id, role.catalog);
    Facts { role, layers, people: Vec::new(), belonging: Vec::new(), groups: Vec::new() }
}

fn wanted(facts: &Facts, at: &str, set: RuleSet) -> Update {
    Update {
        role: facts.role.id,
        scope: scope(at),
        etag: facts.layers.own(&scope(at)).version.etag(),
        set,
        reset: Vec::new(),
        enforce: Vec::new(),
        unenforce: Vec::new(),
    }
}

fn done(facts: &mut Facts, wish: Update) -> Change<Policy> {
    let change = update(facts, wish, &stamp(noon())).unwrap();
    facts.layers.revision = change.after().revision;
    facts.layers.policies.retain(|one| one.scope != change.after().scope);
    facts.layers.policies.push(change.after().clone());
    change
}

#[test]
fn revisions_number_the_changes_of_a_role_and_versions_those_of_a_scope() {
    let mut facts = around();
    let wish = wanted(&facts, "/", hours(3));
    let first = done(&mut facts, wish);
    let wish = wanted(&facts, SUBSCRIPTION, hours(2));
    let second = done(&mut facts, wish);
    let numbers = |change: &Change<Policy>| (change.after().revision, change.after().version.0);
    assert_eq!((numbers(&first), numbers(&second)), ((1, 1), (2, 1)));
    assert_ne!(first.event().thing.unwrap().id, second.event().thing.unwrap().id);
    let wish = wanted(&facts, "/", hours(4));
    assert_eq!(numbers(&done(&mut facts, wish)), (3, 2));
}

#[test]
fn enforcing_is_told_in_the_log_and_ends_with_the_rule() {
    let mut facts = around();
    let enforced = |change: &Change<Policy>| change.after().enforced.iter().copied().collect();
    let wish = Update { enforce: vec![RuleName::ActivationMax], ..wanted(&facts, "/", hours(3)) };
    let change = done(&mut facts, wish);
    let rules: Vec<RuleName> = enforced(&change);
    assert_eq!(rules, [RuleName::ActivationMax]);
    assert!(change.event().changes.iter().any(|one| one.field == "enforced"));
    let wish = Update {
        unenforce: vec![RuleName::ActivationMax],
        ..wanted(&facts, "/", RuleSet::default())
    };
    let change = done(&mut facts, wish);
    assert_eq!(enforced(&change) as Vec<RuleName>, []);
    let wish = Update { enforce: vec![RuleName::ActivationMax], ..wanted(&facts, "/", hours(3)) };
    done(&mut facts, wish);
    let wish =
        Update { reset: vec![RuleName::ActivationMax], ..wanted(&facts, "/", RuleSet::default()) };
    assert_eq!(enforced(&done(&mut facts, wish)) as Vec<RuleName>, []);
    for unfit in [RuleName::RequireMfa, RuleName::MinActiveHolders] {
        let set = RuleSet { min_active_holders: Some(1), ..RuleSet::default() };
        let wish = Update { enforce: vec![unfit], ..wanted(&facts, "/", set) };
        let denial = update(&facts, wish, &stamp(noon())).unwrap_err();
        let Reason::Invalid(errors) = denial.reason else { panic!("{denial:?}") };
        assert_eq!(errors[0].field, "enforce_rules");
    }
}

#[test]
fn what_an_enforced_rule_leaves_impossible_is_refused() {
    let mut facts = around();
    let wish = Update { enforce: vec![RuleName::ActivationMax], ..wanted(&facts, "/", hours(1)) };
    done(&mut facts, wish);
    let set = RuleSet { activation_min: Some(TimeDelta::hours(2)), ..hours(4) };
    let denial = update(&facts, wanted(&facts, GROUP, set), &stamp(noon())).unwrap_err();
    let Reason::Invalid(errors) = denial.reason else { panic!("{denial:?}") };
    assert_eq!(errors[0].field, "rules.activation_min");
}

#[test]
fn one_policy_asks_for_a_second_factor_or_for_a_context() {
    let mut facts = around();
    let context = RuleSet { authentication_context: Some("c1".to_owned()), ..RuleSet::default() };
    let both = update(&facts, wanted(&facts, "/", context.clone()), &stamp(noon())).unwrap_err();
    assert_eq!(both.reason, Reason::MfaAndContext, "the default asks for a second factor");
    let one = RuleSet { require_mfa: Some(false), ..context };
    let wish = wanted(&facts, SUBSCRIPTION, one);
    done(&mut facts, wish);
    let mfa = RuleSet { require_mfa: Some(true), ..RuleSet::default() };
    let wish = Update { enforce: vec![RuleName::RequireMfa], ..wanted(&facts, "/", mfa) };
    done(&mut facts, wish);
    let merged = facts.layers.at(&scope(SUBSCRIPTION));
    assert!(merged.require_mfa && merged.authentication_contexts == ["c1"], "a merge may");
}
