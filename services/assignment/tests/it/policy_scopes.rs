//! Policies at scopes: each rule is inherited by itself, and what is enforced binds what lies below.

use chrono::TimeDelta;
use pim_proto::assignment::v1::{
    ApprovalMode, ApprovalRule, Conditions, Policy, PolicyInForce, RuleOrigin, Rules, RulesInForce,
    UpdatePolicyRequest,
};
use pim_tests::{Organisation, all_of, assert_refused, duration, stage, stages};
use tokio::task::JoinSet;
use tonic::Code;

use crate::{
    ground::{Ground, ROLE, SUBSCRIPTION, UNIT},
    policies::{defaults, get_at, in_force, setting, ticket, update},
};

const CONTRIBUTOR: &str = Organisation::CONTRIBUTOR;
const GROUP: &str = "/subscriptions/9a4e0f5c-6c6b-4a63-8f3e-2a9d1f0b7e21/resourceGroups/app";
const MACHINE: &str = "/subscriptions/9a4e0f5c-6c6b-4a63-8f3e-2a9d1f0b7e21/resourceGroups/app/vm/1";
const OTHER: &str = "/subscriptions/0d0b6c1e-7f0a-4a36-a2a5-6a1f5b1e4f77";
/// In the order of the contract.
const RULES: [&str; 19] = [
    "activation_max",
    "activation_min",
    "require_mfa",
    "mfa_max_age",
    "single_use_authentication",
    "authentication_context",
    "require_justification",
    "require_ticket",
    "ticket_pattern",
    "approval",
    "permanent_eligibility",
    "eligible_max",
    "permanent_assignment",
    "assigned_max",
    "assignment_require_justification",
    "assignment_require_mfa",
    "assignment_require_ticket",
    "min_active_holders",
    "conditions",
];

fn hours(hours: i64) -> Option<prost_types::Duration> {
    Some(duration(TimeDelta::hours(hours)))
}

fn days(days: i64) -> Option<prost_types::Duration> {
    Some(duration(TimeDelta::days(days)))
}

impl Ground {
    async fn set(&self, role: &str, scope: &str, rules: Rules, enforce: &[&str]) -> Policy {
        self.org.set_policy_at(role, scope, rules, enforce).await.unwrap()
    }

    async fn applies(&self, role: &str, scope: &str) -> PolicyInForce {
        in_force(&self.ada.client, role, scope).await.unwrap()
    }

    async fn rules(&self, role: &str, scope: &str) -> RulesInForce {
        self.applies(role, scope).await.rules.unwrap()
    }

    /// Of the rules that are set or enforced somewhere: each with where.
    async fn origins(&self, role: &str, scope: &str) -> Vec<RuleOrigin> {
        let origins = self.applies(role, scope).await.origins;
        let names: Vec<&str> = origins.iter().map(|origin| origin.rule.as_str()).collect();
        assert_eq!(names, RULES);
        let known =
            |one: &RuleOrigin| !one.set_at_scope.is_empty() || !one.enforced_at_scopes.is_empty();
        origins.into_iter().filter(known).collect()
    }
}

fn origin(rule: &str, set_at: &str, enforced_at: &[&str]) -> RuleOrigin {
    RuleOrigin {
        rule: rule.to_owned(),
        set_at_scope: set_at.to_owned(),
        enforced_at_scopes: enforced_at.iter().map(|scope| (*scope).to_owned()).collect(),
    }
}

fn when(expression: &str) -> Conditions {
    let condition = format!("permit (principal, action, resource) when {{ {expression} }};");
    Conditions { policies: vec![condition] }
}

/// Every rule, in two ways, each other than its default and than in the other way.
fn everything(ground: &Ground) -> [Rules; 2] {
    let people = [&ground.ada, &ground.org.admin];
    let approval = |mode| ApprovalRule {
        timeout: days(2),
        justify_approve: Some(false),
        justify_deny: Some(true),
        ..stages(vec![stage(mode, 0, &people)])
    };
    let one = Rules {
        activation_max: hours(5),
        activation_min: Some(duration(TimeDelta::minutes(6))),
        require_mfa: Some(false),
        mfa_max_age: hours(1),
        single_use_authentication: Some(true),
        authentication_context: Some("c1".to_owned()),
        require_justification: Some(false),
        require_ticket: Some(true),
        ticket_pattern: Some("INC-[0-9]+".to_owned()),
        approval: Some(approval(ApprovalMode::AllOf)),
        permanent_eligibility: Some(false),
        eligible_max: days(9),
        permanent_assignment: Some(false),
        assigned_max: days(8),
        assignment_require_justification: Some(false),
        assignment_require_mfa: Some(true),
        assignment_require_ticket: Some(true),
        min_active_holders: Some(1),
        conditions: Some(when("context.mfa")),
    };
    let other = Rules {
        activation_max: hours(4),
        activation_min: Some(duration(TimeDelta::minutes(7))),
        require_mfa: Some(true),
        mfa_max_age: hours(2),
        single_use_authentication: Some(false),
        authentication_context: Some(String::new()),
        require_justification: Some(true),
        require_ticket: Some(false),
        ticket_pattern: Some("CHG-[0-9]+".to_owned()),
        approval: Some(approval(ApprovalMode::AnyOf)),
        permanent_eligibility: Some(true),
        eligible_max: days(19),
        permanent_assignment: Some(true),
        assigned_max: days(18),
        assignment_require_justification: Some(true),
        assignment_require_mfa: Some(false),
        assignment_require_ticket: Some(false),
        min_active_holders: Some(2),
        conditions: Some(when("context.hour < 12")),
    };
    [one, other]
}

