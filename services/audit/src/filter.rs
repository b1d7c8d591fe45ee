//! Which events are wanted: as the store's filter, and as a predicate for those that come by.

use pim_domain::event::{Actor, Event, Outcome};
use pim_proto::call::{EventFilter, EventResult};
use pim_store::events;

/// For the store.
pub(crate) fn stored(filter: &EventFilter) -> events::Filter {
    events::Filter {
        start: filter.start,
        end: filter.end,
        actor: filter.actor.clone(),
        subject: filter.subject,
        role: filter.role,
        scope: filter.scope.clone(),
        code: filter.code.map(|code| code.as_str().to_owned()),
        result: filter.result.map(EventResult::as_str),
        correlation: filter.correlation,
        thing: filter.thing,
        category: filter.category.map(|category| category.as_str().to_owned()),
    }
}

/// Whether `event` is wanted; what the filter leaves open matches all.
pub(crate) fn matches(filter: &EventFilter, event: &Event) -> bool {
    let result = match event.outcome {
        Outcome::Success => EventResult::Success,
        Outcome::Failure { .. } => EventResult::Failure,
    };
    fits(filter.start, |start| event.time >= start)
        && fits(filter.end, |end| event.time < end)
        && fits(filter.actor.as_ref(), |actor| *actor == actor_id(&event.actor))
        && fits(filter.subject, |subject| event.about.subject == Some(subject))
        && fits(filter.role, |role| event.about.role == Some(role))
        && fits(filter.scope.as_ref(), |scope| event.about.scope.as_ref() == Some(scope))
        && fits(filter.code, |code| event.code == code)
        && fits(filter.result, |wanted| wanted == result)
        && fits(filter.correlation, |id| event.correlation() == Some(id))
        && fits(filter.thing, |id| event.thing.is_some_and(|thing| thing.id == id))
        && fits(filter.category, |category| event.category() == category.as_str())
}

fn fits<T>(wanted: Option<T>, matches: impl FnOnce(T) -> bool) -> bool {
    wanted.is_none_or(matches)
}

fn actor_id(actor: &Actor) -> String {
    match actor {
        Actor::Principal { id, .. } => id.to_string(),
        Actor::Service { name } => name.clone(),
        Actor::Operator { subject, .. } => subject.clone(),
    }
}
