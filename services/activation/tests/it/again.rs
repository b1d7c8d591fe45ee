//! `ResolveActivation`: the approvers' word is read, and everything is judged again.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{
        ActivateRoleRequest, Activation, ActivationState, Ending, ResolveActivationRequest,
        activate_role_request::Length,
    },
    assignment::v1::Rules,
};
use pim_tests::{Person, assert_refused, duration, metadata, timestamp};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, assert_state, stored};

impl Ground {
    async fn resolve(&self, activation: &Activation) -> Result<Activation, Status> {
        let request = ResolveActivationRequest {
            tenant_id: self.org.tenant.to_string(),
            activation_id: activation.id.clone(),
        };
        let approval = self.world.service("approval");
        let answer = approval.activations().resolve_activation(request).await?;
        Ok(answer.into_inner().activation.unwrap())
    }

    async fn assert_void(&self, activation: &Activation, rules: &[&str]) {
        let ended = self.resolve(activation).await.unwrap();
        assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::Void));
        assert_eq!(ended.void_rules, rules);
        assert_eq!((ended.start_time, ended.end_time), (None, None));
        assert_eq!(stored(&self.ada, activation).await, ended);
        assert!(!self.ada.holds(ROLE, "/").await);
        let answer = self.resolve(activation).await;
        assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    }
}

#[tokio::test]
async fn where_approval_is_needed_nothing_is_held_before_it() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let activation = ground.activated().await;
    assert_state(&activation, ActivationState::PendingApproval);
    assert_eq!((activation.start_time, activation.end_time), (None, None));
    assert_eq!(activation.policy_revision, 1);
    assert!(!ground.ada.holds(ROLE, "/").await);
    assert_eq!(ground.waiting(&boss).await.activation_id, activation.id);
}

#[tokio::test]
async fn a_bell_is_no_evidence() {
    let (ground, [boss, _]) = Ground::with_approvers(["boss", "chief"]).await;
    let activation = ground.activated().await;
    let answer = ground.resolve(&activation).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "thing"), "approval");
    assert_eq!(metadata(&status, "state"), "PENDING");
    let approval = ground.waiting(&boss).await;
    ground.approve_unheard(&boss, &approval).await;
    let answer = ground.resolve(&activation).await;
    assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(stored(&ground.ada, &activation).await, activation);
}

#[tokio::test]
async fn approved_it_begins_now_and_lasts_as_long_as_was_asked() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let activation = ground.activated().await;
    ground.world.advance(TimeDelta::hours(5));
    let approval = ground.waiting(&boss).await;
    ground.approve_unheard(&boss, &approval).await;
    ground.world.advance(TimeDelta::minutes(1));
    assert!(!ground.ada.holds(ROLE, "/").await);
    let active = ground.resolve(&activation).await.unwrap();
    let now = ground.world.now();
    let expected = Activation {
        state: ActivationState::Active.into(),
        start_time: Some(timestamp(now)),
        end_time: Some(timestamp(now + TimeDelta::hours(1))),
        update_time: Some(timestamp(now)),
        etag: active.etag.clone(),
        ..activation.clone()
    };
    assert_eq!(active, expected);
    assert!(ground.ada.holds(ROLE, "/").await);
    let answer = ground.resolve(&activation).await;
    assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(stored(&ground.ada, &activation).await, active);
}

#[tokio::test]
async fn waiting_does_not_move_an_asked_end() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let end = timestamp(ground.world.now() + TimeDelta::hours(2));
    let length = Some(Length::EndTime(end));
    let wish = ActivateRoleRequest { length, ..Person::wish(ROLE, "/") };
    let activation = ground.ada.activate(wish).await.unwrap();
    ground.world.advance(TimeDelta::hours(1));
    boss.approve(&ground.waiting(&boss).await).await.unwrap();
    let active = stored(&ground.ada, &activation).await;
    assert_eq!(active.start_time, Some(timestamp(ground.world.now())));
    assert_eq!(active.end_time, Some(end));
}

#[tokio::test]
async fn an_asked_end_that_has_passed_is_void() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let end = timestamp(ground.world.now() + TimeDelta::hours(2));
    let length = Some(Length::EndTime(end));
    let wish = ActivateRoleRequest { length, ..Person::wish(ROLE, "/") };
    let activation = ground.ada.activate(wish).await.unwrap();
    ground.approve_unheard(&boss, &ground.waiting(&boss).await).await;
    ground.world.advance(TimeDelta::hours(2));
    ground.assert_void(&activation, &["WINDOW"]).await;
}

