//! Revisions: which state of the database an answer includes.

use std::fmt;

/// A state of one database. Text of it is sealed before a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// At least what this transaction wrote.
    Write(u64),
    /// What this snapshot sees (`xmin:xmax:xip`).
    Snapshot(String),
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Revision::Write(xid) => write!(f, "w{xid}"),
            Revision::Snapshot(snapshot) => write!(f, "s{snapshot}"),
        }
    }
}
