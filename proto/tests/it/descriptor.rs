//! The descriptor, as flat lists.

use std::collections::HashMap;

use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet, MethodDescriptorProto, field_descriptor_proto::Type,
};

/// The files of the contract itself, without what Google ships.
pub(crate) fn files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(pim_proto::FILE_DESCRIPTOR_SET).unwrap();
    set.file.into_iter().filter(|file| file.package().starts_with("pim.")).collect()
}

/// Every RPC, with its package.
pub(crate) fn methods() -> Vec<(String, MethodDescriptorProto)> {
    let mut all = Vec::new();
    for file in files() {
        for service in &file.service {
            all.extend(service.method.iter().map(|one| (file.package().to_owned(), one.clone())));
        }
    }
    all
}

/// Every message, by its full name, those within others too.
pub(crate) fn messages() -> HashMap<String, DescriptorProto> {
    let mut all = HashMap::new();
    for file in files() {
        for message in &file.message_type {
            insert(&format!(".{}", file.package()), message, &mut all);
        }
    }
    all
}

fn insert(parent: &str, message: &DescriptorProto, all: &mut HashMap<String, DescriptorProto>) {
    let name = format!("{parent}.{}", message.name());
    for inner in &message.nested_type {
        insert(&name, inner, all);
    }
    all.insert(name, message.clone());
}

/// Every enum.
pub(crate) fn enums() -> Vec<EnumDescriptorProto> {
    files().into_iter().flat_map(|file| file.enum_type).collect()
}

/// The names of all RPCs with `suffix`, in order.
pub(crate) fn method_names(suffix: &str) -> Vec<String> {
    let mut all: Vec<_> =
        methods().iter().map(|(_, one)| format!("{}{suffix}", one.name())).collect();
    all.sort();
    all
}

/// The names of a message's fields.
pub(crate) fn field_names(message: &DescriptorProto) -> Vec<&str> {
    message.field.iter().map(FieldDescriptorProto::name).collect()
}

/// Whether the field is a message of this full name.
pub(crate) fn is_a(field: &FieldDescriptorProto, name: &str) -> bool {
    field.r#type() == Type::Message && field.type_name() == name
}
