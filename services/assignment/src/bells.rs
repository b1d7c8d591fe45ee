//! What this service wants of the activation service.

use pim_chassis::{
    Context,
    bell::{Rung, ring},
};
use pim_domain::id::ActivationId;
use pim_proto::activation::v1;

/// What these activations rest on has ended.
pub(crate) async fn void_activations(context: &Context, activations: Vec<ActivationId>) {
    let Some(peer) = &context.process.peers.activation else { return };
    for activation in activations {
        let request = v1::VoidActivationRequest {
            tenant_id: context.tenant.to_string(),
            activation_id: activation.to_string(),
        };
        let call = async move { peer.activations().void_activation(request).await };
        if ring("void_activation", call).await == Rung::Unheard {
            // The scheduler does this one and the rest.
            return;
        }
    }
}
