//! Eligibilities and active assignments.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_proto::assignment::v1::{Eligibility, GrantState};
use serde::Serialize;

use super::{Column, Listed, Shown, TicketView, enum_name, exact, minute, or_id, with_id};
use crate::{names::Names, output::fields, time::instant};

/// An eligibility or an active assignment, which have the same fields.
#[derive(Debug, Serialize)]
pub(crate) struct GrantView {
    id: String,
    principal_id: String,
    principal_name: Option<String>,
    role_id: String,
    role_name: Option<String>,
    scope: String,
    state: String,
    start_time: Option<DateTime<Utc>>,
    end_time: Option<DateTime<Utc>>,
    ended_time: Option<DateTime<Utc>>,
    justification: String,
    ticket: Option<TicketView>,
    renewed_from_id: Option<String>,
    policy_revision: i64,
    create_time: Option<DateTime<Utc>>,
    update_time: Option<DateTime<Utc>>,
    etag: String,
}

impl GrantView {
    /// What is known of `grant`, an eligibility or an assignment in the shape of one.
    pub(crate) fn new(grant: Eligibility, names: &Names) -> Self {
        let state = GrantState::try_from(grant.state).ok().map(|it| it.as_str_name());
        Self {
            id: grant.id,
            principal_name: names.principal(&grant.principal_id),
            principal_id: grant.principal_id,
            role_name: names.role(&grant.role_id),
            role_id: grant.role_id,
            scope: grant.scope,
            state: enum_name("GRANT_STATE_", grant.state, state),
            start_time: instant(grant.start_time),
            end_time: instant(grant.end_time),
            ended_time: instant(grant.ended_time),
            justification: grant.justification,
            ticket: TicketView::of(grant.ticket),
            renewed_from_id: Some(grant.renewed_from_id).filter(|id| !id.is_empty()),
            policy_revision: grant.policy_revision,
            create_time: instant(grant.create_time),
            update_time: instant(grant.update_time),
            etag: grant.etag,
        }
    }

    fn until(&self, print: impl Fn(Option<DateTime<Utc>>) -> String) -> String {
        if self.end_time.is_some() { print(self.end_time) } else { "permanent".to_owned() }
    }
}

impl Listed for GrantView {
    const COLUMNS: &'static [Column] = &[
        Column::fixed("ID"),
        Column::text("PRINCIPAL"),
        Column::text("ROLE"),
        Column::text("SCOPE"),
        Column::fixed("STATE"),
        Column::fixed("UNTIL"),
    ];

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            or_id(self.principal_name.as_deref(), &self.principal_id),
            or_id(self.role_name.as_deref(), &self.role_id),
            self.scope.clone(),
            self.state.clone(),
            self.until(minute),
        ]
    }
}

impl Shown for GrantView {
    fn table(&self) -> Table {
        fields(vec![
            ("id", self.id.clone()),
            ("principal", with_id(self.principal_name.as_deref(), &self.principal_id)),
            ("role", with_id(self.role_name.as_deref(), &self.role_id)),
            ("scope", self.scope.clone()),
            ("state", self.state.clone()),
            ("from", exact(self.start_time)),
            ("until", self.until(exact)),
            ("ended", exact(self.ended_time)),
            ("justification", self.justification.clone()),
            ("ticket", TicketView::text(self.ticket.as_ref())),
            ("renewed from", self.renewed_from_id.clone().unwrap_or_default()),
            ("policy revision", self.policy_revision.to_string()),
            ("created", exact(self.create_time)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{output::table, time};

    #[test]
    fn a_list_names_people_and_roles_and_is_readable() {
        let names = Names::known(&[("r", "Privileged Role Administrator")], &[("p", "Alice")]);
        let grant = Eligibility {
            id: "0193b0c4-7a1e-7c3a-9d2f-0123456789ab".to_owned(),
            principal_id: "p".to_owned(),
            role_id: "r".to_owned(),
            scope: "/".to_owned(),
            state: GrantState::InForce.into(),
            end_time: Some(time::timestamp(time::parse_time("2030-01-31T08:00:30Z").unwrap())),
            ..Eligibility::default()
        };
        let view = GrantView::new(grant.clone(), &names);
        let printed = table(GrantView::COLUMNS, [view.row()].into_iter()).trim_fmt();
        for text in ["Alice", "Privileged", "IN_FORCE", "2030-01-31 08:00Z"] {
            assert!(printed.contains(text), "{printed}");
        }
        let json = serde_json::to_value(&view).unwrap();
        assert_eq!(json["end_time"], "2030-01-31T08:00:30Z");
        assert_eq!(json["role_name"], "Privileged Role Administrator");
        let permanent = GrantView::new(Eligibility { end_time: None, ..grant }, &names);
        assert_eq!(permanent.row()[5], "permanent");
        assert_eq!(serde_json::to_value(&permanent).unwrap()["end_time"], serde_json::Value::Null);
    }
}
