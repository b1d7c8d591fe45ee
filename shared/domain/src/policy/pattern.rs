//! What a ticket's number must look like.

use serde::{Deserialize, Serialize};

/// Characters in a ticket pattern, at most.
pub const TICKET_PATTERN_CHARS_MAX: usize = 256;
/// Memory that a compiled ticket pattern may take, at most.
const TICKET_PATTERN_BYTES_MAX: usize = 64 * 1_024;

/// A regular expression that the whole ticket number must match: without look-around and
/// back-references, so matched in linear time, and bounded in size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TicketPattern(String);

/// A text that is not such an expression, or too large.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a regular expression of at most {TICKET_PATTERN_CHARS_MAX} characters: {0}")]
pub struct PatternError(String);

impl TicketPattern {
    /// Whether the whole of `number` matches.
    #[must_use]
    pub fn matches(&self, number: &str) -> bool {
        compile(&self.0).is_ok_and(|pattern| pattern.is_match(number))
    }

    /// Whether it is the empty pattern, which unsets the rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn compile(pattern: &str) -> Result<regex_lite::Regex, regex_lite::Error> {
    regex_lite::RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(TICKET_PATTERN_BYTES_MAX)
        .build()
}

impl TryFrom<String> for TicketPattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        let chars = text.chars().count();
        if chars > TICKET_PATTERN_CHARS_MAX {
            return Err(PatternError(format!("it has {chars}")));
        }
        // Alone first: a closing parenthesis must not end the group that anchors it.
        regex_lite::Regex::new(&text)
            .and_then(|_| compile(&text))
            .map_err(|error| PatternError(error.to_string()))?;
        Ok(Self(text))
    }
}

impl From<TicketPattern> for String {
    fn from(pattern: TicketPattern) -> String {
        pattern.0
    }
}
