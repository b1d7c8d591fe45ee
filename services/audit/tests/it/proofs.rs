//! Proofs, as an auditor asks for them: each verifies with the public key alone.

use pim_domain::{
    id::TenantId,
    log::{
        bundle::{self, Verifier},
        checkpoint::{self, Checkpoint},
        entry::ProvenEntry,
        hash::TreeHash,
        note::VerifierKey,
        proof,
        tree::Frontier,
    },
};
use pim_proto::audit::v1::{
    self, EventFilter, GetCheckpointRequest, GetCheckpointResponse, GetConsistencyProofRequest,
    GetInclusionProofRequest, GetInclusionProofResponse, ListEntriesRequest, ListEntriesResponse,
    get_inclusion_proof_request::Entry,
};
use pim_tests::{Organisation, World, assert_invalid, assert_refused};
use sqlx::{AssertSqlSafe, Executor as _};
use tonic::{Code, Status};

/// An organisation whose log is signed.
struct Ground {
    world: World,
    organisation: Organisation,
}

impl Ground {
    async fn new() -> Self {
        let world = World::start().await;
        let organisation = world.organisation().await;
        world.sign_log().await;
        Self { world, organisation }
    }

    /// The only thing that an auditor has to be told.
    fn key(&self) -> VerifierKey {
        let tenant = TenantId::from(self.organisation.tenant);
        let origin = checkpoint::origin(self.world.db.instance(), tenant);
        self.world.system.log_keys.current.verifier(&origin)
    }

    async fn checkpoint(&self, tree_size: i64) -> Result<GetCheckpointResponse, Status> {
        let mut audit = self.organisation.admin.client.audit();
        Ok(audit.get_checkpoint(GetCheckpointRequest { tree_size }).await?.into_inner())
    }

    fn open(&self, checkpoint: Option<&v1::Checkpoint>) -> Checkpoint {
        let signed = checkpoint.unwrap();
        let opened = Checkpoint::open(&signed.note, &[self.key()]).unwrap();
        assert_eq!(opened.size, u64::try_from(signed.tree_size).unwrap());
        assert_eq!(opened.root.as_bytes().as_slice(), signed.root_hash);
        opened
    }

    async fn newest(&self) -> Checkpoint {
        let answer = self.checkpoint(0).await.unwrap();
        assert_eq!(answer.verifier_keys, [self.key().to_string()]);
        self.open(answer.checkpoint.as_ref())
    }

    async fn inclusion(
        &self,
        entry: Entry,
        tree_size: i64,
    ) -> Result<GetInclusionProofResponse, Status> {
        let mut audit = self.organisation.admin.client.audit();
        let request = GetInclusionProofRequest { entry: Some(entry), tree_size };
        Ok(audit.get_inclusion_proof(request).await?.into_inner())
    }

    async fn consistent(&self, old: &Checkpoint, new: &Checkpoint) {
        let request = GetConsistencyProofRequest {
            old_tree_size: size(old.size),
            new_tree_size: size(new.size),
        };
        let mut audit = self.organisation.admin.client.audit();
        let answer = audit.get_consistency_proof(request).await.unwrap().into_inner();
        assert_eq!(&self.open(answer.checkpoint.as_ref()), new);
        let hashes = hashes(&answer.hashes);
        proof::verify_consistency((old.size, old.root), (new.size, new.root), &hashes).unwrap();
    }

    async fn entries(&self, request: ListEntriesRequest) -> ListEntriesResponse {
        let mut audit = self.organisation.admin.client.audit();
        audit.list_entries(request).await.unwrap().into_inner()
    }
}

fn size(size: u64) -> i64 {
    size.try_into().unwrap()
}

fn hashes(hashes: &[Vec<u8>]) -> Vec<TreeHash> {
    hashes.iter().map(|hash| TreeHash::try_from(hash.as_slice()).unwrap()).collect()
}

#[tokio::test]
async fn every_entry_is_proven_to_whoever_has_the_key() {
    let ground = Ground::new().await;
    let newest = ground.newest().await;
    let events = ground.organisation.log(EventFilter::default()).await;
    assert_eq!(u64::try_from(events.len()).unwrap(), newest.size);
    for event in events {
        let answer = ground.inclusion(Entry::EventId(event.id.clone()), 0).await.unwrap();
        let entry = answer.entry.unwrap();
        assert_eq!(entry.event_id, event.id);
        let alone = ProvenEntry {
            index: entry.index.try_into().unwrap(),
            body: entry.body.clone(),
            proof: hashes(&answer.hashes),
            checkpoint: answer.checkpoint.unwrap().note,
        };
        assert_eq!(alone.verify(&[ground.key()]).unwrap(), newest);
        // The bytes say what the event does.
        let told: pim_domain::event::Event = serde_json::from_slice(&entry.body).unwrap();
        assert_eq!(told.code.as_str(), event.code);
        let by_index = ground.inclusion(Entry::Index(entry.index), 0).await.unwrap();
        assert_eq!(by_index.entry, Some(entry));
    }
}

