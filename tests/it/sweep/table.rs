//! The authorisation table.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use pim_chassis::{
    auth::Grant,
    rpc::{Guard, RPCS, find},
};
use pim_tests::{World, reason};
use tonic::Code;

use super::raw::Caller;
use crate::descriptor::methods;

fn of(world: &World, grant: &Grant) -> Caller {
    let token = world.system.issuer.mint(grant, world.now(), TimeDelta::minutes(5)).unwrap();
    Caller::with_token(world, &token)
}

#[test]
fn every_rpc_has_a_row_and_every_row_an_rpc() {
    let contract: BTreeSet<String> = methods().into_iter().map(|method| method.path).collect();
    let table: BTreeSet<String> = RPCS.iter().map(|rpc| rpc.path.to_owned()).collect();
    assert_eq!(contract, table);
    assert_eq!(table.len(), RPCS.len(), "a row is there twice");
}

#[tokio::test]
async fn a_method_outside_of_the_table_answers_nobody() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let admin = of(&world, &organisation.admin.grant());
    let path = "/pim.audit.v1.AuditService/DeleteEvents";
    let refused = admin.call(path, false, Vec::new()).await.unwrap_err();
    let refused = (refused.code(), reason(&refused));
    assert_eq!(refused, (Code::PermissionDenied, "NOT_PERMITTED".to_owned()));
}

#[tokio::test]
async fn every_rpc_refuses_whoever_its_row_does_not_name() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let user = of(&world, &organisation.user(&world, "mallory").await.grant());
    let service = |name: &str| of(&world, &Grant::Service { name: name.to_owned() });
    let operator = of(&world, &Grant::Operator { subject: "operator".to_owned() });
    let (audit, scheduler) = (service("audit"), service("scheduler"));
    let not_permitted = (Code::PermissionDenied, "NOT_PERMITTED".to_owned());
    for method in methods() {
        let guard = find(&method.path).unwrap().guard;
        let outsiders: Vec<&Caller> = match guard {
            Guard::Anyone => vec![],
            Guard::AnyPrincipal => vec![&audit, &scheduler, &operator],
            Guard::Action(_) => vec![&user, &audit, &scheduler, &operator],
            Guard::ActionOrOperator(_) => vec![&user, &audit, &scheduler],
            Guard::Services(_) => vec![&user, &audit, &operator],
            Guard::Operator => vec![&user, &audit, &scheduler],
        };
        for caller in outsiders {
            assert_eq!(caller.refusal(&method).await, not_permitted, "{}", method.path);
        }
    }
}
