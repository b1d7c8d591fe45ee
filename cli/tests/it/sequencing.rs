//! Two audit services on one database, stopped, continued and killed while others write: every event
//! that was committed is one leaf, none is lost and none is there twice, and the log verifies.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use pim_domain::log::{checkpoint, note::Signer};
use pim_store::{Db, Options};
use pim_tests::{TestDb, eventually};
use rustix::process::Signal;
use sqlx::Connection as _;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    fleet::Keys,
    installation::PIM,
    program::{Program, free_port},
};

const WRITERS: u32 = 4;
/// Events of one transaction, at most.
const EVENTS_MAX: i32 = 3;
/// Times that each of the two is stopped or killed.
const ROUNDS: u32 = 3;
/// Events that must be sealed between two of these.
const EVENTS_BETWEEN: i64 = 300;
const TENANT: Uuid = Uuid::from_u128(7);

/// Writes until it is told to stop, and says how many of its events were committed. Each fifth
/// transaction is taken back.
async fn write(database: TestDb, writer: u32, done: Arc<AtomicBool>) -> i64 {
    let mut connection = database.connect().await;
    let mut written = 0;
    for number in 0.. {
        if done.load(Ordering::Relaxed) {
            break;
        }
        let count = number % EVENTS_MAX + 1;
        let mut tx = connection.begin().await.unwrap();
        for _ in 0..count {
            sqlx::query(
                "insert into event
                     (tenant_id, id, body, event_time, code, category, result, actor_id)
                 values ($1, gen_random_uuid(), convert_to(json_build_object('writer', $2::int,
                     'number', $3::int)::text, 'UTF8'), now(), 'a', 'b', 'success', 'c')",
            )
            .bind(TENANT)
            .bind(i32::try_from(writer).unwrap())
            .bind(number)
            .execute(&mut *tx)
            .await
            .unwrap();
        }
        if number % 5 == 4 {
            tx.rollback().await.unwrap();
        } else {
            tx.commit().await.unwrap();
            written += i64::from(count);
        }
    }
    written
}

async fn count(database: &TestDb, table: &'static str) -> i64 {
    let mut connection = database.connect().await;
    let statement = format!("select count(*) from {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(&mut connection).await.unwrap()
}

/// As soon as so many more are sealed than now.
async fn until_sealed(database: &TestDb, more: i64) {
    let before = count(database, "log_leaf").await;
    eventually("the log grows", async || {
        (count(database, "log_leaf").await >= before + more).then_some(())
    })
    .await;
}

fn start(keys: &Keys, database: &TestDb) -> Program {
    let mut command = keys.command("audit", database.url());
    command.args(["--listen", &format!("127.0.0.1:{}", free_port())]);
    command.env("PIM_LOG_KEY_FILE", keys.log_key());
    Program::start(&mut command)
}

#[tokio::test]
async fn two_that_seal_lose_nothing_however_they_end() {
    let database = TestDb::new().await;
    let keys = Keys::new();
    let (one, mut other) = (start(&keys, &database), start(&keys, &database));
    let done = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(database.clone(), writer, done.clone()));
    }
    until_sealed(&database, EVENTS_BETWEEN).await;
    for _ in 0..ROUNDS {
        // What it holds while it stands still is taken from it.
        one.signal(Signal::STOP);
        until_sealed(&database, EVENTS_BETWEEN).await;
        one.signal(Signal::CONT);
        until_sealed(&database, EVENTS_BETWEEN).await;
        other.kill();
        until_sealed(&database, EVENTS_BETWEEN).await;
        other = start(&keys, &database);
    }
    done.store(true, Ordering::Relaxed);
    let written: i64 = writers.join_all().await.into_iter().sum();
    eventually("all is sealed and signed", async || {
        let signed: Option<i64> = sqlx::query_scalar("select max(size) from log_checkpoint")
            .fetch_one(&mut database.connect().await)
            .await
            .unwrap();
        (signed == Some(written)).then_some(())
    })
    .await;
    assert_eq!(count(&database, "event").await, written);
    assert_eq!(count(&database, "log_leaf").await, written);

    let db = Db::connect(database.url(), &Options::default()).await.unwrap();
    let signer = Signer::new(&Keys::LOG_SEED).unwrap();
    let key = signer.verifier(&checkpoint::origin(db.instance(), TENANT.into())).to_string();
    let mut fsck = Command::new(PIM);
    fsck.args(["audit", "fsck", "--key", &key, "--database-url", database.url()]);
    let ended = Program::start(&mut fsck).ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
