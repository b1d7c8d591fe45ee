//! Connections and transactions. Reading, gaining and losing privilege have pools of their own, and
//! so have following what changes, sealing the log and telemetry, so that a flood of one does not
//! stop the others.

use std::{
    fmt, io,
    ops::{Deref, DerefMut},
    str::FromStr as _,
    time::Duration,
};

use chrono::{DateTime, Utc};
use pim_domain::id::TenantId;
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

use self::glance::Glancing;
use crate::{
    Login, StoreError,
    revision::{Revision, Snapshot},
};

mod glance;

pub use self::glance::Glance;

/// Statements are ended after this long.
pub const STATEMENT_TIMEOUT_MILLIS: u32 = 2_000;
/// Waiting for a lock is ended after this long.
pub const LOCK_TIMEOUT_MILLIS: u32 = 1_000;
/// Connections for following what changes: one asks what is new, one reads it.
const FOLLOW_CONNECTIONS_MAX: u32 = 2;
/// Connections for telemetry, so that it takes none from a call.
const TELEMETRY_CONNECTIONS_MAX: u32 = 1;
/// Connections for the log: one seals, one signs.
const LOG_CONNECTIONS_MAX: u32 = 2;
/// What seals and reads back the log may take this long: all events of one transaction are sealed at
/// once, however many they are. A process that stands still while it is sent what it asked for keeps
/// the others from sealing for as long.
const LOG_STATEMENT_TIMEOUT_MILLIS: u32 = 20_000;
/// A transaction in which nothing happens is ended after this long.
pub const IDLE_IN_TRANSACTION_MILLIS: u32 = 5_000;

/// A first connection that takes longer is given up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// It keeps what nobody waits for and nothing rests on.
    Telemetry,
}

/// For whom a transaction acts: of the rows that have a tenant it sees theirs, and writes no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// For one tenant.
    Tenant(TenantId),
    /// For none of them. A login that reads all tenants sees all, any other one nothing.
    EveryTenant,
}

impl From<TenantId> for Reach {
    fn from(tenant: TenantId) -> Self {
        Self::Tenant(tenant)
    }
}

impl fmt::Display for Reach {
    /// What Postgres is told, at the end of what begins a transaction: a UUID ends no text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(tenant) => write!(f, "; set local app.tenant = '{}'", tenant.uuid()),
            Self::EveryTenant => Ok(()),
        }
    }
}

/// The database of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    read: PgPool,
    gain: PgPool,
    lose: PgPool,
    follow: PgPool,
    log: PgPool,
    telemetry: PgPool,
    instance: Uuid,
    /// Whether the login reads all tenants.
    sees_all: bool,
}

impl Db {
    /// Connects to a database that has this program's schema.
    ///
    /// # Errors
    /// It cannot be reached, its schema is of another version, or the login may do what no service
    /// is to.
    pub async fn connect(url: &str, options: &Options) -> Result<Self, StoreError> {
        Self::open(parse(url)?, options).await
    }

    /// The same with this login in place of the one that the URL names.
    ///
    /// # Errors
    /// As [`Db::connect`] says.
    pub async fn connect_as(
        url: &str,
        login: Login,
        password: Option<&str>,
        options: &Options,
    ) -> Result<Self, StoreError> {
        let connect = parse(url)?.username(login.name());
        let connect = match password {
            Some(password) => connect.password(password),
            None => connect,
        };
        Self::open(connect, options).await
    }

