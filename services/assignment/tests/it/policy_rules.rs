//! Changes of a policy at a scope that are refused: each names its field.

use chrono::TimeDelta;
use pim_proto::assignment::v1::{
    ApprovalMode, ApprovalRule, ApprovalStage, ApproverSlot, Rules, UpdatePolicyRequest,
};
use pim_tests::{
    Organisation, Person, assert_invalid, assert_refused, assert_same_refusal, duration, fields,
    new_id, rules, stage, stage_of, stages,
};
use tonic::Code;

use crate::{
    ground::{Ground, ROLE, SUBSCRIPTION, UNIT},
    policies::{get, get_at, in_force, setting, ticket, update},
};

const CONTRIBUTOR: &str = Organisation::CONTRIBUTOR;
const GROUP: &str = "/subscriptions/9a4e0f5c-6c6b-4a63-8f3e-2a9d1f0b7e21/resourceGroups/app";

fn hours(hours: i64) -> Option<prost_types::Duration> {
    Some(duration(TimeDelta::hours(hours)))
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn of(stages_of: Vec<ApprovalStage>) -> Rules {
    Rules { approval: Some(stages(stages_of)), ..Rules::default() }
}

#[tokio::test]
async fn an_owner_sets_policies_of_resource_roles_where_they_own_and_below() {
    let ground = Ground::new().await;
    let owner = ground.owner().await;
    let elsewhere = "/subscriptions/0d0b6c1e-7f0a-4a36-a2a5-6a1f5b1e4f77";
    for scope in [SUBSCRIPTION, GROUP] {
        let before = get_at(&owner.client, CONTRIBUTOR, scope).await.unwrap();
        let policy = update(&owner.client, setting(&before, ticket())).await.unwrap();
        assert_eq!(policy.scope, scope);
    }
    for (role, scope) in [(CONTRIBUTOR, "/"), (CONTRIBUTOR, elsewhere), (ROLE, SUBSCRIPTION)] {
        let before = get_at(&owner.client, role, scope).await.unwrap();
        let missing = UpdatePolicyRequest { role_id: new_id(), ..setting(&before, ticket()) };
        let real = update(&owner.client, setting(&before, ticket())).await;
        let real = assert_refused(real, Code::PermissionDenied, "NOT_PERMITTED");
        let none = update(&owner.client, missing).await;
        let none = assert_refused(none, Code::PermissionDenied, "NOT_PERMITTED");
        assert_same_refusal(&real, &none);
        assert_eq!(get_at(&owner.client, role, scope).await.unwrap(), before);
    }
}

#[tokio::test]
async fn one_policy_asks_for_a_second_factor_or_a_context_and_not_for_both() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let context = |name: &str| Some(name.to_owned());
    let before = get(admin, ROLE).await.unwrap();
    // The catalog's default asks for a second factor.
    for wrong in [
        Rules { authentication_context: context("c1"), ..ticket() },
        Rules { authentication_context: context("c1"), require_mfa: Some(true), ..ticket() },
    ] {
        let answer = update(admin, setting(&before, wrong)).await;
        let status = assert_refused(answer, Code::InvalidArgument, "MFA_AND_CONTEXT_CONFLICT");
        assert_eq!(fields(&status), ["rules.authentication_context"]);
        assert_eq!(get(admin, ROLE).await.unwrap(), before);
    }
    let good = Rules {
        authentication_context: context("c1"),
        require_mfa: Some(false),
        ..Rules::default()
    };
    let set = update(admin, setting(&before, good)).await.unwrap();
    // What one of the two is inherited conflicts as well, and a reset that brings it back.
    let mfa = Rules { require_mfa: Some(true), ..Rules::default() };
    let unit = get_at(admin, ROLE, UNIT).await.unwrap();
    let answer = update(admin, setting(&unit, mfa.clone())).await;
    assert_refused(answer, Code::InvalidArgument, "MFA_AND_CONTEXT_CONFLICT");
    let reset_rules = texts(&["require_mfa"]);
    let reset = UpdatePolicyRequest { reset_rules, ..setting(&set, Rules::default()) };
    let answer = update(admin, reset).await;
    assert_refused(answer, Code::InvalidArgument, "MFA_AND_CONTEXT_CONFLICT");
    let both = Rules { authentication_context: context(""), ..mfa };
    update(admin, setting(&unit, both)).await.unwrap();
}

