//! What is due goes to the service that owns it, and stays due until that has done it.

use std::sync::Arc;

use pim_chassis::process::Peers;
use pim_proto::{audit::v1::EventFilter, scheduler::v1::DueKind};
use pim_scheduler::{StepError, step};
use pim_tests::{Bell, Reply, timestamp};
use tonic::Status;

use crate::{
    fake::{Owners, nobody},
    ground::Ground,
};

/// Who owns a kind, and what it is told.
fn path(kind: DueKind) -> &'static str {
    match kind {
        DueKind::Unspecified => panic!("nothing is due"),
        DueKind::ExpireActivation => "/pim.activation.v1.ActivationService/ExpireActivation",
        DueKind::StartActivation => "/pim.activation.v1.ActivationService/StartActivation",
        DueKind::VoidActivation => "/pim.activation.v1.ActivationService/VoidActivation",
        DueKind::ResolveActivation => "/pim.activation.v1.ActivationService/ResolveActivation",
        DueKind::OpenApproval => "/pim.approval.v1.ApprovalService/OpenApproval",
        DueKind::CancelApproval => "/pim.approval.v1.ApprovalService/CancelApproval",
        DueKind::TimeOutApproval => "/pim.approval.v1.ApprovalService/TimeOutApproval",
        DueKind::EndEligibility => "/pim.assignment.v1.AssignmentService/EndEligibility",
        DueKind::EndAssignment => "/pim.assignment.v1.AssignmentService/EndAssignment",
        DueKind::TimeOutChangeRequest => {
            "/pim.assignment.v1.AssignmentService/TimeOutChangeRequest"
        }
    }
}

#[tokio::test]
async fn each_kind_is_pushed_to_its_owner_until_it_is_done() {
    let ground = Ground::new().await;
    let everything = ground.everything().await;
    let mut kinds: Vec<_> = everything.iter().map(|(kind, _)| *kind).collect();
    kinds.dedup();
    let numbers: Vec<i32> = kinds.into_iter().map(i32::from).collect();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>(), "one of each kind is due");
    let due = ground.due().await;
    let mut listed: Vec<_> = due.iter().map(|it| (it.kind(), it.thing_id.clone())).collect();
    listed.sort();
    assert_eq!(listed, everything);

    // Owners that say yes and do nothing: it is not their word that counts.
    let owners = Owners::listen(|| Ok(())).await;
    let mut scheduler = ground.scheduler();
    scheduler.peers = Arc::new(owners.peers());
    let push = |(kind, id): &(DueKind, String)| Bell {
        path: path(*kind).to_owned(),
        tenant_id: ground.org.tenant.to_string(),
        thing_id: id.clone(),
    };
    let mut wanted: Vec<_> = everything.iter().map(push).collect();
    wanted.sort();
    for _ in 0..2 {
        step(&scheduler).await.unwrap();
        assert_eq!(owners.take(), wanted);
    }

    // Owners that do it.
    step(&ground.scheduler()).await.unwrap();
    ground.world.settle().await;
    assert_eq!(ground.due().await, []);
    step(&scheduler).await.unwrap();
    assert_eq!(owners.take(), []);
}

#[tokio::test]
async fn an_owner_that_is_down_holds_up_nobody_else_and_gets_its_own_later() {
    let ground = Ground::new().await;
    let everything = ground.everything().await;
    for activation in [Some(nobody().await), None] {
        let mut scheduler = ground.scheduler();
        scheduler.peers = Arc::new(Peers { activation, ..(*scheduler.peers).clone() });
        let error = step(&scheduler).await.unwrap_err();
        assert!(matches!(error, StepError::Pushes(_)), "{error}");
        let said = error.to_string();
        assert!(said.contains("2 x expire_activation") && !said.contains("end_"), "{said}");
    }
    let due = ground.due().await;
    let owned_by_activation = |kind| path(kind).starts_with("/pim.activation.");
    assert!(due.iter().all(|item| owned_by_activation(item.kind())), "{due:?}");
    let left = everything.iter().filter(|(kind, _)| owned_by_activation(*kind)).count();
    assert_eq!(due.len(), left);
    ground.world.settle().await;
    assert_eq!(ground.due().await, []);
}

#[tokio::test]
async fn only_an_owner_that_could_not_makes_a_step_fail() {
    let ground = Ground::new().await;
    let alice = ground.org.user(&ground.world, "alice").await;
    let soon = ground.world.now() + chrono::TimeDelta::hours(1);
    ground.assigned(&alice, "/", soon).await;
    ground.world.advance(chrono::TimeDelta::hours(1));
    let answers: [(Reply, Option<&str>); 4] = [
        (|| Ok(()), None),
        (|| Err(Status::failed_precondition("somebody was faster")), None),
        (|| Err(Status::unavailable("not now")), Some("1 x end_assignment (Unavailable)")),
        (|| Err(Status::internal("a bug")), Some("1 x end_assignment (Internal)")),
    ];
    for (answer, failure) in answers {
        let owners = Owners::listen(answer).await;
        let mut scheduler = ground.scheduler();
        scheduler.peers = Arc::new(owners.peers());
        let said = step(&scheduler).await.err().map(|error| error.to_string());
        assert_eq!(owners.take().len(), 1, "it retries nothing by itself");
        let wanted = failure.map(|failure| format!("not all that is due was done: {failure}"));
        assert_eq!(said, wanted);
    }
}

#[tokio::test]
async fn two_schedulers_do_no_harm() {
    let ground = Ground::new().await;
    let everything = ground.everything().await;
    let (one, other) = (ground.scheduler(), ground.scheduler());
    // Who comes second finds nothing to do, or is told to try again; both are well.
    let (_, _) = tokio::join!(step(&one), step(&other));
    ground.world.settle().await;
    let since_then =
        EventFilter { start_time: Some(timestamp(ground.world.now())), ..EventFilter::default() };
    let done = ground.org.log(since_then.clone()).await;
    for (kind, thing) in &everything {
        // An unopened approval is another thing than the activation that wanted it.
        let wanted = usize::from(*kind != DueKind::OpenApproval);
        let entries = done.iter().filter(|event| event.thing_id == *thing);
        assert_eq!(entries.count(), wanted, "{kind:?}");
    }
    step(&one).await.unwrap();
    let after = ground.org.log(since_then).await;
    assert_eq!(after.len(), done.len(), "a step with nothing to do leaves no entry");
}
