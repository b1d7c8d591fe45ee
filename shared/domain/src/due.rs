//! What is due: what time has decided and nobody has recorded, and doorbells that were not heard.
//! Candidates only: the service that owns a thing decides again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::TenantId;

/// What is to be done; named after the RPC that does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the name of an RPC")]
pub enum DueKind {
    ExpireActivation,
    StartActivation,
    VoidActivation,
    ResolveActivation,
    OpenApproval,
    CancelApproval,
    TimeOutApproval,
    EndEligibility,
    EndAssignment,
    TimeOutChangeRequest,
}

impl DueKind {
    /// Every kind.
    pub const ALL: [DueKind; 10] = [
        DueKind::ExpireActivation,
        DueKind::StartActivation,
        DueKind::VoidActivation,
        DueKind::ResolveActivation,
        DueKind::OpenApproval,
        DueKind::CancelApproval,
        DueKind::TimeOutApproval,
        DueKind::EndEligibility,
        DueKind::EndAssignment,
        DueKind::TimeOutChangeRequest,
    ];

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            DueKind::ExpireActivation => "expire_activation",
            DueKind::StartActivation => "start_activation",
            DueKind::VoidActivation => "void_activation",
            DueKind::ResolveActivation => "resolve_activation",
            DueKind::OpenApproval => "open_approval",
            DueKind::CancelApproval => "cancel_approval",
            DueKind::TimeOutApproval => "time_out_approval",
            DueKind::EndEligibility => "end_eligibility",
            DueKind::EndAssignment => "end_assignment",
            DueKind::TimeOutChangeRequest => "time_out_change_request",
        }
    }
}

/// One thing that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// What is to be done.
    pub kind: DueKind,
    /// Whose.
    pub tenant: TenantId,
    /// To which activation, approval, grant or change request.
    pub thing: Uuid,
    /// Since when.
    pub time: DateTime<Utc>,
}
