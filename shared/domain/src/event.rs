//! Events: what happened, to what, by whom, on whose authority. One entry of the log a change.

mod code;
mod folding;
mod gain;
mod indexed;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

pub use code::Code;
pub use folding::{FOLDING_WINDOW, Folding, KINDS_MAX, SINGLY_MAX};
pub use indexed::Indexed;

use crate::{
    authority::Realm,
    denial::Denial,
    id::{EventId, PrincipalId, RoleId, TenantId},
    justification::{self, Commitment, Justification},
    role::Catalog,
    scope::{Scope, ScopeKind},
    text::Ticket,
};

/// When something is decided, and on whose behalf.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// The instant of the decision.
    pub now: DateTime<Utc>,
    /// Who wants it.
    pub actor: Actor,
}

/// Who did something, by which sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// Somebody in the directory.
    Principal {
        /// Who.
        id: PrincipalId,
        /// Where they signed in.
        issuer: String,
        /// How, by the token's `amr`.
        amr: Vec<String>,
        /// How strongly, by the token's `acr`.
        acr: Option<String>,
        /// Satisfying which authentication contexts, by the token's `acrs`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        acrs: Vec<String>,
        /// When.
        auth_time: Option<DateTime<Utc>>,
    },
    /// A service of this system.
    Service {
        /// Its name, such as `scheduler`.
        name: String,
    },
    /// Who runs the installation.
    Operator {
        /// Where they signed in.
        issuer: String,
        /// Who, at that issuer.
        subject: String,
    },
}

impl Actor {
    /// Who did it, where that is somebody in the directory.
    #[must_use]
    pub fn principal(&self) -> Option<PrincipalId> {
        match self {
            Actor::Principal { id, .. } => Some(*id),
            Actor::Service { .. } | Actor::Operator { .. } => None,
        }
    }

    /// The principal's id, the service's name, or the operator's subject.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Actor::Principal { id, .. } => id.to_string(),
            Actor::Service { name } => name.clone(),
            Actor::Operator { subject, .. } => subject.clone(),
        }
    }
}

/// The kinds of things that the log tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThingKind {
    /// An organisation.
    Tenant,
    /// A catalog of roles as a tenant has it.
    Catalog,
    /// A role.
    Role,
    /// A user or service principal.
    Principal,
    /// What has members.
    Group,
    /// The rules of a role.
    Policy,
    /// A registered scope.
    Scope,
    /// May activate.
    Eligibility,
    /// Holds without activation.
    Assignment,
    /// A request for a holding, and the holding.
    Activation,
    /// What approvers decide.
    Approval,
    /// What a holder asks about an eligibility or assignment.
    ChangeRequest,
    /// An incident of an alert.
    Alert,
    /// What is set of a kind of alert.
    AlertSetting,
    /// An entry of the log.
    Event,
}

impl ThingKind {
    /// Every kind.
    pub const ALL: [ThingKind; 15] = [
        ThingKind::Tenant,
        ThingKind::Catalog,
        ThingKind::Role,
        ThingKind::Principal,
        ThingKind::Group,
        ThingKind::Policy,
        ThingKind::Scope,
        ThingKind::Eligibility,
        ThingKind::Assignment,
        ThingKind::Activation,
        ThingKind::Approval,
        ThingKind::ChangeRequest,
        ThingKind::Alert,
        ThingKind::AlertSetting,
        ThingKind::Event,
    ];

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ThingKind::Tenant => "tenant",
            ThingKind::Catalog => "catalog",
            ThingKind::Role => "role",
            ThingKind::Principal => "principal",
            ThingKind::Group => "group",
            ThingKind::Policy => "policy",
            ThingKind::Scope => "scope",
            ThingKind::Eligibility => "eligibility",
            ThingKind::Assignment => "assignment",
            ThingKind::Activation => "activation",
            ThingKind::Approval => "approval",
            ThingKind::ChangeRequest => "change_request",
            ThingKind::Alert => "alert",
            ThingKind::AlertSetting => "alert_setting",
            ThingKind::Event => "event",
        }
    }
}

/// One thing at one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThingRef {
    /// What it is.
    pub kind: ThingKind,
    /// Which one.
    pub id: Uuid,
    /// The version that the event made.
    pub version: i64,
}

