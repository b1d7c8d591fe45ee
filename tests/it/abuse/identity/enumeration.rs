//! T-25: whether something exists is not learnt by asking for it. Each method that names a thing by
//! an id is asked for one that there is and for one that there is not, by people who may do neither,
//! each of whom gets further than the one before: a user, the owner of another subscription, the
//! owner of another group.

mod asked;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use pim_chassis::rpc::{Guard, find};
use pim_proto::{
    assignment::v1 as assignment,
    audit::v1::{self as audit, EventFilter},
};
use pim_tests::{
    Organisation, Person, World, all_of, assert_same_refusal, new_id, reason, timestamp,
};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::Code;

use asked::about_all;

use super::super::{wire::Wire, written};

const ROLE: &str = Organisation::USER_ADMINISTRATOR;
const SHOP: &str = "/subscriptions/shop";
const CONTRIBUTOR: &str = Organisation::CONTRIBUTOR;

/// What everybody of the tenant may know: its roles and their policies; and where a person's id is
/// that of no thing. Batches answer each item as the single call, and what a list is narrowed by
/// names nothing.
const EXCEPT: [&str; 5] =
    ["GetRole", "GetPolicy", "GetPolicyInForce", "TestPolicy", "CreatePrincipal"];

/// One of each thing that there is, by its id, of one subscription and of the directory.
struct Things {
    eligibility: String,
    assignment: String,
    request: String,
    active: String,
    pending: String,
    approval: String,
    principal: String,
    group: String,
    role: String,
    event: String,
    alert: String,
    tenant: String,
}

impl Things {
    /// As many ids of nothing.
    fn none() -> Self {
        Self {
            eligibility: new_id(),
            assignment: new_id(),
            request: new_id(),
            active: new_id(),
            pending: new_id(),
            approval: new_id(),
            principal: new_id(),
            group: new_id(),
            role: new_id(),
            event: new_id(),
            alert: new_id(),
            tenant: new_id(),
        }
    }

    async fn of(world: &World, organisation: &Organisation, role: &str, scope: &str) -> Self {
        let name = |what: &str| format!("{what} of {scope}");
        let [alice, bob, carol] = [
            organisation.user(world, &name("alice")).await,
            organisation.user(world, &name("bob")).await,
            organisation.user(world, &name("carol")).await,
        ];
        let admin = &organisation.admin;
        let end_time = Some(timestamp(world.now() + TimeDelta::days(7)));
        let made = assignment::CreateEligibilityRequest {
            principal_id: alice.id.clone(),
            role_id: role.to_owned(),
            scope: scope.to_owned(),
            end_time,
            ..Default::default()
        };
        let made = admin.client.assignments().create_eligibility(made).await.unwrap();
        let eligibility = made.into_inner().eligibility.unwrap().id;
        let active = alice.activate(Person::wish(role, scope)).await.unwrap().id;
        let ask = assignment::CreateChangeRequestRequest {
            kind: assignment::ChangeRequestKind::Extension.into(),
            grant: Some(assignment::create_change_request_request::Grant::EligibilityId(
                eligibility.clone(),
            )),
            justification: "still needed".to_owned(),
            ..Default::default()
        };
        let asked = alice.client.assignments().create_change_request(ask).await.unwrap();
        let rule = assignment::Rules { approval: Some(all_of(&[&carol])), ..Default::default() };
        organisation.set_policy_at(role, scope, rule, &[]).await.unwrap();
        organisation.make_eligible(&bob, role, scope).await;
        let pending = bob.activate(Person::wish(role, scope)).await.unwrap().id;
        let approval = carol.inbox().await.remove(0).id;
        world.scan().await;
        let alerts = admin.client.alerts().list_alerts(audit::ListAlertsRequest::default()).await;
        Self {
            assignment: organisation.assign(&carol, role, scope).await.unwrap().id,
            request: asked.into_inner().change_request.unwrap().id,
            principal: alice.id,
            group: organisation.group(&name("group")).await.id,
            role: custom_role(organisation, &name("role")).await,
            event: organisation.log(EventFilter::default()).await[0].id.clone(),
            alert: alerts.unwrap().into_inner().alerts[0].id.clone(),
            tenant: organisation.tenant.to_string(),
            eligibility,
            active,
            pending,
            approval,
        }
    }
}

async fn custom_role(organisation: &Organisation, name: &str) -> String {
    let request = assignment::CreateRoleRequest {
        catalog: pim_proto::r#type::v1::Catalog::Azure.into(),
        definition: Some(definition(name)),
        ..Default::default()
    };
    let answer = organisation.admin.client.roles().create_role(request).await.unwrap();
    answer.into_inner().role.unwrap().id
}

