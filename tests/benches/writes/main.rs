//! What a write costs: `ActivateRole` without approval, and `Approve` up to the role being held,
//! through gRPC, beside `pgbench` sending the same statements to the same database.
//!
//! The statements are not written down here: Postgres logs those of one real call, and `pgbench`
//! repeats them with other ids. Each call, and each of its transactions, is about a thing of its
//! own. Rounds alternate between the two, so that both see the same machine.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops at what should not happen"
)]

mod capture;
#[path = "../common/figures.rs"]
mod figures;
mod load;
mod numbered;
#[path = "../common/pgbench.rs"]
mod pgbench;
mod scene;
mod script;

use std::fmt::Display;

use figures::Figures;
use load::Verb;
use scene::Scene;
use script::Script;

/// Callers at once, and how often each of them calls in a round.
const ROUNDS: [(usize, usize); 3] = [(1, 600), (16, 120), (64, 30)];
/// How often each is measured; the median counts.
const REPEATS: usize = 5;

#[tokio::main]
async fn main() {
    let mut scene = Scene::set().await;
    println!("closed loop, medians of {REPEATS} rounds each, alternating");
    println!(
        "{:<10} {:>7} {:<8} {:>7} {:>9} {:>9} {:>6}",
        "verb", "callers", "by", "per s", "p50 ms", "p99 ms", "ratio"
    );
    for verb in [Verb::Activate, Verb::Approve] {
        let script = scene.script(verb).await;
        for (callers, calls) in ROUNDS {
            compare(&mut scene, verb, &script, callers, calls).await;
        }
    }
}

async fn compare(scene: &mut Scene, verb: Verb, script: &Script, callers: usize, calls: usize) {
    let (mut through_grpc, mut in_pgbench) = (Vec::new(), Vec::new());
    for _ in 0..REPEATS {
        let first = scene.prepare(verb, callers * calls).await;
        through_grpc.push(load::run(scene, verb, first, callers, calls).await);
        let first = scene.prepare(verb, callers * calls).await;
        in_pgbench.push(script.run(first, callers, calls).await);
    }
    let (grpc, pgbench) = (Figures::median(through_grpc), Figures::median(in_pgbench));
    line(verb, callers, "gRPC", &grpc, format!("{:.2}", grpc.rate / pgbench.rate));
    line(verb, callers, "pgbench", &pgbench, script.statements().to_string() + " st.");
}

fn line(verb: Verb, callers: usize, by: &str, figures: &Figures, last: impl Display) {
    let Figures { rate, p50, p99 } = figures;
    println!("{verb:<10} {callers:>7} {by:<8} {rate:>7.0} {p50:>9.2} {p99:>9.2} {last:>6}");
}
