//! What the rows of several tables have in common.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{role::Catalog, scope::Scope, text::Ticket, time::Window};

use crate::StoreError;

pub(crate) fn scope(text: &str) -> Result<Scope, StoreError> {
    text.parse().map_err(|error| StoreError::corrupt("scope", error))
}

pub(crate) fn ticket(number: Option<String>, system: Option<String>) -> Option<Ticket> {
    Some(Ticket { number: number?, system: system? })
}

pub(crate) fn window(start: DateTime<Utc>, end: Option<DateTime<Utc>>) -> Window {
    Window { start, end }
}

pub(crate) fn catalog(text: &str) -> Result<Catalog, StoreError> {
    named(&Catalog::ALL, Catalog::as_str, text, "catalog")
}

pub(crate) fn catalogs(only: Option<&[Catalog]>) -> Option<Vec<String>> {
    only.map(|all| all.iter().map(|catalog| catalog.as_str().to_owned()).collect())
}

/// The one of `all` that is stored as `text`.
pub(crate) fn named<T: Copy>(
    all: &[T],
    name: fn(T) -> &'static str,
    text: &str,
    what: &'static str,
) -> Result<T, StoreError> {
    all.iter()
        .copied()
        .find(|one| name(*one) == text)
        .ok_or_else(|| StoreError::corrupt(what, format!("unknown: {text:?}")))
}

pub(crate) fn micros(duration: TimeDelta) -> Result<i64, StoreError> {
    duration.num_microseconds().ok_or_else(|| StoreError::corrupt("duration", "too long"))
}

/// A scope to look below, or nothing where that is everywhere.
pub(crate) fn below(scope: Option<&Scope>) -> Option<&str> {
    scope.map(Scope::as_str).filter(|scope| *scope != "/")
}

/// The rows of an update that names the version it is for.
pub(crate) fn updated(
    done: &sqlx::postgres::PgQueryResult,
    what: &'static str,
) -> Result<(), StoreError> {
    match done.rows_affected() {
        0 => Err(StoreError::Conflict(what.to_owned())),
        _ => Ok(()),
    }
}
