//! Holdings, small: there are very many of them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use pim_domain::{
    effective::{Holding, HoldingKind, Path, Span, Standing},
    id::{PrincipalId, RoleId},
    scope::Scope,
    time::Window,
};
use uuid::Uuid;

/// A [`Holding`] without its holder, who is known where it is kept, and without who made it, on
/// which no answer depends.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) id: Uuid,
    pub(super) role: RoleId,
    pub(super) scope: Arc<Scope>,
    start: Micros,
    end: Micros,
    ended: Micros,
    update_time: Micros,
    path: Option<Box<Path>>,
    kind: HoldingKind,
    standing: Standing,
}

/// What ARCHITECTURE.md says.
const _: () = assert!(size_of::<Packed>() <= 88);

impl Packed {
    /// `holding`, with its scope as it is kept.
    pub(super) fn new(holding: Holding, scope: Arc<Scope>) -> Self {
        Self {
            id: holding.id,
            role: holding.role,
            scope,
            start: holding.span.window.start.into(),
            end: holding.span.window.end.into(),
            ended: holding.span.ended.into(),
            update_time: holding.update_time.into(),
            path: holding.path.map(Box::new),
            kind: holding.kind,
            standing: holding.standing,
        }
    }

    /// The holding of `holder` that it is, where what it depends on changed last then.
    pub(super) fn of(&self, holder: PrincipalId, changed: DateTime<Utc>) -> Holding {
        let window = Window { start: self.start.at(), end: self.end.if_ever() };
        Holding {
            id: self.id,
            kind: self.kind,
            holder,
            role: self.role,
            scope: Scope::clone(&self.scope),
            span: Span { window, ended: self.ended.if_ever() },
            standing: self.standing,
            path: self.path.as_deref().cloned(),
            granted_by: None,
            update_time: self.update_time.at().max(changed),
        }
    }
}

/// An instant in microseconds since 1970, as Postgres keeps it, or never.
#[derive(Debug, Clone, Copy)]
struct Micros(i64);

impl Micros {
    const NEVER: Self = Self(i64::MAX);

    fn if_ever(self) -> Option<DateTime<Utc>> {
        if self.0 == Self::NEVER.0 { None } else { DateTime::from_timestamp_micros(self.0) }
    }

    fn at(self) -> DateTime<Utc> {
        self.if_ever().unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl From<DateTime<Utc>> for Micros {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_micros())
    }
}

impl From<Option<DateTime<Utc>>> for Micros {
    fn from(at: Option<DateTime<Utc>>) -> Self {
        at.map_or(Self::NEVER, Self::from)
    }
}
