//! A wrong issuers file is refused with one sentence that says what is wrong.

use std::path::Path;

use pim_chassis::auth::Issuers;
use serde_json::{Value, json};

use crate::{
    idp::{Idp, TENANT},
    provider::CERTIFICATE,
};

#[track_caller]
fn assert_refused(entries: &Value, sentence: &str) {
    let error = Issuers::parse(&entries.to_string(), Path::new(".")).unwrap_err().to_string();
    assert!(error.contains(sentence), "{error}");
    assert!(!error.contains('\n'), "{error}");
}

#[track_caller]
fn assert_entry_refused(change: impl FnOnce(&mut Value), sentence: &str) {
    let mut entry = Idp::eddsa().entry();
    change(&mut entry);
    assert_refused(&json!([entry]), sentence);
}

fn remove(entry: &mut Value, name: &str) {
    entry.as_object_mut().unwrap().remove(name);
}

#[test]
fn the_list_itself() {
    assert_refused(&json!({}), "it is not a list of issuers");
    assert_refused(&json!([]), "it lists no issuer");
    let entry = Idp::eddsa().entry();
    assert_refused(&json!([entry, entry]), "issuer https://idp.example is listed twice");
    assert!(
        Issuers::load(Path::new("/nowhere/issuers.json"))
            .unwrap_err()
            .to_string()
            .starts_with("cannot read /nowhere/issuers.json")
    );
}

#[test]
fn names_audience_and_unknown_fields() {
    assert_entry_refused(|entry| entry["issuer"] = json!(""), "an issuer has no name");
    assert_entry_refused(|entry| entry["audience"] = json!(""), "the audience is empty");
    assert_entry_refused(|entry| remove(entry, "audience"), "missing field `audience`");
    assert_entry_refused(|entry| entry["jwks_url"] = json!("x"), "unknown field `jwks_url`");
    assert_entry_refused(|entry| entry["kind"] = json!("ROBOTS"), "unknown variant `ROBOTS`");
    assert_entry_refused(|entry| entry["types"] = json!([]), "the list of types is empty");
}

#[test]
fn algorithms() {
    for bad in ["HS256", "none", "RS512", "eddsa"] {
        let sentence = format!("algorithm {bad} is not allowed");
        assert_entry_refused(|entry| entry["algorithms"] = json!(["EdDSA", bad]), &sentence);
    }
    assert_entry_refused(
        |entry| entry["algorithms"] = json!([]),
        "the list of algorithms is empty",
    );
}

#[test]
fn proofs() {
    assert_entry_refused(
        |entry| entry["dpop_algorithms"] = json!(["HS256"]),
        "dpop_algorithms: algorithm HS256 is not allowed",
    );
    let empty = "the list of dpop_origins is empty";
    assert_entry_refused(|entry| entry["dpop_origins"] = json!([]), empty);
    for bad in ["pim.example", "https://pim.example/x", "ftp://pim.example", ""] {
        let sentence = format!("{bad} of dpop_origins is not like");
        assert_entry_refused(|entry| entry["dpop_origins"] = json!([bad]), &sentence);
    }
    assert_entry_refused(|entry| entry["require_bound_tokens"] = json!("yes"), "a boolean");
}

#[test]
fn keys() {
    let one =
        "issuer https://idp.example: it must have one of jwks, jwks_file, jwks_uri, discovery";
    assert_entry_refused(|entry| remove(entry, "jwks"), one);
    assert_entry_refused(|entry| entry["jwks_file"] = json!("keys.json"), one);
    assert_entry_refused(|entry| entry["discovery"] = json!(true), one);
    assert_entry_refused(|entry| entry["jwks_uri"] = json!("https://idp.example/keys"), one);
    let none = "it has no usable key";
    assert_entry_refused(|entry| entry["jwks"] = json!({ "keys": [] }), none);
    assert_entry_refused(|entry| entry["algorithms"] = json!(["RS256"]), none);
    assert_entry_refused(|entry| entry["jwks"]["keys"][0]["use"] = json!("enc"), none);
    assert_entry_refused(|entry| remove(&mut entry["jwks"]["keys"][0], "kid"), "a key has no kid");
    let secret = json!({ "kty": "oct", "kid": "s", "k": "c2VjcmV0" });
    assert_entry_refused(
        |entry| entry["jwks"]["keys"][0] = secret,
        "its key set holds a shared secret",
    );
    assert_entry_refused(
        |entry| {
            let key = entry["jwks"]["keys"][0].clone();
            entry["jwks"]["keys"] = json!([key, key]);
        },
        "two keys have the kid",
    );
    assert_entry_refused(
        |entry| {
            remove(entry, "jwks");
            entry["jwks_file"] = json!("/nowhere/keys.json");
        },
        "cannot read /nowhere/keys.json",
    );
}

