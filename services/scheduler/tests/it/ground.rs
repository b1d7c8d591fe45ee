//! An organisation in which something of each kind is due: by time, or because a bell was not
//! heard while its thing was locked.

use chrono::{DateTime, TimeDelta, Utc};
use pim_chassis::Process;
use pim_client::Client;
use pim_proto::{
    activation::v1::{ActivateRoleRequest, Activation, CancelActivationRequest},
    assignment::v1::{
        ApprovalMode, ApprovalRule, Assignment, ChangeRequestKind, CreateAssignmentRequest,
        CreateChangeRequestRequest, CreateEligibilityRequest, Eligibility,
        ExtendEligibilityRequest, RemoveEligibilityRequest, Rules,
        create_change_request_request::Grant, extend_eligibility_request::End,
    },
    scheduler::v1::{DueItem, DueKind, ListDueRequest, ListDueResponse},
};
use pim_tests::{Organisation, Person, World, duration, eventually, stage, timestamp};
use sqlx::{AssertSqlSafe, Executor as _};
use tonic::Status;

pub(crate) const CONTRIBUTOR: &str = Organisation::CONTRIBUTOR;
pub(crate) const SUBSCRIPTION: &str = "/subscriptions/9e1c27e8-55a8-4c5b-9d0e-6f6d1f3f2a11";
/// A role that carol and dave approve.
const APPROVED: &str = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";
/// As well, and they have a few minutes only.
const HASTY: &str = "5d6b6bb7-de71-4623-b4af-96380a352509";

pub(crate) struct Ground {
    pub(crate) world: World,
    pub(crate) org: Organisation,
}

impl Ground {
    pub(crate) async fn new() -> Self {
        let world = World::start().await;
        let org = world.organisation().await;
        Self { world, org }
    }

    /// The scheduler as a process, to step by hand.
    pub(crate) fn scheduler(&self) -> Process {
        self.world.system.process("scheduler", &self.world.url).unwrap()
    }

    /// Somebody eligible until `end`, for good where there is none.
    pub(crate) async fn eligible(
        &self,
        name: &str,
        (role, scope): (&str, &str),
        end: Option<DateTime<Utc>>,
    ) -> (Person, Eligibility) {
        let person = self.org.user(&self.world, name).await;
        let request = CreateEligibilityRequest {
            principal_id: person.id.clone(),
            role_id: role.to_owned(),
            scope: scope.to_owned(),
            end_time: end.map(timestamp),
            ..CreateEligibilityRequest::default()
        };
        let answer = self.org.admin.client.assignments().create_eligibility(request).await.unwrap();
        (person, answer.into_inner().eligibility.unwrap())
    }

    /// An assignment until `end`.
    pub(crate) async fn assigned(
        &self,
        person: &Person,
        scope: &str,
        end: DateTime<Utc>,
    ) -> Assignment {
        let request = CreateAssignmentRequest {
            principal_id: person.id.clone(),
            role_id: CONTRIBUTOR.to_owned(),
            scope: scope.to_owned(),
            end_time: Some(timestamp(end)),
            justification: "their work".to_owned(),
            ..CreateAssignmentRequest::default()
        };
        let answer = self.org.admin.client.assignments().create_assignment(request).await.unwrap();
        answer.into_inner().assignment.unwrap()
    }

    /// What is due, as an operator sees it.
    pub(crate) async fn due(&self) -> Vec<DueItem> {
        let request = ListDueRequest { page_size: 1_000, ..ListDueRequest::default() };
        list(&self.world.operator(), request).await.unwrap().items
    }

    /// Something of each kind, due in two hours; which, by kind.
    pub(crate) async fn everything(&self) -> Vec<(DueKind, String)> {
        let carol = self.org.user(&self.world, "carol").await;
        let dave = self.org.user(&self.world, "dave").await;
        self.demand_approval(APPROVED, &[&carol, &dave], TimeDelta::hours(24)).await;
        self.demand_approval(HASTY, &[&carol, &dave], TimeDelta::minutes(5)).await;
        let request = self.unanswered().await;
        let mut due = self.by_time().await;
        due.push((DueKind::TimeOutChangeRequest, request));
        due.extend(self.by_bells(&carol, &dave).await);
        self.world.advance(TimeDelta::hours(2));
        due.sort();
        due
    }

    /// A change request that nobody has answered in two hours from now on.
    async fn unanswered(&self) -> String {
        let fortnight = TimeDelta::days(14);
        let end = self.world.now() + fortnight;
        let (kate, eligibility) =
            self.eligible("kate", (CONTRIBUTOR, SUBSCRIPTION), Some(end)).await;
        let request = CreateChangeRequestRequest {
            kind: ChangeRequestKind::Extension.into(),
            grant: Some(Grant::EligibilityId(eligibility.id.clone())),
            justification: "the project goes on".to_owned(),
            ..CreateChangeRequestRequest::default()
        };
        let answer = kate.client.assignments().create_change_request(request).await.unwrap();
        // Extended otherwise, so that it is not due as well.
        let request = ExtendEligibilityRequest {
            eligibility_id: eligibility.id,
            end: Some(End::Permanent(true)),
            ..ExtendEligibilityRequest::default()
        };
        self.org.admin.client.assignments().extend_eligibility(request).await.unwrap();
        self.world.advance(fortnight - TimeDelta::hours(2));
        answer.into_inner().change_request.unwrap().id
    }

