//! The store on a real Postgres: what is written is read back, what must not be is refused, two
//! writers at once do no harm, and what SQL narrows agrees with what the rules decide.

#![cfg(test)]

mod activations;
mod alerts;
mod approvals;
mod change_requests;
mod checks;
mod custom_roles;
mod directory;
mod due;
mod errors;
mod extensions;
mod feed;
mod grants;
mod ground;
mod groups;
mod holders;
mod idempotency;
mod log;
mod migration;
mod narrowing;
mod policies;
mod roles;
mod schema;
mod scopes;
mod sealed;
mod sign_ins;
mod stages;
mod uniqueness;
mod used_authentications;
mod waiting;
mod walls;
mod writers;
