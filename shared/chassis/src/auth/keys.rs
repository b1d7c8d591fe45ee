//! The keys of an issuer: which of a JWK set count, and for what.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use super::provider::Provider;
use crate::limits::ISSUER_KEYS_MAX;

/// Where the keys of an issuer come from.
#[derive(Clone)]
pub(super) enum Keys {
    /// The issuers file. They hold as long as the process runs.
    Listed(Arc<KeySet>),
    /// The issuer itself.
    Fetched(Arc<Provider>),
}

/// Keys by `kid`, each with the one algorithm that it is for.
pub(super) struct KeySet(HashMap<String, (Algorithm, DecodingKey)>);

impl Keys {
    /// The keys that count at `now`, if any do. It is the same set, by address, as long as nothing
    /// in it has changed.
    pub(super) fn at(&self, now: DateTime<Utc>) -> Option<Arc<KeySet>> {
        match self {
            Self::Listed(keys) => Some(keys.clone()),
            Self::Fetched(provider) => provider.keys_at(now),
        }
    }
}

impl KeySet {
    /// The usable keys of a set in the issuers file. Others in it (for encryption, of another
    /// algorithm) are left out, but a key that looks usable and is not is a mistake that must not
    /// pass in silence, and so is a shared secret.
    pub(super) fn listed(set: &JwkSet, algorithms: &[Algorithm]) -> Result<Self, String> {
        let mut keys = Self(HashMap::new());
        for jwk in &set.keys {
            let Some(algorithm) = usable(jwk, algorithms)? else { continue };
            let Some(kid) = kid_of(jwk) else { return Err("a key has no kid".to_owned()) };
            let key = DecodingKey::from_jwk(jwk).map_err(|error| format!("key {kid}: {error}"))?;
            keys.add(kid, algorithm, key)?;
        }
        if keys.0.is_empty() {
            return Err("it has no usable key".to_owned());
        }
        Ok(keys)
    }

    /// The usable keys of a set that an issuer has sent, and what they were made of.
    ///
    /// A key of a kind that we do not know is left out (RFC 7517, section 5): whoever adds one must
    /// not lock everybody out. There may be none left: then the issuer has withdrawn all its keys.
    pub(super) fn fetched(
        body: &[u8],
        algorithms: &[Algorithm],
    ) -> Result<(Self, Vec<Jwk>), String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set =
            serde_json::from_slice(body).map_err(|error| format!("it is no JWK set: {error}"))?;
        if set.keys.len() > ISSUER_KEYS_MAX {
            let count = set.keys.len();
            return Err(format!("it has {count} keys, at most {ISSUER_KEYS_MAX} are allowed"));
        }
        let (mut keys, mut sources) = (Self(HashMap::new()), Vec::new());
        for value in set.keys {
            let Ok(jwk) = serde_json::from_value::<Jwk>(value) else { continue };
            let Some(algorithm) = usable(&jwk, algorithms)? else { continue };
            let (Some(kid), Ok(key)) = (kid_of(&jwk), DecodingKey::from_jwk(&jwk)) else {
                continue;
            };
            keys.add(kid, algorithm, key)?;
            sources.push(jwk);
        }
        Ok((keys, sources))
    }

    fn add(&mut self, kid: &str, algorithm: Algorithm, key: DecodingKey) -> Result<(), String> {
        match self.0.insert(kid.to_owned(), (algorithm, key)) {
            Some(_) => Err(format!("two keys have the kid {kid}")),
            None => Ok(()),
        }
    }

    /// The key with that name, and the algorithm that it is for.
    pub(super) fn get(&self, kid: &str) -> Option<&(Algorithm, DecodingKey)> {
        self.0.get(kid)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn kid_of(jwk: &Jwk) -> Option<&str> {
    jwk.common.key_id.as_deref().filter(|kid| !kid.is_empty())
}

/// The one algorithm that a key is for: what the key says, else the first of the issuer's that
/// fits its type. None if it is not for signatures by one of those.
pub(super) fn usable(jwk: &Jwk, algorithms: &[Algorithm]) -> Result<Option<Algorithm>, String> {
    if matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_)) {
        return Err("its key set holds a shared secret".to_owned());
    }
    let fitting: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            &[Algorithm::ES256]
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            &[Algorithm::EdDSA]
        }
        AlgorithmParameters::RSA(_) => &[Algorithm::RS256, Algorithm::PS256],
        _ => &[],
    };
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|is| *is == PublicKeyUse::Signature)
        && common.key_operations.as_ref().is_none_or(|may| may.contains(&KeyOperations::Verify));
    let named = common.key_algorithm;
    let may = |algorithm: &Algorithm| {
        fitting.contains(algorithm) && named.is_none_or(|named| named == (*algorithm).into())
    };
    Ok(algorithms.iter().copied().find(may).filter(|_| signs))
}
