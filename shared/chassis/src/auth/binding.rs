//! What a token is bound to (`cnf`, RFC 7800), so that it is of no use to whoever has stolen it: the
//! certificate of the connection that it comes by (RFC 8705), a key that signs each call
//! (RFC 9449), or both.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::Algorithm;
use serde_json::Value;

use super::{
    CredentialInvalid,
    dpop::{self, Origin},
    replays::Replays,
};

/// The SHA-256 of a certificate's DER, or of a public key as RFC 7638 writes it.
pub type Thumbprint = [u8; 32];

/// What a caller shows.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    /// The access token.
    pub token: &'a str,
    /// The certificate that the client has shown, and whose key it has.
    pub certificate: Option<Thumbprint>,
    /// With what a token under the scheme `DPoP` comes. One under `Bearer` comes with nothing.
    pub proof: Option<Proof<'a>>,
}

/// That whoever calls has the key of their token (RFC 9449).
#[derive(Clone, Copy)]
pub struct Proof<'a> {
    /// The header `dpop`; none where it is not there, or more than once.
    pub header: Option<&'a str>,
    /// The path that is called.
    pub path: &'a str,
}

/// What one token is bound to.
#[derive(Clone)]
pub(super) struct Binding {
    certificate: Option<Thumbprint>,
    key: Option<Thumbprint>,
    rules: BindingRules,
}

/// What an issuer's entry says of bound tokens. Cheap to clone.
#[derive(Clone)]
pub(super) struct BindingRules(Arc<Rules>);

struct Rules {
    required: bool,
    algorithms: Vec<Algorithm>,
    origins: Option<Vec<Origin>>,
}

impl fmt::Debug for Presented<'_> {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented").field("proof", &self.proof).finish_non_exhaustive()
    }
}

impl fmt::Debug for Proof<'_> {
    /// Without the header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<'a> From<&'a str> for Presented<'a> {
    /// A token alone.
    fn from(token: &'a str) -> Self {
        Self { token, certificate: None, proof: None }
    }
}

impl<'a> From<&'a String> for Presented<'a> {
    /// A token alone.
    fn from(token: &'a String) -> Self {
        token.as_str().into()
    }
}

impl BindingRules {
    pub(super) fn new(
        required: bool,
        algorithms: Vec<Algorithm>,
        origins: Option<Vec<Origin>>,
    ) -> Self {
        Self(Arc::new(Rules { required, algorithms, origins }))
    }

    /// What a token with this `cnf` is bound to. One that we do not know every word of is not one
    /// that we could keep to.
    pub(super) fn of(&self, confirmation: Option<&Value>) -> Result<Binding, CredentialInvalid> {
        let mut binding = Binding { certificate: None, key: None, rules: self.clone() };
        let Some(confirmation) = confirmation else {
            if self.0.required {
                return Err(CredentialInvalid::because("the token is bound to nothing"));
            }
            return Ok(binding);
        };
        let methods = confirmation.as_object().filter(|methods| !methods.is_empty());
        let methods = methods.ok_or_else(|| CredentialInvalid::because("cnf says nothing"))?;
        for (method, value) in methods {
            let bound_to = match method.as_str() {
                "x5t#S256" => &mut binding.certificate,
                "jkt" => &mut binding.key,
                _ => {
                    let cause = format!("cnf has {method:?}, which is not known");
                    return Err(CredentialInvalid::because(cause));
                }
            };
            let thumbprint = thumbprint(value).ok_or_else(|| {
                CredentialInvalid::because(format!("{method} of cnf is no SHA-256"))
            })?;
            *bound_to = Some(thumbprint);
        }
        Ok(binding)
    }
}

impl Binding {
    /// Whether a call may use the token, whose SHA-256 is `digest`. Asked at every call: what was
    /// shown once says nothing of the next connection.
    pub(super) fn check(
        &self,
        presented: &Presented<'_>,
        digest: &[u8; 32],
        now: DateTime<Utc>,
        replays: &Replays,
    ) -> Result<(), CredentialInvalid> {
        if self.certificate.is_some() && presented.certificate != self.certificate {
            return Err(CredentialInvalid::because("the token is bound to another certificate"));
        }
        match (&self.key, &presented.proof) {
            (None, None) => Ok(()),
            (Some(_), None) => Err(CredentialInvalid::because(
                "the token is bound to a key, and came as a bearer's",
            )),
            (None, Some(_)) => {
                Err(CredentialInvalid::because("the token came with a proof, and has no key"))
            }
            (Some(key), Some(proof)) => {
                let Rules { algorithms, origins, .. } = &*self.rules.0;
                let expected =
                    dpop::Expected { key, algorithms, origins: origins.as_deref(), digest };
                dpop::verify(proof, &expected, now, replays)
                    .map_err(|cause| CredentialInvalid::because(format!("proof: {cause}")))
            }
        }
    }
}

fn thumbprint(value: &Value) -> Option<Thumbprint> {
    URL_SAFE_NO_PAD.decode(value.as_str()?).ok()?.try_into().ok()
}
