//! Keys that are fetched from their issuer: when, which count, and for how long.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use http::{StatusCode, header};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use pim_chassis::{
    auth::{CredentialInvalid, Identity, Issuers},
    clock::Clock,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    idp::{Idp, TENANT, at, encode, issuers},
    provider::{Answer, CERTIFICATE, Provider},
};

/// A key of that name, and who signs by it.
fn key(kid: &str) -> (Idp, Jwk) {
    let idp = Idp::es256();
    let mut jwk = idp.jwk();
    jwk.common.key_id = Some(kid.to_owned());
    (idp, jwk)
}

fn header(idp: &Idp, kid: &str) -> Header {
    Header { kid: Some(kid.to_owned()), ..idp.header() }
}

fn claims(provider: &Provider) -> Value {
    let mut claims = Idp::claims();
    claims["iss"] = json!(provider.url);
    // Longer than the keys count, so that it is the keys that end.
    claims["exp"] = json!(at(1_000_000).timestamp());
    claims
}

/// A good token of the provider, by that key.
fn token(provider: &Provider, idp: &Idp, kid: &str) -> String {
    idp.sign_with(&header(idp, kid), &claims(provider))
}

/// What is said when the keys are fetched and cannot be.
async fn complaint(issuers: &Issuers) -> String {
    let complaints = issuers.refresh(at(0)).await;
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    complaints[0].to_string()
}

async fn refreshed(issuers: &Issuers, seconds: i64) {
    assert_eq!(issuers.refresh(at(seconds)).await, []);
}

fn refusal(issuers: &Issuers, token: &str, seconds: i64) -> String {
    issuers.verify(token, at(seconds)).unwrap_err().cause().to_owned()
}

#[tokio::test]
async fn keys_are_found_by_discovery() {
    let (idp, jwk) = key("one");
    let provider = Provider::start(&[jwk]).await;
    let issuers = provider.issuers();
    let good = token(&provider, &idp, "one");
    assert_eq!(issuers.without_keys(at(0)).collect::<Vec<_>>(), [provider.url.as_str()]);
    assert_eq!(refusal(&issuers, &good, 10), "unknown kid");
    refreshed(&issuers, 0).await;
    assert_eq!(issuers.without_keys(at(0)).count(), 0);
    assert_eq!(provider.paths(), ["/.well-known/openid-configuration", "/keys"]);

    let identity = issuers.verify(&good, at(10)).unwrap();
    let Identity::Principal(principal) = &*identity else { panic!("{identity:?}") };
    assert_eq!((principal.issuer.as_str(), principal.subject.as_str()), (&*provider.url, "alice"));
    assert_eq!(principal.tenant.to_string(), TENANT);
    let forged = token(&provider, &Idp::es256(), "one");
    assert_eq!(refusal(&issuers, &forged, 10), "InvalidSignature");
}

#[tokio::test]
async fn keys_are_found_where_the_file_says() {
    let (idp, jwk) = key("one");
    let provider = Provider::start(&[jwk]).await;
    let mut entry = provider.entry();
    entry.as_object_mut().unwrap().remove("discovery");
    entry["jwks_uri"] = json!(format!("{}/keys", provider.url));
    // Then the issuer's name need not be an address.
    entry["issuer"] = json!("cluster");
    let issuers = issuers(&[entry]);
    refreshed(&issuers, 0).await;
    assert_eq!(provider.paths(), ["/keys"]);
    let mut claims = claims(&provider);
    claims["iss"] = json!("cluster");
    issuers.verify(&idp.sign_with(&header(&idp, "one"), &claims), at(10)).unwrap();
}

