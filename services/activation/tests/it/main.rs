//! The activation service over real gRPC: each RPC with its answer, its refusals, and its repeat.

#![cfg(test)]

mod activate;
mod again;
mod batch;
mod bells;
mod cancel;
mod conditions;
mod deactivate;
mod due;
mod extend;
mod ground;
mod idempotency;
mod policy;
mod read;
mod revoke;
mod rules;
mod single_use;
mod step_up;
