//! Repeats a step until the process stops.
//!
//! A step is bounded and idempotent and says when it wants to be called again. Steps of one
//! `Periodic` never overlap. At shutdown a running step is dropped at its next await, so its
//! transaction rolls back: the next process does it again.

use std::{fmt::Display, future::Future, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt as _;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The pause after a first failure, in milliseconds; it doubles with each further one.
const BACKOFF_FIRST_MILLIS: u64 = 200;
/// The longest pause after a failure, in milliseconds.
const BACKOFF_MAX_MILLIS: u64 = 10_000;

/// A step that is being repeated.
#[derive(Debug)]
pub struct Periodic {
    task: JoinHandle<()>,
}

impl Periodic {
    /// Calls `step` now, and again after each pause that it returns, until `shutdown`.
    ///
    /// A step that fails or panics is called again after a growing pause. What it failed with is
    /// logged when it changes, not every time.
    pub fn spawn<F, Fut, E>(name: &'static str, shutdown: CancellationToken, step: F) -> Self
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Duration, E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        Self { task: tokio::spawn(repeat(name, shutdown, step)) }
    }

    /// Waits until the repetition has ended, after shutdown.
    pub async fn stopped(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a repeated step ended badly");
        }
    }
}

async fn repeat<F, Fut, E>(name: &'static str, shutdown: CancellationToken, mut step: F)
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = Result<Duration, E>> + Send,
    E: Display + Send,
{
    let mut failures = Failures::default();
    loop {
        let attempt = AssertUnwindSafe(async { step().await }).catch_unwind();
        let Some(outcome) = shutdown.run_until_cancelled(attempt).await else { return };
        let pause = match outcome {
            Ok(Ok(pause)) => {
                if failures.end() {
                    tracing::info!(step = name, "the step works again");
                }
                pause
            }
            Ok(Err(error)) => failures.add(name, error.to_string()),
            Err(_) => failures.add(name, "it panicked".to_owned()),
        };
        // A timer would round no pause up to its tick.
        if !pause.is_zero()
            && shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none()
        {
            return;
        }
    }
}

/// The failures since the last success.
#[derive(Default)]
struct Failures {
    count: u32,
    last: Option<String>,
}

impl Failures {
    /// Notes a failure, logs it if it is news, and returns the pause after it.
    fn add(&mut self, name: &'static str, error: String) -> Duration {
        if self.last.as_ref() != Some(&error) {
            tracing::warn!(step = name, error, "the step failed and will be repeated");
            self.last = Some(error);
        }
        let pause = backoff(self.count);
        self.count = self.count.saturating_add(1);
        pause
    }

    /// Forgets the failures; true if there were any.
    fn end(&mut self) -> bool {
        self.count = 0;
        self.last.take().is_some()
    }
}

fn backoff(failures_before: u32) -> Duration {
    let doubled = BACKOFF_FIRST_MILLIS.saturating_mul(1 << failures_before.min(16));
    Duration::from_millis(doubled.min(BACKOFF_MAX_MILLIS))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    };

    use tokio::sync::mpsc;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn pauses_grow_and_are_capped() {
        let millis: Vec<u128> = (0..8).map(|count| backoff(count).as_millis()).collect();
        assert_eq!(millis, [200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
        assert_eq!(backoff(u32::MAX).as_millis(), 10_000);
    }

    #[test]
    fn a_failure_is_news_once() {
        let mut failures = Failures::default();
        assert!(!failures.end());
        failures.add("test", "down".to_owned());
        let second = failures.add("test", "down".to_owned());
        assert_eq!(second, backoff(1));
        assert!(failures.end());
        assert_eq!(failures.add("test", "down".to_owned()), backoff(0));
    }

    #[tokio::test]
    async fn repeats_after_success_failure_and_panic_without_overlap() {
        let (sent, mut seen) = mpsc::unbounded_channel();
        let calls = Arc::new(AtomicU32::new(0));
        let running = Arc::new(AtomicBool::new(false));
        let shutdown = CancellationToken::new();
        let periodic = Periodic::spawn("test", shutdown.clone(), move || {
            let (sent, calls, running) = (sent.clone(), calls.clone(), running.clone());
            async move {
                assert!(!running.swap(true, Ordering::SeqCst), "two steps at the same time");
                tokio::task::yield_now().await;
                running.store(false, Ordering::SeqCst);
                let call = calls.fetch_add(1, Ordering::SeqCst);
                sent.send(call).unwrap();
                match call {
                    1 => Err("not now"),
                    2 => panic!("a panic that the test wants"),
                    _ => Ok(Duration::ZERO),
                }
            }
        });
        for expected in 0..6 {
            let call = tokio::time::timeout(PATIENCE, seen.recv()).await.unwrap();
            assert_eq!(call, Some(expected));
        }
        shutdown.cancel();
        tokio::time::timeout(PATIENCE, periodic.stopped()).await.unwrap();
    }

    #[tokio::test]
    async fn stops_in_the_middle_of_a_step_and_of_a_pause() {
        let (entered, mut steps) = mpsc::unbounded_channel();
        let shutdown = CancellationToken::new();
        let in_a_step = Periodic::spawn("step", shutdown.clone(), {
            let entered = entered.clone();
            move || {
                entered.send(()).unwrap();
                std::future::pending::<Result<Duration, String>>()
            }
        });
        let in_a_pause = Periodic::spawn("pause", shutdown.clone(), move || {
            entered.send(()).unwrap();
            std::future::ready(Ok::<_, String>(Duration::from_secs(86_400)))
        });
        for _ in 0..2 {
            tokio::time::timeout(PATIENCE, steps.recv()).await.unwrap().unwrap();
        }
        shutdown.cancel();
        tokio::time::timeout(PATIENCE, in_a_step.stopped()).await.unwrap();
        tokio::time::timeout(PATIENCE, in_a_pause.stopped()).await.unwrap();
    }
}
