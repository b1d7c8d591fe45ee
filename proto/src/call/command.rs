//! Commands that are too small for the domain to have.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    alert::AlertKind,
    condition::{Condition, Signals},
    grant::GrantKind,
    id::{
        ActivationId, ApprovalId, ChangeRequestId, EventId, GrantId, PrincipalId, RoleId, TenantId,
    },
    justification::Justification,
    permission::Operation,
    role::Catalog,
    scope::Scope,
    tenant::Plan,
    text::Ticket,
};
use serde::{Deserialize, Serialize};

/// A wish for a new tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateTenant {
    /// For people only.
    pub display_name: String,
    /// Who administers it first; two, who differ.
    pub administrators: [Administrator; 2],
    /// What it has paid for.
    pub plan: Plan,
}

/// A question for the caller's tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetTenant;

/// A wish for another plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetTenantPlan {
    /// Of which tenant.
    pub tenant: TenantId,
    /// What it has paid for.
    pub plan: Plan,
}

/// A first administrator, by what the identity provider calls them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Administrator {
    /// The identity provider.
    pub issuer: String,
    /// Immutable there.
    pub subject: String,
    /// For people only.
    pub display_name: String,
}

/// A wish for the built-in roles of a catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportCatalog {
    /// Which.
    pub catalog: Catalog,
}

/// A question for a principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetPrincipal {
    /// Who; absent: the caller.
    pub principal: Option<PrincipalId>,
}

/// Names the policy of a role at a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRef {
    /// Of which role.
    pub role: RoleId,
    /// Where.
    pub scope: Scope,
}

/// Asks what conditions would say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestPolicy {
    /// Of an activation of which role, where.
    pub policy: PolicyRef,
    /// In the place of those in force.
    pub candidates: Option<Vec<Condition>>,
    /// By whom; absent: by the caller.
    pub principal: Option<PrincipalId>,
    /// Signed in with multi-factor authentication.
    pub mfa: bool,
    /// The authentication contexts that the sign-in satisfies.
    pub contexts: Vec<String>,
    /// How old it is.
    pub auth_age: Option<TimeDelta>,
    /// What else is known.
    pub signals: Signals,
    /// When it would begin; absent: now.
    pub start: Option<DateTime<Utc>>,
    /// With which ticket.
    pub ticket: Option<Ticket>,
    /// For how long.
    pub duration: TimeDelta,
}

/// Names an approval whose possible approvers are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPossibleApprovers {
    /// Which.
    pub approval: ApprovalId,
}

/// Names an eligibility or an assignment; an id of the other kind names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRef {
    /// Of which kind.
    pub kind: GrantKind,
    /// Which.
    pub grant: GrantId,
}

/// A wish to end an eligibility or an assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveGrant {
    /// Of which kind.
    pub kind: GrantKind,
    /// Which.
    pub grant: GrantId,
    /// Why.
    pub justification: Justification,
}

/// A wish to withdraw a change request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelChangeRequest {
    /// Which.
    pub request: ChangeRequestId,
    /// Why.
    pub justification: Justification,
}

/// A wish to end an activation: to deactivate, to cancel or to revoke it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndActivation {
    /// Which.
    pub activation: ActivationId,
    /// Why.
    pub justification: Justification,
}

/// A wish that the words of a justification be erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseJustification {
    /// Of which entry of the log.
    pub event: EventId,
    /// Why.
    pub justification: Justification,
}

/// A question for what is set of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AlertSettingsRef {
    /// Of this kind; absent: of every kind.
    pub kind: Option<AlertKind>,
}

/// How new the state must be that an answer is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consistency {
    /// As new as the call.
    Full,
    /// All that this revision includes, as it was given out.
    AtLeast(String),
    /// At most this much older than the call.
    MaxStaleness(TimeDelta),
}

impl Consistency {
    /// A state may be this old, at most.
    pub const STALENESS_MAX: TimeDelta = TimeDelta::minutes(5);
    /// Characters in a revision, at most.
    pub const REVISION_BYTES_MAX: usize = 4_096;
}

/// The question whether somebody holds or may do something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckAccess {
    /// Who.
    pub principal: PrincipalId,
    /// What.
    pub question: Question,
    /// Where.
    pub scope: Scope,
}

impl CheckAccess {
    /// The role, where one is asked for.
    #[must_use]
    pub fn role(&self) -> Option<RoleId> {
        match &self.question {
            Question::Role(id) => Some(*id),
            Question::Operation(_) => None,
        }
    }
}

/// The question why somebody holds or may do something, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainAccess {
    /// What is asked.
    pub question: CheckAccess,
    /// An instant of the past; absent: now. Not verified yet.
    pub at: Option<DateTime<Utc>>,
}

/// A wish to hear what principals hold, as it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// Who.
    pub principals: BTreeSet<PrincipalId>,
    /// From where on; empty: from the beginning.
    pub after_position: String,
}

impl Watch {
    /// Principals in one wish, at most.
    pub const PRINCIPALS_MAX: usize = 500;
    /// Characters in a position, at most.
    pub const POSITION_BYTES_MAX: usize = 4_096;
}

/// A wish for the keys by which role tokens are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetRoleTokenKeys;

/// A wish to know who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetCaller;

/// What may be held or done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// This role.
    Role(RoleId),
    /// A role that permits this.
    Operation(Operation),
}
