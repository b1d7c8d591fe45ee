//! What a tenant may gain by, who stops that, and who lets it go on.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    change::{Version, fold},
    denial::{Denial, Reason, Rule},
    event::{Code, Stamp},
    fixture::{grant, noon, role, stamp, user},
    grant::GrantKind,
    holders::Holder,
    justification::Justification,
    principal::Principal,
    tenant::{
        CONSENT_LIFETIME, Plan, Standing, StopGaining, Tenant, Thaw, ThawedBy, Unfreeze, Update,
    },
};

fn tenant() -> Tenant {
    pim_domain::tenant::create("Contoso".to_owned(), Plan::P2, &stamp(noon())).into_after()
}

/// With a permanent assignment of their own.
fn administrator(principal: &Principal) -> Holder {
    let start = noon() - TimeDelta::days(1);
    let assignment = grant(GrantKind::Assignment, principal, &role(), start, None);
    Holder { assignment, memberships: Vec::new(), groups: Vec::new(), principal: principal.clone() }
}

fn why() -> StopGaining {
    StopGaining { justification: Justification::new("a stolen laptop") }
}

fn wish(tenant: &Tenant) -> Unfreeze {
    let justification = Justification::new("it was found");
    Unfreeze { tenant: None, etag: tenant.version.etag(), justification }
}

fn reason<T>(refused: Result<T, Denial>) -> Reason {
    match refused {
        Ok(_) => panic!("it was not refused"),
        Err(denial) => denial.reason,
    }
}

/// A frozen tenant with three administrators, of whom the first froze it.
struct Frozen {
    tenant: Tenant,
    people: [Principal; 3],
    administrators: Vec<Holder>,
}

impl Frozen {
    fn new() -> Self {
        let people = ["ada", "bob", "carol"].map(user);
        let tenant = tenant().freeze(people[0].id, why(), &stamp(noon())).unwrap().into_after();
        let administrators = people.iter().map(administrator).collect();
        Self { tenant, people, administrators }
    }

    fn unfreeze(&mut self, caller: &Principal, at: DateTime<Utc>) -> Result<Option<Code>, Denial> {
        self.unfreeze_by(ThawedBy::Principal(caller), at)
    }

    fn unfreeze_by(&mut self, by: ThawedBy<'_>, at: DateTime<Utc>) -> Result<Option<Code>, Denial> {
        let (freezer, administrators) = (Some(&self.people[0]), self.administrators.as_slice());
        let facts = Thaw { by, freezer, administrators };
        let change = self.tenant.unfreeze(&facts, wish(&self.tenant), &stamp(at))?;
        Ok(change.map(|change| {
            let code = change.event().code;
            self.tenant = change.into_after();
            code
        }))
    }
}

#[test]
fn frozen_goes_before_a_missing_plan() {
    let (since, by) = (noon(), user("ada").id);
    let standing = |plan, frozen| Standing { plan, frozen };
    assert_eq!(standing(Plan::P2, None).may_gain(), Ok(()));
    let free = standing(Plan::Free, None).may_gain();
    assert_eq!(reason(free), Reason::PlanRequired { plan: "FREE" });
    for plan in Plan::ALL {
        let frozen = standing(plan, Some((since, by))).may_gain();
        assert_eq!(reason(frozen), Reason::Frozen { since, by });
    }
}

#[test]
fn the_log_explains_a_tenant_through_a_freeze() {
    let Stamp { now, .. } = stamp(noon());
    let later = |minutes| stamp(now + TimeDelta::minutes(minutes));
    let made = pim_domain::tenant::create("Contoso".to_owned(), Plan::Free, &later(0));
    let mut events = vec![made.event().clone()];
    let mut tenant = made.into_after();
    let [ada, bob, carol] = ["ada", "bob", "carol"].map(user);
    let administrators: Vec<_> = [&ada, &bob, &carol].into_iter().map(administrator).collect();
    let renamed = Update { etag: "v1".to_owned(), display_name: "Fabrikam".to_owned() };
    let mut step = |make: &dyn Fn(&Tenant) -> Option<pim_domain::change::Change<Tenant>>| {
        let change = make(&tenant).unwrap();
        events.push(change.event().clone());
        tenant = change.into_after();
        assert_eq!(fold::<Tenant>(&events).as_ref(), Some(&tenant));
        assert_eq!(tenant.version, Version(i64::try_from(events.len()).unwrap()));
    };
    step(&|it| it.update(renamed.clone(), &later(1)).unwrap());
    step(&|it| it.set_plan(Plan::P2, &later(2)));
    step(&|it| Some(it.freeze(ada.id, why(), &later(3)).unwrap()));
    for (minute, caller) in [(4, &bob), (5, &carol)] {
        let by = ThawedBy::Principal(caller);
        let facts = Thaw { by, freezer: Some(&ada), administrators: &administrators };
        step(&|it| it.unfreeze(&facts, wish(it), &later(minute)).unwrap());
    }
    let codes: Vec<_> = events.iter().map(|event| event.code.as_str()).collect();
    assert_eq!(
        codes,
        [
            "pim.tenant.created",
            "pim.tenant.updated",
            "pim.tenant.plan_changed",
            "pim.tenant.frozen",
            "pim.tenant.unfreeze_consented",
            "pim.tenant.unfrozen",
        ]
    );
    assert_eq!(events[3].about.justification, "a stolen laptop");
    assert!(events.iter().all(|event| !event.code.gains()));
}

