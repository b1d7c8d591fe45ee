//! Permissions: every role of the catalogs and random patterns against a matcher that is slow and
//! plain to see.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use pim_domain::{
    catalog,
    fixture::role,
    id::RoleId,
    permission::{ACTION_BYTES_MAX, ActionError, Operation, Pattern, Permissions, Plane, widens},
    role::{Catalog, PermissionBlock, Role},
};
use proptest::prelude::*;

/// All roles of all catalogs.
static ROLES: LazyLock<Vec<Role>> = LazyLock::new(|| {
    let of = |catalog| {
        let built_in = catalog::file(catalog).unwrap().roles.iter();
        built_in.map(move |one| Role {
            id: one.id.into(),
            catalog,
            display_name: one.name.clone(),
            inherits: one.inherits.iter().copied().map(Into::into).collect(),
            permissions: one.permissions.clone(),
            ..role()
        })
    };
    Catalog::ALL.into_iter().flat_map(of).collect()
});

/// The same with all that they say in lower case, for the plain way.
static PLAIN: LazyLock<HashMap<RoleId, Role>> =
    LazyLock::new(|| ROLES.iter().map(|role| (role.id, in_lower_case(role))).collect());

fn in_lower_case(role: &Role) -> Role {
    let lower = |all: &[String]| all.iter().map(|one| one.to_lowercase()).collect();
    let blocks = role.permissions.iter().map(|block| PermissionBlock {
        condition: block.condition.clone(),
        actions: lower(&block.actions),
        not_actions: lower(&block.not_actions),
        data_actions: lower(&block.data_actions),
        not_data_actions: lower(&block.not_data_actions),
    });
    Role { permissions: blocks.collect(), ..role.clone() }
}

/// The first segments of what the roles of a catalog name, each with the second one.
static HEADS: LazyLock<HashMap<Catalog, HashMap<String, HashSet<String>>>> = LazyLock::new(|| {
    let mut heads: HashMap<Catalog, HashMap<String, HashSet<String>>> = HashMap::new();
    for role in &*ROLES {
        let of = heads.entry(role.catalog).or_default();
        for (_, pattern) in patterns(role) {
            let (first, second) = two_segments(&pattern.to_lowercase());
            of.entry(first).or_default().insert(second);
        }
    }
    heads
});

fn two_segments(action: &str) -> (String, String) {
    let (first, rest) = action.split_once('/').unwrap_or((action, ""));
    (first.to_owned(), rest.split('/').next().unwrap_or_default().to_owned())
}

fn catalog_of(action: &str) -> Catalog {
    let (first, second) = two_segments(action);
    if first == "pim" {
        return Catalog::Pim;
    }
    let shared = HEADS[&Catalog::Azure].contains_key(&first);
    let entra = HEADS[&Catalog::Entra].get(&first);
    let named = entra.is_some_and(|seconds| !shared || seconds.contains(&second));
    if named { Catalog::Entra } else { Catalog::Azure }
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|length| glob(rest, &text[length..])),
        Some((one, rest)) => text.first() == Some(one) && glob(rest, &text[1..]),
    }
}

/// Whether a pattern matches an action, plainly; both in lower case.
fn matches(catalog: Catalog, pattern: &str, action: &str) -> bool {
    if catalog != Catalog::Entra {
        return glob(pattern.as_bytes(), action.as_bytes());
    }
    let any = ["alltasks", "allproperties", "allentities"];
    pattern.split('/').count() == action.split('/').count()
        && pattern
            .split('/')
            .zip(action.split('/'))
            .all(|(one, other)| one == other || any.contains(&one))
}

/// Whether a role permits an action, plainly; both in lower case.
fn plainly(role: &Role, plane: Plane, action: &str) -> bool {
    let any = |all: &[String]| all.iter().any(|one| matches(role.catalog, one, action));
    let own = role.permissions.iter().any(|block| {
        block.condition.is_none()
            && match plane {
                Plane::Control => any(&block.actions) && !any(&block.not_actions),
                Plane::Data => any(&block.data_actions) && !any(&block.not_data_actions),
            }
    });
    let inherited = || role.inherits.iter().any(|id| plainly(&PLAIN[id], plane, action));
    catalog_of(action) == role.catalog && (own || inherited())
}

