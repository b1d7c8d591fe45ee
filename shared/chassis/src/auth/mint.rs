//! The development issuer: signs tokens for `pim up`, `pim token` and tests.
//!
//! Whoever can read its key file can be anybody, so its issuers are named as what they are and
//! no production issuers file lists them.

use std::{fmt, io, path::Path};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use pim_domain::condition::Signals;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    issuers::Issuers,
    key_file,
    signals::{self, SignalClaims},
};
use crate::config::ConfigError;

/// The issuer of development tokens for principals.
pub const DEVELOPMENT_PRINCIPALS: &str = "https://development.pim.invalid/principals";
/// The issuer of development tokens for services.
pub const DEVELOPMENT_SERVICES: &str = "https://development.pim.invalid/services";
/// The issuer of development tokens for operators.
pub const DEVELOPMENT_OPERATORS: &str = "https://development.pim.invalid/operators";

const AUDIENCE: &str = "pim";
const KEY_ID: &str = "development";
/// The file with its private key, as PKCS#8 in DER.
pub const DEVELOPMENT_KEY_FILE: &str = "development-issuer.key";

/// Signs development tokens with a key that is made at first start.
pub struct DevelopmentIssuer {
    key: EncodingKey,
    public_key: String,
}

/// Whose token to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// A token of a person or workload.
    Principal {
        /// Their tenant.
        tenant: Uuid,
        /// `sub`.
        subject: String,
        /// Authentication methods, such as `mfa`.
        amr: Vec<String>,
        /// Authentication context class.
        acr: Option<String>,
        /// Authentication contexts that the sign-in satisfied.
        acrs: Vec<String>,
        /// When they last proved who they are.
        auth_time: Option<DateTime<Utc>>,
        /// What else is known of the sign-in; its address is the connection's.
        signals: Signals,
    },
    /// A token of one of our services.
    Service {
        /// One of [`super::SERVICE_NAMES`].
        name: String,
    },
    /// A token of somebody who runs the installation.
    Operator {
        /// `sub`.
        subject: String,
    },
}

impl DevelopmentIssuer {
    /// The issuer whose key is in `directory`; the first call makes the key.
    ///
    /// # Errors
    /// If the key cannot be made, read or written, or if others may read it.
    pub fn load_or_create(directory: &Path) -> Result<Self, ConfigError> {
        let path = directory.join(DEVELOPMENT_KEY_FILE);
        let document = key_file::read_or_create(directory, DEVELOPMENT_KEY_FILE, new_key).map_err(
            |error| {
                ConfigError::new(format!(
                    "cannot use the development key {}: {error}",
                    path.display()
                ))
            },
        )?;
        let pair = Ed25519KeyPair::from_pkcs8(&document).map_err(|_| {
            ConfigError::new(format!("{} is not an Ed25519 private key", path.display()))
        })?;
        Ok(Self {
            key: EncodingKey::from_ed_der(&document),
            public_key: URL_SAFE_NO_PAD.encode(pair.public_key()),
        })
    }

    /// A signed token, valid from `now` for `lifetime`.
    ///
    /// # Errors
    /// If the token cannot be signed.
    pub fn mint(
        &self,
        grant: &Grant,
        now: DateTime<Utc>,
        lifetime: TimeDelta,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let mut claims = grant.claims();
        claims["aud"] = json!(AUDIENCE);
        claims["iat"] = json!(now.timestamp());
        claims["exp"] = json!(now.checked_add_signed(lifetime).unwrap_or(now).timestamp());
        let header = Header {
            typ: Some("at+jwt".to_owned()),
            kid: Some(KEY_ID.to_owned()),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, &claims, &self.key)
    }

    /// The issuers file that trusts this key, as JSON.
    #[must_use]
    pub fn issuers_json(&self) -> Value {
        let jwks = json!({ "keys": [{
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
            "kid": KEY_ID, "x": self.public_key,
        }]});
        let entry = |issuer: &str, kind: &str| {
            json!({
                "issuer": issuer, "audience": AUDIENCE, "algorithms": ["EdDSA"],
                "jwks": jwks, "kind": kind, "types": ["at+jwt"],
            })
        };
        let mut principals = entry(DEVELOPMENT_PRINCIPALS, "PRINCIPALS");
        principals["tenant_claim"] = json!("tid");
        principals["signal_claims"] = json!(SignalClaims::development());
        json!([
            principals,
            entry(DEVELOPMENT_SERVICES, "SERVICES"),
            entry(DEVELOPMENT_OPERATORS, "OPERATORS"),
        ])
    }

    /// The issuers that trust this key.
    ///
    /// # Errors
    /// If [`Self::issuers_json`] is not a valid issuers file.
    pub fn issuers(&self) -> Result<Issuers, ConfigError> {
        Issuers::parse(&self.issuers_json().to_string(), Path::new("."))
    }
}

impl fmt::Debug for DevelopmentIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevelopmentIssuer").field("public_key", &self.public_key).finish()
    }
}

impl Grant {
    fn claims(&self) -> Value {
        match self {
            Self::Principal { tenant, subject, amr, acr, acrs, auth_time, signals } => {
                let mut claims = json!({
                    "iss": DEVELOPMENT_PRINCIPALS, "sub": subject, "tid": tenant, "amr": amr,
                });
                if let Some(acr) = acr {
                    claims["acr"] = json!(acr);
                }
                if !acrs.is_empty() {
                    claims["acrs"] = json!(acrs);
                }
                if let Some(auth_time) = auth_time {
                    claims["auth_time"] = json!(auth_time.timestamp());
                }
                signals::write(signals, &mut claims);
                claims
            }
            Self::Service { name } => json!({ "iss": DEVELOPMENT_SERVICES, "sub": name }),
            Self::Operator { subject } => json!({ "iss": DEVELOPMENT_OPERATORS, "sub": subject }),
        }
    }
}

fn new_key() -> io::Result<Vec<u8>> {
    let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())
        .map_err(|_| io::Error::other("no key could be made"))?;
    Ok(document.as_ref().to_vec())
}
