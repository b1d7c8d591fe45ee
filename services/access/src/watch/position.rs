//! Up to where a reader has read: a state of the database, and an instant.

use chrono::{DateTime, Utc};
use pim_chassis::{Context, Error};
use pim_domain::{effective::Instant, id::PrincipalId};
use pim_store::Snapshot;
use serde::{Deserialize, Serialize};

/// What a position is of.
const STREAM: &str = "watch";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) snapshot: Snapshot,
    pub(super) instant: Instant,
}

/// As it is sealed.
#[derive(Serialize, Deserialize)]
struct Written {
    snapshot: String,
    earliest: DateTime<Utc>,
    latest: DateTime<Utc>,
}

impl Position {
    /// As a reader of the changes of these principals gets it.
    pub(super) fn seal<'a>(
        &self,
        context: &Context,
        principals: impl Iterator<Item = &'a PrincipalId>,
    ) -> Result<String, Error> {
        let written = Written {
            snapshot: self.snapshot.to_string(),
            earliest: self.instant.earliest,
            latest: self.instant.latest,
        };
        context.position(STREAM, &asked(context, principals), &written)
    }

    /// The position that such a reader was given.
    pub(super) fn open<'a>(
        context: &Context,
        principals: impl Iterator<Item = &'a PrincipalId>,
        sealed: &str,
    ) -> Result<Self, Error> {
        let asked = asked(context, principals);
        let written: Written = context.open_position(STREAM, &asked, sealed)?;
        Ok(Self {
            snapshot: written.snapshot.parse()?,
            instant: Instant { earliest: written.earliest, latest: written.latest },
        })
    }
}

/// What it belongs to: this database, and whom it is about.
fn asked<'a>(context: &Context, principals: impl Iterator<Item = &'a PrincipalId>) -> Vec<u8> {
    let mut asked = context.db().instance().as_bytes().to_vec();
    principals.for_each(|one| asked.extend(one.uuid().as_bytes()));
    asked
}
