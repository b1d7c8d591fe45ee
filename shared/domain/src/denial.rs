//! Denials: a no is an outcome. It says every broken rule at once, with its limit and what was
//! given, so that people mend them in one go.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    event::{About, ThingKind},
    id::{PrincipalId, RoleId},
    scope::Scope,
};

/// The rules that a request is judged by, in the order in which they are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Rule {
    /// Somebody who may hold it: an enabled user, or where a rule says so a service principal.
    Principal,
    /// A role that can be granted, at this scope.
    Role,
    /// A group that may have it: one to which roles can be assigned, no deeper than permitted and
    /// not around a circle.
    Group,
    /// An eligibility in force at the start that covers the scope.
    Eligibility,
    /// The start is near enough, the end after it.
    Window,
    /// The length is within what the policy permits.
    Expiration,
    /// A justification is given.
    Justification,
    /// A ticket is given, of the required form.
    Ticketing,
    /// The sign-in had multi-factor authentication, lately enough.
    Mfa,
    /// The sign-in has served for nothing yet, where it may serve once.
    SingleUseAuthentication,
    /// The sign-in satisfies the authentication contexts that are asked for.
    AuthenticationContext,
    /// Each condition of the policy allows it.
    Conditions,
    /// Nothing else is live for the same target.
    Overlap,
    /// Those who must approve can.
    Approvable,
}

impl Rule {
    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::Principal => "PRINCIPAL",
            Rule::Role => "ROLE",
            Rule::Group => "GROUP",
            Rule::Eligibility => "ELIGIBILITY",
            Rule::Window => "WINDOW",
            Rule::Expiration => "EXPIRATION",
            Rule::Justification => "JUSTIFICATION",
            Rule::Ticketing => "TICKETING",
            Rule::Mfa => "MFA",
            Rule::SingleUseAuthentication => "SINGLE_USE_AUTHENTICATION",
            Rule::AuthenticationContext => "AUTHENTICATION_CONTEXT",
            Rule::Conditions => "CONDITIONS",
            Rule::Overlap => "OVERLAP",
            Rule::Approvable => "APPROVABLE",
        }
    }
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// The path of the request's field that breaks it.
    pub field: &'static str,
    /// What is permitted.
    pub limit: String,
    /// What was given.
    pub given: String,
    /// What sign-in would do, where another one mends it.
    pub step_up: Option<StepUp>,
}

/// A stronger or newer sign-in, as an identity provider is asked for it (RFC 9470). It would satisfy
/// everything that is asked of the sign-in, also what the present one does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepUp {
    /// The authentication contexts that it must satisfy, all of them; [`StepUp::MFA`] is
    /// multi-factor authentication.
    pub acr_values: Vec<String>,
    /// How long ago it may be, at most.
    pub max_age: Option<TimeDelta>,
}

impl StepUp {
    /// Stands for multi-factor authentication, by whatever methods, among `acr_values`.
    pub const MFA: &str = "mfa";
}

impl Violation {
    pub(crate) fn new(
        rule: Rule,
        field: &'static str,
        limit: impl Into<String>,
        given: impl Into<String>,
    ) -> Self {
        Self { rule, field, limit: limit.into(), given: given.into(), step_up: None }
    }

    /// The same, which another sign-in mends.
    pub(crate) fn mended_by(self, step_up: StepUp) -> Self {
        Self { step_up: Some(step_up), ..self }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limit: {}; given: {}", self.limit, self.given)
    }
}

