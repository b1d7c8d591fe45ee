//! `Extend` and `Renew` of both kinds.

use chrono::TimeDelta;
use pim_proto::assignment::v1::{
    CreateEligibilityRequest, Eligibility, ExtendEligibilityRequest, GrantState,
    RenewEligibilityRequest, Rules, extend_eligibility_request::End,
};
use pim_tests::{assert_invalid, assert_refused, duration, metadata, new_id, rules, timestamp};
use tonic::Code;

use crate::{
    grants::{KINDS, Kind, all_of, create, end as record_end, get, removal, remove, wish},
    ground::{Ground, ROLE},
    moves::{extend, extension, renew, renewal},
};

#[tokio::test]
async fn an_extension_moves_the_end_away_and_keeps_the_id() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let made = ground.for_days(kind, 10).await;
        let end = ground.world.now() + TimeDelta::days(30);
        ground.world.advance(TimeDelta::days(9));
        let extended = extend(admin, kind, extension(&made.id, end)).await.unwrap();
        let expected = Eligibility {
            end_time: Some(timestamp(end)),
            update_time: Some(timestamp(ground.world.now())),
            etag: extended.etag.clone(),
            ..made.clone()
        };
        assert_eq!(extended, expected);
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), extended);
        let permanent = Some(End::Permanent(true));
        let forever = ExtendEligibilityRequest { end: permanent, ..extension(&made.id, end) };
        assert_eq!(extend(admin, kind, forever.clone()).await.unwrap().end_time, None);
        let answer = extend(admin, kind, forever).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
        assert_eq!(rules(&status), ["WINDOW"]);
        remove(admin, kind, removal(&made.id)).await.unwrap();
    }
}

#[tokio::test]
async fn an_end_that_is_not_later_is_no_extension() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let made = ground.for_days(kind, 10).await;
        for days in [5, 10] {
            let end = ground.world.now() + TimeDelta::days(days);
            let answer = extend(admin, kind, extension(&made.id, end)).await;
            let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
            assert_eq!(rules(&status), ["WINDOW"]);
        }
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), made);
        let none =
            ExtendEligibilityRequest { end: None, ..extension(&made.id, ground.world.now()) };
        assert_invalid(extend(admin, kind, none).await, "end_time");
    }
}

#[tokio::test]
async fn a_renewal_makes_another_of_what_time_has_ended() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let tenant = ground.org.tenant.to_string();
    for kind in KINDS {
        for is_recorded in [false, true] {
            let old = ground.ended(kind).await;
            if is_recorded {
                let scheduler = ground.world.service("scheduler");
                record_end(&scheduler, kind, &tenant, &old.id).await.unwrap();
            }
            let now = ground.world.now();
            let end = now + TimeDelta::days(30);
            let new = renew(admin, kind, renewal(&old.id, Some(end))).await.unwrap();
            let expected = Eligibility {
                id: new.id.clone(),
                state: GrantState::InForce.into(),
                start_time: Some(timestamp(now)),
                end_time: Some(timestamp(end)),
                justification: "new work".to_owned(),
                create_time: Some(timestamp(now)),
                update_time: Some(timestamp(now)),
                etag: new.etag.clone(),
                renewed_from_id: old.id.clone(),
                ..old.clone()
            };
            assert_eq!(new, expected);
            assert_ne!(new.id, old.id);
            assert_eq!(get(admin, kind, &new.id).await.unwrap(), new);
            let stays = get(admin, kind, &old.id).await.unwrap();
            assert_eq!(stays.state(), GrantState::Expired);
            // Once more the same would be a second one just like it.
            let answer = renew(admin, kind, renewal(&old.id, Some(end))).await;
            let status = assert_refused(answer, Code::AlreadyExists, "DUPLICATE");
            assert_eq!(metadata(&status, "id"), new.id);
            remove(admin, kind, removal(&new.id)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_renewal_may_begin_later_and_have_no_end() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let old = ground.ended(kind).await;
        let start_time = Some(timestamp(ground.world.now() + TimeDelta::days(2)));
        let request = RenewEligibilityRequest { start_time, ..renewal(&old.id, None) };
        let new = renew(admin, kind, request).await.unwrap();
        assert_eq!((new.state(), new.start_time), (GrantState::Scheduled, start_time));
        assert_eq!(new.end_time, None);
    }
}

#[tokio::test]
async fn only_what_time_has_ended_is_renewed() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let in_force = ground.for_days(kind, 9).await;
        let gone = ground.for_days(kind, 8).await;
        remove(admin, kind, removal(&gone.id)).await.unwrap();
        let start_time = Some(timestamp(ground.world.now() + TimeDelta::days(2)));
        let booked = CreateEligibilityRequest { start_time, ..wish(&ground.ada, ROLE, "/") };
        let booked = create(admin, kind, booked).await.unwrap();
        let canceled =
            CreateEligibilityRequest { start_time, ..wish(&ground.ada, ROLE, crate::ground::UNIT) };
        let canceled = create(admin, kind, canceled).await.unwrap();
        remove(admin, kind, removal(&canceled.id)).await.unwrap();
        let before = all_of(admin, kind, &ground.ada).await;
        for (grant, state) in [
            (in_force, "IN_FORCE"),
            (gone, "REMOVED"),
            (booked, "SCHEDULED"),
            (canceled, "CANCELED"),
        ] {
            let answer = renew(admin, kind, renewal(&grant.id, None)).await;
            let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
            assert_eq!(metadata(&status, "state"), state);
        }
        assert_eq!(all_of(admin, kind, &ground.ada).await, before);
    }
}

