//! What policies are read as, what is refused in them, and how they are shown.

use chrono::TimeDelta;
use pim_domain::{
    change::Version,
    condition::{CONDITION_BYTES_MAX, CONDITIONS_MAX, Condition, Outcome},
    fixture::{self, noon},
    id::RoleId,
    policy::{
        APPROVAL_TIMEOUT_DEFAULT, ApprovalRule as Approval, Layers, Mode, Policy, RuleName,
        RuleSet, Slot, Stage, Update,
    },
    role::Catalog,
    scope::Scope,
};
use pim_proto::{
    assignment::v1::{
        ApprovalMode, ApprovalRule, ApprovalStage, ApproverSlot, Circumstances, ConditionOutcome,
        Conditions, GetPolicyInForceResponse, GetPolicyResponse, ListPoliciesRequest,
        ListPoliciesResponse, PolicyInForce, Rules, TestPolicyRequest, TestPolicyResponse,
        UpdatePolicyRequest,
    },
    call::{
        Answer, List, Listed, PolicyFilter, PolicyInForceView, PolicyTestView, TestPolicy, Write,
    },
    field::FieldViolation,
};
use prost_types::Duration;

use crate::{
    commands::path,
    good::{ID, OTHER_ID, assignment::slot},
};

fn hour() -> Duration {
    Duration { seconds: 3_600, nanos: 0 }
}

/// What an update is read as that names these rules.
fn named(
    rules: Option<Rules>,
    [reset, enforce, unenforce]: [&[&str]; 3],
) -> Result<Write<Update>, FieldViolation> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Write::try_from(UpdatePolicyRequest {
        role_id: ID.to_owned(),
        scope: "/Subscriptions/A".to_owned(),
        etag: "v0".to_owned(),
        rules,
        reset_rules: names(reset),
        enforce_rules: names(enforce),
        unenforce_rules: names(unenforce),
        ..UpdatePolicyRequest::default()
    })
}

fn update(rules: Option<Rules>, reset: &[&str]) -> Result<Write<Update>, FieldViolation> {
    named(rules, [reset, &[], &[]])
}

/// What an approval rule is read as.
fn read(rule: ApprovalRule) -> Result<Approval, FieldViolation> {
    let rules = Rules { approval: Some(rule), ..Rules::default() };
    update(Some(rules), &[]).map(|write| write.command.set.approval.unwrap())
}

fn staged(stages: Vec<ApprovalStage>) -> Result<Approval, FieldViolation> {
    read(ApprovalRule { stages, ..ApprovalRule::default() })
}

fn stage(users: &[&str], mode: ApprovalMode, quorum: i32) -> ApprovalStage {
    let slots = users.iter().map(|user| slot(user)).collect();
    ApprovalStage { slots, mode: mode.into(), quorum }
}

fn users(count: u128) -> Vec<String> {
    (0..count).map(|number| uuid::Uuid::from_u128(number).to_string()).collect()
}

#[test]
fn an_update_sets_what_it_names_and_nothing_else() {
    let rules = Rules {
        activation_max: Some(hour()),
        require_mfa: Some(false),
        mfa_max_age: Some(Duration::default()),
        single_use_authentication: Some(true),
        authentication_context: Some(String::new()),
        ticket_pattern: Some(String::new()),
        min_active_holders: Some(0),
        ..Rules::default()
    };
    let read = named(Some(rules), [&["approval"], &["require_mfa"], &["eligible_max"]]);
    let read = read.unwrap().command;
    assert_eq!(read.scope.as_str(), "/subscriptions/a");
    let set: Vec<_> = read.set.names().collect();
    assert_eq!(
        set,
        [
            RuleName::ActivationMax,
            RuleName::RequireMfa,
            RuleName::MfaMaxAge,
            RuleName::SingleUseAuthentication,
            RuleName::AuthenticationContext,
            RuleName::TicketPattern,
            RuleName::MinActiveHolders
        ]
    );
    assert_eq!(read.set.activation_max, Some(TimeDelta::hours(1)));
    assert_eq!(read.set.mfa_max_age, Some(TimeDelta::zero()));
    assert_eq!(read.set.single_use_authentication, Some(true));
    assert_eq!(read.set.min_active_holders, Some(0));
    assert_eq!(read.reset, [RuleName::Approval]);
    assert_eq!(read.enforce, [RuleName::RequireMfa]);
    assert_eq!(read.unenforce, [RuleName::EligibleMax]);
}

