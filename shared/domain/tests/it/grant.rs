//! Granting: each rule.

use chrono::TimeDelta;
use pim_domain::{
    authority::{GROUP_MEMBER, GROUP_OWNER},
    denial::{Reason, Rule},
    fixture::{group, noon, role, set, stamp, user},
    grant::{Create, Facts, Grant, GrantKind, create},
    group::{GROUP_NESTING_MAX, Subject, Surroundings},
    policy::{Layers, RuleSet, TicketPattern},
    principal::{Principal, PrincipalKind},
    role::{Catalog, Role},
    scope::Scope,
    text::Ticket,
};

fn facts() -> Facts {
    let role = role();
    Facts {
        policy: Layers::untouched(role.id, role.catalog),
        role,
        subject: Subject::Principal(user("alice")),
        caller: user("ada"),
        caller_mfa: true,
        existing: Vec::new(),
        groups: Surroundings::default(),
    }
}

fn wish(kind: GrantKind, facts: &Facts) -> Create {
    Create {
        kind,
        principal: facts.subject.id(),
        role: facts.role.id,
        scope: Scope::root(),
        start: None,
        end: None,
        justification: "their work".into(),
        ticket: None,
    }
}

fn refused(facts: &Facts, wish: Create) -> Vec<Rule> {
    create(facts, wish, &stamp(noon())).unwrap_err().rules().collect()
}

fn made(facts: &Facts, wish: Create) -> Grant {
    create(facts, wish, &stamp(noon())).unwrap().into_after()
}

const BOTH: [GrantKind; 2] = [GrantKind::Eligibility, GrantKind::Assignment];

#[test]
fn by_default_both_may_be_permanent_and_a_past_start_is_now() {
    for kind in BOTH {
        let facts = facts();
        let mut wish = wish(kind, &facts);
        wish.start = Some(noon() - TimeDelta::days(1));
        let grant = made(&facts, wish);
        assert_eq!((grant.window.start, grant.window.end), (noon(), None));
    }
}

#[test]
fn nobody_grants_to_their_own_person() {
    for kind in BOTH {
        let mut facts = facts();
        facts.caller.person = Some(facts.subject.id().uuid().into());
        let denial = create(&facts, wish(kind, &facts), &stamp(noon())).unwrap_err();
        assert_eq!(denial.reason, Reason::SelfGrant);
        facts.caller.id = facts.subject.id();
        facts.caller.person = None;
        let denial = create(&facts, wish(kind, &facts), &stamp(noon())).unwrap_err();
        assert_eq!(denial.reason, Reason::SelfGrant);
    }
}

#[test]
fn a_maximum_binds_only_where_permanent_is_not_allowed() {
    for kind in BOTH {
        let mut facts = facts();
        let most = TimeDelta::days(30);
        let maxima =
            RuleSet { eligible_max: Some(most), assigned_max: Some(most), ..RuleSet::default() };
        set(&mut facts.policy, maxima.clone());
        let until = |end| Create { end: Some(noon() + end), ..wish(kind, &facts) };
        made(&facts, until(TimeDelta::days(400)));
        let mut bound = facts.clone();
        let never = RuleSet {
            permanent_eligibility: Some(false),
            permanent_assignment: Some(false),
            ..maxima
        };
        set(&mut bound.policy, never);
        assert_eq!(refused(&bound, wish(kind, &bound)), [Rule::Expiration]);
        made(&bound, until(most));
        let over = until(most + TimeDelta::microseconds(1));
        assert_eq!(refused(&bound, over), [Rule::Expiration]);
    }
}

