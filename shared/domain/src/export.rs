//! The log as files for others: each entry by itself, so that an export needs no memory of what
//! came before.

mod cloud_event;
mod csv;
mod directory_audit;

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    event::Event,
    id::{EventId, PrincipalId, RoleId, TenantId},
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

/// An entry of the log as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Made by the store.
    pub id: EventId,
    /// Whose log it is in.
    pub tenant: TenantId,
    /// The event, as JSON.
    pub body: Vec<u8>,
}

impl Entry {
    /// What it tells.
    ///
    /// # Errors
    /// It does not read as an event.
    pub fn event(&self) -> Result<Event, serde_json::Error> {
        serde_json::from_slice(&self.body)
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
}

impl<'a> TryFrom<&'a Entry> for Line<'a> {
    type Error = serde_json::Error;

    fn try_from(entry: &'a Entry) -> Result<Self, Self::Error> {
        let body = std::str::from_utf8(&entry.body).map_err(serde::de::Error::custom)?;
        Ok(Self { id: entry.id, tenant_id: entry.tenant, body })
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
