//! How large the message of a request may be, by its method. The generated servers have one limit for
//! all methods of a service, so that is the largest of all, and this is before it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tonic::body::Body;

use crate::limits::{BULK_MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX};

/// What is before a message on the wire: whether it is packed, and its length.
const PREFIX_BYTES: usize = 5;

/// Methods that take many items at once.
const BULK: [&str; 3] = [
    "/pim.access.v1.AccessService/BatchCheckAccess",
    "/pim.activation.v1.ActivationService/BatchActivateRoles",
    "/pim.approval.v1.ApprovalService/BatchDecide",
];

/// Asks many small questions in one call.
const REFLECTION: &str = "/grpc.reflection.";

/// Whether a message turned out to be too large.
#[derive(Debug, Clone, Default)]
pub(crate) struct TooLarge(Arc<AtomicBool>);

impl TooLarge {
    pub(crate) fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// `body` as far as a message to `path` may go, and where it is noted that it goes further.
pub(crate) fn limited(path: &str, body: Body) -> (Body, TooLarge) {
    let too_large = TooLarge::default();
    if path.starts_with(REFLECTION) {
        return (body, too_large);
    }
    let most = if BULK.contains(&path) { BULK_MESSAGE_BYTES_MAX } else { MESSAGE_BYTES_MAX };
    let noted = too_large.clone();
    let body = Limited::new(body, most + PREFIX_BYTES).map_err(move |error| {
        noted.0.fetch_or(error.is::<LengthLimitError>(), Ordering::Relaxed);
        error
    });
    (Body::new(body), too_large)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::RPCS;

    #[test]
    fn every_batch_may_be_large_and_nothing_else() {
        let batches: Vec<&str> =
            RPCS.iter().map(|rpc| rpc.path).filter(|path| path.contains("/Batch")).collect();
        let mut bulk = BULK.to_vec();
        bulk.sort_unstable();
        let mut expected = batches;
        expected.sort_unstable();
        assert_eq!(bulk, expected);
    }
}
