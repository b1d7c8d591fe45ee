//! One entry with the proof that it is in the log, as a file (C2SP tlog-proof, version 1). The extra
//! data are the entry's own bytes, so that the file needs nothing beside it but the public key.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{checkpoint::Checkpoint, fault::Fault, hash::TreeHash, note::VerifierKey, proof};

/// The first line of such a file.
pub const ENTRY_FORMAT: &str = "c2sp.org/tlog-proof@v1";

/// An entry and what proves it. To be believed only after [`ProvenEntry::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenEntry {
    /// The event's bytes as they are stored.
    pub body: Vec<u8>,
    /// Where it is in the log, from 0.
    pub index: u64,
    /// From the leaf's sibling up to the root's child.
    pub proof: Vec<TreeHash>,
    /// The signed note of the tree that it is in.
    pub checkpoint: String,
}

/// Not of this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an entry of a log with its proof")]
pub struct NotAnEntry;

impl ProvenEntry {
    /// The checkpoint, where one of `keys` has signed it and the entry is in its tree.
    ///
    /// # Errors
    /// Either is not so.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Checkpoint, Fault> {
        let checkpoint = Checkpoint::open(&self.checkpoint, keys)?;
        let leaf = TreeHash::of_leaf(&self.body);
        proof::verify_inclusion(leaf, self.index, (checkpoint.size, checkpoint.root), &self.proof)
            .map_err(|error| Fault::Altered(format!("entry {}: {error}", self.index)))?;
        Ok(checkpoint)
    }
}

impl fmt::Display for ProvenEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{ENTRY_FORMAT}")?;
        writeln!(f, "extra {}", STANDARD.encode(&self.body))?;
        writeln!(f, "index {}", self.index)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for ProvenEntry {
    type Err = NotAnEntry;

    fn from_str(text: &str) -> Result<Self, NotAnEntry> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(NotAnEntry)?;
        let mut lines = head.split('\n');
        let mut line = || lines.next().ok_or(NotAnEntry);
        if line()? != ENTRY_FORMAT {
            return Err(NotAnEntry);
        }
        let body = line()?.strip_prefix("extra ").ok_or(NotAnEntry)?;
        let index = line()?.strip_prefix("index ").ok_or(NotAnEntry)?;
        Ok(Self {
            body: STANDARD.decode(body).map_err(|_| NotAnEntry)?,
            index: index.parse().map_err(|_| NotAnEntry)?,
            proof: lines
                .map(|hash| hash.parse().map_err(|_| NotAnEntry))
                .collect::<Result<_, _>>()?,
            checkpoint: checkpoint.to_owned(),
        })
    }
}
