//! `hold MIGRATIONS`: runs a throwaway Postgres with the schema of that folder, prints the URL of
//! its database, and ends with its standard input.
//!
//! What sqlx is to check queries against comes from here: it must not need the crate that has the
//! queries, which compiles only once they are checked.

use std::{
    env,
    error::Error,
    io::{self, Read as _, Write as _},
    path::Path,
};

use pim_embedded::Cluster;
use sqlx::{Connection as _, PgConnection, migrate::Migrator};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let migrations = env::args().nth(1).ok_or("usage: hold MIGRATIONS")?;
    let cluster = Cluster::throwaway()?;
    let url = cluster.database_url("postgres");
    let mut connection = PgConnection::connect(&url).await?;
    Migrator::new(Path::new(&migrations)).await?.run(&mut connection).await?;
    connection.close().await?;
    let mut out = io::stdout();
    writeln!(out, "{url}")?;
    out.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    cluster.stop()?;
    Ok(())
}
