//! The rules of `ActivateRole` as clients see them: each alone with its code, and all together.

use chrono::TimeDelta;
use pim_client::Refusal;
use pim_proto::{
    activation::v1::{ActivateRoleRequest, ActivationState, Ending, activate_role_request::Length},
    assignment::v1::{PrincipalKind, Rules},
    audit::v1::EventFilter,
    r#type::v1::Ticket,
};
use pim_tests::{
    Organisation, Person, all_of, assert_refused, duration, metadata, new_id, rules, timestamp,
};
use tonic::Code;

use crate::ground::{Ground, ROLE, SUBSCRIPTION, UNIT, activations_of, assert_state, stored};

const DENIED: (Code, &str) = (Code::FailedPrecondition, "POLICY_DENIED");

fn for_hours(hours: i64) -> Option<Length> {
    Some(Length::Duration(duration(TimeDelta::hours(hours))))
}

#[tokio::test]
async fn each_broken_rule_is_refused_and_stores_nothing() {
    type Spoil = fn(&mut ActivateRoleRequest);
    let Ground { world, ada, .. } = Ground::new().await;
    let spoiled: [(&str, &str, Spoil); 8] = [
        ("ROLE", "scope", |wish| wish.scope = SUBSCRIPTION.to_owned()),
        ("ELIGIBILITY", "role_id", |wish| wish.role_id = Organisation::CONTRIBUTOR.to_owned()),
        ("WINDOW", "start_time", |wish| wish.start_time.as_mut().unwrap().seconds += 1),
        ("WINDOW", "end_time", |wish| {
            let end = wish.start_time.take().unwrap().seconds - 31 * 86_400;
            let end = prost_types::Timestamp { seconds: end, nanos: 0 };
            wish.length = Some(Length::EndTime(end));
        }),
        ("EXPIRATION", "duration", |wish| {
            let over = TimeDelta::hours(8) + TimeDelta::microseconds(1);
            wish.length = Some(Length::Duration(duration(over)));
        }),
        ("EXPIRATION", "duration", |wish| {
            let under = TimeDelta::minutes(5) - TimeDelta::microseconds(1);
            wish.length = Some(Length::Duration(duration(under)));
        }),
        ("EXPIRATION", "end_time", |wish| {
            let end = wish.start_time.unwrap().seconds + 9 * 3_600;
            let end = prost_types::Timestamp { seconds: end, nanos: 0 };
            wish.length = Some(Length::EndTime(end));
        }),
        ("JUSTIFICATION", "justification", |wish| wish.justification = " \u{200b}\n".to_owned()),
    ];
    let latest = Some(timestamp(world.now() + TimeDelta::days(30)));
    for (rule, field, spoil) in spoiled {
        let mut wish = ActivateRoleRequest { start_time: latest, ..Person::wish(ROLE, "/") };
        if rule == "ELIGIBILITY" {
            wish.scope = SUBSCRIPTION.to_owned();
        }
        spoil(&mut wish);
        let (code, reason) = DENIED;
        let status = assert_refused(ada.activate(wish).await, code, reason);
        let broken: Vec<_> = Refusal::from_status(&status).violations;
        let broken: Vec<_> = broken.iter().map(|one| (&*one.rule, &*one.field)).collect();
        assert_eq!(broken, [(rule, field)]);
        assert_eq!(activations_of(&ada).await, []);
    }
    let wish = ActivateRoleRequest { start_time: latest, ..Person::wish(ROLE, "/") };
    ada.activate(wish).await.unwrap();
}

#[tokio::test]
async fn every_broken_rule_is_answered_at_once_in_the_fixed_order() {
    let ground = Ground::new().await;
    let Ground { world, org, ada, .. } = &ground;
    let live = ground.activated().await;
    let boss = ground.user("boss").await;
    let approval = Some(all_of(&[&boss]));
    let set = Rules { approval, require_ticket: Some(true), ..Rules::default() };
    org.set_policy(ROLE, set).await.unwrap();
    ground.disable(&boss).await;
    let wish = ActivateRoleRequest {
        eligibility_id: new_id(),
        start_time: Some(timestamp(world.now() + TimeDelta::days(31))),
        length: for_hours(9),
        justification: String::new(),
        ..Person::wish(ROLE, "/")
    };
    let answer = ada.weak.activations().activate_role(wish).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    let refusal = Refusal::from_status(&status);
    let broken: Vec<_> = refusal.violations.iter().map(|it| (&*it.rule, &*it.field)).collect();
    let expected = [
        ("ELIGIBILITY", "role_id"),
        ("WINDOW", "start_time"),
        ("EXPIRATION", "duration"),
        ("JUSTIFICATION", "justification"),
        ("TICKETING", "ticket"),
        ("MFA", "authorization"),
        ("OVERLAP", "scope"),
        ("APPROVABLE", "role_id"),
    ];
    assert_eq!(broken, expected);
    assert_eq!(refusal.violations[2].description, "limit: from PT5M to PT8H; given: PT9H");
    assert_eq!(metadata(&status, "activation_id"), live.id);
    assert_eq!(metadata(&status, "acr_values"), "mfa");
    assert_eq!(activations_of(ada).await, [live]);
}

