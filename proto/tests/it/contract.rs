//! What holds for every RPC and message.

use std::collections::HashSet;

use prost_types::FileDescriptorProto;

use crate::descriptor::{enums, field_names, files, is_a, messages, methods};

/// Called by other services only. The list may only shrink.
const INTERNAL: [&str; 10] = [
    "EndEligibility",
    "EndAssignment",
    "ResolveActivation",
    "StartActivation",
    "ExpireActivation",
    "VoidActivation",
    "OpenApproval",
    "CancelApproval",
    "TimeOutApproval",
    "TimeOutChangeRequest",
];

/// Called by who runs the installation, who is in no tenant. The list may only shrink.
const OPERATING: [&str; 2] = ["SetTenantPlan", "UnfreezeTenant"];

const CHANGING: [&str; 23] = [
    "BatchActivate",
    "BatchDecide",
    "Create",
    "Update",
    "Delete",
    "Extend",
    "Renew",
    "Remove",
    "Revoke",
    "Disable",
    "Enable",
    "Import",
    "Activate",
    "Extend",
    "Deactivate",
    "Cancel",
    "Approve",
    "Deny",
    "Dismiss",
    "Set",
    "Freeze",
    "Unfreeze",
    "Erase",
];

const READING: [&str; 11] = [
    "Test",
    "Get",
    "List",
    "Search",
    "Check",
    "BatchCheck",
    "Explain",
    "Export",
    "Tail",
    "Watch",
    "Issue",
];

/// Answered by what the process was told, and of no state. The list may only shrink.
const STATELESS: [&str; 1] = ["GetRoleTokenKeys"];

/// Lists that a rule of the domain keeps short, so that they come whole. The list may only shrink.
const WHOLE: [&str; 1] = ["ListPossibleApprovers"];

fn begins(name: &str, verbs: &[&str]) -> bool {
    verbs.iter().any(|verb| name.starts_with(verb))
}

#[test]
fn each_rpc_has_messages_of_its_own() {
    let mut seen = HashSet::new();
    for (package, method) in methods() {
        let name = method.name();
        assert_eq!(method.input_type(), format!(".{package}.{name}Request"));
        assert_eq!(method.output_type(), format!(".{package}.{name}Response"));
        assert!(seen.insert(name.to_owned()), "{name} is there twice");
    }
    assert!(!seen.is_empty());
}

#[test]
fn each_rpc_is_internal_or_reads_or_changes() {
    for (_, method) in methods() {
        let name = method.name();
        let ways = [
            INTERNAL.contains(&name),
            !INTERNAL.contains(&name) && begins(name, &CHANGING),
            begins(name, &READING),
        ];
        assert_eq!(ways.into_iter().filter(|way| *way).count(), 1, "{name}");
    }
}

#[test]
fn only_internal_requests_and_those_of_operators_name_a_tenant() {
    let messages = messages();
    for (_, method) in methods() {
        let request = &messages[method.input_type()];
        let names_tenant = field_names(request).contains(&"tenant_id");
        let may = INTERNAL.contains(&method.name()) || OPERATING.contains(&method.name());
        assert_eq!(names_tenant, may, "{}", method.name());
    }
}

#[test]
fn each_change_can_be_repeated_and_rehearsed() {
    let messages = messages();
    for (_, method) in methods() {
        let fields = field_names(&messages[method.input_type()]);
        let changes = begins(method.name(), &CHANGING) && !INTERNAL.contains(&method.name());
        for field in ["request_id", "validate_only"] {
            assert_eq!(fields.contains(&field), changes, "{}.{field}", method.name());
        }
    }
}

#[test]
fn each_list_comes_in_pages() {
    let messages = messages();
    for (_, method) in methods() {
        let whole = WHOLE.contains(&method.name());
        let listed = begins(method.name(), &["List", "Search"]) && !whole;
        let request = field_names(&messages[method.input_type()]);
        let response = field_names(&messages[method.output_type()]);
        for field in ["page_size", "page_token"] {
            assert_eq!(request.contains(&field), listed, "{}.{field}", method.name());
        }
        assert_eq!(response.contains(&"next_page_token"), listed, "{}", method.name());
    }
}

#[test]
fn each_answer_says_which_state_it_shows() {
    let messages = messages();
    for (_, method) in methods() {
        let fields = field_names(&messages[method.output_type()]);
        // A stream says where it stands instead.
        let field = if method.server_streaming() { "position" } else { "revision" };
        let stateless = STATELESS.contains(&method.name());
        assert_eq!(fields.contains(&field), !stateless, "{}", method.name());
    }
}

