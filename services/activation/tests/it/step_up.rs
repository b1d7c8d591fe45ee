//! What is asked of a sign-in: exact codes and what to ask the identity provider for (RFC 9470).

use std::collections::HashMap;

use chrono::TimeDelta;
use pim_client::Refusal;
use pim_proto::{
    activation::v1::{ActivateRoleRequest, ActivationState},
    assignment::v1::Rules,
};
use pim_tests::{Person, assert_refused, duration, metadata, new_id, rules};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, UNIT, activations_of, assert_state};

fn max_age(seconds: i64) -> Option<prost_types::Duration> {
    Some(duration(TimeDelta::seconds(seconds)))
}

fn context(name: &str) -> Rules {
    Rules {
        authentication_context: Some(name.to_owned()),
        require_mfa: Some(false),
        ..Rules::default()
    }
}

/// What the identity provider is to be asked for.
fn wanted(status: &Status) -> [Option<String>; 2] {
    let metadata: HashMap<String, String> =
        Refusal::from_status(status).metadata.into_iter().collect();
    ["acr_values", "max_age"].map(|key| metadata.get(key).cloned())
}

fn asked(values: &str, age: &str) -> [Option<String>; 2] {
    [values, age].map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()))
}

impl Ground {
    async fn step_up(&self, scope: &str, rules: Rules) {
        self.org.set_policy_at(ROLE, scope, rules, &[]).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_second_factor_one_is_asked_for() {
    let ground = Ground::new().await;
    let answer = ground.ada.weak.activations().activate_role(Person::wish(ROLE, "/")).await;
    let status = assert_refused(answer, Code::Unauthenticated, "STEP_UP_REQUIRED");
    assert_eq!(wanted(&status), asked("mfa", ""));
}

#[tokio::test]
async fn a_stale_sign_in_is_asked_for_again_and_the_same_request_works_after_it() {
    let ground = Ground::new().await;
    ground.step_up("/", Rules { mfa_max_age: max_age(300), ..Rules::default() }).await;
    let wish = ActivateRoleRequest { request_id: new_id(), ..Person::wish(ROLE, "/") };
    let now = ground.world.now();
    let ago = |seconds| Some(now - TimeDelta::seconds(seconds));
    // Multi-factor authentication was, but long ago, or nobody knows when.
    for time in [ago(301), ago(86_400), None] {
        let client = ground.ada.signed_in(&ground.world, time, &[]);
        let answer = client.activations().activate_role(wish.clone()).await;
        let status = assert_refused(answer, Code::Unauthenticated, "STEP_UP_REQUIRED");
        assert_eq!(rules(&status), ["MFA"]);
        assert_eq!(wanted(&status), asked("mfa", "300"));
    }
    assert_eq!(activations_of(&ground.ada).await, []);
    let fresh = ground.ada.signed_in(&ground.world, ago(300), &[]);
    let first = fresh.activations().activate_role(wish.clone()).await.unwrap().into_inner();
    assert_state(first.activation.as_ref().unwrap(), ActivationState::Active);
    let again = fresh.activations().activate_role(wish).await.unwrap().into_inner();
    assert_eq!(again.activation, first.activation, "a repeat gets the first answer");
}

#[tokio::test]
async fn an_age_of_zero_is_asked_for_as_zero() {
    let ground = Ground::new().await;
    let rules = Rules { mfa_max_age: max_age(0), require_mfa: Some(false), ..Rules::default() };
    ground.step_up("/", rules).await;
    let old = ground.world.now() - TimeDelta::seconds(61);
    let client = ground.ada.signed_in(&ground.world, Some(old), &[]);
    let answer = client.activations().activate_role(Person::wish(ROLE, "/")).await;
    let status = assert_refused(answer, Code::Unauthenticated, "STEP_UP_REQUIRED");
    assert_eq!(wanted(&status), asked("", "0"));
}

#[tokio::test]
async fn a_sign_in_that_is_to_come_is_no_sign_in() {
    let ground = Ground::new().await;
    ground.step_up("/", Rules { mfa_max_age: max_age(300), ..Rules::default() }).await;
    let to_come = ground.world.now() + TimeDelta::seconds(60);
    let client = ground.ada.signed_in(&ground.world, Some(to_come), &[]);
    let answer = client.activations().activate_role(Person::wish(ROLE, "/")).await;
    assert_refused(answer, Code::Unauthenticated, "CREDENTIAL_INVALID");
    assert_eq!(activations_of(&ground.ada).await, []);
}

#[tokio::test]
async fn the_contexts_of_both_scopes_are_asked_for_together() {
    let ground = Ground::new().await;
    ground.step_up("/", context("c1")).await;
    ground.step_up(UNIT, Rules { mfa_max_age: max_age(60), ..context("c2") }).await;
    let now = Some(ground.world.now());
    // Also those that are satisfied: the next sign-in is another one.
    for contexts in [&[][..], &["c1"], &["c2"]] {
        let client = ground.ada.signed_in(&ground.world, now, contexts);
        let answer = client.activations().activate_role(Person::wish(ROLE, UNIT)).await;
        let status = assert_refused(answer, Code::Unauthenticated, "STEP_UP_REQUIRED");
        let [values, age] = wanted(&status);
        let mut values: Vec<_> = values.as_deref().unwrap().split(' ').collect();
        values.sort_unstable();
        assert_eq!((values, age.as_deref()), (vec!["c1", "c2"], Some("60")), "{contexts:?}");
    }
    let client = ground.ada.signed_in(&ground.world, now, &["c1", "c2"]);
    client.activations().activate_role(Person::wish(ROLE, UNIT)).await.unwrap();
}

#[tokio::test]
async fn with_another_rule_broken_all_are_listed_and_what_to_sign_in_with_as_well() {
    let ground = Ground::new().await;
    ground.step_up("/", Rules { mfa_max_age: max_age(300), ..Rules::default() }).await;
    let wish = ActivateRoleRequest { justification: String::new(), ..Person::wish(ROLE, "/") };
    let answer = ground.ada.weak.activations().activate_role(wish).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["JUSTIFICATION", "MFA"]);
    assert_eq!(metadata(&status, "rules"), "JUSTIFICATION,MFA");
    assert_eq!(wanted(&status), asked("mfa", "300"));
}
