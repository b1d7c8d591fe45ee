//! `ListPossibleApprovers`: who could approve, and whom it waits for now.

use pim_proto::{
    approval::v1::{ListPossibleApproversRequest, PossibleApprover},
    assignment::v1::{ApprovalMode, ApprovalRule},
};
use pim_tests::{
    Organisation, Person, assert_invalid, assert_refused, assert_same_refusal, new_id, stage,
    stages,
};
use tonic::{Code, Status};

use crate::ground::{Ground, approve, yes};

const GLOBAL_READER: &str = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";

async fn possible(person: &Person, approval: &str) -> Result<Vec<PossibleApprover>, Status> {
    let request = ListPossibleApproversRequest { approval_id: approval.to_owned() };
    let answer = person.client.approvals().list_possible_approvers(request).await?.into_inner();
    assert!(!answer.revision.is_empty());
    Ok(answer.approvers)
}

fn could(person: &Person, stage: i32, may_decide_now: bool) -> PossibleApprover {
    PossibleApprover { principal_id: person.id.clone(), stage, may_decide_now }
}

/// By stage, then id.
fn sorted<const N: usize>(mut approvers: [PossibleApprover; N]) -> [PossibleApprover; N] {
    approvers.sort_by_key(|one| (one.stage, one.principal_id.clone()));
    approvers
}

#[tokio::test]
async fn they_are_told_by_stage_with_who_may_decide_now() {
    let ground = Ground::new().await;
    let (dora, erin) = (ground.user("dora").await, ground.user("erin").await);
    let (bea, carl) = (&ground.bea, &ground.carl);
    let any = |people: &[&Person]| stage(ApprovalMode::AnyOf, 0, people);
    // Ada asks, so she is none; Carl has a slot in both stages and is told once.
    let rule = ApprovalRule {
        fallback_approver_ids: vec![erin.id.clone()],
        ..stages(vec![any(&[bea, carl, &ground.ada]), any(&[carl, &dora])])
    };
    let (_, approval) = ground.asked_under(rule).await;
    let told = |bea_now, now| {
        sorted([
            could(bea, 1, bea_now),
            could(carl, 1, true),
            could(&erin, 1, true),
            could(&dora, 2, now),
        ])
    };
    assert_eq!(possible(bea, &approval.id).await.unwrap(), told(true, false));
    approve(bea, yes(&approval)).await.unwrap();
    assert_eq!(
        possible(&dora, &approval.id).await.unwrap(),
        told(false, true),
        "who has decided does not again"
    );
    ground.disable(&dora).await;
    let left = sorted([could(bea, 1, false), could(carl, 1, true), could(&erin, 1, true)]);
    let shown = possible(bea, &approval.id).await.unwrap();
    let known: Vec<_> = shown.iter().filter(|one| one.principal_id != erin.id).cloned().collect();
    let expected: Vec<_> = left.iter().filter(|one| one.principal_id != erin.id).cloned().collect();
    assert_eq!(known, expected, "who is disabled could not");
}

#[tokio::test]
async fn who_may_see_the_approval_sees_them_and_others_learn_nothing() {
    let ground = Ground::new().await;
    let (_, approval) = ground.asked().await;
    let reader = ground.user("reader").await;
    ground.org.assign(&reader, GLOBAL_READER, "/").await.unwrap();
    let expected = sorted([could(&ground.bea, 1, true), could(&ground.carl, 1, true)]);
    for person in [&ground.ada, &ground.bea, &ground.carl, &ground.org.admin, &reader] {
        assert_eq!(possible(person, &approval.id).await.unwrap(), expected);
    }
    let owner = ground.user("owner").await;
    ground.org.assign(&owner, Organisation::OWNER, "/").await.unwrap();
    let answer = possible(&owner, &approval.id).await;
    assert_refused(answer, Code::PermissionDenied, "NOT_PERMITTED");
    let bob = ground.user("bob").await;
    let real = possible(&bob, &approval.id).await;
    let real = assert_refused(real, Code::PermissionDenied, "NOT_PERMITTED");
    let missing = possible(&bob, &new_id()).await;
    let missing = assert_refused(missing, Code::PermissionDenied, "NOT_PERMITTED");
    assert_same_refusal(&real, &missing);
    let elsewhere = ground.world.organisation().await;
    for (person, id) in [(&elsewhere.admin, &approval.id), (&ground.org.admin, &new_id())] {
        assert_refused(possible(person, id).await, Code::NotFound, "NOT_FOUND");
    }
    assert_invalid(possible(&bob, "1").await, "approval_id");
}
