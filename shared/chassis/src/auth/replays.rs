//! Which proofs were used: each counts once in a process.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Mutex, PoisonError},
};

/// The proofs that were used lately, at most so many.
///
/// One that is forgotten must not count again. So the oldest go first, and whatever was made no
/// later than one that has gone is refused, used or not: a flood costs callers a second, and gives
/// nobody a second use. Proofs that are too old for that to matter go the same way, so nothing here
/// looks at a clock.
pub(super) struct Replays {
    most: usize,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    ids: HashSet<[u8; 32]>,
    /// The same by when they were made, in seconds.
    by_age: BTreeSet<(i64, [u8; 32])>,
    /// Nothing that was made then or before counts.
    forgotten: Option<i64>,
}

impl Replays {
    pub(super) fn new(most: usize) -> Self {
        Self { most, used: Mutex::default() }
    }

    /// Whether a proof of this id that was made then may be used, which uses it.
    pub(super) fn first_use(&self, id: [u8; 32], made: i64) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.forgotten.is_some_and(|forgotten| made <= forgotten) || !used.ids.insert(id) {
            return false;
        }
        used.by_age.insert((made, id));
        if used.ids.len() > self.most
            && let Some((oldest, id)) = used.by_age.pop_first()
        {
            used.ids.remove(&id);
            used.forgotten = Some(oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_used_once() {
        let replays = Replays::new(10);
        assert!(replays.first_use([1; 32], 100));
        assert!(!replays.first_use([1; 32], 100));
        // Whoever has the key may write any time into it, and it is the same proof still.
        assert!(!replays.first_use([1; 32], 101));
        assert!(replays.first_use([2; 32], 100));
    }

    #[test]
    fn what_is_forgotten_does_not_count_again() {
        let replays = Replays::new(2);
        for (id, made) in [(1, 100), (2, 101), (3, 102)] {
            assert!(replays.first_use([id; 32], made));
        }
        assert_eq!(replays.used.lock().unwrap().ids.len(), 2);
        assert!(!replays.first_use([1; 32], 100), "forgotten, and used");
        assert!(!replays.first_use([4; 32], 100), "as old as that");
        assert!(!replays.first_use([2; 32], 101), "remembered");
        assert!(replays.first_use([5; 32], 103));
        // One that is older than all that are there is itself the one to go, and counted once.
        assert!(replays.first_use([6; 32], 102));
        assert!(!replays.first_use([6; 32], 102));
    }
}
