//! Tokens that are bound to a key count with a proof for this call, made by that key, now, and not
//! used before (RFC 9449).

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::ThumbprintHash;
use pim_chassis::auth::{Issuers, Presented, Proof};
use serde_json::{Value, json};

use crate::idp::{Idp, at, encode, issuers};

const PATH: &str = "/pim.activation.v1.ActivationService/ActivateRole";

/// Somebody with a token that is bound to their key.
struct Holder {
    idp: Idp,
    key: Idp,
    token: String,
    issuers: Issuers,
}

impl Holder {
    fn new(key: Idp) -> Self {
        Self::of(key, |_| {})
    }

    /// Where the issuer's entry is changed so.
    fn of(key: Idp, change: impl FnOnce(&mut Value)) -> Self {
        let idp = Idp::eddsa();
        let mut entry = idp.entry();
        change(&mut entry);
        let mut claims = Idp::claims();
        claims["cnf"] = json!({ "jkt": key.jwk().thumbprint(ThumbprintHash::SHA256).unwrap() });
        Self { token: idp.sign(&claims), issuers: issuers(&[entry]), idp, key }
    }

    fn header(&self) -> Value {
        json!({
            "typ": "dpop+jwt", "alg": format!("{:?}", self.key.algorithm), "jwk": self.key.jwk(),
        })
    }

    /// The claims of a good proof.
    fn claims(&self, id: &str) -> Value {
        let ath = URL_SAFE_NO_PAD.encode(digest(&SHA256, self.token.as_bytes()));
        json!({
            "jti": id, "htm": "POST", "htu": format!("https://pim.example{PATH}"),
            "iat": at(10).timestamp(), "ath": ath,
        })
    }

    fn proof(&self, id: &str) -> String {
        self.key.sign_raw(&self.header(), &self.claims(id))
    }

    fn with(&self, id: &str, name: &str, value: Value) -> String {
        let mut claims = self.claims(id);
        claims[name] = value;
        self.key.sign_raw(&self.header(), &claims)
    }

    fn try_with(&self, header: Option<&str>) -> Result<(), String> {
        let proof = Some(Proof { header, path: PATH });
        let presented = Presented { proof, ..self.token.as_str().into() };
        let verified = self.issuers.verify(presented, at(10));
        verified.map(drop).map_err(|refusal| refusal.cause().to_owned())
    }

    #[track_caller]
    fn assert_refused(&self, proof: &str, cause: &str) {
        let refused = self.try_with(Some(proof)).unwrap_err();
        assert!(refused.contains(cause), "refused, but because: {refused}");
    }
}

#[test]
fn a_proof_by_each_algorithm_is_accepted_once() {
    for key in [Idp::eddsa(), Idp::es256(), Idp::rs256(), Idp::ps256()] {
        let holder = Holder::new(key);
        for id in ["one", "another"] {
            let proof = holder.proof(id);
            holder.try_with(Some(&proof)).unwrap();
            holder.assert_refused(&proof, "used before");
        }
        // The same id in another proof.
        holder.assert_refused(&holder.with("one", "iat", json!(at(11).timestamp())), "used before");
    }
}

#[test]
fn a_token_with_a_key_is_no_bearers_and_one_without_needs_none() {
    let holder = Holder::new(Idp::es256());
    // Before it is remembered and after.
    for id in ["one", "another"] {
        let bearer = holder.issuers.verify(&holder.token, at(10)).unwrap_err();
        assert!(bearer.cause().contains("came as a bearer's"), "{}", bearer.cause());
        assert!(holder.try_with(None).unwrap_err().contains("not exactly one"));
        holder.try_with(Some(&holder.proof(id))).unwrap();
    }
    let free = holder.idp.sign(&Idp::claims());
    let proof = holder.proof("third");
    let proof = Some(Proof { header: Some(&proof), path: PATH });
    let refused = holder.issuers.verify(Presented { proof, ..free.as_str().into() }, at(10));
    assert!(refused.unwrap_err().cause().contains("has no key"));
}

#[test]
fn both_bindings_count_where_there_are_both() {
    let mut holder = Holder::new(Idp::es256());
    let certificate = Some([1; 32]);
    let jkt = holder.key.jwk().thumbprint(ThumbprintHash::SHA256).unwrap();
    let mut claims = Idp::claims();
    claims["cnf"] = json!({ "x5t#S256": URL_SAFE_NO_PAD.encode([1; 32]), "jkt": jkt });
    holder.token = holder.idp.sign(&claims);
    let proof = holder.proof("one");
    let proof = Some(Proof { header: Some(&proof), path: PATH });
    let token = Presented::from(&holder.token);
    let verify = |presented: Presented<'_>| holder.issuers.verify(presented, at(10)).is_ok();
    assert!(!verify(Presented { proof, ..token }));
    assert!(!verify(Presented { certificate, ..token }));
    assert!(verify(Presented { proof, certificate, ..token }));
}

