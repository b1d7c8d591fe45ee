//! What the system is free to do in either of two ways, and how a sequence comes to only one of
//! them.

use super::{reference::Model, things::State};

impl Model {
    /// A booked one whose start has come and whose path has ended is both to be started and to be
    /// voided. The scheduler pushes both at once, and `void_rules` tells which came first: all that
    /// is broken, or the path alone. Both are right; here the second is rung before.
    pub(super) fn would_race(&self) -> Vec<usize> {
        let due = |place: &usize| {
            let activation = &self.activations[*place];
            matches!(activation.state, State::Scheduled)
                && activation.booked.is_some_and(|start| start <= self.now)
                && self.broken_path(*place).is_some()
        };
        (0..self.activations.len()).filter(due).collect()
    }
}
