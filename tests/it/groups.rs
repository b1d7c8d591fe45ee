//! Groups: what their members hold, may activate and lose, who administers them, and what nobody
//! can do by them.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use pim_proto::{
    access::v1::{
        CheckAccessRequest, Decision, ListRoleHoldersRequest, check_access_request::Question,
    },
    activation::v1::{
        ActivateRoleRequest, ActivationState, CancelActivationRequest, Ending,
        SearchMyActivationsRequest,
    },
    assignment::v1::{
        ApprovalRule, ApprovalStage, ApproverSlot, DeleteGroupRequest, GetGroupRequest, GrantState,
        Group, ListAssignmentsRequest, PrincipalKind, Rules, SearchMyEligibilitiesRequest,
        UpdateGroupRequest, approver_slot::Approver,
    },
    audit::v1::EventFilter,
    scheduler::v1::ListDueRequest,
};
use pim_tests::{
    Organisation, Person, World, assert_invalid, assert_refused, duration, reason, rules,
};
use tonic::Code;
use uuid::Uuid;

const ROLE: &str = Organisation::USER_ADMINISTRATOR;
const MEMBER: &str = Organisation::GROUP_MEMBER;

async fn state(person: &Person, id: &str) -> (ActivationState, Ending) {
    let shown = person.activation(id).await.unwrap();
    (shown.state(), shown.ending())
}

#[tokio::test]
async fn members_of_an_eligible_group_activate_for_themselves() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let admin = &organisation.admin;
    let [alice, bob] =
        [organisation.user(&world, "alice").await, organisation.user(&world, "bob").await];
    let ops = organisation.group("ops").await;
    let membership = admin.add_member(&alice.id, &ops).await.unwrap();
    admin.add_member(&bob.id, &ops).await.unwrap();
    let eligibility = admin.make_eligible_for(&ops.id, ROLE, "/").await.unwrap();
    let mine = SearchMyEligibilitiesRequest::default();
    let mine = alice.client.assignments().search_my_eligibilities(mine).await.unwrap();
    let mine: Vec<String> = mine.into_inner().eligibilities.into_iter().map(|one| one.id).collect();
    assert_eq!(mine, [&*eligibility.id]);
    let active = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    assert_eq!(active.eligibility_id, eligibility.id);
    assert_eq!(active.membership_ids, [&*membership.id]);
    assert!(alice.holds(ROLE, "/").await);
    assert!(!bob.holds(ROLE, "/").await, "only who activates becomes active");
    // Leaving ends it at that instant; nobody steps the scheduler, and the bell only records it.
    admin.remove(&membership).await.unwrap();
    assert!(!alice.holds(ROLE, "/").await);
    assert_eq!(state(&alice, &active.id).await, (ActivationState::Ended, Ending::Void));
    // Coming back revives nothing.
    admin.add_member(&alice.id, &ops).await.unwrap();
    assert!(!alice.holds(ROLE, "/").await);
    alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    assert!(alice.holds(ROLE, "/").await);
}

#[tokio::test]
async fn an_activation_ends_no_later_than_the_membership_that_it_rests_on() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let admin = &organisation.admin;
    let alice = organisation.user(&world, "alice").await;
    let ops = organisation.group("ops").await;
    admin.make_eligible_for(&alice.id, MEMBER, &ops.scope).await.unwrap();
    admin.make_eligible_for(&ops.id, ROLE, "/").await.unwrap();
    let refused = alice.activate(Person::wish(ROLE, "/")).await.unwrap_err();
    assert_eq!(rules(&refused), ["ELIGIBILITY"], "whoever may become a member is none yet");
    let joined = alice.activate(Person::wish(MEMBER, &ops.scope)).await.unwrap();
    world.advance(TimeDelta::minutes(20));
    let wish = ActivateRoleRequest {
        length: Some(pim_proto::activation::v1::activate_role_request::Length::Duration(duration(
            TimeDelta::hours(3),
        ))),
        ..Person::wish(ROLE, "/")
    };
    let active = alice.activate(wish).await.unwrap();
    assert_eq!((active.truncated, active.end_time), (true, joined.end_time));
    assert_eq!(active.membership_ids, [&*joined.id]);
    assert!(alice.holds(ROLE, "/").await);
    // Giving up the membership takes along what rests on it.
    alice.deactivate(&joined.id).await.unwrap();
    assert!(!alice.holds(ROLE, "/").await);
    assert_eq!(state(&alice, &active.id).await, (ActivationState::Ended, Ending::Void));
}

