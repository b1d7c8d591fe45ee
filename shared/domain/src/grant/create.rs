//! Granting: what an administrator may make, judged by the role's policy.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Facts, Grant, GrantKind,
    judge::{Terms, judge, not_oneself},
};
use crate::{
    change::{Change, Version},
    denial::Denial,
    event::{About, Code, Stamp},
    id::{GrantId, PrincipalId, RoleId},
    justification::Justification,
    principal::Principal,
    role::Role,
    scope::Scope,
    text::Ticket,
    time::Window,
};

/// A wish to grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    /// An eligibility or an assignment.
    pub kind: GrantKind,
    /// For whom.
    pub principal: PrincipalId,
    /// For what.
    pub role: RoleId,
    /// Where.
    pub scope: Scope,
    /// Absent or past: now.
    pub start: Option<DateTime<Utc>>,
    /// Absent: permanent.
    pub end: Option<DateTime<Utc>>,
    /// Why.
    pub justification: Justification,
    /// On which change or incident.
    pub ticket: Option<Ticket>,
}

/// The new grant.
///
/// # Errors
/// `SELF_GRANT`, then every broken rule of the policy together, then `DUPLICATE`.
pub fn create(facts: &Facts, wish: Create, stamp: &Stamp) -> Result<Change<Grant>, Denial> {
    let start = wish.start.map_or(stamp.now, |start| start.max(stamp.now));
    let window = Window { start, end: wish.end };
    let about = About {
        correlation: None,
        subject: Some(wish.principal),
        role: Some(wish.role),
        catalog: Some(facts.role.catalog),
        scope: Some(wish.scope.clone()),
        permanent: wish.end.is_none(),
        justification: wish.justification.clone(),
        ticket: wish.ticket.clone(),
        policy_revision: Some(facts.policy.revision),
    };
    not_oneself(facts, &about)?;
    let terms = Terms {
        kind: wish.kind,
        scope: &wish.scope,
        window,
        justification: &wish.justification,
        ticket: wish.ticket.as_ref(),
        of: None,
    };
    judge(facts, &terms, None, stamp.now).map_err(|denial| denial.about(about))?;
    let grant = grant(wish, window, facts.policy.revision, stamp);
    let code = match grant.kind {
        GrantKind::Eligibility => Code::EligibilityCreated,
        GrantKind::Assignment => Code::AssignmentCreated,
    };
    Ok(made(grant, &facts.role, code, stamp))
}

/// The permanent assignment of one of the first two administrators, on an operator's word alone.
#[must_use]
pub fn create_first_administrator(
    principal: &Principal,
    role: &Role,
    stamp: &Stamp,
) -> Change<Grant> {
    let wish = Create {
        kind: GrantKind::Assignment,
        principal: principal.id,
        role: role.id,
        scope: Scope::root(),
        start: None,
        end: None,
        justification: "first administrator of the tenant".into(),
        ticket: None,
    };
    let grant = grant(wish, Window { start: stamp.now, end: None }, 0, stamp);
    made(grant, role, Code::AssignmentCreated, stamp)
}

fn grant(wish: Create, window: Window, policy_revision: i64, stamp: &Stamp) -> Grant {
    Grant {
        id: GrantId::at(stamp.now),
        kind: wish.kind,
        principal: wish.principal,
        role: wish.role,
        scope: wish.scope,
        window,
        ended: None,
        justification: wish.justification,
        ticket: wish.ticket,
        granted_by: stamp.actor.principal(),
        renewed_from: None,
        policy_revision,
        version: Version::FIRST,
        create_time: stamp.now,
        update_time: stamp.now,
    }
}

fn made(grant: Grant, role: &Role, code: Code, stamp: &Stamp) -> Change<Grant> {
    let about = About { justification: grant.justification.clone(), ..grant.about(role.catalog) };
    Change::created(grant, stamp, code, about)
}
