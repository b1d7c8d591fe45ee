//! The guard against locking everybody out: no call leaves fewer than must stay.

use chrono::TimeDelta;
use pim_client::Client;
use pim_proto::assignment::v1::{
    Assignment, DisablePrincipalRequest, EnablePrincipalRequest, GrantState,
    ListAssignmentsRequest, PrincipalKind,
};
use pim_tests::{Organisation, Person, assert_refused, metadata};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    grants::{Kind, get, removal, remove},
    ground::{Ground, SUBSCRIPTION, UNIT},
    moves::{dates, update},
};

const GLOBAL: &str = Organisation::GLOBAL_ADMINISTRATOR;

impl Ground {
    /// The assignments of Global Administrator of somebody.
    async fn powers(&self, person: &Person) -> Vec<Assignment> {
        let request = ListAssignmentsRequest {
            principal_id: person.id.clone(),
            role_id: GLOBAL.to_owned(),
            ..Default::default()
        };
        let answer = self.org.admin.client.assignments().list_assignments(request).await;
        answer.unwrap().into_inner().assignments
    }
}

async fn disable(client: &Client, person: &Person) -> Result<(), Status> {
    let principal_id = person.id.clone();
    let request = DisablePrincipalRequest { principal_id, ..Default::default() };
    client.directory().disable_principal(request).await.map(drop)
}

fn assert_last<T>(answer: Result<T, Status>, (minimum, left): (&str, &str)) {
    let status = assert_refused(answer, Code::FailedPrecondition, "LAST_HOLDER");
    assert_eq!(metadata(&status, "minimum"), minimum);
    assert_eq!(metadata(&status, "left"), left);
}

#[tokio::test]
async fn the_first_administrators_stay_until_there_are_others() {
    let ground = Ground::new().await;
    let (admin, second) = (&ground.org.admin, &ground.org.second_admin);
    let power = ground.powers(second).await.remove(0);
    assert_last(remove(&admin.client, Kind::Assignment, removal(&power.id)).await, ("2", "1"));
    assert_last(disable(&admin.client, second).await, ("2", "1"));
    let own = ground.powers(admin).await.remove(0);
    assert_last(remove(&admin.client, Kind::Assignment, removal(&own.id)).await, ("2", "1"));
    let grant = get(&admin.client, Kind::Assignment, &power.id).await.unwrap();
    let end = Some(ground.world.now() + TimeDelta::days(100));
    let short = update(&admin.client, Kind::Assignment, dates(&grant, None, end)).await;
    assert_last(short, ("2", "1"));
    assert_eq!(get(&admin.client, Kind::Assignment, &power.id).await.unwrap(), grant);
    assert!(ground.stored(&second.id).await.enabled);

    ground.org.assign(&ground.ada, GLOBAL, "/").await.unwrap();
    disable(&admin.client, second).await.unwrap();
    let answer = remove(&admin.client, Kind::Assignment, removal(&own.id)).await;
    assert_last(answer, ("2", "1"));
    let request = EnablePrincipalRequest { principal_id: second.id.clone(), ..Default::default() };
    ground.ada.client.directory().enable_principal(request).await.unwrap();
    let removed = remove(&admin.client, Kind::Assignment, removal(&own.id)).await.unwrap();
    assert_eq!(removed.state(), GrantState::Removed);
}

#[tokio::test]
async fn only_persons_with_a_permanent_assignment_there_count() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let second = &ground.org.second_admin;
    let program = ground.program("robot").await;
    ground.org.assign(&program, GLOBAL, "/").await.unwrap();
    ground.org.assign(&ground.ada, GLOBAL, UNIT).await.unwrap();
    ground.org.make_eligible(&ground.ada, GLOBAL, "/").await;
    let bob = ground.user("bob").await;
    let brief = pim_proto::assignment::v1::CreateAssignmentRequest {
        principal_id: bob.id.clone(),
        role_id: GLOBAL.to_owned(),
        scope: "/".to_owned(),
        end_time: Some(pim_tests::timestamp(ground.world.now() + TimeDelta::days(9))),
        justification: "their work".to_owned(),
        ..Default::default()
    };
    admin.assignments().create_assignment(brief).await.unwrap();
    let disabled = ground.user("carol").await;
    ground.org.assign(&disabled, GLOBAL, "/").await.unwrap();
    disable(admin, &disabled).await.unwrap();
    assert_last(disable(admin, second).await, ("2", "1"));

    // Two accounts of one human are one.
    let person = Some(Uuid::new_v4());
    let user = PrincipalKind::User;
    let dave = ground.org.principal(&ground.world, "dave", user, person).await;
    let other = ground.org.principal(&ground.world, "dave-admin", user, person).await;
    ground.org.assign(&dave, GLOBAL, "/").await.unwrap();
    ground.org.assign(&other, GLOBAL, "/").await.unwrap();
    disable(admin, &other).await.unwrap();
    disable(admin, second).await.unwrap();
    assert_last(disable(admin, &dave).await, ("2", "1"));
}

#[tokio::test]
async fn a_subscription_keeps_an_owner_once_it_has_one() {
    let ground = Ground::new().await;
    let admin = &ground.org.admin.client;
    let first = ground.org.assign(&ground.ada, Organisation::OWNER, SUBSCRIPTION).await.unwrap();
    let answer = remove(admin, Kind::Assignment, removal(&first.id)).await;
    assert_last(answer, ("1", "0"));
    assert_last(disable(admin, &ground.ada).await, ("1", "0"));
    let bob = ground.user("bob").await;
    ground.org.assign(&bob, Organisation::OWNER, SUBSCRIPTION).await.unwrap();
    remove(admin, Kind::Assignment, removal(&first.id)).await.unwrap();
    // Below it and above it nobody has to stay, and neither with another role.
    for (role, scope) in [
        (Organisation::OWNER, format!("{SUBSCRIPTION}/resourceGroups/web")),
        (Organisation::OWNER, "/".to_owned()),
        (Organisation::CONTRIBUTOR, SUBSCRIPTION.to_owned()),
    ] {
        let free = ground.org.assign(&ground.ada, role, &scope).await.unwrap();
        remove(admin, Kind::Assignment, removal(&free.id)).await.unwrap();
    }
}