    async fn open(connect: PgConnectOptions, options: &Options) -> Result<Self, StoreError> {
        let connect = connect.options([
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
        let mut first = first(&connect).await?;
        crate::migrate::check(&mut first).await?;
        let sees_all = judge_login(&mut first).await?;
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
            telemetry: pool(TELEMETRY_CONNECTIONS_MAX, &connect),
            instance,
            sees_all,
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
    pub async fn read(&self, reach: impl Into<Reach>) -> Result<Read, StoreError> {
        self.read_from(&self.read, "", reach.into()).await
    }

    /// The same, for what is found by filters that may be absent, or by a range of time: planned
    /// for the values that are given.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn browse(&self, reach: impl Into<Reach>) -> Result<Read, StoreError> {
        self.read_from(&self.read, "; set local plan_cache_mode = auto", reach.into()).await
    }

    /// All in one round trip.
    async fn read_from(
        &self,
        pool: &PgPool,
        setting: &'static str,
        reach: Reach,
    ) -> Result<Read, StoreError> {
        let begin = format!("begin isolation level repeatable read read only{setting}{reach}");
        let mut tx = pool.begin_with(AssertSqlSafe(begin)).await?;
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

    /// One consistent state of all tenants, for who follows what changes: on connections of its own,
    /// so that a flood of calls does not hold it up.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn follow(&self) -> Result<Read, StoreError> {
        // However much has changed, it is little beside all there is.
        let setting = "; set local enable_seqscan = off";
        self.read_from(&self.follow, setting, Reach::EveryTenant).await
    }

    /// The same, with time to read all there is.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn copy(&self) -> Result<Read, StoreError> {
        let setting = "; set local statement_timeout = '5min'";
        self.read_from(&self.follow, setting, Reach::EveryTenant).await
    }

    /// A connection to read with where each statement may see a state of its own: cheaper than
    /// [`Db::read`]. A login that reads all tenants needs no transaction for it.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn glance(&self, reach: impl Into<Reach>) -> Result<Glance, StoreError> {
        Ok(Glance(if self.sees_all {
            Glancing::All(self.read.acquire().await?)
        } else {
            let begin = format!("begin read only{}", reach.into());
            Glancing::Walled(self.read.begin_with(AssertSqlSafe(begin)).await?)
        }))
    }

    /// A transaction to write in.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn begin(&self, purpose: Purpose, reach: impl Into<Reach>) -> Result<Tx, StoreError> {
        let pool = match purpose {
            Purpose::Gain => &self.gain,
            Purpose::Lose => &self.lose,
            Purpose::Log => &self.log,
            Purpose::Telemetry => &self.telemetry,
        };
        let reach = reach.into();
        let tx = pool.begin_with(AssertSqlSafe(format!("begin{reach}"))).await?;
        Ok(Tx { tx, reach, xid: None, gains: false })
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
        self.telemetry.close().await;
    }
}

/// The database that a URL names.
pub(crate) fn parse(url: &str) -> Result<PgConnectOptions, StoreError> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(StoreError::BadUrl);
    }
    PgConnectOptions::from_str(url).map_err(|_| StoreError::BadUrl)
}

/// A first connection, or none within some seconds.
pub(crate) async fn first(options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options));
    match connected.await {
        Ok(connected) => connected.map_err(StoreError::Unavailable),
        Err(_) => {
            let text = format!("no answer within {} s", CONNECT_TIMEOUT.as_secs());
            let late = io::Error::new(io::ErrorKind::TimedOut, text);
            Err(StoreError::Unavailable(sqlx::Error::Io(late)))
        }
    }
}

/// Whether the login reads all tenants. One for whom there is no wall is refused: with it, a mistake
/// in one statement would show a tenant what is another's.
async fn judge_login(connection: &mut PgConnection) -> Result<bool, StoreError> {
    let row = sqlx::query!(
        r#"select
               r.rolname::text as "login!", r.rolsuper as "is_superuser!",
               r.rolbypassrls as "bypasses!",
               (pg_has_role(c.relowner, 'usage')) as "owns!",
               exists (
                   select from unnest($1::text[]) of_all where pg_has_role(of_all::name, 'usage')
               ) as "sees_all!"
           from pg_roles r, pg_class c
           where r.rolname = current_user and c.oid = 'event'::regclass"#,
        &Login::OF_ALL_TENANTS.map(|login| login.name().to_owned()),
    )
    .fetch_one(connection)
    .await?;
    let may = match (row.is_superuser, row.bypasses, row.owns) {
        (true, ..) => "is a superuser",
        (_, true, _) => "bypasses row-level security",
        (.., true) => "owns the tables",
        (false, false, false) => return Ok(row.sees_all),
    };
    Err(StoreError::UnsafeLogin { login: row.login, may })
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
    reach: Reach,
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

    /// From here on it acts for this tenant: for whom makes one, and goes on in it.
    ///
    /// # Errors
    /// The database cannot serve.
    pub async fn enter(&mut self, tenant: TenantId) -> Result<(), StoreError> {
        let reach = Reach::Tenant(tenant);
        if self.reach != reach {
            sqlx::query!("select set_config('app.tenant', $1, true)", tenant.to_string())
                .fetch_one(&mut *self.tx)
                .await?;
            self.reach = reach;
        }
        Ok(())
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
