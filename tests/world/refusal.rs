//! How refusals are read.

use pim_client::Refusal;
use tonic::{Code, Status};
use uuid::Uuid;

/// The stable reason of a refusal.
#[must_use]
pub fn reason(status: &Status) -> String {
    Refusal::from_status(status).reason
}

/// The broken rules of a refusal, in the order in which they were answered.
#[must_use]
pub fn rules(status: &Status) -> Vec<String> {
    let refusal = Refusal::from_status(status);
    refusal.violations.into_iter().map(|violation| violation.rule).collect()
}

/// The malformed fields of a refusal.
#[must_use]
pub fn fields(status: &Status) -> Vec<String> {
    let refusal = Refusal::from_status(status);
    refusal.fields.into_iter().map(|violation| violation.field).collect()
}

/// What varies in a refusal.
///
/// # Panics
/// It says nothing under that key.
#[must_use]
pub fn metadata(status: &Status, key: &str) -> String {
    Refusal::from_status(status).metadata[key].clone()
}

/// It is refused so.
///
/// # Panics
/// It is not.
#[track_caller]
pub fn assert_refused<T>(answer: Result<T, Status>, code: Code, expected: &str) -> Status {
    let Err(status) = answer else { panic!("it was answered, not refused with {expected}") };
    assert_eq!((status.code(), reason(&status).as_str()), (code, expected), "{status:?}");
    status
}

/// One field is malformed, and it is named.
///
/// # Panics
/// It is not, or another one is.
#[track_caller]
pub fn assert_invalid<T>(answer: Result<T, Status>, path: &str) {
    let status = assert_refused(answer, Code::InvalidArgument, "INVALID_FIELD");
    assert_eq!(fields(&status), [path]);
}

/// To the last detail: who gets this one and that one learns nothing from the difference.
///
/// # Panics
/// They differ.
#[track_caller]
pub fn assert_same_refusal(one: &Status, other: &Status) {
    let said =
        |status: &Status| (status.code(), status.message().to_owned(), status.details().to_vec());
    assert_eq!(said(one), said(other));
}

/// The id of nothing.
#[must_use]
pub fn new_id() -> String {
    Uuid::new_v4().to_string()
}
