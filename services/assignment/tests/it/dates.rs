//! `Update` of both kinds: which dates move, who may move them, and what becomes of what rests on
//! them.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{ActivationState, Ending},
    assignment::v1::{CreateEligibilityRequest, Eligibility, GrantState, Rules},
};
use pim_tests::{
    Organisation, Person, assert_invalid, assert_refused, assert_same_refusal, duration, metadata,
    new_id, rules, timestamp,
};
use tonic::Code;

use crate::{
    grants::{KINDS, Kind, create, get, removal, remove, wish},
    ground::{Ground, ROLE, SUBSCRIPTION},
    moves::{dates, extend, extension, permanently, renew, renewal, update},
};

impl Ground {
    /// Something of Ada's from now on, for so many days.
    pub(crate) async fn for_days(&self, kind: Kind, days: i64) -> Eligibility {
        let end_time = Some(timestamp(self.world.now() + TimeDelta::days(days)));
        let request = CreateEligibilityRequest { end_time, ..wish(&self.ada, ROLE, "/") };
        create(&self.org.admin.client, kind, request).await.unwrap()
    }

    /// Something of Ada's that time has ended.
    pub(crate) async fn ended(&self, kind: Kind) -> Eligibility {
        let made = self.for_days(kind, 1).await;
        self.world.advance(TimeDelta::days(1));
        made
    }
}

#[tokio::test]
async fn an_end_moves_both_ways_and_nothing_else_changes() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let made = ground.for_days(kind, 10).await;
        let now = ground.world.now();
        ground.world.advance(TimeDelta::minutes(1));
        let mut last = made.clone();
        for days in [5, 20] {
            let end = now + TimeDelta::days(days);
            let moved = update(admin, kind, dates(&last, None, Some(end))).await.unwrap();
            let expected = Eligibility {
                end_time: Some(timestamp(end)),
                update_time: Some(timestamp(ground.world.now())),
                etag: moved.etag.clone(),
                ..made.clone()
            };
            assert_eq!(moved, expected);
            assert_ne!(moved.etag, last.etag);
            assert_eq!(get(admin, kind, &made.id).await.unwrap(), moved);
            last = moved;
        }
        let forever = update(admin, kind, permanently(&last)).await.unwrap();
        assert_eq!(forever.end_time, None);
        remove(admin, kind, removal(&made.id)).await.unwrap();
    }
}

#[tokio::test]
async fn the_start_moves_only_before_it() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let now = ground.world.now();
    let day = |days| now + TimeDelta::days(days);
    for kind in KINDS {
        let request = CreateEligibilityRequest {
            start_time: Some(timestamp(day(2))),
            end_time: Some(timestamp(day(9))),
            ..wish(&ground.ada, ROLE, "/")
        };
        let made = create(admin, kind, request).await.unwrap();
        let later = update(admin, kind, dates(&made, Some(day(3)), None)).await.unwrap();
        assert_eq!(later.start_time, Some(timestamp(day(3))));
        assert_eq!(later.state(), GrantState::Scheduled);
        let begun = update(admin, kind, dates(&later, Some(day(-3)), None)).await.unwrap();
        assert_eq!(begun.start_time, Some(timestamp(now)), "a start in the past is now");
        assert_eq!(begun.state(), GrantState::InForce);
        let answer = update(admin, kind, dates(&begun, Some(day(1)), None)).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
        assert_eq!(metadata(&status, "state"), "IN_FORCE");
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), begun);
    }
}

#[tokio::test]
async fn dates_that_are_so_already_change_nothing() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let end = ground.world.now() + TimeDelta::days(10);
        let made = ground.for_days(kind, 10).await;
        ground.world.advance(TimeDelta::minutes(1));
        let same = update(admin, kind, dates(&made, None, Some(end))).await.unwrap();
        assert_eq!(same, made);
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), made);
    }
}

#[tokio::test]
async fn an_update_is_of_what_was_read() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let end = Some(ground.world.now() + TimeDelta::days(5));
    for kind in KINDS {
        let made = ground.for_days(kind, 10).await;
        let moved = update(admin, kind, dates(&made, None, end)).await.unwrap();
        let answer = update(admin, kind, dates(&made, None, end)).await;
        let status = assert_refused(answer, Code::Aborted, "ETAG_MISMATCH");
        assert_eq!(metadata(&status, "etag"), moved.etag);
        let mut blind = dates(&made, None, end);
        blind.etag.clear();
        assert_invalid(update(admin, kind, blind).await, "etag");
    }
}

