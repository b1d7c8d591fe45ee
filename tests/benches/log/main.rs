//! What the sealed log costs: how many events are sealed and signed in a second, what sealing takes
//! from those who write, how long a proof takes at a million entries, and how fast all of it is
//! examined and exported.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops at what should not happen"
)]

#[path = "../common/figures.rs"]
mod figures;
#[path = "../common/memory.rs"]
mod memory;

use std::time::{Duration, Instant};

use figures::Figures;
use pim_chassis::Process;
use pim_proto::audit::v1::{
    ExportEventsRequest, ExportFormat, GetInclusionProofRequest, get_inclusion_proof_request::Entry,
};
use pim_store::{Reach, log};
use pim_tests::{Organisation, World, write_entries};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

/// Entries of the large log.
const ENTRIES: i64 = 1_000_000;
/// Events of one transaction while the log is filled.
const EVENTS_EACH: i64 = 1_000;
/// Bytes of an event beside its frame: about what one of a change has.
const PADDING: i32 = 700;
/// Those who write at once, each one event a transaction.
const WRITERS: usize = 8;
/// How long a round of writing is.
const ROUND: Duration = Duration::from_secs(3);
/// Events that are offered in a second, while it is looked how soon they are sealed.
const OFFERED: u32 = 1_000;
/// The same, by as many writers.
const EACH: u32 = 8;
/// For how long.
const AGE_ROUND: Duration = Duration::from_secs(30);
/// How often each is measured; the median counts.
const REPEATS: usize = 5;
/// Proofs that are asked for.
const PROOFS: usize = 2_000;

#[tokio::main]
async fn main() {
    let world = World::start_in_real_time().await;
    let organisation = world.organisation().await;
    world.sign_log().await;
    let process = world.system.process("audit", &world.url).unwrap();
    writes(&world, &organisation, &process).await;
    ages(&world, &organisation, &process).await;
    fill(&world, &organisation, &process).await;
    proofs(&world, &organisation).await;
    let begun = Instant::now();
    let tenant = organisation.tenant.to_string();
    let examined = world.examine(&["fsck", "--tenant", &tenant]).await;
    println!("fsck: {:.0} entries a second, {}", rate(ENTRIES, begun.elapsed()), examined.out);
    export(&organisation).await;
}

fn rate(count: i64, elapsed: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / elapsed.as_secs_f64()
}

async fn insert(connection: &mut PgConnection, organisation: &Organisation, count: i64) {
    write_entries(connection, organisation.tenant, count, PADDING).await;
}

/// How old the oldest event that is not sealed is, while events come at a fixed rate.
async fn ages(world: &World, organisation: &Organisation, process: &Process) {
    let stop = CancellationToken::new();
    let sealing = (pim_audit::SERVICE.background)(process, &stop);
    let writers = (0..WRITERS).map(|_| async {
        let mut connection = world.database.connect().await;
        let mut turn = tokio::time::interval(Duration::from_secs(1) * EACH / OFFERED);
        let begun = Instant::now();
        let mut written = 0_i64;
        while begun.elapsed() < AGE_ROUND {
            turn.tick().await;
            insert(&mut connection, organisation, 1).await;
            written += 1;
        }
        (written, begun.elapsed())
    });
    let looking = async {
        let mut connection = world.database.connect().await;
        let (begun, mut ages) = (Instant::now(), Vec::new());
        let mut turn = tokio::time::interval(Duration::from_millis(10));
        while begun.elapsed() < AGE_ROUND {
            turn.tick().await;
            let micros: i64 = sqlx::query_scalar(
                "select coalesce(extract(epoch from
                     clock_timestamp() - min(event_time)) * 1000000, 0)::bigint
                 from event where xid >= (select xid from log_watermark)",
            )
            .fetch_one(&mut connection)
            .await
            .unwrap();
            ages.push(Duration::from_micros(micros.unsigned_abs()));
        }
        Figures::of(ages, begun.elapsed())
    };
    let (written, Figures { p50, p99, .. }) =
        futures::future::join(futures::future::join_all(writers), looking).await;
    stop.cancel();
    for periodic in sealing {
        periodic.stopped().await;
    }
    let achieved: f64 = written.into_iter().map(|(count, took)| rate(count, took)).sum();
    println!(
        "oldest unsealed at {OFFERED} offered, {achieved:.0} achieved per s: \
         p50 {p50:.0} ms, p99 {p99:.0} ms"
    );
}

/// All of it, to a reader that does nothing with it. Server and reader are this process.
async fn export(organisation: &Organisation) {
    let before = memory::megabytes("VmRSS");
    memory::forget_most();
    let format = ExportFormat::JsonLines.into();
    let request = ExportEventsRequest { format, ..ExportEventsRequest::default() };
    let begun = Instant::now();
    let mut audit = organisation.admin.client.audit();
    let mut pieces = audit.export_events(request).await.unwrap().into_inner();
    let (mut count, mut bytes) = (0, 0);
    while let Some(piece) = pieces.message().await.unwrap() {
        count = piece.exported_count;
        bytes += piece.data.len();
    }
    let (per_second, peak) = (rate(count, begun.elapsed()), memory::megabytes("VmHWM"));
    println!(
        "export: {count} events, {} MB, {per_second:.0} events a second; \
         resident {before} MB before, {peak} MB at most",
        bytes / 1_000_000
    );
}

