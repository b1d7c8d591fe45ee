//! The shape of Microsoft Graph's `directoryAudit`, with the names and the order that Entra PIM
//! uses: role, request, user and directory as targets, and its keys of additional details.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Entry, Names, instant};
use crate::event::{Actor, Code, Event, FieldChange, Outcome};

/// Who does what nobody asked for, in Entra's log.
const SERVICE: &str = "MS-PIM";

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DirectoryAudit {
    id: String,
    category: &'static str,
    correlation_id: Option<Uuid>,
    result: &'static str,
    result_reason: String,
    activity_display_name: String,
    activity_date_time: String,
    logged_by_service: &'static str,
    operation_type: &'static str,
    initiated_by: InitiatedBy,
    target_resources: Vec<Target>,
    additional_details: Vec<Detail>,
}

/// One of the two.
#[derive(Debug, Clone, Serialize)]
struct InitiatedBy {
    user: Option<User>,
    app: Option<App>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    display_name: Option<String>,
    user_principal_name: Option<String>,
    ip_address: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct App {
    app_id: Option<String>,
    display_name: &'static str,
    service_principal_id: Option<String>,
    service_principal_name: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    id: Option<String>,
    display_name: Option<String>,
    #[serde(rename = "type")]
    kind: &'static str,
    modified_properties: Vec<Modified>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Modified {
    display_name: String,
    old_value: Option<String>,
    new_value: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Detail {
    key: &'static str,
    value: String,
}

/// An entry as Entra's log would have it: two entries where Entra tells of the request by itself
/// and it was done at once.
pub(super) fn of(entry: &Entry, event: &Event, names: &Names) -> Vec<DirectoryAudit> {
    let (result, result_reason) = match &event.outcome {
        Outcome::Success => ("success", event.about.justification.to_string()),
        Outcome::Failure { reason, rules, .. } if rules.is_empty() => ("failure", reason.clone()),
        Outcome::Failure { reason, rules, .. } => {
            ("failure", format!("{reason}: {}", rules.join(", ")))
        }
    };
    let activity = match event.activity() {
        "" => event.code.as_str(),
        activity => activity,
    };
    let done = DirectoryAudit {
        id: entry.id.to_string(),
        category: event.category(),
        correlation_id: event.correlation(),
        result,
        result_reason,
        activity_display_name: activity.to_owned(),
        activity_date_time: instant(event.time),
        logged_by_service: "PIM",
        operation_type: operation(event.code),
        initiated_by: initiated_by(&event.actor, names),
        target_resources: targets(entry, event, names),
        additional_details: details(event),
    };
    let request = event.request_activity().map(|requested| DirectoryAudit {
        id: format!("{}-requested", entry.id),
        activity_display_name: requested,
        ..done.clone()
    });
    request.into_iter().chain([done]).collect()
}

fn initiated_by(actor: &Actor, names: &Names) -> InitiatedBy {
    let user = |id: String, display_name| User {
        id,
        display_name,
        user_principal_name: None,
        ip_address: None,
    };
    match actor {
        Actor::Principal { id, .. } => {
            let name = names.principals.get(id).cloned();
            InitiatedBy { user: Some(user(id.to_string(), name)), app: None }
        }
        Actor::Operator { subject, .. } => {
            InitiatedBy { user: Some(user(subject.clone(), None)), app: None }
        }
        Actor::Service { .. } => InitiatedBy {
            user: None,
            app: Some(App {
                app_id: None,
                display_name: SERVICE,
                service_principal_id: None,
                service_principal_name: None,
            }),
        },
    }
}

fn targets(entry: &Entry, event: &Event, names: &Names) -> Vec<Target> {
    let about = &event.about;
    let target = |kind, id: Option<String>, display_name: Option<String>| Target {
        id,
        display_name,
        kind,
        modified_properties: Vec::new(),
    };
    let role = about.role.map(|id| (id.to_string(), names.roles.get(&id).cloned()));
    let (role_id, role_name) = role.unzip();
    let subject = about.subject.map(|id| (id.to_string(), names.principals.get(&id).cloned()));
    let (subject_id, subject_name) = subject.unzip();
    let request = event.correlation().map(|id| id.to_string());
    let modified = event.changes.iter().map(|change| Modified {
        display_name: change.field.clone(),
        old_value: change.old.as_ref().map(Value::to_string),
        new_value: change.new.as_ref().map(Value::to_string),
    });
    vec![
        target("Role", role_id, role_name.flatten()),
        Target { modified_properties: modified.collect(), ..target("Request", request, None) },
        target("User", subject_id, subject_name.flatten()),
        target("Directory", Some(entry.tenant.to_string()), None),
    ]
}

fn details(event: &Event) -> Vec<Detail> {
    let about = &event.about;
    let ticket = about.ticket.as_ref();
    let (start, end) = window(&event.changes);
    let correlation = event.correlation();
    let given = [
        ("AuditType", Some(operation(event.code).to_owned())),
        ("ActionType", Some(event.code.as_str().to_owned())),
        ("RoleAssignmentRequestId", correlation.map(|id| id.to_string())),
        ("StartTime", start),
        ("ExpirationTime", end),
        ("Justification", Some(about.justification.to_string())),
        ("TicketNumber", ticket.map(|ticket| ticket.number.clone())),
        ("TicketSystem", ticket.map(|ticket| ticket.system.clone())),
        ("oid", event.actor.principal().map(|id| id.to_string())),
        ("TemplateId", about.role.map(|id| id.to_string())),
    ];
    let given = given.into_iter().filter_map(|(key, value)| Some(Detail { key, value: value? }));
    given.filter(|detail| !detail.value.is_empty()).collect()
}

/// From when and until when what was granted counts, where the change says so.
fn window(changes: &[FieldChange]) -> (Option<String>, Option<String>) {
    let value = |field: &str| {
        let change = changes.iter().find(|change| change.field == field)?;
        change.new.as_ref()
    };
    let window = value("window").or_else(|| value("state").and_then(|state| state.get("held")));
    let part = |name: &str| {
        let text = window?.get(name)?.as_str()?;
        Some(text.to_owned())
    };
    (part("start"), part("end"))
}

/// Graph's kind of operation.
fn operation(code: Code) -> &'static str {
    match code.as_str().rsplit('.').next() {
        Some("created" | "imported" | "renewed" | "opened") => "Add",
        Some("activated") => "Assign",
        Some("removed" | "expired" | "deactivated" | "revoked" | "voided") => "Unassign",
        Some("deleted") => "Delete",
        Some(_) | None => "Update",
    }
}
