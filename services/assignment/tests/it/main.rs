//! The assignment service over real gRPC: each RPC with its answer, its refusals, and its repeat.

#![cfg(test)]

mod bells;
mod create;
mod create_rules;
mod directory;
mod due;
mod grants;
mod ground;
mod idempotency;
mod policies;
mod policy_lists;
mod policy_refusals;
mod policy_rules;
mod policy_scopes;
mod principal_states;
mod read;
mod remove;
mod roles;
mod tenants;
