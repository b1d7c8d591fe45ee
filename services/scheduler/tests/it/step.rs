//! How long a step wants to pause.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::TimeDelta;
use pim_scheduler::step;
use tonic::Status;

use crate::{
    fake::Owners,
    ground::{Ground, SUBSCRIPTION},
};

/// The longest pause: something sooner may come up that nobody knew of.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// What a step reads at once.
const BATCH: usize = 200;

#[tokio::test]
async fn a_step_pauses_until_the_next_thing_is_due_and_never_for_long() {
    let ground = Ground::new().await;
    let (world, scheduler) = (&ground.world, ground.scheduler());
    assert_eq!(step(&scheduler).await.unwrap(), PAUSE_MAX, "nothing will be due");
    let alice = ground.org.user(world, "alice").await;
    ground.assigned(&alice, SUBSCRIPTION, world.now() + TimeDelta::hours(1)).await;
    assert_eq!(step(&scheduler).await.unwrap(), PAUSE_MAX, "something will, in an hour");
    world.advance(TimeDelta::hours(1) - TimeDelta::milliseconds(40));
    assert_eq!(step(&scheduler).await.unwrap(), Duration::from_millis(40));
    assert_eq!(ground.due().await, []);
    world.advance(TimeDelta::milliseconds(40));
    assert_eq!(ground.due().await.len(), 1);
    assert_eq!(step(&scheduler).await.unwrap(), PAUSE_MAX);
    assert_eq!(ground.due().await, []);
}

#[tokio::test]
async fn what_cannot_be_done_does_not_hold_up_what_is_newer() {
    let ground = Ground::new().await;
    let end = ground.world.now() + TimeDelta::hours(1);
    let alice = ground.org.user(&ground.world, "alice").await;
    for number in 0..=BATCH {
        let scope = format!("{SUBSCRIPTION}/resourcegroups/g{number}");
        ground.assigned(&alice, &scope, end).await;
    }
    ground.world.advance(TimeDelta::hours(1));
    let owners = Owners::listen(|| Err(Status::failed_precondition("nothing to do"))).await;
    let mut idle = ground.scheduler();
    idle.peers = Arc::new(owners.peers());
    assert_eq!(step(&idle).await.unwrap(), PAUSE_MAX, "haste is of no use");
    let pushed: BTreeSet<_> = owners.take().into_iter().map(|bell| bell.thing_id).collect();
    assert_eq!(pushed.len(), BATCH + 1, "those of the next batch as well");

    assert_eq!(step(&ground.scheduler()).await.unwrap(), PAUSE_MAX);
    assert_eq!(ground.due().await, [], "a step does more than a batch");
}
