//! The account that Postgres runs as: ours, or a lesser one when we are root, which it refuses.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{During, EmbeddedError};

/// Accounts that root becomes, best first. Debian's package makes the first, every system has the
/// second.
const LESSER: [&str; 2] = ["postgres", "nobody"];

/// Prints the first of its arguments that the caller may not enter.
const FIRST_CLOSED: &str = r#"for d; do [ -x "$d" ] || { printf %s "$d"; exit 1; }; done"#;

#[derive(Clone, Copy, Debug)]
struct Ids {
    uid: u32,
    gid: u32,
}

/// Who runs Postgres.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    /// Set when we are root; `None` means as we are.
    lesser: Option<Ids>,
}

impl Account {
    /// The account for a new cluster.
    pub(crate) fn current() -> Result<Self, EmbeddedError> {
        if !is_root() {
            return Ok(Self { lesser: None });
        }
        LESSER
            .iter()
            .filter_map(|name| Some(Ids { uid: id("-u", name)?, gid: id("-g", name)? }))
            .map(|ids| Self { lesser: Some(ids) })
            .find(Self::can_run)
            .ok_or(EmbeddedError::NoAccount)
    }

    /// The account for a cluster that exists: its owner.
    pub(crate) fn owner_of(data: &Path) -> Result<Self, EmbeddedError> {
        let found = fs::metadata(data).during("read", data)?;
        let (uid, gid) = (found.uid(), found.gid());
        let me = rustix::process::geteuid().as_raw();
        let lesser = match (is_root(), uid) {
            (true, owner) if owner != 0 => Some(Ids { uid, gid }),
            (false, owner) if owner == me => None,
            _ => return Err(EmbeddedError::ForeignOwner { data: data.to_owned(), owner: uid }),
        };
        Ok(Self { lesser })
    }

    /// `initdb` gives up late and obscurely on a user id without a passwd entry: say it first.
    pub(crate) fn require_name(&self) -> Result<(), EmbeddedError> {
        let uid = rustix::process::geteuid().as_raw();
        if self.lesser.is_some() || answer(Command::new("id").arg("-un")).is_some() {
            Ok(())
        } else {
            Err(EmbeddedError::NoPasswdEntry { uid })
        }
    }

    /// A command run as this account, from `/` and with almost no environment: `PG*` variables and
    /// the caller's locale would change what Postgres does.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()));
        command.current_dir("/").stdin(Stdio::null());
        if let Some(Ids { uid, gid }) = self.lesser {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Makes the account the owner of `path`.
    pub(crate) fn own(&self, path: &Path) -> Result<(), EmbeddedError> {
        match self.lesser {
            Some(Ids { uid, gid }) => chown(path, Some(uid), Some(gid)).during("chown", path),
            None => Ok(()),
        }
    }

    /// Refuses a directory that the account cannot enter, naming the one on the way that bars it.
    /// Asked of the system and not computed from modes, so that ACLs count.
    pub(crate) fn require_entry(&self, dir: &Path) -> Result<(), EmbeddedError> {
        let Some(Ids { uid, .. }) = self.lesser else { return Ok(()) };
        let mut way: Vec<&Path> = dir.ancestors().collect();
        way.reverse();
        let found = self
            .command("/bin/sh")
            .args(["-c", FIRST_CLOSED, "sh"])
            .args(way)
            .output()
            .during("look at the way to", dir)?;
        if found.status.success() {
            return Ok(());
        }
        let blocking = PathBuf::from(String::from_utf8_lossy(&found.stdout).into_owned());
        Err(EmbeddedError::Unreachable { uid, blocking })
    }

    /// Root inside a user namespace may have no other user id to become.
    fn can_run(&self) -> bool {
        self.command("/bin/sh").args(["-c", ":"]).status().is_ok_and(|status| status.success())
    }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn id(flag: &str, name: &str) -> Option<u32> {
    answer(Command::new("id").args([flag, name]))?.parse().ok()
}

/// What a successful command printed, trimmed.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
