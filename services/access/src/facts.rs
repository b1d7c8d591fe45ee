//! What questions are answered from: one state of the database, in memory or as it was read for them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use pim_chassis::{Context, Error};
use pim_domain::{
    effective::{Ground, Holding},
    id::{PrincipalId, RoleId},
    permission::{Operation, Permissions},
    role::{Catalog, Role},
    scope::{Lineage, Scope},
};
use pim_proto::call::{CheckAccess, HoldingsFilter, Question};
use pim_store::{Revision, holdings, principals, roles, scopes};
use uuid::Uuid;

use crate::replica::{Replica, Tenant};

/// One tenant at one state.
pub(crate) trait Facts {
    /// Which state.
    fn revision(&self) -> &Revision;
    /// The same, as the caller sees it.
    fn sealed(&self, context: &Context) -> String {
        context.revision(self.revision())
    }
    /// The catalog of a role, where there is that role.
    fn catalog(&self, role: RoleId) -> Option<Catalog>;
    /// Whether there is a principal with this id that is not a group.
    fn knows(&self, principal: PrincipalId) -> bool;
    /// What a scope lies below.
    fn lineage(&self, scope: &Scope) -> Lineage;
    /// Whether a role permits that.
    fn permits(&self, role: RoleId, operation: &Operation) -> bool;
    /// What a principal may hold of the roles at the scopes that are asked for, itself and by
    /// groups.
    fn ground(&self, principal: PrincipalId, is_asked: &dyn Fn(RoleId, &Scope) -> bool) -> Ground;
}

/// A tenant in memory.
pub(crate) struct Remembered<'a> {
    pub(crate) replica: &'a Replica,
    pub(crate) tenant: &'a Tenant,
}

impl Facts for Remembered<'_> {
    fn revision(&self) -> &Revision {
        self.replica.revision()
    }

    fn sealed(&self, context: &Context) -> String {
        self.tenant.sealed(|| context.revision(self.revision()))
    }

    fn catalog(&self, role: RoleId) -> Option<Catalog> {
        self.tenant.catalog(role)
    }

    fn knows(&self, principal: PrincipalId) -> bool {
        self.tenant.knows(principal)
    }

    fn lineage(&self, scope: &Scope) -> Lineage {
        self.tenant.lineage(scope)
    }

    fn permits(&self, role: RoleId, operation: &Operation) -> bool {
        self.tenant.permits(role, operation)
    }

    fn ground(&self, principal: PrincipalId, is_asked: &dyn Fn(RoleId, &Scope) -> bool) -> Ground {
        self.tenant.ground(principal, is_asked)
    }
}

/// What the database says, as far as it was asked.
#[derive(Debug)]
pub(crate) struct Loaded {
    revision: Revision,
    catalogs: HashMap<RoleId, Catalog>,
    principals: HashSet<PrincipalId>,
    lineages: BTreeMap<Scope, Lineage>,
    grounds: HashMap<PrincipalId, Ground>,
    permissions: HashMap<RoleId, Permissions>,
}

impl Loaded {
    /// All that these questions depend on, by as few queries as one takes.
    pub(crate) async fn for_checks(
        context: &Context,
        questions: &[&CheckAccess],
    ) -> Result<Self, Error> {
        let (tenant, mut read) = (context.tenant, context.db().read().await?);
        let role = |one: &&CheckAccess| match &one.question {
            Question::Role(id) => Some(*id),
            Question::Operation(_) => None,
        };
        let roles: Vec<RoleId> = questions.iter().filter_map(role).collect();
        let catalogs = roles::catalogs(&mut read, tenant, &roles).await?;
        let ids: Vec<PrincipalId> = distinct(questions.iter().map(|one| one.principal));
        let people = principals::get_all(&mut read, tenant, &ids).await?;
        let at = distinct(questions.iter().map(|one| &one.scope));
        let lineages = scopes::lineages(&mut read, tenant, &at).await?;
        let at: Vec<Lineage> = lineages.values().cloned().collect();
        // Of any role, where one asks for permissions.
        let asked = roles.len() < questions.len();
        let roles: Vec<Uuid> = roles.into_iter().map(RoleId::uuid).collect();
        let roles = (!asked).then_some(roles.as_slice());
        let grounds = holdings::of_principals(&mut read, tenant, &ids, roles, Some(&at)).await?;
        let mut permissions = HashMap::new();
        if asked {
            let holdings = grounds.iter().flat_map(|ground| &ground.holdings);
            let held = distinct(holdings.map(|holding| holding.role));
            let known = roles::with_inherited(&mut read, tenant, &held).await?;
            let of = |role: &Role| (role.id, Permissions::of(role, &known));
            permissions = known.iter().map(of).collect();
        }
        Ok(Self {
            revision: read.revision().clone(),
            catalogs: catalogs.into_iter().collect(),
            principals: people.into_iter().map(|one| one.id).collect(),
            lineages,
            grounds: grounds.into_iter().map(|ground| (ground.principal, ground)).collect(),
            permissions,
        })
    }

    /// All that a list of what somebody holds depends on.
    pub(crate) async fn for_list(
        context: &Context,
        filter: &HoldingsFilter,
    ) -> Result<Self, Error> {
        let (tenant, mut read) = (context.tenant, context.db().read().await?);
        let known = principals::get(&mut read, tenant, filter.principal).await?;
        let scopes: Vec<&Scope> = filter.scope.iter().collect();
        let lineages = scopes::lineages(&mut read, tenant, &scopes).await?;
        let at = lineages.values().next();
        let ground = holdings::of_principal(&mut read, tenant, filter.principal, None, at).await?;
        Ok(Self {
            revision: read.revision().clone(),
            catalogs: HashMap::new(),
            principals: known.into_iter().map(|one| one.id).collect(),
            lineages,
            grounds: HashMap::from([(ground.principal, ground)]),
            permissions: HashMap::new(),
        })
    }
}

impl Facts for Loaded {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    fn catalog(&self, role: RoleId) -> Option<Catalog> {
        self.catalogs.get(&role).copied()
    }

    fn knows(&self, principal: PrincipalId) -> bool {
        self.principals.contains(&principal)
    }

    fn lineage(&self, scope: &Scope) -> Lineage {
        match self.lineages.get(scope) {
            Some(lineage) => lineage.clone(),
            // Of what was not asked for, nothing above is known.
            None => Lineage::of(scope, &BTreeMap::new()),
        }
    }

    fn permits(&self, role: RoleId, operation: &Operation) -> bool {
        self.permissions.get(&role).is_some_and(|permissions| permissions.permit(operation))
    }

    fn ground(&self, principal: PrincipalId, is_asked: &dyn Fn(RoleId, &Scope) -> bool) -> Ground {
        let Some(known) = self.grounds.get(&principal) else {
            let (memberships, holdings) = (Vec::new(), Vec::new());
            return Ground { principal, enabled_since: None, memberships, holdings };
        };
        let is_asked = |holding: &&Holding| is_asked(holding.role, &holding.scope);
        let holdings = known.holdings.iter().filter(is_asked).cloned().collect();
        Ground { holdings, memberships: known.memberships.clone(), ..*known }
    }
}

fn distinct<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.collect::<BTreeSet<T>>().into_iter().collect()
}
