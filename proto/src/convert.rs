//! Wire to call, answer to wire: one file a service, and here what they share. Boring on purpose:
//! nothing is decided here but whether a field can be read.

mod access;
mod activation;
mod alert;
mod approval;
mod assignment;
mod audit;
mod batch;
mod caller;
mod condition;
mod directory;
mod group;
mod log;
mod policy;
mod role;
mod role_token;
mod scheduler;
mod scope;
mod tenant;

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    authority::{Action, Conferred, Realm},
    role::Catalog,
    text::Ticket,
};
use prost_types::{Duration, Timestamp};

use crate::{
    call::{List, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, PageRequest, Write},
    field::{self, FieldViolation},
    r#type::v1,
};

/// A command with what goes with every write.
fn write<C>(command: C, request_id: &str, validate_only: bool) -> Result<Write<C>, FieldViolation> {
    let request_id = field::optional_uuid(request_id, "request_id")?;
    Ok(Write { command, request_id, validate_only })
}

/// A filter with what goes with every list.
fn list<F>(filter: F, page_size: i32, page_token: String) -> Result<List<F>, FieldViolation> {
    let size = u32::try_from(page_size).map_err(|_| {
        let description =
            format!("must be from 0, which means {PAGE_SIZE_DEFAULT}; it is {page_size}");
        FieldViolation::new("page_size", description)
    })?;
    let size = if size == 0 { PAGE_SIZE_DEFAULT } else { size.min(PAGE_SIZE_MAX) };
    let token = field::opaque(page_token, "page_token", field::TOKEN_BYTES_MAX)?;
    Ok(List { filter, page: PageRequest { size, token } })
}

/// The value of an enum that a number stands for; an unknown one never reads as anything.
fn known<E: TryFrom<i32>>(number: i32, path: &str) -> Result<E, FieldViolation> {
    E::try_from(number).map_err(|_| {
        FieldViolation::new(path, format!("must be a value of its enum; it is {number}"))
    })
}

fn catalog(number: i32, path: &str) -> Result<Option<Catalog>, FieldViolation> {
    Ok(match known(number, path)? {
        v1::Catalog::Unspecified => None,
        v1::Catalog::Entra => Some(Catalog::Entra),
        v1::Catalog::Azure => Some(Catalog::Azure),
        v1::Catalog::Pim => Some(Catalog::Pim),
    })
}

fn wire_catalog(catalog: Catalog) -> v1::Catalog {
    match catalog {
        Catalog::Entra => v1::Catalog::Entra,
        Catalog::Azure => v1::Catalog::Azure,
        Catalog::Pim => v1::Catalog::Pim,
    }
}

/// The realms and actions of what a role confers, if it confers anything.
fn wire_conferred(conferred: Option<Conferred>) -> (Vec<i32>, Vec<String>) {
    let realm = |realm: Realm| match realm {
        Realm::Directory => v1::Realm::Directory.into(),
        Realm::Resources => v1::Realm::Resources.into(),
        Realm::Groups => v1::Realm::Groups.into(),
    };
    conferred.map_or_else(Default::default, |Conferred { realms, actions }| {
        let actions = actions.into_iter().map(Action::as_str);
        (realms.into_iter().map(realm).collect(), texts(actions))
    })
}

fn wire_ticket(ticket: Ticket) -> v1::Ticket {
    v1::Ticket { number: ticket.number, system: ticket.system }
}

fn wire_time(time: DateTime<Utc>) -> Timestamp {
    // A leap second is the end of the second before it.
    let nanos = time.timestamp_subsec_nanos().min(999_999_999);
    Timestamp { seconds: time.timestamp(), nanos: nanos.cast_signed() }
}

fn wire_duration(duration: TimeDelta) -> Duration {
    Duration { seconds: duration.num_seconds(), nanos: duration.subsec_nanos() }
}

/// A count for people, as large as the contract can say.
fn wire_count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}
