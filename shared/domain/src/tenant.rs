//! Tenants: organisations. Everything else belongs to exactly one, and nothing can be gained in one
//! that is frozen or has no plan for it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    change::{Change, Thing, Version},
    denial::{Denial, Reason, Rule, Violation},
    event::{About, Code, Stamp, ThingKind},
    holders::Holder,
    id::{PrincipalId, TenantId},
    justification::Justification,
    principal::Principal,
    text::is_blank,
};

/// How long a consent to unfreezing counts.
pub const CONSENT_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// What an organisation has paid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Plan {
    /// All of it. What a tenant has unless the operator says otherwise.
    #[default]
    P2,
    /// Reading, and giving up what is held.
    Free,
}

impl Plan {
    /// Every plan.
    pub const ALL: [Plan; 2] = [Plan::P2, Plan::Free];

    /// Whether anybody may gain anything.
    #[must_use]
    pub fn includes_gaining(self) -> bool {
        match self {
            Plan::P2 => true,
            Plan::Free => false,
        }
    }

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Plan::P2 => "P2",
            Plan::Free => "FREE",
        }
    }
}

/// The administrator who was the first of two to want a tenant to be unfrozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Who.
    pub by: PrincipalId,
    /// When; it counts for [`CONSENT_LIFETIME`].
    pub time: DateTime<Utc>,
}

impl Consent {
    /// From when on it does not count.
    #[must_use]
    pub fn lapse_time(&self) -> DateTime<Utc> {
        self.time.checked_add_signed(CONSENT_LIFETIME).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// That nothing can be gained in a tenant for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Who froze it.
    pub by: PrincipalId,
    /// When.
    pub time: DateTime<Utc>,
    /// The first of two who want it to end.
    pub consent: Option<Consent>,
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Made by the server.
    pub id: TenantId,
    /// For people only.
    pub display_name: String,
    /// What it has paid for. Entries of the log from before there were plans name none.
    #[serde(default)]
    pub plan: Plan,
    /// Absent: it is not frozen.
    pub freeze: Option<Freeze>,
    /// Counts its changes.
    pub version: Version,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

impl Thing for Tenant {
    const KIND: ThingKind = ThingKind::Tenant;

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// What a tenant may gain by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What it has paid for.
    pub plan: Plan,
    /// Since when it is frozen, and by whom.
    pub frozen: Option<(DateTime<Utc>, PrincipalId)>,
}

impl Standing {
    /// Passes what gains something in the tenant.
    ///
    /// # Errors
    /// `FROZEN`, else `PLAN_REQUIRED`.
    pub fn may_gain(&self) -> Result<(), Denial> {
        if let Some((since, by)) = self.frozen {
            return Err(Denial::new(Reason::Frozen { since, by }));
        }
        if !self.plan.includes_gaining() {
            return Err(Denial::new(Reason::PlanRequired { plan: self.plan.as_str() }));
        }
        Ok(())
    }
}

/// A wish for another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Of the tenant as it was read.
    pub etag: String,
    /// For people only.
    pub display_name: String,
}

/// A wish to stop everything that gains, at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopGaining {
    /// Why; not blank.
    pub justification: Justification,
}

/// A wish to end a freeze.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfreeze {
    /// Of which tenant; absent: the caller's own.
    pub tenant: Option<TenantId>,
    /// Of the tenant as it was read: what is consented to is this freeze.
    pub etag: String,
    /// Why; not blank.
    pub justification: Justification,
}

/// Who wants a freeze to end.
#[derive(Debug, Clone, Copy)]
pub enum ThawedBy<'a> {
    /// Somebody of the tenant.
    Principal(&'a Principal),
    /// Who runs the installation. They may be the second, never the first, and never alone: so a
    /// tenant of two administrators has a way out, and a stolen operator's credential none in.
    Operator,
}

/// What it takes to judge who unfreezes.
#[derive(Debug)]
pub struct Thaw<'a> {
    /// Who calls.
    pub by: ThawedBy<'a>,
    /// Who froze it, as they are now; nobody where it is not frozen.
    pub freezer: Option<&'a Principal>,
    /// Who may hold Global Administrator at the root for good.
    pub administrators: &'a [Holder],
}

impl Thaw<'_> {
    /// The account of `by`, where it is of somebody who has a say: an enabled user with a permanent
    /// assignment of their own, and not the person who froze it.
    fn qualified(
        &self,
        by: PrincipalId,
        freezer: &Principal,
        now: DateTime<Utc>,
    ) -> Option<&Principal> {
        let own = self.administrators.iter().filter(|holder| holder.memberships.is_empty());
        own.filter(|holder| holder.principal.id == by && holder.counts(now))
            .map(|holder| &holder.principal)
            .find(|principal| !principal.is_same_person(freezer))
    }
}

/// A new tenant.
#[must_use]
pub fn create(display_name: String, plan: Plan, stamp: &Stamp) -> Change<Tenant> {
    let tenant = Tenant {
        id: TenantId::at(stamp.now),
        display_name,
        plan,
        freeze: None,
        version: Version::FIRST,
        create_time: stamp.now,
        update_time: stamp.now,
    };
    Change::created(tenant, stamp, Code::TenantCreated, About::default())
}

