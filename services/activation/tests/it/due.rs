//! `StartActivation`, `ExpireActivation`, `VoidActivation`: bookkeeping that services ask for.

use chrono::TimeDelta;
use pim_client::Client;
use pim_proto::{
    activation::v1::{
        ActivateRoleRequest, Activation, ActivationState, Ending, ExpireActivationRequest,
        ResolveActivationRequest, StartActivationRequest, VoidActivationRequest,
    },
    assignment::v1::{CreateEligibilityRequest, Rules},
};
use pim_tests::{Person, assert_refused, duration, fields, metadata, new_id, timestamp};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, assert_state, stored};

/// What services may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Push {
    Resolve,
    Start,
    Expire,
    Void,
}

const PUSHES: [Push; 4] = [Push::Resolve, Push::Start, Push::Expire, Push::Void];

async fn push(client: &Client, push: Push, tenant: &str, id: &str) -> Result<Activation, Status> {
    let mut peer = client.activations();
    let (tenant_id, activation_id) = (tenant.to_owned(), id.to_owned());
    let activation = match push {
        Push::Resolve => {
            let request = ResolveActivationRequest { tenant_id, activation_id };
            peer.resolve_activation(request).await?.into_inner().activation
        }
        Push::Start => {
            let request = StartActivationRequest { tenant_id, activation_id };
            peer.start_activation(request).await?.into_inner().activation
        }
        Push::Expire => {
            let request = ExpireActivationRequest { tenant_id, activation_id };
            peer.expire_activation(request).await?.into_inner().activation
        }
        Push::Void => {
            let request = VoidActivationRequest { tenant_id, activation_id };
            peer.void_activation(request).await?.into_inner().activation
        }
    };
    Ok(activation.unwrap())
}

impl Ground {
    async fn push(&self, wish: Push, activation: &Activation) -> Result<Activation, Status> {
        let scheduler = self.world.service("scheduler");
        push(&scheduler, wish, &self.org.tenant.to_string(), &activation.id).await
    }

    async fn booked(&self) -> Activation {
        let start_time = Some(timestamp(self.world.now() + TimeDelta::hours(1)));
        let wish = ActivateRoleRequest { start_time, ..Person::wish(ROLE, "/") };
        self.ada.activate(wish).await.unwrap()
    }
}

#[tokio::test]
async fn each_is_for_the_services_that_it_names() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    let tenant = ground.org.tenant.to_string();
    let permitted = [
        (Push::Resolve, vec!["approval", "scheduler"]),
        (Push::Start, vec!["scheduler"]),
        (Push::Expire, vec!["scheduler"]),
        (Push::Void, vec!["assignment", "scheduler"]),
    ];
    for (wish, names) in permitted {
        for name in ["assignment", "activation", "approval", "audit", "scheduler", "access"] {
            let answer = push(&ground.world.service(name), wish, &tenant, &activation.id).await;
            if names.contains(&name) {
                assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
            } else {
                assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
            }
        }
        for client in [ground.org.admin.client.clone(), ground.world.operator()] {
            let answer = push(&client, wish, &tenant, &activation.id).await;
            assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
        }
    }
    assert_eq!(stored(&ground.ada, &activation).await, activation);
}

#[tokio::test]
async fn what_is_not_of_the_tenant_is_not_found() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    let scheduler = ground.world.service("scheduler");
    let elsewhere = ground.world.organisation().await.tenant.to_string();
    let tenant = ground.org.tenant.to_string();
    for wish in PUSHES {
        for (tenant, id) in [(&tenant, &new_id()), (&elsewhere, &activation.id)] {
            let answer = push(&scheduler, wish, tenant, id).await;
            assert_refused(answer, Code::NotFound, "NOT_FOUND");
        }
        for (path, tenant, id) in
            [("tenant_id", "", &*activation.id), ("activation_id", &tenant, "1")]
        {
            let answer = push(&scheduler, wish, tenant, id).await;
            let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
            assert_eq!(fields(&status), [path]);
        }
    }
    assert_eq!(stored(&ground.ada, &activation).await, activation);
}

