//! A tenant with something of everything, made before it is frozen.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::{ActivateRoleRequest, Activation},
    approval::v1::Approval,
    assignment::v1::{
        Assignment, ChangeRequest, ChangeRequestKind, CreateAssignmentRequest,
        CreateChangeRequestRequest, CreateEligibilityRequest, CreateRoleRequest,
        DisablePrincipalRequest, Eligibility, Group, PermissionBlock, Role, RoleDefinition,
        create_change_request_request::Grant,
    },
    audit::v1::EventFilter,
    r#type::v1::Catalog,
};
use pim_tests::{Organisation, Person, World, timestamp};

use super::{ROLE, third};

/// A role that needs approval.
pub(super) const GUARDED: &str = "5d6b6bb7-de71-4623-b4af-96380a352509";
pub(super) const SCOPE: &str = "/subscriptions/shop";

pub(super) struct Ground {
    pub(super) world: World,
    pub(super) organisation: Organisation,
    /// The third administrator.
    pub(super) dora: Person,
    /// Approves what is guarded.
    pub(super) carol: Person,
    /// Is disabled.
    pub(super) eve: Person,
    /// Is eligible for a role.
    pub(super) alice: Person,
    pub(super) role: Role,
    pub(super) group: Group,
    /// What each of them has, by their name, who has nothing else.
    pub(super) activations: BTreeMap<&'static str, (Person, Activation)>,
    /// One that can be asked about, and one that time will have ended.
    pub(super) eligibilities: [Eligibility; 2],
    pub(super) assignments: [Assignment; 2],
    /// About eligibilities of others.
    pub(super) requests: [ChangeRequest; 3],
    /// Who asked the second.
    pub(super) asker: Person,
    /// Who has the first eligibility.
    pub(super) holder: Person,
}

impl Ground {
    pub(super) async fn new() -> Self {
        let mut world = World::start().await;
        let organisation = world.organisation().await;
        let dora = third(&world, &organisation).await;
        let [carol, eve, alice] = people(&world, &organisation, ["carol", "eve", "alice"]).await;
        organisation.require_approval(GUARDED, &[&carol]).await;
        organisation.make_eligible(&alice, ROLE, "/").await;
        organisation.register(SCOPE, "").await.unwrap();
        let principal_id = eve.id.clone();
        let request = DisablePrincipalRequest { principal_id, ..Default::default() };
        organisation.admin.client.directory().disable_principal(request).await.unwrap();
        let mut activations = activations(&world, &organisation).await;
        unheard(&mut world, &organisation, &carol, &mut activations).await;
        let [pia, paul, pete] = people(&world, &organisation, ["pia", "paul", "pete"]).await;
        let first = eligibility(&world, &organisation, &pia, 24 * 10).await;
        let second = eligibility(&world, &organisation, &paul, 24 * 10).await;
        let third = eligibility(&world, &organisation, &pete, 24 * 10).await;
        let requests =
            [ask(&pia, &first).await, ask(&paul, &second).await, ask(&pete, &third).await];
        let [mia, max, kim, ken] =
            people(&world, &organisation, ["mia", "max", "kim", "ken"]).await;
        let ending = eligibility(&world, &organisation, &mia, 1).await;
        let lasting = eligibility(&world, &organisation, &max, 24 * 10).await;
        let assignments = [
            assignment(&world, &organisation, &kim, 24 * 10).await,
            assignment(&world, &organisation, &ken, 1).await,
        ];
        Self {
            role: custom_role(&organisation).await,
            group: organisation.plain_group("ops").await,
            eligibilities: [lasting, ending],
            asker: paul,
            holder: max,
            world,
            organisation,
            dora,
            carol,
            eve,
            alice,
            activations,
            assignments,
            requests,
        }
    }
}

impl Ground {
    /// What waits for carol's decision about the activation of that name.
    pub(super) async fn approval(&self, name: &str) -> Approval {
        let (_, activation) = &self.activations[name];
        let mut inbox = self.carol.inbox().await.into_iter();
        inbox.find(|one| one.activation_id == activation.id).unwrap()
    }

    /// Whether the log has an entry of that code.
    pub(super) async fn left(&self, code: &str) -> bool {
        let filter = EventFilter { code: code.to_owned(), ..EventFilter::default() };
        !self.organisation.log(filter).await.is_empty()
    }
}

async fn people<const N: usize>(
    world: &World,
    organisation: &Organisation,
    names: [&str; N],
) -> [Person; N] {
    let mut all = Vec::new();
    for name in names {
        all.push(organisation.user(world, name).await);
    }
    all.try_into().unwrap()
}

/// Booked to begin so many hours from now.
pub(super) async fn book(world: &World, person: &Person, hours: i64) -> Activation {
    let start_time = Some(timestamp(world.now() + TimeDelta::hours(hours)));
    person.activate(ActivateRoleRequest { start_time, ..Person::wish(ROLE, "/") }).await.unwrap()
}

