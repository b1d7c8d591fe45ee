//! Role tokens, of `AccessService`.

use chrono::TimeDelta;
use pim_domain::{
    role_token::{AUDIENCE_CHARS_MAX, LIFETIME_MAX, LIFETIME_MIN, Wish},
    time::format_duration,
};
use prost_types::Duration;

use super::{wire_duration, wire_time};
use crate::{
    access::v1,
    call::{Asked, Consistency, GetRoleTokenKeys, RoleTokenKeysView, RoleTokenView, When},
    field::{self, FieldViolation},
};

/// A token is of a state as new as the call: who asks is who would gain by an older one.
impl TryFrom<v1::IssueRoleTokenRequest> for Asked<Wish> {
    type Error = FieldViolation;

    fn try_from(request: v1::IssueRoleTokenRequest) -> Result<Self, FieldViolation> {
        let v1::IssueRoleTokenRequest { audience, scope, lifetime } = request;
        let question = Wish {
            audience: field::name(audience, "audience", AUDIENCE_CHARS_MAX)?,
            scope: field::optional_scope(&scope, "scope")?,
            lifetime: token_lifetime(lifetime)?,
        };
        Ok(Self { question, when: When::Now(Consistency::Full) })
    }
}

fn token_lifetime(given: Option<Duration>) -> Result<TimeDelta, FieldViolation> {
    let path = "lifetime";
    let lifetime = field::positive_duration(given, path)?.unwrap_or(LIFETIME_MAX);
    if !(LIFETIME_MIN..=LIFETIME_MAX).contains(&lifetime) {
        let description = format!(
            "must be from {} to {}; it is {}",
            format_duration(LIFETIME_MIN),
            format_duration(LIFETIME_MAX),
            format_duration(lifetime)
        );
        return Err(FieldViolation::new(path, description));
    }
    Ok(lifetime)
}

impl TryFrom<v1::GetRoleTokenKeysRequest> for GetRoleTokenKeys {
    type Error = FieldViolation;

    fn try_from(request: v1::GetRoleTokenKeysRequest) -> Result<Self, FieldViolation> {
        let v1::GetRoleTokenKeysRequest {} = request;
        Ok(Self)
    }
}

impl From<RoleTokenView> for v1::IssueRoleTokenResponse {
    fn from(view: RoleTokenView) -> Self {
        Self {
            token: view.token,
            expire_time: Some(wire_time(view.expire_time)),
            key_id: view.key_id,
            revision: view.revision,
            as_of_time: Some(wire_time(view.as_of)),
            max_clock_error: Some(wire_duration(view.max_clock_error)),
        }
    }
}

impl From<RoleTokenKeysView> for v1::GetRoleTokenKeysResponse {
    fn from(view: RoleTokenKeysView) -> Self {
        Self {
            jwks: view.jwks,
            issuer: view.issuer,
            key_id: view.key_id,
            max_age: Some(wire_duration(view.max_age)),
        }
    }
}
