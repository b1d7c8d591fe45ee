//! Roles.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_proto::{
    assignment::v1::{ImportCatalogResponse, PermissionBlock, Role},
    r#type::v1::Catalog,
};
use serde::Serialize;

use super::{Column, Listed, Shown, enum_name, exact, yes_no};
use crate::{output::fields, time::instant};

/// A role.
#[derive(Debug, Serialize)]
pub(crate) struct RoleView {
    id: String,
    catalog: String,
    display_name: String,
    privileged: bool,
    assignable: bool,
    custom: bool,
    inherits_role_ids: Vec<String>,
    permissions: Vec<PermissionView>,
    assignable_scopes: Vec<String>,
    delete_time: Option<DateTime<Utc>>,
    create_time: Option<DateTime<Utc>>,
    update_time: Option<DateTime<Utc>>,
    etag: String,
}

/// A permission block.
#[derive(Debug, Serialize)]
pub(crate) struct PermissionView {
    actions: Vec<String>,
    not_actions: Vec<String>,
    data_actions: Vec<String>,
    not_data_actions: Vec<String>,
    condition: Option<String>,
}

/// What an import did.
#[derive(Debug, Serialize)]
pub(crate) struct ImportView {
    catalog: String,
    version: String,
    origin: String,
    role_count: i32,
    changed_count: i32,
    revision: String,
}

/// A catalog as it is printed.
pub(crate) fn catalog_name(value: i32) -> String {
    enum_name("CATALOG_", value, Catalog::try_from(value).ok().map(|it| it.as_str_name()))
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        Self {
            catalog: catalog_name(role.catalog),
            id: role.id,
            display_name: role.display_name,
            privileged: role.privileged,
            assignable: role.assignable,
            custom: role.custom,
            inherits_role_ids: role.inherits_role_ids,
            assignable_scopes: role.assignable_scopes,
            delete_time: instant(role.delete_time),
            permissions: role.permissions.into_iter().map(PermissionView::from).collect(),
            create_time: instant(role.create_time),
            update_time: instant(role.update_time),
            etag: role.etag,
        }
    }
}

impl From<PermissionBlock> for PermissionView {
    fn from(block: PermissionBlock) -> Self {
        Self {
            actions: block.actions,
            not_actions: block.not_actions,
            data_actions: block.data_actions,
            not_data_actions: block.not_data_actions,
            condition: Some(block.condition).filter(|condition| !condition.is_empty()),
        }
    }
}

impl PermissionView {
    /// What it is bound to.
    pub(crate) fn condition(&self) -> Option<&str> {
        self.condition.as_deref()
    }

    /// A line for each pattern.
    pub(crate) fn text(&self) -> String {
        let lines = |sign: &str, patterns: &[String]| -> Vec<String> {
            patterns.iter().map(|pattern| format!("{sign}{pattern}")).collect()
        };
        [
            lines("+ ", &self.actions),
            lines("- ", &self.not_actions),
            lines("+ data ", &self.data_actions),
            lines("- data ", &self.not_data_actions),
            lines("only if ", self.condition.as_slice()),
        ]
        .concat()
        .join("\n")
    }
}

impl Listed for RoleView {
    const COLUMNS: &'static [Column] = &[
        Column::fixed("ID"),
        Column::text("NAME"),
        Column::fixed("CATALOG"),
        Column::fixed("PRIVILEGED"),
        Column::fixed("ASSIGNABLE"),
    ];

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.display_name.clone(),
            self.catalog.clone(),
            yes_no(self.privileged),
            yes_no(self.assignable),
        ]
    }
}

impl Shown for RoleView {
    fn table(&self) -> Table {
        let permissions: Vec<String> = self.permissions.iter().map(PermissionView::text).collect();
        fields(vec![
            ("id", self.id.clone()),
            ("name", self.display_name.clone()),
            ("catalog", self.catalog.clone()),
            ("privileged", yes_no(self.privileged)),
            ("assignable", yes_no(self.assignable)),
            ("custom", yes_no(self.custom)),
            ("inherits", self.inherits_role_ids.join("\n")),
            ("permissions", permissions.join("\n\n")),
            ("assignable at", self.assignable_scopes.join("\n")),
            ("created", exact(self.create_time)),
            ("updated", exact(self.update_time)),
            ("deleted", exact(self.delete_time)),
        ])
    }
}

impl From<ImportCatalogResponse> for ImportView {
    fn from(response: ImportCatalogResponse) -> Self {
        Self {
            catalog: catalog_name(response.catalog),
            version: response.version,
            origin: response.origin,
            role_count: response.role_count,
            changed_count: response.changed_count,
            revision: response.revision,
        }
    }
}

impl Shown for ImportView {
    fn table(&self) -> Table {
        fields(vec![
            ("catalog", self.catalog.clone()),
            ("version", self.version.clone()),
            ("origin", self.origin.clone()),
            ("roles", self.role_count.to_string()),
            ("changed", self.changed_count.to_string()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::table;

    #[test]
    fn a_role_is_listed_and_shown() {
        let role = Role {
            id: "acdd72a7-3385-48ef-bd42-f606fba81ae7".to_owned(),
            catalog: Catalog::Azure.into(),
            display_name: "Reader".to_owned(),
            assignable: true,
            permissions: vec![PermissionBlock {
                actions: vec!["*/read".to_owned()],
                not_actions: vec!["Microsoft.KeyVault/*".to_owned()],
                ..PermissionBlock::default()
            }],
            ..Role::default()
        };
        let view = RoleView::from(role);
        assert_eq!(
            table(RoleView::COLUMNS, [view.row()].into_iter()).trim_fmt(),
            "ID                                    NAME    CATALOG  PRIVILEGED  ASSIGNABLE\n\
             acdd72a7-3385-48ef-bd42-f606fba81ae7  Reader  AZURE    no          yes"
        );
        let shown = view.table().trim_fmt();
        assert!(shown.contains("permissions  + */read\n"), "{shown}");
        assert!(shown.contains("- Microsoft.KeyVault/*"), "{shown}");
        assert_eq!(serde_json::to_value(&view).unwrap()["catalog"], "AZURE");
    }
}
