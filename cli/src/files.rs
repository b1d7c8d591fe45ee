//! The files of a data folder beside the database: keys, the development tenant, and what a
//! service of its own needs to join the system.
//!
//! ```text
//! development-issuer.key   signs development tokens
//! role-token.pem           signs role tokens, for PIM_ROLE_TOKEN_KEY_FILE
//! issuers.json             the issuers that this system accepts, for PIM_ISSUERS
//! token-key                authenticates page tokens and revisions, for PIM_TOKEN_KEY_FILE
//! log-key                  signs the log, for PIM_LOG_KEY_FILE
//! role-passwords           of the services' logins, on a database that was given
//! tenant-id                the development tenant
//! ```

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use pim_chassis::{
    auth::{DevelopmentIssuer, RoleTokens},
    log_keys::LogKeys,
    seal::Seal,
};
use pim_store::Login;
use uuid::Uuid;

use crate::{development::TENANT_FILE, error::CliError};

const ISSUERS_FILE: &str = "issuers.json";
const TOKEN_KEY_FILE: &str = "token-key";
const LOG_KEY_FILE: &str = "log-key";
const ROLE_PASSWORDS_FOLDER: &str = "role-passwords";

/// A data folder.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    folder: PathBuf,
}

impl Files {
    /// Those of `folder`, which is made if need be.
    pub(crate) fn at(folder: &Path) -> Result<Self, CliError> {
        fs::create_dir_all(folder).map_err(|error| CliError::data(folder, error))?;
        Ok(Self { folder: folder.to_owned() })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The development issuer; its key is made at the first start.
    pub(crate) fn issuer(&self) -> Result<Arc<DevelopmentIssuer>, CliError> {
        let issuer =
            DevelopmentIssuer::load_or_create(&self.folder).map_err(|error| self.wrong(error))?;
        let issuers = format!("{:#}\n", issuer.issuers_json());
        fs::write(self.folder.join(ISSUERS_FILE), issuers).map_err(|error| self.wrong(error))?;
        Ok(Arc::new(issuer))
    }

    /// Signs role tokens; the key is made at the first start.
    pub(crate) fn role_tokens(&self) -> Result<Arc<RoleTokens>, CliError> {
        let tokens = RoleTokens::load_or_create(&self.folder).map_err(|error| self.wrong(error))?;
        Ok(Arc::new(tokens))
    }

    /// The key of page tokens and revisions; made at the first start.
    pub(crate) fn seal(&self) -> Result<Arc<Seal>, CliError> {
        let path = self.key(TOKEN_KEY_FILE)?;
        Ok(Arc::new(Seal::load(&path).map_err(|error| self.wrong(error))?))
    }

    /// The key that signs the log; made at the first start.
    pub(crate) fn log_keys(&self) -> Result<Arc<LogKeys>, CliError> {
        let path = self.key(LOG_KEY_FILE)?;
        Ok(Arc::new(LogKeys::from_file(&path).map_err(|error| self.wrong(error))?))
    }

    /// The folder with the passwords of the services' logins; made at the first start.
    pub(crate) fn role_passwords(&self) -> Result<PathBuf, CliError> {
        let folder = self.folder.join(ROLE_PASSWORDS_FOLDER);
        fs::create_dir_all(&folder).map_err(|error| self.wrong(error))?;
        for login in Login::ALL {
            self.key(&format!("{ROLE_PASSWORDS_FOLDER}/{}", login.name()))?;
        }
        Ok(folder)
    }

    /// A file with a key of 256 bits; made where there is none.
    fn key(&self, name: &str) -> Result<PathBuf, CliError> {
        let path = self.folder.join(name);
        if !path.exists() {
            // Two random UUIDs: 244 random bits.
            let key = format!("{}{}\n", Uuid::new_v4().simple(), Uuid::new_v4().simple());
            self.write_secret(&path, &key).map_err(|error| self.wrong(error))?;
        }
        Ok(path)
    }

    /// The development tenant, if it has been made.
    pub(crate) fn tenant(&self) -> Option<Uuid> {
        let text = fs::read_to_string(self.folder.join(TENANT_FILE)).ok()?;
        Uuid::try_parse(text.trim()).ok()
    }

    /// Remembers the development tenant.
    pub(crate) fn keep_tenant(&self, tenant: &str) -> Result<(), CliError> {
        let path = self.folder.join(TENANT_FILE);
        fs::write(path, format!("{tenant}\n")).map_err(|error| self.wrong(error))
    }

    /// Whole or not at all: a half-written key would lock everybody out at the next start.
    fn write_secret(&self, path: &Path, text: &str) -> io::Result<()> {
        let new = path.with_extension("new");
        let mut file =
            fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(new, path)
    }

    fn wrong(&self, cause: impl ToString) -> CliError {
        CliError::data(&self.folder, cause)
    }
}