/// One event a transaction, with and without sealing and signing beside it.
async fn writes(world: &World, organisation: &Organisation, process: &Process) {
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..REPEATS {
        alone.push(write(world, organisation).await);
        let stop = CancellationToken::new();
        let sealing = (pim_audit::SERVICE.background)(process, &stop);
        beside.push(write(world, organisation).await);
        stop.cancel();
        for periodic in sealing {
            periodic.stopped().await;
        }
        // Not to be caught up with in the next round.
        catch_up(world, process).await;
    }
    let (alone, beside) = (Figures::median(alone), Figures::median(beside));
    let Figures { rate, p50, p99 } = alone;
    println!("writes alone:          {rate:>7.0} per s, p50 {p50:.2} ms, p99 {p99:.2} ms");
    let Figures { rate, p50, p99 } = beside;
    println!("writes beside sealing: {rate:>7.0} per s, p50 {p50:.2} ms, p99 {p99:.2} ms");
    println!("sealing costs {:.0} %", 100.0 * (1.0 - beside.rate / alone.rate));
}

async fn write(world: &World, organisation: &Organisation) -> Figures {
    let begun = Instant::now();
    let writers = (0..WRITERS).map(|_| async {
        let mut connection = world.database.connect().await;
        let mut took = Vec::new();
        while begun.elapsed() < ROUND {
            let start = Instant::now();
            insert(&mut connection, organisation, 1).await;
            took.push(start.elapsed());
        }
        took
    });
    let took = futures::future::join_all(writers).await.concat();
    Figures::of(took, begun.elapsed())
}

/// Fills the log up to its length, seals and signs it.
async fn fill(world: &World, organisation: &Organisation, process: &Process) {
    let mut connection = world.database.connect().await;
    let size = size(world, organisation).await;
    let more = ENTRIES - size;
    for _ in 0..more / EVENTS_EACH {
        insert(&mut connection, organisation, EVENTS_EACH).await;
    }
    insert(&mut connection, organisation, more % EVENTS_EACH).await;
    sqlx::query("vacuum analyze").execute(&mut connection).await.unwrap();
    let begun = Instant::now();
    catch_up(world, process).await;
    println!("sealed: {:.0} events a second", rate(more, begun.elapsed()));
    let (begun, mut signed, mut busy) = (Instant::now(), 0, Duration::ZERO);
    while signed < ENTRIES {
        let start = Instant::now();
        let signing = pim_audit::sign(process, &world.system.log_keys).await.unwrap();
        assert!(signing.faults.is_empty(), "{:?}", signing.faults);
        if signing.signed > 0 {
            busy += start.elapsed();
        }
        let mut read = world.db.read(Reach::EveryTenant).await.unwrap();
        let newest = log::checkpoint(&mut read, organisation.tenant.into(), None).await.unwrap();
        signed = newest.unwrap().size.try_into().unwrap();
    }
    let elapsed = begun.elapsed();
    println!("read back and signed: {:.0} entries a second, all in {elapsed:?}", rate(more, busy));
}

/// Seals all that can be sealed.
async fn catch_up(world: &World, process: &Process) {
    let mut read = world.db.read(Reach::EveryTenant).await.unwrap();
    while log::is_behind(&mut read).await.unwrap() {
        drop(read);
        pim_audit::seal(process).await.unwrap();
        read = world.db.read(Reach::EveryTenant).await.unwrap();
    }
}

async fn size(world: &World, organisation: &Organisation) -> i64 {
    let mut read = world.db.read(Reach::EveryTenant).await.unwrap();
    let head = log::head(&mut read, organisation.tenant.into()).await.unwrap().unwrap();
    head.size().try_into().unwrap()
}

/// Of entries all over the log, one after the other, through gRPC.
async fn proofs(world: &World, organisation: &Organisation) {
    let mut audit = organisation.admin.client.audit();
    let (begun, mut took) = (Instant::now(), Vec::new());
    for number in 0..PROOFS {
        let index = i64::try_from(number).unwrap() * 7_919 * 61 % ENTRIES;
        let request = GetInclusionProofRequest { entry: Some(Entry::Index(index)), tree_size: 0 };
        let start = Instant::now();
        audit.get_inclusion_proof(request).await.unwrap();
        took.push(start.elapsed());
    }
    let Figures { rate, p50, p99 } = Figures::of(took, begun.elapsed());
    let size = size(world, organisation).await;
    println!("proofs at {size} entries: {rate:.0} per s, p50 {p50:.2} ms, p99 {p99:.2} ms");
}
