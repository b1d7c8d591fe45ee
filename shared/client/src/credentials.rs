//! Who calls: a bearer token, fixed or fetched for each request.

use std::{error::Error, fmt, sync::Arc};

use tonic::metadata::{Ascii, MetadataValue};

/// Why there is no token at the moment. It must not quote one.
pub type CredentialError = Box<dyn Error + Send + Sync>;

type Provider = dyn Fn() -> Result<String, CredentialError> + Send + Sync;

/// What proves who calls. Cheap to clone; `Debug` does not show it.
#[derive(Clone)]
pub struct Credentials(Source);

#[derive(Clone)]
enum Source {
    None,
    Token(Arc<str>),
    Provider(Arc<Provider>),
}

impl Credentials {
    /// No credential: only what anybody may call.
    #[must_use]
    pub fn none() -> Self {
        Self(Source::None)
    }

    /// Always this token.
    #[must_use]
    pub fn token(token: impl Into<Arc<str>>) -> Self {
        Self(Source::Token(token.into()))
    }

    /// The token that `provider` gives, asked before each request and so not to take long: a file
    /// that is replaced while the process runs, a token that is made on the spot.
    #[must_use]
    pub fn provider(
        provider: impl Fn() -> Result<String, CredentialError> + Send + Sync + 'static,
    ) -> Self {
        Self(Source::Provider(Arc::new(provider)))
    }

    /// The value of the `authorization` header.
    pub(crate) fn bearer(&self) -> Result<Option<MetadataValue<Ascii>>, CredentialError> {
        let header = match &self.0 {
            Source::None => return Ok(None),
            Source::Token(token) => format!("Bearer {}", token.trim()),
            Source::Provider(provider) => format!("Bearer {}", provider()?.trim()),
        };
        // The parser's own error could quote what it read.
        let mut value: MetadataValue<Ascii> =
            header.parse().map_err(|_| "the token has characters that a header cannot carry")?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Source::None => "Credentials(none)",
            Source::Token(_) => "Credentials(token)",
            Source::Provider(_) => "Credentials(provider)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_asked_each_time() {
        let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let credentials = Credentials::provider(move || {
            let call = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Ok(format!("token-{call}\n"))
        });
        assert_eq!(credentials.bearer().unwrap().unwrap(), "Bearer token-0");
        assert_eq!(credentials.clone().bearer().unwrap().unwrap(), "Bearer token-1");
    }

    #[test]
    fn neither_debug_nor_an_error_shows_a_token() {
        let credentials = Credentials::token("sec\u{0}ret");
        let error = credentials.bearer().unwrap_err().to_string();
        assert!(!error.contains("sec"), "{error}");
        assert_eq!(format!("{credentials:?}"), "Credentials(token)");
    }
}
