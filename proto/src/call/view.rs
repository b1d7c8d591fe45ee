//! Values of answers that need more than one value of the domain. Those that a write may answer
//! can be stored and read again, because a repeat gets the first answer.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Extension},
    approval::{Approval, PossibleApprover},
    authority::Conferred,
    condition::{Condition, Outcome},
    effective::{Effective, Holding},
    event::StoredEvent,
    id::{PrincipalId, TenantId},
    past::{Obstacle, Support},
    policy::Layers,
    principal::Principal,
    role::Import,
    scope::Scope,
    tenant::Tenant,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A new tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantView {
    /// The tenant.
    pub tenant: Tenant,
    /// The principals of its administrators, in the order of the request.
    pub administrators: Vec<PrincipalId>,
}

/// A principal, and when they last signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalView {
    /// The principal.
    pub principal: Principal,
    /// When; absent where they never have.
    pub last_sign_in: Option<DateTime<Utc>>,
}

/// A catalog as a tenant has it, and what the call has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportView {
    /// The catalog.
    pub import: Import,
    /// Where its facts come from.
    pub origin: String,
    /// Roles in it.
    pub role_count: usize,
    /// Roles that the call has written.
    pub changed_count: usize,
}

/// What is in force for a role at a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyInForceView {
    /// What is set there and above.
    pub layers: Layers,
    /// Where.
    pub scope: Scope,
}

/// What conditions would say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyTestView {
    /// Each with what it says, in order.
    pub results: Vec<(Condition, Outcome)>,
}

/// What has become of a wish to activate a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskView {
    /// The activation.
    pub activation: Activation,
    /// Who could approve it; only where that was only asked, and somebody must.
    pub possible_approvers: Vec<PrincipalId>,
}

/// An approval, with the activation that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalView {
    /// The approval.
    pub approval: Approval,
    /// What was asked for, or is to be extended.
    pub activation: Activation,
    /// The extension that was asked for, where it is about one.
    pub extension: Option<Extension>,
}

/// Who could approve something, as people are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PossibleApproversView {
    /// By stage.
    pub approvers: Vec<PossibleApprover>,
}

/// What is held, and for how long that can be relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessView {
    /// What counts, and until when the clock leaves it so.
    pub effective: Effective,
    /// The database state that was looked at; opaque.
    pub revision: String,
    /// When it was looked at.
    pub as_of: DateTime<Utc>,
    /// How far that may be from the database's clock.
    pub max_clock_error: TimeDelta,
}

/// Why the answer to a question is as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The answer.
    pub answer: AccessView,
    /// What carries a yes, in the order in which the answer names it.
    pub supports: Vec<Support>,
    /// Why it is no, the newest first.
    pub obstacles: Vec<Obstacle>,
}

/// A role that somebody holds, themselves or through a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBy {
    /// Who.
    pub principal: PrincipalId,
    /// What.
    pub holding: Holding,
}

/// A page of what is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPage {
    /// What is held.
    pub held: Vec<HeldBy>,
    /// The next instant at which the clock alone may change it; absent: never.
    pub valid_until: Option<DateTime<Utc>>,
    /// The database state that was looked at; opaque.
    pub revision: String,
    /// When it was looked at.
    pub as_of: DateTime<Utc>,
    /// How far that may be from the database's clock.
    pub max_clock_error: TimeDelta,
    /// Empty on the last page.
    pub next_page_token: String,
}

/// Some entries of the log as a part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Whole lines.
    pub data: Vec<u8>,
    /// Entries so far.
    pub count: i64,
    /// When the last of them was.
    pub reached: Option<DateTime<Utc>>,
    /// Everything up to here has been sent.
    pub position: String,
    /// Nothing follows.
    pub is_last: bool,
}

/// A signed statement of what somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleTokenView {
    /// The statement.
    pub token: String,
    /// Its end.
    pub expire_time: DateTime<Utc>,
    /// Which key has signed it.
    pub key_id: String,
    /// The database state that was looked at; opaque.
    pub revision: String,
    /// When it was looked at.
    pub as_of: DateTime<Utc>,
    /// How far that may be from the database's clock.
    pub max_clock_error: TimeDelta,
}

/// The keys by which such statements are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleTokenKeysView {
    /// A JWK set, as JSON.
    pub jwks: String,
    /// Who signs.
    pub issuer: String,
    /// Which of the keys signs now.
    pub key_id: String,
    /// How long they may be kept.
    pub max_age: TimeDelta,
}

/// Whom a credential names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// Somebody of this tenant's directory.
    Principal(TenantId, Box<Principal>),
    /// A service of this system, by its name.
    Service(String),
    /// Who runs the installation.
    Operator,
}

/// Who calls, how they signed in, and what they may do to the system itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerView {
    /// Who.
    pub named: Named,
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// With multi-factor authentication.
    pub mfa: bool,
    /// Authentication methods.
    pub amr: Vec<String>,
    /// Authentication context class.
    pub acr: Option<String>,
    /// Authentication contexts.
    pub acrs: Vec<String>,
    /// When they last proved who they are.
    pub auth_time: Option<DateTime<Utc>>,
    /// The end of the token.
    pub token_expire_time: DateTime<Utc>,
    /// What they may do, by what.
    pub conferrals: Vec<ConferralView>,
    /// What they may call.
    pub methods: Vec<String>,
    /// The database state that was looked at; opaque.
    pub revision: String,
    /// When it was looked at.
    pub as_of: DateTime<Utc>,
    /// How far that may be from the database's clock.
    pub max_clock_error: TimeDelta,
}

/// What somebody may do to the system itself by one holding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConferralView {
    /// Who.
    pub principal: PrincipalId,
    /// By what.
    pub holding: Holding,
    /// What.
    pub conferred: Conferred,
    /// When the clock alone ends it.
    pub valid_until: Option<DateTime<Utc>>,
}

/// Some entries of the log as they came.
#[derive(Debug, Clone, PartialEq)]
pub struct Tailed {
    /// None: a sign of life.
    pub events: Vec<StoredEvent>,
    /// Everything up to here has been sent.
    pub position: String,
}

/// What one principal holds now and did not before, and what no more.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedChange {
    /// Who.
    pub principal: PrincipalId,
    /// Whether `held` is all there is.
    pub is_whole: bool,
    /// New, or with another end.
    pub held: Vec<Holding>,
    /// By id.
    pub lost: Vec<Uuid>,
    /// The next instant at which the clock alone may change what is held; absent: never.
    pub valid_until: Option<DateTime<Utc>>,
}

/// Some changes, or a sign of life.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// Of each principal what has changed.
    pub changes: Vec<WatchedChange>,
    /// Whether answers that were kept may be wrong for another reason.
    pub answers_void: bool,
    /// Everything up to here has been sent; empty where more of the same follows.
    pub position: String,
    /// The database state that was looked at; opaque.
    pub revision: String,
    /// When it was looked at.
    pub as_of: DateTime<Utc>,
    /// How far that may be from the database's clock.
    pub max_clock_error: TimeDelta,
}
