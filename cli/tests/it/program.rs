//! A program that a test has started, and ends with it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use pim_tests::eventually;
use rustix::process::{Pid, Signal, kill_process};
use tonic::transport::{Channel, Endpoint};

/// Variables that a command of ours would listen to; a test says all that it means.
const OURS: &str = "PIM_";
/// Where the Postgres programs are is for whoever runs the tests to say.
const POSTGRES: &str = "PIM_PG_BIN_DIR";

/// A program that runs. It is killed when this goes, whatever became of the test.
pub(crate) struct Program {
    child: Child,
    out: Output,
    err: Output,
}

/// What a program that has ended has left.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Absent: a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// What a program has printed so far.
struct Output {
    text: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Program {
    /// Starts it, with nothing of ours from the environment but what `command` says.
    pub(crate) fn start(command: &mut Command) -> Self {
        let said: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
        let stray = std::env::vars_os().map(|(name, _)| name).filter(|name| {
            let text = name.to_string_lossy();
            text == "DATABASE_URL" || (text.starts_with(OURS) && text != POSTGRES)
        });
        for name in stray.filter(|name| !said.contains(name)) {
            command.env_remove(name);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let out = Output::read(child.stdout.take().unwrap());
        let err = Output::read(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed once that contains `text`.
    pub(crate) async fn prints(&mut self, text: &str) -> String {
        eventually(&format!("{text:?} is printed"), async || {
            // What it printed last may be read after it has ended.
            let ended = self.child.try_wait().unwrap().filter(|_| self.is_read());
            let out = self.out.text();
            if out.contains(text) {
                return Some(out);
            }
            assert!(ended.is_none(), "it ended ({ended:?}): {out}{}", self.err.text());
            None
        })
        .await
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Ended {
        let status = eventually("the program ends", async || self.child.try_wait().unwrap()).await;
        eventually("all is read that it has printed", async || self.is_read().then_some(())).await;
        Ended { code: status.code(), out: self.out.text(), err: self.err.text() }
    }

    /// Whether all is read that it has printed and will ever print.
    fn is_read(&self) -> bool {
        self.out.reader.is_finished() && self.err.reader.is_finished()
    }

    /// As `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    fn read(pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let seen = text.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let mut seen = seen.lock().unwrap();
                seen.push_str(&line);
                seen.push('\n');
            }
        });
        Self { text, reader }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }
}

/// The processes that were told of `folder` or work in it.
pub(crate) fn processes_of(folder: &Path) -> Vec<u32> {
    let text = folder.to_str().unwrap();
    let told = |process: &Path| {
        fs::read(process.join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(text))
    };
    let inside = |process: &Path| {
        fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| told(&entry.path()) || inside(&entry.path()))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A connection to the server at `url`, if it answers.
pub(crate) async fn channel(url: &str) -> Option<Channel> {
    Endpoint::from_shared(url.to_owned()).unwrap().connect().await.ok()
}
