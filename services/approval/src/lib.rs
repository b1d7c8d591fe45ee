//! Approvals: what approvers decide about an activation.

mod close;
mod decide;
mod open;
mod read;

use pim_chassis::{
    Process, Service, batch, internal, limits::BULK_MESSAGE_BYTES_MAX,
    process::background_of_gaining, read, write,
};
use pim_proto::approval::v1::{
    self,
    approval_service_server::{ApprovalService, ApprovalServiceServer},
};
use tonic::{Request, Response, Status};

/// The approval service.
pub const SERVICE: Service = Service {
    name: "approval",
    mount: |process, services| {
        let approvals = ApprovalServiceServer::new(Approvals(process.clone()));
        // A batch is a bulk method, and the limit is the service's.
        services.with(approvals.max_decoding_message_size(BULK_MESSAGE_BYTES_MAX))
    },
    background: background_of_gaining,
};

struct Approvals(Process);

#[tonic::async_trait]
impl ApprovalService for Approvals {
    async fn get_approval(
        &self,
        request: Request<v1::GetApprovalRequest>,
    ) -> Result<Response<v1::GetApprovalResponse>, Status> {
        read(&self.0, request, read::get).await
    }

    async fn list_approvals(
        &self,
        request: Request<v1::ListApprovalsRequest>,
    ) -> Result<Response<v1::ListApprovalsResponse>, Status> {
        read(&self.0, request, read::list).await
    }

    async fn search_my_approvals(
        &self,
        request: Request<v1::SearchMyApprovalsRequest>,
    ) -> Result<Response<v1::SearchMyApprovalsResponse>, Status> {
        read(&self.0, request, read::search_mine).await
    }

    async fn approve(
        &self,
        request: Request<v1::ApproveRequest>,
    ) -> Result<Response<v1::ApproveResponse>, Status> {
        write(&self.0, request, decide::decide).await
    }

    async fn deny(
        &self,
        request: Request<v1::DenyRequest>,
    ) -> Result<Response<v1::DenyResponse>, Status> {
        write(&self.0, request, decide::decide).await
    }

    async fn list_possible_approvers(
        &self,
        request: Request<v1::ListPossibleApproversRequest>,
    ) -> Result<Response<v1::ListPossibleApproversResponse>, Status> {
        read(&self.0, request, read::possible_approvers).await
    }

    async fn batch_decide(
        &self,
        request: Request<v1::BatchDecideRequest>,
    ) -> Result<Response<v1::BatchDecideResponse>, Status> {
        batch(&self.0, request, decide::decide).await
    }

    async fn open_approval(
        &self,
        request: Request<v1::OpenApprovalRequest>,
    ) -> Result<Response<v1::OpenApprovalResponse>, Status> {
        internal(&self.0, request, open::open).await
    }

    async fn cancel_approval(
        &self,
        request: Request<v1::CancelApprovalRequest>,
    ) -> Result<Response<v1::CancelApprovalResponse>, Status> {
        internal(&self.0, request, close::cancel).await
    }

    async fn time_out_approval(
        &self,
        request: Request<v1::TimeOutApprovalRequest>,
    ) -> Result<Response<v1::TimeOutApprovalResponse>, Status> {
        internal(&self.0, request, close::time_out).await
    }
}
