//! What is printed of each resource. One view gives the table, the list's row and the JSON.

pub(crate) mod access;
pub(crate) mod activation;
pub(crate) mod alert;
pub(crate) mod approval;
pub(crate) mod caller;
pub(crate) mod change_request;
pub(crate) mod event;
pub(crate) mod explain;
pub(crate) mod grant;
pub(crate) mod group;
pub(crate) mod log;
pub(crate) mod outcome;
pub(crate) mod permissions;
pub(crate) mod policy;
pub(crate) mod policy_test;
pub(crate) mod principal;
pub(crate) mod role;
pub(crate) mod role_token;
pub(crate) mod scope;
pub(crate) mod tenant;

use chrono::{DateTime, SecondsFormat, Utc};
use comfy_table::Table;
use pim_proto::r#type::v1::Ticket;
use serde::Serialize;

/// A column of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Its heading.
    pub(crate) title: &'static str,
    /// Whether a long text is broken into lines.
    pub(crate) wraps: bool,
}

impl Column {
    /// Of ids and times, which stay whole.
    pub(crate) const fn fixed(title: &'static str) -> Self {
        Self { title, wraps: false }
    }

    /// Of texts, which are broken into lines where the table is too narrow.
    pub(crate) const fn text(title: &'static str) -> Self {
        Self { title, wraps: true }
    }
}

/// What can be printed as a row of a list.
pub(crate) trait Listed: Serialize {
    /// The columns.
    const COLUMNS: &'static [Column];

    /// A cell for each column.
    fn row(&self) -> Vec<String>;
}

/// What can be printed by itself.
pub(crate) trait Shown: Serialize {
    /// All of it.
    fn table(&self) -> Table;
}

/// A reference to another system.
#[derive(Debug, Serialize)]
pub(crate) struct TicketView {
    number: String,
    system: String,
}

impl TicketView {
    /// A ticket, if there is one.
    pub(crate) fn of(ticket: Option<Ticket>) -> Option<Self> {
        ticket.map(|Ticket { number, system }| Self { number, system })
    }

    /// As one text; empty where there is none.
    pub(crate) fn text(ticket: Option<&Self>) -> String {
        ticket.map_or_else(String::new, |it| format!("{} in {}", it.number, it.system))
    }
}

/// An enum's value without the prefix that all its names share. A value that this program does
/// not know reads as nothing that it knows.
pub(crate) fn enum_name(prefix: &str, value: i32, name: Option<&'static str>) -> String {
    match name {
        Some(name) => name.strip_prefix(prefix).unwrap_or(name).to_owned(),
        None => format!("UNKNOWN({value})"),
    }
}

/// A name with its id, or the id alone.
pub(crate) fn with_id(name: Option<&str>, id: &str) -> String {
    name.map_or_else(|| id.to_owned(), |name| format!("{name} ({id})"))
}

/// A name, or the id where there is none.
pub(crate) fn or_id(name: Option<&str>, id: &str) -> String {
    name.unwrap_or(id).to_owned()
}

/// A time in a list: to the minute.
pub(crate) fn minute(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(String::new, |time| time.format("%Y-%m-%d %H:%MZ").to_string())
}

/// A time by itself: exact.
pub(crate) fn exact(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(String::new, |time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// A yes or a no.
pub(crate) fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_value_reads_as_unknown() {
        assert_eq!(enum_name("STATE_", 1, Some("STATE_ACTIVE")), "ACTIVE");
        assert_eq!(enum_name("STATE_", 9, None), "UNKNOWN(9)");
    }
}
