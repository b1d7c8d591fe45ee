//! What of an event stands in columns beside its body, so that it is found. Nothing of it is
//! another statement: whoever writes an event takes it from here, and so does whoever examines one.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Outcome, StoredEvent};
use crate::{
    id::{PrincipalId, RoleId},
    scope::Scope,
};

/// The columns of an event beside its body. Only the number of its transaction is not among them: it
/// is the database's own, and says nothing of what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the column of its name")]
pub struct Indexed {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub event_time: DateTime<Utc>,
    pub code: Cow<'static, str>,
    pub category: Cow<'static, str>,
    pub result: Cow<'static, str>,
    pub correlation_id: Option<Uuid>,
    pub actor_id: String,
    pub thing_kind: Option<Cow<'static, str>>,
    pub thing_id: Option<Uuid>,
    pub thing_version: Option<i64>,
    pub subject_id: Option<Uuid>,
    pub role_id: Option<Uuid>,
    pub scope: Option<String>,
}

impl Indexed {
    /// The first column that is another one there.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let same = [
            ("tenant_id", self.tenant_id == other.tenant_id),
            ("id", self.id == other.id),
            ("event_time", self.event_time == other.event_time),
            ("code", self.code == other.code),
            ("category", self.category == other.category),
            ("result", self.result == other.result),
            ("correlation_id", self.correlation_id == other.correlation_id),
            ("actor_id", self.actor_id == other.actor_id),
            ("thing_kind", self.thing_kind == other.thing_kind),
            ("thing_id", self.thing_id == other.thing_id),
            ("thing_version", self.thing_version == other.thing_version),
            ("subject_id", self.subject_id == other.subject_id),
            ("role_id", self.role_id == other.role_id),
            ("scope", self.scope == other.scope),
        ];
        same.into_iter().find(|(_, is_same)| !is_same).map(|(column, _)| column)
    }
}

impl StoredEvent {
    /// What stands beside it.
    #[must_use]
    pub fn indexed(&self) -> Indexed {
        let event = &self.event;
        Indexed {
            tenant_id: self.tenant.uuid(),
            id: self.id.uuid(),
            event_time: event.time,
            code: event.code.as_str().into(),
            category: event.category().into(),
            result: match event.outcome {
                Outcome::Success => "success".into(),
                Outcome::Failure { .. } => "failure".into(),
            },
            correlation_id: event.correlation(),
            actor_id: event.actor.id(),
            thing_kind: event.thing.map(|thing| thing.kind.as_str().into()),
            thing_id: event.thing.map(|thing| thing.id),
            // A refusal has made no version.
            thing_version: event.thing.map(|thing| thing.version).filter(|version| *version > 0),
            subject_id: event.about.subject.map(PrincipalId::uuid),
            role_id: event.about.role.map(RoleId::uuid),
            scope: event.about.scope.as_ref().map(Scope::to_string),
        }
    }
}
