//! `pim migrate`: brings a database to this program's schema, and makes the logins of the services.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clap::Args as ClapArgs;
use pim_chassis::{config::Secret, process::ProcessError};
use pim_store::{Login, Passwords};

use crate::{error::CliError, output::Printer};

/// Bring a database to this program's schema; services check it and refuse to start on another
///
/// Makes a login for each service, too, and lets each do what it needs: pim_assignment, pim_activation,
/// pim_approval, pim_audit, pim_access, pim_scheduler.
#[derive(Debug, ClapArgs)]
pub(crate) struct Migrate {
    /// The Postgres database, as a URL, by the login that owns its tables and may make roles
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Secret,
    /// A folder with a file for each of those logins, of its name, with the password it is to have.
    /// Without it they keep theirs; new ones have none, for who signs in by certificate or as a peer
    #[arg(long, env = "PIM_ROLE_PASSWORDS", value_name = "FOLDER")]
    role_passwords: Option<PathBuf>,
}

/// Migrates; does nothing where there is nothing to do.
pub(crate) async fn run(migrate: Migrate, printer: &mut Printer) -> Result<(), CliError> {
    let passwords = match &migrate.role_passwords {
        Some(folder) => RolePasswords::load(folder)?,
        None => RolePasswords::default(),
    };
    let url = migrate.database_url.expose();
    let migrated = pim_store::migrate::migrate(url, &passwords.verifiers()?).await;
    migrated.map_err(ProcessError::from)?;
    let version = pim_store::migrate::needed();
    Ok(printer.line(&format!("the database has schema version {version}"))?)
}

/// The passwords of the services' logins, from a folder.
#[derive(Default)]
pub(crate) struct RolePasswords(BTreeMap<Login, (PathBuf, String)>);

impl RolePasswords {
    /// Of a folder with a file for each login.
    pub(crate) fn load(folder: &Path) -> Result<Self, CliError> {
        let read = |login: Login| {
            let path = folder.join(login.name());
            let text = fs::read_to_string(&path).map_err(|error| CliError::file(&path, error))?;
            let password = text.trim_end_matches(['\r', '\n']).to_owned();
            Ok((login, (path, password)))
        };
        Login::ALL.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// That of a login, where there is one.
    pub(crate) fn of(&self, login: Login) -> Option<String> {
        self.0.get(&login).map(|(_, password)| password.clone())
    }

    /// What Postgres is told of them.
    pub(crate) fn verifiers(&self) -> Result<Passwords, CliError> {
        let mut passwords = Passwords::default();
        for (login, (path, password)) in &self.0 {
            passwords.add(*login, password).map_err(|error| CliError::file(path, error))?;
        }
        Ok(passwords)
    }
}
