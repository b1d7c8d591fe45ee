//! One error, one table to `Status`. Nothing internal reaches a client; the chain goes to the log
//! once.

use std::collections::HashMap;

use chrono::SecondsFormat;
use pim_domain::{
    denial::{Denial, Reason, Rule, Violation},
    event::ThingKind,
    role_token::{self, ROLES_MAX, TOKEN_BYTES_MAX},
};
use pim_proto::field::FieldViolation;
use pim_store::StoreError;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{
    backlog::{AuditBacklog, BACKLOG_AGE_MAX},
    clock::ClockInDoubt,
    status::ERROR_DOMAIN,
};

/// Why a call was not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rules say no.
    #[error("refused: {0:?}")]
    Denied(Box<Denial>),
    /// A field is malformed.
    #[error(transparent)]
    Field(#[from] FieldViolation),
    /// The request id was used for something else.
    #[error("the request id was used for something else")]
    RequestIdReused,
    /// The credential is good, but nobody enabled is behind it.
    #[error("nobody enabled is behind the credential")]
    NobodyThere,
    /// The clock is too uncertain to give anybody a privilege.
    #[error(transparent)]
    Clock(#[from] ClockInDoubt),
    /// The log is too far behind to give anybody a privilege.
    #[error(transparent)]
    Backlog(#[from] AuditBacklog),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// As many streams are open as there may be.
    #[error("as many streams are open as there may be")]
    TooManyStreams,
    /// Who reads a stream does not keep up with it.
    #[error("the reader is too slow")]
    SlowReader,
    /// What has happened since a position is not known any more.
    #[error("the position is too old")]
    PositionTooOld,
    /// No role token can be given out of what is held.
    #[error(transparent)]
    RoleToken(#[from] role_token::Refusal),
    /// The process was not told by which key to sign role tokens.
    #[error("there is no key for role tokens")]
    NoRoleTokens,
    /// The copy of the database that it needs is not there yet, or is not new enough.
    #[error("the copy in memory is behind")]
    Behind,
    /// The process stops, and its streams end.
    #[error("the process stops")]
    Stopping,
    /// The task that worked on it is gone.
    #[error("the task was lost")]
    Lost,
}

impl From<Denial> for Error {
    fn from(denial: Denial) -> Self {
        Self::Denied(Box::new(denial))
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        Denial::new(reason).into()
    }
}

/// The stable reason of a refusal.
#[must_use]
pub fn reason(denial: &Denial) -> &'static str {
    entry(denial).1
}

/// Code, reason and fixed text of a refusal (the contract's error table).
fn entry(denial: &Denial) -> (Code, &'static str, &'static str) {
    match &denial.reason {
        Reason::NotPermitted => {
            (Code::PermissionDenied, "NOT_PERMITTED", "the caller may not do this here")
        }
        Reason::SelfGrant => {
            (Code::PermissionDenied, "SELF_GRANT", "nobody widens what their own person can hold")
        }
        Reason::SelfApproval => {
            (Code::PermissionDenied, "SELF_APPROVAL", "nobody decides on their own request")
        }
        Reason::NotAnApprover => {
            (Code::PermissionDenied, "NOT_AN_APPROVER", "the caller does not decide on this")
        }
        Reason::NotFound { .. } => (Code::NotFound, "NOT_FOUND", "there is no such thing"),
        Reason::Invalid(_) => {
            (Code::InvalidArgument, "INVALID_FIELD", "fields do not go with each other")
        }
        Reason::MfaAndContext => (
            Code::InvalidArgument,
            "MFA_AND_CONTEXT_CONFLICT",
            "one policy cannot ask for multi-factor authentication and an authentication context",
        ),
        Reason::Policy { violations, .. } => policy_entry(violations),
        Reason::WrongState { .. } => {
            (Code::FailedPrecondition, "WRONG_STATE", "its state does not permit this")
        }
        Reason::AlreadyResolved { .. } => {
            (Code::FailedPrecondition, "ALREADY_RESOLVED", "it has been resolved before")
        }
        Reason::AlreadyDecided { .. } => (
            Code::AlreadyExists,
            "ALREADY_DECIDED",
            "the same person has decided the other way before",
        ),
        Reason::Duplicate { .. } => (Code::AlreadyExists, "DUPLICATE", "there is one just like it"),
        Reason::LastHolder { .. } => (
            Code::FailedPrecondition,
            "LAST_HOLDER",
            "too few would be left who hold the role at the scope for good",
        ),
        Reason::Frozen { .. } => (
            Code::FailedPrecondition,
            "FROZEN",
            "the tenant is frozen: nothing can be gained until two who did not freeze it end that",
        ),
        Reason::PlanRequired { .. } => (
            Code::FailedPrecondition,
            "PLAN_REQUIRED",
            "the tenant has no P2 plan: what is held runs to its end, and nothing new is given",
        ),
        Reason::EtagMismatch { .. } => {
            (Code::Aborted, "ETAG_MISMATCH", "it has changed since it was read")
        }
    }
}

fn policy_entry(violations: &[Violation]) -> (Code, &'static str, &'static str) {
    let only = |rule| violations.iter().all(|violation| violation.rule == rule);
    let steps_up = |rule| {
        matches!(rule, Rule::Mfa | Rule::SingleUseAuthentication | Rule::AuthenticationContext)
    };
    if violations.iter().all(|violation| steps_up(violation.rule)) {
        let text = "sign in again, as strongly and lately as is asked for, and ask again";
        (Code::Unauthenticated, "STEP_UP_REQUIRED", text)
    } else if only(Rule::Approvable) {
        let text = "those who must approve cannot";
        (Code::FailedPrecondition, "NO_ELIGIBLE_APPROVER", text)
    } else if only(Rule::Overlap) {
        let text = "one is live for the same role and scope";
        (Code::AlreadyExists, "ACTIVATION_LIVE", text)
    } else {
        let text = "the policy does not permit this; every broken rule is listed";
        (Code::FailedPrecondition, "POLICY_DENIED", text)
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let plain = |code, reason, text| crate::status::status(code, reason, text, []);
        match error {
            Error::Denied(denial) => denied(&denial),
            Error::Field(violation) => field(&violation),
            Error::RequestIdReused => plain(
                Code::InvalidArgument,
                "REQUEST_ID_REUSED",
                "another request was made under this request_id",
            ),
            Error::NobodyThere => {
                plain(Code::Unauthenticated, "CREDENTIAL_INVALID", "the credential is not accepted")
            }
            Error::Clock(_) => plain(
                Code::Unavailable,
                "CLOCK_IN_DOUBT",
                "the clock is uncertain: nothing can be gained until it is not",
            ),
            Error::Backlog(backlog) => behind(backlog),
            Error::Store(error) => stored(&error),
            Error::TooManyStreams => plain(
                Code::ResourceExhausted,
                "RATE_LIMITED",
                "too many streams are open: close some, or ask again later",
            ),
            Error::SlowReader => plain(
                Code::ResourceExhausted,
                "SLOW_READER",
                "the answers were not read in time: resume with the last position",
            ),
            Error::PositionTooOld => plain(
                Code::OutOfRange,
                "POSITION_TOO_OLD",
                "what has happened since is not known any more: begin anew",
            ),
            Error::RoleToken(refusal) => role_token(refusal),
            Error::NoRoleTokens => plain(
                Code::FailedPrecondition,
                "NOT_CONFIGURED",
                "this installation issues no role tokens: its access service has no key for them",
            ),
            Error::Behind => plain(
                Code::Unavailable,
                "TRY_AGAIN",
                "the service has not caught up with the database: ask again",
            ),
            Error::Stopping => plain(
                Code::Unavailable,
                "TRY_AGAIN",
                "the process stops: resume with the last position",
            ),
            Error::Lost => plain(Code::Internal, "INTERNAL", "an internal error happened"),
        }
    }
}

fn behind(backlog: AuditBacklog) -> Status {
    let text = "the log is not being sealed: nothing can be gained until it is";
    let metadata = [("age_seconds", backlog.age), ("limit_seconds", BACKLOG_AGE_MAX)]
        .map(|(key, age)| (key, age.num_seconds().to_string()));
    crate::status::status(Code::Unavailable, "AUDIT_BACKLOG", text, metadata)
}

fn role_token(refusal: role_token::Refusal) -> Status {
    let text = refusal.to_string();
    let (given, limit) = match refusal {
        role_token::Refusal::AboutToChange => {
            return crate::status::status(Code::Unavailable, "TRY_AGAIN", &text, []);
        }
        role_token::Refusal::TooManyRoles { held } => (("held", held), ROLES_MAX),
        role_token::Refusal::TooLong { bytes } => (("bytes", bytes), TOKEN_BYTES_MAX),
    };
    let metadata = [given, ("limit", limit)].map(|(key, value)| (key, value.to_string()));
    crate::status::status(Code::FailedPrecondition, "TOKEN_TOO_LARGE", &text, metadata)
}

fn stored(error: &StoreError) -> Status {
    let chain = format!("{:#}", Chain(error));
    let (code, reason, text) = match error {
        StoreError::Conflict(_) => {
            (Code::Aborted, "CONFLICT", "it was changed meanwhile: read it and ask again")
        }
        StoreError::TryAgain(_) => {
            tracing::warn!(error = chain, "the database was too busy");
            (Code::Unavailable, "TRY_AGAIN", "the system is busy: ask again")
        }
        StoreError::Unavailable(_) => {
            tracing::error!(error = chain, "the database cannot be used");
            (Code::Unavailable, "DATABASE_UNAVAILABLE", "the database cannot be used now")
        }
        StoreError::Corrupt { .. } => {
            tracing::error!(error = chain, "what is stored does not read");
            (Code::DataLoss, "INTEGRITY", "what is stored does not read: somebody must look")
        }
        // The last two are of processes that do not start.
        StoreError::Refused(_) | StoreError::BadUrl | StoreError::UnsafeLogin { .. } => {
            tracing::error!(error = chain, "the database refused a statement");
            (Code::Internal, "INTERNAL", "an internal error happened")
        }
    };
    crate::status::status(code, reason, text, [])
}

/// An error with all its causes on one line.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut next = Some(self.0);
        let mut separator = "";
        while let Some(error) = next {
            write!(f, "{separator}{error}")?;
            separator = ": ";
            next = error.source();
        }
        Ok(())
    }
}

