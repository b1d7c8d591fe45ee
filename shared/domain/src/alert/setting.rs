//! What a tenant has set of a kind of alert.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AlertKind, Measure};
use crate::{
    change::{Change, Thing, Version},
    denial::{Denial, FieldError, Reason},
    event::{About, Code, Stamp, ThingKind},
    id::{AlertSettingId, TenantId},
};

/// What is set of one kind, as it is stored. Where nobody has set anything it has version 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Made of tenant and kind: a kind has one, from the start.
    pub id: AlertSettingId,
    /// Of which kind.
    pub kind: AlertKind,
    /// Whether it is looked for at all.
    pub is_enabled: bool,
    /// Counts its changes.
    pub version: Version,
    /// When something was first set.
    pub create_time: DateTime<Utc>,
    /// When something was last set.
    pub update_time: DateTime<Utc>,
    /// What is set, by parameter. Flat, so that the log shows each for itself.
    #[serde(flatten)]
    pub parameters: BTreeMap<String, i64>,
}

impl Setting {
    /// The setting that nobody has touched.
    #[must_use]
    pub fn untouched(tenant: TenantId, kind: AlertKind) -> Self {
        Self {
            id: Uuid::new_v5(&tenant.uuid(), kind.as_str().as_bytes()).into(),
            kind,
            is_enabled: true,
            version: Version(0),
            create_time: DateTime::UNIX_EPOCH,
            update_time: DateTime::UNIX_EPOCH,
            parameters: BTreeMap::new(),
        }
    }

    /// The value of a parameter: what is set, else its default; 0 where the kind has none.
    #[must_use]
    pub fn value(&self, measure: Measure) -> i64 {
        let parameter = self.kind.parameters().iter().find(|one| one.measure == measure);
        parameter.map_or(0, |one| self.parameters.get(one.name).copied().unwrap_or(one.default))
    }

    /// Since when what has happened counts, or has not happened; the present where the kind does
    /// not look back.
    #[must_use]
    pub fn since(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - TimeDelta::days(self.value(Measure::Days))
            - TimeDelta::hours(self.value(Measure::Hours))
            - TimeDelta::seconds(self.value(Measure::Seconds))
    }
}

impl Thing for Setting {
    const KIND: ThingKind = ThingKind::AlertSetting;

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// A value for a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// Of which.
    pub name: String,
    /// In the unit that its name ends with.
    pub value: i64,
}

/// A wish to change what is set of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Of which kind.
    pub kind: AlertKind,
    /// Of the setting as the caller read it.
    pub etag: String,
    /// Absent: stays.
    pub is_enabled: Option<bool>,
    /// Those that are not named stay.
    pub parameters: Vec<Given>,
}

/// The setting with the update in it.
///
/// # Errors
/// `ETAG_MISMATCH`; `INVALID_FIELD` for a parameter that the kind does not have, that is named
/// twice, or whose value is out of its range.
pub fn update(before: &Setting, wish: Update, stamp: &Stamp) -> Result<Change<Setting>, Denial> {
    let refuse = |reason| Err(Denial::new(reason).of(ThingKind::AlertSetting, before.id.uuid()));
    let current = before.version.etag();
    if wish.etag != current {
        return refuse(Reason::EtagMismatch { current });
    }
    let errors = errors(before.kind, &wish.parameters);
    if !errors.is_empty() {
        return refuse(Reason::Invalid(errors));
    }
    let is_new = before.version == Version(0);
    let mut after = Setting {
        is_enabled: wish.is_enabled.unwrap_or(before.is_enabled),
        version: before.version.next(),
        create_time: if is_new { stamp.now } else { before.create_time },
        update_time: stamp.now,
        ..before.clone()
    };
    after.parameters.extend(wish.parameters.into_iter().map(|given| (given.name, given.value)));
    let code = match (before.is_enabled, after.is_enabled) {
        (false, true) => Code::AlertEnabled,
        (true, false) => Code::AlertDisabled,
        (true, true) | (false, false) => Code::AlertUpdated,
    };
    Ok(if is_new {
        Change::created(after, stamp, code, About::default())
    } else {
        Change::updated(before, after, stamp, code, About::default())
    })
}

fn errors(kind: AlertKind, given: &[Given]) -> Vec<FieldError> {
    let mut seen = BTreeSet::new();
    let wrong = given.iter().enumerate().filter_map(|(place, Given { name, value })| {
        let Some(known) = kind.parameters().iter().find(|one| one.name == name) else {
            let names: Vec<&str> = kind.parameters().iter().map(|one| one.name).collect();
            let description = if names.is_empty() {
                format!("{} has no parameters", kind.as_str())
            } else {
                format!("must be one of {}", names.join(", "))
            };
            return Some(error(place, "name", description));
        };
        if !seen.insert(known.name) {
            return Some(error(
                place,
                "name",
                format!("must be named once; {name} is there twice"),
            ));
        }
        let (least, most) = (known.least, known.most);
        (*value < least || *value > most).then(|| {
            let description = format!("must be from {least} to {most}; it is {value}");
            error(place, "value", description)
        })
    });
    wrong.collect()
}

fn error(place: usize, field: &str, description: String) -> FieldError {
    FieldError { field: format!("parameters[{place}].{field}"), description }
}
