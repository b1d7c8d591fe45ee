//! What Postgres says is told in the terms of those who call: try again, somebody was faster, it is
//! away, or a fault of our own.

use std::time::Duration;

use pim_store::{Db, Options, Purpose, Reach, StoreError};

use crate::ground::{Ground, options};

fn kind(error: &StoreError) -> &'static str {
    match error {
        StoreError::Conflict(_) => "conflict",
        StoreError::TryAgain(_) => "try again",
        StoreError::Unavailable(_) => "unavailable",
        StoreError::Corrupt { .. } => "corrupt",
        StoreError::BadUrl | StoreError::UnsafeLogin { .. } => "not started",
        StoreError::Refused(_) => "refused",
    }
}

#[tokio::test]
async fn every_kind_of_refusal_has_its_meaning() {
    let ground = Ground::new().await;
    let mut connection = ground.database.connect().await;
    for (statement, expected) in [
        ("do $$ begin raise exception using errcode = '40001'; end $$", "conflict"),
        ("do $$ begin raise exception using errcode = '40P01'; end $$", "conflict"),
        ("do $$ begin raise exception using errcode = '23505'; end $$", "conflict"),
        ("do $$ begin raise exception using errcode = '55P03'; end $$", "try again"),
        ("do $$ begin raise exception using errcode = '57014'; end $$", "try again"),
        ("do $$ begin raise exception using errcode = '57P01'; end $$", "unavailable"),
        ("do $$ begin raise exception using errcode = '57P03'; end $$", "unavailable"),
        ("do $$ begin raise exception using errcode = '08006'; end $$", "unavailable"),
        ("do $$ begin raise exception using errcode = '53300'; end $$", "unavailable"),
        ("do $$ begin raise exception using errcode = '53100'; end $$", "unavailable"),
        ("do $$ begin raise exception using errcode = '25006'; end $$", "unavailable"),
        ("do $$ begin raise exception using errcode = '23514'; end $$", "refused"),
        ("do $$ begin raise exception using errcode = '23503'; end $$", "refused"),
        ("do $$ begin raise exception using errcode = '42501'; end $$", "refused"),
        ("select", "nothing"),
        ("this is no statement", "refused"),
    ] {
        let done = sqlx::query(statement).execute(&mut connection).await;
        let told = done.map_err(StoreError::from).as_ref().map_or_else(kind, |_| "nothing");
        assert_eq!(told, expected, "{statement}");
    }
}

#[tokio::test]
async fn waiting_too_long_for_a_lock_is_a_reason_to_try_again() {
    let ground = Ground::new().await;
    let lock = "select pg_advisory_xact_lock(1)";
    let (mut one, mut other) = (ground.begin().await, ground.begin().await);
    sqlx::query(lock).execute(&mut *one).await.unwrap();
    sqlx::query("set local lock_timeout = '1ms'").execute(&mut *other).await.unwrap();
    let error = sqlx::query(lock).execute(&mut *other).await.unwrap_err();
    assert_eq!(kind(&error.into()), "try again");
}

#[tokio::test]
async fn every_transaction_has_its_limits() {
    let ground = Ground::new().await;
    let mut tx = ground.begin().await;
    for (setting, expected) in [
        ("show statement_timeout", "2s"),
        ("show lock_timeout", "1s"),
        ("show idle_in_transaction_session_timeout", "5s"),
        ("show timezone", "UTC"),
    ] {
        let value: String = sqlx::query_scalar(setting).fetch_one(&mut *tx).await.unwrap();
        assert_eq!(value, expected, "{setting}");
    }
}

#[tokio::test]
async fn a_read_writes_nothing() {
    let ground = Ground::new().await;
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    let error = sqlx::query("delete from decision").execute(&mut *read).await.unwrap_err();
    assert_eq!(kind(&error.into()), "unavailable");
}

#[tokio::test]
async fn a_read_sees_one_state_however_long_it_takes() {
    let ground = Ground::new().await;
    let mut read = ground.db.read(Reach::EveryTenant).await.unwrap();
    let alice = ground.user("alice").await;
    let found = pim_store::principals::get(&mut read, ground.tenant, alice.id).await.unwrap();
    assert_eq!(found, None);
    assert!(ground.stored(&alice).await.is_some());
}

#[tokio::test]
async fn a_flood_of_one_purpose_does_not_stop_the_others() {
    let ground = Ground::new().await;
    let url = &ground.database.url_of("assignment");
    let narrow = Options {
        read_connections_max: 1,
        write_connections_max: 1,
        acquire_timeout: Duration::from_millis(1),
    };
    let patient =
        Db::connect(url, &Options { acquire_timeout: options().acquire_timeout, ..narrow })
            .await
            .unwrap();
    let _gain = patient.begin(Purpose::Gain, Reach::EveryTenant).await.unwrap();
    let lose = patient.begin(Purpose::Lose, Reach::EveryTenant).await.unwrap();
    let read = patient.read(Reach::EveryTenant).await.unwrap();
    drop((lose, read));

    let hasty = Db::connect(url, &Options { acquire_timeout: Duration::ZERO, ..options() }).await;
    let error = hasty.unwrap().begin(Purpose::Gain, Reach::EveryTenant).await.unwrap_err();
    assert_eq!(kind(&error), "try again");
}

#[tokio::test]
async fn a_database_that_goes_away_is_unavailable() {
    let ground = Ground::new().await;
    let mut tx = ground.begin().await;
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *tx).await.unwrap();
    sqlx::query("select pg_terminate_backend($1)")
        .bind(pid)
        .execute(&mut ground.database.connect().await)
        .await
        .unwrap();
    let error = sqlx::query("select 1").execute(&mut *tx).await.unwrap_err();
    assert_eq!(kind(&error.into()), "unavailable");
    drop(tx);
    // Whoever comes next is served by a new connection.
    ground.user("alice").await;

    ground.db.close().await;
    assert_eq!(kind(&ground.db.read(Reach::EveryTenant).await.unwrap_err()), "unavailable");
}