#[track_caller]
fn assert_fetched_refused(change: impl FnOnce(&mut Value), sentence: &str) {
    assert_entry_refused(
        |entry| {
            remove(entry, "jwks");
            entry["discovery"] = json!(true);
            change(entry);
        },
        sentence,
    );
}

#[test]
fn keys_that_are_fetched() {
    for bad in ["http://idp.example", "https://idp.example?a=b", "https://idp.example#a", "idp"] {
        let sentence = format!("issuer {bad}: discovery: the issuer ");
        assert_fetched_refused(|entry| entry["issuer"] = json!(bad), &sentence);
    }
    for bad in ["http://idp.example/keys", "https://a:b@idp.example/keys", "keys.json", ""] {
        let sentence = format!("issuer https://idp.example: jwks_uri: {bad:?} ");
        assert_fetched_refused(
            |entry| {
                remove(entry, "discovery");
                entry["jwks_uri"] = json!(bad);
            },
            &sentence,
        );
    }
    assert_fetched_refused(
        |entry| entry["ca_file"] = json!("/nowhere/ca.pem"),
        "ca_file: cannot use /nowhere/ca.pem: ",
    );
    let empty = tempfile::NamedTempFile::new().unwrap();
    assert_fetched_refused(
        |entry| entry["ca_file"] = json!(empty.path()),
        "has no certificate as PEM",
    );
    for bad in [299, 604_801] {
        assert_fetched_refused(
            |entry| entry["keys_max_age_seconds"] = json!(bad),
            "keys_max_age_seconds must be 300 to 604800",
        );
    }
    for only in ["ca_file", "keys_max_age_seconds"] {
        assert_entry_refused(
            |entry| entry[only] = if only == "ca_file" { json!("ca.pem") } else { json!(600) },
            "ca_file and keys_max_age_seconds are for keys that are fetched",
        );
    }
}

#[test]
fn whom_an_issuer_speaks_for() {
    let needs_tenant = "needs either tenant or tenant_claim";
    assert_entry_refused(|entry| remove(entry, "tenant"), needs_tenant);
    assert_entry_refused(|entry| entry["tenant_claim"] = json!("tid"), needs_tenant);
    assert_entry_refused(|entry| entry["tenant"] = json!("acme"), "not a list of issuers");
    for kind in ["SERVICES", "OPERATORS"] {
        let tenant = "only an issuer of principals can have a tenant";
        assert_entry_refused(|entry| entry["kind"] = json!(kind), tenant);
    }
    let services = json!({ "system:serviceaccount:pim:x": "activation" });
    for kind in ["PRINCIPALS", "OPERATORS"] {
        assert_entry_refused(
            |entry| {
                entry["kind"] = json!(kind);
                entry["tenant"] = json!(TENANT);
                entry["services"] = services.clone();
            },
            "only an issuer of services can have a map of services",
        );
    }
    assert_entry_refused(
        |entry| {
            remove(entry, "tenant");
            entry["kind"] = json!("SERVICES");
            entry["services"] = json!({ "system:serviceaccount:pim:x": "root" });
        },
        "there is no service root",
    );
}

#[test]
fn the_entries_that_are_shown_are_good_ones() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(CERTIFICATE, directory.path().join("cluster-ca.crt")).unwrap();
    for (file, count) in [("README.md", 1), ("deploy/ISSUERS.md", 3)] {
        let text = std::fs::read_to_string(format!("{root}/{file}")).unwrap();
        let shown = text.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        let shown: Vec<_> = shown.collect();
        assert_eq!(shown.len(), count, "{file}");
        for entry in shown {
            let list = if entry.starts_with('[') { entry.to_owned() } else { format!("[{entry}]") };
            if let Err(error) = Issuers::parse(&list, directory.path()) {
                panic!("{file}: {error}: {entry}");
            }
        }
    }
}
