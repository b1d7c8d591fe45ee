//! Two audit services on one database, stopped, continued and killed while others write: every event
//! that was committed is one leaf, none is lost and none is there twice, and the log verifies.

use std::{
    hash::{BuildHasher as _, DefaultHasher, Hasher as _, RandomState},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pim_domain::log::{checkpoint, note::Signer};
use pim_tests::{TestDb, eventually, write_entries};
use rustix::process::Signal;
use sqlx::Connection as _;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{fleet::Keys, installation::PIM, program::Program};

const WRITERS: u32 = 4;
/// Between two transactions of one of them: sealing keeps up, and has to catch up after each stop.
const TURN: Duration = Duration::from_millis(5);
/// Events of one transaction, at most.
const EVENTS_MAX: i64 = 3;
/// Times that one of the two is stopped, continued or killed.
const ROUNDS: u64 = 100;
/// Events that must be sealed between two of these.
const EVENTS_BETWEEN: i64 = 25;
const TENANT: Uuid = Uuid::from_u128(7);

/// Writes until it is told to stop, and says how many of its events were committed. Each fifth
/// transaction is taken back.
async fn write(database: TestDb, done: Arc<AtomicBool>) -> i64 {
    let mut connection = database.connect().await;
    let mut turns = tokio::time::interval(TURN);
    let mut written = 0;
    for number in 0.. {
        turns.tick().await;
        if done.load(Ordering::Relaxed) {
            break;
        }
        let count = number % EVENTS_MAX + 1;
        let mut tx = connection.begin().await.unwrap();
        write_entries(&mut tx, TENANT, count, 0).await;
        if number % 5 == 4 {
            tx.rollback().await.unwrap();
        } else {
            tx.commit().await.unwrap();
            written += count;
        }
    }
    written
}

async fn count(database: &TestDb, table: &str) -> i64 {
    let mut connection = database.connect().await;
    let statement = format!("select count(*) from {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(&mut connection).await.unwrap()
}

async fn sealed(database: &TestDb) -> i64 {
    sqlx::query_scalar("select coalesce(sum(size), 0)::bigint from log_head")
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap()
}

/// As soon as so many more are sealed than now.
async fn until_sealed(database: &TestDb, more: i64) {
    let before = sealed(database).await;
    eventually("the log grows", async || (sealed(database).await >= before + more).then_some(()))
        .await;
}

/// One of the two.
struct Sealer {
    program: Program,
    is_stopped: bool,
}

/// The same for the same seed.
fn roll(seed: u64, round: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(seed);
    hasher.write_u64(round);
    hasher.finish()
}

fn start(keys: &Keys, database: &TestDb) -> Program {
    let mut command = keys.command("audit", database);
    // Nobody calls it.
    command.args(["--listen", "127.0.0.1:0"]);
    command.env("PIM_LOG_KEY_FILE", keys.log_key());
    Program::start(&mut command)
}

#[tokio::test]
async fn two_that_seal_lose_nothing_however_they_end() {
    let seed = RandomState::new().build_hasher().finish();
    println!("seed {seed}");
    let database = TestDb::new().await;
    let keys = Keys::new();
    let sealer = || Sealer { program: start(&keys, &database), is_stopped: false };
    let mut both = [sealer(), sealer()];
    let done = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        writers.spawn(write(database.clone(), done.clone()));
    }
    until_sealed(&database, EVENTS_BETWEEN).await;
    for round in 0..ROUNDS {
        let chance = roll(seed, round);
        let [one, other] = &mut both;
        let (one, other) = if chance.is_multiple_of(2) { (one, other) } else { (other, one) };
        if one.is_stopped {
            one.program.signal(Signal::CONT);
            one.is_stopped = false;
        } else if chance.is_multiple_of(3) {
            std::mem::replace(one, sealer()).program.kill();
        } else {
            // Somebody goes on. What the one holds while it stands still is taken from it.
            if other.is_stopped {
                other.program.signal(Signal::CONT);
                other.is_stopped = false;
            }
            one.program.signal(Signal::STOP);
            one.is_stopped = true;
        }
        until_sealed(&database, EVENTS_BETWEEN).await;
    }
    for one in &both {
        one.program.signal(Signal::CONT);
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
    // Beside it is the platform's own log, of the sealers' starts and stops.
    for tenant in [TENANT, Uuid::nil()] {
        let events = count(&database, &format!("event where tenant_id = '{tenant}'")).await;
        assert!(tenant.is_nil() || events == written, "{events} {written}");
        let leaves = format!("log_leaf where tenant_id = '{tenant}'");
        eventually("every event is in", async || {
            (count(&database, &leaves).await == events).then_some(())
        })
        .await;
        let beyond = format!("{leaves} and (index < 0 or index >= {events})");
        assert_eq!(count(&database, &beyond).await, 0);
    }

    let db = database.db().await;
    let signer = Signer::new(&Keys::LOG_SEED).unwrap();
    let key = signer.verifier(&checkpoint::origin(db.instance(), TENANT.into())).to_string();
    let mut fsck = Command::new(PIM);
    fsck.args(["audit", "fsck", "--key", &key, "--database-url", &database.url_of("audit")]);
    let ended = Program::start(&mut fsck).ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
