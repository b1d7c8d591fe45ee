//! The way of a question to its answer: from memory where that is new enough, else from the database.

use std::time::Duration;

use chrono::{DateTime, Utc};
use pim_chassis::{Arrival, Context, Error, Process};
use pim_domain::id::TenantId;
use pim_proto::{
    call::{Asked, Consistency, When},
    field::FieldViolation,
};
use tonic::{Request, Response, Status, metadata::MetadataValue};

use crate::{
    facts::{Facts, Loaded, Remembered},
    follow::{Follower, Freshness},
};

/// A question.
pub(crate) trait Verb: Sized {
    /// Its answer.
    type Answer;

    /// Reads what the answer depends on, now or at an instant of the past.
    fn load(
        &self,
        context: &Context,
        at: Option<DateTime<Utc>>,
    ) -> impl Future<Output = Result<Loaded, Error>> + Send;

    /// The answer, and whether the caller may have it.
    fn answer(self, context: &Context, facts: &impl Facts) -> Result<Self::Answer, Error>;
}

/// Answers one call.
pub(crate) async fn answer<Req, V, Res>(
    process: &Process,
    follower: Option<&Follower>,
    request: Request<Req>,
) -> Result<Response<Res>, Status>
where
    Asked<V>: TryFrom<Req, Error = FieldViolation>,
    V: Verb,
    Res: From<V::Answer>,
{
    let (arrival, message) = Arrival::of(request)?;
    // Who calls is judged before what they ask, and found where that is answered.
    let asked = Asked::<V>::try_from(message).map_err(Error::Field).and_then(|asked| {
        let state = state(process, arrival.tenant(), asked.when)?;
        Ok((asked.question, state))
    });
    let state = asked.as_ref().map_or(&State::Now(Freshness::Full), |(_, state)| state);
    if let Some(follower) = follower
        && let State::Now(freshness) = state
        && follower.wait(process, freshness).await
        && let Some(replica) = follower.replica()
        && let Some(replica) = replica.as_ref()
        && let Some(tenant) = arrival.tenant().and_then(|tenant| replica.tenant(tenant))
        && let Some(context) = arrival
            .known(process, |_, issuer, subject, sign_in| tenant.caller(issuer, subject, sign_in))?
    {
        context.permit()?;
        let (question, _) = asked?;
        let answer = question.answer(&context, &Remembered { replica, tenant })?;
        return Ok(from("memory", answer.into()));
    }
    let context = arrival.context(process).await?;
    context.permit()?;
    let (question, state) = asked?;
    let at = match state {
        State::Now(_) => None,
        State::Then(at) => Some(at),
    };
    let loaded = question.load(&context, at).await?;
    Ok(from("database", question.answer(&context, &loaded)?.into()))
}

/// An answer that says where it is from, for who wonders why it took so long.
fn from<Res>(source: &'static str, answer: Res) -> Response<Res> {
    let mut response = Response::new(answer);
    response.metadata_mut().insert("pim-source", MetadataValue::from_static(source));
    response
}

/// Which state a question is answered of.
enum State {
    Now(Freshness),
    /// Which only the log knows.
    Then(DateTime<Utc>),
}

fn state(process: &Process, tenant: Option<TenantId>, when: When) -> Result<State, Error> {
    match when {
        When::Now(consistency) => freshness(process, tenant, consistency).map(State::Now),
        When::Then(at) => of_the_past(process, at).map(State::Then),
    }
}

/// An instant, if it is of the past.
pub(crate) fn of_the_past(process: &Process, at: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
    let now = process.clock.now().now;
    if at <= now {
        return Ok(at);
    }
    let (now, at) = (now.to_rfc3339(), at.to_rfc3339());
    let description = format!("must not be in the future; it is {at}, and now is {now}");
    Err(Error::Field(FieldViolation::new("at", description)))
}

fn freshness(
    process: &Process,
    tenant: Option<TenantId>,
    consistency: Consistency,
) -> Result<Freshness, Error> {
    match consistency {
        Consistency::Full => Ok(Freshness::Full),
        Consistency::AtLeast(sealed) => {
            let revision = tenant.and_then(|tenant| process.open_revision(tenant, &sealed));
            let revision = revision.ok_or_else(|| {
                let description = "must be the revision of an answer that this tenant was given";
                FieldViolation::new("consistency.at_least_as_fresh", description)
            })?;
            Ok(Freshness::AtLeast(revision))
        }
        Consistency::MaxStaleness(most) => {
            Ok(Freshness::MaxStaleness(most.to_std().unwrap_or(Duration::ZERO)))
        }
    }
}