/// Whom and what an event concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Over the whole life of a request the same; absent: the thing's own id.
    pub correlation: Option<Uuid>,
    /// Whose rights it concerns.
    pub subject: Option<PrincipalId>,
    /// Which role.
    pub role: Option<RoleId>,
    /// The role's catalog, which decides the category.
    pub catalog: Option<Catalog>,
    /// Where.
    pub scope: Option<Scope>,
    /// Without end; chooses between Entra's activity names.
    pub permanent: bool,
    /// Why, in the actor's words.
    pub justification: Justification,
    /// On which change or incident.
    pub ticket: Option<Ticket>,
    /// By which revision of the policy.
    pub policy_revision: Option<i64>,
}

/// Old and new value of one field, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The field's name.
    pub field: String,
    /// Absent: there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// Absent: there is none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

impl FieldChange {
    /// The same for people: with the words of justifications in place of their commitments.
    #[must_use]
    pub fn shown(mut self) -> Self {
        self.old.iter_mut().chain(&mut self.new).for_each(justification::show);
        self
    }
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was refused, and nothing has changed but this entry.
    Failure {
        /// The stable reason, such as `POLICY_DENIED`.
        reason: String,
        /// The broken rules.
        rules: Vec<String>,
        /// The RPC that was called.
        method: String,
        /// Where it stands for several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folded: Option<Folded>,
    },
}

/// Refusals alike that are one entry: the newest of them, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folded {
    /// How many, that one included.
    pub count: u64,
    /// When the first of them was.
    pub since: DateTime<Utc>,
}

/// What happened: an entry of the log, without its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When the decision was made.
    pub time: DateTime<Utc>,
    /// What happened.
    pub code: Code,
    /// Whether it was done.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// By whom.
    pub actor: Actor,
    /// To what; absent where a call was refused before it made anything.
    pub thing: Option<ThingRef>,
    /// Concerning whom and what.
    pub about: About,
    /// What changed in it.
    pub changes: Vec<FieldChange>,
}

impl Event {
    pub(crate) fn success(
        code: Code,
        stamp: &Stamp,
        thing: ThingRef,
        about: About,
        changes: Vec<FieldChange>,
    ) -> Self {
        Self {
            time: stamp.now,
            code,
            outcome: Outcome::Success,
            actor: stamp.actor.clone(),
            thing: Some(thing),
            about,
            changes,
        }
    }

    /// Of the log itself.
    pub(crate) fn of_the_log(code: Code, stamp: &Stamp, changes: Vec<FieldChange>) -> Self {
        Self {
            time: stamp.now,
            code,
            outcome: Outcome::Success,
            actor: stamp.actor.clone(),
            thing: None,
            about: About::default(),
            changes,
        }
    }

    /// A call that was refused, and has changed nothing but this entry.
    #[must_use]
    pub fn refusal(stamp: &Stamp, denial: &Denial, reason: &str, method: &str) -> Self {
        let rules = denial.rules().map(|rule| rule.as_str().to_owned()).collect();
        Self {
            time: stamp.now,
            code: Code::CallRefused,
            outcome: Outcome::Failure {
                reason: reason.to_owned(),
                rules,
                method: method.to_owned(),
                folded: None,
            },
            actor: stamp.actor.clone(),
            thing: denial.thing.map(|(kind, id)| ThingRef { kind, id, version: 0 }),
            about: denial.about.clone(),
            changes: Vec::new(),
        }
    }

    /// Where it stands for several refusals, how many.
    #[must_use]
    pub fn folded(&self) -> Option<Folded> {
        match &self.outcome {
            Outcome::Failure { folded, .. } => *folded,
            Outcome::Success => None,
        }
    }

    /// The same for several refusals alike, of which it is the newest.
    pub(crate) fn counted(mut self, all: Folded) -> Self {
        if let Outcome::Failure { folded, .. } = &mut self.outcome {
            *folded = Some(all);
        }
        self
    }

    /// That entries of the log were handed out: to whom the stamp says, and which `changes` says.
    #[must_use]
    pub fn exported(stamp: &Stamp, changes: Vec<FieldChange>) -> Self {
        Self::of_the_log(Code::EventExported, stamp, changes)
    }

