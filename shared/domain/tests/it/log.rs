//! The tree over the log: the test vectors of RFC 6962 as certificate transparency publishes them,
//! and the definition of the tree as an oracle.

mod examine;
mod files;
mod notes;

use std::collections::BTreeMap;

use pim_domain::log::{
    hash::TreeHash,
    proof::{self, Part},
    tree::{Frontier, Node},
};
use proptest::prelude::*;

/// The leaves of the published vectors.
const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];
/// The roots of the trees of the first leaves.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
/// Index, size and proof.
const INCLUSIONS: [(u64, u64, &[&str]); 5] = [
    (0, 1, &[]),
    (0, 8, &[N1, N23, N4567]),
    (5, 8, &[N_4, N67, N0123]),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (1, 5, &[ROOTS[0], N23, N_4]),
];
/// Old size, new size and proof.
const CONSISTENCIES: [(u64, u64, &[&str]); 4] = [
    (1, 1, &[]),
    (1, 8, &[N1, N23, N4567]),
    (6, 8, &["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", N67, N0123]),
    (2, 5, &[N23, N_4]),
];
const N1: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const N23: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const N_4: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const N67: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const N0123: &str = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7";
const N4567: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";

fn hex(text: &str) -> TreeHash {
    let byte = |index: usize| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).unwrap();
    TreeHash::from(std::array::from_fn(byte))
}

/// A log with all that is kept of it.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) leaves: Vec<TreeHash>,
    pub(crate) tree: Frontier,
    kept: BTreeMap<(u32, u64), TreeHash>,
}

impl Log {
    pub(crate) fn of(bodies: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let mut log = Self::default();
        for body in bodies {
            let leaf = TreeHash::of_leaf(body.as_ref());
            let mut completed = Vec::new();
            log.kept.insert((0, log.tree.size()), leaf);
            log.tree.push(leaf, &mut completed);
            let completed = completed.into_iter();
            log.kept.extend(completed.map(|Node { level, index, hash }| ((level, index), hash)));
            log.leaves.push(leaf);
        }
        log
    }

    pub(crate) fn kept(&self, level: u32, index: u64) -> Option<TreeHash> {
        self.kept.get(&(level, index)).copied()
    }

    pub(crate) fn hashes(&self, parts: &[Part]) -> Vec<TreeHash> {
        parts.iter().map(|part| proof::hash(part, &|l, i| self.kept(l, i)).unwrap()).collect()
    }
}

/// MTH of RFC 6962, word for word.
fn mth(leaves: &[TreeHash]) -> TreeHash {
    match leaves {
        [] => TreeHash::of_nothing(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(k(leaves.len()));
            TreeHash::of_node(mth(left), mth(right))
        }
    }
}

/// PATH of RFC 6962, word for word.
fn path(m: usize, leaves: &[TreeHash]) -> Vec<TreeHash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(k(leaves.len()));
    let (mut path, sibling) = if m < left.len() {
        (path(m, left), mth(right))
    } else {
        (path(m - left.len(), right), mth(left))
    };
    path.push(sibling);
    path
}

/// SUBPROOF of RFC 6962, word for word.
fn subproof(m: usize, leaves: &[TreeHash], whole: bool) -> Vec<TreeHash> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![mth(leaves)] };
    }
    let (left, right) = leaves.split_at(k(leaves.len()));
    let (mut proof, sibling) = if m <= left.len() {
        (subproof(m, left, whole), mth(right))
    } else {
        (subproof(m - left.len(), right, false), mth(left))
    };
    proof.push(sibling);
    proof
}

/// The largest power of two below `n`.
fn k(n: usize) -> usize {
    let mut k = 1;
    while 2 * k < n {
        k *= 2;
    }
    k
}

#[test]
fn roots_are_those_of_the_published_vectors() {
    assert_eq!(
        Frontier::default().root(),
        hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    );
    for (index, root) in ROOTS.iter().enumerate() {
        assert_eq!(Log::of(&LEAVES[..=index]).tree.root(), hex(root), "{index}");
    }
}

#[test]
fn inclusion_proofs_are_those_of_the_published_vectors() {
    let log = Log::of(LEAVES);
    for (index, size, expected) in INCLUSIONS {
        let found = log.hashes(&proof::inclusion(index, size).unwrap());
        let place = usize::try_from(index).unwrap();
        assert_eq!(found, expected.iter().map(|text| hex(text)).collect::<Vec<_>>());
        let root = hex(ROOTS[usize::try_from(size).unwrap() - 1]);
        proof::verify_inclusion(log.leaves[place], index, (size, root), &found).unwrap();
    }
    assert_eq!(proof::inclusion(8, 8), None);
    assert_eq!(proof::inclusion(0, 0), None);
}

