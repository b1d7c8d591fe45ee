//! Answers from the copy in memory: how new they are, and what becomes of them without a database.

use pim_chassis::auth::Grant;
use pim_client::Client;
use pim_domain::condition::Signals;
use pim_proto::{
    access::v1::{
        CheckAccessRequest, CheckAccessResponse, Consistency, check_access_request::Question,
        consistency::Requirement,
    },
    assignment::v1::{CreateAssignmentRequest, DisablePrincipalRequest, RemoveAssignmentRequest},
};
use pim_tests::{assert_invalid, fields};
use tonic::{Code, Response, Status};

use crate::ask::{CONTRIBUTOR, SUBSCRIPTION, begin, is_yes};

async fn ask(
    client: &Client,
    principal: &str,
    requirement: Option<Requirement>,
) -> Result<Response<CheckAccessResponse>, Status> {
    let request = CheckAccessRequest {
        principal_id: principal.to_owned(),
        question: Some(Question::RoleId(CONTRIBUTOR.to_owned())),
        scope: SUBSCRIPTION.to_owned(),
        consistency: Some(Consistency { requirement }),
        ..CheckAccessRequest::default()
    };
    client.access().check_access(request).await
}

fn is_from_memory(answer: &Response<CheckAccessResponse>) -> bool {
    answer.metadata().get("pim-source").unwrap() == "memory"
}

/// Asks until memory answers; the first question is what makes it load.
async fn remembered(client: &Client, principal: &str) {
    while !is_from_memory(&ask(client, principal, None).await.unwrap()) {}
}

fn staleness(seconds: i64) -> Option<Requirement> {
    Some(Requirement::MaxStaleness(prost_types::Duration { seconds, nanos: 0 }))
}

#[tokio::test]
async fn an_answer_has_all_in_it_that_was_acknowledged_before_the_question() {
    let (_world, organisation, alice) = begin().await;
    remembered(&alice.client, &alice.id).await;
    let mut assignments = organisation.admin.client.assignments();
    let mut from_memory = 0;
    for _ in 0..40 {
        let granted = organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
        let yes = ask(&alice.client, &alice.id, None).await.unwrap();
        from_memory += i32::from(is_from_memory(&yes));
        assert_eq!(yes.into_inner().supporting_ids, [&*granted.id]);
        let request = RemoveAssignmentRequest {
            assignment_id: granted.id,
            ..RemoveAssignmentRequest::default()
        };
        assignments.remove_assignment(request).await.unwrap();
        let no = ask(&alice.client, &alice.id, None).await.unwrap();
        from_memory += i32::from(is_from_memory(&no));
        assert!(!is_yes(&no.into_inner()));
    }
    assert!(from_memory > 40, "{from_memory} of 80");
}

#[tokio::test]
async fn an_answer_includes_the_revision_that_it_is_asked_for() {
    let (_world, organisation, alice) = begin().await;
    remembered(&alice.client, &alice.id).await;
    let request = CreateAssignmentRequest {
        principal_id: alice.id.clone(),
        role_id: CONTRIBUTOR.to_owned(),
        scope: SUBSCRIPTION.to_owned(),
        justification: "their work".to_owned(),
        ..CreateAssignmentRequest::default()
    };
    let written = organisation.admin.client.assignments().create_assignment(request).await;
    let written = written.unwrap().into_inner().revision;
    let fresh = Some(Requirement::AtLeastAsFresh(written));
    let yes = ask(&alice.client, &alice.id, fresh).await.unwrap().into_inner();
    assert!(is_yes(&yes));
    // An answer's own revision is one as well.
    let fresh = Some(Requirement::AtLeastAsFresh(yes.revision));
    assert!(is_yes(&ask(&alice.client, &alice.id, fresh).await.unwrap().into_inner()));
}

#[tokio::test]
async fn a_revision_is_good_for_the_tenant_that_was_given_it() {
    let (world, organisation, alice) = begin().await;
    let of_another = world.organisation().await;
    let foreign = ask(&of_another.admin.client, &of_another.admin.id, None).await.unwrap();
    for revision in [foreign.into_inner().revision, "w17".to_owned(), "x".repeat(40)] {
        for client in [&alice.client, &organisation.admin.client] {
            let fresh = Some(Requirement::AtLeastAsFresh(revision.clone()));
            let refused = ask(client, &alice.id, fresh).await;
            assert_invalid(refused, "consistency.at_least_as_fresh");
        }
    }
}

#[tokio::test]
async fn how_old_a_state_may_be_has_a_limit() {
    let (_world, _organisation, alice) = begin().await;
    let refused = ask(&alice.client, &alice.id, staleness(301)).await.unwrap_err();
    assert_eq!(fields(&refused), ["consistency.max_staleness"]);
    assert!(refused.message().contains("PT5M") && refused.message().contains("PT5M1S"));
    ask(&alice.client, &alice.id, staleness(300)).await.unwrap();
    ask(&alice.client, &alice.id, staleness(0)).await.unwrap();
    let refused = ask(&alice.client, &alice.id, Some(Requirement::FullyConsistent(false))).await;
    assert_invalid(refused, "consistency.fully_consistent");
    let nothing = Some(Requirement::AtLeastAsFresh(String::new()));
    let refused = ask(&alice.client, &alice.id, nothing).await;
    assert_invalid(refused, "consistency.at_least_as_fresh");
}

#[tokio::test]
async fn without_a_database_only_who_may_be_answered_with_an_old_state_is() {
    let (world, organisation, alice) = begin().await;
    let granted = organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    remembered(&alice.client, &alice.id).await;
    world.system.databases.close().await;
    let old = ask(&alice.client, &alice.id, staleness(300)).await.unwrap();
    assert!(is_from_memory(&old));
    assert_eq!(old.into_inner().supporting_ids, [granted.id]);
    let refused = ask(&alice.client, &alice.id, None).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    // Of whom memory does not know, only the database could tell.
    let nobody = world.client(Grant::Principal {
        tenant: organisation.tenant,
        subject: "nobody".to_owned(),
        amr: Vec::new(),
        acr: None,
        acrs: Vec::new(),
        auth_time: None,
        signals: Signals::default(),
    });
    let refused = ask(&nobody, &alice.id, staleness(300)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
}

#[tokio::test]
async fn who_is_disabled_asks_nothing_from_the_next_state_on() {
    let (_world, organisation, alice) = begin().await;
    remembered(&alice.client, &alice.id).await;
    let request = DisablePrincipalRequest {
        principal_id: alice.id.clone(),
        ..DisablePrincipalRequest::default()
    };
    organisation.admin.client.directory().disable_principal(request).await.unwrap();
    let refused = ask(&alice.client, &alice.id, None).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}
