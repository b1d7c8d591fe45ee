//! Changes of a policy that are refused: all of it stays as it was.

use chrono::TimeDelta;
use pim_proto::assignment::v1::{ApprovalMode, ApprovalRule, Rules, UpdatePolicyRequest};
use pim_tests::{
    Organisation, all_of, assert_invalid, assert_refused, assert_same_refusal, duration, fields,
    metadata, new_id, rules, stage_of, stages,
};
use tonic::Code;

use crate::{
    ground::{Ground, ROLE, SUBSCRIPTION, UNIT},
    policies::{get, setting, ticket, update},
};

#[tokio::test]
async fn a_change_of_what_has_changed_since_is_refused_with_the_new_etag() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let before = get(admin, ROLE).await.unwrap();
    let now = update(admin, setting(&before, ticket())).await.unwrap();
    let lax = Rules { require_mfa: Some(false), ..Rules::default() };
    let answer = update(&ground.org.second_admin.client, setting(&before, lax)).await;
    let status = assert_refused(answer, Code::Aborted, "ETAG_MISMATCH");
    assert_eq!(metadata(&status, "etag"), now.etag);
    assert_eq!(get(admin, ROLE).await.unwrap(), now);
}

#[tokio::test]
async fn only_who_administers_all_of_it_changes_it_and_others_learn_nothing() {
    let ground = Ground::new().await;
    let before = get(&ground.ada.client, ROLE).await.unwrap();
    let owner = ground.owner().await;
    let local = ground.user("local").await;
    ground.org.assign(&local, Organisation::GLOBAL_ADMINISTRATOR, UNIT).await.unwrap();
    let missing = UpdatePolicyRequest { role_id: new_id(), ..setting(&before, ticket()) };
    for person in [&ground.ada, &owner, &local] {
        let real = update(&person.client, setting(&before, ticket())).await;
        let real = assert_refused(real, Code::PermissionDenied, "NOT_PERMITTED");
        let none = update(&person.client, missing.clone()).await;
        let none = assert_refused(none, Code::PermissionDenied, "NOT_PERMITTED");
        assert_same_refusal(&real, &none);
    }
    assert_eq!(get(&ground.ada.client, ROLE).await.unwrap(), before);
    let answer = update(&ground.org.admin.client, missing).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn an_owner_of_everything_changes_the_policies_of_resource_roles_only() {
    let ground = Ground::new().await;
    let owner = ground.user("owner").await;
    ground.org.assign(&owner, Organisation::OWNER, "/").await.unwrap();
    let below = ground.user("below").await;
    ground.org.assign(&below, Organisation::OWNER, SUBSCRIPTION).await.unwrap();
    let directory = get(&owner.client, ROLE).await.unwrap();
    let answer = update(&owner.client, setting(&directory, ticket())).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    let resource = get(&owner.client, Organisation::CONTRIBUTOR).await.unwrap();
    let answer = update(&below.client, setting(&resource, ticket())).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    let changed = update(&owner.client, setting(&resource, ticket())).await.unwrap();
    assert_eq!(changed.policy_revision, 1);
}

#[tokio::test]
async fn values_out_of_range_are_named_all_together() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let before = get(admin, ROLE).await.unwrap();
    let timeout = Some(duration(TimeDelta::minutes(4)));
    let wrong = Rules {
        activation_max: Some(duration(TimeDelta::hours(24) + TimeDelta::microseconds(1))),
        activation_min: Some(duration(TimeDelta::milliseconds(999))),
        eligible_max: Some(duration(TimeDelta::hours(23))),
        assigned_max: Some(duration(TimeDelta::days(3_651))),
        approval: Some(ApprovalRule { timeout, ..ApprovalRule::default() }),
        ..ticket()
    };
    let answer = update(admin, setting(&before, wrong)).await;
    let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
    let expected = [
        "rules.activation_max",
        "rules.activation_min",
        "rules.eligible_max",
        "rules.assigned_max",
        "rules.approval.timeout",
    ];
    assert_eq!(fields(&status), expected);
    assert_eq!(get(admin, ROLE).await.unwrap(), before, "nor is the good one among them set");
}

