//! No tenant sees, touches or learns of another's: each field of each RPC that can name a thing is
//! tried with another tenant's, beside one that does not exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    sync::{Arc, Mutex},
};

use chrono::TimeDelta;
use pim_chassis::{
    auth::Grant,
    rpc::{Guard, find},
};
use pim_client::Refusal;
use pim_tests::{World, new_id};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};
use sqlx::{AssertSqlSafe, Row as _};
use tonic::Status;
use tracing_subscriber::fmt::MakeWriter;
use uuid::Uuid;

use super::{
    fill::{Filler, method, pool, said, texts, without_ids},
    furnish::{Things, furnish},
    raw::Caller,
};
use crate::descriptor::{Method, methods};

/// Fields that name nothing of a tenant's.
const NAMELESS: [&str; 2] = ["request_id", "tenant_id"];

/// What was tried, and did not come as far as the thing: scopes that are of another kind than the
/// rest of the request permits. A scope is nobody's secret and nobody's alone.
const UNREACHED: [(&str, &str); 2] =
    [("CreateRole", "definition.assignable_scopes"), ("UpdateScope", "parent_scope")];

/// Somebody of one tenant, with things of another.
struct Sweep<'a> {
    world: &'a World,
    pool: DescriptorPool,
    own: &'a Things,
    foreign: &'a Things,
    admin: Grant,
    unreached: BTreeSet<(String, String)>,
}

/// What came back.
struct Answer {
    /// What can be compared: it says the same whoever it is about.
    said: Vec<String>,
    /// All of it, to be searched.
    all: Vec<u8>,
    is_malformed: bool,
}

impl Sweep<'_> {
    fn caller(&self, guard: Guard) -> Option<Caller> {
        let grant = match guard {
            Guard::Anyone | Guard::AnyPrincipal | Guard::Action(_) | Guard::ActionOrOperator(_) => {
                self.admin.clone()
            }
            Guard::Services(names) => Grant::Service { name: names[0].to_owned() },
            // They see all tenants.
            Guard::Operator => return None,
        };
        let (issuer, now) = (&self.world.system.issuer, self.world.now());
        let token = issuer.mint(&grant, now, TimeDelta::minutes(5)).unwrap();
        Some(Caller::with_token(self.world, &token))
    }

    fn request(&self, input: &MessageDescriptor, path: &str, text: &str, dry: bool) -> Vec<u8> {
        let (texts, now) = (&self.own.texts, self.world.now().timestamp());
        let mut request = Filler { texts, now, chosen: Some((path, text)) }.fill(input);
        if dry && input.get_field_by_name("validate_only").is_some() {
            request.set_field_by_name("validate_only", Value::Bool(true));
        }
        request.encode_to_vec()
    }

    async fn ask(&self, caller: &Caller, rpc: &Method, request: Vec<u8>) -> Answer {
        let output = method(&self.pool, &rpc.path).output();
        match caller.call(&rpc.path, rpc.streams, request).await {
            Ok(messages) => {
                let decoded = messages.iter().map(|message| {
                    DynamicMessage::decode(output.clone(), message.as_slice()).unwrap()
                });
                let said = decoded.flat_map(|message| said(&message)).collect();
                Answer { said, all: messages.concat(), is_malformed: false }
            }
            Err(status) => refused(&status),
        }
    }

    /// With the other tenant's thing the answer is that with no thing, and says nothing of it.
    async fn compare(&mut self, rpc: &Method, path: &str) {
        let Some(caller) = self.caller(find(&rpc.path).unwrap().guard) else { return };
        let input = method(&self.pool, &rpc.path).input();
        for foreign in self.foreign.named(path) {
            let nothing = self.own.nothing_like(&foreign);
            let with = self.request(&input, path, &foreign, true);
            let without = self.request(&input, path, &nothing, true);
            let with = self.ask(&caller, rpc, with).await;
            let without = self.ask(&caller, rpc, without).await;
            assert_eq!(with.said, without.said, "{} tells of {path} {foreign}", rpc.path);
            self.foreign.assert_unseen(&with.all, &foreign, &rpc.path);
            if with.is_malformed && !is_position(path) {
                self.unreached.insert((rpc.name.clone(), path.to_owned()));
            }
        }
    }

    /// The same for real.
    async fn write(&self, rpc: &Method, path: &str) {
        let Some(caller) = self.caller(find(&rpc.path).unwrap().guard) else { return };
        let input = method(&self.pool, &rpc.path).input();
        for foreign in self.foreign.named(path) {
            let request = self.request(&input, path, &foreign, false);
            let answer = self.ask(&caller, rpc, request).await;
            self.foreign.assert_unseen(&answer.all, &foreign, &rpc.path);
        }
    }
}

