//! The log: listed, followed as it grows, and handed out as files.

mod export;
mod filter;
mod read;
mod tail;

use pim_chassis::{
    Process, Service, open_stream, open_told_stream, process::no_background, read as reading,
};
use pim_proto::audit::v1::{
    self,
    audit_service_server::{AuditService, AuditServiceServer},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

/// The audit service.
pub const SERVICE: Service = Service {
    name: "audit",
    mount: |process, services| services.with(AuditServiceServer::new(Audit(process.clone()))),
    background: no_background,
};

struct Audit(Process);

#[tonic::async_trait]
impl AuditService for Audit {
    type TailEventsStream = ReceiverStream<Result<v1::TailEventsResponse, Status>>;

    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Result<Response<v1::ListEventsResponse>, Status> {
        reading(&self.0, request, read::list).await
    }

    async fn get_event(
        &self,
        request: Request<v1::GetEventRequest>,
    ) -> Result<Response<v1::GetEventResponse>, Status> {
        reading(&self.0, request, read::get).await
    }

    async fn tail_events(
        &self,
        request: Request<v1::TailEventsRequest>,
    ) -> Result<Response<Self::TailEventsStream>, Status> {
        let (context, tail) = open_stream(&self.0, request).await?;
        Ok(Response::new(tail::tail(context, tail).await?))
    }

    type ExportEventsStream = ReceiverStream<Result<v1::ExportEventsResponse, Status>>;

    async fn export_events(
        &self,
        request: Request<v1::ExportEventsRequest>,
    ) -> Result<Response<Self::ExportEventsStream>, Status> {
        open_told_stream(&self.0, request, export::export).await
    }
}
