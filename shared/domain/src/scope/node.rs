//! Registered scopes: nodes of the tenant's tree, and the rules by which it grows, changes and
//! shrinks. A subscription or a management group may be put below a management group; all else has
//! its place by its path, and is registered for its name.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Lineage, SCOPE_DEPTH_MAX, Scope, ScopeKind};
use crate::{
    change::{Change, Thing, Version},
    denial::{Denial, FieldError, Reason},
    event::{About, Code, Event, FieldChange, Stamp, ThingKind},
    id::{ActivationId, ScopeId, TenantId},
};

/// What a registered scope is, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// `/`, which nobody registers.
    Root,
    /// A part of the directory.
    AdministrativeUnit,
    /// An application of the directory.
    Application,
    /// Has subscriptions and other management groups below it.
    ManagementGroup,
    /// Of Azure.
    Subscription,
    /// Of a subscription.
    ResourceGroup,
    /// Anything else below one of the others.
    Resource,
}

impl NodeKind {
    /// Every kind.
    pub const ALL: [NodeKind; 7] = [
        NodeKind::Root,
        NodeKind::AdministrativeUnit,
        NodeKind::Application,
        NodeKind::ManagementGroup,
        NodeKind::Subscription,
        NodeKind::ResourceGroup,
        NodeKind::Resource,
    ];

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            NodeKind::Root => "root",
            NodeKind::AdministrativeUnit => "administrative_unit",
            NodeKind::Application => "application",
            NodeKind::ManagementGroup => "management_group",
            NodeKind::Subscription => "subscription",
            NodeKind::ResourceGroup => "resource_group",
            NodeKind::Resource => "resource",
        }
    }
}

impl From<&Scope> for NodeKind {
    fn from(scope: &Scope) -> Self {
        let mut segments = scope.as_str().split('/').skip(1);
        let collection = segments.next().unwrap_or_default();
        let below: Vec<&str> = segments.skip(1).collect();
        match (collection, below.as_slice()) {
            ("administrativeUnits", []) => NodeKind::AdministrativeUnit,
            ("applications", []) => NodeKind::Application,
            ("managementGroups", []) => NodeKind::ManagementGroup,
            ("subscriptions", []) => NodeKind::Subscription,
            ("subscriptions", ["resourceGroups", _]) => NodeKind::ResourceGroup,
            _ if scope.is_root() => NodeKind::Root,
            _ => NodeKind::Resource,
        }
    }
}

impl From<NodeKind> for ScopeKind {
    fn from(kind: NodeKind) -> Self {
        match kind {
            NodeKind::Root => ScopeKind::Root,
            NodeKind::AdministrativeUnit | NodeKind::Application => ScopeKind::Directory,
            NodeKind::ManagementGroup
            | NodeKind::Subscription
            | NodeKind::ResourceGroup
            | NodeKind::Resource => ScopeKind::Resource,
        }
    }
}

/// A registered scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Made of tenant and scope: a scope has one, from the start.
    pub id: ScopeId,
    /// Which scope.
    pub scope: Scope,
    /// What it was put below; absent: its place is that of its path.
    pub parent: Option<Scope>,
    /// For people only.
    pub display_name: String,
    /// Since when it is registered no more.
    pub deleted: Option<DateTime<Utc>>,
    /// Counts its changes.
    pub version: Version,
    /// When it was first registered.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

impl Node {
    /// The id of a scope's node, whether or not it is registered.
    #[must_use]
    pub fn id_of(tenant: TenantId, scope: &Scope) -> ScopeId {
        Uuid::new_v5(&tenant.uuid(), scope.as_str().as_bytes()).into()
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> NodeKind {
        NodeKind::from(&self.scope)
    }

    /// Whether it is registered, and not only was.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.deleted.is_none()
    }

    fn about(&self) -> About {
        About { scope: Some(self.scope.clone()), ..About::default() }
    }
}

impl Thing for Node {
    const KIND: ThingKind = ThingKind::Scope;

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// A wish to register a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// Which.
    pub scope: Scope,
    /// What to put it below; absent: its place is that of its path.
    pub parent: Option<Scope>,
    /// For people only.
    pub display_name: String,
}

