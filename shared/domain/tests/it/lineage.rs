//! Lineages against a tree that is walked by hand, and what is chosen and set by them.

use std::collections::{BTreeSet, VecDeque};

use chrono::TimeDelta;
use pim_domain::{
    activation::{Activation, Ending, Extend, Facts, Length, Request, Rest, State, Verdict, ask},
    denial::Rule,
    fixture::{facts, grant, noon, set_at, stamp, user, votes, wish},
    grant::GrantKind,
    policy::{ApprovalRule, Layers, RuleSet},
    role::Catalog,
    scope::{Lineage, Parents, Scope},
};
use proptest::prelude::*;

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

/// Management groups and subscriptions, each below an earlier group or none: whatever the moves
/// were, a tree can be told so.
fn tree() -> impl Strategy<Value = Parents> {
    let parent = prop::option::of(any::<prop::sample::Index>());
    prop::collection::vec((any::<bool>(), parent), 1..12).prop_map(|nodes| {
        let mut groups: Vec<Scope> = Vec::new();
        let mut parents = Parents::new();
        for (number, (is_group, parent)) in nodes.into_iter().enumerate() {
            let kind = if is_group { "managementGroups" } else { "subscriptions" };
            let one = scope(&format!("/{kind}/{number}"));
            if let (Some(index), false) = (parent, groups.is_empty()) {
                parents.insert(one.clone(), index.get(&groups).clone());
            }
            if is_group {
                groups.push(one);
            }
        }
        parents
    })
}

/// All scopes that there are to ask about, with what lies in subscriptions.
fn scopes(parents: &Parents) -> Vec<Scope> {
    let named: BTreeSet<Scope> = parents.iter().flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
    let below = |one: &Scope| {
        ["", "/resourceGroups/x", "/resourceGroups/xy"].map(|rest| scope(&format!("{one}{rest}")))
    };
    let beside = ["/", "/subscriptions/free", "/managementGroups/free", "/applications/a"];
    named.iter().flat_map(below).chain(beside.map(scope)).collect()
}

/// What lies at `top` and below it, walked from above: by the tree, and by whole segments.
fn everything_below(top: &Scope, all: &[Scope], parents: &Parents) -> BTreeSet<Scope> {
    let mut found = BTreeSet::new();
    let mut open = VecDeque::from([top.clone()]);
    while let Some(here) = open.pop_front() {
        let segments = |scope: &Scope| -> Vec<String> {
            scope.as_str().split('/').filter(|one| !one.is_empty()).map(str::to_owned).collect()
        };
        for one in all {
            let inside = segments(one).starts_with(&segments(&here));
            if (inside || parents.get(one) == Some(&here)) && found.insert(one.clone()) {
                open.push_back(one.clone());
            }
        }
    }
    found
}

proptest! {
    #[test]
    fn a_scope_lies_below_what_a_walk_from_there_comes_to(parents in tree()) {
        let all = scopes(&parents);
        for top in &all {
            let walked = everything_below(top, &all, &parents);
            for one in &all {
                let lineage = Lineage::of(one, &parents);
                prop_assert_eq!(lineage.is_below(top), walked.contains(one), "{} below {}", one, top);
            }
        }
    }

    #[test]
    fn a_lineage_begins_here_ends_at_the_root_and_goes_up_step_by_step(parents in tree()) {
        for one in scopes(&parents) {
            let lineage = Lineage::of(&one, &parents);
            let all: Vec<&Scope> = lineage.iter().collect();
            prop_assert_eq!(all[0], &one);
            prop_assert!(all[all.len() - 1].is_root());
            prop_assert_eq!(lineage.depth(), all.len() - 1);
            for (distance, above) in all.iter().enumerate() {
                prop_assert_eq!(lineage.distance(above), Some(distance));
                // That of an ancestor is the rest of one's own.
                let rest: Vec<Scope> = all[distance..].iter().map(|one| (*one).clone()).collect();
                let its = Lineage::of(above, &parents);
                prop_assert_eq!(its.iter().cloned().collect::<Vec<_>>(), rest);
            }
            if !one.is_root() {
                prop_assert_eq!(lineage.parent(), Lineage::of(all[1], &parents));
            }
        }
    }
}

const SUBSCRIPTION: &str = "/subscriptions/a";
const NEAR: &str = "/managementGroups/near";
const FAR: &str = "/managementGroups/far";

/// A subscription below a management group below another.
fn three() -> Parents {
    Parents::from([(scope(SUBSCRIPTION), scope(NEAR)), (scope(NEAR), scope(FAR))])
}

fn minutes(minutes: i64) -> RuleSet {
    RuleSet { activation_max: Some(TimeDelta::minutes(minutes)), ..RuleSet::default() }
}

