//! By which policy a request is judged: the stricter of two scopes, of two revisions, and of how
//! the requester had signed in.

use chrono::TimeDelta;
use pim_client::Refusal;
use pim_proto::{
    activation::v1::{
        ActivateRoleRequest, ActivateRoleResponse, ActivationState, Ending,
        activate_role_request::Length,
    },
    approval::v1::ApprovalState,
    assignment::v1::{ApprovalMode, ApprovalRule, Rules},
};
use pim_tests::{
    Person, all_of, assert_refused, duration, metadata, new_id, rules, stage, stages, timestamp,
};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, UNIT, activations_of, assert_state, stored};

/// Another scope beside `UNIT`.
const OTHER: &str = "/administrativeUnits/0c9f4f0e-5bb0-4a63-9c32-6f8f1b7f2c22";

fn hours(hours: i64) -> Option<prost_types::Duration> {
    Some(duration(TimeDelta::hours(hours)))
}

fn for_minutes(minutes: i64, scope: &str) -> ActivateRoleRequest {
    let length = Some(Length::Duration(duration(TimeDelta::minutes(minutes))));
    ActivateRoleRequest { length, ..Person::wish(ROLE, scope) }
}

impl Ground {
    async fn set_at(&self, scope: &str, rules: Rules) {
        self.org.set_policy_at(ROLE, scope, rules, &[]).await.unwrap();
    }

    async fn tried(&self, wish: ActivateRoleRequest) -> Result<ActivateRoleResponse, Status> {
        let wish = ActivateRoleRequest { validate_only: true, ..wish };
        Ok(self.ada.client.activations().activate_role(wish).await?.into_inner())
    }
}

#[tokio::test]
async fn below_its_eligibility_the_stricter_of_both_policies_applies() {
    let ground = Ground::new().await;
    let wide = Rules { activation_max: hours(2), require_ticket: Some(true), ..Rules::default() };
    ground.set_at("/", wide).await;
    let lax = Rules {
        activation_max: hours(4),
        activation_min: Some(duration(TimeDelta::minutes(20))),
        require_ticket: Some(false),
        ..Rules::default()
    };
    ground.set_at(UNIT, lax).await;
    // It rests on an eligibility at the root: both policies count.
    for minutes in [121, 19] {
        let answer = ground.ada.activate(for_minutes(minutes, UNIT)).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
        assert_eq!(rules(&status), ["EXPIRATION", "TICKETING"]);
        let broken = Refusal::from_status(&status).violations;
        assert!(broken[0].description.contains("from PT20M to PT2H"), "{broken:?}");
    }
    // On one that is as near as the activation only the policy there counts.
    ground.org.make_eligible(&ground.ada, ROLE, UNIT).await;
    let near = ground.ada.activate(for_minutes(239, UNIT)).await.unwrap();
    assert_state(&near, ActivationState::Active);
    // What is set there says nothing of elsewhere.
    let answer = ground.tried(for_minutes(19, OTHER)).await;
    assert_eq!(rules(&answer.unwrap_err()), ["TICKETING"]);
}

#[tokio::test]
async fn below_its_eligibility_the_approvers_of_both_policies_must_approve() {
    let ground = Ground::new().await;
    let (boss, chief) = (ground.user("boss").await, ground.user("chief").await);
    for (scope, approver) in [("/", &boss), (UNIT, &chief)] {
        ground
            .set_at(scope, Rules { approval: Some(all_of(&[approver])), ..Rules::default() })
            .await;
    }
    let activation = ground.ada.activate(Person::wish(ROLE, UNIT)).await.unwrap();
    let approval = ground.waiting(&boss).await;
    let asked: Vec<_> = approval.rules.iter().map(|rule| rule.stages.len()).collect();
    assert_eq!(asked, [1, 1], "two rules of a stage each");
    let pending = boss.approve(&approval).await.unwrap();
    assert_eq!(pending.state(), ApprovalState::Pending);
    assert!(!ground.ada.holds(ROLE, UNIT).await);
    let approved = chief.approve(&ground.waiting(&chief).await).await.unwrap();
    assert_eq!(approved.state(), ApprovalState::Approved);
    assert_state(&stored(&ground.ada, &activation).await, ActivationState::Active);
}

