//! `CheckAccess` and `BatchCheckAccess`.

use chrono::{DateTime, Utc};
use pim_chassis::{Context, Error};
use pim_domain::{
    authority::{Action, Realm},
    denial::Reason,
    effective::{self, Effective, Ground},
    event::ThingKind,
    id::RoleId,
    scope::{Lineage, Scope},
};
use pim_proto::call::{AccessView, BatchAnswer, BatchRead, CheckAccess, Question};
use tonic::Status;

use crate::{
    facts::{Facts, Loaded},
    verb::Verb,
};

/// Does a principal hold or may they do something at a scope?
impl Verb for CheckAccess {
    type Answer = AccessView;

    async fn load(&self, context: &Context, at: Option<DateTime<Utc>>) -> Result<Loaded, Error> {
        Loaded::for_checks(context, &[self], at).await
    }

    fn answer(self, context: &Context, facts: &impl Facts) -> Result<AccessView, Error> {
        let ground = ground(context, facts, &self)?;
        // The instant that it is once all is in hand, so that what is asked at or after an end is
        // answered as ended.
        let (as_of, max_clock_error, instant) = facts.reading(context, ground.newest());
        let effective = effective::decision(ground.resolve(), instant);
        let revision = facts.sealed(context);
        Ok(AccessView { effective, revision, as_of, max_clock_error })
    }
}

/// The same of many, all of one state of the database and one instant.
impl Verb for BatchRead<CheckAccess> {
    type Answer = BatchAnswer<Effective>;

    async fn load(&self, context: &Context, at: Option<DateTime<Utc>>) -> Result<Loaded, Error> {
        let questions: Vec<&CheckAccess> = self.items.iter().flatten().collect();
        Loaded::for_checks(context, &questions, at).await
    }

    fn answer(self, context: &Context, facts: &impl Facts) -> Result<Self::Answer, Error> {
        let judge = |item: Result<CheckAccess, _>| {
            item.map_err(Error::Field).and_then(|question| ground(context, facts, &question))
        };
        let grounds: Vec<Result<Ground, Error>> = self.items.into_iter().map(judge).collect();
        let newest = grounds.iter().flatten().filter_map(Ground::newest).max();
        let (as_of, max_clock_error, instant) = facts.reading(context, newest);
        let decide = |ground: Ground| effective::decision(ground.resolve(), instant);
        let results = grounds.into_iter().map(|ground| ground.map(decide).map_err(Status::from));
        Ok(BatchAnswer {
            results: results.collect(),
            revision: facts.sealed(context),
            as_of,
            max_clock_error,
        })
    }
}

/// All that would carry a yes to this question if it counts.
fn ground(context: &Context, facts: &impl Facts, question: &CheckAccess) -> Result<Ground, Error> {
    permit(context, facts, question, Action::AccessCheck)?;
    Ok(facts.ground(question.principal, &is_asked(facts, question)))
}

/// Which roles at which scopes carry a yes to this question.
pub(crate) fn is_asked(
    facts: &impl Facts,
    question: &CheckAccess,
) -> impl Fn(RoleId, &Scope) -> bool {
    let at = facts.placed(&question.scope);
    move |role, scope| {
        at.is_below(scope)
            && match &question.question {
                Question::Role(id) => role == *id,
                Question::Operation(operation) => facts.permits(role, operation),
            }
    }
}

/// Passes who may ask this by `action`, or of themselves. Of a principal that there is not, who may ask here but may not know
/// hears what they would of one that holds nothing.
pub(crate) fn permit(
    context: &Context,
    facts: &impl Facts,
    question: &CheckAccess,
    action: Action,
) -> Result<(), Error> {
    let at = facts.lineage(&question.scope);
    let (caller, now) = (context.caller()?, context.now());
    let is_self = question.principal == caller.principal.id;
    let (realm, missing) = match &question.question {
        Question::Operation(operation) => (Some(Realm::from(operation.catalog())), None),
        Question::Role(id) => match facts.catalog(*id) {
            Some(catalog) => (Some(Realm::from(catalog)), None),
            None => (None, Some(Reason::NotFound { thing: ThingKind::Role, id: id.uuid() })),
        },
    };
    if !is_self {
        match realm {
            Some(realm) => caller.authorise(action, realm, &at, now)?,
            // An unknown role is one to nobody but who may ask everywhere.
            None => drop(caller.catalogs(action, &Lineage::root(), now)?),
        }
    }
    if let Some(missing) = missing {
        return Err(missing.into());
    }
    let is_known = is_self || facts.knows(question.principal);
    if !is_known && caller.may_know(action, now) {
        let id = question.principal.uuid();
        return Err(Reason::NotFound { thing: ThingKind::Principal, id }.into());
    }
    Ok(())
}
