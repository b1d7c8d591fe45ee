//! Conditions (conditional access): policies in the language Cedar that must each allow an
//! activation. What they say is decided outside of this crate, by a [`Decide`], because the
//! language is a large one; which of them apply, and that doubt denies, is decided here.

use std::{fmt, net::IpAddr};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    id::{PrincipalId, RoleId},
    text::Ticket,
};

/// Conditions that one policy may set.
pub const CONDITIONS_MAX: usize = 8;
/// Length of one condition, at most.
pub const CONDITION_BYTES_MAX: usize = 2_048;

/// A condition as it was written: Cedar policies that together allow or deny.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Condition(String);

impl Condition {
    /// Of a text; whether that is a condition is for whoever decides on it to say.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known beside the sign-in itself, by the verified token and the connection. What is
/// absent was not said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Signals {
    /// The authentication context class (`acr`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// Whether the device meets what the organisation demands of devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_compliant: Option<bool>,
    /// Whether the organisation manages the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_managed: Option<bool>,
    /// The country from which the sign-in came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// How risky the identity provider found the sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    /// The other end of the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

impl Signals {
    /// Whether nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What conditions are decided by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// Who asks.
    pub principal: PrincipalId,
    /// For which role.
    pub role: RoleId,
    /// Whether they signed in with multi-factor authentication.
    pub mfa: bool,
    /// The authentication contexts that the sign-in satisfied.
    pub contexts: Vec<String>,
    /// How old the sign-in was when they asked, where the token says.
    pub auth_age: Option<TimeDelta>,
    /// What else is known.
    pub signals: Signals,
    /// When it would begin.
    pub time: DateTime<Utc>,
    /// The ticket that was given.
    pub ticket: Option<Ticket>,
    /// For how long it is asked for.
    pub duration: TimeDelta,
}

/// What one condition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It allows.
    Allowed,
    /// It does not.
    Denied,
    /// It cannot be evaluated, which denies.
    Failed(
        /// Why.
        String,
    ),
}

/// Decides on one condition. The same always has the same outcome.
pub type Decide = fn(&Condition, &Circumstances) -> Outcome;

/// Allows nothing: for who judges no request, and so has nothing to decide by.
#[must_use]
pub fn undecided(_: &Condition, _: &Circumstances) -> Outcome {
    Outcome::Failed("nothing here decides on conditions".to_owned())
}
