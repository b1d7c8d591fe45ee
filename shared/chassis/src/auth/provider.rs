//! An issuer that is asked for its keys: at start, every so often, and once when a token names a
//! key that is not among them.
//!
//! Only the address in the issuers file is asked, and what it names by discovery; nothing that a
//! token says leads anywhere. An issuer that cannot be asked does not stop the process: its last
//! keys count until they are too old, and after that its tokens are refused.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use chrono::{DateTime, TimeDelta, Utc};
use http::{Uri, uri::Scheme};
use jsonwebtoken::{Algorithm, jwk::Jwk};
use serde::Deserialize;

use super::{
    fetch::{Document, Http, trustworthy},
    keys::KeySet,
};
use crate::limits::{
    KEYS_REFRESH_SECONDS, KEYS_REFRESH_SECONDS_RANGE, UNKNOWN_KEY_SECONDS_MIN,
    UNKNOWN_KEY_WAIT_MILLIS,
};

/// What is told of a failure, in characters: it may quote what the server sent.
const CAUSE_CHARS_MAX: usize = 500;

/// An issuer whose keys are fetched.
pub(super) struct Provider {
    issuer: String,
    source: Source,
    algorithms: Vec<Algorithm>,
    /// How long keys count after they were fetched.
    max_age: TimeDelta,
    http: Http,
    last: ArcSwapOption<Fetched>,
    /// Held while keys are fetched, so that an older set never takes the place of a newer one.
    fetching: tokio::sync::Mutex<()>,
    /// When it was last asked because of an unknown key.
    asked: Mutex<Option<DateTime<Utc>>>,
}

/// Where to ask for the keys.
pub(super) enum Source {
    /// The issuer's discovery document, which says where they are.
    Discovery(Uri),
    /// The JWK set itself.
    Keys(Uri),
}

/// Keys as they were fetched.
struct Fetched {
    keys: Arc<KeySet>,
    /// What the keys were made of, to see whether they change.
    jwks: Vec<Jwk>,
    /// Before they were asked for.
    at: DateTime<Utc>,
    /// When to ask again.
    due: DateTime<Utc>,
}

/// The keys of an issuer could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the keys of issuer {issuer} cannot be fetched: {cause}")]
pub struct KeysUnavailable {
    issuer: String,
    cause: String,
}

impl KeysUnavailable {
    fn because(issuer: &str, cause: &str) -> Self {
        Self { issuer: issuer.to_owned(), cause: cause.chars().take(CAUSE_CHARS_MAX).collect() }
    }
}

impl Source {
    /// The discovery document of an issuer (OpenID Connect Discovery 1.0, section 4.1).
    ///
    /// # Errors
    /// The issuer is not an address that can be trusted.
    pub(super) fn discovery(issuer: &str) -> Result<Self, String> {
        let said = |error| format!("discovery: the issuer {error}");
        if issuer.contains('?') {
            return Err(said("must have no query".to_owned()));
        }
        trustworthy(issuer).map_err(said)?;
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        let uri = trustworthy(&format!("{base}/.well-known/openid-configuration"));
        uri.map(Self::Discovery).map_err(said)
    }

    /// Keys at a known address.
    ///
    /// # Errors
    /// It is not one that can be trusted.
    pub(super) fn keys_at(text: &str) -> Result<Self, String> {
        trustworthy(text).map(Self::Keys).map_err(|error| format!("jwks_uri: {error}"))
    }
}

impl Provider {
    pub(super) fn new(
        issuer: &str,
        source: Source,
        algorithms: &[Algorithm],
        max_age: TimeDelta,
        http: Http,
    ) -> Self {
        Self {
            issuer: issuer.to_owned(),
            source,
            algorithms: algorithms.to_vec(),
            max_age,
            http,
            last: ArcSwapOption::empty(),
            fetching: tokio::sync::Mutex::default(),
            asked: Mutex::default(),
        }
    }

    /// The keys that count at `now`: the last that were fetched, unless they are too old.
    pub(super) fn keys_at(&self, now: DateTime<Utc>) -> Option<Arc<KeySet>> {
        let last = self.last.load();
        let fetched = last.as_ref()?;
        (now - fetched.at < self.max_age).then(|| fetched.keys.clone())
    }