#[test]
fn rules_come_from_the_nearest_in_the_tree() {
    let role = pim_domain::fixture::role();
    let mut layers = Layers::untouched(role.id, Catalog::Azure);
    layers.parents = three();
    set_at(&mut layers, &scope(FAR), minutes(50));
    set_at(&mut layers, &scope(NEAR), minutes(40));
    let most = |layers: &Layers, at: &str| layers.at(&scope(at)).activation_max.num_minutes();
    assert_eq!(most(&layers, "/subscriptions/a/resourceGroups/x"), 40);
    assert_eq!(most(&layers, FAR), 50);
    assert_eq!(most(&layers, "/subscriptions/b"), 60, "beside");
    layers.parents = Parents::from([(scope(SUBSCRIPTION), scope(FAR))]);
    assert_eq!(most(&layers, SUBSCRIPTION), 50, "once it has moved");
}

/// An activation at the subscription, by somebody eligible at those scopes.
fn activated(at: &[&str], parents: Parents) -> Result<(Activation, Vec<String>), Vec<Rule>> {
    let principal = user("alice");
    let mut facts = facts(&principal);
    facts.role.catalog = Catalog::Azure;
    facts.policy.parents = parents;
    let start = noon() - TimeDelta::days(10);
    let grant = |at: &&str| {
        let mut grant = grant(GrantKind::Eligibility, &principal, &facts.role, start, None);
        grant.scope = scope(at);
        grant
    };
    facts.eligibilities = at.iter().map(grant).collect();
    let mut wish = wish(&facts);
    wish.scope = scope(SUBSCRIPTION);
    let change = ask(&facts, wish, &stamp(noon())).map_err(|no| no.rules().collect::<Vec<_>>())?;
    let activation = change.into_after();
    let of = facts.eligibilities.iter().filter(|grant| grant.id == activation.eligibility);
    let chosen = of.map(|grant| grant.scope.to_string()).collect();
    Ok((activation, chosen))
}

#[test]
fn the_nearest_eligibility_in_the_tree_is_chosen() {
    let chosen = |at: &[&str]| activated(at, three()).unwrap().1;
    assert_eq!(chosen(&["/", FAR, NEAR]), [NEAR]);
    assert_eq!(chosen(&[FAR, "/"]), [FAR]);
    assert_eq!(chosen(&[FAR, SUBSCRIPTION, NEAR]), [SUBSCRIPTION]);
}

#[test]
fn an_eligibility_beside_the_lineage_does_not_reach() {
    let refused = activated(&[NEAR], Parents::new()).unwrap_err();
    assert_eq!(refused, [Rule::Eligibility]);
    assert!(activated(&[NEAR], three()).is_ok());
}

#[test]
fn what_a_move_has_severed_counts_for_nothing_again() {
    let carol = user("carol");
    let mut asking = facts(&user("alice"));
    asking.people = vec![carol.clone()];
    let free = asking.clone();
    let approval = Some(ApprovalRule::all_of(vec![carol.id]));
    set_at(&mut asking.policy, &Scope::root(), RuleSet { approval, ..RuleSet::default() });
    let pinned = asking.policy.at(&Scope::root());
    let asked = |facts: &Facts, ahead: i64| {
        let mut wish = wish(facts);
        wish.request.start = (ahead > 0).then(|| noon() + TimeDelta::hours(ahead));
        ask(facts, wish, &stamp(noon())).unwrap().into_after()
    };
    let severed = |facts: &Facts, live: &Activation| Facts {
        live: Some(live.clone()),
        severed: Some(noon() + TimeDelta::minutes(1)),
        ..facts.clone()
    };
    let void = |after: &Activation| match &after.state {
        State::Ended { ending: Ending::Void { rules }, .. } => rules.clone(),
        other => panic!("{other:?}"),
    };
    let later = stamp(noon() + TimeDelta::minutes(2));

    let pending = asked(&asking, 0);
    let verdict = Verdict::Approved { votes: votes(&[&carol]), shortened: None };
    let facts = severed(&asking, &pending);
    let resolved = pending.resolve(&facts, &pinned, &verdict, &later).unwrap();
    assert_eq!(void(resolved.after()), [Rule::Eligibility]);

    let booked = asked(&free, 1);
    let start = stamp(noon() + TimeDelta::hours(1));
    let begun =
        booked.start(&severed(&free, &booked), &free.policy.at(&Scope::root()), &[], &start);
    assert_eq!(void(begun.unwrap().after()), [Rule::Eligibility]);

    let active = asked(&free, 0);
    let longer = Extend {
        activation: active.id,
        request: Request {
            length: Length::Duration(TimeDelta::hours(1)),
            ..active.request.clone()
        },
    };
    let refused = active.extend(&severed(&free, &active), longer, &later).unwrap_err();
    assert_eq!(refused.rules().collect::<Vec<_>>(), [Rule::Eligibility]);

    for one in [pending, booked, active] {
        let rest = |severed| Rest {
            role: free.role.clone(),
            eligibility: free.eligibilities[0].clone(),
            severed,
            deleted: None,
            memberships: Vec::new(),
            belonging: Vec::new(),
            principal: free.principal.clone(),
            approvals: Vec::new(),
            people: Vec::new(),
        };
        let catalog = Catalog::Entra;
        assert!(one.void(&rest(None), catalog, &later).is_err(), "its path is whole");
        let change = one.void(&rest(Some(noon())), catalog, &later).unwrap();
        assert_eq!(void(change.after()), [Rule::Eligibility]);
    }
}
