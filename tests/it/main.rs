//! The system as a whole.

#![cfg(test)]

mod boundary;
mod coverage;
mod descriptor;
mod events;
mod model;
mod races;
mod refusals;
mod simulation;
mod stories;
mod tidy;
