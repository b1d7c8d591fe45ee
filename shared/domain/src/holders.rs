//! Guards against locking everybody out: how many must stay who hold a role at a scope for good.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::{
    denial::{Denial, Reason},
    grant::{Grant, GrantKind, GrantState},
    id::RoleId,
    principal::{Principal, PrincipalKind},
    scope::Scope,
};

/// An assignment, and whom it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// What they hold.
    pub assignment: Grant,
    /// Who.
    pub principal: Principal,
}

impl Holder {
    /// Whether it counts at `now`: a user's enabled account with an assignment in force that has
    /// no end.
    #[must_use]
    pub fn counts(&self, now: DateTime<Utc>) -> bool {
        let Self { assignment, principal } = self;
        principal.kind == PrincipalKind::User
            && principal.is_enabled()
            && assignment.kind == GrantKind::Assignment
            && assignment.window.end.is_none()
            && assignment.state(now) == GrantState::InForce
    }
}

/// How many distinct persons hold it at `now`.
#[must_use]
pub fn count(holders: &[Holder], now: DateTime<Utc>) -> u32 {
    let counting = holders.iter().filter(|holder| holder.counts(now));
    let persons: BTreeSet<_> = counting.map(|holder| holder.principal.person_key()).collect();
    u32::try_from(persons.len()).unwrap_or(u32::MAX)
}

/// Passes what leaves at least `minimum` persons who hold a role at a scope; where there are fewer
/// already, what makes it no worse. Both lists are of that role at exactly that scope.
///
/// # Errors
/// `LAST_HOLDER`.
pub fn keep_enough(
    (role, scope): (RoleId, &Scope),
    minimum: u32,
    before: &[Holder],
    after: &[Holder],
    now: DateTime<Utc>,
) -> Result<(), Denial> {
    let left = count(after, now);
    if left >= minimum || left >= count(before, now) {
        return Ok(());
    }
    Err(Denial::new(Reason::LastHolder { role, scope: scope.clone(), minimum, left }))
}
