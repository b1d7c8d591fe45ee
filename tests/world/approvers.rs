//! Who must approve, on the wire.

use pim_proto::assignment::v1::{
    ApprovalMode, ApprovalRule, ApprovalStage, ApproverSlot, approver_slot::Approver,
};

use crate::Person;

/// A stage with a slot for each of `people`.
#[must_use]
pub fn stage(mode: ApprovalMode, quorum: i32, people: &[&Person]) -> ApprovalStage {
    let ids: Vec<&str> = people.iter().map(|one| one.id.as_str()).collect();
    stage_of(mode, quorum, &ids)
}

/// A stage with a slot for each of these ids.
#[must_use]
pub fn stage_of(mode: ApprovalMode, quorum: i32, ids: &[&str]) -> ApprovalStage {
    let slot = |id: &&str| ApproverSlot {
        approver: Some(Approver::UserId((*id).to_owned())),
        activated_members: false,
    };
    ApprovalStage { slots: ids.iter().map(slot).collect(), mode: mode.into(), quorum }
}

/// All of `people` must approve, in one stage; where there are none, nobody has to.
#[must_use]
pub fn all_of(people: &[&Person]) -> ApprovalRule {
    match people {
        [] => ApprovalRule::default(),
        people => stages(vec![stage(ApprovalMode::AllOf, 0, people)]),
    }
}

/// These stages, one after another.
#[must_use]
pub fn stages(stages: Vec<ApprovalStage>) -> ApprovalRule {
    ApprovalRule { stages, ..ApprovalRule::default() }
}
