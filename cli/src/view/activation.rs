//! Activations.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_proto::activation::v1::{Activation, ActivationState, Ending, Extension};
use serde::Serialize;

use super::{
    Column, Listed, Shown, TicketView, enum_name, exact, minute, or_id, outcome::Done, with_id,
};
use crate::{
    names::Names,
    output::fields,
    time::{instant, iso},
};

/// An activation.
#[derive(Debug, Serialize)]
pub(crate) struct ActivationView {
    id: String,
    principal_id: String,
    principal_name: Option<String>,
    role_id: String,
    role_name: Option<String>,
    scope: String,
    eligibility_id: String,
    state: String,
    ending: Option<String>,
    ended_time: Option<DateTime<Utc>>,
    void_rules: Vec<String>,
    start_time: Option<DateTime<Utc>>,
    end_time: Option<DateTime<Utc>>,
    truncated: bool,
    justification: String,
    ticket: Option<TicketView>,
    policy_revision: i64,
    create_time: Option<DateTime<Utc>>,
    update_time: Option<DateTime<Utc>>,
    etag: String,
    extension: Option<ExtensionView>,
    shortened_duration: Option<String>,
    /// Only where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    possible_approver_ids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    possible_approver_names: Vec<Option<String>>,
}

/// A wish to hold it for longer, which waits for its approvers.
#[derive(Debug, Serialize)]
struct ExtensionView {
    id: String,
    end_time: Option<DateTime<Utc>>,
    justification: String,
    expire_time: Option<DateTime<Utc>>,
}

impl ExtensionView {
    fn new(extension: Extension) -> Self {
        Self {
            id: extension.id,
            end_time: instant(extension.end_time),
            justification: extension.justification,
            expire_time: instant(extension.expire_time),
        }
    }
}

impl ActivationView {
    /// What is known of `activation`.
    pub(crate) fn new(activation: Activation, names: &Names) -> Self {
        let state = ActivationState::try_from(activation.state).ok().map(|it| it.as_str_name());
        let ending = Ending::try_from(activation.ending).ok().map(|it| it.as_str_name());
        let ending = enum_name("ENDING_", activation.ending, ending);
        Self {
            id: activation.id,
            principal_name: names.principal(&activation.principal_id),
            principal_id: activation.principal_id,
            role_name: names.role(&activation.role_id),
            role_id: activation.role_id,
            scope: activation.scope,
            eligibility_id: activation.eligibility_id,
            state: enum_name("ACTIVATION_STATE_", activation.state, state),
            ending: (activation.ending != i32::from(Ending::Unspecified)).then_some(ending),
            ended_time: instant(activation.ended_time),
            void_rules: activation.void_rules,
            start_time: instant(activation.start_time),
            end_time: instant(activation.end_time),
            truncated: activation.truncated,
            justification: activation.justification,
            ticket: TicketView::of(activation.ticket),
            policy_revision: activation.policy_revision,
            create_time: instant(activation.create_time),
            update_time: instant(activation.update_time),
            etag: activation.etag,
            extension: activation.extension.map(ExtensionView::new),
            shortened_duration: iso(activation.shortened_duration),
            possible_approver_ids: Vec::new(),
            possible_approver_names: Vec::new(),
        }
    }

    /// The same, with who could approve it.
    pub(crate) fn with_possible(mut self, ids: Vec<String>, names: &Names) -> Self {
        self.possible_approver_names = ids.iter().map(|id| names.principal(id)).collect();
        self.possible_approver_ids = ids;
        self
    }

    fn state(&self) -> String {
        self.ending.as_ref().map_or_else(|| self.state.clone(), |it| format!("{} {it}", self.state))
    }
}

impl Done for ActivationView {
    fn state(&self) -> String {
        self.state()
    }

    fn detail(&self) -> String {
        match (self.start_time, self.end_time) {
            (_, Some(end)) => format!("{} until {}", self.id, minute(Some(end))),
            (Some(start), None) => format!("{} from {}", self.id, minute(Some(start))),
            (None, None) => self.id.clone(),
        }
    }
}

impl Listed for ActivationView {
    const COLUMNS: &'static [Column] = &[
        Column::fixed("ID"),
        Column::text("PRINCIPAL"),
        Column::text("ROLE"),
        Column::text("SCOPE"),
        Column::text("STATE"),
        Column::fixed("UNTIL"),
    ];

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            or_id(self.principal_name.as_deref(), &self.principal_id),
            or_id(self.role_name.as_deref(), &self.role_id),
            self.scope.clone(),
            self.state(),
            minute(self.ended_time.or(self.end_time)),
        ]
    }
}

impl Shown for ActivationView {
    fn table(&self) -> Table {
        let truncated = if self.truncated { " (the end of the eligibility)" } else { "" };
        let extension = self.extension.as_ref().map_or_else(String::new, |extension| {
            let (end, id) = (exact(extension.end_time), &extension.id);
            format!("{end}, which waits for its approvers ({id})")
        });
        let possible = self
            .possible_approver_names
            .iter()
            .zip(&self.possible_approver_ids)
            .map(|(name, id)| or_id(name.as_deref(), id));
        let until = self.end_time.map(|end| format!("{}{truncated}", exact(Some(end))));
        fields(vec![
            ("id", self.id.clone()),
            ("principal", with_id(self.principal_name.as_deref(), &self.principal_id)),
            ("role", with_id(self.role_name.as_deref(), &self.role_id)),
            ("scope", self.scope.clone()),
            ("eligibility", self.eligibility_id.clone()),
            ("state", self.state()),
            ("broken rules", self.void_rules.join(", ")),
            ("from", exact(self.start_time)),
            ("until", until.unwrap_or_default()),
            ("shortened to", self.shortened_duration.clone().unwrap_or_default()),
            ("extension to", extension),
            ("ended", exact(self.ended_time)),
            ("justification", self.justification.clone()),
            ("ticket", TicketView::text(self.ticket.as_ref())),
            ("policy revision", self.policy_revision.to_string()),
            ("could approve", possible.collect::<Vec<_>>().join("\n")),
            ("created", exact(self.create_time)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_activation_says_how() {
        let live = Activation {
            state: ActivationState::Active.into(),
            truncated: true,
            end_time: Some(prost_types::Timestamp { seconds: 1_900_000_000, nanos: 0 }),
            ..Activation::default()
        };
        let view = ActivationView::new(live.clone(), &Names::default());
        assert_eq!(view.row()[4], "ACTIVE");
        let shown = view.table().trim_fmt();
        assert!(shown.contains("2030-03-17T17:46:40Z (the end of the eligibility)"), "{shown}");
        assert_eq!(serde_json::to_value(&view).unwrap()["ending"], serde_json::Value::Null);
        let ended = Activation {
            state: ActivationState::Ended.into(),
            ending: Ending::Expired.into(),
            ..live
        };
        let view = ActivationView::new(ended, &Names::default());
        assert_eq!(view.row()[4], "ENDED EXPIRED");
        assert_eq!(serde_json::to_value(&view).unwrap()["ending"], "EXPIRED");
    }
}
