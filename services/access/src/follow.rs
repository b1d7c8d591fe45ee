//! Keeps the copy in memory at the newest state of the database.
//!
//! One run asks for the newest state and takes on what has changed. Whoever needs an answer as new as
//! their question waits for a run that began after it arrived: one question to the database for all
//! who wait at that moment.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::TryStreamExt as _;
use pim_chassis::{Process, periodic::Periodic};
use pim_store::{Db, Revision, Snapshot, StoreError, replica};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout},
};

use crate::{
    history::{History, Touched},
    replica::{News, Replica},
};

/// Without a question, the copy is as old as this at most.
const IDLE: Duration = Duration::from_millis(200);
/// Nobody waits longer for a run; the database answers then.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// Nobody waits longer for the first copy.
const LOAD_MAX: Duration = Duration::from_secs(4);

/// How new an answer must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// As new as the question.
    Full,
    /// With all that this includes.
    AtLeast(Revision),
    /// At most this much older than the question.
    MaxStaleness(Duration),
}

/// The copy in memory, and who keeps it. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Follower(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    replica: RwLock<Option<Replica>>,
    runs: watch::Sender<Runs>,
    wanted: Notify,
    is_started: AtomicBool,
    /// Changed under the lock of the copy, so that both are of one state.
    history: Mutex<History>,
    /// Counts the runs that changed something.
    changes: watch::Sender<u64>,
}

/// The runs, counted from 1.
#[derive(Debug, Clone, Copy, Default)]
struct Runs {
    /// The newest that has begun.
    begun: u64,
    /// The newest that has ended.
    ended: u64,
    /// The newest that brought the copy to its state.
    reached: u64,
    /// When that one began.
    at: Option<Instant>,
}

impl Follower {
    pub(crate) fn new() -> Self {
        let (runs, _) = watch::channel(Runs::default());
        let (changes, _) = watch::channel(0);
        Self(Arc::new(Inner {
            replica: RwLock::new(None),
            runs,
            wanted: Notify::new(),
            is_started: AtomicBool::new(false),
            history: Mutex::default(),
            changes,
        }))
    }

    /// Waits until the copy is new enough. False where it is not there, or not to be had soon: the
    /// database answers then.
    pub(crate) async fn wait(&self, process: &Process, freshness: &Freshness) -> bool {
        self.start(process);
        let runs = *self.0.runs.borrow();
        if runs.reached == 0 {
            return false;
        }
        match freshness {
            Freshness::Full => self.run_after(runs).await,
            Freshness::AtLeast(revision) => {
                self.includes(revision) || self.run_after(runs).await && self.includes(revision)
            }
            Freshness::MaxStaleness(most) => {
                runs.at.is_some_and(|at| at.elapsed() <= *most) || self.run_after(runs).await
            }
        }
    }

    /// Waits until there is a copy that is as new as this call. False where there is none soon.
    pub(crate) async fn ready(&self, process: &Process) -> bool {
        self.start(process);
        let mut runs = self.0.runs.subscribe();
        let is_loaded =
            matches!(timeout(LOAD_MAX, runs.wait_for(|runs| runs.reached > 0)).await, Ok(Ok(_)));
        is_loaded && self.wait(process, &Freshness::Full).await
    }

    /// Waits until the copy has all in it that a state has.
    pub(crate) async fn includes_soon(&self, process: &Process, state: &Snapshot) -> bool {
        let freshness = Freshness::AtLeast(Revision::Snapshot(state.clone()));
        self.wait(process, &freshness).await
    }

    /// Changes when the copy does.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// What the copy's state of `now` may have that `seen` has not. `None` where that is not known.
    pub(crate) fn since(&self, seen: &Snapshot, now: &Snapshot) -> Option<Touched> {
        self.0.history().since(seen, now)
    }

