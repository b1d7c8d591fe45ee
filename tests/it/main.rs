//! The system as a whole.

#![cfg(test)]

mod abuse;
mod agreement;
mod boundary;
mod custom_role;
mod descriptor;
mod events;
mod frozen;
mod fuzz;
mod groups;
mod hostile;
mod lists;
mod model;
mod rates;
mod refusals;
mod replay;
mod scopes;
mod siem;
mod sign_ins;
mod simulation;
mod stories;
mod sweep;
mod tamper;
mod tidy;
mod tls;
mod watch;
