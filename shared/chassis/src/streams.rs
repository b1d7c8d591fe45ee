//! The streams that callers have open: each holds memory and looks at the database for as long as
//! its reader likes, so that nobody may open as many as they like.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use pim_domain::id::{PrincipalId, TenantId};

use crate::{Error, limits::STREAMS_PER_CALLER_MAX};

type Caller = (TenantId, PrincipalId);

/// Counts the open streams of one process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Streams(Arc<Mutex<HashMap<Caller, usize>>>);

/// A stream that is open until this is dropped.
#[derive(Debug)]
pub struct Stream {
    streams: Streams,
    caller: Caller,
}

impl Streams {
    /// One more of a caller.
    ///
    /// # Errors
    /// The caller has as many as there may be.
    pub fn open(&self, tenant: TenantId, caller: PrincipalId) -> Result<Stream, Error> {
        let caller = (tenant, caller);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(caller).or_default();
        if *count >= STREAMS_PER_CALLER_MAX {
            return Err(Error::TooManyStreams);
        }
        *count += 1;
        Ok(Stream { streams: self.clone(), caller })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_caller_has_so_many_and_gets_them_back() {
        let streams = Streams::default();
        let tenant = TenantId::from(Uuid::nil());
        let [one, other] = [1, 2].map(|id| PrincipalId::from(Uuid::from_u128(id)));
        let mut open: Vec<Stream> =
            (0..STREAMS_PER_CALLER_MAX).map(|_| streams.open(tenant, one).unwrap()).collect();
        assert!(matches!(streams.open(tenant, one), Err(Error::TooManyStreams)));
        drop(streams.open(tenant, other).unwrap());
        open.pop();
        drop(streams.open(tenant, one).unwrap());
        drop(open);
        assert!(streams.0.lock().unwrap().is_empty());
    }
}
