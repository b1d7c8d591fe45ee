//! Requests of any kind, filled in by the names of their fields.

use std::collections::BTreeMap;

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    ReflectMessage as _, Value,
};

/// The contract, with all that can be known of its messages.
pub(super) fn pool() -> DescriptorPool {
    DescriptorPool::decode(pim_proto::FILE_DESCRIPTOR_SET).unwrap()
}

/// An RPC with its messages.
pub(super) fn method(pool: &DescriptorPool, path: &str) -> MethodDescriptor {
    let (service, name) = path.trim_start_matches('/').split_once('/').unwrap();
    let service = pool.get_service_by_name(service).unwrap();
    service.methods().find(|method| method.name() == name).unwrap()
}

/// The paths of all text fields of a message, within others too: `items.role_id`.
pub(super) fn texts(message: &MessageDescriptor) -> Vec<String> {
    let mut all = Vec::new();
    for field in message.fields() {
        match field.kind() {
            Kind::String => all.push(field.name().to_owned()),
            Kind::Message(inner) if ours(&inner) => {
                all.extend(texts(&inner).iter().map(|path| format!("{}.{path}", field.name())));
            }
            _ => {}
        }
    }
    all
}

fn ours(message: &MessageDescriptor) -> bool {
    message.full_name().starts_with("pim.")
}

/// A request with something in every field, and of each `oneof` the field that leads to `chosen`,
/// or its first. `texts` has what text fields hold, by their names; others are left empty.
pub(super) struct Filler<'a> {
    pub(super) texts: &'a BTreeMap<&'static str, String>,
    pub(super) now: i64,
    /// The path of a field, and what it shall hold.
    pub(super) chosen: Option<(&'a str, &'a str)>,
}

impl Filler<'_> {
    pub(super) fn fill(&self, message: &MessageDescriptor) -> DynamicMessage {
        self.message(message, "")
    }

    fn message(&self, descriptor: &MessageDescriptor, above: &str) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in descriptor.fields() {
            let path = format!("{above}{}", field.name());
            if !self.is_wanted(&field, above) {
                continue;
            }
            let Some(value) = self.value(&field, &path) else { continue };
            let value = if field.is_list() { Value::List(vec![value]) } else { value };
            message.set_field(&field, value);
        }
        message
    }

    /// Of a `oneof` one field alone is set.
    fn is_wanted(&self, field: &FieldDescriptor, above: &str) -> bool {
        let Some(oneof) = field.containing_oneof() else { return true };
        let leads = |one: &FieldDescriptor| {
            let path = format!("{above}{}", one.name());
            self.chosen.is_some_and(|(chosen, _)| {
                chosen == path || chosen.starts_with(&format!("{path}."))
            })
        };
        let fields: Vec<FieldDescriptor> = oneof.fields().collect();
        let wanted = fields.iter().find(|one| leads(one)).or_else(|| fields.first());
        wanted.is_some_and(|wanted| wanted == field)
    }

    fn value(&self, field: &FieldDescriptor, path: &str) -> Option<Value> {
        // What is asked of a group is asked without a scope.
        if field.name() == "scope" && self.chosen.is_some_and(|(chosen, _)| chosen == "group_id") {
            return None;
        }
        Some(match field.kind() {
            Kind::String => {
                let chosen = self.chosen.filter(|(chosen, _)| *chosen == path);
                let text = match chosen {
                    Some((_, value)) => value.to_owned(),
                    None => self.texts.get(field.name())?.clone(),
                };
                Value::String(text)
            }
            Kind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => {
                // An end lies after a start, and what is asked of the past lies in it.
                let offset = match field.name() {
                    name if name.starts_with("end") => 7_200,
                    "at" => return None,
                    name if name.contains("until") || name.contains("before") => 7_200,
                    _ => 0,
                };
                let mut time = DynamicMessage::new(inner);
                time.set_field_by_name("seconds", Value::I64(self.now + offset));
                Value::Message(time)
            }
            Kind::Message(inner) if inner.full_name() == "google.protobuf.Duration" => {
                let mut length = DynamicMessage::new(inner);
                let seconds = if field.name() == "lifetime" { 60 } else { 3_600 };
                length.set_field_by_name("seconds", Value::I64(seconds));
                Value::Message(length)
            }
            Kind::Message(inner) if ours(&inner) => {
                Value::Message(self.message(&inner, &format!("{path}.")))
            }
            Kind::Enum(_) => Value::EnumNumber(1),
            _ => return None,
        })
    }
}

/// What an answer says, field by field, without what differs each time: ids, times, positions.
pub(super) fn said(message: &DynamicMessage) -> Vec<String> {
    let mut all = Vec::new();
    say(message, "", &mut all);
    all
}

fn say(message: &DynamicMessage, above: &str, all: &mut Vec<String>) {
    for (field, value) in message.fields() {
        let path = format!("{above}{}", field.name());
        let values = match value {
            Value::List(values) => values.clone(),
            value => vec![value.clone()],
        };
        for value in &values {
            match value {
                Value::Message(inner) if inner.descriptor().full_name().contains("Timestamp") => {}
                Value::Message(inner) => say(inner, &format!("{path}."), all),
                Value::String(_) if VARYING.contains(&field.name()) => {}
                Value::String(text) => all.push(format!("{path}: {}", without_ids(text))),
                Value::Bytes(_) => {}
                other => all.push(format!("{path}: {other:?}")),
            }
        }
    }
}

const VARYING: [&str; 6] =
    ["revision", "etag", "next_page_token", "position", "token", "correlation_id"];

/// The same text with a mark in place of each UUID.
pub(super) fn without_ids(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(Some('\n')) {
        if is_part(c) {
            word.push(c);
            continue;
        }
        let is_id = word.len() == 36 && uuid::Uuid::try_parse(&word).is_ok();
        out.push_str(if is_id { "(id)" } else { &word });
        word.clear();
        out.push(c);
    }
    out.pop();
    out
}
