//! Groups: what has members. A group can be granted what its members are to have; access to it is
//! a role that is held at its scope, so that members and owners are made as holders of any role.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    change::{Change, Thing, Version},
    denial::{Denial, Reason},
    event::{About, Code, Stamp, ThingKind},
    id::{GroupId, PrincipalId},
    principal::Principal,
    scope::Scope,
};

/// How many groups may lie in each other, the outermost counted.
pub const GROUP_NESTING_MAX: usize = 16;

/// A set of principals and other groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Made by the server.
    pub id: GroupId,
    /// For people only.
    pub display_name: String,
    /// Whether it may hold Entra and privileged roles and approve. Never changes.
    pub role_assignable: bool,
    /// From then on it has no members and holds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<DateTime<Utc>>,
    /// Counts its changes.
    pub version: Version,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

impl Thing for Group {
    const KIND: ThingKind = ThingKind::Group;

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// A wish for a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewGroup {
    /// For people only.
    pub display_name: String,
    /// Whether it may hold Entra and privileged roles and approve.
    pub role_assignable: bool,
}

/// A wish for another name of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Which.
    pub group: GroupId,
    /// Of the group as the caller read it.
    pub etag: String,
    /// For people only.
    pub display_name: String,
}

/// A wish that there be no such group any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delete {
    /// Which.
    pub group: GroupId,
    /// Of the group as the caller read it.
    pub etag: String,
}

/// A new group, without members.
#[must_use]
pub fn create(new: NewGroup, stamp: &Stamp) -> Change<Group> {
    let group = Group {
        id: GroupId::at(stamp.now),
        display_name: new.display_name,
        role_assignable: new.role_assignable,
        deleted: None,
        version: Version::FIRST,
        create_time: stamp.now,
        update_time: stamp.now,
    };
    let about = group.about();
    Change::created(group, stamp, Code::GroupCreated, about)
}

impl Group {
    /// Whom it is granted to, where something is granted to the group.
    #[must_use]
    pub fn principal(&self) -> PrincipalId {
        self.id.uuid().into()
    }

    /// Gives it another name.
    ///
    /// # Errors
    /// `WRONG_STATE` where it is deleted; `ETAG_MISMATCH`.
    pub fn update(&self, wish: Update, stamp: &Stamp) -> Result<Change<Self>, Denial> {
        self.check(&wish.etag)?;
        let after = Self { display_name: wish.display_name, ..self.clone() };
        Ok(self.changed(after, Code::GroupUpdated, stamp))
    }

    /// Ends it, with what it holds and all access to it.
    ///
    /// # Errors
    /// `WRONG_STATE` where it is deleted already; `ETAG_MISMATCH`.
    pub fn delete(&self, wish: &Delete, stamp: &Stamp) -> Result<Change<Self>, Denial> {
        self.check(&wish.etag)?;
        let after = Self { deleted: Some(stamp.now), ..self.clone() };
        Ok(self.changed(after, Code::GroupDeleted, stamp))
    }

    fn check(&self, etag: &str) -> Result<(), Denial> {
        let current = self.version.etag();
        let reason = if self.deleted.is_some() {
            Reason::WrongState { thing: ThingKind::Group, state: "DELETED" }
        } else if etag != current {
            Reason::EtagMismatch { current }
        } else {
            return Ok(());
        };
        Err(Denial::new(reason).about(self.about()).of(ThingKind::Group, self.id.uuid()))
    }

    fn changed(&self, after: Self, code: Code, stamp: &Stamp) -> Change<Self> {
        let after = Self { version: self.version.next(), update_time: stamp.now, ..after };
        Change::updated(self, after, stamp, code, self.about())
    }

    fn about(&self) -> About {
        About { scope: Some(Scope::of_group(self.id)), ..About::default() }
    }
}

/// To whom something can be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Somebody who can sign in.
    Principal(Principal),
    /// All who belong to a group.
    Group(Group),
}

impl Subject {
    /// Whom a grant names.
    #[must_use]
    pub fn id(&self) -> PrincipalId {
        match self {
            Subject::Principal(principal) => principal.id,
            Subject::Group(group) => group.principal(),
        }
    }

    /// When it last changed.
    #[must_use]
    pub fn update_time(&self) -> DateTime<Utc> {
        match self {
            Subject::Principal(principal) => principal.update_time,
            Subject::Group(group) => group.update_time,
        }
    }

    /// The group, where it is one.
    #[must_use]
    pub fn group(&self) -> Option<&Group> {
        match self {
            Subject::Principal(_) => None,
            Subject::Group(group) => Some(group),
        }
    }
}

/// The groups around a wish to grant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The group at whose scope it would be.
    pub target: Option<Group>,
    /// The groups that the caller's person belongs to, owns or may come to, through others as well.
    pub of_caller: Vec<GroupId>,
    /// The target and the groups that it lies in, at however many removes.
    pub above: Vec<GroupId>,
    /// How many groups would lie in each other, through this grant.
    pub nesting: usize,
}