    async fn by_time(&self) -> Vec<(DueKind, String)> {
        let soon = self.world.now() + TimeDelta::hours(1);
        let here = (CONTRIBUTOR, SUBSCRIPTION);
        let (alice, _) = self.eligible("alice", here, None).await;
        let active = alice.activate(Person::wish(CONTRIBUTOR, SUBSCRIPTION)).await.unwrap();
        let (bob, _) = self.eligible("bob", here, None).await;
        let later = timestamp(self.world.now() + TimeDelta::hours(2));
        let wish = Person::wish(CONTRIBUTOR, SUBSCRIPTION);
        let booked = ActivateRoleRequest { start_time: Some(later), ..wish };
        let booked = bob.activate(booked).await.unwrap();
        let (erin, lapsing) = self.eligible("erin", here, Some(soon)).await;
        let assigned = self.assigned(&erin, SUBSCRIPTION, soon).await;
        let (frank, _) = self.eligible("frank", (HASTY, "/"), None).await;
        let (unanswered, approval) = self.asked(&frank, HASTY).await;
        vec![
            (DueKind::ExpireActivation, active.id),
            (DueKind::StartActivation, booked.id),
            (DueKind::EndEligibility, lapsing.id),
            (DueKind::EndAssignment, assigned.id),
            (DueKind::ExpireActivation, unanswered.id),
            (DueKind::TimeOutApproval, approval),
        ]
    }

    async fn by_bells(&self, carol: &Person, dave: &Person) -> Vec<(DueKind, String)> {
        let directory = (Organisation::USER_ADMINISTRATOR, "/");
        let (gina, eligibility) = self.eligible("gina", directory, None).await;
        let wish = ActivateRoleRequest {
            length: Some(pim_proto::activation::v1::activate_role_request::Length::Duration(
                duration(TimeDelta::hours(8)),
            )),
            ..Person::wish(directory.0, directory.1)
        };
        let void = gina.activate(wish).await.unwrap();
        let request = RemoveEligibilityRequest {
            eligibility_id: eligibility.id,
            ..RemoveEligibilityRequest::default()
        };
        let mut assignments = self.org.admin.client.assignments();
        let remove = async { assignments.remove_eligibility(request).await.map(drop) };
        self.unheard(&lock_row("activation", &void.id), remove).await;

        let (henry, _) = self.eligible("henry", (APPROVED, "/"), None).await;
        let (resolve, _) = self.asked(&henry, APPROVED).await;
        carol.approve(&pending(carol, &resolve).await).await.unwrap();
        let last = pending(dave, &resolve).await;
        let approve = async { dave.approve(&last).await.map(drop) };
        self.unheard(&lock_row("activation", &resolve.id), approve).await;

        let (iris, _) = self.eligible("iris", (APPROVED, "/"), None).await;
        let (canceled, approval) = self.asked(&iris, APPROVED).await;
        let request = CancelActivationRequest {
            activation_id: canceled.id,
            ..CancelActivationRequest::default()
        };
        let mut activations = iris.client.activations();
        let cancel = async { activations.cancel_activation(request).await.map(drop) };
        self.unheard(&lock_row("approval", &approval), cancel).await;

        let (judy, _) = self.eligible("judy", (APPROVED, "/"), None).await;
        let lock = "lock table approval in exclusive mode";
        let ask = async { judy.activate(Person::wish(APPROVED, "/")).await };
        let unopened = self.unheard(lock, ask).await;
        vec![
            (DueKind::VoidActivation, void.id),
            (DueKind::ResolveActivation, resolve.id),
            (DueKind::CancelApproval, approval),
            (DueKind::OpenApproval, unopened.id),
        ]
    }

    /// Does something while `lock` is held, so that the bell that it rings is not heard.
    async fn unheard<T>(&self, lock: &str, act: impl Future<Output = Result<T, Status>>) -> T {
        let mut holder = self.world.database.connect().await;
        holder.execute("begin").await.unwrap();
        holder.execute(AssertSqlSafe(lock.to_owned())).await.unwrap();
        let done = act.await.unwrap();
        // Whoever rang has given up; whoever was rung has to give up as well.
        eventually("nobody waits for the lock", async || {
            let waits = "select from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock'";
            holder.fetch_optional(waits).await.unwrap().is_none().then_some(())
        })
        .await;
        holder.execute("rollback").await.unwrap();
        done
    }

    /// A request that waits, and its approval.
    async fn asked(&self, person: &Person, role: &str) -> (Activation, String) {
        let asked = person.activate(Person::wish(role, "/")).await.unwrap();
        let request = pim_proto::approval::v1::ListApprovalsRequest::default();
        let mut approvals = self.org.admin.client.approvals();
        let opened = approvals.list_approvals(request).await.unwrap().into_inner().approvals;
        let approval = opened.into_iter().find(|approval| approval.activation_id == asked.id);
        (asked, approval.expect("the bell was heard").id)
    }

    async fn demand_approval(&self, role: &str, approvers: &[&Person], timeout: TimeDelta) {
        let approval = ApprovalRule {
            stages: vec![stage(ApprovalMode::AllOf, 0, approvers)],
            timeout: Some(duration(timeout)),
            ..ApprovalRule::default()
        };
        let rules = Rules { approval: Some(approval), ..Rules::default() };
        self.org.set_policy(role, rules).await.unwrap();
    }
}

fn lock_row(table: &str, id: &str) -> String {
    format!("select from {table} where id = '{id}' for update")
}

async fn pending(person: &Person, asked: &Activation) -> pim_proto::approval::v1::Approval {
    let inbox = person.inbox().await;
    inbox.into_iter().find(|approval| approval.activation_id == asked.id).unwrap()
}

pub(crate) async fn list(
    caller: &Client,
    request: ListDueRequest,
) -> Result<ListDueResponse, Status> {
    Ok(caller.scheduler().list_due(request).await?.into_inner())
}
