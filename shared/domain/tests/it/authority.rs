//! What callers are told that they may do is what they may do.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    authority::{Action, Caller, Realm, SignIn, administrative_roles, conferred_by},
    catalog,
    effective::{Ground, Holding, HoldingKind, Span, Standing},
    fixture::{by_path, noon, user},
    principal::Principal,
    role::Catalog,
    scope::Scope,
    time::Window,
};
use uuid::Uuid;

const GROUP: &str = "/groups/0198c0de-0000-7000-8000-00000000000a";
const SUBSCRIPTION: &str = "/subscriptions/9e1c27e8-55a8-4c5b-9d0e-6f6d1f3f2a11";

fn end() -> DateTime<Utc> {
    noon() + TimeDelta::hours(1)
}

fn scopes() -> Vec<Scope> {
    let below = format!("{SUBSCRIPTION}/resourceGroups/web");
    let unit = "/administrativeUnits/0198c0de-0000-7000-8000-00000000000b";
    ["/", SUBSCRIPTION, &below, unit, GROUP].map(|path| path.parse().unwrap()).to_vec()
}

/// Who holds a role at a scope for an hour.
fn caller(principal: Principal, role: Uuid, scope: &Scope) -> Caller {
    let holding = Holding {
        id: Uuid::from_u128(7),
        kind: HoldingKind::Assignment,
        holder: principal.id,
        role: role.into(),
        scope: scope.clone(),
        span: Span { window: Window { start: noon(), end: Some(end()) }, ended: None },
        standing: Standing::Held,
        path: None,
        granted_by: None,
        update_time: noon(),
    };
    let ground = Ground {
        principal: principal.id,
        enabled_since: Some(noon()),
        memberships: Vec::new(),
        holdings: vec![holding],
    };
    let holdings = ground.resolve().held;
    Caller { principal, sign_in: SignIn::default(), holdings }
}

/// Whether the caller was told so of something of `realm` at `at`.
fn told(caller: &Caller, action: Action, realm: Realm, at: &Scope, now: DateTime<Utc>) -> bool {
    let realm = if Realm::from(at) == Realm::Groups { Realm::Groups } else { realm };
    caller.conferred(now).iter().any(|(held, conferred)| {
        conferred.actions.contains(&action)
            && conferred.realms.contains(&realm)
            && by_path(at).is_below(&held.holding.scope)
    })
}

#[test]
fn what_is_told_is_what_is_judged() {
    let mut yes = 0;
    for role in administrative_roles() {
        for held_at in scopes() {
            let caller = caller(user("alice"), role, &held_at);
            for (at, action) in scopes().iter().flat_map(|at| Action::ALL.map(|one| (at, one))) {
                // Nothing at another scope than a group's is of groups.
                for realm in [Realm::Directory, Realm::Resources] {
                    for now in [noon(), end()] {
                        let may = caller.may(action, realm, &by_path(at), now);
                        let told = told(&caller, action, realm, at, now);
                        assert_eq!(told, may, "{role} {action:?} {realm:?} {at} {now}");
                        yes += u32::from(may);
                    }
                }
            }
        }
    }
    assert!(yes > 1_000, "{yes}");
}

#[test]
fn a_disabled_caller_may_do_nothing() {
    let mut mallory = user("mallory");
    mallory.enabled_since = None;
    let role = administrative_roles().next().unwrap();
    assert_eq!(caller(mallory, role, &Scope::root()).conferred(noon()), []);
}

#[test]
fn only_administrative_roles_confer_something() {
    for role in administrative_roles() {
        assert!(!conferred_by(role.into()).unwrap().actions.is_empty(), "{role}");
    }
    assert_eq!(conferred_by(Uuid::from_u128(1).into()), None);
}

#[test]
fn every_administrative_role_is_in_a_catalog() {
    for role in administrative_roles() {
        let known = Catalog::ALL.into_iter().any(|catalog| {
            let file = catalog::file(catalog).unwrap();
            file.roles.iter().any(|one| one.id == role)
        });
        assert!(known, "{role}");
    }
}

#[test]
fn actions_have_distinct_names() {
    let names = std::collections::HashSet::from(Action::ALL.map(Action::as_str));
    assert_eq!(names.len(), Action::ALL.len());
}
