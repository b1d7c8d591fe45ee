//! Ids: a UUID that knows what it names.

use std::{
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    str::FromStr,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{NoContext, Timestamp, Uuid};

/// The id of a `T`.
pub struct Id<T>(Uuid, PhantomData<fn() -> T>);

/// The id of an organisation.
pub type TenantId = Id<crate::tenant::Tenant>;
/// The id of somebody in the directory.
pub type PrincipalId = Id<crate::principal::Principal>;
/// The id of a group. Where it is whom something is granted to, it is a principal's.
pub type GroupId = Id<crate::group::Group>;
/// The id of a role; that of a built-in role is the one that Microsoft publishes.
pub type RoleId = Id<crate::role::Role>;
/// The id of an eligibility or an active assignment.
pub type GrantId = Id<crate::grant::Grant>;
/// The id of an activation.
pub type ActivationId = Id<crate::activation::Activation>;
/// The id of a wish to hold an active role for longer.
pub type ExtensionId = Id<crate::activation::Extension>;
/// The id of an approval.
pub type ApprovalId = Id<crate::approval::Approval>;
/// The id of a change request.
pub type ChangeRequestId = Id<crate::change_request::ChangeRequest>;
/// The id of an incident of an alert.
pub type IncidentId = Id<crate::alert::Incident>;
/// The id of what is set of a kind of alert.
pub type AlertSettingId = Id<crate::alert::Setting>;
/// The id of an entry of the log.
pub type EventId = Id<crate::event::Event>;
/// The id of a registered scope.
pub type ScopeId = Id<crate::scope::Node>;
/// What links several accounts of one human.
pub type PersonId = Id<Person>;

/// A human; known only by what their accounts say.
#[derive(Debug)]
pub enum Person {}

impl<T> Id<T> {
    /// A new id (UUID v7) for something made at `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
        let time = Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos());
        Self::from(Uuid::new_v7(time))
    }

    /// The bare UUID.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl<T> From<Uuid> for Id<T> {
    fn from(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }
}

impl<T> FromStr for Id<T> {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Uuid>().map(Self::from)
    }
}

// By hand, because a derive would ask the same of `T`.
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::from)
    }
}
