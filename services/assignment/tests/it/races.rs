//! What two administrators do at once, over real connections.

use pim_proto::assignment::v1::DisablePrincipalRequest;
use pim_tests::{Organisation, assert_refused};
use tonic::Code;

use crate::{
    change_requests::EXTENSION,
    grants::{Kind, removal, remove},
    ground::{Ground, SUBSCRIPTION},
    moves::{approve, ask, asking, yes},
};

const ROUNDS: usize = 12;
const OWNER: &str = Organisation::OWNER;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_last_two_holders_one_stays() {
    let ground = Ground::new().await;
    let (one, other) = (&ground.org.admin.client, &ground.org.second_admin.client);
    let bob = ground.user("bob").await;
    for round in 0..ROUNDS {
        let first = ground.org.assign(&ground.ada, OWNER, SUBSCRIPTION).await;
        let second = ground.org.assign(&bob, OWNER, SUBSCRIPTION).await;
        // Who stayed in the round before is there already.
        let ids = [(&ground.ada, first), (&bob, second)].map(|(person, made)| match made {
            Ok(made) => made.id,
            Err(status) => {
                assert_eq!(pim_tests::reason(&status), "DUPLICATE", "{}", person.name);
                pim_tests::metadata(&status, "id")
            }
        });
        let answers = tokio::join!(
            remove(one, Kind::Assignment, removal(&ids[0])),
            remove(other, Kind::Assignment, removal(&ids[1])),
        );
        let removed = usize::from(answers.0.is_ok()) + usize::from(answers.1.is_ok());
        assert_eq!(removed, 1, "round {round}: {answers:?}");
        for refused in [answers.0, answers.1].into_iter().filter(Result::is_err) {
            assert_refused(refused, Code::FailedPrecondition, "LAST_HOLDER");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_administrators_cannot_disable_each_other() {
    let ground = Ground::new().await;
    let off = |id: &str| DisablePrincipalRequest {
        principal_id: id.to_owned(),
        ..DisablePrincipalRequest::default()
    };
    let (one, other) = (&ground.org.admin, &ground.org.second_admin);
    let (mut mine, mut theirs) = (one.client.directory(), other.client.directory());
    let answers = tokio::join!(
        mine.disable_principal(off(&other.id)),
        theirs.disable_principal(off(&one.id)),
    );
    // Two must stay, and there are two.
    for answer in [answers.0, answers.1] {
        assert_refused(answer, Code::FailedPrecondition, "LAST_HOLDER");
    }
    // With a third, one of the two succeeds.
    ground.org.assign(&ground.ada, Organisation::GLOBAL_ADMINISTRATOR, "/").await.unwrap();
    let answers = tokio::join!(
        mine.disable_principal(off(&other.id)),
        theirs.disable_principal(off(&one.id)),
    );
    assert_ne!(answers.0.is_ok(), answers.1.is_ok(), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_approved_twice_at_once_is_done_once() {
    let ground = Ground::new().await;
    let (one, other) = (&ground.org.admin.client, &ground.org.second_admin.client);
    for _ in 0..ROUNDS {
        let (made, asked) = ground.asked(Kind::Eligibility).await;
        let end = ground.world.now() + chrono::TimeDelta::days(30);
        let answers = tokio::join!(
            approve(one, yes(&asked, Some(end))),
            approve(other, yes(&asked, Some(end)))
        );
        assert_ne!(answers.0.is_ok(), answers.1.is_ok(), "{answers:?}");
        for refused in [answers.0, answers.1].into_iter().filter(Result::is_err) {
            assert_refused(refused, Code::FailedPrecondition, "ALREADY_RESOLVED");
        }
        remove(one, Kind::Eligibility, removal(&made.id)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_requests_at_once_one_waits() {
    let ground = Ground::new().await;
    let ada = &ground.ada.client;
    for _ in 0..ROUNDS {
        let made = ground.for_days(Kind::Assignment, 1).await;
        let wish = || asking(EXTENSION, Kind::Assignment, &made.id);
        let answers = tokio::join!(ask(ada, wish()), ask(ada, wish()));
        assert_ne!(answers.0.is_ok(), answers.1.is_ok(), "{answers:?}");
        for refused in [answers.0, answers.1].into_iter().filter(Result::is_err) {
            assert_refused(refused, Code::AlreadyExists, "DUPLICATE");
        }
        let admin = &ground.org.admin.client;
        remove(admin, Kind::Assignment, removal(&made.id)).await.unwrap();
    }
}
