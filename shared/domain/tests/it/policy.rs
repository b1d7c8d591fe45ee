//! Policies: defaults, overlays, updates.

use chrono::TimeDelta;
use pim_domain::{
    change::Version,
    denial::{Reason, Rule},
    fixture::{noon, role, stamp, user},
    policy::{
        ApprovalRule, Facts, Policy, RuleName, RuleSet, Rules, TicketPattern, Update, update,
    },
    role::Catalog,
};

fn facts() -> Facts {
    let role = role();
    Facts { policy: Policy::untouched(role.id), role, approvers: Vec::new() }
}

fn change(facts: &Facts, set: RuleSet) -> Update {
    Update { role: facts.role.id, etag: facts.policy.version.etag(), set, reset: Vec::new() }
}

#[test]
fn the_defaults_are_those_of_the_catalog() {
    insta::assert_debug_snapshot!(Catalog::ALL.map(Rules::defaults));
}

#[test]
fn what_is_not_mentioned_stays_and_what_is_reset_is_the_catalogs() {
    let mut facts = facts();
    let set = RuleSet {
        activation_max: Some(TimeDelta::hours(2)),
        require_mfa: Some(false),
        ..RuleSet::default()
    };
    let first = update(&facts, change(&facts, set), &stamp(noon())).unwrap();
    facts.policy = first.into_after();
    assert_eq!(facts.policy.version, Version(1));
    let set = RuleSet { require_ticket: Some(true), ..RuleSet::default() };
    let mut second = change(&facts, set);
    second.reset = vec![RuleName::RequireMfa];
    let second = update(&facts, second, &stamp(noon())).unwrap();
    let changed: Vec<_> = second.event().changes.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(changed, ["require_mfa", "require_ticket", "version"]);
    let rules = second.after().rules(Catalog::Entra);
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
    facts.approvers = vec![carol.clone(), dave.clone()];
    let with = |facts: &Facts, approvers| {
        let approval = Some(ApprovalRule { approvers, ..ApprovalRule::off() });
        let set = RuleSet { approval, ..RuleSet::default() };
        update(facts, change(facts, set), &stamp(noon()))
            .map_err(|denial| denial.rules().collect::<Vec<_>>())
    };
    assert!(with(&facts, vec![carol.id, dave.id]).is_ok());
    assert_eq!(with(&facts, vec![user("nobody").id]).unwrap_err(), [Rule::Approvable]);
    let mut disabled = facts.clone();
    disabled.approvers[1].enabled_since = None;
    assert_eq!(with(&disabled, vec![carol.id, dave.id]).unwrap_err(), [Rule::Approvable]);
    let mut same = facts.clone();
    same.approvers[1].person = Some(carol.id.uuid().into());
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