#[tokio::test]
async fn where_a_fresh_sign_in_is_asked_for_an_old_one_has_to_be_renewed() {
    let ground = Ground::new().await;
    let zero = Some(duration(TimeDelta::zero()));
    ground.set_at("/", Rules { mfa_max_age: zero, ..Rules::default() }).await;
    let now = ground.world.now();
    let request_id = new_id();
    let wish = ActivateRoleRequest { request_id, ..Person::wish(ROLE, "/") };
    let old = Some(now - TimeDelta::seconds(61));
    for time in [None, old] {
        let client = ground.ada.signed_in(&ground.world, time, &[]);
        let answer = client.activations().activate_role(wish.clone()).await;
        let status = assert_refused(answer, Code::Unauthenticated, "STEP_UP_REQUIRED");
        assert_eq!(rules(&status), ["MFA"]);
    }
    assert_eq!(activations_of(&ground.ada).await, []);
    // Coming back from the sign-in takes time, and the same request works after it.
    for age in [0, 60] {
        let time = Some(now - TimeDelta::seconds(age));
        let client = ground.ada.signed_in(&ground.world, time, &[]);
        let dry = ActivateRoleRequest { validate_only: true, ..wish.clone() };
        client.activations().activate_role(dry).await.unwrap();
    }
    let fresh = ground.ada.signed_in(&ground.world, Some(now), &[]);
    fresh.activations().activate_role(wish).await.unwrap();
    assert!(ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn a_sign_in_may_be_as_old_as_the_policy_says() {
    let ground = Ground::new().await;
    ground.set_at("/", Rules { mfa_max_age: hours(1), ..Rules::default() }).await;
    let now = ground.world.now();
    for (age, fits) in [(TimeDelta::hours(1), true), (TimeDelta::seconds(3_601), false)] {
        let client = ground.ada.signed_in(&ground.world, Some(now - age), &[]);
        let dry = ActivateRoleRequest { validate_only: true, ..Person::wish(ROLE, "/") };
        let answer = client.activations().activate_role(dry).await;
        assert_eq!(answer.is_ok(), fits, "{answer:?}");
    }
    // Together with another broken rule it is a denial and no wish to step up.
    let wish = ActivateRoleRequest { justification: String::new(), ..Person::wish(ROLE, "/") };
    let status =
        assert_refused(ground.ada.activate(wish).await, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["JUSTIFICATION", "MFA"]);
}

#[tokio::test]
async fn a_sign_in_ages_until_it_is_asked_and_not_while_the_approvers_take_their_time() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    ground.set_at("/", Rules { mfa_max_age: hours(1), ..Rules::default() }).await;
    let fresh = ground.ada.signed_in(&ground.world, Some(ground.world.now()), &[]);
    let answer = fresh.activations().activate_role(Person::wish(ROLE, "/")).await.unwrap();
    let activation = answer.into_inner().activation.unwrap();
    ground.world.advance(TimeDelta::hours(20));
    boss.approve(&ground.waiting(&boss).await).await.unwrap();
    assert_state(&stored(&ground.ada, &activation).await, ActivationState::Active);
}

#[tokio::test]
async fn a_sign_in_has_to_satisfy_the_authentication_contexts_of_both_scopes() {
    let ground = Ground::new().await;
    let context = |name: &str| Rules {
        authentication_context: Some(name.to_owned()),
        require_mfa: Some(false),
        ..Rules::default()
    };
    ground.set_at("/", context("c1")).await;
    ground.set_at(UNIT, context("c2")).await;
    for contexts in [&[][..], &["c1"], &["c2"], &["c3", "c1"]] {
        let client = ground.ada.signed_in(&ground.world, None, contexts);
        let answer = client.activations().activate_role(Person::wish(ROLE, UNIT)).await;
        let status = assert_refused(answer, Code::Unauthenticated, "STEP_UP_REQUIRED");
        assert_eq!(rules(&status), ["AUTHENTICATION_CONTEXT"]);
        assert_eq!(metadata(&status, "rules"), "AUTHENTICATION_CONTEXT");
    }
    let client = ground.ada.signed_in(&ground.world, None, &["c2", "c1"]);
    client.activations().activate_role(Person::wish(ROLE, UNIT)).await.unwrap();
    assert!(ground.ada.holds(ROLE, UNIT).await);
}

#[tokio::test]
async fn a_dry_run_says_who_could_approve_and_writes_nothing() {
    let ground = Ground::new().await;
    let users = [ground.user("boss").await, ground.user("chief").await, ground.user("dora").await];
    let [boss, chief, dora] = &users;
    let answer = ground.tried(Person::wish(ROLE, "/")).await.unwrap();
    assert_eq!(answer.possible_approver_ids, [""; 0], "nobody has to");
    let any = |people: &[&Person]| stage(ApprovalMode::AnyOf, 0, people);
    // Ada never approves what she asks for.
    let rule = ApprovalRule {
        fallback_approver_ids: vec![dora.id.clone()],
        ..stages(vec![any(&[boss, &ground.ada]), any(&[chief])])
    };
    let narrow = Rules { approval: Some(rule), ..Rules::default() };
    ground.set_at(UNIT, narrow).await;
    let answer = ground.tried(Person::wish(ROLE, UNIT)).await.unwrap();
    let mut expected = [boss, chief, dora].map(|person| person.id.clone());
    let mut shown = answer.possible_approver_ids;
    expected.sort();
    shown.sort();
    assert_eq!(shown, expected, "a slot that only the requester has is one for a fallback");
    let activation = answer.activation.unwrap();
    assert_state(&activation, ActivationState::PendingApproval);
    assert_eq!(activations_of(&ground.ada).await, []);
    for person in &users {
        assert_eq!(person.inbox().await, []);
    }
    let wet = ground.ada.client.activations().activate_role(Person::wish(ROLE, UNIT)).await;
    assert_eq!(wet.unwrap().into_inner().possible_approver_ids, [""; 0]);
}

#[tokio::test]
async fn a_booked_one_is_judged_by_the_newest_approvers_at_its_start() {
    let ground = Ground::new().await;
    let (boss, chief) = (ground.user("boss").await, ground.user("chief").await);
    let start_time = Some(timestamp(ground.world.now() + TimeDelta::hours(2)));
    let wish = ActivateRoleRequest { start_time, ..Person::wish(ROLE, "/") };
    let unapproved = ground.ada.activate(wish.clone()).await.unwrap();
    assert_state(&unapproved, ActivationState::Scheduled);
    ground.org.require_approval(ROLE, &[&boss]).await;
    let wish = ActivateRoleRequest { scope: UNIT.to_owned(), ..wish };
    let approved = ground.ada.activate(wish.clone()).await.unwrap();
    boss.approve(&ground.waiting(&boss).await).await.unwrap();
    assert_state(&stored(&ground.ada, &approved).await, ActivationState::Scheduled);
    ground.world.advance(TimeDelta::hours(2));
    ground.world.settle().await;
    let ended = stored(&ground.ada, &unapproved).await;
    assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::Void));
    assert_eq!(ended.void_rules, ["APPROVABLE"], "nobody has approved it");
    assert!(!ground.ada.holds(ROLE, "/").await);
    assert_state(&stored(&ground.ada, &approved).await, ActivationState::Active);
    ground.ada.deactivate(&approved.id).await.unwrap();
    // Of what was approved, by whom else the newest policy asks for.
    let start_time = Some(timestamp(ground.world.now() + TimeDelta::hours(2)));
    let booked = ground.ada.activate(ActivateRoleRequest { start_time, ..wish }).await.unwrap();
    boss.approve(&ground.waiting(&boss).await).await.unwrap();
    ground.org.require_approval(ROLE, &[&boss, &chief]).await;
    ground.world.advance(TimeDelta::hours(2));
    ground.world.settle().await;
    assert_eq!(stored(&ground.ada, &booked).await.void_rules, ["APPROVABLE"]);
}

