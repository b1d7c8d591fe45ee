//! Proofs of `AuditService`.

use pim_domain::log::hash::TreeHash;

use super::list;
use crate::{
    audit::v1::{self, get_inclusion_proof_request::Entry as Wanted},
    call::{
        Answer, CheckpointQuery, CheckpointView, ConsistencyQuery, ConsistencyView, EntriesFrom,
        EntriesPage, EntryRef, EntryView, InclusionQuery, InclusionView, List, SignedTree,
    },
    field::{self, FieldViolation, Required as _},
};

impl TryFrom<v1::GetCheckpointRequest> for CheckpointQuery {
    type Error = FieldViolation;

    fn try_from(request: v1::GetCheckpointRequest) -> Result<Self, FieldViolation> {
        Ok(Self { size: size(request.tree_size, "tree_size")? })
    }
}

impl TryFrom<v1::GetInclusionProofRequest> for InclusionQuery {
    type Error = FieldViolation;

    fn try_from(request: v1::GetInclusionProofRequest) -> Result<Self, FieldViolation> {
        let entry = match request.entry.required("entry")? {
            Wanted::EventId(id) => EntryRef::Event(field::id(&id, "event_id")?),
            Wanted::Index(index) => EntryRef::Index(natural(index, "index")?),
        };
        Ok(Self { entry, size: size(request.tree_size, "tree_size")? })
    }
}

impl TryFrom<v1::GetConsistencyProofRequest> for ConsistencyQuery {
    type Error = FieldViolation;

    fn try_from(request: v1::GetConsistencyProofRequest) -> Result<Self, FieldViolation> {
        let old = size(request.old_tree_size, "old_tree_size")?.required("old_tree_size")?;
        let new = size(request.new_tree_size, "new_tree_size")?;
        if new.is_some_and(|new| new < old) {
            let description = format!("must be at least old_tree_size, {old}");
            return Err(FieldViolation::new("new_tree_size", description));
        }
        Ok(Self { old, new })
    }
}

impl TryFrom<v1::ListEntriesRequest> for List<EntriesFrom> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListEntriesRequest) -> Result<Self, FieldViolation> {
        let first = natural(request.first_index, "first_index")?;
        list(EntriesFrom { first }, request.page_size, request.page_token)
    }
}

/// A size of a tree; 0 is none.
fn size(number: i64, path: &str) -> Result<Option<u64>, FieldViolation> {
    Ok(Some(natural(number, path)?).filter(|size| *size > 0))
}

fn natural(number: i64, path: &str) -> Result<u64, FieldViolation> {
    u64::try_from(number)
        .map_err(|_| FieldViolation::new(path, format!("must be at least 0; it is {number}")))
}

/// Counts of what is stored fit the wire's numbers, as they fit the database's.
fn wire(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn hashes(hashes: &[TreeHash]) -> Vec<Vec<u8>> {
    hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect()
}

impl From<SignedTree> for v1::Checkpoint {
    fn from(signed: SignedTree) -> Self {
        Self {
            note: signed.note,
            tree_size: wire(signed.size),
            root_hash: signed.root.as_bytes().to_vec(),
        }
    }
}

impl From<EntryView> for v1::Entry {
    fn from(entry: EntryView) -> Self {
        Self {
            index: wire(entry.index),
            event_id: entry.event.to_string(),
            leaf_hash: entry.hash.as_bytes().to_vec(),
            body: entry.body,
        }
    }
}

impl From<Answer<CheckpointView>> for v1::GetCheckpointResponse {
    fn from(answer: Answer<CheckpointView>) -> Self {
        let CheckpointView { signed, keys } = answer.value;
        Self {
            checkpoint: Some(signed.into()),
            verifier_keys: super::texts(keys),
            revision: answer.revision,
        }
    }
}

impl From<Answer<InclusionView>> for v1::GetInclusionProofResponse {
    fn from(answer: Answer<InclusionView>) -> Self {
        let view = answer.value;
        Self {
            entry: Some(view.entry.into()),
            tree_size: wire(view.size),
            hashes: hashes(&view.hashes),
            checkpoint: view.signed.map(v1::Checkpoint::from),
            revision: answer.revision,
        }
    }
}

impl From<Answer<ConsistencyView>> for v1::GetConsistencyProofResponse {
    fn from(answer: Answer<ConsistencyView>) -> Self {
        let view = answer.value;
        Self {
            old_tree_size: wire(view.old),
            new_tree_size: wire(view.new),
            hashes: hashes(&view.hashes),
            checkpoint: view.signed.map(v1::Checkpoint::from),
            revision: answer.revision,
        }
    }
}

impl From<EntriesPage> for v1::ListEntriesResponse {
    fn from(EntriesPage { listed, peaks }: EntriesPage) -> Self {
        Self {
            entries: listed.items.into_iter().map(v1::Entry::from).collect(),
            preceding_peaks: hashes(&peaks),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}
