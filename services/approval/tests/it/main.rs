//! The approval service over real gRPC: each RPC with its answer, its refusals, and its repeat.

#![cfg(test)]

mod batch;
mod bells;
mod decide;
mod due;
mod ground;
mod idempotency;
mod possible;
mod read;
mod refusals;
mod shorten;
mod stages;
