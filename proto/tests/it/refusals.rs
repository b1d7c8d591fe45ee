//! Every field of every request refuses what is bad for its type, and says so by its path.
//! Fields are found in the descriptor; a bad value is appended to a good message, where the last
//! value of a field wins.

use std::collections::HashMap;

use prost::{
    Message as _,
    encoding::{WireType, encode_key, encode_varint, int32, int64, string},
};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, Timestamp,
    field_descriptor_proto::{Label, Type},
};

use crate::{
    descriptor::messages,
    good::batch::items,
    requests::{Shape, all},
};

/// One way to spoil a request.
struct Spoiled {
    /// The field's path as it should be named in the refusal.
    path: String,
    /// The path of the list in which it is: named instead where the whole entry is refused.
    list: Option<String>,
    /// To be appended to a good message.
    bytes: Vec<u8>,
}

fn nested(tag: u32, inner: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(tag, WireType::LengthDelimited, &mut bytes);
    encode_varint(inner.len().try_into().unwrap(), &mut bytes);
    bytes.extend(inner);
    bytes
}

fn text(tag: u32, value: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    string::encode(tag, &value.to_owned(), &mut bytes);
    bytes
}

fn number(tag: u32, value: i32) -> Vec<u8> {
    let mut bytes = Vec::new();
    int32::encode(tag, &value, &mut bytes);
    bytes
}

/// What no field of this name and type may take.
fn bad_values(field: &FieldDescriptorProto) -> Vec<Vec<u8>> {
    let tag = field.number().try_into().unwrap();
    match field.r#type() {
        Type::String => {
            let mut bad = vec![text(tag, "a\0b"), text(tag, &"x".repeat(5_000))];
            // An actor may be a service's name.
            let is_id = field.name().ends_with("_id") || field.name().ends_with("_ids");
            if is_id && field.name() != "actor_id" {
                bad.push(text(tag, "not-a-uuid"));
                bad.push(text(tag, "0198c0de00007000800000000000000a"));
                bad.push(text(tag, "{0198c0de-0000-7000-8000-00000000000a}"));
            }
            if field.name() == "scope" {
                bad.extend(
                    ["subscriptions/a", "/planets/mars", "/subscriptions/a/"]
                        .map(|scope| text(tag, scope)),
                );
            }
            if ["justification", "display_name", "number", "system"].contains(&field.name()) {
                bad.push(text(tag, "a\u{202e}b"));
            }
            bad
        }
        Type::Enum => vec![number(tag, 99), number(tag, -1)],
        Type::Int32 | Type::Int64 => vec![number(tag, -1)],
        Type::Message if field.type_name() == ".google.protobuf.Timestamp" => {
            let bad = [(i64::MAX, 1), (253_402_300_800, 0), (1, -1), (1, 1_000_000_000)];
            bad.map(|(seconds, nanos)| nested(tag, &Timestamp { seconds, nanos }.encode_to_vec()))
                .to_vec()
        }
        Type::Message if field.type_name() == ".google.protobuf.Duration" => {
            let mut bad = vec![(-1, 0), (1, -1), (1, 1_000_000_000), (i64::MAX, 1)];
            // Any age may be too old, any state not new enough; no other length may be none.
            if !["mfa_max_age", "auth_age", "max_staleness"].contains(&field.name()) {
                bad.push((0, 999));
            }
            // Both fields are written out, so that neither of the good message is left.
            let written = bad.into_iter().map(|(seconds, nanos)| {
                let mut inner = Vec::new();
                int64::encode(1, &seconds, &mut inner);
                int32::encode(2, &nanos, &mut inner);
                nested(tag, &inner)
            });
            written.collect()
        }
        _ => Vec::new(),
    }
}

fn spoil(message: &DescriptorProto, known: &HashMap<String, DescriptorProto>) -> Vec<Spoiled> {
    let mut all = Vec::new();
    for field in &message.field {
        let path = field.name().to_owned();
        let spoiled = bad_values(field);
        let spoiled = spoiled.into_iter();
        all.extend(spoiled.map(|bytes| Spoiled { path: path.clone(), list: None, bytes }));
        // Each item of a batch is read, and here spoiled, by itself.
        let is_item = field.name() == "items";
        let Some(inner) = known.get(field.type_name()).filter(|_| !is_item) else { continue };
        for Spoiled { path: below, list, bytes } in spoil(inner, known) {
            // One entry too many is named as such.
            let repeated = field.label() == Label::Repeated;
            let list = match list {
                Some(list) => Some(format!("{path}.{list}")),
                None => repeated.then(|| path.clone()),
            };
            let path = format!("{path}.{below}");
            let bytes = nested(field.number().try_into().unwrap(), &bytes);
            all.push(Spoiled { path, list, bytes });
        }
    }
    all
}

/// `reset_rules[1]` as `reset_rules`.
fn without_index(path: &str) -> String {
    let mut parts = path.split('[');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |path, part| path + part.split(']').nth(1).unwrap())
}

fn refuses(shape: &Shape, spoiled: &Spoiled) {
    let bytes: Vec<u8> = shape.good.iter().chain(&spoiled.bytes).copied().collect();
    let read = (shape.read)(&bytes).unwrap();
    let name = shape.name;
    let Err(violation) = read else { panic!("{name}.{}: {:x?}", spoiled.path, spoiled.bytes) };
    let named = without_index(&violation.path);
    let named_as = [Some(&spoiled.path), spoiled.list.as_ref()];
    assert!(named_as.contains(&Some(&named)), "{name}.{}: {violation}", spoiled.path);
    assert!(violation.description.len() < 1_000, "{name}: {violation}");
    assert!(!violation.description.contains('\0'), "{name}: {violation}");
}

#[test]
fn every_field_of_every_request_refuses_what_is_bad() {
    let known = messages();
    let mut count = 0;
    let named = all().into_iter().map(|shape| {
        let suffix = format!(".{}", shape.name);
        (known.keys().find(|name| name.ends_with(&suffix)).unwrap().as_str(), shape)
    });
    for (name, shape) in named.chain(items()) {
        for spoiled in spoil(&known[name], &known) {
            refuses(&shape, &spoiled);
            count += 1;
        }
    }
    assert!(count > 400, "{count}");
}
