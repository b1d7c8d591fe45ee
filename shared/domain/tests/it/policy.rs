//! Policies: defaults, overlays, updates.

use chrono::TimeDelta;
use pim_domain::{
    change::{Change, Version},
    denial::{Reason, Rule},
    fixture::{noon, role, stamp, user},
    policy::{
        ApprovalRule, Facts, Layers, Policy, RuleName, RuleSet, Rules, TicketPattern, Update,
        update,
    },
    role::Catalog,
    scope::Scope,
};

fn facts() -> Facts {
    let role = role();
    let layers = Layers::untouched(role.id, role.catalog);
    Facts { layers, role, people: Vec::new() }
}

fn change_at(facts: &Facts, scope: &str, set: RuleSet) -> Update {
    let scope: Scope = scope.parse().unwrap();
    Update {
        role: facts.role.id,
        etag: facts.layers.own(&scope).version.etag(),
        scope,
        set,
        reset: Vec::new(),
        enforce: Vec::new(),
        unenforce: Vec::new(),
    }
}

fn change(facts: &Facts, set: RuleSet) -> Update {
    change_at(facts, "/", set)
}

/// Makes the change, and has it among the facts.
fn changed(facts: &mut Facts, wish: Update) -> Change<Policy> {
    let change = update(facts, wish, &stamp(noon())).unwrap();
    let policy = change.after().clone();
    facts.layers.revision = policy.revision;
    facts.layers.policies.retain(|one| one.scope != policy.scope);
    facts.layers.policies.push(policy);
    change
}

#[test]
fn the_defaults_are_those_of_the_catalog() {
    let role = role().id;
    let defaults = |catalog| Rules::defaults(role, catalog, &Scope::root());
    insta::assert_debug_snapshot!(Catalog::ALL.map(defaults));
}

#[test]
fn what_is_not_mentioned_stays_and_what_is_reset_is_the_catalogs() {
    let mut facts = facts();
    let set = RuleSet {
        activation_max: Some(TimeDelta::hours(2)),
        require_mfa: Some(false),
        ..RuleSet::default()
    };
    let wish = change(&facts, set);
    let first = changed(&mut facts, wish);
    assert_eq!(first.after().version, Version(1));
    let set = RuleSet { require_ticket: Some(true), ..RuleSet::default() };
    let mut second = change(&facts, set);
    second.reset = vec![RuleName::RequireMfa];
    let second = changed(&mut facts, second);
    let told: Vec<_> = second.event().changes.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(told, ["require_mfa", "require_ticket", "revision", "version"]);
    let rules = facts.layers.at(&Scope::root());
    assert_eq!(rules.activation_max, TimeDelta::hours(2));
    assert!(rules.require_mfa && rules.require_ticket);
    let names: Vec<_> = second.after().set.names().collect();
    assert_eq!(names, [RuleName::ActivationMax, RuleName::RequireTicket]);
}

#[test]
fn a_stale_etag_is_refused_and_names_the_newest() {
    let facts = facts();
    let mut stale = change(&facts, RuleSet { require_mfa: Some(false), ..RuleSet::default() });
    stale.etag = Version(7).etag();
    let denial = update(&facts, stale, &stamp(noon())).unwrap_err();
    assert_eq!(denial.reason, Reason::EtagMismatch { current: Version(0).etag() });
}

#[test]
fn values_out_of_range_or_against_each_other_are_refused_together() {
    let facts = facts();
    let set = RuleSet {
        activation_max: Some(TimeDelta::hours(25)),
        activation_min: Some(TimeDelta::hours(24) + TimeDelta::seconds(1)),
        eligible_max: Some(TimeDelta::days(3_651)),
        assigned_max: Some(TimeDelta::hours(1)),
        ..RuleSet::default()
    };
    let denial = update(&facts, change(&facts, set), &stamp(noon())).unwrap_err();
    let Reason::Invalid(errors) = denial.reason else { panic!("{denial:?}") };
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "rules.activation_max",
            "rules.activation_min",
            "rules.eligible_max",
            "rules.assigned_max"
        ]
    );
    let set = RuleSet { activation_max: Some(TimeDelta::minutes(4)), ..RuleSet::default() };
    let denial = update(&facts, change(&facts, set), &stamp(noon())).unwrap_err();
    let Reason::Invalid(errors) = denial.reason else { panic!("{denial:?}") };
    assert_eq!(errors[0].field, "rules.activation_min");
}

#[test]
fn approvers_are_distinct_enabled_users() {
    let (carol, dave) = (user("carol"), user("dave"));
    let mut facts = facts();
    facts.people = vec![carol.clone(), dave.clone()];
    let with = |facts: &Facts, approvers: Vec<_>| {
        let approval = Some(ApprovalRule::all_of(approvers));
        let set = RuleSet { approval, ..RuleSet::default() };
        update(facts, change(facts, set), &stamp(noon()))
            .map_err(|denial| denial.rules().collect::<Vec<_>>())
    };
    assert!(with(&facts, vec![carol.id, dave.id]).is_ok());
    assert_eq!(with(&facts, vec![user("nobody").id]).unwrap_err(), [Rule::Approvable]);
    let mut disabled = facts.clone();
    disabled.people[1].enabled_since = None;
    assert_eq!(with(&disabled, vec![carol.id, dave.id]).unwrap_err(), [Rule::Approvable]);
    let mut same = facts.clone();
    same.people[1].person = Some(carol.id.uuid().into());
    assert_eq!(with(&same, vec![carol.id, dave.id]).unwrap_err(), [Rule::Approvable]);
}

#[test]
fn ticket_patterns_match_the_whole_and_are_bounded() {
    let pattern = |text: &str| TicketPattern::try_from(text.to_owned());
    assert!(pattern("(a|b").is_err());
    assert!(pattern("a)|(?:b").is_err());
    assert!(pattern(&"a".repeat(257)).is_err());
    assert!(pattern("(a{1000}){1000}").is_err());
    let either = pattern("a|b").unwrap();
    assert!(either.matches("a") && either.matches("b") && !either.matches("ab"));
}
