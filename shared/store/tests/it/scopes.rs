//! The tree of scopes: what SQL says of it against what the rules say, and what moves do.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    activation::{Activation, Ask, ask},
    denial::Reason,
    due::DueKind,
    effective::{self, Effective},
    fixture::{noon, stamp, wish},
    grant::{self, Create, Grant, GrantKind},
    id::ActivationId,
    principal::Principal,
    role::{self, Catalog},
    scope::{self, Deletion, Lineage, Moved, Node, NodeKind, Parents, Register, Scope, Update},
};
use pim_store::{Reach, Read, StoreError, Tx, activations, due, grants, holdings, roles, scopes};
use uuid::Uuid;

use crate::ground::{Ground, catalog_of, grant_facts, new_user, scope};

/// A tenant with an Azure role, and scopes put below each other.
struct Tree {
    ground: Ground,
    me: Principal,
}

const ALL: &str = "/managementGroups/all";
const WEB: &str = "/managementGroups/web";
const SHOP: &str = "/subscriptions/shop";
const RACK: &str = "/subscriptions/shop/resourceGroups/rack";

impl Tree {
    /// The shop below the web below all.
    async fn new() -> Self {
        let tree = Self::bare().await;
        tree.register(ALL, None).await;
        tree.register(WEB, Some(ALL)).await;
        tree.register(SHOP, Some(WEB)).await;
        tree
    }

    async fn bare() -> Self {
        let mut ground = Ground::new().await;
        let azure = pim_domain::fixture::role();
        let file = catalog_of("1", Catalog::Azure, std::slice::from_ref(&azure));
        let import = role::import(ground.tenant, None, &file, &stamp(noon())).unwrap();
        let mut tx = ground.begin().await;
        let all = role::of_catalog(&file, import.after());
        roles::record(&mut tx, ground.tenant, &import, all).await.unwrap();
        ground.role = roles::get(&mut tx, ground.tenant, azure.id).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        let me = ground.user("mover").await;
        Self { ground, me }
    }

    async fn place(&self, at: &Scope, below: Option<&Scope>) -> scope::Place {
        let mut tx = self.ground.begin().await;
        let person = self.me.person_key();
        scopes::place(&mut tx, self.ground.tenant, at, below, person).await.unwrap()
    }

    async fn register(&self, at: &str, parent: Option<&str>) -> Node {
        let (at, parent) = (scope(at), parent.map(scope));
        let place = self.place(&at, parent.as_ref()).await;
        let display_name = at.to_string();
        let wish = Register { scope: at, parent, display_name };
        let tenant = self.ground.tenant;
        let change = scope::register(tenant, wish, None, &place, &stamp(noon())).unwrap();
        self.ground.kept(change).await
    }

    async fn node(&self, at: &str) -> Node {
        let mut read = self.ground.db.read(Reach::EveryTenant).await.unwrap();
        scopes::get(&mut read, self.ground.tenant, &scope(at)).await.unwrap().unwrap()
    }

    async fn moved(&self, at: &str, to: &str, time: DateTime<Utc>) -> Moved {
        let node = self.node(at).await;
        let parent = Some(scope(to));
        let place = self.place(&node.scope, parent.as_ref()).await;
        let etag = node.version.etag();
        let wish = Update { scope: node.scope.clone(), etag, display_name: None, parent };
        scope::update(&node, wish, &place, &stamp(time)).unwrap()
    }

    /// Puts a scope below another, and answers what that has severed.
    async fn move_to(&self, at: &str, to: &str, time: DateTime<Utc>) -> Vec<Uuid> {
        let moved = self.moved(at, to, time).await;
        let mut tx = self.ground.begin().await;
        let ids = scopes::record_move(&mut tx, self.ground.tenant, &moved).await.unwrap();
        tx.commit().await.unwrap();
        let mut ids: Vec<Uuid> = ids.into_iter().map(ActivationId::uuid).collect();
        ids.sort();
        ids
    }

