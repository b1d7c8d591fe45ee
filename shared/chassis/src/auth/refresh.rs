//! The keys of all issuers, kept fresh.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::{Issuers, KeysUnavailable, keys::Keys, provider::Provider};
use crate::{clock::Clock, periodic::Periodic};

impl Issuers {
    /// Fetches the keys of every issuer whose keys are due at `now`, all at the same time; returns
    /// the failures. What was there before stays where one fails.
    pub async fn refresh(&self, now: DateTime<Utc>) -> Vec<KeysUnavailable> {
        let refreshed = join_all(self.providers().map(|provider| provider.refresh_due(now))).await;
        refreshed.into_iter().filter_map(Result::err).collect()
    }

    /// Fetches the keys of each issuer whenever they are due, until `shutdown`.
    #[must_use]
    pub fn keep_fresh(&self, clock: &Clock, shutdown: &CancellationToken) -> Vec<Periodic> {
        let repeat = |provider: &Arc<Provider>| {
            let (provider, clock) = (provider.clone(), clock.clone());
            Periodic::spawn("issuer keys", shutdown.clone(), move || {
                let (provider, clock) = (provider.clone(), clock.clone());
                async move { provider.refresh_due(clock.now().now).await }
            })
        };
        self.providers().map(repeat).collect()
    }

    /// The issuers of which no token can be accepted at `now`, because they have no keys.
    pub fn without_keys(&self, now: DateTime<Utc>) -> impl Iterator<Item = &str> {
        let has = move |keys: &Keys| keys.at(now).is_some_and(|keys| !keys.is_empty());
        self.by_name.iter().filter(move |(_, issuer)| !has(&issuer.keys)).map(|(name, _)| &**name)
    }

    /// Whether no token at all can be accepted at `now`.
    #[must_use]
    pub fn all_without_keys(&self, now: DateTime<Utc>) -> bool {
        self.without_keys(now).count() == self.by_name.len()
    }

    fn providers(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.by_name.values().filter_map(|issuer| match &issuer.keys {
            Keys::Listed(_) => None,
            Keys::Fetched(provider) => Some(provider),
        })
    }
}
