//! Connections and transactions. Reading, gaining and losing privilege have pools of their own, and
//! so have following what changes and sealing the log, so that a flood of one does not stop the
//! others.

use std::{
    ops::{Deref, DerefMut},
    str::FromStr as _,
    time::Duration,
};

use chrono::{DateTime, Utc};
use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

use crate::{
    StoreError,
    revision::{Revision, Snapshot},
};

/// Statements are ended after this long.
pub const STATEMENT_TIMEOUT_MILLIS: u32 = 2_000;
/// Waiting for a lock is ended after this long.
pub const LOCK_TIMEOUT_MILLIS: u32 = 1_000;
/// Connections for following what changes: one asks what is new, one reads it.
const FOLLOW_CONNECTIONS_MAX: u32 = 2;
/// Connections for the log: one seals, one signs.
const LOG_CONNECTIONS_MAX: u32 = 2;
/// What seals and reads back the log may take this long: all events of one transaction are sealed at
/// once, however many they are.
const LOG_STATEMENT_TIMEOUT_MILLIS: u32 = 60_000;
/// A transaction in which nothing happens is ended after this long.
pub const IDLE_IN_TRANSACTION_MILLIS: u32 = 5_000;

/// How a process uses its database.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections for reading, at most.
    pub read_connections_max: u32,
    /// Connections for gaining privilege and for losing it, at most, each.
    pub write_connections_max: u32,
    /// How long a call waits for a connection.
    pub acquire_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_connections_max: 8,
            write_connections_max: 4,
            acquire_timeout: Duration::from_millis(250),
        }
    }
}

/// What a write is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It may widen what somebody holds, or prepares that.
    Gain,
    /// It only narrows what somebody holds.
    Lose,
    /// It seals or signs what the log says.
    Log,
}

/// The database of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    read: PgPool,
    gain: PgPool,
    lose: PgPool,
    follow: PgPool,
    log: PgPool,
    instance: Uuid,
}

impl Db {
    /// Connects to a database that has this program's schema.
    ///
    /// # Errors
    /// It cannot be reached, or its schema is of another version.
    pub async fn connect(url: &str, options: &Options) -> Result<Self, StoreError> {
        let connect = PgConnectOptions::from_str(url).map_err(StoreError::Unavailable)?.options([
            ("statement_timeout", STATEMENT_TIMEOUT_MILLIS.to_string()),
            ("lock_timeout", LOCK_TIMEOUT_MILLIS.to_string()),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_MILLIS.to_string()),
            ("timezone", "UTC".to_owned()),
            // Compiling these short statements costs more than running them.
            ("jit", "off".to_owned()),
            // Nearly all find rows by their keys: one plan fits all values, and making one takes
            // several times as long as running it.
            ("plan_cache_mode", "force_generic_plan".to_owned()),
        ]);
        let mut first =
            PgConnection::connect_with(&connect).await.map_err(StoreError::Unavailable)?;
        crate::migrate::check(&mut first).await?;
        let instance = sqlx::query_scalar!("select id from instance").fetch_one(&mut first).await?;
        first.close().await.map_err(StoreError::Unavailable)?;
        let pool = |connections, connect: &PgConnectOptions| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(options.acquire_timeout)
                .test_before_acquire(false)
                .connect_lazy_with(connect.clone())
        };
        let patient = connect
            .clone()
            .options([("statement_timeout", LOG_STATEMENT_TIMEOUT_MILLIS.to_string())]);
        Ok(Self {
            read: pool(options.read_connections_max, &connect),
            gain: pool(options.write_connections_max, &connect),
            lose: pool(options.write_connections_max, &connect),
            follow: pool(FOLLOW_CONNECTIONS_MAX, &connect),
            log: pool(LOG_CONNECTIONS_MAX, &patient),
            instance,
        })
    }

    /// Which database this is, for as long as it lives.
    #[must_use]
    pub fn instance(&self) -> Uuid {
        self.instance
    }

    /// One consistent state to read.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn read(&self) -> Result<Read, StoreError> {
        self.read_from(&self.read, "begin isolation level repeatable read read only").await
    }

    /// The same, for what is found by filters that may be absent, or by a range of time: planned
    /// for the values that are given.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn browse(&self) -> Result<Read, StoreError> {
        self.read_from(
            &self.read,
            "begin isolation level repeatable read read only; set local plan_cache_mode = auto",
        )
        .await
    }

    async fn read_from(&self, pool: &PgPool, begin: &'static str) -> Result<Read, StoreError> {
        let mut tx = pool.begin_with(begin).await?;
        let snapshot = snapshot(&mut tx).await?;
        Ok(Read { tx, revision: Revision::Snapshot(snapshot.clone()), snapshot })
    }

    /// The newest state, and nothing of it.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn newest(&self) -> Result<Snapshot, StoreError> {
        let mut connection = self.follow.acquire().await?;
        snapshot(&mut connection).await
    }

    /// One consistent state, for who follows what changes: on connections of its own, so that a
    /// flood of calls does not hold it up.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn follow(&self) -> Result<Read, StoreError> {
        // However much has changed, it is little beside all there is.
        self.read_from(
            &self.follow,
            "begin isolation level repeatable read read only; set local enable_seqscan = off",
        )
        .await
    }

    /// The same, with time to read all there is.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn copy(&self) -> Result<Read, StoreError> {
        self.read_from(
            &self.follow,
            "begin isolation level repeatable read read only; set local statement_timeout = '5min'",
        )
        .await
    }

    /// A connection to read with where each statement may see a state of its own: cheaper than
    /// [`Db::read`], which sends three statements more.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn glance(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        Ok(self.read.acquire().await?)
    }

    /// A transaction to write in.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn begin(&self, purpose: Purpose) -> Result<Tx, StoreError> {
        let pool = match purpose {
            Purpose::Gain => &self.gain,
            Purpose::Lose => &self.lose,
            Purpose::Log => &self.log,
        };
        Ok(Tx { tx: pool.begin().await?, xid: None, gains: false })
    }

    /// The database's clock, now.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn clock(&self) -> Result<DateTime<Utc>, StoreError> {
        let now = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#)
            .fetch_one(&self.read)
            .await?;
        Ok(now)
    }

    /// Lets go of all connections.
    pub async fn close(&self) {
        self.read.close().await;
        self.gain.close().await;
        self.lose.close().await;
        self.follow.close().await;
        self.log.close().await;
    }
}

