//! The schema. Migrations are a job of their own: services check the version and refuse to start on
//! another.

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, migrate::Migrator};

use crate::{
    StoreError, db,
    login::{self, Passwords},
};

/// All migrations, part of the program.
static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// A database whose schema is not this program's.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database has schema version {found}, this program needs {needed}: run `pim migrate`{hint}"
)]
pub struct WrongSchema {
    found: i64,
    needed: i64,
    hint: &'static str,
}

/// The schema version that this program needs.
#[must_use]
pub fn needed() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Brings the database at `url` to this program's schema, lets the logins of the services do what
/// they should, and gives them these passwords. Does nothing where all is so.
///
/// # Errors
/// It cannot be reached, or a migration fails; those before it stay.
pub async fn migrate(url: &str, passwords: &Passwords) -> Result<(), StoreError> {
    // A slow statement would be logged, and one of them has what verifies a password.
    let options = db::parse(url)?.disable_statement_logging();
    let mut connection = db::first(&options).await?;
    // Who owns the tables is behind the wall between tenants but for this.
    sqlx::query!("select set_config('app.migrating', 'on', false)")
        .fetch_one(&mut connection)
        .await?;
    MIGRATOR.run(&mut connection).await.map_err(|error| StoreError::corrupt("schema", error))?;
    login::grant(&mut connection, passwords).await?;
    connection.close().await.map_err(StoreError::Unavailable)
}

/// Whether the database has this program's schema.
pub(crate) async fn check(connection: &mut PgConnection) -> Result<(), StoreError> {
    let table = sqlx::query_scalar!("select to_regclass('_sqlx_migrations')::text")
        .fetch_one(&mut *connection)
        .await?;
    let found = match table {
        None => 0,
        Some(_) => sqlx::query_scalar::<_, Option<i64>>(
            "select max(version) from _sqlx_migrations where success",
        )
        .fetch_one(&mut *connection)
        .await?
        .unwrap_or(0),
    };
    let needed = needed();
    if found == needed {
        return Ok(());
    }
    let hint = if found > needed { " of the newer program, or run that program" } else { "" };
    Err(StoreError::corrupt("schema", WrongSchema { found, needed, hint }))
}
