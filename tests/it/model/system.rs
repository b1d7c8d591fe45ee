//! The system under test: the real services on Postgres, with the people of the universe, and what
//! they answer in the terms of the model.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use pim_client::{Client, Refusal};
use pim_proto::{
    access::v1::{
        CheckAccessRequest, CheckAccessResponse, ListRoleHoldersRequest,
        check_access_request::Question,
    },
    activation::v1::{Activation, ListActivationsRequest},
    approval::v1::{Approval, ListApprovalsRequest},
    assignment::v1::{
        Assignment, Eligibility, ListAssignmentsRequest, ListEligibilitiesRequest,
        ListPoliciesRequest, ListPrincipalsRequest, Policy, Principal, PrincipalKind,
    },
};
use pim_tests::{Organisation, Person, World};
use tonic::Status;
use uuid::Uuid;

use super::{
    answers,
    things::Kind,
    universe::{ALICE, ALICE_TOO, PEOPLE, ROOT, Role, SUPER, Scope, Time, Who},
    view::Answer,
    wire::delta,
};

/// More than a sequence makes of anything.
const PAGE_SIZE: i32 = 1_000;

pub(super) struct System {
    pub(super) world: World,
    pub(super) organisation: Organisation,
    pub(super) people: Vec<Person>,
    /// A client with the credential of a service.
    pub(super) scheduler: Client,
    /// When the sequence began.
    pub(super) began: DateTime<Utc>,
    /// The ids of what was made, by their places.
    pub(super) grants: Vec<String>,
    pub(super) activations: Vec<String>,
    pub(super) approvals: Vec<String>,
    /// The etags of the approvals as they were last seen.
    pub(super) approval_etags: Vec<String>,
    /// The etag that each request was first sent with.
    pub(super) etags: HashMap<(Who, usize), String>,
}

/// Somebody who holds a role: by what, and at which scope.
pub(super) type Holder = (Who, (Kind, usize), Scope);

/// A thing as it is on the wire.
#[derive(Debug)]
pub(super) enum Raw {
    Eligibility(Eligibility),
    Assignment(Assignment),
    Activation(Activation),
    Approval(Approval),
    Principal(Principal),
    Policy(Policy),
}

/// All of the tenant as it is on the wire.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RawView {
    pub(super) eligibilities: Vec<Eligibility>,
    pub(super) assignments: Vec<Assignment>,
    pub(super) activations: Vec<Activation>,
    pub(super) approvals: Vec<Approval>,
    /// With `Depth::Whole` only.
    pub(super) principals: Vec<Principal>,
    pub(super) policies: Vec<Policy>,
}

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// What time and people change.
    Moving,
    /// Principals and policies as well.
    Whole,
}

impl System {
    /// A new organisation in this world.
    pub(super) async fn begin(world: World) -> Self {
        let organisation = world.organisation().await;
        let mut people = vec![organisation.admin.clone(), organisation.second_admin.clone()];
        let several = Some(Uuid::new_v4());
        for (who, name) in PEOPLE.iter().enumerate() {
            if [ROOT, SUPER].contains(&who) {
                continue;
            }
            let person = if [ALICE, ALICE_TOO].contains(&who) { several } else { None };
            let kind = PrincipalKind::User;
            people.push(organisation.principal(&world, name, kind, person).await);
        }
        let (scheduler, began) = (world.service("scheduler"), world.now());
        let (grants, activations, approvals) = (Vec::new(), Vec::new(), Vec::new());
        let (approval_etags, etags) = (Vec::new(), HashMap::new());
        Self {
            world,
            organisation,
            people,
            scheduler,
            began,
            grants,
            activations,
            approvals,
            approval_etags,
            etags,
        }
    }

    pub(super) async fn restart(self) -> Self {
        let world = self.world.restart().await;
        let people = self.people.iter().map(|person| person.again(&world)).collect();
        let organisation = self.organisation.again(&world);
        let scheduler = world.service("scheduler");
        Self { world, organisation, people, scheduler, ..self }
    }

    pub(super) fn advance(&self, by: Time) {
        self.world.advance(delta(by));
    }

