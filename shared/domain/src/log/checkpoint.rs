//! Checkpoints (C2SP tlog-checkpoint): what a tree was at one size, as a signed note.

use std::str::FromStr;

use uuid::Uuid;

use super::{
    fault::Fault,
    hash::TreeHash,
    note::{Note, Signer, VerifierKey},
};
use crate::id::TenantId;

/// The tree of one log at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// Its number of entries.
    pub size: u64,
    /// The hash of the whole tree.
    pub root: TreeHash,
}

/// A text that is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint of a log")]
pub struct NotACheckpoint;

/// The name of a tenant's log: unique, because the database's own id is in it.
#[must_use]
pub fn origin(instance: Uuid, tenant: TenantId) -> String {
    format!("pim.dev/{instance}/{tenant}")
}

impl Checkpoint {
    /// It, signed by each of `signers` in the name of its log.
    #[must_use]
    pub fn sign(&self, signers: &[&Signer]) -> Note {
        let text = format!("{}\n{}\n{}\n", self.origin, self.size, self.root);
        Note::signed(text, &self.origin, signers)
    }

    /// What a signed note says, where one of `keys` has signed it. A key signs for the log that it
    /// is named after, and has no say about others.
    ///
    /// # Errors
    /// It is no checkpoint, nobody known has signed it, or a signature is not what it should be.
    pub fn open(note: &str, keys: &[VerifierKey]) -> Result<Self, Fault> {
        let altered =
            |error: &dyn std::error::Error| Fault::Altered(format!("checkpoint: {error}"));
        let note: Note = note.parse().map_err(|error| altered(&error))?;
        let checkpoint: Self = note.text().parse().map_err(|error| altered(&error))?;
        let keys: Vec<VerifierKey> =
            keys.iter().filter(|key| key.name() == checkpoint.origin).cloned().collect();
        note.verify(&keys).map_err(|error| altered(&error))?;
        Ok(checkpoint)
    }
}

impl FromStr for Checkpoint {
    type Err = NotACheckpoint;

    /// The text of a note; lines after the third mean nothing to us.
    fn from_str(text: &str) -> Result<Self, NotACheckpoint> {
        let mut lines = text.strip_suffix('\n').ok_or(NotACheckpoint)?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(NotACheckpoint);
        let (origin, size, root) = (line()?.to_owned(), line()?, line()?);
        let is_decimal = size.bytes().all(|byte| byte.is_ascii_digit());
        if !is_decimal || (size.len() > 1 && size.starts_with('0')) {
            return Err(NotACheckpoint);
        }
        Ok(Self {
            origin,
            size: size.parse().map_err(|_| NotACheckpoint)?,
            root: root.parse().map_err(|_| NotACheckpoint)?,
        })
    }
}
