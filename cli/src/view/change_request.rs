//! What holders ask about their eligibilities and active assignments.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_proto::assignment::v1::{
    ChangeRequest, ChangeRequestKind, ChangeRequestState, change_request::Grant,
};
use serde::Serialize;

use super::{Column, Listed, Shown, TicketView, enum_name, exact, minute, or_id, with_id};
use crate::{names::Names, output::fields, time::instant};

/// A change request.
#[derive(Debug, Serialize)]
pub(crate) struct ChangeRequestView {
    id: String,
    kind: String,
    eligibility_id: Option<String>,
    assignment_id: Option<String>,
    principal_id: String,
    principal_name: Option<String>,
    role_id: String,
    role_name: Option<String>,
    scope: String,
    state: String,
    end_time: Option<DateTime<Utc>>,
    justification: String,
    ticket: Option<TicketView>,
    expire_time: Option<DateTime<Utc>>,
    decider_id: Option<String>,
    decider_name: Option<String>,
    decision_justification: String,
    outcome_id: Option<String>,
    create_time: Option<DateTime<Utc>>,
    update_time: Option<DateTime<Utc>>,
    etag: String,
}

impl ChangeRequestView {
    /// What is known of `request`.
    pub(crate) fn new(request: ChangeRequest, names: &Names) -> Self {
        let kind = ChangeRequestKind::try_from(request.kind).ok().map(|it| it.as_str_name());
        let state = ChangeRequestState::try_from(request.state).ok().map(|it| it.as_str_name());
        let (eligibility_id, assignment_id) = match request.grant {
            Some(Grant::EligibilityId(id)) => (Some(id), None),
            Some(Grant::AssignmentId(id)) => (None, Some(id)),
            None => (None, None),
        };
        Self {
            id: request.id,
            kind: enum_name("CHANGE_REQUEST_KIND_", request.kind, kind),
            eligibility_id,
            assignment_id,
            principal_name: names.principal(&request.principal_id),
            principal_id: request.principal_id,
            role_name: names.role(&request.role_id),
            role_id: request.role_id,
            scope: request.scope,
            state: enum_name("CHANGE_REQUEST_STATE_", request.state, state),
            end_time: instant(request.end_time),
            justification: request.justification,
            ticket: TicketView::of(request.ticket),
            expire_time: instant(request.expire_time),
            decider_name: names.principal(&request.decider_id),
            decider_id: some(request.decider_id),
            decision_justification: request.decision_justification,
            outcome_id: some(request.outcome_id),
            create_time: instant(request.create_time),
            update_time: instant(request.update_time),
            etag: request.etag,
        }
    }

    /// The eligibility or assignment.
    fn about(&self) -> String {
        match (&self.eligibility_id, &self.assignment_id) {
            (Some(id), _) => format!("eligibility {id}"),
            (None, Some(id)) => format!("assignment {id}"),
            (None, None) => String::new(),
        }
    }
}

fn some(id: String) -> Option<String> {
    Some(id).filter(|id| !id.is_empty())
}

impl Listed for ChangeRequestView {
    const COLUMNS: &'static [Column] = &[
        Column::fixed("ID"),
        Column::fixed("KIND"),
        Column::text("FOR"),
        Column::text("ROLE"),
        Column::text("SCOPE"),
        Column::fixed("STATE"),
        Column::fixed("DECIDE BEFORE"),
    ];

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.kind.clone(),
            or_id(self.principal_name.as_deref(), &self.principal_id),
            or_id(self.role_name.as_deref(), &self.role_id),
            self.scope.clone(),
            self.state.clone(),
            minute(self.expire_time),
        ]
    }
}

impl Shown for ChangeRequestView {
    fn table(&self) -> Table {
        let decider = self.decider_id.as_ref();
        let decider = decider.map(|id| with_id(self.decider_name.as_deref(), id));
        fields(vec![
            ("id", self.id.clone()),
            ("kind", self.kind.clone()),
            ("about", self.about()),
            ("for", with_id(self.principal_name.as_deref(), &self.principal_id)),
            ("role", with_id(self.role_name.as_deref(), &self.role_id)),
            ("scope", self.scope.clone()),
            ("state", self.state.clone()),
            ("wished end", exact(self.end_time)),
            ("justification", self.justification.clone()),
            ("ticket", TicketView::text(self.ticket.as_ref())),
            ("decide before", exact(self.expire_time)),
            ("decided by", decider.unwrap_or_default()),
            ("decision", self.decision_justification.clone()),
            ("outcome", self.outcome_id.clone().unwrap_or_default()),
            ("created", exact(self.create_time)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_and_decided_is_shown_with_names() {
        let request = ChangeRequest {
            kind: ChangeRequestKind::Extension.into(),
            state: ChangeRequestState::Approved.into(),
            grant: Some(Grant::AssignmentId("g".to_owned())),
            principal_id: "p".to_owned(),
            decider_id: "a".to_owned(),
            decision_justification: "fine".to_owned(),
            outcome_id: "g".to_owned(),
            ..ChangeRequest::default()
        };
        let view =
            ChangeRequestView::new(request, &Names::known(&[], &[("p", "Alice"), ("a", "Ada")]));
        assert_eq!(view.row()[1..3], ["EXTENSION", "Alice"]);
        let shown = view.table().trim_fmt();
        for text in ["assignment g", "APPROVED", "Ada (a)", "fine"] {
            assert!(shown.contains(text), "{shown}");
        }
        let json = serde_json::to_value(&view).unwrap();
        assert_eq!(json["assignment_id"], "g");
        assert_eq!(json["eligibility_id"], serde_json::Value::Null);
        assert_eq!(json["state"], "APPROVED");
    }

    #[test]
    fn nobody_has_decided_on_what_waits() {
        let view = ChangeRequestView::new(ChangeRequest::default(), &Names::known(&[], &[]));
        let json = serde_json::to_value(&view).unwrap();
        assert_eq!(json["decider_id"], serde_json::Value::Null);
        assert_eq!(json["outcome_id"], serde_json::Value::Null);
    }
}
