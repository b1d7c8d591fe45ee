//! Real processes, real signals, real data directories.
#![cfg(test)]

mod cluster;
mod recovery;
mod search;
mod support;
