//! Who holds what.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_proto::access::v1::{CheckAccessResponse, Decision, Holding, HoldingKind};
use serde::Serialize;

use super::{Column, Listed, Shown, enum_name, exact, minute, or_id};
use crate::{
    names::Names,
    output::fields,
    time::{instant, iso},
};

/// The answer to a check.
#[derive(Debug, Serialize)]
pub(crate) struct CheckView {
    decision: String,
    as_of_time: Option<DateTime<Utc>>,
    max_clock_error: Option<String>,
    valid_until: Option<DateTime<Utc>>,
    next_change_time: Option<DateTime<Utc>>,
    supporting_ids: Vec<String>,
    revision: String,
}

/// One way in which one principal holds one role at one scope.
#[derive(Debug, Serialize)]
pub(crate) struct HoldingView {
    pub(super) id: String,
    pub(super) kind: String,
    principal_id: String,
    principal_name: Option<String>,
    pub(super) role_id: String,
    pub(super) role_name: Option<String>,
    pub(super) scope: String,
    start_time: Option<DateTime<Utc>>,
    end_time: Option<DateTime<Utc>>,
    pub(super) group_id: Option<String>,
    pub(super) group_name: Option<String>,
}

impl From<CheckAccessResponse> for CheckView {
    fn from(response: CheckAccessResponse) -> Self {
        let decision = Decision::try_from(response.decision).ok().map(|it| it.as_str_name());
        Self {
            decision: enum_name("DECISION_", response.decision, decision),
            as_of_time: instant(response.as_of_time),
            max_clock_error: iso(response.max_clock_error),
            valid_until: instant(response.valid_until),
            next_change_time: instant(response.next_change_time),
            supporting_ids: response.supporting_ids,
            revision: response.revision,
        }
    }
}

impl Shown for CheckView {
    fn table(&self) -> Table {
        fields(vec![
            ("decision", self.decision.clone()),
            ("as of", exact(self.as_of_time)),
            ("clock error", self.max_clock_error.clone().unwrap_or_default()),
            ("valid until", exact(self.valid_until)),
            ("next change", exact(self.next_change_time)),
            ("by", self.supporting_ids.join("\n")),
        ])
    }
}

impl HoldingView {
    /// What is known of `holding`.
    pub(crate) fn new(holding: Holding, names: &Names) -> Self {
        let kind = HoldingKind::try_from(holding.kind).ok().map(|it| it.as_str_name());
        Self {
            id: holding.id,
            kind: enum_name("HOLDING_KIND_", holding.kind, kind),
            principal_name: names.principal(&holding.principal_id),
            principal_id: holding.principal_id,
            role_name: names.role(&holding.role_id),
            role_id: holding.role_id,
            scope: holding.scope,
            start_time: instant(holding.start_time),
            end_time: instant(holding.end_time),
            group_name: names.principal(&holding.group_id),
            group_id: Some(holding.group_id).filter(|id| !id.is_empty()),
        }
    }
}

impl HoldingView {
    /// It, on one line.
    pub(crate) fn text(&self) -> String {
        let who = or_id(self.principal_name.as_deref(), &self.principal_id);
        let role = or_id(self.role_name.as_deref(), &self.role_id);
        let group = self.group_id.as_deref();
        let group = group.map(|id| or_id(self.group_name.as_deref(), id));
        let through = group.map(|group| format!(" through {group}")).unwrap_or_default();
        let until = self.end_time.map(|end| format!(", until {}", exact(Some(end))));
        let until = until.unwrap_or_default();
        format!("{} {} of {who}{through}: {role} at {}{until}", self.kind, self.id, self.scope)
    }
}

impl Listed for HoldingView {
    const COLUMNS: &'static [Column] = &[
        Column::fixed("ID"),
        Column::text("PRINCIPAL"),
        Column::text("ROLE"),
        Column::text("SCOPE"),
        Column::fixed("BY"),
        Column::text("GROUP"),
        Column::fixed("UNTIL"),
    ];

    fn row(&self) -> Vec<String> {
        let permanent = || "permanent".to_owned();
        vec![
            self.id.clone(),
            or_id(self.principal_name.as_deref(), &self.principal_id),
            or_id(self.role_name.as_deref(), &self.role_id),
            self.scope.clone(),
            self.kind.clone(),
            or_id(self.group_name.as_deref(), self.group_id.as_deref().unwrap_or_default()),
            self.end_time.map_or_else(permanent, |end| minute(Some(end))),
        ]
    }
}
