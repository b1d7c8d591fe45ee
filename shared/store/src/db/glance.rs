//! Reading where each statement may see a state of its own.

use std::ops::{Deref, DerefMut};

use sqlx::{PgConnection, Postgres, Transaction, pool::PoolConnection};

/// A connection to read with, as it was asked for by [`super::Db::glance`].
#[derive(Debug)]
pub struct Glance(pub(super) Glancing);

#[derive(Debug)]
pub(super) enum Glancing {
    All(PoolConnection<Postgres>),
    Walled(Transaction<'static, Postgres>),
}

impl Deref for Glance {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match &self.0 {
            Glancing::All(connection) => connection,
            Glancing::Walled(tx) => tx,
        }
    }
}

impl DerefMut for Glance {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.0 {
            Glancing::All(connection) => connection,
            Glancing::Walled(tx) => tx,
        }
    }
}
