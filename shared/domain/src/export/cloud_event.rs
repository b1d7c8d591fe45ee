//! CloudEvents 1.0, JSON event format.

use serde::Serialize;
use serde_json::Value;

use super::{Entry, instant};
use crate::{event::Code, id::EventId};

#[derive(Debug, Serialize)]
pub(super) struct CloudEvent {
    specversion: &'static str,
    id: EventId,
    source: String,
    #[serde(rename = "type")]
    code: Code,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    datacontenttype: &'static str,
    data: Value,
}

impl CloudEvent {
    pub(super) fn new(entry: &Entry) -> Result<Self, serde_json::Error> {
        let event = entry.event()?;
        Ok(Self {
            specversion: "1.0",
            id: entry.id,
            source: format!("/tenants/{}", entry.tenant),
            code: event.code,
            time: instant(event.time),
            subject: event.thing.map(|thing| format!("{}/{}", thing.kind.as_str(), thing.id)),
            datacontenttype: "application/json",
            data: entry.value()?,
        })
    }
}
