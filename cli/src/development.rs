//! Development tokens: whoever can read the data folder of `pim up` can call as anybody.

use std::{fs, io, path::Path};

use chrono::TimeDelta;
use pim_chassis::{
    auth::{DevelopmentIssuer, Grant},
    clock::Clock,
};
use pim_client::Credentials;
use pim_domain::condition::Signals;
use uuid::Uuid;

use crate::error::CliError;

/// The file of the data folder that names the development tenant.
pub(crate) const TENANT_FILE: &str = "tenant-id";
/// How long a development token is good for, in seconds. One is made for each request.
const TOKEN_SECONDS: i64 = 300;

/// How a development subject has signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignIn {
    /// With a password alone.
    Password,
    /// With a second factor.
    Mfa,
}

impl SignIn {
    fn amr(self) -> Vec<String> {
        let methods: &[&str] = match self {
            Self::Password => &["pwd"],
            Self::Mfa => &["pwd", "mfa"],
        };
        methods.iter().map(|&method| method.to_owned()).collect()
    }
}

/// Credentials of `subject` in the development tenant of the data folder `folder`.
pub(crate) fn credentials(
    folder: &Path,
    subject: String,
    sign_in: SignIn,
) -> Result<Credentials, CliError> {
    let grant = grant(folder, subject, sign_in)?;
    let issuer =
        DevelopmentIssuer::load_or_create(folder).map_err(|error| CliError::data(folder, error))?;
    let clock = Clock::disciplined();
    Ok(Credentials::provider(move || {
        Ok(issuer.mint(&grant, clock.now().now, TimeDelta::seconds(TOKEN_SECONDS))?)
    }))
}

/// What a token of `subject` in the development tenant of the data folder `folder` says.
pub(crate) fn grant(folder: &Path, subject: String, sign_in: SignIn) -> Result<Grant, CliError> {
    let tenant = tenant(folder)?;
    Ok(Grant::Principal {
        tenant,
        subject,
        amr: sign_in.amr(),
        acr: None,
        acrs: Vec::new(),
        auth_time: None,
        signals: Signals::default(),
    })
}

/// Read before the issuer is loaded: loading it would make a key in a folder that is none of ours.
fn tenant(folder: &Path) -> Result<Uuid, CliError> {
    let text = fs::read_to_string(folder.join(TENANT_FILE)).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            CliError::data(folder, "it has no development tenant; `pim up` makes one")
        } else {
            CliError::data(folder, error)
        }
    })?;
    Uuid::try_parse(text.trim())
        .map_err(|_| CliError::data(folder, format!("{TENANT_FILE} is not a UUID")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_tenant_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let refused = credentials(folder.path(), "alice".to_owned(), SignIn::Mfa).unwrap_err();
        assert!(refused.to_string().contains("pim up"), "{refused}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_with_a_tenant_gives_credentials() {
        let folder = tempfile::tempdir().unwrap();
        let tenant = format!("{}\n", Uuid::new_v4());
        fs::write(folder.path().join(TENANT_FILE), tenant).unwrap();
        credentials(folder.path(), "alice".to_owned(), SignIn::Password).unwrap();
    }
}
