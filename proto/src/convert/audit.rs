//! `AuditService`.

use pim_domain::{
    event::{Actor, Code, FieldChange, Outcome, StoredEvent},
    export::Format,
    id::EventId,
    text::NAME_CHARS_MAX,
};

use super::{known, list, wire_ticket, wire_time, write};
use crate::{
    audit::v1,
    call::{
        Answer, EraseJustification, EventCategory, EventFilter, EventResult, Export, Exported,
        List, Listed, Tail, Tailed, Write,
    },
    field::{self, FieldViolation, Nested as _},
};

impl TryFrom<v1::ListEventsRequest> for List<EventFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListEventsRequest) -> Result<Self, FieldViolation> {
        let filter = EventFilter::try_from(request.filter.unwrap_or_default()).field("filter")?;
        list(filter, request.page_size, request.page_token)
    }
}

impl TryFrom<v1::GetEventRequest> for EventId {
    type Error = FieldViolation;

    fn try_from(request: v1::GetEventRequest) -> Result<Self, FieldViolation> {
        field::id(&request.event_id, "event_id")
    }
}

impl TryFrom<v1::EraseJustificationRequest> for Write<EraseJustification> {
    type Error = FieldViolation;

    fn try_from(request: v1::EraseJustificationRequest) -> Result<Self, FieldViolation> {
        let command = EraseJustification {
            event: field::id(&request.event_id, "event_id")?,
            justification: field::justification(request.justification)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::TailEventsRequest> for Tail {
    type Error = FieldViolation;

    fn try_from(request: v1::TailEventsRequest) -> Result<Self, FieldViolation> {
        let position = request.after_position;
        Ok(Self {
            filter: EventFilter::try_from(request.filter.unwrap_or_default()).field("filter")?,
            after_position: field::opaque(position, "after_position", field::TOKEN_BYTES_MAX)?,
        })
    }
}

impl TryFrom<v1::ExportEventsRequest> for Export {
    type Error = FieldViolation;

    fn try_from(request: v1::ExportEventsRequest) -> Result<Self, FieldViolation> {
        let position = request.after_position;
        let format = match known(request.format, "format")? {
            v1::ExportFormat::Unspecified => return Err(FieldViolation::required("format")),
            v1::ExportFormat::JsonLines => Format::JsonLines,
            v1::ExportFormat::CloudEvents => Format::CloudEvents,
            v1::ExportFormat::DirectoryAudit => Format::DirectoryAudit,
            v1::ExportFormat::Csv => Format::Csv,
        };
        Ok(Self {
            filter: EventFilter::try_from(request.filter.unwrap_or_default()).field("filter")?,
            format,
            after_position: field::opaque(position, "after_position", field::TOKEN_BYTES_MAX)?,
        })
    }
}

impl From<Exported> for v1::ExportEventsResponse {
    fn from(exported: Exported) -> Self {
        Self {
            data: exported.data,
            exported_count: exported.count,
            reached_time: exported.reached.map(wire_time),
            position: exported.position,
            is_last: exported.is_last,
        }
    }
}

impl TryFrom<v1::EventFilter> for EventFilter {
    type Error = FieldViolation;

    fn try_from(filter: v1::EventFilter) -> Result<Self, FieldViolation> {
        let start = field::timestamp(filter.start_time, "start_time")?;
        Ok(Self {
            start,
            end: field::end_after(start, filter.end_time, "end_time")?,
            actor: Some(filter.actor_id)
                .filter(|actor| !actor.is_empty())
                .map(|actor| field::name(actor, "actor_id", NAME_CHARS_MAX))
                .transpose()?,
            subject: field::optional_id(&filter.subject_id, "subject_id")?,
            role: field::optional_id(&filter.role_id, "role_id")?,
            scope: field::optional_scope(&filter.scope, "scope")?,
            code: code(&filter.code)?,
            result: match known(filter.result, "result")? {
                v1::Result::Unspecified => None,
                v1::Result::Success => Some(EventResult::Success),
                v1::Result::Failure => Some(EventResult::Failure),
            },
            correlation: field::optional_uuid(&filter.correlation_id, "correlation_id")?,
            thing: field::optional_uuid(&filter.thing_id, "thing_id")?,
            category: category(&filter.category)?,
        })
    }
}

fn code(text: &str) -> Result<Option<Code>, FieldViolation> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let description = format!("must be a code of the log; it is {}", field::given(text));
        FieldViolation::new("code", description)
    })
}