/// What is in force where all of these rules are.
fn as_in_force(rules: &Rules) -> RulesInForce {
    let some =
        |text: &Option<String>| text.iter().filter(|text| !text.is_empty()).cloned().collect();
    RulesInForce {
        activation_max: rules.activation_max,
        activation_min: rules.activation_min,
        require_mfa: rules.require_mfa(),
        mfa_max_age: rules.mfa_max_age,
        single_use_authentication: rules.single_use_authentication(),
        authentication_contexts: some(&rules.authentication_context),
        require_justification: rules.require_justification(),
        require_ticket: rules.require_ticket(),
        ticket_patterns: some(&rules.ticket_pattern),
        approvals: rules.approval.iter().cloned().collect(),
        permanent_eligibility: rules.permanent_eligibility(),
        eligible_max: rules.eligible_max,
        permanent_assignment: rules.permanent_assignment(),
        assigned_max: rules.assigned_max,
        assignment_require_justification: rules.assignment_require_justification(),
        assignment_require_mfa: rules.assignment_require_mfa(),
        assignment_require_ticket: rules.assignment_require_ticket(),
        min_active_holders: rules.min_active_holders(),
        conditions: rules.conditions.iter().flat_map(|all| all.policies.clone()).collect(),
    }
}

#[tokio::test]
async fn a_rule_is_that_of_the_nearest_scope_that_sets_it() {
    let ground = Ground::new().await;
    let wide = Rules { activation_max: hours(3), ..ticket() };
    ground.set(CONTRIBUTOR, "/", wide, &[]).await;
    let near = Rules { activation_max: hours(2), ..Rules::default() };
    ground.set(CONTRIBUTOR, SUBSCRIPTION, near, &[]).await;
    let nearest = Rules { require_justification: Some(false), ..Rules::default() };
    ground.set(CONTRIBUTOR, GROUP, nearest, &[]).await;
    let base = RulesInForce { require_ticket: true, ..defaults(TimeDelta::hours(3)) };
    for scope in ["/", OTHER] {
        assert_eq!(ground.rules(CONTRIBUTOR, scope).await, base, "{scope}");
        let origins = [origin("activation_max", "/", &[]), origin("require_ticket", "/", &[])];
        assert_eq!(ground.origins(CONTRIBUTOR, scope).await, origins);
    }
    let base = RulesInForce { activation_max: hours(2), ..base };
    assert_eq!(ground.rules(CONTRIBUTOR, SUBSCRIPTION).await, base);
    let base = RulesInForce { require_justification: false, ..base };
    for scope in [GROUP, MACHINE] {
        assert_eq!(ground.rules(CONTRIBUTOR, scope).await, base, "{scope}");
        let origins = [
            origin("activation_max", SUBSCRIPTION, &[]),
            origin("require_justification", GROUP, &[]),
            origin("require_ticket", "/", &[]),
        ];
        assert_eq!(ground.origins(CONTRIBUTOR, scope).await, origins);
    }
    assert_eq!(ground.rules(ROLE, "/").await, defaults(TimeDelta::hours(8)), "another role's");
    let own = get_at(&ground.ada.client, CONTRIBUTOR, MACHINE).await.unwrap();
    assert_eq!((own.rules, own.policy_revision), (Some(Rules::default()), 0));
}