#[tokio::test]
async fn an_activated_membership_brings_what_the_group_holds_nested_too() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let admin = &organisation.admin;
    let alice = organisation.user(&world, "alice").await;
    let [inner, outer] = [organisation.group("inner").await, organisation.group("outer").await];
    let held = admin.assign_to(&outer.id, ROLE, "/").await.unwrap();
    let nested = admin.add_member(&inner.id, &outer).await.unwrap();
    admin.make_eligible_for(&alice.id, MEMBER, &inner.scope).await.unwrap();
    assert!(!alice.holds(ROLE, "/").await);
    let joined = alice.activate(Person::wish(MEMBER, &inner.scope)).await.unwrap();
    let check = CheckAccessRequest {
        principal_id: alice.id.clone(),
        question: Some(Question::RoleId(ROLE.to_owned())),
        scope: "/".to_owned(),
        ..CheckAccessRequest::default()
    };
    let yes = alice.client.access().check_access(check).await.unwrap().into_inner();
    assert_eq!(yes.decision(), Decision::Allowed);
    assert_eq!(yes.valid_until, joined.end_time);
    let supporting: BTreeSet<String> = yes.supporting_ids.into_iter().collect();
    let way = [&held.id, &nested.id, &joined.id].map(Clone::clone);
    assert_eq!(supporting, BTreeSet::from(way));
    let holders = ListRoleHoldersRequest {
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        ..ListRoleHoldersRequest::default()
    };
    let holders = admin.client.access().list_role_holders(holders).await.unwrap().into_inner();
    let holders: Vec<(String, String)> =
        holders.holdings.into_iter().map(|one| (one.principal_id, one.group_id)).collect();
    assert_eq!(holders, [(alice.id.clone(), outer.id.clone())]);
    world.advance(TimeDelta::hours(1));
    assert!(!alice.holds(ROLE, "/").await, "nobody steps the scheduler");
}

#[tokio::test]
async fn groups_do_not_lie_in_a_circle_nor_in_what_they_may_not() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let admin = &organisation.admin;
    let [a, b, c] = [
        organisation.group("a").await,
        organisation.group("b").await,
        organisation.group("c").await,
    ];
    admin.add_member(&a.id, &b).await.unwrap();
    admin.add_member(&b.id, &c).await.unwrap();
    for (inner, outer) in [(&a, &a), (&c, &a), (&c, &b)] {
        let refused = admin.add_member(&inner.id, outer).await.unwrap_err();
        assert_eq!(rules(&refused), ["GROUP"], "{} in {}", inner.display_name, outer.display_name);
        let refused = admin.make_eligible_for(&inner.id, MEMBER, &outer.scope).await.unwrap_err();
        assert_eq!(rules(&refused), ["GROUP"]);
    }
    let plain = organisation.plain_group("plain").await;
    let refused = admin.assign_to(&plain.id, ROLE, "/").await.unwrap_err();
    assert_eq!(rules(&refused), ["GROUP"], "an Entra role");
    let refused = admin.add_member(&plain.id, &a).await.unwrap_err();
    assert_eq!(rules(&refused), ["GROUP"], "into a role-assignable one");
    let refused = admin.make_eligible_for(&plain.id, MEMBER, &a.scope).await.unwrap_err();
    assert_eq!(rules(&refused), ["GROUP"], "eligible into one");
    admin.add_member(&a.id, &plain).await.unwrap();
    let place = "/subscriptions/a";
    admin.assign_to(&plain.id, Organisation::CONTRIBUTOR, place).await.unwrap();
    // Access to a group is held at groups, and nothing else is.
    let alice = organisation.user(&world, "alice").await;
    for (role, scope) in [(MEMBER, "/"), (MEMBER, place), (ROLE, a.scope.as_str())] {
        let refused = admin.assign_to(&alice.id, role, scope).await.unwrap_err();
        assert_eq!(rules(&refused), ["ROLE"], "{role} at {scope}");
    }
    let nowhere = format!("/groups/{}", Uuid::new_v4());
    let missing = admin.assign_to(&alice.id, MEMBER, &nowhere).await;
    assert_refused(missing, Code::NotFound, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_close_a_circle_at_once_one_is_refused() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let (ada, grace) = (&organisation.admin, &organisation.second_admin);
    for round in 0..8 {
        let a = organisation.group(&format!("a{round}")).await;
        let b = organisation.group(&format!("b{round}")).await;
        let (one, other) = tokio::join!(ada.add_member(&a.id, &b), grace.add_member(&b.id, &a));
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        assert_eq!(rules(&one.err().or(other.err()).unwrap()), ["GROUP"]);
    }
}