#[test]
fn an_update_that_contradicts_itself_is_refused() {
    let mfa = Rules { require_mfa: Some(true), ..Rules::default() };
    assert_eq!(path(update(None, &[])), "rules");
    assert_eq!(path(update(Some(Rules::default()), &[])), "rules");
    assert_eq!(path(update(Some(mfa.clone()), &["approval", "require_mfa"])), "reset_rules[1]");
    assert_eq!(path(update(None, &["approval", "approval"])), "reset_rules[1]");
    assert_eq!(path(update(None, &["RequireMfa"])), "reset_rules[0]");
    let both = ["approval", "require_mfa"];
    assert_eq!(path(named(None, [&["require_mfa"], &both, &[]])), "enforce_rules[1]");
    assert_eq!(path(named(None, [&[], &["require_mfa"], &both])), "unenforce_rules[1]");
    for name in ["RequireMfa", "", "rules.require_mfa", "require_mfa "] {
        assert_eq!(path(named(Some(mfa.clone()), [&[], &[name], &[]])), "enforce_rules[0]");
        assert_eq!(path(named(Some(mfa.clone()), [&[], &[], &[name]])), "unenforce_rules[0]");
    }
    assert_eq!(path(named(None, [&[], &["approval"; 2], &[]])), "enforce_rules[1]");
    assert_eq!(path(named(None, [&[], &[], &["approval"; 2]])), "unenforce_rules[1]");
}

/// What is enforced from now on may be set in the same update, or have been set before.
#[test]
fn to_enforce_or_not_is_a_change() {
    let mfa = Rules { require_mfa: Some(true), ..Rules::default() };
    assert!(named(Some(mfa), [&[], &["require_mfa"], &[]]).is_ok());
    assert!(named(None, [&[], &["require_mfa"], &[]]).is_ok());
    assert!(named(None, [&[], &[], &["require_mfa"]]).is_ok());
    // What is reset binds nothing below any more anyway.
    assert!(named(None, [&["require_mfa"], &[], &["require_mfa"]]).is_ok());
}

#[test]
fn every_rule_can_be_named() {
    for rule in RuleName::ALL {
        let name = [rule.as_str()];
        assert_eq!(update(None, &name).unwrap().command.reset, [rule]);
        assert_eq!(named(None, [&[], &name, &[]]).unwrap().command.enforce, [rule]);
        assert_eq!(named(None, [&[], &[], &name]).unwrap().command.unenforce, [rule]);
    }
}

#[test]
fn single_rules_have_their_limits() {
    let text = |chars| "x".repeat(chars);
    let refused = |rules| path(update(Some(rules), &[]));
    for (rules, expected) in [
        (Rules { ticket_pattern: Some("(".to_owned()), ..Rules::default() }, "ticket_pattern"),
        (Rules { mfa_max_age: Some(negative()), ..Rules::default() }, "mfa_max_age"),
        (
            Rules { authentication_context: Some(text(65)), ..Rules::default() },
            "authentication_context",
        ),
        (
            Rules { authentication_context: Some(" ".to_owned()), ..Rules::default() },
            "authentication_context",
        ),
        (Rules { min_active_holders: Some(-1), ..Rules::default() }, "min_active_holders"),
        (Rules { min_active_holders: Some(i32::MIN), ..Rules::default() }, "min_active_holders"),
    ] {
        assert_eq!(refused(rules), format!("rules.{expected}"));
    }
    let longest = Rules { authentication_context: Some(text(64)), ..Rules::default() };
    assert!(update(Some(longest), &[]).is_ok());
}

fn negative() -> Duration {
    Duration { seconds: 0, nanos: -1_000 }
}

