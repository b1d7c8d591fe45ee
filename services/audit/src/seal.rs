//! Sealing: events become leaves of their tenant's tree. One bounded step, which any number of
//! replicas repeat.

use std::time::Duration;

use pim_chassis::Process;
use pim_store::{Purpose, Reach, StoreError, log};

/// Events that are sealed at once; the last transaction's beyond that go with them. What Postgres
/// answers of so many fits into a socket's buffer: a process that stands still then leaves a
/// transaction that is idle, which Postgres ends, and not a statement that nobody can end.
const BATCH: i64 = 1_000;
/// Between two looks at what there is to seal.
const PAUSE: Duration = Duration::from_millis(200);

/// Seals a batch, and says how long to pause. A log that cannot be sealed is stopped, and the others
/// go on.
///
/// # Errors
/// The database cannot serve. Nothing is sealed then.
pub async fn seal(process: &Process) -> Result<Duration, StoreError> {
    let mut tx = process.db.begin(Purpose::Log, Reach::EveryTenant).await?;
    // Looking first: who takes the watermark's row writes, and an idle log must not.
    if !log::is_behind(&mut tx).await? {
        return Ok(PAUSE);
    }
    let sealed = match log::seal(&mut tx, BATCH).await {
        Ok(Some(sealed)) => sealed,
        Ok(None) => return Ok(PAUSE),
        Err(error @ (StoreError::Corrupt { .. } | StoreError::Conflict(_))) => {
            // Only then the watermark can be taken again.
            tx.abandon().await?;
            return stop(process, error).await;
        }
        Err(error) => return Err(error),
    };
    tx.commit().await?;
    Ok(if sealed.more { Duration::ZERO } else { PAUSE })
}

/// Stops the logs that were the reason.
async fn stop(process: &Process, error: StoreError) -> Result<Duration, StoreError> {
    let mut tx = process.db.begin(Purpose::Log, Reach::EveryTenant).await?;
    let stopped = log::stop(&mut tx, BATCH).await?;
    if stopped.is_empty() {
        return Err(error);
    }
    tx.commit().await?;
    for tenant in stopped {
        tracing::error!(%tenant, %error, "the log is not what it should be and is not sealed");
    }
    Ok(Duration::ZERO)
}
