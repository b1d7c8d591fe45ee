//! The log of a world: sealed and signed by hand, and looked at by `pim audit`.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use chrono::TimeDelta;
use pim_chassis::log_keys::LogKeys;
use pim_domain::{
    alert::condition::Untold,
    id::TenantId,
    log::{checkpoint, fault::Fault, note::VerifierKey},
};
use pim_store::{
    Reach,
    alerts::facts::holdings::{self, Roles},
    log,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Person, World, eventually};

/// How long a command may use its token.
const TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(5);

impl World {
    /// Lets the audit service seal all that the log has.
    pub async fn seal_log(&self) {
        let process = self.system.process("audit", &self.url).unwrap();
        eventually("the log is sealed", async || {
            pim_audit::seal(&process).await.unwrap();
            let mut read = self.db.read(Reach::EveryTenant).await.unwrap();
            for tenant in log::tenants(&mut read).await.unwrap() {
                if log::waiting(&mut read, tenant).await.unwrap() > 0 {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }

    /// What is held in a tenant of which the log does not tell.
    pub async fn untold(&self, tenant: Uuid) -> Vec<Untold> {
        let mut read = self.db.browse(Reach::EveryTenant).await.unwrap();
        let mut all = Vec::new();
        for roles in [Roles::Azure, Roles::Others] {
            let found = holdings::untold(&mut read, tenant.into(), roles, self.now()).await;
            all.extend(found.unwrap().some);
        }
        all
    }

    /// Lets the audit service seal and sign all that the log has.
    pub async fn sign_log(&self) {
        self.sign_log_with(&self.system.log_keys).await;
    }

    /// The same with other keys than the system's.
    pub async fn sign_log_with(&self, keys: &LogKeys) {
        let process = self.system.process("audit", &self.url).unwrap();
        eventually("the log is signed", async || {
            self.seal_log().await;
            let signing = pim_audit::sign(&process, keys).await.unwrap();
            assert!(signing.faults.is_empty(), "{:?}", signing.faults);
            let mut read = self.db.read(Reach::EveryTenant).await.unwrap();
            for tenant in log::tenants(&mut read).await.unwrap() {
                if !is_signed(&mut read, tenant).await {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }
}

/// Writes entries that tell of nothing, with so many bytes beside their frame, behind the services.
pub async fn write_entries(connection: &mut PgConnection, tenant: Uuid, count: i64, padding: i32) {
    sqlx::query(
        "insert into event (tenant_id, id, body, event_time, code, category, result, actor_id)
         select $1, id, convert_to(json_build_object(
                 'id', id, 'tenant', $1,
                 'time', to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
                 'code', 'pim.event.exported', 'result', 'success',
                 'actor', json_build_object('kind', 'service', 'name', 'filler'),
                 'thing', null,
                 'about', json_build_object('permanent', false,
                     'justification', '', 'policy_revision', number),
                 'changes', json_build_array(json_build_object(
                     'field', 'filler', 'old', null, 'new', repeat('a', $3))))::text, 'UTF8'),
             now(), 'pim.event.exported', 'RoleManagement', 'success', 'filler'
         from (
             select gen_random_uuid() as id, number from generate_series(1, $2) as number
         ) filler",
    )
    .bind(tenant)
    .bind(count)
    .bind(padding)
    .execute(connection)
    .await
    .unwrap();
}

/// The first fault of all logs, and of the state beside them, in the state that is read there.
pub async fn first_fault(connection: &mut PgConnection, keys: &[VerifierKey]) -> Option<Fault> {
    for tenant in log::tenants(connection).await.unwrap() {
        let fault = fault_of(connection, tenant, keys).await;
        if fault.is_some() {
            return fault;
        }
    }
    None
}

async fn fault_of(
    connection: &mut PgConnection,
    tenant: TenantId,
    keys: &[VerifierKey],
) -> Option<Fault> {
    match log::fsck(connection, tenant, keys).await.unwrap().fault {
        Some(fault) => Some(fault),
        None => log::replay(connection, tenant).await.unwrap().fault,
    }
}

impl World {
    /// All that is stored is what the log leads to, and the log is what it should be.
    pub async fn is_sound(&self) {
        let keys = [self.verifier(Uuid::nil())];
        let mut read = self.db.copy().await.unwrap();
        assert_eq!(first_fault(&mut read, &keys).await, None);
    }

    /// The same, of one tenant.
    pub async fn is_led_to(&self, tenant: Uuid) {
        let keys = [self.verifier(tenant)];
        let mut read = self.db.copy().await.unwrap();
        assert_eq!(fault_of(&mut read, tenant.into(), &keys).await, None);
    }

    /// The key of a tenant's log.
    pub fn verifier(&self, tenant: Uuid) -> VerifierKey {
        let origin = checkpoint::origin(self.db.instance(), tenant.into());
        self.system.log_keys.current.verifier(&origin)
    }
}

async fn is_signed(read: &mut pim_store::Read, tenant: TenantId) -> bool {
    let head = log::head(read, tenant).await.unwrap();
    let signed = log::checkpoint(read, tenant, None).await.unwrap();
    head.map(|head| head.size()) == signed.map(|signed| signed.size)
}

/// What a command has printed.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a command has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: u8,
    /// What it answered.
    pub out: String,
    /// What it remarked, and why it failed.
    pub err: String,
}

impl World {
    /// Runs `pim audit` with these arguments, in this process, as somebody.
    pub async fn audit(&self, person: &Person, arguments: &[&str]) -> Ended {
        let grant = person.grant();
        let token = self.system.issuer.mint(&grant, self.now(), TOKEN_LIFETIME).unwrap();
        let line = ["pim", "--server", &self.url, "--token", &token, "audit"];
        command(&[&line, arguments].concat()).await
    }

    /// Runs `pim audit fsck` or `replay` on the database.
    pub async fn examine(&self, arguments: &[&str]) -> Ended {
        let line = ["pim", "audit"].into_iter().chain(arguments.iter().copied());
        let url = self.database.url_of("audit");
        command(&line.chain(["--database-url", &url]).collect::<Vec<_>>()).await
    }
}

async fn command(line: &[&str]) -> Ended {
    let (out, err) = (Printed::default(), Printed::default());
    let code = pim_cli::run(line, Box::new(out.clone()), Box::new(err.clone())).await;
    Ended { code, out: out.text(), err: err.text() }
}
