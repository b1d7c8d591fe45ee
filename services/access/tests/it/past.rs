//! What was held at an instant of the past.

use chrono::{DateTime, Utc};
use pim_proto::{
    access::v1::{
        CheckAccessRequest, CheckAccessResponse, Consistency, ListEffectiveRolesRequest,
        ListRoleHoldersRequest, check_access_request::Question, consistency::Requirement,
    },
    assignment::v1::{
        CreateRoleRequest, DeleteRoleRequest, PermissionBlock, RemoveAssignmentRequest,
        RoleDefinition,
    },
    r#type::v1::Catalog,
};
use pim_tests::{Person, assert_invalid, timestamp};
use tonic::Status;

use crate::ask::{
    CONTRIBUTOR, GROUP, SUBSCRIPTION, assign, begin, hours, is_yes, of, own, roles, tick,
};

const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";

fn wish(person: &Person, at: DateTime<Utc>) -> CheckAccessRequest {
    CheckAccessRequest {
        principal_id: person.id.clone(),
        question: Some(Question::RoleId(CONTRIBUTOR.to_owned())),
        scope: SUBSCRIPTION.to_owned(),
        at: Some(timestamp(at)),
        ..CheckAccessRequest::default()
    }
}

async fn then(person: &Person, at: DateTime<Utc>) -> Result<CheckAccessResponse, Status> {
    Ok(person.client.access().check_access(wish(person, at)).await?.into_inner())
}

#[tokio::test]
async fn what_was_removed_was_held_until_then() {
    let (world, organisation, alice) = begin().await;
    world.advance(tick());
    let before = world.now() - tick();
    let (start, end) = (world.now(), world.now() + hours(8));
    let target = (CONTRIBUTOR, SUBSCRIPTION);
    let assignment = assign(&organisation, &alice, target, None, end).await;
    world.advance(hours(1));
    let removed = world.now();
    let assignment_id = assignment.id.clone();
    let request = RemoveAssignmentRequest { assignment_id, ..RemoveAssignmentRequest::default() };
    let mut assignments = organisation.admin.client.assignments();
    assignments.remove_assignment(request).await.unwrap();
    world.advance(hours(1));
    assert!(!is_yes(&own(&alice, CONTRIBUTOR, SUBSCRIPTION).await));

    let held = then(&alice, removed - tick()).await.unwrap();
    assert!(is_yes(&held));
    assert_eq!(held.supporting_ids, [assignment.id]);
    assert_eq!(held.as_of_time, Some(timestamp(removed - tick())));
    // Nobody knew then that it would be removed.
    assert_eq!(held.valid_until, Some(timestamp(end)));
    assert_eq!(held.max_clock_error, Some(prost_types::Duration::default()));
    assert!(is_yes(&then(&alice, start).await.unwrap()));
    for at in [before, removed, removed + tick(), world.now()] {
        assert!(!is_yes(&then(&alice, at).await.unwrap()), "{at}");
    }
}

#[tokio::test]
async fn a_scope_lay_where_it_was_put_and_a_right_is_judged_by_where_it_lies() {
    let (world, organisation, alice) = begin().await;
    let (one, two) = ("/managementGroups/one", "/managementGroups/two");
    for scope in [one, two] {
        organisation.register(scope, "").await.unwrap();
    }
    organisation.register(SUBSCRIPTION, one).await.unwrap();
    organisation.assign(&alice, CONTRIBUTOR, one).await.unwrap();
    world.advance(hours(1));
    let before = world.now();
    world.advance(tick());
    organisation.move_scope(SUBSCRIPTION, two).await.unwrap();
    world.advance(tick());
    assert!(!is_yes(&own(&alice, CONTRIBUTOR, SUBSCRIPTION).await));
    assert!(is_yes(&then(&alice, before).await.unwrap()));
    assert!(!is_yes(&then(&alice, world.now()).await.unwrap()));
    let at = Some(timestamp(before));
    let list = ListEffectiveRolesRequest { scope: GROUP.to_owned(), at, ..of(&alice) };
    assert_eq!(roles(&alice.client, list.clone()).await.unwrap().holdings.len(), 1);
    let list = ListEffectiveRolesRequest { at: Some(timestamp(world.now())), ..list };
    assert_eq!(roles(&alice.client, list).await.unwrap().holdings, []);

    // Whoever may ask above it as it is may ask; whoever might have then may not any more.
    for (above, may) in [(two, true), (one, false)] {
        let mut owner = organisation.user(&world, above).await;
        organisation.assign(&owner, OWNER, above).await.unwrap();
        owner.id.clone_from(&alice.id);
        assert_eq!(then(&owner, before).await.is_ok(), may, "{above}");
    }
}