/// A field whose value contradicts what is stored, such as a maximum under its minimum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's path in the request.
    pub field: String,
    /// What is wrong: the limit and what was given.
    pub description: String,
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The caller may not, here; says nothing about whether the thing exists.
    NotPermitted,
    /// The caller would widen what their own person can hold.
    SelfGrant,
    /// The caller asked for it, by this account or another of the same person.
    SelfApproval,
    /// The caller is not one of those who decide on it.
    NotAnApprover,
    /// There is none, and the caller may know.
    NotFound {
        /// The kind of thing.
        thing: ThingKind,
        /// The id that was named.
        id: Uuid,
    },
    /// Fields that do not go with what is stored.
    Invalid(Vec<FieldError>),
    /// One policy asks for multi-factor authentication and for an authentication context, of which
    /// the identity provider would make two sign-ins.
    MfaAndContext,
    /// Broken rules, all of them, in order.
    Policy {
        /// At least one.
        violations: Vec<Violation>,
        /// The live activation, where `OVERLAP` is broken.
        live: Option<Uuid>,
    },
    /// Its state has no such way out.
    WrongState {
        /// The kind of thing.
        thing: ThingKind,
        /// The state it is in.
        state: &'static str,
    },
    /// The approval was resolved before.
    AlreadyResolved {
        /// How.
        state: &'static str,
    },
    /// The same person has decided the other way.
    AlreadyDecided {
        /// On which approval.
        id: Uuid,
    },
    /// There is one just like it.
    Duplicate {
        /// The kind of thing.
        thing: ThingKind,
        /// The one there is.
        id: Uuid,
    },
    /// Too few would be left who hold a role at a scope for good.
    LastHolder {
        /// Which role.
        role: RoleId,
        /// At exactly which scope.
        scope: Scope,
        /// How many there must be.
        minimum: u32,
        /// How many there would be.
        left: u32,
    },
    /// Nothing can be gained in the tenant.
    Frozen {
        /// Since when.
        since: DateTime<Utc>,
        /// By whom.
        by: PrincipalId,
    },
    /// The tenant has no plan for it.
    PlanRequired {
        /// The plan that it has.
        plan: &'static str,
    },
    /// It has changed since the caller read it.
    EtagMismatch {
        /// The etag it has now.
        current: String,
    },
}

/// A refusal, and what the log should say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Why.
    pub reason: Reason,
    /// Whom and what it concerns.
    pub about: About,
    /// The thing that would have changed.
    pub thing: Option<(ThingKind, Uuid)>,
}

impl Denial {
    /// Refused for `reason`.
    #[must_use]
    pub fn new(reason: Reason) -> Self {
        Self { reason, about: About::default(), thing: None }
    }

    /// All broken rules, none broken is fine.
    ///
    /// # Errors
    /// `violations`, where there are any.
    pub(crate) fn check(violations: Vec<Violation>, live: Option<Uuid>) -> Result<(), Self> {
        if violations.is_empty() {
            return Ok(());
        }
        Err(Self::new(Reason::Policy { violations, live }))
    }

    /// The same refusal, saying whom and what it concerns.
    #[must_use]
    pub fn about(mut self, about: About) -> Self {
        self.about = about;
        self
    }

    /// The same refusal, naming the thing that would have changed.
    #[must_use]
    pub fn of(mut self, kind: ThingKind, id: Uuid) -> Self {
        self.thing = Some((kind, id));
        self
    }

    /// The rules that are broken, by name.
    pub fn rules(&self) -> impl Iterator<Item = Rule> + '_ {
        let violations = match &self.reason {
            Reason::Policy { violations, .. } => violations.as_slice(),
            Reason::NotPermitted
            | Reason::SelfGrant
            | Reason::SelfApproval
            | Reason::NotAnApprover
            | Reason::NotFound { .. }
            | Reason::Invalid(_)
            | Reason::MfaAndContext
            | Reason::WrongState { .. }
            | Reason::AlreadyResolved { .. }
            | Reason::AlreadyDecided { .. }
            | Reason::Duplicate { .. }
            | Reason::LastHolder { .. }
            | Reason::Frozen { .. }
            | Reason::PlanRequired { .. }
            | Reason::EtagMismatch { .. } => &[],
        };
        violations.iter().map(|violation| violation.rule)
    }
}