#[test]
fn consistency_proofs_are_those_of_the_published_vectors() {
    let log = Log::of(LEAVES);
    let tree = |size: u64| (size, hex(ROOTS[usize::try_from(size).unwrap() - 1]));
    for (old, new, expected) in CONSISTENCIES {
        let found = log.hashes(&proof::consistency(old, new).unwrap());
        assert_eq!(found, expected.iter().map(|text| hex(text)).collect::<Vec<_>>());
        proof::verify_consistency(tree(old), tree(new), &found).unwrap();
    }
    assert_eq!(proof::consistency(8, 7), None);
}

#[test]
fn of_all_small_trees_each_proof_is_the_defined_one() {
    let bodies: Vec<[u8; 1]> = (0..70).map(|number| [number]).collect();
    let log = Log::of(&bodies);
    for size in 1..=bodies.len() {
        let leaves = &log.leaves[..size];
        let (size, root) = (size as u64, mth(leaves));
        assert_eq!(proof::frontier(size, &|l, i| log.kept(l, i)).unwrap().root(), root);
        for index in 0..size {
            let found = log.hashes(&proof::inclusion(index, size).unwrap());
            let place = usize::try_from(index).unwrap();
            assert_eq!(found, path(place, leaves));
            proof::verify_inclusion(leaves[place], index, (size, root), &found).unwrap();
        }
        for old in 1..=size {
            let found = log.hashes(&proof::consistency(old, size).unwrap());
            let length = usize::try_from(old).unwrap();
            assert_eq!(found, subproof(length, leaves, true));
            let old = (old, mth(&leaves[..length]));
            proof::verify_consistency(old, (size, root), &found).unwrap();
        }
    }
}

#[test]
fn peaks_must_be_as_many_as_the_size_has() {
    let leaf = TreeHash::of_leaf(b"a");
    assert!(Frontier::new(3, vec![leaf]).is_err());
    assert_eq!(Frontier::new(1, vec![leaf]).unwrap().root(), leaf);
}

/// Across the borders of kept levels.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![1_usize..600, 65_500_usize..65_800]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn proofs_of_larger_trees_are_the_defined_ones(
        size in size(),
        (one, other) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        flip in any::<prop::sample::Index>(),
    ) {
        let log = Log::of((0..size).map(usize::to_be_bytes));
        let (index, old) = (one.index(size), other.index(size) + 1);
        let new = (size as u64, mth(&log.leaves));
        prop_assert_eq!(log.tree.root(), new.1);
        prop_assert_eq!(proof::frontier(new.0, &|l, i| log.kept(l, i)).unwrap(), log.tree.clone());

        let mut found = log.hashes(&proof::inclusion(index as u64, new.0).unwrap());
        prop_assert_eq!(&found, &path(index, &log.leaves));
        let leaf = log.leaves[index];
        prop_assert!(proof::verify_inclusion(leaf, index as u64, new, &found).is_ok());
        let wrong = TreeHash::of_leaf(b"another");
        prop_assert!(proof::verify_inclusion(wrong, index as u64, new, &found).is_err());
        if !found.is_empty() {
            let place = flip.index(found.len());
            found[place] = wrong;
            prop_assert!(proof::verify_inclusion(leaf, index as u64, new, &found).is_err());
        }

        let before = (old as u64, mth(&log.leaves[..old]));
        let mut found = log.hashes(&proof::consistency(before.0, new.0).unwrap());
        prop_assert_eq!(&found, &subproof(old, &log.leaves, true));
        prop_assert!(proof::verify_consistency(before, new, &found).is_ok());
        prop_assert!(proof::verify_consistency((before.0, wrong), new, &found).is_err());
        if !found.is_empty() {
            let place = flip.index(found.len());
            found[place] = wrong;
            prop_assert!(proof::verify_consistency(before, new, &found).is_err());
        }
    }

    #[test]
    fn what_a_proof_needs_is_little_and_is_kept(size in 1_u64..u64::MAX / 2, at in any::<u64>()) {
        let (index, old) = (at % size, at % size + 1);
        for parts in [
            proof::inclusion(index, size).unwrap(),
            proof::consistency(old, size).unwrap(),
            proof::peaks(size),
        ] {
            for span in proof::spans(&parts) {
                prop_assert!(span.count <= 128);
                let height = span.level * 8;
                prop_assert!((span.first + span.count) << height <= size);
            }
        }
    }
}
