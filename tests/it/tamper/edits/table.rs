//! Tables by what the database says of itself, and their rows as JSON.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row as _, types::Json};
use uuid::Uuid;

#[derive(Clone)]
pub(super) struct Column {
    pub(super) name: String,
    /// As the database calls it.
    kind: String,
    pub(super) is_key: bool,
    pub(super) is_said: bool,
}

#[derive(Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
}

pub(super) struct Row {
    place: String,
    pub(super) columns: Value,
}

impl Row {
    pub(super) fn with(&self, column: &str, value: Value) -> Row {
        let mut columns = self.columns.clone();
        columns[column] = value;
        Row { place: String::new(), columns }
    }
}

impl Column {
    /// Another value than this one, which the column can have.
    pub(super) fn another(&self, value: &Value, chance: u64) -> Value {
        match (self.kind.as_str(), value) {
            ("boolean", value) => json!(value != &json!(true)),
            ("uuid", _) => json!(Uuid::from_u64_pair(chance, 7)),
            ("bigint" | "integer" | "smallint", value) => json!(value.as_i64().unwrap_or(0) + 1),
            ("xid8", value) => {
                json!((value.as_str().unwrap_or("0").parse::<u64>().unwrap() + 1).to_string())
            }
            ("timestamp with time zone", Value::String(time)) => {
                // The last digit of the year's minutes: still a time, and another one.
                let minute = if &time[15..16] == "0" { "1" } else { "0" };
                json!(format!("{}{minute}{}", &time[..15], &time[16..]))
            }
            ("timestamp with time zone", _) => json!("2026-01-05T12:34:56+00:00"),
            // As long as the commitment to what somebody has said.
            ("bytea", value) if matches!(value.as_str(), None | Some("\\x")) => {
                json!(format!("\\x{}", "07".repeat(32)))
            }
            ("bytea", Value::String(bytes)) => {
                let last = if bytes.ends_with('0') { "1" } else { "0" };
                json!(format!("{}{last}", &bytes[..bytes.len() - 1]))
            }
            ("jsonb", Value::Array(items)) => {
                json!(items.iter().cloned().chain([json!({})]).collect::<Vec<_>>())
            }
            ("jsonb", value) => {
                let mut fields = value.as_object().cloned().unwrap_or_default();
                fields.insert("another".to_owned(), json!(1));
                json!(fields)
            }
            ("uuid[]", value) => {
                let items = value.as_array().cloned().unwrap_or_default();
                json!([items, vec![json!(Uuid::from_u64_pair(chance, 7))]].concat())
            }
            ("text[]", value) => {
                let items = value.as_array().cloned().unwrap_or_default();
                json!([items, vec![json!("another")]].concat())
            }
            ("text", value) => json!(format!("{}x", value.as_str().unwrap_or_default())),
            (kind, _) => panic!("{}: another value of a {kind}?", self.name),
        }
    }
}

/// All tables. What the database makes of other columns by itself is not among their columns.
pub(super) async fn all(connection: &mut PgConnection) -> Vec<Table> {
    let rows = sqlx::query(
        "select c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
             coalesce(a.attnum = any(i.indkey::smallint[]), false)
         from pg_class c
         join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         left join pg_index i on i.indrelid = c.oid and i.indisprimary
         where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and a.attgenerated = ''
         order by c.relname, a.attnum",
    )
    .fetch_all(connection)
    .await
    .unwrap();
    let mut tables: Vec<Table> = Vec::new();
    for row in rows {
        let (name, is_said) = (row.get::<String, _>(0), true);
        let column = Column { name: row.get(1), kind: row.get(2), is_key: row.get(3), is_said };
        match tables.last_mut().filter(|table| table.name == name) {
            Some(table) => table.columns.push(column),
            None => tables.push(Table { name, columns: vec![column] }),
        }
    }
    tables
}

impl Table {
    pub(super) async fn rows(&self, connection: &mut PgConnection) -> Vec<Row> {
        let name = &self.name;
        let statement =
            format!("select ctid::text, to_jsonb(t) from {name} t order by to_jsonb(t)::text");
        let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(connection).await.unwrap();
        let row = |row: sqlx::postgres::PgRow| {
            let Json(columns) = row.get::<Json<Value>, _>(1);
            Row { place: row.get(0), columns }
        };
        rows.into_iter().map(row).collect()
    }

    pub(super) async fn delete(
        &self,
        connection: &mut PgConnection,
        row: &Row,
    ) -> Result<(), sqlx::Error> {
        let statement = format!("delete from {} where ctid = $1::text::tid", self.name);
        sqlx::query(AssertSqlSafe(statement)).bind(&row.place).execute(connection).await.map(drop)
    }

    pub(super) async fn insert(
        &self,
        connection: &mut PgConnection,
        row: &Row,
    ) -> Result<(), sqlx::Error> {
        let (name, columns) = (&self.name, self.list());
        let statement = format!(
            "insert into {name} ({columns}) select {columns}
             from jsonb_populate_record(null::{name}, $1)"
        );
        let query = sqlx::query(AssertSqlSafe(statement)).bind(Json(&row.columns));
        query.execute(connection).await.map(drop)
    }

    /// Whether two are two to the database as well.
    pub(super) async fn differs(
        &self,
        connection: &mut PgConnection,
        one: &Row,
        other: &Row,
    ) -> bool {
        let (name, columns) = (&self.name, self.list());
        let statement = format!(
            "select to_jsonb(one) <> to_jsonb(other)
             from (select {columns} from jsonb_populate_record(null::{name}, $1)) one,
                 (select {columns} from jsonb_populate_record(null::{name}, $2)) other"
        );
        let query = sqlx::query(AssertSqlSafe(statement));
        let query = query.bind(Json(&one.columns)).bind(Json(&other.columns));
        query.fetch_one(connection).await.unwrap().get(0)
    }

    fn list(&self) -> String {
        let names: Vec<String> =
            self.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        names.join(", ")
    }

    /// What a fault may call these rows: by the table or what is in it, or by an id.
    pub(super) fn names(&self, rows: &[&Row]) -> Vec<String> {
        let words: &[&str] = match self.name.as_str() {
            // What is gone or does not go on is said by the place in the log.
            "event" => &[],
            "log_leaf" => &["entries", "entry 0 is not there"],
            "log_node" => &["node"],
            "log_head" => &["head", "tree"],
            "log_watermark" => &["watermark"],
            "log_checkpoint" | "instance" => &["checkpoint", "signed"],
            "catalog_import" => &["catalog"],
            name => &[name],
        };
        let of_key = |row: &Row| {
            let keys = self.columns.iter().filter(|column| column.is_key || column.kind == "uuid");
            let keys = keys.filter(|column| column.name != "tenant_id");
            let text = |value: &Value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(format!("entry {number}")),
                _ => None,
            };
            keys.filter_map(|column| text(&row.columns[&column.name])).collect::<Vec<_>>()
        };
        let words = words.iter().map(|word| (*word).to_owned());
        words.chain(rows.iter().flat_map(|row| of_key(row))).collect()
    }
}