#[tokio::test]
async fn a_server_is_trusted_only_if_somebody_vouches_for_it() {
    let (idp, jwk) = key("one");
    let provider = Provider::start_secure(&[jwk]).await;
    let said = complaint(&provider.issuers()).await;
    assert!(said.contains("UnknownIssuer"), "{said}");
    assert_eq!(provider.paths(), [""; 0]);

    let mut entry = provider.entry();
    entry["ca_file"] = json!(CERTIFICATE);
    let issuers = issuers(&[entry]);
    refreshed(&issuers, 0).await;
    issuers.verify(&token(&provider, &idp, "one"), at(10)).unwrap();

    let insecure = provider.url.replace("https:", "http:");
    provider.discovers(&json!({ "issuer": provider.url, "jwks_uri": insecure }));
    let complaints = issuers.refresh(at(900)).await;
    let said = complaints[0].to_string();
    assert!(said.ends_with("must be https"), "{said}");
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_is_refused() {
    let (_, jwk) = key("one");
    let provider = Provider::start(&[jwk]).await;
    let keys = format!("{}/keys", provider.url);
    for other in ["https://login.example.com".to_owned(), format!("{}/", provider.url)] {
        provider.discovers(&json!({ "issuer": other, "jwks_uri": keys }));
        let said = complaint(&provider.issuers()).await;
        assert!(said.contains(&format!("it is of issuer {other:?}")), "{said}");
    }
    for bad in ["http://login.example.com/keys", "file:///keys", "/keys", ""] {
        provider.discovers(&json!({ "issuer": provider.url, "jwks_uri": bad }));
        let said = complaint(&provider.issuers()).await;
        assert!(said.contains("jwks_uri: "), "{said}");
    }
    provider.discovers(&json!({ "issuer": "x".repeat(10_000), "jwks_uri": keys }));
    assert!(complaint(&provider.issuers()).await.len() < 1_000);
    provider.discovers(&json!({ "issuer": provider.url }));
    let said = complaint(&provider.issuers()).await;
    assert!(said.contains("missing field `jwks_uri`"), "{said}");
    assert_eq!(provider.asked(), 0);
}

#[tokio::test]
async fn answers_that_are_no_keys_are_refused() {
    let (_, jwk) = key("one");
    let provider = Provider::start(std::slice::from_ref(&jwk)).await;
    let set = json!({ "keys": [jwk] }).to_string();
    let padded = |length: usize| format!("{}{set}", " ".repeat(length - set.len()));
    let many: Vec<_> = (0..65).map(|_| json!({ "kty": "EC" })).collect();
    let secret = json!({ "kty": "oct", "kid": "one", "k": "c2VjcmV0" });
    let text = |value: Value| Answer::ok(value.to_string());
    let found = Answer::of(StatusCode::FOUND)
        .with(header::LOCATION, &format!("{}/elsewhere", provider.url));
    provider.answers("/elsewhere", Answer::ok(set.clone()));
    for (answer, cause) in [
        (Answer::ok(padded(256 * 1024 + 1)), "longer than 262144 bytes"),
        (found, "the answer is 302 Found"),
        (Answer::ok("<html>sign in</html>"), "it is no JWK set"),
        (Answer::ok(""), "it is no JWK set"),
        (text(json!({ "keys": {} })), "it is no JWK set"),
        (text(json!({ "keys": many })), "it has 65 keys"),
        (text(json!({ "keys": [secret] })), "shared secret"),
        (text(json!({ "keys": [jwk, jwk] })), "two keys have the kid one"),
        (Answer::of(StatusCode::INTERNAL_SERVER_ERROR), "the answer is 500"),
        (Answer::of(StatusCode::NO_CONTENT), "the answer is 204"),
    ] {
        provider.answers_keys(answer);
        let issuers = provider.issuers();
        let said = complaint(&issuers).await;
        assert!(said.contains(cause), "{said}");
        assert!(said.contains(&provider.url), "{said}");
        assert_eq!(issuers.without_keys(at(0)).count(), 1);
    }
    assert!(!provider.paths().contains(&"/elsewhere".to_owned()));
    provider.answers_keys(Answer::ok(padded(256 * 1024)));
    refreshed(&provider.issuers(), 0).await;
}

#[tokio::test]
async fn only_signature_keys_of_the_issuers_algorithms_count() {
    let (idp, jwk) = key("one");
    let with = |name: &str, value: Value| {
        let mut other = serde_json::to_value(&jwk).unwrap();
        other["kid"] = json!(name);
        other["use"] = value;
        other
    };
    let mut signing = with("to sign with", json!("sig"));
    signing["key_ops"] = json!(["sign"]);
    let mut nameless = serde_json::to_value(&jwk).unwrap();
    nameless.as_object_mut().unwrap().remove("kid");
    let rsa = Idp::rs256();
    let provider = Provider::start(&[]).await;
    provider.answers_keys(Answer::ok(
        json!({ "keys": [
            with("for encryption", json!("enc")), signing, rsa.jwk(), nameless,
            { "kty": "AKP", "alg": "ML-DSA-44", "kid": "of tomorrow", "pub": "AA" },
            { "kty": "EC", "crv": "secp256k1", "kid": "of coins", "x": "AA", "y": "AA" },
            jwk,
        ]})
        .to_string(),
    ));
    let issuers = provider.issuers();
    refreshed(&issuers, 0).await;
    issuers.verify(&token(&provider, &idp, "one"), at(10)).unwrap();
    for kid in ["for encryption", "to sign with", ""] {
        assert_eq!(refusal(&issuers, &token(&provider, &idp, kid), 10), "unknown kid");
    }
    assert_eq!(refusal(&issuers, &rsa.sign(&claims(&provider)), 10), "unknown kid");
}

#[tokio::test]
async fn a_fetched_key_is_neither_a_secret_nor_optional() {
    let (idp, jwk) = key("one");
    let provider = Provider::start(std::slice::from_ref(&jwk)).await;
    let issuers = provider.issuers();
    refreshed(&issuers, 0).await;
    let public = serde_json::to_vec(&jwk).unwrap();
    for secret in [&public[..], b""] {
        let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::HS256) };
        let secret = EncodingKey::from_secret(secret);
        let token = jsonwebtoken::encode(&header, &claims(&provider), &secret).unwrap();
        assert_eq!(refusal(&issuers, &token, 10), "algorithm HS256 is not the key's");
    }
    let none = json!({ "alg": "none", "kid": "one" });
    let unsigned = format!("{}.{}.", encode(&none), encode(&claims(&provider)));
    assert!(refusal(&issuers, &unsigned, 10).starts_with("header"));
    for kind in ["pim-role+jwt", "id_token+jwt", "logout+jwt"] {
        let header = Header { typ: Some(kind.to_owned()), ..header(&idp, "one") };
        let token = idp.sign_with(&header, &claims(&provider));
        assert_eq!(refusal(&issuers, &token, 10), format!("type {kind:?} is not allowed"));
    }
    for kind in ["at+jwt", "JWT"] {
        let header = Header { typ: Some(kind.to_owned()), ..header(&idp, "one") };
        issuers.verify(&idp.sign_with(&header, &claims(&provider)), at(10)).unwrap();
    }
}

