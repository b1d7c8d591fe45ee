//! The issuers file: which issuers are trusted, for whom they speak, and where their keys are.

use std::{
    collections::{BTreeMap, HashMap},
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, jwk::JwkSet};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    SERVICE_NAMES,
    binding::BindingRules,
    dpop,
    fetch::Http,
    keys::{KeySet, Keys},
    provider::{Provider, Source},
    replays::Replays,
    signals::SignalClaims,
    verify::{Lifetime, Verified},
};
use crate::{
    config::ConfigError,
    limits::{
        BEARER_TOKEN_CACHE_MAX, DPOP_PROOFS_MAX, KEYS_MAX_AGE_SECONDS, KEYS_MAX_AGE_SECONDS_RANGE,
    },
};

/// The trusted issuers, with the tokens of theirs that were verified lately.
pub struct Issuers {
    pub(super) by_name: HashMap<String, Issuer>,
    /// By the SHA-256 of the token, so that a dump of this map holds no credentials.
    pub(super) verified: Cache<[u8; 32], Verified>,
    /// The proofs that were used lately.
    pub(super) proofs: Replays,
}

/// One trusted issuer.
pub(super) struct Issuer {
    pub(super) audience: String,
    pub(super) speaks_for: SpeaksFor,
    /// Allowed `typ`, in lower case.
    pub(super) types: Vec<String>,
    pub(super) signal_claims: SignalClaims,
    pub(super) binding_rules: BindingRules,
    pub(super) keys: Keys,
}

/// Whose tokens an issuer makes.
pub(super) enum SpeaksFor {
    /// Principals of one tenant.
    Tenant(Uuid),
    /// Principals of the tenant that this claim names.
    TenantInClaim(String),
    /// Services, by `sub`.
    Services(BTreeMap<String, String>),
    /// Operators.
    Operators,
}

/// One entry of the issuers file.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) algorithms: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) jwks: Option<JwkSet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) jwks_file: Option<PathBuf>,
    /// Whether the issuer says where its keys are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) discovery: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) jwks_uri: Option<String>,
    /// Who vouches for the server that the keys are fetched from, as PEM, in place of the public
    /// authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ca_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keys_max_age_seconds: Option<u32>,
    pub(super) kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tenant: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tenant_claim: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) services: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) types: Option<Vec<String>>,
    /// By which claims its tokens say more of a sign-in.
    #[serde(default, skip_serializing_if = "SignalClaims::is_empty")]
    pub(super) signal_claims: SignalClaims,
    /// Whether its tokens must be bound to a certificate or a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) require_bound_tokens: Option<bool>,
    /// By which algorithms callers may prove that they have a token's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dpop_algorithms: Option<Vec<String>>,
    /// By which origins callers call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dpop_origins: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Kind {
    Principals,
    Services,
    Operators,
}

impl Issuers {
    /// Reads the issuers file. A `jwks_file` or `ca_file` in it is relative to the directory of the
    /// file. Keys that are to be fetched are not yet, see [`Issuers::refresh`].
    ///
    /// # Errors
    /// With one sentence that names the file, the issuer and what is wrong.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display();
        let text = fs::read_to_string(path)
            .map_err(|error| ConfigError::new(format!("cannot read {name}: {error}")))?;
        let directory = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, directory).map_err(|error| ConfigError::new(format!("{name}: {error}")))
    }

    /// Reads the text of an issuers file that lies in `directory`.
    ///
    /// # Errors
    /// With one sentence that names the issuer and what is wrong.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, ConfigError> {
        let entries: Vec<Entry> = serde_json::from_str(text)
            .map_err(|error| ConfigError::new(format!("it is not a list of issuers: {error}")))?;
        let mut by_name = HashMap::new();
        for entry in entries {
            let name = entry.issuer.clone();
            if name.is_empty() {
                return Err(ConfigError::new("an issuer has no name"));
            }
            let issuer = entry
                .into_issuer(directory)
                .map_err(|problem| ConfigError::new(format!("issuer {name}: {problem}")))?;
            if by_name.insert(name.clone(), issuer).is_some() {
                return Err(ConfigError::new(format!("issuer {name} is listed twice")));
            }
        }
        if by_name.is_empty() {
            return Err(ConfigError::new("it lists no issuer"));
        }
        let verified =
            Cache::builder().max_capacity(BEARER_TOKEN_CACHE_MAX).expire_after(Lifetime).build();
        Ok(Self { by_name, verified, proofs: Replays::new(DPOP_PROOFS_MAX) })
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

impl Entry {
    fn into_issuer(self, directory: &Path) -> Result<Issuer, String> {
        if self.audience.is_empty() {
            return Err("the audience is empty".to_owned());
        }
        let algorithms = parse_algorithms(&self.algorithms)?;
        let speaks_for = self.speaks_for()?;
        let keys = self.keys(&algorithms, directory)?;
        if self.kind != Kind::Principals && !self.signal_claims.is_empty() {
            return Err("only an issuer of principals can have signal_claims".to_owned());
        }
        let binding_rules = self.binding_rules()?;
        let types = self.types.unwrap_or_else(|| vec!["at+jwt".to_owned(), "JWT".to_owned()]);
        if types.is_empty() {
            return Err("the list of types is empty".to_owned());
        }
        Ok(Issuer {
            audience: self.audience,
            speaks_for,
            types: types.iter().map(|kind| kind.to_ascii_lowercase()).collect(),
            signal_claims: self.signal_claims,
            binding_rules,
            keys,
        })
    }

