//! When principals sign in, on the way to the database: that a verified token of theirs was seen, by
//! the process's clock, at most once an hour for each.
//!
//! It is telemetry: no call waits for it or fails by it. A call looks in memory, and leaves a note
//! there when one is due. Notes are written beside the calls, by a connection of their own. So many
//! wait at most, one of a principal however often they call: further ones are dropped, and left
//! again by a later call. What cannot be written goes on waiting. When the process stops, notes of
//! the last seconds are lost.

use std::{
    collections::{HashMap, hash_map::Entry},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use moka::{policy::EvictionPolicy, sync::Cache};
use pim_domain::id::{PrincipalId, TenantId};
use pim_store::{Db, StoreError, sign_ins};
use tokio_util::sync::CancellationToken;

use crate::{
    limits::{SIGN_INS_KNOWN_MAX, SIGN_INS_WAITING_MAX},
    periodic::Periodic,
    process::Process,
};

/// How long after a note of somebody the next one is due.
const NOTE_INTERVAL: TimeDelta = TimeDelta::hours(1);
/// Between two looks for what is to be written.
const WRITE_INTERVAL: Duration = Duration::from_secs(5);
/// Notes of one transaction, at most.
const WRITTEN_AT_ONCE_MAX: usize = 500;

type Key = (TenantId, PrincipalId);

/// The sign-ins that a process has seen. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SignIns(Arc<Notes>);

#[derive(Debug)]
struct Notes {
    /// When somebody was last noted, by this process or, as far as it knows, by another.
    noted: Cache<Key, DateTime<Utc>>,
    waiting: Mutex<HashMap<Key, DateTime<Utc>>>,
    waiting_max: usize,
}

impl Default for SignIns {
    fn default() -> Self {
        Self::with_room_for(SIGN_INS_WAITING_MAX)
    }
}

impl SignIns {
    fn with_room_for(waiting_max: usize) -> Self {
        let noted = Cache::builder()
            .max_capacity(SIGN_INS_KNOWN_MAX)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self(Arc::new(Notes { noted, waiting: Mutex::default(), waiting_max }))
    }

    /// A token of a principal was verified at `time`.
    pub(crate) fn saw(&self, tenant: TenantId, principal: PrincipalId, time: DateTime<Utc>) {
        let key = (tenant, principal);
        let last = self.0.noted.get(&key);
        if last.is_some_and(|last| time - last < NOTE_INTERVAL) {
            return;
        }
        if self.wait(key, time) {
            self.0.noted.insert(key, time);
        }
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// The database cannot serve: what has not been written goes on waiting.
    pub async fn write(&self, db: &Db) -> Result<(), StoreError> {
        let mut waiting: HashMap<TenantId, Vec<(PrincipalId, DateTime<Utc>)>> = HashMap::new();
        for ((tenant, principal), time) in mem::take(&mut *self.waiting()) {
            waiting.entry(tenant).or_default().push((principal, time));
        }
        let mut written = Ok(());
        for (tenant, notes) in waiting {
            for some in notes.chunks(WRITTEN_AT_ONCE_MAX) {
                if written.is_ok() {
                    written = self.write_some(db, tenant, some).await;
                }
                if written.is_err() {
                    self.wait_again(tenant, some);
                }
            }
        }
        written
    }

    async fn write_some(
        &self,
        db: &Db,
        tenant: TenantId,
        notes: &[(PrincipalId, DateTime<Utc>)],
    ) -> Result<(), StoreError> {
        // Where another process was faster, the next note is due an hour after its one.
        for (principal, time) in sign_ins::record(db, tenant, notes).await? {
            self.0.noted.insert((tenant, principal), time);
        }
        Ok(())
    }

    fn wait_again(&self, tenant: TenantId, notes: &[(PrincipalId, DateTime<Utc>)]) {
        for (principal, time) in notes {
            let key = (tenant, *principal);
            if !self.wait(key, *time) {
                self.0.noted.invalidate(&key);
            }
        }
    }

    /// Leaves a note, where there is room for it.
    fn wait(&self, key: Key, time: DateTime<Utc>) -> bool {
        let mut waiting = self.waiting();
        let is_full = waiting.len() >= self.0.waiting_max;
        match waiting.entry(key) {
            Entry::Occupied(mut note) => {
                let newest = time.max(*note.get());
                note.insert(newest);
                true
            }
            Entry::Vacant(_) if is_full => false,
            Entry::Vacant(place) => {
                place.insert(time);
                true
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Key, DateTime<Utc>>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what a process has seen, again and again; part of the background of each service that
/// principals call.
#[must_use]
pub fn keep_written(process: &Process, shutdown: &CancellationToken) -> Periodic {
    let process = process.clone();
    Periodic::spawn("sign-ins", shutdown.clone(), move || {
        let process = process.clone();
        async move {
            process.sign_ins.write(&process.db).await?;
            Ok::<_, StoreError>(WRITE_INTERVAL)
        }
    })
}

/// The background of a service that repeats nothing else.
#[must_use]
pub fn keep_written_alone(process: &Process, shutdown: &CancellationToken) -> Vec<Periodic> {
    vec![keep_written(process, shutdown)]
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn somebody(number: u128) -> PrincipalId {
        Uuid::from_u128(number).into()
    }

    /// What waits, and is taken.
    fn taken(sign_ins: &SignIns) -> Vec<(u128, i64)> {
        let waiting = mem::take(&mut *sign_ins.waiting());
        let note = |((_, principal), time): (Key, DateTime<Utc>)| {
            (principal.uuid().as_u128(), time.timestamp())
        };
        let mut notes: Vec<_> = waiting.into_iter().map(note).collect();
        notes.sort_unstable();
        notes
    }

    fn saw(sign_ins: &SignIns, principal: u128, second: i64) {
        let time = DateTime::from_timestamp(second, 0).unwrap();
        sign_ins.saw(Uuid::nil().into(), somebody(principal), time);
    }

    #[test]
    fn somebody_is_noted_once_an_hour_however_often_they_call() {
        let sign_ins = SignIns::default();
        for second in [7_200, 7_201, 10_799, 100, 7_200] {
            saw(&sign_ins, 1, second);
        }
        saw(&sign_ins, 2, 8_000);
        assert_eq!(taken(&sign_ins), [(1, 7_200), (2, 8_000)]);
        saw(&sign_ins, 1, 10_799);
        assert_eq!(taken(&sign_ins), [], "a second is missing");
        saw(&sign_ins, 1, 10_800);
        assert_eq!(taken(&sign_ins), [(1, 10_800)]);
    }

    #[test]
    fn who_finds_no_room_is_noted_by_a_later_call() {
        let sign_ins = SignIns::with_room_for(2);
        for principal in 1..=3 {
            saw(&sign_ins, principal, 7_200);
        }
        assert_eq!(taken(&sign_ins), [(1, 7_200), (2, 7_200)]);
        for principal in 1..=3 {
            saw(&sign_ins, principal, 7_201);
        }
        assert_eq!(taken(&sign_ins), [(3, 7_201)]);
    }

    #[test]
    fn what_could_not_be_written_waits_as_long_as_there_is_room() {
        let sign_ins = SignIns::with_room_for(2);
        saw(&sign_ins, 1, 7_200);
        saw(&sign_ins, 2, 7_200);
        let notes: Vec<_> = taken(&sign_ins)
            .into_iter()
            .map(|(one, second)| (somebody(one), DateTime::from_timestamp(second, 0).unwrap()))
            .collect();
        saw(&sign_ins, 3, 7_205);
        sign_ins.wait_again(Uuid::nil().into(), &notes);
        assert_eq!(taken(&sign_ins), [(1, 7_200), (3, 7_205)]);
        saw(&sign_ins, 1, 7_206);
        saw(&sign_ins, 2, 7_206);
        assert_eq!(taken(&sign_ins), [(2, 7_206)], "the other was noted already");
    }
}