    async fn lineage(&self, at: &str) -> Lineage {
        let mut read = self.ground.db.read(Reach::EveryTenant).await.unwrap();
        scopes::lineage(&mut read, self.ground.tenant, &scope(at)).await.unwrap()
    }

    async fn grant(&self, kind: GrantKind, who: &Principal, at: &str) -> Grant {
        let wish = Create {
            kind,
            principal: who.id,
            role: self.ground.role.id,
            scope: scope(at),
            start: None,
            end: Some(noon() + TimeDelta::days(30)),
            justification: "their work".into(),
            ticket: None,
        };
        let facts = grant_facts(who, &self.ground.role);
        let made = stamp(noon() - TimeDelta::days(1));
        self.ground.kept(grant::create(&facts, wish, &made).unwrap()).await
    }

    /// Active from noon for an hour.
    async fn activate(&self, who: &Principal, at: &str) -> Activation {
        let mut tx = self.ground.begin().await;
        let (tenant, role) = (self.ground.tenant, self.ground.role.id);
        let at = scope(at);
        let facts = activations::facts(&mut tx, tenant, who.id, role, &at).await.unwrap().unwrap();
        tx.roll_back().await.unwrap();
        let wish = Ask { scope: at, ..wish(&facts) };
        self.ground.kept(ask(&facts, wish, &stamp(noon())).unwrap()).await
    }

    async fn holds(&self, who: &Principal, at: &str, time: DateTime<Utc>) -> Effective {
        let at: Scope = at.parse().unwrap();
        let mut read = self.ground.db.read(Reach::EveryTenant).await.unwrap();
        let found =
            holdings::of_principal(&mut read, self.ground.tenant, who.id, None, Some(&at)).await;
        effective::decision(found.unwrap().resolve(), time.into())
    }

    async fn due(&self, time: DateTime<Utc>) -> Vec<(DueKind, Uuid)> {
        let mut read = self.ground.db.read(Reach::EveryTenant).await.unwrap();
        let found = due::list(&mut read, time, None, 10).await.unwrap();
        found.into_iter().map(|due| (due.kind, due.thing)).collect()
    }

    async fn listed(&self, filter: &scopes::Filter<'_>) -> Vec<String> {
        let mut read = self.ground.db.read(Reach::EveryTenant).await.unwrap();
        let rows = scopes::list(&mut read, self.ground.tenant, filter, None, 50).await.unwrap();
        rows.into_iter().map(|node| node.scope.to_string()).collect()
    }
}

fn minutes(minutes: i64) -> DateTime<Utc> {
    noon() + TimeDelta::minutes(minutes)
}

/// What SQL narrows by, of each scope: itself and all above it, and whether another lies below it.
async fn compare(tree: &Tree, parents: &Parents, all: &[&str]) {
    let mut connection = tree.ground.database.connect().await;
    let tenant = tree.ground.tenant.uuid();
    for one in all.iter().map(|text| scope(text)) {
        let known = Lineage::of(&one, parents);
        let found: Vec<String> = sqlx::query_scalar("select scope_lineage($1, $2)")
            .bind(tenant)
            .bind(one.as_str())
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(found, known.iter().map(Scope::to_string).collect::<Vec<_>>());
        assert_eq!(tree.lineage(one.as_str()).await, known);
        for other in all.iter().map(|text| scope(text)).filter(|other| !other.is_root()) {
            let below: bool = sqlx::query_scalar(
                "select starts_with($2 || '/', $3 || '/')
                     or scope_head($2) in (select scope_heads_below($1, $3))",
            )
            .bind(tenant)
            .bind(one.as_str())
            .bind(other.as_str())
            .fetch_one(&mut connection)
            .await
            .unwrap();
            assert_eq!(below, known.is_below(&other), "{one} below {other}");
        }
    }
}

