//! The sealed log is signed where it is what was written and goes on from what was signed; each kind
//! of damage is found before anything is signed.

use pim_chassis::{Process, log_keys::LogKeys};
use pim_domain::{
    id::TenantId,
    log::{
        bundle::{self, Verified, Verifier},
        checkpoint::{self, Checkpoint},
        fault::Fault,
        note::{Signer, VerifierKey},
        proof,
        tree::Frontier,
    },
};
use pim_store::{Reach, log};
use pim_tests::{Organisation, World, eventually};
use sqlx::{AssertSqlSafe, Executor as _};

/// A system with a log that is written and neither sealed nor signed.
struct Ground {
    world: World,
    organisation: Organisation,
    process: Process,
}

impl Ground {
    async fn new() -> Self {
        let world = World::start().await;
        let organisation = world.organisation().await;
        let process = world.system.process("audit", &world.url).unwrap();
        Self { world, organisation, process }
    }

    fn tenant(&self) -> TenantId {
        self.organisation.tenant.into()
    }

    fn origin(&self) -> String {
        checkpoint::origin(self.world.db.instance(), self.tenant())
    }

    fn keys(&self) -> Vec<VerifierKey> {
        self.world.system.log_keys.verifiers(&self.origin())
    }

    async fn note(&self) -> Option<String> {
        let mut read = self.world.db.read(Reach::EveryTenant).await.unwrap();
        log::checkpoint(&mut read, self.tenant(), None).await.unwrap().map(|signed| signed.note)
    }

    /// What keeps the tenant's log from being signed.
    async fn fault(&self, keys: &LogKeys) -> Option<Fault> {
        let before = self.note().await;
        let mut signing = pim_audit::sign(&self.process, keys).await.unwrap();
        let fault = signing.faults.remove(&self.organisation.tenant);
        assert!(fault.is_none() || self.note().await == before, "{fault:?}");
        fault
    }

    /// One more entry, sealed.
    async fn grow(&self, name: &str) {
        self.organisation.user(&self.world, name).await;
        self.world.seal_log().await;
    }

    /// Behind the services, by somebody who may do anything.
    async fn tamper(&self, statement: &str) {
        let mut connection = self.world.database.connect().await;
        let all = format!("set session_replication_role = replica; {statement}");
        connection.execute(AssertSqlSafe(all)).await.unwrap();
    }

    /// All of the log, as an auditor gets it.
    async fn bundle(&self) -> Vec<String> {
        let mut read = self.world.db.read(Reach::EveryTenant).await.unwrap();
        let signed = log::checkpoint(&mut read, self.tenant(), None).await.unwrap().unwrap();
        let size = i64::try_from(signed.size).unwrap();
        let entries = log::entries(&mut read, self.tenant(), 0, size).await.unwrap();
        let lines = entries
            .into_iter()
            .map(|entry| bundle::entry(entry.index, entry.event, entry.hash, &entry.body.unwrap()));
        [bundle::head(&Frontier::default())]
            .into_iter()
            .chain(lines)
            .chain([bundle::end(&signed.note)])
            .collect()
    }

    async fn verify(&self, keys: Vec<VerifierKey>) -> Result<Verified, Fault> {
        let mut verifier = Verifier::new(keys, None);
        for line in self.bundle().await {
            verifier.line(&line)?;
        }
        verifier.finish()
    }
}

#[tokio::test]
async fn a_log_that_grows_is_signed_again_and_again() {
    let ground = Ground::new().await;
    ground.world.sign_log().await;
    let first = Checkpoint::open(&ground.note().await.unwrap(), &ground.keys()).unwrap();
    ground.organisation.user(&ground.world, "alice").await;
    ground.world.sign_log().await;
    let second = Checkpoint::open(&ground.note().await.unwrap(), &ground.keys()).unwrap();
    assert_eq!((&second.origin, second.size), (&ground.origin(), first.size + 1));
    let mut read = ground.world.db.read(Reach::EveryTenant).await.unwrap();
    let parts = proof::consistency(first.size, second.size).unwrap();
    let kept = log::kept(&mut read, ground.tenant(), &proof::spans(&parts)).await.unwrap();
    let hashes = kept.hashes(&parts).unwrap();
    let (one, other) = ((first.size, first.root), (second.size, second.root));
    proof::verify_consistency(one, other, &hashes).unwrap();
    drop(read);
    assert_eq!(ground.verify(ground.keys()).await.unwrap().checkpoint, second);
}

