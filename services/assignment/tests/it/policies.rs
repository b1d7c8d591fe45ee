//! `GetPolicy` and `UpdatePolicy`: the defaults, and what a tenant sets over them.

use chrono::TimeDelta;
use pim_client::Client;
use pim_proto::assignment::v1::{
    ApprovalMode, ApprovalRule, Conditions, GetPolicyInForceRequest, GetPolicyRequest, Policy,
    PolicyInForce, Rules, RulesInForce, UpdatePolicyRequest,
};
use pim_tests::{Organisation, all_of, assert_refused, duration, new_id, stage, stages, timestamp};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE};

/// What is set for the whole tenant.
pub(crate) async fn get(client: &Client, role: &str) -> Result<Policy, Status> {
    get_at(client, role, "/").await
}

pub(crate) async fn get_at(client: &Client, role: &str, scope: &str) -> Result<Policy, Status> {
    let request = GetPolicyRequest { role_id: role.to_owned(), scope: scope.to_owned() };
    Ok(client.policies().get_policy(request).await?.into_inner().policy.unwrap())
}

pub(crate) async fn in_force(
    client: &Client,
    role: &str,
    scope: &str,
) -> Result<PolicyInForce, Status> {
    let request = GetPolicyInForceRequest { role_id: role.to_owned(), scope: scope.to_owned() };
    Ok(client.policies().get_policy_in_force(request).await?.into_inner().policy.unwrap())
}

pub(crate) async fn update(
    client: &Client,
    request: UpdatePolicyRequest,
) -> Result<Policy, Status> {
    Ok(client.policies().update_policy(request).await?.into_inner().policy.unwrap())
}

/// Sets `rules` over `policy`.
pub(crate) fn setting(policy: &Policy, rules: Rules) -> UpdatePolicyRequest {
    UpdatePolicyRequest {
        role_id: policy.role_id.clone(),
        scope: policy.scope.clone(),
        etag: policy.etag.clone(),
        rules: Some(rules),
        ..Default::default()
    }
}

/// Sets a rule that nothing else depends on.
pub(crate) fn ticket() -> Rules {
    Rules { require_ticket: Some(true), ..Rules::default() }
}

/// What is in force where nobody has set anything.
pub(crate) fn defaults(activation_max: TimeDelta) -> RulesInForce {
    RulesInForce {
        activation_max: Some(duration(activation_max)),
        activation_min: Some(duration(TimeDelta::minutes(5))),
        require_mfa: true,
        mfa_max_age: None,
        single_use_authentication: false,
        authentication_contexts: Vec::new(),
        require_justification: true,
        require_ticket: false,
        ticket_patterns: Vec::new(),
        approvals: Vec::new(),
        permanent_eligibility: true,
        eligible_max: Some(duration(TimeDelta::days(365))),
        permanent_assignment: true,
        assigned_max: Some(duration(TimeDelta::days(180))),
        assignment_require_justification: true,
        assignment_require_mfa: false,
        assignment_require_ticket: false,
        min_active_holders: 0,
        conditions: Vec::new(),
    }
}

#[tokio::test]
async fn untouched_it_is_what_its_catalog_says_and_everybody_may_know() {
    let ground = Ground::new().await;
    for (role, most) in [(ROLE, 8), (Organisation::CONTRIBUTOR, 1)] {
        let policy = get(&ground.ada.client, role).await.unwrap();
        let expected = Policy {
            role_id: role.to_owned(),
            scope: "/".to_owned(),
            rules: Some(Rules::default()),
            enforced_rules: Vec::new(),
            policy_revision: 0,
            create_time: None,
            update_time: None,
            etag: policy.etag.clone(),
        };
        assert_eq!(policy, expected);
        assert!(!policy.etag.is_empty());
        let applies = in_force(&ground.ada.client, role, "/").await.unwrap();
        assert_eq!((applies.role_id.as_str(), applies.scope.as_str()), (role, "/"));
        assert_eq!(applies.rules, Some(defaults(TimeDelta::hours(most))));
        assert_eq!((applies.policy_revision, applies.origins.len()), (0, 19));
    }
    let answer = get(&ground.ada.client, &new_id()).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
    let answer = in_force(&ground.ada.client, &new_id(), "/").await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
}

fn conditions() -> Conditions {
    Conditions { policies: vec!["permit (principal, action, resource);".to_owned()] }
}

/// Every rule, each other than its default.
fn every_rule(ground: &Ground) -> Rules {
    let [ada, admin] = [&ground.ada, &ground.org.admin];
    Rules {
        activation_max: Some(duration(TimeDelta::hours(24))),
        activation_min: Some(duration(TimeDelta::seconds(1))),
        require_mfa: Some(false),
        mfa_max_age: Some(duration(TimeDelta::days(30))),
        single_use_authentication: Some(true),
        authentication_context: Some("c1".to_owned()),
        require_justification: Some(false),
        require_ticket: Some(true),
        ticket_pattern: Some("INC-[0-9]+".to_owned()),
        approval: Some(ApprovalRule {
            timeout: Some(duration(TimeDelta::days(14))),
            justify_approve: Some(false),
            justify_deny: Some(false),
            fallback_approver_ids: vec![ground.org.second_admin.id.clone()],
            ..stages(vec![
                stage(ApprovalMode::Quorum, 1, &[ada, admin]),
                stage(ApprovalMode::AnyOf, 0, &[ada, admin]),
            ])
        }),
        permanent_eligibility: Some(false),
        eligible_max: Some(duration(TimeDelta::days(3_650))),
        permanent_assignment: Some(false),
        assigned_max: Some(duration(TimeDelta::days(1))),
        assignment_require_justification: Some(false),
        assignment_require_mfa: Some(true),
        assignment_require_ticket: Some(true),
        min_active_holders: Some(100),
        conditions: Some(conditions()),
    }
}

