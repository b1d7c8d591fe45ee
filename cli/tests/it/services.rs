//! One process a service: the same system as in one process, with the network in between.

use std::{collections::BTreeSet, process::Command};

use chrono::TimeDelta;
use pim_chassis::auth::{DEVELOPMENT_PRINCIPALS, SERVICE_NAMES};
use pim_proto::{
    access::v1::{CheckAccessRequest, Decision, check_access_request::Question},
    activation::v1::{
        ActivateRoleRequest, Activation, ActivationState, Ending, GetActivationRequest,
        activate_role_request::Length,
    },
    approval::v1::{ApproveRequest, SearchMyApprovalsRequest},
    assignment::v1::{
        Administrator, ApprovalMode, CreateEligibilityRequest, CreatePrincipalRequest,
        CreateTenantRequest, GetPolicyRequest, PrincipalKind, Rules, UpdatePolicyRequest,
    },
    audit::v1::{ActorKind, Event, EventFilter, ListEventsRequest},
};
use pim_tests::{Organisation, TestDb, duration, eventually, stage_of, stages};
use rustix::process::Signal;
use sqlx::{Executor as _, Row as _};

use crate::{
    fleet::{Fleet, Keys, Person, program_of},
    program::{Ended, Program},
};

const ROLE: &str = Organisation::USER_ADMINISTRATOR;
const ROOT: &str = "/";
/// Long enough to see it held on a busy machine, short enough to wait for its end.
const LENGTH: TimeDelta = TimeDelta::seconds(3);

/// A tenant with ada, who administers, and its id.
async fn tenant(fleet: &Fleet) -> String {
    let administrators = ["ada", "grace"].map(|name| Administrator {
        issuer: DEVELOPMENT_PRINCIPALS.to_owned(),
        subject: name.to_owned(),
        display_name: name.to_owned(),
    });
    let request = CreateTenantRequest {
        display_name: "Example".to_owned(),
        administrators: administrators.to_vec(),
        ..CreateTenantRequest::default()
    };
    let answer = fleet.operator().tenants().create_tenant(request).await.unwrap();
    answer.into_inner().tenant.unwrap().id
}

/// A user, and its id.
async fn user(admin: &Person<'_>, name: &str) -> String {
    let request = CreatePrincipalRequest {
        kind: PrincipalKind::User.into(),
        issuer: DEVELOPMENT_PRINCIPALS.to_owned(),
        subject: name.to_owned(),
        display_name: name.to_owned(),
        ..CreatePrincipalRequest::default()
    };
    let answer = admin.at("assignment").directory().create_principal(request).await.unwrap();
    answer.into_inner().principal.unwrap().id
}

/// Demands the approval of all of `approvers`, and permits activations of a second.
async fn set_policy(admin: &Person<'_>, approvers: &[String]) {
    let assignment = admin.at("assignment");
    let read = GetPolicyRequest { role_id: ROLE.to_owned(), scope: ROOT.to_owned() };
    let policy = assignment.policies().get_policy(read).await.unwrap().into_inner().policy;
    let approvers: Vec<&str> = approvers.iter().map(String::as_str).collect();
    let approval = stages(vec![stage_of(ApprovalMode::AllOf, 0, &approvers)]);
    let rules = Rules {
        approval: Some(approval),
        activation_min: Some(duration(TimeDelta::seconds(1))),
        ..Rules::default()
    };
    let request = UpdatePolicyRequest {
        role_id: ROLE.to_owned(),
        scope: ROOT.to_owned(),
        etag: policy.unwrap().etag,
        rules: Some(rules),
        ..UpdatePolicyRequest::default()
    };
    assignment.policies().update_policy(request).await.unwrap();
}

async fn holds(person: &Person<'_>, principal: &str) -> bool {
    let request = CheckAccessRequest {
        principal_id: principal.to_owned(),
        question: Some(Question::RoleId(ROLE.to_owned())),
        scope: ROOT.to_owned(),
        ..CheckAccessRequest::default()
    };
    let answer = person.at("access").access().check_access(request).await.unwrap();
    answer.into_inner().decision() == Decision::Allowed
}

