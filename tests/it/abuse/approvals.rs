//! Approval and separation of duties.

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{ActivateRoleRequest, ActivationState},
    approval::v1::{Approval, ApproveRequest, ApproveResponse},
    assignment::v1::{
        ApprovalMode, ApprovalRule, ApprovalStage, ApproverSlot, CreateAssignmentRequest,
        ExtendAssignmentRequest, Group, PrincipalKind, Rules, approver_slot::Approver,
        extend_assignment_request,
    },
};
use pim_tests::{
    Organisation, Person, World, assert_refused, duration, fields, metadata, new_id, stage, stages,
    timestamp,
};
use tonic::{Code, Status};
use uuid::Uuid;

use super::{wire::Wire, written};
use crate::descriptor::methods;

const ROLE: &str = Organisation::USER_ADMINISTRATOR;

fn wish() -> ActivateRoleRequest {
    Person::wish(ROLE, "/")
}

/// Nothing came of it: it still waits, and nobody holds anything.
async fn assert_waits(organisation: &Organisation, requester: &Person, before: usize) {
    assert_eq!(written(organisation).await, before);
    assert!(!requester.holds(ROLE, "/").await);
}

/// Somebody of `group` must approve the role.
async fn any_of_group(organisation: &Organisation, group: &Group) -> Result<(), Status> {
    let approver = Some(Approver::GroupId(group.id.clone()));
    let slots = vec![ApproverSlot { approver, activated_members: false }];
    let stage = ApprovalStage { slots, ..ApprovalStage::default() };
    let rules = Rules { approval: Some(stages(vec![stage])), ..Rules::default() };
    organisation.set_policy(ROLE, rules).await.map(|_| ())
}

#[tokio::test]
async fn t_01_nobody_approves_their_own_request() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let [alice, carol] =
        [organisation.user(&world, "alice").await, organisation.user(&world, "carol").await];
    organisation.make_eligible(&alice, ROLE, "/").await;
    // Alice is an approver as well, for whom else may ask.
    let any = stages(vec![stage(ApprovalMode::AnyOf, 0, &[&alice, &carol])]);
    let rules = Rules { approval: Some(any), ..Rules::default() };
    organisation.set_policy(ROLE, rules).await.unwrap();
    alice.activate(wish()).await.unwrap();
    assert_eq!(alice.inbox().await, []);
    let approval = carol.inbox().await.remove(0);
    let before = written(&organisation).await;
    assert_refused(alice.approve(&approval).await, Code::PermissionDenied, "SELF_APPROVAL");
    assert_refused(alice.deny(&approval).await, Code::PermissionDenied, "SELF_APPROVAL");
    let refused = organisation.admin.approve(&approval).await;
    assert_refused(refused, Code::PermissionDenied, "NOT_AN_APPROVER");
    assert_waits(&organisation, &alice, before).await;
}

#[tokio::test]
async fn t_02_nor_by_another_account_of_their_person() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let (user, person) = (PrincipalKind::User, Some(Uuid::new_v4()));
    let alice = organisation.principal(&world, "alice", user, person).await;
    let second = organisation.principal(&world, "alice-admin", user, person).await;
    let program = PrincipalKind::ServicePrincipal;
    let theirs = organisation.principal(&world, "alice-bot", program, person).await;
    let carol = organisation.user(&world, "carol").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let any = stages(vec![stage(ApprovalMode::AnyOf, 0, &[&second, &carol])]);
    let rules = Rules { approval: Some(any), ..Rules::default() };
    organisation.set_policy(ROLE, rules).await.unwrap();
    alice.activate(wish()).await.unwrap();
    assert_eq!(second.inbox().await, []);
    let approval = carol.inbox().await.remove(0);
    let before = written(&organisation).await;
    for account in [&alice, &second, &theirs] {
        let refused = account.approve(&approval).await;
        assert_refused(refused, Code::PermissionDenied, "SELF_APPROVAL");
    }
    assert_waits(&organisation, &alice, before).await;
}