    fn binding_rules(&self) -> Result<BindingRules, String> {
        let algorithms = match &self.dpop_algorithms {
            Some(names) => {
                parse_algorithms(names).map_err(|error| format!("dpop_algorithms: {error}"))?
            }
            None => ALGORITHMS.map(|(_, algorithm)| algorithm).to_vec(),
        };
        let origins = self.dpop_origins.as_deref().map(dpop::parse_origins).transpose()?;
        Ok(BindingRules::new(self.require_bound_tokens.unwrap_or(false), algorithms, origins))
    }

    fn keys(&self, algorithms: &[Algorithm], directory: &Path) -> Result<Keys, String> {
        let discovery = self.discovery.unwrap_or(false);
        let source = match (&self.jwks, &self.jwks_file, discovery, &self.jwks_uri) {
            (Some(set), None, false, None) => return self.listed(set, algorithms),
            (None, Some(file), false, None) => {
                return self.listed(&read_jwks(&directory.join(file))?, algorithms);
            }
            (None, None, true, None) => Source::discovery(&self.issuer)?,
            (None, None, false, Some(uri)) => Source::keys_at(uri)?,
            _ => return Err("it must have one of jwks, jwks_file, jwks_uri, discovery".to_owned()),
        };
        let seconds = self.keys_max_age_seconds.unwrap_or(KEYS_MAX_AGE_SECONDS);
        if !KEYS_MAX_AGE_SECONDS_RANGE.contains(&seconds) {
            let (least, most) = KEYS_MAX_AGE_SECONDS_RANGE.into_inner();
            return Err(format!("keys_max_age_seconds must be {least} to {most}"));
        }
        let max_age = TimeDelta::seconds(seconds.into());
        let authority = self.ca_file.as_ref().map(|file| directory.join(file));
        let http = Http::new(authority.as_deref()).map_err(|error| format!("ca_file: {error}"))?;
        let provider = Provider::new(&self.issuer, source, algorithms, max_age, http);
        Ok(Keys::Fetched(Arc::new(provider)))
    }

    fn listed(&self, set: &JwkSet, algorithms: &[Algorithm]) -> Result<Keys, String> {
        if self.ca_file.is_some() || self.keys_max_age_seconds.is_some() {
            return Err("ca_file and keys_max_age_seconds are for keys that are fetched".to_owned());
        }
        Ok(Keys::Listed(Arc::new(KeySet::listed(set, algorithms)?)))
    }

    fn speaks_for(&self) -> Result<SpeaksFor, String> {
        let (tenant, claim, services) =
            (self.tenant, self.tenant_claim.clone(), self.services.clone());
        match (self.kind, tenant, claim, services) {
            (Kind::Principals, Some(tenant), None, None) => Ok(SpeaksFor::Tenant(tenant)),
            (Kind::Principals, None, Some(claim), None) => Ok(SpeaksFor::TenantInClaim(claim)),
            (Kind::Principals, _, _, None) => {
                Err("an issuer of principals needs either tenant or tenant_claim".to_owned())
            }
            (Kind::Principals | Kind::Operators, _, _, Some(_)) => {
                Err("only an issuer of services can have a map of services".to_owned())
            }
            (Kind::Services | Kind::Operators, Some(_), _, _)
            | (Kind::Services | Kind::Operators, _, Some(_), _) => {
                Err("only an issuer of principals can have a tenant".to_owned())
            }
            (Kind::Services, None, None, services) => Ok(SpeaksFor::Services(match services {
                Some(services) => known_services(services)?,
                None => SERVICE_NAMES.map(|name| (name.to_owned(), name.to_owned())).into(),
            })),
            (Kind::Operators, None, None, None) => Ok(SpeaksFor::Operators),
        }
    }
}

fn known_services(services: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
    match services.values().find(|name| !SERVICE_NAMES.contains(&name.as_str())) {
        Some(unknown) => {
            Err(format!("there is no service {unknown}, only {}", SERVICE_NAMES.join(", ")))
        }
        None => Ok(services),
    }
}

/// Only signatures by a private key: with a shared secret, whoever can verify can also sign.
const ALGORITHMS: [(&str, Algorithm); 4] = [
    ("EdDSA", Algorithm::EdDSA),
    ("ES256", Algorithm::ES256),
    ("PS256", Algorithm::PS256),
    ("RS256", Algorithm::RS256),
];

fn parse_algorithms(names: &[String]) -> Result<Vec<Algorithm>, String> {
    if names.is_empty() {
        return Err("the list of algorithms is empty".to_owned());
    }
    let parse = |name: &String| {
        let known = ALGORITHMS.iter().find(|(known, _)| known == name);
        known.map(|(_, algorithm)| *algorithm).ok_or_else(|| {
            format!("algorithm {name} is not allowed, only EdDSA, ES256, PS256 and RS256")
        })
    };
    names.iter().map(parse).collect()
}

fn read_jwks(path: &Path) -> Result<JwkSet, String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    serde_json::from_str(&text)
        .map_err(|error| format!("{} is not a JWK set: {error}", path.display()))
}
