//! Errors: what is printed, and with which code the process exits.

use std::{
    error::Error as _,
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
};

use pim_chassis::process::ProcessError;
use pim_client::{ClientError, Refusal};
use pim_domain::{denial::StepUp, log::fault::Fault};
use pim_embedded::EmbeddedError;
use pim_store::StoreError;
use serde_json::{Value, json};
use tonic::{Code, Status};

/// All is well.
pub(crate) const EXIT_OK: u8 = 0;
/// The question was answered with no.
pub(crate) const EXIT_NO: u8 = 1;
/// The command line is wrong.
pub(crate) const EXIT_USAGE: u8 = 2;
const EXIT_NOT_PERMITTED: u8 = 3;
const EXIT_REFUSED: u8 = 4;
const EXIT_NOT_FOUND: u8 = 5;
const EXIT_INVALID: u8 = 6;
const EXIT_UNAVAILABLE: u8 = 7;
const EXIT_OTHER: u8 = 8;
const EXIT_INCOMPLETE: u8 = 10;
const EXIT_FORKED: u8 = 11;
const EXIT_ALTERED: u8 = 12;
const EXIT_STATE_DIFFERS: u8 = 13;

/// For `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done; of several things at once: all of them, else the code of the first that was not
  1  answered with no (access check: denied)
  2  wrong usage
  3  not signed in, or not permitted
  4  refused by the policy or the state
  5  not found
  6  invalid argument
  7  the server cannot be reached, or not in time
  8  anything else
Of audit verify, fsck and replay, where what they look at is not what it should be:
  10  incomplete: something is missing
  11  forked: two logs were signed, neither of which begins with the other
  12  altered: something is not what was sealed or signed
  13  state differs: what is stored is not what the log leads to";

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The server said no, or could not be asked.
    #[error("{}", .0.message)]
    Refused(Box<Refusal>),
    /// The arguments do not go together.
    #[error("{0}")]
    Usage(String),
    /// No such role or principal.
    #[error("{0}")]
    NotFound(String),
    /// A name that fits more than one thing.
    #[error("{0}")]
    Ambiguous(String),
    /// The address cannot be used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The data folder has not been set up, or cannot be used.
    #[error("cannot use the data folder {}: {cause}", .folder.display())]
    Data {
        /// Which.
        folder: PathBuf,
        /// Why.
        cause: String,
    },
    /// The system could not start or go on.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// There is no Postgres to be had, or it does not do.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// A file cannot be used.
    #[error("cannot use {}: {cause}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The log, or the state beside it, does not verify.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// An answer without the thing that it is about.
    #[error("the server's answer is incomplete")]
    Incomplete,
    /// The answer could not be printed.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// The data folder cannot be used.
    pub(crate) fn data(folder: &Path, cause: impl ToString) -> Self {
        Self::Data { folder: folder.to_owned(), cause: cause.to_string() }
    }

    /// A file cannot be used.
    pub(crate) fn file(path: &Path, cause: impl ToString) -> Self {
        Self::File { path: path.to_owned(), cause: cause.to_string() }
    }

    /// The same error; one that comes from the way to the server says which server.
    pub(crate) fn of_server(mut self, url: &str) -> Self {
        if let Self::Refused(refusal) = &mut self
            && refusal.reason.is_empty()
            && matches!(refusal.code, Code::Unavailable | Code::DeadlineExceeded)
        {
            refusal.metadata.insert("server".to_owned(), url.to_owned());
        }
        self
    }

    /// With which code the process exits.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(refusal) => exit_code(refusal.code),
            Self::Usage(_)
            | Self::Client(_)
            | Self::Data { .. }
            | Self::File { .. }
            | Self::Process(ProcessError::Store { error: StoreError::BadUrl }) => EXIT_USAGE,
            Self::Fault(fault) => fault_code(fault),
            Self::NotFound(_) => EXIT_NOT_FOUND,
            Self::Ambiguous(_) => EXIT_INVALID,
            Self::Incomplete | Self::Process(_) | Self::Embedded(_) => EXIT_OTHER,
            // Whoever reads the answer has had enough of it (`pim audit list | head`).
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => EXIT_OK,
            Self::Output(_) => EXIT_OTHER,
        }
    }

    /// Whether nobody is left to read it.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// For people: the message, then a line for each broken rule, each field, each detail.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("error: {self}");
        let Self::Refused(refusal) = self else { return text };
        if !refusal.reason.is_empty() {
            let _ = write!(text, " ({})", refusal.reason);
        }
        for violation in &refusal.violations {
            let _ = write!(text, "\n  {}", violation.rule);
            if !violation.field.is_empty() {
                let _ = write!(text, " ({})", violation.field);
            }
            let _ = write!(text, ": {}", violation.description);
        }
        for field in &refusal.fields {
            let _ = write!(text, "\n  {}: {}", field.field, field.description);
        }
        for (key, value) in &refusal.metadata {
            let _ = write!(text, "\n  {key}: {value}");
        }
        if let Some(wanted) = wanted_sign_in(refusal) {
            let _ = write!(text, "\n  {wanted}");
        }
        if refusal.reason == "CREDENTIAL_MISSING" {
            text.push_str("\n  give a token with --token or PIM_TOKEN");
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let mut error = json!({ "message": self.to_string(), "exit_code": self.exit_code() });
        if let Self::Refused(refusal) = self {
            error["code"] = json!(code_name(refusal.code));
            error["reason"] = json!(refusal.reason);
            error["metadata"] = json!(refusal.metadata);
            error["violations"] = refusal
                .violations
                .iter()
                .map(|it| {
                    json!({ "rule": it.rule, "field": it.field, "description": it.description })
                })
                .collect();
            error["fields"] = refusal
                .fields
                .iter()
                .map(|it| json!({ "field": it.field, "description": it.description }))
                .collect();
        }
        json!({ "error": error })
    }
}

