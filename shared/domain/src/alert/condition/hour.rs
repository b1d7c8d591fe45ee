//! Activations at an hour at which that person does not activate.

use chrono::{DateTime, Timelike as _, Utc};
use uuid::Uuid;

use super::{Finding, Measure, Setting};
use crate::{
    id::{PrincipalId, RoleId},
    scope::Scope,
};

const DAY_SECONDS: i64 = 86_400;

/// An activation that has begun, and when the same person's began before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activated {
    /// Which.
    pub activation: Uuid,
    /// Who.
    pub principal: PrincipalId,
    /// Which role.
    pub role: RoleId,
    /// Where.
    pub scope: Scope,
    /// When.
    pub time: DateTime<Utc>,
    /// When those before it were, as far back as is looked at.
    pub history: Vec<DateTime<Utc>>,
}

/// The activations of lately that are far from the hour of each one before them, where there were
/// enough of these to know a habit. Hours are of the day in UTC, around midnight.
#[must_use]
pub fn unusual_hours(all: &[Activated], setting: &Setting, now: DateTime<Utc>) -> Vec<Finding> {
    let since = setting.since(now);
    let (least, far) = (setting.value(Measure::Count), setting.value(Measure::Distance) * 3_600);
    let is_met = |one: &&Activated| {
        let known = i64::try_from(one.history.len()).unwrap_or(i64::MAX);
        one.time > since
            && known >= least
            && one.history.iter().all(|before| distance(*before, one.time) >= far)
    };
    let finding = |one: &Activated| {
        let detail = format!(
            "at {} UTC; none of the {} before it was within {} hours of that",
            one.time.format("%H:%M"),
            one.history.len(),
            far / 3_600
        );
        Finding {
            subject: Some(one.principal),
            role: Some(one.role),
            scope: Some(one.scope.clone()),
            ..Finding::of(&[&one.activation], detail)
        }
    };
    all.iter().filter(is_met).map(finding).collect()
}

/// Seconds from one time of the day to another, the shorter way around.
fn distance(one: DateTime<Utc>, other: DateTime<Utc>) -> i64 {
    let second = |time: DateTime<Utc>| i64::from(time.num_seconds_from_midnight());
    let apart = (second(one) - second(other)).abs();
    apart.min(DAY_SECONDS - apart)
}