#[test]
fn a_proof_is_for_this_call_alone() {
    let holder = Holder::new(Idp::es256());
    for method in ["GET", "post", ""] {
        holder.assert_refused(&holder.with("1", "htm", json!(method)), "another method");
    }
    let other = "https://pim.example/pim.activation.v1.ActivationService/RevokeActivation";
    let below = format!("https://pim.example/x{PATH}");
    for address in [other, &below, "https://pim.example", PATH, "", "file:///x"] {
        holder.assert_refused(&holder.with("1", "htu", json!(address)), "another address");
    }
    let others = URL_SAFE_NO_PAD.encode(digest(&SHA256, b"another token"));
    holder.assert_refused(&holder.with("1", "ath", json!(others)), "another token");
    for seconds in [-21, 41] {
        let made = json!(at(seconds).timestamp());
        holder.assert_refused(&holder.with("1", "iat", made), "not made now");
    }
    for id in ["", &"x".repeat(256)] {
        holder.assert_refused(&holder.with(id, "jti", json!(id)), "id is empty or too long");
    }
    for name in ["jti", "htm", "htu", "ath", "iat"] {
        let mut claims = holder.claims("1");
        claims.as_object_mut().unwrap().remove(name);
        holder.assert_refused(&holder.key.sign_raw(&holder.header(), &claims), "missing field");
    }
    // Nothing of that has used the id. Query and fragment do not count, nor does the port that is
    // meant anyway, nor thirty seconds.
    let address = format!("https://pim.example:443{PATH}?q=1#f");
    holder.try_with(Some(&holder.with("1", "htu", json!(address)))).unwrap();
    for seconds in [-20, 40] {
        let made = json!(at(seconds).timestamp());
        holder.try_with(Some(&holder.with(&seconds.to_string(), "iat", made))).unwrap();
    }
}

#[test]
fn a_proof_is_by_the_tokens_key() {
    let holder = Holder::new(Idp::es256());
    let claims = holder.claims("1");
    let sign = |change: fn(&mut Value)| {
        let mut header = holder.header();
        change(&mut header);
        holder.key.sign_raw(&header, &claims)
    };
    holder.assert_refused(&sign(|header| header["typ"] = json!("JWT")), "its type");
    holder.assert_refused(&sign(|header| header["typ"] = json!(null)), "its type");
    holder.assert_refused(&sign(|header| header["crit"] = json!(["x"])), "critical");
    holder.assert_refused(&sign(|header| header["jwk"] = json!(null)), "no key");
    holder.assert_refused(&sign(|header| header["jwk"]["d"] = json!("AAAA")), "a private one");
    let shared = json!({ "kty": "oct", "k": "c2VjcmV0" });
    let mut header = holder.header();
    header["jwk"] = shared;
    holder.assert_refused(&holder.key.sign_raw(&header, &claims), "a private one");
    for algorithm in ["RS256", "EdDSA", "HS256", "ES384"] {
        let mut header = holder.header();
        header["alg"] = json!(algorithm);
        let proof = holder.key.sign_raw(&header, &claims);
        holder.assert_refused(&proof, &format!("algorithm {algorithm} is not allowed"));
    }
    holder.assert_refused(&sign(|header| header["alg"] = json!("none")), "header");
    // A thief has another key, or the holder's public one alone.
    let thief = Idp::es256();
    let mut header = holder.header();
    holder.assert_refused(&thief.sign_raw(&header, &claims), "InvalidSignature");
    header["jwk"] = json!(thief.jwk());
    holder.assert_refused(&thief.sign_raw(&header, &claims), "another key");
    let unsigned = format!("{}.{}.", encode(&holder.header()), encode(&claims));
    holder.assert_refused(&unsigned, "InvalidSignature");
    for rubbish in ["", ".", "a.b.c", &"x".repeat(4_097)] {
        assert!(holder.try_with(Some(rubbish)).is_err());
    }
    holder.try_with(Some(&holder.key.sign_raw(&holder.header(), &claims))).unwrap();
}

#[test]
fn the_issuers_entry_says_which_algorithms_and_which_addresses() {
    let narrowed = Holder::of(Idp::es256(), |entry| entry["dpop_algorithms"] = json!(["EdDSA"]));
    narrowed.assert_refused(&narrowed.proof("1"), "algorithm ES256 is not allowed");
    let own = Holder::of(Idp::es256(), |entry| {
        entry["dpop_origins"] = json!(["https://PIM.example:443", "http://127.0.0.1:7700"]);
    });
    own.try_with(Some(&own.proof("1"))).unwrap();
    own.try_with(Some(&own.with("2", "htu", json!(format!("HTTP://127.0.0.1:7700{PATH}")))))
        .unwrap();
    for origin in [
        "https://evil.example",
        "http://pim.example",
        "https://pim.example:8443",
        "https://pim.example@evil.example",
        "http://127.0.0.1",
    ] {
        let proof = own.with("3", "htu", json!(format!("{origin}{PATH}")));
        own.assert_refused(&proof, "another address");
    }
}
