//! `ExplainAccess`: how a yes came about, and what stands in the way of one.

use pim_client::Client;
use pim_proto::{
    access::v1::{
        Decision, ExplainAccessRequest, ExplainAccessResponse, ObstacleReason,
        explain_access_request::Question,
    },
    assignment::v1::{DeleteGroupRequest, DisablePrincipalRequest},
};
use pim_tests::{Organisation, Person, assert_invalid, assert_refused, timestamp};
use prost_types::Timestamp;
use tonic::{Code, Status};

use crate::ask::{CONTRIBUTOR, GROUP, SUBSCRIPTION, assign, begin, hours, own, tick};

fn wish(person: &Person) -> ExplainAccessRequest {
    ExplainAccessRequest {
        principal_id: person.id.clone(),
        question: Some(Question::RoleId(CONTRIBUTOR.to_owned())),
        scope: GROUP.to_owned(),
        at: None,
    }
}

async fn explain(
    caller: &Client,
    request: ExplainAccessRequest,
) -> Result<ExplainAccessResponse, Status> {
    Ok(caller.access().explain_access(request).await?.into_inner())
}

/// What stands in somebody's way, each with the instant that it names; the newest first.
async fn obstacles(person: &Person) -> Vec<(String, ObstacleReason, Option<Timestamp>)> {
    let answer = explain(&person.client, wish(person)).await.unwrap();
    assert_eq!(answer.decision(), Decision::Denied);
    assert_eq!(answer.supports, []);
    let obstacles = answer.obstacles.into_iter();
    obstacles.map(|one| (one.id.clone(), one.reason(), one.change_time)).collect()
}

