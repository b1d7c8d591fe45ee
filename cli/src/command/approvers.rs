//! Who must approve, as it is written on the command line.

use chrono::TimeDelta;
use clap::Args;
use pim_client::Client;
use pim_proto::assignment::v1::{
    ApprovalMode, ApprovalRule, ApprovalStage, ApproverSlot, approver_slot,
};

use crate::{
    error::CliError,
    resolve,
    time::{parse_duration, wire_duration},
};

/// The parts of the rule `approval`; those that are not given stay.
#[derive(Debug, Default, Args)]
pub(crate) struct Approval {
    /// Activation needs approval by this principal; repeated: by all of them
    #[arg(long, value_name = "PRINCIPAL", conflicts_with_all = ["no_approval", "approval_stage"])]
    approver: Vec<String>,
    /// A stage of approval: `all:carol,dave`, `any:carol,group:ops` or `2:carol,dave,erin`;
    /// repeated: one after another
    #[arg(long, value_name = "STAGE", conflicts_with = "no_approval", value_parser = parse_stage)]
    approval_stage: Vec<Stage>,
    /// Takes a slot that nobody living can; may be repeated
    #[arg(long, value_name = "PRINCIPAL")]
    fallback_approver: Vec<String>,
    /// Activation needs no approval
    #[arg(long)]
    no_approval: bool,
    /// How long approvers have
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    approval_timeout: Option<TimeDelta>,
    /// Approving needs a justification
    #[arg(long, value_name = "BOOL")]
    justify_approve: Option<bool>,
    /// Denying needs a justification
    #[arg(long, value_name = "BOOL")]
    justify_deny: Option<bool>,
}

/// A stage, before its approvers are known by id.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stage {
    mode: ApprovalMode,
    quorum: i32,
    approvers: Vec<String>,
}

fn parse_stage(text: &str) -> Result<Stage, String> {
    let form = "must be like all:carol,dave or any:carol,dave or 2:carol,dave,erin";
    let (mode, approvers) = text.split_once(':').ok_or(form)?;
    let (mode, quorum) = match mode {
        "all" => (ApprovalMode::AllOf, 0),
        "any" => (ApprovalMode::AnyOf, 0),
        count => (ApprovalMode::Quorum, count.parse().map_err(|_| form)?),
    };
    let approvers = approvers.split(',').map(|one| one.trim().to_owned()).collect();
    Ok(Stage { mode, quorum, approvers })
}

/// A stage of users by id, and of groups by `group:` and their id.
pub(crate) fn stage<S: AsRef<str>>(
    mode: ApprovalMode,
    quorum: i32,
    approvers: &[S],
) -> ApprovalStage {
    let slot = |approver: &S| {
        let approver = match approver.as_ref().strip_prefix(resolve::GROUP) {
            Some(group) => approver_slot::Approver::GroupId(group.to_owned()),
            None => approver_slot::Approver::UserId(approver.as_ref().to_owned()),
        };
        ApproverSlot { approver: Some(approver), activated_members: false }
    };
    ApprovalStage { slots: approvers.iter().map(slot).collect(), mode: mode.into(), quorum }
}

impl Approval {
    /// Finds the ids of everybody who is named.
    pub(crate) async fn resolve(&mut self, client: &Client) -> Result<(), CliError> {
        let staged = self.approval_stage.iter_mut().flat_map(|stage| &mut stage.approvers);
        for approver in self.approver.iter_mut().chain(&mut self.fallback_approver).chain(staged) {
            let id = resolve::principal(client, approver).await?;
            let is_group = approver.starts_with(resolve::GROUP);
            *approver = if is_group { format!("{}{id}", resolve::GROUP) } else { id };
        }
        Ok(())
    }

    /// The contract sets the rule as a whole, so what is not given is taken from the one in force.
    pub(crate) fn over(&self, mut rule: ApprovalRule) -> Option<ApprovalRule> {
        let stages: Vec<ApprovalStage> = if self.approver.is_empty() {
            let staged = self.approval_stage.iter();
            staged.map(|one| stage(one.mode, one.quorum, &one.approvers)).collect()
        } else {
            vec![stage(ApprovalMode::AllOf, 0, &self.approver)]
        };
        let is_given = self.no_approval
            || !stages.is_empty()
            || !self.fallback_approver.is_empty()
            || self.approval_timeout.is_some()
            || self.justify_approve.is_some()
            || self.justify_deny.is_some();
        if !is_given {
            return None;
        }
        if self.no_approval || !stages.is_empty() {
            rule.stages = stages;
        }
        if !self.fallback_approver.is_empty() {
            rule.fallback_approver_ids.clone_from(&self.fallback_approver);
        }
        rule.timeout = self.approval_timeout.map(wire_duration).or(rule.timeout);
        rule.justify_approve = self.justify_approve.or(rule.justify_approve);
        rule.justify_deny = self.justify_deny.or(rule.justify_deny);
        Some(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_force() -> ApprovalRule {
        ApprovalRule {
            stages: vec![stage(ApprovalMode::AllOf, 0, &["a", "b"])],
            timeout: Some(wire_duration(TimeDelta::hours(24))),
            justify_approve: Some(true),
            justify_deny: Some(false),
            fallback_approver_ids: vec!["f".to_owned()],
        }
    }

    #[test]
    fn parts_of_the_approval_rule_that_are_not_given_stay() {
        let timeout = Some(TimeDelta::hours(1));
        let approval = Approval { approval_timeout: timeout, ..Approval::default() };
        let expected = ApprovalRule { timeout: timeout.map(wire_duration), ..in_force() };
        assert_eq!(approval.over(in_force()), Some(expected));
        let approval = Approval { approver: vec!["c".to_owned()], ..Approval::default() };
        let stages = vec![stage(ApprovalMode::AllOf, 0, &["c"])];
        assert_eq!(approval.over(in_force()), Some(ApprovalRule { stages, ..in_force() }));
        let approval = Approval { no_approval: true, ..Approval::default() };
        assert_eq!(approval.over(in_force()).unwrap().stages, []);
        assert_eq!(Approval::default().over(in_force()), None);
    }

    #[test]
    fn a_stage_says_how_many_of_whom() {
        let stage = parse_stage("2:carol, dave,erin").unwrap();
        assert_eq!((stage.mode, stage.quorum), (ApprovalMode::Quorum, 2));
        assert_eq!(stage.approvers, ["carol", "dave", "erin"]);
        let mixed = parse_stage("any:group:ops,carol").unwrap();
        assert_eq!(mixed.approvers, ["group:ops", "carol"]);
        let slots = super::stage(mixed.mode, 0, &mixed.approvers).slots;
        let ops = approver_slot::Approver::GroupId("ops".to_owned());
        assert_eq!(slots[0].approver, Some(ops));
        assert_eq!(parse_stage("any:carol").unwrap().mode, ApprovalMode::AnyOf);
        assert!(parse_stage("carol,dave").is_err());
        assert!(parse_stage("both:carol,dave").is_err());
    }
}
