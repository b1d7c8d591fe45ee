//! The flags and environment variables that every service has.

use std::{fmt, net::SocketAddr, path::PathBuf};

use http::Uri;
use pim_client::CertificateFiles;

use crate::{limits::Limits, tls::ServiceCertificateName};

/// Characters of the issuer of role tokens, at most.
const ISSUER_CHARS_MAX: usize = 256;

/// What every service process is told; flatten it into the service's own arguments.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// The address to serve gRPC on
    #[arg(long, env = "PIM_LISTEN", default_value = "127.0.0.1:50051")]
    pub listen: SocketAddr,
    /// The Postgres database, as a URL
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Secret,
    /// A JSON file that lists the issuers whose bearer tokens are accepted
    #[arg(long, env = "PIM_ISSUERS")]
    pub issuers: PathBuf,
    /// A file with 64 hexadecimal digits, the key of page tokens and revisions
    #[arg(long, env = "PIM_TOKEN_KEY_FILE")]
    pub token_key_file: PathBuf,
    /// A file with 64 hexadecimal digits, the private Ed25519 key that signs the log; for the audit
    /// service, which without it seals the log and does not sign it
    #[arg(long, env = "PIM_LOG_KEY_FILE")]
    pub log_key_file: Option<PathBuf>,
    /// The same of the key before that one, as long as there are auditors who know no other
    #[arg(long, env = "PIM_LOG_PREVIOUS_KEY_FILE", requires = "log_key_file")]
    pub log_previous_key_file: Option<PathBuf>,
    /// A file with the bearer token for calls to other services; read again when it changes
    #[arg(long, env = "PIM_CREDENTIAL_FILE")]
    pub credential_file: Option<PathBuf>,
    /// Where the assignment service is
    #[arg(long, env = "PIM_ASSIGNMENT_URL", value_parser = peer_url)]
    pub assignment_url: Option<Uri>,
    /// Where the activation service is
    #[arg(long, env = "PIM_ACTIVATION_URL", value_parser = peer_url)]
    pub activation_url: Option<Uri>,
    /// Where the approval service is
    #[arg(long, env = "PIM_APPROVAL_URL", value_parser = peer_url)]
    pub approval_url: Option<Uri>,
    /// What is logged and where, and whether traces are exported
    #[command(flatten)]
    pub log: LogConfig,
    /// TLS, of the server and to its peers
    #[command(flatten)]
    pub tls: TlsConfig,
    /// An address for health probes without TLS, which those of Kubernetes cannot speak
    #[arg(long, env = "PIM_HEALTH_LISTEN")]
    pub health_listen: Option<SocketAddr>,
    /// Limits of the gRPC server
    #[command(flatten)]
    pub limits: Limits,
}

/// Certificates, in files that are read again when they change.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct TlsConfig {
    /// A file with the certificate to serve with by TLS 1.3, as PEM, followed by those between it and
    /// its authority; without it the service speaks plain HTTP/2. It is the certificate for calls to
    /// other services as well
    #[arg(long, env = "PIM_TLS_CERTIFICATE_FILE", requires = "tls_key_file")]
    pub tls_certificate_file: Option<PathBuf>,
    /// A file with its key, as PEM
    #[arg(long, env = "PIM_TLS_KEY_FILE", requires = "tls_certificate_file")]
    pub tls_key_file: Option<PathBuf>,
    /// A file with the authorities, as PEM, that must vouch for whoever connects; without it nobody
    /// is asked for a certificate
    #[arg(long, env = "PIM_TLS_CLIENT_CA_FILE", requires = "tls_certificate_file")]
    pub tls_client_ca_file: Option<PathBuf>,
    /// The name, DNS or URI, that must be in the certificate of who calls as a service, with
    /// {service} for which one, as in spiffe://example.org/ns/pim/sa/pim-{service}; without it a
    /// service's token is enough
    #[arg(long, env = "PIM_TLS_SERVICE_NAME", requires = "tls_client_ca_file")]
    pub tls_service_name: Option<ServiceCertificateName>,
    /// A file with the authorities, as PEM, that vouch for other services; without it those that
    /// vouch for public servers do
    #[arg(long, env = "PIM_PEER_CA_FILE")]
    pub peer_ca_file: Option<PathBuf>,
}

impl TlsConfig {
    /// The service's own certificate.
    pub(crate) fn own(&self) -> Option<CertificateFiles> {
        let files = self.tls_certificate_file.clone().zip(self.tls_key_file.clone());
        files.map(|(certificate, key)| CertificateFiles { certificate, key })
    }
}

/// What is logged, how, and whether traces are exported.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct LogConfig {
    /// What to log: a level, or directives such as `info,pim_store=debug`
    #[arg(id = "log", long = "log", env = "PIM_LOG", default_value = "info,sqlx=warn")]
    pub filter: String,
    /// How to write the log
    #[arg(
        id = "log_format",
        long = "log-format",
        env = "PIM_LOG_FORMAT",
        value_enum,
        default_value_t
    )]
    pub format: LogFormat,
    /// Where to send traces by OTLP over gRPC; without it none are sent
    #[arg(long, env = "PIM_OTLP_ENDPOINT", value_parser = peer_url)]
    pub otlp_endpoint: Option<Uri>,
}

