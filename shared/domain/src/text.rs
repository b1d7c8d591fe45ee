//! Text that people write: what is refused (`spec` 13: NUL, controls, bidirectional overrides) and
//! how long it may be. Stored as it came, byte for byte.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::justification::{ERASED, Justification};

/// Code points in a justification, at most, after NFC.
pub const JUSTIFICATION_CHARS_MAX: usize = 1_000;
/// Bytes in a justification, at most, after NFC.
pub const JUSTIFICATION_BYTES_MAX: usize = 4_096;
/// Code points in a display name or a part of a ticket, at most.
pub const NAME_CHARS_MAX: usize = 256;

/// Why a text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// A character that hides what is written or breaks what reads it.
    #[error("must not contain the character U+{:04X}", *.0 as u32)]
    Character(char),
    /// Too many code points or bytes.
    #[error(
        "must have at most {chars_max} characters and {bytes_max} bytes; it has {chars} and {bytes}"
    )]
    TooLong {
        /// Code points permitted.
        chars_max: usize,
        /// Bytes permitted.
        bytes_max: usize,
        /// Code points given.
        chars: usize,
        /// Bytes given.
        bytes: usize,
    },
    /// What is shown in place of something else.
    #[error("must not be {0:?}, which stands for what was erased")]
    Reserved(&'static str),
    /// Nothing but white space where something is required.
    #[error("must not be blank")]
    Blank,
}

/// `text` if it may be a justification; an empty one is permitted here and judged by the policy.
///
/// # Errors
/// A refused character, too long, or what is shown in place of one that was erased.
pub fn justification(text: String) -> Result<Justification, TextError> {
    if text.trim() == ERASED {
        return Err(TextError::Reserved(ERASED));
    }
    bounded(text, JUSTIFICATION_CHARS_MAX, JUSTIFICATION_BYTES_MAX).map(Justification::new)
}

/// `text` if it may be a name or a part of a ticket: not blank, on one line.
///
/// # Errors
/// A refused character, blank, or too long.
pub fn name(text: String, chars_max: usize) -> Result<String, TextError> {
    if let Some(bad) = text.chars().find(|c| matches!(c, '\n' | '\t')) {
        return Err(TextError::Character(bad));
    }
    if is_blank(&text) {
        return Err(TextError::Blank);
    }
    bounded(text, chars_max, chars_max * 4)
}

/// `text` if it may be one of several lines that a program reads: not blank.
///
/// # Errors
/// A refused character, blank, or too long.
pub fn lines(text: String, bytes_max: usize) -> Result<String, TextError> {
    if is_blank(&text) {
        return Err(TextError::Blank);
    }
    bounded(text, bytes_max, bytes_max)
}

/// Whether there is nothing to read in it: white space and invisible format characters only.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
    })
}

fn bounded(text: String, chars_max: usize, bytes_max: usize) -> Result<String, TextError> {
    if let Some(bad) = text.chars().find(|c| is_refused(*c)) {
        return Err(TextError::Character(bad));
    }
    let (mut chars, mut bytes) = (0, 0);
    for c in text.nfc() {
        chars += 1;
        bytes += c.len_utf8();
    }
    if chars > chars_max || bytes > bytes_max {
        return Err(TextError::TooLong { chars_max, bytes_max, chars, bytes });
    }
    Ok(text)
}

/// Whether a character hides what is written or breaks what reads it.
pub(crate) fn is_refused(c: char) -> bool {
    let bidirectional = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (c.is_control() && c != '\n' && c != '\t') || bidirectional
}

/// A reference to a change or incident in another system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The ticket's number there.
    pub number: String,
    /// The name of that system.
    pub system: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_hide_something_are_refused() {
        for bad in ['\0', '\u{7f}', '\u{85}', '\u{1b}', '\r', '\u{202e}', '\u{2066}'] {
            assert_eq!(justification(format!("a{bad}b")), Err(TextError::Character(bad)));
        }
        assert!(justification("two\nlines\tand a tab".into()).is_ok());
        assert!(name("two\nlines".into(), 10).is_err());
        assert!(justification(format!(" {ERASED}")).is_err());
    }

    #[test]
    fn length_counts_code_points_and_bytes_after_composing() {
        assert!(justification("e\u{301}".repeat(1_000)).is_ok());
        assert!(justification("x".repeat(1_001)).is_err());
        assert!(justification("\u{1f600}".repeat(1_000)).is_ok());
        assert!(justification("x\u{334}\u{335}".repeat(400)).is_err());
    }

    #[test]
    fn blank_is_what_nobody_can_read() {
        assert!(is_blank(" \n\u{200b}\u{a0}"));
        assert!(!is_blank(" x "));
        assert_eq!(name("  ".into(), 10), Err(TextError::Blank));
    }
}
