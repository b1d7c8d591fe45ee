//! What somebody should look at, and what is set of that.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_proto::audit::v1::{Alert, AlertParameter, AlertSettings, AlertSeverity, AlertState};
use serde::Serialize;

use super::{Column, Listed, Shown, enum_name, exact, minute, or_id, with_id, yes_no};
use crate::{names::Names, output::fields, time::instant};

/// An alert.
#[derive(Debug, Serialize)]
pub(crate) struct AlertView {
    id: String,
    kind: String,
    display_name: String,
    severity: String,
    state: String,
    subject_id: Option<String>,
    subject_name: Option<String>,
    role_id: Option<String>,
    role_name: Option<String>,
    scope: Option<String>,
    detail: String,
    remediation: String,
    dismissed_by_id: Option<String>,
    dismissed_by_name: Option<String>,
    dismiss_time: Option<DateTime<Utc>>,
    justification: String,
    resolve_time: Option<DateTime<Utc>>,
    create_time: Option<DateTime<Utc>>,
    update_time: Option<DateTime<Utc>>,
    etag: String,
}

impl AlertView {
    /// What is known of `alert`.
    pub(crate) fn new(alert: Alert, names: &Names) -> Self {
        let state = AlertState::try_from(alert.state).ok().map(|it| it.as_str_name());
        Self {
            id: alert.id,
            kind: alert.kind,
            display_name: alert.display_name,
            severity: severity(alert.severity),
            state: enum_name("ALERT_STATE_", alert.state, state),
            subject_name: names.principal(&alert.subject_id),
            subject_id: some(alert.subject_id),
            role_name: names.role(&alert.role_id),
            role_id: some(alert.role_id),
            scope: some(alert.scope),
            detail: alert.detail,
            remediation: alert.remediation,
            dismissed_by_name: names.principal(&alert.dismissed_by_id),
            dismissed_by_id: some(alert.dismissed_by_id),
            dismiss_time: instant(alert.dismiss_time),
            justification: alert.justification,
            resolve_time: instant(alert.resolve_time),
            create_time: instant(alert.create_time),
            update_time: instant(alert.update_time),
            etag: alert.etag,
        }
    }
}

fn severity(value: i32) -> String {
    let name = AlertSeverity::try_from(value).ok().map(|it| it.as_str_name());
    enum_name("ALERT_SEVERITY_", value, name)
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Somebody or something in a list, empty where there is nobody.
fn short(name: Option<&String>, id: Option<&String>) -> String {
    id.map(|id| or_id(name.map(String::as_str), id)).unwrap_or_default()
}

/// The same by itself.
fn long(name: Option<&String>, id: Option<&String>) -> String {
    id.map(|id| with_id(name.map(String::as_str), id)).unwrap_or_default()
}

impl Listed for AlertView {
    const COLUMNS: &'static [Column] = &[
        Column::fixed("ID"),
        Column::fixed("SEVERITY"),
        Column::fixed("STATE"),
        Column::text("ALERT"),
        Column::text("ABOUT"),
        Column::text("ROLE"),
        Column::text("SCOPE"),
        Column::text("DETAIL"),
        Column::fixed("SINCE"),
    ];

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.severity.clone(),
            self.state.clone(),
            self.display_name.clone(),
            short(self.subject_name.as_ref(), self.subject_id.as_ref()),
            short(self.role_name.as_ref(), self.role_id.as_ref()),
            self.scope.clone().unwrap_or_default(),
            self.detail.clone(),
            minute(self.create_time),
        ]
    }
}

impl Shown for AlertView {
    fn table(&self) -> Table {
        fields(vec![
            ("id", self.id.clone()),
            ("kind", self.kind.clone()),
            ("alert", self.display_name.clone()),
            ("severity", self.severity.clone()),
            ("state", self.state.clone()),
            ("about", long(self.subject_name.as_ref(), self.subject_id.as_ref())),
            ("role", long(self.role_name.as_ref(), self.role_id.as_ref())),
            ("scope", self.scope.clone().unwrap_or_default()),
            ("detail", self.detail.clone()),
            ("what mends it", self.remediation.clone()),
            ("dismissed by", long(self.dismissed_by_name.as_ref(), self.dismissed_by_id.as_ref())),
            ("dismissed", exact(self.dismiss_time)),
            ("justification", self.justification.clone()),
            ("since", exact(self.create_time)),
            ("resolved", exact(self.resolve_time)),
        ])
    }
}

