//! `WatchEffectiveRoles`: what a reader hears, from where on, and until when.

use chrono::TimeDelta;
use pim_access::SERVICE;
use pim_client::Client;
use pim_proto::{
    access::v1::{
        WatchEffectiveRolesRequest, WatchEffectiveRolesResponse,
        watch_effective_roles_response::Change,
    },
    assignment::v1::RemoveAssignmentRequest,
};
use pim_tests::{assert_invalid, assert_refused, fields, reason, timestamp};
use tonic::{Code, Status, Streaming};

use crate::ask::{
    CONTRIBUTOR, GROUP, ROOT, SUBSCRIPTION, USER_ADMINISTRATOR, assign, begin, hours,
};

async fn watch(
    client: &Client,
    principals: &[&str],
    after_position: &str,
) -> Result<Streaming<WatchEffectiveRolesResponse>, Status> {
    let request = WatchEffectiveRolesRequest {
        principal_ids: principals.iter().map(|id| (*id).to_owned()).collect(),
        after_position: after_position.to_owned(),
    };
    Ok(client.access().watch_effective_roles(request).await?.into_inner())
}

/// The next message that tells of a change, and the position after it.
async fn next(stream: &mut Streaming<WatchEffectiveRolesResponse>) -> (Vec<Change>, String) {
    loop {
        let message = stream.message().await.unwrap().unwrap();
        if !message.changes.is_empty() {
            return (message.changes, message.position);
        }
    }
}

/// How the stream ends, whatever comes before.
async fn end(mut stream: Streaming<WatchEffectiveRolesResponse>) -> Status {
    loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended without a reason"),
            Err(status) => return status,
        }
    }
}

fn ids(change: &Change) -> Vec<&str> {
    change.held.iter().map(|holding| holding.id.as_str()).collect()
}

#[tokio::test]
async fn first_comes_all_then_each_change_and_what_the_clock_alone_ends() {
    let (world, organisation, alice) = begin().await;
    let first = organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let ends = world.now() + hours(1);
    let ending = assign(&organisation, &alice, (USER_ADMINISTRATOR, ROOT), None, ends).await;
    // A token is good for five minutes.
    let soon = TimeDelta::minutes(3);
    world.advance(hours(1) - soon);
    let mut stream = watch(&alice.client, &[&alice.id], "").await.unwrap();
    let (changes, _) = next(&mut stream).await;
    assert!(changes[0].is_whole && changes[0].principal_id == alice.id);
    assert_eq!((changes.len(), changes[0].held.len()), (1, 2));
    assert_eq!(changes[0].valid_until, Some(timestamp(ends)));

    let more = organisation.assign(&alice, CONTRIBUTOR, GROUP).await.unwrap();
    let (changes, _) = next(&mut stream).await;
    assert_eq!((changes[0].is_whole, ids(&changes[0])), (false, vec![more.id.as_str()]));

    // Nobody records the end.
    world.advance(soon);
    let (changes, _) = next(&mut stream).await;
    assert_eq!((ids(&changes[0]), &changes[0].lost_ids), (vec![], &vec![ending.id]));
    assert_eq!(changes[0].valid_until, None);
    let request = RemoveAssignmentRequest {
        assignment_id: first.id.clone(),
        ..RemoveAssignmentRequest::default()
    };
    organisation.admin.client.assignments().remove_assignment(request).await.unwrap();
    let (changes, _) = next(&mut stream).await;
    assert_eq!(changes[0].lost_ids, [first.id]);
}

