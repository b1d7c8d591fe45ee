//! The guard of a process: no RPC but health works without a credential, none of the contract
//! without a row in the authorisation table, and nobody calls more often than they may.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION, request::Parts};
use pim_domain::denial::Reason;
use tonic::{Code, Status};

use crate::{
    auth::{CredentialInvalid, Identity, Issuers, Presented, Proof},
    call::{Credential, Method},
    clock::Clock,
    connection::Remote,
    error::Error,
    limits::{BEARER_TOKEN_BYTES_MAX, HEADER_BYTES_MAX},
    process::Process,
    rates::Rates,
    rpc::{self, Class},
    status::status,
    tls::Tls,
};

/// What HTTP/2 counts for each header, beside its name and value.
const HEADER_OVERHEAD_BYTES: usize = 32;

/// The guard of this process.
pub(crate) fn guard(process: &Process, rates: Rates) -> crate::serve::Guard {
    let door = Arc::new(Door {
        issuers: process.issuers.clone(),
        clock: process.clock.clone(),
        tls: process.tls.clone(),
        rates,
    });
    Arc::new(move |parts| {
        let door = door.clone();
        Box::pin(async move { door.identify(parts).await })
    })
}

/// What the guard knows.
struct Door {
    issuers: Arc<Issuers>,
    clock: Clock,
    tls: Option<Tls>,
    rates: Rates,
}

impl Door {
    async fn identify(&self, parts: &mut Parts) -> Result<(), Status> {
        let path = parts.uri.path();
        if path.starts_with("/grpc.health.v1.Health/") {
            return fits(&parts.headers);
        }
        let missing = || {
            let text = "a call needs one access token";
            status(Code::Unauthenticated, "CREDENTIAL_MISSING", text, [])
        };
        let remote = parts.extensions.get::<Remote>();
        let mut presented = presented(&parts.headers, path).ok_or_else(missing)?;
        presented.certificate =
            remote.and_then(|remote| Some(remote.certificate.as_ref()?.thumbprint));
        // A token that is too long by itself is refused as what it is, at once.
        if presented.token.len() <= BEARER_TOKEN_BYTES_MAX {
            fits(&parts.headers)?;
        }
        let verified = self.clock.now().now;
        let identity = self.who(&presented, remote, verified).await?;
        let rpc = rpc::find(path);
        if rpc.is_none() && path.starts_with("/pim.") {
            return Err(Status::from(Error::from(Reason::NotPermitted)));
        }
        self.rates.call(&identity, rpc.map_or(Class::Read, |rpc| rpc.class))?;
        if let Some(rpc) = rpc {
            parts.extensions.insert(Method(rpc));
        }
        parts.extensions.insert(Credential { identity, verified });
        Ok(())
    }

    /// Who calls. Whose token is known is never refused for what strangers do from the same address;
    /// one that is not, or that comes with a proof, costs a verification, which is not to be had
    /// without end.
    async fn who(
        &self,
        presented: &Presented<'_>,
        remote: Option<&Remote>,
        now: DateTime<Utc>,
    ) -> Result<Arc<Identity>, Status> {
        let source = remote.map(|remote| remote.source);
        let identity = match (self.issuers.known(presented, now), source) {
            (Some(identity), _) => identity,
            (None, Some(source)) => {
                self.rates.unknown_token(source)?;
                let admitted = self.issuers.admit(*presented, &self.clock).await;
                admitted.inspect_err(|_| self.rates.token_refused(source)).map_err(refuse)?
            }
            (None, None) => self.issuers.admit(*presented, &self.clock).await.map_err(refuse)?,
        };
        if let (Identity::Service(service), Some(tls)) = (&*identity, &self.tls) {
            let certificate = remote.and_then(|remote| remote.certificate.as_deref());
            if !tls.is_service(&service.name, certificate) {
                tracing::warn!(
                    service = service.name,
                    names = ?certificate.map(|certificate| &certificate.names),
                    "a service's token came by a connection that is not the service's"
                );
                return Err(Status::from(Error::NobodyThere));
            }
        }
        Ok(identity)
    }
}

fn refuse(invalid: CredentialInvalid) -> Status {
    tracing::debug!(cause = invalid.cause(), "a credential was refused");
    Status::from(Error::NobodyThere)
}

/// The one token; of two it would not be sure which one others on the way have looked at.
fn presented<'a>(headers: &'a HeaderMap, path: &'a str) -> Option<Presented<'a>> {
    let value = only(headers, AUTHORIZATION.as_str())?;
    let (scheme, token) = value.split_once(' ')?;
    let token = Presented::from(token.trim());
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(token);
    }
    let proof = Proof { header: only(headers, "dpop"), path };
    scheme.eq_ignore_ascii_case("dpop").then_some(Presented { proof: Some(proof), ..token })
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    value.to_str().ok()
}

/// Whether the headers are few enough to be kept for as long as the call goes on.
fn fits(headers: &HeaderMap) -> Result<(), Status> {
    let size = |(name, value): (&http::HeaderName, &HeaderValue)| {
        name.as_str().len() + value.len() + HEADER_OVERHEAD_BYTES
    };
    let bytes: usize = headers.iter().map(size).sum();
    if bytes <= HEADER_BYTES_MAX {
        return Ok(());
    }
    let text = "the headers of the call are larger than this server accepts";
    let sizes = [("limit", HEADER_BYTES_MAX.to_string()), ("given", bytes.to_string())];
    Err(status(Code::ResourceExhausted, "HEADERS_TOO_LARGE", text, sizes))
}
