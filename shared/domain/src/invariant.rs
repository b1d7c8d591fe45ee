//! What must hold after every step, whatever was done: shared by property tests, the simulation
//! and the stories.

use chrono::{DateTime, Utc};

use crate::{
    activation::{Activation, State},
    approval::Approval,
    change::{Thing, Version, fold},
    effective::Holding,
    event::Event,
    grant::Grant,
    policy::ACTIVATION_CEILING,
    principal::Principal,
};

/// An invariant that does not hold, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{invariant}: {detail}")]
pub struct Broken {
    /// Which.
    pub invariant: &'static str,
    /// Where.
    pub detail: String,
}

fn broken(invariant: &'static str, detail: impl Into<String>) -> Broken {
    Broken { invariant, detail: detail.into() }
}

/// Nothing is effective at or after its end, nor before its start, nor where what it rests on
/// does not count.
///
/// # Errors
/// The first holding for which that is not so.
pub fn nothing_outside_its_window(holdings: &[Holding], at: DateTime<Utc>) -> Result<(), Broken> {
    let outside = holdings.iter().find(|holding| {
        !holding.span.window.contains(at)
            || holding.path.as_ref().is_some_and(|path| !path.eligibility.counts(at))
    });
    match outside {
        Some(holding) => Err(broken("effective outside its window", holding.id.to_string())),
        None => Ok(()),
    }
}

/// An activation lasts no longer than any policy permits, and was never given past its eligibility's
/// end. An end that was moved since cuts it short by itself.
///
/// # Errors
/// Where that is not so.
pub fn bounded(activation: &Activation, eligibility: &Grant) -> Result<(), Broken> {
    let held = match &activation.state {
        State::Active { held, .. } | State::Ended { held: Some(held), .. } => held,
        State::PendingApproval { .. }
        | State::Scheduled { .. }
        | State::Ended { held: None, .. } => {
            return Ok(());
        }
    };
    if held.end - held.start > ACTIVATION_CEILING {
        return Err(broken("an activation over the ceiling", activation.id.to_string()));
    }
    let changed_since =
        eligibility.version > Version::FIRST && eligibility.update_time >= held.start;
    if !changed_since && eligibility.window.end.is_some_and(|end| held.end > end) {
        return Err(broken("an activation past its eligibility", activation.id.to_string()));
    }
    if held.start < eligibility.window.start {
        return Err(broken("an activation before its eligibility", activation.id.to_string()));
    }
    Ok(())
}

/// Nobody decides on their own request, and one person counts once.
///
/// # Errors
/// Where that is not so.
pub fn nobody_decides_alone(approval: &Approval, requester: &Principal) -> Result<(), Broken> {
    let counted = approval.decisions.iter().filter(|decision| decision.dropped.is_none());
    let mut persons: Vec<_> = counted.map(|decision| decision.person).collect();
    if persons.contains(&requester.person_key()) {
        return Err(broken("decided on their own request", approval.id.to_string()));
    }
    persons.sort_unstable();
    if persons.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(broken("a person counted twice", approval.id.to_string()));
    }
    Ok(())
}

/// At most one activation is live for a principal and target.
///
/// # Errors
/// The second one.
pub fn one_live_each(activations: &[Activation], now: DateTime<Utc>) -> Result<(), Broken> {
    let live: Vec<_> = activations.iter().filter(|one| one.settled(now).is_live()).collect();
    for (index, one) in live.iter().enumerate() {
        let same = live[..index].iter().any(|other| {
            (other.principal, other.role, &other.scope) == (one.principal, one.role, &one.scope)
        });
        if same {
            return Err(broken("two live activations of one target", one.id.to_string()));
        }
    }
    Ok(())
}

/// An ended activation stays as it ended.
///
/// # Errors
/// Where `after` has moved on from an end.
pub fn ended_stays_ended(before: &Activation, after: &Activation) -> Result<(), Broken> {
    let ended = matches!(before.state, State::Ended { .. });
    if ended && before != after {
        return Err(broken("something ended has changed", before.id.to_string()));
    }
    Ok(())
}

/// The log explains the state, entirely: the events of a thing, folded, are what is stored; and
/// there is one for each version, without gap.
///
/// # Errors
/// Where that is not so.
pub fn log_explains<T: Thing + PartialEq>(events: &[Event], stored: &T) -> Result<(), Broken> {
    let versions: Vec<i64> =
        events.iter().filter_map(|event| event.thing).map(|thing| thing.version).collect();
    let expected: Vec<i64> = (1..=stored.version().0).collect();
    let name = || format!("{} {}", stored.kind().as_str(), stored.id());
    if versions != expected {
        return Err(broken("versions in the log", format!("{}: {versions:?}", name())));
    }
    if fold::<T>(events).as_ref() != Some(stored) {
        return Err(broken("the log does not lead to the state", name()));
    }
    Ok(())
}
