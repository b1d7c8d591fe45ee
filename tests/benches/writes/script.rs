//! `pgbench` with the statements of a call, each of its transactions with a number of its own.

use crate::{capture::Statement, figures::Figures, pgbench};

/// What `pgbench` sends.
#[derive(Debug)]
pub(crate) struct Script {
    text: String,
    statements: usize,
    url: String,
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
        Self { text, statements: statements.len(), url: url.to_owned() }
    }

    pub(crate) fn statements(&self) -> usize {
        self.statements
    }

    /// One round: the things of the numbers from `first` on.
    pub(crate) async fn run(&self, first: i64, callers: usize, calls: usize) -> Figures {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("script"), &self.text).unwrap();
        let arguments = [
            ["-f", "script"].map(str::to_owned),
            ["-c".to_owned(), callers.to_string()],
            ["-t".to_owned(), calls.to_string()],
            ["-D".to_owned(), format!("first={first}")],
            ["-D".to_owned(), format!("calls={calls}")],
            ["-D", "k=0"].map(str::to_owned),
        ];
        let arguments: Vec<String> = arguments.into_iter().flatten().collect();
        pgbench::run(dir, &self.url, arguments).await
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