#[tokio::test]
async fn a_minimum_over_the_maximum_is_refused_whichever_is_set() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let hours = |hours| Some(duration(TimeDelta::hours(hours)));
    let before = get(admin, ROLE).await.unwrap();
    let over = Rules { activation_min: hours(9), ..Rules::default() };
    let answer = update(admin, setting(&before, over)).await;
    assert_invalid(answer, "rules.activation_min");
    let enough = Rules { activation_min: hours(2), ..Rules::default() };
    let set = update(admin, setting(&before, enough)).await.unwrap();
    let under = Rules { activation_max: hours(1), ..Rules::default() };
    let answer = update(admin, setting(&set, under)).await;
    assert_invalid(answer, "rules.activation_min");
    assert_eq!(get(admin, ROLE).await.unwrap(), set);
}

#[tokio::test]
async fn a_policy_that_nobody_could_satisfy_is_refused() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let before = get(admin, ROLE).await.unwrap();
    let [eve, other_eve] = ground.accounts(["eve", "eve-admin"]).await;
    let program = ground.program("backup").await;
    let gone = ground.user("gone").await;
    ground.disable(&gone).await;
    let elsewhere = ground.world.organisation().await;
    for unfit in [
        vec![new_id()],
        vec![elsewhere.admin.id],
        vec![program.id],
        vec![ground.ada.id.clone(), gone.id],
        vec![eve.id.clone(), other_eve.id],
    ] {
        let unfit: Vec<&str> = unfit.iter().map(String::as_str).collect();
        let approval = Some(stages(vec![stage_of(ApprovalMode::AllOf, 0, &unfit)]));
        let answer = update(admin, setting(&before, Rules { approval, ..ticket() })).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER");
        assert_eq!(rules(&status), ["APPROVABLE"]);
        assert_eq!(get(admin, ROLE).await.unwrap(), before);
    }
    let approval = Some(all_of(&[&eve, &ground.ada]));
    update(admin, setting(&before, Rules { approval, ..Rules::default() })).await.unwrap();
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let before = get(admin, ROLE).await.unwrap();
    let good = setting(&before, ticket());
    let with = |rules| setting(&before, rules);
    let approved = |approver_ids: &[&str]| {
        let approval = Some(stages(vec![stage_of(ApprovalMode::AllOf, 0, approver_ids)]));
        with(Rules { approval, ..Rules::default() })
    };
    let resetting = |names: &[&str]| UpdatePolicyRequest {
        reset_rules: names.iter().map(|name| (*name).to_owned()).collect(),
        ..good.clone()
    };
    let pattern = |text: &str| Rules { ticket_pattern: Some(text.to_owned()), ..Rules::default() };
    let ada = &*ground.ada.id;
    let zero = Some(duration(TimeDelta::zero()));
    for (path, request) in [
        ("role_id", UpdatePolicyRequest { role_id: String::new(), ..good.clone() }),
        ("etag", UpdatePolicyRequest { etag: String::new(), ..good.clone() }),
        ("request_id", UpdatePolicyRequest { request_id: "1".to_owned(), ..good.clone() }),
        ("rules", with(Rules::default())),
        ("rules.activation_max", with(Rules { activation_max: zero, ..Rules::default() })),
        ("rules.ticket_pattern", with(pattern("("))),
        ("rules.ticket_pattern", with(pattern(&"1".repeat(257)))),
        ("rules.approval.stages[0].slots[0].user_id", approved(&["1"])),
        ("rules.approval.stages[0].slots[1]", approved(&[ada, ada])),
        ("rules.approval.stages[0].slots", approved(&[ada; 51])),
        ("reset_rules[1]", resetting(&["require_mfa", "mfa"])),
        ("reset_rules[1]", resetting(&["require_mfa", "require_mfa"])),
        ("reset_rules[0]", resetting(&["require_ticket"])),
    ] {
        assert_invalid(update(admin, request).await, path);
    }
    assert_invalid(get(admin, "1").await, "role_id");
    assert_eq!(get(admin, ROLE).await.unwrap(), before);
}
