//! When a condition is met: of each kind of alert the facts that it is judged by, and the judgement.
//! What the store leaves out can meet none.

mod holding;
mod hour;
mod network;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use holding::{Licence, Privileged, Untold, outside, stale, unlicensed};
pub use hour::{Activated, unusual_hours};
pub use network::{Origin, network, unusual_networks};
pub use settings::{Approvers, Changed, InForce, disabled, unapprovable, weakened, without_mfa};

use super::{AlertKind, Finding, Measure, Setting};
use crate::{
    holders::Holder,
    id::{GrantId, PrincipalId, RoleId},
    role::{PermissionBlock, Role},
    scope::Scope,
};

/// Persons who must be able to rescue a tenant.
pub const BREAK_GLASS_HOLDERS_MIN: usize = 2;

/// How many persons have something, of how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crowd {
    /// Which role.
    pub role: RoleId,
    /// Where.
    pub scope: Scope,
    /// Persons who have it.
    pub count: i64,
    /// Of so many.
    pub of: i64,
}

/// Where as many persons as are too many have a role, and as large a part of all as is too large:
/// both.
#[must_use]
pub fn crowded(crowds: &[Crowd], setting: &Setting) -> Vec<Finding> {
    let (count, share) = (setting.value(Measure::Count), setting.value(Measure::Share));
    let is_met = |crowd: &&Crowd| {
        crowd.count >= count && crowd.count.saturating_mul(100) >= share.saturating_mul(crowd.of)
    };
    let finding = |crowd: &Crowd| {
        let detail =
            format!("{} of {}; the limits are {count} and {share} percent", crowd.count, crowd.of);
        Finding {
            role: Some(crowd.role),
            scope: Some(crowd.scope.clone()),
            ..Finding::of(&[&crowd.role, &crowd.scope], detail)
        }
    };
    crowds.iter().filter(is_met).map(finding).collect()
}

/// An eligibility, and when it was last used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eligible {
    /// Which.
    pub eligibility: GrantId,
    /// Whose: a user's or a group's.
    pub principal: PrincipalId,
    /// For which role.
    pub role: RoleId,
    /// Where.
    pub scope: Scope,
    /// From when on it could be used.
    pub since: DateTime<Utc>,
    /// When an activation by it last began.
    pub last_used: Option<DateTime<Utc>>,
}

/// The eligibilities that nobody has used for so long.
#[must_use]
pub fn unused(eligible: &[Eligible], setting: &Setting, now: DateTime<Utc>) -> Vec<Finding> {
    let before = setting.since(now);
    let is_met = |one: &&Eligible| one.last_used.unwrap_or(one.since) <= before;
    let finding = |one: &Eligible| {
        let detail = match one.last_used {
            Some(last) => format!("last activated on {}", last.date_naive()),
            None => format!("never activated since {}", one.since.date_naive()),
        };
        Finding {
            subject: Some(one.principal),
            role: Some(one.role),
            scope: Some(one.scope.clone()),
            ..Finding::of(&[&one.eligibility], detail)
        }
    };
    eligible.iter().filter(is_met).map(finding).collect()
}

/// How often somebody has activated a role at a scope within the time that is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewals {
    /// Who.
    pub principal: PrincipalId,
    /// Which role.
    pub role: RoleId,
    /// Where.
    pub scope: Scope,
    /// How often.
    pub count: i64,
}

/// Who activates the same role as often as is too often.
#[must_use]
pub fn renewed(renewals: &[Renewals], setting: &Setting) -> Vec<Finding> {
    let least = setting.value(Measure::Count);
    let finding = |one: &Renewals| Finding {
        subject: Some(one.principal),
        role: Some(one.role),
        scope: Some(one.scope.clone()),
        ..Finding::of(
            &[&one.principal, &one.role, &one.scope],
            format!("activated {} times; the limit is {least}", one.count),
        )
    };
    renewals.iter().filter(|one| one.count >= least).map(finding).collect()
}

/// Whether fewer break-glass persons than there must be administer the tenant for good. `holders`
/// are those of the first role of the tenant at its root.
#[must_use]
pub fn few_break_glass(holders: &[Holder], now: DateTime<Utc>) -> Vec<Finding> {
    let counting = holders.iter().filter(|one| one.principal.break_glass && one.counts(now));
    let persons: BTreeSet<Uuid> = counting.map(|one| one.principal.person_key()).collect();
    if persons.len() >= BREAK_GLASS_HOLDERS_MIN {
        return Vec::new();
    }
    let least = BREAK_GLASS_HOLDERS_MIN;
    let detail = format!("{} enabled for good; there must be {least}", persons.len());
    vec![Finding::of(&[&"tenant"], detail)]
}

