//! When principals sign in: each service that they call writes it by itself, with its own login, and
//! beside the call.

use chrono::{DateTime, TimeDelta, Utc};
use pim_cli::system::SERVICES;
use pim_client::Client;
use pim_proto::{
    access::v1::ListEffectiveRolesRequest, activation::v1::ListActivationsRequest,
    approval::v1::ListApprovalsRequest, assignment::v1::ListRolesRequest,
    audit::v1::ListAlertsRequest,
};
use pim_tests::{Person, World, eventually};
use sqlx::{Executor as _, PgConnection};

/// Asks that service for something; what it answers does not matter.
async fn ask(service: &str, client: &Client) {
    let (mut access, mut audit) = (client.access(), client.alerts());
    match service {
        "assignment" => drop(client.roles().list_roles(ListRolesRequest::default()).await),
        "activation" => {
            let request = ListActivationsRequest::default();
            drop(client.activations().list_activations(request).await);
        }
        "approval" => {
            let request = ListApprovalsRequest::default();
            drop(client.approvals().list_approvals(request).await);
        }
        "audit" => drop(audit.list_alerts(ListAlertsRequest::default()).await),
        "access" => {
            drop(access.list_effective_roles(ListEffectiveRolesRequest::default()).await);
        }
        other => panic!("how is {other} called?"),
    }
}

/// When the database has somebody last, where it has.
async fn kept(database: &mut PgConnection, person: &Person) -> Option<DateTime<Utc>> {
    let kept = "select last_time from sign_in where principal_id = $1::uuid";
    sqlx::query_scalar(kept).bind(&person.id).fetch_optional(database).await.unwrap()
}

#[tokio::test]
async fn every_service_that_principals_call_tells_of_them() {
    for service in SERVICES.into_iter().filter(|service| service.name != "scheduler") {
        let mut world = World::start().await;
        let organisation = world.organisation().await;
        let person = organisation.user(&world, "alice").await;
        let everything = world.url.clone();
        world.call_alone(service, &everything).await;
        ask(service.name, &person.again(&world).client).await;
        let mut database = world.database.connect().await;
        eventually(service.name, async || kept(&mut database, &person).await).await;
    }
}

#[tokio::test]
async fn no_call_waits_for_it_and_none_fails_by_it() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    let mut database = world.database.connect().await;
    let lock = "begin; lock table sign_in in access exclusive mode";
    database.execute(lock).await.unwrap();
    let call = async || alice.client.roles().list_roles(ListRolesRequest::default()).await;
    call().await.unwrap();
    let (first, access) = (world.now(), world.system.databases.of("access"));
    world.system.sign_ins.write(access).await.unwrap_err();
    call().await.unwrap();
    database.execute("commit").await.unwrap();
    world.advance(TimeDelta::minutes(5));
    world.write_sign_ins().await;
    assert_eq!(kept(&mut database, &alice).await, Some(first), "it has waited");
}
