//! A flood of refusals alike must not fill the log, and none may be lost: after so many in a minute
//! they become one counted entry.

use std::{collections::HashMap, hash::Hash};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Event, Folded};

/// Refusals alike that are entries of their own within a minute.
pub const SINGLY_MAX: u32 = 20;
/// How long refusals are counted together.
pub const FOLDING_WINDOW: TimeDelta = TimeDelta::minutes(1);
/// Kinds that are counted at the same time, at most. What is of further kinds is not folded.
pub const KINDS_MAX: usize = 10_000;

/// Counts refusals by kind, such as who called what and why not.
#[derive(Debug)]
pub struct Folding<K> {
    open: HashMap<K, Alike>,
    /// Of minutes that are over.
    counted: Vec<(K, Event)>,
}

#[derive(Debug)]
struct Alike {
    /// When the minute began.
    begin: DateTime<Utc>,
    singly: u32,
    /// The newest of those that have no entry, with their count.
    folded: Option<Event>,
}

impl<K> Default for Folding<K> {
    fn default() -> Self {
        Self { open: HashMap::new(), counted: Vec::new() }
    }
}

impl<K: Eq + Hash + Clone> Folding<K> {
    /// A refusal, if it is to be an entry of its own; else it is counted.
    pub fn add(&mut self, kind: K, refusal: Event) -> Option<Event> {
        if self.open.len() >= KINDS_MAX && !self.open.contains_key(&kind) {
            return Some(refusal);
        }
        let alike = self.open.entry(kind.clone()).or_insert_with(|| Alike::new(refusal.time));
        if alike.is_over(refusal.time) {
            let over = std::mem::replace(alike, Alike::new(refusal.time));
            self.counted.extend(over.folded.map(|counted| (kind, counted)));
        }
        if alike.singly < SINGLY_MAX {
            alike.singly += 1;
            return Some(refusal);
        }
        alike.fold(refusal);
        None
    }

    /// The counted entries of minutes that are over by `now`, each with its kind.
    pub fn due(&mut self, now: DateTime<Utc>) -> Vec<(K, Event)> {
        let over: Vec<(K, Alike)> = self.open.extract_if(|_, alike| alike.is_over(now)).collect();
        self.take(over)
    }

    /// All counted entries, for who stops.
    pub fn all(&mut self) -> Vec<(K, Event)> {
        let all = self.open.drain().collect();
        self.take(all)
    }

    fn take(&mut self, over: Vec<(K, Alike)>) -> Vec<(K, Event)> {
        let over = over.into_iter().filter_map(|(kind, alike)| Some((kind, alike.folded?)));
        let mut counted = std::mem::take(&mut self.counted);
        counted.extend(over);
        counted
    }

    /// Takes a counted entry back that could not be written.
    pub fn restore(&mut self, kind: K, counted: Event) {
        self.counted.push((kind, counted));
    }
}

impl Alike {
    fn new(begin: DateTime<Utc>) -> Self {
        Self { begin, singly: 0, folded: None }
    }

    fn is_over(&self, now: DateTime<Utc>) -> bool {
        now - self.begin >= FOLDING_WINDOW
    }

    fn fold(&mut self, newest: Event) {
        let before = self.folded.take().and_then(|event| event.folded());
        let all = match before {
            Some(before) => Folded { count: before.count.saturating_add(1), ..before },
            None => Folded { count: 1, since: newest.time },
        };
        self.folded = Some(newest.counted(all));
    }
}
