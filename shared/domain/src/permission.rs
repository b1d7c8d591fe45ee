//! Permissions: whether a role lets its holder do something, by its permission blocks.
//!
//! Blocks are evaluated one by one and OR-ed; within a block what is not allowed is taken from what
//! is allowed. Case does not matter. `*` matches any run of characters, across segments. In Entra's
//! patterns `allTasks`, `allProperties` and `allEntities` each match any one segment. A block that is
//! bound to a condition permits nothing: conditions are not evaluated here, and doubt is a no.

use std::{collections::HashSet, sync::LazyLock};

use serde::Serialize;

use crate::{
    catalog::{self, CatalogFile},
    role::{Catalog, PermissionBlock, Role},
};

/// Bytes in an action or a pattern, at most.
pub const ACTION_BYTES_MAX: usize = 256;
/// Segments in an action, at least: its namespace, and what is done there.
const ACTION_SEGMENTS_MIN: usize = 2;
/// `*` in a pattern, at most.
pub const PATTERN_WILDCARDS_MAX: usize = 8;

/// Stands for any one segment in what a pattern is compiled to; no action has it.
const ANY_SEGMENT: u8 = 0;
/// The segments of Entra's patterns that match any one segment, in lower case.
const ENTRA_ANY: [&str; 3] = ["alltasks", "allproperties", "allentities"];
const PIM_NAMESPACE: &str = "pim";

/// The namespaces that are Entra's, in lower case: first segments, and of those that Azure uses as
/// well the first two, so that each action is of one catalog. Absent where a catalog does not read;
/// a test rules that out.
static ENTRA_NAMESPACES: LazyLock<Option<HashSet<String>>> = LazyLock::new(|| {
    let entra = heads(catalog::file(Catalog::Entra).ok()?);
    let azure = heads(catalog::file(Catalog::Azure).ok()?);
    let azure: HashSet<&str> = azure.iter().map(|(first, _)| first.as_str()).collect();
    let of_entra = |(first, second): &(String, String)| {
        let shared = azure.contains(first.as_str());
        if shared { format!("{first}/{second}") } else { first.clone() }
    };
    Some(entra.iter().map(of_entra).collect())
});

/// The first two segments of all actions of a catalog.
fn heads(file: &CatalogFile) -> Vec<(String, String)> {
    let blocks = file.roles.iter().flat_map(|role| &role.permissions);
    let actions = blocks.flat_map(|block| block.actions.iter().chain(&block.data_actions));
    let heads = actions.map(|action| head(&action.to_ascii_lowercase()));
    heads.collect::<HashSet<_>>().into_iter().collect()
}

fn head(action: &str) -> (String, String) {
    let mut segments = action.split('/').map(str::to_owned);
    (segments.next().unwrap_or_default(), segments.next().unwrap_or_default())
}

/// Of which catalog an action in lower case is. Where the catalogs do not read none is of Azure,
/// whose `*` would permit it.
fn namespace(action: &str) -> Catalog {
    let (first, second) = head(action);
    let is_entra = |names: &HashSet<String>| {
        names.contains(&first) || names.contains(&format!("{first}/{second}"))
    };
    if first == PIM_NAMESPACE {
        Catalog::Pim
    } else if ENTRA_NAMESPACES.as_ref().is_none_or(is_entra) {
        Catalog::Entra
    } else {
        Catalog::Azure
    }
}

/// Why a text is no action, or no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// Empty or too long.
    #[error("must have 1 to {ACTION_BYTES_MAX} characters")]
    Length,
    /// A character that has no place in one.
    #[error("must be of letters, digits and . - _ : / only; it has {0:?}")]
    Character(char),
    /// An empty segment, or too few of them.
    #[error("must be two segments or more between slashes, none of them empty")]
    Segments,
    /// Too many of them.
    #[error("must have at most {PATTERN_WILDCARDS_MAX} `*`")]
    Wildcards,
    /// Entra's patterns have other wildcards.
    #[error("must be without `*`: Entra's patterns have allEntities, allProperties and allTasks")]
    EntraWildcard,
    /// The first segment leaves open which catalog it is about, or names another one.
    #[error("must begin with a namespace of its role's catalog, {}", .0.as_str())]
    Namespace(Catalog),
}

/// `text` in lower case, if an action may look so, or with `*` a pattern.
fn canonical(text: &str, wildcards: bool) -> Result<String, ActionError> {
    if text.is_empty() || text.len() > ACTION_BYTES_MAX {
        return Err(ActionError::Length);
    }
    let others = if wildcards { ".-_:/*" } else { ".-_:/" };
    let belongs = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    if let Some(bad) = text.chars().find(|c| !belongs(*c)) {
        return Err(ActionError::Character(bad));
    }
    let segments = text.split('/').count();
    let enough = segments >= ACTION_SEGMENTS_MIN || (wildcards && text.ends_with('*'));
    if !enough || text.split('/').any(str::is_empty) {
        return Err(ActionError::Segments);
    }
    Ok(text.to_ascii_lowercase())
}