/// By what role tokens are signed, if they are.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct RoleTokenConfig {
    /// A file with the key that signs role tokens, a P-256 private key as PKCS#8 in PEM; without it
    /// none are issued
    #[arg(long, env = "PIM_ROLE_TOKEN_KEY_FILE", requires = "role_token_issuer")]
    pub role_token_key_file: Option<PathBuf>,
    /// A file with the public keys, as PEM, that are published beside that one: those that signed
    /// before, and those that will
    #[arg(long, env = "PIM_ROLE_TOKEN_PUBLISHED_KEYS_FILE", requires = "role_token_key_file")]
    pub role_token_published_keys_file: Option<PathBuf>,
    /// The issuer that role tokens name
    #[arg(long, env = "PIM_ROLE_TOKEN_ISSUER", requires = "role_token_key_file", value_parser = issuer)]
    pub role_token_issuer: Option<String>,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One line of text an event, for people.
    #[default]
    Text,
    /// One JSON object an event, for machines.
    Json,
}

/// A text that must not be printed, such as a URL with a password in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What is wrong with what the process was told, as one sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// A configuration error that says `sentence`.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

fn issuer(text: &str) -> Result<String, String> {
    let chars = text.chars().count();
    if !(1..=ISSUER_CHARS_MAX).contains(&chars) || text.contains(char::is_whitespace) {
        return Err(format!("it must have 1 to {ISSUER_CHARS_MAX} characters and no white space"));
    }
    Ok(text.to_owned())
}

fn peer_url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|error| format!("it is not a URL: {error}"))?;
    match (url.scheme_str(), url.host()) {
        (Some("http" | "https"), Some(_)) => Ok(url),
        _ => Err("it must be http://host:port or https://host:port".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Args {
        #[command(flatten)]
        chassis: Config,
    }

    const REQUIRED: [&str; 7] = [
        "service",
        "--database-url",
        "postgres://pim:hunter2@db/pim",
        "--issuers",
        "i",
        "--token-key-file",
        "k",
    ];

    fn parse(more: &[&str]) -> Result<Config, clap::Error> {
        Args::try_parse_from(REQUIRED.iter().chain(more)).map(|args| args.chassis)
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = parse(&[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:50051");
        assert_eq!(config.log.filter, "info,sqlx=warn");
        assert_eq!(config.log.format, LogFormat::Text);
        assert_eq!(config.limits.drain_seconds, 20);
        assert_eq!(config.limits.request_deadline_millis, 5_000);
    }

    #[test]
    fn a_bad_value_is_refused() {
        assert!(parse(&["--approval-url", "approval:50051"]).is_err());
        assert!(parse(&["--approval-url", "http://approval:50051"]).is_ok());
        assert!(parse(&["--request-deadline-millis", "5001"]).is_err());
        assert!(parse(&["--log-format", "xml"]).is_err());
    }

    #[test]
    fn what_certificates_need_of_each_other_is_asked_for() {
        let (certificate, key) = (["--tls-certificate-file", "c"], ["--tls-key-file", "k"]);
        let authority = ["--tls-client-ca-file", "a"];
        let name = ["--tls-service-name", "pim-{service}.pim.svc"];
        for bad in [&[certificate][..], &[key], &[authority], &[certificate, key, name]] {
            assert!(parse(&bad.concat()).is_err(), "{bad:?}");
        }
        let all = parse(&[certificate, key, authority, name].concat()).unwrap().tls;
        assert_eq!(all.own().unwrap().key, PathBuf::from("k"));
        assert!(parse(&[certificate, key].concat()).is_ok());
        let nameless = [certificate, key, authority, ["--tls-service-name", "pim"]].concat();
        assert!(parse(&nameless).is_err());
    }

    #[test]
    fn a_key_for_role_tokens_and_their_issuer_go_together() {
        #[derive(Debug, Parser)]
        struct Args {
            #[command(flatten)]
            own: RoleTokenConfig,
        }
        let parse = |given: &[&str]| {
            let (key, issuer) = ("--role-token-key-file", "--role-token-issuer");
            let named = given.iter().flat_map(|name| match *name {
                "key" => [key, "k"],
                "issuer" => [issuer, "https://pim.example"],
                "blank" => [issuer, " "],
                other => [other, "p"],
            });
            Args::try_parse_from(["service"].into_iter().chain(named)).map(|args| args.own)
        };
        assert!(parse(&[]).unwrap().role_token_key_file.is_none());
        assert!(parse(&["key", "issuer"]).is_ok());
        let published = "--role-token-published-keys-file";
        assert!(parse(&["key", "issuer", published]).is_ok());
        for bad in [&["key"][..], &["issuer"], &[published], &["key", "blank"]] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_database_password_is_not_printed() {
        let config = parse(&[]).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(config.database_url.expose().contains("hunter2"));
    }
}
