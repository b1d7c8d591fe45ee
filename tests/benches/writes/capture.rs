//! What a call says to Postgres, as Postgres logs it.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqlSafeStr as _};

use crate::pgbench::socket_dir;

/// How each entry of the log begins while a call is watched.
const ENTRY: &str = "@entry@ ";

/// One statement with the values that it was sent with.
#[derive(Debug)]
pub(crate) struct Statement {
    /// With `$1` and so on.
    pub(crate) text: String,
    /// As text; absent: null.
    pub(crate) values: Vec<Option<String>>,
    /// Of the values, such as `UUID[]`.
    pub(crate) types: Vec<String>,
}

/// Runs `call` and tells what was said to the database meanwhile, in order, by anybody.
pub(crate) async fn statements(url: &str, call: impl Future<Output = ()>) -> Vec<Statement> {
    let mut watcher = PgConnection::connect(url).await.unwrap();
    let file = socket_dir(url).join("log");
    let before = std::fs::read_to_string(&file).unwrap().len();
    set(&mut watcher, &format!("log_line_prefix = '{ENTRY}'")).await;
    set(&mut watcher, "log_statement = 'all'").await;
    call.await;
    set(&mut watcher, "log_statement = 'none'").await;
    let log = std::fs::read_to_string(&file).unwrap();
    let mut statements = parse(&log[before..]);
    for statement in &mut statements {
        statement.types = types(&mut watcher, &statement.text).await;
    }
    statements
}

/// Changes a setting of the cluster, and waits until this connection has it; others take it with
/// their next statement.
async fn set(watcher: &mut PgConnection, setting: &str) {
    let sql = AssertSqlSafe(format!("alter system set {setting}"));
    watcher.execute(sql).await.unwrap();
    watcher.execute("select pg_reload_conf()").await.unwrap();
    let (name, value) = setting.split_once(" = ").unwrap();
    let value = value.trim_matches('\'');
    loop {
        let now: String = sqlx::query_scalar("select current_setting($1)")
            .bind(name)
            .fetch_one(&mut *watcher)
            .await
            .unwrap();
        if now == value {
            return;
        }
    }
}

fn parse(log: &str) -> Vec<Statement> {
    let mut statements: Vec<Statement> = Vec::new();
    for entry in log.split(ENTRY) {
        if let Some(said) = entry.strip_prefix("LOG:  statement: ") {
            let text = said.trim().to_owned();
            statements.push(Statement { text, values: Vec::new(), types: Vec::new() });
        } else if let Some(said) = entry.strip_prefix("LOG:  execute ") {
            let text = said.split_once(": ").unwrap().1.trim().replace("\n\t", "\n");
            statements.push(Statement { text, values: Vec::new(), types: Vec::new() });
        } else if let Some(values) = entry.strip_prefix("DETAIL:  parameters: ") {
            statements.last_mut().unwrap().values =
                parse_values(&values.trim().replace("\n\t", "\n"));
        }
    }
    // Those of the watcher itself.
    statements.retain(|one| {
        !["alter system", "pg_reload_conf", "current_setting"]
            .iter()
            .any(|own| one.text.contains(own))
    });
    // Several connections have spoken, and one is to repeat it: a statement that was alone in a
    // transaction is alone without it.
    let mut glances = 0;
    statements.retain(|one| {
        let text = one.text.to_ascii_lowercase();
        let begins = text.starts_with("begin read only");
        let ends = text == "rollback" && glances > 0;
        glances += usize::from(begins);
        glances -= usize::from(ends);
        !begins && !ends
    });
    statements
}

/// Reads `$1 = 'it''s', $2 = NULL`.
fn parse_values(text: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let mut rest = text;
    while let Some((_, value)) = rest.split_once(" = ") {
        let Some(quoted) = value.strip_prefix('\'') else {
            values.push(None);
            rest = value.strip_prefix("NULL").unwrap();
            continue;
        };
        let mut end = 0;
        while let Some(quote) = quoted[end..].find('\'') {
            end += quote;
            if !quoted[end + 1..].starts_with('\'') {
                break;
            }
            end += 2;
        }
        values.push(Some(quoted[..end].replace("''", "'")));
        rest = &quoted[end + 1..];
    }
    values
}

async fn types(watcher: &mut PgConnection, text: &str) -> Vec<String> {
    let lower = text.to_ascii_lowercase();
    if ["begin", "commit"].iter().any(|word| lower.starts_with(word)) {
        return Vec::new();
    }
    let sql = AssertSqlSafe(text.to_owned()).into_sql_str();
    let described = watcher.describe(sql).await.unwrap();
    match described.parameters() {
        Some(sqlx::Either::Left(types)) => types.iter().map(ToString::to_string).collect(),
        Some(sqlx::Either::Right(_)) | None => Vec::new(),
    }
}
