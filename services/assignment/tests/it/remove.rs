//! `RemoveEligibility` and `RemoveAssignment`: at once, and what was activated on it.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{ActivationState, Ending},
    assignment::v1::{CreateEligibilityRequest, Eligibility, GrantState, RemoveEligibilityRequest},
};
use pim_tests::{
    Organisation, Person, assert_invalid, assert_refused, assert_same_refusal, metadata, new_id,
    timestamp,
};
use tonic::Code;

use crate::{
    grants::{KINDS, Kind, create, get, removal, remove, wish},
    ground::{Ground, ROLE, SUBSCRIPTION},
};

#[tokio::test]
async fn it_ends_at_once() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let made = create(admin, kind, wish(&ground.ada, ROLE, "/")).await.unwrap();
        ground.world.advance(TimeDelta::minutes(1));
        let now = Some(timestamp(ground.world.now()));
        let removed = remove(admin, kind, removal(&made.id)).await.unwrap();
        let expected = Eligibility {
            state: GrantState::Removed.into(),
            ended_time: now,
            update_time: now,
            etag: removed.etag.clone(),
            ..made.clone()
        };
        assert_eq!(removed, expected);
        assert_ne!(removed.etag, made.etag);
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), removed);
        assert!(!ground.ada.holds(ROLE, "/").await);
        let answer = ground.ada.activate(Person::wish(ROLE, "/")).await;
        assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    }
}

#[tokio::test]
async fn what_was_activated_on_it_is_void() {
    let ground = Ground::new().await;
    let eligibility = ground.org.make_eligible(&ground.ada, ROLE, "/").await;
    let activation = ground.ada.activate(Person::wish(ROLE, "/")).await.unwrap();
    let admin = &ground.org.admin.client;
    remove(admin, Kind::Eligibility, removal(&eligibility.id)).await.unwrap();
    let ended = ground.ada.activation(&activation.id).await.unwrap();
    assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::Void));
    assert_eq!(ended.void_rules, ["ELIGIBILITY"]);
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn one_that_has_not_begun_is_canceled() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let start_time = Some(timestamp(ground.world.now() + TimeDelta::days(1)));
    for kind in KINDS {
        let request = CreateEligibilityRequest { start_time, ..wish(&ground.ada, ROLE, "/") };
        let made = create(admin, kind, request).await.unwrap();
        let removed = remove(admin, kind, removal(&made.id)).await.unwrap();
        assert_eq!(removed.state(), GrantState::Canceled);
        assert_eq!(removed.ended_time, Some(timestamp(ground.world.now())));
    }
    ground.world.advance(TimeDelta::days(2));
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn what_has_ended_stays_as_it_ended() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let made = create(admin, kind, wish(&ground.ada, ROLE, "/")).await.unwrap();
        let removed = remove(admin, kind, removal(&made.id)).await.unwrap();
        let answer = remove(admin, kind, removal(&made.id)).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
        assert_eq!(metadata(&status, "state"), "REMOVED");
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), removed);
        let end_time = Some(timestamp(ground.world.now() + TimeDelta::hours(1)));
        let request = CreateEligibilityRequest { end_time, ..wish(&ground.ada, ROLE, "/") };
        let made = create(admin, kind, request).await.unwrap();
        ground.world.advance(TimeDelta::hours(1));
        let answer = remove(admin, kind, removal(&made.id)).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
        assert_eq!(metadata(&status, "state"), "EXPIRED");
        let stored = get(admin, kind, &made.id).await.unwrap();
        assert_eq!((stored.state(), stored.etag), (GrantState::Expired, made.etag));
    }
}

#[tokio::test]
async fn who_may_not_remove_removes_nothing_and_learns_nothing() {
    let ground = Ground::new().await;
    let (admin, owner) = (&ground.org.admin.client, ground.owner().await);
    for kind in KINDS {
        let made = create(admin, kind, wish(&ground.ada, ROLE, "/")).await.unwrap();
        for stranger in [&ground.ada, &owner] {
            let real = remove(&stranger.client, kind, removal(&made.id)).await;
            let real = assert_refused(real, Code::PermissionDenied, "NOT_PERMITTED");
            let missing = remove(&stranger.client, kind, removal(&new_id())).await;
            let missing = assert_refused(missing, Code::PermissionDenied, "NOT_PERMITTED");
            assert_same_refusal(&real, &missing);
        }
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), made);
        let resource = wish(&ground.ada, Organisation::CONTRIBUTOR, SUBSCRIPTION);
        let resource = create(admin, kind, resource).await.unwrap();
        remove(&owner.client, kind, removal(&resource.id)).await.unwrap();
    }
}

#[tokio::test]
async fn what_there_is_not_is_not_found_for_who_may_know() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let elsewhere = ground.world.organisation().await;
    for kind in KINDS {
        let made = create(admin, kind, wish(&ground.ada, ROLE, "/")).await.unwrap();
        let answer = remove(admin, kind, removal(&new_id())).await;
        assert_refused(answer, Code::NotFound, "NOT_FOUND");
        let answer = remove(admin, kind.other(), removal(&made.id)).await;
        assert_refused(answer, Code::NotFound, "NOT_FOUND");
        let answer = remove(&elsewhere.admin.client, kind, removal(&made.id)).await;
        assert_refused(answer, Code::NotFound, "NOT_FOUND");
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), made);
        remove(admin, kind, removal(&made.id)).await.unwrap();
    }
}

#[tokio::test]
async fn it_works_while_the_clock_is_in_doubt() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let now = ground.world.now();
    for kind in KINDS {
        ground.world.system.clock.set(now);
        let made = create(admin, kind, wish(&ground.ada, ROLE, "/")).await.unwrap();
        ground.world.system.clock.set(now - TimeDelta::minutes(1));
        let bob = wish(&ground.org.second_admin, ROLE, "/");
        let answer = create(admin, kind, bob).await;
        assert_refused(answer, Code::Unavailable, "CLOCK_IN_DOUBT");
        remove(admin, kind, removal(&made.id)).await.unwrap();
    }
    assert!(!ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let made = create(admin, kind, wish(&ground.ada, ROLE, "/")).await.unwrap();
        let good = removal(&made.id);
        for (path, request) in [
            (kind.id_field(), removal("")),
            (
                "justification",
                RemoveEligibilityRequest { justification: "\0".into(), ..good.clone() },
            ),
            ("request_id", RemoveEligibilityRequest { request_id: "1".into(), ..good }),
        ] {
            assert_invalid(remove(admin, kind, request).await, path);
        }
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), made);
    }
}
