//! No RPC but health works without a credential that is good in every respect.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use pim_chassis::auth::{DEVELOPMENT_PRINCIPALS, DEVELOPMENT_SERVICES};
use pim_tests::{Organisation, Person, World, reason};
use serde_json::{Value, json};
use tonic::Code;
use uuid::Uuid;

use super::raw::Caller;
use crate::descriptor::methods;

const MISSING: &str = "CREDENTIAL_MISSING";
const INVALID: &str = "CREDENTIAL_INVALID";

/// Makes tokens with the key that the system trusts, and with everything else as it should not be.
struct Forger {
    document: Vec<u8>,
    claims: Value,
}

impl Forger {
    fn new(world: &World, organisation: &Organisation) -> Self {
        let now = world.now().timestamp();
        let claims = json!({
            "iss": DEVELOPMENT_PRINCIPALS, "sub": organisation.admin.name, "aud": "pim",
            "tid": organisation.tenant, "amr": ["mfa"], "iat": now, "exp": now + 300,
        });
        Self { document: world.development_key(), claims }
    }

    /// Claims as they should be, but for one.
    fn claims(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims.clone();
        claims[name] = value;
        claims
    }

    fn without(&self, name: &str) -> Value {
        let mut claims = self.claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    }

    fn header() -> Header {
        Header {
            typ: Some("at+jwt".to_owned()),
            kid: Some("development".to_owned()),
            ..Header::new(Algorithm::EdDSA)
        }
    }

    fn sign(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_ed_der(&self.document)).unwrap()
    }

    /// Under a header that no library would write.
    fn sign_raw(&self, header: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(&self.claims));
        let pair = Ed25519KeyPair::from_pkcs8(&self.document).unwrap();
        let signature = URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn public_key(&self) -> Vec<u8> {
        let pair = Ed25519KeyPair::from_pkcs8(&self.document).unwrap();
        pair.public_key().as_ref().to_vec()
    }

    /// Each bad in one respect.
    fn tokens(&self, other_tenant: Uuid) -> Vec<(&'static str, String)> {
        let mut tokens = self.bad_claims(other_tenant);
        tokens.extend(self.bad_headers());
        tokens.extend(self.bad_signatures());
        tokens
    }

    fn bad_claims(&self, other_tenant: Uuid) -> Vec<(&'static str, String)> {
        let now = self.claims["iat"].as_i64().unwrap();
        let bad = [
            ("expired", self.claims("exp", json!(now - 1))),
            ("expires now", self.claims("exp", json!(now))),
            ("without an end", self.without("exp")),
            ("an end that is no time", self.claims("exp", json!("tomorrow"))),
            ("not valid yet", self.claims("nbf", json!(now + 120))),
            ("issued in the future", self.claims("iat", json!(now + 120))),
            ("for another audience", self.claims("aud", json!("other"))),
            ("for nobody", self.without("aud")),
            ("of an unknown issuer", self.claims("iss", json!("https://evil.invalid"))),
            ("of no issuer", self.without("iss")),
            ("of the services' issuer", self.claims("iss", json!(DEVELOPMENT_SERVICES))),
            ("of nobody", self.without("sub")),
            ("of an unknown subject", self.claims("sub", json!("nobody"))),
            ("of a subject in other case", self.claims("sub", json!("ADA"))),
            ("of another tenant", self.claims("tid", json!(other_tenant))),
            ("of an unknown tenant", self.claims("tid", json!(Uuid::new_v4()))),
            ("of the nil tenant", self.claims("tid", json!(Uuid::nil()))),
            ("of no tenant", self.without("tid")),
            ("with a tenant that is none", self.claims("tid", json!("' or true --"))),
        ];
        bad.map(|(what, claims)| (what, self.sign(&Self::header(), &claims))).to_vec()
    }

    fn bad_headers(&self) -> Vec<(&'static str, String)> {
        let typed = |typ: Option<&str>| Header { typ: typ.map(str::to_owned), ..Self::header() };
        let keyed = |kid: Option<&str>| Header { kid: kid.map(str::to_owned), ..Self::header() };
        let headers = [
            ("an ID token", typed(Some("JWT"))),
            ("of no type", typed(None)),
            ("by an unknown key", keyed(Some("other"))),
            ("by a key that is a path", keyed(Some("../../../../dev/null"))),
            ("by a key that is a query", keyed(Some("' union select 'x"))),
            ("by a key of much text", keyed(Some(&"k".repeat(4_000)))),
        ];
        let mut tokens: Vec<_> =
            headers.map(|(what, header)| (what, self.sign(&header, &self.claims))).to_vec();
        let raw = |more: Value| {
            let mut header = json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": "development" });
            header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            self.sign_raw(&header)
        };
        tokens.push(("by another algorithm than it says", raw(json!({ "alg": "RS256" }))));
        tokens.push(("by an algorithm that there is not", raw(json!({ "alg": "EdDSA1" }))));
        tokens.push(("with a key beside it", {
            let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "own" });
            raw(json!({ "kid": "own", "jwk": jwk }))
        }));
        let elsewhere = "http://127.0.0.1:9/keys";
        tokens.push(("with keys elsewhere", raw(json!({ "kid": "own", "jku": elsewhere }))));
        tokens.push(("with a chain elsewhere", raw(json!({ "kid": "own", "x5u": elsewhere }))));
        tokens
    }

    fn bad_signatures(&self) -> Vec<(&'static str, String)> {
        let good = self.sign(&Self::header(), &self.claims);
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let none = part(&json!({ "typ": "at+jwt", "alg": "none", "kid": "development" }));
        let hmac = Header { alg: Algorithm::HS256, ..Self::header() };
        let by_public_key = |key: &[u8]| {
            jsonwebtoken::encode(&hmac, &self.claims, &EncodingKey::from_secret(key)).unwrap()
        };
        let text = URL_SAFE_NO_PAD.encode(self.public_key());
        let mut flipped = URL_SAFE_NO_PAD.decode(signature).unwrap();
        flipped[10] ^= 1;
        let flipped = URL_SAFE_NO_PAD.encode(flipped);
        let others = part(&self.claims("sub", json!("somebody")));
        let stranger = Ed25519KeyPair::generate_pkcs8v1(&aws_lc_rs::rand::SystemRandom::new());
        let stranger = EncodingKey::from_ed_der(stranger.unwrap().as_ref());
        vec![
            ("by nobody", format!("{none}.{payload}.")),
            ("by nobody, signed all the same", format!("{none}.{payload}.{signature}")),
            ("without its signature", format!("{signed}.")),
            ("by the public key as a secret", by_public_key(&self.public_key())),
            ("by the public key's text as a secret", by_public_key(text.as_bytes())),
            ("with a bit of the signature flipped", format!("{signed}.{flipped}")),
            ("with other claims than were signed", format!("{header}.{others}.{signature}")),
            (
                "by another key",
                jsonwebtoken::encode(&Self::header(), &self.claims, &stranger).unwrap(),
            ),
            ("in two parts", signed.to_owned()),
            ("in four parts", format!("{good}.{signature}")),
            ("padded", format!("{good}=")),
            ("of 9 KiB", format!("{header}.{}.{signature}", "A".repeat(9_000))),
            ("of 64 KiB", format!("{header}.{}.{signature}", "A".repeat(64 * 1024))),
            ("of 64 KiB of nothing", "A".repeat(64 * 1024)),
        ]
    }
}

