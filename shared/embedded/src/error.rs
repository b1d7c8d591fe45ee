//! What can go wrong, each with what to do about it.

use std::path::{Path, PathBuf};

/// Why there is no running cluster.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No usable Postgres programs, and none could be installed.
    #[error(
        "no PostgreSQL 15 or newer with btree_gist was found, and none could be installed.\n\
         Install it (Debian, Ubuntu: apt-get install postgresql; macOS: brew install \
         postgresql@17), name its directory of programs in PIM_PG_BIN_DIR, or give \
         --database-url.\n{log}"
    )]
    NotFound {
        /// The last lines of the installing script.
        log: String,
    },
    /// `PIM_PG_BIN_DIR` names something that cannot be used.
    #[error("PIM_PG_BIN_DIR is {}, which cannot be used: {reason}", dir.display())]
    BadBinDir {
        /// The directory named.
        dir: PathBuf,
        /// What is missing there.
        reason: String,
    },
    /// The data was made by a major version that is not here.
    #[error(
        "the data in {} was made by PostgreSQL {major}, which was not found here. Install \
         PostgreSQL {major}, or move the data with pg_dump", data.display()
    )]
    MajorMissing {
        /// The cluster's data.
        data: PathBuf,
        /// The major version that made it.
        major: u32,
    },
    /// Postgres refuses to run as root, and no other account can be taken.
    #[error(
        "PostgreSQL does not run as root, and root cannot become `postgres` or `nobody` here. \
         Start this program as an ordinary user, or give --database-url"
    )]
    NoAccount,
    /// The user id has no entry in the passwd database, without which `initdb` gives up.
    #[error(
        "user id {uid} has no passwd entry, which PostgreSQL needs. Add one, or give --database-url"
    )]
    NoPasswdEntry {
        /// The effective user id.
        uid: u32,
    },
    /// The account that runs Postgres cannot reach the data.
    #[error(
        "PostgreSQL runs as user id {uid}, which may not enter {}. Choose a data folder outside \
         of it (default: /var/lib/pim)", blocking.display()
    )]
    Unreachable {
        /// The account's user id.
        uid: u32,
        /// The first directory on the way that it may not enter.
        blocking: PathBuf,
    },
    /// Another live program has the data folder.
    #[error(
        "the data folder {} is in use by {}. Stop that program, or choose another folder",
        data.display(), owner(*.pid)
    )]
    InUse {
        /// The data folder.
        data: PathBuf,
        /// The process that has it, if it said so.
        pid: Option<u32>,
    },
    /// The data belongs to somebody else.
    #[error("{} belongs to user id {owner}, so PostgreSQL cannot run on it here", data.display())]
    ForeignOwner {
        /// The cluster's data.
        data: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// Something else is where the cluster's data should be.
    #[error("{} is not a PostgreSQL data directory. Move it away", path.display())]
    NotACluster {
        /// The directory.
        path: PathBuf,
    },
    /// `initdb` failed.
    #[error("initdb failed:\n{log}")]
    Initdb {
        /// Its last lines.
        log: String,
    },
    /// Postgres ended, or was not ready in time.
    #[error("PostgreSQL did not start:\n{log}")]
    Start {
        /// The last lines of its log.
        log: String,
    },
    /// Postgres was told to stop and did not in time.
    #[error("PostgreSQL (process {pid}) was told to stop and is still there")]
    Stuck {
        /// The postmaster.
        pid: u32,
    },
    /// The operating system refused.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried, on what.
        what: String,
        /// Its answer.
        source: std::io::Error,
    },
}

fn owner(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another program".to_owned(), |pid| format!("process {pid}"))
}

/// Names the operation and the path that an I/O error is about.
pub(crate) trait During<T> {
    fn during(self, what: &str, path: &Path) -> Result<T, EmbeddedError>;
}

impl<T> During<T> for std::io::Result<T> {
    fn during(self, what: &str, path: &Path) -> Result<T, EmbeddedError> {
        self.map_err(|source| EmbeddedError::Io {
            what: format!("{what} {}", path.display()),
            source,
        })
    }
}
