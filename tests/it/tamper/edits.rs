//! Any single edit of the log, or of what is led to by it, by somebody who may do anything to the
//! database: found, and named. Which edits is left to chance, over all tables and columns that there
//! are, so that a new one is met by itself. The seed is printed; `PIM_TAMPER_SEED` repeats a run,
//! `PIM_TAMPER_EDITS` makes it longer.

mod table;

use std::{
    collections::BTreeSet,
    env,
    hash::{BuildHasher as _, Hasher as _, RandomState},
};

use pim_domain::log::{note::VerifierKey, tree::Frontier};
use pim_proto::assignment::v1::Rules;
use pim_store::log;
use pim_tests::{Organisation, Person, World, first_fault, write_entries};
use sqlx::{Executor as _, PgConnection};
use uuid::Uuid;

use self::table::{Row, Table};
use crate::{events::all_writes, simulation::Dice};

/// Tables of which the log tells nothing, and why. This list may only get shorter.
const NOT_TOLD: [(&str, &str); 6] = [
    ("_sqlx_migrations", "how the schema came to be: checked by who connects"),
    ("alert_scan", "when somebody last looked for alerts: says only when the next look is due"),
    ("idempotency", "what was answered to whom, kept for repeats; no state rests on it"),
    ("sign_in", "when a token was last seen: telemetry, by which nobody holds or loses anything"),
    ("words", "the log commits to them, so that they can only be erased"),
    ("log_stopped", "empty but while a log is being mended, which is a fault by itself"),
];

/// Columns that are no statement about what happened, and why. This list may only get shorter.
const NOT_SAID: [(&str, &str, &str); 4] = [
    ("event", "insert_time", "says only how long it has waited to be sealed"),
    ("event", "xid", "a number of the cluster's, for streams: found where it changes the order"),
    ("log_checkpoint", "create_time", "says only when the next signature is due"),
    (
        "log_watermark",
        "xid",
        "says only where sealing goes on: found where that leaves out or repeats",
    ),
];

const EDITS: u64 = 200;
/// Edits that the database itself does not take, such as a second row of one key, are others.
const TRIES_MAX: u32 = 100;

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// An organisation with every kind of thing, whose log has nodes and several checkpoints.
async fn begin() -> (World, Organisation) {
    let world = World::start().await;
    let organisation = world.organisation().await;
    all_writes(&world, &organisation).await;
    world.sign_log().await;
    // What a move severs.
    let (above, place) = ("/managementGroups/above", "/subscriptions/moved");
    organisation.register(above, "").await.unwrap();
    organisation.register(place, above).await.unwrap();
    let dave = organisation.user(&world, "dave").await;
    organisation.make_eligible(&dave, Organisation::CONTRIBUTOR, above).await;
    dave.activate(Person::wish(Organisation::CONTRIBUTOR, place)).await.unwrap();
    organisation.move_scope(place, "/").await.unwrap();
    // What serves once.
    let once = Rules { single_use_authentication: Some(true), ..Rules::default() };
    organisation.set_policy(Organisation::CONTRIBUTOR, once).await.unwrap();
    let fresh = dave.signed_in(&world, Some(world.now()), &[]);
    let wish = Person::wish(Organisation::CONTRIBUTOR, above);
    fresh.activations().activate_role(wish).await.unwrap();
    let mut connection = world.database.connect().await;
    write_entries(&mut connection, organisation.tenant, 300, 0).await;
    world.sign_log().await;
    organisation.user(&world, "erin").await;
    world.sign_log().await;
    (world, organisation)
}

/// What was done, and what a fault may name it by.
struct Edit {
    story: String,
    names: Vec<String>,
}

struct Tampering {
    dice: Dice,
    tables: Vec<Table>,
    /// Tables and columns that were not changed yet, so that a long run meets all.
    columns: Vec<(usize, usize)>,
    tenant: Uuid,
}

impl Tampering {
    async fn begin(connection: &mut PgConnection, seed: u64, tenant: Uuid) -> Self {
        let mut tables = table::all(connection).await;
        tables.retain(|table| NOT_TOLD.iter().all(|(name, _)| *name != table.name));
        for table in &mut tables {
            let name = table.name.clone();
            let said =
                |column: &str| NOT_SAID.iter().all(|(of, is, _)| (*of, *is) != (&name, column));
            table.columns.iter_mut().for_each(|column| column.is_said = said(&column.name));
        }
        Self { dice: Dice(seed), tables, columns: Vec::new(), tenant }
    }