#[test]
fn an_approval_rule_says_only_what_differs() {
    let one = staged(vec![stage(&[ID], ApprovalMode::Unspecified, 0)]).unwrap();
    assert_eq!(one, Approval::all_of([ID.parse().unwrap()]));
    assert_eq!(one.timeout, APPROVAL_TIMEOUT_DEFAULT);
    assert!(one.justify_approve && one.justify_deny);
    let off = read(ApprovalRule::default()).unwrap();
    assert!(!off.is_on());
}

#[test]
fn stages_say_how_many_slots_they_take() {
    let both = [ID, OTHER_ID];
    let read = staged(vec![
        stage(&both, ApprovalMode::AllOf, 0),
        stage(&both, ApprovalMode::AnyOf, 0),
        stage(&both, ApprovalMode::Quorum, 1),
    ]);
    let modes: Vec<_> = read.unwrap().stages.iter().map(|stage| stage.mode).collect();
    assert_eq!(modes, [Mode::AllOf, Mode::AnyOf, Mode::Quorum(1)]);
    // How many of how many is judged with the rest of the policy.
    for quorum in [0, 3, -1] {
        assert!(staged(vec![stage(&both, ApprovalMode::Quorum, quorum)]).is_ok(), "{quorum}");
    }
    for mode in [ApprovalMode::Unspecified, ApprovalMode::AllOf, ApprovalMode::AnyOf] {
        let refused = staged(vec![stage(&both, mode, 1)]);
        assert_eq!(path(refused), "rules.approval.stages[0].quorum");
    }
    for mode in [4, -1, i32::MAX] {
        let unknown = ApprovalStage { mode, ..stage(&both, ApprovalMode::AllOf, 0) };
        let known = stage(&both, ApprovalMode::AllOf, 0);
        assert_eq!(path(staged(vec![known, unknown])), "rules.approval.stages[1].mode");
    }
}

#[test]
fn stages_are_at_most_three() {
    let stages = |count| vec![stage(&[ID], ApprovalMode::AllOf, 0); count];
    assert!(staged(stages(3)).is_ok());
    assert_eq!(path(staged(stages(4))), "rules.approval.stages");
}

#[test]
fn approvers_are_few_and_differ() {
    let slots = |users: &[String]| users.iter().map(|user| slot(user)).collect::<Vec<_>>();
    let with = |slots| {
        let good = stage(&[ID], ApprovalMode::AllOf, 0);
        staged(vec![good, ApprovalStage { slots, ..ApprovalStage::default() }])
    };
    let twice = [ID, OTHER_ID, ID].map(str::to_owned);
    assert_eq!(path(with(slots(&twice))), "rules.approval.stages[1].slots[2]");
    assert!(with(slots(&users(50))).is_ok());
    assert_eq!(path(with(slots(&users(51)))), "rules.approval.stages[1].slots");
    let nobody = ApproverSlot { approver: None, activated_members: false };
    let refused = with(vec![slot(ID), nobody.clone()]);
    assert_eq!(path(refused), "rules.approval.stages[1].slots[1].user_id");
    let refused = path(with(vec![slot(ID), slot("carol")]));
    assert!(refused.starts_with("rules.approval.stages[1].slots[1]"), "{refused}");
    let refused = path(with(vec![slot(ID), slot("")]));
    assert!(refused.starts_with("rules.approval.stages[1].slots[1]"), "{refused}");
}

#[test]
fn fallback_approvers_are_few_and_differ() {
    let with = |fallback_approver_ids| {
        let stages = vec![stage(&[ID], ApprovalMode::AllOf, 0)];
        read(ApprovalRule { stages, fallback_approver_ids, ..ApprovalRule::default() })
    };
    // Who has a slot can be one as well.
    let read = with(vec![OTHER_ID.to_owned(), ID.to_owned()]).unwrap();
    let expected = [OTHER_ID, ID].map(|text| text.parse().unwrap());
    assert_eq!(read.fallback_approvers, expected);
    assert!(with(users(50)).is_ok());
    let at = |index: &str| format!("rules.approval.fallback_approver_ids{index}");
    assert_eq!(path(with(users(51))), at(""));
    assert_eq!(path(with(vec![ID.to_owned(), ID.to_owned()])), at("[1]"));
    assert_eq!(path(with(vec![ID.to_owned(), "carol".to_owned()])), at("[1]"));
}

