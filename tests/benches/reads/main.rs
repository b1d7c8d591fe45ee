//! What a check costs: from memory and from the database, through gRPC, beside a bare service with
//! the same messages and `pgbench -S`.
//!
//! Rounds alternate between all of them, so that all see the same machine. Callers and services
//! share it.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops at what should not happen"
)]

mod echo;
#[path = "../common/figures.rs"]
mod figures;
mod load;
#[path = "../common/pgbench.rs"]
mod pgbench;
mod scene;

use std::time::Duration;

use figures::Figures;
use load::{Open, Target};
use pim_chassis::{config::LogConfig, telemetry};
use scene::{ROLES_EACH, Scene};

/// How many people are asked about.
const PEOPLE: [i64; 2] = [1_000, 100_000];
/// Callers at once.
const CALLERS: [usize; 3] = [1, 16, 64];
/// How long a round is.
const ROUND: Duration = Duration::from_secs(2);
/// How often each is measured; the median counts.
const REPEATS: usize = 5;
/// Shares of what 64 callers reach, offered at a fixed rate.
const SHARES: [f64; 4] = [0.25, 0.5, 0.75, 1.0];

#[tokio::main]
async fn main() {
    // As in production, so that spans cost what they do there.
    let _telemetry = telemetry::init("reads", &LogConfig::default()).unwrap();
    let mut scene = Scene::set().await;
    let dir = tempfile::tempdir().unwrap();
    let scale = ["-i", "-q", "-s", "10"].map(str::to_owned).into();
    pgbench::call(dir.path(), scene.world.database.url(), scale).await;
    for people in PEOPLE {
        scene.grow(people).await;
        let (targets, bytes) = scene.serve().await;
        let holdings = people * ROLES_EACH;
        println!("\n{holdings} holdings: {} bytes each in memory", bytes / holdings);
        println!("closed loop, medians of {REPEATS} rounds each, alternating");
        println!(
            "{:>7} {:<18} {:>8} {:>8} {:>8} {:>6}",
            "callers", "by", "per s", "p50 ms", "p99 ms", "ratio"
        );
        let mut most = 0.0;
        for callers in CALLERS {
            most = compare(&scene, &targets, callers).await;
        }
        println!("fixed rate, from memory");
        println!(
            "{:>8} {:>8} {:>8} {:>8} {:>8}",
            "offered", "achieved", "dropped", "p50 ms", "p99 ms"
        );
        let memory = &targets[1];
        for share in SHARES {
            let rate = most * share;
            let Open { answered, dropped } =
                load::open(&scene, (memory.0, &memory.1), rate, 2 * ROUND).await;
            let Figures { rate: achieved, p50, p99 } = answered;
            println!("{rate:>8.0} {achieved:>8.0} {dropped:>8.0} {p50:>8.2} {p99:>8.2}");
        }
    }
}

/// How many answers from memory there were in a second.
async fn compare(scene: &Scene, targets: &[(Target, String)], callers: usize) -> f64 {
    let mut rounds: Vec<Vec<Figures>> = vec![Vec::new(); targets.len() + 1];
    for _ in 0..REPEATS {
        for (place, (target, url)) in targets.iter().enumerate() {
            rounds[place].push(load::closed(scene, (*target, url), callers, ROUND).await);
        }
        let seconds = ROUND.as_secs().to_string();
        let arguments = ["-S", "-c", &callers.to_string(), "-T", &seconds].map(str::to_owned);
        let (dir, url) = (tempfile::tempdir().unwrap(), scene.world.database.url());
        let selects = pgbench::run(dir, url, arguments.into()).await;
        rounds[targets.len()].push(selects);
    }
    let mut medians: Vec<Figures> = rounds.into_iter().map(Figures::median).collect();
    let pgbench = medians.pop().unwrap();
    for ((target, _), figures) in targets.iter().zip(&medians) {
        let beside = if *target == Target::Database { pgbench.rate } else { medians[0].rate };
        line(callers, &target.to_string(), figures, figures.rate / beside);
    }
    line(callers, "pgbench -S", &pgbench, 1.0);
    medians[1].rate
}

fn line(callers: usize, by: &str, figures: &Figures, ratio: f64) {
    let Figures { rate, p50, p99 } = figures;
    println!("{callers:>7} {by:<18} {rate:>8.0} {p50:>8.2} {p99:>8.2} {ratio:>6.2}");
}