#[tokio::test]
async fn each_rule_is_inherited_by_itself() {
    let ground = Ground::new().await;
    let [wide, near] = everything(&ground);
    ground.set(CONTRIBUTOR, "/", wide.clone(), &[]).await;
    let mut policy = ground.set(CONTRIBUTOR, SUBSCRIPTION, near.clone(), &[]).await;
    assert_eq!(ground.rules(CONTRIBUTOR, OTHER).await, as_in_force(&wide));
    for scope in [SUBSCRIPTION, GROUP] {
        assert_eq!(ground.rules(CONTRIBUTOR, scope).await, as_in_force(&near));
    }
    let here = RULES.map(|rule| origin(rule, SUBSCRIPTION, &[]));
    assert_eq!(ground.origins(CONTRIBUTOR, GROUP).await, here);
    for (index, rule) in RULES.into_iter().enumerate() {
        let reset_rules = vec![rule.to_owned()];
        let request = UpdatePolicyRequest { reset_rules, ..setting(&policy, Rules::default()) };
        policy = update(&ground.org.admin.client, request).await.unwrap();
        let mut expected = here.clone();
        for origin in &mut expected[..=index] {
            "/".clone_into(&mut origin.set_at_scope);
        }
        assert_eq!(ground.origins(CONTRIBUTOR, GROUP).await, expected);
    }
    assert_eq!(policy.rules, Some(Rules::default()));
    assert_eq!(ground.rules(CONTRIBUTOR, GROUP).await, as_in_force(&wide));
}

#[tokio::test]
async fn what_is_enforced_binds_below_as_the_stricter_also_what_was_set_before() {
    let ground = Ground::new().await;
    let pattern = |text: &str| Some(text.to_owned());
    let below = Rules {
        activation_max: hours(8),
        activation_min: Some(duration(TimeDelta::minutes(1))),
        require_mfa: Some(false),
        mfa_max_age: hours(2),
        single_use_authentication: Some(false),
        ticket_pattern: pattern("B.*"),
        approval: Some(all_of(&[&ground.ada])),
        eligible_max: days(9),
        ..Rules::default()
    };
    ground.set(CONTRIBUTOR, GROUP, below, &[]).await;
    let wide = Rules {
        activation_max: hours(4),
        activation_min: Some(duration(TimeDelta::minutes(10))),
        require_mfa: Some(true),
        mfa_max_age: hours(1),
        single_use_authentication: Some(true),
        ticket_pattern: pattern("A.*"),
        approval: Some(all_of(&[&ground.org.admin])),
        eligible_max: days(90),
        ..ticket()
    };
    let enforce = [
        "approval",
        "eligible_max",
        "ticket_pattern",
        "activation_max",
        "activation_min",
        "require_mfa",
        "mfa_max_age",
        "single_use_authentication",
    ];
    let enforced = ground.set(CONTRIBUTOR, "/", wide, &enforce).await;
    let mut sorted = enforce;
    sorted.sort_by_key(|rule| RULES.iter().position(|name| name == rule));
    assert_eq!(enforced.enforced_rules, sorted, "in the order of the contract");
    let rules = ground.rules(CONTRIBUTOR, MACHINE).await;
    assert_eq!((rules.activation_max, rules.mfa_max_age), (hours(4), hours(1)));
    assert_eq!(rules.activation_min, Some(duration(TimeDelta::minutes(10))));
    assert!(rules.require_mfa && rules.require_ticket && rules.single_use_authentication);
    assert_eq!(rules.ticket_patterns, ["B.*", "A.*"]);
    assert_eq!(rules.eligible_max, days(9), "what is stricter below stays");
    let approvers: Vec<_> = rules.approvals.into_iter().map(|rule| rule.stages).collect();
    let all = |person| vec![stage(ApprovalMode::AllOf, 0, &[person])];
    assert_eq!(approvers, [all(&ground.ada), all(&ground.org.admin)], "both must be met");
    let origins = ground.origins(CONTRIBUTOR, MACHINE).await;
    let max = origins.iter().find(|one| one.rule == "activation_max").unwrap();
    assert_eq!(*max, origin("activation_max", GROUP, &["/"]));
    let ticket = origins.iter().find(|one| one.rule == "require_ticket").unwrap();
    assert_eq!(*ticket, origin("require_ticket", "/", &[]));
}

#[tokio::test]
async fn what_is_enforced_at_several_scopes_is_named_nearest_first() {
    let ground = Ground::new().await;
    let most = |most| Rules { activation_max: hours(most), ..Rules::default() };
    for (scope, longest) in [(GROUP, 3), ("/", 5), (SUBSCRIPTION, 4)] {
        ground.set(CONTRIBUTOR, scope, most(longest), &["activation_max"]).await;
    }
    ground.set(CONTRIBUTOR, MACHINE, most(7), &[]).await;
    let expected = origin("activation_max", MACHINE, &[GROUP, SUBSCRIPTION, "/"]);
    assert_eq!(ground.origins(CONTRIBUTOR, MACHINE).await, [expected]);
    for (scope, longest) in [(MACHINE, 3), (GROUP, 3), (SUBSCRIPTION, 4), (OTHER, 5), ("/", 5)] {
        assert_eq!(ground.rules(CONTRIBUTOR, scope).await.activation_max, hours(longest));
    }
}