    fn chance(&mut self, count: usize) -> usize {
        usize::try_from(self.dice.roll(u64::try_from(count).unwrap())).unwrap()
    }

    /// The next column to change: each once, then all again.
    fn column(&mut self) -> (usize, usize) {
        if self.columns.is_empty() {
            for (number, table) in self.tables.iter().enumerate() {
                let said = table.columns.iter().enumerate().filter(|(_, column)| column.is_said);
                self.columns.extend(said.map(|(column, _)| (number, column)));
            }
        }
        let next = self.chance(self.columns.len());
        self.columns.swap_remove(next)
    }

    /// Does one edit, if the database takes it.
    async fn edit(&mut self, connection: &mut PgConnection) -> Result<Option<Edit>, sqlx::Error> {
        match self.dice.roll(10) {
            0..=5 => self.change(connection).await,
            6 => self.delete(connection).await,
            7 => self.swap(connection).await,
            8 => self.copy(connection).await,
            _ => self.cut(connection).await.map(Some),
        }
    }

    async fn change(&mut self, connection: &mut PgConnection) -> Result<Option<Edit>, sqlx::Error> {
        let (number, column) = self.column();
        let table = self.tables[number].clone();
        let rows = table.rows(connection).await;
        let Some(place) = (!rows.is_empty()).then(|| self.chance(rows.len())) else {
            panic!("{}: there is nothing to change", table.name)
        };
        let (row, other) = (&rows[place], &rows[self.chance(rows.len())]);
        let column = &table.columns[column];
        // What another row has there, or something new.
        let borrowed = &other.columns[&column.name];
        let is_new = self.dice.roll(2) == 0 || *borrowed == row.columns[&column.name];
        let value = if is_new {
            column.another(&row.columns[&column.name], self.dice.roll(u64::MAX))
        } else {
            borrowed.clone()
        };
        let changed = row.with(&column.name, value);
        let names = table.names(&[row, &changed]);
        table.delete(connection, row).await?;
        table.insert(connection, &changed).await?;
        let story = format!("{}.{} of {} changed", table.name, column.name, row.columns);
        let is_changed = table.differs(connection, row, &changed).await;
        Ok(is_changed.then_some(Edit { story, names }))
    }

    async fn any(&mut self, connection: &mut PgConnection) -> (Table, Vec<Row>) {
        loop {
            let number = self.chance(self.tables.len());
            let table = self.tables[number].clone();
            let rows = table.rows(connection).await;
            if !rows.is_empty() {
                return (table, rows);
            }
        }
    }

    async fn delete(&mut self, connection: &mut PgConnection) -> Result<Option<Edit>, sqlx::Error> {
        let (table, rows) = self.any(connection).await;
        let row = &rows[self.chance(rows.len())];
        table.delete(connection, row).await?;
        let story = format!("{} {} deleted", table.name, row.columns);
        Ok(Some(Edit { story, names: table.names(&[row]) }))
    }

    async fn swap(&mut self, connection: &mut PgConnection) -> Result<Option<Edit>, sqlx::Error> {
        let (number, column) = self.column();
        let table = self.tables[number].clone();
        let rows = table.rows(connection).await;
        let name = &table.columns[column].name;
        if rows.is_empty() {
            return Ok(None);
        }
        let (one, other) = (&rows[self.chance(rows.len())], &rows[self.chance(rows.len())]);
        if one.columns[name] == other.columns[name] {
            return Ok(None);
        }
        let swapped = [
            one.with(name, other.columns[name].clone()),
            other.with(name, one.columns[name].clone()),
        ];
        // Two rows that trade their whole key, or differ in nothing else, are what they were.
        let same = |row: &Row| swapped.iter().any(|swapped| swapped.columns == row.columns);
        if same(one) && same(other) {
            return Ok(None);
        }
        table.delete(connection, one).await?;
        table.delete(connection, other).await?;
        for row in &swapped {
            table.insert(connection, row).await?;
        }
        let story =
            format!("{}.{name} of {} and {} swapped", table.name, one.columns, other.columns);
        Ok(Some(Edit { story, names: table.names(&[one, other]) }))
    }

