//! `ExplainAccess`: from the log, because the tables leave out what has ended.

use chrono::{DateTime, Utc};
use pim_chassis::{Context, Error};
use pim_domain::{
    authority::Action,
    effective::{self, Effective, Holding},
    past::{Past, Support},
};
use pim_proto::call::{AccessView, ExplainAccess, Explanation};
use pim_store::{Read, events};
use uuid::Uuid;

use crate::{
    check::{is_asked, permit},
    facts::{Facts, Loaded},
    verb::of_the_past,
};

/// What might have carried a yes, at most.
const OBSTACLES_MAX: usize = 50;

/// Why does a principal hold or may they do something at a scope, or why not?
pub(crate) async fn explain(
    context: Context,
    explain: ExplainAccess,
) -> Result<Explanation, Error> {
    let ExplainAccess { question, at } = explain;
    let at = at.map(|at| of_the_past(&context.process, at)).transpose()?;
    let mut read = context.read().await?;
    let (facts, past) = Loaded::past_checks(context.tenant, &mut read, &[&question], at).await?;
    permit(&context, &facts, &question, Action::AccessRead)?;
    let ground = facts.ground(question.principal, &is_asked(&facts, &question));
    let memberships = ground.memberships.clone();
    let (as_of, max_clock_error, instant) = facts.reading(&context, ground.newest());
    let resolved = ground.resolve();
    let effective = effective::decision(resolved.clone(), instant);
    let supports = supports(&context, &mut read, &past, &effective, &memberships, at).await?;
    let mut obstacles = Vec::new();
    if effective.holdings.is_empty() {
        obstacles = past.obstacles(&resolved, &is_asked(&facts, &question), instant);
        obstacles.truncate(OBSTACLES_MAX);
    }
    let revision = facts.sealed(&context);
    let answer = AccessView { effective, revision, as_of, max_clock_error };
    Ok(Explanation { answer, supports, obstacles })
}

/// What carries a yes, with all that the log tells of it.
async fn supports(
    context: &Context,
    read: &mut Read,
    past: &Past,
    effective: &Effective,
    memberships: &[Holding],
    at: Option<DateTime<Utc>>,
) -> Result<Vec<Support>, Error> {
    let through = effective.memberships.iter();
    let through = through.filter_map(|id| memberships.iter().find(|one| one.id == *id));
    let carrying = effective.holdings.iter().map(|one| (one, false));
    let carrying: Vec<(&Holding, bool)> = carrying.chain(through.map(|one| (one, true))).collect();
    let correlations: Vec<Uuid> =
        carrying.iter().flat_map(|(one, _)| past.correlations(one)).collect();
    let told = events::of_correlations(read, context.tenant, &correlations, at).await?;
    let supports = carrying.into_iter();
    let supports =
        supports.filter_map(|(one, is_membership)| past.support(one.clone(), is_membership, &told));
    Ok(supports.collect())
}