async fn snapshot(connection: &mut PgConnection) -> Result<Snapshot, StoreError> {
    sqlx::query_scalar!(r#"select pg_current_snapshot()::text as "snapshot!""#)
        .fetch_one(connection)
        .await?
        .parse()
}

/// A consistent state of the database, to read.
#[derive(Debug)]
pub struct Read {
    tx: Transaction<'static, Postgres>,
    snapshot: Snapshot,
    revision: Revision,
}

impl Read {
    /// Which state it is.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The same, as answers name it.
    #[must_use]
    pub fn revision(&self) -> &Revision {
        &self.revision
    }
}

impl Deref for Read {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.tx
    }
}

impl DerefMut for Read {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}

/// A transaction; what is not committed has not happened.
#[derive(Debug)]
pub struct Tx {
    tx: Transaction<'static, Postgres>,
    xid: Option<u64>,
    gains: bool,
}

impl Tx {
    /// Makes it so, and says which state of the database includes it.
    ///
    /// # Errors
    /// The database cannot serve; whether it is so is then unknown.
    pub async fn commit(mut self) -> Result<Revision, StoreError> {
        let revision = match self.xid {
            Some(xid) => Revision::Write(xid),
            None => Revision::Snapshot(snapshot(&mut self.tx).await?),
        };
        self.tx.commit().await?;
        Ok(revision)
    }

    /// Takes it all back, and says which state of the database was looked at.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn roll_back(mut self) -> Result<Revision, StoreError> {
        let revision = Revision::Snapshot(snapshot(&mut self.tx).await?);
        self.tx.rollback().await?;
        Ok(revision)
    }

    /// Whether anything that it has written gains something.
    #[must_use]
    pub fn gains(&self) -> bool {
        self.gains
    }

    /// Takes it all back, also where a statement was refused. When this is over, nothing of it is
    /// locked any more.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn abandon(self) -> Result<(), StoreError> {
        Ok(self.tx.rollback().await?)
    }

    pub(crate) fn wrote_as(&mut self, xid: u64) {
        self.xid = Some(xid);
    }

    pub(crate) fn has_gained(&mut self) {
        self.gains = true;
    }
}

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.tx
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}