    async fn copy(&mut self, connection: &mut PgConnection) -> Result<Option<Edit>, sqlx::Error> {
        let (table, rows) = self.any(connection).await;
        let row = &rows[self.chance(rows.len())];
        let keys: Vec<_> = table.columns.iter().filter(|column| column.is_key).collect();
        let key = keys[self.chance(keys.len())];
        let value = key.another(&row.columns[&key.name], self.dice.roll(u64::MAX));
        let copied = row.with(&key.name, value);
        table.insert(connection, &copied).await?;
        let story = format!("{} {} copied to {}", table.name, row.columns, copied.columns);
        Ok(Some(Edit { story, names: table.names(&[&copied]) }))
    }

    /// The last entries are gone as if they had never been, but for what was signed.
    async fn cut(&mut self, connection: &mut PgConnection) -> Result<Edit, sqlx::Error> {
        let leaves = log::entries(connection, self.tenant.into(), 0, 100_000).await.unwrap();
        let size = 1 + self.chance(leaves.len() - 1);
        let (mut tree, mut kept) = (Frontier::default(), Vec::new());
        leaves[..size].iter().for_each(|leaf| tree.push(leaf.hash, &mut kept));
        let peaks: Vec<u8> = tree.peaks().iter().flat_map(|peak| *peak.as_bytes()).collect();
        let after = i64::try_from(size).unwrap();
        sqlx::query(
            "delete from event where tenant_id = $1 and id in
                 (select event_id from log_leaf where tenant_id = $1 and index >= $2)",
        )
        .bind(self.tenant)
        .bind(after)
        .execute(&mut *connection)
        .await?;
        for statement in [
            "delete from log_leaf where tenant_id = $1 and index >= $2",
            "delete from log_node where tenant_id = $1 and (index + 1) * 256 ^ level > $2",
            "update log_head set size = $2 where tenant_id = $1",
        ] {
            let query = sqlx::query(statement).bind(self.tenant).bind(after);
            query.execute(&mut *connection).await?;
        }
        sqlx::query("update log_head set peaks = $2 where tenant_id = $1")
            .bind(self.tenant)
            .bind(peaks)
            .execute(connection)
            .await?;
        let names = vec![format!("{size} of ")];
        Ok(Edit { story: format!("cut to {size} of {} entries", leaves.len()), names })
    }
}

/// One edit, what is found of it, and all as it was.
async fn one(
    connection: &mut PgConnection,
    tampering: &mut Tampering,
    keys: &[VerifierKey],
) -> Result<String, String> {
    for _ in 0..TRIES_MAX {
        // A transaction each: nothing is sealed in a cluster beyond the oldest one that still runs.
        connection.execute("begin").await.unwrap();
        let edit = tampering.edit(connection).await;
        let found = match &edit {
            Ok(Some(_)) => first_fault(connection, keys).await,
            Ok(None) | Err(_) => None,
        };
        connection.execute("rollback").await.unwrap();
        let Ok(Some(Edit { story, names })) = edit else { continue };
        let Some(fault) = found else { return Err(format!("missed: {story}")) };
        let fault = fault.to_string();
        return match names.iter().any(|name| fault.contains(name)) {
            true => Ok(format!("{story}: {fault}")),
            false => Err(format!("not named: {story}: {fault}")),
        };
    }
    panic!("the database takes no edit");
}

#[tokio::test]
async fn any_single_edit_is_found_and_named() {
    let seed = setting("PIM_TAMPER_SEED", RandomState::new().build_hasher().finish());
    println!("PIM_TAMPER_SEED={seed}");
    let (world, organisation) = begin().await;
    let keys = [world.verifier(organisation.tenant)];
    let mut connection = world.database.connect().await;
    connection.execute("set session_replication_role = replica").await.unwrap();
    let mut tampering = Tampering::begin(&mut connection, seed, organisation.tenant).await;
    assert_eq!(first_fault(&mut connection, &keys).await, None);
    let mut problems = BTreeSet::new();
    for _ in 0..setting("PIM_TAMPER_EDITS", EDITS) {
        match one(&mut connection, &mut tampering, &keys).await {
            Ok(story) => println!("{story}"),
            Err(problem) => drop(problems.insert(problem)),
        }
    }
    assert!(problems.is_empty(), "seed {seed}: {problems:#?}");
    // What was taken back has left nothing.
    assert_eq!(first_fault(&mut connection, &keys).await, None);
}

#[test]
fn what_is_left_out_has_a_reason_and_does_not_grow() {
    assert!(NOT_TOLD.len() <= 6 && NOT_SAID.len() <= 4, "{NOT_TOLD:?} {NOT_SAID:?}");
}
