//! Role tokens: a statement of what somebody holds, for systems that read tokens and do not ask
//! here. Nobody can take one back, so that it ends before the clock makes it untrue, and soon.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    effective::{Effective, Holding, Instant},
    id::{PrincipalId, RoleId, TenantId},
    scope::Scope,
    time::earliest,
};

/// A token lives this long at most. What is revoked stays in tokens no longer than this.
pub const LIFETIME_MAX: TimeDelta = TimeDelta::minutes(5);
/// The shortest life that can be asked for: ends are whole seconds, and what the clock may be off
/// must not use all of it up.
pub const LIFETIME_MIN: TimeDelta = TimeDelta::seconds(5);
/// Of a token that is given out, at least this much is left.
pub const LEFT_MIN: TimeDelta = TimeDelta::seconds(1);
/// Roles in one token, at most.
pub const ROLES_MAX: usize = 200;
/// Bytes of a signed token, at most.
pub const TOKEN_BYTES_MAX: usize = 64 * 1_024;
/// Characters of an audience, at most.
pub const AUDIENCE_CHARS_MAX: usize = 256;
/// The published keys may be kept this long without asking again. A new key is published for as
/// long before it signs.
pub const KEYS_MAX_AGE: TimeDelta = TimeDelta::minutes(5);

/// Why no token is given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What is held changes before a second has passed. A token of what is held after that would
    /// be a guess: who asks again then is told.
    #[error("what is held is about to change, and no token outlives that: ask again in a second")]
    AboutToChange,
    /// More is held than a token has room for. Nothing is left out silently.
    #[error(
        "{held} roles are held there, and a token has room for {ROLES_MAX}: name a narrower scope"
    )]
    TooManyRoles {
        /// How many.
        held: usize,
    },
    /// The scopes are so long that too few fit.
    #[error(
        "the token would have {bytes} bytes, and it may have {TOKEN_BYTES_MAX}: name a narrower \
         scope"
    )]
    TooLong {
        /// How many bytes it would have.
        bytes: usize,
    },
}

/// What a token is asked to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Who is to read it.
    pub audience: String,
    /// Only what holds at this scope; absent: wherever it is held.
    pub scope: Option<Scope>,
    /// How long it is to live: from [`LIFETIME_MIN`] to [`LIFETIME_MAX`].
    pub lifetime: TimeDelta,
}

/// Who states it, about whose tenant, and under which id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The name of the issuer, as readers know it.
    pub issuer: String,
    /// Whose directory the principal is of.
    pub tenant: TenantId,
    /// Of this token alone.
    pub id: Uuid,
}

/// What a token says (RFC 7519). Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The principal.
    pub sub: PrincipalId,
    /// Who is to read it. Others must refuse it.
    pub aud: String,
    /// The tenant.
    pub tid: TenantId,
    /// When it was issued, rounded down.
    pub iat: i64,
    /// From when on it is good: at once.
    pub nbf: i64,
    /// From when on it is no good any more.
    pub exp: i64,
    /// Of this token alone.
    pub jti: Uuid,
    /// Only what holds at this scope is in it; absent: all that the principal holds. Not `scope`,
    /// which OAuth has given another meaning (RFC 8693).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_at: Option<Scope>,
    /// What the principal holds, ordered as in a list of it.
    pub roles: Vec<RoleClaim>,
}

/// One way in which the principal holds one role at one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleClaim {
    /// Which role.
    pub role_id: RoleId,
    /// Where, and everywhere below.
    pub scope: Scope,
    /// The group that holds it; absent: the principal itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<PrincipalId>,
    /// When it ends as it was granted, in seconds since 1970, rounded down; absent: permanent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<i64>,
}

impl Claims {
    /// What a token says of what somebody holds at an instant.
    ///
    /// # Errors
    /// More is held than it has room for, or it would end at once.
    pub fn of(
        effective: Effective,
        at: Instant,
        wish: Wish,
        issue: Issue,
    ) -> Result<Self, Refusal> {
        let Effective { principal, holdings, valid_until, .. } = effective;
        let held = holdings.len();
        if held > ROLES_MAX {
            return Err(Refusal::TooManyRoles { held });
        }
        let exp = end(valid_until, at, wish.lifetime)?.timestamp();
        let issued = at.earliest.timestamp();
        let claim = |holding| RoleClaim::of(principal, holding);
        Ok(Self {
            iss: issue.issuer,
            sub: principal,
            aud: wish.audience,
            tid: issue.tenant,
            iat: issued,
            nbf: issued,
            exp,
            jti: issue.id,
            held_at: wish.scope,
            roles: holdings.into_iter().map(claim).collect(),
        })
    }

    /// From when on it is no good any more.
    #[must_use]
    pub fn expire_time(&self) -> DateTime<Utc> {
        whole_second(self.exp)
    }
}

impl RoleClaim {
    fn of(principal: PrincipalId, holding: Holding) -> Self {
        Self {
            role_id: holding.role,
            scope: holding.scope,
            group_id: (holding.holder != principal).then_some(holding.holder),
            end_time: holding.span.window.end.map(|end| end.timestamp()),
        }
    }
}

/// When a token of that instant ends: after its lifetime, and never after the clock alone changes
/// what it says. In whole seconds, because some readers know no others, and down, because up would
/// be later than that. Its lifetime counts from the earliest that the instant may have been.
///
/// # Errors
/// Less than [`LEFT_MIN`] would be left, wherever in `at` the instant lies.
pub fn end(
    valid_until: Option<DateTime<Utc>>,
    at: Instant,
    lifetime: TimeDelta,
) -> Result<DateTime<Utc>, Refusal> {
    let lived = at.earliest.checked_add_signed(lifetime.min(LIFETIME_MAX));
    let end = earliest(lived, valid_until).map(|end| whole_second(end.timestamp()));
    end.filter(|end| *end - at.latest >= LEFT_MIN).ok_or(Refusal::AboutToChange)
}

fn whole_second(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MIN_UTC)
}
