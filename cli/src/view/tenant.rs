//! Tenants.

use chrono::{DateTime, Utc};
use comfy_table::Table;
use pim_proto::assignment::v1::{Tenant, TenantFreeze, TenantPlan};
use serde::Serialize;

use super::{Shown, enum_name, exact, with_id};
use crate::{names::Names, output::fields, time::instant};

/// A tenant.
#[derive(Debug, Serialize)]
pub(crate) struct TenantView {
    id: String,
    display_name: String,
    plan: String,
    freeze: Option<FreezeView>,
    create_time: Option<DateTime<Utc>>,
    update_time: Option<DateTime<Utc>>,
    etag: String,
}

/// That nothing can be gained.
#[derive(Debug, Serialize)]
struct FreezeView {
    freeze_time: Option<DateTime<Utc>>,
    frozen_by_id: String,
    frozen_by_name: Option<String>,
    consent_by_id: Option<String>,
    consent_by_name: Option<String>,
    consent_time: Option<DateTime<Utc>>,
    consent_lapse_time: Option<DateTime<Utc>>,
}

impl TenantView {
    /// What is known of `tenant`.
    pub(crate) fn new(tenant: Tenant, names: &Names) -> Self {
        let plan = TenantPlan::try_from(tenant.plan).ok().map(|it| it.as_str_name());
        Self {
            id: tenant.id,
            display_name: tenant.display_name,
            plan: enum_name("TENANT_PLAN_", tenant.plan, plan),
            freeze: tenant.freeze.map(|freeze| FreezeView::new(freeze, names)),
            create_time: instant(tenant.create_time),
            update_time: instant(tenant.update_time),
            etag: tenant.etag,
        }
    }
}

impl FreezeView {
    fn new(freeze: TenantFreeze, names: &Names) -> Self {
        Self {
            freeze_time: instant(freeze.freeze_time),
            frozen_by_name: names.principal(&freeze.frozen_by_id),
            frozen_by_id: freeze.frozen_by_id,
            consent_by_name: names.principal(&freeze.consent_by_id),
            consent_by_id: Some(freeze.consent_by_id).filter(|id| !id.is_empty()),
            consent_time: instant(freeze.consent_time),
            consent_lapse_time: instant(freeze.consent_lapse_time),
        }
    }

    fn consent(&self) -> String {
        let by = self.consent_by_id.as_ref();
        by.map(|id| with_id(self.consent_by_name.as_deref(), id)).unwrap_or_default()
    }
}

impl Shown for TenantView {
    fn table(&self) -> Table {
        let mut rows = vec![
            ("id", self.id.clone()),
            ("name", self.display_name.clone()),
            ("plan", self.plan.clone()),
            ("created", exact(self.create_time)),
            ("updated", exact(self.update_time)),
        ];
        if let Some(freeze) = &self.freeze {
            let by = with_id(freeze.frozen_by_name.as_deref(), &freeze.frozen_by_id);
            rows.extend([
                ("frozen since", exact(freeze.freeze_time)),
                ("frozen by", by),
                ("consented", freeze.consent()),
                ("consent lapses", exact(freeze.consent_lapse_time)),
                // An operator, who cannot see the tenant, is told it.
                ("etag", self.etag.clone()),
            ]);
        }
        fields(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freeze_is_shown_with_who_did_it_and_who_wants_it_to_end() {
        let tenant = Tenant { plan: TenantPlan::P2.into(), ..Tenant::default() };
        let names = Names::known(&[], &[("a", "Ada"), ("b", "Bob")]);
        let open = TenantView::new(tenant.clone(), &names);
        assert!(!open.table().trim_fmt().contains("frozen"));
        let freeze = TenantFreeze {
            frozen_by_id: "a".to_owned(),
            consent_by_id: "b".to_owned(),
            ..TenantFreeze::default()
        };
        let view = TenantView::new(Tenant { freeze: Some(freeze), ..tenant }, &names);
        let shown = view.table().trim_fmt();
        for text in ["P2", "Ada (a)", "Bob (b)"] {
            assert!(shown.contains(text), "{shown}");
        }
        let json = serde_json::to_value(&view).unwrap();
        assert_eq!(json["freeze"]["frozen_by_name"], "Ada");
    }
}
