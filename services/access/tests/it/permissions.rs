//! `CheckAccess` by action and `BatchCheckAccess`.

use pim_client::{Client, Refusal};
use pim_proto::access::v1::{
    BatchCheckAccessRequest, BatchCheckAccessResponse, CheckAccessRequest, CheckAccessResponse,
    Decision,
    batch_check_access_request::{Item, item},
    batch_check_access_response::result::Outcome,
    check_access_request::Question,
};
use pim_tests::{Organisation, Person, assert_invalid, assert_refused};
use tonic::{Code, Status};

use crate::ask::{
    CONTRIBUTOR, GROUP, ROOT, SUBSCRIPTION, USER_ADMINISTRATOR, assign, begin, hours, is_yes,
};

const RESTART: &str = "Microsoft.Compute/virtualMachines/restart/action";
const ASSIGN: &str = "Microsoft.Authorization/roleAssignments/write";
const CREATE_USER: &str = "microsoft.directory/users/create";
const READ_BLOB: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
const BLOB_READER: &str = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1";
/// Of nothing that there is.
const NOTHING: &str = "01890000-0000-7000-8000-000000000000";

fn action(name: &str) -> Option<Question> {
    Some(Question::Action(name.to_owned()))
}

async fn may(
    caller: &Client,
    principal: &str,
    question: Option<Question>,
    scope: &str,
) -> Result<CheckAccessResponse, Status> {
    let (principal_id, scope) = (principal.to_owned(), scope.to_owned());
    let request =
        CheckAccessRequest { principal_id, question, scope, ..CheckAccessRequest::default() };
    Ok(caller.access().check_access(request).await?.into_inner())
}

async fn own_may(person: &Person, name: &str, scope: &str) -> bool {
    is_yes(&may(&person.client, &person.id, action(name), scope).await.unwrap())
}

#[tokio::test]
async fn an_action_is_permitted_by_any_role_that_is_held_there_or_above() {
    let (_world, organisation, alice) = begin().await;
    assert!(!own_may(&alice, RESTART, GROUP).await);
    let contributor = organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    organisation.assign(&alice, USER_ADMINISTRATOR, ROOT).await.unwrap();
    let answer = may(&alice.client, &alice.id, action(RESTART), GROUP).await.unwrap();
    assert!(is_yes(&answer));
    assert_eq!(answer.supporting_ids, [contributor.id], "the other role permits it not");
    assert!(own_may(&alice, &RESTART.to_uppercase(), GROUP).await);
    assert!(!own_may(&alice, RESTART, ROOT).await, "above");
    assert!(!own_may(&alice, ASSIGN, GROUP).await, "taken away again");
    assert!(own_may(&alice, CREATE_USER, GROUP).await, "held at the root");
    let owner = organisation.assign(&alice, Organisation::OWNER, GROUP).await.unwrap();
    let answer = may(&alice.client, &alice.id, action(ASSIGN), GROUP).await.unwrap();
    assert_eq!(answer.supporting_ids, [owner.id]);
}

#[tokio::test]
async fn an_action_on_data_is_another_question() {
    let (_world, organisation, alice) = begin().await;
    let data = || Some(Question::DataAction(READ_BLOB.to_owned()));
    organisation.assign(&alice, Organisation::OWNER, GROUP).await.unwrap();
    assert!(own_may(&alice, READ_BLOB, GROUP).await, "as an action, by `*`");
    assert!(!is_yes(&may(&alice.client, &alice.id, data(), GROUP).await.unwrap()));
    organisation.assign(&alice, BLOB_READER, GROUP).await.unwrap();
    assert!(is_yes(&may(&alice.client, &alice.id, data(), GROUP).await.unwrap()));
}

#[tokio::test]
async fn what_entra_roles_inherit_is_theirs() {
    let (_world, organisation, alice) = begin().await;
    let readable = "microsoft.directory/users/standard/read";
    assert!(!own_may(&alice, readable, ROOT).await);
    // It says nothing of users itself.
    organisation.assign(&alice, "db506228-d27e-4b7d-95e5-295956d6615f", ROOT).await.unwrap();
    assert!(own_may(&alice, readable, ROOT).await);
}

#[tokio::test]
async fn an_answer_says_until_when_it_holds() {
    let (world, organisation, alice) = begin().await;
    let (soon, later) = (world.now() + hours(1), world.now() + hours(2));
    assign(&organisation, &alice, (CONTRIBUTOR, SUBSCRIPTION), None, soon).await;
    assign(&organisation, &alice, (Organisation::OWNER, SUBSCRIPTION), None, later).await;
    let ask = async |name| may(&alice.client, &alice.id, action(name), GROUP).await.unwrap();
    assert_eq!(ask(RESTART).await.valid_until, Some(pim_tests::timestamp(later)));
    world.advance(hours(1));
    assert!(is_yes(&ask(RESTART).await));
    assert!(is_yes(&ask(ASSIGN).await));
    world.advance(hours(1));
    assert!(!is_yes(&ask(RESTART).await));
}

