//! Lineages: what a scope lies below. The one answer to whether what is granted at one scope holds
//! at another.

use std::collections::BTreeMap;

use super::{SCOPE_DEPTH_MAX, Scope};
use crate::id::GroupId;

/// What registered scopes were put below, each by the scope. What is not in it has its place by
/// its path.
pub type Parents = BTreeMap<Scope, Scope>;

/// A scope and all above it: what is granted at any of them holds at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    scope: Scope,
    /// The nearest first, the root last; none above the root.
    above: Vec<Scope>,
}

impl Lineage {
    /// That of the root, above which is nothing.
    #[must_use]
    pub fn root() -> Self {
        Self { scope: Scope::root(), above: Vec::new() }
    }

    /// That of a scope: the paths that it begins with, then what the first of them was put below,
    /// then the root.
    #[must_use]
    pub fn of(scope: &Scope, parents: &Parents) -> Self {
        if scope.is_root() {
            return Self::root();
        }
        let mut all = paths(scope);
        while let Some(parent) = all.last().and_then(|last| parents.get(last)) {
            // No rule makes a circle. Without the bound, a stored one would never be answered.
            if all.len() > 2 * SCOPE_DEPTH_MAX || parent.is_root() {
                break;
            }
            all.push(parent.clone());
        }
        all.push(Scope::root());
        let above = all.split_off(1);
        Self { scope: scope.clone(), above }
    }

    /// That of a group's scope, above which is only the root.
    #[must_use]
    pub fn of_group(group: GroupId) -> Self {
        Self::of(&Scope::of_group(group), &Parents::new())
    }

    /// Whose it is.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The scope and all above it, the nearest first, the root last.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        std::iter::once(&self.scope).chain(&self.above)
    }

    /// Whether what is granted at `at` holds here: it is this scope, or one above it.
    #[must_use]
    pub fn is_below(&self, at: &Scope) -> bool {
        self.distance(at).is_some()
    }

    /// How far above `at` is, 0 for the scope itself; `None` where what is granted there does not
    /// hold here.
    #[must_use]
    pub fn distance(&self, at: &Scope) -> Option<usize> {
        self.iter().position(|one| one == at)
    }

    /// That of what is right above; the root's own for the root.
    #[must_use]
    pub fn parent(&self) -> Self {
        match self.above.split_first() {
            Some((scope, above)) => Self { scope: scope.clone(), above: above.to_vec() },
            None => Self::root(),
        }
    }

    /// How many scopes it has, not counting the root.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.above.len()
    }

    /// Those that `other` has not.
    pub fn beyond<'a>(&'a self, other: &'a Lineage) -> impl Iterator<Item = &'a Scope> {
        self.iter().filter(|one| !other.is_below(one))
    }
}

/// The scope and the paths that it begins with, the longest first; a collection is none.
fn paths(scope: &Scope) -> Vec<Scope> {
    let text = scope.as_str();
    let cuts = text.match_indices('/').map(|(at, _)| at).skip(2);
    let mut all: Vec<Scope> =
        cuts.chain([text.len()]).map(|cut| Scope(text[..cut].to_owned())).collect();
    all.reverse();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    #[test]
    fn a_path_lies_below_the_paths_that_it_begins_with() {
        let lineage = Lineage::of(&scope("/subscriptions/a/resourceGroups/x"), &Parents::new());
        let all: Vec<&str> = lineage.iter().map(Scope::as_str).collect();
        let wanted = [
            "/subscriptions/a/resourceGroups/x",
            "/subscriptions/a/resourceGroups",
            "/subscriptions/a",
            "/",
        ];
        assert_eq!(all, wanted);
        assert_eq!(Lineage::of(&Scope::root(), &Parents::new()), Lineage::root());
        assert_eq!(lineage.depth(), 3);
    }

    #[test]
    fn by_segment_not_by_prefix() {
        let of = |text| Lineage::of(&scope(text), &Parents::new());
        assert!(of("/subscriptions/a").is_below(&scope("/")));
        assert!(of("/subscriptions/a").is_below(&scope("/subscriptions/a")));
        assert!(of("/subscriptions/a/resourceGroups/x").is_below(&scope("/subscriptions/a")));
        assert!(!of("/subscriptions/ab").is_below(&scope("/subscriptions/a")));
        assert!(!of("/subscriptions/a").is_below(&scope("/subscriptions/a/resourceGroups/x")));
        assert!(!of("/").is_below(&scope("/subscriptions/a")));
    }

    #[test]
    fn what_was_put_below_another_lies_below_all_that_is_above_that() {
        let parents = Parents::from([
            (scope("/subscriptions/a"), scope("/managementGroups/web")),
            (scope("/managementGroups/web"), scope("/managementGroups/all")),
        ]);
        let lineage = Lineage::of(&scope("/subscriptions/a/resourceGroups/x"), &parents);
        assert_eq!(lineage.distance(&scope("/managementGroups/web")), Some(3));
        assert_eq!(lineage.distance(&scope("/managementGroups/all")), Some(4));
        assert_eq!(lineage.distance(&Scope::root()), Some(5));
        assert_eq!(lineage.distance(&scope("/managementGroups/other")), None);
    }

    #[test]
    fn a_circle_has_an_end() {
        let (one, other) = (scope("/managementGroups/a"), scope("/managementGroups/b"));
        let parents = Parents::from([(one.clone(), other.clone()), (other, one.clone())]);
        assert!(Lineage::of(&one, &parents).is_below(&Scope::root()));
    }
}
