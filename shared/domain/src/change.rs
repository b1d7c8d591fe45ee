//! Changes: the only thing that the store will write. A change carries its entry of the log, so
//! that neither can be written without the other.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::event::{About, Code, Event, FieldChange, Stamp, ThingKind, ThingRef};

/// Counts the changes of one thing, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub i64);

impl Version {
    /// Of what has just been made.
    pub const FIRST: Version = Version(1);

    /// Of the change after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// What a client sends back to say which version it has seen.
    #[must_use]
    pub fn etag(self) -> String {
        format!("v{}", self.0)
    }
}

/// Something that changes, is stored, and is told of in the log.
pub trait Thing: Serialize + DeserializeOwned + Clone {
    /// What it is.
    const KIND: ThingKind;
    /// Its id.
    fn id(&self) -> Uuid;
    /// Its version.
    fn version(&self) -> Version;
    /// Its kind, where one type has several.
    fn kind(&self) -> ThingKind {
        Self::KIND
    }
}

/// One change of one thing, with its event. Only the rules of this crate make one.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<T> {
    after: T,
    event: Event,
}

impl<T: Thing> Change<T> {
    /// `after` has just been made.
    pub(crate) fn created(after: T, stamp: &Stamp, code: Code, about: About) -> Self {
        Self::of(&Map::new(), after, stamp, code, about)
    }

    /// `before` has become `after`.
    pub(crate) fn updated(before: &T, after: T, stamp: &Stamp, code: Code, about: About) -> Self {
        Self::of(&fields(before), after, stamp, code, about)
    }

    fn of(before: &Map<String, Value>, after: T, stamp: &Stamp, code: Code, about: About) -> Self {
        let thing = ThingRef { kind: after.kind(), id: after.id(), version: after.version().0 };
        let changes = difference(before, &fields(&after));
        let event = Event::success(code, stamp, thing, about, changes);
        Self { after, event }
    }
}

impl<T> Change<T> {
    /// The thing as it is afterwards.
    #[must_use]
    pub fn after(&self) -> &T {
        &self.after
    }

    /// The thing as it is afterwards.
    #[must_use]
    pub fn into_after(self) -> T {
        self.after
    }

    /// What the log says of it.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }
}

fn fields<T: Serialize>(thing: &T) -> Map<String, Value> {
    match serde_json::to_value(thing) {
        Ok(Value::Object(fields)) => fields,
        // A thing is a struct of plain values: it has no other JSON form.
        Ok(_) | Err(_) => Map::new(),
    }
}

fn difference(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<FieldChange> {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|name| FieldChange {
            field: name.clone(),
            old: before.get(name).cloned().filter(|value| !value.is_null()),
            new: after.get(name).cloned().filter(|value| !value.is_null()),
        })
        .filter(|change| change.old != change.new)
        .collect()
}

/// The thing that a history of events leads to, or `None` where it does not read as one.
/// The log explains the state, entirely: this must equal what is stored.
#[must_use]
pub fn fold<T: Thing>(events: &[Event]) -> Option<T> {
    let mut fields = Map::new();
    for change in events.iter().flat_map(|event| &event.changes) {
        match &change.new {
            Some(value) => fields.insert(change.field.clone(), value.clone()),
            None => fields.remove(&change.field),
        };
    }
    serde_json::from_value(Value::Object(fields)).ok()
}
