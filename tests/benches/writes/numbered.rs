//! Things that are numbered: what is different in each call is told by a number in its id or name,
//! so that `pgbench` can make it up as well.

use uuid::Uuid;

/// Stands for the user of each call in the calls whose statements are logged.
pub(crate) const SAMPLE_USER: i64 = 0x00ab_cdef_4567;

/// The number as it is written within a name or id.
pub(crate) fn text(number: i64) -> String {
    format!("{number:012x}")
}

/// An id with a number in its last part and the family in its first.
pub(crate) fn id(family: &str, number: i64) -> Uuid {
    format!("{family}-0000-7000-8000-{}", text(number)).parse().unwrap()
}

pub(crate) const USER: &str = "00000001";
pub(crate) const ELIGIBILITY: &str = "00000002";
pub(crate) const ACTIVATION: &str = "00000003";
pub(crate) const APPROVAL: &str = "00000004";
pub(crate) const REQUEST: &str = "00000005";

/// What a user is called.
pub(crate) fn user(number: i64) -> String {
    format!("user-{}", text(number))
}

/// Where the call of that number is about.
pub(crate) fn scope(number: i64) -> String {
    format!("/subscriptions/bench/resourceGroups/g{}", text(number))
}
