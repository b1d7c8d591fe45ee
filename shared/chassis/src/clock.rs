//! The process's clock, disciplined by the database's.
//!
//! The database's clock is the one that counts, because every process of the system asks the
//! same database. A process measures how far its own clock is off (ask for the database's time,
//! note the local time before and after, as NTP does) and corrects its readings by that.
//!
//! - A reading never decreases within the process and is never earlier than the floor that was
//!   set at start, so a clock that jumps back revives nothing.
//! - Between two measurements the computer's steady clock guards the wall clock: when the wall
//!   clock is set while we look at it, readings follow the steady one and the error says so.
//! - Doubt blocks gaining privilege ([`Clock::gaining_now`]), never losing it
//!   ([`Clock::losing_now`]).
//!
//! Only this file may read the computer's clock.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::limits::CLOCK_ERROR_MILLIS_MAX;

/// Measurements that are kept; the one with the smallest error now is used.
const SAMPLES_MAX: usize = 8;
/// How fast two clocks may part from each other: 200 microseconds a second.
const DRIFT_PER_MILLION: i64 = 200;
/// The wall clock and the steady clock may differ by this much before it counts as a step.
const STEP_MILLIS_MIN: i64 = 2;
/// The error of a clock that was never compared with the database's.
pub const UNKNOWN_ERROR: TimeDelta = TimeDelta::hours(24);

/// The clock of a process; clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Inner>);

/// What the clock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The time, in whole microseconds, as Postgres keeps it.
    pub now: DateTime<Utc>,
    /// How far the database's clock may be from `now`, in either direction.
    pub max_error: TimeDelta,
}

/// The local clocks at one instant, to compare the database's time with.
#[derive(Debug, Clone, Copy)]
pub struct LocalTime {
    wall: DateTime<Utc>,
    /// Time since the clock was made; the operating system never sets it.
    steady: TimeDelta,
}

/// The clock is too uncertain to give anybody a privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the clock is uncertain by {} ms", .max_error.num_milliseconds())]
pub struct ClockInDoubt {
    /// The uncertainty.
    pub max_error: TimeDelta,
}

#[derive(Debug)]
struct Inner {
    source: Source,
    /// The latest reading that was given out or set as the least, in microseconds since 1970.
    floor: AtomicI64,
}

#[derive(Debug)]
enum Source {
    Disciplined { started: Instant, samples: Mutex<Samples> },
    Manual(Mutex<DateTime<Utc>>),
}

impl Clock {
    /// A clock that does not know yet how far it is off.
    #[must_use]
    pub fn disciplined() -> Self {
        Self::new(Source::Disciplined { started: Instant::now(), samples: Mutex::default() })
    }

    /// A clock that stands still until a test moves it. It makes no error.
    #[must_use]
    pub fn manual(at: DateTime<Utc>) -> Self {
        Self::new(Source::Manual(Mutex::new(at)))
    }

    fn new(source: Source) -> Self {
        Self(Arc::new(Inner { source, floor: AtomicI64::new(i64::MIN) }))
    }

    /// The local time, to be taken right before and right after the database is asked for its own.
    #[must_use]
    pub fn local(&self) -> LocalTime {
        match &self.0.source {
            Source::Disciplined { started, .. } => LocalTime::read(*started),
            Source::Manual(at) => LocalTime { wall: *lock(at), steady: TimeDelta::zero() },
        }
    }

    /// Learns from one question to the database. A manual clock ignores it.
    pub fn observe(&self, before: LocalTime, database: DateTime<Utc>, after: LocalTime) {
        if let Source::Disciplined { samples, .. } = &self.0.source {
            lock(samples).add(Sample::of(before, database, after));
        }
    }

    /// Sets a manual clock, also backwards: readings then stand still until it has caught up.
    /// A disciplined clock cannot be set.
    pub fn set(&self, to: DateTime<Utc>) {
        if let Source::Manual(at) = &self.0.source {
            *lock(at) = to;
        }
    }

