//! The assignment service over real gRPC: each RPC with its answer, its refusals, and its repeat.

#![cfg(test)]

mod bells;
mod change_requests;
mod conditions;
mod create;
mod create_rules;
mod custom_roles;
mod dates;
mod directory;
mod due;
mod extend;
mod grants;
mod ground;
mod holders;
mod idempotency;
mod moves;
mod policies;
mod policy_lists;
mod policy_refusals;
mod policy_rules;
mod policy_scopes;
mod principal_states;
mod races;
mod read;
mod remove;
mod request_rights;
mod roles;
mod scopes;
mod sign_ins;
mod tenants;
