//! Who is calling: bearer tokens (JWT) of the issuers that the operator has listed.
//!
//! An issuer's keys come from its entry in the issuers file, or from the address that the entry
//! names, and from nowhere else; whatever a token says about where its key may be found is
//! ignored. One issuer speaks for one kind of
//! caller, so a token for people can never be one for a service.

mod binding;
mod dpop;
mod fetch;
mod issuers;
mod key_file;
mod keys;
mod mint;
mod provider;
mod refresh;
mod replays;
mod role_tokens;
mod signals;
mod verify;

use chrono::{DateTime, Utc};
use pim_domain::condition::Signals;
use uuid::Uuid;

pub use binding::{Presented, Proof, Thumbprint};
pub use issuers::Issuers;
pub use mint::{
    DEVELOPMENT_KEY_FILE, DEVELOPMENT_OPERATORS, DEVELOPMENT_PRINCIPALS, DEVELOPMENT_SERVICES,
    DevelopmentIssuer, Grant,
};
pub use provider::KeysUnavailable;
pub use role_tokens::{DEVELOPMENT_ROLE_TOKENS, RoleTokens};

/// The names that a service may have.
pub const SERVICE_NAMES: [&str; 6] =
    ["assignment", "activation", "approval", "audit", "scheduler", "access"];

/// `amr` of a sign-in with multi-factor authentication (RFC 8176).
const MFA: &str = "mfa";

/// A caller whose token was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A person or workload of a tenant.
    Principal(PrincipalIdentity),
    /// One of our own services.
    Service(ServiceIdentity),
    /// Somebody who runs the installation; belongs to no tenant.
    Operator(OperatorIdentity),
}

/// A person or workload of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalIdentity {
    /// The tenant, from the issuer's entry or from the claim that it names.
    pub tenant: Uuid,
    /// `iss`.
    pub issuer: String,
    /// `sub`: unique within the issuer.
    pub subject: String,
    /// How and when the caller signed in.
    pub claims: Claims,
}

/// One of our own services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceIdentity {
    /// One of [`SERVICE_NAMES`].
    pub name: String,
    /// `iss`.
    pub issuer: String,
    /// `sub`: unique within the issuer.
    pub subject: String,
    /// How and when it was given its token.
    pub claims: Claims,
}

/// Somebody who runs the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorIdentity {
    /// `iss`.
    pub issuer: String,
    /// `sub`: unique within the issuer.
    pub subject: String,
    /// How and when they signed in.
    pub claims: Claims,
}

/// What the token says about how and when its bearer signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Authentication methods, such as `pwd` or `mfa` (RFC 8176).
    pub amr: Vec<String>,
    /// Authentication context class.
    pub acr: Option<String>,
    /// Authentication contexts that the sign-in satisfied, such as `c1`.
    pub acrs: Vec<String>,
    /// When the bearer last proved who they are.
    pub auth_time: Option<DateTime<Utc>>,
    /// What else it says of the sign-in, by the claims that its issuer's entry names.
    pub signals: Box<Signals>,
    /// The end of the token.
    pub expire_time: DateTime<Utc>,
}

impl Claims {
    /// Whether the sign-in was with multi-factor authentication.
    #[must_use]
    pub fn mfa(&self) -> bool {
        self.amr.iter().any(|method| method == MFA)
    }
}

/// The token is not accepted. Why is for our log; a caller is only told that it is so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the credential is not valid")]
pub struct CredentialInvalid {
    cause: String,
}

impl CredentialInvalid {
    fn because(cause: impl Into<String>) -> Self {
        Self { cause: cause.into() }
    }

    /// Why the token was refused, for the log. It may quote a claim, never the token.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }
}
