//! Questions for proofs of the log, and their answers.

use pim_domain::{
    id::EventId,
    log::{hash::TreeHash, note::VerifierKey},
};
use serde::Serialize;

use super::Listed;

/// Which checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointQuery {
    /// Of this many entries; absent: the newest.
    pub size: Option<u64>,
}

/// Names an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryRef {
    /// By its event.
    Event(EventId),
    /// By its place in the tree, from 0.
    Index(u64),
}

/// Which entry is in which tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InclusionQuery {
    /// The entry.
    pub entry: EntryRef,
    /// The tree of this many entries; absent: the newest that was signed.
    pub size: Option<u64>,
}

/// Which tree begins with which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsistencyQuery {
    /// The smaller one; at least 1.
    pub old: u64,
    /// The larger one; absent: the newest that was signed.
    pub new: Option<u64>,
}

/// From where on entries are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EntriesFrom {
    /// The first of them.
    pub first: u64,
}

/// A tree that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTree {
    /// The signed note.
    pub note: String,
    /// Its number of entries.
    pub size: u64,
    /// Its hash.
    pub root: TreeHash,
}

/// A checkpoint, and who signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointView {
    /// The checkpoint.
    pub signed: SignedTree,
    /// The public keys that sign now, the newest last.
    pub keys: Vec<VerifierKey>,
}

/// An entry as it was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryView {
    /// Its place in the tree, from 0.
    pub index: u64,
    /// Its event.
    pub event: EventId,
    /// The hash of its bytes.
    pub hash: TreeHash,
    /// The event's bytes.
    pub body: Vec<u8>,
}

/// That an entry is in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionView {
    /// The entry.
    pub entry: EntryView,
    /// The tree's number of entries.
    pub size: u64,
    /// From the leaf's sibling up to the root's child.
    pub hashes: Vec<TreeHash>,
    /// The tree, where it was signed.
    pub signed: Option<SignedTree>,
}

/// That a tree begins with another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyView {
    /// The smaller one's number of entries.
    pub old: u64,
    /// The larger one's.
    pub new: u64,
    /// The proof.
    pub hashes: Vec<TreeHash>,
    /// The larger tree, where it was signed.
    pub signed: Option<SignedTree>,
}

/// A page of entries.
#[derive(Debug, Clone, PartialEq)]
pub struct EntriesPage {
    /// The entries.
    pub listed: Listed<EntryView>,
    /// What the tree before the first entry that was asked for consists of.
    pub peaks: Vec<TreeHash>,
}
