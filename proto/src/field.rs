//! Parsing single fields of a request. What does not parse is named by its path, with the limit
//! and what was given, so that a caller can mend it without reading the contract.

mod time;

use std::{error::Error, fmt};

use pim_domain::{
    id::Id,
    justification::Justification,
    scope::{Scope, ScopeError},
    text::{self, NAME_CHARS_MAX, Ticket},
};
use uuid::Uuid;

pub use time::{duration, duration_from_zero, end_after, positive_duration, timestamp};

use crate::r#type::v1;

/// Characters of a refused text that its description repeats, at most.
pub const GIVEN_CHARS_MAX: usize = 64;
/// Bytes in an etag, at most.
pub const ETAG_BYTES_MAX: usize = 128;
/// Bytes in a page token or a position, at most.
pub const TOKEN_BYTES_MAX: usize = 4_096;

/// A field that does not parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// The field's path in the request: `ticket.number`, `administrators[1].issuer`.
    pub path: String,
    /// What is wrong: the limit and what was given.
    pub description: String,
}

impl FieldViolation {
    /// The field at `path` is wrong.
    #[must_use]
    pub fn new(path: impl Into<String>, description: impl Into<String>) -> Self {
        Self { path: path.into(), description: description.into() }
    }

    /// The field at `path` is absent and must not be.
    #[must_use]
    pub fn required(path: &str) -> Self {
        Self::new(path, "is required; none was given")
    }
}

impl fmt::Display for FieldViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.description)
    }
}

impl Error for FieldViolation {}

/// Puts the path of a message before that of its field.
pub trait Nested {
    /// An error at `number` becomes one at `ticket.number`.
    #[must_use]
    fn field(self, parent: impl fmt::Display) -> Self;
}

impl<T> Nested for Result<T, FieldViolation> {
    fn field(self, parent: impl fmt::Display) -> Self {
        self.map_err(|violation| {
            FieldViolation::new(format!("{parent}.{}", violation.path), violation.description)
        })
    }
}

/// Turns the absence of what is required into a violation.
pub trait Required<T> {
    /// The value.
    ///
    /// # Errors
    /// It is absent.
    fn required(self, path: &str) -> Result<T, FieldViolation>;
}

impl<T> Required<T> for Option<T> {
    fn required(self, path: &str) -> Result<T, FieldViolation> {
        self.ok_or_else(|| FieldViolation::required(path))
    }
}

/// A UUID in its hyphenated form, and no other form.
///
/// # Errors
/// It is absent or anything else.
pub fn uuid(text: &str, path: &str) -> Result<Uuid, FieldViolation> {
    optional_uuid(text, path)?.required(path)
}

/// A UUID in its hyphenated form; empty is none.
///
/// # Errors
/// It is anything else.
pub fn optional_uuid(text: &str, path: &str) -> Result<Option<Uuid>, FieldViolation> {
    if text.is_empty() {
        return Ok(None);
    }
    Uuid::try_parse(text)
        .ok()
        .filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH)
        .map(Some)
        .ok_or_else(|| {
            let description = format!("must be a UUID of 36 characters; it is {}", given(text));
            FieldViolation::new(path, description)
        })
}

/// The id of a `T`.
///
/// # Errors
/// It is absent or not a UUID.
pub fn id<T>(text: &str, path: &str) -> Result<Id<T>, FieldViolation> {
    uuid(text, path).map(Id::from)
}

/// The id of a `T`; empty is none.
///
/// # Errors
/// It is not a UUID.
pub fn optional_id<T>(text: &str, path: &str) -> Result<Option<Id<T>>, FieldViolation> {
    Ok(optional_uuid(text, path)?.map(Id::from))
}

/// A scope.
///
/// # Errors
/// It is absent or malformed.
pub fn scope(text: &str, path: &str) -> Result<Scope, FieldViolation> {
    optional_scope(text, path)?.required(path)
}

/// A scope; empty is none.
///
/// # Errors
/// It is malformed.
pub fn optional_scope(text: &str, path: &str) -> Result<Option<Scope>, FieldViolation> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| {
        let limit = match error {
            // A segment may be long, and is shortened here.
            ScopeError::Segment(segment) => {
                format!("has an empty, dot or malformed segment: {}", given(&segment))
            }
            ScopeError::NotAbsolute
            | ScopeError::TooLong
            | ScopeError::Collection
            | ScopeError::Group => error.to_string(),
        };
        FieldViolation::new(path, format!("{limit}; it is {}", given(text)))
    })
}

/// A justification; an empty one is judged by the policy.
///
/// # Errors
/// A refused character, too long, or what is shown in place of one that was erased.
pub fn justification(text: String) -> Result<Justification, FieldViolation> {
    text::justification(text)
        .map_err(|error| FieldViolation::new("justification", error.to_string()))
}

/// A name of 1 to `chars_max` characters on one line.
///
/// # Errors
/// It is absent or blank, too long, or has a refused character.
pub fn name(text: String, path: &str, chars_max: usize) -> Result<String, FieldViolation> {
    if text.is_empty() {
        return Err(FieldViolation::required(path));
    }
    text::name(text, chars_max).map_err(|error| FieldViolation::new(path, error.to_string()))
}

/// A text of several lines and at most `bytes_max` bytes.
///
/// # Errors
/// It is absent or blank, too long, or has a refused character.
pub fn lines(text: String, path: &str, bytes_max: usize) -> Result<String, FieldViolation> {
    if text.is_empty() {
        return Err(FieldViolation::required(path));
    }
    text::lines(text, bytes_max).map_err(|error| FieldViolation::new(path, error.to_string()))
}

/// A text to look for, of at most `NAME_CHARS_MAX` characters; empty is any.
///
/// # Errors
/// It is blank, too long, or has a refused character.
pub fn contains(text: String, path: &str) -> Result<String, FieldViolation> {
    if text.is_empty() { Ok(text) } else { name(text, path, NAME_CHARS_MAX) }
}

/// The etag of something that was read.
///
/// # Errors
/// It is absent, too long, or not printable ASCII.
pub fn etag(text: String) -> Result<String, FieldViolation> {
    Some(opaque(text, "etag", ETAG_BYTES_MAX)?).filter(|etag| !etag.is_empty()).required("etag")
}

/// What this system gave out and gets back; empty is none.
///
/// # Errors
/// It is too long, or not printable ASCII.
pub fn opaque(text: String, path: &str, bytes_max: usize) -> Result<String, FieldViolation> {
    if text.len() > bytes_max || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let description = format!(
            "must be as it was given out, at most {bytes_max} printable ASCII characters; it is {}",
            given(&text)
        );
        return Err(FieldViolation::new(path, description));
    }
    Ok(text)
}

/// A ticket; both of its parts, or none at all.
///
/// # Errors
/// A part is absent, too long, or has a refused character.
pub fn ticket(ticket: Option<v1::Ticket>) -> Result<Option<Ticket>, FieldViolation> {
    let Some(v1::Ticket { number, system }) = ticket else { return Ok(None) };
    let number = name(number, "number", NAME_CHARS_MAX).field("ticket")?;
    let system = name(system, "system", NAME_CHARS_MAX).field("ticket")?;
    Ok(Some(Ticket { number, system }))
}

/// The beginning of a refused text, with everything escaped that is not plainly visible.
pub(crate) fn given(text: &str) -> String {
    match text.char_indices().nth(GIVEN_CHARS_MAX) {
        Some((cut, _)) => format!("{:?} and more", &text[..cut]),
        None => format!("{text:?}"),
    }
}
