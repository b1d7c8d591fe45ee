//! The folder of a cluster that is kept: whose it is, and the making of its data.
//!
//! ```text
//! pim.lock         locked by the program that owns the folder, with its process id inside
//! postgres/        the data directory of Postgres
//! postgres.log     what Postgres said since its last start; postgres.log.1 is the start before
//! .new-XXXXXX/     data in the making: renamed when whole, removed when found
//! ```

use std::env;
use std::fs::{self, File, Permissions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::account::{Account, is_root};
use crate::error::{During, EmbeddedError};
use crate::guard::{Guard, wait_until};
use crate::install::LOG_TAIL_LINES;
use crate::search::{Binaries, env_path};

const INITDB_MAX: Duration = Duration::from_secs(120);
const UNFINISHED: &str = ".new-";

/// Where `pim up` keeps its data unless told otherwise: `/var/lib/pim` for root, else
/// `$XDG_DATA_HOME/pim` or `~/.local/share/pim`.
#[must_use]
pub fn default_data_dir() -> PathBuf {
    if is_root() {
        // Below root's home the account that runs Postgres could not reach it.
        return PathBuf::from("/var/lib/pim");
    }
    let home = || env::home_dir().map(|home| home.join(".local/share"));
    let data = env_path("XDG_DATA_HOME").filter(|dir| dir.is_absolute()).or_else(home);
    data.map_or_else(|| PathBuf::from("pim-data"), |data| data.join("pim"))
}

/// A data folder that this program owns until it drops this, or dies.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Creates the folder if need be and takes it.
    pub(crate) fn take(data: &Path) -> Result<Self, EmbeddedError> {
        if !data.exists() {
            fs::create_dir_all(data).during("create", data)?;
            // Root's own umask may be strict, and another account has to pass.
            let mode = if is_root() { 0o755 } else { 0o700 };
            fs::set_permissions(data, Permissions::from_mode(mode)).during("open up", data)?;
        }
        let path = fs::canonicalize(data).during("find", data)?;
        let lock_path = path.join("pim.lock");
        let mut lock = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&lock_path)
            .during("open", &lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                lock.read_to_string(&mut owner).during("read", &lock_path)?;
                return Err(EmbeddedError::InUse { data: path, pid: owner.trim().parse().ok() });
            }
            Err(TryLockError::Error(error)) => return Err(error).during("lock", &lock_path),
        }
        lock.set_len(0).during("write", &lock_path)?;
        writeln!(lock, "{}", std::process::id()).during("write", &lock_path)?;
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The data directory of Postgres.
    pub(crate) fn postgres(&self) -> PathBuf {
        self.path.join("postgres")
    }

    /// A fresh log; the one before is kept.
    pub(crate) fn log(&self) -> Result<PathBuf, EmbeddedError> {
        let log = self.path.join("postgres.log");
        if log.exists() {
            fs::rename(&log, self.path.join("postgres.log.1")).during("rename", &log)?;
        }
        Ok(log)
    }

    /// The major version that made the data; `None` when there is no data yet.
    pub(crate) fn major(&self) -> Result<Option<u32>, EmbeddedError> {
        let path = self.postgres();
        if !path.exists() {
            return Ok(None);
        }
        let version = fs::read_to_string(path.join("PG_VERSION")).unwrap_or_default();
        version.trim().parse().map(Some).map_err(|_| EmbeddedError::NotACluster { path })
    }

    /// Makes the data, wholly or not at all: a kill at any point leaves nothing that looks whole.
    pub(crate) fn create(
        &self,
        account: Account,
        binaries: &Binaries,
        log: &Path,
    ) -> Result<(), EmbeddedError> {
        self.remove_unfinished()?;
        let fresh = Fresh::make(account, binaries, &self.path, Some(log), &["--data-checksums"])?;
        fresh.move_to(&self.postgres())?;
        // The rename itself has to survive a power failure.
        File::open(&self.path).and_then(|dir| dir.sync_all()).during("sync", &self.path)
    }

    fn remove_unfinished(&self) -> Result<(), EmbeddedError> {
        for entry in fs::read_dir(&self.path).during("read", &self.path)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                fs::remove_dir_all(entry.path()).during("remove", &entry.path())?;
            }
        }
        Ok(())
    }
}

/// A data directory just made, at a temporary place.
#[derive(Debug)]
pub(crate) struct Fresh {
    // Dropped before the directory below it, which the guard removes as well.
    _guard: Guard,
    dir: TempDir,
}

impl Fresh {
    /// Runs `initdb` in a directory of its own below `parent`, which has the log if none is given.
    pub(crate) fn make(
        account: Account,
        binaries: &Binaries,
        parent: &Path,
        log: Option<&Path>,
        options: &[&str],
    ) -> Result<Self, EmbeddedError> {
        let dir = private_dir(account, parent, UNFINISHED)?;
        let log = log.map_or_else(|| dir.path().join("log"), Path::to_owned);
        let mut initdb = Command::new(binaries.dir().join("initdb"));
        initdb.arg("-D").arg(dir.path().join("data"));
        initdb.args(["--username=pim", "--encoding=UTF8", "--auth-local=trust"]);
        // Whoever starts this data by other means must not open it to the network by that.
        initdb.arg("--auth-host=reject");
        // Both sort by bytes; macOS has no C.UTF-8.
        let locale: &[&str] = if cfg!(target_os = "macos") {
            &["--locale=C", "--lc-ctype=UTF-8"]
        } else {
            &["--locale=C.UTF-8"]
        };
        initdb.args(locale).args(options);
        let mut guard = Guard::spawn(account, dir.path(), &log, &initdb)?;
        let mut status = None;
        wait_until(INITDB_MAX, || {
            status = guard.ended();
            status.is_some()
        });
        match status.as_deref() {
            Some("0") => Ok(Self { _guard: guard, dir }),
            _ => Err(EmbeddedError::Initdb { log: tail(&log, 0) }),
        }
    }

    /// Gives the data its place, on the same file system.
    pub(crate) fn move_to(self, target: &Path) -> Result<(), EmbeddedError> {
        fs::rename(self.dir.path().join("data"), target).during("rename a directory to", target)
    }
}

/// A new directory that only the account (and root) may enter.
pub(crate) fn private_dir(
    account: Account,
    parent: &Path,
    prefix: &str,
) -> Result<TempDir, EmbeddedError> {
    let dir = tempfile::Builder::new()
        .prefix(prefix)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .during("create a directory in", parent)?;
    account.own(dir.path())?;
    Ok(dir)
}

/// The last lines of a log, of what follows `offset`.
pub(crate) fn tail(log: &Path, offset: u64) -> String {
    let mut bytes = Vec::new();
    // Part of the log, or none, is better than an error about the log.
    let _ = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(offset))?;
        file.read_to_end(&mut bytes)
    });
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}
