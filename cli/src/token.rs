//! `pim token`: prints a development token.

use std::path::Path;

use chrono::TimeDelta;
use clap::Args as ClapArgs;
use pim_chassis::{
    auth::{Grant, SERVICE_NAMES},
    clock::Clock,
};

use crate::{development, error::CliError, files::Files, output::Printer, time};

/// Print a development token: of --as SUBJECT (with --mfa), of a service, or of an operator
#[derive(Debug, ClapArgs)]
pub(crate) struct Token {
    /// Of this service
    #[arg(long, value_parser = SERVICE_NAMES, conflicts_with = "operator")]
    service: Option<String>,
    /// Of this operator
    #[arg(long, value_name = "SUBJECT")]
    operator: Option<String>,
    /// How long it is good for
    #[arg(long, value_name = "DURATION", default_value = "PT1H", value_parser = time::parse_duration)]
    lifetime: TimeDelta,
}

/// Signs and prints it.
pub(crate) fn run(
    token: Token,
    subject: Option<(String, development::SignIn)>,
    folder: &Path,
    printer: &mut Printer,
) -> Result<(), CliError> {
    let grant = match (token.service, token.operator, subject) {
        (Some(name), _, None) => Grant::Service { name },
        (None, Some(subject), None) => Grant::Operator { subject },
        (None, None, Some((subject, sign_in))) => development::grant(folder, subject, sign_in)?,
        _ => {
            let usage = "one of --as SUBJECT, --service and --operator says whose token it is";
            return Err(CliError::Usage(usage.to_owned()));
        }
    };
    let issuer = Files::at(folder)?.issuer()?;
    let signed = issuer
        .mint(&grant, Clock::disciplined().now().now, token.lifetime)
        .map_err(|error| CliError::data(folder, error))?;
    Ok(printer.line(&signed)?)
}
