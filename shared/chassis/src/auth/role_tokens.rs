//! Signs role tokens, and publishes the keys by which others verify them.
//!
//! All replicas share the key. To change it: publish the new public key beside the old one; once
//! everybody has it, sign by it and publish the old one beside it; once the last token of the old
//! one has ended, take that out.

use std::{fmt, fs, io, os::unix::fs::PermissionsExt as _, path::Path};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, ParsedPublicKey,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header,
    errors::ErrorKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use serde::Serialize;

use super::key_file;
use crate::config::{ConfigError, RoleTokenConfig};

/// The issuer of the role tokens of a development system.
pub const DEVELOPMENT_ROLE_TOKENS: &str = "https://development.pim.invalid/role-tokens";

/// The `typ` of a role token: no reader of tokens of another kind takes it for one of those.
const TYPE: &str = "pim-role+jwt";
const ALGORITHM: Algorithm = Algorithm::ES256;
const KEY_FILE: &str = "role-token.pem";
/// Keys that are published beside the one that signs, at most.
const PUBLISHED_KEYS_MAX: usize = 8;
const PUBLIC_KEY_END: &str = "-----END PUBLIC KEY-----";
const PEM_LINE_CHARS: usize = 64;

/// The key that signs role tokens, and all that are published.
pub struct RoleTokens {
    issuer: String,
    key: EncodingKey,
    key_id: String,
    jwks: String,
}

impl RoleTokens {
    /// What the process was told; `None` where it was told nothing, and issues none.
    ///
    /// # Errors
    /// A file cannot be read, holds something else, or the private key is for everybody to read.
    pub fn load(config: &RoleTokenConfig) -> Result<Option<Self>, ConfigError> {
        let (Some(path), Some(issuer)) = (&config.role_token_key_file, &config.role_token_issuer)
        else {
            return Ok(None);
        };
        let wrong = |path: &Path, what: &str, cause: &dyn fmt::Display| {
            ConfigError::new(format!("cannot use the {what} {}: {cause}", path.display()))
        };
        let private = read_shared(path).map_err(|e| wrong(path, "role token key", &e))?;
        let public = match &config.role_token_published_keys_file {
            Some(path) => fs::read_to_string(path)
                .map_err(|e| wrong(path, "published role token keys", &e))?,
            None => String::new(),
        };
        Self::new(issuer, &private, &public).map(Some)
    }

    /// Those of a development system, whose key is in `directory`; the first call makes it.
    ///
    /// # Errors
    /// The key cannot be made, read or written, or others may read it.
    pub fn load_or_create(directory: &Path) -> Result<Self, ConfigError> {
        let key = key_file::read_or_create(directory, KEY_FILE, new_key).map_err(|error| {
            let path = directory.join(KEY_FILE);
            ConfigError::new(format!("cannot use the role token key {}: {error}", path.display()))
        })?;
        Self::new(DEVELOPMENT_ROLE_TOKENS, &key, "")
    }

    /// Signs by the `private` key and publishes the `public` ones beside it, all as PEM.
    ///
    /// # Errors
    /// One of them is not a P-256 key, or there are too many.
    pub fn new(issuer: &str, private: &[u8], public: &str) -> Result<Self, ConfigError> {
        let not_private =
            |_| ConfigError::new("the role token key must be a P-256 private key: PKCS#8, as PEM");
        let key = EncodingKey::from_ec_pem(private).map_err(not_private)?;
        let own = Jwk::from_encoding_key(&key, ALGORITHM).map_err(not_private)?;
        let (key_id, own) = named(own).map_err(not_private)?;
        let mut keys = vec![own];
        for jwk in public_keys(public)? {
            if !keys.contains(&jwk) {
                keys.push(jwk);
            }
        }
        let jwks = serde_json::to_string(&JwkSet { keys })
            .map_err(|error| ConfigError::new(format!("cannot write the key set: {error}")))?;
        Ok(Self { issuer: issuer.to_owned(), key, key_id, jwks })
    }

    /// A role token that says `claims`.
    ///
    /// # Errors
    /// It cannot be signed.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, jsonwebtoken::errors::Error> {
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some(self.key_id.clone()),
            ..Header::new(ALGORITHM)
        };
        jsonwebtoken::encode(&header, claims, &self.key)
    }

    /// Who signs.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The key that signs: its thumbprint (RFC 7638).
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The public keys, as a JWK set in JSON.
    #[must_use]
    pub fn jwks(&self) -> &str {
        &self.jwks
    }
}

impl fmt::Debug for RoleTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (issuer, key_id) = (&self.issuer, &self.key_id);
        f.debug_struct("RoleTokens").field("issuer", issuer).field("key_id", key_id).finish()
    }
}

/// A file that the platform may share with a group, and with nobody else.
fn read_shared(path: &Path) -> io::Result<Vec<u8>> {
    let document = fs::read(path)?;
    if fs::metadata(path)?.permissions().mode() & 0o007 != 0 {
        return Err(io::Error::other("everybody may read it, its mode must be 0640 or less"));
    }
    Ok(document)
}

/// The keys of a file with any number of them.
fn public_keys(text: &str) -> Result<Vec<Jwk>, ConfigError> {
    let mut parts: Vec<&str> = text.split_inclusive(PUBLIC_KEY_END).collect();
    parts.retain(|part| !part.trim().is_empty());
    if parts.len() > PUBLISHED_KEYS_MAX {
        let count = parts.len();
        return Err(ConfigError::new(format!(
            "at most {PUBLISHED_KEYS_MAX} role token keys are published beside the one that signs; \
             there are {count}"
        )));
    }
    let key = |(place, part): (usize, &str)| {
        let jwk = DecodingKey::from_ec_pem(part.trim().as_bytes())
            .and_then(|key| Jwk::from_decoding_key(&key, Some(ALGORITHM)))
            .and_then(named);
        jwk.map(|(_, jwk)| jwk).map_err(|_| {
            ConfigError::new(format!(
                "published role token key {} must be a P-256 public key, as PEM",
                place + 1
            ))
        })
    };
    parts.into_iter().enumerate().map(key).collect()
}

/// A key under its thumbprint, for signatures and nothing else.
fn named(mut jwk: Jwk) -> Result<(String, Jwk), jsonwebtoken::errors::Error> {
    let is_ours = matches!(
        &jwk.algorithm, AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256
    );
    if !is_ours {
        return Err(ErrorKind::InvalidEcdsaKey.into());
    }
    let key_id = jwk.thumbprint(ThumbprintHash::SHA256)?;
    jwk.common.key_id = Some(key_id.clone());
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    // What cannot verify anything would lock readers out when it begins to sign.
    let point = DecodingKey::from_jwk(&jwk)?;
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point.try_get_as_bytes()?)
        .map_err(|_| ErrorKind::InvalidEcdsaKey)?;
    Ok((key_id, jwk))
}

fn new_key() -> io::Result<Vec<u8>> {
    let document =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| io::Error::other("no key could be made"))?;
    let body = STANDARD.encode(document.as_ref());
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for (place, character) in body.chars().enumerate() {
        if place > 0 && place.is_multiple_of(PEM_LINE_CHARS) {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str("\n-----END PRIVATE KEY-----\n");
    Ok(pem.into_bytes())
}
