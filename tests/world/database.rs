//! A database of its own for each test: one throwaway cluster for the test program, a template that
//! is migrated once, and a clone of it for each test.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use pim_embedded::Cluster;
use pim_store::{Db, Login, Options, Passwords};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::OnceCell;

/// How long a test waits for a connection on a busy machine.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(20);
/// The role of tests that read and write what several services do.
const EVERYBODY: &str = "pim_everybody";

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static TEMPLATE: OnceCell<()> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(1);

/// A database with this program's schema and nothing in it. It goes away with the cluster, which
/// goes away with the test program.
#[derive(Debug, Clone)]
pub struct TestDb {
    url: String,
}

impl TestDb {
    /// A new one.
    pub async fn new() -> Self {
        let cluster = CLUSTER.get_or_init(|| Cluster::throwaway().expect("a throwaway cluster"));
        TEMPLATE
            .get_or_init(|| async {
                execute(cluster, "create database template_pim").await;
                let url = cluster.database_url("template_pim");
                let none = Passwords::default();
                pim_store::migrate::migrate(&url, &none).await.expect("the migrations run");
                let all = Login::ALL.map(Login::name).join(", ");
                execute(cluster, &format!("create role {EVERYBODY} login in role {all}")).await;
            })
            .await;
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        execute(cluster, &format!("create database {name} template template_pim")).await;
        Self { url: cluster.database_url(&name) }
    }

    /// Where it is, for whoever owns its tables.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it is, for a service.
    #[must_use]
    pub fn url_of(&self, service: &str) -> String {
        let login = Login::of_service(service).expect("a service has a login");
        self.url_as(login.name())
    }

    /// The same for that role of Postgres.
    #[must_use]
    pub fn url_as(&self, role: &str) -> String {
        self.url.replacen("pim@", &format!("{role}@"), 1)
    }

    /// Connected with all rights that any service has, and with no others.
    pub async fn db(&self) -> Db {
        let options = Options { acquire_timeout: ACQUIRE_TIMEOUT, ..Options::default() };
        Db::connect(&self.url_as(EVERYBODY), &options).await.expect("the test database answers")
    }

    /// A connection that may do anything, for tests that look behind the services.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.expect("the test database answers")
    }
}

async fn execute(cluster: &Cluster, statement: &str) {
    let url = cluster.database_url("postgres");
    let mut connection = PgConnection::connect(&url).await.expect("the cluster answers");
    connection
        .execute(AssertSqlSafe(statement.to_owned()))
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}
