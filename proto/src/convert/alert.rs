//! `AlertService`.

use pim_domain::{
    alert::{AlertKind, Dismiss, Given, Incident, IncidentState, Setting, Severity, Update},
    change::Version,
    id::IncidentId,
    text::NAME_CHARS_MAX,
};

use super::{known, list, wire_time, write};
use crate::{
    audit::v1,
    call::{AlertFilter, AlertSettingsRef, AlertState, Answer, List, Listed, Write},
    field::{self, FieldViolation, Nested as _, Required as _},
};

/// Parameters in one request, at most: more than any kind has.
const PARAMETERS_MAX: usize = 16;

impl TryFrom<v1::ListAlertsRequest> for List<AlertFilter> {
    type Error = FieldViolation;

    fn try_from(request: v1::ListAlertsRequest) -> Result<Self, FieldViolation> {
        let filter = AlertFilter {
            kind: kind(&request.kind)?,
            state: match known(request.state, "state")? {
                v1::AlertState::Unspecified => None,
                v1::AlertState::Triggered => Some(AlertState::Triggered),
                v1::AlertState::Dismissed => Some(AlertState::Dismissed),
                v1::AlertState::Resolved => Some(AlertState::Resolved),
            },
        };
        list(filter, request.page_size, request.page_token)
    }
}

impl TryFrom<v1::GetAlertRequest> for IncidentId {
    type Error = FieldViolation;

    fn try_from(request: v1::GetAlertRequest) -> Result<Self, FieldViolation> {
        field::id(&request.alert_id, "alert_id")
    }
}

impl TryFrom<v1::DismissAlertRequest> for Write<Dismiss> {
    type Error = FieldViolation;

    fn try_from(request: v1::DismissAlertRequest) -> Result<Self, FieldViolation> {
        let command = Dismiss {
            incident: field::id(&request.alert_id, "alert_id")?,
            justification: field::justification(request.justification)?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::GetAlertSettingsRequest> for AlertSettingsRef {
    type Error = FieldViolation;

    fn try_from(request: v1::GetAlertSettingsRequest) -> Result<Self, FieldViolation> {
        Ok(Self { kind: kind(&request.kind)? })
    }
}

impl TryFrom<v1::UpdateAlertSettingsRequest> for Write<Update> {
    type Error = FieldViolation;

    fn try_from(request: v1::UpdateAlertSettingsRequest) -> Result<Self, FieldViolation> {
        let given = request.parameters.len();
        if given > PARAMETERS_MAX {
            let description = format!("must have at most {PARAMETERS_MAX} entries; it has {given}");
            return Err(FieldViolation::new("parameters", description));
        }
        let parameters = request.parameters.into_iter().enumerate();
        let parameters = parameters
            .map(|(place, one)| Given::try_from(one).field(format_args!("parameters[{place}]")));
        let command = Update {
            kind: kind(&request.kind)?.required("kind")?,
            etag: field::etag(request.etag)?,
            is_enabled: request.is_enabled,
            parameters: parameters.collect::<Result<_, _>>()?,
        };
        write(command, &request.request_id, request.validate_only)
    }
}

impl TryFrom<v1::AlertParameterValue> for Given {
    type Error = FieldViolation;

    fn try_from(given: v1::AlertParameterValue) -> Result<Self, FieldViolation> {
        // Each has a range of its own, and none begins below.
        if given.value < 0 {
            let description = format!("must not be negative; it is {}", given.value);
            return Err(FieldViolation::new("value", description));
        }
        Ok(Self { name: field::name(given.name, "name", NAME_CHARS_MAX)?, value: given.value })
    }
}

fn kind(text: &str) -> Result<Option<AlertKind>, FieldViolation> {
    if text.is_empty() {
        return Ok(None);
    }
    AlertKind::named(text).map(Some).ok_or_else(|| {
        let description = format!("must be a kind of alert; it is {}", field::given(text));
        FieldViolation::new("kind", description)
    })
}

impl From<Listed<Incident>> for v1::ListAlertsResponse {
    fn from(listed: Listed<Incident>) -> Self {
        Self {
            alerts: listed.items.into_iter().map(v1::Alert::from).collect(),
            next_page_token: listed.next_page_token,
            revision: listed.revision,
        }
    }
}

impl From<Answer<Incident>> for v1::GetAlertResponse {
    fn from(answer: Answer<Incident>) -> Self {
        Self { alert: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<Incident>> for v1::DismissAlertResponse {
    fn from(answer: Answer<Incident>) -> Self {
        Self { alert: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Answer<Vec<Setting>>> for v1::GetAlertSettingsResponse {
    fn from(answer: Answer<Vec<Setting>>) -> Self {
        let settings = answer.value.into_iter().map(v1::AlertSettings::from).collect();
        Self { settings, revision: answer.revision }
    }
}

impl From<Answer<Setting>> for v1::UpdateAlertSettingsResponse {
    fn from(answer: Answer<Setting>) -> Self {
        Self { settings: Some(answer.value.into()), revision: answer.revision }
    }
}

impl From<Incident> for v1::Alert {
    fn from(incident: Incident) -> Self {
        let kind = incident.kind;
        let mut alert = Self {
            id: incident.id.to_string(),
            kind: kind.as_str().to_owned(),
            display_name: kind.name().to_owned(),
            severity: v1::AlertSeverity::from(kind.severity()).into(),
            state: v1::AlertState::from(&incident.state).into(),
            subject_id: text(incident.subject),
            role_id: text(incident.role),
            scope: text(incident.scope),
            detail: incident.detail,
            remediation: kind.remediation().to_owned(),
            create_time: Some(wire_time(incident.create_time)),
            update_time: Some(wire_time(incident.update_time)),
            etag: incident.version.etag(),
            ..Self::default()
        };
        match incident.state {
            IncidentState::Triggered => {}
            IncidentState::Dismissed { dismissed_by, dismiss_time, justification } => {
                alert.dismissed_by_id = dismissed_by.to_string();
                alert.dismiss_time = Some(wire_time(dismiss_time));
                alert.justification = justification.into();
            }
            IncidentState::Resolved { resolve_time } => {
                alert.resolve_time = Some(wire_time(resolve_time));
            }
        }
        alert
    }
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

impl From<Setting> for v1::AlertSettings {
    fn from(setting: Setting) -> Self {
        let kind = setting.kind;
        let parameter = |one: &pim_domain::alert::Parameter| v1::AlertParameter {
            name: one.name.to_owned(),
            value: setting.value(one.measure),
            minimum: one.least,
            maximum: one.most,
            default_value: one.default,
        };
        let is_set = setting.version != Version(0);
        Self {
            kind: kind.as_str().to_owned(),
            display_name: kind.name().to_owned(),
            severity: v1::AlertSeverity::from(kind.severity()).into(),
            is_enabled: setting.is_enabled,
            parameters: kind.parameters().iter().map(parameter).collect(),
            update_time: is_set.then(|| wire_time(setting.update_time)),
            etag: setting.version.etag(),
        }
    }
}

impl From<Severity> for v1::AlertSeverity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Low => v1::AlertSeverity::Low,
            Severity::Medium => v1::AlertSeverity::Medium,
            Severity::High => v1::AlertSeverity::High,
            Severity::Critical => v1::AlertSeverity::Critical,
        }
    }
}

impl From<&IncidentState> for v1::AlertState {
    fn from(state: &IncidentState) -> Self {
        match state {
            IncidentState::Triggered => v1::AlertState::Triggered,
            IncidentState::Dismissed { .. } => v1::AlertState::Dismissed,
            IncidentState::Resolved { .. } => v1::AlertState::Resolved,
        }
    }
}