#[tokio::test]
async fn a_merge_may_ask_for_a_second_factor_and_for_contexts() {
    let ground = Ground::new().await;
    let with = |name: &str| Rules {
        authentication_context: Some(name.to_owned()),
        require_mfa: Some(false),
        ..Rules::default()
    };
    let mfa = Rules { require_mfa: Some(true), ..Rules::default() };
    ground.org.set_policy_at(CONTRIBUTOR, SUBSCRIPTION, with("c2"), &[]).await.unwrap();
    ground.org.set_policy_at(CONTRIBUTOR, GROUP, with("c1"), &[]).await.unwrap();
    ground.org.set_policy_at(CONTRIBUTOR, "/", mfa, &["require_mfa"]).await.unwrap();
    let enforce = |policy| UpdatePolicyRequest {
        enforce_rules: texts(&["authentication_context"]),
        ..setting(&policy, Rules::default())
    };
    let admin = &ground.org.admin.client;
    let own = get_at(admin, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    update(admin, enforce(own)).await.unwrap();
    let applies = in_force(admin, CONTRIBUTOR, GROUP).await.unwrap().rules.unwrap();
    assert!(applies.require_mfa);
    assert_eq!(applies.authentication_contexts, ["c1", "c2"]);
}

#[tokio::test]
async fn a_minimum_over_a_maximum_that_is_enforced_above_is_refused() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let most = Rules { activation_max: hours(2), ..Rules::default() };
    ground.org.set_policy_at(CONTRIBUTOR, "/", most, &["activation_max"]).await.unwrap();
    let before = get_at(admin, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let wrong = Rules { activation_min: hours(3), activation_max: hours(4), ..Rules::default() };
    assert_invalid(update(admin, setting(&before, wrong)).await, "rules.activation_min");
    assert_eq!(get_at(admin, CONTRIBUTOR, SUBSCRIPTION).await.unwrap(), before);
    let fit = Rules { activation_min: hours(2), activation_max: hours(4), ..Rules::default() };
    let set = update(admin, setting(&before, fit)).await.unwrap();
    // Nor is one refused by another scope's.
    let elsewhere = get_at(admin, ROLE, "/").await.unwrap();
    let wide = Rules { activation_min: hours(3), ..Rules::default() };
    update(admin, setting(&elsewhere, wide)).await.unwrap();
    assert_eq!(get_at(admin, CONTRIBUTOR, SUBSCRIPTION).await.unwrap(), set);
}

#[tokio::test]
async fn stages_that_only_one_person_twice_could_fill_are_refused() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let before = get(admin, ROLE).await.unwrap();
    let [eve, other_eve] = ground.accounts(["eve", "eve-admin"]).await;
    let (ada, gone) = (&ground.ada, ground.user("gone").await);
    ground.disable(&gone).await;
    let all = |people: &[&Person]| stage(ApprovalMode::AllOf, 0, people);
    let any = |people: &[&Person]| stage(ApprovalMode::AnyOf, 0, people);
    let two_of = |people: &[&Person]| stage(ApprovalMode::Quorum, 2, people);
    for unfit in [
        vec![all(&[ada]), all(&[ada])],
        vec![any(&[&eve]), any(&[&other_eve])],
        vec![two_of(&[&eve, &other_eve])],
        vec![two_of(&[&eve, &other_eve, &gone])],
        vec![any(&[ada, &eve]), any(&[ada, &eve]), any(&[ada, &other_eve])],
        vec![any(&[&gone])],
    ] {
        let answer = update(admin, setting(&before, of(unfit))).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER");
        assert_eq!(rules(&status), ["APPROVABLE"]);
        assert_eq!(get(admin, ROLE).await.unwrap(), before);
    }
    let mut policy = before;
    for fit in [
        vec![any(&[ada, &eve]), all(&[ada])],
        vec![any(&[ada, &gone])],
        vec![two_of(&[&eve, &other_eve, ada])],
    ] {
        policy = update(admin, setting(&policy, of(fit))).await.unwrap();
    }
    // A slot that nobody living can fill is one for a fallback approver, who counts once as well.
    let with = |fallback: &[&Person], stages_of| {
        let fallback_approver_ids = fallback.iter().map(|one| one.id.clone()).collect();
        let rule = ApprovalRule { fallback_approver_ids, ..stages(stages_of) };
        Rules { approval: Some(rule), ..Rules::default() }
    };
    policy = update(admin, setting(&policy, with(&[ada], vec![any(&[&gone])]))).await.unwrap();
    let twice = with(&[ada], vec![any(&[&gone]), all(&[ada])]);
    let answer = update(admin, setting(&policy, twice)).await;
    assert_refused(answer, Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER");
    let idle = with(&[ada], vec![all(&[&eve]), all(&[&other_eve])]);
    let answer = update(admin, setting(&policy, idle)).await;
    assert_refused(answer, Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER");
}

#[tokio::test]
async fn rules_that_cannot_be_enforced_are_named() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let before = get(admin, ROLE).await.unwrap();
    let holders = Rules { min_active_holders: Some(1), ..ticket() };
    let wide = setting(&before, holders);
    for (path, enforce, reset, unenforce) in [
        ("enforce_rules", &["require_mfa"][..], &[][..], &[][..]),
        ("enforce_rules", &["min_active_holders"], &[], &[]),
        ("enforce_rules[1]", &["require_ticket", "ticket"], &[], &[]),
        ("enforce_rules[1]", &["require_ticket", "require_ticket"], &[], &[]),
        ("enforce_rules[0]", &["approval"], &["approval"], &[]),
        ("unenforce_rules[0]", &["require_ticket"], &[], &["require_ticket"]),
        ("unenforce_rules[0]", &[], &[], &["ticket"]),
        ("reset_rules[0]", &[], &["require_ticket"], &[]),
    ] {
        let [enforce_rules, reset_rules, unenforce_rules] = [enforce, reset, unenforce].map(texts);
        let request =
            UpdatePolicyRequest { enforce_rules, reset_rules, unenforce_rules, ..wide.clone() };
        assert_invalid(update(admin, request).await, path);
    }
    assert_eq!(get(admin, ROLE).await.unwrap(), before);
}

#[tokio::test]
async fn each_field_that_is_out_of_range_or_malformed_is_named() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let before = get(admin, ROLE).await.unwrap();
    let ada = &*ground.ada.id;
    let many: Vec<String> = (0..51).map(|_| new_id()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let one = |mode, quorum, ids: &[&str]| of(vec![stage_of(mode, quorum, ids)]);
    let fallback = |ids: &[&str]| {
        let stages = vec![stage_of(ApprovalMode::AllOf, 0, &[ada])];
        let fallback_approver_ids = texts(ids);
        let rule = ApprovalRule { stages, fallback_approver_ids, ..ApprovalRule::default() };
        Rules { approval: Some(rule), ..Rules::default() }
    };
    let with_slot =
        |slot| of(vec![ApprovalStage { slots: vec![slot], ..ApprovalStage::default() }]);
    let mode = ApprovalStage { mode: 9, ..stage_of(ApprovalMode::AllOf, 0, &[ada]) };
    let context = |text: String| Rules {
        authentication_context: Some(text),
        require_mfa: Some(false),
        ..Rules::default()
    };
    let age = |age| Rules { mfa_max_age: Some(duration(age)), ..Rules::default() };
    let holders = |count| Rules { min_active_holders: Some(count), ..Rules::default() };
    let (all, any, quorum) = (ApprovalMode::AllOf, ApprovalMode::AnyOf, ApprovalMode::Quorum);
    let stage_of_many = |ids: &[&str]| stage_of(all, 0, ids);
    for (path, rules) in [
        ("rules.mfa_max_age", age(TimeDelta::seconds(-1))),
        ("rules.mfa_max_age", age(TimeDelta::days(30) + TimeDelta::microseconds(1))),
        ("rules.authentication_context", context("c".repeat(65))),
        ("rules.authentication_context", context("c\u{0}".to_owned())),
        ("rules.min_active_holders", holders(-1)),
        ("rules.min_active_holders", holders(101)),
        ("rules.approval.stages", of(vec![stage_of_many(&[ada]); 4])),
        (
            "rules.approval.stages",
            of(vec![stage_of_many(&many[..26]), stage_of_many(&many[26..]), stage_of_many(&[ada])]),
        ),
        ("rules.approval.stages[0].slots", one(all, 0, &many)),
        ("rules.approval.stages[0].slots", one(all, 0, &[])),
        ("rules.approval.stages[0].slots[0].user_id", with_slot(ApproverSlot::default())),
        ("rules.approval.stages[0].slots[1].user_id", one(all, 0, &[ada, "1"])),
        ("rules.approval.stages[0].quorum", one(all, 1, &[ada])),
        ("rules.approval.stages[0].quorum", one(any, 1, &[ada])),
        ("rules.approval.stages[0].quorum", one(quorum, 0, &[ada])),
        ("rules.approval.stages[0].quorum", one(quorum, -1, &[ada])),
        ("rules.approval.stages[0].quorum", one(quorum, 2, &[ada])),
        ("rules.approval.stages[0].mode", of(vec![mode])),
        ("rules.approval.fallback_approver_ids[0]", fallback(&["1"])),
        ("rules.approval.fallback_approver_ids[1]", fallback(&[ada, ada])),
        ("rules.approval.fallback_approver_ids", fallback(&many)),
    ] {
        let answer = update(admin, setting(&before, rules)).await;
        let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
        assert_eq!(fields(&status), [path]);
    }
    for scope in ["", "up", "//"] {
        let request = UpdatePolicyRequest { scope: scope.to_owned(), ..setting(&before, ticket()) };
        assert_invalid(update(admin, request).await, "scope");
        assert_invalid(get_at(admin, ROLE, scope).await, "scope");
        assert_invalid(in_force(admin, ROLE, scope).await, "scope");
    }
    assert_invalid(in_force(admin, "1", "/").await, "role_id");
    assert_eq!(get(admin, ROLE).await.unwrap(), before);
}
