//! `EndEligibility` and `EndAssignment`: that time has ended something is recorded, once.

use chrono::TimeDelta;
use pim_proto::assignment::v1::{CreateEligibilityRequest, Eligibility, GrantState};
use pim_tests::{assert_invalid, assert_refused, metadata, new_id, timestamp};
use tonic::Code;

use crate::{
    grants::{KINDS, Kind, create, end, get, removal, remove, wish},
    ground::{Ground, ROLE},
};

impl Ground {
    /// Ada's for an hour.
    async fn an_hour(&self, kind: Kind) -> Eligibility {
        let end_time = Some(timestamp(self.world.now() + TimeDelta::hours(1)));
        let request = CreateEligibilityRequest { end_time, ..wish(&self.ada, ROLE, "/") };
        create(&self.org.admin.client, kind, request).await.unwrap()
    }
}

#[tokio::test]
async fn nothing_ends_before_its_end() {
    let ground = Ground::new().await;
    let (admin, scheduler) = (&ground.org.admin.client, ground.world.service("scheduler"));
    let tenant = ground.org.tenant.to_string();
    for kind in KINDS {
        let made = ground.an_hour(kind).await;
        ground.world.advance(TimeDelta::hours(1) - TimeDelta::microseconds(1));
        let answer = end(&scheduler, kind, &tenant, &made.id).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
        assert_eq!(metadata(&status, "state"), "IN_FORCE");
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), made);
        ground.world.advance(TimeDelta::microseconds(1));
    }
}

#[tokio::test]
async fn an_end_is_recorded_once_as_of_the_end() {
    let ground = Ground::new().await;
    let (admin, scheduler) = (&ground.org.admin.client, ground.world.service("scheduler"));
    let tenant = ground.org.tenant.to_string();
    for kind in KINDS {
        let made = ground.an_hour(kind).await;
        ground.world.advance(TimeDelta::hours(2));
        assert!(!ground.ada.holds(ROLE, "/").await, "the effect does not wait");
        let ended = end(&scheduler, kind, &tenant, &made.id).await.unwrap();
        let expected = Eligibility {
            state: GrantState::Expired.into(),
            ended_time: made.end_time,
            update_time: Some(timestamp(ground.world.now())),
            etag: ended.etag.clone(),
            ..made.clone()
        };
        assert_eq!(ended, expected);
        assert_ne!(ended.etag, made.etag);
        let answer = end(&scheduler, kind, &tenant, &made.id).await;
        assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), ended);
    }
}

#[tokio::test]
async fn what_is_permanent_or_removed_does_not_end_by_time() {
    let ground = Ground::new().await;
    let (admin, scheduler) = (&ground.org.admin.client, ground.world.service("scheduler"));
    let tenant = ground.org.tenant.to_string();
    for kind in KINDS {
        let removed = ground.an_hour(kind).await;
        let removed = remove(admin, kind, removal(&removed.id)).await.unwrap();
        let permanent = create(admin, kind, wish(&ground.ada, ROLE, "/")).await.unwrap();
        ground.world.advance(TimeDelta::days(400));
        for (grant, state) in [(removed, "REMOVED"), (permanent, "IN_FORCE")] {
            let answer = end(&scheduler, kind, &tenant, &grant.id).await;
            let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
            assert_eq!(metadata(&status, "state"), state);
            assert_eq!(get(admin, kind, &grant.id).await.unwrap(), grant);
        }
    }
}

#[tokio::test]
async fn only_the_scheduler_asks_for_it() {
    let ground = Ground::new().await;
    let tenant = ground.org.tenant.to_string();
    for kind in KINDS {
        let made = ground.an_hour(kind).await;
        ground.world.advance(TimeDelta::hours(1));
        let mut clients = vec![ground.org.admin.client.clone(), ground.world.operator()];
        for name in ["assignment", "activation", "approval", "audit", "access"] {
            clients.push(ground.world.service(name));
        }
        for client in clients {
            let answer = end(&client, kind, &tenant, &made.id).await;
            assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
        }
        end(&ground.world.service("scheduler"), kind, &tenant, &made.id).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_not_of_the_tenant_or_the_kind_is_not_found() {
    let ground = Ground::new().await;
    let scheduler = ground.world.service("scheduler");
    let elsewhere = ground.world.organisation().await.tenant.to_string();
    let tenant = ground.org.tenant.to_string();
    for kind in KINDS {
        let made = ground.an_hour(kind).await;
        ground.world.advance(TimeDelta::hours(1));
        for (kind, tenant, id) in [
            (kind, &tenant, &new_id()),
            (kind, &elsewhere, &made.id),
            (kind.other(), &tenant, &made.id),
        ] {
            let answer = end(&scheduler, kind, tenant, id).await;
            assert_refused(answer, Code::NotFound, "NOT_FOUND");
        }
        assert_invalid(end(&scheduler, kind, "", &made.id).await, "tenant_id");
        assert_invalid(end(&scheduler, kind, &tenant, "1").await, kind.id_field());
    }
}