#[tokio::test]
async fn a_custom_role_permitted_what_it_did_until_it_was_deleted() {
    let (world, organisation, alice) = begin().await;
    let mut client = organisation.admin.client.roles();
    let actions = vec!["Microsoft.Web/sites/read".to_owned()];
    let request = CreateRoleRequest {
        catalog: Catalog::Azure.into(),
        definition: Some(RoleDefinition {
            display_name: "Site reader".to_owned(),
            permissions: vec![PermissionBlock { actions, ..PermissionBlock::default() }],
            assignable_scopes: vec![SUBSCRIPTION.to_owned()],
            ..RoleDefinition::default()
        }),
        ..CreateRoleRequest::default()
    };
    let role = client.create_role(request).await.unwrap().into_inner().role.unwrap();
    organisation.assign(&alice, &role.id, SUBSCRIPTION).await.unwrap();
    world.advance(hours(1));
    let (role_id, etag) = (role.id, role.etag);
    let request = DeleteRoleRequest { role_id, etag, ..DeleteRoleRequest::default() };
    client.delete_role(request).await.unwrap();
    let deleted = world.now();
    world.advance(hours(1));
    for (at, held) in [(deleted - tick(), true), (deleted, false)] {
        let request = CheckAccessRequest {
            question: Some(Question::Action("Microsoft.Web/sites/read".to_owned())),
            ..wish(&alice, at)
        };
        let answer = alice.client.access().check_access(request).await.unwrap().into_inner();
        assert_eq!(is_yes(&answer), held, "{at}");
    }
}

#[tokio::test]
async fn the_future_cannot_be_asked_about_and_the_past_has_one_state() {
    let (world, organisation, alice) = begin().await;
    assert!(!is_yes(&then(&alice, world.now()).await.unwrap()));
    let ahead = world.now() + tick();
    assert_invalid(then(&alice, ahead).await, "at");
    let list = ListEffectiveRolesRequest { at: Some(timestamp(ahead)), ..of(&alice) };
    assert_invalid(roles(&alice.client, list).await, "at");
    let holders = ListRoleHoldersRequest {
        role_id: CONTRIBUTOR.to_owned(),
        scope: SUBSCRIPTION.to_owned(),
        at: Some(timestamp(ahead)),
        ..ListRoleHoldersRequest::default()
    };
    let client = &organisation.admin.client;
    assert_invalid(client.access().list_role_holders(holders).await, "at");

    let requirement = Some(Requirement::MaxStaleness(prost_types::Duration::default()));
    let stale = CheckAccessRequest {
        consistency: Some(Consistency { requirement }),
        ..wish(&alice, world.now())
    };
    assert_invalid(alice.client.access().check_access(stale).await, "consistency");
    let beyond = prost_types::Timestamp { seconds: i64::MAX, nanos: 0 };
    let beyond = CheckAccessRequest { at: Some(beyond), ..wish(&alice, world.now()) };
    assert_invalid(alice.client.access().check_access(beyond).await, "at");
}

#[tokio::test]
async fn a_page_token_belongs_to_its_instant() {
    let (world, organisation, alice) = begin().await;
    for number in 0..2 {
        let scope = format!("{SUBSCRIPTION}/resourcegroups/{number}");
        organisation.assign(&alice, CONTRIBUTOR, &scope).await.unwrap();
    }
    world.advance(hours(1));
    let at = Some(timestamp(world.now()));
    let request = ListEffectiveRolesRequest { page_size: 1, at, ..of(&alice) };
    let first = roles(&alice.client, request.clone()).await.unwrap();
    let page_token = first.next_page_token;
    let next = ListEffectiveRolesRequest { page_token: page_token.clone(), ..request };
    let second = roles(&alice.client, next.clone()).await.unwrap();
    assert_eq!((second.holdings.len(), second.next_page_token.as_str()), (1, ""));
    let other = ListEffectiveRolesRequest { at: Some(timestamp(world.now() - tick())), ..next };
    assert_invalid(roles(&alice.client, other).await, "page_token");
    let now = ListEffectiveRolesRequest { page_size: 1, page_token, ..of(&alice) };
    assert_invalid(roles(&alice.client, now).await, "page_token");
}
