//! What the last runs have changed, for who has seen an earlier state.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use pim_domain::id::{PrincipalId, TenantId};
use pim_store::{Revision, Snapshot, replica::Changed};
use tokio::time::Instant;

/// What is kept at least, unless there is too much of it.
const KEPT: Duration = Duration::from_secs(600);
/// Holders in all that is kept, at most.
const HOLDERS_MAX: usize = 200_000;

/// What may be another than it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    /// Who may hold something else.
    pub(crate) holders: HashSet<(TenantId, PrincipalId)>,
    /// Where roles may permit something else, or scopes lie elsewhere.
    pub(crate) tenants: HashSet<TenantId>,
}

impl From<&Changed> for Touched {
    fn from(changed: &Changed) -> Self {
        let holders = changed.holdings.iter().map(|(tenant, holder, _)| (*tenant, *holder));
        let of_roles = changed.roles.iter().map(|(tenant, _)| *tenant);
        Self {
            holders: holders.chain(changed.principals.iter().copied()).collect(),
            tenants: of_roles.chain(changed.trees.iter().copied()).collect(),
        }
    }
}

/// The last runs that changed something, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct History {
    steps: VecDeque<Step>,
    holders: usize,
}

#[derive(Debug)]
struct Step {
    /// The state that it began with.
    before: Snapshot,
    touched: Touched,
    at: Instant,
}

impl History {
    /// A run that led on from the state of `before`.
    pub(crate) fn add(&mut self, before: Snapshot, touched: Touched) {
        self.holders += touched.holders.len();
        self.steps.push_back(Step { before, touched, at: Instant::now() });
        while let Some(oldest) = self.steps.front() {
            if oldest.at.elapsed() <= KEPT && self.holders <= HOLDERS_MAX {
                break;
            }
            self.holders -= oldest.touched.holders.len();
            self.steps.pop_front();
        }
    }

    /// What the state of `now` may have that one who saw `seen` has not. `None` where that is too
    /// long ago to know.
    pub(crate) fn since(&self, seen: &Snapshot, now: &Snapshot) -> Option<Touched> {
        let mut all = Touched::default();
        if seen.includes(&Revision::Snapshot(now.clone())) {
            return Some(all);
        }
        for step in self.steps.iter().rev() {
            all.holders.extend(&step.touched.holders);
            all.tenants.extend(&step.touched.tenants);
            if seen.includes(&Revision::Snapshot(step.before.clone())) {
                return Some(all);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn state(text: &str) -> Snapshot {
        text.parse().unwrap()
    }

    fn holder(n: u128) -> (TenantId, PrincipalId) {
        (Uuid::nil().into(), Uuid::from_u128(n).into())
    }

    fn touching(n: u128) -> Touched {
        Touched { holders: HashSet::from([holder(n)]), ..Touched::default() }
    }

    #[test]
    fn who_has_seen_a_state_hears_of_all_that_came_after_it() {
        let mut history = History::default();
        history.add(state("10:10:"), touching(1));
        history.add(state("11:11:"), touching(2));
        history.add(state("12:14:12"), touching(3));
        let since = |seen: &str| {
            let touched = history.since(&state(seen), &state("14:14:"))?;
            Some(touched.holders)
        };
        assert_eq!(since("14:14:"), Some(HashSet::new()));
        assert_eq!(since("15:15:"), Some(HashSet::new()), "another has seen more");
        assert_eq!(since("12:14:12"), Some(HashSet::from([holder(3)])));
        // Between two states: what was not in the first of them may have been in it.
        assert_eq!(since("12:12:"), Some(HashSet::from([holder(2), holder(3)])));
        assert_eq!(since("10:10:"), Some(HashSet::from([1, 2, 3].map(holder))));
        assert_eq!(since("9:9:"), None);
        assert_eq!(History::default().since(&state("9:9:"), &state("10:10:")), None);
    }

    #[test]
    fn it_keeps_no_more_than_it_may() {
        let mut history = History::default();
        let many = Touched { holders: (0..150_000).map(holder).collect(), ..Touched::default() };
        history.add(state("10:10:"), many.clone());
        history.add(state("11:11:"), many);
        assert_eq!(history.since(&state("10:10:"), &state("12:12:")), None);
        assert!(history.since(&state("11:11:"), &state("12:12:")).is_some());
    }
}
