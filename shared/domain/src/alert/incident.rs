//! Incidents: one for one condition, for as long as it lasts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::AlertKind;
use crate::{
    change::{Change, Thing, Version},
    denial::{Denial, Reason, Rule, Violation},
    event::{About, Code, Stamp, ThingKind},
    id::{IncidentId, PrincipalId, RoleId},
    justification::Justification,
    scope::Scope,
    text::is_blank,
};

/// Conditions of one kind that one scan looks at, at most.
pub const FOUND_MAX: usize = 1_000;
/// Incidents of one kind that are open in one tenant, at most: while there are so many, no new one
/// is opened.
pub const OPEN_MAX: usize = 2_000;

/// What names of conditions are made of.
const CONDITIONS: Uuid = uuid!("7b0f3a52-6a0e-4f0b-9a7e-5d1c2a9e4f10");

/// Where an incident is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IncidentState {
    /// The condition lasts.
    Triggered,
    /// The condition lasts, and somebody has said that it may.
    Dismissed {
        /// Who.
        dismissed_by: PrincipalId,
        /// When.
        dismiss_time: DateTime<Utc>,
        /// Why.
        justification: Justification,
    },
    /// The condition is gone.
    Resolved {
        /// When that was seen.
        resolve_time: DateTime<Utc>,
    },
}

impl IncidentState {
    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            IncidentState::Triggered => "TRIGGERED",
            IncidentState::Dismissed { .. } => "DISMISSED",
            IncidentState::Resolved { .. } => "RESOLVED",
        }
    }
}

/// A condition that was met, from when it was first seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Made by the server.
    pub id: IncidentId,
    /// What it tells of.
    pub kind: AlertKind,
    /// Which condition of that kind.
    pub condition: Uuid,
    /// Whom it is about.
    pub subject: Option<PrincipalId>,
    /// Which role it is about.
    pub role: Option<RoleId>,
    /// Where.
    pub scope: Option<Scope>,
    /// What was seen when it was opened, for people.
    pub detail: String,
    /// Where it is.
    #[serde(flatten)]
    pub state: IncidentState,
    /// Counts its changes.
    pub version: Version,
    /// When the condition was first seen.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

impl Thing for Incident {
    const KIND: ThingKind = ThingKind::Alert;

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// A condition that is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which: the same in each scan for as long as it lasts.
    pub condition: Uuid,
    /// Whom it is about.
    pub subject: Option<PrincipalId>,
    /// Which role it is about.
    pub role: Option<RoleId>,
    /// Where.
    pub scope: Option<Scope>,
    /// What was seen, for people. Nothing that somebody wrote.
    pub detail: String,
    /// When it last happened, where it is something that happens: what happens after an incident
    /// was dismissed is another one.
    pub latest: Option<DateTime<Utc>>,
}

impl Finding {
    /// The condition that these parts name.
    pub(super) fn of(parts: &[&dyn ToString], detail: String) -> Self {
        let parts: Vec<String> = parts.iter().map(|part| part.to_string()).collect();
        Self {
            condition: Uuid::new_v5(&CONDITIONS, parts.join(" ").as_bytes()),
            subject: None,
            role: None,
            scope: None,
            detail,
            latest: None,
        }
    }
}

/// What a scan has found of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// Of which kind.
    pub kind: AlertKind,
    /// What is met.
    pub found: Vec<Finding>,
    /// Whether that is all: else nothing is known of what is not among it.
    pub is_whole: bool,
}

/// What has to change of the incidents of one kind, of which `open` are all that are not resolved:
/// to be recorded in this order. Of the same state a second scan changes nothing.
#[must_use]
pub fn scan(open: &[Incident], findings: Findings, stamp: &Stamp) -> Vec<Change<Incident>> {
    let Findings { kind, found, is_whole } = findings;
    let mut found: BTreeMap<Uuid, Finding> =
        found.into_iter().map(|finding| (finding.condition, finding)).collect();
    let mut changes = Vec::new();
    for incident in open.iter().filter(|incident| incident.kind == kind) {
        match found.get(&incident.condition) {
            None if is_whole => changes.push(incident.resolve(stamp)),
            Some(finding) if incident.is_outdone_by(finding) => {
                // The new one takes its place.
                changes.push(incident.resolve(stamp));
            }
            Some(_) => drop(found.remove(&incident.condition)),
            None => {}
        }
    }
    let room = OPEN_MAX.saturating_sub(open.len());
    changes.extend(found.into_values().take(room).map(|one| Incident::open(kind, one, stamp)));
    changes
}

impl Incident {
    fn open(kind: AlertKind, finding: Finding, stamp: &Stamp) -> Change<Self> {
        let incident = Self {
            id: IncidentId::at(stamp.now),
            kind,
            condition: finding.condition,
            subject: finding.subject,
            role: finding.role,
            scope: finding.scope,
            detail: finding.detail,
            state: IncidentState::Triggered,
            version: Version::FIRST,
            create_time: stamp.now,
            update_time: stamp.now,
        };
        let about = incident.about();
        Change::created(incident, stamp, Code::AlertTriggered, about)
    }

    fn resolve(&self, stamp: &Stamp) -> Change<Self> {
        let state = IncidentState::Resolved { resolve_time: stamp.now };
        self.becomes(state, stamp, Code::AlertResolved, self.about())
    }

    /// Whether it has happened again since it was dismissed.
    fn is_outdone_by(&self, finding: &Finding) -> bool {
        match &self.state {
            IncidentState::Dismissed { dismiss_time, .. } => {
                finding.latest.is_some_and(|latest| latest > *dismiss_time)
            }
            IncidentState::Triggered | IncidentState::Resolved { .. } => false,
        }
    }

    /// Says that the condition may last.
    ///
    /// # Errors
    /// `WRONG_STATE` where that was said before or the condition is gone; `POLICY_DENIED` without a
    /// justification.
    pub fn dismiss(
        &self,
        by: PrincipalId,
        justification: Justification,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        match &self.state {
            IncidentState::Triggered => {
                let about = About { justification: justification.clone(), ..self.about() };
                if is_blank(&justification) {
                    let rule = Rule::Justification;
                    let violations =
                        vec![Violation::new(rule, "justification", "required", "none")];
                    let denial = Denial::new(Reason::Policy { violations, live: None });
                    return Err(denial.about(about).of(ThingKind::Alert, self.id.uuid()));
                }
                let state = IncidentState::Dismissed {
                    dismissed_by: by,
                    dismiss_time: stamp.now,
                    justification,
                };
                Ok(self.becomes(state, stamp, Code::AlertDismissed, about))
            }
            IncidentState::Dismissed { .. } | IncidentState::Resolved { .. } => {
                let (thing, state) = (ThingKind::Alert, self.state.as_str());
                let denial = Denial::new(Reason::WrongState { thing, state });
                Err(denial.about(self.about()).of(thing, self.id.uuid()))
            }
        }
    }

    fn becomes(
        &self,
        state: IncidentState,
        stamp: &Stamp,
        code: Code,
        about: About,
    ) -> Change<Self> {
        let after =
            Self { state, version: self.version.next(), update_time: stamp.now, ..self.clone() };
        Change::updated(self, after, stamp, code, about)
    }

    fn about(&self) -> About {
        About {
            subject: self.subject,
            role: self.role,
            scope: self.scope.clone(),
            ..About::default()
        }
    }
}

/// A wish to dismiss an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dismiss {
    /// Which.
    pub incident: IncidentId,
    /// Why.
    pub justification: Justification,
}
