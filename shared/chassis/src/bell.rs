//! Doorbells: what one service wants of another, rung once, after the commit. Nothing depends on
//! their being heard: the scheduler finds what was not.

use std::{future::Future, time::Duration};

use tonic::Status;

/// How long a bell is rung.
const RING_TIMEOUT: Duration = Duration::from_secs(1);

/// Rings `bell` once and says what was answered, if it was heard.
pub async fn ring<T>(
    bell: &'static str,
    call: impl Future<Output = Result<T, Status>>,
) -> Option<T> {
    match tokio::time::timeout(RING_TIMEOUT, call).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(status)) => {
            tracing::info!(bell, code = ?status.code(), "a bell was not heard");
            None
        }
        Err(_) => {
            tracing::info!(bell, "a bell was not heard in time");
            None
        }
    }
}