#[tokio::test]
async fn sql_says_of_each_scope_what_the_rules_say() {
    let tree = Tree::bare().await;
    let places = [
        (ALL, None),
        (WEB, Some(ALL)),
        ("/managementGroups/webs", Some(ALL)),
        ("/managementGroups/deep", Some(WEB)),
        (SHOP, Some("/managementGroups/deep")),
        ("/subscriptions/shops", Some("/managementGroups/webs")),
        ("/subscriptions/free", None),
        (RACK, None),
        ("/administrativeUnits/a", None),
    ];
    let mut parents = Parents::new();
    for (at, parent) in places {
        tree.register(at, parent).await;
        parents.extend(parent.map(|parent| (scope(at), scope(parent))));
    }
    let mut all: Vec<&str> = places.iter().map(|(at, _)| *at).collect();
    all.extend([
        "/",
        "/subscriptions/shop/resourceGroups",
        "/subscriptions/unknown/resourceGroups/x",
    ]);
    all.extend([
        "/administrativeUnits/a/b",
        "/administrativeUnits/ab",
        "/managementGroups/unknown",
    ]);
    compare(&tree, &parents, &all).await;
    for (at, to) in [("/managementGroups/deep", "/managementGroups/webs"), (WEB, "/"), (SHOP, WEB)]
    {
        tree.move_to(at, to, minutes(1)).await;
        parents.remove(&scope(at));
        parents.extend((to != "/").then(|| (scope(at), scope(to))));
        compare(&tree, &parents, &all).await;
    }
}

#[tokio::test]
async fn what_is_granted_above_in_the_tree_is_found() {
    let tree = Tree::new().await;
    let alice = tree.ground.user("alice").await;
    let far = tree.grant(GrantKind::Eligibility, &alice, ALL).await;
    let near = tree.grant(GrantKind::Eligibility, &alice, WEB).await;
    tree.grant(GrantKind::Eligibility, &alice, "/managementGroups/other").await;
    let rack = scope(RACK);
    let mut read = tree.ground.db.read(Reach::EveryTenant).await.unwrap();
    let (tenant, role) = (tree.ground.tenant, tree.ground.role.id);
    let kind = GrantKind::Eligibility;
    let (holders, target) = ([alice.id], (role, &rack));
    let found = grants::reaching(&mut read, tenant, kind, &holders, target).await.unwrap();
    let found: BTreeSet<_> = found.into_iter().map(|grant| grant.id).collect();
    assert_eq!(found, BTreeSet::from([far.id, near.id]));
    assert_eq!(tree.activate(&alice, RACK).await.eligibility, near.id, "the nearest");
    let lineage = tree.lineage(RACK).await;
    let holders = async |read: &mut Read| {
        holdings::holders(read, tenant, (role, &lineage), None, 10).await.unwrap()
    };
    assert_eq!(holders(&mut read).await, [], "read before");
    drop(read);
    let mut read = tree.ground.db.read(Reach::EveryTenant).await.unwrap();
    assert_eq!(holders(&mut read).await, [alice.id]);
    drop(read);
    assert_eq!(tree.holds(&alice, RACK, minutes(1)).await.holdings.len(), 1);
    assert_eq!(tree.holds(&alice, SHOP, minutes(1)).await.holdings.len(), 0);
}

