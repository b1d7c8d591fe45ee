//! The examination of a whole log and of the state beside it, entry by entry: every leaf against the
//! bytes of its event, every checkpoint against the tree, and the version of everything that is
//! stored against the versions that the log tells of.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::{
    checkpoint::Checkpoint,
    fault::Fault,
    hash::TreeHash,
    note::VerifierKey,
    tree::{Frontier, Node},
};
use crate::{
    event::{Indexed, StoredEvent, ThingKind, ThingRef},
    id::EventId,
};

/// An entry as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Its place in the log.
    pub index: u64,
    /// Its event.
    pub event: EventId,
    /// The hash with which it was sealed.
    pub leaf: TreeHash,
    /// The event's bytes, and what stands beside them, where it is there.
    pub body: Option<(&'a [u8], &'a Indexed)>,
}

/// How far a log has been examined.
#[derive(Debug)]
pub struct Examination {
    origin: String,
    keys: Vec<VerifierKey>,
    tree: Frontier,
    versions: HashMap<(ThingKind, Uuid), Vec<i64>>,
}

impl Examination {
    /// Of the log `origin`, from its beginning. Where no key is given, signatures are not verified.
    #[must_use]
    pub fn new(origin: String, keys: Vec<VerifierKey>) -> Self {
        Self { origin, keys, tree: Frontier::default(), versions: HashMap::new() }
    }

    /// The tree so far.
    #[must_use]
    pub fn tree(&self) -> &Frontier {
        &self.tree
    }

    /// How many things the log has told of.
    #[must_use]
    pub fn things(&self) -> usize {
        self.versions.len()
    }

    /// The next entry; adds to `kept` the nodes that it completes and that are to be kept.
    ///
    /// # Errors
    /// It is not the next one, or not what was sealed.
    pub fn entry(&mut self, entry: Stored<'_>, kept: &mut Vec<Node>) -> Result<(), Fault> {
        let Stored { index, event, leaf, body } = entry;
        let next = self.tree.size();
        if index != next {
            return Err(Fault::Incomplete(format!("entry {next} is not there")));
        }
        let (body, indexed) = body.ok_or_else(|| {
            Fault::Incomplete(format!("entry {index}: its event {event} is not there"))
        })?;
        if TreeHash::of_leaf(body) != leaf {
            return Err(Fault::Altered(format!(
                "entry {index}: its event {event} is not what was sealed"
            )));
        }
        self.tree.push(leaf, kept);
        self.event(event, body, indexed)
    }

    /// An event, sealed or not yet: what it says about versions.
    ///
    /// # Errors
    /// It is no event, or what stands beside it is not what it says.
    pub fn event(&mut self, id: EventId, body: &[u8], indexed: &Indexed) -> Result<(), Fault> {
        let stored: StoredEvent = serde_json::from_slice(body)
            .map_err(|error| Fault::Altered(format!("event {id} does not read: {error}")))?;
        if let Some(column) = stored.indexed().difference(indexed) {
            return Err(Fault::Altered(format!("event {id}: its {column} is not what it says")));
        }
        // A refusal has made no version.
        if let Some(thing) = stored.event.thing.filter(|thing| thing.version > 0) {
            self.versions.entry((thing.kind, thing.id)).or_default().push(thing.version);
        }
        Ok(())
    }

    /// A checkpoint of the tree so far.
    ///
    /// # Errors
    /// It is of another tree, or its signature is not what it should be.
    pub fn checkpoint(&self, size: u64, root: TreeHash, note: &str) -> Result<(), Fault> {
        let altered = |what: &str| Fault::Altered(format!("the checkpoint of {size} {what}"));
        let said = if self.keys.is_empty() {
            let note = note.parse::<super::note::Note>();
            note.ok().and_then(|note| note.text().parse().ok())
        } else {
            Some(Checkpoint::open(note, &self.keys)?)
        };
        let said: Checkpoint = said.ok_or_else(|| altered("does not read"))?;
        if (said.size, said.root) != (size, root) || said.origin != self.origin {
            return Err(altered("is not what it was signed as"));
        }
        if (self.tree.size(), self.tree.root()) != (size, root) {
            return Err(Fault::Forked(format!("at {size} entries another tree was signed")));
        }
        Ok(())
    }

    /// After all entries and events: whether what is stored is at the versions that the log tells of.
    /// The order of entries is no order of effect, so that only the versions count, not their order.
    ///
    /// # Errors
    /// A version is missing in the log or there twice, or something is stored at another.
    pub fn state(self, stored: &[ThingRef]) -> Result<(), Fault> {
        let name = |kind: ThingKind, id: Uuid| format!("{} {id}", kind.as_str());
        let mut newest = BTreeMap::new();
        for ((kind, id), mut versions) in self.versions {
            versions.sort_unstable();
            let count = i64::try_from(versions.len()).unwrap_or(i64::MAX);
            if !versions.iter().copied().eq(1..=count) {
                let text = format!("{}: its versions in the log are {versions:?}", name(kind, id));
                return Err(Fault::Incomplete(text));
            }
            newest.insert((kind.as_str(), id), (kind, count));
        }
        for thing in stored {
            let said = newest.remove(&(thing.kind.as_str(), thing.id)).map_or(0, |(_, it)| it);
            if said != thing.version {
                let (name, version) = (name(thing.kind, thing.id), thing.version);
                let text = format!("{name} is stored at version {version}, the log has {said}");
                return Err(Fault::StateDiffers(text));
            }
        }
        match newest.into_iter().next() {
            Some(((_, id), (kind, _))) => {
                let text = format!("{} is in the log and is not stored", name(kind, id));
                Err(Fault::StateDiffers(text))
            }
            None => Ok(()),
        }
    }
}
