//! The language that the tests of the whole system are written in: a [`World`] with a clock that is
//! moved by hand, [`Organisation`]s in it, and [`Person`]s who call through real gRPC.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this crate is tests only"
)]

mod approvers;
mod authority;
mod bulk;
mod database;
mod groups;
mod http2;
mod log;
mod organisation;
mod peer;
mod person;
mod refusal;
mod wait;
mod world;

pub use approvers::{all_of, stage, stage_of, stages};
pub use authority::{Authority, Ends, Mounted};
pub use bulk::Copied;
pub use database::TestDb;
pub use http2::{Frame, PREFACE, farewell, header_block};
pub use log::{Ended, first_fault, write_entries};
pub use organisation::Organisation;
pub use peer::{Bell, Peer, Reply, nowhere};
pub use person::{Person, duration, timestamp};
pub use refusal::{
    assert_invalid, assert_refused, assert_same_refusal, fields, metadata, new_id, reason, rules,
};
pub use wait::eventually;
pub use world::{World, noon};
