//! What questions are answered from: one state of the database, in memory or as it was read for them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use pim_chassis::{Context, Error};
use pim_domain::{
    effective::{Ground, Holding, Instant},
    id::{PrincipalId, RoleId, TenantId},
    past::Past,
    permission::{Operation, Permissions},
    role::{Catalog, Role},
    scope::{Lineage, Scope},
};
use pim_proto::call::{CheckAccess, HoldingsFilter};
use pim_store::{
    Read, Revision, holdings,
    past::{self, Wanted},
    principals, roles, scopes,
};

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
    /// What it lay below at the instant that is asked about: rights are judged by where it is.
    fn placed(&self, scope: &Scope) -> Lineage {
        self.lineage(scope)
    }
    /// The instant that is asked about, as far as it is known: not before `newest`.
    fn reading(
        &self,
        context: &Context,
        newest: Option<DateTime<Utc>>,
    ) -> (DateTime<Utc>, TimeDelta, Instant) {
        context.reading(newest)
    }
    /// Whether a role permits that.
    fn permits(&self, role: RoleId, operation: &Operation) -> bool;
    /// What a principal may hold of the roles at the scopes that are asked for, itself and by
    /// groups.
    fn ground(&self, principal: PrincipalId, is_asked: &dyn Fn(RoleId, &Scope) -> bool) -> Ground;
    /// All that a principal may hold, or what of it reaches a scope.
    fn ground_of(&self, filter: &HoldingsFilter) -> Ground {
        let at = filter.scope.as_ref().map(|scope| self.placed(scope));
        self.ground(filter.principal, &|_, scope| at.as_ref().is_none_or(|at| at.is_below(scope)))
    }
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
    /// Where that is not what they lie below now.
    placed: BTreeMap<Scope, Lineage>,
    grounds: HashMap<PrincipalId, Ground>,
    permissions: HashMap<RoleId, Permissions>,
    /// Of the past.
    at: Option<DateTime<Utc>>,
}

impl Loaded {
    /// All that these questions depend on, by as few queries as one takes.
    pub(crate) async fn for_checks(
        context: &Context,
        questions: &[&CheckAccess],
        at: Option<DateTime<Utc>>,
    ) -> Result<Self, Error> {
        let tenant = context.tenant;
        if at.is_some() {
            let mut read = context.read().await?;
            return Ok(Self::past_checks(tenant, &mut read, questions, at).await?.0);
        }
        match roles_only(questions) {
            Some(roles) => Self::role_checks(context, questions, &roles).await,
            None => {
                let mut read = context.read().await?;
                Self::permission_checks(tenant, &mut read, questions).await
            }
        }
    }

    /// Of roles alone, by one statement.
    async fn role_checks(
        context: &Context,
        questions: &[&CheckAccess],
        roles: &[RoleId],
    ) -> Result<Self, Error> {
        let mut connection = context.glance().await?;
        let ids = distinct(questions.iter().map(|one| one.principal));
        let at = distinct(questions.iter().map(|one| one.scope.clone()));
        let facts = holdings::facts(&mut connection, context.tenant, &ids, roles, &at).await?;
        let lineage = |scope: Scope| {
            let lineage = Lineage::of(&scope, &facts.parents);
            (scope, lineage)
        };
        let mut loaded = Self {
            revision: Revision::Snapshot(facts.snapshot),
            catalogs: facts.catalogs,
            principals: facts.people.into_iter().collect(),
            lineages: at.into_iter().map(lineage).collect(),
            placed: BTreeMap::new(),
            grounds: HashMap::new(),
            permissions: HashMap::new(),
            at: None,
        };
        loaded.hold(facts.grounds);
        Ok(loaded)
    }

    /// Of what any role may permit: which those are is asked once it is known what is held.
    async fn permission_checks(
        tenant: TenantId,
        read: &mut Read,
        questions: &[&CheckAccess],
    ) -> Result<Self, Error> {
        let mut loaded = Self::asked(tenant, read, questions).await?;
        let ids = distinct(questions.iter().map(|one| one.principal));
        let at: Vec<Scope> = loaded.lineages.keys().cloned().collect();
        loaded.hold(holdings::of_principals(read, tenant, &ids, None, Some(&at)).await?);
        let grounds = loaded.grounds.values();
        let held = distinct(grounds.flat_map(|one| &one.holdings).map(|one| one.role));
        loaded.permit(&roles::with_inherited(read, tenant, &held).await?);
        Ok(loaded)
    }