fn field(violation: &FieldViolation) -> Status {
    let mut details = ErrorDetails::with_error_info(
        "INVALID_FIELD",
        ERROR_DOMAIN,
        [("field".to_owned(), violation.path.clone())],
    );
    details.add_bad_request_violation(violation.path.as_str(), violation.description.as_str());
    let text = format!("{}: {}", violation.path, violation.description);
    Status::with_error_details(Code::InvalidArgument, text, details)
}

fn denied(denial: &Denial) -> Status {
    let (code, reason, text) = entry(denial);
    let mut details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, metadata(denial));
    match &denial.reason {
        Reason::Policy { violations, .. } => {
            for violation in violations {
                let rule = violation.rule.as_str();
                let description = violation.to_string();
                details.add_precondition_failure_violation(rule, violation.field, description);
            }
        }
        Reason::Invalid(errors) => {
            for error in errors {
                details.add_bad_request_violation(error.field.as_str(), error.description.as_str());
            }
        }
        Reason::MfaAndContext => {
            let description = "must be empty where require_mfa is on; set require_mfa to false";
            details.add_bad_request_violation("rules.authentication_context", description);
        }
        Reason::NotPermitted
        | Reason::SelfGrant
        | Reason::SelfApproval
        | Reason::NotAnApprover
        | Reason::NotFound { .. }
        | Reason::WrongState { .. }
        | Reason::AlreadyResolved { .. }
        | Reason::AlreadyDecided { .. }
        | Reason::Duplicate { .. }
        | Reason::LastHolder { .. }
        | Reason::Frozen { .. }
        | Reason::PlanRequired { .. }
        | Reason::EtagMismatch { .. } => {}
    }
    Status::with_error_details(code, text, details)
}

