//! What there is of one tenant.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use chrono::{DateTime, Utc};
use pim_domain::{
    authority::{Caller, SignIn, administrative_roles},
    effective::{Ground, member_of},
    group::GROUP_NESTING_MAX,
    id::{PrincipalId, RoleId},
    permission::Operation,
    principal::Principal,
    role::Catalog,
    scope::{Lineage, Parents, Scope},
};
use pim_store::replica::KnownRole;
use uuid::Uuid;

use super::{packed::Packed, shared::Blocks};

#[derive(Debug, Default)]
pub(crate) struct Tenant {
    /// All but groups.
    principals: HashMap<PrincipalId, Principal>,
    /// By issuer and subject.
    identities: HashMap<String, HashMap<String, PrincipalId>>,
    /// What principals and groups may hold.
    held: HashMap<PrincipalId, Vec<Packed>>,
    roles: HashMap<RoleId, Role>,
    parents: Parents,
    /// The revision as clients of the tenant see it, once somebody has asked.
    sealed: OnceLock<String>,
}

#[derive(Debug)]
struct Role {
    catalog: Catalog,
    inherits: Vec<RoleId>,
    blocks: Arc<Blocks>,
    is_deleted: bool,
    update_time: DateTime<Utc>,
}

impl Tenant {
    /// Of what is held no more, nothing is left.
    pub(super) fn forget(&mut self, holder: PrincipalId, id: Uuid) {
        let Some(held) = self.held.get_mut(&holder) else { return };
        held.retain(|one| one.id != id);
        if held.is_empty() {
            self.held.remove(&holder);
        }
    }

    pub(super) fn hold(&mut self, holder: PrincipalId, one: Packed) {
        self.held.entry(holder).or_default().push(one);
    }

    pub(super) fn shrink_all(&mut self) {
        self.held.values_mut().for_each(Vec::shrink_to_fit);
        self.held.shrink_to_fit();
    }

    pub(super) fn set_principal(&mut self, principal: Principal) {
        let of_issuer = self.identities.entry(principal.issuer.clone()).or_default();
        of_issuer.insert(principal.subject.clone(), principal.id);
        self.principals.insert(principal.id, principal);
    }

    pub(super) fn set_role(&mut self, role: KnownRole, blocks: Arc<Blocks>) {
        let KnownRole { id, catalog, inherits, is_deleted, update_time, .. } = role;
        self.roles.insert(id, Role { catalog, inherits, blocks, is_deleted, update_time });
    }

    pub(super) fn clear_parents(&mut self) {
        self.parents.clear();
    }

    pub(super) fn set_parent(&mut self, scope: Scope, parent: Scope) {
        self.parents.insert(scope, parent);
    }

    pub(super) fn forget_revision(&mut self) {
        self.sealed = OnceLock::new();
    }

    /// The revision as clients of the tenant see it, which `seal` makes.
    pub(crate) fn sealed(&self, seal: impl FnOnce() -> String) -> String {
        self.sealed.get_or_init(seal).clone()
    }

    /// Whom an issuer calls so, with what they may hold of administrative roles.
    pub(crate) fn caller(&self, issuer: &str, subject: &str, sign_in: SignIn) -> Option<Caller> {
        let id = self.identities.get(issuer)?.get(subject)?;
        let principal = self.principals.get(id)?.clone();
        let ground = self.ground(*id, &|role, _| {
            administrative_roles().any(|administrative| administrative == role.uuid())
        });
        Some(Caller { principal, sign_in, holdings: ground.resolve().held })
    }

    /// Whether there is a principal with this id that is not a group.
    pub(crate) fn knows(&self, principal: PrincipalId) -> bool {
        self.principals.contains_key(&principal)
    }

    /// The catalog of a role, where there is that role.
    pub(crate) fn catalog(&self, role: RoleId) -> Option<Catalog> {
        self.roles.get(&role).map(|role| role.catalog)
    }

    /// What a scope lies below.
    pub(crate) fn lineage(&self, scope: &Scope) -> Lineage {
        Lineage::of(scope, &self.parents)
    }

    /// Whether a role permits that, by itself or by what it inherits in its catalog.
    pub(crate) fn permits(&self, role: RoleId, operation: &Operation) -> bool {
        let (mut seen, mut next) = (HashSet::from([role]), vec![role]);
        while let Some(id) = next.pop() {
            let of_catalog = |role: &&Role| role.catalog == operation.catalog();
            let Some(role) = self.roles.get(&id).filter(of_catalog) else { continue };
            if role.blocks.permit(operation) {
                return true;
            }
            next.extend(role.inherits.iter().filter(|id| seen.insert(**id)));
        }
        false
    }

    /// What a principal may hold of what is asked for, itself and by groups.
    pub(crate) fn ground(
        &self,
        principal: PrincipalId,
        is_asked: &dyn Fn(RoleId, &Scope) -> bool,
    ) -> Ground {
        let enabled_since = self.principals.get(&principal).and_then(|one| one.enabled_since);
        let (memberships, holdings) = (Vec::new(), Vec::new());
        let mut ground = Ground { principal, enabled_since, memberships, holdings };
        let mut holders = vec![principal];
        let mut layer = 0..1;
        for _ in 0..=GROUP_NESTING_MAX {
            for place in layer.clone() {
                let holder = holders[place];
                for packed in self.held.get(&holder).into_iter().flatten() {
                    self.gather(holder, packed, is_asked, &mut ground, &mut holders);
                }
            }
            layer = layer.end..holders.len();
        }
        ground
    }

    fn gather(
        &self,
        holder: PrincipalId,
        packed: &Packed,
        is_asked: &dyn Fn(RoleId, &Scope) -> bool,
        ground: &mut Ground,
        holders: &mut Vec<PrincipalId>,
    ) {
        let group = member_of(packed.role, &packed.scope);
        let is_asked = is_asked(packed.role, &packed.scope);
        if group.is_none() && !is_asked {
            return;
        }
        // Nobody holds what was deleted.
        let Some(role) = self.roles.get(&packed.role).filter(|role| !role.is_deleted) else {
            return;
        };
        // Who holds it may have changed since, as may have what they hold.
        let changed = self.principals.get(&holder).map(|one| one.update_time);
        let holding = packed.of(holder, changed.unwrap_or(role.update_time).max(role.update_time));
        if let Some(group) = group {
            if !holders.contains(&group) {
                holders.push(group);
            }
            ground.memberships.push(holding.clone());
        }
        if is_asked {
            ground.holdings.push(holding);
        }
    }
}
