//! A tenant with one of everything that can be named.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use pim_proto::{
    activation::v1::ActivateRoleRequest,
    assignment::v1::{
        CreateAssignmentRequest, CreateChangeRequestRequest, CreateEligibilityRequest,
        CreateRoleRequest, ListRolesRequest, PermissionBlock, PrincipalKind, RoleDefinition,
        create_change_request_request::Grant,
    },
    audit::v1::{EventFilter, ListAlertsRequest},
    r#type::v1::{Catalog, Ticket},
};
use pim_tests::{Organisation, Person, World, new_id, timestamp};
use uuid::Uuid;

/// What a tenant has, and how it can be told in what others are answered.
pub(super) struct Things {
    /// Stands in every text that somebody of the tenant wrote.
    pub(super) mark: String,
    /// What the fields of a good request hold, by their names.
    pub(super) texts: BTreeMap<&'static str, String>,
    /// Every id.
    ids: Vec<String>,
    /// What was handed to somebody of the tenant, to be handed back.
    positions: BTreeMap<&'static str, String>,
}

impl Things {
    /// What a field of this name can name.
    pub(super) fn named(&self, path: &str) -> Vec<String> {
        let name = path.rsplit('.').next().unwrap();
        let one = match name {
            "inherits_role_ids" => "role_id",
            "fallback_approver_ids" | "principal_ids" | "subject_id" | "actor_id" => "principal_id",
            "thing_id" | "correlation_id" => "activation_id",
            "below_scope" | "parent_scope" | "assignable_scopes" => "scope",
            "principal_id" => {
                return vec![self.texts["principal_id"].clone(), self.texts["group_id"].clone()];
            }
            name => name,
        };
        let known = self.texts.get(one).or_else(|| self.positions.get(one));
        vec![known.unwrap_or_else(|| panic!("a tenant has nothing for {path}")).clone()]
    }

    /// A name of the same kind, of nothing.
    pub(super) fn nothing_like(&self, text: &str) -> String {
        if text.starts_with('/') { text.replace(other_mark(text), &new_id()) } else { new_id() }
    }

    /// What was answered has nothing of this tenant but what was asked for.
    pub(super) fn assert_unseen(&self, answer: &[u8], asked: &str, path: &str) {
        let text = String::from_utf8_lossy(answer);
        for id in self.ids.iter().chain([&self.mark]) {
            assert!(asked.contains(id) || !text.contains(id), "{path} shows {id}: {text}");
        }
    }
}

/// The id in a scope.
fn other_mark(scope: &str) -> &str {
    scope.rsplit('/').next().unwrap()
}

/// Makes one of everything.
pub(super) async fn furnish(world: &World, organisation: &Organisation) -> Things {
    let mark = new_id();
    let scope = format!("/subscriptions/{}", new_id());
    organisation.register(&scope, "/").await.unwrap();
    let role = role(organisation, &mark, &scope).await;
    let person = Uuid::new_v4();
    let user = PrincipalKind::User;
    let alice = organisation.principal(world, &format!("alice {mark}"), user, Some(person)).await;
    let bob = organisation.user(world, &format!("bob {mark}")).await;
    let gone = organisation.user(world, &format!("gone {mark}")).await;
    organisation.disable(&gone).await;
    let group = organisation.group(&format!("group {mark}")).await;
    let eligibility = eligible_for_a_week(world, organisation, &alice, (&role, &scope)).await;
    let request = CreateAssignmentRequest {
        principal_id: bob.id.clone(),
        role_id: role.clone(),
        scope: scope.clone(),
        justification: format!("because {mark}"),
        ..CreateAssignmentRequest::default()
    };
    let assigned = organisation.admin.client.assignments().create_assignment(request).await;
    let assignment = assigned.unwrap().into_inner().assignment.unwrap().id;
    organisation.require_approval(&role, &[&bob]).await;
    let wish = ActivateRoleRequest {
        justification: format!("because {mark}"),
        ticket: Some(Ticket { number: mark.clone(), system: "desk".to_owned() }),
        ..Person::wish(&role, &scope)
    };
    let activation = alice.activate(wish).await.unwrap().id;
    let approval = bob.inbox().await.remove(0).id;
    let change_request = wish_for_more(world, &alice, &eligibility, &mark).await;
    world.scan().await;
    let mut alerts = organisation.admin.client.alerts();
    let listed = alerts.list_alerts(ListAlertsRequest::default()).await.unwrap().into_inner();
    let alert = listed.alerts[0].id.clone();
    let event = organisation.log(EventFilter::default()).await.pop().unwrap().id;
    let named = [
        ("role_id", role),
        ("principal_id", alice.id),
        ("user_id", bob.id),
        ("person_id", person.to_string()),
        ("group_id", group.id),
        ("eligibility_id", eligibility),
        ("assignment_id", assignment),
        ("activation_id", activation),
        ("approval_id", approval),
        ("change_request_id", change_request),
        ("alert_id", alert),
        ("event_id", event),
        ("tenant_id", organisation.tenant.to_string()),
    ];
    let ids = named.iter().map(|(_, id)| id.clone()).chain([gone.id]).collect();
    let texts = named.into_iter().chain(words(scope)).collect();
    Things { mark, texts, ids, positions: positions(organisation).await }
}

