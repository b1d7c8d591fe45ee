//! `pim policy test`, and conditions from files.

use std::{fs, net::IpAddr, path::PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use pim_proto::assignment::v1::{Circumstances, ConditionOutcome, Conditions, TestPolicyRequest};

use crate::{
    args::TicketOptions,
    connect::Session,
    error::{CliError, EXIT_NO, EXIT_OK},
    resolve,
    time::{parse_duration, parse_time, timestamp, wire_duration},
    view::policy_test::PolicyTestView,
};

/// `pim policy test`.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Id or display name
    role: String,
    /// Where
    #[arg(long, default_value = "/")]
    scope: String,
    /// A file with a condition to try in place of those in force; may be repeated
    #[arg(long, value_name = "FILE")]
    condition: Vec<PathBuf>,
    /// Who asks [default: you]
    #[arg(long)]
    principal: Option<String>,
    /// Signed in with multi-factor authentication
    #[arg(long)]
    with_mfa: bool,
    /// The authentication context class
    #[arg(long, value_name = "CLASS")]
    acr: Option<String>,
    /// An authentication context that the sign-in satisfies; may be repeated
    #[arg(long = "authentication-context", value_name = "CONTEXT")]
    contexts: Vec<String>,
    /// How long ago the sign-in was
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    auth_age: Option<TimeDelta>,
    /// Whether the device meets what the organisation demands
    #[arg(long, value_name = "BOOL")]
    device_compliant: Option<bool>,
    /// Whether the organisation manages the device
    #[arg(long, value_name = "BOOL")]
    device_managed: Option<bool>,
    /// From this address
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,
    /// From this country
    #[arg(long)]
    country: Option<String>,
    /// At this risk
    #[arg(long)]
    risk: Option<String>,
    /// When it would begin [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    start: Option<DateTime<Utc>>,
    /// For how long [default: PT1H]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    duration: Option<TimeDelta>,
    #[command(flatten)]
    ticket: TicketOptions,
}

/// Asks what conditions would say.
pub(super) async fn test(command: Test, session: &mut Session<'_>) -> Result<u8, CliError> {
    let client = session.client.clone();
    let role_id = resolve::role(&client, &command.role).await?;
    let principal_id = match &command.principal {
        Some(principal) => resolve::principal(&client, principal).await?,
        None => String::new(),
    };
    let request = TestPolicyRequest {
        role_id,
        scope: command.scope,
        conditions: conditions(&command.condition)?,
        circumstances: Some(Circumstances {
            principal_id,
            mfa: command.with_mfa,
            acr: command.acr,
            acrs: command.contexts,
            auth_age: command.auth_age.map(wire_duration),
            device_compliant: command.device_compliant,
            device_managed: command.device_managed,
            ip: command.ip.map(|ip| ip.to_string()).unwrap_or_default(),
            country: command.country,
            risk: command.risk,
            start_time: command.start.map(timestamp),
            ticket: command.ticket.into_message(),
            duration: command.duration.map(wire_duration),
        }),
    };
    let answer = client.policies().test_policy(request).await?.into_inner();
    let allowed = answer.outcome() == ConditionOutcome::Allowed;
    session.printer.one(&PolicyTestView::new(answer))?;
    Ok(if allowed { EXIT_OK } else { EXIT_NO })
}

/// The conditions in these files; `None` for no file.
pub(super) fn conditions(files: &[PathBuf]) -> Result<Option<Conditions>, CliError> {
    if files.is_empty() {
        return Ok(None);
    }
    let read =
        |file: &PathBuf| fs::read_to_string(file).map_err(|error| CliError::file(file, error));
    Ok(Some(Conditions { policies: files.iter().map(read).collect::<Result<_, _>>()? }))
}
