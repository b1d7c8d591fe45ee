//! A tree as it grows. What is needed to append is small: the roots of the complete subtrees from
//! left to right, the peaks, one for each bit that is set in the size.
//!
//! Of the nodes above the leaves only those are kept whose height is a multiple of eight, one for
//! each 256 below it: all others are computed from at most 256 of these when a proof wants them.

use super::hash::TreeHash;

/// The heights of kept nodes are multiples of this.
pub const LEVEL_HEIGHT: u32 = 8;

/// A node that is kept: the root of a complete subtree of `256^level` leaves. Leaves are level 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Its height in eights.
    pub level: u32,
    /// How many of its level are left of it.
    pub index: u64,
    /// Its hash.
    pub hash: TreeHash,
}

/// A tree of some size, as far as appending to it needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<TreeHash>,
}

/// Not as many peaks as a tree of that size has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tree of {size} leaves has {} peaks, not {found}", .size.count_ones())]
pub struct WrongPeaks {
    size: u64,
    found: usize,
}

impl Frontier {
    /// The tree of `size` leaves with these peaks, from left to right.
    ///
    /// # Errors
    /// A tree of that size has another number of them.
    pub fn new(size: u64, peaks: Vec<TreeHash>) -> Result<Self, WrongPeaks> {
        if peaks.len() != size.count_ones() as usize {
            return Err(WrongPeaks { size, found: peaks.len() });
        }
        Ok(Self { size, peaks })
    }

    /// Its number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its peaks, from left to right.
    #[must_use]
    pub fn peaks(&self) -> &[TreeHash] {
        &self.peaks
    }

    /// Appends a leaf, and adds to `kept` the nodes that it completes and that are to be kept.
    pub fn push(&mut self, leaf: TreeHash, kept: &mut Vec<Node>) {
        let mut hash = leaf;
        // Each bit that is carried joins the last peak with what is right of it.
        for height in 1..=self.size.trailing_ones() {
            let Some(left) = self.peaks.pop() else { break };
            hash = TreeHash::of_node(left, hash);
            if height % LEVEL_HEIGHT == 0 {
                kept.push(Node { level: height / LEVEL_HEIGHT, index: self.size >> height, hash });
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The hash of the whole tree.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        let joined = self.peaks.iter().rev().copied();
        joined
            .reduce(|right, left| TreeHash::of_node(left, right))
            .unwrap_or_else(TreeHash::of_nothing)
    }
}
