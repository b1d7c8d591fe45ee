//! A running Postgres of our own.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::account::Account;
use crate::error::EmbeddedError;
use crate::folder::{Folder, Fresh, private_dir, tail};
use crate::guard::{Guard, wait_until};
use crate::install::{find_major, find_or_install};
use crate::postmaster::{PidFile, STOP_MAX, gone, settle};
use crate::search::Binaries;

/// A start after a crash replays the log first, which may take long.
const START_MAX: Duration = Duration::from_secs(300);

/// After a `kill -9` of the postmaster, its children end when they notice: at their next wait.
const CHILDREN_END_MAX: Duration = Duration::from_secs(30);

/// What Postgres says while such children are there.
const CHILDREN_THERE: &str = "pre-existing shared memory block";

/// How the name of a running cluster's directory begins.
const RUN: &str = "pim-";

const SETTINGS: [&str; 8] = [
    // The only way in is the socket, in a directory that only the account and root may enter.
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=200",
    "shared_buffers=64MB",
    "log_min_messages=warning",
    "timezone=UTC",
    "log_timezone=UTC",
    "cluster_name=pim",
];

/// What a cluster that nobody will miss can do without.
const THROWAWAY_SETTINGS: [&str; 6] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    // Many tests run at once, each with connections of each service.
    "max_connections=500",
];

/// A running Postgres that ends with this program.
///
/// Its superuser is `pim`, and the database `postgres` is always there: create others by SQL.
/// Dropping it stops Postgres and waits some seconds for that; [`Cluster::stop`] says whether it
/// worked. One that is never dropped (in a `static`) is stopped by the end of the program.
#[derive(Debug)]
pub struct Cluster {
    // In this order: Postgres ends before its directory goes and before another may take the data.
    guard: Guard,
    run: TempDir,
    data: PathBuf,
    pid: u32,
    _folder: Option<Folder>,
}

impl Cluster {
    /// Runs Postgres on the data folder `data`, made at the first start and kept.
    ///
    /// The folder is this program's for as long as the cluster lives. What an earlier program left
    /// by a crash (data half made, a lock file, even a running Postgres) is put right.
    ///
    /// # Errors
    /// Another live program has the folder; the folder cannot be used; there are no fitting
    /// Postgres programs; Postgres does not start.
    pub fn open(data: &Path) -> Result<Self, EmbeddedError> {
        let data = absolute(data).unwrap_or_else(|_| data.to_owned());
        let folder = Folder::take(&data)?;
        let postgres = folder.postgres();
        let log = folder.log()?;
        let (account, binaries) = if let Some(major) = folder.major()? {
            let account = Account::owner_of(&postgres)?;
            account.require_entry(&postgres)?;
            settle(&postgres)?;
            (account, find_major(&postgres, major)?)
        } else {
            Account::current()?.require_entry(folder.path())?;
            let (account, binaries) = newcomer()?;
            folder.create(account, &binaries, &log)?;
            (account, binaries)
        };
        let launch = Launch { account, binaries: &binaries, data: &postgres, log: &log };
        let start = Instant::now();
        loop {
            let run = private_dir(account, short_dir(), RUN)?;
            match launch.run(&run, &[]) {
                Ok((guard, pid)) => {
                    return Ok(Self { guard, run, data: postgres, pid, _folder: Some(folder) });
                }
                Err(EmbeddedError::Start { log })
                    if log.contains(CHILDREN_THERE) && start.elapsed() < CHILDREN_END_MAX => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Runs a fresh, fast Postgres for tests and the demo. It survives no crash of the machine,
    /// and nothing of it is left at the end, even after `kill -9`.
    ///
    /// # Errors
    /// There are no Postgres programs; Postgres does not start.
    pub fn throwaway() -> Result<Self, EmbeddedError> {
        let (account, binaries) = newcomer()?;
        let fresh = Fresh::make(account, &binaries, short_dir(), None, &["--no-sync"])?;
        let run = private_dir(account, short_dir(), RUN)?;
        let (data, log) = (run.path().join("data"), run.path().join("log"));
        fresh.move_to(&data)?;
        let launch = Launch { account, binaries: &binaries, data: &data, log: &log };
        let (guard, pid) = launch.run(&run, &THROWAWAY_SETTINGS)?;
        Ok(Self { guard, run, data, pid, _folder: None })
    }

    /// A connection URL for the database of that name.
    #[must_use]
    pub fn database_url(&self, database: &str) -> String {
        let host = encode(&self.socket_dir().to_string_lossy());
        format!("postgres://pim@localhost/{}?host={host}", encode(database))
    }

    /// The directory of the socket.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        self.run.path()
    }

    /// The process id of the postmaster.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Stops Postgres: ends its connections, writes everything to disk, and waits for that.
    ///
    /// # Errors
    /// It takes more than a minute.
    pub fn stop(mut self) -> Result<(), EmbeddedError> {
        // A guard that was killed is done at once, but leaves a helper that stops Postgres.
        if self.guard.close(STOP_MAX) && wait_until(STOP_MAX, || gone(self.pid, &self.data)) {
            Ok(())
        } else {
            Err(EmbeddedError::Stuck { pid: self.pid })
        }
    }
}

/// What a new cluster is made with.
fn newcomer() -> Result<(Account, Binaries), EmbeddedError> {
    Account::current()?.require_name()?;
    let binaries = find_or_install()?;
    // Asked again: the installation may have made the account `postgres`.
    Ok((Account::current()?, binaries))
}

/// One way to start Postgres.
struct Launch<'a> {
    account: Account,
    binaries: &'a Binaries,
    data: &'a Path,
    log: &'a Path,
}

impl Launch<'_> {
    /// Starts it with its socket in `run`, and waits until it takes connections.
    fn run(&self, run: &TempDir, settings: &[&str]) -> Result<(Guard, u32), EmbeddedError> {
        let mut postgres = Command::new(self.binaries.dir().join("postgres"));
        postgres.arg("-D").arg(self.data).arg("-k").arg(run.path());
        for setting in SETTINGS.iter().chain(settings) {
            postgres.args(["-c", setting]);
        }
        let offset = fs::metadata(self.log).map_or(0, |log| log.len());
        let mut guard = Guard::spawn(self.account, run.path(), self.log, &postgres)?;
        match ready(&mut guard, self.data, run.path()) {
            Some(pid) => Ok((guard, pid)),
            // Read before the guard goes, which removes a throwaway cluster's log.
            None => Err(EmbeddedError::Start { log: tail(self.log, offset) }),
        }
    }
}

/// Waits until Postgres takes connections, and gives its process id; `None` when it ended.
fn ready(guard: &mut Guard, data: &Path, run: &Path) -> Option<u32> {
    let mut pid = None;
    wait_until(START_MAX, || {
        // The file may be there from an earlier start: the socket's directory tells them apart.
        pid = PidFile::read(data)
            .filter(|file| file.ready && file.socket_dir == run)
            .map(|file| file.pid);
        pid.is_some() || guard.ended().is_some()
    });
    pid
}

/// A socket's path must stay below 104 to 108 bytes, so data folders are no place for it.
fn short_dir() -> &'static Path {
    Path::new("/tmp")
}

/// Percent-encodes what is not an unreserved character of URLs.
fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut url, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
        url
    })
}