#[tokio::test]
async fn an_owner_administers_the_group_and_has_nothing_of_it() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let admin = &organisation.admin;
    let [olga, alice] =
        [organisation.user(&world, "olga").await, organisation.user(&world, "alice").await];
    let [ops, other] = [organisation.group("ops").await, organisation.group("other").await];
    admin.assign_to(&ops.id, ROLE, "/").await.unwrap();
    admin.assign_to(&olga.id, Organisation::GROUP_OWNER, &ops.scope).await.unwrap();
    assert!(!olga.holds(ROLE, "/").await);
    let membership = olga.add_member(&alice.id, &ops).await.unwrap();
    assert!(alice.holds(ROLE, "/").await);
    let listed =
        ListAssignmentsRequest { scope: ops.scope.clone(), ..ListAssignmentsRequest::default() };
    olga.client.assignments().list_assignments(listed).await.unwrap();
    let read = GetGroupRequest { group_id: ops.id.clone() };
    assert_eq!(
        olga.client.directory().get_group(read).await.unwrap().into_inner().group.unwrap().id,
        ops.id
    );
    olga.remove(&membership).await.unwrap();
    let request = pim_proto::assignment::v1::UpdatePolicyRequest {
        role_id: MEMBER.to_owned(),
        scope: ops.scope.clone(),
        etag: organisation.policy_at(MEMBER, &ops.scope).await.etag,
        rules: Some(Rules { require_ticket: Some(true), ..Rules::default() }),
        ..Default::default()
    };
    olga.client.policies().update_policy(request).await.unwrap();
    // Nothing else: no other group, no role, no group of its own making or unmaking.
    let elsewhere = [
        olga.add_member(&alice.id, &other).await,
        olga.assign_to(&alice.id, ROLE, "/").await,
        olga.assign_to(&ops.id, ROLE, "/").await,
    ];
    for refused in elsewhere {
        assert_refused(refused, Code::PermissionDenied, "NOT_PERMITTED");
    }
    let renamed = UpdateGroupRequest {
        group_id: ops.id.clone(),
        etag: ops.etag.clone(),
        display_name: "mine".to_owned(),
        ..UpdateGroupRequest::default()
    };
    let refused = olga.client.directory().update_group(renamed).await;
    assert_refused(refused, Code::PermissionDenied, "NOT_PERMITTED");
}

#[tokio::test]
async fn nobody_widens_what_their_own_person_can_hold() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let (admin, grace) = (&organisation.admin, &organisation.second_admin);
    let person = Some(Uuid::new_v4());
    let [olga, second] = [
        organisation.principal(&world, "olga", PrincipalKind::User, person).await,
        organisation.principal(&world, "olga-second", PrincipalKind::User, person).await,
    ];
    let [ops, inner, open] = [
        organisation.group("ops").await,
        organisation.group("inner").await,
        organisation.group("open").await,
    ];
    admin.assign_to(&olga.id, Organisation::GROUP_OWNER, &ops.scope).await.unwrap();
    // An owner: themselves, another account of theirs, a group in which they are.
    admin.add_member(&second.id, &inner).await.unwrap();
    admin.make_eligible_for(&olga.id, MEMBER, &open.scope).await.unwrap();
    for id in [&olga.id, &second.id, &inner.id, &open.id] {
        let refused = olga.add_member(id, &ops).await;
        assert_refused(refused, Code::PermissionDenied, "SELF_GRANT");
        let refused = olga.make_eligible_for(id, MEMBER, &ops.scope).await;
        assert_refused(refused, Code::PermissionDenied, "SELF_GRANT");
        let refused = olga.assign_to(id, Organisation::GROUP_OWNER, &ops.scope).await;
        assert_refused(refused, Code::PermissionDenied, "SELF_GRANT");
    }
    // An administrator: a role to a group in which they are, or may come to be, nested too.
    let outer = organisation.group("outer").await;
    admin.add_member(&ops.id, &outer).await.unwrap();
    grace.add_member(&admin.id, &ops).await.unwrap();
    let may = organisation.group("may").await;
    grace.make_eligible_for(&admin.id, MEMBER, &may.scope).await.unwrap();
    for group in [&ops, &outer, &may] {
        let refused = admin.assign_to(&group.id, ROLE, "/").await;
        assert_refused(refused, Code::PermissionDenied, "SELF_GRANT");
        let refused = admin.make_eligible_for(&group.id, ROLE, "/").await;
        assert_refused(refused, Code::PermissionDenied, "SELF_GRANT");
        grace.assign_to(&group.id, ROLE, "/").await.unwrap();
    }
}

