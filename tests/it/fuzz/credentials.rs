//! What only the server gives out: tokens, and texts that it has sealed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use pim_chassis::{
    auth::{DevelopmentIssuer, Grant},
    seal::Seal,
};
use pim_tests::noon;
use uuid::Uuid;

use super::{Dice, Rounds};

const WORDS: [&str; 14] = [
    ".",
    "=",
    "e30",
    "\"alg\":\"none\"",
    "\"alg\":\"HS256\"",
    "\"kid\":\"\"",
    "\"crit\":[\"exp\"]",
    "\"exp\":1e300",
    "\"iss\":null",
    "{",
    "}",
    "[",
    "\u{0}",
    "99999999999999999999",
];

/// A token with the JSON of one part mutated, or with its text.
fn forged(dice: &mut Dice, token: &str) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    match dice.roll(3) {
        2 => return dice.text(&[token], &WORDS),
        part => {
            let json = URL_SAFE_NO_PAD.decode(&parts[part]).unwrap();
            parts[part] = URL_SAFE_NO_PAD.encode(dice.mutate(json, &WORDS));
        }
    }
    parts.join(".")
}

#[test]
fn tokens() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = DevelopmentIssuer::load_or_create(folder.path()).unwrap();
    let issuers = issuer.issuers().unwrap();
    let principal = Grant::Principal {
        tenant: Uuid::from_u128(7),
        subject: "alice".to_owned(),
        amr: vec!["mfa".to_owned()],
        acr: Some("strong".to_owned()),
        acrs: vec!["c1".to_owned()],
        auth_time: Some(noon()),
        signals: pim_domain::condition::Signals::default(),
    };
    let service = Grant::Service { name: "scheduler".to_owned() };
    let operator = Grant::Operator { subject: "root".to_owned() };
    let tokens = [principal, service, operator]
        .map(|grant| issuer.mint(&grant, noon(), TimeDelta::minutes(5)).unwrap());
    for token in &tokens {
        assert!(issuers.verify(token, noon()).is_ok());
    }
    for mut dice in Rounds::of("tokens", 5_000) {
        let token = dice.pick(&tokens).clone();
        let forged = forged(&mut dice, &token);
        if !tokens.contains(&forged) {
            assert!(issuers.verify(&forged, noon()).is_err(), "{forged}");
        }
    }
}

#[test]
fn page_tokens() {
    let seal = Seal::new([7; 32]);
    let bound: [&[u8]; 2] = [b"tenant", b"caller"];
    for mut dice in Rounds::of("page tokens", 20_000) {
        let cursor: Vec<u8> = (0..dice.roll(64)).map(|_| dice.byte()).collect();
        let sealed = seal.seal("page", &bound, &cursor);
        assert_eq!(seal.open("page", &bound, &sealed), Some(cursor));
        assert_eq!(seal.open("export", &bound, &sealed), None);
        assert_eq!(seal.open("page", &[b"tenantc", b"aller"], &sealed), None);
        let changed = dice.text(&[&sealed], &["=", "A", "_", "-", "+"]);
        if changed != sealed {
            assert_eq!(seal.open("page", &bound, &changed), None, "{sealed} {changed}");
        }
    }
}