#[tokio::test]
async fn a_token_is_never_accepted_more_than_thirty_seconds_early_nor_at_its_end() {
    let (idp, jwk) = key("one");
    let provider = Provider::start(&[jwk]).await;
    let issuers = provider.issuers();
    refreshed(&issuers, 0).await;
    for name in ["nbf", "iat", "auth_time"] {
        let mut claims = claims(&provider);
        claims[name] = json!(at(100).timestamp());
        claims["exp"] = json!(at(200).timestamp());
        let token = idp.sign_with(&header(&idp, "one"), &claims);
        for (seconds, cause) in [(69, Some("the token is not valid yet")), (70, None), (199, None)]
        {
            let refused = issuers.verify(&token, at(seconds)).err();
            assert_eq!(refused.as_ref().map(CredentialInvalid::cause), cause, "{name}");
        }
        assert_eq!(refusal(&issuers, &token, 200), "the token has expired");
    }
}

#[tokio::test]
async fn an_unknown_key_is_asked_for_once_in_thirty_seconds() {
    let (old, old_jwk) = key("old");
    let (new, new_jwk) = key("new");
    let provider = Provider::start(std::slice::from_ref(&old_jwk)).await;
    let issuers = provider.issuers();
    let clock = Clock::manual(at(10));
    refreshed(&issuers, 10).await;
    issuers.admit(&token(&provider, &old, "old"), &clock).await.unwrap();
    assert_eq!(provider.asked(), 1);

    provider.publishes(&[old_jwk.clone(), new_jwk.clone()]);
    issuers.admit(&token(&provider, &new, "new"), &clock).await.unwrap();
    assert_eq!(provider.asked(), 2);
    for name in ["made up", "another", ""] {
        let forged = token(&provider, &Idp::es256(), name);
        let refused = issuers.admit(&forged, &clock).await.unwrap_err();
        assert_eq!(refused.cause(), "unknown kid");
    }
    assert_eq!(provider.asked(), 2);

    let (newest, newest_jwk) = key("newest");
    provider.publishes(&[old_jwk, new_jwk, newest_jwk]);
    let newest = token(&provider, &newest, "newest");
    clock.advance(TimeDelta::seconds(29));
    issuers.admit(&newest, &clock).await.unwrap_err();
    assert_eq!(provider.asked(), 2);
    clock.advance(TimeDelta::seconds(1));
    issuers.admit(&newest, &clock).await.unwrap();
    assert_eq!(provider.asked(), 3);
    // What is wrong with a token otherwise is no reason to ask.
    clock.advance(TimeDelta::seconds(60));
    let forged = token(&provider, &Idp::es256(), "old");
    issuers.admit(&forged, &clock).await.unwrap_err();
    assert_eq!(provider.asked(), 3);
}