#[tokio::test]
async fn only_step_up_missing_is_asked_for_and_the_same_request_works_after_it() {
    let Ground { ada, .. } = Ground::new().await;
    let request_id = new_id();
    let wish = ActivateRoleRequest { request_id, ..Person::wish(ROLE, "/") };
    let answer = ada.weak.activations().activate_role(wish.clone()).await;
    let status = assert_refused(answer, Code::Unauthenticated, "STEP_UP_REQUIRED");
    assert_eq!(rules(&status), ["MFA"]);
    assert_eq!(metadata(&status, "acr_values"), "mfa");
    assert_eq!(activations_of(&ada).await, []);
    assert_state(&ada.activate(wish).await.unwrap(), ActivationState::Active);
}

#[tokio::test]
async fn a_second_activation_of_the_same_target_names_the_live_one() {
    let ground = Ground::new().await;
    let live = ground.activated().await;
    let answer = ground.ada.activate(Person::wish(ROLE, "/")).await;
    let status = assert_refused(answer, Code::AlreadyExists, "ACTIVATION_LIVE");
    assert_eq!(rules(&status), ["OVERLAP"]);
    assert_eq!(metadata(&status, "activation_id"), live.id);
    assert_eq!(activations_of(&ground.ada).await, [live]);
    ground.ada.activate(Person::wish(ROLE, UNIT)).await.unwrap();
}

#[tokio::test]
async fn what_time_has_ended_does_not_stand_in_the_way() {
    let ground = Ground::new().await;
    let first = ground.activated().await;
    ground.world.advance(TimeDelta::hours(1));
    let second = ground.activated().await;
    let ended = stored(&ground.ada, &first).await;
    assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::Expired));
    assert_ne!(ended.etag, first.etag, "its end has been recorded");
    assert_state(&stored(&ground.ada, &second).await, ActivationState::Active);
}

#[tokio::test]
async fn a_booked_one_and_a_pending_one_stand_in_the_way() {
    let (ground, _) = Ground::with_approvers(["boss"]).await;
    let ahead = Some(timestamp(ground.world.now() + TimeDelta::hours(2)));
    let pending = ground.activated().await;
    assert_state(&pending, ActivationState::PendingApproval);
    let answer = ground.ada.activate(Person::wish(ROLE, "/")).await;
    assert_refused(answer, Code::AlreadyExists, "ACTIVATION_LIVE");
    ground.no_approval().await;
    let booked = ActivateRoleRequest { start_time: ahead, ..Person::wish(ROLE, UNIT) };
    ground.ada.activate(booked).await.unwrap();
    let answer = ground.ada.activate(Person::wish(ROLE, UNIT)).await;
    assert_refused(answer, Code::AlreadyExists, "ACTIVATION_LIVE");
    assert_eq!(activations_of(&ground.ada).await.len(), 2);
}

#[tokio::test]
async fn a_ticket_is_judged_by_the_pattern_of_the_policy() {
    let ground = Ground::new().await;
    let ticket_pattern = Some("INC-[0-9]+".to_owned());
    let set = Rules { require_ticket: Some(true), ticket_pattern, ..Rules::default() };
    ground.org.set_policy(ROLE, set).await.unwrap();
    let with = |number: &str| ActivateRoleRequest {
        ticket: Some(Ticket { number: number.to_owned(), system: "desk".to_owned() }),
        ..Person::wish(ROLE, "/")
    };
    for number in ["17", "INC-17 and more", "an INC-17"] {
        let answer = ground.ada.activate(with(number)).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
        assert_eq!(rules(&status), ["TICKETING"], "{number}");
    }
    assert_eq!(activations_of(&ground.ada).await, []);
    let activation = ground.ada.activate(with("INC-17")).await.unwrap();
    assert_eq!(activation.policy_revision, 1);
}

#[tokio::test]
async fn where_nobody_could_approve_nothing_is_asked() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    ground.org.make_eligible(&boss, ROLE, "/").await;
    let answer = boss.activate(Person::wish(ROLE, "/")).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER");
    assert_eq!(rules(&status), ["APPROVABLE"]);
    assert_eq!(activations_of(&boss).await, []);
    ground.disable(&boss).await;
    let answer = ground.ada.activate(Person::wish(ROLE, "/")).await;
    assert_refused(answer, Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER");
    assert_eq!(activations_of(&ground.ada).await, []);
}

#[tokio::test]
async fn a_service_principal_activates_nothing() {
    let ground = Ground::new().await;
    let kind = PrincipalKind::ServicePrincipal;
    let program = ground.org.principal(&ground.world, "backup", kind, None).await;
    let answer = program.activate(Person::wish(ROLE, "/")).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["PRINCIPAL", "ELIGIBILITY"]);
    assert_eq!(activations_of(&program).await, []);
}

#[tokio::test]
async fn a_refusal_is_in_the_log_and_a_dry_one_is_not() {
    let ground = Ground::new().await;
    let refusals = async || {
        let log = ground.org.log(EventFilter::default()).await;
        log.iter().filter(|event| event.reason == "POLICY_DENIED").count()
    };
    let too_long = ActivateRoleRequest { length: for_hours(9), ..Person::wish(ROLE, "/") };
    let dry = ActivateRoleRequest { validate_only: true, ..too_long.clone() };
    assert_refused(ground.ada.activate(dry).await, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(refusals().await, 0);
    assert_refused(ground.ada.activate(too_long).await, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(refusals().await, 1);
}