/// Actions that a pattern matches, and some that it nearly does.
fn around(pattern: &str) -> Vec<String> {
    let exact = pattern.replace('*', "x").replace(['{', '}'], "");
    let entra = ["allTasks", "allProperties", "allEntities"];
    let filled = entra.iter().fold(exact.clone(), |text, word| text.replace(word, "thing"));
    let cut = exact.rsplit_once('/').map_or("x", |(cut, _)| cut);
    let (head, tail) = exact.split_once('/').unwrap_or((&exact, "x"));
    vec![
        pattern.replace('*', "one/two").replace(['{', '}'], ""),
        pattern.replace("/*", "").replace('*', "x"),
        filled.to_uppercase(),
        format!("{filled}s"),
        format!("{filled}/read"),
        cut.to_owned(),
        format!("{head}x/{tail}"),
        format!("{head}/between/{tail}"),
        tail.to_owned(),
        filled,
        exact,
    ]
}

fn patterns(role: &Role) -> impl Iterator<Item = (Plane, &String)> {
    role.permissions.iter().flat_map(|block| {
        let control = block.actions.iter().chain(&block.not_actions);
        let data = block.data_actions.iter().chain(&block.not_data_actions);
        control.map(|one| (Plane::Control, one)).chain(data.map(|one| (Plane::Data, one)))
    })
}

#[test]
fn every_role_of_the_catalogs_permits_what_it_plainly_does() {
    assert_eq!(ROLES.len(), 1_077);
    // What some roles say is asked of all.
    let all = ROLES.iter().flat_map(|role| patterns(role).take(3));
    let common: Vec<String> = all.step_by(61).flat_map(|(_, one)| around(one)).step_by(5).collect();
    assert!(common.len() > 100);
    let (mut asked, mut yes) = (0, 0);
    for role in &*ROLES {
        let whole = Permissions::of(role, &ROLES);
        let flat = flattened(role);
        let flat = Permissions::of(&flat, &[]);
        let own = patterns(role)
            .flat_map(|(plane, one)| around(one).into_iter().map(move |action| (plane, action)));
        let common = common.iter().cloned().map(|action| (Plane::Control, action));
        for (plane, action) in own.chain(common) {
            let Ok(operation) = Operation::new(plane, &action) else { continue };
            let expected = plainly(&PLAIN[&role.id], plane, &action.to_lowercase());
            assert_eq!(whole.permit(&operation), expected, "{} {action}", role.display_name);
            assert_eq!(flat.permit(&operation), expected, "{} {action}", role.display_name);
            asked += 1;
            yes += usize::from(expected);
        }
    }
    assert!(asked > 200_000 && yes > 30_000, "{yes} of {asked}");
}

/// The role with the blocks of all that it inherits, and inheriting nothing.
fn flattened(role: &Role) -> Role {
    let mut all = vec![role];
    let mut at = 0;
    while let Some(one) = all.get(at) {
        let inherited = one.inherits.iter();
        let found = inherited.filter_map(|id| ROLES.iter().find(|other| other.id == *id));
        all.extend(found.collect::<Vec<_>>());
        at += 1;
    }
    let permissions = all.iter().flat_map(|one| one.permissions.clone()).collect();
    Role { inherits: Vec::new(), permissions, ..role.clone() }
}

fn named(name: &str) -> Permissions {
    let role = ROLES.iter().find(|role| role.display_name == name).unwrap();
    Permissions::of(role, &ROLES)
}

fn control(name: &str) -> Operation {
    Operation::new(Plane::Control, name).unwrap()
}

fn custom(catalog: Catalog, permissions: Vec<PermissionBlock>) -> Permissions {
    Permissions::of(&Role { catalog, permissions, ..role() }, &[])
}

fn block(actions: &[&str], not_actions: &[&str]) -> PermissionBlock {
    let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
    let (actions, not_actions) = (texts(actions), texts(not_actions));
    PermissionBlock { actions, not_actions, ..PermissionBlock::default() }
}

#[test]
fn known_roles_permit_what_is_known_of_them() {
    let owner = named("Owner");
    assert!(owner.permit(&control("Microsoft.Authorization/roleAssignments/write")));
    assert!(!owner.permit(&control("microsoft.directory/users/create")), "of the directory");
    assert!(!owner.permit(&control("pim/access/check")), "of this system");
    let data = Operation::new(Plane::Data, "Microsoft.Storage/x/read").unwrap();
    assert!(!owner.permit(&data), "it has no data actions");
    let contributor = named("Contributor");
    assert!(contributor.permit(&control("MICROSOFT.COMPUTE/virtualMachines/START/action")));
    assert!(!contributor.permit(&control("microsoft.authorization/roleassignments/WRITE")));
    let insights = named("Insights Administrator");
    assert!(insights.permit(&control("microsoft.insights/reports/allProperties/read")));
    assert!(!insights.permit(&control("Microsoft.Insights/alertRules/rule/read")), "Azure's");
    assert!(!named("Monitoring Contributor").permit(&control("microsoft.insights/reports/a/read")));
    // What every member may read is inherited by most roles.
    let agent = named("Agent ID Administrator");
    let inherited = ROLES.iter().find(|role| role.display_name == "Directory Readers").unwrap();
    let read = inherited.permissions[0].actions.first().unwrap();
    assert!(agent.permit(&control(read)), "{read}");
}