fn refused(status: &Status) -> Answer {
    let refusal = Refusal::from_status(status);
    let metadata: BTreeMap<_, _> = refusal.metadata.iter().collect();
    let said = format!("{:?} {} {metadata:?}", status.code(), status.message());
    let mut all = format!("{} {:?}", status.message(), status.metadata()).into_bytes();
    all.extend_from_slice(status.details());
    let is_malformed = refusal.reason == "INVALID_FIELD";
    Answer { said: vec![without_ids(&said)], all, is_malformed }
}

/// The paths of a request that can name something.
fn naming(input: &MessageDescriptor) -> Vec<String> {
    let names = |path: &String| {
        let name = path.rsplit('.').next().unwrap();
        let is_id = name == "id" || name.ends_with("_id") || name.ends_with("_ids");
        let is_scope = name.ends_with("scope") || name.ends_with("scopes");
        (is_id || is_scope || is_position(path)) && !NAMELESS.contains(&name)
    };
    texts(input).into_iter().filter(names).collect()
}

/// Whether the field takes what an answer handed out.
fn is_position(path: &str) -> bool {
    let name = path.rsplit('.').next();
    matches!(name, Some("page_token" | "after_position" | "at_least_as_fresh"))
}

/// Every row of a tenant.
async fn rows(world: &World, tenant: Uuid) -> BTreeMap<String, String> {
    let mut connection = world.database.connect().await;
    let tables = sqlx::query(
        "select table_name::text from information_schema.columns
         where table_schema = 'public' and column_name = 'tenant_id' order by 1",
    );
    let tables = tables.fetch_all(&mut connection).await.unwrap();
    let mut all = BTreeMap::new();
    for table in tables {
        let table: String = table.get(0);
        let text = format!(
            "select coalesce(string_agg(row::text, E'\\n' order by row::text), '')
             from \"{table}\" row where tenant_id = $1"
        );
        let rows = sqlx::query(AssertSqlSafe(text)).bind(tenant);
        all.insert(table, rows.fetch_one(&mut connection).await.unwrap().get(0));
    }
    assert!(all.len() > 15, "{:?}", all.keys());
    all
}

/// What the services log while this test program runs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_tenant_learns_of_another() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    // For this thread: a test runs on one of its own, and so does all that its world does.
    let _logging = tracing::subscriber::set_default(subscriber);
    let world = World::start().await;
    let (own, foreign) = (world.organisation().await, world.organisation().await);
    let own_things = furnish(&world, &own).await;
    let foreign_things = furnish(&world, &foreign).await;
    let before = rows(&world, foreign.tenant).await;
    let mut sweep = Sweep {
        world: &world,
        pool: pool(),
        own: &own_things,
        foreign: &foreign_things,
        admin: own.admin.grant(),
        unreached: BTreeSet::new(),
    };
    // First, because what somebody has asked for stands in the log of their own tenant.
    everything_that_can_be_listed(&sweep).await;
    let mut tried = 0;
    for rpc in methods() {
        for path in naming(&method(&sweep.pool, &rpc.path).input()) {
            sweep.compare(&rpc, &path).await;
            tried += 1;
        }
    }
    let unreached: Vec<(&str, &str)> =
        sweep.unreached.iter().map(|(rpc, path)| (rpc.as_str(), path.as_str())).collect();
    assert_eq!(unreached, UNREACHED);
    for rpc in methods() {
        for path in naming(&method(&sweep.pool, &rpc.path).input()) {
            sweep.write(&rpc, &path).await;
        }
    }
    assert_eq!(rows(&world, foreign.tenant).await, before);
    let logged = log.0.lock().unwrap().clone();
    let logged = String::from_utf8(logged).unwrap();
    assert!(!logged.is_empty(), "nothing was logged");
    for things in [&own_things, &foreign_things] {
        assert!(!logged.contains(&things.mark), "the log has what people wrote");
    }
    println!("{tried} fields were tried");
}

/// All lists and streams of one tenant, to the end of their first page.
async fn everything_that_can_be_listed(sweep: &Sweep<'_>) {
    for rpc in methods().iter().filter(|rpc| rpc.reads()) {
        let Some(caller) = sweep.caller(find(&rpc.path).unwrap().guard) else { continue };
        let input = method(&sweep.pool, &rpc.path).input();
        let bare = caller.call(&rpc.path, rpc.streams, Vec::new()).await.unwrap_or_default();
        let full = sweep.ask(&caller, rpc, sweep.request(&input, "", "", true)).await;
        let none = new_id();
        sweep.foreign.assert_unseen(&bare.concat(), &none, &rpc.path);
        sweep.foreign.assert_unseen(&full.all, &none, &rpc.path);
    }
}
