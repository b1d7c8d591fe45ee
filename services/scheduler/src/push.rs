//! One due thing, pushed to the service that owns it.

use pim_chassis::process::Peers;
use pim_client::{Client, Refusal};
use pim_domain::due::{Due, DueKind};
use pim_proto::{
    activation::v1 as activation, approval::v1 as approval, assignment::v1 as assignment,
};
use tonic::{Code, Status};

/// What became of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Its owner did it.
    Done,
    /// Somebody was faster: its owner says that nothing is to be done.
    NothingToDo,
    /// It is due again.
    Failed(String),
}

/// Pushes it once.
pub(crate) async fn push(peers: &Peers, due: &Due) -> Pushed {
    match call(peers, due).await {
        Ok(()) => Pushed::Done,
        Err(status) if status.code() == Code::FailedPrecondition => Pushed::NothingToDo,
        Err(status) => {
            let reason = Refusal::from_status(&status).reason;
            Pushed::Failed(if reason.is_empty() { format!("{:?}", status.code()) } else { reason })
        }
    }
}

async fn call(peers: &Peers, due: &Due) -> Result<(), Status> {
    let tenant_id = due.tenant.to_string();
    let id = due.thing.to_string();
    match due.kind {
        DueKind::ExpireActivation => {
            let request = activation::ExpireActivationRequest { tenant_id, activation_id: id };
            peer(&peers.activation)?.activations().expire_activation(request).await.map(drop)
        }
        DueKind::StartActivation => {
            let request = activation::StartActivationRequest { tenant_id, activation_id: id };
            peer(&peers.activation)?.activations().start_activation(request).await.map(drop)
        }
        DueKind::VoidActivation => {
            let request = activation::VoidActivationRequest { tenant_id, activation_id: id };
            peer(&peers.activation)?.activations().void_activation(request).await.map(drop)
        }
        DueKind::ResolveActivation => {
            let request = activation::ResolveActivationRequest { tenant_id, activation_id: id };
            peer(&peers.activation)?.activations().resolve_activation(request).await.map(drop)
        }
        DueKind::OpenApproval => {
            let request = approval::OpenApprovalRequest { tenant_id, activation_id: id };
            peer(&peers.approval)?.approvals().open_approval(request).await.map(drop)
        }
        DueKind::CancelApproval => {
            let request = approval::CancelApprovalRequest { tenant_id, approval_id: id };
            peer(&peers.approval)?.approvals().cancel_approval(request).await.map(drop)
        }
        DueKind::TimeOutApproval => {
            let request = approval::TimeOutApprovalRequest { tenant_id, approval_id: id };
            peer(&peers.approval)?.approvals().time_out_approval(request).await.map(drop)
        }
        DueKind::EndEligibility => {
            let request = assignment::EndEligibilityRequest { tenant_id, eligibility_id: id };
            peer(&peers.assignment)?.assignments().end_eligibility(request).await.map(drop)
        }
        DueKind::EndAssignment => {
            let request = assignment::EndAssignmentRequest { tenant_id, assignment_id: id };
            peer(&peers.assignment)?.assignments().end_assignment(request).await.map(drop)
        }
        DueKind::TimeOutChangeRequest => {
            let request =
                assignment::TimeOutChangeRequestRequest { tenant_id, change_request_id: id };
            peer(&peers.assignment)?.assignments().time_out_change_request(request).await.map(drop)
        }
    }
}

fn peer(client: &Option<Client>) -> Result<&Client, Status> {
    client
        .as_ref()
        .ok_or_else(|| Status::unavailable("the address of the service is not configured"))
}