    /// The same from the log, as it had been recorded by `at`; absent: all of it.
    pub(crate) async fn past_checks(
        tenant: TenantId,
        read: &mut Read,
        questions: &[&CheckAccess],
        at: Option<DateTime<Utc>>,
    ) -> Result<(Self, Past), Error> {
        let mut loaded = Self::asked(tenant, read, questions).await?;
        let scopes = questions.iter().map(|one| &one.scope);
        let scopes = loaded.place(tenant, read, scopes, at).await?;
        let wanted = Wanted { until: at, roles: roles_only(questions), scopes: Some(scopes) };
        let ids = distinct(questions.iter().map(|one| one.principal));
        let past = loaded.recall(tenant, read, &ids, &wanted).await?;
        Ok((loaded, past))
    }

    /// What these questions are about, as it is now.
    async fn asked(
        tenant: TenantId,
        read: &mut Read,
        questions: &[&CheckAccess],
    ) -> Result<Self, Error> {
        let roles = Vec::from_iter(questions.iter().filter_map(|one| one.role()));
        let catalogs = roles::catalogs(read, tenant, &roles).await?;
        let ids = distinct(questions.iter().map(|one| one.principal));
        let people = principals::get_all(read, tenant, &ids).await?;
        let at = distinct(questions.iter().map(|one| &one.scope));
        Ok(Self {
            revision: read.revision().clone(),
            catalogs: catalogs.into_iter().collect(),
            principals: people.into_iter().map(|one| one.id).collect(),
            lineages: scopes::lineages(read, tenant, &at).await?,
            placed: BTreeMap::new(),
            grounds: HashMap::new(),
            permissions: HashMap::new(),
            at: None,
        })
    }

    /// All that a list of what somebody holds depends on.
    pub(crate) async fn for_list(
        context: &Context,
        filter: &HoldingsFilter,
        at: Option<DateTime<Utc>>,
    ) -> Result<Self, Error> {
        let (tenant, mut read) = (context.tenant, context.read().await?);
        let known = principals::get(&mut read, tenant, filter.principal).await?;
        let scopes: Vec<&Scope> = filter.scope.iter().collect();
        let mut loaded = Self {
            revision: read.revision().clone(),
            catalogs: HashMap::new(),
            principals: known.into_iter().map(|one| one.id).collect(),
            lineages: scopes::lineages(&mut read, tenant, &scopes).await?,
            placed: BTreeMap::new(),
            grounds: HashMap::new(),
            permissions: HashMap::new(),
            at: None,
        };
        if at.is_some() {
            let placed = loaded.place(tenant, &mut read, filter.scope.iter(), at).await?;
            let scopes = filter.scope.as_ref().map(|_| placed);
            let wanted = Wanted { until: at, roles: None, scopes };
            loaded.recall(tenant, &mut read, &[filter.principal], &wanted).await?;
        } else {
            let (who, at) = (filter.principal, filter.scope.as_ref());
            let ground = holdings::of_principal(&mut read, tenant, who, None, at);
            loaded.hold(vec![ground.await?]);
        }
        Ok(loaded)
    }

    /// What these scopes lay below, and all that they lay below together.
    async fn place(
        &mut self,
        tenant: TenantId,
        read: &mut Read,
        scopes: impl Iterator<Item = &Scope>,
        at: Option<DateTime<Utc>>,
    ) -> Result<BTreeSet<Scope>, Error> {
        for scope in distinct(scopes) {
            let lineage = past::lineage(read, tenant, scope, at).await?;
            self.placed.insert(scope.clone(), lineage);
        }
        Ok(self.placed.values().flat_map(Lineage::iter).cloned().collect())
    }

    async fn recall(
        &mut self,
        tenant: TenantId,
        read: &mut Read,
        principals: &[PrincipalId],
        wanted: &Wanted,
    ) -> Result<Past, Error> {
        let past = past::of_principals(read, tenant, principals, wanted).await?;
        self.at = wanted.until;
        self.hold(past.grounds(principals));
        self.permit(&Vec::from_iter(past.roles.values().cloned()));
        Ok(past)
    }

    fn hold(&mut self, grounds: Vec<Ground>) {
        self.grounds = grounds.into_iter().map(|ground| (ground.principal, ground)).collect();
    }

    fn permit(&mut self, roles: &[Role]) {
        let of = |role: &Role| (role.id, Permissions::of(role, roles));
        self.permissions = roles.iter().map(of).collect();
    }
}

/// The roles that all of these ask for; `None` where one asks for what any may permit.
fn roles_only(questions: &[&CheckAccess]) -> Option<Vec<RoleId>> {
    questions.iter().map(|one| one.role()).collect()
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

    fn placed(&self, scope: &Scope) -> Lineage {
        self.placed.get(scope).cloned().unwrap_or_else(|| self.lineage(scope))
    }

    fn reading(
        &self,
        context: &Context,
        newest: Option<DateTime<Utc>>,
    ) -> (DateTime<Utc>, TimeDelta, Instant) {
        match self.at {
            // It is not now, so nothing is uncertain about it.
            Some(at) => (at, TimeDelta::zero(), at.into()),
            None => context.reading(newest),
        }
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
