//! An issuer's server as a test wants it: real HTTP on a port of its own, and it counts.

use std::{
    collections::HashMap,
    convert::Infallible,
    path::Path,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use jsonwebtoken::jwk::Jwk;
use pim_chassis::auth::Issuers;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::idp::{AUDIENCE, TENANT};

/// The certificate of a secure server, as PEM.
pub(crate) const CERTIFICATE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tls/certificate.pem");

const DISCOVERY: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/keys";

/// What is answered at a path.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(header::HeaderName, String)>,
    pub(crate) body: Bytes,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    asked: Mutex<Vec<String>>,
}

/// The server. It is gone when this is dropped.
pub(crate) struct Provider {
    pub(crate) url: String,
    shared: Arc<Shared>,
    /// Each answer takes one of these; there are plenty unless a test takes them away.
    gate: Arc<Semaphore>,
    serving: JoinHandle<()>,
}

impl Answer {
    pub(crate) fn ok(body: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn of(status: StatusCode) -> Self {
        Self { status, ..Self::ok(Bytes::new()) }
    }

    pub(crate) fn with(mut self, name: header::HeaderName, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().append(name, value.parse().unwrap());
        }
        response
    }
}

impl Provider {
    /// A server with a proper discovery document and these keys.
    pub(crate) async fn start(keys: &[Jwk]) -> Self {
        Self::start_as("http", None, keys).await
    }

    /// The same by https, with the certificate in [`CERTIFICATE`].
    pub(crate) async fn start_secure(keys: &[Jwk]) -> Self {
        Self::start_as("https", Some(tls()), keys).await
    }

    async fn start_as(scheme: &str, tls: Option<TlsAcceptor>, keys: &[Jwk]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let (shared, gate) = (Arc::<Shared>::default(), Arc::new(Semaphore::new(1_000)));
        let serving = tokio::spawn(serve(listener, tls, shared.clone(), gate.clone()));
        let provider = Self { url, shared, gate, serving };
        let uri = format!("{}{KEYS}", provider.url);
        provider.discovers(&json!({ "issuer": provider.url, "jwks_uri": uri }));
        provider.publishes(keys);
        provider
    }

    pub(crate) fn discovers(&self, document: &Value) {
        self.answers(DISCOVERY, Answer::ok(document.to_string()));
    }

    pub(crate) fn publishes(&self, keys: &[Jwk]) {
        self.answers(KEYS, Answer::ok(json!({ "keys": keys }).to_string()));
    }

    pub(crate) fn answers_keys(&self, answer: Answer) {
        self.answers(KEYS, answer);
    }

    pub(crate) fn answers(&self, path: &str, answer: Answer) {
        self.shared.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// From now on it accepts requests and answers none.
    pub(crate) fn stalls(&self) {
        self.gate.forget_permits(1_000);
    }

    /// It is not there any more.
    pub(crate) async fn stops(&mut self) {
        self.serving.abort();
        // It is aborted, which is what this reports.
        let _ = (&mut self.serving).await;
    }

    /// How often its keys were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.paths().iter().filter(|path| *path == KEYS).count()
    }

    /// All paths that were asked for, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Its entry in the issuers file.
    pub(crate) fn entry(&self) -> Value {
        json!({
            "issuer": self.url,
            "audience": AUDIENCE,
            "algorithms": ["ES256", "EdDSA"],
            "discovery": true,
            "kind": "PRINCIPALS",
            "tenant": TENANT,
        })
    }

    pub(crate) fn issuers(&self) -> Issuers {
        Issuers::parse(&json!([self.entry()]).to_string(), Path::new(".")).unwrap()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Connections end with the server, because they are not tasks of their own.
async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    gate: Arc<Semaphore>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        match &tls {
            None => serve_connection(stream, &shared, &gate).await,
            Some(tls) => {
                // A client that does not trust us says so in the handshake.
                if let Ok(stream) = tls.accept(stream).await {
                    serve_connection(stream, &shared, &gate).await;
                }
            }
        }
    }
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    shared: &Arc<Shared>,
    gate: &Arc<Semaphore>,
) {
    let answer = service_fn(|request: Request<Incoming>| {
        let (shared, gate) = (shared.clone(), gate.clone());
        async move {
            let path = request.uri().path().to_owned();
            shared.asked.lock().unwrap().push(path.clone());
            let _permit = gate.acquire().await.unwrap();
            let answer = shared.answers.lock().unwrap().get(&path).cloned();
            let answer = answer.unwrap_or_else(|| Answer::of(StatusCode::NOT_FOUND));
            Ok::<_, Infallible>(answer.into_response())
        }
    });
    let mut server = http1::Builder::new();
    // A client that goes away early is no fault of the server.
    let _ = server.keep_alive(false).serve_connection(TokioIo::new(stream), answer).await;
}

/// By the certificate in [`CERTIFICATE`], which was made for tests and vouches for itself:
/// `openssl req -x509` with the subject's alternative name `IP:127.0.0.1`, until 2126.
fn tls() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(CERTIFICATE).unwrap();
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tls/key.pem");
    let config = ServerConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::from_pem_file(key).unwrap())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