    /// Moves a manual clock on. A disciplined clock cannot be moved.
    pub fn advance(&self, by: TimeDelta) {
        if let Source::Manual(at) = &self.0.source {
            let mut at = lock(at);
            *at = at.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC);
        }
    }

    /// From now on no reading is earlier than `least`; at start this is the newest event's time.
    pub fn raise_floor(&self, least: DateTime<Utc>) {
        self.0.floor.fetch_max(least.timestamp_micros(), Ordering::SeqCst);
    }

    /// The time and how far it can be trusted.
    #[must_use]
    pub fn now(&self) -> Reading {
        self.at_least(None)
    }

    /// The time for a decision that gives somebody something, not earlier than the newest thing
    /// that the decision is based on.
    ///
    /// # Errors
    /// If the time is not known to a quarter of a second, or if the facts are further ahead of
    /// the clock than that: one of the two is wrong then.
    pub fn gaining_now(
        &self,
        newest: Option<DateTime<Utc>>,
    ) -> Result<DateTime<Utc>, ClockInDoubt> {
        let Reading { now, max_error } = self.at_least(newest);
        if max_error > error_limit() { Err(ClockInDoubt { max_error }) } else { Ok(now) }
    }

    /// The time for a decision that takes something away, not earlier than the newest thing that
    /// the decision is based on. It always answers.
    #[must_use]
    pub fn losing_now(&self, newest: Option<DateTime<Utc>>) -> DateTime<Utc> {
        self.at_least(newest).now
    }

    /// Whether nothing may be gained by this clock at the moment.
    #[must_use]
    pub fn in_doubt(&self) -> bool {
        self.now().max_error > error_limit()
    }

    /// `newest` holds for this one reading and does not raise the floor: a single wrong row must
    /// not put the whole process into the future.
    fn at_least(&self, newest: Option<DateTime<Utc>>) -> Reading {
        let (estimate, error) = match &self.0.source {
            Source::Disciplined { started, samples } => {
                lock(samples).estimate(LocalTime::read(*started))
            }
            Source::Manual(at) => (*lock(at), TimeDelta::zero()),
        };
        let estimate = estimate.timestamp_micros();
        let floor = self.0.floor.fetch_max(estimate, Ordering::SeqCst).max(estimate);
        let now = newest.map_or(floor, |newest| newest.timestamp_micros().max(floor));
        // What the floor adds to the estimate is an error too.
        let lead = TimeDelta::microseconds(now.saturating_sub(estimate));
        Reading {
            now: DateTime::from_timestamp_micros(now).unwrap_or(DateTime::<Utc>::MAX_UTC),
            max_error: error.checked_add(&lead).unwrap_or(TimeDelta::MAX),
        }
    }
}

impl LocalTime {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn read(started: Instant) -> Self {
        Self { wall: Utc::now(), steady: time_delta(started.elapsed()) }
    }

    /// How far the wall clock was set between `earlier` and now, in either direction; zero if it
    /// only drifted.
    fn step_since(self, earlier: Self) -> TimeDelta {
        let steady = self.steady - earlier.steady;
        let step = (self.wall - earlier.wall) - steady;
        let allowed = TimeDelta::milliseconds(STEP_MILLIS_MIN) + drift(steady);
        if step.abs() <= allowed { TimeDelta::zero() } else { step }
    }
}

/// One comparison with the database's clock.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// The local time when the answer was there.
    at: LocalTime,
    /// What to add to the wall clock to get the database's time.
    offset: TimeDelta,
    /// Half of the time that the question took.
    error: TimeDelta,
}

impl Sample {
    fn of(before: LocalTime, database: DateTime<Utc>, after: LocalTime) -> Self {
        let half = (after.steady - before.steady) / 2;
        let (offset, error) = (database - (after.wall - half), half);
        // The two clocks may be one and the same. Then agreeing with it exactly, like every other
        // process here, is worth more than the middle of the interval.
        if offset.abs() <= error {
            return Self { at: after, offset: TimeDelta::zero(), error: offset.abs() + error };
        }
        Self { at: after, offset, error }
    }

    fn error_at(&self, local: LocalTime) -> TimeDelta {
        self.error + drift(local.steady - self.at.steady)
    }

    /// Whether both can be true, given what the clocks may have drifted in between.
    fn agrees_with(&self, newer: &Self) -> bool {
        newer.at.step_since(self.at).is_zero()
            && (newer.offset - self.offset).abs() <= newer.error + self.error_at(newer.at)
    }
}

