//! Entries of the audit log.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_proto::audit::v1::{self as audit, ActorKind, Event, FieldChange};
use serde::Serialize;
use serde_json::Value;

use super::{Column, Listed, Shown, TicketView, enum_name, exact, or_id, with_id};
use crate::{names::Names, output::fields, time::instant};

/// An entry of the log.
#[derive(Debug, Serialize)]
pub(crate) struct EventView {
    id: String,
    event_time: Option<DateTime<Utc>>,
    code: String,
    activity: String,
    category: String,
    result: String,
    reason: String,
    rules: Vec<String>,
    method: String,
    correlation_id: String,
    actor: Option<ActorView>,
    thing_kind: String,
    thing_id: String,
    thing_version: i64,
    subject_id: String,
    subject_name: Option<String>,
    role_id: String,
    role_name: Option<String>,
    scope: String,
    justification: String,
    ticket: Option<TicketView>,
    policy_revision: i64,
    changes: Vec<ChangeView>,
}

#[derive(Debug, Serialize)]
struct ActorView {
    kind: String,
    id: String,
    name: Option<String>,
    issuer: String,
    amr: Vec<String>,
    acr: String,
    auth_time: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize)]
struct ChangeView {
    field: String,
    old_value: Value,
    new_value: Value,
}

impl EventView {
    /// What is known of `event`.
    pub(crate) fn new(event: Event, names: &Names) -> Self {
        let result = audit::Result::try_from(event.result).ok().map(|it| it.as_str_name());
        Self {
            id: event.id,
            event_time: instant(event.event_time),
            code: event.code,
            activity: event.activity,
            category: event.category,
            result: enum_name("RESULT_", event.result, result),
            reason: event.reason,
            rules: event.rules,
            method: event.method,
            correlation_id: event.correlation_id,
            actor: event.actor.map(|actor| ActorView::new(actor, names)),
            thing_kind: event.thing_kind,
            thing_id: event.thing_id,
            thing_version: event.thing_version,
            subject_name: names.principal(&event.subject_id),
            subject_id: event.subject_id,
            role_name: names.role(&event.role_id),
            role_id: event.role_id,
            scope: event.scope,
            justification: event.justification,
            ticket: TicketView::of(event.ticket),
            policy_revision: event.policy_revision,
            changes: event.changes.into_iter().map(ChangeView::from).collect(),
        }
    }

    /// The event on one line.
    pub(crate) fn line(&self) -> String {
        let mut words = vec![exact(self.event_time), self.outcome()];
        words.push(format!("by {}", self.actor_name()));
        if !self.subject_id.is_empty() {
            words.push(format!("for {}", self.subject()));
        }
        if !self.role_id.is_empty() {
            words.push(format!("role {:?}", self.role()));
        }
        if !self.scope.is_empty() {
            words.push(format!("at {}", self.scope));
        }
        words.push(self.id.clone());
        words.join("  ")
    }

    fn outcome(&self) -> String {
        if self.reason.is_empty() {
            return self.code.clone();
        }
        format!("{} {}", self.code, self.reason)
    }

    fn actor_name(&self) -> String {
        let actor = self.actor.as_ref();
        actor.map_or_else(String::new, |actor| or_id(actor.name.as_deref(), &actor.id))
    }

    fn subject(&self) -> String {
        or_id(self.subject_name.as_deref(), &self.subject_id)
    }

    fn role(&self) -> String {
        or_id(self.role_name.as_deref(), &self.role_id)
    }
}

impl ActorView {
    fn new(actor: audit::Actor, names: &Names) -> Self {
        let kind = ActorKind::try_from(actor.kind).ok().map(|it| it.as_str_name());
        Self {
            kind: enum_name("ACTOR_KIND_", actor.kind, kind),
            name: names.principal(&actor.id),
            id: actor.id,
            issuer: actor.issuer,
            amr: actor.amr,
            acr: actor.acr,
            auth_time: instant(actor.auth_time),
        }
    }

    fn text(&self) -> String {
        format!("{} {}", self.kind, with_id(self.name.as_deref(), &self.id))
    }

