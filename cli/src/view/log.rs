//! What verifying the log has found.

use comfy_table::Table;
use pim_domain::log::checkpoint::Checkpoint;
use serde::Serialize;

use super::{Column, Listed, Shown};
use crate::output::fields;

/// A log that verifies.
#[derive(Debug, Serialize)]
pub(crate) struct VerifiedView {
    /// Which.
    pub(crate) origin: String,
    /// Its number of entries.
    pub(crate) tree_size: u64,
    /// The hash of its tree.
    pub(crate) root_hash: String,
    /// Entries whose bytes were looked at.
    pub(crate) entries: u64,
    /// The size from which on it is known to have only grown; absent where none was known.
    pub(crate) grown_from: Option<u64>,
}

impl VerifiedView {
    /// The tree that was signed, of which so many entries were looked at.
    pub(crate) fn new(checkpoint: &Checkpoint, entries: u64, grown_from: Option<u64>) -> Self {
        Self {
            origin: checkpoint.origin.clone(),
            tree_size: checkpoint.size,
            root_hash: checkpoint.root.to_string(),
            entries,
            grown_from,
        }
    }
}

impl Shown for VerifiedView {
    fn table(&self) -> Table {
        fields(vec![
            ("verified", self.origin.clone()),
            ("size", self.tree_size.to_string()),
            ("root", self.root_hash.clone()),
            ("entries looked at", self.entries.to_string()),
            ("grown from", self.grown_from.map(|size| size.to_string()).unwrap_or_default()),
        ])
    }
}

/// What was found of one tenant's log.
#[derive(Debug, Serialize)]
pub(crate) struct ExaminedView {
    /// Whose; the nil one is the platform.
    pub(crate) tenant_id: String,
    /// Entries in its log.
    pub(crate) entries: u64,
    /// Checkpoints of it.
    pub(crate) checkpoints: u64,
    /// Things that its log tells of.
    pub(crate) things: usize,
    /// What is wrong; absent where all is well.
    pub(crate) fault: Option<String>,
}

impl Listed for ExaminedView {
    const COLUMNS: &'static [Column] = &[
        Column::fixed("TENANT"),
        Column::fixed("ENTRIES"),
        Column::fixed("CHECKPOINTS"),
        Column::fixed("THINGS"),
        Column::text("FOUND"),
    ];

    fn row(&self) -> Vec<String> {
        vec![
            self.tenant_id.clone(),
            self.entries.to_string(),
            self.checkpoints.to_string(),
            self.things.to_string(),
            self.fault.clone().unwrap_or_else(|| "ok".to_owned()),
        ]
    }
}
