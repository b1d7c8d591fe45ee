//! Doorbells: what one service wants of another, rung once, after the commit. Nothing depends on
//! their being heard: the scheduler finds what was not.

use std::{future::Future, time::Duration};

use tonic::{Code, Status};

/// How long a bell is rung.
const RING_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether somebody was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    /// It was done, or there was nothing to do.
    Heard,
    /// The scheduler finds it; another bell there and then would be rung in vain as well.
    Unheard,
}

/// Rings `bell` once.
pub async fn ring<T>(bell: &'static str, call: impl Future<Output = Result<T, Status>>) -> Rung {
    match tokio::time::timeout(RING_TIMEOUT, call).await {
        Ok(Ok(_)) => Rung::Heard,
        Ok(Err(status)) if status.code() == Code::FailedPrecondition => Rung::Heard,
        Ok(Err(status)) => {
            tracing::info!(bell, code = ?status.code(), "a bell was not heard");
            Rung::Unheard
        }
        Err(_) => {
            tracing::info!(bell, "a bell was not heard in time");
            Rung::Unheard
        }
    }
}
