//! The system against a reference model: random commands, clock movements, restarts and repeated
//! deliveries go to the real services on Postgres, and every answer and everything that can be seen
//! afterwards is what a small, separate model of the specification says.
//!
//! A failure prints the seed and the smallest sequence that was found. `PIM_MODEL_SEQUENCES`,
//! `PIM_MODEL_COMMANDS` and `PIM_MODEL_SEED` make a longer run, or one again; `PIM_MODEL_SHRINKS`
//! is how hard a failing sequence is made smaller.

mod activations;
mod answers;
mod approvals;
mod either;
mod generate;
mod grants;
mod invariants;
mod reference;
mod request;
mod rules;
mod run;
mod system;
mod things;
mod universe;
mod view;
mod wire;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    env,
    panic::{self, AssertUnwindSafe},
    sync::Mutex,
    thread,
};

use pim_tests::World;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::{Builder, Runtime};

/// Worlds that are tried at the same time.
const WORLDS: u64 = 2;
/// Attempts at making a failing sequence smaller.
const SHRINKS_MAX: u64 = 200;

/// So many commands do everything that there is at least once.
const ENOUGH: u64 = 10_000;
/// What must have been answered in a run that is long enough.
const WANTED: [&str; 28] = [
    "Activate Active",
    "Activate PendingApproval",
    "Activate Scheduled",
    "Activate ACTIVATION_LIVE",
    "Activate NO_ELIGIBLE_APPROVER",
    "Activate POLICY_DENIED",
    "Activate REQUEST_ID_REUSED",
    "Activate STEP_UP_REQUIRED",
    "Approve Approved",
    "Approve Pending",
    "Approve ALREADY_DECIDED",
    "Approve ALREADY_RESOLVED",
    "Approve ETAG_MISMATCH",
    "Approve SELF_APPROVAL",
    "Cancel Ended",
    "Deactivate Ended",
    "Deny Denied",
    "Disable done",
    "Enable done",
    "Extend Active",
    "Extend POLICY_DENIED",
    "Grant done",
    "Grant DUPLICATE",
    "Grant SELF_GRANT",
    "Remove done",
    "Ring Ended",
    "Set done",
    "Set NO_ELIGIBLE_APPROVER",
];

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// The same commands for the same seed.
fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: 1,
        failure_persistence: None,
        max_shrink_iters: u32::try_from(setting("PIM_MODEL_SHRINKS", SHRINKS_MAX)).unwrap(),
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// Runs one sequence; a world in which something failed is not used again.
fn one(
    runtime: &Runtime,
    place: &RefCell<Option<World>>,
    steps: &[generate::Step],
    done: &Mutex<BTreeMap<String, usize>>,
) -> Result<(), TestCaseError> {
    let found = place.take();
    let story = RefCell::default();
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let world = match found {
                Some(world) => world,
                None => World::start().await,
            };
            run::run(world, steps, &story).await
        })
    }));
    let problem = match outcome {
        Ok(Ok((world, counts))) => {
            place.replace(Some(world));
            let mut done = done.lock().unwrap();
            counts.into_iter().for_each(|(name, count)| *done.entry(name).or_default() += count);
            return Ok(());
        }
        Ok(Err(problem)) => problem,
        Err(_) => "it panicked, as said above".to_owned(),
    };
    Err(TestCaseError::fail(format!("{}\n{problem}", story.borrow().join("\n"))))
}

#[test]
fn the_system_does_what_the_model_says() {
    let sequences = setting("PIM_MODEL_SEQUENCES", 200);
    let commands = usize::try_from(setting("PIM_MODEL_COMMANDS", 50)).unwrap();
    let first = setting("PIM_MODEL_SEED", 1);
    let done = Mutex::default();
    let worker = |world: u64| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let place = RefCell::new(None);
        for seed in (first + world..first + sequences).step_by(usize::try_from(WORLDS).unwrap()) {
            let outcome = runner(seed)
                .run(&generate::steps(commands), |steps| one(&runtime, &place, &steps, &done));
            match outcome {
                Ok(()) => {}
                Err(TestError::Fail(story, _)) => {
                    panic!("seed {seed} with {commands} commands, made smaller:\n{story}")
                }
                Err(TestError::Abort(reason)) => panic!("seed {seed}: {reason}"),
            }
        }
    };
    thread::scope(|scope| {
        for world in 0..WORLDS {
            scope.spawn(move || worker(world));
        }
    });
    let done: BTreeMap<String, usize> = done.into_inner().unwrap();
    println!("{done:#?}");
    // A run in which nothing ever succeeds shows nothing.
    let missing: Vec<_> = WANTED.into_iter().filter(|name| !done.contains_key(*name)).collect();
    assert!(
        sequences * u64::try_from(commands).unwrap() < ENOUGH || missing.is_empty(),
        "{missing:?}"
    );
}
