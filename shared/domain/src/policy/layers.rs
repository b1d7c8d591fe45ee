//! Inheritance: what is in force at a scope, and where each rule comes from.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{ApprovalRule, Policy, RuleName, RuleSet, Rules};
use crate::{
    id::RoleId,
    role::Catalog,
    scope::{Lineage, Parents, Scope},
};

/// The policies of a role that reach a scope, as of one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layers {
    /// Of which role.
    pub role: RoleId,
    /// Whose defaults lie below them all.
    pub catalog: Catalog,
    /// The newest change of any policy of the role, here or elsewhere; 0 before the first.
    pub revision: i64,
    /// What is set at the scope and above it, in any order.
    pub policies: Vec<Policy>,
    /// What the scopes on the way were put below.
    pub parents: Parents,
}

/// Where a rule's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Which rule.
    pub rule: RuleName,
    /// The nearest scope that sets it; absent: the catalog's default.
    pub set_at: Option<Scope>,
    /// The scopes at and above that enforce it, the nearest first.
    pub enforced_at: Vec<Scope>,
}

impl Layers {
    /// Of a role whose policies nobody has touched.
    #[must_use]
    pub fn untouched(role: RoleId, catalog: Catalog) -> Self {
        Self { role, catalog, revision: 0, policies: Vec::new(), parents: Parents::new() }
    }

    /// The policy at `scope` itself.
    #[must_use]
    pub fn own(&self, scope: &Scope) -> Policy {
        let own = self.policies.iter().find(|policy| policy.scope == *scope);
        own.cloned().unwrap_or_else(|| Policy::untouched(self.role, scope.clone()))
    }

    /// The rules in force at `scope`: of each the value that is set nearest, and the stricter of
    /// it and of all that is enforced from here up.
    #[must_use]
    pub fn at(&self, scope: &Scope) -> Rules {
        let mut rules = self.inherited(scope);
        for policy in self.reaching(scope).iter().filter(|policy| !policy.enforced.is_empty()) {
            let bound = rules.clone().with(&policy.set.only(&policy.enforced));
            rules = rules.stricter(bound);
        }
        rules
    }

    /// The rules for an activation at `scope` on an eligibility at `eligible`, which covers it:
    /// the stricter of both.
    #[must_use]
    pub fn between(&self, eligible: &Scope, scope: &Scope) -> Rules {
        if eligible == scope { self.at(scope) } else { self.at(scope).stricter(self.at(eligible)) }
    }

    /// Of each rule the value that is set nearest, without regard to what is enforced.
    #[must_use]
    pub(super) fn inherited(&self, scope: &Scope) -> Rules {
        let defaults = Rules::defaults(self.role, self.catalog, scope);
        self.reaching(scope).iter().rev().fold(defaults, |rules, policy| rules.with(&policy.set))
    }

    /// Where each rule in force at `scope` comes from, in the contract's order.
    #[must_use]
    pub fn origins(&self, scope: &Scope) -> Vec<Origin> {
        let reaching = self.reaching(scope);
        let origin = |rule: RuleName| Origin {
            rule,
            set_at: reaching.iter().find(|one| one.set.sets(rule)).map(|one| one.scope.clone()),
            enforced_at: reaching
                .iter()
                .filter(|one| one.enforced.contains(&rule))
                .map(|one| one.scope.clone())
                .collect(),
        };
        RuleName::ALL.map(origin).into()
    }

    /// The same, but with `policy` in the place of what is set at its scope.
    #[must_use]
    pub(super) fn with(&self, policy: Policy) -> Self {
        let mut policies = self.policies.clone();
        policies.retain(|one| one.scope != policy.scope);
        policies.push(policy);
        Self { policies, ..self.clone() }
    }

    /// The approval rules among them.
    #[must_use]
    pub fn approvals(&self) -> Vec<ApprovalRule> {
        self.policies.iter().filter_map(|policy| policy.set.approval.clone()).collect()
    }

    /// Whether any of them lets one sign-in serve once.
    #[must_use]
    pub fn any_single_use(&self) -> bool {
        self.policies.iter().any(|policy| policy.set.single_use_authentication == Some(true))
    }

    /// The newest change among them.
    #[must_use]
    pub fn newest(&self) -> Option<DateTime<Utc>> {
        self.policies.iter().map(|policy| policy.update_time).max()
    }

    /// What the scope, or one on its way to the root, lies below.
    #[must_use]
    pub fn lineage(&self, scope: &Scope) -> Lineage {
        Lineage::of(scope, &self.parents)
    }

    /// Those at `scope` and above it, the nearest first.
    fn reaching(&self, scope: &Scope) -> Vec<&Policy> {
        let lineage = self.lineage(scope);
        let distance = |policy: &&Policy| lineage.distance(&policy.scope);
        let mut reaching: Vec<&Policy> =
            self.policies.iter().filter(|policy| distance(policy).is_some()).collect();
        reaching.sort_by_key(distance);
        reaching
    }
}

impl RuleSet {
    /// What is set of these rules.
    fn only(&self, rules: &BTreeSet<RuleName>) -> Self {
        let mut only = self.clone();
        for name in RuleName::ALL.into_iter().filter(|name| !rules.contains(name)) {
            only.reset(name);
        }
        only
    }
}