#[test]
fn an_entry_from_before_there_were_plans_reads_as_the_default() {
    let made = pim_domain::tenant::create("Contoso".to_owned(), Plan::P2, &stamp(noon()));
    let mut event = made.event().clone();
    event.changes.retain(|change| change.field != "plan");
    assert_eq!(fold::<Tenant>(&[event]).as_ref(), Some(made.after()));
}

#[test]
fn what_is_as_wished_is_not_changed() {
    let (tenant, at) = (tenant(), stamp(noon()));
    assert_eq!(tenant.set_plan(Plan::P2, &at), None);
    let same = Update { etag: "v1".to_owned(), display_name: "Contoso".to_owned() };
    assert_eq!(tenant.update(same, &at), Ok(None));
    let stale = Update { etag: "v0".to_owned(), display_name: "Fabrikam".to_owned() };
    let current = "v1".to_owned();
    assert_eq!(reason(tenant.update(stale, &at)), Reason::EtagMismatch { current });
}

#[test]
fn a_freeze_says_why_and_is_one() {
    let by = user("ada").id;
    let blank = StopGaining { justification: Justification::new(" ") };
    let refused = tenant().freeze(by, blank, &stamp(noon())).unwrap_err();
    assert_eq!(refused.rules().collect::<Vec<_>>(), [Rule::Justification]);
    let again = Frozen::new().tenant.freeze(by, why(), &stamp(noon()));
    assert!(matches!(reason(again), Reason::WrongState { state: "FROZEN", .. }));
}

#[test]
fn two_who_did_not_freeze_it_end_a_freeze() {
    let mut frozen = Frozen::new();
    let [ada, bob, carol] = frozen.people.clone();
    assert_eq!(reason(frozen.unfreeze(&ada, noon())), Reason::SelfApproval);
    // The same human by another account is the same.
    let mut other = user("ada-admin");
    other.person = Some(ada.id.uuid().into());
    frozen.administrators.push(administrator(&other));
    assert_eq!(reason(frozen.unfreeze(&other, noon())), Reason::SelfApproval);
    assert_eq!(frozen.unfreeze(&bob, noon()), Ok(Some(Code::TenantUnfreezeConsented)));
    assert!(frozen.tenant.freeze.is_some());
    assert_eq!(frozen.unfreeze(&bob, noon()), Ok(None));
    let mut twice = user("bob-admin");
    twice.person = Some(bob.id.uuid().into());
    frozen.administrators.push(administrator(&twice));
    assert_eq!(frozen.unfreeze(&twice, noon()), Ok(None));
    assert!(frozen.tenant.freeze.is_some());
    assert_eq!(frozen.unfreeze(&carol, noon()), Ok(Some(Code::TenantUnfrozen)));
    assert_eq!(frozen.tenant.freeze, None);
    let refused = frozen.unfreeze(&bob, noon());
    assert!(matches!(reason(refused), Reason::WrongState { state: "NOT_FROZEN", .. }));
}