async fn delete(organisation: &Organisation, group: &Group) -> Group {
    let request = DeleteGroupRequest {
        group_id: group.id.clone(),
        etag: group.etag.clone(),
        ..DeleteGroupRequest::default()
    };
    let answer = organisation.admin.client.directory().delete_group(request).await.unwrap();
    answer.into_inner().group.unwrap()
}

#[tokio::test]
async fn a_deleted_group_takes_along_what_it_had_at_once() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let admin = &organisation.admin;
    let [alice, bob] =
        [organisation.user(&world, "alice").await, organisation.user(&world, "bob").await];
    let [ops, inner] = [organisation.group("ops").await, organisation.group("inner").await];
    admin.assign_to(&ops.id, ROLE, "/").await.unwrap();
    let place = "/subscriptions/a";
    admin.make_eligible_for(&ops.id, Organisation::CONTRIBUTOR, place).await.unwrap();
    admin.add_member(&alice.id, &ops).await.unwrap();
    admin.add_member(&inner.id, &ops).await.unwrap();
    admin.add_member(&bob.id, &inner).await.unwrap();
    admin.make_eligible_for(&bob.id, MEMBER, &ops.scope).await.unwrap();
    let active = alice.activate(Person::wish(Organisation::CONTRIBUTOR, place)).await.unwrap();
    assert!(bob.holds(ROLE, "/").await && alice.holds(Organisation::CONTRIBUTOR, place).await);
    // Entries of one instant come in any order.
    world.advance(TimeDelta::seconds(1));
    let deleted = delete(&organisation, &ops).await;
    assert!(deleted.delete_time.is_some());
    assert!(!alice.holds(ROLE, "/").await && !bob.holds(ROLE, "/").await);
    assert!(!alice.holds(Organisation::CONTRIBUTOR, place).await);
    let refused = bob.activate(Person::wish(MEMBER, &ops.scope)).await.unwrap_err();
    assert_eq!(rules(&refused), ["ELIGIBILITY"]);
    let refused = admin.add_member(&bob.id, &ops).await.unwrap_err();
    assert_eq!(rules(&refused), ["ROLE"]);
    let refused = admin.assign_to(&ops.id, ROLE, "/").await.unwrap_err();
    assert_eq!(rules(&refused), ["PRINCIPAL"]);
    // The rest is bookkeeping, and there is an end of it.
    world.settle().await;
    assert_eq!(state(&alice, &active.id).await, (ActivationState::Ended, Ending::Void));
    let all = ListAssignmentsRequest {
        principal_id: ops.id.clone(),
        include_ended: true,
        ..ListAssignmentsRequest::default()
    };
    let all = admin.client.assignments().list_assignments(all).await.unwrap().into_inner();
    assert!(all.assignments.iter().all(|one| one.state() == GrantState::Removed));
    let due = world.operator().scheduler().list_due(ListDueRequest::default()).await.unwrap();
    assert!(due.into_inner().items.is_empty());
    let log = organisation.log(EventFilter::default()).await;
    let group: Vec<_> = log.iter().filter(|event| event.thing_id == ops.id).collect();
    let codes: Vec<&str> = group.iter().map(|event| event.code.as_str()).collect();
    assert_eq!(codes, ["pim.group.created", "pim.group.deleted"]);
    assert!(group.iter().all(|event| event.category == "GroupManagement"));
}

#[tokio::test]
async fn the_last_holders_may_hold_through_a_group_but_do_not_leave_it() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let (ada, grace) = (&organisation.admin, &organisation.second_admin);
    let alice = organisation.user(&world, "alice").await;
    let role = Organisation::GLOBAL_ADMINISTRATOR;
    let chiefs = organisation.group("chiefs").await;
    let membership = ada.add_member(&alice.id, &chiefs).await.unwrap();
    ada.assign_to(&chiefs.id, role, "/").await.unwrap();
    let own = ListAssignmentsRequest {
        principal_id: grace.id.clone(),
        role_id: role.to_owned(),
        ..ListAssignmentsRequest::default()
    };
    let own = ada.client.assignments().list_assignments(own).await.unwrap().into_inner();
    // Two are left: ada, and alice through the group.
    ada.remove(&own.assignments[0]).await.unwrap();
    assert_eq!(reason(&ada.remove(&membership).await.unwrap_err()), "LAST_HOLDER");
    let request = DeleteGroupRequest {
        group_id: chiefs.id.clone(),
        etag: chiefs.etag.clone(),
        ..DeleteGroupRequest::default()
    };
    let refused = ada.client.directory().delete_group(request).await;
    assert_refused(refused, Code::FailedPrecondition, "LAST_HOLDER");
}

