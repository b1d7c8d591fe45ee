//! What follows the end of an activation: what this service wants of the approval service, and what
//! rested on it here.

use pim_chassis::{Context, bell::ring};
use pim_domain::{activation::Activation, id::ActivationId};
use pim_proto::approval::v1;
use pim_store::{activations, approvals};

use crate::due;

/// An activation, or an extension of it, waits for its approvers.
pub(crate) async fn open_approval(context: &Context, activation: ActivationId) {
    let Some(peer) = &context.process.peers.approval else { return };
    let request = v1::OpenApprovalRequest {
        tenant_id: context.tenant.to_string(),
        activation_id: activation.to_string(),
    };
    ring("open_approval", async move { peer.approvals().open_approval(request).await }).await;
}

/// An activation has ended: what rests on it, where it was a membership of a group, is void. What
/// this does not reach is due.
pub(crate) async fn void_resting_on(context: &Context, activation: ActivationId) {
    let Ok(mut read) = context.read().await else { return };
    let found = activations::resting_on(&mut read, context.tenant, activation.uuid()).await;
    drop(read);
    for resting in found.unwrap_or_default() {
        // That which has ended otherwise, or rests on something else that holds, says so.
        let _ = Box::pin(due::void(context.clone(), resting)).await;
    }
}

/// An activation, or an extension of it, waits no more: `before` did.
pub(crate) async fn cancel_approval(context: &Context, before: &Activation) {
    let Some(extension) = before.waits_for() else { return };
    let extension = extension.map(|extension| extension.id);
    let Some(peer) = &context.process.peers.approval else { return };
    let Ok(mut read) = context.read().await else { return };
    let found = approvals::of_activation(&mut read, context.tenant, before.id, extension).await;
    drop(read);
    let Ok(Some(approval)) = found else { return };
    let request = v1::CancelApprovalRequest {
        tenant_id: context.tenant.to_string(),
        approval_id: approval.id.to_string(),
    };
    ring("cancel_approval", async move { peer.approvals().cancel_approval(request).await }).await;
}
