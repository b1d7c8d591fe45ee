//! Groups as they are stored, and what is held through them.

use chrono::TimeDelta;
use pim_domain::{
    authority::{GROUP_MEMBER, GROUP_OWNER},
    catalog, effective,
    fixture::{noon, stamp},
    grant::{self, Create, Grant, GrantKind},
    group::{self, Delete, GROUP_NESTING_MAX, Group, NewGroup, Subject, Update},
    id::PrincipalId,
    role::{self, Catalog, Role},
    scope::{Lineage, Parents, Scope},
};
use pim_store::{groups, holdings, roles};

use crate::ground::{Ground, grant_facts};

/// The role that is membership, of the catalog that has it.
async fn member_role(ground: &Ground) -> Role {
    let file = catalog::file(Catalog::Pim).unwrap();
    let import = role::import(ground.tenant, None, file, &stamp(noon())).unwrap();
    let all = role::of_catalog(file, import.after());
    let mut tx = ground.begin().await;
    roles::record(&mut tx, ground.tenant, &import, all).await.unwrap();
    let role = roles::get(&mut tx, ground.tenant, GROUP_MEMBER.into()).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    role
}

pub(crate) async fn new(ground: &Ground, name: &str) -> Group {
    let new = NewGroup { display_name: name.to_owned(), role_assignable: true };
    ground.kept(group::create(new, &stamp(noon()))).await
}

/// Assigned to somebody or to a group, whatever the rules would say.
async fn assigned(ground: &Ground, to: PrincipalId, role: &Role, scope: Scope) -> Grant {
    let user = pim_domain::fixture::user("anybody");
    let facts = grant_facts(&user, role);
    let wish = Create {
        kind: GrantKind::Assignment,
        principal: to,
        role: role.id,
        scope,
        start: None,
        end: None,
        justification: "their work".into(),
        ticket: None,
    };
    ground.kept(grant::create(&facts, wish, &stamp(noon())).unwrap()).await
}

#[tokio::test]
async fn a_group_is_read_back_and_listed_until_it_is_deleted() {
    let ground = Ground::new().await;
    let ops = new(&ground, "ops").await;
    let other = new(&ground, "other").await;
    let etag = ops.version.etag();
    let wish = Update { group: ops.id, etag, display_name: "Operations".to_owned() };
    let ops = ground.kept(ops.update(wish, &stamp(noon())).unwrap()).await;
    let mut tx = ground.begin().await;
    let tenant = ground.tenant;
    assert_eq!(groups::get(&mut tx, tenant, ops.id).await.unwrap(), Some(ops.clone()));
    let subject = groups::subject(&mut tx, tenant, ops.principal()).await.unwrap();
    assert_eq!(subject, Some(Subject::Group(ops.clone())));
    let principal = ops.principal();
    let nobody = pim_store::principals::get(&mut tx, tenant, principal).await.unwrap();
    assert_eq!(nobody, None, "a group is no principal that could sign in");
    let found = groups::list(&mut tx, tenant, "OPER", false, None, 10).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&ops));
    drop(tx);
    let wish = Delete { group: ops.id, etag: ops.version.etag() };
    let deleted = ground.kept(ops.delete(&wish, &stamp(noon())).unwrap()).await;
    let mut tx = ground.begin().await;
    let there = groups::list(&mut tx, tenant, "", false, None, 10).await.unwrap();
    assert_eq!(there, std::slice::from_ref(&other));
    let mut all = groups::list(&mut tx, tenant, "", true, None, 10).await.unwrap();
    all.sort_by_key(|group| group.display_name.clone());
    assert_eq!(all, [deleted, other]);
}