/// Passes what may be a pattern of some catalog.
///
/// # Errors
/// It is malformed.
pub fn well_formed(text: &str) -> Result<(), ActionError> {
    let wildcards = canonical(text, true)?.matches('*').count();
    if wildcards > PATTERN_WILDCARDS_MAX { Err(ActionError::Wildcards) } else { Ok(()) }
}

/// On which plane something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Plane {
    /// On things themselves: `actions`.
    Control,
    /// On the data in them: `data_actions`.
    Data,
}

/// One thing that may be done: an action or a data action, without wildcards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operation {
    plane: Plane,
    /// In lower case.
    name: String,
    /// Whose namespace the name is of.
    catalog: Catalog,
}

impl Operation {
    /// The operation of that name.
    ///
    /// # Errors
    /// The name is malformed.
    pub fn new(plane: Plane, name: &str) -> Result<Self, ActionError> {
        let name = canonical(name, false)?;
        let catalog = namespace(&name);
        Ok(Self { plane, name, catalog })
    }

    /// Whose namespace its name is of: no role of another catalog permits it.
    #[must_use]
    pub fn catalog(&self) -> Catalog {
        self.catalog
    }
}

/// One compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Box<[u8]>);

impl Pattern {
    /// A pattern of a role of `catalog` that somebody wrote.
    ///
    /// # Errors
    /// It is malformed, or of another catalog's namespace.
    pub fn new(catalog: Catalog, text: &str) -> Result<Self, ActionError> {
        well_formed(text)?;
        let text = text.to_ascii_lowercase();
        if text.contains('*') && catalog == Catalog::Entra {
            return Err(ActionError::EntraWildcard);
        }
        // A pattern that leaves its namespace open matches those of its own catalog only.
        let open = head(&text).0.contains('*');
        if !open && namespace(&text) != catalog {
            return Err(ActionError::Namespace(catalog));
        }
        Ok(Self::compile(catalog, &text))
    }

    /// What is published is taken as it is.
    fn compile(catalog: Catalog, text: &str) -> Self {
        let lower = text.to_ascii_lowercase();
        let wild = |segment: &&str| catalog == Catalog::Entra && ENTRA_ANY.contains(segment);
        let any = [ANY_SEGMENT];
        let segments = lower.split('/').map(|one| if wild(&one) { &any } else { one.as_bytes() });
        Self(segments.collect::<Vec<_>>().join(&b'/').into())
    }

    /// As plain text, where it matches nothing but itself.
    fn exact(&self) -> Option<&str> {
        let wild = self.0.iter().any(|byte| matches!(*byte, b'*' | ANY_SEGMENT));
        if wild { None } else { std::str::from_utf8(&self.0).ok() }
    }

    /// Whether all that `other` matches is matched by this one. Taken as a text, its wildcards can
    /// only be matched by wildcards that match more.
    #[must_use]
    pub fn covers(&self, other: &Pattern) -> bool {
        self.matches(&other.0)
    }

    /// A wildcard first matches as little as it can; what does not fit is given to the last `*`.
    fn matches(&self, text: &[u8]) -> bool {
        let (pattern, mut at, mut read) = (&self.0, 0, 0);
        // What follows the last `*`, and up to where the text has been given to it.
        let mut star: Option<(usize, usize)> = None;
        while at < pattern.len() || read < text.len() {
            let step = match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at + 1, read));
                    Some(0)
                }
                Some(&ANY_SEGMENT) => Some(segment(&text[read..])).filter(|length| *length > 0),
                literal => (literal.is_some() && literal == text.get(read)).then_some(1),
            };
            match (step, star) {
                (Some(step), _) => (at, read) = (at + 1, read + step),
                (None, Some((after, given))) if given < text.len() => {
                    star = Some((after, given + 1));
                    (at, read) = (after, given + 1);
                }
                (None, _) => return false,
            }
        }
        true
    }
}

/// How many bytes the text has up to the next slash.
fn segment(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte == b'/').unwrap_or(text.len())
}

/// Several patterns: those without wildcards are looked up.
#[derive(Debug, Clone, Default)]
struct Patterns {
    exact: HashSet<Box<str>>,
    wild: Vec<Pattern>,
}

impl Patterns {
    fn compile(catalog: Catalog, texts: &[String]) -> Self {
        let mut all = Self::default();
        for pattern in texts.iter().map(|text| Pattern::compile(catalog, text)) {
            match pattern.exact() {
                Some(text) => drop(all.exact.insert(text.into())),
                None => all.wild.push(pattern),
            }
        }
        all
    }

