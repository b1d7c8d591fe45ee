//! Justifications: why somebody did something, in their own words. That is personal data, and the
//! log never forgets; so the log and all state hold only a commitment to the words, and the words
//! stand aside with their salt, where they can be erased. Nothing that was proven changes by that.
//!
//! The commitment is SHA-256 over the salt, which has 32 random bytes, and the words in UTF-8.
//! Whoever has both can show that these were the words; without the salt not even a right guess can
//! be confirmed.

use std::{
    cell::Cell,
    collections::HashMap,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What is shown in place of words that were erased. Nobody can write it.
pub const ERASED: &str = "[erased]";
/// Bytes of a salt.
pub const SALT_BYTES: usize = 32;

/// The name of a commitment in JSON: no object of the log has a field of that name but this one.
const COMMITMENT: &str = "commitment";
/// The name of the words beside it, where they have been joined.
const TEXT: &str = "text";

/// What the words of a justification are committed to by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment([u8; 32]);

impl Commitment {
    /// To these words, by this salt.
    #[must_use]
    pub fn to(salt: &[u8; SALT_BYTES], text: &str) -> Self {
        Self(Sha256::new().chain_update(salt).chain_update(text).finalize().into())
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Commitment {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

/// In hexadecimal digits.
impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Commitment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = "a commitment has 64 hexadecimal digits";
        let digits = text.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(malformed);
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| malformed)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| malformed)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Commitment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Commitment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Why somebody did something; empty where they said nothing. Dereferences to the words. Two are
/// equal where they are committed to alike: the same words written twice are two.
///
/// As JSON it is its commitment and never its words, so that nothing which is hashed or kept has
/// them; empty, it is an empty string.
#[derive(Clone, Default)]
pub struct Justification(Option<Box<Said>>);

#[derive(Clone)]
struct Said {
    commitment: Commitment,
    words: Words,
}

#[derive(Clone)]
enum Words {
    /// Written just now, and to be stored with the event that tells of it.
    New { salt: [u8; SALT_BYTES], text: String },
    /// Read from where they stand. Never written again: they may have been erased meanwhile.
    Kept(String),
    /// Erased, or not read.
    Absent,
}

/// Words that must be stored beside the event that commits to them.
#[derive(Clone, Copy)]
pub struct NewWords<'a> {
    /// What the event says.
    pub commitment: Commitment,
    /// By which salt.
    pub salt: &'a [u8; SALT_BYTES],
    /// The words.
    pub text: &'a str,
}

impl Justification {
    /// Of words that somebody has just written, with a salt of their own.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() {
            return Self::default();
        }
        let mut salt = [0; SALT_BYTES];
        let (one, other) = salt.split_at_mut(SALT_BYTES / 2);
        // From the system's source of randomness, 122 bits each.
        one.copy_from_slice(Uuid::new_v4().as_bytes());
        other.copy_from_slice(Uuid::new_v4().as_bytes());
        let commitment = Commitment::to(&salt, &text);
        Self(Some(Box::new(Said { commitment, words: Words::New { salt, text } })))
    }

    /// What it is committed to by; `None` where nothing was said.
    #[must_use]
    pub fn commitment(&self) -> Option<Commitment> {
        self.0.as_ref().map(|said| said.commitment)
    }

    /// The words, where they were written just now.
    #[must_use]
    pub fn new_words(&self) -> Option<NewWords<'_>> {
        let Said { commitment, words } = &**self.0.as_ref()?;
        match words {
            Words::New { salt, text } => Some(NewWords { commitment: *commitment, salt, text }),
            Words::Kept(_) | Words::Absent => None,
        }
    }

    /// Puts the words in that are known of its commitment, and leaves none that are not.
    pub fn join(&mut self, known: &HashMap<Commitment, String>) {
        if let Some(said) = &mut self.0 {
            said.words = match known.get(&said.commitment) {
                Some(text) => Words::Kept(text.clone()),
                None => Words::Absent,
            };
        }
    }
}

impl Deref for Justification {
    type Target = str;

    fn deref(&self) -> &str {
        match self.0.as_ref().map(|said| &said.words) {
            None => "",
            Some(Words::New { text, .. } | Words::Kept(text)) => text,
            Some(Words::Absent) => ERASED,
        }
    }
}

impl PartialEq for Justification {
    fn eq(&self, other: &Self) -> bool {
        self.commitment() == other.commitment()
    }
}
impl Eq for Justification {}
impl Hash for Justification {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.commitment().hash(state);
    }
}

impl PartialEq<&str> for Justification {
    fn eq(&self, other: &&str) -> bool {
        &**self == *other
    }
}

/// Without the words: they do not belong into the log of a process.
impl fmt::Debug for Justification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(said) => write!(f, "Justification({})", said.commitment),
            None => f.write_str("Justification()"),
        }
    }
}

impl From<&str> for Justification {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// The words, to be shown.
impl From<Justification> for String {
    fn from(justification: Justification) -> Self {
        (*justification).to_owned()
    }
}

thread_local! {
    static SPELLED_OUT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with justifications that are their words as JSON, and no commitment: for what
/// compares two requests and keeps nothing, because a request that is repeated has another salt.
pub fn spelled_out<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            SPELLED_OUT.set(self.0);
        }
    }
    let _restore = Restore(SPELLED_OUT.replace(true));
    work()
}

