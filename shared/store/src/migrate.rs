//! The schema. Migrations are a job of their own: services check the version and refuse to start on
//! another.

use std::str::FromStr as _;

use sqlx::{Connection as _, PgConnection, migrate::Migrator, postgres::PgConnectOptions};

use crate::StoreError;

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

/// Brings the database at `url` to this program's schema; does nothing where it has it.
///
/// # Errors
/// It cannot be reached, or a migration fails; those before it stay.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(StoreError::Unavailable)?;
    let mut connection =
        PgConnection::connect_with(&options).await.map_err(StoreError::Unavailable)?;
    MIGRATOR.run(&mut connection).await.map_err(|error| StoreError::corrupt("schema", error))?;
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
