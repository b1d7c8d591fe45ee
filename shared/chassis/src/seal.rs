//! Sealed text: what a client carries for us and must not change (page tokens, revisions,
//! positions in a log).
//!
//! A sealed text is its payload and an HMAC over the payload, the purpose, and what it is bound
//! to (say the tenant and the other arguments of the list). It hides nothing: it is proof that
//! we wrote it, for this purpose, in this place.

use std::{fmt, fs, path::Path};

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{config::ConfigError, limits::SEALED_BYTES_MAX};

/// 128 bits of a tag cannot be guessed, and page tokens stay short.
const TAG_BYTES: usize = 16;

/// Seals text and opens what it has sealed. All replicas of a service share one key.
#[derive(Clone)]
pub struct Seal {
    key: hmac::Key,
}

impl Seal {
    /// A seal with this key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key) }
    }

    /// A seal whose key is in a file, as 64 hexadecimal digits.
    ///
    /// # Errors
    /// If the file cannot be read or holds something else.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        read_key(path, "token key").map(Self::new)
    }

    /// The sealed form of `payload`, which opens only with the same purpose and binding.
    #[must_use]
    pub fn seal(&self, purpose: &str, bound_to: &[&[u8]], payload: &[u8]) -> String {
        let tag = self.tag(purpose, bound_to, payload);
        let mut sealed = payload.to_vec();
        sealed.extend_from_slice(&tag.as_ref()[..TAG_BYTES]);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The payload, if we sealed it for this purpose and binding.
    #[must_use]
    pub fn open(&self, purpose: &str, bound_to: &[&[u8]], sealed: &str) -> Option<Vec<u8>> {
        if sealed.len() > SEALED_BYTES_MAX {
            return None;
        }
        let mut payload = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let given = payload.split_off(payload.len().checked_sub(TAG_BYTES)?);
        let tag = self.tag(purpose, bound_to, &payload);
        constant_time::verify_slices_are_equal(&tag.as_ref()[..TAG_BYTES], &given).ok()?;
        Some(payload)
    }

    /// What two payloads have in common only where they are the same. Without the key it confirms no
    /// guess, so that it may outlive a payload that is erased.
    #[must_use]
    pub fn digest(&self, purpose: &str, payload: &[u8]) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.tag(purpose, &[], payload).as_ref());
        digest
    }

    /// Each part is preceded by its length, so that ("ab", "c") and ("a", "bc") differ; the payload
    /// is always the last part.
    fn tag(&self, purpose: &str, bound_to: &[&[u8]], payload: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [purpose.as_bytes()].iter().chain(bound_to).chain([&payload]) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.sign()
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

/// A key of 64 hexadecimal digits in a file; `what` it is, for whoever has to mend it.
pub(crate) fn read_key(path: &Path, what: &str) -> Result<[u8; 32], ConfigError> {
    let text = fs::read_to_string(path).map_err(|error| {
        ConfigError::new(format!("cannot read the {what} file {}: {error}", path.display()))
    })?;
    parse_key(text.trim()).ok_or_else(|| {
        ConfigError::new(format!(
            "the {what} file {} must hold 64 hexadecimal digits and nothing else",
            path.display()
        ))
    })
}

fn parse_key(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; 32];
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let seal = Seal::new([7; 32]);
        let sealed = seal.seal("page", &[b"tenant", b"filter"], b"after 5");
        let open = |purpose, bound: &[&[u8]], text: &str| seal.open(purpose, bound, text);

        assert_eq!(open("page", &[b"tenant", b"filter"], &sealed).unwrap(), b"after 5");
        assert_eq!(open("revision", &[b"tenant", b"filter"], &sealed), None);
        assert_eq!(open("page", &[b"other", b"filter"], &sealed), None);
        assert_eq!(open("page", &[b"tenantf", b"ilter"], &sealed), None, "fields ran together");
        assert_eq!(open("page", &[b"tenant"], &sealed), None);
        assert_eq!(
            Seal::new([8; 32]).open("page", &[b"tenant", b"filter"], &sealed),
            None,
            "another key"
        );
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let seal = Seal::new([7; 32]);
        let sealed = URL_SAFE_NO_PAD.decode(seal.seal("page", &[], b"after 5")).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(seal.open("page", &[], &URL_SAFE_NO_PAD.encode(changed)), None);
        }
    }

    #[test]
    fn the_last_binding_is_not_the_payload() {
        let seal = Seal::new([7; 32]);
        let sealed = seal.seal("p", &[b"a"], b"b");
        let tag = &URL_SAFE_NO_PAD.decode(&sealed).unwrap()[1..];
        let forged = URL_SAFE_NO_PAD.encode([b"".as_slice(), tag].concat());
        assert_eq!(seal.open("p", &[b"a", b"b"], &forged), None);
    }

    #[test]
    fn rubbish_is_refused() {
        let seal = Seal::new([7; 32]);
        for text in ["", "AAAA", "not base64!", "=="] {
            assert_eq!(seal.open("page", &[], text), None, "{text}");
        }
        let long = seal.seal("page", &[], &vec![0; SEALED_BYTES_MAX]);
        assert_eq!(seal.open("page", &[], &long), None);
    }

    #[test]
    fn a_key_file_holds_64_hexadecimal_digits() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        fs::write(&path, format!("{}\n", "0f".repeat(32))).unwrap();
        let sealed = Seal::load(&path).unwrap().seal("p", &[], b"x");
        assert!(Seal::new([0x0f; 32]).open("p", &[], &sealed).is_some());

        for bad in ["", "0f", &"+f".repeat(32), &"0f".repeat(33)] {
            fs::write(&path, bad).unwrap();
            assert!(Seal::load(&path).unwrap_err().to_string().contains("64 hexadecimal"));
        }
    }
}
