//! `pgbench`, on the database of a test.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use tempfile::TempDir;

use crate::figures::Figures;

/// One run in `dir`, where it finds its scripts.
pub(crate) async fn run(dir: TempDir, url: &str, arguments: Vec<String>) -> Figures {
    let mut all: Vec<String> = ["-n", "-M", "prepared", "-l", "-j", "2"].map(str::to_owned).into();
    all.extend(arguments);
    let told = call(dir.path(), url, all).await;
    assert!(told.contains("number of failed transactions: 0 "), "{told}");
    let rate = told
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
        .unwrap();
    Figures { rate, ..Figures::of(latencies(&dir), Duration::from_secs(1)) }
}

/// What it says when it is called so.
pub(crate) async fn call(dir: &Path, url: &str, arguments: Vec<String>) -> String {
    let mut command = Command::new(program());
    command
        .current_dir(dir)
        // As the services' own connections have it.
        .env("PGOPTIONS", "-c plan_cache_mode=force_generic_plan -c jit=off")
        .args(arguments)
        .args(["-U", "pim", "-h"])
        .arg(socket_dir(url))
        .arg(database(url));
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let Output { status, stdout, stderr } = ended;
    let told = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success(), "{told}\n{}", String::from_utf8_lossy(&stderr));
    told
}

/// Where the cluster's socket is, and its log.
pub(crate) fn socket_dir(url: &str) -> PathBuf {
    url.split_once("?host=").unwrap().1.replace("%2F", "/").into()
}

fn database(url: &str) -> &str {
    let (rest, _) = url.split_once("?host=").unwrap();
    rest.rsplit_once('/').unwrap().1
}

/// How long each transaction took.
fn latencies(dir: &TempDir) -> Vec<Duration> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_string_lossy().starts_with("pgbench_log") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let third = text.lines().map(|line| line.split(' ').nth(2).unwrap());
        all.extend(third.map(|micros| Duration::from_micros(micros.parse().unwrap())));
    }
    all
}

fn program() -> PathBuf {
    let binaries = pim_embedded::find_or_install().unwrap();
    let program = binaries.dir().join("pgbench");
    assert!(program.exists(), "there is no pgbench beside {}", binaries.dir().display());
    program
}
