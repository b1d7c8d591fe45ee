//! Tokens that are bound to a certificate are of no use by another connection; those that are bound
//! to something unknown, or to nothing where that is asked for, are of no use at all.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pim_chassis::auth::{Issuers, Presented, Thumbprint};
use serde_json::{Value, json};

use crate::idp::{Idp, at, issuers};

const OWN: Thumbprint = [1; 32];
const ANOTHER: Thumbprint = [2; 32];

fn text(thumbprint: Thumbprint) -> String {
    URL_SAFE_NO_PAD.encode(thumbprint)
}

/// A token of these confirmation methods.
fn bound(idp: &Idp, confirmation: Value) -> String {
    let mut claims = Idp::claims();
    claims["cnf"] = confirmation;
    idp.sign(&claims)
}

fn by(token: &str, certificate: Option<Thumbprint>) -> Presented<'_> {
    Presented { certificate, ..token.into() }
}

#[track_caller]
fn assert_refused(issuers: &Issuers, presented: Presented<'_>, cause: &str) {
    let refusal = issuers.verify(presented, at(10)).unwrap_err();
    assert!(refusal.cause().contains(cause), "refused, but because: {}", refusal.cause());
    assert_eq!(refusal.to_string(), "the credential is not valid");
}

#[test]
fn a_token_counts_by_its_own_certificate_alone() {
    let idp = Idp::eddsa();
    let issuers = idp.issuers();
    let token = bound(&idp, json!({ "x5t#S256": text(OWN) }));
    // Before it is remembered and after.
    for _ in 0..2 {
        assert_refused(&issuers, by(&token, None), "another certificate");
        assert_refused(&issuers, by(&token, Some(ANOTHER)), "another certificate");
        issuers.verify(by(&token, Some(OWN)), at(10)).unwrap();
    }
    // A token that is bound to nothing is a bearer's, whatever the connection shows.
    let free = idp.sign(&Idp::claims());
    issuers.verify(by(&free, Some(OWN)), at(10)).unwrap();
    issuers.verify(&free, at(10)).unwrap();
}

#[test]
fn what_is_not_known_of_a_binding_is_not_passed_over() {
    let idp = Idp::eddsa();
    let issuers = idp.issuers();
    let own = text(OWN);
    let unknown = [
        json!({ "jwk": { "kty": "EC" } }),
        json!({ "kid": "1" }),
        json!({ "x5t#S256": own, "jwe": "x" }),
        json!({ "X5T#S256": own }),
    ];
    for confirmation in unknown {
        let token = bound(&idp, confirmation);
        assert_refused(&issuers, by(&token, Some(OWN)), "which is not known");
    }
    for nothing in [json!(null), json!({}), json!([]), json!("x"), json!(false)] {
        let token = bound(&idp, nothing);
        assert_refused(&issuers, by(&token, Some(OWN)), "cnf says nothing");
    }
    let no_hash = [
        json!(null),
        json!(""),
        json!([own]),
        json!(format!("{own}=")),
        json!(URL_SAFE_NO_PAD.encode([1; 31])),
        json!("01".repeat(32)),
    ];
    for value in no_hash {
        let token = bound(&idp, json!({ "x5t#S256": value }));
        assert_refused(&issuers, by(&token, Some(OWN)), "is no SHA-256");
    }
}

#[test]
fn an_issuer_can_be_held_to_bound_tokens() {
    let idp = Idp::eddsa();
    let mut entry = idp.entry();
    entry["require_bound_tokens"] = json!(true);
    let strict = issuers(&[entry]);
    let free = idp.sign(&Idp::claims());
    assert_refused(&strict, by(&free, Some(OWN)), "bound to nothing");
    let token = bound(&idp, json!({ "x5t#S256": text(OWN) }));
    strict.verify(by(&token, Some(OWN)), at(10)).unwrap();
}
