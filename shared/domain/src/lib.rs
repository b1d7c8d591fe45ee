//! The rules of privileged identity management, as pure functions over values: facts in, decision
//! out, with the time as an argument. No I/O, no clock, no wire, no SQL, no async.
//!
//! A map, in the order in which things rest on each other:
//!
//! - [`id`], [`time`], [`spans`], [`scope`], [`text`]: the plain values everything is made of.
//! - [`tenant`], [`principal`], [`group`], [`role`], [`catalog`]: who there is, and what can be
//!   held.
//! - [`permission`]: what a role lets its holder do.
//! - [`policy`]: the rules for one role at a scope, inherited one by one from what a tenant has set
//!   above it and from the catalogs' defaults.
//! - [`condition`]: conditional access, as far as it is not the language in which it is written.
//! - [`grant`]: eligibilities (may activate) and active assignments (hold).
//! - [`change_request`]: what a holder asks of administrators about one of them.
//! - [`holders`]: how many must stay who hold a role for good.
//! - [`activation`]: a user turns an eligibility into a holding for a limited time.
//! - [`approval`]: what approvers decide about an activation. [`quorum`]: whether they suffice.
//! - [`effective`]: which holdings count at an instant: the one function behind every answer.
//! - [`role_token`]: what a token says of it to whom does not ask.
//! - [`authority`]: what callers may do to the system itself, judged by what they hold in it.
//! - [`denial`]: a no, with every broken rule. [`event`], [`change`]: a yes, with its log entry;
//!   only a rule can make one, and the store writes nothing else.
//! - [`log`]: the tree over all events, by which a changed, removed or added one is found.
//! - [`due`]: what the scheduler pushes. [`alert`]: what somebody should look at.
//! - [`invariant`]: what must hold after every step, shared by tests of all levels.
//!
//! A change cannot be forged outside of the rules:
//!
//! ```compile_fail
//! use pim_domain::{change::Change, tenant::Tenant, event::Event};
//! fn forge(after: Tenant, event: Event) -> Change<Tenant> {
//!     Change { after, event }
//! }
//! ```

pub mod activation;
pub mod alert;
pub mod approval;
pub mod authority;
pub mod catalog;
pub mod change;
pub mod change_request;
pub mod condition;
pub mod denial;
pub mod due;
pub mod effective;
pub mod event;
pub mod export;
#[cfg(any(test, feature = "fixture"))]
pub mod fixture;
pub mod grant;
pub mod group;
pub mod holders;
pub mod id;
pub mod invariant;
pub mod justification;
pub mod log;
pub mod past;
pub mod permission;
pub mod policy;
pub mod principal;
pub mod quorum;
pub mod role;
pub mod role_token;
pub mod scope;
pub mod spans;
pub mod tenant;
pub mod text;
pub mod time;
