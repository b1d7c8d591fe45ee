//! The repeat and the dry run of granting and removing.

use chrono::TimeDelta;
use pim_proto::assignment::v1::{CreateEligibilityRequest, GrantState, RemoveEligibilityRequest};
use pim_tests::{Organisation, assert_refused, new_id};
use tonic::Code;

use crate::{
    grants::{KINDS, Kind, all_of, create, get, removal, remove, wish},
    ground::{Ground, ROLE, UNIT},
};

#[tokio::test]
async fn a_repeated_grant_gets_the_first_answer() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let request = wish(&ground.ada, ROLE, "/");
        let request = CreateEligibilityRequest { request_id: new_id(), ..request };
        let first = create(admin, kind, request.clone()).await.unwrap();
        ground.world.advance(TimeDelta::minutes(1));
        assert_eq!(create(admin, kind, request.clone()).await.unwrap(), first);
        let other = CreateEligibilityRequest { scope: UNIT.to_owned(), ..request.clone() };
        let answer = create(admin, kind, other).await;
        assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
        assert_eq!(all_of(admin, kind, &ground.ada).await, std::slice::from_ref(&first));
        remove(admin, kind, removal(&first.id)).await.unwrap();
        assert_eq!(create(admin, kind, request.clone()).await.unwrap(), first, "as it was then");
        assert_eq!(get(admin, kind, &first.id).await.unwrap().state(), GrantState::Removed);
        let second = &ground.org.second_admin.client;
        let theirs = create(second, kind, request).await.unwrap();
        assert_ne!(theirs.id, first.id, "each caller's ids are their own");
        remove(admin, kind, removal(&theirs.id)).await.unwrap();
    }
}

#[tokio::test]
async fn a_dry_grant_answers_as_usual_and_writes_nothing() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let request = wish(&ground.ada, ROLE, "/");
        let request = CreateEligibilityRequest { request_id: new_id(), ..request };
        let dry = CreateEligibilityRequest { validate_only: true, ..request.clone() };
        let judged = create(admin, kind, dry.clone()).await.unwrap();
        assert_eq!(judged.state(), GrantState::InForce);
        assert_eq!(all_of(admin, kind, &ground.ada).await, []);
        assert!(!ground.ada.holds(ROLE, "/").await);
        let real = create(admin, kind, request).await.unwrap();
        let answer = create(admin, kind, dry).await;
        assert_refused(answer, Code::AlreadyExists, "DUPLICATE");
        assert_eq!(all_of(admin, kind, &ground.ada).await, [real]);
    }
}

#[tokio::test]
async fn a_repeated_removal_gets_the_first_answer() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let made = create(admin, kind, wish(&ground.ada, ROLE, "/")).await.unwrap();
        let request = RemoveEligibilityRequest { request_id: new_id(), ..removal(&made.id) };
        let dry = RemoveEligibilityRequest { validate_only: true, ..request.clone() };
        let judged = remove(admin, kind, dry).await.unwrap();
        assert_eq!(judged.state(), GrantState::Removed);
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), made);
        let first = remove(admin, kind, request.clone()).await.unwrap();
        ground.world.advance(TimeDelta::minutes(1));
        assert_eq!(remove(admin, kind, request.clone()).await.unwrap(), first);
        let justification = "moved on".to_owned();
        let other = RemoveEligibilityRequest { justification, ..request };
        let answer = remove(admin, kind, other).await;
        assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), first);
    }
}

#[tokio::test]
async fn the_right_is_judged_before_a_repeat_is_answered() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let helper = ground.user("helper").await;
    // Still an administrator somewhere, and so let in to be judged by the object.
    ground.org.assign(&helper, Organisation::GLOBAL_ADMINISTRATOR, UNIT).await.unwrap();
    for kind in KINDS {
        let power =
            ground.org.assign(&helper, Organisation::GLOBAL_ADMINISTRATOR, "/").await.unwrap();
        let request = wish(&ground.ada, ROLE, "/");
        let request = CreateEligibilityRequest { request_id: new_id(), ..request };
        let made = create(&helper.client, kind, request.clone()).await.unwrap();
        let removing = RemoveEligibilityRequest { request_id: new_id(), ..removal(&made.id) };
        remove(&helper.client, kind, removing.clone()).await.unwrap();
        remove(admin, Kind::Assignment, removal(&power.id)).await.unwrap();
        let answer = create(&helper.client, kind, request).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
        let answer = remove(&helper.client, kind, removing).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    }
}
