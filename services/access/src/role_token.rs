//! `IssueRoleToken` and `GetRoleTokenKeys`.

use chrono::{DateTime, Utc};
use pim_chassis::{Context, Error, auth::RoleTokens};
use pim_domain::{
    effective,
    role_token::{Claims, Issue, KEYS_MAX_AGE, Refusal, TOKEN_BYTES_MAX, Wish},
};
use pim_proto::call::{GetRoleTokenKeys, HoldingsFilter, RoleTokenKeysView, RoleTokenView};
use uuid::Uuid;

use crate::{
    facts::{Facts, Loaded},
    verb::Verb,
};

/// What the caller holds, signed for somebody who does not ask here.
impl Verb for Wish {
    type Answer = RoleTokenView;

    async fn load(&self, context: &Context, at: Option<DateTime<Utc>>) -> Result<Loaded, Error> {
        Loaded::for_list(context, &filter(context, self)?, at).await
    }

    fn answer(self, context: &Context, facts: &impl Facts) -> Result<RoleTokenView, Error> {
        let signer = signer(context)?;
        let ground = facts.ground_of(&filter(context, &self)?);
        let newest = ground.newest();
        // It is believed where nobody can ask what time it really is.
        context.process.clock.gaining_now(newest)?;
        let (as_of, max_clock_error, instant) = context.reading(newest);
        let effective = effective::list(ground.resolve(), instant);
        let (issuer, tenant) = (signer.issuer().to_owned(), context.tenant);
        let issue = Issue { issuer, tenant, id: Uuid::new_v4() };
        let claims = Claims::of(effective, instant, self, issue)?;
        let token = signer.sign(&claims).map_err(|error| {
            tracing::error!(%error, "a role token could not be signed");
            Error::Lost
        })?;
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::TooLong { bytes: token.len() }.into());
        }
        Ok(RoleTokenView {
            token,
            expire_time: claims.expire_time(),
            key_id: signer.key_id().to_owned(),
            revision: facts.sealed(context),
            as_of,
            max_clock_error,
        })
    }
}

/// The keys by which role tokens are verified.
pub(crate) async fn keys(
    context: Context,
    _: GetRoleTokenKeys,
) -> Result<RoleTokenKeysView, Error> {
    let signer = signer(&context)?;
    Ok(RoleTokenKeysView {
        jwks: signer.jwks().to_owned(),
        issuer: signer.issuer().to_owned(),
        key_id: signer.key_id().to_owned(),
        max_age: KEYS_MAX_AGE,
    })
}

/// Nobody gets a token of what somebody else holds.
fn filter(context: &Context, wish: &Wish) -> Result<HoldingsFilter, Error> {
    let principal = context.caller()?.principal.id;
    Ok(HoldingsFilter { principal, scope: wish.scope.clone(), at: None })
}

fn signer(context: &Context) -> Result<&RoleTokens, Error> {
    context.process.role_tokens.as_deref().ok_or(Error::NoRoleTokens)
}
