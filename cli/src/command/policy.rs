//! Policies.

use std::path::PathBuf;

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use pim_client::Client;
use pim_domain::policy::RuleName;
use pim_proto::assignment::v1::{
    ApprovalRule, Conditions, GetPolicyInForceRequest, GetPolicyRequest, ListPoliciesRequest,
    PolicyInForce, Rules, UpdatePolicyRequest,
};

use super::{approvers::Approval, fetch_pages, note_validation, policy_test, present};
use crate::{
    args::{ListOptions, WriteOptions},
    connect::Session,
    error::{CliError, EXIT_OK},
    resolve,
    time::{parse_duration, wire_duration},
    view::policy::{PolicyInForceView, PolicyView, people},
};

/// `pim policy`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the rules in force for a role at a scope: each with where it comes from
    Show {
        /// Id or display name
        role: String,
        /// Where
        #[arg(long, default_value = "/")]
        scope: String,
    },
    /// List what has been set
    List(List),
    /// Change rules of a role at a scope; rules that are not named stay
    Set(Box<Set>),
    /// Say what conditions would allow, those in force or others. Exits with 0 for yes, 1 for no
    Test(Box<policy_test::Test>),
    /// Print what conditions can ask about, as a Cedar schema
    Schema,
}

/// `pim policy list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only of this role
    #[arg(long)]
    role: Option<String>,
    /// Only at this scope and below
    #[arg(long)]
    scope: Option<String>,
    #[command(flatten)]
    list: ListOptions,
}

/// `pim policy set`.
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Id or display name
    role: String,
    /// Where, and below; the root for the whole tenant
    #[arg(long, default_value = "/")]
    scope: String,
    /// The longest activation
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    activation_max: Option<TimeDelta>,
    /// The shortest activation
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    activation_min: Option<TimeDelta>,
    /// Activation needs a sign-in with multi-factor authentication
    #[arg(long, value_name = "BOOL")]
    require_mfa: Option<bool>,
    /// How old the sign-in may be; PT0S for a fresh one each time
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    mfa_max_age: Option<TimeDelta>,
    /// A sign-in serves for one activation, and is then made anew
    #[arg(long, value_name = "BOOL")]
    single_use_authentication: Option<bool>,
    /// An authentication context that the sign-in must satisfy; empty for none
    #[arg(long, value_name = "CONTEXT")]
    authentication_context: Option<String>,
    /// Activation needs a justification
    #[arg(long, value_name = "BOOL")]
    require_justification: Option<bool>,
    /// Activation needs a ticket
    #[arg(long, value_name = "BOOL")]
    require_ticket: Option<bool>,
    /// A regular expression that the whole ticket number must match; empty for none
    #[arg(long, value_name = "REGEX")]
    ticket_pattern: Option<String>,
    /// A file with a condition (Cedar policies) that must allow an activation; may be repeated
    #[arg(long, value_name = "FILE")]
    condition: Vec<PathBuf>,
    /// Activation needs no condition
    #[arg(long, conflicts_with = "condition")]
    no_conditions: bool,
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
    /// So many must hold the role without end
    #[arg(long, value_name = "COUNT")]
    min_active_holders: Option<i32>,
    /// Let a rule be inherited again; may be repeated
    #[arg(long, value_name = "RULE", value_parser = parse_rule)]
    reset: Vec<RuleName>,
    /// Let a rule bind everything below, as the stricter; may be repeated
    #[arg(long, value_name = "RULE", value_parser = parse_rule)]
    enforce: Vec<RuleName>,
    /// Let a rule bind nothing below any more; may be repeated
    #[arg(long, value_name = "RULE", value_parser = parse_rule)]
    unenforce: Vec<RuleName>,
    #[command(flatten)]
    write: WriteOptions,
}

pub(crate) async fn run(command: Command, session: &mut Session<'_>) -> Result<u8, CliError> {
    match command {
        Command::Show { role, scope } => show(&role, scope, session).await?,
        Command::List(command) => list(command, session).await?,
        Command::Set(command) => set(*command, session).await?,
        Command::Test(command) => return policy_test::test(*command, session).await,
        Command::Schema => session.printer.raw(pim_conditions::SCHEMA.as_bytes())?,
    }
    Ok(EXIT_OK)
}

async fn show(role: &str, scope: String, session: &mut Session<'_>) -> Result<(), CliError> {
    let role_id = resolve::role(&session.client, role).await?;
    let policy = in_force(&session.client, role_id, scope).await?;
    let approvals = policy.rules.iter().flat_map(|rules| &rules.approvals);
    session.learn([&*policy.role_id].into_iter(), people(approvals)).await;
    Ok(session.printer.one(&PolicyInForceView::new(policy, &session.names))?)
}

