//! Custom roles: made, defined anew, deleted, and what that does to what there is of them.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use pim_domain::{
    activation::{Ending, State, ask},
    change::{Change, Version, fold},
    change_request,
    denial::{Denial, Reason, Rule},
    event::Code,
    fixture::{facts, grant, noon, role, stamp, user, wish},
    grant::{self as grants, GrantEnding, GrantKind},
    group::{Subject, Surroundings},
    id::RoleId,
    policy::Layers,
    role::{
        ASSIGNABLE_SCOPES_MAX, BLOCKS_MAX, Catalog, Create, Definition, Delete, Facts,
        PATTERNS_MAX, PermissionBlock, Role, Update, create,
    },
    scope::{Lineage, Scope},
};

const SUBSCRIPTION: &str = "/subscriptions/a";
const GROUP: &str = "/managementGroups/g";

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

fn block(actions: &[&str]) -> PermissionBlock {
    let actions = actions.iter().map(|one| (*one).to_owned()).collect();
    PermissionBlock { actions, ..PermissionBlock::default() }
}

fn definition() -> Definition {
    Definition {
        display_name: "Restarter".to_owned(),
        privileged: false,
        permissions: vec![block(&["Microsoft.Compute/virtualMachines/restart/action"])],
        assignable_scopes: vec![scope(SUBSCRIPTION)],
    }
}

fn made(definition: Definition) -> Role {
    let wish = Create { catalog: Catalog::Azure, definition };
    create(wish, None, &stamp(noon())).unwrap().into_after()
}

/// A role, held by nobody.
fn alone(role: &Role) -> Facts {
    Facts { role: role.clone(), namesake: None, own: Vec::new(), granted_at: Vec::new() }
}

fn update(facts: &Facts, definition: Definition) -> Result<Option<Change<Role>>, Denial> {
    let (role, etag) = (facts.role.id, facts.role.version.etag());
    let later = stamp(noon() + TimeDelta::hours(1));
    Role::update(facts, Update { role, etag, definition }, &later)
}

fn deleted(role: &Role) -> Role {
    let (id, etag) = (role.id, role.version.etag());
    let wish = Delete { role: id, etag, justification: "not used".into() };
    role.delete(&wish, user("admin").id, &stamp(noon() + TimeDelta::hours(2))).unwrap().into_after()
}

