//! The keys that sign the log.

use std::path::Path;

use pim_domain::log::note::{KEY_BYTES, Signer, VerifierKey};

use crate::{
    config::{Config, ConfigError},
    seal::read_key,
};

/// The private keys of the log: the one in force, and while it is being introduced the one before.
#[derive(Debug)]
pub struct LogKeys {
    /// Signs, and takes over from the previous one where that has signed so far.
    pub current: Signer,
    /// Signs beside it, so that whoever knows no other can go on.
    pub previous: Option<Signer>,
}

impl LogKeys {
    /// The keys in the files that the configuration names; none where it names none.
    ///
    /// # Errors
    /// A file cannot be read or holds something else.
    pub fn load(config: &Config) -> Result<Option<Self>, ConfigError> {
        let Some(current) = &config.log_key_file else { return Ok(None) };
        let current = signer(current)?;
        let previous = config.log_previous_key_file.as_deref().map(signer).transpose()?;
        Ok(Some(Self { current, previous }))
    }

    /// The key in a file alone.
    ///
    /// # Errors
    /// It cannot be read or holds something else.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        Ok(Self { current: signer(path)?, previous: None })
    }

    /// A key alone; `None` where its seed makes none.
    #[must_use]
    pub fn from_seed(seed: &[u8; KEY_BYTES]) -> Option<Self> {
        Some(Self { current: Signer::new(seed)?, previous: None })
    }

    /// Those that sign, the newest last.
    #[must_use]
    pub fn signers(&self) -> Vec<&Signer> {
        self.previous.iter().chain([&self.current]).collect()
    }

    /// Their public keys for the log `origin`, the newest last.
    #[must_use]
    pub fn verifiers(&self, origin: &str) -> Vec<VerifierKey> {
        self.signers().iter().map(|signer| signer.verifier(origin)).collect()
    }
}

fn signer(path: &Path) -> Result<Signer, ConfigError> {
    let seed = read_key(path, "log key")?;
    Signer::new(&seed).ok_or_else(|| {
        ConfigError::new(format!("the log key file {} holds no Ed25519 key", path.display()))
    })
}