#[tokio::test]
async fn every_rule_can_be_set_and_each_is_shown() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let rules = every_rule(&ground);
    let before = get(admin, ROLE).await.unwrap();
    let policy = update(admin, setting(&before, rules.clone())).await.unwrap();
    let now = Some(timestamp(ground.world.now()));
    assert_eq!(policy.rules, Some(rules.clone()));
    assert_eq!(policy.enforced_rules, [""; 0]);
    assert_eq!((policy.policy_revision, policy.create_time, policy.update_time), (1, now, now));
    assert_ne!(policy.etag, before.etag);
    assert_eq!(get(&ground.ada.client, ROLE).await.unwrap(), policy);
    let others = get(admin, Organisation::GLOBAL_ADMINISTRATOR).await.unwrap();
    assert_eq!(others.policy_revision, 0);
    let applies = in_force(admin, ROLE, "/").await.unwrap();
    let expected = RulesInForce {
        activation_max: rules.activation_max,
        activation_min: rules.activation_min,
        require_mfa: false,
        mfa_max_age: rules.mfa_max_age,
        single_use_authentication: true,
        authentication_contexts: vec!["c1".to_owned()],
        require_justification: false,
        require_ticket: true,
        ticket_patterns: vec!["INC-[0-9]+".to_owned()],
        approvals: rules.approval.into_iter().collect(),
        permanent_eligibility: false,
        eligible_max: rules.eligible_max,
        permanent_assignment: false,
        assigned_max: rules.assigned_max,
        assignment_require_justification: false,
        assignment_require_mfa: true,
        assignment_require_ticket: true,
        min_active_holders: 100,
        conditions: conditions().policies,
    };
    assert_eq!(applies.rules, Some(expected));
}

#[tokio::test]
async fn rules_that_are_not_mentioned_stay() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let first = update(admin, setting(&get(admin, ROLE).await.unwrap(), ticket())).await.unwrap();
    ground.world.advance(TimeDelta::minutes(1));
    let lax = Rules { require_mfa: Some(false), ..Rules::default() };
    let second = update(admin, setting(&first, lax)).await.unwrap();
    let set = Rules { require_mfa: Some(false), ..ticket() };
    assert_eq!(second.rules, Some(set));
    let expected =
        RulesInForce { require_ticket: true, require_mfa: false, ..defaults(TimeDelta::hours(8)) };
    assert_eq!(in_force(admin, ROLE, "/").await.unwrap().rules, Some(expected));
    assert_eq!((second.policy_revision, second.create_time), (2, first.create_time));
    assert_eq!(second.update_time, Some(timestamp(ground.world.now())));
}

#[tokio::test]
async fn a_rule_goes_back_to_the_catalogs_and_an_empty_value_clears() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let rules = Rules {
        approval: Some(all_of(&[&ground.ada])),
        ticket_pattern: Some("[0-9]+".to_owned()),
        activation_max: Some(duration(TimeDelta::hours(2))),
        ..Rules::default()
    };
    let set = update(admin, setting(&get(admin, ROLE).await.unwrap(), rules)).await.unwrap();
    let cleared = Rules {
        approval: Some(ApprovalRule::default()),
        ticket_pattern: Some(String::new()),
        ..Rules::default()
    };
    let reset_rules = vec!["activation_max".to_owned()];
    let request = UpdatePolicyRequest { reset_rules, ..setting(&set, cleared) };
    let policy = update(admin, request).await.unwrap();
    let applies = in_force(admin, ROLE, "/").await.unwrap();
    assert_eq!(applies.rules, Some(defaults(TimeDelta::hours(8))));
    let off = ApprovalRule {
        timeout: Some(duration(TimeDelta::hours(24))),
        justify_approve: Some(true),
        justify_deny: Some(true),
        ..ApprovalRule::default()
    };
    let expected =
        Rules { approval: Some(off), ticket_pattern: Some(String::new()), ..Rules::default() };
    assert_eq!(policy.rules, Some(expected));
    let reset_rules = vec!["ticket_pattern".to_owned(), "approval".to_owned()];
    let request = UpdatePolicyRequest { reset_rules, ..setting(&policy, Rules::default()) };
    let policy = update(admin, request).await.unwrap();
    assert_eq!((policy.rules, policy.policy_revision), (Some(Rules::default()), 3));
}

#[tokio::test]
async fn tenants_have_policies_of_their_own() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let elsewhere = ground.world.organisation().await;
    update(admin, setting(&get(admin, ROLE).await.unwrap(), ticket())).await.unwrap();
    let theirs = get(&elsewhere.admin.client, ROLE).await.unwrap();
    assert_eq!((theirs.policy_revision, theirs.rules), (0, Some(Rules::default())));
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_a_dry_run_writes_nothing() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let before = get(admin, ROLE).await.unwrap();
    let request = UpdatePolicyRequest { request_id: new_id(), ..setting(&before, ticket()) };
    let dry = UpdatePolicyRequest { validate_only: true, ..request.clone() };
    assert_eq!(update(admin, dry).await.unwrap().rules, Some(ticket()));
    assert_eq!(get(admin, ROLE).await.unwrap(), before);
    let first = update(admin, request.clone()).await.unwrap();
    assert_eq!(update(admin, request.clone()).await.unwrap(), first);
    let lax = Rules { require_mfa: Some(false), ..Rules::default() };
    let other = UpdatePolicyRequest { rules: Some(lax), ..request };
    let answer = update(admin, other).await;
    assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
    assert_eq!(get(admin, ROLE).await.unwrap(), first);
}
