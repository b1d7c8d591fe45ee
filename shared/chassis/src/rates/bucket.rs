//! One bucket of tokens for each of many, of whom only so many are remembered.

use std::{
    hash::Hash,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock, Reference},
    middleware::NoOpMiddleware,
    state::{InMemoryState, direct::NotKeyed},
};
use moka::{policy::EvictionPolicy, sync::Cache};

use super::Rate;
use crate::limits::RATE_KEYS_MAX;

type Limiter<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

type Remembered<K, C> = Cache<K, Arc<Bucket<C>>>;

struct Bucket<C: Clock> {
    limiter: Limiter<C>,
    /// Until when it is known to be empty.
    empty_until: Mutex<Option<C::Instant>>,
}

/// The buckets. One that is forgotten is a full one, so each is kept at least until it is full
/// again, unless there are too many.
pub(super) struct Buckets<K, C: Clock = MonotonicClock> {
    rate: Rate,
    clock: C,
    limited: Option<(Quota, Remembered<K, C>)>,
}

impl<K: Hash + Eq + Copy + Send + Sync + 'static> Buckets<K> {
    pub(super) fn new(rate: Rate) -> Self {
        Self::by(rate, MonotonicClock)
    }
}

impl<K, C> Buckets<K, C>
where
    K: Hash + Eq + Copy + Send + Sync + 'static,
    C: Clock + Clone + Send + Sync + 'static,
    C::Instant: Send + Sync,
{
    fn by(rate: Rate, clock: C) -> Self {
        let limited = match rate {
            Rate::Unlimited => None,
            Rate::Limited { per_second, burst } => {
                let [each, burst] =
                    [per_second, burst].map(|n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN));
                let quota = Quota::per_second(each).allow_burst(burst);
                let kept = quota.burst_size_replenished_in() + Duration::from_secs(1);
                // Not by how often they call: a stranger who is not remembered has no limit.
                let cache = Cache::builder()
                    .max_capacity(RATE_KEYS_MAX)
                    .eviction_policy(EvictionPolicy::lru())
                    .time_to_idle(kept)
                    .build();
                Some((quota, cache))
            }
        };
        Self { rate, clock, limited }
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes one out of the bucket of `key`.
    ///
    /// # Errors
    /// It is empty: with how long it takes until there is one again.
    pub(super) fn take(&self, key: &K) -> Result<(), Duration> {
        let Some((quota, cache)) = &self.limited else { return Ok(()) };
        let bucket = cache.get_with(*key, || {
            let limiter = RateLimiter::direct_with_clock(*quota, self.clock.clone());
            Arc::new(Bucket { limiter, empty_until: Mutex::default() })
        });
        bucket.limiter.check().map_err(|empty| {
            *bucket.empty_until.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(empty.earliest_possible());
            empty.wait_time_from(self.clock.now())
        })
    }

    /// Looks whether the last one that wanted to take one out could have one now.
    ///
    /// # Errors
    /// It is empty: with how long it takes until there is one again.
    pub(super) fn look(&self, key: &K) -> Result<(), Duration> {
        let Some((_, cache)) = &self.limited else { return Ok(()) };
        let Some(bucket) = cache.get(key) else { return Ok(()) };
        let until = *bucket.empty_until.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        match until {
            Some(until) if now < until => Err(until.duration_since(now).into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const RATE: Rate = Rate::Limited { per_second: 10, burst: 3 };
    const TENTH: Duration = Duration::from_millis(100);

    fn emptied() -> (Buckets<u32, FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let buckets = Buckets::by(RATE, clock.clone());
        for _ in 0..3 {
            buckets.take(&1).unwrap();
        }
        (buckets, clock)
    }

    #[test]
    fn a_bucket_fills_again_and_is_nobody_elses() {
        let (buckets, clock) = emptied();
        assert_eq!(buckets.take(&1), Err(TENTH));
        assert_eq!(buckets.take(&2), Ok(()));
        clock.advance(TENTH / 2);
        assert_eq!(buckets.take(&1), Err(TENTH / 2));
        clock.advance(TENTH / 2);
        assert_eq!((buckets.take(&1), buckets.take(&1)), (Ok(()), Err(TENTH)));
        clock.advance(TENTH * 100);
        let taken = (0..10).filter(|_| buckets.take(&1).is_ok()).count();
        assert_eq!(taken, 3, "no more than fit in");
    }

    #[test]
    fn looking_takes_nothing() {
        let (buckets, clock) = emptied();
        // Nobody has found it empty yet.
        assert_eq!(buckets.look(&1), Ok(()));
        assert_eq!(buckets.take(&1), Err(TENTH));
        assert_eq!((buckets.look(&1), buckets.look(&2)), (Err(TENTH), Ok(())));
        clock.advance(TENTH);
        assert_eq!(
            (buckets.look(&1), buckets.look(&1), buckets.take(&1)),
            (Ok(()), Ok(()), Ok(()))
        );
    }

    #[test]
    fn only_so_many_are_remembered() {
        let buckets: Buckets<u32> = Buckets::new(Rate::Limited { per_second: 1, burst: 1_000_000 });
        for caller in 0..100_000 {
            buckets.take(&caller).unwrap();
        }
        let (_, cache) = buckets.limited.as_ref().unwrap();
        cache.run_pending_tasks();
        assert!(cache.entry_count() <= RATE_KEYS_MAX, "{}", cache.entry_count());
        assert!(cache.contains_key(&99_999), "the newest was forgotten");
    }

    #[test]
    fn no_limit_remembers_nobody() {
        let buckets: Buckets<u32> = Buckets::new(Rate::Unlimited);
        assert!((0..10_000).all(|_| buckets.take(&1).is_ok()));
        assert!(buckets.limited.is_none());
    }
}