#[test]
fn policies_are_listed_of_all_or_of_a_role_at_a_scope() {
    let list = |role_id: &str, scope: &str| {
        let (role_id, scope) = (role_id.to_owned(), scope.to_owned());
        let request = ListPoliciesRequest { role_id, scope, ..ListPoliciesRequest::default() };
        List::<PolicyFilter>::try_from(request).map(|list| list.filter)
    };
    assert_eq!(list("", ""), Ok(PolicyFilter { role: None, scope: None }));
    let filter = list(ID, "/").unwrap();
    assert_eq!(filter.role, Some(ID.parse().unwrap()));
    assert_eq!(filter.scope, Some(Scope::root()));
    assert_eq!(path(list("reader", "")), "role_id");
    assert_eq!(path(list("", "planets")), "scope");
}

fn answer<T>(value: T) -> Answer<T> {
    Answer { value, revision: "r1".to_owned(), as_of: noon() }
}

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

/// A rule with one of everything.
fn whole() -> Approval {
    let [one, other, third] = ["one", "other", "third"].map(|name| fixture::user(name).id);
    let stage = |mode| Stage { slots: vec![Slot::User(one), Slot::User(other)], mode };
    Approval {
        stages: [Mode::AllOf, Mode::AnyOf, Mode::Quorum(2)].map(stage).to_vec(),
        timeout: TimeDelta::minutes(90),
        justify_approve: false,
        justify_deny: true,
        fallback_approvers: vec![third],
    }
}

#[test]
fn an_approval_rule_is_shown_as_it_can_be_set() {
    let rule = whole();
    assert_eq!(read(rule.clone().into()).unwrap(), rule);
    let off = Approval::off();
    assert_eq!(read(off.clone().into()).unwrap(), off);
}

#[test]
fn a_policy_shows_what_is_set_where() {
    let (role, at) = (RoleId::at(noon()), scope("/subscriptions/a"));
    let show = |policy| GetPolicyResponse::from(answer(policy)).policy.unwrap();
    let untouched = show(Policy::untouched(role, at.clone()));
    assert_eq!((untouched.create_time, untouched.update_time), (None, None));
    assert_eq!((untouched.policy_revision, untouched.etag.as_str()), (0, "v0"));
    assert_eq!(untouched.rules, Some(Rules::default()));
    assert!(untouched.enforced_rules.is_empty());
    let approval = whole();
    let set = RuleSet {
        require_mfa: Some(false),
        mfa_max_age: Some(TimeDelta::zero()),
        single_use_authentication: Some(true),
        authentication_context: Some("c1".to_owned()),
        approval: Some(approval.clone()),
        min_active_holders: Some(3),
        ..RuleSet::default()
    };
    let enforced = [RuleName::Approval, RuleName::RequireMfa].into();
    let (version, revision) = (Version(3), 7);
    let policy = Policy { set, enforced, version, revision, ..Policy::untouched(role, at.clone()) };
    let touched = show(policy.clone());
    assert_eq!((touched.role_id, touched.scope), (role.to_string(), String::from(at)));
    // In the contract's order.
    assert_eq!(touched.enforced_rules, ["require_mfa", "approval"]);
    assert_eq!((touched.policy_revision, touched.etag.as_str()), (7, "v3"));
    assert!(touched.create_time.is_some() && touched.update_time.is_some());
    let rules = touched.rules.unwrap();
    assert_eq!(
        rules,
        Rules {
            require_mfa: Some(false),
            mfa_max_age: Some(Duration::default()),
            single_use_authentication: Some(true),
            authentication_context: Some("c1".to_owned()),
            approval: Some(approval.into()),
            min_active_holders: Some(3),
            ..Rules::default()
        }
    );
    // What is shown can be set again as it is.
    assert_eq!(update(Some(rules), &[]).unwrap().command.set, policy.set);
    let listed = Listed {
        items: vec![policy],
        next_page_token: "next".to_owned(),
        revision: "r1".to_owned(),
        as_of: noon(),
    };
    let listed = ListPoliciesResponse::from(listed);
    assert_eq!((listed.policies.len(), listed.next_page_token.as_str()), (1, "next"));
}