fn fields(denial: Denial) -> Vec<String> {
    match denial.reason {
        Reason::Invalid(errors) => {
            let field = |field: &str| field.trim_start_matches("definition.").to_owned();
            errors.iter().map(|error| field(&error.field)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_role_is_made_as_it_is_defined_and_told_of_entirely() {
    let scopes = vec![scope("/subscriptions/b"), scope(SUBSCRIPTION), scope(SUBSCRIPTION)];
    let definition = Definition { assignable_scopes: scopes, ..definition() };
    let wish = Create { catalog: Catalog::Azure, definition };
    let change = create(wish.clone(), None, &stamp(noon())).unwrap();
    let role = change.after().clone();
    assert_eq!(change.event().code, Code::RoleCreated);
    assert_eq!((role.catalog, role.privileged, role.assignable), (Catalog::Azure, false, true));
    let scopes = role.custom.clone().unwrap().assignable_scopes;
    assert_eq!(scopes, [scope(SUBSCRIPTION), scope("/subscriptions/b")]);
    let gone = deleted(&role);
    let mut events = vec![change.event().clone()];
    assert_eq!(fold::<Role>(&events).unwrap(), role);
    let (id, etag) = (role.id, role.version.etag());
    let delete = Delete { role: id, etag, justification: Default::default() };
    let by = gone.deletion().unwrap().by;
    let change = role.delete(&delete, by, &stamp(noon() + TimeDelta::hours(2))).unwrap();
    events.push(change.event().clone());
    assert_eq!(fold::<Role>(&events).unwrap(), gone);
    let other = RoleId::at(noon());
    let duplicate = create(wish, Some(other), &stamp(noon())).unwrap_err();
    assert!(matches!(duplicate.reason, Reason::Duplicate { id, .. } if id == other.uuid()));
}

#[test]
fn a_role_that_leads_to_all_others_is_privileged_whatever_is_said() {
    let with = |actions: &[&str], privileged| {
        made(Definition { permissions: vec![block(actions)], privileged, ..definition() })
    };
    assert!(with(&["Microsoft.Authorization/*"], false).privileged);
    assert!(with(&["*"], false).privileged);
    assert!(with(&["Microsoft.Authorization/roleAssignments/write"], false).privileged);
    assert!(!with(&["*/read"], false).privileged);
    assert!(with(&["*/read"], true).privileged);
    let directory = Definition {
        permissions: vec![block(&["microsoft.directory/users/password/update"])],
        assignable_scopes: vec![scope("/administrativeUnits/a")],
        ..definition()
    };
    let wish = Create { catalog: Catalog::Entra, definition: directory };
    assert!(create(wish, None, &stamp(noon())).unwrap().into_after().privileged);
}

#[test]
fn every_field_that_is_wrong_is_named() {
    let refused = |catalog, definition| {
        fields(create(Create { catalog, definition }, None, &stamp(noon())).unwrap_err())
    };
    let permissions = vec![
        block(&["Microsoft.Web/sites/read", "microsoft.directory/users/create"]),
        PermissionBlock {
            condition: Some("x".to_owned()),
            not_actions: vec!["Microsoft.Web/ /read".to_owned()],
            data_actions: vec!["a//b".to_owned()],
            not_data_actions: vec![String::new()],
            ..PermissionBlock::default()
        },
    ];
    let assignable_scopes = vec![scope(SUBSCRIPTION), scope("/applications/shop")];
    let wrong = Definition { permissions, assignable_scopes, ..definition() };
    assert_eq!(
        refused(Catalog::Azure, wrong),
        [
            "permissions[0].actions[1]",
            "permissions[1].not_actions[0]",
            "permissions[1].data_actions[0]",
            "permissions[1].not_data_actions[0]",
            "permissions[1].condition",
            "assignable_scopes[1]",
        ]
    );
    let empty =
        Definition { permissions: Vec::new(), assignable_scopes: Vec::new(), ..definition() };
    assert_eq!(refused(Catalog::Azure, empty), ["permissions", "assignable_scopes"]);
    let many = Definition {
        permissions: vec![block(&[]); BLOCKS_MAX + 1],
        assignable_scopes: vec![scope("/"); ASSIGNABLE_SCOPES_MAX + 1],
        ..definition()
    };
    assert_eq!(refused(Catalog::Azure, many), ["permissions", "assignable_scopes"]);
    let many = vec![block(&vec!["*/read"; PATTERNS_MAX + 1])];
    let many = Definition { permissions: many, ..definition() };
    assert_eq!(refused(Catalog::Azure, many), ["permissions"]);
    assert_eq!(refused(Catalog::Pim, definition())[0], "catalog");
}

#[test]
fn what_is_so_already_is_no_change() {
    let role = made(definition());
    assert_eq!(update(&alone(&role), definition()).unwrap(), None);
    let renamed = Definition { display_name: "Starter".to_owned(), ..definition() };
    let change = update(&alone(&role), renamed).unwrap().unwrap();
    assert_eq!(change.event().code, Code::RoleUpdated);
    assert_eq!(change.after().version, Version(2));
    let told: Vec<&str> = change.event().changes.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(told, ["display_name", "update_time", "version"]);
}

#[test]
fn only_a_custom_role_that_there_is_changes_and_only_as_it_was_read() {
    let state = |denial: Denial| match denial.reason {
        Reason::WrongState { state, .. } => state,
        other => panic!("{other:?}"),
    };
    let role = made(definition());
    let gone = deleted(&role);
    let built_in = pim_domain::fixture::role();
    for (role, expected) in [(&gone, "DELETED"), (&built_in, "BUILT_IN")] {
        assert_eq!(state(update(&alone(role), definition()).unwrap_err()), expected);
        let etag = role.version.etag();
        let wish = Delete { role: role.id, etag, justification: Default::default() };
        let by = user("admin").id;
        assert_eq!(state(role.delete(&wish, by, &stamp(noon())).unwrap_err()), expected);
    }
    let etag = "v7".to_owned();
    let wish = Update { role: role.id, etag: etag.clone(), definition: definition() };
    let stale = Role::update(&alone(&role), wish, &stamp(noon())).unwrap_err();
    assert!(matches!(stale.reason, Reason::EtagMismatch { .. }));
    let wish = Delete { role: role.id, etag, justification: Default::default() };
    let stale = role.delete(&wish, user("admin").id, &stamp(noon())).unwrap_err();
    assert!(matches!(stale.reason, Reason::EtagMismatch { .. }));
    let namesake = Some(RoleId::at(noon()));
    let taken = update(&Facts { namesake, ..alone(&role) }, definition()).unwrap_err();
    assert!(matches!(taken.reason, Reason::Duplicate { .. }));
}

#[test]
fn nobody_widens_what_their_own_person_has() {
    let role = made(definition());
    let wider = Definition { permissions: vec![block(&["Microsoft.Compute/*"])], ..definition() };
    let alice = user("alice");
    for kind in [GrantKind::Eligibility, GrantKind::Assignment] {
        let end = noon() + TimeDelta::minutes(61);
        let own = grant(kind, &alice, &role, noon(), Some(end));
        let holds = Facts { own: vec![own.clone()], ..alone(&role) };
        let denial = update(&holds, wider.clone()).unwrap_err();
        assert_eq!(denial.reason, Reason::SelfGrant);
        let renamed = Definition { display_name: "Starter".to_owned(), ..definition() };
        assert!(update(&holds, renamed).is_ok(), "it permits no more");
        let mut own = own;
        own.window.end = Some(noon() + TimeDelta::minutes(59));
        let held = Facts { own: vec![own], ..alone(&role) };
        assert!(update(&held, wider.clone()).is_ok(), "that is over");
    }
    assert!(update(&alone(&role), wider).is_ok());
}

#[test]
fn a_scope_stays_assignable_while_somebody_has_the_role_there() {
    let at = |scopes: &[&str]| Definition {
        assignable_scopes: scopes.iter().map(|one| scope(one)).collect(),
        ..definition()
    };
    let role = made(at(&[SUBSCRIPTION, "/subscriptions/b"]));
    let parents = BTreeMap::from([(scope(SUBSCRIPTION), scope(GROUP))]);
    let granted = vec![Lineage::of(&scope("/subscriptions/a/resourceGroups/web"), &parents)];
    let facts = Facts { granted_at: granted, ..alone(&role) };
    for kept in [&[SUBSCRIPTION][..], &["/"], &[GROUP], &["/subscriptions/a/resourceGroups/web"]] {
        assert!(update(&facts, at(kept)).is_ok(), "{kept:?}");
    }
    for lost in [&["/subscriptions/b"][..], &["/subscriptions/a/resourceGroups/mail"]] {
        let denial = update(&facts, at(lost)).unwrap_err();
        assert_eq!(denial.rules().collect::<Vec<_>>(), [Rule::Role], "{lost:?}");
    }
}

#[test]
fn it_is_granted_and_activated_where_it_is_assignable_and_not_once_it_is_deleted() {
    let role = made(definition());
    let (alice, admin) = (user("alice"), user("admin"));
    let granting = |role: &Role, at: &str| {
        let facts = grants::Facts {
            role: role.clone(),
            policy: Layers::untouched(role.id, role.catalog),
            subject: Subject::Principal(alice.clone()),
            groups: Surroundings::default(),
            caller: admin.clone(),
            caller_mfa: true,
            existing: Vec::new(),
        };
        let wish = grants::Create {
            kind: GrantKind::Eligibility,
            principal: alice.id,
            role: role.id,
            scope: scope(at),
            start: None,
            end: None,
            justification: "work".into(),
            ticket: None,
        };
        grants::create(&facts, wish, &stamp(noon() + TimeDelta::hours(3)))
    };
    let only_role = |denial: Denial| assert_eq!(denial.rules().collect::<Vec<_>>(), [Rule::Role]);
    assert!(granting(&role, SUBSCRIPTION).is_ok());
    assert!(granting(&role, "/subscriptions/a/resourceGroups/web").is_ok());
    for elsewhere in ["/", "/subscriptions/ab", "/managementGroups/a"] {
        only_role(granting(&role, elsewhere).unwrap_err());
    }
    only_role(granting(&deleted(&role), SUBSCRIPTION).unwrap_err());

    let mut facts = facts(&alice);
    facts.role = role.clone();
    facts.policy = Layers::untouched(role.id, role.catalog);
    facts.eligibilities[0].role = role.id;
    let mut wish = wish(&facts);
    wish.scope = scope(SUBSCRIPTION);
    assert!(ask(&facts, wish.clone(), &stamp(noon())).is_ok());
    facts.role = deleted(&role);
    only_role(ask(&facts, wish.clone(), &stamp(noon())).unwrap_err());
    facts.role = role;
    wish.scope = scope("/subscriptions/b");
    only_role(ask(&facts, wish, &stamp(noon())).unwrap_err());
}

#[test]
fn what_there_is_of_a_deleted_role_ends_with_it() {
    let role = made(definition());
    let gone = deleted(&role);
    let at = gone.deletion().unwrap().at;
    let late = stamp(at + TimeDelta::hours(1));
    let alice = user("alice");
    let rows = [
        (GrantKind::Eligibility, noon(), None, GrantEnding::Removed, Code::EligibilityRemoved),
        (GrantKind::Assignment, at, None, GrantEnding::Removed, Code::AssignmentRemoved),
        (
            GrantKind::Assignment,
            at + TimeDelta::minutes(1),
            None,
            GrantEnding::Canceled,
            Code::AssignmentCanceled,
        ),
        (GrantKind::Eligibility, noon(), Some(at), GrantEnding::Expired, Code::EligibilityExpired),
    ];
    for (kind, start, end, how, code) in rows {
        let grant = grant(kind, &alice, &role, start, end);
        let change = grant.settle(&gone, &[], &late).unwrap();
        assert_eq!((change.event().code, change.after().ended.unwrap().how), (code, how));
        assert_eq!(change.after().ended.unwrap().at, at);
        assert!(change.after().settle(&gone, &[], &late).is_err(), "once");
        assert_eq!(grant.settle(&role, &[], &late).is_ok(), end.is_some(), "its role is there");
    }
}

#[test]
fn a_request_about_a_deleted_role_is_canceled_in_the_name_of_who_deleted_it() {
    let role = made(definition());
    let gone = deleted(&role);
    let alice = user("alice");
    let end = noon() + TimeDelta::days(2);
    let grant = grant(GrantKind::Eligibility, &alice, &role, noon(), Some(end));
    let asking = change_request::Facts { grant, catalog: role.catalog, pending: None };
    let wish = change_request::Ask {
        kind: change_request::ChangeKind::Extension,
        grant_kind: GrantKind::Eligibility,
        grant: asking.grant.id,
        end: None,
        justification: "still needed".into(),
        ticket: None,
    };
    let request = change_request::ask(&asking, &alice, wish, &stamp(noon())).unwrap().into_after();
    let late = stamp(noon() + TimeDelta::days(1));
    assert!(request.settle(&role, &late).is_err(), "it waits");
    let canceled = request.settle(&gone, &late).unwrap().into_after();
    match &canceled.state {
        change_request::State::Canceled(decision) => {
            assert_eq!(decision.by, gone.deletion().unwrap().by);
        }
        other => panic!("{other:?}"),
    }
    let over = stamp(request.expire_time);
    let timed_out = request.settle(&gone, &over).unwrap().into_after();
    assert_eq!(timed_out.state, change_request::State::TimedOut);
}

#[test]
fn an_activation_of_a_deleted_role_is_void_by_its_role() {
    let alice = user("alice");
    let facts = facts(&alice);
    let active = ask(&facts, wish(&facts), &stamp(noon())).unwrap().into_after();
    let mut rest = pim_domain::activation::Rest {
        severed: None,
        deleted: None,
        memberships: Vec::new(),
        belonging: Vec::new(),
        eligibility: facts.eligibilities[0].clone(),
        principal: alice.clone(),
        role: facts.role.clone(),
        approvals: Vec::new(),
        people: Vec::new(),
    };
    let late = stamp(noon() + TimeDelta::minutes(1));
    assert!(active.void(&rest, Catalog::Entra, &late).is_err());
    let custom = made(definition());
    rest.role = Role { custom: deleted(&custom).custom, ..role() };
    let void = active.void(&rest, Catalog::Entra, &late).unwrap().into_after();
    let State::Ended { ending, .. } = void.state else { panic!("{:?}", void.state) };
    assert_eq!(ending, Ending::Void { rules: vec![Rule::Role] });
}
