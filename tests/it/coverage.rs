//! What must hold for every RPC, walked from the descriptor.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use pim_chassis::{
    auth::Grant,
    rpc::{Guard, RPCS, find},
};
use pim_tests::{Organisation, Person, World, reason};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use crate::descriptor::{Method, methods};

/// Calls any RPC with an empty message, and says how it was refused.
struct Caller {
    channel: Channel,
    token: Option<String>,
}

impl Caller {
    fn new(world: &World, token: Option<String>) -> Self {
        let channel = Endpoint::from_shared(world.url.clone()).unwrap().connect_lazy();
        Self { channel, token }
    }

    fn of(world: &World, grant: &Grant, lifetime: TimeDelta) -> Self {
        let token = world.system.issuer.mint(grant, world.now(), lifetime).unwrap();
        Self::new(world, Some(token))
    }

    async fn call(&self, path: &str, streams: bool) -> Result<(), Status> {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        let mut request = Request::new(());
        if let Some(token) = &self.token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        let path = path.parse().unwrap();
        let codec = ProstCodec::<(), ()>::default();
        if streams {
            grpc.server_streaming(request, path, codec).await.map(drop)
        } else {
            grpc.unary(request, path, codec).await.map(drop)
        }
    }

    async fn refusal(&self, method: &Method) -> (Code, String) {
        match self.call(&method.path, method.streams).await {
            Ok(()) => (Code::Ok, String::new()),
            Err(status) => (status.code(), reason(&status)),
        }
    }
}

fn lifetime() -> TimeDelta {
    TimeDelta::minutes(5)
}

fn principal(organisation: &Organisation, person: &Person) -> Grant {
    Grant::Principal {
        tenant: organisation.tenant,
        subject: person.name.clone(),
        amr: vec!["mfa".to_owned()],
        acr: None,
        acrs: Vec::new(),
        auth_time: None,
    }
}

#[test]
fn every_rpc_has_a_row_and_every_row_an_rpc() {
    let contract: BTreeSet<String> = methods().into_iter().map(|method| method.path).collect();
    let table: BTreeSet<String> = RPCS.iter().map(|rpc| rpc.path.to_owned()).collect();
    assert_eq!(contract, table);
    assert_eq!(table.len(), RPCS.len(), "a row is there twice");
}

#[tokio::test]
async fn no_rpc_works_without_a_good_credential() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let grant = principal(&organisation, &organisation.admin);
    let expired = Caller::of(&world, &grant, TimeDelta::seconds(1));
    world.advance(TimeDelta::minutes(2));
    let nobody = Grant::Principal {
        tenant: organisation.tenant,
        subject: "nobody".to_owned(),
        amr: Vec::new(),
        acr: None,
        acrs: Vec::new(),
        auth_time: None,
    };
    let callers = [
        (Caller::new(&world, None), "CREDENTIAL_MISSING"),
        (Caller::new(&world, Some("not.a.token".to_owned())), "CREDENTIAL_INVALID"),
        (expired, "CREDENTIAL_INVALID"),
        (Caller::of(&world, &nobody, lifetime()), "CREDENTIAL_INVALID"),
    ];
    for (caller, expected) in &callers {
        for method in methods() {
            let refused = caller.refusal(&method).await;
            assert_eq!(refused, (Code::Unauthenticated, (*expected).to_owned()), "{}", method.path);
        }
    }
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let anonymous = &callers[0].0;
    let refused = anonymous.call(reflection, true).await.unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIAL_MISSING");
    // Health is for whoever asks.
    anonymous.call("/grpc.health.v1.Health/Check", false).await.unwrap();
}

#[tokio::test]
async fn a_method_outside_of_the_table_answers_nobody() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let admin = Caller::of(&world, &principal(&organisation, &organisation.admin), lifetime());
    let refused = admin.call("/pim.audit.v1.AuditService/DeleteEvents", false).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::PermissionDenied, "NOT_PERMITTED")
    );
}

#[tokio::test]
async fn every_rpc_refuses_whoever_its_row_does_not_name() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let user = organisation.user(&world, "mallory").await;
    let user = Caller::of(&world, &principal(&organisation, &user), lifetime());
    let service =
        |name: &str| Caller::of(&world, &Grant::Service { name: name.to_owned() }, lifetime());
    let operator = Grant::Operator { subject: "operator".to_owned() };
    let operator = Caller::of(&world, &operator, lifetime());
    let (audit, scheduler) = (service("audit"), service("scheduler"));
    let not_permitted = (Code::PermissionDenied, "NOT_PERMITTED".to_owned());
    for method in methods() {
        let guard = find(&method.path).unwrap().guard;
        let outsiders: Vec<&Caller> = match guard {
            Guard::AnyPrincipal => vec![&audit, &scheduler, &operator],
            Guard::Action(_) => vec![&user, &audit, &scheduler, &operator],
            Guard::Services(_) => vec![&user, &audit, &operator],
            Guard::Operator => vec![&user, &audit, &scheduler],
        };
        for caller in outsiders {
            assert_eq!(caller.refusal(&method).await, not_permitted, "{}", method.path);
        }
    }
}
