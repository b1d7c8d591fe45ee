//! The one way a `Status` is made: a code, a reason, and what varies as metadata.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The domain of every reason in `ErrorInfo`.
pub(crate) const ERROR_DOMAIN: &str = "pim.dev";

/// A status with exactly one `ErrorInfo`; `message` is fixed text, what varies is in `metadata`.
pub(crate) fn status<'a>(
    code: Code,
    reason: &str,
    message: &str,
    metadata: impl IntoIterator<Item = (&'a str, String)>,
) -> Status {
    let metadata: HashMap<String, String> =
        metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, metadata);
    Status::with_error_details(code, message, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_carries_its_reason_and_metadata() {
        let made = status(Code::Aborted, "CONFLICT", "changed meanwhile", [("id", "7".to_owned())]);
        let info = made.get_details_error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("CONFLICT", "pim.dev"));
        assert_eq!(info.metadata["id"], "7");
    }
}
