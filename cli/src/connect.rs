//! Which server, and who calls.

use std::{convert::Infallible, fmt, path::PathBuf, str::FromStr};

use clap::Args as ClapArgs;
use pim_client::{CertificateFiles, Client, ClientError, Credentials, Tls};

use crate::{
    development::{self, SignIn},
    error::CliError,
    names::Names,
    output::Printer,
};

/// Which server, and who calls.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Connection and output")]
pub(crate) struct Connection {
    /// The server's address
    #[arg(
        long,
        global = true,
        env = "PIM_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:50051"
    )]
    pub(crate) server: String,
    /// For an https address: a file with the authorities to trust, as PEM, in place of the public ones
    #[arg(long, global = true, env = "PIM_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// For an https address that asks for one: a file with the certificate to call with, as PEM
    #[arg(long, global = true, env = "PIM_CERTIFICATE_FILE", value_name = "FILE")]
    certificate_file: Option<PathBuf>,
    /// A file with its key, as PEM
    #[arg(long, global = true, env = "PIM_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The token to call with; better given by the environment, which other users cannot see
    #[arg(long, global = true, env = "PIM_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<Token>,
    /// Call as this subject of the development tenant (for a server started with `pim up`);
    /// goes before a token
    #[arg(long = "as", global = true, value_name = "SUBJECT")]
    development_subject: Option<String>,
    /// With --as: signed in with multi-factor authentication
    #[arg(long, global = true)]
    mfa: bool,
    /// With --as: the data folder of `pim up` [default: that of this user]
    #[arg(long, global = true, env = "PIM_DATA", value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// A token that `Debug` does not show.
#[derive(Clone)]
struct Token(String);

impl FromStr for Token {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Connection {
    /// The data folder of `pim up`.
    pub(crate) fn data_folder(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(pim_embedded::default_data_dir)
    }

    /// Whom `--as` names, and how they have signed in.
    pub(crate) fn development_caller(&self) -> Result<Option<(String, SignIn)>, CliError> {
        let sign_in = if self.mfa { SignIn::Mfa } else { SignIn::Password };
        match &self.development_subject {
            Some(subject) => Ok(Some((subject.clone(), sign_in))),
            // Not by clap, which judges the options of each level of the command line by itself.
            None if self.mfa => Err(CliError::Usage("--mfa goes with --as".to_owned())),
            None => Ok(None),
        }
    }

    /// Whom to trust and which certificate to show; absent where nothing is said of either.
    fn tls(&self) -> Result<Option<Tls>, CliError> {
        let own = match (&self.certificate_file, &self.key_file) {
            (Some(certificate), Some(key)) => {
                Some(CertificateFiles { certificate: certificate.clone(), key: key.clone() })
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                let text = "--certificate-file and --key-file go together";
                return Err(CliError::Usage(text.to_owned()));
            }
        };
        if own.is_none() && self.ca_file.is_none() {
            return Ok(None);
        }
        let tls = Tls::load(self.ca_file.clone(), own).map_err(ClientError::from)?;
        Ok(Some(tls))
    }

    fn credentials(&self) -> Result<Credentials, CliError> {
        match (self.development_caller()?, &self.token) {
            (Some((subject, sign_in)), _) => {
                development::credentials(&self.data_folder(), subject, sign_in)
            }
            (None, Some(Token(token))) => Ok(Credentials::token(token.as_str())),
            (None, None) => Ok(Credentials::none()),
        }
    }
}

/// What a command works with.
pub(crate) struct Session<'a> {
    /// The server.
    pub(crate) client: Client,
    /// Names for the ids in the answers.
    pub(crate) names: Names,
    /// Where the answers go.
    pub(crate) printer: &'a mut Printer,
    /// The caller is one of the development tenant.
    pub(crate) is_development: bool,
}

impl<'a> Session<'a> {
    /// A session with the server that `connection` names. Nothing is sent yet.
    pub(crate) fn open(
        connection: &Connection,
        printer: &'a mut Printer,
    ) -> Result<Self, CliError> {
        let credentials = connection.credentials()?;
        let client = Client::connect_lazy_by(&connection.server, credentials, connection.tls()?)?;
        let is_development = connection.development_subject.is_some();
        Ok(Self { client, names: Names::default(), printer, is_development })
    }

    /// Learns the names of what an answer mentions.
    pub(crate) async fn learn<'i>(
        &mut self,
        roles: impl Iterator<Item = &'i str>,
        principals: impl Iterator<Item = &'i str>,
    ) {
        self.names.learn_roles(&self.client, roles).await;
        self.names.learn_principals(&self.client, principals).await;
    }
}