    /// Fetches the keys if they are due at `now`; returns how long they are good for then.
    ///
    /// # Errors
    /// They cannot be fetched. The last ones stay.
    pub(super) async fn refresh_due(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Duration, KeysUnavailable> {
        let due = self.last.load().as_ref().map(|fetched| fetched.due);
        match due.and_then(|due| (due - now).to_std().ok()).filter(|left| !left.is_zero()) {
            Some(left) => Ok(left),
            None => self.refresh(now).await,
        }
    }

    /// Fetches the keys because a token names one that is not known, unless that was done just
    /// before: strangers must not make us ask as often as they like. True if the keys were fetched
    /// while the caller waited.
    pub(super) async fn refresh_unknown(self: &Arc<Self>, now: DateTime<Utc>) -> bool {
        if !self.may_ask(now) {
            return false;
        }
        let provider = self.clone();
        // In a task, because who waits may give up and the answer is wanted all the same.
        let refresh = tokio::spawn(async move {
            let refreshed = provider.refresh(now).await;
            if let Err(error) = &refreshed {
                tracing::warn!(%error, "a token names an unknown key, and there are no new ones");
            }
            refreshed.is_ok()
        });
        let wait = Duration::from_millis(UNKNOWN_KEY_WAIT_MILLIS);
        matches!(tokio::time::timeout(wait, refresh).await, Ok(Ok(true)))
    }

    fn may_ask(&self, now: DateTime<Utc>) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = TimeDelta::seconds(UNKNOWN_KEY_SECONDS_MIN);
        let may = asked.is_none_or(|last| now - last >= pause);
        if may {
            *asked = Some(now);
        }
        may
    }

    async fn refresh(&self, now: DateTime<Utc>) -> Result<Duration, KeysUnavailable> {
        let _one = self.fetching.lock().await;
        let fetched = self.fetch().await;
        let (keys, jwks, max_age) =
            fetched.map_err(|cause| KeysUnavailable::because(&self.issuer, &cause))?;
        let pause = self.pause(max_age);
        let last = self.last.load_full();
        let same = last.as_ref().filter(|last| last.jwks == jwks);
        // The same address for the same keys: tokens that were verified by them stay so.
        let keys = same.map_or_else(|| Arc::new(keys), |last| last.keys.clone());
        if same.is_none() {
            let names: Vec<_> =
                jwks.iter().filter_map(|jwk| jwk.common.key_id.as_deref()).collect();
            tracing::info!(issuer = self.issuer, keys = ?names, "the issuer has new keys");
        }
        if keys.is_empty() {
            tracing::warn!(issuer = self.issuer, "the issuer has no key that can be used");
        }
        self.last.store(Some(Arc::new(Fetched { keys, jwks, at: now, due: now + pause })));
        Ok(pause.to_std().unwrap_or_default())
    }

    async fn fetch(&self) -> Result<(KeySet, Vec<Jwk>, Option<u64>), String> {
        let uri = match &self.source {
            Source::Keys(uri) => uri.clone(),
            Source::Discovery(uri) => {
                let Document { body, .. } =
                    self.http.get(uri).await.map_err(|error| format!("{uri}: {error}"))?;
                self.keys_named_by(&body, uri).map_err(|error| format!("{uri}: {error}"))?
            }
        };
        let Document { body, max_age } =
            self.http.get(&uri).await.map_err(|error| format!("{uri}: {error}"))?;
        let (keys, jwks) =
            KeySet::fetched(&body, &self.algorithms).map_err(|error| format!("{uri}: {error}"))?;
        Ok((keys, jwks, max_age))
    }

    /// Where the discovery document says that the keys are. It must be this issuer's own, or else
    /// one issuer's server could speak for another; and it leads from https to https only.
    fn keys_named_by(&self, body: &[u8], from: &Uri) -> Result<Uri, String> {
        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
            jwks_uri: String,
        }
        let document: Discovery = serde_json::from_slice(body)
            .map_err(|error| format!("it is no discovery document: {error}"))?;
        if document.issuer != self.issuer {
            return Err(format!("it is of issuer {:?}", document.issuer));
        }
        let uri = trustworthy(&document.jwks_uri).map_err(|error| format!("jwks_uri: {error}"))?;
        if from.scheme() == Some(&Scheme::HTTPS) && uri.scheme() != Some(&Scheme::HTTPS) {
            return Err(format!("jwks_uri: {uri} must be https"));
        }
        Ok(uri)
    }

    /// How long keys are good for, of which their server says `max_age`. Half of the time for
    /// which they count at most leaves time to ask again.
    fn pause(&self, max_age: Option<u64>) -> TimeDelta {
        let (least, most) = KEYS_REFRESH_SECONDS_RANGE.into_inner();
        let seconds = max_age.map_or(KEYS_REFRESH_SECONDS, |seconds| {
            i64::try_from(seconds).unwrap_or(most).clamp(least, most)
        });
        TimeDelta::seconds(seconds).min(self.max_age / 2)
    }
}