#[tokio::test]
async fn a_pending_one_is_void_when_those_who_are_left_cannot_approve_it() {
    let ground = Ground::new().await;
    let (boss, chief) = (ground.user("boss").await, ground.user("chief").await);
    ground.org.require_approval(ROLE, &[&boss, &chief]).await;
    let asked = ground.activated().await;
    boss.approve(&ground.waiting(&boss).await).await.unwrap();
    ground.disable(&chief).await;
    ground.world.settle().await;
    let ended = stored(&ground.ada, &asked).await;
    assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::Void));
    assert_eq!(ended.void_rules, ["APPROVABLE"]);
    ground.enable(&chief).await;
    assert_eq!(chief.inbox().await, [], "it is over");
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn a_pending_one_stays_while_those_who_are_left_can_approve_it() {
    let ground = Ground::new().await;
    let (boss, chief) = (ground.user("boss").await, ground.user("chief").await);
    let any = stages(vec![stage(ApprovalMode::AnyOf, 0, &[&boss, &chief])]);
    ground.set_at("/", Rules { approval: Some(any), ..Rules::default() }).await;
    let asked = ground.activated().await;
    ground.disable(&chief).await;
    ground.world.settle().await;
    assert_eq!(stored(&ground.ada, &asked).await, asked);
    boss.approve(&ground.waiting(&boss).await).await.unwrap();
    assert_state(&stored(&ground.ada, &asked).await, ActivationState::Active);
}
