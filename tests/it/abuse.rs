//! The abuse cases, T-01 to T-71: what somebody does who wants more than is theirs. Each is a test
//! here whose name begins with its id, or has its line in the register, and a test walks all ids.
//! Where something is refused, nothing has changed.

mod administration;
mod approvals;
mod availability;
mod identity;
mod log;
mod races;
mod register;
mod time;
mod wire;

use pim_proto::audit::v1::EventFilter;
use pim_tests::Organisation;

/// How much has been written so far: each change leaves its entry, and a refusal one of its own.
async fn written(organisation: &Organisation) -> usize {
    let log = organisation.log(EventFilter::default()).await;
    log.iter().filter(|event| event.code != "pim.call.refused").count()
}
