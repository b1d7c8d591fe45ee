//! Waiting for what nothing announces: another process, or a task at its own pace.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long a condition may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(5);

/// What `found` finds, as soon as it finds something.
///
/// # Panics
/// It finds nothing for a minute.
pub async fn eventually<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = found().await {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: not in {PATIENCE:?}");
        sleep(PAUSE).await;
    }
}
