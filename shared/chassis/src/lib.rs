//! What a service process is made of: configuration, identity, time, the way of a call from the
//! wire to its verb and back, repeated work, start and drain.
//!
//! A service adds its RPCs to [`serve::Services`], one line each through [`call`], and the rest of
//! its `main` is this crate.

pub mod auth;
pub mod backlog;
pub mod batch;
pub mod bell;
pub mod call;
pub mod clock;
pub mod config;
mod connection;
pub mod context;
mod edge;
pub mod error;
mod guard;
pub mod life;
pub mod limits;
pub mod log_keys;
mod message;
pub mod periodic;
pub mod process;
pub mod rates;
pub mod readiness;
pub mod refusals;
pub mod rpc;
pub mod seal;
pub mod serve;
pub mod sign_ins;
pub(crate) mod status;
pub mod streams;
pub mod telemetry;
pub mod tls;

pub use batch::batch;
pub use call::{Arrival, internal, open_stream, open_told_stream, read, write};
pub use context::{Context, Who, Work};
pub use error::Error;
pub use process::{Process, Service};