#[tokio::test]
async fn of_many_calls_with_an_unknown_key_one_asks() {
    let (old, old_jwk) = key("old");
    let provider = Provider::start(&[old_jwk]).await;
    let (issuers, clock) = (Arc::new(provider.issuers()), Clock::manual(at(10)));
    refreshed(&issuers, 10).await;
    let calls = (0..20).map(|_| {
        let (issuers, clock) = (issuers.clone(), clock.clone());
        let forged = token(&provider, &old, "made up");
        async move { issuers.admit(&forged, &clock).await }
    });
    let answers = futures::future::join_all(calls).await;
    assert!(answers.iter().all(Result::is_err));
    assert_eq!(provider.asked(), 2);
}

/// It takes the five seconds that it is about.
#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let (old, old_jwk) = key("old");
    let provider = Provider::start(&[old_jwk]).await;
    provider.stalls();
    let (issuers, clock) = (provider.issuers(), Clock::manual(at(10)));
    let unknown = token(&provider, &old, "old");
    let call = async {
        let started = Instant::now();
        let refused = issuers.admit(&unknown, &clock).await.unwrap_err();
        assert_eq!(refused.cause(), "unknown kid");
        let waited = started.elapsed();
        assert!((2..5).contains(&waited.as_secs()), "it waited {waited:?}");
        issuers.admit(&unknown, &clock).await.unwrap_err();
        let next = started.elapsed() - waited;
        assert!(next.as_secs() < 2, "the next one waited {next:?}");
    };
    let at_start = provider.issuers();
    let ((), said) = tokio::join!(call, complaint(&at_start));
    assert!(said.ends_with("there was no answer in 5 s"), "{said}");
}

