//! A log that nobody seals: nothing is gained, and everything can be lost.

use pim_cli::system::SERVICES;
use pim_tests::{Organisation, Person, World, assert_refused, eventually, metadata};
use tonic::Code;

const ROLE: &str = Organisation::USER_ADMINISTRATOR;

/// The system asks the database how long the oldest event has waited.
async fn learn(world: &World) {
    world.system.backlog.learn(&world.db).await.unwrap();
}

/// Every event was written earlier than it was, by the database's own clock.
async fn age(world: &World, seconds: u32) {
    let statement = format!(
        "alter table event disable trigger all;
         update event set insert_time = clock_timestamp() - interval '{seconds} seconds';
         alter table event enable trigger all"
    );
    let mut connection = world.database.connect().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
}

#[tokio::test]
async fn nothing_is_gained_while_nobody_seals_the_log() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let alice = organisation.user(&world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    age(&world, 90).await;
    learn(&world).await;
    let active = alice.activate(Person::wish(ROLE, "/")).await.unwrap();
    age(&world, 180).await;
    learn(&world).await;
    let status = organisation.assign(&alice, ROLE, "/").await;
    let status = assert_refused(status, Code::Unavailable, "AUDIT_BACKLOG");
    assert_eq!(metadata(&status, "limit_seconds"), "120");
    assert!(metadata(&status, "age_seconds").parse::<u32>().unwrap() >= 180);
    alice.deactivate(&active.id).await.unwrap();
    world.sign_log().await;
    learn(&world).await;
    alice.activate(Person::wish(ROLE, "/")).await.unwrap();
}

#[tokio::test]
async fn who_lets_people_gain_watches_the_log() {
    for name in ["assignment", "activation", "approval"] {
        let world = World::start().await;
        world.organisation().await;
        age(&world, 180).await;
        let service = SERVICES.into_iter().find(|service| service.name == name).unwrap();
        let process = world.system.process(name, &world.url).unwrap();
        let repeated = (service.background)(&process, &world.system.shutdown);
        eventually("it knows of the backlog", async || process.backlog.gaining().err()).await;
        world.system.shutdown.cancel();
        for one in repeated {
            one.stopped().await;
        }
    }
}
