//! Scopes: where a role is held. A path in the tenant's tree; what is granted at a scope holds at
//! all its descendants, which only its [`Lineage`] tells: a path does not say what it lies below.

mod lineage;
mod node;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{id::GroupId, text::is_refused};

pub use lineage::{Lineage, Parents};
pub use node::{
    Deletion, Moved, Node, NodeKind, Place, Register, Update, delete, register, severed, update,
};

/// Segments in a scope, at most; scopes in a lineage as well, not counting the root.
pub const SCOPE_DEPTH_MAX: usize = 32;
/// Bytes in a scope, at most.
pub const SCOPE_BYTES_MAX: usize = 2_048;

/// A scope in canonical form: no trailing slash, no empty or dot segments, ASCII in lower case but
/// for the names of the known collections. Equal scopes are equal strings.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(String);

/// Which kind of roles can be granted at a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeKind {
    /// `/`.
    Root,
    /// Administrative units and applications.
    Directory,
    /// Management groups, subscriptions and what lies below them.
    Resource,
    /// A group: access to it is held there, and nothing else.
    Group,
}

/// Why a text is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// It does not begin with a slash.
    #[error("must begin with /")]
    NotAbsolute,
    /// It is too long or too deep.
    #[error("must have at most {SCOPE_BYTES_MAX} bytes and {SCOPE_DEPTH_MAX} segments")]
    TooLong,
    /// An empty or dot segment, or a character that has no place in one.
    #[error("has an empty, dot or malformed segment: {0:?}")]
    Segment(String),
    /// The first segment is not a known collection, or names no member of it.
    #[error(
        "must be /, or begin with /administrativeUnits/, /applications/, /managementGroups/, \
         /subscriptions/ or /groups/ and an id"
    )]
    Collection,
    /// A group is named by its id, and nothing lies below it.
    #[error("must be /groups/ and the UUID of a group")]
    Group,
}

/// The collections that a scope may begin with, as they are written.
const COLLECTIONS: [(&str, ScopeKind); 5] = [
    ("administrativeUnits", ScopeKind::Directory),
    ("applications", ScopeKind::Directory),
    ("managementGroups", ScopeKind::Resource),
    ("subscriptions", ScopeKind::Resource),
    ("groups", ScopeKind::Group),
];

impl Scope {
    /// The root, which covers everything.
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Where access to a group is held.
    #[must_use]
    pub fn of_group(group: GroupId) -> Self {
        Self(format!("/groups/{group}"))
    }

    /// The group that it is the scope of.
    #[must_use]
    pub fn group(&self) -> Option<GroupId> {
        self.0.strip_prefix("/groups/")?.parse().ok()
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }

    /// Whether it is a subscription itself, and not what lies below one.
    #[must_use]
    pub fn is_subscription(&self) -> bool {
        self.0.starts_with("/subscriptions/") && self.segments() == 2
    }

    /// Whether it can be put below another: what else there is has its place by its path.
    #[must_use]
    pub fn is_movable(&self) -> bool {
        self.is_management_group() || self.is_subscription()
    }

    /// Whether it is a management group.
    #[must_use]
    pub fn is_management_group(&self) -> bool {
        self.0.starts_with("/managementGroups/") && self.segments() == 2
    }

    fn segments(&self) -> usize {
        if self.0 == "/" { 0 } else { self.0.matches('/').count() }
    }

    /// What it is a scope of.
    #[must_use]
    pub fn kind(&self) -> ScopeKind {
        let first = self.0.split('/').nth(1).unwrap_or_default();
        COLLECTIONS
            .iter()
            .find(|(name, _)| *name == first)
            .map_or(ScopeKind::Root, |(_, kind)| *kind)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let path = text.strip_prefix('/').ok_or(ScopeError::NotAbsolute)?;
        if path.is_empty() {
            return Ok(Self::root());
        }
        if text.len() > SCOPE_BYTES_MAX || path.matches('/').count() >= SCOPE_DEPTH_MAX {
            return Err(ScopeError::TooLong);
        }
        let segments: Vec<&str> = path.split('/').collect();
        if let Some(bad) = segments.iter().find(|segment| !is_segment(segment)) {
            return Err(ScopeError::Segment((*bad).to_owned()));
        }
        let (collection, kind) = COLLECTIONS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(segments[0]))
            .ok_or(ScopeError::Collection)?;
        if segments.len() < 2 {
            return Err(ScopeError::Collection);
        }
        if *kind == ScopeKind::Group {
            let [_, id] = segments.as_slice() else { return Err(ScopeError::Group) };
            let id: Uuid = id.parse().map_err(|_| ScopeError::Group)?;
            return Ok(Self::of_group(id.into()));
        }
        let mut canonical = format!("/{collection}");
        for (index, segment) in segments.iter().enumerate().skip(1) {
            canonical.push('/');
            if index == 2 && segment.eq_ignore_ascii_case("resourceGroups") {
                canonical.push_str("resourceGroups");
            } else {
                canonical.push_str(&segment.to_ascii_lowercase());
            }
        }
        Ok(Self(canonical))
    }
}

fn is_segment(segment: &str) -> bool {
    !segment.is_empty()
        && segment != "."
        && segment != ".."
        && segment.chars().all(|c| !is_refused(c) && !c.is_whitespace() && c != '\\')
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> String {
        scope.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    #[test]
    fn spelling_does_not_matter() {
        assert_eq!(
            scope("/Subscriptions/ABC/resourcegroups/Web"),
            scope("/subscriptions/abc/resourceGroups/web")
        );
        assert_eq!(
            scope("/SUBSCRIPTIONS/ABC/RESOURCEGROUPS/Web").as_str(),
            "/subscriptions/abc/resourceGroups/web"
        );
    }

    #[test]
    fn a_group_is_named_by_its_id_alone() {
        let id = "0190a5b0-7c00-7000-8000-0000000000ab";
        let group = scope(&format!("/Groups/{}", id.to_uppercase()));
        assert_eq!(group.as_str(), format!("/groups/{id}"));
        assert_eq!((group.kind(), group.group()), (ScopeKind::Group, id.parse().ok()));
        assert_eq!(scope("/subscriptions/a").group(), None);
        for bad in ["/groups/ops".to_owned(), format!("/groups/{id}/x"), "/groups/".to_owned()] {
            assert!(bad.parse::<Scope>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn malformed_scopes_are_refused() {
        for bad in [
            "",
            "subscriptions/a",
            "//",
            "/subscriptions/",
            "/subscriptions",
            "/subscriptions/a/",
            "/subscriptions/a//b",
            "/subscriptions/../b",
            "/subscriptions/./b",
            "/planets/mars",
            "/subscriptions/a\0",
            "/subscriptions/a b",
            "/subscriptions/a\u{202e}b",
        ] {
            assert!(bad.parse::<Scope>().is_err(), "{bad:?}");
        }
        let deep = format!("/subscriptions{}", "/a".repeat(SCOPE_DEPTH_MAX));
        assert_eq!(deep.parse::<Scope>(), Err(ScopeError::TooLong));
    }
}