    fn match_one(&self, name: &str) -> bool {
        self.exact.contains(name) || self.wild.iter().any(|one| one.matches(name.as_bytes()))
    }
}

/// What a block says of one plane.
#[derive(Debug, Clone)]
struct Extent {
    allowed: Patterns,
    taken: Patterns,
}

impl Extent {
    fn permits(&self, name: &str) -> bool {
        self.allowed.match_one(name) && !self.taken.match_one(name)
    }
}

/// What a role permits, compiled once and asked often.
#[derive(Debug, Clone)]
pub struct Permissions {
    catalog: Catalog,
    control: Vec<Extent>,
    data: Vec<Extent>,
}

impl Permissions {
    /// Those of `role`, and of all of its catalog that it inherits from among `known`.
    #[must_use]
    pub fn of(role: &Role, known: &[Role]) -> Self {
        let mut all = Self::of_blocks(role.catalog, &[]);
        let (mut seen, mut next) = (HashSet::from([role.id]), vec![role]);
        while let Some(role) = next.pop() {
            role.permissions.iter().for_each(|block| all.add(block));
            let inherited = role.inherits.iter().filter(|id| seen.insert(**id));
            let found = inherited.filter_map(|id| known.iter().find(|one| one.id == *id));
            next.extend(found.filter(|one| one.catalog == all.catalog));
        }
        all
    }

    /// Those of a role of `catalog` that has these blocks and inherits nothing.
    #[must_use]
    pub fn of_blocks(catalog: Catalog, blocks: &[PermissionBlock]) -> Self {
        let mut all = Self { catalog, control: Vec::new(), data: Vec::new() };
        blocks.iter().for_each(|block| all.add(block));
        all
    }

    fn add(&mut self, block: &PermissionBlock) {
        if block.condition.is_some() {
            return;
        }
        let patterns = |texts| Patterns::compile(self.catalog, texts);
        let extent = |allowed, taken| Extent { allowed: patterns(allowed), taken: patterns(taken) };
        let control = extent(&block.actions, &block.not_actions);
        let data = extent(&block.data_actions, &block.not_data_actions);
        self.control.push(control);
        self.data.push(data);
    }

    /// Whether who holds the role may do that.
    #[must_use]
    pub fn permit(&self, operation: &Operation) -> bool {
        let blocks = match operation.plane {
            Plane::Control => &self.control,
            Plane::Data => &self.data,
        };
        operation.catalog == self.catalog
            && blocks.iter().any(|block| block.permits(&operation.name))
    }
}

/// What one permission block says of an operation, by its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The patterns that allow it.
    pub allowed_by: Vec<String>,
    /// The patterns that take it from what is allowed.
    pub taken_by: Vec<String>,
    /// Whether the block permits it.
    pub permits: bool,
}

impl Account {
    /// That of a block of a role of `catalog`.
    #[must_use]
    pub fn of(catalog: Catalog, block: &PermissionBlock, operation: &Operation) -> Self {
        let (allowed, taken) = match operation.plane {
            Plane::Control => (&block.actions, &block.not_actions),
            Plane::Data => (&block.data_actions, &block.not_data_actions),
        };
        let matches = |text: &&String| {
            operation.catalog == catalog
                && Pattern::compile(catalog, text).matches(operation.name.as_bytes())
        };
        let matching = |texts: &[String]| texts.iter().filter(matches).cloned().collect();
        let (allowed_by, taken_by): (Vec<String>, Vec<String>) =
            (matching(allowed), matching(taken));
        let permits = block.condition.is_none() && !allowed_by.is_empty() && taken_by.is_empty();
        Self { allowed_by, taken_by, permits }
    }
}

/// Whether `after` may permit something that `before` does not: whether there is a block in it that
/// no block of `before` covers, pattern by pattern. Where that cannot be seen, it may.
#[must_use]
pub fn widens(catalog: Catalog, before: &[PermissionBlock], after: &[PermissionBlock]) -> bool {
    let compile = |texts: &[String]| -> Vec<Pattern> {
        texts.iter().map(|text| Pattern::compile(catalog, text)).collect()
    };
    let all_covered = |some: &[String], by: &[String]| {
        let by = compile(by);
        compile(some).iter().all(|one| by.iter().any(|other| other.covers(one)))
    };
    let covered = |new: &PermissionBlock| {
        before.iter().any(|old| {
            old.condition.is_none()
                && all_covered(&new.actions, &old.actions)
                && all_covered(&old.not_actions, &new.not_actions)
                && all_covered(&new.data_actions, &old.data_actions)
                && all_covered(&old.not_data_actions, &new.not_data_actions)
        })
    };
    !after.iter().all(covered)
}
