//! Services that know each other by certificates, and by tokens on top of that.

use std::collections::HashMap;

use chrono::TimeDelta;
use pim_chassis::{
    auth::Grant, config::TlsConfig, limits::Limits, process::Peers, rates::RateLimits, tls::Tls,
};
use pim_cli::system::SERVICES;
use pim_client::{Client, Credentials};
use pim_proto::{
    approval::v1::{ListApprovalsRequest, OpenApprovalRequest},
    assignment::v1::Rules,
};
use pim_tests::{
    Authority, Ends, Mounted, Organisation, Person, World, all_of, assert_refused, new_id,
};
use tonic::{Code, Status};

use super::{Clients, config, mounted};

const ROLE: &str = Organisation::USER_ADMINISTRATOR;
const RULE: &str = "spiffe://pim.example/sa/pim-{service}";

/// The files of whoever has the certificate of this service.
fn of(authority: &Authority, service: &str) -> Mounted {
    let uri = RULE.replace("{service}", service);
    Mounted::new(&authority.issue(Some(&uri), Ends::InMany), authority)
}

/// A system that is called by TLS with certificates, and with them the services call each other:
/// each with that of the service that `whose` names.
async fn secured(authority: &Authority, whose: fn(&'static str) -> &'static str) -> World {
    let mut world = World::start().await;
    let (own, people) = (mounted(authority), mounted(authority));
    let rule = Some(RULE.parse().unwrap());
    let config = TlsConfig { tls_service_name: rule, ..config(&own, Clients::Certified) };
    let tls = Tls::load(&config).unwrap();
    let certificates: HashMap<&str, pim_client::Tls> = SERVICES
        .iter()
        .map(|service| (service.name, of(authority, whose(service.name)).client()))
        .collect();
    world.tls = Some(people.client());
    let system = world.system.clone();
    let limits = Limits { rates: RateLimits::none(), ..Limits::default() };
    world
        .call_another(limits, |service, url, process| {
            let system = system.clone();
            let credentials = Credentials::provider(move || {
                let (grant, now) = (as_service(service), system.clock.now().now);
                Ok(system.issuer.mint(&grant, now, TimeDelta::minutes(5))?)
            });
            let certificate = certificates[service].clone();
            let peer = Client::connect_lazy_by(url, credentials, Some(certificate)).unwrap();
            process.tls.clone_from(&tls);
            process.peers = std::sync::Arc::new(Peers {
                assignment: Some(peer.clone()),
                activation: Some(peer.clone()),
                approval: Some(peer),
            });
        })
        .await;
    world
}

fn as_service(name: &str) -> Grant {
    Grant::Service { name: name.to_owned() }
}

/// How many approvals are open once somebody has asked for a role that needs one.
async fn opened(world: &World) -> usize {
    let org = world.organisation().await;
    let [alice, carol] = [org.user(world, "alice").await, org.user(world, "carol").await];
    let rules = Rules { approval: Some(all_of(&[&carol])), ..Rules::default() };
    org.set_policy(ROLE, rules).await.unwrap();
    org.make_eligible(&alice, ROLE, "/").await;
    alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    let request = ListApprovalsRequest::default();
    let listed = org.admin.client.approvals().list_approvals(request).await.unwrap();
    listed.into_inner().approvals.len()
}

#[tokio::test]
async fn a_service_hears_another_by_its_certificate() {
    let world = secured(&Authority::new(), |service| service).await;
    assert_eq!(opened(&world).await, 1);
}

#[tokio::test]
async fn a_service_does_not_hear_a_token_that_comes_with_anothers_certificate() {
    let world = secured(&Authority::new(), |_| "access").await;
    assert_eq!(opened(&world).await, 0);
}

#[tokio::test]
async fn a_services_token_is_bound_to_the_services_name() {
    let authority = Authority::new();
    let world = secured(&authority, |service| service).await;
    let open = async |files: Mounted| -> Result<(), Status> {
        let client = world.client_by(&world.url, as_service("scheduler"), Some(files.client()));
        let request = OpenApprovalRequest { tenant_id: new_id(), activation_id: new_id() };
        client.approvals().open_approval(request).await.map(drop)
    };
    for stolen in [of(&authority, "access"), mounted(&authority)] {
        assert_refused(open(stolen).await, Code::Unauthenticated, "CREDENTIAL_INVALID");
    }
    assert_refused(open(of(&authority, "scheduler")).await, Code::NotFound, "NOT_FOUND");
}