#[tokio::test]
async fn a_move_severs_what_it_takes_from_its_eligibility_and_nothing_else() {
    let tree = Tree::new().await;
    tree.register("/managementGroups/other", Some(ALL)).await;
    let [alice, bob, carol, dave] = [
        tree.ground.user("alice").await,
        tree.ground.user("bob").await,
        tree.ground.user("carol").await,
        tree.ground.user("dave").await,
    ];
    tree.grant(GrantKind::Eligibility, &dave, WEB).await;
    tree.grant(GrantKind::Eligibility, &alice, WEB).await;
    tree.grant(GrantKind::Eligibility, &bob, ALL).await;
    tree.grant(GrantKind::Eligibility, &carol, SHOP).await;
    let mut lost = [tree.activate(&alice, SHOP).await, tree.activate(&alice, RACK).await];
    lost.sort_by_key(|activation| activation.id);
    let beside = tree.activate(&dave, WEB).await;
    let (above, own) = (tree.activate(&bob, SHOP).await, tree.activate(&carol, RACK).await);

    let severed = tree.move_to(SHOP, "/managementGroups/other", minutes(10)).await;
    assert_eq!(severed, lost.each_ref().map(|one| one.id.uuid()), "all still lies below {ALL}");
    let held = async |who: &Principal, at: &str, time| {
        !tree.holds(who, at, time).await.holdings.is_empty()
    };
    // From exactly then, with nothing recorded of it in the activations.
    let micro = TimeDelta::microseconds(1);
    for at in [SHOP, RACK] {
        assert!(held(&alice, at, minutes(10) - micro).await);
        assert!(!held(&alice, at, minutes(10)).await);
    }
    assert!(held(&dave, WEB, minutes(10)).await && held(&bob, SHOP, minutes(10)).await);
    assert!(held(&carol, RACK, minutes(10)).await);
    let mut wanted = lost.each_ref().map(|one| (DueKind::VoidActivation, one.id.uuid()));
    wanted.sort_by_key(|(_, id)| *id);
    assert_eq!(tree.due(minutes(10)).await, wanted);

    // Moved back, nothing revives; what is activated then counts, and goes with the next move.
    assert_eq!(tree.move_to(SHOP, WEB, minutes(11)).await, [] as [Uuid; 0]);
    assert!(!held(&alice, SHOP, minutes(12)).await && !held(&alice, RACK, minutes(12)).await);
    assert_eq!(tree.due(minutes(12)).await, wanted, "until that is recorded");
    for one in lost {
        let mut read = tree.ground.db.read(Reach::EveryTenant).await.unwrap();
        let rest = activations::rest(&mut read, tree.ground.tenant, &one).await.unwrap();
        drop(read);
        let change = one.void(&rest, Catalog::Azure, &stamp(minutes(12))).unwrap();
        tree.ground.kept(change).await;
    }
    assert_eq!(tree.due(minutes(12)).await, []);
    let again = tree.activate(&alice, SHOP).await;
    assert!(held(&alice, SHOP, minutes(12)).await);
    let mut all = [again.id.uuid(), above.id.uuid()];
    all.sort();
    assert_eq!(tree.move_to(SHOP, "/", minutes(13)).await, all);
    // A management group takes along what lies below it.
    assert_eq!(tree.move_to(SHOP, WEB, minutes(14)).await, [] as [Uuid; 0]);
    assert_eq!(tree.move_to(WEB, "/managementGroups/other", minutes(15)).await, [] as [Uuid; 0]);
    assert!(held(&dave, WEB, minutes(16)).await, "{}", beside.id);
    assert!(held(&carol, RACK, minutes(16)).await, "{}", own.id);
}

#[tokio::test]
async fn where_the_movers_person_is_granted_something_is_told() {
    let mut tree = Tree::new().await;
    let mut second = new_user("mover's other account").into_after();
    second.person = Some(pim_domain::id::PersonId::from(tree.me.id.uuid()));
    let new = pim_domain::principal::NewPrincipal {
        kind: second.kind,
        issuer: second.issuer.clone(),
        subject: second.subject.clone(),
        display_name: second.display_name.clone(),
        person: second.person,
    };
    let made = pim_domain::principal::create(new, None, &stamp(noon())).unwrap();
    let second = tree.ground.kept(made).await;
    let somebody = tree.ground.user("somebody").await;
    let own = async |tree: &Tree| {
        let place = tree.place(&scope("/subscriptions/b"), Some(&scope(WEB))).await;
        let mut own: Vec<String> = place.own.iter().map(Scope::to_string).collect();
        own.sort();
        own
    };
    tree.grant(GrantKind::Assignment, &somebody, WEB).await;
    assert_eq!(own(&tree).await, [] as [&str; 0]);
    let eligible = tree.grant(GrantKind::Eligibility, &second, ALL).await;
    assert_eq!(own(&tree).await, [ALL], "of the same person");
    tree.activate(&second, WEB).await;
    tree.grant(GrantKind::Assignment, &tree.me, "/managementGroups/beside").await;
    assert_eq!(own(&tree).await, [ALL, WEB]);
    let gone = eligible.remove(Catalog::Azure, Default::default(), &stamp(noon())).unwrap();
    tree.ground.kept(gone).await;
    assert_eq!(own(&tree).await, [WEB]);
    tree.me = somebody;
    assert_eq!(own(&tree).await, [WEB]);
}