/// The last measurements that agree with the newest one.
#[derive(Debug, Default)]
struct Samples(VecDeque<Sample>);

impl Samples {
    /// The newest sample wins: older ones that contradict it are from before a clock was set or
    /// from another database server.
    fn add(&mut self, sample: Sample) {
        self.0.retain(|older| older.agrees_with(&sample));
        if self.0.len() == SAMPLES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    /// The database's time, and how far it may be from that.
    fn estimate(&self, local: LocalTime) -> (DateTime<Utc>, TimeDelta) {
        let Some(best) = self.0.iter().min_by_key(|sample| sample.error_at(local)) else {
            return (local.wall, UNKNOWN_ERROR);
        };
        // A wall clock that was set since then is not followed. Nobody can tell it from a
        // computer that slept, so the step counts as error until the next sample.
        let step = local.step_since(best.at);
        let now = local.wall.checked_sub_signed(step).unwrap_or(local.wall);
        let now = now.checked_add_signed(best.offset).unwrap_or(now);
        (now, best.error_at(local) + step.abs())
    }
}

fn drift(elapsed: TimeDelta) -> TimeDelta {
    let micros = elapsed.num_microseconds().unwrap_or(i64::MAX).max(0);
    TimeDelta::microseconds(micros / 1_000_000 * DRIFT_PER_MILLION)
        + TimeDelta::microseconds(micros % 1_000_000 * DRIFT_PER_MILLION / 1_000_000)
}

fn error_limit() -> TimeDelta {
    TimeDelta::milliseconds(CLOCK_ERROR_MILLIS_MAX)
}

fn time_delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

/// A panic elsewhere must not stop the clock: each value behind a lock is written in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_SECONDS: i64 = 1_800_000_000;

    fn at_millis(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(START_SECONDS * 1_000 + millis).unwrap()
    }

    fn ms(millis: i64) -> TimeDelta {
        TimeDelta::milliseconds(millis)
    }

    fn local(wall: i64, steady: i64) -> LocalTime {
        LocalTime { wall: at_millis(wall), steady: ms(steady) }
    }

    /// A question asked at the local time `asked` that took `took` and was answered in the
    /// middle, by a database that is ahead by `ahead`.
    fn sample(asked: i64, took: i64, ahead: i64) -> Sample {
        Sample::of(
            local(asked, asked),
            at_millis(asked + took / 2 + ahead),
            local(asked + took, asked + took),
        )
    }

    fn samples(of: impl IntoIterator<Item = Sample>) -> Samples {
        let mut samples = Samples::default();
        of.into_iter().for_each(|sample| samples.add(sample));
        samples
    }

    #[test]
    fn the_offset_is_the_middle_of_the_question() {
        let (now, error) = samples([sample(0, 10, 3_000)]).estimate(local(10, 10));
        assert_eq!((now, error), (at_millis(3_010), ms(5)));
    }

    #[test]
    fn a_database_on_the_same_clock_gives_exact_agreement() {
        // The answer came late in the interval, so its middle is 4 ms off.
        let one = Sample::of(local(0, 0), at_millis(9), local(10, 10));
        let (now, error) = samples([one]).estimate(local(20, 20));
        assert_eq!(now, at_millis(20));
        assert_eq!(error, ms(9) + drift(ms(10)));
    }

    #[test]
    fn the_best_of_the_last_samples_counts_and_ages() {
        let both = samples([sample(0, 4, 3_000), sample(5_000, 400, 3_001)]);
        let (_, soon) = both.estimate(local(6_000, 6_000));
        assert_eq!(soon, ms(2) + drift(ms(5_996)));

        let (_, late) = samples([sample(0, 4, 3_000)]).estimate(local(2_000_000, 2_000_000));
        assert!(late > error_limit(), "200 ppm of 2,000 s are 400 ms");
    }

    #[test]
    fn only_the_last_samples_are_kept() {
        let many = samples((0..20).map(|second| sample(second * 1_000, 4, 3_000)));
        assert_eq!(many.0.len(), SAMPLES_MAX);
    }

