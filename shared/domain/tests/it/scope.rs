//! Registering, moving and deleting scopes: each rule.

use pim_domain::{
    denial::{Denial, Reason},
    event::Code,
    fixture::{by_path, noon, stamp},
    id::TenantId,
    invariant,
    scope::{
        Deletion, Lineage, Moved, Node, NodeKind, Parents, Place, Register, SCOPE_DEPTH_MAX, Scope,
        Update, delete, register, update,
    },
};

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

fn tenant() -> TenantId {
    TenantId::from(uuid::Uuid::from_u128(7))
}

const SUBSCRIPTION: &str = "/subscriptions/a";
const GROUP: &str = "/managementGroups/a";
const OTHER: &str = "/managementGroups/b";

/// From where its path has it to below `parent`, which is registered.
fn place(at: &str, parent: Option<&str>) -> Place {
    Place {
        from: by_path(&scope(at)),
        below: parent.map(|parent| by_path(&scope(parent))),
        below_is_registered: true,
        height: 1,
        own: Vec::new(),
    }
}

fn wish(at: &str, parent: Option<&str>) -> Register {
    let display_name = "Payments".to_owned();
    Register { scope: scope(at), parent: parent.map(scope), display_name }
}

fn registered(at: &str, parent: Option<&str>) -> Node {
    let wish = wish(at, parent);
    register(tenant(), wish, None, &place(at, parent), &stamp(noon())).unwrap().into_after()
}

/// What is said of registering `at` below `parent`.
fn refused(at: &str, parent: &str, place: &Place) -> String {
    let wish = wish(at, Some(parent));
    field(register(tenant(), wish, None, place, &stamp(noon())).unwrap_err())
}

fn field(denial: Denial) -> String {
    match denial.reason {
        Reason::Invalid(errors) => format!("{}: {}", errors[0].field, errors[0].description),
        other => panic!("{other:?}"),
    }
}

fn moving(node: &Node, parent: &str) -> Update {
    Update {
        scope: node.scope.clone(),
        etag: node.version.etag(),
        display_name: None,
        parent: Some(scope(parent)),
    }
}

#[test]
fn a_subscription_may_be_put_below_a_management_group() {
    let wish = wish(SUBSCRIPTION, Some(GROUP));
    let at = place(SUBSCRIPTION, Some(GROUP));
    let change = register(tenant(), wish, None, &at, &stamp(noon())).unwrap();
    assert_eq!(change.event().code, Code::ScopeCreated);
    assert_eq!(change.event().category(), "ResourceManagement");
    let node = change.after();
    assert_eq!((&node.parent, node.kind()), (&Some(scope(GROUP)), NodeKind::Subscription));
    invariant::log_explains(std::slice::from_ref(change.event()), node).unwrap();
}

#[test]
fn what_it_is_is_said_by_its_path() {
    let kind = |text: &str| NodeKind::from(&scope(text));
    assert_eq!(kind("/"), NodeKind::Root);
    assert_eq!(kind("/administrativeUnits/a"), NodeKind::AdministrativeUnit);
    assert_eq!(kind("/applications/a"), NodeKind::Application);
    assert_eq!(kind(GROUP), NodeKind::ManagementGroup);
    assert_eq!(kind(SUBSCRIPTION), NodeKind::Subscription);
    assert_eq!(kind("/subscriptions/a/resourceGroups/x"), NodeKind::ResourceGroup);
    assert_eq!(kind("/subscriptions/a/resourceGroups"), NodeKind::Resource);
    assert_eq!(kind("/subscriptions/a/resourceGroups/x/vm/y"), NodeKind::Resource);
    assert_eq!(kind("/managementGroups/a/resourceGroups/x"), NodeKind::Resource);
}

#[test]
fn the_root_is_always_there() {
    let root = "/";
    let denial = register(tenant(), wish(root, None), None, &place(root, None), &stamp(noon()));
    let said = field(denial.unwrap_err());
    assert_eq!(said, "scope: must not be the root, which is always there");
}