#[tokio::test]
async fn what_has_ended_stays_as_it_is() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let ended = ground.ended(kind).await;
        let made = ground.for_days(kind, 9).await;
        let removed = remove(admin, kind, removal(&made.id)).await.unwrap();
        let end = ground.world.now() + TimeDelta::days(20);
        for (grant, state) in [(ended, "EXPIRED"), (removed, "REMOVED")] {
            let before = get(admin, kind, &grant.id).await.unwrap();
            let answer = update(admin, kind, dates(&grant, None, Some(end))).await;
            let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
            assert_eq!(metadata(&status, "state"), state);
            let answer = extend(admin, kind, extension(&grant.id, end)).await;
            let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
            assert_eq!(metadata(&status, "state"), state);
            assert_eq!(get(admin, kind, &grant.id).await.unwrap(), before);
        }
    }
}

#[tokio::test]
async fn the_policy_judges_it_as_one_that_is_made_now() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let made =
        [ground.for_days(Kind::Eligibility, 10).await, ground.for_days(Kind::Assignment, 10).await];
    let most = duration(TimeDelta::days(20));
    let set = Rules {
        permanent_eligibility: Some(false),
        eligible_max: Some(most),
        permanent_assignment: Some(false),
        assigned_max: Some(most),
        ..Rules::default()
    };
    ground.org.set_policy(ROLE, set).await.unwrap();
    ground.world.advance(TimeDelta::days(5));
    let now = ground.world.now();
    for (kind, grant) in KINDS.into_iter().zip(made) {
        let long = Some(now + TimeDelta::days(20) + TimeDelta::microseconds(1));
        let short = Some(now + TimeDelta::minutes(5) - TimeDelta::microseconds(1));
        for (request, rule) in [
            (dates(&grant, None, long), "EXPIRATION"),
            (permanently(&grant), "EXPIRATION"),
            (dates(&grant, None, short), "WINDOW"),
        ] {
            let answer = update(admin, kind, request).await;
            let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
            assert_eq!(rules(&status), [rule]);
        }
        assert_eq!(get(admin, kind, &grant.id).await.unwrap().etag, grant.etag);
        let enough = Some(now + TimeDelta::days(20));
        let moved = update(admin, kind, dates(&grant, None, enough)).await.unwrap();
        assert_eq!(moved.policy_revision, 1, "it was judged by the newest");
    }
}

#[tokio::test]
async fn nobody_moves_extends_or_renews_for_their_own_person() {
    let ground = Ground::new().await;
    let [root, user] = ground.accounts(["root", "user"]).await;
    ground.org.assign(&root, Organisation::GLOBAL_ADMINISTRATOR, "/").await.unwrap();
    let admin = &ground.org.admin.client;
    let end = |days| ground.world.now() + TimeDelta::days(days);
    for kind in KINDS {
        for account in [&root, &user] {
            let end_time = Some(timestamp(end(1)));
            let request = CreateEligibilityRequest { end_time, ..wish(account, ROLE, "/") };
            let made = create(admin, kind, request).await.unwrap();
            let answers = [
                update(&root.client, kind, dates(&made, None, Some(end(9)))).await,
                extend(&root.client, kind, extension(&made.id, end(9))).await,
            ];
            for answer in answers {
                assert_refused(answer, Code::PermissionDenied, "SELF_GRANT");
            }
            assert_eq!(get(admin, kind, &made.id).await.unwrap(), made);
            ground.world.advance(TimeDelta::days(1));
            let answer = renew(&root.client, kind, renewal(&made.id, Some(end(9)))).await;
            assert_refused(answer, Code::PermissionDenied, "SELF_GRANT");
        }
    }
}