#[tokio::test]
async fn a_yes_comes_with_its_whole_way() {
    let (world, organisation, alice) = begin().await;
    let boss = organisation.user(&world, "boss").await;
    organisation.require_approval(CONTRIBUTOR, &[&boss]).await;
    let eligibility = organisation.make_eligible(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    world.advance(hours(1));
    let asked = world.now();
    let activation = alice.activate(Person::wish(CONTRIBUTOR, SUBSCRIPTION)).await.unwrap();
    let pending = obstacles(&alice).await;
    let reasons: Vec<_> = pending.iter().map(|(id, reason, _)| (id.as_str(), *reason)).collect();
    let wanted = [
        (activation.id.as_str(), ObstacleReason::PendingApproval),
        (eligibility.id.as_str(), ObstacleReason::NotActivated),
    ];
    assert_eq!(reasons, wanted);
    world.advance(hours(1));
    let approval = boss.approve(&boss.inbox().await[0]).await.unwrap();

    let answer = explain(&alice.client, wish(&alice)).await.unwrap();
    assert_eq!((answer.decision(), answer.obstacles.as_slice()), (Decision::Allowed, &[][..]));
    let checked = own(&alice, CONTRIBUTOR, GROUP).await;
    assert_eq!(answer.valid_until, checked.valid_until);
    let [support] = answer.supports.as_slice() else { panic!("{answer:?}") };
    let holding = support.holding.as_ref().unwrap();
    assert_eq!((holding.id.as_str(), support.is_membership), (activation.id.as_str(), false));
    assert_eq!(support.create_time, Some(timestamp(asked)));
    assert_eq!(support.created_by, alice.id);
    let origin = support.eligibility.as_ref().unwrap();
    assert_eq!((&origin.id, &origin.created_by), (&eligibility.id, &organisation.admin.id));
    let [decided] = support.approvals.as_slice() else { panic!("{support:?}") };
    assert_eq!(decided.approval_id, approval.id);
    let [vote] = decided.votes.as_slice() else { panic!("{decided:?}") };
    assert_eq!((&vote.approver_id, vote.is_approved), (&boss.id, true));
    let codes: Vec<&str> = support.events.iter().map(|event| event.code.as_str()).collect();
    for code in ["pim.eligibility.created", "pim.activation.requested", "pim.approval.opened"] {
        assert!(codes.contains(&code), "{codes:?}");
    }
    assert_eq!(support.events[0].actor_id, organisation.admin.id);
    assert!(support.events.is_sorted_by_key(|event| {
        let time = event.event_time.unwrap();
        (time.seconds, time.nanos)
    }));

    // As it was before it was approved.
    let at = Some(timestamp(asked));
    let then = explain(&alice.client, ExplainAccessRequest { at, ..wish(&alice) }).await.unwrap();
    assert_eq!((then.decision(), then.as_of_time), (Decision::Denied, at));
    assert_eq!(then.obstacles[0].reason(), ObstacleReason::PendingApproval);
}

#[tokio::test]
async fn what_a_group_has_comes_with_the_way_to_the_group() {
    let (world, organisation, alice) = begin().await;
    let (inner, outer) = (organisation.group("inner").await, organisation.group("outer").await);
    let admin = &organisation.admin;
    let assignment = admin.assign_to(&outer.id, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let nested = admin.add_member(&inner.id, &outer).await.unwrap();
    world.advance(tick());
    let member = admin.add_member(&alice.id, &inner).await.unwrap();
    let answer = explain(&alice.client, wish(&alice)).await.unwrap();
    let of = |one: &pim_proto::access::v1::Support| {
        let holding = one.holding.clone().unwrap();
        (holding.id, holding.principal_id, holding.group_id, one.is_membership)
    };
    let mut supports: Vec<_> = answer.supports.iter().map(of).collect();
    let mut wanted = vec![
        (assignment.id.clone(), alice.id.clone(), outer.id.clone(), false),
        (nested.id.clone(), inner.id.clone(), String::new(), true),
        (member.id.clone(), alice.id.clone(), String::new(), true),
    ];
    supports.sort();
    wanted.sort();
    assert_eq!(supports, wanted);
    let mut ids = own(&alice, CONTRIBUTOR, GROUP).await.supporting_ids;
    let explained = answer.supports.iter().map(|one| one.holding.clone().unwrap().id);
    assert_eq!(ids, explained.collect::<Vec<_>>());
    ids.sort();

    world.advance(tick());
    admin.remove(&member).await.unwrap();
    let left = Some(timestamp(world.now()));
    let eligible =
        admin.make_eligible_for(&alice.id, Organisation::GROUP_MEMBER, &inner.scope).await.unwrap();
    let wanted = [
        (eligible.id, ObstacleReason::NotActivated, None),
        (member.id, ObstacleReason::Ended, left),
        (assignment.id.clone(), ObstacleReason::NotAMember, None),
    ];
    assert_eq!(obstacles(&alice).await, wanted);

    let mut directory = admin.client.directory();
    let (group_id, etag) = (outer.id.clone(), outer.etag.clone());
    let request = DeleteGroupRequest { group_id, etag, ..DeleteGroupRequest::default() };
    directory.delete_group(request).await.unwrap();
    let deleted = obstacles(&alice).await;
    assert!(deleted.contains(&(assignment.id, ObstacleReason::Deleted, None)), "{deleted:?}");
}

#[tokio::test]
async fn each_way_in_which_something_does_not_count_has_its_reason() {
    let (world, organisation, alice) = begin().await;
    let (start, end) = (world.now() + hours(1), world.now() + hours(2));
    let target = (CONTRIBUTOR, SUBSCRIPTION);
    let assignment = assign(&organisation, &alice, target, Some(start), end).await;
    let ahead = (assignment.id.clone(), ObstacleReason::NotStarted, Some(timestamp(start)));
    assert_eq!(obstacles(&alice).await, [ahead]);
    world.advance(hours(2));
    let over = (assignment.id.clone(), ObstacleReason::Ended, Some(timestamp(end)));
    assert_eq!(obstacles(&alice).await, [over]);

    // Denied, and then gone with what it rested on.
    let boss = organisation.user(&world, "boss").await;
    organisation.require_approval(CONTRIBUTOR, &[&boss]).await;
    organisation.make_eligible(&alice, CONTRIBUTOR, SUBSCRIPTION).await;
    let activation = alice.activate(Person::wish(CONTRIBUTOR, SUBSCRIPTION)).await.unwrap();
    world.advance(hours(1));
    boss.deny(&boss.inbox().await[0]).await.unwrap();
    let denied = (activation.id, ObstacleReason::NotGranted, Some(timestamp(world.now())));
    assert!(obstacles(&alice).await.contains(&denied));

    let request = DisablePrincipalRequest {
        principal_id: alice.id.clone(),
        ..DisablePrincipalRequest::default()
    };
    let admin = &organisation.admin.client;
    admin.directory().disable_principal(request).await.unwrap();
    let answer = explain(admin, wish(&alice)).await.unwrap();
    assert_eq!(answer.obstacles[0].id, alice.id);
    assert_eq!(answer.obstacles[0].reason(), ObstacleReason::PrincipalDisabled);
}

#[tokio::test]
async fn of_very_many_the_newest_fifty_are_said() {
    let (world, organisation, alice) = begin().await;
    let mut made = Vec::new();
    for _ in 0..51 {
        let assignment = organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
        organisation.admin.remove(&assignment).await.unwrap();
        made.push(assignment.id);
        world.advance(hours(1));
    }
    made.reverse();
    let said: Vec<String> = obstacles(&alice).await.into_iter().map(|(id, ..)| id).collect();
    assert_eq!(said, made[..50]);
}

#[tokio::test]
async fn others_need_the_right_to_read_and_what_is_malformed_is_named() {
    let (world, organisation, alice) = begin().await;
    organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let checker = organisation.user(&world, "checker").await;
    // Who may check may not read how it came about.
    organisation.assign(&checker, "5a3cde95-7a1e-4b52-9a3f-2d1f6c1f6e0b", "/").await.unwrap();
    let answer = explain(&checker.client, wish(&alice)).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    let admin = &organisation.admin.client;
    assert_eq!(explain(admin, wish(&alice)).await.unwrap().supports.len(), 1);
    let nobody = ExplainAccessRequest {
        principal_id: "01890000-0000-7000-8000-000000000000".to_owned(),
        ..wish(&alice)
    };
    assert_refused(explain(admin, nobody).await, Code::NotFound, "NOT_FOUND");

    let ahead = Some(timestamp(world.now() + tick()));
    let future = ExplainAccessRequest { at: ahead, ..wish(&alice) };
    assert_invalid(explain(admin, future).await, "at");
    let nothing = ExplainAccessRequest { question: None, ..wish(&alice) };
    assert_invalid(explain(admin, nothing).await, "question");
    let scope = ExplainAccessRequest { scope: "web".to_owned(), ..wish(&alice) };
    assert_invalid(explain(admin, scope).await, "scope");
}