#[test]
fn who_and_what_and_where() {
    let mut program = facts();
    let kind = PrincipalKind::ServicePrincipal;
    program.subject = Subject::Principal(Principal { kind, ..user("program") });
    let eligibility = wish(GrantKind::Eligibility, &program);
    assert_eq!(refused(&program, eligibility), [Rule::Principal]);
    made(&program, wish(GrantKind::Assignment, &program));
    let mut disabled = facts();
    let enabled_since = None;
    disabled.subject = Subject::Principal(Principal { enabled_since, ..user("alice") });
    let mut system = facts();
    system.role.assignable = false;
    for kind in BOTH {
        assert_eq!(refused(&disabled, wish(kind, &disabled)), [Rule::Principal]);
        assert_eq!(refused(&system, wish(kind, &system)), [Rule::Role]);
        let places = [
            (Catalog::Entra, "/subscriptions/a", false),
            (Catalog::Entra, "/administrativeUnits/a", true),
            (Catalog::Azure, "/administrativeUnits/a", false),
            (Catalog::Azure, "/managementGroups/a", true),
            (Catalog::Pim, "/applications/a", true),
        ];
        for (catalog, scope, fits) in places {
            let mut facts = facts();
            facts.role.catalog = catalog;
            let scope = scope.parse().unwrap();
            let wish = Create { scope, ..wish(kind, &facts) };
            assert_eq!(create(&facts, wish, &stamp(noon())).is_ok(), fits);
        }
    }
}

#[test]
fn an_end_too_near_is_refused() {
    let facts = facts();
    let until = |end| Create { end: Some(noon() + end), ..wish(GrantKind::Eligibility, &facts) };
    assert_eq!(refused(&facts, until(TimeDelta::minutes(4))), [Rule::Window]);
    assert_eq!(refused(&facts, until(TimeDelta::minutes(-1))), [Rule::Window]);
    made(&facts, until(TimeDelta::minutes(5)));
}

#[test]
fn an_active_assignment_needs_what_the_policy_says() {
    let mut facts = facts();
    let silent =
        Create { justification: Default::default(), ..wish(GrantKind::Assignment, &facts) };
    assert_eq!(refused(&facts, silent.clone()), [Rule::Justification]);
    made(&facts, Create { kind: GrantKind::Eligibility, ..silent.clone() });
    set(
        &mut facts.policy,
        RuleSet {
            assignment_require_justification: Some(false),
            assignment_require_mfa: Some(true),
            assignment_require_ticket: Some(true),
            ..RuleSet::default()
        },
    );
    facts.caller_mfa = false;
    assert_eq!(refused(&facts, silent), [Rule::Ticketing, Rule::Mfa]);
}

#[test]
fn the_number_of_a_ticket_matches_where_one_is_needed() {
    let mut facts = facts();
    let with = |kind, number: &str, facts: &Facts| {
        let ticket = Some(Ticket { number: number.to_owned(), system: "desk".to_owned() });
        Create { ticket, ..wish(kind, facts) }
    };
    let pattern = TicketPattern::try_from("CHG[0-9]+".to_owned()).unwrap();
    let patterned = RuleSet { ticket_pattern: Some(pattern), ..RuleSet::default() };
    set(&mut facts.policy, patterned.clone());
    made(&facts, with(GrantKind::Assignment, "INC7", &facts));
    let assignment_require_ticket = Some(true);
    set(&mut facts.policy, RuleSet { assignment_require_ticket, ..patterned });
    for number in ["INC7", "CHG7b", "xCHG7"] {
        let given = with(GrantKind::Assignment, number, &facts);
        assert_eq!(refused(&facts, given), [Rule::Ticketing], "{number}");
    }
    made(&facts, with(GrantKind::Assignment, "CHG7", &facts));
    // An eligibility holds nothing; whoever activates it gives their own.
    made(&facts, with(GrantKind::Eligibility, "INC7", &facts));
}

#[test]
fn one_just_like_it_is_a_duplicate_and_another_is_not() {
    let mut facts = facts();
    let first = made(&facts, wish(GrantKind::Eligibility, &facts));
    facts.existing = vec![first.clone()];
    let again = create(&facts, wish(GrantKind::Eligibility, &facts), &stamp(noon()));
    let Reason::Duplicate { id, .. } = again.unwrap_err().reason else { panic!() };
    assert_eq!(id, first.id.uuid());
    let end = Some(noon() + TimeDelta::days(1));
    made(&facts, Create { end, ..wish(GrantKind::Eligibility, &facts) });
    let removed = first.remove(Catalog::Entra, Default::default(), &stamp(noon())).unwrap();
    facts.existing = vec![removed.into_after()];
    made(&facts, wish(GrantKind::Eligibility, &facts));
}

