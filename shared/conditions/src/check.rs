//! Whether a text is a condition: bounded, of the language, and of the schema.

use std::{fmt, str::FromStr as _, sync::LazyLock};

use cedar_policy::{Effect, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;

use super::{CONDITION_BYTES_MAX, deep};

/// What conditions can ask about, as a Cedar schema.
pub const SCHEMA: &str = include_str!("../conditions.cedarschema");

/// Policies that one condition may have.
pub const CONDITION_POLICIES_MAX: usize = 16;
/// How deep brackets may lie within each other in a condition.
pub const CONDITION_DEPTH_MAX: usize = 16;
/// Operators that a condition may have: in a chain of them each lies within the next.
pub const CONDITION_OPERATORS_MAX: usize = 256;

/// Why a text is not a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where in the text, from 1; absent where it is the whole.
    pub place: Option<Place>,
    /// What is wrong there.
    pub text: String,
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

static VALIDATOR: LazyLock<Result<Validator, String>> = LazyLock::new(|| {
    Schema::from_cedarschema_str(SCHEMA)
        .map(|(schema, _)| Validator::new(schema))
        .map_err(|error| error.to_string())
});

/// Passes a text that is a condition.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn check(text: &str) -> Result<(), Fault> {
    bounded(text)?;
    deep(|| of_schema(text))
}

fn of_schema(text: &str) -> Result<(), Fault> {
    let policies = PolicySet::from_str(text).map_err(|errors| {
        errors.iter().next().map_or_else(|| Fault::of_all("does not read"), |it| fault(text, it))
    })?;
    if policies.templates().next().is_some() {
        return Err(Fault::of_all("a policy with slots (?principal, ?resource) has no use here"));
    }
    let count = policies.num_of_policies();
    if count > CONDITION_POLICIES_MAX {
        let text = format!("at most {CONDITION_POLICIES_MAX} policies; there are {count}");
        return Err(Fault::of_all(text));
    }
    if !policies.policies().any(|policy| policy.effect() == Effect::Permit) {
        return Err(Fault::of_all("no policy permits anything, so that all is denied"));
    }
    let validator = VALIDATOR.as_ref().map_err(Fault::of_all)?;
    let found = validator.validate(&policies, ValidationMode::Strict);
    if let Some(error) = found.validation_errors().next() {
        return Err(fault(text, error));
    }
    // Such as a policy that can never match, or a name that only looks like another.
    found.validation_warnings().next().map_or(Ok(()), |warning| Err(fault(text, warning)))
}

/// Passes a text that costs little to read, whatever it says.
pub(crate) fn bounded(text: &str) -> Result<(), Fault> {
    let bytes = text.len();
    if bytes > CONDITION_BYTES_MAX {
        let text = format!("at most {CONDITION_BYTES_MAX} bytes; there are {bytes}");
        return Err(Fault::of_all(text));
    }
    let Extent { deepest, operators } = Extent::of(text);
    if deepest > CONDITION_DEPTH_MAX {
        let most = CONDITION_DEPTH_MAX;
        let text = format!("at most {most} brackets in each other; there are {deepest}");
        return Err(Fault::of_all(text));
    }
    if operators > CONDITION_OPERATORS_MAX {
        let most = CONDITION_OPERATORS_MAX;
        let text = format!("at most {most} operators; there are {operators}");
        return Err(Fault::of_all(text));
    }
    Ok(())
}

/// What decides how deep the parser has to go.
struct Extent {
    deepest: usize,
    operators: usize,
}

impl Extent {
    /// Of a text, without its strings and comments.
    fn of(text: &str) -> Self {
        let (mut depth, mut deepest, mut operators) = (0_usize, 0, 0);
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '"' => {
                    while let Some(inner) = letters.next().filter(|inner| *inner != '"') {
                        if inner == '\\' {
                            letters.next();
                        }
                    }
                }
                '/' if letters.peek() == Some(&'/') => {
                    letters.by_ref().find(|inner| *inner == '\n');
                }
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                '.' | '+' | '-' | '*' | '&' | '|' | '=' | '<' | '>' | '!' => {
                    // Of two letters, such as `&&`, the second belongs to the first.
                    letters.next_if(|next| "&|=".contains(*next));
                    operators += 1;
                }
                _ => {}
            }
            deepest = deepest.max(depth);
        }
        Self { deepest, operators }
    }
}

fn fault(text: &str, error: &(impl Diagnostic + fmt::Display)) -> Fault {
    let offset = error.labels().and_then(|mut labels| Some(labels.next()?.offset()));
    let place = offset.and_then(|offset| text.get(..offset)).map(|before| Place {
        line: before.matches('\n').count() + 1,
        column: before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1,
    });
    let error_text = error.to_string();
    let help = error.help().map(|help| format!(" ({help})")).unwrap_or_default();
    Fault { place, text: format!("{}{help}", own_words(&error_text)) }
}

/// What is said of a policy, without the name that the parser gave it.
pub(crate) fn own_words(text: &str) -> &str {
    let named = |before: &str, after: &str| text.strip_prefix(before)?.split_once(after);
    let said =
        named("for policy `", "`, ").or_else(|| named("error while evaluating policy `", "`: "));
    said.map_or(text, |(_, said)| said)
}

impl Fault {
    fn of_all(text: impl fmt::Display) -> Self {
        Self { place: None, text: text.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(Place { line, column }) => {
                write!(f, "line {line}, column {column}: {}", self.text)
            }
            None => f.write_str(&self.text),
        }
    }
}
