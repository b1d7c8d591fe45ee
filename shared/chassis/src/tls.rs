//! TLS of the server: its certificate, who may connect, and which service a certificate is.
//!
//! TLS 1.3 alone, and nothing is resumed: each connection is judged by the certificates as they
//! are when it is made. A connection ends by its age, so none outlives its certificate for long.

use std::{path::PathBuf, sync::Arc};

use pim_client::{
    CertificateFiles, FilesError,
    files::Files,
    tls::{authorities_of, pair_of},
};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, UnixTime},
    server::WebPkiClientVerifier,
    version::TLS13,
};
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;
use webpki::{EndEntityCert, KeyUsage};

use crate::{
    auth::Thumbprint,
    config::{ConfigError, TlsConfig},
};

/// The protocol that gRPC speaks, as TLS names it.
const ALPN_H2: &[u8] = b"h2";
/// What stands for a service's name.
const SERVICE: &str = "{service}";

/// The name that a service's certificate must have, with `{service}` in the place of which service
/// it is: `spiffe://example.org/ns/pim/sa/pim-{service}`, or `pim-{service}.pim.svc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceCertificateName(String);

impl std::str::FromStr for ServiceCertificateName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.matches(SERVICE).count() != 1 || text.contains(char::is_whitespace) {
            return Err(format!("it must have {SERVICE} in it, once, and no white space"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl ServiceCertificateName {
    /// The name of this service's.
    fn of(&self, service: &str) -> String {
        self.0.replace(SERVICE, service)
    }
}

/// The certificate of a client, which has been verified and whose key the client has.
#[derive(Debug)]
pub(crate) struct ClientCertificate {
    /// What it is good for: DNS names and URIs.
    pub(crate) names: Vec<String>,
    /// The SHA-256 of its DER, which tokens are bound to (RFC 8705, `x5t#S256`).
    pub(crate) thumbprint: Thumbprint,
}

/// How the server speaks TLS. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tls {
    files: Arc<Files<Served>>,
    service_name: Option<ServiceCertificateName>,
}

struct Served {
    config: Arc<ServerConfig>,
    /// The name of the file, and the server's own certificate.
    own: (String, CertificateDer<'static>),
}

impl Tls {
    /// What the configuration names; `None` where it names no certificate.
    ///
    /// # Errors
    /// A file cannot be used, or the certificate is not valid now.
    pub fn load(config: &TlsConfig) -> Result<Option<Self>, ConfigError> {
        let Some(own) = config.own() else { return Ok(None) };
        let CertificateFiles { certificate, key } = own;
        let paths: Vec<PathBuf> =
            [certificate, key].into_iter().chain(config.tls_client_ca_file.clone()).collect();
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let files = Files::load(paths, move |read| served(&names, read));
        let files = files.map_err(|error| ConfigError::new(error.to_string()))?;
        let service_name = config.tls_service_name.clone();
        Ok(Some(Self { files: Arc::new(files), service_name }))
    }

    /// Looks whether the files have changed; true where they have and can be used.
    ///
    /// # Errors
    /// They cannot be used: what was there before stays. Or that is not valid any more.
    pub fn reload(&self) -> Result<bool, FilesError> {
        self.reload_at(UnixTime::now())
    }

    fn reload_at(&self, now: UnixTime) -> Result<bool, FilesError> {
        let changed = self.files.reload()?;
        let served = self.files.current();
        valid_at(now, &served.own.0, &served.own.1)?;
        Ok(changed)
    }

    /// For one handshake.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.files.current().config.clone())
    }

    /// Whether a connection with this certificate may be that of a service.
    pub(crate) fn is_service(&self, service: &str, shown: Option<&ClientCertificate>) -> bool {
        self.service_name.as_ref().is_none_or(|rule| {
            let wanted = rule.of(service);
            shown.is_some_and(|certificate| certificate.names.contains(&wanted))
        })
    }
}

fn served(names: &[String], read: &[Vec<u8>]) -> Result<Served, FilesError> {
    let [certificate, key, authorities @ ..] = read else {
        return Err(FilesError::new("there is no certificate"));
    };
    let (chain, key) = pair_of((&names[0], certificate), (&names[1], key))?;
    let own = (names[0].clone(), chain[0].clone());
    valid_at(UnixTime::now(), &own.0, &own.1)?;
    let failed = |error: &dyn std::fmt::Display| FilesError::new(format!("{}: {error}", names[0]));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| failed(&error))?;
    let builder = match authorities {
        [] => builder.with_no_client_auth(),
        [authorities, ..] => {
            let roots = Arc::new(authorities_of(&names[2], authorities)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| failed(&error))?)
        }
    };
    let fits = |error| FilesError::new(format!("{} and {}: {error}", names[0], names[1]));
    let mut config = builder.with_single_cert(chain, key).map_err(fits)?;
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    // A resumed session would not be asked for its certificate again.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Ok(Served { config: Arc::new(config), own })
}