#[test]
fn blocks_are_evaluated_one_by_one() {
    let permits = custom(
        Catalog::Azure,
        vec![
            block(&["Microsoft.Web/*"], &["Microsoft.Web/*/delete"]),
            block(&["Microsoft.Web/sites/delete"], &[]),
        ],
    );
    assert!(permits.permit(&control("Microsoft.Web/sites/delete")), "the second block says so");
    assert!(!permits.permit(&control("Microsoft.Web/plans/delete")));
}

#[test]
fn a_block_with_a_condition_permits_nothing() {
    let condition = Some("@Resource[a] StringEquals 'b'".to_owned());
    let bound = PermissionBlock { condition, ..block(&["*"], &[]) };
    let asked = control("Microsoft.Web/sites/read");
    assert!(!custom(Catalog::Azure, vec![bound.clone()]).permit(&asked));
    assert!(custom(Catalog::Azure, vec![bound, block(&["*/read"], &[])]).permit(&asked));
}

#[test]
fn roles_that_inherit_in_a_circle_are_read_to_their_end() {
    let own = |name: &str| vec![block(&[&format!("microsoft.directory/{name}/read")], &[])];
    let first = Role { permissions: own("first"), ..role() };
    let second = Role { permissions: own("second"), inherits: vec![first.id], ..role() };
    let third = Role { permissions: own("third"), inherits: vec![second.id], ..role() };
    let foreign = Role {
        catalog: Catalog::Azure,
        permissions: vec![block(&["microsoft.directory/foreign/read"], &[])],
        ..role()
    };
    let first = Role { inherits: vec![third.id, foreign.id], ..first };
    let all = [first.clone(), second.clone(), third.clone(), foreign];
    for role in [&first, &second, &third] {
        let permissions = Permissions::of(role, &all);
        for name in ["first", "second", "third"] {
            assert!(permissions.permit(&control(&format!("microsoft.directory/{name}/read"))));
        }
        assert!(!permissions.permit(&control("microsoft.directory/foreign/read")));
    }
}

#[test]
fn what_is_malformed_is_refused() {
    let action = |text: &str| Operation::new(Plane::Control, text).unwrap_err();
    assert_eq!(action(""), ActionError::Length);
    assert_eq!(action(&"a/".repeat(ACTION_BYTES_MAX)), ActionError::Length);
    assert_eq!(action("Microsoft.Web/*"), ActionError::Character('*'));
    assert_eq!(action("Microsoft.Web/sit es"), ActionError::Character(' '));
    assert_eq!(action("Microsoft.Web/\u{1f600}"), ActionError::Character('\u{1f600}'));
    for bad in ["Microsoft.Web", "Microsoft.Web/", "/read", "a//b"] {
        assert_eq!(action(bad), ActionError::Segments, "{bad}");
    }
    let pattern = |catalog, text: &str| Pattern::new(catalog, text).unwrap_err();
    assert_eq!(pattern(Catalog::Azure, &"*a".repeat(9)), ActionError::Segments);
    assert_eq!(pattern(Catalog::Azure, &"*".repeat(9)), ActionError::Wildcards);
    assert_eq!(pattern(Catalog::Entra, "microsoft.directory/*"), ActionError::EntraWildcard);
    let directory = "microsoft.directory/users/create";
    assert_eq!(pattern(Catalog::Azure, directory), ActionError::Namespace(Catalog::Azure));
    let open = "microsoft.directory/*";
    assert_eq!(pattern(Catalog::Azure, open), ActionError::Namespace(Catalog::Azure));
    let web = "Microsoft.Web/sites/read";
    assert_eq!(pattern(Catalog::Entra, web), ActionError::Namespace(Catalog::Entra));
    assert_eq!(pattern(Catalog::Azure, "pim/access/check"), ActionError::Namespace(Catalog::Azure));
    for good in ["*", "*/read", "Microsoft.Web/*", "Microsoft.Insights/alertRules/*"] {
        assert!(Pattern::new(Catalog::Azure, good).is_ok(), "{good}");
    }
    for good in [directory, "microsoft.insights/allEntities/allProperties/allTasks"] {
        assert!(Pattern::new(Catalog::Entra, good).is_ok(), "{good}");
    }
}