#[tokio::test]
async fn a_key_that_is_gone_is_refused_where_it_was_remembered_too() {
    let (old, old_jwk) = key("old");
    let (new, new_jwk) = key("new");
    let provider = Provider::start(&[old_jwk]).await;
    let issuers = provider.issuers();
    refreshed(&issuers, 0).await;
    let (by_old, by_new) = (token(&provider, &old, "old"), token(&provider, &new, "new"));
    issuers.verify(&by_old, at(10)).unwrap();
    provider.publishes(&[new_jwk]);
    refreshed(&issuers, 899).await;
    issuers.verify(&by_old, at(899)).unwrap();
    refreshed(&issuers, 900).await;
    assert_eq!(refusal(&issuers, &by_old, 900), "unknown kid");
    issuers.verify(&by_new, at(900)).unwrap();

    // The same name for another key is another key.
    let (other, other_jwk) = key("new");
    provider.publishes(&[other_jwk]);
    refreshed(&issuers, 1_800).await;
    assert_eq!(refusal(&issuers, &by_new, 1_800), "InvalidSignature");
    issuers.verify(&token(&provider, &other, "new"), at(1_800)).unwrap();

    // No keys at all is an answer: all were withdrawn.
    provider.publishes(&[]);
    refreshed(&issuers, 2_700).await;
    assert_eq!(refusal(&issuers, &token(&provider, &other, "new"), 2_700), "unknown kid");
    assert_eq!(issuers.without_keys(at(2_700)).count(), 1);
}

#[tokio::test]
async fn the_last_keys_count_until_they_are_too_old() {
    for (seconds, configured) in [(86_400, None), (3_600, Some(3_600))] {
        let (idp, jwk) = key("one");
        let mut provider = Provider::start(&[jwk]).await;
        let mut entry = provider.entry();
        if let Some(seconds) = configured {
            entry["keys_max_age_seconds"] = json!(seconds);
        }
        let issuers = issuers(&[entry]);
        refreshed(&issuers, 0).await;
        let good = token(&provider, &idp, "one");
        issuers.verify(&good, at(10)).unwrap();
        provider.stops().await;
        assert_eq!(issuers.refresh(at(seconds - 1)).await.len(), 1);
        issuers.verify(&good, at(seconds - 1)).unwrap();
        assert!(!issuers.all_without_keys(at(seconds - 1)));
        assert_eq!(refusal(&issuers, &good, seconds), "unknown kid");
        assert!(issuers.all_without_keys(at(seconds)));
    }
}

#[tokio::test]
async fn the_server_says_within_limits_when_to_ask_again() {
    let (_, jwk) = key("one");
    let provider = Provider::start(std::slice::from_ref(&jwk)).await;
    for (said, kept) in [
        ("max-age=120", 120),
        ("public, max-age=3600", 3_600),
        ("max-age=1", 60),
        // Half of the time for which they count.
        ("max-age=86400", 43_200),
        ("max-age=99999999999999999999", 900),
        ("no-cache", 900),
    ] {
        let body = json!({ "keys": [jwk] }).to_string();
        provider.answers_keys(Answer::ok(body).with(header::CACHE_CONTROL, said));
        let issuers = provider.issuers();
        refreshed(&issuers, 0).await;
        let asked = provider.asked();
        refreshed(&issuers, kept - 1).await;
        assert_eq!(provider.asked(), asked, "{said}");
        refreshed(&issuers, kept).await;
        assert_eq!(provider.asked(), asked + 1, "{said}");
    }
}

#[tokio::test]
async fn an_issuer_that_is_down_at_start_is_heard_once_it_is_there() {
    let (idp, jwk) = key("one");
    let provider = Provider::start(&[]).await;
    provider.answers_keys(Answer::of(StatusCode::SERVICE_UNAVAILABLE));
    let issuers = provider.issuers();
    assert!(complaint(&issuers).await.contains("the answer is 503"));
    let good = token(&provider, &idp, "one");
    assert_eq!(refusal(&issuers, &good, 10), "unknown kid");
    provider.publishes(&[jwk]);
    let (clock, shutdown) = (Clock::manual(at(10)), CancellationToken::new());
    let fresh = issuers.keep_fresh(&clock, &shutdown);
    let there = async {
        while issuers.verify(&good, at(10)).is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), there).await.unwrap();
    shutdown.cancel();
    for periodic in fresh {
        periodic.stopped().await;
    }
}