#[tokio::test]
async fn nothing_expires_before_its_time() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    ground.world.advance(TimeDelta::hours(1) - TimeDelta::microseconds(1));
    let answer = ground.push(Push::Expire, &activation).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "state"), "ACTIVE");
    assert_eq!(stored(&ground.ada, &activation).await, activation);
}

#[tokio::test]
async fn an_expiry_is_recorded_once_as_of_the_end() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    ground.world.advance(TimeDelta::hours(3));
    let ended = ground.push(Push::Expire, &activation).await.unwrap();
    let expected = Activation {
        state: ActivationState::Ended.into(),
        ending: Ending::Expired.into(),
        ended_time: activation.end_time,
        update_time: Some(timestamp(ground.world.now())),
        etag: ended.etag.clone(),
        ..activation.clone()
    };
    assert_eq!(ended, expected);
    assert_ne!(ended.etag, activation.etag);
    for wish in PUSHES {
        let answer = ground.push(wish, &activation).await;
        assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    }
    assert_eq!(stored(&ground.ada, &activation).await, ended);
}

#[tokio::test]
async fn what_nobody_decided_times_out() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let activation = ground.activated().await;
    ground.world.advance(TimeDelta::hours(24) - TimeDelta::microseconds(1));
    let answer = ground.push(Push::Expire, &activation).await;
    assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(boss.inbox().await.len(), 1);
    ground.world.advance(TimeDelta::microseconds(1));
    let ended = ground.push(Push::Expire, &activation).await.unwrap();
    assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::TimedOut));
    assert_eq!(ended.ended_time, Some(timestamp(ground.world.now())));
    assert_eq!((ended.start_time, ended.end_time), (None, None));
}

#[tokio::test]
async fn nothing_is_void_while_it_rests_on_something() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    let answer = ground.push(Push::Void, &activation).await;
    assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(stored(&ground.ada, &activation).await, activation);
}

#[tokio::test]
async fn it_is_void_when_its_eligibility_was_removed() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    ground.world.advance(TimeDelta::minutes(1));
    ground.remove_unheard(&ground.eligibility).await;
    assert!(!ground.ada.holds(ROLE, "/").await, "the effect does not wait");
    ground.world.advance(TimeDelta::minutes(1));
    let assignment = ground.world.service("assignment");
    let tenant = ground.org.tenant.to_string();
    let ended = push(&assignment, Push::Void, &tenant, &activation.id).await.unwrap();
    let now = Some(timestamp(ground.world.now()));
    let expected = Activation {
        state: ActivationState::Ended.into(),
        ending: Ending::Void.into(),
        void_rules: vec!["ELIGIBILITY".to_owned()],
        ended_time: now,
        update_time: now,
        etag: ended.etag.clone(),
        ..activation.clone()
    };
    assert_eq!(ended, expected);
    assert_eq!(stored(&ground.ada, &activation).await, ended);
    let answer = ground.push(Push::Void, &activation).await;
    assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
}

#[tokio::test]
async fn an_eligibility_that_was_made_again_revives_nothing() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    ground.remove_unheard(&ground.eligibility).await;
    ground.org.make_eligible(&ground.ada, ROLE, "/").await;
    assert!(!ground.ada.holds(ROLE, "/").await);
    let ended = ground.push(Push::Void, &activation).await.unwrap();
    assert_eq!(ended.void_rules, ["ELIGIBILITY"]);
}

#[tokio::test]
async fn it_is_void_when_its_holder_was_disabled_and_stays_so() {
    let ground = Ground::new().await;
    let activation = ground.activated().await;
    ground.world.advance(TimeDelta::minutes(1));
    ground.disable(&ground.ada).await;
    ground.enable(&ground.ada).await;
    let ended = stored(&ground.ada, &activation).await;
    assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::Void));
    assert_eq!(ended.void_rules, ["PRINCIPAL"]);
    assert!(!ground.ada.holds(ROLE, "/").await);
    ground.activated().await;
}

