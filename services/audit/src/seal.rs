//! Sealing: events become leaves of their tenant's tree. One bounded step, which any number of
//! replicas repeat.

use std::time::Duration;

use pim_chassis::Process;
use pim_store::{Purpose, StoreError, log};

/// Events that are sealed at once; the last transaction's beyond that go with them.
const BATCH: i64 = 5_000;
/// Between two looks at what there is to seal.
const PAUSE: Duration = Duration::from_millis(200);

/// Seals a batch, and says how long to pause.
///
/// # Errors
/// The database cannot serve, or a tree is not as long as its leaves. Nothing is sealed then.
pub async fn seal(process: &Process) -> Result<Duration, StoreError> {
    let mut tx = process.db.begin(Purpose::Log).await?;
    // Looking first: who takes the watermark's row writes, and an idle log must not.
    if !log::is_behind(&mut tx).await? {
        return Ok(PAUSE);
    }
    let Some(sealed) = log::seal(&mut tx, BATCH).await? else { return Ok(PAUSE) };
    tx.commit().await?;
    Ok(if sealed.more { Duration::ZERO } else { PAUSE })
}