#[tokio::test]
async fn who_may_ask_of_an_action_may_ask_in_its_realm() {
    let (world, organisation, alice) = begin().await;
    let owner = organisation.user(&world, "olga").await;
    organisation.assign(&owner, Organisation::OWNER, SUBSCRIPTION).await.unwrap();
    let asked =
        async |name: &str, scope: &str| may(&owner.client, &alice.id, action(name), scope).await;
    assert!(!is_yes(&asked(RESTART, GROUP).await.unwrap()));
    for (name, scope) in [(RESTART, ROOT), (CREATE_USER, GROUP), ("pim/access/check", GROUP)] {
        assert_refused(asked(name, scope).await, Code::PermissionDenied, "NOT_PERMITTED");
    }
}

#[tokio::test]
async fn a_malformed_question_is_named() {
    let (_world, _organisation, alice) = begin().await;
    let asked = async |question| may(&alice.client, &alice.id, question, ROOT).await;
    assert_invalid(asked(None).await, "question");
    for bad in ["", "*", "Microsoft.Web", "Microsoft.Web/*", "a b/c", "a//b"] {
        assert_invalid(asked(action(bad)).await, "action");
        let question = Some(Question::DataAction(bad.to_owned()));
        assert_invalid(asked(question).await, "data_action");
    }
}

fn item(principal: &str, question: item::Question, scope: &str) -> Item {
    let (principal_id, scope) = (principal.to_owned(), scope.to_owned());
    Item { principal_id, question: Some(question), scope }
}

async fn all(caller: &Client, items: Vec<Item>) -> BatchCheckAccessResponse {
    let request = BatchCheckAccessRequest { items, ..BatchCheckAccessRequest::default() };
    caller.access().batch_check_access(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn each_question_is_answered_by_itself_as_if_it_were_the_only_one() {
    let (world, organisation, alice) = begin().await;
    let bob = organisation.user(&world, "bob").await;
    organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    organisation.assign(&bob, Organisation::OWNER, GROUP).await.unwrap();
    let role = |id: &str| item::Question::RoleId(id.to_owned());
    let act = |name: &str| item::Question::Action(name.to_owned());
    let questions = [
        (&*alice.id, role(CONTRIBUTOR), GROUP),
        (&*alice.id, role(CONTRIBUTOR), ROOT),
        (&*alice.id, act(RESTART), GROUP),
        (&*alice.id, act(ASSIGN), GROUP),
        (&*bob.id, act(ASSIGN), GROUP),
        (&*bob.id, act(ASSIGN), SUBSCRIPTION),
        (&*bob.id, role(NOTHING), GROUP),
        (NOTHING, act(RESTART), GROUP),
        (&*bob.id, act("*"), GROUP),
        (&*bob.id, item::Question::DataAction(READ_BLOB.to_owned()), GROUP),
    ];
    let items = |all: &[(&str, item::Question, &str)]| -> Vec<Item> {
        let all = all.iter();
        all.map(|(who, question, scope)| item(who, question.clone(), scope)).collect()
    };
    for caller in [&organisation.admin, &alice] {
        let batch = self::all(&caller.client, items(&questions)).await;
        assert_eq!(batch.results.len(), questions.len());
        assert_eq!(batch.as_of_time, Some(pim_tests::timestamp(world.now())));
        for ((who, question, scope), result) in questions.iter().zip(batch.results) {
            let question = match question.clone() {
                item::Question::RoleId(id) => Question::RoleId(id),
                item::Question::Action(name) => Question::Action(name),
                item::Question::DataAction(name) => Question::DataAction(name),
                item::Question::GroupId(id) => Question::GroupId(id),
            };
            let alone = may(&caller.client, who, Some(question), scope).await;
            match (alone, result.outcome.unwrap()) {
                (Ok(alone), Outcome::Answer(answer)) => {
                    assert_eq!(answer.decision, alone.decision);
                    assert_eq!(answer.valid_until, alone.valid_until);
                    assert_eq!(answer.supporting_ids, alone.supporting_ids);
                }
                (Err(alone), Outcome::Status(status)) => {
                    assert_eq!(i32::from(alone.code()), status.code);
                    if alone.code() != Code::InvalidArgument {
                        assert_eq!(alone.message(), status.message);
                    }
                }
                (alone, batched) => panic!("{who} {scope}: {alone:?}, {batched:?}"),
            }
        }
    }
}

#[tokio::test]
async fn five_hundred_questions_are_answered_together() {
    let (_world, organisation, alice) = begin().await;
    organisation.assign(&alice, CONTRIBUTOR, SUBSCRIPTION).await.unwrap();
    let short = "/subscriptions/9e1c27e8-55a8-4c5b-9d0e-6f6d1f3f2a11/a";
    let ask = |n: usize| {
        item(&alice.id, item::Question::Action(format!("Microsoft.Web/sites/{n}")), short)
    };
    let answer = all(&alice.client, (0..500).map(ask).collect()).await;
    let yes = answer.results.into_iter().filter(|result| match &result.outcome {
        Some(Outcome::Answer(answer)) => answer.decision() == Decision::Allowed,
        Some(Outcome::Status(_)) | None => false,
    });
    assert_eq!(yes.count(), 500);
    for count in [0, 501] {
        let items = (0..count).map(ask).collect();
        let request = BatchCheckAccessRequest { items, ..BatchCheckAccessRequest::default() };
        let refused = alice.client.access().batch_check_access(request).await.unwrap_err();
        assert_eq!(Refusal::from_status(&refused).fields[0].field, "items");
    }
}
