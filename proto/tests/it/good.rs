//! One good request of every kind, with each field set, and what it is read as.

pub(crate) mod alerts;
pub(crate) mod assignment;
pub(crate) mod batch;
pub(crate) mod changes;
pub(crate) mod groups;
pub(crate) mod others;
pub(crate) mod scopes;

use pim_proto::r#type::v1::Ticket;
use prost_types::{Duration, Timestamp};

pub(crate) const ID: &str = "0198c0de-0000-7000-8000-00000000000a";
pub(crate) const OTHER_ID: &str = "0198c0de-0000-7000-8000-00000000000b";

pub(crate) fn id() -> String {
    ID.to_owned()
}

pub(crate) fn scope() -> String {
    "/subscriptions/a".to_owned()
}

pub(crate) fn why() -> String {
    "to mend the mail".to_owned()
}

pub(crate) fn ticket() -> Option<Ticket> {
    Some(Ticket { number: "CHG-1".to_owned(), system: "desk".to_owned() })
}

pub(crate) fn second(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

pub(crate) fn hours(hours: i64) -> Option<Duration> {
    Some(Duration { seconds: hours * 3_600, nanos: 0 })
}
