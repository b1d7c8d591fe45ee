//! CSV for spreadsheets.

use super::{Entry, Names, instant};
use crate::event::{Event, Outcome};

const COLUMNS: [&str; 24] = [
    "id",
    "event_time",
    "code",
    "activity",
    "category",
    "result",
    "reason",
    "rules",
    "method",
    "count",
    "correlation_id",
    "actor_id",
    "actor_name",
    "thing_kind",
    "thing_id",
    "thing_version",
    "subject_id",
    "subject_name",
    "role_id",
    "role_name",
    "scope",
    "justification",
    "ticket",
    "changes",
];

pub(super) fn heading() -> Vec<u8> {
    record(COLUMNS.map(str::to_owned))
}

pub(super) fn row(entry: &Entry, event: &Event, names: &Names) -> Vec<u8> {
    let about = &event.about;
    let (result, reason, rules, method) = match &event.outcome {
        Outcome::Success => ("success", "", String::new(), ""),
        Outcome::Failure { reason, rules, method, folded: _ } => {
            ("failure", reason.as_str(), rules.join(" "), method.as_str())
        }
    };
    let actor = event.actor.principal().and_then(|id| names.principals.get(&id));
    let subject = about.subject.and_then(|id| names.principals.get(&id));
    let role = about.role.and_then(|id| names.roles.get(&id));
    let ticket = about.ticket.as_ref();
    record([
        entry.id.to_string(),
        instant(event.time),
        event.code.as_str().to_owned(),
        event.activity().to_owned(),
        event.category().to_owned(),
        result.to_owned(),
        reason.to_owned(),
        rules,
        method.to_owned(),
        event.folded().map_or(1, |folded| folded.count).to_string(),
        text(event.correlation()),
        event.actor.id(),
        text(actor),
        text(event.thing.map(|thing| thing.kind.as_str())),
        text(event.thing.map(|thing| thing.id)),
        text(event.thing.map(|thing| thing.version)),
        text(about.subject),
        text(subject),
        text(about.role),
        text(role),
        text(about.scope.as_ref()),
        about.justification.to_string(),
        text(ticket.map(|ticket| format!("{} {}", ticket.system, ticket.number))),
        serde_json::to_string(&event.changes).unwrap_or_default(),
    ])
}

fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// One record, with its line end.
fn record(cells: [String; COLUMNS.len()]) -> Vec<u8> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    // Memory does not fail to be written to.
    let _ = writer.write_record(cells.map(harmless));
    writer.into_inner().unwrap_or_default()
}

/// A spreadsheet takes what begins so for a formula, and runs it.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for begin in ['=', '+', '-', '@', '\t', '\r'] {
            let cell = format!("{begin}HYPERLINK(\"http://evil\")");
            assert_eq!(harmless(cell.clone()), format!("'{cell}"));
        }
        assert_eq!(harmless("1 = 1".to_owned()), "1 = 1");
        assert_eq!(harmless(String::new()), "");
    }
}