/// Whoever belongs to a group must approve a role.
async fn require(
    organisation: &Organisation,
    group: &Group,
    activated_members: bool,
) -> Result<(), tonic::Status> {
    let approver = Some(Approver::GroupId(group.id.clone()));
    let slots = vec![ApproverSlot { approver, activated_members }];
    let stage = ApprovalStage { slots, ..ApprovalStage::default() };
    let rule = ApprovalRule { stages: vec![stage], ..ApprovalRule::default() };
    let rules = Rules { approval: Some(rule), ..Rules::default() };
    organisation.set_policy(ROLE, rules).await.map(|_| ())
}

#[tokio::test]
async fn any_member_of_a_group_fills_its_slot_who_was_not_put_there_for_it() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let (admin, grace) = (&organisation.admin, &organisation.second_admin);
    let [alice, carol, dave, erin] = [
        organisation.user(&world, "alice").await,
        organisation.user(&world, "carol").await,
        organisation.user(&world, "dave").await,
        organisation.user(&world, "erin").await,
    ];
    let [board, inner] = [organisation.group("board").await, organisation.group("inner").await];
    let plain = organisation.plain_group("plain").await;
    assert_invalid(
        require(&organisation, &plain, false).await,
        "rules.approval.stages[0].slots[0].group_id",
    );
    let nobody = require(&organisation, &board, false).await;
    assert_refused(nobody, Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER");
    // Carol belongs through another group, dave may only come to, and erin was put there by alice.
    admin.add_member(&inner.id, &board).await.unwrap();
    let membership = admin.add_member(&carol.id, &inner).await.unwrap();
    admin.make_eligible_for(&dave.id, MEMBER, &board.scope).await.unwrap();
    admin.assign_to(&alice.id, Organisation::GROUP_OWNER, &board.scope).await.unwrap();
    alice.add_member(&erin.id, &board).await.unwrap();
    require(&organisation, &board, false).await.unwrap();
    grace.make_eligible_for(&alice.id, ROLE, "/").await.unwrap();
    dave.activate(Person::wish(MEMBER, &board.scope)).await.unwrap();
    let asked = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    assert!(dave.inbox().await.is_empty() && erin.inbox().await.is_empty());
    let waiting = carol.inbox().await;
    assert_eq!(waiting.len(), 1);
    assert_refused(erin.approve(&waiting[0]).await, Code::PermissionDenied, "NOT_AN_APPROVER");
    assert_refused(dave.approve(&waiting[0]).await, Code::PermissionDenied, "NOT_AN_APPROVER");
    let approved = carol.approve(&waiting[0]).await.unwrap();
    assert_eq!(approved.activation_state(), ActivationState::Active);
    alice.deactivate(&asked.id).await.unwrap();
    // Where the slot says so, who belongs by an activation decides as well.
    require(&organisation, &board, true).await.unwrap();
    alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    assert_eq!(dave.inbox().await.len(), 1);
    let ended = state(&alice, &withdraw(&alice).await).await;
    assert_eq!(ended, (ActivationState::Ended, Ending::Canceled));
    // Once nobody is left who could approve, a request is void without waiting for its time.
    require(&organisation, &board, false).await.unwrap();
    let asked = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    admin.remove(&membership).await.unwrap();
    world.settle().await;
    assert_eq!(state(&alice, &asked.id).await, (ActivationState::Ended, Ending::Void));
    let refused = alice.activate(Person::wish(ROLE, "/")).await;
    assert_refused(refused, Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER");
}

/// Withdraws what waits, and says which that was.
async fn withdraw(person: &Person) -> String {
    let mine = SearchMyActivationsRequest::default();
    let mine = person.client.activations().search_my_activations(mine).await.unwrap();
    let waits = ActivationState::PendingApproval;
    let mine = mine.into_inner().activations;
    let id = mine.iter().find(|one| one.state() == waits).unwrap().id.clone();
    let request =
        CancelActivationRequest { activation_id: id.clone(), ..CancelActivationRequest::default() };
    person.client.activations().cancel_activation(request).await.unwrap();
    id
}
