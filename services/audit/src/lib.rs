//! The log: listed, followed as it grows, handed out as files, sealed, signed and proven. And the
//! alerts, looked for in each tenant again and again.

mod alert;
mod erase;
mod export;
mod filter;
mod prove;
mod read;
mod scan;
mod seal;
mod sign;
mod tail;

use std::{collections::BTreeMap, sync::Arc};

use pim_chassis::{
    Process, Service, backlog, open_stream, open_told_stream, periodic::Periodic, read as reading,
    sign_ins, write,
};
use pim_proto::audit::v1::{
    self,
    alert_service_server::{AlertService, AlertServiceServer},
    audit_service_server::{AuditService, AuditServiceServer},
};
use tokio::sync::Mutex;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

pub use scan::{ScanError, scan};
pub use seal::seal;
pub use sign::{Signing, sign};

/// The audit service.
pub const SERVICE: Service = Service {
    name: "audit",
    mount: |process, services| {
        services
            .with(AuditServiceServer::new(Audit(process.clone())))
            .with(AlertServiceServer::new(Audit(process.clone())))
    },
    background: repeat,
};

fn repeat(process: &Process, shutdown: &CancellationToken) -> Vec<Periodic> {
    let own = process.clone();
    let sealing = move || {
        let own = own.clone();
        async move { seal(&own).await }
    };
    let own = process.clone();
    let scanning = move || {
        let own = own.clone();
        async move { scan(&own).await }
    };
    let mut repeated = vec![
        backlog::watch(process, shutdown),
        sign_ins::keep_written(process, shutdown),
        Periodic::spawn("seal", shutdown.clone(), sealing),
        Periodic::spawn("alerts", shutdown.clone(), scanning),
    ];
    match process.log_keys.clone() {
        Some(keys) => {
            let (own, known) = (process.clone(), Arc::new(Mutex::new(BTreeMap::new())));
            let signing = move || {
                let (own, keys, known) = (own.clone(), keys.clone(), known.clone());
                async move { sign::step(&own, &keys, &mut *known.lock().await).await }
            };
            repeated.push(Periodic::spawn("sign", shutdown.clone(), signing));
        }
        None => tracing::warn!("there is no PIM_LOG_KEY_FILE: the log is sealed and not signed"),
    }
    repeated
}

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

    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        reading(&self.0, request, prove::checkpoint).await
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<v1::GetInclusionProofRequest>,
    ) -> Result<Response<v1::GetInclusionProofResponse>, Status> {
        reading(&self.0, request, prove::inclusion).await
    }

    async fn get_consistency_proof(
        &self,
        request: Request<v1::GetConsistencyProofRequest>,
    ) -> Result<Response<v1::GetConsistencyProofResponse>, Status> {
        reading(&self.0, request, prove::consistency).await
    }

    async fn list_entries(
        &self,
        request: Request<v1::ListEntriesRequest>,
    ) -> Result<Response<v1::ListEntriesResponse>, Status> {
        reading(&self.0, request, prove::entries).await
    }

    async fn erase_justification(
        &self,
        request: Request<v1::EraseJustificationRequest>,
    ) -> Result<Response<v1::EraseJustificationResponse>, Status> {
        write(&self.0, request, erase::erase).await
    }
}

#[tonic::async_trait]
impl AlertService for Audit {
    async fn list_alerts(
        &self,
        request: Request<v1::ListAlertsRequest>,
    ) -> Result<Response<v1::ListAlertsResponse>, Status> {
        reading(&self.0, request, alert::list).await
    }

    async fn get_alert(
        &self,
        request: Request<v1::GetAlertRequest>,
    ) -> Result<Response<v1::GetAlertResponse>, Status> {
        reading(&self.0, request, alert::get).await
    }

    async fn dismiss_alert(
        &self,
        request: Request<v1::DismissAlertRequest>,
    ) -> Result<Response<v1::DismissAlertResponse>, Status> {
        write(&self.0, request, alert::dismiss).await
    }

    async fn get_alert_settings(
        &self,
        request: Request<v1::GetAlertSettingsRequest>,
    ) -> Result<Response<v1::GetAlertSettingsResponse>, Status> {
        reading(&self.0, request, alert::settings).await
    }

    async fn update_alert_settings(
        &self,
        request: Request<v1::UpdateAlertSettingsRequest>,
    ) -> Result<Response<v1::UpdateAlertSettingsResponse>, Status> {
        write(&self.0, request, alert::update).await
    }
}