#[tokio::test]
async fn t_03_what_was_looked_at_is_what_is_decided_on() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let [alice, carol, dave] = [
        organisation.user(&world, "alice").await,
        organisation.user(&world, "carol").await,
        organisation.user(&world, "dave").await,
    ];
    organisation.make_eligible(&alice, ROLE, "/").await;
    organisation.require_approval(ROLE, &[&carol, &dave]).await;
    // Nobody changes a request: there is no such method, and its id stands for its contents.
    let changes = methods().into_iter().filter(|method| {
        ["Activation", "Approval"].iter().any(|of| method.path.contains(&format!(".{of}Service/")))
            && method.name.starts_with("Update")
    });
    assert_eq!(changes.map(|method| method.path).collect::<Vec<_>>(), Vec::<String>::new());
    let asked = ActivateRoleRequest { request_id: new_id(), ..wish() };
    alice.activate(asked.clone()).await.unwrap();
    let altered = ActivateRoleRequest { justification: "something else".to_owned(), ..asked };
    let refused = alice.activate(altered).await;
    assert_refused(refused, Code::InvalidArgument, "REQUEST_ID_REUSED");

    let looked_at = carol.inbox().await.remove(0);
    let shorter = ApproveRequest {
        approval_id: looked_at.id.clone(),
        etag: looked_at.etag.clone(),
        justification: "less will do".to_owned(),
        duration: Some(duration(TimeDelta::minutes(10))),
        ..ApproveRequest::default()
    };
    dave.client.approvals().approve(shorter).await.unwrap();
    let before = written(&organisation).await;
    let refused = carol.approve(&looked_at).await;
    let refused = assert_refused(refused, Code::Aborted, "ETAG_MISMATCH");
    assert_waits(&organisation, &alice, before).await;
    let read_again = Approval { etag: metadata(&refused, "etag"), ..looked_at };
    carol.approve(&read_again).await.unwrap();
    assert!(alice.holds(ROLE, "/").await);
}

#[tokio::test]
async fn t_04_who_was_taken_out_of_the_group_of_approvers_approves_no_more() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let admin = &organisation.admin;
    let [alice, carol, dave] = [
        organisation.user(&world, "alice").await,
        organisation.user(&world, "carol").await,
        organisation.user(&world, "dave").await,
    ];
    let board = organisation.group("board").await;
    let membership = admin.add_member(&carol.id, &board).await.unwrap();
    admin.add_member(&dave.id, &board).await.unwrap();
    any_of_group(&organisation, &board).await.unwrap();
    organisation.make_eligible(&alice, ROLE, "/").await;
    alice.activate(wish()).await.unwrap();
    let approval = carol.inbox().await.remove(0);
    admin.remove(&membership).await.unwrap();
    let before = written(&organisation).await;
    assert_refused(carol.approve(&approval).await, Code::PermissionDenied, "NOT_AN_APPROVER");
    assert_eq!(carol.inbox().await, []);
    assert_waits(&organisation, &alice, before).await;
    dave.approve(&approval).await.unwrap();
    assert!(alice.holds(ROLE, "/").await);
}

/// Before or after the request, themselves or by another account, alone or by a group in the group.
#[tokio::test]
async fn t_05_an_accomplice_whom_the_requester_made_an_approver_is_none() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let admin = &organisation.admin;
    let (user, person) = (PrincipalKind::User, Some(Uuid::new_v4()));
    let alice = organisation.principal(&world, "alice", user, person).await;
    let second = organisation.principal(&world, "alice-admin", user, person).await;
    let [carol, early, nested, late] = [
        organisation.user(&world, "carol").await,
        organisation.user(&world, "early").await,
        organisation.user(&world, "nested").await,
        organisation.user(&world, "late").await,
    ];
    let [board, friends] = [organisation.group("board").await, organisation.group("friends").await];
    admin.add_member(&carol.id, &board).await.unwrap();
    admin.add_member(&nested.id, &friends).await.unwrap();
    for owner in [&alice, &second] {
        admin.assign_to(&owner.id, Organisation::GROUP_OWNER, &board.scope).await.unwrap();
    }
    any_of_group(&organisation, &board).await.unwrap();
    organisation.make_eligible(&alice, ROLE, "/").await;
    alice.add_member(&early.id, &board).await.unwrap();
    second.add_member(&friends.id, &board).await.unwrap();
    alice.activate(wish()).await.unwrap();
    second.add_member(&late.id, &board).await.unwrap();
    let approval = carol.inbox().await.remove(0);
    let before = written(&organisation).await;
    for accomplice in [&early, &nested, &late] {
        assert_eq!(accomplice.inbox().await, []);
        let refused = accomplice.approve(&approval).await;
        assert_refused(refused, Code::PermissionDenied, "NOT_AN_APPROVER");
    }
    assert_waits(&organisation, &alice, before).await;
    // For anybody else they are approvers as good as any.
    let bob = organisation.user(&world, "bob").await;
    organisation.make_eligible(&bob, ROLE, "/").await;
    bob.activate(wish()).await.unwrap();
    let [theirs] = <[Approval; 1]>::try_from(nested.inbox().await).unwrap();
    nested.approve(&theirs).await.unwrap();
    assert!(bob.holds(ROLE, "/").await);
}

