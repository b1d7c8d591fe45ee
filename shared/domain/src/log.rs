//! The log that cannot be changed unseen: a Merkle tree per tenant over the entries of the log, as
//! RFC 6962 defines it, and checkpoints of it in the formats of C2SP.
//!
//! - [`hash`]: hashes of leaves and nodes. A leaf is the exact bytes of an event as stored.
//! - [`tree`]: a tree as it grows, and the nodes of it that are kept.
//! - [`proof`]: that an entry is in a tree, and that a tree has only grown.
//! - [`note`], [`checkpoint`]: a tree of one size, signed.
//! - [`key_change`]: how whoever trusts a key of a log comes to trust the next one.
//! - [`entry`], [`bundle`]: one entry, or a part of a log, as a file that can be verified with
//!   nothing but the public key.
//! - [`examine`]: a whole log, and the state beside it.
//! - [`fault`]: what can be wrong with a log.
//!
//! The order of entries in the tree is the order in which they were sealed. It is no order of
//! effect: of one thing, the versions in its events are. Whoever verifies asks whether the versions
//! of each thing are 1, 2, 3 and so on without a gap, not whether they come in that order.

pub mod bundle;
pub mod checkpoint;
pub mod entry;
pub mod examine;
pub mod fault;
pub mod hash;
pub mod key_change;
pub mod note;
pub mod proof;
pub mod tree;