#[tokio::test]
async fn a_booked_start_is_kept_where_approval_came_before_it() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let start_time = Some(timestamp(ground.world.now() + TimeDelta::hours(6)));
    let wish = ActivateRoleRequest { start_time, ..Person::wish(ROLE, "/") };
    let activation = ground.ada.activate(wish).await.unwrap();
    assert_state(&activation, ActivationState::PendingApproval);
    boss.approve(&ground.waiting(&boss).await).await.unwrap();
    let booked = stored(&ground.ada, &activation).await;
    assert_state(&booked, ActivationState::Scheduled);
    assert_eq!((booked.start_time, booked.end_time), (start_time, None));
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn denied_it_has_ended() {
    let (ground, [boss, _]) = Ground::with_approvers(["boss", "chief"]).await;
    let activation = ground.activated().await;
    boss.deny(&ground.waiting(&boss).await).await.unwrap();
    let ended = stored(&ground.ada, &activation).await;
    assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::Denied));
    assert_eq!(ended.ended_time, Some(timestamp(ground.world.now())));
    assert!(!ground.ada.holds(ROLE, "/").await);
    ground.activated().await;
}

#[tokio::test]
async fn a_yes_of_somebody_who_was_disabled_since_does_not_count() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let activation = ground.activated().await;
    ground.approve_unheard(&boss, &ground.waiting(&boss).await).await;
    ground.disable(&boss).await;
    ground.assert_void(&activation, &["APPROVABLE"]).await;
}

#[tokio::test]
async fn an_approver_whom_the_policy_names_since_must_have_said_yes() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let chief = ground.user("chief").await;
    let activation = ground.activated().await;
    ground.approve_unheard(&boss, &ground.waiting(&boss).await).await;
    ground.org.require_approval(ROLE, &[&boss, &chief]).await;
    ground.assert_void(&activation, &["APPROVABLE"]).await;
}

#[tokio::test]
async fn an_approver_whom_the_policy_names_no_more_was_still_needed() {
    let (ground, [boss, chief]) = Ground::with_approvers(["boss", "chief"]).await;
    let activation = ground.activated().await;
    let approval = ground.waiting(&boss).await;
    ground.approve_unheard(&boss, &approval).await;
    ground.org.require_approval(ROLE, &[&boss]).await;
    let answer = ground.resolve(&activation).await;
    assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    ground.approve_unheard(&chief, &approval).await;
    assert_state(&ground.resolve(&activation).await.unwrap(), ActivationState::Active);
}

#[tokio::test]
async fn a_policy_that_was_tightened_since_is_obeyed() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let activation = ground.activated().await;
    ground.approve_unheard(&boss, &ground.waiting(&boss).await).await;
    let set = Rules {
        activation_max: Some(duration(TimeDelta::minutes(30))),
        require_ticket: Some(true),
        ..Rules::default()
    };
    ground.org.set_policy(ROLE, set).await.unwrap();
    ground.assert_void(&activation, &["EXPIRATION", "TICKETING"]).await;
}

#[tokio::test]
async fn a_request_of_a_weak_sign_in_is_not_stronger_when_it_is_judged_again() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let lax = Rules { require_mfa: Some(false), ..Rules::default() };
    ground.org.set_policy(ROLE, lax).await.unwrap();
    let wish = Person::wish(ROLE, "/");
    let answer = ground.ada.weak.activations().activate_role(wish).await.unwrap();
    let activation = answer.into_inner().activation.unwrap();
    ground.approve_unheard(&boss, &ground.waiting(&boss).await).await;
    let strict = Rules { require_mfa: Some(true), ..Rules::default() };
    ground.org.set_policy(ROLE, strict).await.unwrap();
    ground.assert_void(&activation, &["MFA"]).await;
}

#[tokio::test]
async fn an_eligibility_that_was_removed_since_grants_nothing() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let activation = ground.activated().await;
    ground.approve_unheard(&boss, &ground.waiting(&boss).await).await;
    ground.remove_unheard(&ground.eligibility).await;
    ground.assert_void(&activation, &["ELIGIBILITY"]).await;
}

#[tokio::test]
async fn an_approval_that_comes_to_be_known_after_the_timeout_is_too_late() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let activation = ground.activated().await;
    ground.approve_unheard(&boss, &ground.waiting(&boss).await).await;
    ground.world.advance(TimeDelta::hours(24));
    let answer = ground.resolve(&activation).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "state"), "ENDED");
    assert_eq!(stored(&ground.ada, &activation).await.ending(), Ending::TimedOut);
    assert!(!ground.ada.holds(ROLE, "/").await);
}