#[tokio::test]
async fn t_05_an_accomplice_whose_membership_the_requester_lengthened_is_no_approver() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let admin = &organisation.admin;
    let [alice, carol, early] = [
        organisation.user(&world, "alice").await,
        organisation.user(&world, "carol").await,
        organisation.user(&world, "early").await,
    ];
    let board = organisation.group("board").await;
    admin.add_member(&carol.id, &board).await.unwrap();
    admin.assign_to(&alice.id, Organisation::GROUP_OWNER, &board.scope).await.unwrap();
    let days = |days| timestamp(world.now() + TimeDelta::days(days));
    let request = CreateAssignmentRequest {
        principal_id: early.id.clone(),
        role_id: Organisation::GROUP_MEMBER.to_owned(),
        scope: board.scope.clone(),
        end_time: Some(days(2)),
        ..CreateAssignmentRequest::default()
    };
    let made = admin.client.assignments().create_assignment(request).await.unwrap().into_inner();
    let membership = made.assignment.unwrap().id;
    let extend = async |by: &Person, end| {
        let request = ExtendAssignmentRequest {
            assignment_id: membership.clone(),
            end: Some(extend_assignment_request::End::EndTime(end)),
            ..ExtendAssignmentRequest::default()
        };
        by.client.assignments().extend_assignment(request).await.unwrap();
    };
    any_of_group(&organisation, &board).await.unwrap();
    organisation.make_eligible(&alice, ROLE, "/").await;
    alice.activate(wish()).await.unwrap();
    let [approval] = <[Approval; 1]>::try_from(early.inbox().await).unwrap();
    extend(&alice, days(5)).await;
    let before = written(&organisation).await;
    assert_eq!(early.inbox().await, []);
    let refused = early.approve(&approval).await;
    assert_refused(refused, Code::PermissionDenied, "NOT_AN_APPROVER");
    assert_waits(&organisation, &alice, before).await;
    // Who lengthens it after that answers for it.
    extend(admin, days(9)).await;
    early.approve(&approval).await.unwrap();
    let examined = world.examine(&["replay"]).await;
    assert_eq!(examined.code, 0, "{examined:?}");
}

#[tokio::test]
async fn t_08_who_owns_the_group_of_approvers_and_filled_it_is_not_even_asked_for() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let [alice, erin] =
        [organisation.user(&world, "alice").await, organisation.user(&world, "erin").await];
    let board = organisation.group("board").await;
    let owner = Organisation::GROUP_OWNER;
    organisation.admin.assign_to(&alice.id, owner, &board.scope).await.unwrap();
    alice.add_member(&erin.id, &board).await.unwrap();
    any_of_group(&organisation, &board).await.unwrap();
    organisation.make_eligible(&alice, ROLE, "/").await;
    let before = written(&organisation).await;
    let refused = alice.activate(wish()).await;
    assert_refused(refused, Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER");
    assert_waits(&organisation, &alice, before).await;
}

/// A decision as somebody would like it to be, in another's name.
#[derive(Clone, PartialEq, prost::Message)]
struct InAnothersName {
    #[prost(string, tag = "1")]
    approval_id: String,
    #[prost(string, tag = "2")]
    etag: String,
    #[prost(string, tag = "3")]
    justification: String,
    #[prost(string, tag = "100")]
    approver_id: String,
    #[prost(string, tag = "101")]
    person_id: String,
}

