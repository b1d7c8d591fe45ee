//! One step: what is due is read and pushed; the pause after it ends when the next thing is due.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, stream};
use pim_chassis::Process;
use pim_domain::due::{Due, DueKind};
use pim_store::{Reach, StoreError, due};

use crate::push::{Pushed, push};

/// Due things that are read at once, at most.
const DUE_BATCH_MAX: i64 = 200;
/// Batches of a step, at most. More than one, because what cannot be done now stays the oldest: what
/// is newer must not wait for it.
const BATCHES_MAX: usize = 50;
/// Pushes that are under way at once, at most.
const PUSHES_MAX: usize = 8;
/// The longest pause: what becomes due sooner than was known when it began is seen then.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Why a step did not do all that it found; what it did not do is due again.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// What is due cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Owners could not be reached or could not do it.
    #[error("not all that is due was done: {0}")]
    Pushes(String),
}

/// Reads what is due, pushes it, and says how long to pause.
///
/// # Errors
/// Something could not be read or pushed.
pub async fn step(process: &Process) -> Result<Duration, StepError> {
    let now = process.clock.now().now;
    let mut failures: BTreeMap<(DueKind, String), usize> = BTreeMap::new();
    let (mut after, mut done, mut is_full) = (None, 0, true);
    for _ in 0..BATCHES_MAX {
        let mut read = process.db.browse(Reach::EveryTenant).await?;
        let batch = due::list(&mut read, now, after, DUE_BATCH_MAX).await?;
        drop(read);
        is_full = i64::try_from(batch.len()).unwrap_or(i64::MAX) >= DUE_BATCH_MAX;
        after = batch.last().map(due::Cursor::from);
        done += push_all(process, batch, &mut failures).await;
        if !is_full {
            break;
        }
    }
    if !failures.is_empty() {
        return Err(StepError::Pushes(summary(&failures)));
    }
    let mut read = process.db.browse(Reach::EveryTenant).await?;
    let next = due::next(&mut read, now).await?;
    // Without progress, haste is of no use.
    let has_more = is_full && done > 0;
    Ok(pause(has_more, next, process.clock.now().now))
}

/// How many of `batch` their owners did.
async fn push_all(
    process: &Process,
    batch: Vec<Due>,
    failures: &mut BTreeMap<(DueKind, String), usize>,
) -> usize {
    let mut pushes = stream::iter(batch)
        .map(|due| async move { (push(&process.peers, &due).await, due) })
        .buffer_unordered(PUSHES_MAX);
    let mut done = 0;
    while let Some((pushed, due)) = pushes.next().await {
        done += usize::from(pushed == Pushed::Done);
        note(pushed, &due, failures);
    }
    done
}

fn note(pushed: Pushed, due: &Due, failures: &mut BTreeMap<(DueKind, String), usize>) {
    let (kind, thing) = (due.kind.as_str(), due.thing);
    match pushed {
        Pushed::Done => tracing::debug!(kind, %thing, "pushed"),
        Pushed::NothingToDo => tracing::debug!(kind, %thing, "somebody was faster"),
        Pushed::Failed(reason) => *failures.entry((due.kind, reason)).or_default() += 1,
    }
}

fn summary(failures: &BTreeMap<(DueKind, String), usize>) -> String {
    let lines: Vec<String> = failures
        .iter()
        .map(|((kind, reason), count)| format!("{count} x {} ({reason})", kind.as_str()))
        .collect();
    lines.join(", ")
}

/// None where there is more; else until the next thing is due, and never longer than the most.
fn pause(has_more: bool, next: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Duration {
    if has_more {
        return Duration::ZERO;
    }
    next.map_or(PAUSE_MAX, |next| (next - now).to_std().unwrap_or(Duration::ZERO)).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn the_pause_ends_when_the_next_thing_is_due() {
        let now = DateTime::UNIX_EPOCH;
        let soon = now + TimeDelta::milliseconds(40);
        assert_eq!(pause(true, None, now), Duration::ZERO);
        assert_eq!(pause(false, Some(soon), now), Duration::from_millis(40));
        assert_eq!(pause(false, Some(now - TimeDelta::seconds(1)), now), Duration::ZERO);
        assert_eq!(pause(false, Some(now + TimeDelta::days(1)), now), PAUSE_MAX);
        assert_eq!(pause(false, None, now), PAUSE_MAX);
    }
}