#[tokio::test]
async fn both_are_judged_by_the_policy() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let set = Rules {
        permanent_assignment: Some(false),
        assigned_max: Some(duration(TimeDelta::days(20))),
        assignment_require_ticket: Some(true),
        assignment_require_mfa: Some(true),
        ..Rules::default()
    };
    let old = ground.ended(Kind::Assignment).await;
    let made = ground.for_days(Kind::Assignment, 10).await;
    ground.org.set_policy(ROLE, set).await.unwrap();
    let far = ground.world.now() + TimeDelta::days(21);
    let broken = ["EXPIRATION", "JUSTIFICATION", "TICKETING", "MFA"];
    let weak = &ground.org.admin.weak;
    let silent = |request: ExtendEligibilityRequest| ExtendEligibilityRequest {
        justification: String::new(),
        ..request
    };
    let answer = extend(weak, Kind::Assignment, silent(extension(&made.id, far))).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), broken);
    let request =
        RenewEligibilityRequest { justification: String::new(), ..renewal(&old.id, Some(far)) };
    let answer = renew(weak, Kind::Assignment, request).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), broken);
    assert_eq!(get(admin, Kind::Assignment, &made.id).await.unwrap(), made);
    ground.disable(&ground.ada).await;
    let answer = renew(admin, Kind::Eligibility, renewal(&old.id, None)).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
    let old = get(admin, Kind::Assignment, &old.id).await.unwrap();
    let answer = renew(admin, Kind::Assignment, renewal(&old.id, Some(far))).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
    assert_eq!(rules(&status), ["PRINCIPAL", "EXPIRATION", "TICKETING"]);
}

#[tokio::test]
async fn repeats_get_the_first_answer_and_dry_runs_write_nothing() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let old = ground.ended(kind).await;
        let made = ground.for_days(kind, 10).await;
        let far = ground.world.now() + TimeDelta::days(30);
        let later = ExtendEligibilityRequest { request_id: new_id(), ..extension(&made.id, far) };
        let dry = ExtendEligibilityRequest { validate_only: true, ..later.clone() };
        assert_eq!(extend(admin, kind, dry).await.unwrap().end_time, Some(timestamp(far)));
        let farther = far + TimeDelta::days(1);
        let again =
            RenewEligibilityRequest { request_id: new_id(), ..renewal(&old.id, Some(farther)) };
        let dry = RenewEligibilityRequest { validate_only: true, ..again.clone() };
        assert_eq!(renew(admin, kind, dry).await.unwrap().state(), GrantState::InForce);
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), made);
        let before = all_of(admin, kind, &ground.ada).await.len();

        let extended = extend(admin, kind, later.clone()).await.unwrap();
        let renewed = renew(admin, kind, again.clone()).await.unwrap();
        ground.world.advance(TimeDelta::minutes(1));
        assert_eq!(extend(admin, kind, later.clone()).await.unwrap(), extended);
        assert_eq!(renew(admin, kind, again.clone()).await.unwrap(), renewed);
        assert_eq!(all_of(admin, kind, &ground.ada).await.len(), before + 1);
        let other = ExtendEligibilityRequest { justification: "x".to_owned(), ..later };
        let answer = extend(admin, kind, other).await;
        assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
        let other = RenewEligibilityRequest { justification: "x".to_owned(), ..again };
        let answer = renew(admin, kind, other).await;
        assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
        ground.world.advance(TimeDelta::days(60));
    }
}