/// A wish to rename a registered scope, or to put it below another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Which.
    pub scope: Scope,
    /// Of the node as the caller read it.
    pub etag: String,
    /// Absent: stays.
    pub display_name: Option<String>,
    /// Absent: stays. The root takes it from below the others.
    pub parent: Option<Scope>,
}

/// A wish to register a scope no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// Which.
    pub scope: Scope,
    /// Of the node as the caller read it.
    pub etag: String,
}

/// Where a scope is, and where it is to go: read while nobody else moves one.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its lineage now.
    pub from: Lineage,
    /// The lineage of what it is to be put below; absent: it stays.
    pub below: Option<Lineage>,
    /// Whether that is registered; the root always is.
    pub below_is_registered: bool,
    /// How many scopes follow each other from it down, itself counted, of those that were put below
    /// it and below each other.
    pub height: usize,
    /// Where accounts of the caller's person hold something or are eligible for it.
    pub own: Vec<Scope>,
}

/// A node that has changed, and what it lies below no more: what rests on a grant there and counts
/// at the node or below counts no longer.
#[derive(Debug)]
pub struct Moved {
    /// The change.
    pub change: Change<Node>,
    /// The scopes above that it has lost.
    pub lost: Vec<Scope>,
}

/// What the event of a move says of the activations that it has kept from what they rest on.
const SEVERED: &str = "severed";

impl Moved {
    /// The event of the move, which says what it has severed: that no other event does.
    #[must_use]
    pub fn event(&self, severed: &[ActivationId]) -> Event {
        let mut event = self.change.event().clone();
        if !severed.is_empty() {
            let (field, new) = (SEVERED.to_owned(), Some(severed.iter().map(text).collect()));
            event.changes.push(FieldChange { field, old: None, new });
        }
        event
    }
}

fn text(id: &ActivationId) -> Value {
    Value::String(id.to_string())
}

/// The activations that the event of a move says it has severed.
#[must_use]
pub fn severed(event: &Event) -> Vec<ActivationId> {
    let said = event.changes.iter().filter(|change| change.field == SEVERED);
    let lists = said.filter_map(|change| change.new.as_ref()?.as_array());
    lists.flatten().filter_map(|id| id.as_str()?.parse().ok()).collect()
}

/// Registers a scope; `before` is what was deleted, if it was registered once.
///
/// # Errors
/// `DUPLICATE` where it is registered; `INVALID_FIELD` for a place that it cannot have;
/// `SELF_GRANT` below what the caller's person holds or is eligible for.
pub fn register(
    tenant: TenantId,
    wish: Register,
    before: Option<&Node>,
    place: &Place,
    stamp: &Stamp,
) -> Result<Change<Node>, Denial> {
    let id = Node::id_of(tenant, &wish.scope);
    let after = Node {
        id,
        parent: explicit(wish.parent),
        scope: wish.scope,
        display_name: wish.display_name,
        deleted: None,
        version: before.map_or(Version::FIRST, |before| before.version.next()),
        create_time: before.map_or(stamp.now, |before| before.create_time),
        update_time: stamp.now,
    };
    let about = after.about();
    let refuse = |denial: Denial| denial.about(about.clone()).of(ThingKind::Scope, id.uuid());
    if after.scope.is_root() {
        return Err(refuse(invalid("scope", "must not be the root, which is always there")));
    }
    match before {
        Some(before) if before.is_live() => {
            let (thing, id) = (ThingKind::Scope, id.uuid());
            Err(refuse(Denial::new(Reason::Duplicate { thing, id })))
        }
        Some(before) => {
            fits(&after.scope, place).map_err(refuse)?;
            Ok(Change::updated(before, after, stamp, Code::ScopeCreated, about))
        }
        None => {
            fits(&after.scope, place).map_err(refuse)?;
            Ok(Change::created(after, stamp, Code::ScopeCreated, about))
        }
    }
}

