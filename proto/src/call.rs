//! The shapes of calls after parsing: a command or a filter on the way in, a value on the way out.
//! No prost types.

mod command;
mod filter;
mod log;
mod view;

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::id::TenantId;
use serde::Serialize;
use tonic::Status;
use uuid::Uuid;

use crate::field::FieldViolation;

pub use command::{
    Administrator, AlertSettingsRef, CancelChangeRequest, CheckAccess, Consistency, CreateTenant,
    EndActivation, EraseJustification, ExplainAccess, GetCaller, GetPrincipal, GetRoleTokenKeys,
    GetTenant, GrantRef, ImportCatalog, ListPossibleApprovers, PolicyRef, Question, RemoveGrant,
    SetTenantPlan, TestPolicy, Watch,
};
pub use filter::{
    ActivationFilter, AlertFilter, AlertState, ApprovalFilter, ChangeRequestFilter, EventCategory,
    EventFilter, EventResult, Export, GrantFilter, GroupFilter, HoldersFilter, HoldingsFilter,
    MineFilter, PolicyFilter, PrincipalFilter, RoleFilter, ScopeFilter, Tail,
};
pub use log::{
    CheckpointQuery, CheckpointView, ConsistencyQuery, ConsistencyView, EntriesFrom, EntriesPage,
    EntryRef, EntryView, InclusionQuery, InclusionView, SignedTree,
};
pub use view::{
    AccessPage, AccessView, ApprovalView, AskView, CallerView, ConferralView, Explanation,
    Exported, HeldBy, ImportView, Named, PolicyInForceView, PolicyTestView, PossibleApproversView,
    PrincipalView, RoleTokenKeysView, RoleTokenView, Tailed, TenantView, Watched, WatchedChange,
};

/// How many items a page has where the request does not say.
pub const PAGE_SIZE_DEFAULT: u32 = 50;
/// Items on a page, at most.
pub const PAGE_SIZE_MAX: u32 = 1_000;

/// Items of a batch, at most.
pub const BATCH_ITEMS_MAX: usize = 500;

/// A call that changes something.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Write<C> {
    /// What to do.
    pub command: C,
    /// Makes a repeat get the first answer.
    pub request_id: Option<Uuid>,
    /// Judge and answer as usual, write nothing.
    pub validate_only: bool,
}

/// A call that changes several things, each by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch<C> {
    /// 1 to [`BATCH_ITEMS_MAX`]; a malformed one spoils none of the others.
    pub items: Vec<Result<C, FieldViolation>>,
    /// Makes a repeat get each item's first answer.
    pub request_id: Option<Uuid>,
    /// Judge and answer as usual, write nothing.
    pub validate_only: bool,
}

/// A call that asks several things, each by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRead<C> {
    /// 1 to [`BATCH_ITEMS_MAX`]; a malformed one spoils none of the others.
    pub items: Vec<Result<C, FieldViolation>>,
}

/// A call of another service, for a tenant that it names.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Internal<I> {
    /// Whose.
    pub tenant: TenantId,
    /// What it is about.
    pub id: I,
}

/// Which part of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PageRequest {
    /// 1 to [`PAGE_SIZE_MAX`].
    pub size: u32,
    /// From the answer before; empty for the first page. Not verified yet.
    pub token: String,
}

/// A call for a page of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct List<F> {
    /// Which items.
    pub filter: F,
    /// Which part of them.
    pub page: PageRequest,
}

/// One thing as it stands at an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// The thing.
    pub value: T,
    /// The database state that was read or written; opaque.
    pub revision: String,
    /// What time alone decides is shown as of then.
    pub as_of: DateTime<Utc>,
}

/// A question, and which state it is asked of.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked<C> {
    /// Of now, or of when.
    pub when: When,
    /// What is asked.
    pub question: C,
}

/// Which state a question is asked of.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// The present, as new as that.
    Now(Consistency),
    /// That of an instant of the past. Not verified yet.
    Then(DateTime<Utc>),
}

/// What has become of each item of a batch, in the order of the request.
#[derive(Debug, Clone)]
pub struct Batched<T> {
    /// The thing, or what a call for this item alone would have been refused with.
    pub results: Vec<Result<Answer<T>, Status>>,
    /// A database state that includes all that was written; opaque.
    pub revision: String,
}

/// The answers to several questions, as of one instant and one state of the database.
#[derive(Debug, Clone)]
pub struct BatchAnswer<T, E = Status> {
    /// The answer, or what a call for this item alone would have been refused with.
    pub results: Vec<Result<T, E>>,
    /// The database state that was looked at; opaque.
    pub revision: String,
    /// When it was looked at.
    pub as_of: DateTime<Utc>,
    /// How far that may be from the database's clock.
    pub max_clock_error: TimeDelta,
}

/// A page of things as they stand at an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// The things.
    pub items: Vec<T>,
    /// Empty on the last page.
    pub next_page_token: String,
    /// The database state that was read; opaque.
    pub revision: String,
    /// What time alone decides is shown as of then.
    pub as_of: DateTime<Utc>,
}