async fn activations(
    world: &World,
    organisation: &Organisation,
) -> BTreeMap<&'static str, (Person, Activation)> {
    let mut all = BTreeMap::new();
    for name in ["active", "revoked", "expiring", "voided"] {
        let person = organisation.user(world, name).await;
        organisation.make_eligible(&person, ROLE, "/").await;
        let active = person.activate(Person::wish(ROLE, "/")).await.unwrap();
        all.insert(name, (person, active));
    }
    let person = organisation.user(world, "booked").await;
    organisation.make_eligible(&person, ROLE, "/").await;
    let booked = book(world, &person, 1).await;
    all.insert("booked", (person, booked));
    for name in ["pending", "batched", "withdrawn", "forgotten"] {
        let person = organisation.user(world, name).await;
        organisation.make_eligible(&person, GUARDED, "/").await;
        let pending = person.activate(Person::wish(GUARDED, "/")).await.unwrap();
        all.insert(name, (person, pending));
    }
    all
}

/// One whose approval was never opened, and one whose approval was given and not heard of.
async fn unheard(
    world: &mut World,
    organisation: &Organisation,
    carol: &Person,
    all: &mut BTreeMap<&'static str, (Person, Activation)>,
) {
    let [approved, unopened] = people(world, organisation, ["approved", "unopened"]).await;
    for person in [&approved, &unopened] {
        organisation.make_eligible(person, GUARDED, "/").await;
    }
    let pending = approved.activate(Person::wish(GUARDED, "/")).await.unwrap();
    let inbox = carol.inbox().await;
    let approval = inbox.iter().find(|one| one.activation_id == pending.id).unwrap();
    let url = world.url.clone();
    let nobody = "http://127.0.0.1:1";
    world.call_alone(pim_cli::system::SERVICES[2], nobody).await;
    carol.again(world).approve(approval).await.unwrap();
    world.call_alone(pim_cli::system::SERVICES[1], nobody).await;
    let unheard = unopened.again(world).activate(Person::wish(GUARDED, "/")).await.unwrap();
    world.url = url;
    all.insert("approved", (approved, pending));
    all.insert("unopened", (unopened, unheard));
}

async fn eligibility(
    world: &World,
    organisation: &Organisation,
    person: &Person,
    hours: i64,
) -> Eligibility {
    let request = CreateEligibilityRequest {
        principal_id: person.id.clone(),
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        end_time: Some(timestamp(world.now() + TimeDelta::hours(hours))),
        ..CreateEligibilityRequest::default()
    };
    let answer = organisation.admin.client.assignments().create_eligibility(request).await;
    answer.unwrap().into_inner().eligibility.unwrap()
}

async fn assignment(
    world: &World,
    organisation: &Organisation,
    person: &Person,
    hours: i64,
) -> Assignment {
    let request = CreateAssignmentRequest {
        principal_id: person.id.clone(),
        role_id: ROLE.to_owned(),
        scope: "/".to_owned(),
        end_time: Some(timestamp(world.now() + TimeDelta::hours(hours))),
        justification: "their work".to_owned(),
        ..CreateAssignmentRequest::default()
    };
    let answer = organisation.admin.client.assignments().create_assignment(request).await;
    answer.unwrap().into_inner().assignment.unwrap()
}

/// What a holder asks for.
pub(super) fn extension(eligibility: &Eligibility) -> CreateChangeRequestRequest {
    CreateChangeRequestRequest {
        kind: ChangeRequestKind::Extension.into(),
        grant: Some(Grant::EligibilityId(eligibility.id.clone())),
        justification: "the project goes on".to_owned(),
        ..CreateChangeRequestRequest::default()
    }
}

async fn ask(person: &Person, eligibility: &Eligibility) -> ChangeRequest {
    let request = extension(eligibility);
    let answer = person.client.assignments().create_change_request(request).await.unwrap();
    answer.into_inner().change_request.unwrap()
}

pub(super) fn definition(name: &str) -> RoleDefinition {
    let block = PermissionBlock {
        actions: vec!["microsoft.directory/users/standard/read".to_owned()],
        ..PermissionBlock::default()
    };
    RoleDefinition {
        display_name: name.to_owned(),
        privileged: false,
        permissions: vec![block],
        assignable_scopes: vec!["/".to_owned()],
    }
}

async fn custom_role(organisation: &Organisation) -> Role {
    let request = CreateRoleRequest {
        catalog: Catalog::Entra.into(),
        definition: Some(definition("Viewer")),
        ..CreateRoleRequest::default()
    };
    let answer = organisation.admin.client.roles().create_role(request).await.unwrap();
    answer.into_inner().role.unwrap()
}
