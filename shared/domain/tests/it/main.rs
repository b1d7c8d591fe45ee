//! The rules, each arm of them, and what must hold whatever is done.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

mod activation;
mod alert_holdings;
mod alerts;
mod approval;
mod authority;
mod belonging;
mod change_request;
mod conditions;
mod custom_role;
mod dates;
mod effective;
mod extend;
mod folding;
mod grant;
mod holders;
mod incidents;
mod layers;
mod lineage;
mod log;
mod past;
mod permission;
mod policy;
mod properties;
mod quorum;
mod role_token;
mod scope;
mod spans;
mod state_tables;
mod tenant;
mod told;
mod way;