    fn sign_in(&self) -> String {
        [self.issuer.clone(), self.amr.join(" "), self.acr.clone(), exact(self.auth_time)]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl From<FieldChange> for ChangeView {
    fn from(change: FieldChange) -> Self {
        // Empty means that there is no value; what is no JSON stands for itself.
        let json = |text: String| match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(_) if text.is_empty() => Value::Null,
            Err(_) => Value::String(text),
        };
        Self {
            field: change.field,
            old_value: json(change.old_value),
            new_value: json(change.new_value),
        }
    }
}

impl ChangeView {
    fn text(&self) -> String {
        format!("{}: {} -> {}", self.field, self.old_value, self.new_value)
    }
}

impl Listed for EventView {
    /// Time and id share a column, one below the other: side by side they leave too little room.
    const COLUMNS: &'static [Column] = &[
        Column::fixed("TIME AND ID"),
        Column::text("EVENT"),
        Column::text("BY"),
        Column::text("FOR"),
        Column::text("ROLE"),
    ];

    fn row(&self) -> Vec<String> {
        let place = match (self.role_id.is_empty(), self.scope.is_empty()) {
            (true, _) => self.scope.clone(),
            (false, true) => self.role(),
            (false, false) => format!("{} at {}", self.role(), self.scope),
        };
        vec![
            format!("{}\n{}", exact(self.event_time), self.id),
            self.outcome(),
            self.actor_name(),
            self.subject(),
            place,
        ]
    }
}

impl Shown for EventView {
    fn table(&self) -> Table {
        let actor = self.actor.as_ref();
        let optional = |id: &str, text: String| if id.is_empty() { String::new() } else { text };
        let changes: Vec<String> = self.changes.iter().map(ChangeView::text).collect();
        fields(vec![
            ("id", self.id.clone()),
            ("time", exact(self.event_time)),
            ("code", self.code.clone()),
            ("activity", self.activity.clone()),
            ("category", self.category.clone()),
            ("result", self.result.clone()),
            ("reason", self.reason.clone()),
            ("broken rules", self.rules.join(", ")),
            ("method", self.method.clone()),
            ("by", actor.map_or_else(String::new, ActorView::text)),
            ("sign-in", actor.map_or_else(String::new, ActorView::sign_in)),
            ("thing", format!("{} {}", self.thing_kind, self.thing_id)),
            ("version", self.thing_version.to_string()),
            (
                "for",
                optional(&self.subject_id, with_id(self.subject_name.as_deref(), &self.subject_id)),
            ),
            ("role", optional(&self.role_id, with_id(self.role_name.as_deref(), &self.role_id))),
            ("scope", self.scope.clone()),
            ("justification", self.justification.clone()),
            ("ticket", TicketView::text(self.ticket.as_ref())),
            ("policy revision", self.policy_revision.to_string()),
            ("changes", changes.join("\n")),
            ("correlation", self.correlation_id.clone()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            id: "e".to_owned(),
            event_time: Some(prost_types::Timestamp { seconds: 1_900_000_000, nanos: 0 }),
            code: "pim.activation.denied".to_owned(),
            result: audit::Result::Failure.into(),
            reason: "POLICY_DENIED".to_owned(),
            actor: Some(audit::Actor { id: "a".to_owned(), ..audit::Actor::default() }),
            subject_id: "a".to_owned(),
            role_id: "r".to_owned(),
            scope: "/".to_owned(),
            changes: vec![FieldChange {
                field: "require_mfa".to_owned(),
                old_value: "true".to_owned(),
                new_value: String::new(),
            }],
            ..Event::default()
        }
    }

    #[test]
    fn an_event_is_one_line_of_a_tail() {
        let names = Names::known(&[("r", "Reader")], &[("a", "Alice")]);
        assert_eq!(
            EventView::new(event(), &names).line(),
            "2030-03-17T17:46:40Z  pim.activation.denied POLICY_DENIED  by Alice  for Alice  \
             role \"Reader\"  at /  e"
        );
    }

    #[test]
    fn values_are_json_in_json_and_text_in_a_table() {
        let view = EventView::new(event(), &Names::default());
        let json = serde_json::to_value(&view).unwrap();
        assert_eq!(json["changes"][0]["old_value"], true);
        assert_eq!(json["changes"][0]["new_value"], Value::Null);
        let shown = view.table().trim_fmt();
        assert!(shown.contains("require_mfa: true -> null"), "{shown}");
    }
}
