//! Tenants: organisations. Everything else belongs to exactly one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    change::{Change, Thing, Version},
    event::{About, Code, Stamp, ThingKind},
    id::TenantId,
};

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Made by the server.
    pub id: TenantId,
    /// For people only.
    pub display_name: String,
    /// Counts its changes.
    pub version: Version,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

impl Thing for Tenant {
    const KIND: ThingKind = ThingKind::Tenant;

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// A new tenant.
#[must_use]
pub fn create(display_name: String, stamp: &Stamp) -> Change<Tenant> {
    let tenant = Tenant {
        id: TenantId::at(stamp.now),
        display_name,
        version: Version::FIRST,
        create_time: stamp.now,
        update_time: stamp.now,
    };
    Change::created(tenant, stamp, Code::TenantCreated, About::default())
}
