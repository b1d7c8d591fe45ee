//! The scheduler alone: what is due, where it is pushed, and what becomes of what failed.
#![cfg(test)]

mod due;
mod fake;
mod ground;
mod list;
mod step;
