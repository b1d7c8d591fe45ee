//! Reads what a service says when it refuses: the code, the reason, and every broken rule.

use std::{collections::BTreeMap, error::Error as _};

use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A service's no, in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of no.
    pub code: Code,
    /// The stable reason, such as `POLICY_DENIED`; empty where the answer has none.
    pub reason: String,
    /// For people.
    pub message: String,
    /// The rules that are broken, in the order in which the service judged them.
    pub violations: Vec<PolicyViolation>,
    /// The fields that are malformed.
    pub fields: Vec<FieldViolation>,
    /// What varies in the message.
    pub metadata: BTreeMap<String, String>,
}

/// A rule that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyViolation {
    /// The rule, such as `EXPIRATION`.
    pub rule: String,
    /// The path of the request's field that breaks it.
    pub field: String,
    /// What is permitted and what was given.
    pub description: String,
}

/// A field that is malformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// The field's path in the request.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl Refusal {
    /// What `status` says. Details that cannot be read are left out.
    #[must_use]
    pub fn from_status(status: &Status) -> Self {
        let details = status.get_error_details();
        let violations = details.precondition_failure().map_or(&[][..], |it| &it.violations);
        let fields = details.bad_request().map_or(&[][..], |it| &it.field_violations);
        let info = details.error_info();
        Self {
            code: code(status),
            reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
            message: status.message().to_owned(),
            violations: violations
                .iter()
                .map(|violation| PolicyViolation {
                    rule: violation.r#type.clone(),
                    field: violation.subject.clone(),
                    description: violation.description.clone(),
                })
                .collect(),
            fields: fields
                .iter()
                .map(|violation| FieldViolation {
                    field: violation.field.clone(),
                    description: violation.description.clone(),
                })
                .collect(),
            metadata: info.map_or_else(BTreeMap::new, |info| {
                info.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
            }),
        }
    }
}

/// What a batch says of an item that was refused, as the call for that item alone would have been
/// answered.
#[must_use]
pub fn status_of_item(item: &tonic_types::Status) -> Status {
    let details = item.encode_to_vec();
    Status::with_details(Code::from_i32(item.code), item.message.clone(), details.into())
}

/// tonic calls it `CANCELLED` when our own deadline passes before the server's answer.
fn code(status: &Status) -> Code {
    let mut source = status.source();
    while let Some(error) = source {
        if error.is::<tonic::TimeoutExpired>() {
            return Code::DeadlineExceeded;
        }
        source = error.source();
    }
    status.code()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use tonic_types::ErrorDetails;

    #[test]
    fn every_detail_is_read() {
        let metadata = HashMap::from([("activation_id".to_owned(), "7".to_owned())]);
        let mut details = ErrorDetails::with_error_info("POLICY_DENIED", "pim.dev", metadata);
        details.add_precondition_failure_violation("EXPIRATION", "duration", "limit: PT8H");
        details.add_precondition_failure_violation("MFA", "", "limit: mfa");
        details.add_bad_request_violation("scope", "must begin with /");
        let status = Status::with_error_details(Code::FailedPrecondition, "denied", details);
        let refusal = Refusal::from_status(&status);
        assert_eq!(
            (refusal.code, refusal.reason.as_str()),
            (Code::FailedPrecondition, "POLICY_DENIED")
        );
        assert_eq!(refusal.message, "denied");
        let rules: Vec<&str> = refusal.violations.iter().map(|it| it.rule.as_str()).collect();
        assert_eq!(rules, ["EXPIRATION", "MFA"]);
        assert_eq!(refusal.violations[0].field, "duration");
        assert_eq!(refusal.fields[0].description, "must begin with /");
        assert_eq!(refusal.metadata["activation_id"], "7");
    }

    #[test]
    fn a_bare_status_and_broken_details_are_readable() {
        let bare = Refusal::from_status(&Status::unavailable("gone"));
        assert_eq!((bare.code, bare.reason.as_str()), (Code::Unavailable, ""));
        let broken = Status::with_details(Code::Internal, "odd", vec![0xff, 0xff].into());
        assert_eq!(Refusal::from_status(&broken).violations, []);
    }

    #[test]
    fn the_refusal_of_an_item_reads_as_that_of_a_call() {
        let mut details = ErrorDetails::with_error_info("POLICY_DENIED", "pim.dev", HashMap::new());
        details.add_precondition_failure_violation("MFA", "", "limit: mfa");
        let status = Status::with_error_details(Code::FailedPrecondition, "denied", details);
        let item = tonic_types::Status::decode(status.details()).unwrap();
        let read = Refusal::from_status(&status_of_item(&item));
        assert_eq!(read, Refusal::from_status(&status));
        assert_eq!(read.violations[0].rule, "MFA");
    }

    #[test]
    fn our_own_deadline_is_a_deadline() {
        let status = Status::from_error(Box::new(tonic::TimeoutExpired(())));
        assert_eq!(Refusal::from_status(&status).code, Code::DeadlineExceeded);
    }
}