async fn approve(approver: &Person<'_>, activation: &str) {
    let approvals = approver.at("approval");
    let waiting = eventually("the request is in the inbox", async || {
        let search = SearchMyApprovalsRequest::default();
        let inbox = approvals.approvals().search_my_approvals(search).await.unwrap().into_inner();
        inbox.approvals.into_iter().find(|approval| approval.activation_id == activation)
    })
    .await;
    let request = ApproveRequest {
        approval_id: waiting.id,
        etag: waiting.etag,
        justification: "known work".to_owned(),
        ..ApproveRequest::default()
    };
    approvals.approvals().approve(request).await.unwrap();
}

async fn activation(person: &Person<'_>, id: &str) -> Activation {
    let request = GetActivationRequest { activation_id: id.to_owned() };
    let answer = person.at("activation").activations().get_activation(request).await.unwrap();
    answer.into_inner().activation.unwrap()
}

/// Who recorded that the activation expired, once somebody has.
async fn recorder_of_end(admin: &Person<'_>, activation: &str) -> (ActorKind, String) {
    eventually("the end is in the log", async || {
        let filter = EventFilter {
            thing_id: activation.to_owned(),
            code: "pim.activation.expired".to_owned(),
            ..EventFilter::default()
        };
        let request = ListEventsRequest { filter: Some(filter), ..ListEventsRequest::default() };
        let events = admin.at("audit").audit().list_events(request).await.unwrap().into_inner();
        let actor = events.events.into_iter().next()?.actor.unwrap();
        Some((actor.kind(), actor.id))
    })
    .await
}

#[tokio::test]
async fn six_processes_are_one_system_and_drain_at_sigterm() {
    let database = TestDb::new().await;
    let fleet = Fleet::start(&database).await;
    let tenant = tenant(&fleet).await;
    let person = |name| fleet.person(&tenant, name);
    let (ada, alice, carol, dave) =
        (person("ada"), person("alice"), person("carol"), person("dave"));
    let alice_id = user(&ada, "alice").await;
    let approvers = [user(&ada, "carol").await, user(&ada, "dave").await];
    let request = CreateEligibilityRequest {
        principal_id: alice_id.clone(),
        role_id: ROLE.to_owned(),
        scope: ROOT.to_owned(),
        ..CreateEligibilityRequest::default()
    };
    ada.at("assignment").assignments().create_eligibility(request).await.unwrap();
    set_policy(&ada, &approvers).await;

    let wish = ActivateRoleRequest {
        role_id: ROLE.to_owned(),
        scope: ROOT.to_owned(),
        length: Some(Length::Duration(duration(LENGTH))),
        justification: "to mend the mail".to_owned(),
        ..ActivateRoleRequest::default()
    };
    let answer = alice.at("activation").activations().activate_role(wish).await.unwrap();
    let asked = answer.into_inner().activation.unwrap();
    assert_eq!(asked.state(), ActivationState::PendingApproval);
    approve(&carol, &asked.id).await;
    assert!(!holds(&alice, &alice_id).await, "one approval is not enough");
    approve(&dave, &asked.id).await;
    assert!(holds(&alice, &alice_id).await, "the last approval rang the bell");
    assert_eq!(activation(&alice, &asked.id).await.state(), ActivationState::Active);

    let recorder = recorder_of_end(&ada, &asked.id).await;
    assert_eq!(recorder, (ActorKind::Service, "scheduler".to_owned()));
    assert_eq!(activation(&alice, &asked.id).await.ending(), Ending::Expired);
    assert!(!holds(&alice, &alice_id).await);

    let started = own_log(&fleet, "pim.service.started").await;
    assert_eq!(names(&started), BTreeSet::from(SERVICE_NAMES));
    for event in &started {
        let fields: Vec<&str> = event.changes.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["service", "version", "schema_version", "config_digest"]);
        // A digest as JSON.
        assert_eq!(event.changes[3].new_value.len(), 66);
    }
    assert_eq!(own_log(&fleet, "pim.service.stopped").await, []);
    for service in &fleet.services {
        service.program.signal(Signal::TERM);
    }
    for service in fleet.services {
        let ended = service.program.ended().await;
        assert_eq!(ended.code, Some(0), "{}: {}", service.name, ended.err);
    }
    let stopped = "select actor_id from event
         where code = 'pim.service.stopped' and tenant_id = '00000000-0000-0000-0000-000000000000'";
    let stopped = database.connect().await.fetch_all(stopped).await.unwrap();
    let stopped: Vec<String> = stopped.iter().map(|row| row.get(0)).collect();
    assert_eq!(stopped.iter().map(String::as_str).collect::<BTreeSet<_>>(), names(&started));
    assert_eq!(stopped.len(), SERVICE_NAMES.len());
}

