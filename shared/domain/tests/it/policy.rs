//! Policies: defaults, overlays, updates.

use chrono::TimeDelta;
use pim_domain::{
    change::{Change, Version},
    condition::{CONDITION_BYTES_MAX, CONDITIONS_MAX, Condition},
    denial::{Denial, Reason, Rule},
    fixture::{noon, role, stamp, user},
    policy::{
        ACTIVATION_CEILING, ACTIVATION_FLOOR, APPROVAL_STAGES_MAX, APPROVAL_TIMEOUT_MAX,
        APPROVAL_TIMEOUT_MIN, APPROVER_SLOTS_MAX, AUTHENTICATION_CONTEXT_CHARS_MAX, ApprovalRule,
        Facts, GRANT_CEILING, GRANT_FLOOR, Layers, MFA_AGE_CEILING, MIN_ACTIVE_HOLDERS_MAX, Mode,
        Policy, RuleName, RuleSet, Rules, Slot, Stage, TICKET_PATTERN_CHARS_MAX, TicketPattern,
        Update, update,
    },
    principal::Principal,
    role::Catalog,
    scope::Scope,
};

fn facts() -> Facts {
    let role = role();
    let layers = Layers::untouched(role.id, role.catalog);
    Facts { layers, role, people: Vec::new(), belonging: Vec::new(), groups: Vec::new() }
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

#[test]
fn each_bound_is_itself_in_range() {
    let facts = facts();
    let second = TimeDelta::seconds(1);
    // Where the values are for others: what is in force must fit the one that is tried.
    let wide = || RuleSet {
        activation_min: Some(ACTIVATION_FLOOR),
        activation_max: Some(ACTIVATION_CEILING),
        ..RuleSet::default()
    };
    type Set = fn(&mut RuleSet, TimeDelta);
    let lengths: [(&str, TimeDelta, TimeDelta, Set); 6] = [
        ("activation_max", ACTIVATION_FLOOR, ACTIVATION_CEILING, |set, given| {
            set.activation_max = Some(given);
        }),
        ("activation_min", ACTIVATION_FLOOR, ACTIVATION_CEILING, |set, given| {
            set.activation_min = Some(given);
        }),
        ("mfa_max_age", TimeDelta::zero(), MFA_AGE_CEILING, |set, given| {
            set.mfa_max_age = Some(given);
        }),
        ("eligible_max", GRANT_FLOOR, GRANT_CEILING, |set, given| set.eligible_max = Some(given)),
        ("assigned_max", GRANT_FLOOR, GRANT_CEILING, |set, given| set.assigned_max = Some(given)),
        ("approval.timeout", APPROVAL_TIMEOUT_MIN, APPROVAL_TIMEOUT_MAX, |set, given| {
            set.approval = Some(ApprovalRule { timeout: given, ..ApprovalRule::off() });
        }),
    ];
    for (field, least, most, give) in lengths {
        let given = |length| {
            let mut set = wide();
            give(&mut set, length);
            wrong(&facts, set)
        };
        assert_eq!(given(least), Vec::<String>::new(), "{field}");
        assert_eq!(given(most), Vec::<String>::new(), "{field}");
        assert_eq!(given(least - second), [format!("rules.{field}")]);
        assert_eq!(given(most + second), [format!("rules.{field}")]);
    }
    let holders =
        |given| wrong(&facts, RuleSet { min_active_holders: Some(given), ..RuleSet::default() });
    assert_eq!(holders(MIN_ACTIVE_HOLDERS_MAX), Vec::<String>::new());
    assert_eq!(holders(MIN_ACTIVE_HOLDERS_MAX + 1), ["rules.min_active_holders"]);
    let conditions = |many: usize, bytes: usize| {
        let conditions = Some(vec![Condition::new("c".repeat(bytes)); many]);
        wrong(&facts, RuleSet { conditions, ..RuleSet::default() })
    };
    assert_eq!(conditions(CONDITIONS_MAX, CONDITION_BYTES_MAX), Vec::<String>::new());
    assert_eq!(conditions(CONDITIONS_MAX + 1, 1), ["rules.conditions.policies"]);
    assert_eq!(conditions(1, CONDITION_BYTES_MAX + 1), ["rules.conditions.policies[0]"]);
    let context = |chars| {
        let authentication_context = Some("c".repeat(chars));
        let require_mfa = Some(false);
        wrong(&facts, RuleSet { authentication_context, require_mfa, ..RuleSet::default() })
    };
    assert_eq!(context(AUTHENTICATION_CONTEXT_CHARS_MAX), Vec::<String>::new());
    let long = context(AUTHENTICATION_CONTEXT_CHARS_MAX + 1);
    assert_eq!(long, ["rules.authentication_context"]);
    let same = TimeDelta::hours(1);
    let (activation_min, activation_max) = (Some(same), Some(same));
    let equal = RuleSet { activation_min, activation_max, ..RuleSet::default() };
    assert_eq!(wrong(&facts, equal), Vec::<String>::new(), "only that length is left");
}

#[test]
fn an_approval_rule_has_so_many_stages_slots_and_fallback_approvers() {
    let mut facts = facts();
    let mut people: Vec<Principal> = (0..52).map(|one| user(&format!("user{one}"))).collect();
    people.sort_by_key(|one| one.id);
    facts.people = people.clone();
    let slots = |range: std::ops::Range<usize>| -> Vec<Slot> {
        people[range].iter().map(|one| Slot::User(one.id)).collect()
    };
    let stage = |range, mode| Stage { slots: slots(range), mode };
    let rule = |stages| ApprovalRule { stages, ..ApprovalRule::off() };
    let given =
        |approval| wrong(&facts, RuleSet { approval: Some(approval), ..RuleSet::default() });
    let one_each = |stages: usize| (0..stages).map(|at| stage(at..at + 1, Mode::AllOf)).collect();
    assert_eq!(given(rule(one_each(APPROVAL_STAGES_MAX))), Vec::<String>::new());
    assert_eq!(given(rule(one_each(APPROVAL_STAGES_MAX + 1))), ["rules.approval.stages"]);
    let halves = |last| rule(vec![stage(0..25, Mode::AnyOf), stage(25..last, Mode::AnyOf)]);
    assert_eq!(given(halves(APPROVER_SLOTS_MAX)), Vec::<String>::new());
    assert_eq!(given(halves(APPROVER_SLOTS_MAX + 1)), ["rules.approval.stages"]);
    let fallback = |count: usize| ApprovalRule {
        fallback_approvers: people[..count].iter().map(|one| one.id).collect(),
        ..rule(vec![stage(51..52, Mode::AllOf)])
    };
    assert_eq!(given(fallback(APPROVER_SLOTS_MAX)), Vec::<String>::new());
    let long = given(fallback(APPROVER_SLOTS_MAX + 1));
    assert_eq!(long, ["rules.approval.fallback_approver_ids"]);
    let quorum = |of| given(rule(vec![stage(0..1, Mode::AllOf), stage(1..4, Mode::Quorum(of))]));
    assert_eq!((quorum(1), quorum(3)), (Vec::new(), Vec::new()));
    for unfit in [0, 4] {
        assert_eq!(quorum(unfit), ["rules.approval.stages[1].quorum"]);
    }
    assert_eq!(given(rule(vec![stage(0..0, Mode::AnyOf)])), ["rules.approval.stages[0].slots"]);
}

/// The fields that are refused.
fn wrong(facts: &Facts, set: RuleSet) -> Vec<String> {
    match update(facts, change(facts, set), &stamp(noon())) {
        Ok(_) => Vec::new(),
        Err(Denial { reason: Reason::Invalid(errors), .. }) => {
            errors.into_iter().map(|error| error.field).collect()
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn rules_and_patterns_are_told_as_the_contract_names_them() {
    for rule in RuleName::ALL {
        assert_eq!(serde_json::to_value(rule).unwrap(), rule.as_str());
    }
    let longest = "a".repeat(TICKET_PATTERN_CHARS_MAX);
    let pattern = TicketPattern::try_from(longest.clone()).unwrap();
    assert!(pattern.matches(&longest) && !pattern.is_empty());
    assert_eq!(pattern.as_str(), longest);
    assert_eq!(serde_json::to_value(&pattern).unwrap(), longest);
    assert!(TicketPattern::try_from(String::new()).unwrap().is_empty());
}

#[test]
fn layers_tell_their_newest_change_and_whom_they_name() {
    let (carol, dave) = (user("carol"), user("dave"));
    let mut facts = facts();
    facts.people = vec![carol.clone(), dave.clone()];
    assert_eq!((facts.layers.newest(), facts.layers.approvals()), (None, Vec::new()));
    let own = facts.layers.own(&Scope::root());
    assert!(own.is_untouched());
    assert!(!ApprovalRule::off().is_on() && ApprovalRule::all_of([carol.id]).is_on());
    for scope in ["/", "/administrativeUnits/a"] {
        let approval = Some(ApprovalRule::all_of([carol.id, dave.id]));
        let wish = change_at(&facts, scope, RuleSet { approval, ..RuleSet::default() });
        assert!(!changed(&mut facts, wish).after().is_untouched());
    }
    let rule = ApprovalRule::all_of([carol.id, dave.id]);
    let told = (facts.layers.newest(), facts.layers.approvals());
    assert_eq!(told, (Some(noon()), vec![rule.clone(), rule]));
}
