//! The activation service alone, and an approval service that only listens.

use std::sync::{Arc, Mutex};

use pim_chassis::{limits::Limits, process};
use pim_domain::id::{ActivationId, ApprovalId, TenantId};
use pim_proto::approval::v1::{
    self,
    approval_service_server::{ApprovalService, ApprovalServiceServer},
};
use pim_store::{Db, activations, approvals};
use pim_tests::World;
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};
use uuid::Uuid;

/// A bell that was rung, and the state of its activation that could be read when it was.
pub(crate) type Heard = (&'static str, Uuid, Option<&'static str>);

/// What an approval service would be rung for.
#[derive(Clone)]
pub(crate) struct Bells {
    db: Db,
    heard: Arc<Mutex<Vec<Heard>>>,
    refuse: bool,
}

impl Bells {
    /// Which bells were rung, first to last.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    async fn hear(&self, bell: &'static str, tenant: TenantId, activation: ActivationId) {
        let mut read = self.db.read().await.unwrap();
        let found = activations::get(&mut read, tenant, activation).await.unwrap();
        let state = found.map(|activation| activation.state.as_str());
        self.heard.lock().unwrap().push((bell, activation.uuid(), state));
    }

    fn answer<T: Default>(&self) -> Result<Response<T>, Status> {
        if self.refuse { Err(unused()) } else { Ok(Response::new(T::default())) }
    }
}

fn unused() -> Status {
    Status::unavailable("not now")
}

fn id(text: &str) -> Uuid {
    text.parse().unwrap()
}

#[tonic::async_trait]
impl ApprovalService for Bells {
    async fn open_approval(
        &self,
        request: Request<v1::OpenApprovalRequest>,
    ) -> Result<Response<v1::OpenApprovalResponse>, Status> {
        let v1::OpenApprovalRequest { tenant_id, activation_id } = request.into_inner();
        self.hear("open", id(&tenant_id).into(), id(&activation_id).into()).await;
        self.answer()
    }

    async fn cancel_approval(
        &self,
        request: Request<v1::CancelApprovalRequest>,
    ) -> Result<Response<v1::CancelApprovalResponse>, Status> {
        let v1::CancelApprovalRequest { tenant_id, approval_id } = request.into_inner();
        let (tenant, approval) = (id(&tenant_id).into(), ApprovalId::from(id(&approval_id)));
        let mut read = self.db.read().await.unwrap();
        let approval = approvals::get(&mut read, tenant, approval).await.unwrap().unwrap();
        self.hear("cancel", tenant, approval.activation).await;
        self.answer()
    }

    async fn time_out_approval(
        &self,
        _: Request<v1::TimeOutApprovalRequest>,
    ) -> Result<Response<v1::TimeOutApprovalResponse>, Status> {
        Err(unused())
    }

    async fn get_approval(
        &self,
        _: Request<v1::GetApprovalRequest>,
    ) -> Result<Response<v1::GetApprovalResponse>, Status> {
        Err(unused())
    }

    async fn list_approvals(
        &self,
        _: Request<v1::ListApprovalsRequest>,
    ) -> Result<Response<v1::ListApprovalsResponse>, Status> {
        Err(unused())
    }

    async fn search_my_approvals(
        &self,
        _: Request<v1::SearchMyApprovalsRequest>,
    ) -> Result<Response<v1::SearchMyApprovalsResponse>, Status> {
        Err(unused())
    }

    async fn approve(
        &self,
        _: Request<v1::ApproveRequest>,
    ) -> Result<Response<v1::ApproveResponse>, Status> {
        Err(unused())
    }

    async fn deny(
        &self,
        _: Request<v1::DenyRequest>,
    ) -> Result<Response<v1::DenyResponse>, Status> {
        Err(unused())
    }
}

/// A listener of bells, and where it is; one that refuses hears them and says no.
pub(crate) async fn listen(world: &World, refuse: bool) -> (Bells, String) {
    let bells = Bells { db: world.system.db.clone(), heard: Arc::default(), refuse };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = ApprovalServiceServer::new(bells.clone());
    tokio::spawn(async move {
        let incoming = TcpIncoming::from(listener);
        Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
    });
    (bells, url)
}

/// An address at which nobody is.
pub(crate) async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// From now on clients of this world call an activation service that has its peers at `peers`.
pub(crate) async fn call_alone(world: &mut World, peers: &str) {
    let process = world.system.process(pim_activation::SERVICE.name, peers).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.url = format!("http://{}", listener.local_addr().unwrap());
    let shutdown = world.system.shutdown.clone();
    tokio::spawn(async move {
        let services = [(pim_activation::SERVICE, process.clone())];
        process::serve(&process, &services, listener, Limits::default(), shutdown).await.unwrap();
    });
}
