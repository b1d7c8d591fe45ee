//! What was committed between two states: each event once, however late its transaction commits.

use pim_domain::{event::StoredEvent, id::EventId, principal::Principal};
use pim_store::{
    Reach, Tx,
    events::{self, Between, CommittedCursor},
    principals,
};

use crate::ground::{Ground, new_user};

impl Ground {
    async fn state(&self) -> String {
        let read = self.db.read(Reach::EveryTenant).await.unwrap();
        read.snapshot().to_string()
    }

    async fn part(
        &self,
        between: &Between,
        after: Option<CommittedCursor>,
        limit: i64,
    ) -> Vec<(StoredEvent, CommittedCursor)> {
        let mut read = self.db.read(Reach::EveryTenant).await.unwrap();
        events::committed_between(&mut read, self.tenant, between, after, limit).await.unwrap()
    }

    /// Whose events are new in the newer state, read in parts of `limit`.
    async fn new_between(&self, since: &str, until: &str, limit: i64) -> Vec<String> {
        let between = Between { since: since.to_owned(), until: until.to_owned() };
        let (mut names, mut after) = (Vec::new(), None);
        loop {
            let part = self.part(&between, after, limit).await;
            let Some((_, cursor)) = part.last() else { break };
            after = Some(*cursor);
            names.extend(part.into_iter().map(|(event, _)| name(&event)));
        }
        names.sort();
        names
    }

    /// A transaction that has made a user and is not committed.
    async fn open(&self, name: &str) -> Tx {
        let mut tx = self.begin().await;
        principals::record(&mut tx, self.tenant, &new_user(name)).await.unwrap();
        tx
    }
}

/// The name of the user whom the event made.
fn name(event: &StoredEvent) -> String {
    let made: Principal = pim_domain::change::fold(std::slice::from_ref(&event.event)).unwrap();
    made.subject
}

#[tokio::test]
async fn what_commits_late_is_not_lost() {
    let ground = Ground::new().await;
    let start = ground.state().await;
    let slow = ground.open("slow").await;
    ground.user("quick").await;
    let middle = ground.state().await;
    // The slow one has the lower number, and was passed by.
    for size in [1, 10] {
        assert_eq!(ground.new_between(&start, &middle, size).await, ["quick"]);
    }
    slow.commit().await.unwrap();
    let end = ground.state().await;
    for size in [1, 10] {
        assert_eq!(ground.new_between(&middle, &end, size).await, ["slow"]);
        assert_eq!(ground.new_between(&start, &end, size).await, ["quick", "slow"]);
        assert_eq!(ground.new_between(&end, &end, size).await, [""; 0]);
    }
}

#[tokio::test]
async fn what_commits_between_two_parts_waits_for_the_next_state() {
    let ground = Ground::new().await;
    let start = ground.state().await;
    let lower = ground.open("lower").await;
    ground.user("first").await;
    let higher = ground.open("higher").await;
    ground.user("second").await;
    let middle = ground.state().await;
    let between = Between { since: start.clone(), until: middle.clone() };
    let first = ground.part(&between, None, 1).await;
    assert_eq!(name(&first[0].0), "first");
    lower.commit().await.unwrap();
    higher.commit().await.unwrap();
    ground.user("third").await;
    let rest = ground.part(&between, Some(first[0].1), 10).await;
    assert_eq!(rest.iter().map(|(event, _)| name(event)).collect::<Vec<_>>(), ["second"]);
    let end = ground.state().await;
    assert_eq!(ground.new_between(&middle, &end, 1).await, ["higher", "lower", "third"]);
}

#[tokio::test]
async fn what_is_taken_back_is_never_new() {
    let ground = Ground::new().await;
    let start = ground.state().await;
    let taken_back = ground.open("taken back").await;
    ground.user("kept").await;
    taken_back.roll_back().await.unwrap();
    let end = ground.state().await;
    assert_eq!(ground.new_between(&start, &end, 1).await, ["kept"]);
}

#[tokio::test]
async fn events_of_one_transaction_are_split_into_parts() {
    let ground = Ground::new().await;
    let start = ground.state().await;
    let mut tx = ground.begin().await;
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        principals::record(&mut tx, ground.tenant, &new_user(name)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let end = ground.state().await;
    for size in [1, 2, 5, 10] {
        assert_eq!(ground.new_between(&start, &end, size).await, names, "parts of {size}");
    }
}

#[tokio::test]
async fn what_is_no_state_is_refused() {
    let ground = Ground::new().await;
    let end = ground.state().await;
    let between = Between { since: "yesterday".to_owned(), until: end };
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    let after = Some(CommittedCursor { xid: 0, id: EventId::at(crate::ground::made()) });
    let part = events::committed_between(&mut read, ground.tenant, &between, after, 1).await;
    assert!(part.is_err());
}
