//! `GetCaller`.

use chrono::{DateTime, Utc};
use pim_chassis::{
    Context, Error,
    auth::{Claims, OperatorIdentity, ServiceIdentity},
    context::Who,
    rpc::RPCS,
};
use pim_domain::authority::Caller;
use pim_proto::call::{CallerView, ConferralView, GetCaller, Named};

/// Who calls, and what they may do to the system itself. Of whoever is in the directory all is of
/// one state of the database.
pub(crate) async fn get(context: Context, _: GetCaller) -> Result<CallerView, Error> {
    let mut read = context.read().await?;
    let context = context.as_in(&mut read).await?;
    let newest = context.caller().ok().and_then(newest);
    let (as_of, max_clock_error, _) = context.reading(newest);
    let (named, issuer, subject, claims, mfa, conferrals) = match &context.who {
        Who::Principal { caller, claims } => (
            Named::Principal(context.tenant, Box::new(caller.principal.clone())),
            &caller.principal.issuer,
            &caller.principal.subject,
            claims,
            caller.sign_in.mfa,
            conferrals(caller, as_of),
        ),
        Who::Service(ServiceIdentity { name, issuer, subject, claims }) => {
            (Named::Service(name.clone()), issuer, subject, claims, claims.mfa(), Vec::new())
        }
        Who::Operator(OperatorIdentity { issuer, subject, claims }) => {
            (Named::Operator, issuer, subject, claims, claims.mfa(), Vec::new())
        }
    };
    let Claims { amr, acr, acrs, auth_time, expire_time, .. } = claims.clone();
    let methods = RPCS.iter().filter(|rpc| context.may_call(rpc, as_of));
    Ok(CallerView {
        named,
        issuer: issuer.clone(),
        subject: subject.clone(),
        mfa,
        amr,
        acr,
        acrs,
        auth_time,
        token_expire_time: expire_time,
        conferrals,
        methods: methods.map(|rpc| rpc.path.to_owned()).collect(),
        revision: context.revision(read.revision()),
        as_of,
        max_clock_error,
    })
}

fn conferrals(caller: &Caller, now: DateTime<Utc>) -> Vec<ConferralView> {
    let conferred = caller.conferred(now).into_iter().map(|(held, conferred)| ConferralView {
        principal: caller.principal.id,
        holding: held.holding.clone(),
        conferred,
        valid_until: held.counts.window_at(now).and_then(|window| window.end),
    });
    let mut conferrals: Vec<ConferralView> = conferred.collect();
    conferrals.sort_by_key(|one| one.holding.id);
    conferrals
}

/// The newest change among what the answer consists of.
fn newest(caller: &Caller) -> Option<DateTime<Utc>> {
    let held = caller.holdings.iter().map(|held| held.holding.update_time);
    held.chain([caller.principal.update_time]).max()
}
