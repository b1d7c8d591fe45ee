//! An authority of a test's own, and files as Kubernetes mounts them: a link leads to a folder, and
//! is made to lead to another.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use pim_client::{CertificateFiles, Tls};
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};

/// When a certificate ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// In thousands of years.
    InMany,
    /// It has ended.
    YearsAgo,
}

/// Who vouches for certificates.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, as PEM.
#[derive(Debug)]
pub struct Pair {
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: String,
    /// What a peer sees of it.
    pub der: Vec<u8>,
}

impl Authority {
    /// With a key of its own.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "no two are alike")]
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for `localhost`, the loopback addresses, and what is named as a URI.
    #[must_use]
    pub fn issue(&self, uri: Option<&str>, ends: Ends) -> Pair {
        let key = KeyPair::generate().unwrap();
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        let uri = uri.map(|uri| SanType::URI(uri.try_into().unwrap()));
        params.subject_alt_names.extend(uri);
        if ends == Ends::YearsAgo {
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let made = params.signed_by(&key, &self.issuer).unwrap();
        Pair { certificate: made.pem(), key: key.serialize_pem(), der: made.der().to_vec() }
    }
}

/// A folder with a certificate, its key and an authority.
#[derive(Debug)]
pub struct Mounted {
    folder: tempfile::TempDir,
    versions: AtomicUsize,
}

impl Mounted {
    /// With these in it.
    #[must_use]
    pub fn new(pair: &Pair, authority: &Authority) -> Self {
        let mounted =
            Self { folder: tempfile::tempdir().unwrap(), versions: AtomicUsize::default() };
        mounted.swap(pair, authority);
        mounted
    }

    /// Puts others in their place, all at once.
    pub fn swap(&self, pair: &Pair, authority: &Authority) {
        self.swap_texts(&pair.certificate, &pair.key, &authority.pem);
    }

    /// The same with any texts.
    pub fn swap_texts(&self, certificate: &str, key: &str, authority: &str) {
        let version = self.versions.fetch_add(1, Ordering::SeqCst).to_string();
        let folder = self.folder.path().join(version);
        fs::create_dir(&folder).unwrap();
        for (name, text) in [("tls.crt", certificate), ("tls.key", key), ("ca.crt", authority)] {
            fs::write(folder.join(name), text).unwrap();
        }
        let link = self.folder.path().join("new");
        symlink(&folder, &link).unwrap();
        fs::rename(link, self.folder.path().join("data")).unwrap();
    }

    /// Where one of the files is.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        Path::new(self.folder.path()).join("data").join(name)
    }

    /// How a client calls that trusts this authority and shows this certificate.
    #[must_use]
    pub fn client(&self) -> Tls {
        let own = CertificateFiles { certificate: self.path("tls.crt"), key: self.path("tls.key") };
        Tls::load(Some(self.path("ca.crt")), Some(own)).unwrap()
    }

    /// The same without a certificate.
    #[must_use]
    pub fn nameless_client(&self) -> Tls {
        Tls::load(Some(self.path("ca.crt")), None).unwrap()
    }
}
