//! TLS to a server: whom to trust, and the certificate to call with. Both are read from files, and
//! again for each new connection; what is connected stays connected.

use std::{io, path::PathBuf, sync::Arc};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    version::TLS13,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use crate::{
    ClientError,
    files::{Files, FilesError},
    kept_alive,
};

/// The protocol that gRPC speaks, as TLS names it.
const ALPN_H2: &[u8] = b"h2";
/// Where `https` is when the address does not say.
const HTTPS_PORT: u16 = 443;

/// The files of a certificate (PEM, the leaf first) and of its key (PEM, PKCS#8, SEC1 or PKCS#1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate and those between it and the authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Whom a client trusts and who it is, by TLS 1.3. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tls(Arc<Files<ClientConfig>>);

impl Tls {
    /// Trusts servers that the authorities in a file (PEM) vouch for, or else the public ones; and
    /// shows a certificate where there is one.
    ///
    /// # Errors
    /// A file cannot be used.
    pub fn load(
        authorities: Option<PathBuf>,
        own: Option<CertificateFiles>,
    ) -> Result<Self, FilesError> {
        let trusted = authorities.is_some();
        let own = own.map(|own| [own.certificate, own.key]);
        let paths: Vec<PathBuf> =
            authorities.into_iter().chain(own.into_iter().flatten()).collect();
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let make = move |read: &[Vec<u8>]| {
            let mut named = names.iter().map(String::as_str).zip(read.iter().map(Vec::as_slice));
            let roots = match trusted.then(|| named.next()).flatten() {
                Some((name, pem)) => authorities_of(name, pem)?,
                None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
            };
            let builder = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
                .with_protocol_versions(&[&TLS13])
                .map_err(|error| FilesError::new(error.to_string()))?
                .with_root_certificates(roots);
            let mut config = match (named.next(), named.next()) {
                (Some(certificate), Some(key)) => {
                    let (chain, key) = pair_of(certificate, key)?;
                    builder.with_client_auth_cert(chain, key).map_err(|error| {
                        FilesError::new(format!("{} and its key: {error}", certificate.0))
                    })?
                }
                _ => builder.with_no_client_auth(),
            };
            config.alpn_protocols = vec![ALPN_H2.to_vec()];
            // Every connection is judged by the certificates as they are now.
            config.resumption = rustls::client::Resumption::disabled();
            Ok(config)
        };
        Ok(Self(Arc::new(Files::load(paths, make)?)))
    }

    /// Looks whether the files have changed; true where they have and can be used.
    ///
    /// # Errors
    /// They cannot be used. What was there before stays.
    pub fn reload(&self) -> Result<bool, FilesError> {
        self.0.reload()
    }

    /// What the next connection is made with. That the files cannot be used now is for
    /// [`Tls::reload`] to tell: what was there before may do until they are mended.
    fn newest(&self) -> Arc<ClientConfig> {
        let _ = self.0.reload();
        self.0.current()
    }

    /// The channel of an endpoint whose address is `https`.
    pub(crate) fn channel(self, endpoint: Endpoint) -> Result<Channel, ClientError> {
        let unusable = || ClientError::Scheme { url: endpoint.uri().to_string() };
        let server = Server::of(endpoint.uri()).ok_or_else(unusable)?;
        // Tonic must not look for certificates of its own, which it would keep for ever.
        let plain = Uri::builder().scheme("http").authority(server.authority.as_str());
        let plain = plain.path_and_query("/").build().map_err(|_| unusable())?;
        let origin = endpoint.uri().clone();
        let endpoint = kept_alive(Endpoint::from(plain).origin(origin));
        Ok(endpoint.connect_with_connector_lazy(service_fn(move |_| {
            let (tls, server) = (self.clone(), server.clone());
            async move { server.connect(tls.newest()).await.map(TokioIo::new) }
        })))
    }
}

/// Where a server is, and the name that its certificate must have.
#[derive(Clone)]
struct Server {
    authority: String,
    host: String,
    port: u16,
    name: ServerName<'static>,
}

impl Server {
    fn of(uri: &Uri) -> Option<Self> {
        let authority = uri.authority()?.to_string();
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host.clone()).ok()?;
        Some(Self { authority, host, port: uri.port_u16().unwrap_or(HTTPS_PORT), name })
    }

    async fn connect(self, config: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
        let socket = TcpStream::connect((self.host.as_str(), self.port)).await?;
        socket.set_nodelay(true)?;
        let stream = TlsConnector::from(config).connect(self.name, socket).await?;
        match stream.get_ref().1.alpn_protocol() {
            Some(ALPN_H2) => Ok(stream),
            _ => Err(io::Error::other("the server does not speak HTTP/2")),
        }
    }
}

/// The authorities in a file with this name.
///
/// # Errors
/// There is none, or one cannot be read.
pub fn authorities_of(name: &str, pem: &[u8]) -> Result<RootCertStore, FilesError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates_of(name, pem)? {
        roots.add(certificate).map_err(|error| FilesError::new(format!("{name}: {error}")))?;
    }
    Ok(roots)
}

/// The certificates and the key in two files, each with its name.
///
/// # Errors
/// There is none, or one cannot be read.
pub fn pair_of(
    certificate: (&str, &[u8]),
    key: (&str, &[u8]),
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), FilesError> {
    let chain = certificates_of(certificate.0, certificate.1)?;
    // What the parser says could quote the key.
    let key = PrivateKeyDer::from_pem_slice(key.1)
        .map_err(|_| FilesError::new(format!("{} has no private key as PEM", key.0)))?;
    Ok((chain, key))
}

fn certificates_of(name: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, FilesError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| FilesError::new(format!("{name}: {error}")))?;
    if read.is_empty() {
        return Err(FilesError::new(format!("{name} has no certificate as PEM")));
    }
    Ok(read)
}
