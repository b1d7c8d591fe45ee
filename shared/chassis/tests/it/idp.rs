//! An identity provider that signs whatever a test asks it to.

use std::path::Path;

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::{DateTime, Utc};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, JwkSet},
};
use pim_chassis::auth::Issuers;
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://idp.example";
pub(crate) const AUDIENCE: &str = "pim";
pub(crate) const TENANT: &str = "0190f3c0-0000-7000-8000-000000000001";
pub(crate) const KID: &str = "key 1";

pub(crate) struct Idp {
    pub(crate) algorithm: Algorithm,
    key: EncodingKey,
}

pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

impl Idp {
    pub(crate) fn eddsa() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
        Self { algorithm: Algorithm::EdDSA, key: EncodingKey::from_ed_der(document.as_ref()) }
    }

    pub(crate) fn es256() -> Self {
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .unwrap();
        Self { algorithm: Algorithm::ES256, key: EncodingKey::from_ec_der(document.as_ref()) }
    }

    pub(crate) fn rs256() -> Self {
        Self::rsa(Algorithm::RS256)
    }

    pub(crate) fn ps256() -> Self {
        Self::rsa(Algorithm::PS256)
    }

    fn rsa(algorithm: Algorithm) -> Self {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(pair.as_der().unwrap().as_ref())
        );
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        Self { algorithm, key }
    }

    /// The same key, for the other algorithm that it can sign by.
    pub(crate) fn as_rs256(&self) -> Self {
        Self { algorithm: Algorithm::RS256, key: self.key.clone() }
    }

    pub(crate) fn jwk(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(KID.to_owned());
        jwk
    }

    /// The issuer's entry in the issuers file: principals of one tenant.
    pub(crate) fn entry(&self) -> Value {
        json!({
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "algorithms": [format!("{:?}", self.algorithm)],
            "jwks": JwkSet { keys: vec![self.jwk()] },
            "kind": "PRINCIPALS",
            "tenant": TENANT,
        })
    }

    pub(crate) fn issuers(&self) -> Issuers {
        issuers(&[self.entry()])
    }

    pub(crate) fn header(&self) -> Header {
        Header { kid: Some(KID.to_owned()), ..Header::new(self.algorithm) }
    }

    /// Good claims, valid from `at(0)` to `at(600)`.
    pub(crate) fn claims() -> Value {
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "alice",
            "iat": at(0).timestamp(), "exp": at(600).timestamp(),
        })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    pub(crate) fn sign_with(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.key).unwrap()
    }

    /// A token whose header is any JSON, signed all the same.
    pub(crate) fn sign_raw(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        format!("{message}.{}", self.sign_message(&message))
    }

    pub(crate) fn sign_message(&self, message: &str) -> String {
        jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap()
    }
}

pub(crate) fn issuers(entries: &[Value]) -> Issuers {
    Issuers::parse(&json!(entries).to_string(), Path::new(".")).unwrap()
}

pub(crate) fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
