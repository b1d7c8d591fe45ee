//! A copy in memory of what answers rest on, of all tenants at one state of the database.
//!
//! It answers as the tables would: what is asked for is gathered into the same [`Ground`], and the
//! same rules decide. Ends need no message, because time is applied when somebody asks.

mod packed;
mod shared;
mod tenant;

use std::collections::HashMap;

use pim_domain::{
    effective::Holding,
    id::{PrincipalId, TenantId},
    principal::Principal,
    scope::Scope,
};
use pim_store::{Revision, Snapshot, replica::KnownRole};
use uuid::Uuid;

use self::{packed::Packed, shared::Shared};

pub(crate) use self::tenant::Tenant;

/// The copy.
#[derive(Debug)]
pub(crate) struct Replica {
    snapshot: Snapshot,
    revision: Revision,
    tenants: HashMap<TenantId, Tenant>,
    shared: Shared,
}

/// What has changed up to a newer state, as it is there.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// What has changed, with whose it is, and how it is as far as it may still be held.
    pub(crate) changed: Vec<(TenantId, PrincipalId, Uuid)>,
    pub(crate) holdings: Vec<(TenantId, Holding)>,
    pub(crate) principals: Vec<(TenantId, Principal)>,
    pub(crate) roles: Vec<(TenantId, KnownRole)>,
    /// In whose trees something moved, and all that was put below what in them.
    pub(crate) trees: Vec<TenantId>,
    pub(crate) parents: Vec<(TenantId, Scope, Scope)>,
}

impl Replica {
    /// Of a state of which nothing is known yet.
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self {
            revision: Revision::Snapshot(snapshot.clone()),
            snapshot,
            tenants: HashMap::new(),
            shared: Shared::default(),
        }
    }

    /// Which state it is.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The same, as answers name it.
    pub(crate) fn revision(&self) -> &Revision {
        &self.revision
    }

    /// What there is of a tenant.
    pub(crate) fn tenant(&self, id: TenantId) -> Option<&Tenant> {
        self.tenants.get(&id)
    }

    /// Takes on the state of `snapshot`.
    pub(crate) fn advance(&mut self, snapshot: Snapshot, news: News) {
        for (tenant, holder, id) in news.changed {
            self.of(tenant).forget(holder, id);
        }
        for (tenant, holding) in news.holdings {
            self.add_holding(tenant, holding);
        }
        for (tenant, principal) in news.principals {
            self.add_principal(tenant, principal);
        }
        for (tenant, role) in news.roles {
            let blocks = self.shared.blocks(role.catalog, &role.permissions);
            self.of(tenant).set_role(role, blocks);
        }
        for tenant in news.trees {
            self.of(tenant).clear_parents();
        }
        for (tenant, scope, parent) in news.parents {
            self.of(tenant).set_parent(scope, parent);
        }
        self.tenants.values_mut().for_each(Tenant::forget_revision);
        self.revision = Revision::Snapshot(snapshot.clone());
        self.snapshot = snapshot;
        self.shared.tidy();
    }

    /// Adds somebody, or how they are now.
    pub(crate) fn add_principal(&mut self, tenant: TenantId, principal: Principal) {
        self.of(tenant).set_principal(principal);
    }

    /// Adds to what is held.
    pub(crate) fn add_holding(&mut self, tenant: TenantId, holding: Holding) {
        let scope = self.shared.scope(&holding.scope);
        self.of(tenant).hold(holding.holder, Packed::new(holding, scope));
    }

    /// Gives back the room that was only needed while it grew.
    pub(crate) fn shrink(&mut self) {
        self.tenants.values_mut().for_each(Tenant::shrink_all);
    }

    fn of(&mut self, tenant: TenantId) -> &mut Tenant {
        self.tenants.entry(tenant).or_default()
    }
}