#[tokio::test]
async fn each_checkpoint_begins_with_those_before() {
    let ground = Ground::new().await;
    let mut known = vec![ground.newest().await];
    for name in ["alice", "bob"] {
        ground.organisation.user(&ground.world, name).await;
        ground.world.sign_log().await;
        let newest = ground.newest().await;
        for old in &known {
            ground.consistent(old, &newest).await;
        }
        known.push(newest);
    }
    for old in &known {
        let again = ground.checkpoint(size(old.size)).await.unwrap();
        assert_eq!(&ground.open(again.checkpoint.as_ref()), old);
        // An entry can be shown to be in each tree that it is in.
        let answer = ground.inclusion(Entry::Index(0), size(old.size)).await.unwrap();
        let leaf = hashes(&[answer.entry.unwrap().leaf_hash])[0];
        let proof = hashes(&answer.hashes);
        proof::verify_inclusion(leaf, 0, (old.size, old.root), &proof).unwrap();
    }
}

#[tokio::test]
async fn pages_of_entries_are_a_bundle() {
    let ground = Ground::new().await;
    let first = ground.newest().await;
    ground.organisation.user(&ground.world, "alice").await;
    ground.organisation.user(&ground.world, "bob").await;
    ground.world.sign_log().await;
    let newest = ground.checkpoint(0).await.unwrap().checkpoint.unwrap();
    for from in [0, first.size] {
        let mut request =
            ListEntriesRequest { first_index: size(from), page_size: 1, ..Default::default() };
        let mut lines = Vec::new();
        loop {
            let page = ground.entries(request.clone()).await;
            let before = Frontier::new(from, hashes(&page.preceding_peaks)).unwrap();
            if lines.is_empty() {
                lines.push(bundle::head(&before));
            }
            for entry in page.entries {
                let leaf = hashes(&[entry.leaf_hash])[0];
                let (index, id) = (entry.index.try_into().unwrap(), entry.event_id.parse());
                lines.push(bundle::entry(index, id.unwrap(), leaf, &entry.body));
            }
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        lines.push(bundle::end(&newest.note));
        let mut verifier = Verifier::new(vec![ground.key()], Some(first.clone()));
        // What is known lies before neither bundle.
        for line in lines {
            verifier.line(&line).unwrap();
        }
        assert_eq!(verifier.finish().unwrap().first, from);
    }
}

#[tokio::test]
async fn what_cannot_be_proven_is_refused() {
    let ground = Ground::new().await;
    let newest = size(ground.newest().await.size);
    assert_invalid(ground.inclusion(Entry::Index(0), newest + 1).await, "tree_size");
    assert_invalid(ground.inclusion(Entry::Index(newest), 0).await, "index");
    assert_invalid(ground.inclusion(Entry::Index(3), 3).await, "index");
    assert_invalid(ground.checkpoint(newest + 1).await, "tree_size");
    let nowhere = ground.inclusion(Entry::EventId(pim_tests::new_id()), 0).await;
    assert_refused(nowhere, Code::NotFound, "NOT_FOUND");
    let mut audit = ground.organisation.admin.client.audit();
    let request = GetConsistencyProofRequest { old_tree_size: newest + 1, new_tree_size: 0 };
    assert_invalid(audit.get_consistency_proof(request).await, "old_tree_size");

    // What is written is proven as soon as it is signed.
    let alice = ground.organisation.user(&ground.world, "alice").await;
    let filter = EventFilter { thing_id: alice.id, ..EventFilter::default() };
    let event = ground.organisation.log(filter).await.remove(0).id;
    let early = ground.inclusion(Entry::EventId(event.clone()), 0).await;
    assert_refused(early, Code::Unavailable, "TRY_AGAIN");
    ground.world.seal_log().await;
    let early = ground.inclusion(Entry::EventId(event.clone()), 0).await;
    assert_refused(early, Code::Unavailable, "TRY_AGAIN");
    ground.world.sign_log().await;
    ground.inclusion(Entry::EventId(event), 0).await.unwrap();
    assert!(
        ground
            .entries(ListEntriesRequest { first_index: 1_000, ..Default::default() })
            .await
            .entries
            .is_empty()
    );
}

#[tokio::test]
async fn a_log_that_nobody_has_signed_yet_says_so() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let mut audit = organisation.admin.client.audit();
    let early = audit.get_checkpoint(GetCheckpointRequest::default()).await;
    assert_refused(early, Code::Unavailable, "TRY_AGAIN");
}

#[tokio::test]
async fn nothing_that_was_changed_is_given_out_as_proven() {
    for statement in [
        "update event set body = '{}' where tenant_id = '$'",
        "delete from event where tenant_id = '$'",
        "delete from log_leaf where tenant_id = '$' and index = 0",
    ] {
        let ground = Ground::new().await;
        let mut connection = ground.world.database.connect().await;
        let statement = statement.replace('$', &ground.organisation.tenant.to_string());
        let all = format!("set session_replication_role = replica; {statement}");
        connection.execute(AssertSqlSafe(all)).await.unwrap();
        let refused = ground.inclusion(Entry::Index(1), 0).await;
        assert_refused(refused, Code::DataLoss, "INTEGRITY");
    }
}

#[tokio::test]
async fn one_tenant_proves_nothing_to_another() {
    let ground = Ground::new().await;
    let other = ground.world.organisation().await;
    ground.world.sign_log().await;
    let event = other.log(EventFilter::default()).await.remove(0).id;
    let refused = ground.inclusion(Entry::EventId(event), 0).await;
    assert_refused(refused, Code::NotFound, "NOT_FOUND");
    let theirs = other.admin.client.audit().get_checkpoint(GetCheckpointRequest::default()).await;
    let note = theirs.unwrap().into_inner().checkpoint.unwrap().note;
    assert!(Checkpoint::open(&note, &[ground.key()]).is_err());
}
