//! Small documents from an issuer's server, by HTTP, within limits.

use std::{error::Error, net::IpAddr, path::Path, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use pim_client::tls::authorities_of;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

use crate::limits::{ISSUER_ANSWER_BYTES_MAX, ISSUER_ANSWER_SECONDS};

/// Fetches documents. It follows no redirect, keeps no connection and carries no credential.
pub(super) struct Http(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>);

/// What a server has answered.
pub(super) struct Document {
    pub(super) body: Bytes,
    /// `max-age` of `Cache-Control`, in seconds.
    pub(super) max_age: Option<u64>,
}

impl Http {
    /// Trusts the servers that the authorities in the file `authority` (PEM) vouch for, or else
    /// the public ones.
    pub(super) fn new(authority: Option<&Path>) -> Result<Self, String> {
        let roots = match authority {
            Some(path) => {
                let name = path.display().to_string();
                let pem =
                    std::fs::read(path).map_err(|error| format!("cannot use {name}: {error}"))?;
                authorities_of(&name, &pem).map_err(|error| error.to_string())?
            }
            None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
        };
        // The provider is named, because which one is the default is up to other crates.
        let tls = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector.build());
        Ok(Self(client))
    }

    /// The document at `uri`.
    ///
    /// # Errors
    /// With what went wrong, without the address.
    pub(super) async fn get(&self, uri: &Uri) -> Result<Document, String> {
        let limit = Duration::from_secs(ISSUER_ANSWER_SECONDS);
        match tokio::time::timeout(limit, self.get_unbounded(uri)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("there was no answer in {ISSUER_ANSWER_SECONDS} s")),
        }
    }

    async fn get_unbounded(&self, uri: &Uri) -> Result<Document, String> {
        let request = Request::get(uri.clone())
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, "pim")
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let answer = self.0.request(request).await.map_err(|error| chain(&error))?;
        let (parts, body) = answer.into_parts();
        if parts.status != StatusCode::OK {
            return Err(format!("the answer is {}", parts.status));
        }
        let whole = Limited::new(body, ISSUER_ANSWER_BYTES_MAX).collect().await;
        let body = whole.map_err(|error| match error.is::<LengthLimitError>() {
            true => format!("the answer is longer than {ISSUER_ANSWER_BYTES_MAX} bytes"),
            false => chain(error.as_ref()),
        })?;
        Ok(Document { body: body.to_bytes(), max_age: max_age(&parts.headers) })
    }
}

/// An address that keys may come from: nobody on the way can change what it says.
///
/// # Errors
/// With what is wrong with it.
pub(super) fn trustworthy(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{text:?} is no URL: {error}"))?;
    let authority = uri.authority().ok_or_else(|| format!("{text:?} is no URL"))?;
    if authority.as_str().contains('@') || text.contains('#') {
        return Err(format!("{text:?} must have neither a user nor a fragment"));
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if is_loopback(authority.host()) => Ok(uri),
        _ => Err(format!("{text:?} must be https, or http at a loopback address")),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn max_age(headers: &HeaderMap) -> Option<u64> {
    let values = headers.get_all(header::CACHE_CONTROL).into_iter();
    let directives = values.filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(','));
    directives.map(|one| one.trim().to_ascii_lowercase()).find_map(|directive| {
        directive
            .strip_prefix("max-age=")
            .and_then(|seconds| seconds.trim_matches('"').parse().ok())
    })
}

/// The error and what it was caused by, because the first alone says as much as "client error".
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_can_change_on_the_way_is_trusted() {
        for good in [
            "https://login.example.com/tenant/v2.0",
            "https://login.example.com:8443",
            "http://localhost:8080/realms/pim",
            "http://127.0.0.9:80/",
            "http://[::1]:80/keys",
        ] {
            trustworthy(good).unwrap();
        }
        for bad in [
            "http://login.example.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com/",
            "http://127.0.0.1@login.example.com/",
            "https://user:word@login.example.com/",
            "https://login.example.com/#keys",
            "ftp://localhost/keys",
            "file:///etc/keys.json",
            "/keys",
            "login.example.com",
            "",
        ] {
            assert!(trustworthy(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_age_is_read_out_of_what_caches_are_told() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CACHE_CONTROL, value.parse().unwrap());
            }
            max_age(&headers)
        };
        assert_eq!(read(&["public, max-age=3600, must-revalidate"]), Some(3_600));
        assert_eq!(read(&["no-transform", "Max-Age=\"7\""]), Some(7));
        for none in [&[][..], &["no-cache"], &["max-age=soon"], &["s-maxage=5"], &["max-age=-1"]] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }
}
