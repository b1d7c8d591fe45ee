//! What the tests share: a folder, a program to kill, a few words of the Postgres protocol.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write, stdin};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pim_embedded::Cluster;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Tells a copy of this test program to hold a cluster: a data folder, or `throwaway`.
const HOLD: &str = "PIM_EMBEDDED_TEST_HOLD";

/// A folder that the account which runs Postgres for root may enter.
pub(crate) fn folder() -> TempDir {
    let dir = tempfile::Builder::new().prefix("pim-test-").tempdir_in("/tmp").unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    dir
}

/// Polls with a deadline.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "in vain waited for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Runs one statement and gives the first column of its rows.
pub(crate) fn query(socket_dir: &Path, sql: &str) -> Vec<String> {
    let mut stream = UnixStream::connect(socket_dir.join(".s.PGSQL.5432")).unwrap();
    let hello = b"\0\x03\0\0user\0pim\0database\0postgres\0\0";
    stream.write_all(&length(hello)).unwrap();
    stream.write_all(hello).unwrap();
    read_until_idle(&mut stream);
    stream.write_all(b"Q").unwrap();
    stream.write_all(&length(&[sql.as_bytes(), b"\0"].concat())).unwrap();
    stream.write_all(&[sql.as_bytes(), b"\0"].concat()).unwrap();
    read_until_idle(&mut stream)
}

fn length(body: &[u8]) -> [u8; 4] {
    u32::try_from(body.len() + 4).unwrap().to_be_bytes()
}

fn read_until_idle(stream: &mut UnixStream) -> Vec<String> {
    let mut rows = Vec::new();
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; length as usize - 4];
        stream.read_exact(&mut body).unwrap();
        match head[0] {
            b'Z' => return rows,
            b'E' => panic!("{}", String::from_utf8_lossy(&body)),
            // Two bytes count the columns, four are the length of the first.
            b'D' => rows.push(String::from_utf8_lossy(&body[6..]).into_owned()),
            _ => {}
        }
    }
}

/// Another program that has a cluster.
pub(crate) struct Holder {
    pub(crate) process: Child,
    pub(crate) socket_dir: PathBuf,
    pub(crate) postmaster: u32,
}

impl Holder {
    /// Starts this test program again, for the one test below.
    pub(crate) fn start(hold: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "support::hold_a_cluster_when_asked", "--nocapture"])
            .env(HOLD, hold)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines
            .find_map(|line| line.unwrap().split_once("holding ").map(|(_, it)| it.to_owned()))
            .expect("the holder says what it holds");
        let (pid, socket_dir) = line.split_once(' ').unwrap();
        Self { process, socket_dir: socket_dir.into(), postmaster: pid.parse().unwrap() }
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Not a test by itself: the program that [`Holder::start`] starts.
#[test]
fn hold_a_cluster_when_asked() {
    let Ok(hold) = std::env::var(HOLD) else { return };
    let cluster = if hold == "throwaway" {
        Cluster::throwaway().unwrap()
    } else {
        Cluster::open(Path::new(&hold)).unwrap()
    };
    println!("\nholding {} {}", cluster.pid(), cluster.socket_dir().display());
    stdin().read_to_end(&mut Vec::new()).unwrap();
}