#[tokio::test]
async fn how_much_lies_below_is_counted_along_the_tree() {
    let tree = Tree::new().await;
    tree.register(RACK, None).await;
    tree.register("/subscriptions/b", Some(WEB)).await;
    let of = async |at: &str| tree.place(&scope(at), Some(&Scope::root())).await;
    assert_eq!(of(ALL).await.height, 3);
    assert_eq!(of(WEB).await.height, 2);
    assert_eq!(of(SHOP).await.height, 1);
    let known = async |at: &str| {
        tree.place(&scope("/subscriptions/b"), Some(&scope(at))).await.below_is_registered
    };
    assert!(known(WEB).await && !known("/managementGroups/unknown").await);
}

#[tokio::test]
async fn registered_scopes_are_listed_by_where_they_are() {
    let tree = Tree::new().await;
    let units = ["/administrativeUnits/a", "/administrativeUnits/a/b"];
    for at in [RACK, "/subscriptions/free", units[0], units[1]] {
        tree.register(at, None).await;
    }
    let (all, web, shop, root) = (scope(ALL), scope(WEB), scope(SHOP), Scope::root());
    let below = async |at: &Scope| {
        tree.listed(&scopes::Filter { below: Some(at), ..scopes::Filter::default() }).await
    };
    let children = async |at: &Scope| {
        tree.listed(&scopes::Filter { parent: Some(at), ..scopes::Filter::default() }).await
    };
    assert_eq!(below(&all).await, [ALL, WEB, SHOP, RACK]);
    assert_eq!(below(&shop).await, [SHOP, RACK]);
    assert_eq!(below(&root).await.len(), 7);
    assert_eq!(children(&all).await, [WEB]);
    assert_eq!(children(&web).await, [SHOP]);
    assert_eq!(children(&shop).await, [RACK], "of its path the nearest that is registered");
    assert_eq!(children(&root).await, [units[0], ALL, "/subscriptions/free"]);
    assert_eq!(children(&scope(units[0])).await, [units[1]]);
    let kinds = [NodeKind::Subscription];
    let only = scopes::Filter { kinds: Some(&kinds), ..scopes::Filter::default() };
    assert_eq!(tree.listed(&only).await, ["/subscriptions/free", SHOP]);
    let mut read = tree.ground.db.read(Reach::EveryTenant).await.unwrap();
    let after = scope(ALL);
    let all = scopes::Filter::default();
    let page = scopes::list(&mut read, tree.ground.tenant, &all, Some(&after), 2).await.unwrap();
    let page: Vec<String> = page.into_iter().map(|node| node.scope.to_string()).collect();
    assert_eq!(page, [WEB, "/subscriptions/free"]);
}

#[tokio::test]
async fn what_stands_against_deleting_is_found() {
    let tree = Tree::new().await;
    let alice = tree.ground.user("alice").await;
    let of = async |at: &str, time| {
        let mut tx = tree.ground.begin().await;
        let used = scopes::use_of(&mut tx, tree.ground.tenant, &scope(at), time).await.unwrap();
        (used.has_children, used.is_in_use)
    };
    assert_eq!(of(WEB, noon()).await, (true, false));
    assert_eq!(of(SHOP, noon()).await, (false, false));
    tree.grant(GrantKind::Eligibility, &alice, WEB).await;
    assert_eq!(of(WEB, noon()).await, (true, true));
    assert_eq!(of(SHOP, noon()).await, (false, false), "granted above");
    tree.activate(&alice, RACK).await;
    assert_eq!(of(SHOP, noon()).await, (false, true));
    assert_eq!(of(SHOP, minutes(60)).await, (false, false), "time has ended it");
    assert_eq!(of(WEB, noon() + TimeDelta::days(31)).await, (true, false));
    tree.register(RACK, None).await;
    assert_eq!(of(SHOP, minutes(60)).await, (true, false));
    let rack = tree.node(RACK).await;
    let gone = Deletion { scope: rack.scope.clone(), etag: rack.version.etag() };
    let gone = scope::delete(&rack, &gone, false, false, &stamp(noon())).unwrap();
    tree.ground.kept(gone).await;
    assert_eq!(of(SHOP, minutes(60)).await, (false, false));
    assert!(!tree.place(&scope(SHOP), Some(&scope(RACK))).await.below_is_registered);
}

