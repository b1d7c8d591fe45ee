//! What Postgres keeps of a password (RFC 5803): whoever has it can verify the password and not use
//! it.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2, rand};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// As Postgres itself does it.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4_096).unwrap();
const SALT_BYTES: usize = 16;

/// It has no character that would end a text in SQL.
pub(super) struct Verifier(String);

impl Verifier {
    /// Of a password in ASCII, with a salt of its own; `None` where there is no chance to be had.
    pub(super) fn of(password: &str) -> Option<Self> {
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut salt).ok()?;
        Some(Self::salted(password, &salt))
    }

    fn salted(password: &str, salt: &[u8]) -> Self {
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(algorithm, ITERATIONS, salt, password.as_bytes(), &mut salted);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
        let client = hmac::sign(&key, b"Client Key");
        let stored = digest::digest(&digest::SHA256, client.as_ref());
        let server = hmac::sign(&key, b"Server Key");
        let [salt, stored, server] =
            [salt, stored.as_ref(), server.as_ref()].map(|bytes| STANDARD.encode(bytes));
        Self(format!("SCRAM-SHA-256${ITERATIONS}:{salt}${stored}:{server}"))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677, section 3, whose user "user" has the password "pencil": the keys are
    /// right if the proof and the signature of its messages are those of the keys.
    #[test]
    fn it_verifies_the_exchange_of_the_standard() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = Verifier::salted("pencil", &salt);
        let (_, keys) = verifier.as_str().rsplit_once('$').unwrap();
        let (stored, server) = keys.split_once(':').unwrap();
        let [stored, server] = [stored, server].map(|key| STANDARD.decode(key).unwrap());
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,\
                       r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                       s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
                       c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let sign = |key: &[u8]| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
        };
        let signature = STANDARD.encode(sign(&server));
        assert_eq!(signature, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        let proof = STANDARD.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let key: Vec<u8> =
            proof.iter().zip(sign(&stored)).map(|(one, other)| one ^ other).collect();
        assert_eq!(digest::digest(&digest::SHA256, &key).as_ref(), stored);
    }
}