#[test]
fn a_set_of_blocks_widens_another_where_a_block_is_not_covered() {
    let before = [block(&["Microsoft.Web/*"], &["*/delete"])];
    let widens = |after: &[PermissionBlock]| widens(Catalog::Azure, &before, after);
    assert!(!widens(&before));
    assert!(!widens(&[]));
    assert!(!widens(&[block(&["microsoft.web/sites/*"], &["*/delete", "*/write"])]));
    assert!(!widens(&[before[0].clone(), block(&["Microsoft.Web/sites/read"], &["*"])]));
    assert!(widens(&[block(&["Microsoft.Web/*"], &[])]));
    assert!(widens(&[block(&["Microsoft.Web/*"], &["*/sites/delete"])]));
    assert!(widens(&[block(&["*"], &["*/delete"])]));
    assert!(widens(&[before[0].clone(), block(&["Microsoft.Web/sites/delete"], &[])]));
    let data = PermissionBlock {
        data_actions: vec!["Microsoft.Web/sites/read".to_owned()],
        ..before[0].clone()
    };
    assert!(widens(&[data]));
}

fn pattern() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "b", "ab", "*", "a*", "*b", "read"]);
    prop::collection::vec(segment, 2..5).prop_map(|segments| segments.join("/"))
}

fn entra_pattern() -> impl Strategy<Value = String> {
    let words = vec!["users", "a", "allTasks", "allProperties", "allEntities", "ALLTASKS"];
    let segments = prop::collection::vec(prop::sample::select(words), 1..4);
    segments.prop_map(|segments| format!("microsoft.directory/{}", segments.join("/")))
}

fn action() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "B", "ab", "aab", "b", "read", "bab"]);
    prop::collection::vec(segment, 2..6).prop_map(|segments| segments.join("/"))
}

fn entra_action() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["users", "A", "a", "allTasks", "create"]);
    let segments = prop::collection::vec(segment, 1..5);
    segments.prop_map(|segments| format!("Microsoft.Directory/{}", segments.join("/")))
}

proptest! {
    #[test]
    fn random_patterns_match_as_they_plainly_do(
        allowed in prop::collection::vec(pattern(), 1..4),
        taken in prop::collection::vec(pattern(), 0..3),
        action in action(),
    ) {
        let block =
            PermissionBlock { actions: allowed, not_actions: taken, ..PermissionBlock::default() };
        let role = Role { catalog: Catalog::Azure, permissions: vec![block], ..role() };
        let permits = Permissions::of(&role, &[]).permit(&control(&action));
        let plain = plainly(&in_lower_case(&role), Plane::Control, &action.to_lowercase());
        prop_assert_eq!(permits, plain);
    }

    #[test]
    fn random_patterns_of_entra_match_as_they_plainly_do(
        allowed in prop::collection::vec(entra_pattern(), 1..4),
        action in entra_action(),
    ) {
        let block = PermissionBlock { actions: allowed, ..PermissionBlock::default() };
        let role = Role { permissions: vec![block], ..role() };
        let permits = Permissions::of(&role, &[]).permit(&control(&action));
        let plain = plainly(&in_lower_case(&role), Plane::Control, &action.to_lowercase());
        prop_assert_eq!(permits, plain);
    }

    #[test]
    fn what_widens_nothing_permits_nothing_more(
        before in prop::collection::vec((pattern(), pattern()), 1..3),
        after in prop::collection::vec((pattern(), pattern()), 1..3),
        actions in prop::collection::vec(action(), 20),
    ) {
        let blocks = |all: &[(String, String)]| -> Vec<PermissionBlock> {
            all.iter().map(|(allowed, taken)| block(&[allowed], &[taken])).collect()
        };
        let (before, after) = (blocks(&before), blocks(&after));
        if !widens(Catalog::Azure, &before, &after) {
            let (before, after) = (custom(Catalog::Azure, before), custom(Catalog::Azure, after));
            for action in actions.iter().map(|action| control(action)) {
                prop_assert!(before.permit(&action) || !after.permit(&action), "{:?}", action);
            }
        }
    }
}