/// Each alone would be fine, and the second sees what the first has done.
#[tokio::test]
async fn two_moves_at_once_make_no_circle() {
    let tree = Tree::bare().await;
    let (one, other) = ("/managementGroups/a", "/managementGroups/b");
    tree.register(one, None).await;
    tree.register(other, None).await;
    let tenant = tree.ground.tenant;
    let go = async |mut tx: Tx, at: &str, to: &str| {
        let (at, to) = (scope(at), scope(to));
        let node = scopes::get(&mut tx, tenant, &at).await?.unwrap();
        let place = scopes::place(&mut tx, tenant, &at, Some(&to), tree.me.person_key()).await?;
        let etag = node.version.etag();
        let wish = Update { scope: at, etag, display_name: None, parent: Some(to) };
        match scope::update(&node, wish, &place, &stamp(noon())) {
            Ok(moved) => {
                scopes::record_move(&mut tx, tenant, &moved).await?;
                tx.commit().await?;
                Ok::<_, StoreError>(None)
            }
            Err(denial) => Ok(Some(denial.reason)),
        }
    };
    let mut holding = tree.ground.begin().await;
    scopes::lock_tree(&mut holding, tenant).await.unwrap();
    let (first, second) = tokio::join!(
        async {
            tree.ground.until_waiting(1).await;
            go(holding, one, other).await
        },
        async {
            let mut waiting = tree.ground.begin().await;
            scopes::lock_tree(&mut waiting, tenant).await?;
            go(waiting, other, one).await
        },
    );
    assert_eq!(first.unwrap(), None);
    let second = second.unwrap();
    assert!(matches!(second, Some(Reason::Invalid(_))), "{second:?}");
    let depth = tree.lineage(one).await.depth() + tree.lineage(other).await.depth();
    assert_eq!(depth, 3, "one below the other");
}

/// What is judged before a move is there for it to sever; what is judged after it, by the new tree.
#[tokio::test]
async fn a_move_waits_for_what_is_being_judged() {
    let tree = Tree::new().await;
    let alice = tree.ground.user("alice").await;
    tree.grant(GrantKind::Eligibility, &alice, WEB).await;
    let (tenant, role, at) = (tree.ground.tenant, tree.ground.role.id, scope(SHOP));
    let mut judging = tree.ground.begin().await;
    let facts = activations::facts(&mut judging, tenant, alice.id, role, &at).await.unwrap();
    let moved = tree.moved(SHOP, "/", minutes(1)).await;
    let moving = async {
        let mut tx = tree.ground.begin().await;
        scopes::lock_tree(&mut tx, tenant).await.unwrap();
        let severed = scopes::record_move(&mut tx, tenant, &moved).await.unwrap();
        tx.commit().await.unwrap();
        severed
    };
    let judged = async {
        tree.ground.until_waiting(1).await;
        let facts = facts.unwrap();
        let wish = Ask { scope: at.clone(), ..wish(&facts) };
        let change = ask(&facts, wish, &stamp(noon())).unwrap();
        activations::record(&mut judging, tenant, &change).await.unwrap();
        judging.commit().await.unwrap();
        change.into_after().id
    };
    let (severed, activation) = tokio::join!(moving, judged);
    assert_eq!(severed, [activation]);
}