fn definition(name: &str) -> assignment::RoleDefinition {
    let actions = vec!["Microsoft.Compute/*".to_owned()];
    assignment::RoleDefinition {
        display_name: name.to_owned(),
        permissions: vec![assignment::PermissionBlock { actions, ..Default::default() }],
        assignable_scopes: vec![SHOP.to_owned()],
        ..Default::default()
    }
}

/// The methods of people that name a thing by an id outside of a filter, by their paths.
fn naming() -> Vec<String> {
    let set = FileDescriptorSet::decode(pim_proto::FILE_DESCRIPTOR_SET).unwrap();
    let names_something = |message: &str| {
        let mut all = set.file.iter().flat_map(|file| {
            file.message_type.iter().map(|one| (format!(".{}.{}", file.package(), one.name()), one))
        });
        let (_, request) = all.find(|(name, _)| name == message).unwrap();
        let ids = request.field.iter().filter(|field| field.name().ends_with("_id"));
        ids.filter(|field| field.name() != "request_id").count() > 0
    };
    let mut paths = Vec::new();
    for file in set.file.iter().filter(|file| file.package().starts_with("pim.")) {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                let guard = find(&path).unwrap().guard;
                let is_of_people = matches!(
                    guard,
                    Guard::AnyPrincipal | Guard::Action(_) | Guard::ActionOrOperator(_)
                );
                let is_list = ["List", "Search"].iter().any(|one| method.name().starts_with(one));
                let filters = is_list && !NAMING_LISTS.contains(&method.name());
                if is_of_people && !filters && names_something(method.input_type()) {
                    paths.push(path);
                }
            }
        }
    }
    paths
}

/// Lists of what belongs to one thing.
const NAMING_LISTS: [&str; 2] = ["SearchActivatableScopes", "ListPossibleApprovers"];

/// An owner of another subscription, or of another group; and a user.
async fn outsiders(world: &World, organisation: &Organisation) -> Vec<Person> {
    let [user, owner, chief] = [
        organisation.user(world, "user").await,
        organisation.user(world, "owner").await,
        organisation.user(world, "chief").await,
    ];
    let elsewhere = "/subscriptions/elsewhere";
    organisation.assign(&owner, Organisation::OWNER, elsewhere).await.unwrap();
    let club = organisation.group("club").await;
    organisation.assign(&chief, Organisation::GROUP_OWNER, &club.scope).await.unwrap();
    vec![user, owner, chief]
}

#[tokio::test]
async fn t_25_what_there_is_is_refused_like_what_there_is_not() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let outsiders = outsiders(&world, &organisation).await;
    let there = [
        Things::of(&world, &organisation, CONTRIBUTOR, SHOP).await,
        Things::of(&world, &organisation, ROLE, "/").await,
    ];
    let none = Things::none();
    let naming = naming();
    let path_of = |method: &str| {
        naming.iter().find(|path| path.ends_with(&format!("/{method}"))).unwrap().clone()
    };
    let before = written(&organisation).await;
    let mut asked = BTreeSet::new();
    for person in &outsiders {
        let wire = Wire::of(&world, person);
        for things in &there {
            for ((method, real), (_, unreal)) in about_all(things).into_iter().zip(about_all(&none))
            {
                let path = path_of(method);
                let real = wire.call::<_, ()>(&path, real).await;
                let unreal = wire.call::<_, ()>(&path, unreal).await;
                let (Err(real), Err(unreal)) = (real, unreal) else {
                    panic!("{} was answered {method}", person.name)
                };
                assert_eq!(real.code(), refusal_of(method).0, "{method}: {real:?}");
                assert_eq!(reason(&real), refusal_of(method).1, "{method}: {real:?}");
                assert_same_refusal(&real, &unreal);
                asked.insert(method);
            }
        }
    }
    assert_eq!(written(&organisation).await, before);
    let known = naming.iter().map(|path| path.rsplit('/').next().unwrap());
    let expected: BTreeSet<&str> = known.filter(|name| !EXCEPT.contains(name)).collect();
    assert_eq!(asked, expected, "a method that names a thing is not asked");
}

/// Who asks for a role with an eligibility that is not theirs has none.
fn refusal_of(method: &str) -> (Code, &'static str) {
    match method {
        "ActivateRole" => (Code::FailedPrecondition, "POLICY_DENIED"),
        "Approve" | "Deny" => (Code::PermissionDenied, "NOT_AN_APPROVER"),
        _ => (Code::PermissionDenied, "NOT_PERMITTED"),
    }
}