/// What the platform's own log says under a code, as its operator reads it.
async fn own_log(fleet: &Fleet, code: &str) -> Vec<Event> {
    let filter = EventFilter { code: code.to_owned(), ..EventFilter::default() };
    let request = ListEventsRequest { filter: Some(filter), ..ListEventsRequest::default() };
    let answer = fleet.operator_at("audit").audit().list_events(request).await.unwrap();
    answer.into_inner().events
}

/// Whose starts or stops these are; no service's twice.
fn names(events: &[Event]) -> BTreeSet<&str> {
    let names: BTreeSet<&str> =
        events.iter().map(|event| event.actor.as_ref().unwrap().id.as_str()).collect();
    assert_eq!(names.len(), events.len());
    names
}

/// A start that fails: the one sentence that the service says of it outside of its log.
pub(crate) async fn sentence(service: &str, command: &mut Command) -> String {
    let Ended { code, out, err } = Program::start(command.args(["--log", "off"])).ended().await;
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    let sentence = err.strip_suffix('\n').unwrap();
    assert_eq!(sentence.lines().count(), 1, "{sentence}");
    let prefix = format!("pim-{service}: ");
    sentence.strip_prefix(&prefix).unwrap_or_else(|| panic!("{sentence}")).to_owned()
}

#[tokio::test]
async fn each_service_refuses_a_database_of_another_version() {
    let keys = Keys::new();
    let (newer, empty) = (TestDb::new().await, TestDb::new().await);
    let statement = "insert into _sqlx_migrations
                         (version, description, success, checksum, execution_time)
                     values (99990101000000, 'of tomorrow', true, '', 0)";
    newer.connect().await.execute(statement).await.unwrap();
    empty.connect().await.execute("drop table _sqlx_migrations").await.unwrap();
    for service in SERVICE_NAMES {
        let said = sentence(service, &mut keys.command(service, &newer)).await;
        assert!(said.contains("schema version 99990101000000, this program needs"), "{said}");
        assert!(said.contains("run that program"), "{said}");
        let said = sentence(service, &mut keys.command(service, &empty)).await;
        assert!(said.contains("schema version 0, this program needs"), "{said}");
        assert!(said.ends_with("run `pim migrate`"), "{said}");
    }
}

#[tokio::test]
async fn what_a_service_is_told_wrongly_is_named() {
    let keys = Keys::new();
    let database = TestDb::new().await;
    let mut command = keys.command("access", &database);
    let said = sentence("access", command.env("PIM_TOKEN_KEY_FILE", "/nowhere/key")).await;
    assert!(said.contains("/nowhere/key"), "{said}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = keys.command("access", &database);
    let said = sentence("access", command.args(["--listen", &address])).await;
    assert!(said.starts_with(&format!("cannot listen on {address}: ")), "{said}");
    let unknown = Command::new(program_of("access")).arg("--issuers").output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
}
