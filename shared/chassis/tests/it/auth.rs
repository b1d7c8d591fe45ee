//! Which tokens are accepted, and every way to be refused.

use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{AlgorithmParameters, JwkSet},
};
use pim_chassis::auth::{Identity, Issuers, ServiceIdentity};
use pim_domain::condition::Signals;
use serde_json::{Value, json};

use crate::idp::{AUDIENCE, ISSUER, Idp, KID, TENANT, at, encode, issuers};

fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = Idp::claims();
    claims[name] = value;
    claims
}

fn claims_without(name: &str) -> Value {
    let mut claims = Idp::claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[track_caller]
fn assert_refused(idp: &Idp, token: &str, cause: &str) {
    let refusal = idp.issuers().verify(token, at(10)).unwrap_err();
    assert!(refusal.cause().contains(cause), "refused, but because: {}", refusal.cause());
    assert_eq!(refusal.to_string(), "the credential is not valid");
}

#[test]
fn each_algorithm_is_accepted() {
    for idp in [Idp::eddsa(), Idp::es256(), Idp::rs256(), Idp::ps256()] {
        let claims = claims_with("auth_time", json!(at(-60).timestamp()));
        let identity = idp.issuers().verify(&idp.sign(&claims), at(10)).unwrap();
        let Identity::Principal(principal) = &*identity else { panic!("{identity:?}") };
        assert_eq!(principal.tenant.to_string(), TENANT);
        assert_eq!((principal.issuer.as_str(), principal.subject.as_str()), (ISSUER, "alice"));
        assert_eq!(principal.claims.auth_time, Some(at(-60)));
        assert_eq!(principal.claims.expire_time, at(600));
    }
}

#[test]
fn what_else_is_known_of_a_sign_in_is_read_from_the_claims_that_the_entry_names() {
    let idp = Idp::eddsa();
    let mut entry = idp.entry();
    entry["signal_claims"] = json!({
        "device_compliant": "compliant", "device_managed": "managed",
        "country": "ctry", "risk": "sign_in_risk",
    });
    let issuers = issuers(std::slice::from_ref(&entry));
    let signals = |issuers: &Issuers, claims: &Value| {
        let identity = issuers.verify(&idp.sign(claims), at(10)).unwrap();
        let Identity::Principal(principal) = &*identity else { panic!("{identity:?}") };
        (*principal.claims.signals).clone()
    };
    let mut claims = Idp::claims();
    assert_eq!(signals(&issuers, &claims), Signals::default());
    claims["acr"] = json!("urn:strong");
    claims["compliant"] = json!(true);
    claims["managed"] = json!(false);
    claims["ctry"] = json!("SE");
    claims["sign_in_risk"] = json!("low");
    let expected = Signals {
        acr: Some("urn:strong".to_owned()),
        device_compliant: Some(true),
        device_managed: Some(false),
        country: Some("SE".to_owned()),
        risk: Some("low".to_owned()),
        address: None,
    };
    assert_eq!(signals(&issuers, &claims), expected);
    // Claims of such names are what people say of themselves, unless the entry says otherwise.
    let unread = Signals { acr: Some("urn:strong".to_owned()), ..Signals::default() };
    assert_eq!(signals(&idp.issuers(), &claims), unread);
    // Absent, these would pass where a condition forbids what they say.
    for (name, value) in [
        ("compliant", json!("true")),
        ("managed", json!(1)),
        ("ctry", json!(["SE"])),
        ("ctry", json!("x".repeat(65))),
        ("sign_in_risk", Value::Null),
    ] {
        let refusal = issuers.verify(&idp.sign(&claims_with(name, value)), at(10)).unwrap_err();
        assert!(refusal.cause().starts_with(&format!("claim {name} is not")), "{refusal:?}");
    }
}

#[test]
fn only_principals_are_told_more_of() {
    let mut entry = Idp::eddsa().entry();
    entry["signal_claims"] = json!({ "risk": "risk" });
    entry["kind"] = json!("OPERATORS");
    entry.as_object_mut().unwrap().remove("tenant");
    let text = json!([entry]).to_string();
    let error = Issuers::parse(&text, std::path::Path::new(".")).unwrap_err().to_string();
    assert!(error.contains("only an issuer of principals can have signal_claims"), "{error}");
    entry["signal_claims"] = json!({ "riks": "risk" });
    let text = json!([entry]).to_string();
    let error = Issuers::parse(&text, std::path::Path::new(".")).unwrap_err().to_string();
    assert!(error.contains("riks"), "{error}");
}

#[test]
fn a_key_that_does_not_say_is_for_the_first_algorithm_that_fits() {
    let idp = Idp::ps256();
    let other = idp.as_rs256();
    let mut entry = idp.entry();
    entry["jwks"]["keys"][0].as_object_mut().unwrap().remove("alg");
    for (algorithms, good, bad) in
        [(["EdDSA", "PS256", "RS256"], &idp, &other), (["RS256", "PS256", "ES256"], &other, &idp)]
    {
        entry["algorithms"] = json!(algorithms);
        let issuers = issuers(std::slice::from_ref(&entry));
        issuers.verify(&good.sign(&Idp::claims()), at(10)).unwrap();
        let refusal = issuers.verify(&bad.sign(&Idp::claims()), at(10)).unwrap_err();
        assert!(refusal.cause().ends_with("is not the key's"), "{}", refusal.cause());
    }
}

#[test]
fn a_token_without_signature_is_refused() {
    let idp = Idp::eddsa();
    for name in ["none", "None", "NONE", ""] {
        let header = json!({ "alg": name, "kid": KID, "typ": "JWT" });
        let token = format!("{}.{}.", encode(&header), encode(&Idp::claims()));
        assert_refused(&idp, &token, "header");
    }
    let header = serde_json::to_value(idp.header()).unwrap();
    let unsigned = format!("{}.{}.", encode(&header), encode(&Idp::claims()));
    assert_refused(&idp, &unsigned, "InvalidSignature");
}

#[test]
fn a_public_key_is_not_a_shared_secret() {
    for idp in [Idp::eddsa(), Idp::rs256()] {
        let public = match idp.jwk().algorithm {
            AlgorithmParameters::OctetKeyPair(key) => key.x,
            AlgorithmParameters::RSA(key) => key.n,
            other => panic!("{other:?}"),
        };
        let header = Header { kid: Some(KID.to_owned()), ..Header::new(Algorithm::HS256) };
        let secret = EncodingKey::from_base64_secret(&to_standard(&public)).unwrap();
        let token = jsonwebtoken::encode(&header, &Idp::claims(), &secret).unwrap();
        assert_refused(&idp, &token, "HS256 is not the key's");
    }
}

fn to_standard(url_safe: &str) -> String {
    let mut text = url_safe.replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

#[test]
fn another_algorithm_than_the_keys_is_refused() {
    let (ed, ec) = (Idp::eddsa(), Idp::es256());
    assert_refused(&ed, &ec.sign(&Idp::claims()), "ES256 is not the key's");
}

#[test]
fn another_key_or_a_changed_token_is_refused() {
    let idp = Idp::eddsa();
    assert_refused(&idp, &Idp::eddsa().sign(&Idp::claims()), "InvalidSignature");

    let token = idp.sign(&Idp::claims());
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts[1] = encode(&claims_with("sub", json!("mallory")));
    assert_refused(&idp, &parts.join("."), "InvalidSignature");
}

#[test]
fn claims_that_are_not_for_us_are_refused() {
    let idp = Idp::eddsa();
    for (claims, cause) in [
        (claims_with("aud", json!("other")), "another audience"),
        (claims_with("aud", json!(["other", "pim2"])), "another audience"),
        (claims_with("aud", json!([])), "another audience"),
        (claims_with("iss", json!("https://idp.example/")), "unknown issuer"),
        (claims_with("iss", json!(["https://idp.example"])), "names no issuer"),
        (claims_with("sub", json!("")), "the subject"),
        (claims_with("sub", json!("é".repeat(256))), "the subject"),
        (claims_with("sub", json!(7)), "invalid type"),
        (claims_without("iss"), "names no issuer"),
        (claims_without("aud"), "missing field `aud`"),
        (claims_without("sub"), "missing field `sub`"),
        (claims_without("exp"), "missing field `exp`"),
        (claims_with("exp", json!(null)), "exp"),
        (claims_with("exp", json!("1900000000")), "invalid type"),
        (claims_with("exp", json!(1e300)), "out of range"),
        (claims_with("exp", json!(at(10).timestamp())), "expired"),
        (claims_with("exp", json!(at(-600).timestamp())), "expired"),
        (claims_with("nbf", json!(at(41).timestamp())), "not valid yet"),
        (claims_with("iat", json!(at(41).timestamp())), "not valid yet"),
    ] {
        let refusal = idp.issuers().verify(&idp.sign(&claims), at(10)).unwrap_err();
        assert!(refusal.cause().contains(cause), "{claims}: {}", refusal.cause());
    }
}

#[test]
fn claims_at_the_edge_are_accepted() {
    let idp = Idp::eddsa();
    for claims in [
        claims_with("aud", json!(["other", AUDIENCE])),
        claims_with("sub", json!("é".repeat(255))),
        claims_with("exp", json!(at(11).timestamp())),
        claims_with("exp", json!(1_800_000_011.5)),
        claims_with("nbf", json!(at(40).timestamp())),
        claims_with("iat", json!(at(40).timestamp())),
        claims_without("iat"),
    ] {
        idp.issuers().verify(&idp.sign(&claims), at(10)).unwrap();
    }
}

#[test]
fn a_claim_that_is_given_twice_is_refused() {
    let idp = Idp::eddsa();
    let twice = Idp::claims().to_string().replacen('{', r#"{"sub":"mallory","#, 1);
    let header = serde_json::to_value(idp.header()).unwrap();
    let message = format!("{}.{}", encode(&header), to_url_safe(&twice));
    let signature = idp.sign_message(&message);
    assert_refused(&idp, &format!("{message}.{signature}"), "duplicate field `sub`");
}

fn to_url_safe(text: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(text)
}

#[test]
fn the_type_must_be_an_access_tokens() {
    let idp = Idp::eddsa();
    let typed = |kind: Option<&str>| {
        idp.sign_with(&Header { typ: kind.map(str::to_owned), ..idp.header() }, &Idp::claims())
    };
    for kind in [Some("JWT"), Some("jwt"), Some("at+jwt"), Some("application/at+jwt"), None] {
        idp.issuers().verify(&typed(kind), at(10)).unwrap();
    }
    for kind in ["id_token+jwt", "logout+jwt", "dpop+jwt", ""] {
        assert_refused(&idp, &typed(Some(kind)), "is not allowed");
    }

    let mut strict = idp.entry();
    strict["types"] = json!(["at+jwt"]);
    let strict = issuers(&[strict]);
    for kind in [Some("JWT"), None] {
        let refusal = strict.verify(&typed(kind), at(10)).unwrap_err();
        assert!(refusal.cause().contains("is not allowed"), "an ID token passed for access");
    }
    strict.verify(&typed(Some("at+jwt")), at(10)).unwrap();
}

#[test]
fn the_kid_is_only_a_name() {
    let idp = Idp::eddsa();
    let kids = ["../../etc/passwd", "key 2", "KEY 1", "' or 1=1 --", "https://evil.example/k", ""];
    for kid in kids {
        let header = Header { kid: Some(kid.to_owned()), ..idp.header() };
        assert_refused(&idp, &idp.sign_with(&header, &Idp::claims()), "unknown kid");
    }
    let header = Header { kid: None, ..idp.header() };
    assert_refused(&idp, &idp.sign_with(&header, &Idp::claims()), "unknown kid");
}

#[test]
fn keys_that_a_token_brings_along_are_ignored() {
    let (idp, mallory) = (Idp::eddsa(), Idp::eddsa());
    let url = "https://evil.example/jwks.json".to_owned();
    let with_urls =
        Header { jku: Some(url.clone()), x5u: Some(url), jwk: Some(mallory.jwk()), ..idp.header() };
    assert_refused(&idp, &mallory.sign_with(&with_urls, &Idp::claims()), "InvalidSignature");
}

#[test]
fn a_critical_header_is_refused() {
    let idp = Idp::eddsa();
    let header = Header { crit: Some(vec!["b64".to_owned()]), ..idp.header() };
    assert_refused(&idp, &idp.sign_with(&header, &Idp::claims()), "critical");
}

#[test]
fn an_over_long_token_is_refused() {
    let idp = Idp::eddsa();
    let long = idp.sign(&claims_with("note", json!("x".repeat(8 * 1024))));
    assert_refused(&idp, &long, "too long");
    for rubbish in ["", ".", "..", "a.b.c", "Bearer", "🦀.🦀.🦀", &".".repeat(8_000)] {
        assert_refused(&idp, rubbish, "");
    }
}

#[test]
fn a_remembered_token_is_still_checked_against_the_time() {
    let idp = Idp::eddsa();
    let issuers = idp.issuers();
    let token = idp.sign(&claims_with("nbf", json!(at(0).timestamp())));
    issuers.verify(&token, at(10)).unwrap();
    issuers.verify(&token, at(599)).unwrap();
    assert_eq!(issuers.verify(&token, at(600)).unwrap_err().cause(), "the token has expired");
    assert!(issuers.verify(&token, at(-31)).is_err());
    issuers.verify(&token, at(-30)).unwrap();
}

#[test]
fn the_tenant_can_come_from_a_claim() {
    let idp = Idp::eddsa();
    let mut entry = idp.entry();
    entry.as_object_mut().unwrap().remove("tenant");
    entry["tenant_claim"] = json!("tid");
    let issuers = issuers(&[entry]);
    let token = idp.sign(&claims_with("tid", json!(TENANT)));
    let identity = issuers.verify(&token, at(10)).unwrap();
    let Identity::Principal(principal) = &*identity else { panic!("{identity:?}") };
    assert_eq!(principal.tenant.to_string(), TENANT);
    for bad in [json!("acme"), json!(7), json!([TENANT]), json!(null)] {
        let refusal = issuers.verify(&idp.sign(&claims_with("tid", bad)), at(10)).unwrap_err();
        assert_eq!(refusal.cause(), "claim tid is not a tenant's id");
    }
    assert!(issuers.verify(&idp.sign(&Idp::claims()), at(10)).is_err());
}

#[test]
fn kubernetes_service_accounts_are_services() {
    let idp = Idp::rs256();
    let mut entry = idp.entry();
    entry["kind"] = json!("SERVICES");
    entry.as_object_mut().unwrap().remove("tenant");
    entry["services"] = json!({ "system:serviceaccount:pim:pim-activation": "activation" });
    let issuers = issuers(&[entry]);

    // As Kubernetes writes them: no typ, the audience a list.
    let header = json!({ "alg": "RS256", "kid": KID });
    let mut claims = claims_with("sub", json!("system:serviceaccount:pim:pim-activation"));
    claims["aud"] = json!([AUDIENCE]);
    claims["nbf"] = json!(at(0).timestamp());
    let identity = issuers.verify(&idp.sign_raw(&header, &claims), at(10)).unwrap();
    let Identity::Service(ServiceIdentity { name, issuer, subject, .. }) = &*identity else {
        panic!("not a service: {identity:?}")
    };
    assert_eq!((name.as_str(), issuer.as_str()), ("activation", ISSUER));
    assert_eq!(subject, "system:serviceaccount:pim:pim-activation");

    for other in ["system:serviceaccount:pim:default", "activation"] {
        claims["sub"] = json!(other);
        let refusal = issuers.verify(&idp.sign_raw(&header, &claims), at(10)).unwrap_err();
        assert_eq!(refusal.cause(), "not a service");
    }
}

#[test]
fn an_issuer_speaks_only_for_its_kind() {
    let (people, services) = (Idp::eddsa(), Idp::eddsa());
    let mut entry = services.entry();
    entry["issuer"] = json!("https://services.example");
    entry["kind"] = json!("SERVICES");
    entry.as_object_mut().unwrap().remove("tenant");
    let both = issuers(&[people.entry(), entry]);

    let as_service = people.sign(&claims_with("sub", json!("scheduler")));
    assert!(matches!(*both.verify(&as_service, at(10)).unwrap(), Identity::Principal(_)));
    let mut claims = claims_with("sub", json!("scheduler"));
    claims["iss"] = json!("https://services.example");
    let service = both.verify(&services.sign(&claims), at(10)).unwrap();
    assert!(matches!(*service, Identity::Service(_)));
    let crossed = both.verify(&people.sign(&claims), at(10)).unwrap_err();
    assert!(crossed.cause().contains("InvalidSignature"));
}

#[test]
fn a_key_file_is_found_beside_the_issuers_file() {
    let idp = Idp::es256();
    let directory = tempfile::tempdir().unwrap();
    let set = JwkSet { keys: vec![idp.jwk()] };
    std::fs::write(directory.path().join("keys.json"), serde_json::to_vec(&set).unwrap()).unwrap();
    let mut entry = idp.entry();
    entry.as_object_mut().unwrap().remove("jwks");
    entry["jwks_file"] = json!("keys.json");
    let path = directory.path().join("issuers.json");
    std::fs::write(&path, json!([entry]).to_string()).unwrap();

    let issuers = pim_chassis::auth::Issuers::load(&path).unwrap();
    issuers.verify(&idp.sign(&Idp::claims()), at(10)).unwrap();
}
