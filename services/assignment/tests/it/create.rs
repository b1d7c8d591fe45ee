//! `CreateEligibility` and `CreateAssignment`: what is made, and who may make it.

use chrono::TimeDelta;
use pim_proto::{
    assignment::v1::{CreateEligibilityRequest, Eligibility, GrantState},
    r#type::v1::Ticket,
};
use pim_tests::{
    Organisation, assert_invalid, assert_refused, assert_same_refusal, metadata, new_id, timestamp,
};
use tonic::Code;
use uuid::Uuid;

use crate::{
    grants::{KINDS, Kind, all_of, create, get, removal, remove, wish},
    ground::{Ground, ROLE, SUBSCRIPTION, UNIT},
};

#[tokio::test]
async fn a_grant_says_all_of_itself() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let now = ground.world.now();
    let ticket = Some(Ticket { number: "CHG-1".to_owned(), system: "desk".to_owned() });
    let end_time = Some(timestamp(now + TimeDelta::days(90)));
    for kind in KINDS {
        let request = wish(&ground.ada, ROLE, UNIT);
        let request = CreateEligibilityRequest { ticket: ticket.clone(), end_time, ..request };
        let made = create(admin, kind, request).await.unwrap();
        let expected = Eligibility {
            id: made.id.clone(),
            principal_id: ground.ada.id.clone(),
            role_id: ROLE.to_owned(),
            scope: UNIT.to_owned(),
            state: GrantState::InForce.into(),
            start_time: Some(timestamp(now)),
            end_time,
            ended_time: None,
            justification: "their work".to_owned(),
            ticket: ticket.clone(),
            policy_revision: 0,
            create_time: Some(timestamp(now)),
            update_time: Some(timestamp(now)),
            etag: made.etag.clone(),
            renewed_from_id: String::new(),
        };
        assert_eq!(made, expected);
        assert!(made.id.parse::<Uuid>().is_ok());
        assert!(!made.etag.is_empty());
        assert_eq!(get(admin, kind, &made.id).await.unwrap(), made);
        assert_eq!(ground.ada.holds(ROLE, UNIT).await, kind == Kind::Assignment);
    }
}

#[tokio::test]
async fn without_an_end_it_is_permanent_and_a_start_in_the_past_is_now() {
    let ground = Ground::new().await;
    let start_time = Some(timestamp(ground.world.now() - TimeDelta::days(3)));
    for kind in KINDS {
        let request = CreateEligibilityRequest { start_time, ..wish(&ground.ada, ROLE, "/") };
        let made = create(&ground.org.admin.client, kind, request).await.unwrap();
        assert_eq!(made.start_time, Some(timestamp(ground.world.now())));
        assert_eq!(made.end_time, None);
    }
}

