//! Conditions of what is held: by whom nobody has seen for long, without a plan for it, and what no
//! entry of the log has made.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Finding, Setting};
use crate::{
    event::ThingKind,
    id::{PrincipalId, RoleId},
    scope::Scope,
    tenant::Plan,
};

/// Somebody who has a privileged role or is eligible for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privileged {
    /// Who.
    pub principal: PrincipalId,
    /// Since when they are in the directory.
    pub since: DateTime<Utc>,
    /// When they last signed in, where they have.
    pub last_sign_in: Option<DateTime<Utc>>,
}

/// Who has not signed in for so long. Who never has counts from when they were made.
#[must_use]
pub fn stale(all: &[Privileged], setting: &Setting, now: DateTime<Utc>) -> Vec<Finding> {
    let before = setting.since(now);
    let is_met = |one: &&Privileged| one.last_sign_in.unwrap_or(one.since) <= before;
    let finding = |one: &Privileged| {
        let detail = match one.last_sign_in {
            Some(last) => format!("last signed in on {}", last.date_naive()),
            None => format!("never signed in since {}", one.since.date_naive()),
        };
        Finding { subject: Some(one.principal), ..Finding::of(&[&one.principal], detail) }
    };
    all.iter().filter(is_met).map(finding).collect()
}

/// What a tenant has paid for, and what there is of privileged roles in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Licence {
    /// What it has paid for.
    pub plan: Plan,
    /// So many assignments and eligibilities of privileged roles are in force.
    pub privileged: i64,
}

/// Whether privileged roles run on in a tenant whose plan lets nobody have them.
#[must_use]
pub fn unlicensed(licence: Licence) -> Vec<Finding> {
    let Licence { plan, privileged } = licence;
    if plan.includes_gaining() || privileged == 0 {
        return Vec::new();
    }
    let plan = plan.as_str();
    let detail = format!("{privileged} privileged roles are held or eligible; the plan is {plan}");
    vec![Finding::of(&[&"tenant"], detail)]
}

/// Something held, or that can come to be, of which the log does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// What it is.
    pub kind: ThingKind,
    /// Which one.
    pub id: Uuid,
    /// Who has it.
    pub principal: PrincipalId,
    /// Which role.
    pub role: RoleId,
    /// Where.
    pub scope: Scope,
}

/// Each of them: nothing of it may be there at all.
#[must_use]
pub fn outside(all: &[Untold]) -> Vec<Finding> {
    let finding = |one: &Untold| {
        let kind = one.kind.as_str();
        Finding {
            subject: Some(one.principal),
            role: Some(one.role),
            scope: Some(one.scope.clone()),
            ..Finding::of(
                &[&kind, &one.id],
                format!("no entry of the log has made {kind} {}", one.id),
            )
        }
    };
    all.iter().map(finding).collect()
}
