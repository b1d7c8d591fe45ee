//! The log as files for others: each entry by itself, so that an export needs no memory of what
//! came before.

mod cloud_event;
mod csv;
mod directory_audit;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::{
    event::{Event, FieldChange, StoredEvent},
    id::{EventId, PrincipalId, RoleId, TenantId},
    justification::{self, Commitment},
};

/// How entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A JSON object a line, with the stored text of the entry: a leaf of the log is computed from
    /// exactly these bytes.
    JsonLines,
    /// CloudEvents 1.0 in JSON, one a line.
    CloudEvents,
    /// The shape of Microsoft Graph's `directoryAudit`, one a line: rules for Entra's audit log
    /// work on it as they are.
    DirectoryAudit,
    /// RFC 4180, with a heading; no cell is a formula to a spreadsheet.
    Csv,
}

impl Format {
    /// As it is named in the log and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Format::JsonLines => "json_lines",
            Format::CloudEvents => "cloud_events",
            Format::DirectoryAudit => "directory_audit",
            Format::Csv => "csv",
        }
    }

    /// Whether it says what ids are called.
    #[must_use]
    pub fn has_names(self) -> bool {
        match self {
            Format::DirectoryAudit | Format::Csv => true,
            Format::JsonLines | Format::CloudEvents => false,
        }
    }

    /// What comes before the first entry.
    #[must_use]
    pub fn heading(self) -> Vec<u8> {
        match self {
            Format::Csv => csv::heading(),
            Format::JsonLines | Format::CloudEvents | Format::DirectoryAudit => Vec::new(),
        }
    }

    /// Appends an entry, as one line or several.
    ///
    /// # Errors
    /// The entry does not read as one.
    pub fn write(
        self,
        out: &mut Vec<u8>,
        entry: &Entry,
        names: &Names,
    ) -> Result<(), serde_json::Error> {
        match self {
            Format::JsonLines => line(out, &Line::try_from(entry)?),
            Format::CloudEvents => line(out, &cloud_event::CloudEvent::new(entry)?),
            Format::DirectoryAudit => {
                let event = entry.event()?;
                let audits = directory_audit::of(entry, &event, names);
                audits.iter().try_for_each(|audit| line(out, audit))
            }
            Format::Csv => {
                out.extend(csv::row(entry, &entry.event()?, names));
                Ok(())
            }
        }
    }
}

/// An entry of the log as it is stored, with the words that stand beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: EventId,
    /// Whose log it is in.
    pub tenant: TenantId,
    /// The entry, as JSON.
    pub body: Vec<u8>,
    /// The words that it commits to, as far as they were not erased.
    pub justifications: Vec<Words>,
}

/// The words of a justification with what it takes to show that they were these.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Words {
    /// What the entry says of them.
    pub commitment: Commitment,
    /// In hexadecimal digits.
    #[serde(serialize_with = "hexadecimal")]
    pub salt: Vec<u8>,
    /// The words.
    pub text: String,
}

/// Without the words: they do not belong into the log of a process.
impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words").field("commitment", &self.commitment).finish_non_exhaustive()
    }
}

fn hexadecimal<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    serializer.serialize_str(&digits)
}

impl Entry {
    /// The commitments that a body has.
    ///
    /// # Errors
    /// It does not read as an entry.
    pub fn commitments(&self) -> Result<Vec<Commitment>, serde_json::Error> {
        Ok(serde_json::from_slice::<StoredEvent>(&self.body)?.event.commitments())
    }

    /// What it tells, for people.
    ///
    /// # Errors
    /// It does not read as an entry.
    pub fn event(&self) -> Result<Event, serde_json::Error> {
        let mut event = serde_json::from_slice::<StoredEvent>(&self.body)?.event;
        event.join(&self.known());
        event.changes = event.changes.into_iter().map(FieldChange::shown).collect();
        Ok(event)
    }

    /// The body as a JSON value, for people.
    pub(crate) fn value(&self) -> Result<Value, serde_json::Error> {
        let mut value = serde_json::from_slice(&self.body)?;
        justification::join(&mut value, &self.known());
        justification::show(&mut value);
        Ok(value)
    }

    fn known(&self) -> HashMap<Commitment, String> {
        self.justifications.iter().map(|said| (said.commitment, said.text.clone())).collect()
    }
}

/// What ids are called, as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Of roles.
    pub roles: BTreeMap<RoleId, String>,
    /// Of principals and groups.
    pub principals: BTreeMap<PrincipalId, String>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    id: EventId,
    tenant_id: TenantId,
    /// As text and not as an object, because a parser would not give its bytes back.
    body: &'a str,
    justifications: &'a [Words],
}

impl<'a> TryFrom<&'a Entry> for Line<'a> {
    type Error = serde_json::Error;

    fn try_from(entry: &'a Entry) -> Result<Self, Self::Error> {
        let body = std::str::from_utf8(&entry.body).map_err(serde::de::Error::custom)?;
        Ok(Self {
            id: entry.id,
            tenant_id: entry.tenant,
            body,
            justifications: &entry.justifications,
        })
    }
}

fn line(out: &mut Vec<u8>, value: &impl Serialize) -> Result<(), serde_json::Error> {
    serde_json::to_writer(&mut *out, value)?;
    out.push(b'\n');
    Ok(())
}

fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