/// A parameter of a kind of alert.
#[derive(Debug, Serialize)]
struct ParameterView {
    value: i64,
    minimum: i64,
    maximum: i64,
    default: i64,
}

impl From<AlertParameter> for ParameterView {
    fn from(it: AlertParameter) -> Self {
        let AlertParameter { value, minimum, maximum, default_value: default, .. } = it;
        Self { value, minimum, maximum, default }
    }
}

/// What is set of a kind of alert.
#[derive(Debug, Serialize)]
pub(crate) struct AlertSettingsView {
    kind: String,
    display_name: String,
    severity: String,
    is_enabled: bool,
    parameters: BTreeMap<String, ParameterView>,
    update_time: Option<DateTime<Utc>>,
    etag: String,
}

impl AlertSettingsView {
    /// What is known of `settings`.
    pub(crate) fn new(settings: AlertSettings) -> Self {
        let parameters = settings.parameters.into_iter();
        Self {
            kind: settings.kind,
            display_name: settings.display_name,
            severity: severity(settings.severity),
            is_enabled: settings.is_enabled,
            parameters: parameters.map(|it| (it.name.clone(), it.into())).collect(),
            update_time: instant(settings.update_time),
            etag: settings.etag,
        }
    }

    /// A line for each, with its range.
    fn lines(&self) -> String {
        let line = |(name, it): (&String, &ParameterView)| {
            format!("{name}={} ({} to {})", it.value, it.minimum, it.maximum)
        };
        self.parameters.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

impl Listed for AlertSettingsView {
    const COLUMNS: &'static [Column] = &[
        Column::fixed("KIND"),
        Column::fixed("SEVERITY"),
        Column::fixed("ENABLED"),
        Column::text("ALERT"),
        Column::text("PARAMETERS"),
    ];

    fn row(&self) -> Vec<String> {
        vec![
            self.kind.clone(),
            self.severity.clone(),
            yes_no(self.is_enabled),
            self.display_name.clone(),
            self.lines(),
        ]
    }
}

impl Shown for AlertSettingsView {
    fn table(&self) -> Table {
        fields(vec![
            ("kind", self.kind.clone()),
            ("alert", self.display_name.clone()),
            ("severity", self.severity.clone()),
            ("enabled", yes_no(self.is_enabled)),
            ("parameters", self.lines()),
            ("last set", exact(self.update_time)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_shown_with_names_and_what_mends_it() {
        let alert = Alert {
            kind: "RedundantAssignmentAlert".to_owned(),
            severity: AlertSeverity::Low.into(),
            state: AlertState::Dismissed.into(),
            subject_id: "p".to_owned(),
            remediation: "Remove the eligibility".to_owned(),
            dismissed_by_id: "a".to_owned(),
            justification: "on leave".to_owned(),
            ..Alert::default()
        };
        let view = AlertView::new(alert, &Names::known(&[], &[("p", "Alice"), ("a", "Ada")]));
        assert_eq!(view.row()[1..3], ["LOW", "DISMISSED"]);
        assert_eq!(view.row()[4..6], ["Alice", ""]);
        let shown = view.table().trim_fmt();
        for text in ["Alice (p)", "Ada (a)", "on leave", "Remove the eligibility"] {
            assert!(shown.contains(text), "{shown}");
        }
        let json = serde_json::to_value(&view).unwrap();
        assert_eq!((&json["subject_name"], &json["role_id"]), (&"Alice".into(), &().into()));
    }

    #[test]
    fn what_is_set_is_shown_with_its_range() {
        let parameter = AlertParameter {
            name: "days".to_owned(),
            value: 9,
            minimum: 0,
            maximum: 100,
            default_value: 30,
        };
        let settings = AlertSettings {
            is_enabled: true,
            parameters: vec![parameter],
            ..AlertSettings::default()
        };
        let view = AlertSettingsView::new(settings);
        assert_eq!(view.row()[2..], ["yes", "", "days=9 (0 to 100)"]);
        let json = serde_json::to_value(&view).unwrap();
        assert_eq!(json["parameters"]["days"]["default"], 30);
    }
}
