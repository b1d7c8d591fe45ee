//! `GetPolicy` and `UpdatePolicy`: the defaults, and what a tenant sets over them.

use chrono::TimeDelta;
use pim_client::Client;
use pim_proto::assignment::v1::{
    ApprovalRule, GetPolicyRequest, Policy, Rules, UpdatePolicyRequest,
};
use pim_tests::{Organisation, assert_refused, duration, new_id, timestamp};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE};

pub(crate) async fn get(client: &Client, role: &str) -> Result<Policy, Status> {
    let request = GetPolicyRequest { role_id: role.to_owned() };
    Ok(client.policies().get_policy(request).await?.into_inner().policy.unwrap())
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
        etag: policy.etag.clone(),
        rules: Some(rules),
        ..Default::default()
    }
}

/// Sets a rule that nothing else depends on.
pub(crate) fn ticket() -> Rules {
    Rules { require_ticket: Some(true), ..Rules::default() }
}

fn defaults(activation_max: TimeDelta) -> Rules {
    Rules {
        activation_max: Some(duration(activation_max)),
        activation_min: Some(duration(TimeDelta::minutes(5))),
        require_mfa: Some(true),
        require_justification: Some(true),
        require_ticket: Some(false),
        ticket_pattern: None,
        approval: Some(ApprovalRule {
            approver_ids: Vec::new(),
            timeout: Some(duration(TimeDelta::hours(24))),
            justify_approve: Some(true),
            justify_deny: Some(true),
        }),
        permanent_eligibility: Some(true),
        eligible_max: Some(duration(TimeDelta::days(365))),
        permanent_assignment: Some(true),
        assigned_max: Some(duration(TimeDelta::days(180))),
        assignment_require_justification: Some(true),
        assignment_require_mfa: Some(false),
        assignment_require_ticket: Some(false),
    }
}

#[tokio::test]
async fn untouched_it_is_what_its_catalog_says_and_everybody_may_know() {
    let ground = Ground::new().await;
    for (role, most) in [(ROLE, 8), (Organisation::CONTRIBUTOR, 1)] {
        let policy = get(&ground.ada.client, role).await.unwrap();
        let expected = Policy {
            role_id: role.to_owned(),
            rules: Some(defaults(TimeDelta::hours(most))),
            set_rules: Vec::new(),
            policy_revision: 0,
            create_time: None,
            update_time: None,
            etag: policy.etag.clone(),
        };
        assert_eq!(policy, expected);
        assert!(!policy.etag.is_empty());
    }
    let answer = get(&ground.ada.client, &new_id()).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn every_rule_can_be_set_and_each_is_shown() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let rules = Rules {
        activation_max: Some(duration(TimeDelta::hours(24))),
        activation_min: Some(duration(TimeDelta::seconds(1))),
        require_mfa: Some(false),
        require_justification: Some(false),
        require_ticket: Some(true),
        ticket_pattern: Some("INC-[0-9]+".to_owned()),
        approval: Some(ApprovalRule {
            approver_ids: vec![ground.ada.id.clone()],
            timeout: Some(duration(TimeDelta::days(14))),
            justify_approve: Some(false),
            justify_deny: Some(false),
        }),
        permanent_eligibility: Some(false),
        eligible_max: Some(duration(TimeDelta::days(3_650))),
        permanent_assignment: Some(false),
        assigned_max: Some(duration(TimeDelta::days(1))),
        assignment_require_justification: Some(false),
        assignment_require_mfa: Some(true),
        assignment_require_ticket: Some(true),
    };
    let before = get(admin, ROLE).await.unwrap();
    let policy = update(admin, setting(&before, rules.clone())).await.unwrap();
    let now = Some(timestamp(ground.world.now()));
    assert_eq!(policy.rules, Some(rules));
    assert_eq!(policy.set_rules.len(), 14);
    assert_eq!((policy.policy_revision, policy.create_time, policy.update_time), (1, now, now));
    assert_ne!(policy.etag, before.etag);
    assert_eq!(get(&ground.ada.client, ROLE).await.unwrap(), policy);
    let others = get(admin, Organisation::GLOBAL_ADMINISTRATOR).await.unwrap();
    assert_eq!(others.policy_revision, 0);
}

#[tokio::test]
async fn rules_that_are_not_mentioned_stay() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let first = update(admin, setting(&get(admin, ROLE).await.unwrap(), ticket())).await.unwrap();
    ground.world.advance(TimeDelta::minutes(1));
    let lax = Rules { require_mfa: Some(false), ..Rules::default() };
    let second = update(admin, setting(&first, lax)).await.unwrap();
    let expected = Rules {
        require_ticket: Some(true),
        require_mfa: Some(false),
        ..defaults(TimeDelta::hours(8))
    };
    assert_eq!(second.rules, Some(expected));
    assert_eq!(second.set_rules, ["require_mfa", "require_ticket"]);
    assert_eq!((second.policy_revision, second.create_time), (2, first.create_time));
    assert_eq!(second.update_time, Some(timestamp(ground.world.now())));
}

#[tokio::test]
async fn a_rule_goes_back_to_the_catalogs_and_an_empty_value_clears() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let approval = ApprovalRule { approver_ids: vec![ground.ada.id.clone()], ..Default::default() };
    let rules = Rules {
        approval: Some(approval),
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
    assert_eq!(policy.rules, Some(defaults(TimeDelta::hours(8))));
    assert_eq!(policy.set_rules, ["ticket_pattern", "approval"]);
    let reset_rules = policy.set_rules.clone();
    let request = UpdatePolicyRequest { reset_rules, ..setting(&policy, Rules::default()) };
    let policy = update(admin, request).await.unwrap();
    assert_eq!((policy.set_rules.len(), policy.policy_revision), (0, 3));
}

#[tokio::test]
async fn tenants_have_policies_of_their_own() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let elsewhere = ground.world.organisation().await;
    update(admin, setting(&get(admin, ROLE).await.unwrap(), ticket())).await.unwrap();
    let theirs = get(&elsewhere.admin.client, ROLE).await.unwrap();
    assert_eq!((theirs.policy_revision, theirs.set_rules.len()), (0, 0));
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_a_dry_run_writes_nothing() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let before = get(admin, ROLE).await.unwrap();
    let request = UpdatePolicyRequest { request_id: new_id(), ..setting(&before, ticket()) };
    let dry = UpdatePolicyRequest { validate_only: true, ..request.clone() };
    assert_eq!(update(admin, dry).await.unwrap().set_rules, ["require_ticket"]);
    assert_eq!(get(admin, ROLE).await.unwrap(), before);
    let first = update(admin, request.clone()).await.unwrap();
    assert_eq!(update(admin, request.clone()).await.unwrap(), first);
    let lax = Rules { require_mfa: Some(false), ..Rules::default() };
    let other = UpdatePolicyRequest { rules: Some(lax), ..request };
    let answer = update(admin, other).await;
    assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
    assert_eq!(get(admin, ROLE).await.unwrap(), first);
}
