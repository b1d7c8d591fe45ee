//! Proofs that whoever calls has the key of their token: DPoP, RFC 9449.
//!
//! A proof is a JWT of the caller's own, made for one call: by the key that the token is bound to,
//! for this method and this token, now, and for one use.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use http::Uri;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{Jwk, ThumbprintHash},
};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    binding::{Proof, Thumbprint},
    keys::usable,
    replays::Replays,
    verify::{NumericDate, signature_only},
};
use crate::limits::{DPOP_ID_CHARS_MAX, DPOP_LEEWAY_SECONDS, DPOP_PROOF_BYTES_MAX};

/// What a proof is typed as.
const TYPE: &str = "dpop+jwt";
/// The method of every call of gRPC.
const METHOD: &str = "POST";
/// What only a private or shared key has (RFC 7518, section 6).
const SECRETS: [&str; 2] = ["d", "k"];

/// What a proof must be for.
pub(super) struct Expected<'a> {
    /// The key that the token is bound to.
    pub(super) key: &'a Thumbprint,
    pub(super) algorithms: &'a [Algorithm],
    /// By which origins callers call, where that is known.
    pub(super) origins: Option<&'a [Origin]>,
    /// The SHA-256 of the token.
    pub(super) digest: &'a [u8; 32],
}

/// Scheme, host and port of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

/// The claims of a proof.
#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    ath: String,
    iat: NumericDate,
}

/// Whether a call has the key of its token. What costs least is asked first.
pub(super) fn verify(
    proof: &Proof<'_>,
    expected: &Expected<'_>,
    now: DateTime<Utc>,
    replays: &Replays,
) -> Result<(), String> {
    let text = proof.header.ok_or("there is not exactly one")?;
    if text.len() > DPOP_PROOF_BYTES_MAX {
        return Err("it is too long".to_owned());
    }
    let (algorithm, key) = key_of(text, expected)?;
    let claims = jsonwebtoken::decode::<Claims>(text, &key, &signature_only(algorithm));
    let claims = claims.map_err(|error| error.to_string())?.claims;
    if claims.htm != METHOD {
        return Err("it is for another method".to_owned());
    }
    if !is_for(&claims.htu, proof.path, expected.origins) {
        return Err("it is for another address".to_owned());
    }
    if claims.ath != URL_SAFE_NO_PAD.encode(expected.digest) {
        return Err("it is for another token".to_owned());
    }
    let made = claims.iat.0;
    if now.signed_duration_since(made).abs() > TimeDelta::seconds(DPOP_LEEWAY_SECONDS) {
        return Err("it was not made now".to_owned());
    }
    if claims.jti.is_empty() || claims.jti.chars().count() > DPOP_ID_CHARS_MAX {
        return Err("its id is empty or too long".to_owned());
    }
    let id = Sha256::new().chain_update(expected.key).chain_update(&claims.jti).finalize();
    if !replays.first_use(id.into(), made.timestamp()) {
        return Err("it was used before, or there are too many".to_owned());
    }
    Ok(())
}

/// The key that a proof brings along, if it is the token's, and the algorithm that it signs by.
fn key_of(text: &str, expected: &Expected<'_>) -> Result<(Algorithm, DecodingKey), String> {
    let header = jsonwebtoken::decode_header(text).map_err(|error| format!("header: {error}"))?;
    if header.typ.is_none_or(|kind| !kind.eq_ignore_ascii_case(TYPE)) {
        return Err(format!("its type is not {TYPE}"));
    }
    if header.crit.is_some() {
        return Err("it has critical headers".to_owned());
    }
    let jwk = header.jwk.ok_or("it has no key")?;
    if has_secret(text) {
        return Err("its key is a private one".to_owned());
    }
    let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|error| error.to_string())?;
    if thumbprint != URL_SAFE_NO_PAD.encode(expected.key) {
        return Err("it is by another key".to_owned());
    }
    if !expected.algorithms.contains(&header.alg) || !fits(&jwk, header.alg)? {
        return Err(format!("algorithm {:?} is not allowed", header.alg));
    }
    let key = DecodingKey::from_jwk(&jwk).map_err(|error| format!("key: {error}"))?;
    Ok((header.alg, key))
}

fn fits(jwk: &Jwk, algorithm: Algorithm) -> Result<bool, String> {
    Ok(usable(jwk, &[algorithm])?.is_some())
}

/// Whether the key in the header has what is for its owner alone, which the parsed one leaves out.
fn has_secret(text: &str) -> bool {
    let header = text.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    let header: Value = serde_json::from_slice(&header).unwrap_or_default();
    SECRETS.iter().any(|secret| header["jwk"].get(secret).is_some())
}

/// Whether `htu` is where we are called, without its query and fragment. Paths of methods have
/// nothing to normalise. Who stands between us and the caller may have changed the origin, so that
/// is compared only with those that the operator names.
fn is_for(htu: &str, path: &str, origins: Option<&[Origin]>) -> bool {
    let Ok(uri) = htu.parse::<Uri>() else { return false };
    let Some(origin) = Origin::of(&uri) else { return false };
    uri.path() == path && origins.is_none_or(|origins| origins.contains(&origin))
}

impl Origin {
    /// Normalised as RFC 3986 says, sections 6.2.2 and 6.2.3.
    fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let default = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let host = uri.host()?.to_ascii_lowercase();
        Some(Self { scheme, host, port: uri.port_u16().unwrap_or(default) })
    }
}

/// The origins of an issuer's entry.
pub(super) fn parse_origins(texts: &[String]) -> Result<Vec<Origin>, String> {
    if texts.is_empty() {
        return Err("the list of dpop_origins is empty".to_owned());
    }
    let parse = |text: &String| {
        let uri = text.parse::<Uri>().ok().filter(|uri| uri.path() == "/" && uri.query().is_none());
        let origin = uri.as_ref().and_then(Origin::of);
        origin.ok_or_else(|| format!("{text} of dpop_origins is not like https://pim.example.org"))
    };
    texts.iter().map(parse).collect()
}