#[tokio::test]
async fn what_is_enforced_no_more_binds_no_more() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let most = |most| Rules { activation_max: hours(most), ..Rules::default() };
    let first = ground.set(CONTRIBUTOR, "/", most(2), &["activation_max"]).await;
    ground.set(CONTRIBUTOR, GROUP, most(3), &[]).await;
    assert_eq!(ground.rules(CONTRIBUTOR, GROUP).await.activation_max, hours(2));
    let names = vec!["activation_max".to_owned()];
    let unenforce =
        UpdatePolicyRequest { unenforce_rules: names.clone(), ..setting(&first, Rules::default()) };
    let second = update(admin, unenforce).await.unwrap();
    assert_eq!((second.enforced_rules.len(), second.policy_revision), (0, 3));
    assert_eq!(second.rules, Some(most(2)), "it is set as before");
    assert_eq!(ground.rules(CONTRIBUTOR, GROUP).await.activation_max, hours(3));
    // Enforced again by its name alone, and reset: that ends both.
    let enforce =
        UpdatePolicyRequest { enforce_rules: names.clone(), ..setting(&second, Rules::default()) };
    let third = update(admin, enforce).await.unwrap();
    assert_eq!(third.enforced_rules, ["activation_max"]);
    assert_eq!(ground.rules(CONTRIBUTOR, GROUP).await.activation_max, hours(2));
    let reset = UpdatePolicyRequest { reset_rules: names, ..setting(&third, Rules::default()) };
    let fourth = update(admin, reset).await.unwrap();
    assert_eq!((fourth.rules, fourth.enforced_rules.len()), (Some(Rules::default()), 0));
    assert_eq!(ground.origins(CONTRIBUTOR, OTHER).await, []);
    assert_eq!(ground.rules(CONTRIBUTOR, OTHER).await, defaults(TimeDelta::hours(1)));
    assert_eq!(ground.rules(CONTRIBUTOR, GROUP).await.activation_max, hours(3));
}

#[tokio::test]
async fn revisions_count_the_changes_of_a_role_at_all_scopes() {
    let ground = Ground::new().await;
    let wide = ground.set(ROLE, "/", ticket(), &[]).await;
    let unit = ground.set(ROLE, UNIT, ticket(), &[]).await;
    let other = ground.set(CONTRIBUTOR, "/", ticket(), &[]).await;
    let revisions = [&wide, &unit, &other].map(|policy| policy.policy_revision);
    assert_eq!(revisions, [1, 2, 1]);
    // Its own etag is good although another policy of the role has changed since.
    let lax = Rules { require_mfa: Some(false), ..Rules::default() };
    let again = update(&ground.org.admin.client, setting(&wide, lax)).await.unwrap();
    assert_eq!(again.policy_revision, 3);
    for scope in ["/", UNIT] {
        assert_eq!(ground.applies(ROLE, scope).await.policy_revision, 3, "the newest of all");
    }
    let shown = get_at(&ground.ada.client, ROLE, UNIT).await.unwrap();
    assert_eq!(shown, unit);
}

#[tokio::test]
async fn writers_at_many_scopes_at_once_all_get_their_way() {
    const WRITERS: i64 = 8;
    let ground = Ground::new().await;
    let (admin, second) = (&ground.org.admin, &ground.org.second_admin);
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let client = if number % 2 == 0 { &admin.client } else { &second.client }.clone();
        writers.spawn(async move {
            let scope = format!("{SUBSCRIPTION}/resourcegroups/g{number}");
            let before = get_at(&client, CONTRIBUTOR, &scope).await.unwrap();
            update(&client, setting(&before, ticket())).await.unwrap().policy_revision
        });
    }
    let mut revisions = writers.join_all().await;
    revisions.sort_unstable();
    assert_eq!(revisions, (1..=WRITERS).collect::<Vec<_>>());
    // At one scope the second hears of the first.
    let before = get_at(&admin.client, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let wish = setting(&before, ticket());
    let [one, other] = [update(&admin.client, wish.clone()), update(&second.client, wish)];
    let answers: [_; 2] = tokio::join!(one, other).into();
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    for answer in refused {
        assert_refused(answer, Code::Aborted, "ETAG_MISMATCH");
    }
    assert_eq!(ground.applies(CONTRIBUTOR, GROUP).await.policy_revision, WRITERS + 1);
}
