//! Policies.

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use pim_client::Client;
use pim_domain::policy::RuleName;
use pim_proto::assignment::v1::{
    ApprovalRule, GetPolicyRequest, Policy, Rules, UpdatePolicyRequest,
};

use super::{note_validation, present};
use crate::{
    args::WriteOptions,
    connect::Session,
    error::CliError,
    resolve,
    time::{parse_duration, wire_duration},
    view::policy::PolicyView,
};

/// `pim policy`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show a role's rules, and who has set each
    Show {
        /// Id or display name
        role: String,
    },
    /// Change rules of a role; rules that are not named stay
    Set(Box<Set>),
}

/// `pim policy set`.
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Id or display name
    role: String,
    /// The longest activation
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    activation_max: Option<TimeDelta>,
    /// The shortest activation
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    activation_min: Option<TimeDelta>,
    /// Activation needs a sign-in with multi-factor authentication
    #[arg(long, value_name = "BOOL")]
    require_mfa: Option<bool>,
    /// Activation needs a justification
    #[arg(long, value_name = "BOOL")]
    require_justification: Option<bool>,
    /// Activation needs a ticket
    #[arg(long, value_name = "BOOL")]
    require_ticket: Option<bool>,
    /// A regular expression that the whole ticket number must match; empty for none
    #[arg(long, value_name = "REGEX")]
    ticket_pattern: Option<String>,
    #[command(flatten)]
    approval: Approval,
    /// An eligibility may be without end
    #[arg(long, value_name = "BOOL")]
    permanent_eligibility: Option<bool>,
    /// The longest eligibility where it may not be without end
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    eligible_max: Option<TimeDelta>,
    /// An active assignment may be without end
    #[arg(long, value_name = "BOOL")]
    permanent_assignment: Option<bool>,
    /// The longest active assignment where it may not be without end
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    assigned_max: Option<TimeDelta>,
    /// Creating an active assignment needs a justification
    #[arg(long, value_name = "BOOL")]
    assignment_require_justification: Option<bool>,
    /// Creating an active assignment needs multi-factor authentication
    #[arg(long, value_name = "BOOL")]
    assignment_require_mfa: Option<bool>,
    /// Creating an active assignment needs a ticket
    #[arg(long, value_name = "BOOL")]
    assignment_require_ticket: Option<bool>,
    /// Let a rule go back to the catalog's default; may be repeated
    #[arg(long, value_name = "RULE", value_parser = parse_rule)]
    reset: Vec<RuleName>,
    #[command(flatten)]
    write: WriteOptions,
}

