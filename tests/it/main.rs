//! The system as a whole.

#![cfg(test)]

mod boundary;
mod coverage;
mod custom_role;
mod descriptor;
mod events;
mod model;
mod races;
mod refusals;
mod simulation;
mod stories;
mod tidy;
