//! Principals: users and service principals, as the directory knows them.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    change::{Change, Thing, Version},
    denial::{Denial, Reason},
    event::{About, Code, Stamp, ThingKind},
    id::{PersonId, PrincipalId},
};

/// What a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A person's account.
    User,
    /// A program's account.
    ServicePrincipal,
}

/// Somebody in the directory, keyed by (issuer, subject) at the identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Made by the server.
    pub id: PrincipalId,
    /// A user or a service principal.
    pub kind: PrincipalKind,
    /// The identity provider.
    pub issuer: String,
    /// Immutable there, and never reused here.
    pub subject: String,
    /// For people only; nothing is matched by it.
    pub display_name: String,
    /// Links several accounts of one human.
    pub person: Option<PersonId>,
    /// Since when it has been enabled without a break; absent while disabled.
    pub enabled_since: Option<DateTime<Utc>>,
    /// An emergency account.
    pub break_glass: bool,
    /// Counts its changes.
    pub version: Version,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

impl Principal {
    /// Whether it may act, hold and be asked.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled_since.is_some()
    }

    /// Whether both are accounts of one human.
    #[must_use]
    pub fn is_same_person(&self, other: &Principal) -> bool {
        self.person_key() == other.person_key()
    }

    /// What stands for the human behind it: the person, else the account itself.
    #[must_use]
    pub fn person_key(&self) -> Uuid {
        self.person.map_or(self.id.uuid(), PersonId::uuid)
    }
}

impl Thing for Principal {
    const KIND: ThingKind = ThingKind::Principal;

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// What a new principal is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPrincipal {
    /// A user or a service principal.
    pub kind: PrincipalKind,
    /// The identity provider.
    pub issuer: String,
    /// Immutable there.
    pub subject: String,
    /// For people only.
    pub display_name: String,
    /// Links several accounts of one human.
    pub person: Option<PersonId>,
}

/// A new principal, enabled.
///
/// # Errors
/// `DUPLICATE` where (issuer, subject) is known already.
pub fn create(
    new: NewPrincipal,
    existing: Option<&Principal>,
    stamp: &Stamp,
) -> Result<Change<Principal>, Denial> {
    if let Some(existing) = existing {
        return Err(Denial::new(Reason::Duplicate {
            thing: ThingKind::Principal,
            id: existing.id.uuid(),
        }));
    }
    Ok(make(new, false, stamp))
}

/// One of the first two administrators of a tenant: an enabled emergency account.
#[must_use]
pub fn create_break_glass(
    issuer: String,
    subject: String,
    display_name: String,
    stamp: &Stamp,
) -> Change<Principal> {
    let new =
        NewPrincipal { kind: PrincipalKind::User, issuer, subject, display_name, person: None };
    make(new, true, stamp)
}

fn make(new: NewPrincipal, break_glass: bool, stamp: &Stamp) -> Change<Principal> {
    let principal = Principal {
        id: PrincipalId::at(stamp.now),
        kind: new.kind,
        issuer: new.issuer,
        subject: new.subject,
        display_name: new.display_name,
        person: new.person,
        enabled_since: Some(stamp.now),
        break_glass,
        version: Version::FIRST,
        create_time: stamp.now,
        update_time: stamp.now,
    };
    let about = about(&principal);
    Change::created(principal, stamp, Code::PrincipalCreated, about)
}

impl Principal {
    /// Suspends what it is assigned and eligible for, and ends its activations.
    ///
    /// # Errors
    /// `WRONG_STATE` where it is disabled already.
    pub fn disable(&self, stamp: &Stamp) -> Result<Change<Self>, Denial> {
        if !self.is_enabled() {
            return Err(self.wrong_state("disabled"));
        }
        Ok(self.set_enabled_since(None, Code::PrincipalDisabled, stamp))
    }

    /// Lets it act again, from now on: `enabled_since` later than the start of an activation keeps
    /// that one ended.
    ///
    /// # Errors
    /// `WRONG_STATE` where it is enabled already.
    pub fn enable(&self, stamp: &Stamp) -> Result<Change<Self>, Denial> {
        if self.is_enabled() {
            return Err(self.wrong_state("enabled"));
        }
        // Strictly after it was disabled, however coarse the clock: what that ended stays ended.
        let since = stamp.now.max(self.update_time + TimeDelta::microseconds(1));
        Ok(self.set_enabled_since(Some(since), Code::PrincipalEnabled, stamp))
    }

    fn wrong_state(&self, state: &'static str) -> Denial {
        Denial::new(Reason::WrongState { thing: ThingKind::Principal, state })
            .about(about(self))
            .of(ThingKind::Principal, self.id.uuid())
    }

    fn set_enabled_since(
        &self,
        enabled_since: Option<DateTime<Utc>>,
        code: Code,
        stamp: &Stamp,
    ) -> Change<Self> {
        let after = Self {
            enabled_since,
            version: self.version.next(),
            update_time: stamp.now,
            ..self.clone()
        };
        Change::updated(self, after, stamp, code, about(self))
    }
}

fn about(principal: &Principal) -> About {
    About { subject: Some(principal.id), ..About::default() }
}
