//! `OpenApproval`, `CancelApproval`, `TimeOutApproval`: bookkeeping that services ask for.

use chrono::TimeDelta;
use pim_client::Client;
use pim_proto::{
    activation::v1::{Activation, ActivationState},
    approval::v1::{
        Approval, ApprovalState, CancelApprovalRequest, OpenApprovalRequest, TimeOutApprovalRequest,
    },
    assignment::v1::ApprovalMode,
};
use pim_tests::{Person, assert_refused, fields, metadata, new_id, stage, timestamp};
use tonic::{Code, Status};

use crate::ground::{Ground, ROLE, approve, deny, no, yes};

/// What services may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Push {
    Open,
    Cancel,
    TimeOut,
}

const PUSHES: [Push; 3] = [Push::Open, Push::Cancel, Push::TimeOut];

/// `id` is the activation's for `Open`, else the approval's.
async fn push(client: &Client, push: Push, tenant: &str, id: &str) -> Result<Approval, Status> {
    let mut peer = client.approvals();
    let (tenant_id, id) = (tenant.to_owned(), id.to_owned());
    let approval = match push {
        Push::Open => {
            let request = OpenApprovalRequest { tenant_id, activation_id: id };
            peer.open_approval(request).await?.into_inner().approval
        }
        Push::Cancel => {
            let request = CancelApprovalRequest { tenant_id, approval_id: id };
            peer.cancel_approval(request).await?.into_inner().approval
        }
        Push::TimeOut => {
            let request = TimeOutApprovalRequest { tenant_id, approval_id: id };
            peer.time_out_approval(request).await?.into_inner().approval
        }
    };
    Ok(approval.unwrap())
}

fn subject<'a>(push: Push, activation: &'a Activation, approval: &'a Approval) -> &'a str {
    match push {
        Push::Open => &activation.id,
        Push::Cancel | Push::TimeOut => &approval.id,
    }
}

impl Ground {
    async fn push(&self, wish: Push, id: &str) -> Result<Approval, Status> {
        let scheduler = self.world.service("scheduler");
        push(&scheduler, wish, &self.org.tenant.to_string(), id).await
    }
}

#[tokio::test]
async fn each_is_for_the_services_that_it_names() {
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    let tenant = ground.org.tenant.to_string();
    let permitted = [
        (Push::Open, vec!["activation", "scheduler"]),
        (Push::Cancel, vec!["activation", "scheduler"]),
        (Push::TimeOut, vec!["scheduler"]),
    ];
    for (wish, names) in permitted {
        let id = subject(wish, &activation, &approval);
        for name in ["assignment", "activation", "approval", "audit", "scheduler", "access"] {
            let answer = push(&ground.world.service(name), wish, &tenant, id).await;
            if !names.contains(&name) {
                assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
            } else if wish == Push::Open {
                assert_eq!(answer.unwrap(), approval);
            } else {
                assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
            }
        }
        for client in [ground.org.admin.client.clone(), ground.world.operator()] {
            let answer = push(&client, wish, &tenant, id).await;
            assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
        }
    }
    assert_eq!(ground.stored(&approval).await, approval);
}

#[tokio::test]
async fn what_is_not_of_the_tenant_is_not_found() {
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    let scheduler = ground.world.service("scheduler");
    let elsewhere = ground.world.organisation().await.tenant.to_string();
    let tenant = ground.org.tenant.to_string();
    for wish in PUSHES {
        let id = subject(wish, &activation, &approval);
        for (tenant, id) in [(&*tenant, &*new_id()), (&elsewhere, id)] {
            let answer = push(&scheduler, wish, tenant, id).await;
            assert_refused(answer, Code::NotFound, "NOT_FOUND");
        }
        let own = if wish == Push::Open { "activation_id" } else { "approval_id" };
        for (path, tenant, id) in [("tenant_id", "", id), (own, &*tenant, "1")] {
            let answer = push(&scheduler, wish, tenant, id).await;
            let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
            assert_eq!(fields(&status), [path]);
        }
    }
    assert_eq!(ground.stored(&approval).await, approval);
}

#[tokio::test]
async fn an_approval_is_opened_once() {
    let ground = Ground::new().await;
    let activation = ground.asked_unheard().await.to_string();
    assert_eq!(ground.bea.inbox().await, []);
    ground.world.advance(TimeDelta::minutes(7));
    let opened = ground.push(Push::Open, &activation).await.unwrap();
    assert_eq!(opened.state(), ApprovalState::Pending);
    assert_eq!(opened.activation_id, activation);
    assert_eq!(opened.create_time, Some(timestamp(ground.world.now())));
    let expire = ground.world.now() - TimeDelta::minutes(7) + TimeDelta::hours(24);
    assert_eq!(opened.expire_time, Some(timestamp(expire)), "it counts from the request");
    ground.world.advance(TimeDelta::minutes(1));
    assert_eq!(ground.push(Push::Open, &activation).await.unwrap(), opened);
    assert_eq!(ground.bea.inbox().await, [opened]);
}