#[test]
fn an_operator_is_the_second_and_never_the_first() {
    let mut frozen = Frozen::new();
    // There is nobody else who did not freeze it.
    frozen.administrators.pop();
    let [ada, bob, _] = frozen.people.clone();
    let alone = |frozen: &mut Frozen, later| {
        let refused = frozen.unfreeze_by(ThawedBy::Operator, noon() + later);
        assert!(matches!(reason(refused), Reason::WrongState { state: "NOT_CONSENTED", .. }));
        assert!(frozen.tenant.freeze.is_some());
    };
    alone(&mut frozen, TimeDelta::zero());
    assert_eq!(frozen.unfreeze(&bob, noon()), Ok(Some(Code::TenantUnfreezeConsented)));
    alone(&mut frozen, CONSENT_LIFETIME);
    // Who has lost their say since, or froze it, is no first either.
    frozen.administrators[1].principal.enabled_since = None;
    alone(&mut frozen, TimeDelta::zero());
    frozen.administrators[1] = administrator(&bob);
    let consented = frozen.tenant.clone();
    frozen.tenant.freeze.as_mut().unwrap().consent.as_mut().unwrap().by = ada.id;
    alone(&mut frozen, TimeDelta::zero());
    frozen.tenant = consented;
    let ended = frozen.unfreeze_by(ThawedBy::Operator, noon());
    assert_eq!(ended, Ok(Some(Code::TenantUnfrozenByOperator)));
    assert_eq!(frozen.tenant.freeze, None);
    let refused = frozen.unfreeze_by(ThawedBy::Operator, noon());
    assert!(matches!(reason(refused), Reason::WrongState { state: "NOT_FROZEN", .. }));
}

#[test]
fn a_freeze_of_nobody_who_is_known_stays() {
    let frozen = Frozen::new();
    let by = ThawedBy::Principal(&frozen.people[1]);
    let facts = Thaw { by, freezer: None, administrators: &frozen.administrators };
    let refused = frozen.tenant.unfreeze(&facts, wish(&frozen.tenant), &stamp(noon()));
    assert!(matches!(reason(refused), Reason::WrongState { .. }));
}

#[test]
fn who_has_a_say_holds_it_for_good_and_by_themselves() {
    let bob = |change: fn(&mut Holder)| {
        let mut frozen = Frozen::new();
        let bob = frozen.people[1].clone();
        change(&mut frozen.administrators[1]);
        frozen.unfreeze(&bob, noon()).map_err(|denial| denial.reason)
    };
    assert_eq!(bob(|_| ()), Ok(Some(Code::TenantUnfreezeConsented)));
    let changes: [fn(&mut Holder); 4] = [
        |it| it.assignment.window.end = Some(noon() + TimeDelta::days(9)),
        |it| it.assignment.window.start = noon() + TimeDelta::days(1),
        |it| it.principal.enabled_since = None,
        |it| it.memberships.push(it.assignment.clone()),
    ];
    for change in changes {
        assert_eq!(bob(change), Err(Reason::NotPermitted));
    }
    let mut frozen = Frozen::new();
    assert_eq!(reason(frozen.unfreeze(&user("dave"), noon())), Reason::NotPermitted);
}

#[test]
fn a_consent_counts_for_a_day_and_while_its_giver_has_a_say() {
    let consent = Ok(Some(Code::TenantUnfreezeConsented));
    for (later, expected) in [
        (CONSENT_LIFETIME - TimeDelta::microseconds(1), Ok(Some(Code::TenantUnfrozen))),
        (CONSENT_LIFETIME, consent.clone()),
    ] {
        let mut frozen = Frozen::new();
        let [_, bob, carol] = frozen.people.clone();
        assert_eq!(frozen.unfreeze(&bob, noon()), consent);
        assert_eq!(frozen.unfreeze(&carol, noon() + later), expected, "{later}");
    }
    let mut frozen = Frozen::new();
    let [_, bob, carol] = frozen.people.clone();
    assert_eq!(frozen.unfreeze(&bob, noon()), consent);
    frozen.administrators[1].principal.enabled_since = None;
    assert_eq!(frozen.unfreeze(&carol, noon()), consent);
    // Now carol's is the first.
    assert_eq!(frozen.tenant.freeze.unwrap().consent.unwrap().by, carol.id);
}

#[test]
fn a_consent_is_to_the_freeze_that_was_read() {
    let frozen = Frozen::new();
    let (by, freezer) = (ThawedBy::Principal(&frozen.people[1]), Some(&frozen.people[0]));
    let facts = Thaw { by, freezer, administrators: &frozen.administrators };
    let stale = Unfreeze { etag: "v1".to_owned(), ..wish(&frozen.tenant) };
    let refused = frozen.tenant.unfreeze(&facts, stale, &stamp(noon()));
    assert_eq!(reason(refused), Reason::EtagMismatch { current: "v2".to_owned() });
    let blank = Unfreeze { justification: Justification::default(), ..wish(&frozen.tenant) };
    let refused = frozen.tenant.unfreeze(&facts, blank, &stamp(noon())).unwrap_err();
    assert_eq!(refused.rules().collect::<Vec<_>>(), [Rule::Justification]);
}
