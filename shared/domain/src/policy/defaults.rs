//! What holds where nobody has set anything: every default of every rule, in this one place.

use chrono::TimeDelta;
use uuid::Uuid;

use super::Rules;
use crate::{
    authority::{GLOBAL_ADMINISTRATOR, OWNER},
    id::RoleId,
    role::{Catalog, GroupAccess},
    scope::Scope,
};

/// Of an Entra role, and of a role of this system.
const DIRECTORY: Rules = lasting(TimeDelta::hours(8));
/// Of an Azure resource role.
const RESOURCE: Rules = lasting(TimeDelta::hours(1));

const fn lasting(activation_max: TimeDelta) -> Rules {
    Rules {
        activation_max,
        activation_min: TimeDelta::minutes(5),
        require_mfa: true,
        mfa_max_age: None,
        single_use_authentication: false,
        authentication_contexts: Vec::new(),
        require_justification: true,
        require_ticket: false,
        ticket_patterns: Vec::new(),
        approvals: Vec::new(),
        permanent_eligibility: true,
        eligible_max: TimeDelta::days(365),
        permanent_assignment: true,
        assigned_max: TimeDelta::days(180),
        assignment_require_justification: true,
        assignment_require_mfa: false,
        assignment_require_ticket: false,
        min_active_holders: 0,
        conditions: Vec::new(),
    }
}

/// Of access to a group.
fn group() -> Rules {
    Rules { assignment_require_justification: false, ..DIRECTORY }
}

/// A role that somebody must always hold.
struct Kept {
    role: Uuid,
    /// At which scopes.
    at: fn(&Scope) -> bool,
    min_active_holders: u32,
}

const KEPT: [Kept; 2] = [
    Kept { role: GLOBAL_ADMINISTRATOR, at: Scope::is_root, min_active_holders: 2 },
    Kept { role: OWNER, at: Scope::is_subscription, min_active_holders: 1 },
];

impl Rules {
    /// The defaults for a role at a scope (`spec` section 3).
    #[must_use]
    pub fn defaults(role: RoleId, catalog: Catalog, scope: &Scope) -> Self {
        let rules = match (GroupAccess::of(role), catalog) {
            (Some(GroupAccess::Member | GroupAccess::Owner), _) => group(),
            (None, Catalog::Entra | Catalog::Pim) => DIRECTORY,
            (None, Catalog::Azure) => RESOURCE,
        };
        match KEPT.iter().find(|kept| kept.role == role.uuid() && (kept.at)(scope)) {
            Some(kept) => Self { min_active_holders: kept.min_active_holders, ..rules },
            None => rules,
        }
    }
}
