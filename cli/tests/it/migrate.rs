//! `pim migrate` and the passwords that it is given.

use std::{fs, process::Command};

use pim_store::Login;
use pim_tests::TestDb;

use crate::{
    installation::PIM,
    program::{Ended, Program},
};

/// Migrates with a folder of passwords, of which one is that and the others are good.
async fn with_password(database: &TestDb, login: Login, password: Option<&str>) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    for other in Login::ALL.into_iter().filter(|other| *other != login) {
        fs::write(folder.path().join(other.name()), "correct horse\n").unwrap();
    }
    if let Some(password) = password {
        fs::write(folder.path().join(login.name()), password).unwrap();
    }
    let mut migrate = Command::new(PIM);
    migrate.args(["migrate", "--database-url", database.url()]);
    migrate.arg("--role-passwords").arg(folder.path());
    Program::start(&mut migrate).ended().await
}

#[tokio::test]
async fn the_logins_get_the_passwords_of_the_folder() {
    let database = TestDb::new().await;
    let ended = with_password(&database, Login::Audit, Some("hunter2\n")).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
    let without: i64 = sqlx::query_scalar(
        "select count(*) from pg_authid
         where rolname like 'pim\\_%' and rolname <> 'pim_everybody'
             and coalesce(rolpassword, '') not like 'SCRAM-SHA-256$4096:%'",
    )
    .fetch_one(&mut database.connect().await)
    .await
    .unwrap();
    assert_eq!(without, 0);
}

#[tokio::test]
async fn a_password_that_is_missing_or_bad_is_named_and_not_told() {
    let database = TestDb::new().await;
    for (password, expected) in
        [(None, "No such file"), (Some("hunter2\nhunter3"), "printable ASCII"), (Some(""), "1 to")]
    {
        let ended = with_password(&database, Login::Approval, password).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("pim_approval") && ended.err.contains(expected), "{ended:?}");
        assert!(!ended.err.contains("hunter"), "{ended:?}");
    }
}