#[tokio::test]
async fn what_was_changed_before_it_was_signed_is_not_signed() {
    for (statement, expected) in [
        ("update event set body = body || ' ' where tenant_id = '$'", "altered"),
        ("delete from event where tenant_id = '$'", "incomplete"),
        ("delete from log_leaf where tenant_id = '$' and index = 1", "incomplete"),
        (
            "update log_head set peaks = sha256('') || substr(peaks, 33) where tenant_id = '$'",
            "altered",
        ),
        ("update log_leaf set hash = sha256('') where tenant_id = '$' and index = 1", "altered"),
    ] {
        let ground = Ground::new().await;
        ground.world.seal_log().await;
        ground.tamper(&statement.replace('$', &ground.organisation.tenant.to_string())).await;
        let fault = ground.fault(&ground.world.system.log_keys).await;
        let found = fault.expect(statement).to_string();
        assert!(found.starts_with(expected), "{statement}: {found}");
        assert_eq!(ground.note().await, None, "{statement}");
    }
}

#[tokio::test]
async fn what_was_changed_after_it_was_signed_is_signed_no_further() {
    for (statement, expected) in [
        // The leaf and its event agree with each other, and not with what was signed.
        (
            "update event set body = 'a' where id =
                 (select event_id from log_leaf where tenant_id = '$' and index = 0);
             update log_leaf set hash = sha256('\\x0061') where tenant_id = '$' and index = 0",
            "forked",
        ),
        ("delete from log_leaf where tenant_id = '$' and index = 0", "incomplete"),
        ("update log_checkpoint set root = sha256('') where tenant_id = '$'", "altered"),
        ("update log_checkpoint set note = 'a' where tenant_id = '$'", "altered"),
    ] {
        let ground = Ground::new().await;
        ground.world.sign_log().await;
        ground.tamper(&statement.replace('$', &ground.organisation.tenant.to_string())).await;
        ground.grow("alice").await;
        let keys = &ground.world.system.log_keys;
        let fault = eventually("a second has passed", async || ground.fault(keys).await).await;
        let fault = fault.to_string();
        assert!(fault.starts_with(expected), "{statement}: {fault}");
    }
}

#[tokio::test]
async fn a_log_that_was_rolled_back_is_not_signed() {
    let ground = Ground::new().await;
    ground.world.sign_log().await;
    let tenant = ground.organisation.tenant;
    ground
        .tamper(&format!(
            "update log_head set size = 1, peaks = (select hash from log_leaf l
                 where l.tenant_id = log_head.tenant_id and l.index = 0)
             where tenant_id = '{tenant}';
             delete from log_leaf where tenant_id = '{tenant}' and index > 0"
        ))
        .await;
    let keys = &ground.world.system.log_keys;
    let fault = eventually("a second has passed", async || ground.fault(keys).await).await;
    assert!(matches!(fault, Fault::Incomplete(_)), "{fault}");
}

#[tokio::test]
async fn a_fault_of_one_log_stops_no_other() {
    let ground = Ground::new().await;
    let other = ground.world.organisation().await;
    ground.world.seal_log().await;
    ground.tamper(&format!("delete from event where tenant_id = '{}'", other.tenant)).await;
    let signing = pim_audit::sign(&ground.process, &ground.world.system.log_keys).await.unwrap();
    assert_eq!(signing.faults.keys().collect::<Vec<_>>(), [&other.tenant]);
    assert!(signing.signed > 0 && ground.note().await.is_some());
}

#[tokio::test]
async fn no_key_takes_over_silently() {
    let ground = Ground::new().await;
    ground.world.sign_log().await;
    ground.grow("alice").await;
    let (old, new) = ([8; 32], [9; 32]);
    let alone = LogKeys::from_seed(&new).unwrap();
    let fault = eventually("a second has passed", async || ground.fault(&alone).await).await;
    assert!(matches!(fault, Fault::Altered(_)), "{fault}");

    let both = LogKeys { previous: Signer::new(&old), ..LogKeys::from_seed(&new).unwrap() };
    let origin = ground.origin();
    ground.world.sign_log_with(&both).await;
    // Who knows either key can go on, as long as both sign.
    let newest = ground.note().await.unwrap();
    for key in both.verifiers(&origin) {
        Checkpoint::open(&newest, &[key]).unwrap();
    }
    // The entry that says so is sealed as all others are; from then on the old key is not needed.
    ground.organisation.user(&ground.world, "bob").await;
    ground.world.sign_log_with(&alone).await;
    let newest = ground.note().await.unwrap();
    assert!(Checkpoint::open(&newest, &ground.keys()).is_err());
    let found = ground.verify(ground.keys()).await.unwrap();
    assert_eq!(found, ground.verify(alone.verifiers(&origin)).await.unwrap());
}

#[tokio::test]
async fn of_two_that_sign_one_does() {
    let ground = Ground::new().await;
    ground.world.seal_log().await;
    let keys = &ground.world.system.log_keys;
    let (one, other) = futures::future::join(
        pim_audit::sign(&ground.process, keys),
        pim_audit::sign(&ground.process, keys),
    )
    .await;
    let (one, other) = (one.unwrap(), other.unwrap());
    let mut connection = ground.world.database.connect().await;
    let count: i64 = sqlx::query_scalar("select count(*) from log_checkpoint")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(i64::try_from(one.signed + other.signed).unwrap(), count);
}
