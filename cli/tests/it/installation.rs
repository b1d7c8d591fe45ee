//! `pim up` on a data folder of its own, and the commands that people give it.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use pim_tests::eventually;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ended, Program, processes_of};

/// The program under test.
pub(crate) const PIM: &str = env!("CARGO_BIN_EXE_pim");
/// How long a Postgres whose program was killed may take to stop before its folder is removed.
const STOP_MAX: Duration = Duration::from_secs(10);

/// A data folder, which goes away with this.
pub(crate) struct Installation {
    folder: TempDir,
}

/// A `pim up` that runs on it and is ready.
pub(crate) struct Up {
    pub(crate) program: Program,
    pub(crate) url: String,
    pub(crate) welcome: String,
    data: PathBuf,
}

impl Installation {
    /// With nothing in it; the account that runs Postgres for root may enter it.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("pim-test-").tempdir_in("/tmp").unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    /// The data folder. Nobody has made it before the first start.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts on a free port and waits for the welcome.
    pub(crate) async fn up(&self) -> Up {
        let data = self.data();
        let mut program = Program::start(
            Command::new(PIM).args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(&data),
        );
        let welcome = program.prints("pim audit list").await;
        let url = welcome.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        Up { url: url.to_owned(), welcome, program, data }
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        // Ends by itself with its program; while it does, its files come and go.
        let start = Instant::now();
        while start.elapsed() < STOP_MAX && !processes_of(self.folder.path()).is_empty() {
            std::thread::yield_now();
        }
    }
}

impl Up {
    /// Starts a command of `who`, signed in with multi-factor authentication.
    pub(crate) fn start(&self, who: &str, line: &[&str]) -> Program {
        let mut command = Command::new(PIM);
        command.args(["--server", &self.url, "--output", "json", "--as", who, "--mfa", "--data"]);
        Program::start(command.arg(&self.data).args(line))
    }

    /// The same, to its end.
    pub(crate) async fn run(&self, who: &str, line: &[&str]) -> Ended {
        self.start(who, line).ended().await
    }

    /// What it answers; it must be done.
    pub(crate) async fn ask(&self, who: &str, line: &[&str]) -> Value {
        let ended = self.run(who, line).await;
        assert_eq!(ended.code, Some(0), "{line:?}: {}", ended.err);
        serde_json::from_str(&ended.out).unwrap()
    }

    /// What waits for a decision of `who`, once something does.
    pub(crate) async fn inbox(&self, who: &str) -> Value {
        eventually("a request is in the inbox", async || {
            let inbox = self.ask(who, &["approvals"]).await;
            inbox.get(0).cloned()
        })
        .await
    }

    /// The whole log, newest first, but for what scans for alerts add to it whenever it is time.
    pub(crate) async fn log(&self) -> Vec<Value> {
        let mut log = items(self.ask("admin", &["audit", "list"]).await);
        log.retain(|event| !text(event, "code").starts_with("pim.alert."));
        log
    }
}

/// The items of a list.
pub(crate) fn items(list: Value) -> Vec<Value> {
    let Value::Array(items) = list else { panic!("not a list: {list}") };
    items
}

/// A field that is a text.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field}: {value}"))
}