#[tokio::test]
async fn no_rpc_works_without_a_good_credential() {
    let world = World::start().await;
    let organisation = world.organisation().await;
    let other = world.organisation().await;
    let disabled = organisation.user(&world, "mallory").await;
    organisation.disable(&disabled).await;
    let forger = Forger::new(&world, &organisation);
    // What it makes is good when nothing is wrong with it.
    let good = forger.sign(&Forger::header(), &forger.claims);
    let roles = "/pim.assignment.v1.RoleService/ListRoles";
    Caller::with_token(&world, &good).call(roles, false, Vec::new()).await.unwrap();

    let mut callers: Vec<(&str, Caller, &str)> = vec![
        ("nobody", Caller::new(&world, &[]), MISSING),
        ("another scheme", Caller::new(&world, &["Basic YWRhOmFkYQ=="]), MISSING),
        ("no token", Caller::new(&world, &["Bearer "]), INVALID),
        ("no such thing", Caller::with_token(&world, "not.a.token"), INVALID),
        ("somebody disabled", of(&world, &disabled), INVALID),
    ];
    let (ours, none) = (format!("Bearer {good}"), "Bearer not.a.token");
    callers.push(("somebody and another", Caller::new(&world, &[&ours, none]), MISSING));
    callers.push(("another and somebody", Caller::new(&world, &[none, &ours]), MISSING));
    callers.extend(
        forger
            .tokens(other.tenant)
            .iter()
            .map(|(what, token)| (*what, Caller::with_token(&world, token), INVALID)),
    );
    for (what, caller, expected) in &callers {
        for method in methods() {
            let refused = caller.refusal(&method).await;
            let expected = (Code::Unauthenticated, (*expected).to_owned());
            assert_eq!(refused, expected, "{what}: {}", method.path);
        }
    }
    let anonymous = &callers[0].1;
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let refused = anonymous.call(reflection, true, Vec::new()).await.unwrap_err();
    assert_eq!(reason(&refused), MISSING);
    // Health is for whoever asks.
    anonymous.call("/grpc.health.v1.Health/Check", false, Vec::new()).await.unwrap();
}

fn of(world: &World, person: &Person) -> Caller {
    let lifetime = chrono::TimeDelta::minutes(5);
    let token = world.system.issuer.mint(&person.grant(), world.now(), lifetime).unwrap();
    Caller::with_token(world, &token)
}