/// Everything in the answer that is not fixed text.
fn metadata(denial: &Denial) -> HashMap<String, String> {
    let thing = |kind: ThingKind| ("thing".to_owned(), kind.as_str().to_owned());
    let one = |key: &str, value: String| (key.to_owned(), value);
    match &denial.reason {
        Reason::NotPermitted
        | Reason::SelfGrant
        | Reason::SelfApproval
        | Reason::NotAnApprover
        | Reason::MfaAndContext
        | Reason::Invalid(_) => HashMap::new(),
        Reason::NotFound { thing: kind, id } | Reason::Duplicate { thing: kind, id } => {
            HashMap::from([thing(*kind), one("id", id.to_string())])
        }
        Reason::Policy { violations, live } => {
            let rules: Vec<_> =
                violations.iter().map(|violation| violation.rule.as_str()).collect();
            let mut all = HashMap::from([one("rules", rules.join(","))]);
            // What to ask the identity provider for (RFC 9470): it is the same of each.
            if let Some(wanted) = violations.iter().find_map(|it| it.step_up.as_ref()) {
                let values = wanted.acr_values.join(" ");
                all.extend((!values.is_empty()).then(|| one("acr_values", values)));
                let age = wanted.max_age.map(|age| one("max_age", age.num_seconds().to_string()));
                all.extend(age);
            }
            all.extend(live.map(|live| one("activation_id", live.to_string())));
            all
        }
        Reason::WrongState { thing: kind, state } => {
            HashMap::from([thing(*kind), one("state", (*state).to_owned())])
        }
        Reason::AlreadyResolved { state } => HashMap::from([one("state", (*state).to_owned())]),
        Reason::AlreadyDecided { id } => HashMap::from([one("approval_id", id.to_string())]),
        Reason::LastHolder { role, scope, minimum, left } => HashMap::from([
            one("role_id", role.to_string()),
            one("scope", scope.to_string()),
            one("minimum", minimum.to_string()),
            one("left", left.to_string()),
        ]),
        Reason::Frozen { since, by } => HashMap::from([
            one("freeze_time", since.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            one("frozen_by_id", by.to_string()),
        ]),
        Reason::PlanRequired { plan } => HashMap::from([one("plan", (*plan).to_owned())]),
        Reason::EtagMismatch { current } => HashMap::from([one("etag", current.clone())]),
    }
}
