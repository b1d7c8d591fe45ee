//! Who holds what through groups, against an evaluator that walks every way at every instant.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    authority::GROUP_MEMBER,
    effective::{Ground, Holding, HoldingKind, Path, Span, Standing, decision, list},
    fixture::noon,
    id::{GroupId, PrincipalId},
    scope::Scope,
    time::Window,
};
use proptest::prelude::*;
use uuid::Uuid;

const HOURS: i64 = 9;
const GROUPS: usize = 4;
/// The user, before the groups.
const USER: usize = 0;

fn hour(hours: i64) -> DateTime<Utc> {
    noon() + TimeDelta::hours(hours)
}

fn who(place: usize) -> PrincipalId {
    Uuid::from_u128(u128::try_from(place).unwrap() + 1).into()
}

fn group(place: usize) -> GroupId {
    who(place).uuid().into()
}

fn id(of: u128, place: usize) -> Uuid {
    Uuid::from_u128((of << 64) + u128::try_from(place).unwrap())
}

fn span() -> impl Strategy<Value = Span> {
    let end = || prop::option::weighted(0.6, 1..HOURS);
    (0..HOURS - 1, end(), prop::option::weighted(0.2, 0..HOURS)).prop_map(|(start, end, ended)| {
        let end = end.map(|end| hour(start.max(end - 1) + 1));
        Span { window: Window { start: hour(start), end }, ended: ended.map(hour) }
    })
}

/// Something held: by whom, when, and of an activation what it rests on.
#[derive(Debug, Clone)]
struct Drawn {
    holder: usize,
    span: Span,
    booked: bool,
    path: Option<(Span, Vec<prop::sample::Index>)>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let path = (span(), prop::collection::vec(any::<prop::sample::Index>(), 0..3));
    let path = prop::option::weighted(0.4, path);
    (0..=GROUPS, span(), prop::bool::weighted(0.1), path).prop_map(
        |(holder, span, booked, path)| {
            // Only users activate.
            let path = path.filter(|_| holder == USER);
            Drawn { holder, span, booked: booked && path.is_some(), path }
        },
    )
}

fn holding(drawn: &Drawn, id: Uuid, member_of: Option<usize>, before: &[Holding]) -> Holding {
    let path = drawn.path.as_ref().map(|(eligibility, on)| Path {
        eligibility: *eligibility,
        memberships: match before {
            [] => Vec::new(),
            before => on.iter().map(|index| index.get(before).id).collect(),
        },
    });
    let kind = match path {
        Some(_) => HoldingKind::Activation,
        None => HoldingKind::Assignment,
    };
    Holding {
        id,
        kind,
        holder: who(drawn.holder),
        role: member_of.map_or_else(|| Uuid::from_u128(7).into(), |_| GROUP_MEMBER.into()),
        scope: member_of.map_or_else(Scope::root, |place| Scope::of_group(group(place))),
        span: drawn.span,
        standing: if drawn.booked { Standing::Booked } else { Standing::Held },
        path,
        granted_by: None,
        update_time: noon(),
    }
}

/// A user, groups that lie in each other, around a circle too, and what they all hold.
fn ground() -> impl Strategy<Value = Ground> {
    let memberships = prop::collection::vec((drawn(), 1..=GROUPS), 0..8);
    let holdings = prop::collection::vec(drawn(), 1..5);
    let since = prop::option::weighted(0.9, prop_oneof![4 => Just(-1), 1 => 0..HOURS]);
    (memberships, holdings, since).prop_map(|(drawn, holdings, since)| {
        let mut memberships: Vec<Holding> = Vec::new();
        for (place, (one, of)) in drawn.iter().enumerate() {
            memberships.push(holding(one, id(1, place), Some(*of), &memberships));
        }
        let holdings = holdings.iter().enumerate();
        let holdings = holdings.map(|(n, one)| holding(one, id(2, n), None, &memberships));
        Ground {
            principal: who(USER),
            enabled_since: since.map(hour),
            holdings: holdings.collect(),
            memberships,
        }
    })
}

/// Walks every way at one instant. Shares nothing with the rules.
struct Walk<'a> {
    ground: &'a Ground,
    at: DateTime<Utc>,
}