/// Whether a certificate is valid at a time, whoever has signed it: its own dates are what is
/// judged first, so who trusts nobody learns of nothing else.
fn valid_at(now: UnixTime, name: &str, certificate: &CertificateDer<'_>) -> Result<(), FilesError> {
    let parsed = EndEntityCert::try_from(certificate)
        .map_err(|error| FilesError::new(format!("{name}: {error}")))?;
    let judged =
        parsed.verify_for_usage(&[], &[], &[], now, KeyUsage::server_auth(), None, None).err();
    match judged {
        Some(webpki::Error::CertExpired { .. }) => {
            Err(FilesError::new(format!("the certificate in {name} has expired")))
        }
        Some(webpki::Error::CertNotValidYet { .. }) => {
            Err(FilesError::new(format!("the certificate in {name} is not valid yet")))
        }
        _ => Ok(()),
    }
}

impl ClientCertificate {
    /// What there is to know of a certificate that has been verified.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Self {
        let parsed = EndEntityCert::try_from(certificate);
        let names = parsed.iter().flat_map(|parsed| {
            let dns = parsed.valid_dns_names().map(str::to_owned);
            dns.chain(parsed.valid_uri_names().map(str::to_owned)).collect::<Vec<_>>()
        });
        Self { names: names.collect(), thumbprint: Sha256::digest(certificate).into() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A certificate that nobody vouches for, which is good from one year to another.
    fn files(folder: &tempfile::TempDir, [first, last]: [i32; 2]) -> TlsConfig {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(first, 1, 1);
        params.not_after = rcgen::date_time_ymd(last, 1, 1);
        let [certificate, private] = ["tls.crt", "tls.key"].map(|name| folder.path().join(name));
        std::fs::write(&certificate, params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&private, key.serialize_pem()).unwrap();
        TlsConfig {
            tls_certificate_file: Some(certificate),
            tls_key_file: Some(private),
            ..TlsConfig::default()
        }
    }

    #[test]
    fn a_certificate_is_good_from_its_first_day_to_its_last() {
        let folder = tempfile::tempdir().unwrap();
        let config = files(&folder, [2020, 2021]);
        let pem = std::fs::read(config.tls_certificate_file.unwrap()).unwrap();
        let key = std::fs::read(config.tls_key_file.unwrap()).unwrap();
        let (chain, _) = pair_of(("a.crt", &pem), ("a.key", &key)).unwrap();
        let judged = |days: u64| {
            // From the first of 2020.
            let since = Duration::from_secs(1_577_836_800 + days * 86_400);
            valid_at(UnixTime::since_unix_epoch(since), "a.crt", &chain[0])
        };
        assert_eq!((judged(1), judged(365)), (Ok(()), Ok(())));
        let said = |judged: Result<(), FilesError>| judged.unwrap_err().to_string();
        assert_eq!(said(judged(367)), "the certificate in a.crt has expired");
        let early = UnixTime::since_unix_epoch(Duration::from_secs(1_577_836_799));
        let early = said(valid_at(early, "a.crt", &chain[0]));
        assert_eq!(early, "the certificate in a.crt is not valid yet");
    }

    #[test]
    fn a_certificate_that_expires_while_it_is_served_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let config = files(&folder, [2020, 3000]);
        let tls = Tls::load(&config).unwrap().unwrap();
        assert_eq!(tls.reload(), Ok(false));
        let late = UnixTime::since_unix_epoch(Duration::from_secs(3_000 * 365 * 86_400));
        let error = tls.reload_at(late).unwrap_err().to_string();
        assert!(error.ends_with("has expired"), "{error}");
    }

    #[test]
    fn who_has_shown_no_certificate_is_no_service_where_one_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let config = files(&folder, [2020, 3000]);
        let free = Tls::load(&config).unwrap().unwrap();
        assert!(free.is_service("audit", None));
        let tls_service_name = Some("pim-{service}".parse().unwrap());
        let bound = Tls::load(&TlsConfig { tls_service_name, ..config }).unwrap().unwrap();
        let of = |names: &[&str]| {
            let names = names.iter().map(ToString::to_string).collect();
            ClientCertificate { names, thumbprint: Thumbprint::default() }
        };
        assert!(bound.is_service("audit", Some(&of(&["pim-audit"]))));
        assert!(!bound.is_service("audit", None));
        for others in [&["pim-access"][..], &["pim-audit.example"], &[]] {
            assert!(!bound.is_service("audit", Some(&of(others))), "{others:?}");
        }
    }

    #[test]
    fn a_services_name_is_one_text_with_the_service_in_it() {
        let rule: ServiceCertificateName =
            "spiffe://x.org/ns/pim/sa/pim-{service}".parse().unwrap();
        assert_eq!(rule.of("access"), "spiffe://x.org/ns/pim/sa/pim-access");
        for bad in ["", "pim", "{service}.{service}", "pim {service}"] {
            assert!(bad.parse::<ServiceCertificateName>().is_err(), "{bad}");
        }
    }
}
