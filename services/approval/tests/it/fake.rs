//! The approval service alone, and an activation service that only listens.

use std::sync::{Arc, Mutex};

use pim_chassis::{limits::Limits, process};
use pim_domain::id::{ActivationId, TenantId};
use pim_proto::activation::v1::{
    self,
    activation_service_server::{ActivationService, ActivationServiceServer},
};
use pim_store::{Db, approvals};
use pim_tests::World;
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};
use uuid::Uuid;

/// The activation that a bell was rung for, and the state of its approval that could be read then.
pub(crate) type Heard = (Uuid, Option<&'static str>);

/// What an activation service would be rung for.
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
}

fn unused() -> Status {
    Status::unavailable("not now")
}

fn id(text: &str) -> Uuid {
    text.parse().unwrap()
}

#[tonic::async_trait]
impl ActivationService for Bells {
    async fn resolve_activation(
        &self,
        request: Request<v1::ResolveActivationRequest>,
    ) -> Result<Response<v1::ResolveActivationResponse>, Status> {
        let v1::ResolveActivationRequest { tenant_id, activation_id } = request.into_inner();
        let tenant = TenantId::from(id(&tenant_id));
        let activation = ActivationId::from(id(&activation_id));
        let mut read = self.db.read().await.unwrap();
        let found = approvals::of_activation(&mut read, tenant, activation).await.unwrap();
        let state = found.map(|approval| approval.state.as_str());
        self.heard.lock().unwrap().push((activation.uuid(), state));
        if self.refuse {
            Err(unused())
        } else {
            Ok(Response::new(v1::ResolveActivationResponse::default()))
        }
    }

    async fn activate_role(
        &self,
        _: Request<v1::ActivateRoleRequest>,
    ) -> Result<Response<v1::ActivateRoleResponse>, Status> {
        Err(unused())
    }

    async fn get_activation(
        &self,
        _: Request<v1::GetActivationRequest>,
    ) -> Result<Response<v1::GetActivationResponse>, Status> {
        Err(unused())
    }

    async fn list_activations(
        &self,
        _: Request<v1::ListActivationsRequest>,
    ) -> Result<Response<v1::ListActivationsResponse>, Status> {
        Err(unused())
    }

    async fn search_my_activations(
        &self,
        _: Request<v1::SearchMyActivationsRequest>,
    ) -> Result<Response<v1::SearchMyActivationsResponse>, Status> {
        Err(unused())
    }

    async fn deactivate_role(
        &self,
        _: Request<v1::DeactivateRoleRequest>,
    ) -> Result<Response<v1::DeactivateRoleResponse>, Status> {
        Err(unused())
    }

    async fn cancel_activation(
        &self,
        _: Request<v1::CancelActivationRequest>,
    ) -> Result<Response<v1::CancelActivationResponse>, Status> {
        Err(unused())
    }

    async fn start_activation(
        &self,
        _: Request<v1::StartActivationRequest>,
    ) -> Result<Response<v1::StartActivationResponse>, Status> {
        Err(unused())
    }

    async fn expire_activation(
        &self,
        _: Request<v1::ExpireActivationRequest>,
    ) -> Result<Response<v1::ExpireActivationResponse>, Status> {
        Err(unused())
    }

    async fn void_activation(
        &self,
        _: Request<v1::VoidActivationRequest>,
    ) -> Result<Response<v1::VoidActivationResponse>, Status> {
        Err(unused())
    }
}

/// A listener of bells, and where it is; one that refuses hears them and says no.
pub(crate) async fn listen(world: &World, refuse: bool) -> (Bells, String) {
    let bells = Bells { db: world.system.db.clone(), heard: Arc::default(), refuse };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = ActivationServiceServer::new(bells.clone());
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

/// From now on clients of this world call an approval service that has its peers at `peers`.
pub(crate) async fn call_alone(world: &mut World, peers: &str) {
    let process = world.system.process(pim_approval::SERVICE.name, peers).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.url = format!("http://{}", listener.local_addr().unwrap());
    let shutdown = world.system.shutdown.clone();
    tokio::spawn(async move {
        let services = [(pim_approval::SERVICE, process.clone())];
        process::serve(&process, &services, listener, Limits::default(), shutdown).await.unwrap();
    });
}
