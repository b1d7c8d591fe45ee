//! Alerts: conditions that somebody should look at. A scan looks for those of each kind and says
//! what has changed: one incident for one condition, however often it is seen, which is resolved by
//! itself when the condition is gone. Tenants set from where on a kind counts, and whether at all.

pub mod condition;
mod incident;
mod kind;
mod parameter;
mod setting;

pub use incident::{
    Dismiss, FOUND_MAX, Finding, Findings, Incident, IncidentState, OPEN_MAX, scan,
};
pub use kind::{AlertKind, Severity};
pub use parameter::{Measure, Parameter};
pub use setting::{Given, Setting, Update, update};
