//! Groups.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_proto::assignment::v1::Group;
use serde::Serialize;

use super::{Column, Listed, Shown, exact, yes_no};
use crate::{output::fields, time::instant};

/// A group.
#[derive(Debug, Serialize)]
pub(crate) struct GroupView {
    id: String,
    display_name: String,
    role_assignable: bool,
    scope: String,
    create_time: Option<DateTime<Utc>>,
    update_time: Option<DateTime<Utc>>,
    delete_time: Option<DateTime<Utc>>,
    etag: String,
}

impl From<Group> for GroupView {
    fn from(group: Group) -> Self {
        Self {
            id: group.id,
            display_name: group.display_name,
            role_assignable: group.role_assignable,
            scope: group.scope,
            create_time: instant(group.create_time),
            update_time: instant(group.update_time),
            delete_time: instant(group.delete_time),
            etag: group.etag,
        }
    }
}

impl Listed for GroupView {
    const COLUMNS: &'static [Column] = &[
        Column::fixed("ID"),
        Column::text("NAME"),
        Column::fixed("ROLE-ASSIGNABLE"),
        Column::fixed("DELETED"),
    ];

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.display_name.clone(),
            yes_no(self.role_assignable),
            exact(self.delete_time),
        ]
    }
}

impl Shown for GroupView {
    fn table(&self) -> Table {
        fields(vec![
            ("id", self.id.clone()),
            ("name", self.display_name.clone()),
            ("role-assignable", yes_no(self.role_assignable)),
            ("scope", self.scope.clone()),
            ("created", exact(self.create_time)),
            ("updated", exact(self.update_time)),
            ("deleted", exact(self.delete_time)),
        ])
    }
}