impl From<Status> for CliError {
    fn from(status: Status) -> Self {
        let mut refusal = Refusal::from_status(&status);
        // A server's own words stand alone. What went wrong on the way to it is in the causes.
        if refusal.reason.is_empty() {
            // A cause of its own was met on this side: the connection broke in the middle.
            if refusal.code == Code::Unknown && status.source().is_some() {
                refusal.code = Code::Unavailable;
            }
            let mut cause = status.source();
            while let Some(error) = cause {
                let text = error.to_string();
                if !refusal.message.contains(&text) {
                    let _ = write!(refusal.message, ": {text}");
                }
                cause = error.source();
            }
        }
        Self::Refused(Box::new(refusal))
    }
}

/// What sign-in would do, in a sentence (RFC 9470).
fn wanted_sign_in(refusal: &Refusal) -> Option<String> {
    let (values, age) = (refusal.metadata.get("acr_values"), refusal.metadata.get("max_age"));
    let with = values.map(|values| {
        let values = values.split(' ').map(|value| match value {
            StepUp::MFA => "multi-factor authentication".to_owned(),
            context => format!("the authentication context {context}"),
        });
        format!("with {}", values.collect::<Vec<_>>().join(" and "))
    });
    let lately = age.map(|age| match age.as_str() {
        "0" => "just before you ask".to_owned(),
        age => format!("at most {age} seconds before you ask"),
    });
    let wanted: Vec<String> = with.into_iter().chain(lately).collect();
    let again = if refusal.reason == "STEP_UP_REQUIRED" { ", and ask again" } else { "" };
    (!wanted.is_empty()).then(|| format!("sign in {}{again}", wanted.join(", ")))
}

/// With which code the process exits where a log does not verify.
pub(crate) fn fault_code(fault: &Fault) -> u8 {
    match fault {
        Fault::Incomplete(_) => EXIT_INCOMPLETE,
        Fault::Forked(_) => EXIT_FORKED,
        Fault::Altered(_) => EXIT_ALTERED,
        Fault::StateDiffers(_) => EXIT_STATE_DIFFERS,
    }
}

fn exit_code(code: Code) -> u8 {
    match code {
        Code::Ok => EXIT_OK,
        Code::Unauthenticated | Code::PermissionDenied => EXIT_NOT_PERMITTED,
        Code::FailedPrecondition | Code::AlreadyExists | Code::Aborted => EXIT_REFUSED,
        Code::NotFound => EXIT_NOT_FOUND,
        Code::InvalidArgument | Code::OutOfRange => EXIT_INVALID,
        Code::Unavailable | Code::DeadlineExceeded => EXIT_UNAVAILABLE,
        Code::Cancelled
        | Code::Unknown
        | Code::ResourceExhausted
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => EXIT_OTHER,
    }
}

fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use tonic_types::{ErrorDetails, StatusExt as _};

    fn denied() -> CliError {
        let mut details = ErrorDetails::with_error_info("POLICY_DENIED", "pim.dev", HashMap::new());
        details
            .add_precondition_failure_violation(
                "EXPIRATION",
                "duration",
                "limit: PT8H; given: PT9H",
            )
            .add_precondition_failure_violation("MFA", "", "limit: mfa; given: pwd");
        let message = "the policy does not permit this";
        Status::with_error_details(Code::FailedPrecondition, message, details).into()
    }

    #[test]
    fn every_broken_rule_is_printed() {
        assert_eq!(
            denied().text(),
            "error: the policy does not permit this (POLICY_DENIED)\n  \
             EXPIRATION (duration): limit: PT8H; given: PT9H\n  \
             MFA: limit: mfa; given: pwd"
        );
    }

    #[test]
    fn programs_get_the_same_as_json() {
        let json = denied().json();
        assert_eq!(json["error"]["code"], "FAILED_PRECONDITION");
        assert_eq!(json["error"]["exit_code"], 4);
        assert_eq!(json["error"]["violations"][0]["rule"], "EXPIRATION");
        assert_eq!(json["error"]["violations"][1]["description"], "limit: mfa; given: pwd");
    }

    #[test]
    fn fields_and_metadata_are_printed() {
        let metadata = HashMap::from([("activation_id".to_owned(), "7".to_owned())]);
        let mut details = ErrorDetails::with_error_info("ACTIVATION_LIVE", "pim.dev", metadata);
        details.add_bad_request_violation("scope", "must begin with /");
        let error: CliError =
            Status::with_error_details(Code::AlreadyExists, "there is one", details).into();
        assert_eq!(
            error.text(),
            "error: there is one (ACTIVATION_LIVE)\n  scope: must begin with /\n  activation_id: 7"
        );
    }

    #[test]
    fn the_sign_in_that_is_wanted_is_said_in_a_sentence() {
        let said = |reason: &str, metadata: &[(&str, &str)]| {
            let metadata = metadata.iter().map(|(key, value)| (key.to_string(), value.to_string()));
            let details = ErrorDetails::with_error_info(
                reason,
                "pim.dev",
                metadata.collect::<HashMap<_, _>>(),
            );
            let status = Status::with_error_details(Code::Unauthenticated, "no", details);
            CliError::from(status).text().lines().last().unwrap().to_owned()
        };
        assert_eq!(
            said("STEP_UP_REQUIRED", &[("acr_values", "mfa c1"), ("max_age", "300")]),
            "  sign in with multi-factor authentication and the authentication context c1, at most \
             300 seconds before you ask, and ask again"
        );
        assert_eq!(
            said("STEP_UP_REQUIRED", &[("max_age", "0")]),
            "  sign in just before you ask, and ask again"
        );
        assert_eq!(
            said("POLICY_DENIED", &[("acr_values", "mfa")]),
            "  sign in with multi-factor authentication"
        );
    }

    #[test]
    fn each_kind_of_no_has_its_exit_code() {
        let code = |code| CliError::from(Status::new(code, "")).exit_code();
        assert_eq!(code(Code::Unauthenticated), 3);
        assert_eq!(code(Code::PermissionDenied), 3);
        assert_eq!(code(Code::FailedPrecondition), 4);
        assert_eq!(code(Code::AlreadyExists), 4);
        assert_eq!(code(Code::Aborted), 4);
        assert_eq!(code(Code::NotFound), 5);
        assert_eq!(code(Code::InvalidArgument), 6);
        assert_eq!(code(Code::Unavailable), 7);
        assert_eq!(code(Code::DeadlineExceeded), 7);
        assert_eq!(code(Code::Internal), 8);
        assert_eq!(CliError::Usage(String::new()).exit_code(), 2);
        assert_eq!(CliError::NotFound(String::new()).exit_code(), 5);
    }

    #[test]
    fn a_connection_that_breaks_in_the_middle_is_no_answer() {
        let reset = io::Error::new(io::ErrorKind::ConnectionReset, "connection reset");
        let mut status = Status::new(Code::Unknown, "transport error");
        status.set_source(std::sync::Arc::new(reset));
        assert_eq!(CliError::from(status).exit_code(), 7);
        assert_eq!(CliError::from(Status::new(Code::Unknown, "")).exit_code(), 8);
    }

    #[test]
    fn the_causes_of_a_failed_connection_are_printed() {
        let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
        let error =
            CliError::from(Status::from_error(Box::new(tonic::ConnectError(refused.into()))));
        let error = error.of_server("http://127.0.0.1:1");
        assert_eq!(error.text(), "error: connection refused\n  server: http://127.0.0.1:1");
        assert_eq!(error.exit_code(), 7);
    }
}
