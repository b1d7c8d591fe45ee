//! Conditional access: each condition in force must allow, by what the token and the connection say.

use chrono::TimeDelta;
use pim_client::{Client, Refusal};
use pim_domain::condition::Signals;
use pim_proto::{
    activation::v1::{
        ActivateRoleRequest, Activation, ActivationState, Ending, ExtendActivationRequest,
        activate_role_request::Length, extend_activation_request::Length as Longer,
    },
    assignment::v1::{Conditions, Rules},
    r#type::v1::Ticket,
};
use pim_tests::{Person, all_of, assert_refused, duration, metadata, new_id, rules, timestamp};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, UNIT, activations_of, assert_state, stored};

fn when(expression: &str) -> String {
    format!("permit (principal, action, resource) when {{ {expression} }};")
}

fn conditions(expressions: &[&str]) -> Rules {
    let policies = expressions.iter().map(|expression| when(expression)).collect();
    Rules { conditions: Some(Conditions { policies }), ..Rules::default() }
}

async fn ask(client: &Client, wish: ActivateRoleRequest) -> Result<Activation, Status> {
    Ok(client.activations().activate_role(wish).await?.into_inner().activation.unwrap())
}

/// What is said of the broken condition.
#[track_caller]
fn assert_condition<T>(answer: Result<T, Status>, said: &str) {
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["CONDITIONS"]);
    let broken = Refusal::from_status(&status).violations.remove(0);
    assert_eq!(broken.field, "authorization");
    assert!(broken.description.contains(said), "{}", broken.description);
}

impl Ground {
    async fn on_condition(&self, scope: &str, expressions: &[&str]) {
        let rules = conditions(expressions);
        self.org.set_policy_at(ROLE, scope, rules, &[]).await.unwrap();
    }

    fn signed_in(&self, known: Signals) -> Client {
        self.ada.signed_in_with(&self.world, Some(self.world.now()), known)
    }
}

#[tokio::test]
async fn what_the_token_says_of_the_device_decides() {
    let ground = Ground::new().await;
    let compliant = "context.device has compliant && context.device.compliant";
    ground.on_condition("/", &[compliant]).await;
    for device_compliant in [None, Some(false)] {
        let client = ground.signed_in(Signals { device_compliant, ..Signals::default() });
        assert_condition(ask(&client, Person::wish(ROLE, "/")).await, "conditions[0] does not");
    }
    assert_eq!(activations_of(&ground.ada).await, []);
    let device_compliant = Some(true);
    let client = ground.signed_in(Signals { device_compliant, ..Signals::default() });
    assert_state(&ask(&client, Person::wish(ROLE, "/")).await.unwrap(), ActivationState::Active);
}