/// Renames a registered scope, or puts it below another.
///
/// # Errors
/// `ETAG_MISMATCH`; `INVALID_FIELD` for a place that it cannot have; `SELF_GRANT` below what the
/// caller's person holds or is eligible for.
pub fn update(before: &Node, wish: Update, place: &Place, stamp: &Stamp) -> Result<Moved, Denial> {
    let about = before.about();
    let refuse =
        |denial: Denial| denial.about(about.clone()).of(ThingKind::Scope, before.id.uuid());
    current(before, &wish.etag).map_err(refuse)?;
    fits(&before.scope, place).map_err(refuse)?;
    let parent = match wish.parent {
        Some(parent) => explicit(Some(parent)),
        None => before.parent.clone(),
    };
    let code = if parent == before.parent { Code::ScopeUpdated } else { Code::ScopeMoved };
    let after = Node {
        parent,
        display_name: wish.display_name.unwrap_or_else(|| before.display_name.clone()),
        version: before.version.next(),
        update_time: stamp.now,
        ..before.clone()
    };
    // The scope itself goes with it.
    let lost = place.below.iter().flat_map(|below| place.from.beyond(below));
    let lost = lost.filter(|one| **one != before.scope).cloned().collect();
    Ok(Moved { change: Change::updated(before, after, stamp, code, about), lost })
}

/// Registers a scope no more. Its place is then that of its path.
///
/// # Errors
/// `ETAG_MISMATCH`; `WRONG_STATE` where scopes are registered below it, or something that is
/// granted or activated there or below has not ended.
pub fn delete(
    before: &Node,
    wish: &Deletion,
    has_children: bool,
    is_in_use: bool,
    stamp: &Stamp,
) -> Result<Change<Node>, Denial> {
    let about = before.about();
    let refuse =
        |denial: Denial| denial.about(about.clone()).of(ThingKind::Scope, before.id.uuid());
    current(before, &wish.etag).map_err(refuse)?;
    let state = match (has_children, is_in_use) {
        (true, _) => Some("HAS_CHILDREN"),
        (false, true) => Some("IN_USE"),
        (false, false) => None,
    };
    if let Some(state) = state {
        let thing = ThingKind::Scope;
        return Err(refuse(Denial::new(Reason::WrongState { thing, state })));
    }
    let after = Node {
        parent: None,
        deleted: Some(stamp.now),
        version: before.version.next(),
        update_time: stamp.now,
        ..before.clone()
    };
    Ok(Change::updated(before, after, stamp, Code::ScopeDeleted, about))
}

/// To lie below the root and nothing else is what a path says of itself.
fn explicit(parent: Option<Scope>) -> Option<Scope> {
    parent.filter(|parent| !parent.is_root())
}

fn current(node: &Node, etag: &str) -> Result<(), Denial> {
    let current = node.version.etag();
    if etag == current { Ok(()) } else { Err(Denial::new(Reason::EtagMismatch { current })) }
}

/// Passes a place that `scope` can have, and that widens nothing for who puts it there.
fn fits(scope: &Scope, place: &Place) -> Result<(), Denial> {
    let Some(below) = &place.below else { return Ok(()) };
    let parent = below.scope();
    let can_have_others =
        parent.is_root() || (parent.is_management_group() && place.below_is_registered);
    let refused = if !scope.is_movable() {
        Some(format!("must be absent: the place of {scope} is that of its path"))
    } else if !can_have_others {
        Some(format!("must be / or a registered management group; it is {parent}"))
    } else if below.is_below(scope) {
        Some(format!("must not be {scope} or below it; it is {parent}"))
    } else if below.depth() + place.height > SCOPE_DEPTH_MAX {
        let depth = below.depth() + place.height;
        Some(format!("must leave at most {SCOPE_DEPTH_MAX} scopes on each other; {depth} there"))
    } else {
        None
    };
    if let Some(description) = refused {
        return Err(invalid("parent_scope", &description));
    }
    // What holds up there would hold here from now on.
    if below.beyond(&place.from).any(|gained| place.own.contains(gained)) {
        return Err(Denial::new(Reason::SelfGrant));
    }
    Ok(())
}

fn invalid(field: &str, description: &str) -> Denial {
    let (field, description) = (field.to_owned(), description.to_owned());
    Denial::new(Reason::Invalid(vec![FieldError { field, description }]))
}
