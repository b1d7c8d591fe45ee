//! Which items a list is of; what is absent matches all.

use chrono::{DateTime, Utc};
use pim_domain::{
    alert::AlertKind,
    event::Code,
    export::Format,
    grant::GrantKind,
    id::{PrincipalId, RoleId},
    role::Catalog,
    scope::{NodeKind, Scope},
};
use serde::Serialize;
use uuid::Uuid;

/// Which roles.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoleFilter {
    /// Of this catalog.
    pub catalog: Option<Catalog>,
    /// Whose display name contains this, without regard to ASCII case; empty: any.
    pub display_name_contains: String,
    /// Only those that the tenant has made itself.
    pub custom_only: bool,
    /// Deleted ones too.
    pub include_deleted: bool,
}

/// Which registered scopes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScopeFilter {
    /// Right below this one.
    pub parent: Option<Scope>,
    /// This one and those below.
    pub below: Option<Scope>,
    /// Of this kind.
    pub kind: Option<NodeKind>,
}

/// Which principals.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrincipalFilter {
    /// Whose display name or subject contains this, without regard to ASCII case; empty: any.
    pub text_contains: String,
}

/// Which groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupFilter {
    /// Whose display name contains this, without regard to ASCII case; empty: any.
    pub text_contains: String,
    /// Deleted ones too.
    pub include_deleted: bool,
}

/// Which eligibilities or assignments.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GrantFilter {
    /// The one or the other.
    pub kind: GrantKind,
    /// Of this principal.
    pub principal: Option<PrincipalId>,
    /// Of this role.
    pub role: Option<RoleId>,
    /// At this scope and below.
    pub scope: Option<Scope>,
    /// Ended ones too.
    pub include_ended: bool,
}

/// Which activations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActivationFilter {
    /// Of this principal.
    pub principal: Option<PrincipalId>,
    /// Of this role.
    pub role: Option<RoleId>,
    /// At this scope and below.
    pub scope: Option<Scope>,
    /// Ended ones too.
    pub include_ended: bool,
}

/// Which of the caller's own activations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MineFilter {
    /// Ended ones too.
    pub include_ended: bool,
}

/// Which approvals.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApprovalFilter {
    /// At this scope and below.
    pub scope: Option<Scope>,
    /// Resolved ones too.
    pub include_resolved: bool,
}

/// Which change requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeRequestFilter {
    /// Of this principal.
    pub principal: Option<PrincipalId>,
    /// About what is at this scope and below.
    pub scope: Option<Scope>,
    /// Resolved ones too.
    pub include_resolved: bool,
}

/// Which entries of the log.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct EventFilter {
    /// At or after.
    pub start: Option<DateTime<Utc>>,
    /// Before.
    pub end: Option<DateTime<Utc>>,
    /// By this principal's id, service's name or operator's subject.
    pub actor: Option<String>,
    /// Concerning this principal.
    pub subject: Option<PrincipalId>,
    /// Concerning this role.
    pub role: Option<RoleId>,
    /// At exactly this scope.
    pub scope: Option<Scope>,
    /// Of this kind.
    pub code: Option<Code>,
    /// With this result.
    pub result: Option<EventResult>,
    /// Of this request's life.
    pub correlation: Option<Uuid>,
    /// Of this thing.
    pub thing: Option<Uuid>,
    /// In this category.
    pub category: Option<EventCategory>,
}

/// Whether what an entry tells of was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventResult {
    /// It was done.
    Success,
    /// It was refused.
    Failure,
}

impl EventResult {
    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EventResult::Success => "success",
            EventResult::Failure => "failure",
        }
    }
}

/// Entra's category of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum EventCategory {
    /// About the directory and its roles.
    RoleManagement,
    /// About Azure roles.
    ResourceManagement,
    /// About groups and who belongs to them.
    GroupManagement,
}

impl EventCategory {
    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EventCategory::RoleManagement => "RoleManagement",
            EventCategory::ResourceManagement => "ResourceManagement",
            EventCategory::GroupManagement => "GroupManagement",
        }
    }
}

/// Which alerts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AlertFilter {
    /// Of this kind.
    pub kind: Option<AlertKind>,
    /// In this state.
    pub state: Option<AlertState>,
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum AlertState {
    /// The condition lasts.
    Triggered,
    /// It may last.
    Dismissed,
    /// It is gone.
    Resolved,
}

impl AlertState {
    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Triggered => "TRIGGERED",
            AlertState::Dismissed => "DISMISSED",
            AlertState::Resolved => "RESOLVED",
        }
    }
}

/// A wish for the entries of the log as they come.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tail {
    /// Which.
    pub filter: EventFilter,
    /// From an earlier answer; empty: from now on. Not verified yet.
    pub after_position: String,
}

/// A wish for the entries of the log as a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Export {
    /// Which.
    pub filter: EventFilter,
    /// Written how.
    pub format: Format,
    /// From an earlier answer; empty: from the oldest on. Not verified yet.
    #[serde(skip)]
    pub after_position: String,
}

/// What somebody holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HoldingsFilter {
    /// Who.
    pub principal: PrincipalId,
    /// What holds at this scope.
    pub scope: Option<Scope>,
    /// At an instant of the past; absent: now.
    pub at: Option<DateTime<Utc>>,
}

/// Who holds something.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HoldersFilter {
    /// What.
    pub role: RoleId,
    /// Where.
    pub scope: Scope,
    /// At an instant of the past; absent: now. Not verified yet.
    pub at: Option<DateTime<Utc>>,
}

/// Which policies a list is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyFilter {
    /// Only of this role.
    pub role: Option<RoleId>,
    /// Only at this scope and below.
    pub scope: Option<Scope>,
}
