//! Messages of whatever the contract says that there is, on the wire: with values that could be
//! right, values at the ends of their ranges, and bytes that are no message.

use std::collections::HashMap;

use prost::{
    Message as _,
    encoding::{WireType, encode_key, encode_varint},
};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet, field_descriptor_proto::Type,
};

use super::Dice;

/// Messages within messages, at most.
const DEPTH_MAX: usize = 5;

const NUMBERS: [i64; 12] = [
    0,
    1,
    2,
    3,
    50,
    3_600,
    -1,
    1_767_614_400,
    253_402_300_799,
    i32::MAX as i64,
    i64::MAX,
    i64::MIN,
];
const TEXTS: [&str; 14] = [
    "",
    "a",
    "/",
    "/subscriptions/a",
    "/groups/x",
    "a/b",
    "*/read",
    "PT1H",
    "\u{0}",
    "\u{202e}x",
    "' or 1=1 --",
    "null",
    "2026-01-01T00:00:00Z",
    "1",
];

/// Every message of the contract, by its full name.
pub(super) struct Messages(HashMap<String, DescriptorProto>);

impl Messages {
    pub(super) fn read() -> Self {
        let set = FileDescriptorSet::decode(pim_proto::FILE_DESCRIPTOR_SET).unwrap();
        let mut all = HashMap::new();
        for file in set.file {
            for message in &file.message_type {
                insert(&mut all, &format!(".{}", file.package()), message);
            }
        }
        Self(all)
    }

    /// One of the message `name`, with what is known in `ids`.
    pub(super) fn write(&self, dice: &mut Dice, name: &str, ids: &[String]) -> Vec<u8> {
        let bytes = self.message(dice, name, ids, DEPTH_MAX);
        if dice.roll(3) == 0 { dice.mutate(bytes, &[]) } else { bytes }
    }

    fn message(&self, dice: &mut Dice, name: &str, ids: &[String], depth: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Some(message) = self.0.get(name).filter(|_| depth > 0) else { return bytes };
        for field in &message.field {
            // Of what may be repeated several, of all else mostly one.
            let count = if is_repeated(field) { dice.roll(4) } else { dice.roll(4).min(1) };
            for _ in 0..count {
                self.field(dice, field, ids, depth, &mut bytes);
            }
        }
        bytes
    }

    fn field(
        &self,
        dice: &mut Dice,
        field: &FieldDescriptorProto,
        ids: &[String],
        depth: usize,
        to: &mut Vec<u8>,
    ) {
        let number = u32::try_from(field.number()).unwrap();
        let of_bytes = match field.r#type() {
            Type::Message => self.message(dice, field.type_name(), ids, depth - 1),
            Type::String | Type::Bytes => text(dice, ids),
            _ => {
                let value = if dice.roll(8) == 0 {
                    *dice.pick(&NUMBERS)
                } else {
                    i64::try_from(dice.roll(4)).unwrap()
                };
                encode_key(number, WireType::Varint, to);
                return encode_varint(value.cast_unsigned(), to);
            }
        };
        encode_key(number, WireType::LengthDelimited, to);
        encode_varint(of_bytes.len() as u64, to);
        to.extend(of_bytes);
    }
}

fn insert(all: &mut HashMap<String, DescriptorProto>, within: &str, message: &DescriptorProto) {
    let name = format!("{within}.{}", message.name());
    for nested in &message.nested_type {
        insert(all, &name, nested);
    }
    all.insert(name, message.clone());
}

fn is_repeated(field: &FieldDescriptorProto) -> bool {
    field.label() == prost_types::field_descriptor_proto::Label::Repeated
}

fn text(dice: &mut Dice, ids: &[String]) -> Vec<u8> {
    match dice.roll(16) {
        0 => "x".repeat(dice.roll(5_000)).into_bytes(),
        1 => dice.text(&TEXTS, &TEXTS).into_bytes(),
        2..5 => dice.pick(&TEXTS).as_bytes().to_vec(),
        _ => dice.pick(ids).clone().into_bytes(),
    }
}