impl Walk<'_> {
    fn is_in(&self, span: Span) -> bool {
        span.window.start <= self.at
            && span.window.end.is_none_or(|end| self.at < end)
            && span.ended.is_none_or(|ended| self.at < ended)
    }

    fn counts(&self, one: &Holding) -> bool {
        let enabled = one.holder != self.ground.principal
            || self
                .ground
                .enabled_since
                .is_some_and(|since| one.path.is_none() || since <= one.span.window.start);
        let path = one.path.as_ref().is_none_or(|path| {
            self.is_in(path.eligibility)
                && path.memberships.iter().all(|id| {
                    let on = self.ground.memberships.iter().find(|other| other.id == *id);
                    on.is_some_and(|on| self.counts(on))
                })
        });
        enabled && path && one.standing == Standing::Held && self.is_in(one.span)
    }

    fn reaches(&self, holder: PrincipalId, passed: &mut Vec<PrincipalId>) -> bool {
        self.leads(self.ground.principal, holder, passed)
    }

    /// Whether `from` is `holder`, or some way without a circle leads there.
    fn leads(&self, from: PrincipalId, holder: PrincipalId, passed: &mut Vec<PrincipalId>) -> bool {
        if holder == from {
            return true;
        }
        if passed.contains(&holder) {
            return false;
        }
        passed.push(holder);
        let scope = Scope::of_group(holder.uuid().into());
        let into = self.ground.memberships.iter().filter(|one| one.scope == scope);
        let any =
            into.filter(|one| self.counts(one)).any(|one| self.leads(from, one.holder, passed));
        passed.pop();
        any
    }

    fn held(&self) -> BTreeSet<Uuid> {
        let all = self.ground.holdings.iter();
        let held = all.filter(|one| self.counts(one) && self.reaches(one.holder, &mut Vec::new()));
        held.map(|one| one.id).collect()
    }
}

fn instants() -> Vec<DateTime<Utc>> {
    let beside = [-1, 0].map(TimeDelta::microseconds);
    (-1..=HOURS + 1).flat_map(move |hours| beside.map(|beside| hour(hours) + beside)).collect()
}

/// Whether something booked begins then: what is asked for, or a membership that would carry it.
fn booked(ground: &Ground, at: DateTime<Utc>) -> bool {
    let begins = |one: &&Holding| one.standing == Standing::Booked && one.span.window.start == at;
    let carries = |one: &Holding| {
        let walk = Walk { ground, at };
        let from = one.scope.group().unwrap().uuid().into();
        let counting = ground.holdings.iter().filter(|one| walk.counts(one));
        counting.into_iter().any(|one| walk.leads(from, one.holder, &mut Vec::new()))
    };
    ground.holdings.iter().any(|one| begins(&one))
        || ground.memberships.iter().filter(begins).any(carries)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_held_through_groups_is_what_every_way_leads_to(ground in ground()) {
        let instants = instants();
        let walked: Vec<BTreeSet<Uuid>> =
            instants.iter().map(|at| Walk { ground: &ground, at: *at }.held()).collect();
        for (place, at) in instants.iter().enumerate() {
            let now = &walked[place];
            let later = || instants.iter().zip(&walked).skip(place + 1);
            let found = list(ground.clone().resolve(), (*at).into());
            let ids: BTreeSet<Uuid> = found.holdings.iter().map(|one| one.id).collect();
            prop_assert_eq!(&ids, now, "list at {}", at);
            let change = later().find(|(then, held)| *held != now || booked(&ground, **then));
            prop_assert_eq!(found.valid_until, change.map(|(then, _)| *then), "list at {}", at);
            let found = decision(ground.clone().resolve(), (*at).into());
            let no = now.is_empty();
            let change = later()
                .find(|(then, held)| held.is_empty() != no || (no && booked(&ground, **then)));
            prop_assert_eq!(found.valid_until, change.map(|(then, _)| *then), "check at {}", at);
        }
    }

    /// The memberships that are named carry the yes alone, and none of them is idle.
    #[test]
    fn the_memberships_that_are_named_suffice(ground in ground()) {
        for at in instants() {
            let found = decision(ground.clone().resolve(), at.into());
            let named = |one: &Holding| found.memberships.contains(&one.id);
            let mut only = ground.clone();
            // Paths go by other memberships, which have to be there.
            only.memberships.retain(|one| named(one) || only_on_paths(&ground, one.id));
            let held = Walk { ground: &only, at }.held();
            prop_assert_eq!(held, found.holdings.iter().map(|one| one.id).collect());
            let walk = Walk { ground: &ground, at };
            for one in ground.memberships.iter().filter(|one| named(one)) {
                prop_assert!(walk.counts(one) && walk.reaches(one.holder, &mut Vec::new()));
            }
        }
    }
}

fn only_on_paths(ground: &Ground, id: Uuid) -> bool {
    let all = ground.memberships.iter().chain(&ground.holdings);
    all.filter_map(|one| one.path.as_ref()).any(|path| path.memberships.contains(&id))
}
