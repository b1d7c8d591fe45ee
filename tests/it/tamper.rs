//! Whatever is changed in the log behind the services is found, and said to be what it is: by
//! `pim audit fsck` in the database, by `pim audit verify` without it.

mod edits;

use std::{fs, path::Path};

use pim_domain::log::{
    checkpoint::{self, Checkpoint},
    hash::TreeHash,
};
use pim_proto::audit::v1::EventFilter;
use pim_tests::{Organisation, World, write_entries};
use sqlx::{AssertSqlSafe, Executor as _};
use tempfile::TempDir;

const OK: u8 = 0;
const INCOMPLETE: u8 = 10;
const FORKED: u8 = 11;
const ALTERED: u8 = 12;
const STATE_DIFFERS: u8 = 13;

/// What somebody who may do anything does to one log of 300 entries and more, and the exit code of
/// fsck after it. `$` is the tenant.
const DEEDS: [(&str, u8); 15] = [
    (
        "update event set body = body || ' ' where id = (select min(id::text)::uuid from event
         where tenant_id = '$')",
        ALTERED,
    ),
    (
        "delete from event where id = (select event_id from log_leaf
         where tenant_id = '$' and index = 3)",
        INCOMPLETE,
    ),
    ("delete from log_leaf where tenant_id = '$' and index = 3", INCOMPLETE),
    (
        "delete from log_leaf where tenant_id = '$'
         and index = (select max(index) from log_leaf where tenant_id = '$')",
        INCOMPLETE,
    ),
    ("update log_leaf set hash = sha256('') where tenant_id = '$' and index = 3", ALTERED),
    // Two change places, each as good as before.
    (
        "update log_leaf set index = 999 where tenant_id = '$' and index = 4;
         update log_leaf set index = 4 where tenant_id = '$' and index = 5;
         update log_leaf set index = 5 where tenant_id = '$' and index = 999",
        ALTERED,
    ),
    // The entry and its leaf agree with each other, and not with what was signed.
    (
        "update event set body = body || ' ' where id = (select event_id from log_leaf
         where tenant_id = '$' and index = 3);
      update log_leaf l set hash = (select sha256('\\x00'::bytea || body) from event
         where id = l.event_id) where tenant_id = '$' and index = 3",
        FORKED,
    ),
    ("update log_node set hash = sha256('') where tenant_id = '$'", ALTERED),
    ("delete from log_node where tenant_id = '$'", ALTERED),
    ("update log_head set peaks = sha256('') || substr(peaks, 33) where tenant_id = '$'", ALTERED),
    ("update log_checkpoint set root = sha256('') where tenant_id = '$'", ALTERED),
    ("update log_checkpoint set note = replace(note, '— ', '— a') where tenant_id = '$'", ALTERED),
    // One that was put in behind the log's back, in the name of a transaction long gone.
    (
        "insert into event (tenant_id, id, xid, body, event_time, code, category, result, actor_id)
      select tenant_id, gen_random_uuid(), '3', body, event_time, code, category, result, actor_id
      from event where tenant_id = '$' limit 1",
        ALTERED,
    ),
    (
        "update principal set version = version + 1 where tenant_id = '$' and subject = 'alice'",
        STATE_DIFFERS,
    ),
    ("delete from principal where tenant_id = '$' and subject = 'alice'", STATE_DIFFERS),
];

/// A log that was signed.
struct Ground {
    world: World,
    organisation: Organisation,
    folder: TempDir,
}

impl Ground {
    async fn new() -> Self {
        let ground = Self::unsigned().await;
        ground.world.sign_log().await;
        ground
    }

    async fn unsigned() -> Self {
        let world = World::start().await;
        let organisation = world.organisation().await;
        organisation.user(&world, "alice").await;
        Self { world, organisation, folder: tempfile::tempdir().unwrap() }
    }

    /// Entries enough for a node above the leaves.
    async fn fill(&self) {
        let mut connection = self.world.database.connect().await;
        write_entries(&mut connection, self.organisation.tenant, 300, 0).await;
        self.world.sign_log().await;
    }