    /// Reads everything, as an administrator; what was not known gets the next place.
    pub(super) async fn look_at_all(&mut self, depth: Depth) -> RawView {
        let client = &self.organisation.admin.client;
        let (mut one, mut other, mut third) =
            (client.assignments(), client.assignments(), client.activations());
        let mut fourth = client.approvals();
        let (include_ended, page_size) = (true, PAGE_SIZE);
        let (eligibilities, assignments, activations, approvals) = tokio::join!(
            one.list_eligibilities(ListEligibilitiesRequest {
                include_ended,
                page_size,
                ..Default::default()
            }),
            other.list_assignments(ListAssignmentsRequest {
                include_ended,
                page_size,
                ..Default::default()
            }),
            third.list_activations(ListActivationsRequest {
                include_ended,
                page_size,
                ..Default::default()
            }),
            fourth.list_approvals(ListApprovalsRequest {
                include_resolved: true,
                page_size,
                ..Default::default()
            }),
        );
        let (mut principals, mut policies) = (Vec::new(), Vec::new());
        if depth == Depth::Whole {
            let request = ListPrincipalsRequest { page_size, ..Default::default() };
            let answer = client.directory().list_principals(request).await.unwrap();
            principals = answer.into_inner().principals;
            let request = ListPoliciesRequest { page_size, ..Default::default() };
            let answer = client.policies().list_policies(request).await.unwrap();
            policies = answer.into_inner().policies;
        }
        let mut assignments = assignments.unwrap().into_inner().assignments;
        assignments.retain(|one| one.role_id != Organisation::GLOBAL_ADMINISTRATOR);
        let view = RawView {
            eligibilities: eligibilities.unwrap().into_inner().eligibilities,
            assignments,
            activations: activations.unwrap().into_inner().activations,
            approvals: approvals.unwrap().into_inner().approvals,
            principals,
            policies,
        };
        let eligibilities = view.eligibilities.iter().map(|one| &one.id);
        learn(&mut self.grants, eligibilities.chain(view.assignments.iter().map(|one| &one.id)));
        learn(&mut self.activations, view.activations.iter().map(|one| &one.id));
        learn(&mut self.approvals, view.approvals.iter().map(|one| &one.id));
        let etag = |id: &String| {
            let found = view.approvals.iter().find(|approval| approval.id == *id);
            found.map(|approval| approval.etag.clone()).unwrap_or_default()
        };
        self.approval_etags = self.approvals.iter().map(etag).collect();
        view
    }

    /// Who holds a role at a scope: each with where it is held, and by what, by kind and place.
    pub(super) async fn holders(&self, role: Role, scope: Scope) -> Vec<Holder> {
        let request = ListRoleHoldersRequest {
            role_id: role.id().to_owned(),
            scope: scope.text().to_owned(),
            page_size: PAGE_SIZE,
            ..Default::default()
        };
        let mut access = self.organisation.admin.client.access();
        let answer = access.list_role_holders(request).await.unwrap().into_inner();
        let holder = |holding: pim_proto::access::v1::Holding| {
            (
                self.who(&holding.principal_id),
                self.carrier(&holding.id),
                answers::scope(&holding.scope),
            )
        };
        let mut holders: Vec<_> = answer.holdings.into_iter().map(holder).collect();
        holders.sort_by_key(|(who, (kind, place), _)| (*who, *kind == Kind::Eligibility, *place));
        holders
    }

    /// What is held by an assignment, or by the activation of an eligibility.
    pub(super) fn carrier(&self, id: &str) -> (Kind, usize) {
        match self.activations.iter().position(|known| known == id) {
            Some(place) => (Kind::Eligibility, place),
            None => (Kind::Assignment, place_of(&self.grants, id)),
        }
    }

    pub(super) async fn check(&self, who: Who, role: Role, scope: Scope) -> CheckAccessResponse {
        let request = CheckAccessRequest {
            principal_id: self.people[who].id.clone(),
            question: Some(Question::RoleId(role.id().to_owned())),
            scope: scope.text().to_owned(),
            ..CheckAccessRequest::default()
        };
        let mut access = self.organisation.admin.client.access();
        access.check_access(request).await.unwrap().into_inner()
    }

    pub(super) fn who(&self, id: &str) -> Who {
        self.people.iter().position(|person| person.id == id).expect("somebody of the universe")
    }

    pub(super) fn refusal(status: &Status) -> Answer {
        let refusal = Refusal::from_status(status);
        let rules = refusal.violations.into_iter().map(|violation| violation.rule).collect();
        Answer::Refused { code: status.code(), reason: refusal.reason, rules }
    }
}

/// Where it is; the place after the last for what is not known yet.
pub(super) fn place_of(known: &[String], id: &str) -> usize {
    known.iter().position(|known| known == id).unwrap_or(known.len())
}

fn learn<'a>(known: &mut Vec<String>, seen: impl Iterator<Item = &'a String>) {
    for id in seen {
        if !known.contains(id) {
            known.push(id.clone());
        }
    }
}