    #[test]
    fn a_wall_clock_that_is_set_is_not_followed_and_is_doubted() {
        for step in [3_600_000, -3_600_000, 60, -60] {
            let known = samples([sample(0, 4, 500)]);
            let (now, error) = known.estimate(local(1_004 + step, 1_004));
            assert_eq!(now, at_millis(1_504), "step {step}");
            assert_eq!(error, ms(2 + step.abs()) + drift(ms(1_000)));
        }
    }

    #[test]
    fn a_new_sample_ends_the_doubt_after_a_step() {
        let mut known = samples([sample(0, 4, 500)]);
        let (asked, answered) = (local(3_601_000, 1_000), local(3_601_004, 1_004));
        known.add(Sample::of(asked, at_millis(1_502), answered));
        assert_eq!(known.0.len(), 1);
        let (now, error) = known.estimate(local(3_602_004, 2_004));
        assert_eq!(now, at_millis(2_504));
        assert_eq!(error, ms(2) + drift(ms(1_000)));
    }

    #[test]
    fn a_database_that_contradicts_older_samples_is_believed() {
        let known = samples([sample(0, 4, 500), sample(5_000, 40, 900)]);
        let (now, _) = known.estimate(local(6_000, 6_000));
        assert_eq!(now, at_millis(6_900));
    }

    #[test]
    fn a_clock_that_was_never_compared_is_in_doubt() {
        let clock = Clock::disciplined();
        assert!(clock.in_doubt());
        assert!(clock.gaining_now(None).is_err());
        let now = clock.losing_now(None);

        let local = clock.local();
        clock.observe(local, local.wall, clock.local());
        assert!(!clock.in_doubt());
        assert!(clock.gaining_now(None).unwrap() >= now);
    }

    #[test]
    fn readings_are_whole_microseconds() {
        let clock = Clock::manual(DateTime::from_timestamp(START_SECONDS, 123_456_789).unwrap());
        assert_eq!(clock.now().now.timestamp_subsec_nanos(), 123_456_000);
        assert_eq!(clock.now().max_error, TimeDelta::zero());
    }

    #[test]
    fn a_jump_back_revives_nothing_and_blocks_gaining() {
        let clock = Clock::manual(at_millis(10_000));
        assert_eq!(clock.now().now, at_millis(10_000));
        clock.set(at_millis(9_800));
        assert_eq!(clock.gaining_now(None), Ok(at_millis(10_000)), "200 ms are tolerated");
        clock.set(at_millis(9_000));
        assert_eq!(clock.now(), Reading { now: at_millis(10_000), max_error: ms(1_000) });
        assert_eq!(clock.gaining_now(None), Err(ClockInDoubt { max_error: ms(1_000) }));
        assert_eq!(clock.losing_now(None), at_millis(10_000));
        clock.advance(ms(1_500));
        assert_eq!(clock.gaining_now(None), Ok(at_millis(10_500)));
    }

    #[test]
    fn no_reading_is_earlier_than_the_floor() {
        let clock = Clock::manual(at_millis(0));
        clock.raise_floor(at_millis(100));
        assert_eq!(clock.gaining_now(None), Ok(at_millis(100)));
        clock.raise_floor(at_millis(60_000));
        assert_eq!(clock.now().now, at_millis(60_000));
        assert!(clock.in_doubt());
        clock.raise_floor(at_millis(5));
        assert_eq!(clock.now().now, at_millis(60_000));
    }

    #[test]
    fn a_decision_is_not_earlier_than_its_facts() {
        let clock = Clock::manual(at_millis(0));
        assert_eq!(clock.gaining_now(Some(at_millis(250))), Ok(at_millis(250)));
        assert!(clock.gaining_now(Some(at_millis(251))).is_err());
        assert_eq!(clock.losing_now(Some(at_millis(9_000))), at_millis(9_000));
        assert_eq!(clock.now().now, at_millis(0), "one row in the future moves nobody else");
    }

    #[test]
    fn readings_never_decrease_under_threads() {
        let clock = Clock::manual(at_millis(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for millis in 0..20_000_i64 {
                    clock.set(at_millis(millis * 7_919 % 10_007));
                }
            });
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut last = clock.now().now;
                    for _ in 0..20_000 {
                        let now = clock.now().now;
                        assert!(now >= last);
                        last = now;
                    }
                });
            }
        });
    }
}
