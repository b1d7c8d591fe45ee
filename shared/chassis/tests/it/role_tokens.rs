//! The key of role tokens: which files are good for it, and what is published.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, jwk::JwkSet};
use pim_chassis::{
    auth::{DEVELOPMENT_ROLE_TOKENS, RoleTokens},
    config::RoleTokenConfig,
};
use serde_json::{Value, json};

/// As openssl writes it.
const ANOTHER: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEto005B3zXZzbF8+wd05V4uzXTtr
PW4+kXxCgsH76rPmel2xOQ6uetMEfxNHDrK0APJF2/5bPsr8c454DNqk5w==
-----END PUBLIC KEY-----
";
/// Its thumbprint, computed elsewhere.
const ANOTHER_ID: &str = "90MFp4-KIxb-IYypqm3bkXnH1tO0PpioY8AOwRaqciE";
const OF_ANOTHER_CURVE: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE69BNiC3cbV9iHNpGuO2bgD8Ts2QYiTrg
lTYoRg19ZX7A1NLjiKlDPuj6e3panAEQW1L2lLentaw5Aa42DKUGt8UaLX47tyca
55VbX0+iaKloUeo7qPu/jIy0Eoj0IgN6
-----END PUBLIC KEY-----
";

/// A key as `pim up` makes it.
fn key(directory: &Path) -> Vec<u8> {
    RoleTokens::load_or_create(directory).unwrap();
    fs::read(directory.join("role-token.pem")).unwrap()
}

fn published(tokens: &RoleTokens) -> Vec<String> {
    let set: Value = serde_json::from_str(tokens.jwks()).unwrap();
    let keys = set["keys"].as_array().unwrap();
    for key in keys {
        // In whatever order the features of `serde_json` keep them.
        let fields: BTreeSet<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        let public = BTreeSet::from(["alg", "crv", "kid", "kty", "use", "x", "y"]);
        assert_eq!(fields, public, "and nothing private");
        assert_eq!((&key["use"], &key["alg"]), (&json!("sig"), &json!("ES256")));
    }
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_development_key_is_made_once_and_kept_private() {
    let directory = tempfile::tempdir().unwrap();
    let first = RoleTokens::load_or_create(directory.path()).unwrap();
    let again = RoleTokens::load_or_create(directory.path()).unwrap();
    assert_eq!((first.key_id(), first.jwks()), (again.key_id(), again.jwks()));
    assert_eq!(first.issuer(), DEVELOPMENT_ROLE_TOKENS);
    let path = directory.path().join("role-token.pem");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let printed = format!("{first:?}");
    assert!(printed.contains(first.key_id()) && printed.len() < 200, "{printed}");
}

#[test]
fn a_key_stays_published_while_another_signs() {
    let [old, new] =
        [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()].map(|directory| {
            RoleTokens::new("https://pim.example", &key(directory.path()), ANOTHER).unwrap()
        });
    assert_eq!(published(&old), [old.key_id(), ANOTHER_ID]);
    assert_ne!(old.key_id(), new.key_id());
    let token = old.sign(&json!({ "aud": "reader" })).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.set_audience(&["reader"]);
    let verifies = |tokens: &RoleTokens| {
        let set: JwkSet = serde_json::from_str(tokens.jwks()).unwrap();
        let key = set.find(tokens.key_id()).unwrap();
        decode::<Value>(&token, &DecodingKey::from_jwk(key).unwrap(), &validation).is_ok()
    };
    assert!(verifies(&old));
    assert!(!verifies(&new));
}

#[test]
fn a_key_that_is_named_twice_is_published_once() {
    let directory = tempfile::tempdir().unwrap();
    let twice = format!("{ANOTHER}\n{ANOTHER}");
    let tokens = RoleTokens::new("https://pim.example", &key(directory.path()), &twice).unwrap();
    assert_eq!(published(&tokens), [tokens.key_id(), ANOTHER_ID]);
}

#[test]
fn what_is_no_such_key_is_refused_without_quoting_it() {
    let directory = tempfile::tempdir().unwrap();
    let good = key(directory.path());
    let of_another_curve =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &SystemRandom::new());
    let body = STANDARD.encode(of_another_curve.unwrap());
    let of_another_curve =
        format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    for bad in [b"", ANOTHER.as_bytes(), of_another_curve.as_bytes(), &good[..100], b"hunter2"] {
        let error = RoleTokens::new("https://pim.example", bad, "").unwrap_err().to_string();
        assert_eq!(error, "the role token key must be a P-256 private key: PKCS#8, as PEM");
    }
    let private = String::from_utf8(good.clone()).unwrap();
    let mut off_the_curve = ANOTHER.to_owned();
    off_the_curve = off_the_curve.replace("DNqk5w==", "DNqk5g==");
    for bad in ["hunter2", OF_ANOTHER_CURVE, &private, &off_the_curve] {
        let public = format!("{ANOTHER}{bad}");
        let error = RoleTokens::new("https://pim.example", &good, &public).unwrap_err().to_string();
        assert_eq!(error, "published role token key 2 must be a P-256 public key, as PEM", "{bad}");
    }
    let many = ANOTHER.repeat(9);
    let error = RoleTokens::new("https://pim.example", &good, &many).unwrap_err().to_string();
    assert!(error.contains("at most 8") && error.contains("there are 9"), "{error}");
}

#[test]
fn files_are_read_where_they_are_named_and_not_for_everybody() {
    let directory = tempfile::tempdir().unwrap();
    assert!(RoleTokens::load(&RoleTokenConfig::default()).unwrap().is_none());
    key(directory.path());
    let path = |name: &str| -> Option<PathBuf> { Some(directory.path().join(name)) };
    fs::write(path("published").unwrap(), ANOTHER).unwrap();
    let config = |published: Option<PathBuf>| RoleTokenConfig {
        role_token_key_file: path("role-token.pem"),
        role_token_published_keys_file: published,
        role_token_issuer: Some("https://pim.example".to_owned()),
    };
    let tokens = RoleTokens::load(&config(path("published"))).unwrap().unwrap();
    assert_eq!((tokens.issuer(), published(&tokens).len()), ("https://pim.example", 2));
    let error = RoleTokens::load(&config(path("nowhere"))).unwrap_err().to_string();
    assert!(error.starts_with("cannot use the published role token keys /"), "{error}");

    let open = fs::Permissions::from_mode(0o640);
    fs::set_permissions(path("role-token.pem").unwrap(), open).unwrap();
    RoleTokens::load(&config(None)).unwrap();
    let open = fs::Permissions::from_mode(0o644);
    fs::set_permissions(path("role-token.pem").unwrap(), open).unwrap();
    let error = RoleTokens::load(&config(None)).unwrap_err().to_string();
    assert!(error.contains("everybody may read it"), "{error}");
}
