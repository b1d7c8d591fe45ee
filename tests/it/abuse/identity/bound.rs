//! T-19: a token that is bound to a certificate or a key is of no use to whoever has stolen it.

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::Ed25519KeyPair,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, ThumbprintHash},
};
use pim_chassis::{auth::DEVELOPMENT_PRINCIPALS, limits::Limits, rates::RateLimits, tls::Tls};
use pim_client::{Client, Credentials};
use pim_proto::activation::v1::ActivateRoleResponse;
use pim_tests::{Authority, Ends, Mounted, Organisation, Person, World, assert_refused};
use serde_json::{Value, json};
use tonic::{Code, Status};

use super::{
    super::{wire::Wire, written},
    ROLE,
};
use crate::tls::{Clients, config, mounted};

pub(super) const ACTIVATE: &str = "/pim.activation.v1.ActivationService/ActivateRole";

fn hash(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, bytes))
}

/// A token of Alice's that says this as well.
pub(super) fn signed(world: &World, organisation: &Organisation, more: &Value) -> String {
    let now = world.now().timestamp();
    let mut claims = json!({
        "iss": DEVELOPMENT_PRINCIPALS, "sub": "alice", "aud": "pim", "tid": organisation.tenant,
        "amr": ["mfa"], "iat": now, "exp": now + 300,
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let header = Header {
        typ: Some("at+jwt".to_owned()),
        kid: Some("development".to_owned()),
        ..Header::new(Algorithm::EdDSA)
    };
    let key = EncodingKey::from_ed_der(&world.development_key());
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

fn bound(world: &World, organisation: &Organisation, confirmation: &Value) -> String {
    signed(world, organisation, &json!({ "cnf": confirmation }))
}

pub(super) async fn with_alice(world: &World) -> Organisation {
    let organisation = world.organisation().await;
    let alice = organisation.user(world, "alice").await;
    organisation.make_eligible(&alice, ROLE, "/").await;
    organisation
}

#[tokio::test]
async fn t_19_a_token_that_is_bound_to_a_certificate_is_of_no_use_by_another_connection() {
    let mut world = World::start().await;
    let organisation = with_alice(&world).await;
    let authority = Authority::new();
    let own = mounted(&authority);
    let tls = Tls::load(&config(&own, Clients::Certified)).unwrap();
    let pair = authority.issue(None, Ends::InMany);
    let (hers, thiefs) = (Mounted::new(&pair, &authority), mounted(&authority));
    world.tls = Some(hers.client());
    let limits = Limits { rates: RateLimits::none(), ..Limits::default() };
    world.call_another(limits, |_, _, process| process.tls.clone_from(&tls)).await;

    let token = bound(&world, &organisation, &json!({ "x5t#S256": hash(&pair.der) }));
    let by = |files: &Mounted| {
        let credentials = Credentials::token(token.clone());
        Client::connect_lazy_by(&world.url, credentials, Some(files.client())).unwrap()
    };
    let before = written(&organisation).await;
    let activate = async |client: Client| -> Result<(), Status> {
        client.activations().activate_role(Person::wish(ROLE, "/")).await.map(drop)
    };
    assert_refused(activate(by(&thiefs)).await, Code::Unauthenticated, "CREDENTIAL_INVALID");
    assert_eq!(written(&organisation).await, before);
    activate(by(&hers)).await.unwrap();
    // Also not once the server knows the token.
    let refused = activate(by(&thiefs)).await;
    assert_refused(refused, Code::Unauthenticated, "CREDENTIAL_INVALID");
    // What it is bound to may be unknown to us: then it is good for nobody.
    let unknown = json!({ "x5t#S256": hash(&pair.der), "x5t#S512": "AAAA" });
    let credentials = Credentials::token(bound(&world, &organisation, &unknown));
    let client = Client::connect_lazy_by(&world.url, credentials, Some(hers.client())).unwrap();
    assert_refused(activate(client).await, Code::Unauthenticated, "CREDENTIAL_INVALID");
}

/// What somebody with a key proves of a call.
struct Holder {
    key: EncodingKey,
    jwk: Jwk,
}

impl Holder {
    fn new() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
        let key = EncodingKey::from_ed_der(document.as_ref());
        let jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA).unwrap();
        Self { key, jwk }
    }

    fn proof(&self, world: &World, token: &str, path: &str, id: &str) -> String {
        let header = Header {
            typ: Some("dpop+jwt".to_owned()),
            jwk: Some(self.jwk.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        let claims = json!({
            "jti": id, "htm": "POST", "htu": format!("{}{path}", world.url),
            "iat": world.now().timestamp(), "ath": hash(token.as_bytes()),
        });
        jsonwebtoken::encode(&header, &claims, &self.key).unwrap()
    }
}

#[tokio::test]
async fn t_19_a_token_that_is_bound_to_a_key_is_of_no_use_without_it() {
    let world = World::start().await;
    let organisation = with_alice(&world).await;
    let (hers, thiefs) = (Holder::new(), Holder::new());
    let jkt = hers.jwk.thumbprint(ThumbprintHash::SHA256).unwrap();
    let token = bound(&world, &organisation, &json!({ "jkt": jkt }));
    let activate = async |scheme: &str, proofs: &[(&'static str, &str)]| -> Result<(), Status> {
        let wire = Wire::by(&world, format!("{scheme} {token}"));
        let wish = Person::wish(ROLE, "/");
        wire.call_with::<_, ActivateRoleResponse>(ACTIVATE, wish, proofs).await.map(drop)
    };
    let before = written(&organisation).await;
    let mine = |id| hers.proof(&world, &token, ACTIVATE, id);
    let good = mine("1");
    let elsewhere =
        hers.proof(&world, &token, "/pim.activation.v1.ActivationService/DeactivateRole", "2");
    let stolen = [
        ("Bearer", None),
        ("DPoP", None),
        ("Bearer", Some(good.clone())),
        ("DPoP", Some(thiefs.proof(&world, &token, ACTIVATE, "3"))),
        ("DPoP", Some(elsewhere)),
        ("DPoP", Some(hers.proof(&world, "another", ACTIVATE, "4"))),
    ];
    for (scheme, proof) in stolen {
        let proofs: Vec<_> = proof.iter().map(|proof| ("dpop", proof.as_str())).collect();
        let refused = activate(scheme, &proofs).await;
        assert_refused(refused, Code::Unauthenticated, "CREDENTIAL_INVALID");
    }
    assert_eq!(written(&organisation).await, before);
    activate("DPoP", &[("dpop", &good)]).await.unwrap();
    // Overheard, it is of no use a second time; a new one is.
    let refused = activate("DPoP", &[("dpop", &good)]).await;
    assert_refused(refused, Code::Unauthenticated, "CREDENTIAL_INVALID");
    let again = activate("DPoP", &[("dpop", &mine("5"))]).await;
    assert_refused(again, Code::AlreadyExists, "ACTIVATION_LIVE");
}
