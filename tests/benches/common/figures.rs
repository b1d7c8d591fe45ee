//! How many in a second, and how long one takes.

use std::time::Duration;

/// Of one round, or the medians of several.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// In a second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
}

impl Figures {
    /// Of calls that took so long each, made within `elapsed` altogether.
    pub(crate) fn of(mut calls: Vec<Duration>, elapsed: Duration) -> Self {
        calls.sort();
        let at = |share: usize| calls[(calls.len() - 1) * share / 100].as_secs_f64() * 1_000.0;
        let count = u32::try_from(calls.len()).unwrap();
        Self { rate: f64::from(count) / elapsed.as_secs_f64(), p50: at(50), p99: at(99) }
    }

    /// Of each figure by itself.
    pub(crate) fn median(rounds: Vec<Self>) -> Self {
        let median = |figure: fn(&Self) -> f64| {
            let mut all: Vec<f64> = rounds.iter().map(figure).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        Self {
            rate: median(|one| one.rate),
            p50: median(|one| one.p50),
            p99: median(|one| one.p99),
        }
    }
}
