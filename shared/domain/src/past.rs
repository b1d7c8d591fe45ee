//! What there was at an instant, as the log tells it: each thing at the version that it had then.
//!
//! The present is answered from tables that leave out what has ended; the past is folded from
//! events. Both become the same [`Ground`], and one function says what of it counts.

mod obstacle;
mod support;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

pub use obstacle::{Obstacle, Why};
pub use support::Support;

use crate::{
    activation::Activation,
    effective::{Ground, Holding, HoldingKind, Span, Standing, member_of},
    grant::{Grant, GrantKind},
    group::Group,
    id::{ActivationId, GrantId, PrincipalId, RoleId},
    principal::Principal,
    role::Role,
    scope::Scope,
    time::earliest,
};

/// All that a principal had to do with by an instant, and what that rests on.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// Eligibilities and assignments of the principal and of each group that it ever belonged to,
    /// and what their activations rest on.
    pub grants: BTreeMap<GrantId, Grant>,
    /// The same of activations.
    pub activations: BTreeMap<ActivationId, Activation>,
    /// Those that were there, and are no groups.
    pub principals: BTreeMap<PrincipalId, Principal>,
    /// Those that were there, the deleted as well.
    pub groups: BTreeMap<PrincipalId, Group>,
    /// The roles that were there, the deleted as well.
    pub roles: BTreeMap<RoleId, Role>,
    /// Since when a move of a scope has kept an activation from what it rests on.
    pub severed: BTreeMap<ActivationId, DateTime<Utc>>,
}

impl Past {
    /// The groups of which somebody is, was or may become a member by what is told of here.
    pub fn joined(&self) -> impl Iterator<Item = PrincipalId> {
        let grants = self.grants.values().filter_map(|one| member_of(one.role, &one.scope));
        let activations = self.activations.values();
        grants.chain(activations.filter_map(|one| member_of(one.role, &one.scope)))
    }

    /// Whoever is told of: who has something, and the group at whose scope something is.
    pub fn named(&self) -> impl Iterator<Item = PrincipalId> {
        let of = |holder: PrincipalId, scope: &Scope| {
            [Some(holder), scope.group().map(|group| group.uuid().into())]
        };
        let grants = self.grants.values().flat_map(move |one| of(one.principal, &one.scope));
        let activations = self.activations.values();
        grants.chain(activations.flat_map(move |one| of(one.principal, &one.scope))).flatten()
    }

    /// Every role that is told of.
    pub fn roles_named(&self) -> impl Iterator<Item = RoleId> {
        let grants = self.grants.values().map(|one| one.role);
        grants.chain(self.activations.values().map(|one| one.role))
    }

    /// What there may be of each of these principals.
    #[must_use]
    pub fn grounds(&self, principals: &[PrincipalId]) -> Vec<Ground> {
        let mut held: BTreeMap<PrincipalId, Vec<Holding>> = BTreeMap::new();
        for one in self.holdings() {
            held.entry(one.holder).or_default().push(one);
        }
        principals.iter().map(|principal| self.ground(*principal, &held)).collect()
    }

    fn ground(&self, principal: PrincipalId, held: &BTreeMap<PrincipalId, Vec<Holding>>) -> Ground {
        let mut ground = Ground {
            principal,
            enabled_since: self.principals.get(&principal).and_then(|one| one.enabled_since),
            memberships: Vec::new(),
            holdings: Vec::new(),
        };
        let (mut seen, mut next) = (BTreeSet::from([principal]), vec![principal]);
        while let Some(holder) = next.pop() {
            for one in held.get(&holder).into_iter().flatten() {
                if let Some(group) = member_of(one.role, &one.scope) {
                    ground.memberships.push(one.clone());
                    if seen.insert(group) {
                        next.push(group);
                    }
                }
                ground.holdings.push(one.clone());
            }
        }
        ground
    }

    /// What was held or booked, and had not ended as recorded.
    fn holdings(&self) -> impl Iterator<Item = Holding> {
        let assignments = self.grants.values().filter_map(|grant| self.assignment(grant));
        assignments.chain(self.activations.values().filter_map(|one| self.activation(one)))
    }

    fn assignment(&self, grant: &Grant) -> Option<Holding> {
        if grant.kind != GrantKind::Assignment || grant.ended.is_some() || self.is_gone(grant.role)
        {
            return None;
        }
        let ended = earliest(self.deleted(grant.principal), self.target_deleted(&grant.scope));
        Some(Holding {
            id: grant.id.uuid(),
            kind: HoldingKind::Assignment,
            holder: grant.principal,
            role: grant.role,
            scope: grant.scope.clone(),
            span: Span { window: grant.window, ended },
            standing: Standing::Held,
            path: None,
            granted_by: None,
            update_time: grant.update_time,
        })
    }

    fn activation(&self, activation: &Activation) -> Option<Holding> {
        if !activation.is_live() || self.is_gone(activation.role) {
            return None;
        }
        let eligibility = self.grants.get(&activation.eligibility)?;
        let severed = self.severed.get(&activation.id).copied();
        let Span { window, ended } = eligibility.span();
        let ended = earliest(earliest(ended, severed), self.deleted(eligibility.principal));
        let mut holding = activation.holding(Span { window, ended })?;
        holding.span.ended = self.target_deleted(&activation.scope);
        Some(holding)
    }

    fn deleted(&self, group: PrincipalId) -> Option<DateTime<Utc>> {
        self.groups.get(&group).and_then(|group| group.deleted)
    }

    fn target_deleted(&self, scope: &Scope) -> Option<DateTime<Utc>> {
        scope.group().and_then(|group| self.deleted(group.uuid().into()))
    }

    fn is_gone(&self, role: RoleId) -> bool {
        self.roles.get(&role).is_none_or(|role| role.deletion().is_some())
    }
}
