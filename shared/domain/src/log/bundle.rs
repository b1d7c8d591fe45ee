//! A part of a log as a file: one JSON object a line. The first says where the part begins, with
//! the peaks of the tree up to there; then come the entries; the last is the checkpoint of the tree
//! in which the last entry is the last leaf.
//!
//! No proofs beside that are needed. Appended to the peaks, the entries must lead to the signed
//! root, and nothing else does. What the peaks hash to is the tree before the part, so that a
//! checkpoint of the part before shows that the log has only grown. The ids of events are there to
//! find them by: they are not part of the bytes, and so not of what is signed.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    checkpoint::Checkpoint, fault::Fault, hash::TreeHash, key_change, note::VerifierKey,
    tree::Frontier,
};
use crate::{
    event::{Code, Event},
    id::EventId,
};

/// What the first line says that the file is.
const FORMAT: &str = "pim-log-bundle/1";

/// One line of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
enum Line {
    Head { format: String, first: u64, peaks: Vec<TreeHash> },
    Entry { index: u64, event_id: EventId, leaf: TreeHash, body: String },
    Checkpoint { note: String },
}

/// The first line of the bundle whose first entry is appended to this tree.
#[must_use]
pub fn head(before: &Frontier) -> String {
    let (first, peaks) = (before.size(), before.peaks().to_vec());
    line(&Line::Head { format: FORMAT.to_owned(), first, peaks })
}

/// The line of an entry: its place, its event, the hash with which it was sealed, and its bytes.
#[must_use]
pub fn entry(index: u64, event_id: EventId, leaf: TreeHash, body: &[u8]) -> String {
    line(&Line::Entry { index, event_id, leaf, body: STANDARD.encode(body) })
}

/// The last line: a checkpoint as a signed note.
#[must_use]
pub fn end(note: &str) -> String {
    line(&Line::Checkpoint { note: note.to_owned() })
}

fn line(line: &Line) -> String {
    // Texts and numbers always have a JSON form.
    serde_json::to_string(line).unwrap_or_default()
}

/// What a bundle has been found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Its first entry.
    pub first: u64,
    /// The tree that its last entry completes.
    pub checkpoint: Checkpoint,
}

/// Verifies a bundle line by line, in memory of its tree's peaks alone. A change of the key that is in
/// the bundle is followed.
#[derive(Debug)]
pub struct Verifier {
    keys: Vec<VerifierKey>,
    known: Option<Checkpoint>,
    part: Part,
}

/// How much of the bundle has been read.
#[derive(Debug)]
enum Part {
    Nothing,
    Entries { first: u64, tree: Frontier },
    All(Verified),
}

impl Verifier {
    /// For a bundle that one of `keys` has signed, and of a log of which the caller may know an
    /// earlier checkpoint.
    #[must_use]
    pub fn new(keys: Vec<VerifierKey>, known: Option<Checkpoint>) -> Self {
        Self { keys, known, part: Part::Nothing }
    }

    /// The next line, without its newline.
    ///
    /// # Errors
    /// The bundle is not what was signed, or does not go on from what is known.
    pub fn line(&mut self, line: &str) -> Result<(), Fault> {
        let unreadable =
            |error| Fault::Altered(format!("a line of the bundle does not read: {error}"));
        let line: Line = serde_json::from_str(line).map_err(unreadable)?;
        match (&mut self.part, line) {
            (Part::Nothing, Line::Head { format, first, peaks }) if format == FORMAT => {
                let tree = Frontier::new(first, peaks)
                    .map_err(|error| Fault::Altered(format!("the bundle's start: {error}")))?;
                compare(self.known.as_ref(), &tree)?;
                self.part = Part::Entries { first, tree };
            }
            (Part::Entries { tree, .. }, Line::Entry { index, event_id, leaf, body }) => {
                let body = append(tree, index, event_id, leaf, &body)?;
                self.keys.extend(key_change(&body, &self.keys)?);
                compare(self.known.as_ref(), tree)?;
            }
            (Part::Entries { first, tree }, Line::Checkpoint { note }) => {
                let checkpoint = Checkpoint::open(&note, &self.keys)?;
                judge(&checkpoint, tree)?;
                reaches(self.known.as_ref(), *first, &checkpoint)?;
                self.part = Part::All(Verified { first: *first, checkpoint });
            }
            (Part::Nothing, _) => {
                return Err(Fault::Altered(format!("the bundle does not begin as {FORMAT}")));
            }
            (Part::Entries { .. }, Line::Head { .. }) | (Part::All(_), _) => {
                return Err(Fault::Altered("a line of the bundle is out of place".to_owned()));
            }
        }
        Ok(())
    }

