//! The sealed log: each event is one leaf, in whatever order writers commit and however many seal;
//! and what is made of the kept nodes is what the leaves' bytes lead to.

use pim_domain::{
    id::TenantId,
    log::{
        checkpoint::Checkpoint,
        hash::TreeHash,
        proof,
        tree::{Frontier, Node},
    },
};
use pim_store::{
    Purpose, Reach, Tx,
    log::{self, EventKey, Sealed},
    principals,
};
use pim_tests::eventually;
use uuid::Uuid;

use crate::ground::{Ground, new_user};

impl Ground {
    async fn seal(&self, limit: i64) -> Option<Sealed> {
        let mut tx = self.db.begin(Purpose::Log, Reach::EveryTenant).await.unwrap();
        let sealed = log::seal(&mut tx, limit).await.unwrap();
        tx.commit().await.unwrap();
        sealed
    }

    /// As soon as nothing is left to seal: the transactions of all databases of a cluster share one
    /// horizon, and other tests write.
    async fn sealed(&self, limit: i64) {
        eventually("all events are sealed", async || {
            self.seal(limit).await;
            let mut read = self.db.read(Reach::EveryTenant).await.unwrap();
            (log::waiting(&mut read, self.tenant).await.unwrap() == 0).then_some(())
        })
        .await;
    }

    /// Whoever's tree is as long as it has events, and hashes to what their bytes lead to.
    async fn tree(&self) -> Frontier {
        let mut read = self.db.read(Reach::EveryTenant).await.unwrap();
        let (mut tree, mut kept) = (Frontier::default(), Vec::new());
        for entry in log::entries(&mut read, self.tenant, 0, 100_000).await.unwrap() {
            assert_eq!(entry.index, tree.size());
            let leaf = TreeHash::of_leaf(&entry.body.unwrap());
            assert_eq!(entry.hash, leaf);
            tree.push(leaf, &mut kept);
        }
        assert_eq!(log::head(&mut read, self.tenant).await.unwrap(), Some(tree.clone()));
        let stored = log::kept_from(&mut read, self.tenant, 1, 0, 100_000).await.unwrap();
        kept.retain(|node: &Node| node.level == 1);
        assert_eq!(stored, kept);
        tree
    }

    /// Events that tell of nothing, all of one transaction.
    async fn fill(&self, count: i32) {
        sqlx::query(
            "insert into event (tenant_id, id, body, event_time, code, category, result, actor_id)
             select $1, gen_random_uuid(), convert_to('event ' || number, 'UTF8'), now(), 'a', 'b',
                 'success', 'c'
             from generate_series(1, $2) as number",
        )
        .bind(self.tenant.uuid())
        .bind(count)
        .execute(&mut self.database.connect().await)
        .await
        .unwrap();
    }

    async fn writing(&self, name: &str) -> Tx {
        let mut tx = self.begin().await;
        principals::record(&mut tx, self.tenant, &new_user(name)).await.unwrap();
        tx
    }
}

#[tokio::test]
async fn batches_of_any_size_make_the_same_tree() {
    let mut sizes = Vec::new();
    for limit in [1, 3, 1_000] {
        let ground = Ground::new().await;
        for number in 0..7 {
            ground.user(&format!("user {number}")).await;
        }
        ground.fill(600).await;
        ground.user("last").await;
        ground.sealed(limit).await;
        sizes.push(ground.tree().await.size());
        assert_eq!(ground.seal(limit).await, Some(Sealed { events: 0, more: false }));
    }
    // The tenant, the import, the users.
    assert_eq!(sizes, [610, 610, 610]);
}

#[tokio::test]
async fn a_batch_ends_with_a_transaction() {
    let ground = Ground::new().await;
    ground.sealed(1_000).await;
    ground.fill(5).await;
    ground.fill(5).await;
    let sealed = eventually("the first can be sealed", async || {
        ground.seal(2).await.filter(|sealed| sealed.events > 0)
    })
    .await;
    assert_eq!(sealed, Sealed { events: 5, more: true });
}

#[tokio::test]
async fn what_commits_late_is_sealed_late_and_not_lost() {
    let ground = Ground::new().await;
    ground.sealed(1_000).await;
    let before = ground.tree().await.size();
    let slow = ground.writing("slow").await;
    ground.user("quick").await;
    // The slow one has the lower number: nothing from it on may be sealed.
    assert_eq!(ground.seal(1_000).await, Some(Sealed { events: 0, more: false }));
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    assert!(!log::is_behind(&mut read).await.unwrap());
    assert_eq!(log::waiting(&mut read, ground.tenant).await.unwrap(), 1);
    drop(read);
    slow.commit().await.unwrap();
    ground.sealed(1_000).await;
    assert_eq!(ground.tree().await.size(), before + 2);
}

#[tokio::test]
async fn who_comes_second_leaves_it_to_the_first() {
    let ground = Ground::new().await;
    let mut first = ground.db.begin(Purpose::Log, Reach::EveryTenant).await.unwrap();
    log::seal(&mut first, 1_000).await.unwrap().unwrap();
    assert_eq!(ground.seal(1_000).await, None);
    // What is not committed has not happened.
    drop(first);
    ground.sealed(1_000).await;
    assert_eq!(ground.tree().await.size(), 2);
}