#[tokio::test]
async fn what_comes_through_a_group_is_heard_of() {
    let (_world, organisation, alice) = begin().await;
    let group = organisation.group("ops").await;
    let mut stream = watch(&alice.client, &[&alice.id], "").await.unwrap();
    assert_eq!(ids(&next(&mut stream).await.0[0]), Vec::<&str>::new());
    let admin = &organisation.admin;
    let joined = admin.add_member(&alice.id, &group).await.unwrap();
    assert_eq!(ids(&next(&mut stream).await.0[0]), [&*joined.id]);
    let given = admin.assign_to(&group.id, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let (changes, _) = next(&mut stream).await;
    assert_eq!((ids(&changes[0]), &changes[0].held[0].group_id), (vec![&*given.id], &group.id));
    admin.remove(&joined).await.unwrap();
    let (changes, _) = next(&mut stream).await;
    let mut lost = changes[0].lost_ids.clone();
    lost.sort();
    let mut both = [given.id, joined.id];
    both.sort();
    assert_eq!(lost, both);
}

#[tokio::test]
async fn who_resumes_hears_what_was_missed_and_nothing_twice() {
    let (world, organisation, alice) = begin().await;
    let bob = organisation.user(&world, "bob").await;
    let admin = &organisation.admin.client;
    let both = [alice.id.as_str(), bob.id.as_str()];
    let ends = world.now() + hours(1);
    let of_alice = assign(&organisation, &alice, (CONTRIBUTOR, SUBSCRIPTION), None, ends).await;
    organisation.assign(&bob, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let mut stream = watch(admin, &both, "").await.unwrap();
    let (changes, position) = next(&mut stream).await;
    assert_eq!(changes.len(), 2);
    drop(stream);

    // Of alice only the clock has changed something, of bob a write.
    world.advance(hours(1));
    let more = organisation.assign(&bob, USER_ADMINISTRATOR, ROOT).await.unwrap();
    let mut stream = watch(admin, &both, &position).await.unwrap();
    let (mut changes, position) = next(&mut stream).await;
    changes.sort_by_key(|change| change.principal_id != alice.id);
    assert_eq!((changes[0].is_whole, &changes[0].lost_ids), (false, &vec![of_alice.id]));
    assert!(changes[1].is_whole && ids(&changes[1]).contains(&more.id.as_str()));
    assert_eq!(changes[1].held.len(), 2);

    // Nothing was missed.
    drop(stream);
    let mut stream = watch(admin, &both, &position).await.unwrap();
    let message = stream.message().await.unwrap().unwrap();
    assert_eq!((message.changes, message.answers_void), (vec![], false));
    assert!(!message.position.is_empty());
}

#[tokio::test]
async fn a_position_is_good_for_its_principals_and_not_for_ever() {
    let (mut world, organisation, alice) = begin().await;
    let admin = &organisation.admin;
    let mut stream = watch(&alice.client, &[&alice.id], "").await.unwrap();
    let (_, position) = next(&mut stream).await;
    for (principals, position) in
        [(vec![alice.id.as_str(), admin.id.as_str()], position.as_str()), (vec![&*alice.id], "x")]
    {
        let refused = watch(&admin.client, &principals, position).await.map(drop);
        assert_invalid(refused, "after_position");
    }
    // A process that has not seen what came after it.
    organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let everything = world.url.clone();
    world.call_alone(SERVICE, &everything).await;
    let elsewhere = alice.again(&world);
    let late = end(watch(&elsewhere.client, &[&alice.id], &position).await.unwrap()).await;
    assert_eq!((late.code(), reason(&late).as_str()), (Code::OutOfRange, "POSITION_TOO_OLD"));
    let mut anew = watch(&elsewhere.client, &[&alice.id], "").await.unwrap();
    assert!(next(&mut anew).await.0[0].is_whole);
}

#[tokio::test]
async fn a_stream_lasts_no_longer_than_the_right_to_it() {
    let (world, organisation, alice) = begin().await;
    let bob = organisation.user(&world, "bob").await;
    let refused = watch(&alice.client, &[&bob.id], "").await.map(drop);
    assert_refused(refused, Code::PermissionDenied, "NOT_PERMITTED");
    let checker = pim_domain::authority::ACCESS_CHECKER.to_string();
    let checker = organisation.assign(&alice, &checker, ROOT).await.unwrap();
    let nobody = pim_tests::new_id();
    let refused = watch(&alice.client, &[&nobody], "").await.map(drop);
    assert_refused(refused, Code::NotFound, "NOT_FOUND");

    let mut stream = watch(&alice.client, &[&bob.id], "").await.unwrap();
    next(&mut stream).await;
    organisation.admin.remove(&checker).await.unwrap();
    assert_eq!(end(stream).await.code(), Code::PermissionDenied);

    let mut stream = watch(&alice.client, &[&alice.id], "").await.unwrap();
    next(&mut stream).await;
    // The token is good for five minutes.
    world.advance(hours(1));
    assert_eq!(end(stream).await.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_malformed_wish_is_answered_with_the_field() {
    let (_world, _organisation, alice) = begin().await;
    let many = vec![alice.id.as_str(); 501];
    for principals in [&[][..], &many] {
        let refused = watch(&alice.client, principals, "").await.map(drop);
        assert_invalid(refused, "principal_ids");
    }
    let refused = watch(&alice.client, &[&alice.id, "bob"], "").await.map(drop).unwrap_err();
    assert_eq!(fields(&refused), ["principal_ids[1]"]);
}

#[tokio::test]
async fn what_roles_permit_is_another_question_and_voids_answers() {
    let (_world, organisation, alice) = begin().await;
    for scope in ["/managementGroups/one", "/managementGroups/two"] {
        organisation.register(scope, "").await.unwrap();
    }
    organisation.register("/subscriptions/a", "/managementGroups/one").await.unwrap();
    let mut stream = watch(&alice.client, &[&alice.id], "").await.unwrap();
    next(&mut stream).await;
    organisation.move_scope("/subscriptions/a", "/managementGroups/two").await.unwrap();
    loop {
        let message = stream.message().await.unwrap().unwrap();
        assert!(message.changes.is_empty(), "nobody holds anything else");
        if message.answers_void {
            break;
        }
    }
}
