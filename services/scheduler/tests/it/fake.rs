//! The services that own what is due, as far as the scheduler sees them: they note each push and
//! answer as they are told. The nine requests have the same two fields, so one codec reads all.

use std::{
    convert::Infallible,
    marker::PhantomData,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use pim_chassis::process::Peers;
use pim_client::{Client, Credentials};
use pim_proto::{
    activation::v1::activation_service_server::ActivationServiceServer,
    activation::v1::{ExpireActivationRequest, ExpireActivationResponse},
    approval::v1::approval_service_server::ApprovalServiceServer,
    assignment::v1::assignment_service_server::AssignmentServiceServer,
};
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::{BoxFuture, Service, http},
    server::{Grpc, NamedService, UnaryService},
    transport::{Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;

/// One push: the RPC's path, the tenant, and the thing.
pub(crate) type Push = (String, String, String);

/// How a fake answers.
pub(crate) type Answer = fn() -> Result<(), Status>;

/// What was pushed to the fakes, in the order of their arrival.
#[derive(Clone)]
pub(crate) struct Pushes {
    heard: Arc<Mutex<Vec<Push>>>,
    answer: Answer,
}

impl Pushes {
    /// What was pushed since the last call, sorted.
    pub(crate) fn take(&self) -> Vec<Push> {
        let mut pushes = std::mem::take(&mut *self.heard.lock().unwrap());
        pushes.sort();
        pushes
    }
}

/// One owner, under the name of the service `S`.
struct Fake<S> {
    pushes: Pushes,
    name: PhantomData<fn() -> S>,
}

impl<S> Clone for Fake<S> {
    fn clone(&self) -> Self {
        Self { pushes: self.pushes.clone(), name: PhantomData }
    }
}

impl<S: NamedService> NamedService for Fake<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for Fake<S> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let hear = Hear { path: request.uri().path().to_owned(), pushes: self.pushes.clone() };
        let codec = ProstCodec::<ExpireActivationResponse, ExpireActivationRequest>::default();
        Box::pin(async move { Ok(Grpc::new(codec).unary(hear, request).await) })
    }
}

/// One call.
struct Hear {
    path: String,
    pushes: Pushes,
}

impl UnaryService<ExpireActivationRequest> for Hear {
    type Response = ExpireActivationResponse;
    type Future = BoxFuture<Response<ExpireActivationResponse>, Status>;

    fn call(&mut self, request: Request<ExpireActivationRequest>) -> Self::Future {
        let ExpireActivationRequest { tenant_id, activation_id } = request.into_inner();
        self.pushes.heard.lock().unwrap().push((self.path.clone(), tenant_id, activation_id));
        let answer = (self.pushes.answer)();
        Box::pin(async move { answer.map(|()| Response::new(ExpireActivationResponse::default())) })
    }
}

/// Three owners, each at an address of its own.
pub(crate) async fn owners(answer: Answer) -> (Peers, Pushes) {
    let pushes = Pushes { heard: Arc::default(), answer };
    let peers = Peers {
        assignment: Some(serve::<AssignmentServiceServer<()>>(&pushes).await),
        activation: Some(serve::<ActivationServiceServer<()>>(&pushes).await),
        approval: Some(serve::<ApprovalServiceServer<()>>(&pushes).await),
    };
    (peers, pushes)
}

async fn serve<S: NamedService + 'static>(pushes: &Pushes) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let fake: Fake<S> = Fake { pushes: pushes.clone(), name: PhantomData };
    let router = Server::builder().add_service(fake);
    tokio::spawn(router.serve_with_incoming(TcpIncoming::from(listener)));
    Client::connect_lazy(&url, Credentials::none()).unwrap()
}

/// An owner that cannot be reached.
pub(crate) async fn nobody() -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    Client::connect_lazy(&url, Credentials::none()).unwrap()
}
