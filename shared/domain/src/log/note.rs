//! Signed notes (C2SP signed-note, version 1): a text, an empty line, and signatures by named keys.
//! Of the kinds of signature only Ed25519 (type 1) is known; others are ignored, as they must be.

use std::{fmt, str::FromStr};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

/// Bytes of a note, at most.
pub const NOTE_BYTES_MAX: usize = 16_384;
/// Bytes of a private key's seed, and of a public key.
pub const KEY_BYTES: usize = 32;

/// Bytes of the key id in front of each signature.
const KEY_ID_BYTES: usize = 4;
/// The type of Ed25519 signatures.
const TYPE_ED25519: u8 = 1;
/// What a line with a signature begins with.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// A text that is no note or no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotANote {
    /// Not of the form of a note.
    #[error("not a signed note")]
    Note,
    /// Not of the form `name+id+key`, of another type than Ed25519, or with an id of another key.
    #[error("not the public key of a log, which is a name, an id and a key joined by +")]
    Key,
}

/// Why a note is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// None of the keys has signed it.
    #[error("no signature by a known key")]
    NoSignature,
    /// A signature in the name of a known key is not by it.
    #[error("a signature does not verify")]
    BadSignature,
}

/// A text and who has signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// One signature of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    name: String,
    key_id: [u8; KEY_ID_BYTES],
    bytes: Vec<u8>,
}

/// A public key with the name under which it signs. As text `name+id+key`, which is what auditors
/// keep.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: String,
    public: [u8; KEY_BYTES],
}

/// A private key. It signs under any name: each log has its own.
pub struct Signer {
    pair: Ed25519KeyPair,
    public: [u8; KEY_BYTES],
}

impl Note {
    /// `text`, which ends with a newline, signed under `name` by each of `signers`.
    #[must_use]
    pub fn signed(text: String, name: &str, signers: &[&Signer]) -> Self {
        let signatures = signers.iter().map(|signer| signer.sign(name, &text)).collect();
        Self { text, signatures }
    }

    /// What is signed, with its last newline. To be believed only after [`Note::verify`].
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether one of `keys` has signed it. Signatures of others are ignored.
    ///
    /// # Errors
    /// None has, or something is signed in the name of one that is not by it.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<(), Unverified> {
        let mut verified = Err(Unverified::NoSignature);
        for signature in &self.signatures {
            let known =
                |key: &&VerifierKey| key.name == signature.name && key.id() == signature.key_id;
            if let Some(key) = keys.iter().find(known) {
                key.verify(&self.text, &signature.bytes)?;
                verified = Ok(());
            }
        }
        verified
    }
}

impl FromStr for Note {
    type Err = NotANote;

    fn from_str(note: &str) -> Result<Self, NotANote> {
        let is_control = |character: char| character < ' ' && character != '\n';
        if note.len() > NOTE_BYTES_MAX || note.contains(is_control) {
            return Err(NotANote::Note);
        }
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NotANote::Note)?;
        let signatures = signatures.strip_suffix('\n').ok_or(NotANote::Note)?;
        let signatures =
            signatures.split('\n').map(Signature::from_line).collect::<Result<_, _>>()?;
        Ok(Self { text: format!("{text}\n"), signatures })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| {
            let mut bytes = signature.key_id.to_vec();
            bytes.extend_from_slice(&signature.bytes);
            writeln!(f, "{SIGNATURE_PREFIX}{} {}", signature.name, STANDARD.encode(bytes))
        })
    }
}

impl Signature {
    fn from_line(line: &str) -> Result<Self, NotANote> {
        let rest = line.strip_prefix(SIGNATURE_PREFIX).ok_or(NotANote::Note)?;
        let (name, base64) = rest.split_once(' ').ok_or(NotANote::Note)?;
        let bytes = STANDARD.decode(base64).map_err(|_| NotANote::Note)?;
        let (key_id, bytes) = bytes.split_first_chunk().ok_or(NotANote::Note)?;
        if !is_name(name) || bytes.is_empty() {
            return Err(NotANote::Note);
        }
        Ok(Self { name: name.to_owned(), key_id: *key_id, bytes: bytes.to_vec() })
    }
}

impl VerifierKey {
    /// The same key under the name of another log: one installation signs all of its logs with it.
    #[must_use]
    pub fn under(&self, name: &str) -> Self {
        Self { name: name.to_owned(), public: self.public }
    }

    /// The name under which it signs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> [u8; KEY_ID_BYTES] {
        key_id(&self.name, &self.public)
    }

    fn verify(&self, text: &str, signature: &[u8]) -> Result<(), Unverified> {
        UnparsedPublicKey::new(&ED25519, self.public)
            .verify(text.as_bytes(), signature)
            .map_err(|_| Unverified::BadSignature)
    }
}

impl FromStr for VerifierKey {
    type Err = NotANote;

    fn from_str(text: &str) -> Result<Self, NotANote> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NotANote::Key);
        };
        let bytes = STANDARD.decode(key).map_err(|_| NotANote::Key)?;
        let (&[kind], public) = bytes.split_first_chunk().ok_or(NotANote::Key)?;
        let public = public.try_into().map_err(|_| NotANote::Key)?;
        let key = Self { name: name.to_owned(), public };
        if !is_name(name) || kind != TYPE_ED25519 || hexadecimal(key.id()) != id {
            return Err(NotANote::Key);
        }
        Ok(key)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![TYPE_ED25519];
        bytes.extend_from_slice(&self.public);
        write!(f, "{}+{}+{}", self.name, hexadecimal(self.id()), STANDARD.encode(bytes))
    }
}

impl Signer {
    /// The private key with this seed (RFC 8032); `None` where it makes no key.
    #[must_use]
    pub fn new(seed: &[u8; KEY_BYTES]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let public = pair.public_key().as_ref().try_into().ok()?;
        Some(Self { pair, public })
    }

    /// Its public key, under the name of a log.
    #[must_use]
    pub fn verifier(&self, name: &str) -> VerifierKey {
        VerifierKey { name: name.to_owned(), public: self.public }
    }

    fn sign(&self, name: &str, text: &str) -> Signature {
        Signature {
            name: name.to_owned(),
            key_id: key_id(name, &self.public),
            bytes: self.pair.sign(text.as_bytes()).as_ref().to_vec(),
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.contains(|character: char| character.is_whitespace() || character == '+')
}

fn key_id(name: &str, public: &[u8; KEY_BYTES]) -> [u8; KEY_ID_BYTES] {
    let hashed = Sha256::new().chain_update(name).chain_update([b'\n', TYPE_ED25519]);
    let [a, b, c, d, ..] = <[u8; 32]>::from(hashed.chain_update(public).finalize());
    [a, b, c, d]
}

fn hexadecimal(id: [u8; KEY_ID_BYTES]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}