    /// How old the copy is at most.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.0.runs.borrow().at.map(|at| at.elapsed())
    }

    /// The copy, for as long as the guard lives: until then nothing new is taken on.
    pub(crate) fn replica(&self) -> Option<RwLockReadGuard<'_, Option<Replica>>> {
        // Whoever panicked while writing left something that nobody may read.
        self.0.replica.read().ok()
    }

    /// Begins to follow when somebody first asks: who never asks needs no copy.
    fn start(&self, process: &Process) {
        // Looking costs the others nothing.
        if self.0.is_started.load(Ordering::Relaxed)
            || self.0.is_started.swap(true, Ordering::Relaxed)
        {
            return;
        }
        let (inner, db) = (Arc::clone(&self.0), process.db.clone());
        drop(Periodic::spawn("replica", process.shutdown.clone(), move || {
            let (inner, db) = (Arc::clone(&inner), db.clone());
            async move { inner.run(&db).await }
        }));
    }

    fn includes(&self, revision: &Revision) -> bool {
        self.0.snapshot().is_some_and(|snapshot| snapshot.includes(revision))
    }

    /// Waits for a run that begins after this. One that has begun may have asked before.
    async fn run_after(&self, runs: Runs) -> bool {
        let wanted = runs.begun + 1;
        self.0.wanted.notify_one();
        let mut watched = self.0.runs.subscribe();
        let ended = timeout(WAIT_MAX, watched.wait_for(|runs| runs.ended >= wanted)).await;
        matches!(ended, Ok(Ok(runs)) if runs.reached >= wanted)
    }
}

impl Inner {
    /// One run, when one is wanted or it is time.
    async fn run(&self, db: &Db) -> Result<Duration, StoreError> {
        if self.runs.borrow().ended > 0 {
            // In vain is to have waited long enough.
            drop(timeout(IDLE, self.wanted.notified()).await);
        }
        let at = Instant::now();
        let mut run = 0;
        self.runs.send_modify(|runs| {
            runs.begun += 1;
            run = runs.begun;
        });
        let caught_up = self.catch_up(db).await;
        self.runs.send_modify(|runs| {
            runs.ended = run;
            if caught_up.is_ok() {
                (runs.reached, runs.at) = (run, Some(at));
            }
        });
        caught_up.map(|()| Duration::ZERO)
    }

    async fn catch_up(&self, db: &Db) -> Result<(), StoreError> {
        let Some(known) = self.snapshot() else { return self.load(db).await };
        if db.newest().await? == known {
            return Ok(());
        }
        let mut read = db.follow().await?;
        let snapshot = read.snapshot().clone();
        if snapshot.is_before(&known) {
            // It was set back. What is new in it can be told by nothing.
            return self.load(db).await;
        }
        let Some(changed) = replica::changed(&mut read, &known).await? else {
            return self.load(db).await;
        };
        let mut news = News::default();
        if !changed.holdings.is_empty() {
            news.holdings = replica::holdings(&mut read, &changed.holdings).await?;
        }
        if !changed.principals.is_empty() {
            news.principals = replica::principals(&mut read, &changed.principals).await?;
        }
        if !changed.roles.is_empty() {
            news.roles = replica::roles(&mut read, Some(&changed.roles)).await?;
        }
        if !changed.trees.is_empty() {
            news.parents = replica::parents(&mut read, Some(&changed.trees)).await?;
        }
        drop(read);
        let touched = Touched::from(&changed);
        (news.changed, news.trees) = (changed.holdings, changed.trees);
        if let Some(replica) = self.write().as_mut() {
            self.history().add(known, touched);
            replica.advance(snapshot, news);
        }
        self.changes.send_modify(|count| *count += 1);
        Ok(())
    }

    /// The state that the copy is of, where there is one.
    fn snapshot(&self) -> Option<Snapshot> {
        let replica = self.replica.read().ok()?;
        replica.as_ref().map(|replica| replica.snapshot().clone())
    }

    /// Copies all there is. Until it is done, the copy that there was goes on.
    async fn load(&self, db: &Db) -> Result<(), StoreError> {
        let mut read = db.copy().await?;
        let snapshot = read.snapshot().clone();
        let mut copy = Replica::new(snapshot.clone());
        let roles = replica::roles(&mut read, None).await?;
        let parents = replica::parents(&mut read, None).await?;
        copy.advance(snapshot, News { roles, parents, ..News::default() });
        {
            let mut principals = pin!(replica::all_principals(&mut read));
            while let Some((tenant, principal)) = principals.try_next().await? {
                copy.add_principal(tenant, principal);
            }
        }
        let mut holdings = pin!(replica::all_holdings(&mut read));
        while let Some((tenant, holding)) = holdings.try_next().await? {
            copy.add_holding(tenant, holding);
        }
        copy.shrink();
        let mut replica = self.write();
        // How one led to the other is not known.
        *self.history() = History::default();
        *replica = Some(copy);
        drop(replica);
        self.changes.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Each step is added whole.
    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The copy, to be changed; none, where changing it broke off.
    fn write(&self) -> RwLockWriteGuard<'_, Option<Replica>> {
        self.replica.write().unwrap_or_else(|poisoned| {
            let mut broken = poisoned.into_inner();
            *broken = None;
            self.replica.clear_poison();
            broken
        })
    }
}