/// Entra's categories, and the names that people know them by.
fn category(text: &str) -> Result<Option<EventCategory>, FieldViolation> {
    match text {
        "" | "Privileged Identity Management" => Ok(None),
        "RoleManagement" | "Directory Management" => Ok(Some(EventCategory::RoleManagement)),
        "ResourceManagement" => Ok(Some(EventCategory::ResourceManagement)),
        "GroupManagement" => Ok(Some(EventCategory::GroupManagement)),
        other => {
            let description = format!(
                "must be RoleManagement, ResourceManagement, GroupManagement, Directory Management \
                 or Privileged Identity Management; it is {}",
                field::given(other)
            );
            Err(FieldViolation::new("category", description))
        }
    }
}

impl From<Listed<StoredEvent>> for v1::ListEventsResponse {
    fn from(listed: Listed<StoredEvent>) -> Self {
        Self {
            events: listed.items.into_iter().map(v1::Event::from).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Answer<StoredEvent>> for v1::GetEventResponse {
    fn from(answer: Answer<StoredEvent>) -> Self {
        Self { event: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<StoredEvent>> for v1::EraseJustificationResponse {
    fn from(answer: Answer<StoredEvent>) -> Self {
        Self { event: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Tailed> for v1::TailEventsResponse {
    fn from(tailed: Tailed) -> Self {
        Self {
            events: tailed.events.into_iter().map(v1::Event::from).collect(),
            position: tailed.position,
        }
    }
}

impl From<StoredEvent> for v1::Event {
    fn from(StoredEvent { id, event, .. }: StoredEvent) -> Self {
        let (activity, category) = (event.activity(), event.category());
        let correlation = event.correlation();
        let thing = event.thing;
        // A refusal has changed nothing, so it has made no version.
        let (result, version) = match event.outcome {
            Outcome::Success => (v1::Result::Success, thing.map_or(0, |thing| thing.version)),
            Outcome::Failure { .. } => (v1::Result::Failure, 0),
        };
        let folded = event.folded();
        let (reason, rules, method) = match event.outcome {
            Outcome::Success => Default::default(),
            Outcome::Failure { reason, rules, method, folded: _ } => (reason, rules, method),
        };
        Self {
            id: id.to_string(),
            event_time: Some(wire_time(event.time)),
            code: event.code.as_str().to_owned(),
            activity: activity.to_owned(),
            category: category.to_owned(),
            result: result.into(),
            reason,
            correlation_id: text(correlation),
            actor: Some(event.actor.into()),
            thing_kind: thing.map(|thing| thing.kind.as_str().to_owned()).unwrap_or_default(),
            thing_id: text(thing.map(|thing| thing.id)),
            thing_version: version,
            subject_id: text(event.about.subject),
            role_id: text(event.about.role),
            scope: text(event.about.scope),
            justification: event.about.justification.into(),
            ticket: event.about.ticket.map(wire_ticket),
            policy_revision: event.about.policy_revision.unwrap_or_default(),
            changes: event.changes.into_iter().map(v1::FieldChange::from).collect(),
            rules,
            method,
            count: folded.map_or(1, |folded| i64::try_from(folded.count).unwrap_or(i64::MAX)),
            since_time: folded.map(|folded| wire_time(folded.since)),
        }
    }
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

impl From<Actor> for v1::Actor {
    fn from(actor: Actor) -> Self {
        match actor {
            Actor::Principal { id, issuer, amr, acr, acrs, auth_time } => Self {
                kind: v1::ActorKind::Principal.into(),
                id: id.to_string(),
                issuer,
                amr,
                acr: acr.unwrap_or_default(),
                acrs,
                auth_time: auth_time.map(wire_time),
            },
            Actor::Service { name } => {
                Self { kind: v1::ActorKind::Service.into(), id: name, ..Self::default() }
            }
            Actor::Operator { issuer, subject } => Self {
                kind: v1::ActorKind::Operator.into(),
                id: subject,
                issuer,
                ..Self::default()
            },
        }
    }
}

impl From<FieldChange> for v1::FieldChange {
    fn from(change: FieldChange) -> Self {
        let change = change.shown();
        Self { field: change.field, old_value: text(change.old), new_value: text(change.new) }
    }
}
