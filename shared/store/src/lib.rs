//! Postgres: all SQL of the project. One file a table or a read model; a row becomes a domain value
//! here, and what is written is a [`pim_domain::change::Change`], with its event, in one transaction.
//!
//! SQL narrows the candidates, the domain decides.

pub mod activations;
pub mod alerts;
pub mod approvals;
pub mod approvers;
pub mod callers;
pub mod change_requests;
pub mod db;
pub mod due;
pub mod error;
pub mod events;
pub mod grants;
pub mod groups;
pub mod holders;
pub mod holdings;
pub mod idempotency;
pub mod justifications;
pub mod log;
pub mod login;
pub mod migrate;
pub mod past;
pub mod policies;
pub mod principals;
pub mod replica;
pub mod revision;
pub mod roles;
mod row;
pub mod scopes;
pub mod sign_ins;
pub mod tenants;

pub use db::{Db, Glance, Options, Purpose, Reach, Read, Tx};
pub use error::StoreError;
pub use login::{Login, Passwords};
pub use revision::{Revision, Snapshot};