#[test]
fn updates_and_decisions_say_what_they_have_seen() {
    let messages = messages();
    for (_, method) in methods() {
        let seen = begins(method.name(), &["Update", "Delete", "Approve", "Deny", "Unfreeze"]);
        let etag = field_names(&messages[method.input_type()]).contains(&"etag");
        assert_eq!(etag, seen, "{}", method.name());
    }
}

#[test]
fn each_batch_answers_for_each_item_and_takes_the_fields_of_the_single_call() {
    let messages = messages();
    for (_, method) in methods().into_iter().filter(|(_, one)| one.name().starts_with("Batch")) {
        let (request, response) = (method.input_type(), method.output_type());
        // What only asks is as of one instant, and has nothing to be repeated.
        let (asked, answered): (&[&str], &[&str]) = if begins(method.name(), &READING) {
            (
                &["items", "consistency", "at"],
                &["results", "revision", "as_of_time", "max_clock_error"],
            )
        } else {
            (&["items", "request_id", "validate_only"], &["results", "revision"])
        };
        assert_eq!(field_names(&messages[request]), asked, "{request}");
        assert_eq!(field_names(&messages[response]), answered, "{response}");
        let result = &messages[&format!("{response}.Result")];
        assert_eq!(result.oneof_decl.len(), 1, "{response}");
        assert!(result.field.iter().any(|field| is_a(field, ".google.rpc.Status")), "{response}");
    }
    // A rule of the one is a rule of the other.
    for (single, batch) in [
        (".pim.activation.v1.ActivateRoleRequest", ".pim.activation.v1.BatchActivateRolesRequest"),
        (".pim.access.v1.CheckAccessRequest", ".pim.access.v1.BatchCheckAccessRequest"),
    ] {
        let item = &messages[&format!("{batch}.Item")];
        let of_the_call = ["request_id", "validate_only", "consistency", "at"];
        let fields = messages[single].field.iter();
        let expected: Vec<_> =
            fields.filter(|field| !of_the_call.contains(&field.name())).collect();
        assert_eq!(item.field.iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn enums_begin_with_unspecified() {
    for one in enums() {
        let zero = one.value.iter().find(|value| value.number() == 0).unwrap();
        assert!(zero.name().ends_with("_UNSPECIFIED"), "{}", zero.name());
    }
}

#[test]
fn instants_are_named_time() {
    for (name, message) in messages() {
        for field in &message.field {
            let instant = is_a(field, ".google.protobuf.Timestamp");
            // `at` is the instant that a question is about.
            let named =
                field.name().ends_with("_time") || ["valid_until", "at"].contains(&field.name());
            assert_eq!(instant, named, "{name}.{}", field.name());
        }
    }
}

#[test]
fn nothing_is_called_status() {
    for (name, message) in messages() {
        let fields = message.field.iter().filter(|field| field.name().contains("status"));
        // But for what everybody calls so: why an item of a batch was refused.
        let ours = fields.filter(|field| !is_a(field, ".google.rpc.Status"));
        assert_eq!(ours.count(), 0, "{name}");
    }
    for one in enums() {
        assert!(!one.name().contains("Status"), "{}", one.name());
    }
}

/// Services, RPCs, enums and messages, by their place in the file; requests and responses are
/// explained by their RPC.
fn places(file: &FileDescriptorProto) -> Vec<(Vec<i32>, String)> {
    let number = |index: usize| i32::try_from(index).unwrap();
    let mut all = Vec::new();
    for (index, message) in file.message_type.iter().enumerate() {
        let name = message.name();
        if !name.ends_with("Request") && !name.ends_with("Response") {
            all.push((vec![4, number(index)], name.to_owned()));
        }
    }
    for (index, one) in file.enum_type.iter().enumerate() {
        all.push((vec![5, number(index)], one.name().to_owned()));
    }
    for (index, service) in file.service.iter().enumerate() {
        all.push((vec![6, number(index)], service.name().to_owned()));
        for (place, method) in service.method.iter().enumerate() {
            all.push((vec![6, number(index), 2, number(place)], method.name().to_owned()));
        }
    }
    all
}

#[test]
fn everything_is_explained() {
    for file in files() {
        let info = file.source_code_info.as_ref().unwrap();
        for (path, name) in places(&file) {
            let explained = info
                .location
                .iter()
                .any(|place| place.path == path && !place.leading_comments().trim().is_empty());
            assert!(explained, "{} {name} has no comment", file.package());
        }
    }
}

#[test]
fn each_rpc_says_who_may_call_it() {
    for file in files() {
        let info = file.source_code_info.as_ref().unwrap();
        for (path, name) in places(&file).into_iter().filter(|(path, _)| path.len() == 4) {
            let place = info.location.iter().find(|place| place.path == path).unwrap();
            assert!(place.leading_comments().contains("Caller:"), "{name}");
        }
    }
}