#[tokio::test]
async fn t_09_who_decides_is_said_by_the_token_alone() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let [alice, carol] =
        [organisation.user(&world, "alice").await, organisation.user(&world, "carol").await];
    organisation.make_eligible(&alice, ROLE, "/").await;
    organisation.require_approval(ROLE, &[&carol]).await;
    alice.activate(wish()).await.unwrap();
    let approval = carol.inbox().await.remove(0);
    let forged = InAnothersName {
        approval_id: approval.id.clone(),
        etag: approval.etag.clone(),
        justification: "in the name of carol".to_owned(),
        approver_id: carol.id.clone(),
        person_id: carol.id.clone(),
    };
    let before = written(&organisation).await;
    let path = "/pim.approval.v1.ApprovalService/Approve";
    for (caller, reason) in [(&alice, "SELF_APPROVAL"), (&organisation.admin, "NOT_AN_APPROVER")] {
        let headers = [("x-approver-id", &*carol.id), ("x-principal-id", &*carol.id)];
        let wire = Wire::of(&world, caller);
        let refused = wire.call_with::<_, ApproveResponse>(path, forged.clone(), &headers).await;
        assert_refused(refused, Code::PermissionDenied, reason);
    }
    assert_waits(&organisation, &alice, before).await;
    // The field that there is not is ignored: to carol it changes nothing.
    let known: ApproveResponse = Wire::of(&world, &carol).call(path, forged).await.unwrap();
    assert_eq!(known.approval.unwrap().decisions[0].approver_id, carol.id);
}

#[tokio::test]
async fn t_12a_a_policy_that_nobody_has_to_approve_is_none() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let carol = organisation.user(&world, "carol").await;
    let empty = organisation.group("empty").await;
    let before = written(&organisation).await;
    let set = async |stage: ApprovalStage| {
        let approval = Some(ApprovalRule { stages: vec![stage], ..ApprovalRule::default() });
        organisation.set_policy(ROLE, Rules { approval, ..Rules::default() }).await
    };
    let malformed = [
        (stage(ApprovalMode::Quorum, 0, &[&carol]), "rules.approval.stages[0].quorum"),
        (stage(ApprovalMode::Quorum, -1, &[&carol]), "rules.approval.stages[0].quorum"),
        (stage(ApprovalMode::Quorum, 2, &[&carol]), "rules.approval.stages[0].quorum"),
        (stage(ApprovalMode::AnyOf, 0, &[]), "rules.approval.stages[0].slots"),
    ];
    for (stage, field) in malformed {
        let refused = assert_refused(set(stage).await, Code::InvalidArgument, "INVALID_FIELD");
        assert_eq!(fields(&refused), [field]);
    }
    let refused = any_of_group(&organisation, &empty).await;
    assert_refused(refused, Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER");
    assert_eq!(written(&organisation).await, before);
}

#[tokio::test]
async fn t_12d_a_program_approves_nothing() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let admin = &organisation.admin;
    let [alice, carol] =
        [organisation.user(&world, "alice").await, organisation.user(&world, "carol").await];
    let kind = PrincipalKind::ServicePrincipal;
    let bot = organisation.principal(&world, "bot", kind, None).await;
    let board = organisation.group("board").await;
    admin.add_member(&bot.id, &board).await.unwrap();
    let refused = any_of_group(&organisation, &board).await;
    assert_refused(refused, Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER");
    let named = stages(vec![stage(ApprovalMode::AnyOf, 0, &[&bot])]);
    let rules = Rules { approval: Some(named), ..Rules::default() };
    let refused = organisation.set_policy(ROLE, rules).await;
    assert_refused(refused, Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER");
    admin.add_member(&carol.id, &board).await.unwrap();
    any_of_group(&organisation, &board).await.unwrap();
    organisation.make_eligible(&alice, ROLE, "/").await;
    let asked = alice.activate(wish()).await.unwrap();
    let approval = carol.inbox().await.remove(0);
    let before = written(&organisation).await;
    assert_eq!(bot.inbox().await, []);
    assert_refused(bot.approve(&approval).await, Code::PermissionDenied, "NOT_AN_APPROVER");
    for service in ["approval", "scheduler"] {
        let request = ApproveRequest {
            approval_id: approval.id.clone(),
            etag: approval.etag.clone(),
            justification: "by a machine".to_owned(),
            ..ApproveRequest::default()
        };
        let refused = world.service(service).approvals().approve(request).await;
        assert_refused(refused, Code::PermissionDenied, "NOT_PERMITTED");
    }
    assert_waits(&organisation, &alice, before).await;
    let shown = alice.activation(&asked.id).await.unwrap();
    assert_eq!(shown.state(), ActivationState::PendingApproval);
}
