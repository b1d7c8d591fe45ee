//! The change of a log's key: a statement that both keys have signed, as an entry of the log itself.
//! Whoever trusts the old key learns from it to trust the new one; whoever has only one of the two
//! private keys cannot make it.

use serde_json::Value;

use super::{
    fault::Fault,
    note::{Note, Signer, VerifierKey},
};
use crate::event::{Code, Event, FieldChange, Stamp};

/// The first line of the statement.
const FORMAT: &str = "pim.dev/log-key-change/1";
/// The field of the event that holds the statement.
const FIELD: &str = "statement";

/// The statement for the log `origin` that `new` takes over from `old`.
#[must_use]
pub fn statement(origin: &str, old: &Signer, new: &Signer) -> Note {
    let text = format!("{FORMAT}\n{}\n{}\n", old.verifier(origin), new.verifier(origin));
    Note::signed(text, origin, &[old, new])
}

/// What the log says of it.
#[must_use]
pub fn event(stamp: &Stamp, statement: &Note) -> Event {
    let new = Some(Value::String(statement.to_string()));
    let change = FieldChange { field: FIELD.to_owned(), old: None, new };
    Event::of_the_log(Code::LogKeyChanged, stamp, vec![change])
}

/// The statement that an event holds, where it is of a change of keys.
#[must_use]
pub fn told(event: &Event) -> Option<&str> {
    if event.code != Code::LogKeyChanged {
        return None;
    }
    let change = event.changes.iter().find(|change| change.field == FIELD)?;
    change.new.as_ref().and_then(Value::as_str)
}

/// Whether it says that one of `keys` is the old one; that is not to be believed before [`open`].
#[must_use]
pub fn concerns(statement: &str, keys: &[VerifierKey]) -> bool {
    let old = statement.lines().nth(1).and_then(|line| line.parse().ok());
    old.is_some_and(|old: VerifierKey| keys.contains(&old))
}

/// The new key, where one of `keys` is the old one and both have signed.
///
/// # Errors
/// It is no such statement, or a signature of either is missing or wrong.
pub fn open(statement: &str, keys: &[VerifierKey]) -> Result<VerifierKey, Fault> {
    let altered = |error: &dyn std::error::Error| Fault::Altered(format!("key change: {error}"));
    let malformed = || Fault::Altered("key change: not a statement of one".to_owned());
    let note: Note = statement.parse().map_err(|error| altered(&error))?;
    let mut lines = note.text().lines();
    if lines.next() != Some(FORMAT) {
        return Err(malformed());
    }
    let mut key = || -> Result<VerifierKey, Fault> {
        lines.next().ok_or_else(malformed)?.parse().map_err(|error| altered(&error))
    };
    let (old, new) = (key()?, key()?);
    if !keys.contains(&old) || old.name() != new.name() {
        return Err(Fault::Altered("key change: it is not by a key that is known".to_owned()));
    }
    for key in [&old, &new] {
        note.verify(std::slice::from_ref(key)).map_err(|error| altered(&error))?;
    }
    Ok(new)
}
