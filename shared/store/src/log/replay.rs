//! The log, replayed: of each thing the rows that its events lead to, compared with what is stored,
//! column by column, and nothing stored that they do not lead to.

use std::collections::{BTreeMap, HashSet};

use pim_domain::{
    event::{Event, ThingKind, ThingRef},
    id::TenantId,
    log::fault::Fault,
};
use serde_json::Value;
use sqlx::PgConnection;

use super::{
    Examined, Stop,
    rows::{self, Row, TABLES},
    state,
};
use crate::StoreError;

/// Events that are read at once.
const EVENTS_PAGE: i64 = 5_000;
/// Rows that are compared at once; those of the last thing beyond that go with them.
const ROWS_MIN: usize = 2_000;

/// Leads everything that the log tells of to its rows, and compares them with what is stored. In
/// one state of the database.
///
/// # Errors
/// The database cannot serve.
pub async fn replay(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Examined, StoreError> {
    let mut told = Told {
        tenant,
        events: 0,
        things: 0,
        has_foreign_catalog: false,
        expected: BTreeMap::new(),
        count: 0,
        seen: HashSet::new(),
    };
    let fault = Stop::fault(told.all(connection).await)?;
    Ok(Examined { entries: told.events, checkpoints: 0, things: told.things, fault })
}

/// A log that is being replayed.
struct Told {
    tenant: TenantId,
    events: u64,
    things: usize,
    /// A catalog is at a version that this program does not have: its roles cannot be compared.
    has_foreign_catalog: bool,
    /// What has not been compared yet, by table and by what does not matter there.
    expected: BTreeMap<(&'static str, &'static [&'static str]), Vec<Value>>,
    count: usize,
    /// By table and key.
    seen: HashSet<(&'static str, String)>,
}

impl Told {
    async fn all(&mut self, connection: &mut PgConnection) -> Result<(), Stop> {
        let mut last: Option<ThingRef> = None;
        let mut events: Vec<Event> = Vec::new();
        loop {
            let page = state::history(connection, self.tenant, last, EVENTS_PAGE).await?;
            let is_end = page.is_empty();
            for (thing, event) in page {
                if let Some(before) = last.filter(|it| (it.kind, it.id) != (thing.kind, thing.id)) {
                    self.thing(before, &events)?;
                    events.clear();
                    if self.count >= ROWS_MIN {
                        self.compare(connection).await?;
                    }
                }
                last = Some(thing);
                events.push(event);
                self.events += 1;
            }
            if is_end {
                break;
            }
        }
        if let Some(last) = last {
            self.thing(last, &events)?;
        }
        self.compare(connection).await?;
        self.nothing_else(connection).await?;
        derived(connection, self.tenant).await
    }

    fn thing(&mut self, thing: ThingRef, events: &[Event]) -> Result<(), Fault> {
        let name = || format!("{} {}", thing.kind.as_str(), thing.id);
        let versions = events.iter().map(|event| event.thing.map_or(0, |thing| thing.version));
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        if !versions.eq(1..=count) {
            let text = format!("{}: its versions are not all in the log", name());
            return Err(Fault::Incomplete(text));
        }
        let rows = rows::of(self.tenant, thing.kind, events).map_err(|rows::Unreadable| {
            Fault::StateDiffers(format!("{}: its events do not read as such a thing", name()))
        })?;
        self.has_foreign_catalog |= thing.kind == ThingKind::Catalog && rows.len() == 1;
        self.things += 1;
        self.count += rows.len();
        for Row { table, columns, besides } in rows {
            self.expected.entry((table, besides)).or_default().push(columns);
        }
        Ok(())
    }

    async fn compare(&mut self, connection: &mut PgConnection) -> Result<(), Stop> {
        self.count = 0;
        for ((table, besides), expected) in std::mem::take(&mut self.expected) {
            let besides: Vec<String> = besides.iter().copied().map(str::to_owned).collect();
            let compared = sqlx::query!(
                r#"select key as "key!", columns as "columns!"
                   from log_compare($1::text::regclass, $2, $3)"#,
                table,
                Value::Array(expected),
                &besides,
            )
            .fetch_all(&mut *connection)
            .await?;
            for row in compared {
                if !row.columns.is_empty() {
                    let text = format!("{table} {}: {}", row.key, row.columns.join(", "));
                    let text = format!("{text}: not what the log leads to");
                    return Err(Fault::StateDiffers(text).into());
                }
                self.seen.insert((table, row.key));
            }
        }
        Ok(())
    }

    async fn nothing_else(&self, connection: &mut PgConnection) -> Result<(), Stop> {
        for table in TABLES {
            if table == "role" && self.has_foreign_catalog {
                continue;
            }
            let keys = sqlx::query_scalar!(
                r#"select log_keys($1::text::regclass, $2) as "key!""#,
                table,
                self.tenant.uuid(),
            )
            .fetch_all(&mut *connection)
            .await?;
            for key in keys {
                let row = (table, key);
                if !self.seen.contains(&row) {
                    let text = format!("{table} {} is stored and not in the log", row.1);
                    return Err(Fault::StateDiffers(text).into());
                }
            }
        }
        Ok(())
    }
}

/// What stands in a row and is another row's.
async fn derived(connection: &mut PgConnection, tenant: TenantId) -> Result<(), Stop> {
    let wrong = sqlx::query_scalar!(
        "select g.id from role_grant g
         join principal p on p.tenant_id = g.tenant_id and p.id = g.principal_id
         where g.tenant_id = $1 and g.holder_is_group <> (p.kind = 'group') limit 1",
        tenant.uuid(),
    )
    .fetch_optional(connection)
    .await?;
    match wrong {
        Some(id) => {
            let text = format!("role_grant {id}: holder_is_group: not what its principal is");
            Err(Fault::StateDiffers(text).into())
        }
        None => Ok(()),
    }
}
