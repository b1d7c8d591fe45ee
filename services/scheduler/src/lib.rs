//! Finds what is due and pushes it to the service that owns it. Keeps no state: what failed is due
//! again, and two schedulers do no harm.

mod due;
mod push;
mod step;

use pim_chassis::{Process, Service, periodic::Periodic, read};
use pim_proto::scheduler::v1::{
    self,
    scheduler_service_server::{SchedulerService, SchedulerServiceServer},
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

pub use step::{StepError, step};

/// The scheduler.
pub const SERVICE: Service = Service {
    name: "scheduler",
    mount: |process, services| {
        services.with(SchedulerServiceServer::new(Scheduler(process.clone())))
    },
    background: repeat,
};

fn repeat(process: &Process, shutdown: &CancellationToken) -> Vec<Periodic> {
    let process = process.clone();
    let step = move || {
        let process = process.clone();
        async move { step(&process).await }
    };
    vec![Periodic::spawn("scheduler", shutdown.clone(), step)]
}

struct Scheduler(Process);

#[tonic::async_trait]
impl SchedulerService for Scheduler {
    async fn list_due(
        &self,
        request: Request<v1::ListDueRequest>,
    ) -> Result<Response<v1::ListDueResponse>, Status> {
        read(&self.0, request, due::list).await
    }
}