    /// After the last line: what the bundle is.
    ///
    /// # Errors
    /// It has no end.
    pub fn finish(self) -> Result<Verified, Fault> {
        match self.part {
            Part::All(verified) => Ok(verified),
            Part::Nothing | Part::Entries { .. } => {
                Err(Fault::Incomplete("the bundle ends before its checkpoint".to_owned()))
            }
        }
    }
}

fn append(
    tree: &mut Frontier,
    index: u64,
    event_id: EventId,
    leaf: TreeHash,
    body: &str,
) -> Result<Vec<u8>, Fault> {
    let expected = tree.size();
    if index > expected {
        return Err(Fault::Incomplete(format!("entry {expected} is not in the bundle")));
    }
    if index < expected {
        return Err(Fault::Altered(format!("entry {index} stands where {expected} should")));
    }
    let body = STANDARD
        .decode(body)
        .map_err(|error| Fault::Altered(format!("entry {index} does not read: {error}")))?;
    if TreeHash::of_leaf(&body) != leaf {
        return Err(Fault::Altered(format!(
            "entry {index}, event {event_id}, is not what was sealed"
        )));
    }
    tree.push(leaf, &mut Vec::new());
    Ok(body)
}

/// The key that takes over, where the entry says so and one of `keys` is the old one. An entry about
/// other keys is none of ours: whoever begins to read behind a change has the newer key.
fn key_change(body: &[u8], keys: &[VerifierKey]) -> Result<Option<VerifierKey>, Fault> {
    let code = Code::LogKeyChanged.as_str().as_bytes();
    if !body.windows(code.len()).any(|part| part == code) {
        return Ok(None);
    }
    let Ok(event) = serde_json::from_slice::<Event>(body) else { return Ok(None) };
    match key_change::told(&event) {
        Some(statement) if key_change::concerns(statement, keys) => {
            key_change::open(statement, keys).map(Some)
        }
        Some(_) | None => Ok(None),
    }
}

/// The tree as it was at the size that is known must be the one that is known.
fn compare(known: Option<&Checkpoint>, tree: &Frontier) -> Result<(), Fault> {
    match known {
        Some(known) if known.size == tree.size() && known.root != tree.root() => {
            Err(Fault::Forked(format!("at {} entries it is not the log that is known", known.size)))
        }
        Some(_) | None => Ok(()),
    }
}

fn judge(checkpoint: &Checkpoint, tree: &Frontier) -> Result<(), Fault> {
    let (signed, found) = (checkpoint.size, tree.size());
    if found < signed {
        Err(Fault::Incomplete(format!("{found} of {signed} entries are there")))
    } else if found > signed {
        Err(Fault::Altered(format!("{found} entries are there, {signed} are signed")))
    } else if tree.root() == checkpoint.root {
        Ok(())
    } else {
        Err(Fault::Altered(format!("the {signed} entries are not those that are signed")))
    }
}

/// What is known can only be compared where it lies in the part.
fn reaches(known: Option<&Checkpoint>, first: u64, end: &Checkpoint) -> Result<(), Fault> {
    let Some(known) = known else { return Ok(()) };
    if known.origin != end.origin {
        return Err(Fault::Altered(format!(
            "the bundle is of {}, not {}",
            end.origin, known.origin
        )));
    }
    if (first..=end.size).contains(&known.size) {
        Ok(())
    } else {
        let (known, end) = (known.size, end.size);
        Err(Fault::Incomplete(format!(
            "the bundle is of entries {first} to {end}, and what is known ends at {known}"
        )))
    }
}