    async fn run(&self, statement: &str) {
        let statement = statement.replace('$', &self.organisation.tenant.to_string());
        let all = format!("set session_replication_role = replica; {statement}");
        let mut connection = self.world.database.connect().await;
        connection.execute(AssertSqlSafe(all)).await.unwrap();
    }

    fn key(&self) -> String {
        self.world.verifier(self.organisation.tenant).to_string()
    }

    async fn fsck(&self) -> u8 {
        let (key, tenant) = (self.key(), self.organisation.tenant.to_string());
        self.world.examine(&["fsck", "--key", &key, "--tenant", &tenant]).await.code
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    async fn audit(&self, arguments: &[&str]) -> u8 {
        let ended = self.world.audit(&self.organisation.admin, arguments).await;
        assert!(ended.code == OK || ended.err.contains("error"), "{ended:?}");
        ended.code
    }

    /// Without a server, a database or a credential.
    async fn verify(&self, file: &str, more: &[&str]) -> u8 {
        let key = self.key();
        self.audit(&[&["verify", file, "--key", &key], more].concat()).await
    }
}

#[tokio::test]
async fn whatever_is_done_to_a_log_is_found_by_fsck() {
    for (deed, code) in DEEDS {
        let ground = Ground::unsigned().await;
        ground.fill().await;
        assert_eq!(ground.fsck().await, OK);
        ground.run(deed).await;
        assert_eq!(ground.fsck().await, code, "{deed}");
    }
}

#[tokio::test]
async fn a_bundle_is_verified_without_a_server() {
    let ground = Ground::new().await;
    let (whole, part, kept) = (ground.file("whole"), ground.file("part"), ground.file("kept"));
    assert_eq!(ground.audit(&["verify", "--keep", &kept]).await, OK);
    let known: u64 = fs::read_to_string(&kept).unwrap().lines().nth(1).unwrap().parse().unwrap();
    ground.organisation.user(&ground.world, "carol").await;
    ground.world.sign_log().await;
    assert_eq!(ground.audit(&["bundle", &whole]).await, OK);
    assert_eq!(ground.audit(&["bundle", &part, "--first", &known.to_string()]).await, OK);
    for file in [&whole, &part] {
        assert_eq!(ground.verify(file, &[]).await, OK);
        assert_eq!(ground.verify(file, &["--known", &kept]).await, OK);
    }
    let lines: Vec<String> =
        fs::read_to_string(&whole).unwrap().lines().map(str::to_owned).collect();
    let spoil = |spoiled: Vec<String>| fs::write(&whole, spoiled.join("\n") + "\n").unwrap();
    spoil(lines[..lines.len() - 1].to_vec());
    assert_eq!(ground.verify(&whole, &[]).await, INCOMPLETE);
    spoil([&lines[..3], &lines[4..]].concat());
    assert_eq!(ground.verify(&whole, &[]).await, INCOMPLETE);
    let mut altered = lines.clone();
    altered[3] = altered[3].replacen("\"body\":\"ey", "\"body\":\"eX", 1);
    assert_ne!(altered, lines);
    spoil(altered);
    assert_eq!(ground.verify(&whole, &[]).await, ALTERED);
    spoil(lines);
    assert_eq!(ground.verify(&whole, &[]).await, OK);
    let nobody = ground.audit(&["verify", &whole]).await;
    assert_eq!(nobody, 2, "it was verified with no key");
    forge(&ground, &kept);
    assert_eq!(ground.verify(&whole, &["--known", &kept]).await, FORKED);
}

/// A checkpoint of the same size and another tree, signed with the log's own key.
fn forge(ground: &Ground, kept: &str) {
    let note = fs::read_to_string(Path::new(kept)).unwrap();
    let keys = [ground.key().parse().unwrap()];
    let honest = Checkpoint::open(&note, &keys).unwrap();
    let forged = Checkpoint { root: TreeHash::of_leaf(b"another"), ..honest };
    let note = forged.sign(&[&ground.world.system.log_keys.current]).to_string();
    fs::write(kept, note).unwrap();
}

#[tokio::test]
async fn an_entry_with_its_proof_is_verified_without_a_server() {
    let ground = Ground::new().await;
    let event = ground.organisation.log(EventFilter::default()).await.remove(0).id;
    let file = ground.file("entry.tlog-proof");
    assert_eq!(ground.audit(&["prove", &event, &file]).await, OK);
    assert_eq!(ground.verify(&file, &[]).await, OK);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("extra ey", "extra eX", 1)).unwrap();
    assert_eq!(ground.verify(&file, &[]).await, ALTERED);
}