#[test]
fn what_has_its_place_by_its_path_cannot_be_put_elsewhere() {
    for at in ["/subscriptions/a/resourceGroups/x", "/applications/a", "/administrativeUnits/a"] {
        let said = refused(at, GROUP, &place(at, Some(GROUP)));
        let wanted = format!("parent_scope: must be absent: the place of {at} is that of its path");
        assert_eq!(said, wanted);
        assert_eq!(registered(at, None).parent, None, "but for its name");
    }
}

#[test]
fn only_a_registered_management_group_has_others_below_it() {
    let wanted = "parent_scope: must be / or a registered management group; it is";
    for parent in ["/subscriptions/b", "/managementGroups/b/x/y", "/administrativeUnits/a"] {
        let said = refused(SUBSCRIPTION, parent, &place(SUBSCRIPTION, Some(parent)));
        assert_eq!(said, format!("{wanted} {parent}"));
    }
    let unknown = Place { below_is_registered: false, ..place(SUBSCRIPTION, Some(GROUP)) };
    assert_eq!(refused(SUBSCRIPTION, GROUP, &unknown), format!("{wanted} {GROUP}"));
    // The root needs no registration, and to lie below it says no more than the path.
    let root = Place { below_is_registered: false, ..place(SUBSCRIPTION, Some("/")) };
    let wish = wish(SUBSCRIPTION, Some("/"));
    let node = register(tenant(), wish, None, &root, &stamp(noon())).unwrap().into_after();
    assert_eq!(node.parent, None);
}

#[test]
fn no_circle_is_made() {
    let said = refused(GROUP, GROUP, &place(GROUP, Some(GROUP)));
    assert_eq!(said, format!("parent_scope: must not be {GROUP} or below it; it is {GROUP}"));
    let parents = Parents::from([(scope(OTHER), scope(GROUP))]);
    let below = Some(Lineage::of(&scope(OTHER), &parents));
    let node = registered(GROUP, None);
    let at = Place { below, height: 2, ..place(GROUP, None) };
    let said = field(update(&node, moving(&node, OTHER), &at, &stamp(noon())).unwrap_err());
    assert_eq!(said, format!("parent_scope: must not be {GROUP} or below it; it is {OTHER}"));
}

#[test]
fn a_tree_is_no_deeper_than_a_path_may_be() {
    let group = |number: usize| scope(&format!("/managementGroups/g{number}"));
    let parents: Parents = (1..SCOPE_DEPTH_MAX).map(|one| (group(one), group(one - 1))).collect();
    let below = |depth: usize, height| Place {
        below: Some(Lineage::of(&group(depth - 1), &parents)),
        height,
        ..place(SUBSCRIPTION, None)
    };
    let put = |place: &Place| {
        let parent = place.below.as_ref().unwrap().scope().to_string();
        register(tenant(), wish(SUBSCRIPTION, Some(&parent)), None, place, &stamp(noon()))
    };
    assert!(put(&below(SCOPE_DEPTH_MAX - 1, 1)).is_ok());
    let said = field(put(&below(SCOPE_DEPTH_MAX, 1)).unwrap_err());
    let wanted = "parent_scope: must leave at most 32 scopes on each other; 33 there";
    assert_eq!(said, wanted);
    assert!(put(&below(SCOPE_DEPTH_MAX - 4, 4)).is_ok());
    assert_eq!(field(put(&below(SCOPE_DEPTH_MAX - 4, 5)).unwrap_err()), wanted);
}

#[test]
fn a_move_says_what_is_lost() {
    let parents = Parents::from([
        (scope(SUBSCRIPTION), scope(GROUP)),
        (scope(GROUP), scope("/managementGroups/all")),
        (scope(OTHER), scope("/managementGroups/all")),
    ]);
    let node = registered(SUBSCRIPTION, Some(GROUP));
    let at = |to: &str| Place {
        from: Lineage::of(&scope(SUBSCRIPTION), &parents),
        below: Some(Lineage::of(&scope(to), &parents)),
        ..place(SUBSCRIPTION, None)
    };
    let go = |to: &str| update(&node, moving(&node, to), &at(to), &stamp(noon())).unwrap();
    let Moved { change, lost } = go(OTHER);
    // It still lies below what both lie below.
    assert_eq!(lost, [scope(GROUP)]);
    assert_eq!(change.event().code, Code::ScopeMoved);
    assert_eq!(change.after().parent, Some(scope(OTHER)));
    let Moved { change, lost } = go("/");
    assert_eq!(lost, [scope(GROUP), scope("/managementGroups/all")]);
    assert_eq!(change.after().parent, None);
    let Moved { change, lost } = go(GROUP);
    assert_eq!((change.event().code, lost), (Code::ScopeUpdated, vec![]), "it stays");
}

