//! The verification of one token.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, Header, Validation};
use moka::Expiry;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    Claims, CredentialInvalid, Identity, Issuers, OperatorIdentity, Presented, PrincipalIdentity,
    ServiceIdentity,
    binding::Binding,
    issuers::{Issuer, SpeaksFor},
    keys::{KeySet, Keys},
    provider::Provider,
};
use crate::{
    clock::Clock,
    limits::{BEARER_TOKEN_BYTES_MAX, ISSUED_LEEWAY_SECONDS, SUBJECT_CHARS_MAX},
};

/// A token whose signature and claims were found good; its times, the key that signed it and what it
/// is bound to are checked at every use.
#[derive(Clone)]
pub(super) struct Verified {
    identity: Arc<Identity>,
    not_before: DateTime<Utc>,
    expire_time: DateTime<Utc>,
    /// How much of its life was left when it was verified.
    left: Duration,
    /// Where the keys come from that it was verified by.
    source: Keys,
    keys: Arc<KeySet>,
    /// Whose token it is, and no thief's.
    binding: Binding,
}

/// Remembers a verified token no longer than it lives.
pub(super) struct Lifetime;

/// Why a token is not accepted.
enum Refusal {
    Invalid(CredentialInvalid),
    /// It names a key that this issuer had not, when it was last asked.
    UnknownKey(Arc<Provider>),
}

/// The claims of a token, as they are written.
#[derive(Deserialize)]
struct RawClaims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: NumericDate,
    nbf: Option<NumericDate>,
    iat: Option<NumericDate>,
    auth_time: Option<NumericDate>,
    #[serde(default)]
    amr: Vec<String>,
    acr: Option<String>,
    #[serde(default)]
    acrs: Vec<String>,
    #[serde(default, deserialize_with = "present")]
    cnf: Option<Value>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Seconds since 1970, possibly with a fraction (RFC 7519, section 2); the fraction is dropped.
#[derive(Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct NumericDate(pub(super) DateTime<Utc>);

impl Issuers {
    /// Who calls with what is presented, by the keys that are known.
    ///
    /// # Errors
    /// If the token is not one of a listed issuer for us, is not valid at `now`, or is bound to
    /// something that was not shown.
    pub fn verify<'a>(
        &self,
        presented: impl Into<Presented<'a>>,
        now: DateTime<Utc>,
    ) -> Result<Arc<Identity>, CredentialInvalid> {
        self.judge(&presented.into(), now).map_err(Refusal::into_invalid)
    }

    /// Who calls with what is presented. Where the token's issuer has changed its keys since they
    /// were fetched, they are fetched again, and the call waits for them at most two seconds.
    ///
    /// # Errors
    /// If the token is not one of a listed issuer for us, is not valid now, or is bound to something
    /// that was not shown.
    pub async fn admit<'a>(
        &self,
        presented: impl Into<Presented<'a>>,
        clock: &Clock,
    ) -> Result<Arc<Identity>, CredentialInvalid> {
        let (presented, now) = (presented.into(), clock.now().now);
        match self.judge(&presented, now) {
            Ok(identity) => Ok(identity),
            Err(Refusal::UnknownKey(provider)) if provider.refresh_unknown(now).await => {
                self.verify(presented, clock.now().now)
            }
            Err(refusal) => Err(refusal.into_invalid()),
        }
    }

    /// Who calls, where the token was verified before and is good still. One that comes with a proof
    /// is never known: each proof has to be verified.
    pub(crate) fn known(
        &self,
        presented: &Presented<'_>,
        now: DateTime<Utc>,
    ) -> Option<Arc<Identity>> {
        if presented.token.len() > BEARER_TOKEN_BYTES_MAX || presented.proof.is_some() {
            return None;
        }
        let digest: [u8; 32] = Sha256::digest(presented.token).into();
        let known = self.verified.get(&digest).filter(|known| known.key_counts(now))?;
        known.check(presented, &digest, now, self).is_ok().then_some(known.identity)
    }

    fn judge(
        &self,
        presented: &Presented<'_>,
        now: DateTime<Utc>,
    ) -> Result<Arc<Identity>, Refusal> {
        let token = presented.token;
        if token.len() > BEARER_TOKEN_BYTES_MAX {
            return Err(CredentialInvalid::because("the token is too long").into());
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        let known = self.verified.get(&digest).filter(|known| known.key_counts(now));
        let verified = match known {
            Some(known) => known,
            None => {
                let verified = self.verify_first_time(token, now)?;
                verified.check_times(now)?;
                self.verified.insert(digest, verified.clone());
                verified
            }
        };
        verified.check(presented, &digest, now, self)?;
        Ok(verified.identity)
    }

    fn verify_first_time(&self, token: &str, now: DateTime<Utc>) -> Result<Verified, Refusal> {
        let header = jsonwebtoken::decode_header(token)
            .map_err(|error| CredentialInvalid::because(format!("header: {error}")))?;
        let claimed = issuer_claimed(token)?;
        let issuer = self
            .by_name
            .get(&claimed)
            .ok_or_else(|| CredentialInvalid::because(format!("unknown issuer {claimed:?}")))?;
        issuer.check_type(&header)?;
        let (claims, keys) = issuer.check_signature(token, &header, now)?;
        Ok(issuer.accept(claims, keys, now)?)
    }
}