#[tokio::test]
async fn who_may_not_moves_nothing_and_learns_nothing() {
    let ground = Ground::new().await;
    let (admin, owner) = (&ground.org.admin.client, ground.owner().await);
    let end = ground.world.now() + TimeDelta::days(20);
    for kind in KINDS {
        let made = ground.for_days(kind, 10).await;
        let missing = Eligibility { id: new_id(), ..made.clone() };
        for stranger in [&ground.ada, &owner] {
            let client = &stranger.client;
            let both = [
                update(client, kind, dates(&made, None, Some(end))).await,
                update(client, kind, dates(&missing, None, Some(end))).await,
                extend(client, kind, extension(&made.id, end)).await,
                extend(client, kind, extension(&missing.id, end)).await,
                renew(client, kind, renewal(&made.id, None)).await,
                renew(client, kind, renewal(&missing.id, None)).await,
            ];
            let refused =
                both.map(|it| assert_refused(it, Code::PermissionDenied, "NOT_PERMITTED"));
            for pair in refused.chunks(2) {
                assert_same_refusal(&pair[0], &pair[1]);
            }
        }
        for answer in [
            update(admin, kind, dates(&missing, None, Some(end))).await,
            update(admin, kind.other(), dates(&made, None, Some(end))).await,
            extend(admin, kind, extension(&missing.id, end)).await,
            renew(admin, kind, renewal(&missing.id, None)).await,
        ] {
            assert_refused(answer, Code::NotFound, "NOT_FOUND");
        }
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), made);
        let resource = CreateEligibilityRequest {
            end_time: made.end_time,
            ..wish(&ground.ada, Organisation::CONTRIBUTOR, SUBSCRIPTION)
        };
        let resource = create(admin, kind, resource).await.unwrap();
        update(&owner.client, kind, dates(&resource, None, Some(end))).await.unwrap();
    }
}

#[tokio::test]
async fn repeats_get_the_first_answer_and_dry_runs_write_nothing() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let end = |days| ground.world.now() + TimeDelta::days(days);
    for kind in KINDS {
        let made = ground.for_days(kind, 10).await;
        let mut request = dates(&made, None, Some(end(5)));
        request.request_id = new_id();
        let mut dry = request.clone();
        dry.validate_only = true;
        let judged = update(admin, kind, dry).await.unwrap();
        assert_eq!(judged.end_time, Some(timestamp(end(5))));
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), made);
        let moved = update(admin, kind, request.clone()).await.unwrap();
        ground.world.advance(TimeDelta::minutes(1));
        // The etag is of the past, and it is the first answer that counts.
        assert_eq!(update(admin, kind, request.clone()).await.unwrap(), moved);
        request.justification = "another reason".to_owned();
        let answer = update(admin, kind, request).await;
        assert_refused(answer, Code::InvalidArgument, "REQUEST_ID_REUSED");
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), moved);
    }
}

#[tokio::test]
async fn an_activation_ends_with_an_eligibility_that_was_shortened() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let made = ground.for_days(Kind::Eligibility, 10).await;
    let active = ground.ada.activate(Person::wish(ROLE, "/")).await.unwrap();
    let end = ground.world.now() + TimeDelta::minutes(20);
    let hour = Some(timestamp(ground.world.now() + TimeDelta::hours(1)));
    assert_eq!(active.end_time, hour, "it was to last longer");
    update(admin, Kind::Eligibility, dates(&made, None, Some(end))).await.unwrap();
    ground.world.settle().await;
    assert!(ground.ada.holds(ROLE, "/").await, "not yet");
    ground.world.advance(TimeDelta::minutes(20) - TimeDelta::microseconds(1));
    assert!(ground.ada.holds(ROLE, "/").await);
    ground.world.advance(TimeDelta::microseconds(1));
    assert!(!ground.ada.holds(ROLE, "/").await, "before anybody has noticed");
    ground.world.settle().await;
    let ended = ground.ada.activation(&active.id).await.unwrap();
    assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::Void));
    assert_eq!(ended.void_rules, ["ELIGIBILITY"]);
    // And nothing brings it back.
    let longer = ground.for_days(Kind::Eligibility, 10).await;
    assert!(!ground.ada.holds(ROLE, "/").await);
    ground.ada.activate(Person::wish(ROLE, "/")).await.unwrap();
    assert_ne!(longer.id, made.id);
}

#[tokio::test]
async fn a_booked_activation_that_does_not_fit_any_more_is_void() {
    let ground = Ground::new().await;
    let made = ground.for_days(Kind::Eligibility, 10).await;
    let start_time = Some(timestamp(ground.world.now() + TimeDelta::days(3)));
    let booked =
        pim_proto::activation::v1::ActivateRoleRequest { start_time, ..Person::wish(ROLE, "/") };
    let booked = ground.ada.activate(booked).await.unwrap();
    let end = ground.world.now() + TimeDelta::days(2);
    let request = dates(&made, None, Some(end));
    update(&ground.org.admin.client, Kind::Eligibility, request).await.unwrap();
    ground.world.settle().await;
    let ended = ground.ada.activation(&booked.id).await.unwrap();
    assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::Void));
}
