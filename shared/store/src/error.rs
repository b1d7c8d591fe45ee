//! What can go wrong between the rules and Postgres, in the terms of those who call.

use std::error::Error as StdError;

/// Why the store could not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed it meanwhile: read again and decide again.
    #[error("changed meanwhile: {0}")]
    Conflict(String),
    /// The database took too long or was too busy; trying again may work.
    #[error("try again: {0}")]
    TryAgain(#[source] sqlx::Error),
    /// The database cannot be reached or serves nobody.
    #[error("database unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// What names the database is no URL of one. It may hold a password and is not repeated.
    #[error("the database URL is not one: it must be postgres://user@host/database")]
    BadUrl,
    /// The login is not behind the wall between tenants: a service is not to have it.
    #[error(
        "the login {login} {may}: a service must log in with a role that `pim migrate` has made"
    )]
    UnsafeLogin {
        /// Which.
        login: String,
        /// What it may do that no service is to.
        may: &'static str,
    },
    /// What is stored does not read as what it should be.
    #[error("stored {what} does not read: {source}")]
    Corrupt {
        /// Of what.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A statement was refused for a reason of the program's own.
    #[error("statement refused")]
    Refused(#[source] sqlx::Error),
}

impl StoreError {
    /// `what` does not read as what it should be.
    pub fn corrupt(what: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Corrupt { what, source: source.into() }
    }
}

// SQLSTATE classes and codes (PostgreSQL documentation, appendix A).
const SERIALIZATION_FAILURE: &str = "40001";
const DEADLOCK: &str = "40P01";
const UNIQUE_VIOLATION: &str = "23505";
const LOCK_NOT_AVAILABLE: &str = "55P03";
const QUERY_CANCELED: &str = "57014";
const SHUTDOWN_CLASS: &str = "57P";
const CONNECTION_CLASS: &str = "08";
const RESOURCES_CLASS: &str = "53";
const READ_ONLY: &str = "25006";

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return match error {
                sqlx::Error::PoolTimedOut => Self::TryAgain(error),
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Protocol(_) => Self::Unavailable(error),
                other => Self::Refused(other),
            };
        };
        let code = database.code().unwrap_or_default().into_owned();
        match code.as_str() {
            SERIALIZATION_FAILURE | DEADLOCK => Self::Conflict(database.message().to_owned()),
            UNIQUE_VIOLATION => {
                Self::Conflict(database.constraint().unwrap_or("unique").to_owned())
            }
            LOCK_NOT_AVAILABLE | QUERY_CANCELED => Self::TryAgain(error),
            code if code.starts_with(SHUTDOWN_CLASS)
                || code.starts_with(CONNECTION_CLASS)
                || code.starts_with(RESOURCES_CLASS)
                || code == READ_ONLY =>
            {
                Self::Unavailable(error)
            }
            _ => Self::Refused(error),
        }
    }
}
