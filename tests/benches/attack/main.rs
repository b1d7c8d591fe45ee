//! How soon somebody loses a role that they give up, while others do what they can against it:
//! idle connections, rapid resets, headers without end, slow headers, and callers with good
//! credentials who ask for more than anybody needs.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops at what should not happen"
)]

mod attackers;
#[path = "../common/figures.rs"]
mod figures;
#[path = "../common/memory.rs"]
mod memory;

use std::time::{Duration, Instant};

use attackers::Attack;
use figures::Figures;
use futures::future::join_all;
use pim_chassis::limits::Limits;
use pim_tests::{Organisation, Person, World};
use tokio::task::JoinSet;

/// Roles that are given up in a second, without an attack and under one.
const OFFERED: u32 = 50;
/// For how long, each.
const LENGTH: Duration = Duration::from_secs(6);
/// How often each is measured; the median counts.
const REPEATS: usize = 3;
const ROLE: &str = Organisation::CONTRIBUTOR;
/// Roles that are asked for at once, before anything is measured.
const AT_ONCE: usize = 16;

#[tokio::main]
async fn main() {
    let mut world = World::start_in_real_time().await;
    let (organisation, other) = (world.organisation().await, world.organisation().await);
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    let each = usize::try_from(LENGTH.as_secs()).unwrap() * usize::try_from(OFFERED).unwrap();
    let held = held(&alice, 2 * REPEATS * each).await;
    let mut held = held.chunks(each);
    let hogs = [organisation.user(&world, "mallory").await, other.user(&world, "eve").await];
    // All limits are as in production from here on.
    world.call_another(Limits::default(), |_, _, _| {}).await;
    let (alice, hogs) = (alice.again(&world), hogs.map(|hog| hog.again(&world)));
    println!("DeactivateRole, {OFFERED} a second; resident {} MB", memory::megabytes("VmRSS"));
    memory::forget_most();
    let (mut alone, mut attacked) = (Vec::new(), Vec::new());
    for _ in 0..REPEATS {
        alone.push(give_up(&alice, held.next().unwrap()).await);
        let attack = Attack::begin(&world.url, &hogs).await;
        attacked.push(give_up(&alice, held.next().unwrap()).await);
        println!("{}", attack.end());
    }
    line("alone", &Figures::median(alone));
    line("attacked", &Figures::median(attacked));
    println!("resident at most, with attackers: {} MB", memory::megabytes("VmHWM"));
}

/// Roles that somebody has activated, each at a scope of its own.
async fn held(alice: &Person, count: usize) -> Vec<String> {
    let scopes: Vec<String> = (0..count).map(|n| format!("/subscriptions/{n}")).collect();
    let mut held = Vec::new();
    for some in scopes.chunks(AT_ONCE) {
        let wishes = some.iter().map(|scope| alice.activate(Person::wish(ROLE, scope)));
        held.extend(join_all(wishes).await.into_iter().map(|activated| activated.unwrap().id));
    }
    held
}

/// Gives them up one after the other at a fixed rate, whether or not the last has been answered.
/// How long one takes is counted from when it was its turn.
async fn give_up(alice: &Person, held: &[String]) -> Figures {
    let mut turns = tokio::time::interval(Duration::from_secs(1) / OFFERED);
    let (begun, mut running) = (Instant::now(), JoinSet::new());
    for activation in held {
        let turn = turns.tick().await;
        let (alice, activation) = (alice.clone(), activation.clone());
        running.spawn(async move {
            alice.deactivate(&activation).await.unwrap();
            turn.elapsed()
        });
    }
    Figures::of(running.join_all().await, begun.elapsed())
}

fn line(when: &str, figures: &Figures) {
    let Figures { rate, p50, p99 } = figures;
    println!("{when:<9} {rate:>5.1} per s, p50 {p50:>6.2} ms, p99 {p99:>6.2} ms");
}