async fn list(command: List, session: &mut Session<'_>) -> Result<(), CliError> {
    let role_id = match &command.role {
        Some(role) => resolve::role(&session.client, role).await?,
        None => String::new(),
    };
    let scope = command.scope.unwrap_or_default();
    let mut policies = session.client.policies();
    let page = fetch_pages(Some(command.list), async |page_size, page_token| {
        let (role_id, scope) = (role_id.clone(), scope.clone());
        let request = ListPoliciesRequest { role_id, scope, page_size, page_token };
        let answer = policies.list_policies(request).await?.into_inner();
        Ok((answer.policies, answer.next_page_token))
    })
    .await?;
    let roles = page.items.iter().map(|policy| policy.role_id.as_str());
    session.learn(roles, [].into_iter()).await;
    let page = page.map(|policy| PolicyView::new(policy, &session.names));
    Ok(session.printer.list(&page)?)
}

async fn in_force(
    client: &Client,
    role_id: String,
    scope: String,
) -> Result<PolicyInForce, CliError> {
    let request = GetPolicyInForceRequest { role_id, scope };
    present(client.policies().get_policy_in_force(request).await?.into_inner().policy)
}

async fn set(mut command: Set, session: &mut Session<'_>) -> Result<(), CliError> {
    let client = session.client.clone();
    let role_id = resolve::role(&client, &command.role).await?;
    command.approval.resolve(&client).await?;
    let scope = command.scope.clone();
    let read = GetPolicyRequest { role_id: role_id.clone(), scope: scope.clone() };
    let policy = present(client.policies().get_policy(read).await?.into_inner().policy)?;
    let inherited = in_force(&client, role_id.clone(), scope.clone()).await?;
    let inherited = inherited.rules.and_then(|rules| rules.approvals.into_iter().next());
    let own = policy.rules.and_then(|rules| rules.approval);
    let mut rules = command.rules(own.or(inherited).unwrap_or_default());
    rules.conditions = policy_test::conditions(&command.condition)?;
    if command.no_conditions {
        rules.conditions = Some(Conditions::default());
    }
    let named = [&command.reset, &command.enforce, &command.unenforce];
    if rules == Rules::default() && named.into_iter().all(Vec::is_empty) {
        return Err(CliError::Usage(
            "no rule to set, reset, enforce or unenforce was given".to_owned(),
        ));
    }
    let names = |rules: &[RuleName]| rules.iter().map(|rule| rule.as_str().to_owned()).collect();
    let request = UpdatePolicyRequest {
        role_id,
        scope,
        etag: policy.etag,
        rules: Some(rules),
        reset_rules: names(&command.reset),
        enforce_rules: names(&command.enforce),
        unenforce_rules: names(&command.unenforce),
        request_id: command.write.request_id(),
        validate_only: command.write.validate_only,
    };
    let policy = present(client.policies().update_policy(request).await?.into_inner().policy)?;
    let approval = policy.rules.iter().filter_map(|rules| rules.approval.as_ref());
    session.learn([&*policy.role_id].into_iter(), people(approval)).await;
    session.printer.one(&PolicyView::new(policy, &session.names))?;
    note_validation(session, &command.write)
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
    fn rules(&self, approval: ApprovalRule) -> Rules {
        Rules {
            activation_max: self.activation_max.map(wire_duration),
            activation_min: self.activation_min.map(wire_duration),
            require_mfa: self.require_mfa,
            mfa_max_age: self.mfa_max_age.map(wire_duration),
            single_use_authentication: self.single_use_authentication,
            authentication_context: self.authentication_context.clone(),
            require_justification: self.require_justification,
            require_ticket: self.require_ticket,
            ticket_pattern: self.ticket_pattern.clone(),
            approval: self.approval.over(approval),
            permanent_eligibility: self.permanent_eligibility,
            eligible_max: self.eligible_max.map(wire_duration),
            permanent_assignment: self.permanent_assignment,
            assigned_max: self.assigned_max.map(wire_duration),
            assignment_require_justification: self.assignment_require_justification,
            assignment_require_mfa: self.assignment_require_mfa,
            assignment_require_ticket: self.assignment_require_ticket,
            min_active_holders: self.min_active_holders,
            conditions: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_goes_by_the_name_of_its_field_or_option() {
        assert_eq!(parse_rule("require_mfa").unwrap(), RuleName::RequireMfa);
        assert_eq!(parse_rule("require-mfa").unwrap(), RuleName::RequireMfa);
        assert!(parse_rule("mfa").unwrap_err().contains("activation_max"));
    }
}
