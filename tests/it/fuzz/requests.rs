//! Every RPC of a running system, called by every kind of caller with whatever bytes: no answer is an
//! error of the server, and it serves afterwards as before.

use std::time::Duration;

use chrono::TimeDelta;
use pim_chassis::{auth::Grant, rpc::RPCS};
use pim_proto::assignment::v1::ListRolesRequest;
use pim_tests::{Organisation, World, reason};
use prost::bytes::{Buf as _, BufMut as _};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::{Channel, Endpoint},
};

use super::{Rounds, message::Messages};
use crate::descriptor::{Method, methods};

/// How long a stream is listened to.
const LISTEN: Duration = Duration::from_millis(20);

/// Bytes as they are; of answers nothing is read.
#[derive(Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = ();
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, bytes: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&bytes);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        from.advance(from.remaining());
        Ok(Some(()))
    }
}

async fn call(
    channel: &Channel,
    method: &Method,
    bytes: Vec<u8>,
    token: &str,
) -> Result<(), Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
    let mut request = Request::new(bytes);
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    let path = method.path.parse().unwrap();
    if !method.streams {
        return grpc.unary(request, path, Raw).await.map(drop);
    }
    let mut answers = grpc.server_streaming(request, path, Raw).await?.into_inner();
    match tokio::time::timeout(LISTEN, answers.message()).await {
        Ok(first) => first.map(drop),
        Err(_) => Ok(()),
    }
}

/// Of every kind of caller, the administrator's more often, who may do most.
fn tokens(world: &World, organisation: &Organisation) -> Vec<String> {
    let person = |subject: &str| Grant::Principal {
        tenant: organisation.tenant,
        subject: subject.to_owned(),
        amr: vec!["mfa".to_owned()],
        acr: None,
        acrs: Vec::new(),
        auth_time: None,
        signals: pim_domain::condition::Signals::default(),
    };
    let service = |name: &str| Grant::Service { name: name.to_owned() };
    let admin = &organisation.admin.name;
    let grants = [
        person(admin),
        person(admin),
        person(admin),
        person("alice"),
        person("alice"),
        service("scheduler"),
        service("approval"),
        Grant::Operator { subject: "root".to_owned() },
    ];
    let mint = |grant| world.system.issuer.mint(&grant, world.now(), TimeDelta::minutes(5));
    grants.into_iter().map(|grant| mint(grant).unwrap()).collect()
}

/// The message that a method takes.
fn request_of(method: &Method) -> String {
    let service = method.path.trim_start_matches('/').rsplit_once('/').unwrap().0;
    let package = service.rsplit_once('.').unwrap().0;
    format!(".{package}.{}Request", method.name)
}

#[tokio::test]
async fn requests() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let [alice, bob] =
        [organisation.user(&world, "alice").await, organisation.user(&world, "bob").await];
    let role = Organisation::USER_ADMINISTRATOR;
    let eligible = organisation.make_eligible(&alice, role, "/").await;
    // Of the administrator nothing, who is needed to the end.
    let mut ids = vec![alice.id.clone(), bob.id, eligible.id, organisation.tenant.to_string()];
    ids.extend([role, Organisation::CONTRIBUTOR, "/", "/subscriptions/a"].map(str::to_owned));
    let tokens = tokens(&world, &organisation);
    let (messages, methods) = (Messages::read(), methods());
    let channel = Endpoint::from_shared(world.url.clone()).unwrap().connect_lazy();
    let mut answered = 0;
    assert_eq!(methods.len(), RPCS.len());
    for mut dice in Rounds::of("requests", 4_000) {
        let method = dice.pick(&methods);
        let bytes = messages.write(&mut dice, &request_of(method), &ids);
        let token = dice.pick(&tokens);
        let said = format!("{} {bytes:02x?}", method.path);
        match call(&channel, method, bytes, token).await {
            Ok(()) => answered += 1,
            Err(status) => {
                let ours = !reason(&status).is_empty();
                let of_the_server = [Code::Internal, Code::Unknown, Code::DataLoss];
                assert!(ours && !of_the_server.contains(&status.code()), "{said}: {status:?}");
            }
        }
    }
    assert!(answered > 0);
    let request = ListRolesRequest::default();
    let roles = organisation.admin.client.roles().list_roles(request).await.unwrap();
    assert!(!roles.into_inner().roles.is_empty());
}
