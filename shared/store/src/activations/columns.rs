//! The state of an activation as columns, and back.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Ending, Extension, Held, Length, Request, State},
    authority::SignIn,
    change::Version,
    condition::Signals,
    denial::Rule,
    justification::Justification,
    text::Ticket,
};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::extensions::ExtensionRow;
use crate::{StoreError, row};

pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) principal_id: Uuid,
    pub(super) role_id: Uuid,
    pub(super) scope: String,
    pub(super) eligibility_id: Uuid,
    pub(super) membership_ids: Vec<Uuid>,
    pub(super) requested_start_time: Option<DateTime<Utc>>,
    pub(super) requested_duration: Option<i64>,
    pub(super) requested_end_time: Option<DateTime<Utc>>,
    pub(super) justification: Json<Justification>,
    pub(super) ticket_number: Option<String>,
    pub(super) ticket_system: Option<String>,
    pub(super) mfa: bool,
    pub(super) auth_time: Option<DateTime<Utc>>,
    pub(super) authentication_contexts: Vec<String>,
    pub(super) signals: Json<Signals>,
    pub(super) used_authentications: Vec<DateTime<Utc>>,
    pub(super) shortened_duration: Option<i64>,
    pub(super) policy_revision: i64,
    pub(super) state: String,
    pub(super) expire_time: Option<DateTime<Utc>>,
    pub(super) start_time: Option<DateTime<Utc>>,
    pub(super) end_time: Option<DateTime<Utc>>,
    pub(super) truncated: Option<bool>,
    pub(super) ended_time: Option<DateTime<Utc>>,
    pub(super) ending: Option<String>,
    pub(super) void_rules: Option<Vec<String>>,
    pub(super) version: i64,
    pub(super) create_time: DateTime<Utc>,
    pub(super) update_time: DateTime<Utc>,
    pub(super) extension: Option<Json<ExtensionRow>>,
}

pub(super) fn asked(micros: Option<i64>, end: Option<DateTime<Utc>>) -> Result<Length, StoreError> {
    match (micros, end) {
        (Some(micros), None) => Ok(Length::Duration(TimeDelta::microseconds(micros))),
        (None, Some(end)) => Ok(Length::Until(end)),
        _ => Err(half("length")),
    }
}

impl TryFrom<Row> for Activation {
    type Error = StoreError;

    fn try_from(mut row: Row) -> Result<Self, StoreError> {
        let extension = row.extension.take().map(|Json(row)| row.try_into()).transpose()?;
        let state = state(&row, extension)?;
        Ok(Activation {
            id: row.id.into(),
            principal: row.principal_id.into(),
            role: row.role_id.into(),
            scope: row::scope(&row.scope)?,
            eligibility: row.eligibility_id.into(),
            memberships: row.membership_ids,
            request: Request {
                start: row.requested_start_time,
                length: asked(row.requested_duration, row.requested_end_time)?,
                justification: row.justification.0,
                ticket: row::ticket(row.ticket_number, row.ticket_system),
                sign_in: SignIn {
                    mfa: row.mfa,
                    time: row.auth_time,
                    contexts: row.authentication_contexts,
                    signals: row.signals.0,
                },
            },
            used_authentications: row.used_authentications.into_iter().collect(),
            shortened: row.shortened_duration.map(TimeDelta::microseconds),
            policy_revision: row.policy_revision,
            state,
            version: Version(row.version),
            create_time: row.create_time,
            update_time: row.update_time,
        })
    }
}

fn state(row: &Row, extension: Option<Extension>) -> Result<State, StoreError> {
    let held = match (row.start_time, row.end_time, row.truncated) {
        (Some(start), Some(end), Some(truncated)) => Some(Held { start, end, truncated }),
        _ => None,
    };
    match row.state.as_str() {
        "PENDING_APPROVAL" => {
            let expire_time = row.expire_time.ok_or_else(|| half("expire_time"))?;
            Ok(State::PendingApproval { expire_time })
        }
        "SCHEDULED" => {
            let start = row.start_time.ok_or_else(|| half("start_time"))?;
            Ok(State::Scheduled { start })
        }
        "ACTIVE" => {
            let held = held.ok_or_else(|| half("end_time"))?;
            Ok(State::Active { held, extension })
        }
        "ENDED" => {
            let at = row.ended_time.ok_or_else(|| half("ended_time"))?;
            Ok(State::Ended { at, ending: ending(row)?, held })
        }
        other => Err(StoreError::corrupt("activation", format!("state {other:?}"))),
    }
}