/// When a break-glass account last called to change something, or was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Which account.
    pub principal: PrincipalId,
    /// When.
    pub latest: DateTime<Utc>,
}

/// The break-glass accounts that were used lately.
#[must_use]
pub fn used(uses: &[Use], setting: &Setting, now: DateTime<Utc>) -> Vec<Finding> {
    let since = setting.since(now);
    let finding = |one: &Use| Finding {
        subject: Some(one.principal),
        latest: Some(one.latest),
        ..Finding::of(&[&one.principal], "the log has entries by it".to_owned())
    };
    uses.iter().filter(|one| one.latest > since).map(finding).collect()
}

/// How often somebody was refused since anything last succeeded for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Who.
    pub principal: PrincipalId,
    /// How often, within the time that is looked at.
    pub count: i64,
}

/// Who was refused as often in a row as is too often.
#[must_use]
pub fn refused(all: &[Refused], setting: &Setting) -> Vec<Finding> {
    let least = setting.value(Measure::Count);
    let finding = |one: &Refused| Finding {
        subject: Some(one.principal),
        ..Finding::of(
            &[&one.principal],
            format!("refused {} times in a row; the limit is {least}", one.count),
        )
    };
    all.iter().filter(|one| one.count >= least).map(finding).collect()
}

/// How often one person has approved what another asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvals {
    /// An account of who asked.
    pub account: PrincipalId,
    /// The person.
    pub requester: Uuid,
    /// The person who said yes.
    pub approver: Uuid,
    /// How often.
    pub count: i64,
    /// Of how many that were approved for the requester.
    pub of: i64,
}

/// The pairs of persons of whom each has approved all that the other was approved, often enough.
#[must_use]
pub fn mutual(approvals: &[Approvals], setting: &Setting) -> Vec<Finding> {
    let least = setting.value(Measure::Count);
    let always = |one: &&Approvals| one.count >= least && one.count == one.of;
    let pairs: BTreeMap<(Uuid, Uuid), &Approvals> =
        approvals.iter().filter(always).map(|one| ((one.requester, one.approver), one)).collect();
    let both = pairs.iter().filter_map(|((one, other), given)| {
        // Each pair once.
        (one < other).then_some(())?;
        let back = pairs.get(&(*other, *one))?;
        let detail = format!(
            "each approved all of the other's {} and {} requests; the other is {}",
            given.count, back.count, back.account
        );
        let finding = Finding::of(&[one, other], detail);
        Some(Finding { subject: Some(given.account), ..finding })
    });
    both.collect()
}

/// The custom roles that permit the same at the same scopes as another.
#[must_use]
pub fn duplicates(roles: &[Role]) -> Vec<Finding> {
    let mut alike: BTreeMap<String, Vec<&Role>> = BTreeMap::new();
    for role in roles.iter().filter(|role| role.custom.is_some()) {
        alike.entry(criteria(role)).or_default().push(role);
    }
    let several = alike.into_values().filter(|alike| alike.len() > 1);
    several
        .map(|alike| {
            let ids: BTreeSet<RoleId> = alike.iter().map(|role| role.id).collect();
            let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let finding = Finding::of(&[&names.join(" ")], format!("roles {}", names.join(", ")));
            Finding { role: ids.first().copied(), ..finding }
        })
        .collect()
}

/// What a role permits and where, in whatever order it is written down.
fn criteria(role: &Role) -> String {
    let sorted = |texts: &[String]| {
        let texts: BTreeSet<String> = texts.iter().map(|text| text.to_lowercase()).collect();
        texts
    };
    let block = |block: &PermissionBlock| {
        format!(
            "{:?}",
            (
                &block.condition,
                sorted(&block.actions),
                sorted(&block.not_actions),
                sorted(&block.data_actions),
                sorted(&block.not_data_actions),
            )
        )
    };
    let blocks: BTreeSet<String> = role.permissions.iter().map(block).collect();
    let scopes: BTreeSet<&Scope> =
        role.custom.iter().flat_map(|custom| &custom.assignable_scopes).collect();
    format!("{:?}", (role.catalog.as_str(), blocks, scopes))
}