impl Tenant {
    /// Renames it; `None` where that changes nothing.
    ///
    /// # Errors
    /// `ETAG_MISMATCH`.
    pub fn update(&self, wish: Update, stamp: &Stamp) -> Result<Option<Change<Self>>, Denial> {
        self.unchanged_since(&wish.etag)?;
        if wish.display_name == self.display_name {
            return Ok(None);
        }
        let after = Self { display_name: wish.display_name, ..self.clone() };
        Ok(Some(self.moved(after, Code::TenantUpdated, About::default(), stamp)))
    }

    /// Gives it another plan; `None` where it has that one.
    #[must_use]
    pub fn set_plan(&self, plan: Plan, stamp: &Stamp) -> Option<Change<Self>> {
        let after = Self { plan, ..self.clone() };
        (plan != self.plan)
            .then(|| self.moved(after, Code::TenantPlanChanged, About::default(), stamp))
    }

    /// Stops everything that gains.
    ///
    /// # Errors
    /// `WRONG_STATE` where it is frozen; `JUSTIFICATION` where no reason is given.
    pub fn freeze(
        &self,
        by: PrincipalId,
        wish: StopGaining,
        stamp: &Stamp,
    ) -> Result<Change<Self>, Denial> {
        let about = self.why(wish.justification)?;
        if self.freeze.is_some() {
            return Err(self.wrong_state("FROZEN").about(about));
        }
        let freeze = Some(Freeze { by, time: stamp.now, consent: None });
        let after = Self { freeze, ..self.clone() };
        Ok(self.moved(after, Code::TenantFrozen, about, stamp))
    }

    /// Records the first consent to unfreezing, or unfreezes by the second, which may be an
    /// operator's. `None` where the caller has given the first one already.
    ///
    /// # Errors
    /// `NOT_PERMITTED` to whom has no say, `SELF_APPROVAL` to the person who froze it; `WRONG_STATE`
    /// where it is not frozen, and to an operator while no administrator's consent counts; `ETAG_MISMATCH`; `JUSTIFICATION` where no reason is given.
    pub fn unfreeze(
        &self,
        facts: &Thaw<'_>,
        wish: Unfreeze,
        stamp: &Stamp,
    ) -> Result<Option<Change<Self>>, Denial> {
        let (Some(freeze), Some(freezer)) = (&self.freeze, facts.freezer) else {
            return Err(self.wrong_state("NOT_FROZEN"));
        };
        let refuse = |reason| Err(Denial::new(reason).of(ThingKind::Tenant, self.id.uuid()));
        let caller = match facts.by {
            ThawedBy::Operator => None,
            ThawedBy::Principal(one) if one.is_same_person(freezer) => {
                return refuse(Reason::SelfApproval);
            }
            ThawedBy::Principal(one) => match facts.qualified(one.id, freezer, stamp.now) {
                None => return refuse(Reason::NotPermitted),
                qualified => qualified,
            },
        };
        self.unchanged_since(&wish.etag)?;
        let about = self.why(wish.justification)?;
        let lasting = freeze.consent.as_ref().filter(|first| stamp.now < first.lapse_time());
        let first = lasting.and_then(|first| facts.qualified(first.by, freezer, stamp.now));
        let ended = |code, about| {
            let after = Self { freeze: None, ..self.clone() };
            Ok(Some(self.moved(after, code, about, stamp)))
        };
        match (first, caller) {
            (None, None) => Err(self.wrong_state("NOT_CONSENTED").about(about)),
            (Some(_), None) => ended(Code::TenantUnfrozenByOperator, about),
            (Some(first), Some(caller)) if first.is_same_person(caller) => Ok(None),
            (Some(_), Some(_)) => ended(Code::TenantUnfrozen, about),
            (None, Some(caller)) => {
                let consent = Some(Consent { by: caller.id, time: stamp.now });
                let freeze = Some(Freeze { consent, ..freeze.clone() });
                let after = Self { freeze, ..self.clone() };
                Ok(Some(self.moved(after, Code::TenantUnfreezeConsented, about, stamp)))
            }
        }
    }

    fn unchanged_since(&self, etag: &str) -> Result<(), Denial> {
        let current = self.version.etag();
        if etag == current {
            return Ok(());
        }
        let denial = Denial::new(Reason::EtagMismatch { current });
        Err(denial.of(ThingKind::Tenant, self.id.uuid()))
    }

    fn wrong_state(&self, state: &'static str) -> Denial {
        let reason = Reason::WrongState { thing: ThingKind::Tenant, state };
        Denial::new(reason).of(ThingKind::Tenant, self.id.uuid())
    }

    fn why(&self, justification: Justification) -> Result<About, Denial> {
        if is_blank(&justification) {
            let rule = Rule::Justification;
            let violations = vec![Violation::new(rule, "justification", "required", "none")];
            let denial = Denial::new(Reason::Policy { violations, live: None });
            return Err(denial.of(ThingKind::Tenant, self.id.uuid()));
        }
        Ok(About { justification, ..About::default() })
    }

    fn moved(&self, after: Self, code: Code, about: About, stamp: &Stamp) -> Change<Self> {
        let after = Self { version: self.version.next(), update_time: stamp.now, ..after };
        Change::updated(self, after, stamp, code, about)
    }
}