/// A page token, and what says which state of the database an answer was of.
async fn positions(organisation: &Organisation) -> BTreeMap<&'static str, String> {
    let request = ListRolesRequest { page_size: 1, ..ListRolesRequest::default() };
    let page = organisation.admin.client.roles().list_roles(request).await.unwrap().into_inner();
    [
        ("page_token", page.next_page_token),
        ("after_position", page.revision.clone()),
        ("at_least_as_fresh", page.revision),
    ]
    .into()
}

/// What names nothing, for requests that want it.
fn words(scope: String) -> impl Iterator<Item = (&'static str, String)> {
    let fixed = [
        ("display_name", "Sweep"),
        ("issuer", "https://sweep.invalid"),
        ("subject", "sweep"),
        ("justification", "to sweep"),
        ("etag", "v1"),
        ("number", "CHG-1"),
        ("system", "desk"),
        ("audience", "sweep"),
        ("actions", "Microsoft.Compute/virtualMachines/read"),
        ("action", "Microsoft.Compute/virtualMachines/read"),
        ("kind", "RedundantAssignmentAlert"),
    ];
    let fixed = fixed.map(|(name, text)| (name, text.to_owned()));
    let scopes = [("scope", scope.clone()), ("assignable_scopes", scope)];
    fixed.into_iter().chain(scopes)
}

async fn role(organisation: &Organisation, mark: &str, scope: &str) -> String {
    let actions = vec!["Microsoft.Compute/virtualMachines/restart/action".to_owned()];
    let request = CreateRoleRequest {
        catalog: Catalog::Azure.into(),
        definition: Some(RoleDefinition {
            display_name: format!("role {mark}"),
            privileged: false,
            permissions: vec![PermissionBlock { actions, ..PermissionBlock::default() }],
            assignable_scopes: vec![scope.to_owned()],
        }),
        ..CreateRoleRequest::default()
    };
    let answer = organisation.admin.client.roles().create_role(request).await.unwrap();
    answer.into_inner().role.unwrap().id
}

async fn eligible_for_a_week(
    world: &World,
    organisation: &Organisation,
    person: &Person,
    (role, scope): (&str, &str),
) -> String {
    let end = timestamp(world.now() + TimeDelta::days(7));
    let request = CreateEligibilityRequest {
        principal_id: person.id.clone(),
        role_id: role.to_owned(),
        scope: scope.to_owned(),
        end_time: Some(end),
        ..CreateEligibilityRequest::default()
    };
    let answer = organisation.admin.client.assignments().create_eligibility(request).await;
    answer.unwrap().into_inner().eligibility.unwrap().id
}

async fn wish_for_more(world: &World, person: &Person, eligibility: &str, mark: &str) -> String {
    let request = CreateChangeRequestRequest {
        kind: 1,
        grant: Some(Grant::EligibilityId(eligibility.to_owned())),
        end_time: Some(timestamp(world.now() + TimeDelta::days(14))),
        justification: format!("because {mark}"),
        ..CreateChangeRequestRequest::default()
    };
    let answer = person.client.assignments().create_change_request(request).await.unwrap();
    answer.into_inner().change_request.unwrap().id
}
