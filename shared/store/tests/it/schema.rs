//! A process starts on a database of its own schema only.

use std::error::Error as _;

use pim_store::{Db, Passwords, StoreError, migrate};
use pim_tests::TestDb;
use tokio::net::TcpListener;

use crate::ground::{Ground, options};

fn none() -> Passwords {
    Passwords::default()
}

/// Why the database is refused.
async fn refusal(database: &TestDb) -> String {
    match Db::connect(&database.url_of("audit"), &options()).await {
        Err(StoreError::Corrupt { what: "schema", source }) => source.to_string(),
        other => panic!("not refused for its schema: {other:?}"),
    }
}

async fn execute(database: &TestDb, statements: &'static str) {
    sqlx::raw_sql(statements).execute(&mut database.connect().await).await.unwrap();
}

#[tokio::test]
async fn an_older_schema_is_refused() {
    let database = TestDb::new().await;
    // Begun and not finished is not there.
    execute(&database, "update _sqlx_migrations set success = false").await;
    let needed = migrate::needed();
    assert_eq!(
        refusal(&database).await,
        format!(
            "the database has schema version 0, this program needs {needed}: run `pim migrate`"
        )
    );
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let database = TestDb::new().await;
    execute(
        &database,
        "insert into _sqlx_migrations
         select 999999, description, installed_on, success, checksum, execution_time
         from _sqlx_migrations limit 1",
    )
    .await;
    let text = refusal(&database).await;
    assert!(text.contains("schema version 999999"), "{text}");
    assert!(text.ends_with("or run that program"), "{text}");
    // And it is not brought back.
    assert!(migrate::migrate(database.url(), &none()).await.is_err());
}

#[tokio::test]
async fn an_empty_database_is_refused_until_it_is_migrated() {
    let database = TestDb::new().await;
    execute(&database, "drop schema public cascade; create schema public").await;
    assert!(refusal(&database).await.contains("schema version 0"));
    migrate::migrate(database.url(), &none()).await.unwrap();
    Db::connect(&database.url_of("audit"), &options()).await.unwrap();
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    migrate::migrate(ground.database.url(), &none()).await.unwrap();
    let again = ground.database.db().await;
    assert_eq!(again.instance(), ground.db.instance());
    assert_eq!(ground.stored(&alice).await, Some(alice));
}

#[tokio::test]
async fn what_is_no_database_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let closes = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let database = TestDb::new().await;
    let closing = format!("postgres://pim@127.0.0.1:{port}/pim");
    let absent = database.url().replace("/test_", "/no_test_");
    for url in ["postgres://localhost:1/pim", &closing, &absent] {
        let error = Db::connect(url, &options()).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{url}: {error:?}");
        assert!(error.source().is_some(), "{url}");
        let error = migrate::migrate(url, &none()).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{url}: {error:?}");
    }
    closes.abort();
}

#[tokio::test]
async fn a_database_that_never_answers_is_given_up() {
    // Nobody accepts, and the system answers for them: the connection stands and nothing is said.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent = format!("postgres://pim@127.0.0.1:{port}/pim?sslmode=disable");
    let (options, none) = (options(), none());
    let (connected, migrated) =
        tokio::join!(Db::connect(&silent, &options), migrate::migrate(&silent, &none));
    for error in [connected.unwrap_err(), migrated.unwrap_err()] {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        let cause = error.source().unwrap().to_string();
        assert!(cause.ends_with("no answer within 5 s"), "{cause}");
    }
}

#[tokio::test]
async fn what_is_no_url_is_told_as_that_and_not_repeated() {
    for url in ["not a url hunter2", "http://pim:hunter2@localhost", "postgres://pim:hunter2@:x/"] {
        for error in [
            Db::connect(url, &options()).await.unwrap_err(),
            migrate::migrate(url, &none()).await.unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::BadUrl), "{url}: {error:?}");
            assert!(error.source().is_none());
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
