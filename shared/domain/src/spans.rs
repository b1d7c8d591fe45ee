//! Sets of instants: what counts when, exactly. Several ways to the same are a union, what rests on
//! something else an intersection.

use chrono::{DateTime, Utc};

use crate::time::{Window, earliest};

/// Half-open windows in order, none empty, with a gap between each two. Only the last may have no
/// end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spans(Vec<Window>);

impl From<Window> for Spans {
    fn from(window: Window) -> Self {
        let is_empty = window.end.is_some_and(|end| end <= window.start);
        Self(if is_empty { Vec::new() } else { vec![window] })
    }
}

impl Spans {
    /// At no time.
    #[must_use]
    pub fn never() -> Self {
        Self::default()
    }

    /// At all times.
    #[must_use]
    pub fn always() -> Self {
        Self(vec![Window { start: DateTime::<Utc>::MIN_UTC, end: None }])
    }

    /// The windows, in order.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.0
    }

    /// Whether `at` is in it.
    #[must_use]
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.window_at(at).is_some()
    }

    /// The window in which `at` is.
    #[must_use]
    pub fn window_at(&self, at: DateTime<Utc>) -> Option<Window> {
        self.0.iter().copied().find(|window| window.contains(at))
    }

    /// The starts and ends after `at`, in order.
    pub fn boundaries(&self, at: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> + '_ {
        let all = self.0.iter().flat_map(|window| [Some(window.start), window.end]);
        all.flatten().filter(move |boundary| *boundary > at)
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(one), Some(two)) = (left.peek(), right.peek()) {
            let end = earliest(one.end, two.end);
            let start = one.start.max(two.start);
            if end.is_none_or(|end| start < end) {
                both.push(Window { start, end });
            }
            // Whichever ends first meets nothing further.
            if end == one.end {
                left.next();
            } else {
                right.next();
            }
        }
        Self(both)
    }

    /// What is in either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let mut all: Vec<Window> = self.0.iter().chain(&other.0).copied().collect();
        all.sort_by_key(|window| window.start);
        let mut either: Vec<Window> = Vec::new();
        for window in all {
            match either.last_mut() {
                Some(last) if last.end.is_none_or(|end| window.start <= end) => {
                    last.end = last.end.zip(window.end).map(|(one, two)| one.max(two));
                }
                Some(_) | None => either.push(window),
            }
        }
        Self(either)
    }
}