impl Refusal {
    fn into_invalid(self) -> CredentialInvalid {
        match self {
            Self::Invalid(invalid) => invalid,
            Self::UnknownKey(_) => CredentialInvalid::because("unknown kid"),
        }
    }
}

impl From<CredentialInvalid> for Refusal {
    fn from(invalid: CredentialInvalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl Verified {
    /// Whether the keys that it was verified by are the issuer's still.
    fn key_counts(&self, now: DateTime<Utc>) -> bool {
        self.source.at(now).is_some_and(|keys| Arc::ptr_eq(&keys, &self.keys))
    }

    /// What is checked at every use.
    fn check(
        &self,
        presented: &Presented<'_>,
        digest: &[u8; 32],
        now: DateTime<Utc>,
        issuers: &Issuers,
    ) -> Result<(), CredentialInvalid> {
        self.check_times(now)?;
        self.binding.check(presented, digest, now, &issuers.proofs)
    }

    fn check_times(&self, now: DateTime<Utc>) -> Result<(), CredentialInvalid> {
        if now >= self.expire_time {
            return Err(CredentialInvalid::because("the token has expired"));
        }
        if now < self.not_before {
            return Err(CredentialInvalid::because("the token is not valid yet"));
        }
        Ok(())
    }
}

impl Expiry<[u8; 32], Verified> for Lifetime {
    fn expire_after_create(
        &self,
        _: &[u8; 32],
        verified: &Verified,
        _: Instant,
    ) -> Option<Duration> {
        Some(verified.left)
    }

    fn expire_after_update(
        &self,
        _: &[u8; 32],
        verified: &Verified,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(verified.left)
    }
}

impl Issuer {
    /// A token without `typ` counts as `JWT` (RFC 7519 leaves it out, and so does Kubernetes).
    fn check_type(&self, header: &Header) -> Result<(), CredentialInvalid> {
        let written = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
        let kind = written.strip_prefix("application/").unwrap_or(&written);
        if !self.types.iter().any(|allowed| allowed == kind) {
            return Err(CredentialInvalid::because(format!("type {kind:?} is not allowed")));
        }
        // RFC 7515: what is critical and not understood makes the token invalid.
        if header.crit.is_some() {
            return Err(CredentialInvalid::because("the token has critical headers"));
        }
        Ok(())
    }

    /// The key is looked up by `kid` among the issuer's own and knows its algorithm; the header's
    /// algorithm can only agree.
    fn check_signature(
        &self,
        token: &str,
        header: &Header,
        now: DateTime<Utc>,
    ) -> Result<(RawClaims, Arc<KeySet>), Refusal> {
        let kid = header.kid.as_deref().unwrap_or_default();
        let keys = self.keys.at(now);
        let Some((keys, (algorithm, key))) =
            keys.as_ref().and_then(|keys| Some((keys, keys.get(kid)?)))
        else {
            return Err(match &self.keys {
                Keys::Listed(_) => CredentialInvalid::because("unknown kid").into(),
                Keys::Fetched(provider) => Refusal::UnknownKey(provider.clone()),
            });
        };
        if header.alg != *algorithm {
            let cause = format!("algorithm {:?} is not the key's", header.alg);
            return Err(CredentialInvalid::because(cause).into());
        }
        let claims = jsonwebtoken::decode::<RawClaims>(token, key, &signature_only(*algorithm))
            .map_err(|error| CredentialInvalid::because(error.to_string()))?
            .claims;
        Ok((claims, keys.clone()))
    }

    fn accept(
        &self,
        claims: RawClaims,
        keys: Arc<KeySet>,
        now: DateTime<Utc>,
    ) -> Result<Verified, CredentialInvalid> {
        let for_us = match &claims.aud {
            Audience::One(audience) => *audience == self.audience,
            Audience::Many(audiences) => audiences.contains(&self.audience),
        };
        if !for_us {
            return Err(CredentialInvalid::because("the token is for another audience"));
        }
        if claims.sub.is_empty() || claims.sub.chars().count() > SUBJECT_CHARS_MAX {
            return Err(CredentialInvalid::because("the subject is empty or too long"));
        }
        let expire_time = claims.exp.0;
        // Nobody signs in or is issued a token in the future.
        let not_before = [&claims.nbf, &claims.iat, &claims.auth_time]
            .into_iter()
            .flatten()
            .filter_map(|date| date.0.checked_sub_signed(TimeDelta::seconds(ISSUED_LEEWAY_SECONDS)))
            .max()
            .unwrap_or(DateTime::<Utc>::MIN_UTC);
        let binding = self.binding_rules.of(claims.cnf.as_ref())?;
        let identity = Arc::new(self.identify(claims)?);
        let left = (expire_time - now).to_std().unwrap_or_default();
        let source = self.keys.clone();
        Ok(Verified { identity, not_before, expire_time, left, source, keys, binding })
    }

    fn identify(&self, raw: RawClaims) -> Result<Identity, CredentialInvalid> {
        let RawClaims { iss: issuer, sub: subject, others, .. } = raw;
        let claims = Claims {
            amr: raw.amr,
            signals: Box::new(self.signal_claims.read(&others, raw.acr.clone())?),
            acr: raw.acr,
            acrs: raw.acrs,
            auth_time: raw.auth_time.map(|date| date.0),
            expire_time: raw.exp.0,
        };
        let tenant = match &self.speaks_for {
            SpeaksFor::Tenant(tenant) => *tenant,
            SpeaksFor::TenantInClaim(name) => tenant_in(&others, name)?,
            SpeaksFor::Services(services) => {
                let name = services.get(&subject).cloned();
                let name = name.ok_or_else(|| CredentialInvalid::because("not a service"))?;
                return Ok(Identity::Service(ServiceIdentity { name, issuer, subject, claims }));
            }
            SpeaksFor::Operators => {
                return Ok(Identity::Operator(OperatorIdentity { issuer, subject, claims }));
            }
        };
        Ok(Identity::Principal(PrincipalIdentity { tenant, issuer, subject, claims }))
    }
}

impl TryFrom<f64> for NumericDate {
    type Error = &'static str;

    fn try_from(seconds: f64) -> Result<Self, Self::Error> {
        // 2^53 is where a f64 stops counting in ones; chrono's own range is narrower.
        if !(0.0..=9_007_199_254_740_992.0).contains(&seconds) {
            return Err("the time is out of range");
        }
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked just above")]
        let whole = seconds as i64;
        DateTime::from_timestamp(whole, 0).map(Self).ok_or("the time is out of range")
    }
}

/// Signature only: audience, issuer and times are checked here, the times by our own clock.
pub(super) fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

/// A claim that is there counts, also as `null`.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The issuer that the token names. It only chooses whose keys the signature is checked with.
fn issuer_claimed(token: &str) -> Result<String, CredentialInvalid> {
    #[derive(Deserialize)]
    struct OnlyIssuer {
        iss: String,
    }
    token
        .split('.')
        .nth(1)
        .and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok())
        .and_then(|payload| serde_json::from_slice(&payload).ok())
        .map(|OnlyIssuer { iss }| iss)
        .ok_or_else(|| CredentialInvalid::because("the token names no issuer"))
}

fn tenant_in(claims: &Map<String, Value>, name: &str) -> Result<Uuid, CredentialInvalid> {
    claims
        .get(name)
        .and_then(Value::as_str)
        .and_then(|tenant| Uuid::try_parse(tenant).ok())
        .ok_or_else(|| CredentialInvalid::because(format!("claim {name} is not a tenant's id")))
}
