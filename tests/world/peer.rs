//! Peers that only listen: they note each call of another service and answer as they are told.
//! The requests between services have the same two fields, a tenant and a thing, so one codec reads
//! them all.

use std::{
    convert::Infallible,
    marker::PhantomData,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use pim_proto::activation::v1::{ExpireActivationRequest, ExpireActivationResponse};
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::{Service, http},
    server::{Grpc, NamedService, UnaryService},
    transport::{Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;

/// One call of another service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bell {
    /// `/package.Service/Method`.
    pub path: String,
    /// Whose.
    pub tenant_id: String,
    /// The activation, approval, eligibility or assignment.
    pub thing_id: String,
}

/// How a peer answers.
pub type Reply = fn() -> Result<(), Status>;

/// What is noted of a bell, while it is being rung.
type Note<T> = Arc<dyn Fn(Bell) -> BoxFuture<'static, T> + Send + Sync>;

/// A peer that listens.
pub struct Peer<T> {
    /// Where it is.
    pub url: String,
    heard: Arc<Mutex<Vec<T>>>,
}

impl<T: Send + 'static> Peer<T> {
    /// One under the name of the service `S`, at an address of its own.
    pub async fn listen<S: NamedService + 'static, F>(
        reply: Reply,
        note: impl Fn(Bell) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::default();
        let note: Note<T> = Arc::new(move |bell| Box::pin(note(bell)));
        let ear: Ear<S, T> =
            Ear { hears: Hears { heard: Arc::clone(&heard), note, reply }, name: PhantomData };
        let router = Server::builder().add_service(ear);
        tokio::spawn(router.serve_with_incoming(TcpIncoming::from(listener)));
        Self { url, heard }
    }

    /// What was noted since the last time, first to last.
    #[must_use]
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

/// An address at which nobody is.
pub async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

struct Hears<T> {
    heard: Arc<Mutex<Vec<T>>>,
    note: Note<T>,
    reply: Reply,
}

impl<T> Clone for Hears<T> {
    fn clone(&self) -> Self {
        Self { heard: self.heard.clone(), note: self.note.clone(), reply: self.reply }
    }
}

struct Ear<S, T> {
    hears: Hears<T>,
    name: PhantomData<fn() -> S>,
}

impl<S, T> Clone for Ear<S, T> {
    fn clone(&self) -> Self {
        Self { hears: self.hears.clone(), name: PhantomData }
    }
}

impl<S: NamedService, T> NamedService for Ear<S, T> {
    const NAME: &'static str = S::NAME;
}

impl<S, T: Send + 'static> Service<http::Request<Body>> for Ear<S, T> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let call = Call { path: request.uri().path().to_owned(), hears: self.hears.clone() };
        let codec = ProstCodec::<ExpireActivationResponse, ExpireActivationRequest>::default();
        Box::pin(async move { Ok(Grpc::new(codec).unary(call, request).await) })
    }
}

struct Call<T> {
    path: String,
    hears: Hears<T>,
}

impl<T: Send + 'static> UnaryService<ExpireActivationRequest> for Call<T> {
    type Response = ExpireActivationResponse;
    type Future = BoxFuture<'static, Result<Response<ExpireActivationResponse>, Status>>;

    fn call(&mut self, request: Request<ExpireActivationRequest>) -> Self::Future {
        let ExpireActivationRequest { tenant_id, activation_id } = request.into_inner();
        let bell = Bell { path: self.path.clone(), tenant_id, thing_id: activation_id };
        let Hears { heard, note, reply } = self.hears.clone();
        Box::pin(async move {
            let noted = note(bell).await;
            heard.lock().unwrap().push(noted);
            reply().map(|()| Response::new(ExpireActivationResponse::default()))
        })
    }
}