impl Serialize for Justification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(said) if !SPELLED_OUT.get() => {
                Joined { commitment: said.commitment, text: None }.serialize(serializer)
            }
            Some(_) | None => serializer.serialize_str(self),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Joined {
    commitment: Commitment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl<'de> Deserialize<'de> for Justification {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Joined(Joined),
            Bare(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Joined(Joined { commitment, text }) => {
                let words = text.map_or(Words::Absent, Words::Kept);
                Ok(Self(Some(Box::new(Said { commitment, words }))))
            }
            Form::Bare(text) if text.is_empty() => Ok(Self::default()),
            Form::Bare(_) => Err(D::Error::custom("words without a commitment")),
        }
    }
}

/// The commitments in a JSON value, wherever they are.
pub fn commitments(value: &Value, found: &mut Vec<Commitment>) {
    match value {
        Value::Object(fields) => match commitment(fields) {
            Some(commitment) => found.push(commitment),
            None => fields.values().for_each(|value| commitments(value, found)),
        },
        Value::Array(values) => values.iter().for_each(|value| commitments(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Puts the words beside the commitments in a JSON value of which they are known.
pub fn join(value: &mut Value, known: &HashMap<Commitment, String>) {
    match value {
        Value::Object(fields) => match commitment(fields) {
            Some(commitment) => {
                if let Some(text) = known.get(&commitment) {
                    fields.insert(TEXT.to_owned(), Value::String(text.clone()));
                }
            }
            None => fields.values_mut().for_each(|value| join(value, known)),
        },
        Value::Array(values) => values.iter_mut().for_each(|value| join(value, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A JSON value for people: with the words in place of their commitments.
pub fn show(value: &mut Value) {
    match value {
        Value::Object(fields) if commitment(fields).is_some() => {
            let text = fields.remove(TEXT).unwrap_or_else(|| Value::String(ERASED.to_owned()));
            *value = text;
        }
        Value::Object(fields) => fields.values_mut().for_each(show),
        Value::Array(values) => values.iter_mut().for_each(show),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn commitment(fields: &Map<String, Value>) -> Option<Commitment> {
    fields.get(COMMITMENT)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_kept_has_the_commitment_and_not_the_words() {
        let why = Justification::new("to mend the mail");
        let words = why.new_words().unwrap();
        assert_eq!(Commitment::to(words.salt, "to mend the mail"), words.commitment);
        let kept = serde_json::to_value(&why).unwrap();
        assert_eq!(kept, json!({"commitment": words.commitment.to_string()}));
        let back: Justification = serde_json::from_value(kept).unwrap();
        assert_eq!((&back, &*back), (&why, ERASED));
        assert!(back.new_words().is_none());
        assert!(!format!("{why:?}").contains("mail"));
    }

    #[test]
    fn the_same_words_are_committed_to_differently_each_time() {
        assert_ne!(Justification::new("x"), Justification::new("x"));
        assert_eq!(Justification::new(""), Justification::default());
        assert_eq!(serde_json::to_value(Justification::default()).unwrap(), "");
    }

    #[test]
    fn the_commitment_is_the_documented_one() {
        let commitment = Commitment::to(&[1; SALT_BYTES], "abc");
        let expected: [u8; 32] = Sha256::digest([&[1; SALT_BYTES][..], b"abc"].concat()).into();
        assert_eq!(commitment.as_bytes(), expected);
        assert_eq!(commitment.to_string().parse(), Ok(commitment));
        assert!("+1".repeat(32).parse::<Commitment>().is_err());
    }

    #[test]
    fn two_requests_are_compared_by_their_words() {
        let bytes = |text| serde_json::to_vec(&Justification::new(text)).unwrap();
        assert_eq!(spelled_out(|| bytes("x")), b"\"x\"");
        assert_ne!(bytes("x"), bytes("x"));
    }

    #[test]
    fn words_that_were_read_are_not_written_again_nor_kept_once_they_are_erased() {
        let mut why = Justification::new("known work");
        let commitment = why.commitment().unwrap();
        why.join(&HashMap::from([(commitment, "known work".to_owned())]));
        assert_eq!((&*why, why.commitment()), ("known work", Some(commitment)));
        assert!(why.new_words().is_none());
        why.join(&HashMap::new());
        assert_eq!((&*why, why.commitment()), (ERASED, Some(commitment)));
        // Words alone are none: nothing would say what they were.
        assert!(serde_json::from_value::<Justification>(json!("known work")).is_err());
    }

    #[test]
    fn words_are_joined_wherever_they_belong_and_shown_in_place() {
        let (why, gone) = (Justification::new("known work"), Justification::new("secret"));
        let mut value = json!({"decisions": [{"justification": why}], "by": {"why": gone}});
        let mut found = Vec::new();
        commitments(&value, &mut found);
        assert_eq!(found.len(), 2);
        let known = HashMap::from([(why.commitment().unwrap(), "known work".to_owned())]);
        join(&mut value, &known);
        let back: Justification =
            serde_json::from_value(value["decisions"][0]["justification"].clone()).unwrap();
        assert_eq!(back, "known work");
        show(&mut value);
        let shown = json!({"decisions": [{"justification": "known work"}], "by": {"why": ERASED}});
        assert_eq!(value, shown);
    }
}