#[tokio::test]
async fn the_address_is_that_of_the_connection() {
    let ground = Ground::new().await;
    ground
        .on_condition("/", &[r#"context has ip && context.ip.isInRange(ip("10.0.0.0/8"))"#])
        .await;
    assert_condition(ground.ada.activate(Person::wish(ROLE, "/")).await, "conditions[0]");
    ground.on_condition("/", &[r#"context has ip && context.ip == ip("127.0.0.1")"#]).await;
    ground.activated().await;
}

#[tokio::test]
async fn hours_and_days_are_those_of_the_start_in_utc() {
    let ground = Ground::new().await;
    ground.on_condition("/", &["context.hour >= 8 && context.hour < 18"]).await;
    let noon = ground.world.now();
    let at = |hours| ActivateRoleRequest {
        start_time: Some(timestamp(noon + TimeDelta::hours(hours))),
        validate_only: true,
        ..Person::wish(ROLE, "/")
    };
    for hours in [6, 8, 19] {
        assert_condition(ground.ada.activate(at(hours)).await, "conditions[0]");
    }
    for hours in [0, 5, 20] {
        ground.ada.activate(at(hours)).await.unwrap();
    }
}

#[tokio::test]
async fn the_conditions_of_both_scopes_apply_and_one_that_is_enforced_binds_below() {
    let ground = Ground::new().await;
    ground.on_condition("/", &[r#"context.acrs.contains("c1")"#]).await;
    ground.on_condition(UNIT, &[r#"context.acrs.contains("c2")"#]).await;
    let try_with = async |contexts: &[&str]| {
        let client = ground.ada.signed_in(&ground.world, None, contexts);
        let wish = ActivateRoleRequest { validate_only: true, ..Person::wish(ROLE, UNIT) };
        ask(&client, wish).await
    };
    // Ada's eligibility is at the root.
    for contexts in [&[][..], &["c1"], &["c2"]] {
        assert_condition(try_with(contexts).await, "does not");
    }
    try_with(&["c1", "c2"]).await.unwrap();
    // On an eligibility of the scope only its own applies, until the one above is enforced.
    ground.org.make_eligible(&ground.ada, ROLE, UNIT).await;
    try_with(&["c2"]).await.unwrap();
    let same = conditions(&[r#"context.acrs.contains("c1")"#]);
    ground.org.set_policy_at(ROLE, "/", same, &["conditions"]).await.unwrap();
    assert_condition(try_with(&["c2"]).await, "does not");
    try_with(&["c1", "c2"]).await.unwrap();
}

#[tokio::test]
async fn the_ticket_and_the_length_are_those_that_were_asked_for() {
    let ground = Ground::new().await;
    let by_ticket =
        r#"context.duration <= 3600 || (context has ticket && context.ticket.system == "desk")"#;
    ground.on_condition("/", &[by_ticket]).await;
    let wish = |hours, system: &str| ActivateRoleRequest {
        length: Some(Length::Duration(duration(TimeDelta::hours(hours)))),
        ticket: Some(Ticket { number: "7".to_owned(), system: system.to_owned() }),
        validate_only: true,
        ..Person::wish(ROLE, "/")
    };
    assert_condition(ground.ada.activate(wish(2, "other")).await, "conditions[0]");
    ground.ada.activate(wish(1, "other")).await.unwrap();
    ground.ada.activate(wish(2, "desk")).await.unwrap();
}

#[tokio::test]
async fn a_condition_that_cannot_be_evaluated_denies_and_says_why() {
    let ground = Ground::new().await;
    ground.on_condition("/", &["context.mfa", "context.duration * 9223372036854775807 > 0"]).await;
    let said = "conditions[1] cannot be evaluated: integer overflow";
    assert_condition(ground.ada.activate(Person::wish(ROLE, "/")).await, said);
}

#[tokio::test]
async fn beside_a_step_up_both_are_listed() {
    let ground = Ground::new().await;
    ground.on_condition("/", &["context.mfa"]).await;
    let request_id = new_id();
    let wish = ActivateRoleRequest { request_id, ..Person::wish(ROLE, "/") };
    let answer = ask(&ground.ada.weak, wish.clone()).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["MFA", "CONDITIONS"]);
    assert_eq!(metadata(&status, "acr_values"), "mfa");
    ground.ada.activate(wish).await.unwrap();
}

#[tokio::test]
async fn a_booked_one_is_judged_again_by_what_was_known_of_the_sign_in() {
    let ground = Ground::new().await;
    let wish = ActivateRoleRequest {
        start_time: Some(timestamp(ground.world.now() + TimeDelta::hours(2))),
        ..Person::wish(ROLE, "/")
    };
    let from = |country: &str| {
        ground.signed_in(Signals { country: Some(country.to_owned()), ..Signals::default() })
    };
    let elsewhere = ActivateRoleRequest { scope: UNIT.to_owned(), ..wish.clone() };
    let here = ask(&from("SE"), wish).await.unwrap();
    let there = ask(&from("NO"), elsewhere).await.unwrap();
    // Neither was asked for under this condition; both have to pass it when they begin.
    ground.on_condition("/", &[r#"context has country && context.country == "SE""#]).await;
    ground.world.advance(TimeDelta::hours(2));
    ground.world.settle().await;
    assert_state(&stored(&ground.ada, &here).await, ActivationState::Active);
    let void = stored(&ground.ada, &there).await;
    assert_eq!((void.state(), void.ending()), (ActivationState::Ended, Ending::Void));
    assert_eq!(void.void_rules, ["CONDITIONS"]);
}

#[tokio::test]
async fn an_approved_one_is_judged_again_by_when_it_begins() {
    let ground = Ground::new().await;
    let boss = ground.user("boss").await;
    let approval = Some(all_of(&[&boss]));
    let rules = Rules { approval, ..conditions(&["context.hour < 18"]) };
    ground.org.set_policy(ROLE, rules).await.unwrap();
    let pending = ground.activated().await;
    ground.world.advance(TimeDelta::hours(7));
    boss.approve(&ground.waiting(&boss).await).await.unwrap();
    let void = stored(&ground.ada, &pending).await;
    assert_eq!(void.void_rules, ["CONDITIONS"]);
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn an_extension_is_judged_by_the_sign_in_and_the_hour_of_its_own() {
    let ground = Ground::new().await;
    let expressions = ["context.hour < 18", r#"context has risk && context.risk == "low""#];
    ground.on_condition("/", &expressions).await;
    let at_risk = |risk: &str| {
        ground.signed_in(Signals { risk: Some(risk.to_owned()), ..Signals::default() })
    };
    let length = Length::Duration(duration(TimeDelta::hours(7)));
    let wish = ActivateRoleRequest { length: Some(length), ..Person::wish(ROLE, "/") };
    let activation = ask(&at_risk("low"), wish).await.unwrap();
    let longer = || ExtendActivationRequest {
        activation_id: activation.id.clone(),
        length: Some(Longer::Duration(duration(TimeDelta::minutes(10)))),
        justification: "not done".to_owned(),
        validate_only: true,
        ..ExtendActivationRequest::default()
    };
    let high = at_risk("high").activations().extend_activation(longer()).await;
    assert_condition(high, "conditions[1]");
    at_risk("low").activations().extend_activation(longer()).await.unwrap();
    ground.world.advance(TimeDelta::hours(6) + TimeDelta::minutes(30));
    let late = at_risk("low").activations().extend_activation(longer()).await;
    assert_condition(late, "conditions[0]");
}