#[tokio::test]
async fn a_pending_one_is_void_when_its_eligibility_ends_by_time() {
    let (ground, [boss]) = Ground::with_approvers(["boss"]).await;
    let bob = ground.user("bob").await;
    let end_time = Some(timestamp(ground.world.now() + TimeDelta::hours(2)));
    let (principal_id, role_id, scope) = (bob.id.clone(), ROLE.to_owned(), "/".to_owned());
    let wish =
        CreateEligibilityRequest { principal_id, role_id, scope, end_time, ..Default::default() };
    ground.make_eligible(wish).await;
    let activation = bob.activate(Person::wish(ROLE, "/")).await.unwrap();
    ground.world.advance(TimeDelta::hours(2));
    let ended = ground.push(Push::Void, &activation).await.unwrap();
    assert_eq!(
        (ended.ending(), &*ended.void_rules),
        (Ending::Void, &["ELIGIBILITY".to_owned()][..])
    );
    assert_eq!(boss.inbox().await, []);
}

#[tokio::test]
async fn nothing_starts_before_its_start() {
    let ground = Ground::new().await;
    let activation = ground.booked().await;
    ground.world.advance(TimeDelta::hours(1) - TimeDelta::microseconds(1));
    let answer = ground.push(Push::Start, &activation).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "state"), "SCHEDULED");
    assert_eq!(stored(&ground.ada, &activation).await, activation);
}

#[tokio::test]
async fn a_booked_one_begins_when_it_is_judged_and_lasts_as_long_as_was_asked() {
    let ground = Ground::new().await;
    let activation = ground.booked().await;
    ground.world.advance(TimeDelta::minutes(90));
    let active = ground.push(Push::Start, &activation).await.unwrap();
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
    let answer = ground.push(Push::Start, &activation).await;
    assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(stored(&ground.ada, &activation).await, active);
}

#[tokio::test]
async fn a_booked_one_is_judged_by_the_stricter_policy_at_its_start() {
    let ground = Ground::new().await;
    let activation = ground.booked().await;
    let shorter = Some(duration(TimeDelta::minutes(59)));
    let set = Rules { activation_max: shorter, require_ticket: Some(true), ..Rules::default() };
    ground.org.set_policy(ROLE, set).await.unwrap();
    ground.world.advance(TimeDelta::hours(1));
    let ended = ground.push(Push::Start, &activation).await.unwrap();
    assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::Void));
    assert_eq!(ended.void_rules, ["EXPIRATION", "TICKETING"]);
    assert_eq!((ended.start_time, ended.end_time), (None, None));
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn a_looser_policy_since_then_changes_nothing() {
    let ground = Ground::new().await;
    let activation = ground.booked().await;
    let longer = Rules { require_mfa: Some(false), ..Rules::default() };
    ground.org.set_policy(ROLE, longer).await.unwrap();
    ground.world.advance(TimeDelta::hours(1));
    let active = ground.push(Push::Start, &activation).await.unwrap();
    assert_state(&active, ActivationState::Active);
    assert_eq!(active.policy_revision, activation.policy_revision);
}

#[tokio::test]
async fn a_booked_one_whose_eligibility_is_gone_does_not_start() {
    let ground = Ground::new().await;
    let activation = ground.booked().await;
    ground.remove_unheard(&ground.eligibility).await;
    ground.org.make_eligible(&ground.ada, ROLE, "/").await;
    ground.world.advance(TimeDelta::hours(1));
    let ended = ground.push(Push::Start, &activation).await.unwrap();
    assert_eq!(ended.void_rules, ["ELIGIBILITY"], "it rests on that one and no other");
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn nothing_starts_while_the_clock_is_in_doubt() {
    let ground = Ground::new().await;
    let activation = ground.booked().await;
    ground.world.advance(TimeDelta::hours(1));
    let late = ground.world.now();
    ground.world.system.clock.set(late - TimeDelta::minutes(1));
    let answer = ground.push(Push::Start, &activation).await;
    assert_refused(answer, Code::Unavailable, "CLOCK_IN_DOUBT");
    ground.world.system.clock.set(late);
    assert_state(&ground.push(Push::Start, &activation).await.unwrap(), ActivationState::Active);
}