/// Policies are set at the root and at `/subscriptions/a`, and both are enforced in part.
fn in_force(at: &str) -> PolicyInForce {
    let role = fixture::role();
    let mut layers = Layers::untouched(role.id, Catalog::Azure);
    let [root, below] = ["first", "second"].map(|name| fixture::user(name).id);
    let rules = |user| RuleSet {
        approval: Some(Approval::all_of([user])),
        ticket_pattern: Some(format!("CHG-{user}").try_into().unwrap()),
        ..RuleSet::default()
    };
    let top = RuleSet { activation_max: Some(TimeDelta::hours(4)), ..rules(root) };
    fixture::set(&mut layers, top);
    layers.policies[0].enforced = [RuleName::Approval, RuleName::TicketPattern].into();
    fixture::set_at(&mut layers, &scope("/subscriptions/a"), rules(below));
    layers.policies[1].enforced = [RuleName::Approval].into();
    let view = PolicyInForceView { layers, scope: scope(at) };
    GetPolicyInForceResponse::from(answer(view)).policy.unwrap()
}

#[test]
fn all_that_must_be_met_is_in_force_together() {
    let shown = in_force("/subscriptions/a/resourceGroups/b");
    assert_eq!(shown.scope, "/subscriptions/a/resourceGroups/b");
    assert_eq!(shown.policy_revision, 2);
    let rules = shown.rules.unwrap();
    assert_eq!(rules.activation_max.unwrap().seconds, 4 * 3_600);
    assert_eq!(rules.approvals.len(), 2);
    assert_ne!(rules.approvals[0], rules.approvals[1]);
    assert_eq!(rules.ticket_patterns.len(), 2);
    // What nobody has set is the catalog's.
    assert!(rules.require_mfa && rules.authentication_contexts.is_empty());
    assert_eq!(rules.mfa_max_age, None);
    assert!(!rules.single_use_authentication);
    let above = in_force("/").rules.unwrap();
    assert_eq!((above.approvals.len(), above.ticket_patterns.len()), (1, 1));
}

#[test]
fn each_rule_in_force_says_where_it_comes_from() {
    let origins = in_force("/subscriptions/a/resourceGroups/b").origins;
    let names: Vec<_> = origins.iter().map(|origin| origin.rule.as_str()).collect();
    assert_eq!(names, RuleName::ALL.map(RuleName::as_str));
    let of = |rule: RuleName| {
        let origin = origins.iter().find(|origin| origin.rule == rule.as_str()).unwrap();
        (origin.set_at_scope.as_str(), origin.enforced_at_scopes.as_slice())
    };
    let (a, root) = ("/subscriptions/a".to_owned(), "/".to_owned());
    assert_eq!(of(RuleName::Approval), ("/subscriptions/a", [a, root.clone()].as_slice()));
    assert_eq!(of(RuleName::TicketPattern), ("/subscriptions/a", [root].as_slice()));
    assert_eq!(of(RuleName::ActivationMax), ("/", [].as_slice()));
    assert_eq!(of(RuleName::RequireMfa), ("", [].as_slice()));
}

