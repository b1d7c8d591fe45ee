//! What `postmaster.pid` says, and the end of a postmaster that nobody owns.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::account::answer;
use crate::error::{During, EmbeddedError};
use crate::guard::wait_until;

/// A shutdown writes everything in memory to disk first.
pub(crate) const STOP_MAX: Duration = Duration::from_secs(60);

/// The fields of `postmaster.pid` that matter here (Postgres: `pidfile.h`).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PidFile {
    pub(crate) pid: u32,
    pub(crate) socket_dir: PathBuf,
    pub(crate) ready: bool,
}

impl PidFile {
    /// `None` while there is none, or it is being written.
    pub(crate) fn read(data: &Path) -> Option<Self> {
        let text = fs::read_to_string(path(data)).ok()?;
        let line = |number: usize| text.lines().nth(number - 1).unwrap_or_default().trim();
        Some(Self {
            pid: line(1).parse().ok()?,
            socket_dir: PathBuf::from(line(5)),
            ready: line(8) == "ready",
        })
    }
}

/// Makes sure that no postmaster runs on `data`. The caller holds the folder's lock, so one that
/// does has lost its program and its guard: it is stopped.
pub(crate) fn settle(data: &Path) -> Result<(), EmbeddedError> {
    let Some(PidFile { pid, .. }) = PidFile::read(data) else { return Ok(()) };
    let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    if runs_on(pid, data) {
        tracing::warn!(pid, "stopping a PostgreSQL that lost its program");
        // An error means that it ended by itself, which is what is wanted.
        let _ = kill_process(process, Signal::INT);
        return if wait_until(STOP_MAX, || gone(pid, data)) {
            Ok(())
        } else {
            Err(EmbeddedError::Stuck { pid })
        };
    }
    if test_kill_process(process).is_ok() {
        // The number went to another process since; Postgres would take that one for itself.
        let path = path(data);
        return fs::remove_file(&path).during("remove", &path);
    }
    Ok(())
}

/// Postgres removes its pid file last, so this needs nobody to collect the process.
pub(crate) fn gone(pid: u32, data: &Path) -> bool {
    PidFile::read(data).is_none_or(|file| file.pid != pid) || !runs_on(pid, data)
}

/// Is this process the postmaster of `data`? It works in its data directory.
fn runs_on(pid: u32, data: &Path) -> bool {
    if cfg!(target_os = "linux") {
        fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == data)
    } else {
        let data = data.to_string_lossy();
        answer(Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]))
            .is_some_and(|line| line.contains("postgres") && line.contains(&*data))
    }
}

fn path(data: &Path) -> PathBuf {
    data.join("postmaster.pid")
}
