//! Activations: asking for a role, holding it for a time, giving it up.

mod activate;
mod bells;
mod cancel;
mod deactivate;
mod due;
mod extend;
mod read;
mod resolve;
mod revoke;

use pim_chassis::{
    Process, Service, batch, internal, limits::BULK_MESSAGE_BYTES_MAX,
    process::background_of_gaining, read, write,
};
use pim_proto::activation::v1::{
    self,
    activation_service_server::{ActivationService, ActivationServiceServer},
};
use tonic::{Request, Response, Status};

/// The activation service.
pub const SERVICE: Service = Service {
    name: "activation",
    mount: |process, services| {
        let activations = ActivationServiceServer::new(Activations(process.clone()));
        // A batch is a bulk method, and the limit is the service's.
        services.with(activations.max_decoding_message_size(BULK_MESSAGE_BYTES_MAX))
    },
    background: background_of_gaining,
};

struct Activations(Process);

#[tonic::async_trait]
impl ActivationService for Activations {
    async fn activate_role(
        &self,
        request: Request<v1::ActivateRoleRequest>,
    ) -> Result<Response<v1::ActivateRoleResponse>, Status> {
        write(&self.0, request, activate::activate).await
    }

    async fn batch_activate_roles(
        &self,
        request: Request<v1::BatchActivateRolesRequest>,
    ) -> Result<Response<v1::BatchActivateRolesResponse>, Status> {
        batch(&self.0, request, activate::activate).await
    }

    async fn get_activation(
        &self,
        request: Request<v1::GetActivationRequest>,
    ) -> Result<Response<v1::GetActivationResponse>, Status> {
        read(&self.0, request, read::get).await
    }

    async fn list_activations(
        &self,
        request: Request<v1::ListActivationsRequest>,
    ) -> Result<Response<v1::ListActivationsResponse>, Status> {
        read(&self.0, request, read::list).await
    }

    async fn search_my_activations(
        &self,
        request: Request<v1::SearchMyActivationsRequest>,
    ) -> Result<Response<v1::SearchMyActivationsResponse>, Status> {
        read(&self.0, request, read::search_mine).await
    }

    async fn extend_activation(
        &self,
        request: Request<v1::ExtendActivationRequest>,
    ) -> Result<Response<v1::ExtendActivationResponse>, Status> {
        write(&self.0, request, extend::extend).await
    }

    async fn deactivate_role(
        &self,
        request: Request<v1::DeactivateRoleRequest>,
    ) -> Result<Response<v1::DeactivateRoleResponse>, Status> {
        write(&self.0, request, deactivate::deactivate).await
    }

    async fn cancel_activation(
        &self,
        request: Request<v1::CancelActivationRequest>,
    ) -> Result<Response<v1::CancelActivationResponse>, Status> {
        write(&self.0, request, cancel::cancel).await
    }

    async fn revoke_activation(
        &self,
        request: Request<v1::RevokeActivationRequest>,
    ) -> Result<Response<v1::RevokeActivationResponse>, Status> {
        write(&self.0, request, revoke::revoke).await
    }

    async fn resolve_activation(
        &self,
        request: Request<v1::ResolveActivationRequest>,
    ) -> Result<Response<v1::ResolveActivationResponse>, Status> {
        internal(&self.0, request, resolve::resolve).await
    }

    async fn start_activation(
        &self,
        request: Request<v1::StartActivationRequest>,
    ) -> Result<Response<v1::StartActivationResponse>, Status> {
        internal(&self.0, request, resolve::start).await
    }

    async fn expire_activation(
        &self,
        request: Request<v1::ExpireActivationRequest>,
    ) -> Result<Response<v1::ExpireActivationResponse>, Status> {
        internal(&self.0, request, due::expire).await
    }

    async fn void_activation(
        &self,
        request: Request<v1::VoidActivationRequest>,
    ) -> Result<Response<v1::VoidActivationResponse>, Status> {
        internal(&self.0, request, due::void).await
    }
}
