//! Conditional access: what the conditions of a policy say of a request, in the language Cedar.
//!
//! A condition is a text of one or more Cedar policies and stands for itself: it allows where a
//! `permit` of it matches and no `forbid` does, so an activation that nothing is said of is denied.
//! Of several conditions each must allow. One that cannot be evaluated denies. What can be asked
//! about is in `conditions.cedarschema`, against which [`check`] holds what is written.
//!
//! The rules of `pim-domain` do not depend on this crate: they are handed [`decide`].

mod check;
mod request;

use std::{
    str::FromStr as _,
    sync::{Arc, LazyLock},
};

use cedar_policy::{Authorizer, Decision, Entities, PolicySet};
use moka::sync::Cache;
use pim_domain::condition::{CONDITION_BYTES_MAX, Circumstances, Condition, Outcome};

pub use check::{
    CONDITION_DEPTH_MAX, CONDITION_OPERATORS_MAX, CONDITION_POLICIES_MAX, Fault, SCHEMA, check,
};

/// Stack for what goes as deep as a condition: enough for the deepest that is accepted, so that none
/// is accepted that cannot be evaluated. Only what is touched of it is taken.
const STACK_BYTES: usize = 32 * 1_024 * 1_024;
/// Conditions that are kept parsed.
const PARSED_MAX: u64 = 1_024;

/// The policies of conditions by their text: they are parsed once.
static PARSED: LazyLock<Cache<String, Arc<PolicySet>>> = LazyLock::new(|| Cache::new(PARSED_MAX));

/// What a condition says.
#[must_use]
pub fn decide(condition: &Condition, circumstances: &Circumstances) -> Outcome {
    deep(|| outcome(condition, circumstances)).unwrap_or_else(Outcome::Failed)
}

fn outcome(condition: &Condition, circumstances: &Circumstances) -> Result<Outcome, String> {
    let policies = parsed(condition.as_str())?;
    let request = request::of(circumstances)?;
    let response = Authorizer::new().is_authorized(&request, &policies, &Entities::empty());
    // Cedar passes over a policy that it cannot evaluate, also over one that would forbid.
    if let Some(error) = response.diagnostics().errors().next() {
        return Err(check::own_words(&error.to_string()).to_owned());
    }
    Ok(match response.decision() {
        Decision::Allow => Outcome::Allowed,
        Decision::Deny => Outcome::Denied,
    })
}

/// Runs `work` on a stack of its own.
pub(crate) fn deep<T>(work: impl FnOnce() -> T) -> T {
    stacker::grow(STACK_BYTES, work)
}

fn parsed(text: &str) -> Result<Arc<PolicySet>, String> {
    if let Some(policies) = PARSED.get(text) {
        return Ok(policies);
    }
    check::bounded(text).map_err(|fault| fault.to_string())?;
    let policies = PolicySet::from_str(text).map_err(|error| error.to_string())?;
    let policies = Arc::new(policies);
    PARSED.insert(text.to_owned(), policies.clone());
    Ok(policies)
}
