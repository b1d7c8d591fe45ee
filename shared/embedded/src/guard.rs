//! The guard: a small shell process between this program and a command of Postgres.
//!
//! It runs the command for as long as this program holds a pipe open, then stops the command and
//! removes a directory. The kernel closes the pipe however this program ends, so a `kill -9` stops
//! Postgres cleanly as well. (A death signal would do the same on Linux alone, and needs `unsafe`.)

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::error::{During, EmbeddedError};

const SCRIPT: &str = include_str!("guard.sh");

/// How long a dropped guard is waited for.
const DROP_WAIT: Duration = Duration::from_secs(10);

const POLL: Duration = Duration::from_millis(2);

/// A command that ends with this program.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    /// Where the shell writes the command's exit status.
    ended: PathBuf,
}

impl Guard {
    /// Starts `command`, given as program and arguments, with its output appended to `log`. The
    /// account must own `dir`, which is removed after the end.
    pub(crate) fn spawn(
        account: Account,
        dir: &Path,
        log: &Path,
        command: &Command,
    ) -> Result<Self, EmbeddedError> {
        let ended = dir.join("ended");
        remove_if_there(&ended)?;
        // Postgres quotes statements in its log: not for everybody's eyes.
        let output =
            File::options().create(true).append(true).mode(0o600).open(log).during("open", log)?;
        let errors = output.try_clone().during("open", log)?;
        let shell = account
            .command("/bin/sh")
            .args(["-c", SCRIPT, "pim-guard"])
            .args([&ended, dir])
            .arg(command.get_program())
            .args(command.get_args())
            // A terminal's ^C reaches its foreground group only: ours, not Postgres.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .during("run", Path::new("/bin/sh"))?;
        Ok(Self { shell, ended })
    }

    /// The command's exit status, once it has ended. A guard that is gone counts as an end too.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let status = fs::read_to_string(&self.ended).unwrap_or_default();
        // Without its newline the status is still being written.
        if let Some(status) = status.strip_suffix('\n') {
            return Some(status.to_owned());
        }
        let running = matches!(self.shell.try_wait(), Ok(None));
        if running { None } else { Some("the guard is gone".to_owned()) }
    }

    /// Closes the pipe and waits for the guard's end, up to `limit`. False when it takes longer.
    pub(crate) fn close(&mut self, limit: Duration) -> bool {
        drop(self.shell.stdin.take());
        wait_until(limit, || !matches!(self.shell.try_wait(), Ok(None)))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.close(DROP_WAIT);
    }
}

/// Asks every few milliseconds until the answer is yes, up to `limit`.
pub(crate) fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > limit {
            return false;
        }
        std::thread::sleep(POLL);
    }
    true
}

fn remove_if_there(path: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).during("remove", path)
        }
        _ => Ok(()),
    }
}
