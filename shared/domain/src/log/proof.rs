//! Proofs (RFC 6962, sections 2.1.1 and 2.1.2): which parts of a tree they consist of, how those are
//! made of the nodes that are kept, and whether one holds.

use std::ops::Range;

use super::{
    hash::TreeHash,
    tree::{Frontier, LEVEL_HEIGHT},
};

/// What one part of a proof hashes: the leaves from its start up to its end.
pub type Part = Range<u64>;

/// Kept nodes of one level that stand beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Their level; leaves are level 0.
    pub level: u32,
    /// The first of them.
    pub first: u64,
    /// How many.
    pub count: u64,
}

/// A proof does not lead to the root that it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not hold")]
pub struct Broken;

/// The parts that prove that leaf `index` is in the tree of `size` leaves, from the leaf upwards.
/// `None` where there is no such leaf.
#[must_use]
pub fn inclusion(index: u64, size: u64) -> Option<Vec<Part>> {
    if index >= size {
        return None;
    }
    let mut parts = Vec::new();
    let mut inside = 0..size;
    while inside.end - inside.start > 1 {
        let middle = inside.start + split(inside.end - inside.start);
        if index < middle {
            parts.push(middle..inside.end);
            inside.end = middle;
        } else {
            parts.push(inside.start..middle);
            inside.start = middle;
        }
    }
    parts.reverse();
    Some(parts)
}

/// The parts that prove that the tree of `new` leaves begins with that of `old` leaves. `None` where
/// it is smaller.
#[must_use]
pub fn consistency(old: u64, new: u64) -> Option<Vec<Part>> {
    if old > new {
        return None;
    }
    let mut parts = Vec::new();
    if old == 0 || old == new {
        return Some(parts);
    }
    let mut inside = 0..new;
    // Down to where the old tree ends a subtree of the new one.
    while inside.end != old {
        let middle = inside.start + split(inside.end - inside.start);
        if old <= middle {
            parts.push(middle..inside.end);
            inside.end = middle;
        } else {
            parts.push(inside.start..middle);
            inside.start = middle;
        }
    }
    if inside.start != 0 {
        parts.push(inside);
    }
    parts.reverse();
    Some(parts)
}

/// The complete subtrees that a tree of `size` leaves consists of, from left to right.
#[must_use]
pub fn peaks(size: u64) -> Vec<Part> {
    complete(0..size)
}

/// The kept nodes that these parts are made of.
#[must_use]
pub fn spans(parts: &[Part]) -> Vec<Span> {
    let mut spans: Vec<Span> = parts.iter().cloned().flat_map(complete).map(span).collect();
    spans.sort_unstable();
    spans.dedup();
    spans
}

/// The hash of a part; `kept` gives kept nodes by level and index. `None` where it lacks one.
#[must_use]
pub fn hash(part: &Part, kept: &impl Fn(u32, u64) -> Option<TreeHash>) -> Option<TreeHash> {
    let subtrees = complete(part.clone());
    let mut joined: Option<TreeHash> = None;
    for subtree in subtrees.into_iter().rev() {
        let left = of_complete(span(subtree), kept)?;
        joined = Some(joined.map_or(left, |right| TreeHash::of_node(left, right)));
    }
    Some(joined.unwrap_or_else(TreeHash::of_nothing))
}

/// The tree of `size` leaves, from its kept nodes. `None` where `kept` lacks one.
#[must_use]
pub fn frontier(size: u64, kept: &impl Fn(u32, u64) -> Option<TreeHash>) -> Option<Frontier> {
    let peaks = peaks(size).iter().map(|peak| hash(peak, kept)).collect::<Option<_>>()?;
    Frontier::new(size, peaks).ok()
}

/// Whether `proof` shows that `leaf` is at `index` of the tree of `size` leaves with this root.
///
/// # Errors
/// It does not.
pub fn verify_inclusion(
    leaf: TreeHash,
    index: u64,
    (size, root): (u64, TreeHash),
    proof: &[TreeHash],
) -> Result<(), Broken> {
    let parts = inclusion(index, size).ok_or(Broken)?;
    if parts.len() != proof.len() {
        return Err(Broken);
    }
    let mut hash = leaf;
    for (part, sibling) in parts.iter().zip(proof) {
        hash = if part.start > index {
            TreeHash::of_node(hash, *sibling)
        } else {
            TreeHash::of_node(*sibling, hash)
        };
    }
    if hash == root { Ok(()) } else { Err(Broken) }
}

/// Whether `proof` shows that the new tree begins with the old one. Each is its size and root.
///
/// # Errors
/// It does not.
pub fn verify_consistency(
    (old, old_root): (u64, TreeHash),
    (new, new_root): (u64, TreeHash),
    proof: &[TreeHash],
) -> Result<(), Broken> {
    let parts = consistency(old, new).ok_or(Broken)?;
    if parts.len() != proof.len() {
        return Err(Broken);
    }
    let holds = if old == 0 {
        old_root == TreeHash::of_nothing()
    } else if old == new {
        old_root == new_root
    } else {
        let mut rest = parts.iter().zip(proof.iter().copied());
        // A first part that does not reach beyond the old tree is its last subtree; without one the
        // old tree is itself a subtree of the new one.
        let seed = match parts.first() {
            Some(first) if first.end == old => rest.next().map_or(old_root, |(_, hash)| hash),
            Some(_) | None => old_root,
        };
        let (mut of_old, mut of_new) = (seed, seed);
        for (part, sibling) in rest {
            if part.start >= old {
                of_new = TreeHash::of_node(of_new, sibling);
            } else {
                of_old = TreeHash::of_node(sibling, of_old);
                of_new = TreeHash::of_node(sibling, of_new);
            }
        }
        of_old == old_root && of_new == new_root
    };
    if holds { Ok(()) } else { Err(Broken) }
}

/// The largest power of two below `leaves`, which is at least 2.
fn split(leaves: u64) -> u64 {
    1 << (u64::BITS - 1 - (leaves - 1).leading_zeros())
}

/// The complete subtrees of a part, from left to right. Parts of proofs begin where a subtree of
/// at least their length does, so that each is as large as what is left of the part permits.
fn complete(part: Part) -> Vec<Part> {
    let mut subtrees = Vec::new();
    let mut start = part.start;
    while start < part.end {
        let length = 1 << (u64::BITS - 1 - (part.end - start).leading_zeros());
        subtrees.push(start..start + length);
        start += length;
    }
    subtrees
}

/// The kept nodes that a complete subtree is made of.
fn span(subtree: Part) -> Span {
    let height = (subtree.end - subtree.start).trailing_zeros();
    let level = height / LEVEL_HEIGHT;
    let count = 1 << (height % LEVEL_HEIGHT);
    Span { level, first: subtree.start >> (level * LEVEL_HEIGHT), count }
}

fn of_complete(span: Span, kept: &impl Fn(u32, u64) -> Option<TreeHash>) -> Option<TreeHash> {
    let indices = span.first..span.first + span.count;
    let mut row: Vec<TreeHash> =
        indices.map(|index| kept(span.level, index)).collect::<Option<_>>()?;
    while row.len() > 1 {
        row = row.chunks_exact(2).map(|pair| TreeHash::of_node(pair[0], pair[1])).collect();
    }
    row.pop()
}
