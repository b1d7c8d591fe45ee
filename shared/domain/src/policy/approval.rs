//! Who must approve: stages one after another, each with slots and how many of them it takes.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{
    denial::FieldError,
    id::{GroupId, PrincipalId},
    time::{format_duration, iso},
};

/// Stages of one rule, at most.
pub const APPROVAL_STAGES_MAX: usize = 3;
/// Slots of one rule over all its stages, and fallback approvers, at most.
pub const APPROVER_SLOTS_MAX: usize = 50;
/// How long approvers may be given, at least.
pub const APPROVAL_TIMEOUT_MIN: TimeDelta = TimeDelta::minutes(5);
/// How long approvers may be given, at most.
pub const APPROVAL_TIMEOUT_MAX: TimeDelta = TimeDelta::days(14);
/// How long approvers have where the policy does not say.
pub const APPROVAL_TIMEOUT_DEFAULT: TimeDelta = TimeDelta::hours(24);

/// A place among the approvers, and who can take it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// This user.
    User(PrincipalId),
    /// Any user who belongs to this group, through others too.
    Group {
        /// Which.
        group: GroupId,
        /// Also who belongs to it only by an activation.
        #[serde(default)]
        activated: bool,
    },
}

/// How many slots of a stage it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All of them.
    AllOf,
    /// One of them.
    AnyOf,
    /// That many of them.
    Quorum(usize),
}

/// One step of approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// At least one.
    pub slots: Vec<Slot>,
    /// How many of them it takes.
    pub mode: Mode,
}

impl Stage {
    /// How many slots it takes.
    #[must_use]
    pub fn needed(&self) -> usize {
        match self.mode {
            Mode::AllOf => self.slots.len(),
            Mode::AnyOf => 1,
            Mode::Quorum(needed) => needed,
        }
    }
}

/// Who must approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRule {
    /// One after another. None: no approval is needed.
    pub stages: Vec<Stage>,
    /// A request that is not decided by then is timed out.
    #[serde(with = "iso")]
    pub timeout: TimeDelta,
    /// Approving needs a justification.
    pub justify_approve: bool,
    /// Denying needs a justification.
    pub justify_deny: bool,
    /// Users who take the slots that nobody else can.
    pub fallback_approvers: Vec<PrincipalId>,
}

impl ApprovalRule {
    /// No approval is needed.
    #[must_use]
    pub const fn off() -> Self {
        Self {
            stages: Vec::new(),
            timeout: APPROVAL_TIMEOUT_DEFAULT,
            justify_approve: true,
            justify_deny: true,
            fallback_approvers: Vec::new(),
        }
    }

    /// All of `users` must approve, in one stage.
    #[must_use]
    pub fn all_of(users: impl IntoIterator<Item = PrincipalId>) -> Self {
        let slots = users.into_iter().map(Slot::User).collect();
        Self { stages: vec![Stage { slots, mode: Mode::AllOf }], ..Self::off() }
    }

    /// Whether approval is needed.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.stages.is_empty()
    }

    /// Every user whom it names, each once.
    #[must_use]
    pub fn users(&self) -> Vec<PrincipalId> {
        let users = self.slots().filter_map(|slot| match slot {
            Slot::User(user) => Some(*user),
            Slot::Group { .. } => None,
        });
        distinct(users.chain(self.fallback_approvers.iter().copied()))
    }

    /// Every group that it names, each once.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupId> {
        distinct(self.slots().filter_map(|slot| match slot {
            Slot::User(_) => None,
            Slot::Group { group, .. } => Some(*group),
        }))
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.stages.iter().flat_map(|stage| &stage.slots)
    }

    /// What is out of range in it, by its field below `rules.approval`.
    pub(super) fn errors(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut wrong = |field: String, description: String| {
            errors.push(FieldError { field: format!("rules.approval.{field}"), description });
        };
        if self.timeout < APPROVAL_TIMEOUT_MIN || self.timeout > APPROVAL_TIMEOUT_MAX {
            let [least, most, given] =
                [APPROVAL_TIMEOUT_MIN, APPROVAL_TIMEOUT_MAX, self.timeout].map(format_duration);
            wrong("timeout".to_owned(), format!("must be from {least} to {most}; it is {given}"));
        }
        if self.stages.len() > APPROVAL_STAGES_MAX {
            let given = self.stages.len();
            let text = format!("must have at most {APPROVAL_STAGES_MAX} entries; it has {given}");
            wrong("stages".to_owned(), text);
        }
        let slots: usize = self.stages.iter().map(|stage| stage.slots.len()).sum();
        if slots > APPROVER_SLOTS_MAX {
            let text = format!("must have at most {APPROVER_SLOTS_MAX} slots; they have {slots}");
            wrong("stages".to_owned(), text);
        }
        let fallback = self.fallback_approvers.len();
        if fallback > APPROVER_SLOTS_MAX {
            let text = format!("must have at most {APPROVER_SLOTS_MAX} entries; it has {fallback}");
            wrong("fallback_approver_ids".to_owned(), text);
        }
        for (index, stage) in self.stages.iter().enumerate() {
            let (needed, slots) = (stage.needed(), stage.slots.len());
            if slots == 0 {
                let text = "must have at least one slot; it has none".to_owned();
                wrong(format!("stages[{index}].slots"), text);
            } else if needed == 0 || needed > slots {
                let text = format!("must be from 1 to its {slots} slots; it is {needed}");
                wrong(format!("stages[{index}].quorum"), text);
            }
        }
        errors
    }
}

/// Each once, in order.
pub(crate) fn distinct<T: Ord>(ids: impl Iterator<Item = T>) -> Vec<T> {
    let mut ids: Vec<T> = ids.collect();
    ids.sort();
    ids.dedup();
    ids
}