#[tokio::test]
async fn many_writers_and_two_sealers_leave_no_gap_and_double_nothing() {
    let ground = Ground::new().await;
    let writers = futures::future::join_all((0..4).map(|writer| {
        let ground = &ground;
        async move {
            for number in 0..15 {
                let tx = ground.writing(&format!("{writer} {number}")).await;
                // Some are taken back.
                if number % 5 == 4 {
                    tx.roll_back().await.unwrap();
                } else {
                    tx.commit().await.unwrap();
                }
            }
        }
    }));
    let sealers = futures::future::join_all([1, 3].map(|limit| ground.sealed(limit)));
    futures::future::join(writers, sealers).await;
    ground.sealed(2).await;
    assert_eq!(ground.tree().await.size(), 2 + 4 * 12);
}

#[tokio::test]
async fn proofs_are_made_of_kept_nodes() {
    let ground = Ground::new().await;
    ground.fill(1_298).await;
    ground.sealed(1_000).await;
    let tree = ground.tree().await;
    let (size, root) = (tree.size(), tree.root());
    assert_eq!(size, 1_300);
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    for index in [0, 1, 255, 256, 777, 1_279, 1_280, 1_299] {
        let entry = log::entry(&mut read, ground.tenant, EventKey::Index(index)).await.unwrap();
        let entry = entry.unwrap();
        let by_event = EventKey::Event(entry.event);
        let again = log::entry(&mut read, ground.tenant, by_event).await.unwrap();
        assert_eq!(again.as_ref(), Some(&entry));
        for size in [index + 1, (index + 300).min(size), size] {
            let root = log::frontier(&mut read, ground.tenant, size).await.unwrap().unwrap().root();
            let parts = proof::inclusion(index, size).unwrap();
            let kept = log::kept(&mut read, ground.tenant, &proof::spans(&parts)).await.unwrap();
            let hashes = kept.hashes(&parts).unwrap();
            proof::verify_inclusion(entry.hash, index, (size, root), &hashes).unwrap();
        }
        let old = log::frontier(&mut read, ground.tenant, index + 1).await.unwrap().unwrap();
        let parts = proof::consistency(index + 1, size).unwrap();
        let kept = log::kept(&mut read, ground.tenant, &proof::spans(&parts)).await.unwrap();
        let hashes = kept.hashes(&parts).unwrap();
        proof::verify_consistency((index + 1, old.root()), (size, root), &hashes).unwrap();
    }
    let stranger = TenantId::from(Uuid::from_u128(1));
    let found = log::entry(&mut read, stranger, EventKey::Index(0)).await.unwrap();
    assert_eq!(found, None);
    assert_eq!(log::frontier(&mut read, ground.tenant, size + 1).await.unwrap(), None);
}

#[tokio::test]
async fn a_tree_is_signed_once_a_size_and_once_a_second() {
    let ground = Ground::new().await;
    ground.sealed(1_000).await;
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    let unsigned = log::unsigned(&mut read, 10).await.unwrap();
    drop(read);
    let [grown] = &unsigned[..] else { panic!("{unsigned:?}") };
    assert_eq!((grown.tenant, &grown.last), (ground.tenant, &None));
    let checkpoint = Checkpoint {
        origin: "pim.dev/test".to_owned(),
        size: grown.head.size(),
        root: grown.head.root(),
    };
    for note in ["first", "second"] {
        let mut tx = ground.db.begin(Purpose::Log, ground.tenant).await.unwrap();
        log::record_checkpoint(&mut tx, ground.tenant, &checkpoint, note).await.unwrap();
        tx.commit().await.unwrap();
    }
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    for size in [None, Some(checkpoint.size)] {
        let signed = log::checkpoint(&mut read, ground.tenant, size).await.unwrap().unwrap();
        assert_eq!((signed.size, signed.root), (checkpoint.size, checkpoint.root));
        assert_eq!(signed.note, "first");
    }
    assert_eq!(log::checkpoint(&mut read, ground.tenant, Some(1)).await.unwrap(), None);
    assert_eq!(log::unsigned(&mut read, 10).await.unwrap(), []);
    drop(read);
    ground.user("one more").await;
    ground.sealed(1_000).await;
    let last = eventually("a second has passed", async || {
        let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
        log::unsigned(&mut read, 10).await.unwrap().pop()
    })
    .await;
    assert_eq!(last.last.unwrap().size, checkpoint.size);
}

#[tokio::test]
async fn nothing_that_is_sealed_can_be_changed() {
    let ground = Ground::new().await;
    ground.fill(300).await;
    ground.sealed(1_000).await;
    let mut connection = ground.database.connect().await;
    for statement in [
        "update log_leaf set index = index + 1",
        "delete from log_leaf",
        "truncate log_leaf",
        "update log_node set index = 7",
        "delete from log_node",
        "truncate log_node",
        "update log_checkpoint set note = ''",
        "delete from log_checkpoint",
        "truncate log_checkpoint",
    ] {
        let error = sqlx::query(statement).execute(&mut connection).await.unwrap_err();
        assert!(error.to_string().contains("insert-only"), "{statement}: {error}");
    }
}