fn ending(row: &Row) -> Result<Ending, StoreError> {
    let rules = match &row.void_rules {
        Some(rules) => rules.iter().map(|rule| self::rule(rule)).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    match row.ending.as_deref() {
        Some("denied") => Ok(Ending::Denied),
        Some("timed_out") => Ok(Ending::TimedOut),
        Some("canceled") => Ok(Ending::Canceled),
        Some("void") => Ok(Ending::Void { rules }),
        Some("expired") => Ok(Ending::Expired),
        Some("deactivated") => Ok(Ending::Deactivated),
        Some("revoked") => Ok(Ending::Revoked),
        other => Err(StoreError::corrupt("activation", format!("ending {other:?}"))),
    }
}

fn rule(text: &str) -> Result<Rule, StoreError> {
    serde_json::from_value(Value::String(text.to_owned()))
        .map_err(|error| StoreError::corrupt("rule", error))
}

fn half(column: &'static str) -> StoreError {
    StoreError::corrupt("activation", format!("half a state: no {column}"))
}

/// What is written of the variants of a request and a state.
pub(crate) struct Columns {
    pub(crate) requested_duration: Option<i64>,
    pub(crate) requested_end_time: Option<DateTime<Utc>>,
    pub(crate) ticket_number: Option<String>,
    pub(crate) ticket_system: Option<String>,
    pub(crate) shortened_duration: Option<i64>,
    pub(crate) expire_time: Option<DateTime<Utc>>,
    pub(crate) start_time: Option<DateTime<Utc>>,
    pub(crate) end_time: Option<DateTime<Utc>>,
    pub(crate) truncated: Option<bool>,
    pub(crate) ended_time: Option<DateTime<Utc>>,
    pub(crate) ending: Option<&'static str>,
    pub(crate) void_rules: Option<Vec<String>>,
    pub(crate) extension_id: Option<Uuid>,
}

impl Columns {
    pub(crate) fn of(activation: &Activation) -> Result<Self, StoreError> {
        let (requested_duration, requested_end_time) = length(activation.request.length)?;
        let (ticket_number, ticket_system) = ticket(activation.request.ticket.as_ref());
        let (expire_time, booked, held, ended) = match &activation.state {
            State::PendingApproval { expire_time } => (Some(*expire_time), None, None, None),
            State::Scheduled { start } => (None, Some(*start), None, None),
            State::Active { held, .. } => (None, None, Some(*held), None),
            State::Ended { at, ending, held } => (None, None, *held, Some((*at, ending))),
        };
        let extension_id = match &activation.state {
            State::Active { extension: Some(extension), .. } => Some(extension.id.uuid()),
            State::Active { extension: None, .. }
            | State::PendingApproval { .. }
            | State::Scheduled { .. }
            | State::Ended { .. } => None,
        };
        let void_rules = match ended {
            Some((_, Ending::Void { rules })) => {
                Some(rules.iter().map(|rule| rule.as_str().to_owned()).collect())
            }
            _ => None,
        };
        Ok(Self {
            requested_duration,
            requested_end_time,
            ticket_number,
            ticket_system,
            shortened_duration: activation.shortened.map(row::micros).transpose()?,
            expire_time,
            start_time: booked.or(held.map(|held| held.start)),
            end_time: held.map(|held| held.end),
            truncated: held.map(|held| held.truncated),
            ended_time: ended.map(|(at, _)| at),
            ending: ended.map(|(_, ending)| ending.as_str()),
            void_rules,
            extension_id,
        })
    }
}

/// A length as the columns of a duration and of an end.
pub(crate) fn length(length: Length) -> Result<(Option<i64>, Option<DateTime<Utc>>), StoreError> {
    match length {
        Length::Duration(duration) => Ok((Some(row::micros(duration)?), None)),
        Length::Until(end) => Ok((None, Some(end))),
    }
}

pub(crate) fn ticket(ticket: Option<&Ticket>) -> (Option<String>, Option<String>) {
    ticket.cloned().map(|ticket| (ticket.number, ticket.system)).unzip()
}
