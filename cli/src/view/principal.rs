//! Principals.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_proto::assignment::v1::{Principal, PrincipalKind};
use serde::Serialize;

use super::{Column, Listed, Shown, enum_name, exact, minute, yes_no};
use crate::{output::fields, time::instant};

/// A principal.
#[derive(Debug, Serialize)]
pub(crate) struct PrincipalView {
    id: String,
    kind: String,
    issuer: String,
    subject: String,
    display_name: String,
    person_id: Option<String>,
    enabled: bool,
    enabled_since_time: Option<DateTime<Utc>>,
    break_glass: bool,
    last_sign_in_time: Option<DateTime<Utc>>,
    create_time: Option<DateTime<Utc>>,
    update_time: Option<DateTime<Utc>>,
    etag: String,
}

impl From<Principal> for PrincipalView {
    fn from(principal: Principal) -> Self {
        let kind = PrincipalKind::try_from(principal.kind).ok().map(|it| it.as_str_name());
        Self {
            kind: enum_name("PRINCIPAL_KIND_", principal.kind, kind),
            id: principal.id,
            issuer: principal.issuer,
            subject: principal.subject,
            display_name: principal.display_name,
            person_id: Some(principal.person_id).filter(|id| !id.is_empty()),
            enabled: principal.enabled,
            enabled_since_time: instant(principal.enabled_since_time),
            break_glass: principal.break_glass,
            last_sign_in_time: instant(principal.last_sign_in_time),
            create_time: instant(principal.create_time),
            update_time: instant(principal.update_time),
            etag: principal.etag,
        }
    }
}

impl Listed for PrincipalView {
    const COLUMNS: &'static [Column] = &[
        Column::fixed("ID"),
        Column::text("NAME"),
        Column::text("SUBJECT"),
        Column::fixed("KIND"),
        Column::fixed("ENABLED"),
        Column::fixed("LAST SIGN-IN"),
    ];

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.display_name.clone(),
            self.subject.clone(),
            self.kind.clone(),
            yes_no(self.enabled),
            minute(self.last_sign_in_time),
        ]
    }
}

impl Shown for PrincipalView {
    fn table(&self) -> Table {
        fields(vec![
            ("id", self.id.clone()),
            ("name", self.display_name.clone()),
            ("kind", self.kind.clone()),
            ("issuer", self.issuer.clone()),
            ("subject", self.subject.clone()),
            ("person", self.person_id.clone().unwrap_or_default()),
            ("enabled", yes_no(self.enabled)),
            ("enabled since", exact(self.enabled_since_time)),
            ("break-glass", yes_no(self.break_glass)),
            ("last sign-in", exact(self.last_sign_in_time)),
            ("created", exact(self.create_time)),
            ("updated", exact(self.update_time)),
        ])
    }
}
