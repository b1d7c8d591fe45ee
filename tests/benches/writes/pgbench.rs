//! `pgbench` with the statements of a call, each of its transactions with a number of its own.

use std::{path::PathBuf, process::Command, time::Duration};

use tempfile::TempDir;

use crate::{
    capture::{Statement, socket_dir},
    figures::Figures,
};

/// What `pgbench` sends.
#[derive(Debug)]
pub(crate) struct Script {
    text: String,
    statements: usize,
    socket_dir: PathBuf,
    database: String,
}

impl Script {
    /// These statements, where each of `needles` in a value is the text beside it with the number
    /// of the transaction (or of its user) at the end.
    pub(crate) fn of(
        statements: &[Statement],
        needles: &[Needle],
        users: usize,
        url: &str,
    ) -> Self {
        let mut text = format!(
            "\\set n :first + :client_id * :calls + :k\n\\set k :k + 1\n\\set u :n % {users}\n"
        );
        for statement in statements {
            text.push_str(&filled(statement, needles));
            text.push_str(";\n");
        }
        let (rest, _) = url.split_once("?host=").unwrap();
        Self {
            text,
            statements: statements.len(),
            socket_dir: socket_dir(url),
            database: rest.rsplit_once('/').unwrap().1.to_owned(),
        }
    }

    pub(crate) fn statements(&self) -> usize {
        self.statements
    }

    /// One round: the things of the numbers from `first` on.
    pub(crate) async fn run(&self, first: i64, callers: usize, calls: usize) -> Figures {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("script"), &self.text).unwrap();
        let mut command = Command::new(program());
        command
            .current_dir(dir.path())
            // As the services' own connections have it.
            .env("PGOPTIONS", "-c plan_cache_mode=force_generic_plan -c jit=off")
            .args(["-n", "-M", "prepared", "-f", "script", "-l", "-U", "pim", "-j", "2", "-h"])
            .arg(&self.socket_dir)
            .args(["-c", &callers.to_string(), "-t", &calls.to_string()])
            .args(["-D", &format!("first={first}"), "-D", &format!("calls={calls}"), "-D", "k=0"])
            .arg(&self.database);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        let problems = String::from_utf8_lossy(&output.stderr);
        let done = told.contains(&format!("processed: {0}/{0}", callers * calls));
        assert!(output.status.success() && done, "{told}\n{problems}");
        let rate = told
            .lines()
            .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
            .unwrap();
        Figures { rate, ..Figures::of(latencies(&dir), Duration::from_secs(1)) }
    }
}

/// Something in the values of the sample that is different in each transaction.
#[derive(Debug)]
pub(crate) struct Needle {
    /// As it is in the sample.
    pub(crate) text: String,
    /// What stays of it.
    pub(crate) prefix: String,
    /// The variable whose number follows.
    pub(crate) variable: &'static str,
}

fn filled(statement: &Statement, needles: &[Needle]) -> String {
    let lines = statement.text.lines().map(|line| line.split("--").next().unwrap_or_default());
    let mut text = lines.collect::<Vec<_>>().join("\n");
    for (index, (value, of)) in statement.values.iter().zip(&statement.types).enumerate().rev() {
        let value = value.as_ref().map_or("null".to_owned(), |value| expression(value, needles));
        text = text.replace(&format!("${}", index + 1), &format!("({value})::{of}"));
    }
    text
}

fn expression(value: &str, needles: &[Needle]) -> String {
    for needle in needles {
        if let Some((before, after)) = value.split_once(&needle.text) {
            let number = format!("lpad(to_hex(:{}::bigint), 12, '0')", needle.variable);
            let prefix = literal(&format!("{before}{}", needle.prefix));
            return format!("{prefix} || {number} || {}", expression(after, needles));
        }
    }
    literal(value)
}

/// Without a colon, which begins a variable.
fn literal(value: &str) -> String {
    let quoted = value.replace('\'', "''");
    if quoted.contains(':') {
        return format!("U&'{}'", quoted.replace('\\', "\\\\").replace(':', "\\003A"));
    }
    format!("'{quoted}'")
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
