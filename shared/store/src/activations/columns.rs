//! The state of an activation as columns, and back.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Ending, Held, Length, Request, State},
    change::Version,
    denial::Rule,
};
use serde_json::Value;
use uuid::Uuid;

use crate::{StoreError, row};

pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) principal_id: Uuid,
    pub(super) role_id: Uuid,
    pub(super) scope: String,
    pub(super) eligibility_id: Uuid,
    pub(super) requested_start_time: Option<DateTime<Utc>>,
    pub(super) requested_duration: Option<i64>,
    pub(super) requested_end_time: Option<DateTime<Utc>>,
    pub(super) justification: String,
    pub(super) ticket_number: Option<String>,
    pub(super) ticket_system: Option<String>,
    pub(super) mfa: bool,
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
}

impl TryFrom<Row> for Activation {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let state = state(&row)?;
        let length = match (row.requested_duration, row.requested_end_time) {
            (Some(micros), None) => Length::Duration(TimeDelta::microseconds(micros)),
            (None, Some(end)) => Length::Until(end),
            _ => return Err(half("length")),
        };
        Ok(Activation {
            id: row.id.into(),
            principal: row.principal_id.into(),
            role: row.role_id.into(),
            scope: row::scope(&row.scope)?,
            eligibility: row.eligibility_id.into(),
            request: Request {
                start: row.requested_start_time,
                length,
                justification: row.justification,
                ticket: row::ticket(row.ticket_number, row.ticket_system),
                mfa: row.mfa,
            },
            policy_revision: row.policy_revision,
            state,
            version: Version(row.version),
            create_time: row.create_time,
            update_time: row.update_time,
        })
    }
}

fn state(row: &Row) -> Result<State, StoreError> {
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
        "ACTIVE" => held.map(State::Active).ok_or_else(|| half("end_time")),
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
pub(super) struct Columns {
    pub(super) requested_duration: Option<i64>,
    pub(super) requested_end_time: Option<DateTime<Utc>>,
    pub(super) ticket_number: Option<String>,
    pub(super) ticket_system: Option<String>,
    pub(super) expire_time: Option<DateTime<Utc>>,
    pub(super) start_time: Option<DateTime<Utc>>,
    pub(super) end_time: Option<DateTime<Utc>>,
    pub(super) truncated: Option<bool>,
    pub(super) ended_time: Option<DateTime<Utc>>,
    pub(super) ending: Option<&'static str>,
    pub(super) void_rules: Option<Vec<String>>,
}

impl Columns {
    pub(super) fn of(activation: &Activation) -> Result<Self, StoreError> {
        let (requested_duration, requested_end_time) = match activation.request.length {
            Length::Duration(duration) => (Some(row::micros(duration)?), None),
            Length::Until(end) => (None, Some(end)),
        };
        let (ticket_number, ticket_system) =
            activation.request.ticket.clone().map(|ticket| (ticket.number, ticket.system)).unzip();
        let (expire_time, booked, held, ended) = match &activation.state {
            State::PendingApproval { expire_time } => (Some(*expire_time), None, None, None),
            State::Scheduled { start } => (None, Some(*start), None, None),
            State::Active(held) => (None, None, Some(*held), None),
            State::Ended { at, ending, held } => (None, None, *held, Some((*at, ending))),
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
            expire_time,
            start_time: booked.or(held.map(|held| held.start)),
            end_time: held.map(|held| held.end),
            truncated: held.map(|held| held.truncated),
            ended_time: ended.map(|(at, _)| at),
            ending: ended.map(|(_, ending)| ending.as_str()),
            void_rules,
        })
    }
}