/// The parts of the rule `approval`; those that are not given stay.
#[derive(Debug, Default, Args)]
struct Approval {
    /// Activation needs approval by this principal; repeated: by all of them
    #[arg(long, value_name = "PRINCIPAL", conflicts_with = "no_approval")]
    approver: Vec<String>,
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

pub(crate) async fn run(command: Command, session: &mut Session<'_>) -> Result<(), CliError> {
    match command {
        Command::Show { role } => {
            let role_id = resolve::role(&session.client, &role).await?;
            let policy = get(&session.client, role_id).await?;
            print(policy, session).await
        }
        Command::Set(command) => set(*command, session).await,
    }
}

async fn get(client: &Client, role_id: String) -> Result<Policy, CliError> {
    present(client.policies().get_policy(GetPolicyRequest { role_id }).await?.into_inner().policy)
}

async fn set(mut command: Set, session: &mut Session<'_>) -> Result<(), CliError> {
    let client = session.client.clone();
    let role_id = resolve::role(&client, &command.role).await?;
    for approver in &mut command.approval.approver {
        *approver = resolve::principal(&client, approver).await?;
    }
    let policy = get(&client, role_id.clone()).await?;
    let approval_in_force = policy.rules.and_then(|rules| rules.approval).unwrap_or_default();
    let rules = command.rules(approval_in_force);
    if rules == Rules::default() && command.reset.is_empty() {
        return Err(CliError::Usage("no rule to set or reset was given".to_owned()));
    }
    let request = UpdatePolicyRequest {
        role_id,
        etag: policy.etag,
        rules: Some(rules),
        reset_rules: command.reset.iter().map(|rule| rule.as_str().to_owned()).collect(),
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let answer = client.policies().update_policy(request).await?.into_inner();
    print(present(answer.policy)?, session).await?;
    note_validation(session, &command.write)
}

async fn print(policy: Policy, session: &mut Session<'_>) -> Result<(), CliError> {
    let approval = policy.rules.as_ref().and_then(|rules| rules.approval.as_ref());
    let approvers = approval.into_iter().flat_map(|it| &it.approver_ids).map(String::as_str);
    session.learn([&*policy.role_id].into_iter(), approvers).await;
    Ok(session.printer.one(&PolicyView::new(policy, &session.names))?)
}

/// As the contract calls it, or as the option is called.
fn parse_rule(text: &str) -> Result<RuleName, String> {
    let name = text.replace('-', "_");
    RuleName::ALL
        .into_iter()
        .find(|rule| rule.as_str() == name)
        .ok_or_else(|| format!("not one of {}", RuleName::ALL.map(RuleName::as_str).join(", ")))
}

impl Set {
    fn rules(&self, approval_in_force: ApprovalRule) -> Rules {
        Rules {
            activation_max: self.activation_max.map(wire_duration),
            activation_min: self.activation_min.map(wire_duration),
            require_mfa: self.require_mfa,
            require_justification: self.require_justification,
            require_ticket: self.require_ticket,
            ticket_pattern: self.ticket_pattern.clone(),
            approval: self.approval.over(approval_in_force),
            permanent_eligibility: self.permanent_eligibility,
            eligible_max: self.eligible_max.map(wire_duration),
            permanent_assignment: self.permanent_assignment,
            assigned_max: self.assigned_max.map(wire_duration),
            assignment_require_justification: self.assignment_require_justification,
            assignment_require_mfa: self.assignment_require_mfa,
            assignment_require_ticket: self.assignment_require_ticket,
        }
    }
}

impl Approval {
    /// The contract sets the rule as a whole, so what is not given is taken from the one in force.
    fn over(&self, mut rule: ApprovalRule) -> Option<ApprovalRule> {
        let is_given = self.no_approval
            || !self.approver.is_empty()
            || self.approval_timeout.is_some()
            || self.justify_approve.is_some()
            || self.justify_deny.is_some();
        if !is_given {
            return None;
        }
        if self.no_approval || !self.approver.is_empty() {
            rule.approver_ids.clone_from(&self.approver);
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
            approver_ids: vec!["a".to_owned(), "b".to_owned()],
            timeout: Some(wire_duration(TimeDelta::hours(24))),
            justify_approve: Some(true),
            justify_deny: Some(false),
        }
    }

    #[test]
    fn parts_of_the_approval_rule_that_are_not_given_stay() {
        let timeout = Some(TimeDelta::hours(1));
        let approval = Approval { approval_timeout: timeout, ..Approval::default() };
        let expected = ApprovalRule { timeout: timeout.map(wire_duration), ..in_force() };
        assert_eq!(approval.over(in_force()), Some(expected));
        let approval = Approval { approver: vec!["c".to_owned()], ..Approval::default() };
        let expected = ApprovalRule { approver_ids: vec!["c".to_owned()], ..in_force() };
        assert_eq!(approval.over(in_force()), Some(expected));
        let approval = Approval { no_approval: true, ..Approval::default() };
        assert_eq!(approval.over(in_force()).unwrap().approver_ids, Vec::<String>::new());
        assert_eq!(Approval::default().over(in_force()), None);
    }

    #[test]
    fn a_rule_goes_by_the_name_of_its_field_or_option() {
        assert_eq!(parse_rule("require_mfa").unwrap(), RuleName::RequireMfa);
        assert_eq!(parse_rule("require-mfa").unwrap(), RuleName::RequireMfa);
        assert!(parse_rule("mfa").unwrap_err().contains("activation_max"));
    }
}
