//! Who holds what, now. Reads only.

mod check;
mod list;

use pim_chassis::{Process, Service, batch_read, process::no_background, read};
use pim_proto::access::v1::{
    self,
    access_service_server::{AccessService, AccessServiceServer},
};
use tonic::{Request, Response, Status};

/// The access service.
pub const SERVICE: Service = Service {
    name: "access",
    mount: |process, services| services.with(AccessServiceServer::new(Access(process.clone()))),
    background: no_background,
};

struct Access(Process);

#[tonic::async_trait]
impl AccessService for Access {
    async fn check_access(
        &self,
        request: Request<v1::CheckAccessRequest>,
    ) -> Result<Response<v1::CheckAccessResponse>, Status> {
        read(&self.0, request, check::check).await
    }

    async fn batch_check_access(
        &self,
        request: Request<v1::BatchCheckAccessRequest>,
    ) -> Result<Response<v1::BatchCheckAccessResponse>, Status> {
        batch_read(&self.0, request, check::check_all).await
    }

    async fn list_effective_roles(
        &self,
        request: Request<v1::ListEffectiveRolesRequest>,
    ) -> Result<Response<v1::ListEffectiveRolesResponse>, Status> {
        read(&self.0, request, list::of_principal).await
    }

    async fn list_role_holders(
        &self,
        request: Request<v1::ListRoleHoldersRequest>,
    ) -> Result<Response<v1::ListRoleHoldersResponse>, Status> {
        read(&self.0, request, list::of_role).await
    }
}