#[test]
fn a_name_changes_and_the_place_stays() {
    let node = registered(SUBSCRIPTION, Some(GROUP));
    let name = Some("Billing".to_owned());
    let wish = Update { display_name: name, parent: None, ..moving(&node, GROUP) };
    let at = place(SUBSCRIPTION, None);
    let Moved { change, lost } = update(&node, wish, &at, &stamp(noon())).unwrap();
    let after = change.after();
    assert_eq!((after.display_name.as_str(), &after.parent), ("Billing", &Some(scope(GROUP))));
    assert_eq!((change.event().code, lost), (Code::ScopeUpdated, vec![]));
}

#[test]
fn nobody_puts_a_scope_below_what_they_hold() {
    let own = vec![scope(OTHER)];
    let at = Place { own: own.clone(), ..place(SUBSCRIPTION, Some(OTHER)) };
    let denial = register(tenant(), wish(SUBSCRIPTION, Some(OTHER)), None, &at, &stamp(noon()));
    assert_eq!(denial.unwrap_err().reason, Reason::SelfGrant);
    let node = registered(SUBSCRIPTION, Some(GROUP));
    let denial = update(&node, moving(&node, OTHER), &at, &stamp(noon()));
    assert_eq!(denial.unwrap_err().reason, Reason::SelfGrant);
    // What reached it before is no gain, and neither is what is held beside.
    let parents = Parents::from([(scope(SUBSCRIPTION), scope(OTHER))]);
    let from = Lineage::of(&scope(SUBSCRIPTION), &parents);
    assert!(update(&node, moving(&node, OTHER), &Place { from, ..at }, &stamp(noon())).is_ok());
    let at = Place { own, ..place(SUBSCRIPTION, Some(GROUP)) };
    assert!(update(&node, moving(&node, GROUP), &at, &stamp(noon())).is_ok());
}

#[test]
fn what_is_in_use_is_not_deleted() {
    let node = registered(GROUP, None);
    let wish = Deletion { scope: scope(GROUP), etag: node.version.etag() };
    let gone = |children, used| delete(&node, &wish, children, used, &stamp(noon()));
    let state = |denial: Denial| match denial.reason {
        Reason::WrongState { state, .. } => state,
        other => panic!("{other:?}"),
    };
    assert_eq!(state(gone(true, true).unwrap_err()), "HAS_CHILDREN");
    assert_eq!(state(gone(false, true).unwrap_err()), "IN_USE");
    let change = gone(false, false).unwrap();
    assert_eq!(change.event().code, Code::ScopeDeleted);
    assert!(!change.after().is_live());
}

#[test]
fn a_scope_is_registered_once_at_a_time() {
    let node = registered(GROUP, None);
    let again = |before: &Node| {
        let at = place(GROUP, None);
        register(tenant(), wish(GROUP, None), Some(before), &at, &stamp(noon()))
    };
    let Reason::Duplicate { id, .. } = again(&node).unwrap_err().reason else { panic!("no") };
    assert_eq!(id, node.id.uuid());
    let wish = Deletion { scope: scope(GROUP), etag: node.version.etag() };
    let gone = delete(&node, &wish, false, false, &stamp(noon())).unwrap().into_after();
    let node = again(&gone).unwrap().into_after();
    assert!(node.is_live());
    assert_eq!(node.version.0, 3, "its versions go on");
}

#[test]
fn an_old_etag_is_refused() {
    let node = registered(GROUP, None);
    let stale = |denial: Denial| matches!(denial.reason, Reason::EtagMismatch { .. });
    let wish = Update { etag: "v9".to_owned(), ..moving(&node, "/") };
    assert!(stale(update(&node, wish, &place(GROUP, Some("/")), &stamp(noon())).unwrap_err()));
    let wish = Deletion { scope: scope(GROUP), etag: "v9".to_owned() };
    assert!(stale(delete(&node, &wish, false, false, &stamp(noon())).unwrap_err()));
}
