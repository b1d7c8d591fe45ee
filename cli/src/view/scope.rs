//! Registered scopes.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_proto::assignment::v1::{Scope, ScopeKind};
use serde::Serialize;

use super::{Column, Listed, Shown, enum_name, exact};
use crate::{output::fields, time::instant};

/// A registered scope.
#[derive(Debug, Serialize)]
pub(crate) struct ScopeView {
    id: String,
    scope: String,
    kind: String,
    parent_scope: Option<String>,
    display_name: String,
    create_time: Option<DateTime<Utc>>,
    update_time: Option<DateTime<Utc>>,
    etag: String,
}

impl From<Scope> for ScopeView {
    fn from(scope: Scope) -> Self {
        let kind = ScopeKind::try_from(scope.kind).ok().map(|it| it.as_str_name());
        Self {
            kind: enum_name("SCOPE_KIND_", scope.kind, kind),
            id: scope.id,
            scope: scope.scope,
            parent_scope: Some(scope.parent_scope).filter(|parent| !parent.is_empty()),
            display_name: scope.display_name,
            create_time: instant(scope.create_time),
            update_time: instant(scope.update_time),
            etag: scope.etag,
        }
    }
}

impl Listed for ScopeView {
    const COLUMNS: &'static [Column] = &[
        Column::text("SCOPE"),
        Column::text("NAME"),
        Column::fixed("KIND"),
        Column::text("BELOW"),
    ];

    fn row(&self) -> Vec<String> {
        vec![
            self.scope.clone(),
            self.display_name.clone(),
            self.kind.clone(),
            self.parent_scope.clone().unwrap_or_default(),
        ]
    }
}

impl Shown for ScopeView {
    fn table(&self) -> Table {
        fields(vec![
            ("id", self.id.clone()),
            ("scope", self.scope.clone()),
            ("name", self.display_name.clone()),
            ("kind", self.kind.clone()),
            ("below", self.parent_scope.clone().unwrap_or_default()),
            ("created", exact(self.create_time)),
            ("updated", exact(self.update_time)),
            ("etag", self.etag.clone()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_listed_and_shown() {
        let scope = Scope {
            scope: "/subscriptions/shop".to_owned(),
            kind: ScopeKind::Subscription.into(),
            parent_scope: "/managementGroups/web".to_owned(),
            display_name: "Shop".to_owned(),
            etag: "v1".to_owned(),
            ..Scope::default()
        };
        let view = ScopeView::from(scope);
        let row = ["/subscriptions/shop", "Shop", "SUBSCRIPTION", "/managementGroups/web"];
        assert_eq!(view.row(), row);
        let shown = view.table().trim_fmt();
        assert!(row.iter().all(|text| shown.contains(text)), "{shown}");
    }
}
