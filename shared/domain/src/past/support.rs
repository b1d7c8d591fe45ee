//! How what carries a yes came about.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Past;
use crate::{
    approval::Approval,
    change::fold,
    effective::{Holding, HoldingKind},
    event::{Event, StoredEvent, ThingKind},
    grant::Grant,
    id::PrincipalId,
};

/// Something that carries a yes, and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Support {
    /// What carries it.
    pub holding: Holding,
    /// It makes the principal a member of a group which has what was asked for, or is one of those.
    pub is_membership: bool,
    /// What an activation rests on.
    pub eligibility: Option<Grant>,
    /// When it was asked for or made.
    pub create_time: DateTime<Utc>,
    /// Who did that; absent: nobody of the directory.
    pub created_by: Option<PrincipalId>,
    /// The revision of the policy that it was judged by.
    pub policy_revision: i64,
    /// What had to be approved of an activation, its extensions included.
    pub approvals: Vec<Approval>,
    /// All that the log tells of it and of what it rests on, the oldest first.
    pub events: Vec<StoredEvent>,
}

impl Past {
    /// By whose correlation the log tells of this holding and of what it rests on.
    #[must_use]
    pub fn correlations(&self, holding: &Holding) -> Vec<Uuid> {
        let eligibility = self.eligibility_of(holding).map(|one| one.id.uuid());
        [Some(holding.id), eligibility].into_iter().flatten().collect()
    }

    /// How a holding came about, as the log `tells` of it and of others; `None` of what is not told
    /// of here.
    #[must_use]
    pub fn support(
        &self,
        holding: Holding,
        is_membership: bool,
        told: &[StoredEvent],
    ) -> Option<Support> {
        let (create_time, created_by, policy_revision) = match holding.kind {
            HoldingKind::Assignment => {
                let grant = self.grants.get(&holding.id.into())?;
                (grant.create_time, grant.granted_by, grant.policy_revision)
            }
            HoldingKind::Activation => {
                let activation = self.activations.get(&holding.id.into())?;
                let by = Some(activation.principal);
                (activation.create_time, by, activation.policy_revision)
            }
        };
        let told_of = self.correlations(&holding);
        let of_these = |one: &&StoredEvent| {
            one.event.correlation().is_some_and(|correlation| told_of.contains(&correlation))
        };
        let events: Vec<StoredEvent> = told.iter().filter(of_these).cloned().collect();
        let approvals = approvals(&events);
        let eligibility = self.eligibility_of(&holding).cloned();
        Some(Support {
            holding,
            is_membership,
            eligibility,
            create_time,
            created_by,
            policy_revision,
            approvals,
            events,
        })
    }

    fn eligibility_of(&self, holding: &Holding) -> Option<&Grant> {
        let activation = self.activations.get(&holding.id.into())?;
        self.grants.get(&activation.eligibility)
    }
}

/// The approvals that these events tell of, the oldest first.
fn approvals(events: &[StoredEvent]) -> Vec<Approval> {
    let mut told: BTreeMap<Uuid, BTreeMap<i64, Event>> = BTreeMap::new();
    for one in events {
        if let Some(thing) = one.event.thing.filter(|thing| thing.kind == ThingKind::Approval) {
            told.entry(thing.id).or_default().insert(thing.version, one.event.clone());
        }
    }
    let histories = told.into_values().map(|versions| Vec::from_iter(versions.into_values()));
    let mut approvals: Vec<Approval> = histories.filter_map(|events| fold(&events)).collect();
    approvals.sort_by_key(|approval| (approval.create_time, approval.id));
    approvals
}
