//! `ActivateRole`: what is answered, and from when to when.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{
        ActivateRoleRequest, Activation, ActivationState, Ending, activate_role_request::Length,
    },
    assignment::v1::CreateEligibilityRequest,
    r#type::v1::Ticket,
};
use pim_tests::{Person, assert_refused, duration, fields, new_id, rules, timestamp};
use tonic::Code;
use uuid::Uuid;

use crate::ground::{Ground, ROLE, SUBSCRIPTION, UNIT, activations_of, assert_state, stored};

#[tokio::test]
async fn an_activation_says_all_of_itself() {
    let Ground { world, ada, eligibility, .. } = Ground::new().await;
    let ticket = Ticket { number: "INC-17".to_owned(), system: "desk".to_owned() };
    let wish = ActivateRoleRequest { ticket: Some(ticket.clone()), ..Person::wish(ROLE, "/") };
    let answer = ada.client.activations().activate_role(wish).await.unwrap().into_inner();
    let activation = answer.activation.unwrap();
    let now = world.now();
    let expected = Activation {
        id: activation.id.clone(),
        principal_id: ada.id.clone(),
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        eligibility_id: eligibility.id,
        state: ActivationState::Active.into(),
        start_time: Some(timestamp(now)),
        end_time: Some(timestamp(now + TimeDelta::hours(1))),
        justification: "to mend the mail".to_owned(),
        ticket: Some(ticket),
        policy_revision: 0,
        create_time: Some(timestamp(now)),
        update_time: Some(timestamp(now)),
        etag: activation.etag.clone(),
        ..Activation::default()
    };
    assert_eq!(activation, expected);
    assert!(activation.id.parse::<Uuid>().is_ok());
    assert!(!activation.etag.is_empty());
    assert!(!answer.revision.is_empty());
    assert_eq!(stored(&ada, &activation).await, activation);
    assert!(ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn it_ends_by_time_alone() {
    let Ground { world, ada, .. } = Ground::new().await;
    let activation = ada.activate(Person::wish(ROLE, "/")).await.unwrap();
    world.advance(TimeDelta::hours(1) - TimeDelta::microseconds(1));
    assert_state(&stored(&ada, &activation).await, ActivationState::Active);
    world.advance(TimeDelta::microseconds(1));
    let ended = stored(&ada, &activation).await;
    assert_eq!((ended.state(), ended.ending()), (ActivationState::Ended, Ending::Expired));
    assert_eq!(ended.ended_time, activation.end_time);
    assert!(!ada.holds(ROLE, "/").await);
}

#[tokio::test]
async fn an_asked_end_stays_where_it_was_asked() {
    let Ground { world, ada, .. } = Ground::new().await;
    let end = timestamp(world.now() + TimeDelta::minutes(90));
    let length = Some(Length::EndTime(end));
    let wish = ActivateRoleRequest { length, ..Person::wish(ROLE, "/") };
    let activation = ada.activate(wish).await.unwrap();
    assert_eq!(activation.start_time, Some(timestamp(world.now())));
    assert_eq!(activation.end_time, Some(end));
    assert!(!activation.truncated);
}

#[tokio::test]
async fn a_start_in_the_past_is_now() {
    let Ground { world, ada, .. } = Ground::new().await;
    let start_time = Some(timestamp(world.now() - TimeDelta::hours(5)));
    let wish = ActivateRoleRequest { start_time, ..Person::wish(ROLE, "/") };
    let activation = ada.activate(wish).await.unwrap();
    assert_eq!(activation.start_time, Some(timestamp(world.now())));
    assert_eq!(activation.end_time, Some(timestamp(world.now() + TimeDelta::hours(1))));
}

#[tokio::test]
async fn a_start_ahead_is_booked_and_grants_nothing() {
    let Ground { world, ada, .. } = Ground::new().await;
    let start_time = Some(timestamp(world.now() + TimeDelta::days(30)));
    let wish = ActivateRoleRequest { start_time, ..Person::wish(ROLE, "/") };
    let activation = ada.activate(wish).await.unwrap();
    assert_state(&activation, ActivationState::Scheduled);
    assert_eq!((activation.start_time, activation.end_time), (start_time, None));
    assert!(!ada.holds(ROLE, "/").await);
    world.advance(TimeDelta::days(30));
    assert!(!ada.holds(ROLE, "/").await, "until it has been judged at its start");
}

#[tokio::test]
async fn the_end_is_never_past_that_of_the_eligibility() {
    let ground = Ground::new().await;
    let bob = ground.user("bob").await;
    let end_time = Some(timestamp(ground.world.now() + TimeDelta::minutes(30)));
    let request = CreateEligibilityRequest {
        principal_id: bob.id.clone(),
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        end_time,
        ..Default::default()
    };
    ground.make_eligible(request).await;
    let activation = bob.activate(Person::wish(ROLE, "/")).await.unwrap();
    assert_eq!((activation.end_time, activation.truncated), (end_time, true));
    assert_eq!(stored(&bob, &activation).await, activation);
}

#[tokio::test]
async fn it_rests_on_the_nearest_eligibility_or_on_the_one_that_is_named() {
    let Ground { org, ada, eligibility, .. } = Ground::new().await;
    let near = org.make_eligible(&ada, ROLE, UNIT).await;
    let activation = ada.activate(Person::wish(ROLE, UNIT)).await.unwrap();
    assert_eq!(activation.eligibility_id, near.id);
    ada.deactivate(&activation.id).await.unwrap();
    let eligibility_id = eligibility.id;
    let named = ActivateRoleRequest { eligibility_id, ..Person::wish(ROLE, UNIT) };
    let wanted = named.eligibility_id.clone();
    assert_eq!(ada.activate(named).await.unwrap().eligibility_id, wanted);
}

#[tokio::test]
async fn an_eligibility_of_somebody_else_or_of_another_tenant_is_none() {
    let Ground { world, org, ada, .. } = Ground::new().await;
    let grace = org.user(&world, "grace").await;
    let others = org.make_eligible(&grace, ROLE, "/").await;
    let elsewhere = world.organisation().await;
    let eve = elsewhere.user(&world, "eve").await;
    let foreign = elsewhere.make_eligible(&eve, ROLE, "/").await;
    for eligibility_id in [others.id, foreign.id, new_id()] {
        let wish = ActivateRoleRequest { eligibility_id, ..Person::wish(ROLE, "/") };
        let answer = ada.activate(wish).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
        assert_eq!(rules(&status), ["ELIGIBILITY"]);
    }
    assert_eq!(activations_of(&ada).await, []);
}

#[tokio::test]
async fn a_scope_above_or_beside_the_eligibility_is_not_covered() {
    let Ground { org, world, .. } = Ground::new().await;
    let bob = org.user(&world, "bob").await;
    org.make_eligible(&bob, ROLE, UNIT).await;
    for scope in ["/", "/administrativeUnits/0d5b0f1e-58c5-4f10-b0a6-61a3d9c2b111"] {
        let answer = bob.activate(Person::wish(ROLE, scope)).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "POLICY_DENIED");
        assert_eq!(rules(&status), ["ELIGIBILITY"]);
    }
    assert_eq!(activations_of(&bob).await, []);
    bob.activate(Person::wish(ROLE, UNIT)).await.unwrap();
}

#[tokio::test]
async fn a_role_that_there_is_not_is_not_found() {
    let Ground { ada, .. } = Ground::new().await;
    let answer = ada.activate(Person::wish(&new_id(), "/")).await;
    assert_refused(answer, Code::NotFound, "NOT_FOUND");
    assert_eq!(activations_of(&ada).await, []);
}

#[tokio::test]
async fn malformed_fields_are_named_and_store_nothing() {
    type Spoil = fn(&mut ActivateRoleRequest);
    let Ground { ada, .. } = Ground::new().await;
    let spoiled: [(&str, Spoil); 12] = [
        ("role_id", |wish| wish.role_id.clear()),
        ("role_id", |wish| wish.role_id = "admin".to_owned()),
        ("scope", |wish| wish.scope.clear()),
        ("scope", |wish| wish.scope = "subscriptions".to_owned()),
        ("eligibility_id", |wish| wish.eligibility_id = "mine".to_owned()),
        ("start_time", |wish| {
            wish.start_time = Some(prost_types::Timestamp { seconds: 0, nanos: -1 });
        }),
        ("duration", |wish| wish.length = None),
        ("duration", |wish| {
            wish.length = Some(Length::Duration(duration(TimeDelta::zero())));
        }),
        ("end_time", |wish| {
            let (seconds, nanos) = (4_000_000_000, 0);
            wish.start_time = Some(prost_types::Timestamp { seconds, nanos });
            wish.length = Some(Length::EndTime(prost_types::Timestamp { seconds, nanos }));
        }),
        ("justification", |wish| wish.justification = "a\u{202e}b".to_owned()),
        ("ticket.system", |wish| {
            wish.ticket = Some(Ticket { number: "1".to_owned(), system: String::new() });
        }),
        ("request_id", |wish| wish.request_id = "first".to_owned()),
    ];
    for (path, spoil) in spoiled {
        let mut wish = Person::wish(ROLE, "/");
        spoil(&mut wish);
        let status =
            assert_refused(ada.activate(wish).await, Code::InvalidArgument, "INVALID_FIELD");
        assert_eq!(fields(&status), [path]);
    }
    assert_eq!(activations_of(&ada).await, []);
}

#[tokio::test]
async fn only_a_principal_asks_for_a_role() {
    let Ground { world, .. } = Ground::new().await;
    for client in [world.operator(), world.service("scheduler")] {
        let wish = Person::wish(ROLE, SUBSCRIPTION);
        let answer = client.activations().activate_role(wish).await;
        assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    }
}
