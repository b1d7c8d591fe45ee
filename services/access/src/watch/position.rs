//! Up to where a reader has read: a state of the database, and an instant.

use chrono::{DateTime, Utc};
use pim_chassis::{Context, Error};
use pim_domain::{effective::Instant, id::PrincipalId};
use pim_proto::field::FieldViolation;
use pim_store::Snapshot;
use serde::{Deserialize, Serialize};

/// What a sealed position is for.
const PURPOSE: &str = "watch position";

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
        let written = serde_json::to_vec(&written).map_err(|_| Error::Lost)?;
        let bound = bound(context, principals);
        Ok(context.process.seal.seal(PURPOSE, &[&bound], &written))
    }

    /// The position that such a reader was given.
    pub(super) fn open<'a>(
        context: &Context,
        principals: impl Iterator<Item = &'a PrincipalId>,
        sealed: &str,
    ) -> Result<Self, Error> {
        let bound = bound(context, principals);
        let written = context.process.seal.open(PURPOSE, &[&bound], sealed);
        let written = written.and_then(|text| serde_json::from_slice::<Written>(&text).ok());
        let position = written.and_then(|written| {
            let instant = Instant { earliest: written.earliest, latest: written.latest };
            Some(Self { snapshot: written.snapshot.parse().ok()?, instant })
        });
        position.ok_or_else(|| {
            let description = "must be of a message about the same principals to this tenant";
            FieldViolation::new("after_position", description).into()
        })
    }
}

/// What it belongs to: this database, the tenant, and whom it is about.
fn bound<'a>(context: &Context, principals: impl Iterator<Item = &'a PrincipalId>) -> Vec<u8> {
    let mut bound = context.db().instance().as_bytes().to_vec();
    bound.extend(context.tenant.uuid().as_bytes());
    principals.for_each(|one| bound.extend(one.uuid().as_bytes()));
    bound
}
