//! Callers: some who call one after the other, or calls at a fixed rate, come what may.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use pim_client::{Client, Credentials, Tls};
use pim_proto::access::v1::{
    CheckAccessRequest, CheckAccessResponse, Decision, consistency::Requirement,
};
use tokio::{sync::Semaphore, task::JoinSet};
use tonic::Response;

use crate::{figures::Figures, scene::Scene};

/// Callers that share a connection.
const CALLERS_EACH: usize = 16;
/// Calls at once at a fixed rate, at most; what comes above is dropped.
const OUTSTANDING_MAX: usize = 4_096;

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The transport alone.
    Echo,
    /// From memory, a second old at most.
    Memory,
    /// The same by TLS.
    Secured,
    /// From memory, as new as the call.
    Consistent,
    /// From the database.
    Database,
}

impl Target {
    fn requirement(self) -> Option<Requirement> {
        match self {
            Target::Echo | Target::Memory | Target::Secured => {
                let second = prost_types::Duration { seconds: 1, nanos: 0 };
                Some(Requirement::MaxStaleness(second))
            }
            Target::Consistent | Target::Database => Some(Requirement::FullyConsistent(true)),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Target::Echo => "echo",
            Target::Memory => "memory, 1 s",
            Target::Secured => "memory, 1 s, TLS",
            Target::Consistent => "memory, consistent",
            Target::Database => "database",
        })
    }
}

/// One connection.
#[derive(Clone)]
pub(crate) struct Caller(Client);

impl Caller {
    pub(crate) fn new(url: &str, token: String, tls: Option<Tls>) -> Self {
        Self(Client::connect_lazy_by(url, Credentials::token(token), tls).unwrap())
    }

    pub(crate) async fn ask(&self, question: CheckAccessRequest) -> Response<CheckAccessResponse> {
        let answer = self.0.access().check_access(question).await.unwrap();
        assert_ne!(answer.get_ref().decision(), Decision::Unspecified);
        answer
    }
}

/// Callers who call one after the other, for so long.
pub(crate) async fn closed(
    scene: &Scene,
    (target, url): (Target, &str),
    callers: usize,
    length: Duration,
) -> Figures {
    let questions = questions(scene, target);
    let (next, begun) = (Arc::new(AtomicI64::new(0)), Instant::now());
    let connections = connections(scene, url, callers).await;
    let mut running = JoinSet::new();
    for place in 0..callers {
        let caller = connections[place / CALLERS_EACH].clone();
        let (questions, next) = (Arc::clone(&questions), Arc::clone(&next));
        running.spawn(async move {
            let mut took = Vec::new();
            while begun.elapsed() < length {
                let n = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
                let question = questions[n % questions.len()].clone();
                let asked = Instant::now();
                caller.ask(question).await;
                took.push(asked.elapsed());
            }
            took
        });
    }
    let took: Vec<Duration> = running.join_all().await.into_iter().flatten().collect();
    Figures::of(took, begun.elapsed())
}

/// What became of calls at a fixed rate.
pub(crate) struct Open {
    /// Answered in a second, and how long after it was their turn.
    pub(crate) answered: Figures,
    /// In a second, because too many were waiting.
    pub(crate) dropped: f64,
}

/// Calls at a fixed rate, for so long. How long one takes is counted from when it was its turn.
pub(crate) async fn open(
    scene: &Scene,
    (target, url): (Target, &str),
    rate: f64,
    length: Duration,
) -> Open {
    let questions = questions(scene, target);
    let connections = connections(scene, url, 4 * CALLERS_EACH).await;
    let room = Arc::new(Semaphore::new(OUTSTANDING_MAX));
    let mut running = JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    let (begun, mut sent, mut dropped) = (Instant::now(), 0_u32, 0_u32);
    while begun.elapsed() < length {
        let turn = begun + Duration::from_secs_f64(f64::from(sent) / rate);
        if turn > Instant::now() {
            ticks.tick().await;
            continue;
        }
        let place = usize::try_from(sent).unwrap();
        sent += 1;
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            dropped += 1;
            tokio::task::yield_now().await;
            continue;
        };
        let caller = connections[place % connections.len()].clone();
        let question = questions[place % questions.len()].clone();
        running.spawn(async move {
            caller.ask(question).await;
            drop(permit);
            turn.elapsed()
        });
    }
    let took = running.join_all().await;
    let elapsed = begun.elapsed();
    let dropped = f64::from(dropped) / elapsed.as_secs_f64();
    Open { answered: Figures::of(took, elapsed), dropped }
}

fn questions(scene: &Scene, target: Target) -> Arc<[CheckAccessRequest]> {
    (0..10_007).map(|n| scene.question(n, target.requirement())).collect()
}

async fn connections(scene: &Scene, url: &str, callers: usize) -> Vec<Caller> {
    let mut all = Vec::new();
    for _ in 0..callers.div_ceil(CALLERS_EACH) {
        let caller = Caller::new(url, scene.token(), scene.tls(url));
        // The connection is made, and the token known.
        caller.ask(scene.question(0, None)).await;
        all.push(caller);
    }
    all
}