/// What a wish is judged by that puts one group into another.
fn nesting(inner: bool, outer: bool) -> (Facts, Create) {
    let (inner, outer) = (group("inner", inner), group("outer", outer));
    let mut facts = facts();
    facts.role =
        Role { id: GROUP_MEMBER.into(), catalog: Catalog::Pim, privileged: false, ..role() };
    facts.policy = Layers::untouched(facts.role.id, facts.role.catalog);
    facts.subject = Subject::Group(inner);
    let above = vec![outer.id];
    let scope = Scope::of_group(outer.id);
    facts.groups = Surroundings { above, nesting: 2, target: Some(outer), ..facts.groups };
    let wish = Create { scope, ..wish(GrantKind::Assignment, &facts) };
    (facts, wish)
}

#[test]
fn groups_lie_in_each_other_only_so_deep_and_in_no_circle() {
    let (mut facts, wish) = nesting(true, true);
    // A standing membership needs no justification.
    made(&facts, Create { justification: Default::default(), ..wish.clone() });
    facts.groups.nesting = GROUP_NESTING_MAX;
    made(&facts, wish.clone());
    facts.groups.nesting += 1;
    assert_eq!(refused(&facts, wish.clone()), [Rule::Group]);
    facts.groups.nesting = 2;
    facts.groups.above.push(facts.subject.group().unwrap().id);
    assert_eq!(refused(&facts, wish), [Rule::Group]);
}

#[test]
fn only_a_role_assignable_group_may_have_what_is_dangerous() {
    for (inner, outer, fits) in
        [(true, true, true), (true, false, true), (false, false, true), (false, true, false)]
    {
        for kind in BOTH {
            for role in [GROUP_MEMBER, GROUP_OWNER] {
                let (mut facts, wish) = nesting(inner, outer);
                facts.role.id = role.into();
                let wish = Create { kind, role: role.into(), ..wish };
                let answer = create(&facts, wish, &stamp(noon()));
                assert_eq!(answer.is_ok(), fits, "{inner} {outer} {kind:?} {answer:?}");
            }
        }
    }
    let cases = [(Catalog::Entra, false), (Catalog::Azure, true), (Catalog::Azure, false)];
    for (catalog, privileged) in cases {
        let mut facts = facts();
        facts.subject = Subject::Group(group("plain", false));
        (facts.role.catalog, facts.role.privileged) = (catalog, privileged);
        let fits = catalog == Catalog::Azure && !privileged;
        let answer = create(&facts, wish(GrantKind::Eligibility, &facts), &stamp(noon()));
        assert_eq!(answer.is_ok(), fits, "{catalog:?} {privileged}");
    }
}

#[test]
fn access_to_a_group_is_held_at_groups_and_nothing_else_is() {
    let (facts, wish) = nesting(true, true);
    assert_eq!(refused(&facts, Create { scope: Scope::root(), ..wish.clone() }), [Rule::Role]);
    let other = self::facts();
    let role = Create { role: other.role.id, principal: other.subject.id(), ..wish };
    assert_eq!(refused(&other, role), [Rule::Role]);
}

#[test]
fn nobody_grants_to_a_group_in_which_their_person_is_or_may_come_to_be() {
    for kind in BOTH {
        let mut facts = facts();
        let ops = group("ops", true);
        facts.groups.of_caller = vec![ops.id];
        facts.subject = Subject::Group(ops);
        let denial = create(&facts, wish(kind, &facts), &stamp(noon())).unwrap_err();
        assert_eq!(denial.reason, Reason::SelfGrant);
        facts.groups.of_caller.clear();
        made(&facts, wish(kind, &facts));
    }
}