    /// That a service is ready to serve, with what it is and what it was told.
    #[must_use]
    pub fn service_started(stamp: &Stamp, facts: &[(&str, String)]) -> Self {
        let change = |(field, value): &(&str, String)| FieldChange {
            field: (*field).to_owned(),
            old: None,
            new: Some(Value::String(value.clone())),
        };
        Self::of_the_log(Code::ServiceStarted, stamp, facts.iter().map(change).collect())
    }

    /// That a service stops.
    #[must_use]
    pub fn service_stopped(stamp: &Stamp) -> Self {
        Self::of_the_log(Code::ServiceStopped, stamp, Vec::new())
    }

    /// That the words of `erased` were erased: what they were committed to by, and not the words.
    #[must_use]
    pub fn erased(stamp: &Stamp, erased: &StoredEvent, justification: Justification) -> Self {
        let old = erased.event.about.justification.commitment();
        let old = old.map(|commitment| Value::String(commitment.to_string()));
        let change = FieldChange { field: "justification".to_owned(), old, new: None };
        let thing = ThingRef { kind: ThingKind::Event, id: erased.id.uuid(), version: 0 };
        Self {
            thing: Some(thing),
            about: About { justification, ..About::default() },
            ..Self::of_the_log(Code::JustificationErased, stamp, vec![change])
        }
    }

    /// The commitments that it has: its own, and those of what changed.
    #[must_use]
    pub fn commitments(&self) -> Vec<Commitment> {
        let mut found: Vec<Commitment> =
            self.about.justification.commitment().into_iter().collect();
        for value in self.changes.iter().flat_map(|change| change.old.iter().chain(&change.new)) {
            justification::commitments(value, &mut found);
        }
        found
    }

    /// Puts the words beside its commitments, of which they are known.
    pub fn join(&mut self, known: &HashMap<Commitment, String>) {
        self.about.justification.join(known);
        for change in &mut self.changes {
            let values = change.old.iter_mut().chain(&mut change.new);
            values.for_each(|value| justification::join(value, known));
        }
    }

    /// The same over a request's whole life; an event of its own where nothing else is known.
    #[must_use]
    pub fn correlation(&self) -> Option<Uuid> {
        self.about.correlation.or(self.thing.map(|thing| thing.id))
    }

    /// Entra's category of it.
    #[must_use]
    pub fn category(&self) -> &'static str {
        let realm = match (&self.about.scope, self.about.catalog) {
            (Some(scope), _) if scope.kind() == ScopeKind::Group => Realm::Groups,
            (_, Some(catalog)) => Realm::from(catalog),
            (Some(scope), None) => Realm::from(scope),
            (None, None) => Realm::Directory,
        };
        match realm {
            Realm::Directory => "RoleManagement",
            Realm::Resources => "ResourceManagement",
            Realm::Groups => "GroupManagement",
        }
    }

    /// Entra's name for the request, where Entra tells of it by itself and here it was done at once.
    #[must_use]
    pub fn request_activity(&self) -> Option<String> {
        let at_once = match self.code {
            // Else it was asked for, and approved or judged at its start.
            Code::ActivationActivated => self.thing.is_some_and(|thing| thing.version == 1),
            _ => self.actor.principal().is_some(),
        };
        let requested = self.activity().replacen(" completed", " requested", 1);
        (at_once && requested != self.activity()).then_some(requested)
    }

    /// Entra's name for it, exactly; empty where Entra has none.
    #[must_use]
    pub fn activity(&self) -> &'static str {
        match self.outcome {
            Outcome::Success => self.code.activity(self.about.permanent),
            Outcome::Failure { .. } => "",
        }
    }
}

/// An entry of the log. As JSON it is the entry's body, which is what is hashed: it has all that the
/// entry's row has ([`Indexed`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// Made when it is stored.
    pub id: EventId,
    /// Whose log it is in; nil is the platform's own.
    pub tenant: TenantId,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl StoredEvent {
    /// What happened, as a new entry of a tenant's log.
    #[must_use]
    pub fn new(tenant: TenantId, event: Event) -> Self {
        Self { id: EventId::at(event.time), tenant, event }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_stored_under_the_text_that_is_shown() {
        let mut texts = HashSet::new();
        for code in Code::ALL {
            let stored = serde_json::to_value(code).unwrap();
            assert_eq!(stored, code.as_str());
            assert_eq!(serde_json::from_value::<Code>(stored).unwrap(), *code);
            assert!(texts.insert(code.as_str()), "{code:?} has the text of another");
        }
        for kind in ThingKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