#[tokio::test]
async fn a_start_ahead_grants_nothing_before_it() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let start_time = Some(timestamp(ground.world.now() + TimeDelta::days(3)));
    let request = CreateEligibilityRequest { start_time, ..wish(&ground.ada, ROLE, "/") };
    let made = create(admin, Kind::Assignment, request).await.unwrap();
    assert_eq!((made.state(), made.start_time), (GrantState::Scheduled, start_time));
    assert!(!ground.ada.holds(ROLE, "/").await);
    ground.world.advance(TimeDelta::days(3));
    let begun = get(admin, Kind::Assignment, &made.id).await.unwrap();
    assert_eq!(begun.state(), GrantState::InForce);
    assert!(ground.ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn a_program_can_be_assigned() {
    let ground = Ground::new().await;
    let program = ground.program("backup").await;
    let request = wish(&program, ROLE, "/");
    create(&ground.org.admin.client, Kind::Assignment, request).await.unwrap();
    assert!(program.holds(ROLE, "/").await);
}

#[tokio::test]
async fn who_may_not_grant_grants_nothing_and_learns_nothing() {
    let ground = Ground::new().await;
    let bob = ground.user("bob").await;
    for kind in KINDS {
        let request = wish(&bob, ROLE, "/");
        let missing = CreateEligibilityRequest { role_id: new_id(), ..request.clone() };
        let real = create(&ground.ada.client, kind, request).await;
        let real = assert_refused(real, Code::PermissionDenied, "NOT_PERMITTED");
        let missing = create(&ground.ada.client, kind, missing).await;
        let missing = assert_refused(missing, Code::PermissionDenied, "NOT_PERMITTED");
        assert_same_refusal(&real, &missing);
        assert_eq!(all_of(&ground.org.admin.client, kind, &bob).await, []);
    }
}

#[tokio::test]
async fn an_owner_grants_resource_roles_at_their_scope_and_below_and_nothing_else() {
    let ground = Ground::new().await;
    let owner = ground.owner().await;
    let contributor = Organisation::CONTRIBUTOR;
    let group = &format!("{SUBSCRIPTION}/resourceGroups/web");
    for kind in KINDS {
        for (role, scope) in [
            (contributor, "/"),
            (contributor, "/subscriptions/00000000-1111-4222-8333-444444444444"),
            (ROLE, "/"),
            (ROLE, UNIT),
            (ROLE, SUBSCRIPTION),
            (&new_id(), "/"),
            (&new_id(), SUBSCRIPTION),
        ] {
            let answer = create(&owner.client, kind, wish(&ground.ada, role, scope)).await;
            assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
        }
        let nobody = CreateEligibilityRequest {
            principal_id: new_id(),
            ..wish(&ground.ada, contributor, SUBSCRIPTION)
        };
        let answer = create(&owner.client, kind, nobody).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
        assert_eq!(all_of(&ground.org.admin.client, kind, &ground.ada).await, []);
        create(&owner.client, kind, wish(&ground.ada, contributor, SUBSCRIPTION)).await.unwrap();
        create(&owner.client, kind, wish(&ground.ada, contributor, group)).await.unwrap();
    }
}

#[tokio::test]
async fn what_there_is_not_is_not_found_for_who_may_know() {
    let ground = Ground::new().await;
    let elsewhere = ground.world.organisation().await;
    let eve = elsewhere.user(&ground.world, "eve").await;
    let admin = &ground.org.admin.client;
    for kind in KINDS {
        let good = wish(&ground.ada, ROLE, "/");
        for request in [
            CreateEligibilityRequest { role_id: new_id(), ..good.clone() },
            CreateEligibilityRequest { principal_id: new_id(), ..good.clone() },
            CreateEligibilityRequest { principal_id: eve.id.clone(), ..good },
        ] {
            let answer = create(admin, kind, request).await;
            assert_refused(answer, Code::NotFound, "NOT_FOUND");
        }
        assert_eq!(all_of(&elsewhere.admin.client, kind, &eve).await, []);
    }
}

#[tokio::test]
async fn nobody_grants_to_their_own_person_by_any_account() {
    let ground = Ground::new().await;
    let [root, user] = ground.accounts(["root", "user"]).await;
    ground.org.assign(&root, Organisation::GLOBAL_ADMINISTRATOR, "/").await.unwrap();
    for kind in KINDS {
        for account in [&root, &user] {
            let answer = create(&root.client, kind, wish(account, ROLE, "/")).await;
            assert_refused(answer, Code::PermissionDenied, "SELF_GRANT");
        }
        assert_eq!(all_of(&ground.org.admin.client, kind, &user).await, []);
        create(&root.client, kind, wish(&ground.ada, ROLE, "/")).await.unwrap();
    }
}

#[tokio::test]
async fn one_just_like_it_is_a_duplicate_and_one_that_differs_is_not() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let end_time = Some(timestamp(ground.world.now() + TimeDelta::days(9)));
    for kind in KINDS {
        let request = wish(&ground.ada, ROLE, "/");
        let first = create(admin, kind, request.clone()).await.unwrap();
        let answer = create(admin, kind, request.clone()).await;
        let status = assert_refused(answer, Code::AlreadyExists, "DUPLICATE");
        assert_eq!(metadata(&status, "id"), first.id);
        assert_eq!(all_of(admin, kind, &ground.ada).await, std::slice::from_ref(&first));
        let ends = CreateEligibilityRequest { end_time, ..request.clone() };
        create(admin, kind, ends).await.unwrap();
        create(admin, kind, wish(&ground.ada, ROLE, UNIT)).await.unwrap();
        remove(admin, kind, removal(&first.id)).await.unwrap();
        let again = create(admin, kind, request).await.unwrap();
        assert_ne!(again.id, first.id);
    }
}

#[tokio::test]
async fn of_two_alike_that_are_booked_the_second_is_a_duplicate() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let day = |days| Some(timestamp(ground.world.now() + TimeDelta::days(days)));
    for kind in KINDS {
        let request = CreateEligibilityRequest {
            start_time: day(3),
            end_time: day(9),
            ..wish(&ground.ada, ROLE, "/")
        };
        let first = create(admin, kind, request.clone()).await.unwrap();
        let answer = create(admin, kind, request.clone()).await;
        let status = assert_refused(answer, Code::AlreadyExists, "DUPLICATE");
        assert_eq!(metadata(&status, "id"), first.id);
        let sooner = CreateEligibilityRequest { start_time: day(2), ..request.clone() };
        create(admin, kind, sooner).await.unwrap();
        create(admin, kind, CreateEligibilityRequest { end_time: day(8), ..request })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn malformed_fields_are_named() {
    type Spoil = fn(&mut CreateEligibilityRequest);
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let spoiled: [(&str, Spoil); 9] = [
        ("principal_id", |wish| wish.principal_id.clear()),
        ("role_id", |wish| wish.role_id = "1".to_owned()),
        ("scope", |wish| wish.scope.clear()),
        ("scope", |wish| wish.scope = "/nowhere/1".to_owned()),
        ("start_time", |wish| {
            wish.start_time = Some(prost_types::Timestamp { seconds: 0, nanos: -1 });
        }),
        ("end_time", |wish| {
            wish.start_time = Some(prost_types::Timestamp { seconds: 9, nanos: 0 });
            wish.end_time = wish.start_time;
        }),
        ("justification", |wish| wish.justification = "\0".to_owned()),
        ("ticket.number", |wish| wish.ticket = Some(Ticket::default())),
        ("request_id", |wish| wish.request_id = "1".to_owned()),
    ];
    for kind in KINDS {
        for (path, spoil) in spoiled {
            let mut request = wish(&ground.ada, ROLE, "/");
            spoil(&mut request);
            assert_invalid(create(admin, kind, request).await, path);
        }
        assert_eq!(all_of(admin, kind, &ground.ada).await, []);
    }
}