#[test]
fn conditions_are_of_several_lines_and_bounded() {
    let read = |policies: Vec<String>| {
        let conditions = Some(Conditions { policies });
        update(Some(Rules { conditions, ..Rules::default() }), &[])
    };
    let texts = |many: usize, text: &str| vec![text.to_owned(); many];
    let two_lines = "permit (principal, action, resource)\n\twhen { context.mfa };\n";
    let write = read(texts(CONDITIONS_MAX, two_lines)).unwrap();
    let set = write.command.set.conditions.unwrap();
    assert_eq!((set.len(), set[0].as_str()), (CONDITIONS_MAX, two_lines));
    assert_eq!(read(Vec::new()).unwrap().command.set.conditions, Some(Vec::new()));
    let refused = |policies| read(policies).unwrap_err().path;
    assert_eq!(refused(texts(CONDITIONS_MAX + 1, two_lines)), "rules.conditions.policies");
    let with = |text: &str| vec![two_lines.to_owned(), text.to_owned()];
    for bad in ["", " \n", "a\u{202e}b", "a\0b", &"x".repeat(CONDITION_BYTES_MAX + 1)] {
        assert_eq!(refused(with(bad)), "rules.conditions.policies[1]", "{bad:?}");
    }
}

#[test]
fn a_context_is_one_word() {
    let named = |name: &str| {
        let authentication_context = Some(name.to_owned());
        update(Some(Rules { authentication_context, ..Rules::default() }), &[])
    };
    assert!(named("urn:example:c1").is_ok() && named("").is_ok());
    assert_eq!(named("c1 c2").unwrap_err().path, "rules.authentication_context");
}

#[test]
fn a_test_supposes_what_the_request_says() {
    let test = |circumstances: Circumstances| {
        TestPolicy::try_from(TestPolicyRequest {
            role_id: ID.to_owned(),
            scope: "/".to_owned(),
            circumstances: Some(circumstances),
            ..TestPolicyRequest::default()
        })
    };
    let least = test(Circumstances::default()).unwrap();
    assert_eq!((least.candidates, least.principal, least.start), (None, None, None));
    assert_eq!(least.duration, TimeDelta::hours(1));
    assert!(least.signals.is_empty() && !least.mfa);
    let path = |change: fn(&mut Circumstances)| {
        let mut circumstances = Circumstances::default();
        change(&mut circumstances);
        test(circumstances).unwrap_err().path
    };
    assert_eq!(path(|it| it.ip = "10.0.0.0/8".to_owned()), "circumstances.ip");
    assert_eq!(path(|it| it.country = Some("x".repeat(65))), "circumstances.country");
    assert_eq!(path(|it| it.risk = Some(String::new())), "circumstances.risk");
    assert_eq!(path(|it| it.acrs = vec!["c".to_owned(); 65]), "circumstances.acrs");
    assert_eq!(path(|it| it.acrs = vec![String::new()]), "circumstances.acrs[0]");
    let negative = Some(Duration { seconds: -1, nanos: 0 });
    assert_eq!(path(|it| it.principal_id = "me".to_owned()), "circumstances.principal_id");
    let aged = test(Circumstances { auth_age: negative, ..Circumstances::default() });
    assert_eq!(aged.unwrap_err().path, "circumstances.auth_age");
}

#[test]
fn all_together_is_a_yes_only_where_each_is() {
    let shown = |outcomes: &[Outcome]| {
        let of = |outcome: &Outcome| (Condition::new("c".to_owned()), outcome.clone());
        let view = PolicyTestView { results: outcomes.iter().map(of).collect() };
        let response = TestPolicyResponse::from(answer(view));
        let each: Vec<_> =
            response.results.iter().map(|one| (one.outcome(), &*one.error)).collect();
        assert_eq!(each.len(), outcomes.len());
        (response.outcome(), each.last().map(|(outcome, error)| (*outcome, (*error).to_owned())))
    };
    let failed = Outcome::Failed("why".to_owned());
    assert_eq!(shown(&[]).0, ConditionOutcome::Allowed);
    assert_eq!(shown(&[Outcome::Allowed, Outcome::Allowed]).0, ConditionOutcome::Allowed);
    assert_eq!(shown(&[Outcome::Denied, Outcome::Allowed]).0, ConditionOutcome::Denied);
    let last = Some((ConditionOutcome::Failed, "why".to_owned()));
    assert_eq!(shown(&[Outcome::Allowed, failed]), (ConditionOutcome::Denied, last));
}
