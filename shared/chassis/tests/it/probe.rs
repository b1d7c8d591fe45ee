//! A server with a service of four methods: `Echo` answers with its request, `Wait` and `Stream`
//! answer when the test allows it, `Panic` panics.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Request, Response};
use pim_chassis::{
    limits::Limits,
    readiness::Readiness,
    serve::{Guard, ServeError, Server, Services},
};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::{
    Status,
    body::Body,
    metadata::MetadataMap,
    server::{Grpc, NamedService, ServerStreamingService, UnaryService},
    transport::Channel,
};
use tonic_health::pb::HealthCheckRequest as Message;
use tonic_prost::ProstCodec;

#[derive(Clone)]
pub(crate) struct Probe {
    entered: mpsc::UnboundedSender<()>,
    allowed: Arc<Semaphore>,
}

impl NamedService for Probe {
    const NAME: &'static str = "test.Probe";
}

impl tower::Service<Request<Body>> for Probe {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let probe = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<Message, Message>::default());
            let response = match request.uri().path() {
                "/test.Probe/Echo" => grpc.unary(Echo, request).await,
                "/test.Probe/Wait" => {
                    probe.wait().await;
                    grpc.unary(Echo, request).await
                }
                "/test.Probe/Stream" => grpc.server_streaming(Events(probe), request).await,
                "/test.Probe/Panic" => panic!("the password is hunter2"),
                _ => Status::unimplemented("").into_http(),
            };
            Ok(response)
        })
    }
}

impl Probe {
    async fn wait(&self) {
        self.entered.send(()).unwrap();
        self.allowed.acquire().await.unwrap().forget();
    }
}

struct Echo;

impl UnaryService<Message> for Echo {
    type Response = Message;
    type Future = BoxFuture<'static, Result<tonic::Response<Message>, Status>>;

    fn call(&mut self, request: tonic::Request<Message>) -> Self::Future {
        Box::pin(async { Ok(tonic::Response::new(request.into_inner())) })
    }
}

struct Events(Probe);

impl ServerStreamingService<Message> for Events {
    type Response = Message;
    type ResponseStream = std::pin::Pin<Box<dyn Stream<Item = Result<Message, Status>> + Send>>;
    type Future = BoxFuture<'static, Result<tonic::Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: tonic::Request<Message>) -> Self::Future {
        let probe = self.0.clone();
        let event = async move {
            probe.wait().await;
            Ok(request.into_inner())
        };
        let stream: Self::ResponseStream = Box::pin(futures::stream::once(event));
        Box::pin(async { Ok(tonic::Response::new(stream)) })
    }
}

pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) readiness: Readiness,
    pub(crate) shutdown: CancellationToken,
    pub(crate) serving: JoinHandle<Result<(), ServeError>>,
    pub(crate) entered: mpsc::UnboundedReceiver<()>,
    pub(crate) allowed: Arc<Semaphore>,
}

impl TestServer {
    /// A server whose guard asks for the header `pass`, except of health and reflection.
    pub(crate) async fn start(limits: Limits) -> Self {
        let (entering, entered) = mpsc::unbounded_channel();
        let allowed = Arc::new(Semaphore::new(0));
        let services =
            Services::new().with(Probe { entered: entering, allowed: Arc::clone(&allowed) });
        let guard: Guard = Arc::new(|parts| {
            let open = parts.uri.path().starts_with("/grpc.");
            let passes = open || parts.headers.contains_key("pass");
            let refusal = || Status::unauthenticated("who is there?");
            Box::pin(async move { passes.then_some(()).ok_or_else(refusal) })
        });
        let server = Server::new(services, &[], guard, limits).await.unwrap();
        let readiness = server.readiness();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(server.serve(listener, shutdown.clone()));
        Self { address, readiness, shutdown, serving, entered, allowed }
    }

    pub(crate) async fn channel(&self) -> Channel {
        let url = format!("http://{}", self.address);
        Channel::from_shared(url).unwrap().connect().await.unwrap()
    }
}

pub(crate) async fn call(channel: Channel, path: &'static str) -> Result<Message, Status> {
    call_with(channel, path, String::new(), &["pass"]).await
}

pub(crate) async fn call_with(
    channel: Channel,
    path: &'static str,
    text: String,
    headers: &[&'static str],
) -> Result<Message, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let request = request(text, headers);
    let codec = ProstCodec::<Message, Message>::default();
    let response = client.unary(request, http::uri::PathAndQuery::from_static(path), codec).await?;
    Ok(response.into_inner())
}

pub(crate) async fn open_stream(channel: Channel) -> tonic::Streaming<Message> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/test.Probe/Stream");
    let codec = ProstCodec::<Message, Message>::default();
    client
        .server_streaming(request(String::new(), &["pass"]), path, codec)
        .await
        .unwrap()
        .into_inner()
}

fn request(text: String, headers: &[&'static str]) -> tonic::Request<Message> {
    let mut metadata = MetadataMap::new();
    for header in headers {
        metadata.insert(*header, "yes".parse().unwrap());
    }
    let message = Message { service: text };
    tonic::Request::from_parts(metadata, tonic::Extensions::default(), message)
}