#[tokio::test]
async fn what_the_outermost_of_sixteen_holds_reaches_the_innermost() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    let member = member_role(&ground).await;
    let mut chain = Vec::new();
    let mut inner = alice.id;
    for number in 0..GROUP_NESTING_MAX {
        let outer = new(&ground, &format!("group {number}")).await;
        assigned(&ground, inner, &member, Scope::of_group(outer.id)).await;
        inner = outer.principal();
        chain.push(outer);
    }
    let held = assigned(&ground, inner, &ground.role, Scope::root()).await;
    let mut tx = ground.begin().await;
    let (tenant, roles) = (ground.tenant, [ground.role.id.uuid()]);
    let found =
        holdings::of_principal(&mut tx, tenant, alice.id, Some(&roles), None).await.unwrap();
    let found = effective::decision(found.resolve(), (noon() + TimeDelta::hours(1)).into());
    assert_eq!(found.holdings.iter().map(|one| one.id).collect::<Vec<_>>(), [held.id.uuid()]);
    assert_eq!(found.memberships.len(), GROUP_NESTING_MAX);
    let target = (ground.role.id, &Lineage::root());
    let holders = holdings::holders(&mut tx, tenant, target, None, 10).await.unwrap();
    assert_eq!(holders, [alice.id]);
    // A circle and one too many are seen.
    let (first, last) = (&chain[0], &chain[GROUP_NESTING_MAX - 1]);
    let outermost = Subject::Group(last.clone());
    let around = Scope::of_group(first.id);
    let circle = groups::surroundings(&mut tx, tenant, &alice, &outermost, &around).await.unwrap();
    assert!(circle.above.contains(&last.id));
    assert_eq!(circle.of_caller.len(), GROUP_NESTING_MAX);
    assert!(circle.nesting > GROUP_NESTING_MAX);
}

/// The groups by which a person could come to more: with other accounts, by groups, and those whose
/// members they choose.
#[tokio::test]
async fn a_persons_groups_are_those_that_they_belong_to_own_or_may_come_to() {
    let ground = Ground::new().await;
    let alice = ground.user("alice").await;
    let member = member_role(&ground).await;
    let mut tx = ground.begin().await;
    let owner = roles::get(&mut tx, ground.tenant, GROUP_OWNER.into()).await.unwrap().unwrap();
    drop(tx);
    let [inner, outer, owned, around, by_group, other] = [
        new(&ground, "inner").await,
        new(&ground, "outer").await,
        new(&ground, "owned").await,
        new(&ground, "around").await,
        new(&ground, "by group").await,
        new(&ground, "other").await,
    ];
    let at = |group: &Group| Scope::of_group(group.id);
    assigned(&ground, alice.id, &member, at(&inner)).await;
    assigned(&ground, inner.principal(), &member, at(&outer)).await;
    assigned(&ground, alice.id, &owner, at(&owned)).await;
    assigned(&ground, owned.principal(), &member, at(&around)).await;
    assigned(&ground, inner.principal(), &owner, at(&by_group)).await;
    assigned(&ground, other.principal(), &member, at(&inner)).await;
    let mut tx = ground.begin().await;
    let mut found = groups::of_person(&mut tx, ground.tenant, alice.person_key()).await.unwrap();
    found.sort();
    let mut expected = [inner, outer, owned, around, by_group].map(|group| group.id);
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_page_of_holders_is_full_however_many_ways_each_of_them_has() {
    let ground = Ground::new().await;
    let member = member_role(&ground).await;
    let mut people = Vec::new();
    for name in ["alice", "bob", "carol", "dave", "erin"] {
        people.push(ground.user(name).await.id);
    }
    // More groups than a page has room for, before and after the people by their ids.
    let mut teams = Vec::new();
    for number in 0..3 {
        let team = new(&ground, &format!("team {number}")).await;
        for role in [&ground.role, &ground.other_role] {
            assigned(&ground, team.principal(), role, Scope::root()).await;
        }
        teams.push(team);
    }
    for person in &people {
        for team in &teams[..2] {
            // Twice, as one after the other.
            for _ in 0..2 {
                assigned(&ground, *person, &member, Scope::of_group(team.id)).await;
            }
        }
        assigned(&ground, *person, &ground.role, Scope::root()).await;
        assigned(&ground, *person, &ground.role, Scope::root()).await;
    }
    people.sort();
    let mut tx = ground.begin().await;
    let by_team = Scope::of_group(teams[0].id);
    let root = Scope::root();
    // By groups and otherwise, by groups only, and otherwise only.
    let targets =
        [(ground.role.id, root.clone()), (ground.other_role.id, root), (member.id, by_team)];
    for (role, at) in targets {
        let at = Lineage::of(&at, &Parents::new());
        for limit in 1..=people.len() {
            let first = holdings::holders(
                &mut tx,
                ground.tenant,
                (role, &at),
                None,
                limit.try_into().unwrap(),
            );
            assert_eq!(first.await.unwrap(), people[..limit], "{limit}");
        }
        let from = Some(people[2]);
        let rest = holdings::holders(&mut tx, ground.tenant, (role, &at), from, 10).await.unwrap();
        assert_eq!(rest, people[2..]);
    }
}