#[tokio::test]
async fn its_approvers_are_those_of_the_policy_by_which_it_was_asked() {
    let ground = Ground::new().await;
    let activation = ground.asked_unheard().await.to_string();
    let dora = ground.user("dora").await;
    ground.org.require_approval(ROLE, &[&dora]).await;
    let opened = ground.push(Push::Open, &activation).await.unwrap();
    let asked: Vec<_> = opened.rules.iter().map(|rule| rule.stages.clone()).collect();
    assert_eq!(asked, [[stage(ApprovalMode::AllOf, 0, &[&ground.bea, &ground.carl])]]);
    assert_eq!(opened.policy_revision, 1);
    assert_eq!(dora.inbox().await, []);
}

#[tokio::test]
async fn what_does_not_wait_for_approval_gets_none() {
    let ground = Ground::new().await;
    let late = ground.asked_unheard().await.to_string();
    ground.world.advance(TimeDelta::hours(24));
    let answer = ground.push(Push::Open, &late).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "state"), "ENDED");
    ground.no_approval().await;
    let active = ground.ada.activate(Person::wish(ROLE, "/")).await.unwrap();
    let answer = ground.push(Push::Open, &active.id).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "thing"), "activation");
    assert_eq!(metadata(&status, "state"), "ACTIVE");
    assert_eq!(ground.bea.inbox().await, []);
}

#[tokio::test]
async fn an_approval_is_not_closed_while_it_is_waited_for() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let answer = ground.push(Push::Cancel, &approval.id).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "thing"), "approval");
    assert_eq!(metadata(&status, "state"), "PENDING");
    assert_eq!(ground.stored(&approval).await, approval);
}

#[tokio::test]
async fn an_approval_that_nothing_waits_for_is_closed_once() {
    let ground = Ground::new().await;
    let (activation, approval) = ground.asked().await;
    let voted = approve(&ground.bea, yes(&approval)).await.unwrap();
    ground.canceled_unheard(&activation).await;
    ground.world.advance(TimeDelta::minutes(1));
    let closed = ground.push(Push::Cancel, &approval.id).await.unwrap();
    let expected = Approval {
        state: ApprovalState::Canceled.into(),
        update_time: Some(timestamp(ground.world.now())),
        activation_state: ActivationState::Ended.into(),
        ..voted
    };
    assert_eq!(closed, expected);
    for wish in [Push::Cancel, Push::TimeOut] {
        let answer = ground.push(wish, &approval.id).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
        assert_eq!(metadata(&status, "state"), "CANCELED");
    }
    assert_eq!(ground.stored(&approval).await, closed);
}

#[tokio::test]
async fn nothing_times_out_before_its_time() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    ground.world.advance(TimeDelta::hours(24) - TimeDelta::microseconds(1));
    let answer = ground.push(Push::TimeOut, &approval.id).await;
    let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
    assert_eq!(metadata(&status, "state"), "PENDING");
    assert_eq!(ground.stored(&approval).await, approval);
}

#[tokio::test]
async fn a_timeout_is_recorded_once() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    ground.world.advance(TimeDelta::hours(25));
    let ended = ground.push(Push::TimeOut, &approval.id).await.unwrap();
    let expected = Approval {
        state: ApprovalState::TimedOut.into(),
        update_time: Some(timestamp(ground.world.now())),
        activation_state: ActivationState::Ended.into(),
        ..approval.clone()
    };
    assert_eq!(ended, expected);
    for wish in [Push::TimeOut, Push::Cancel] {
        let answer = ground.push(wish, &approval.id).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
        assert_eq!(metadata(&status, "state"), "TIMED_OUT");
    }
    assert_eq!(ground.stored(&approval).await, ended);
}

#[tokio::test]
async fn a_decided_one_does_not_time_out() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let denied = deny(&ground.bea, no(&approval)).await.unwrap();
    ground.world.advance(TimeDelta::hours(25));
    for wish in [Push::TimeOut, Push::Cancel] {
        let answer = ground.push(wish, &approval.id).await;
        let status = assert_refused(answer, Code::FailedPrecondition, "WRONG_STATE");
        assert_eq!(metadata(&status, "state"), "DENIED");
    }
    assert_eq!(ground.stored(&approval).await, denied);
}