#[tokio::test]
async fn what_the_server_has_signed_is_verified_from_the_outside() {
    let ground = Ground::new().await;
    let (key, kept) = (ground.key(), ground.file("kept"));
    let event = ground.organisation.log(EventFilter::default()).await.remove(0).id;
    let keep = ["verify", "--key", &key, "--keep", &kept, "--event", &event];
    assert_eq!(ground.audit(&keep).await, OK);
    ground.organisation.user(&ground.world, "carol").await;
    ground.world.sign_log().await;
    let again = ["verify", "--key", &key, "--known", &kept];
    assert_eq!(ground.audit(&again).await, OK);
    // Another past, by the log's own key.
    forge(&ground, &kept);
    assert_eq!(ground.audit(&again).await, FORKED);
    // The key of another log says nothing about this one.
    let stranger = ground.world.organisation().await.tenant.into();
    let origin = checkpoint::origin(ground.world.db.instance(), stranger);
    let other = ground.world.system.log_keys.current.verifier(&origin).to_string();
    assert_eq!(ground.audit(&["verify", "--key", &other]).await, ALTERED);
    // What was signed is gone from the database that the server stands on.
    fs::remove_file(&kept).unwrap();
    assert_eq!(ground.audit(&["verify", "--key", &key, "--keep", &kept]).await, OK);
    ground
        .run(
            "delete from log_checkpoint where tenant_id = '$' and size =
                 (select max(size) from log_checkpoint where tenant_id = '$')",
        )
        .await;
    assert_eq!(ground.audit(&again).await, INCOMPLETE);
}

/// What keeps a log from being sealed: fewer entries than there are leaves, more, or a tree that is
/// none.
const FALSIFIED: [&str; 3] = [
    "update log_head set size = 2, peaks = substr(peaks, 1, 32) where tenant_id = '$'",
    "update log_head set size = 2 * size where tenant_id = '$'",
    "update log_head set peaks = substr(peaks, 33) where tenant_id = '$'",
];

#[tokio::test]
async fn a_falsified_head_stops_its_own_log_and_no_other() {
    for falsified in FALSIFIED {
        let ground = Ground::unsigned().await;
        let other = ground.world.organisation().await;
        ground.fill().await;
        ground.run("create schema aside; create table aside.kept as select * from log_head").await;
        ground.run(falsified).await;
        ground.organisation.user(&ground.world, "bob").await;
        other.user(&ground.world, "carol").await;
        ground.world.seal_log().await;
        let examined = ground.world.examine(&["fsck", "--tenant", &other.tenant.to_string()]).await;
        assert_eq!(examined.code, OK, "{falsified}: {examined:?}");
        assert_ne!(ground.fsck().await, OK, "{falsified}");
        // What it has missed follows when it is mended.
        ground
            .run(
                "update log_head h set size = k.size, peaks = k.peaks from aside.kept k
                 where h.tenant_id = k.tenant_id and h.tenant_id = '$'; drop schema aside cascade",
            )
            .await;
        ground.world.sign_log().await;
        let examined = ground.world.examine(&["fsck"]).await;
        assert_eq!(examined.code, OK, "{falsified}: {examined:?}");
    }
}
