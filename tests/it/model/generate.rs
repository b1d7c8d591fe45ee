//! How commands are drawn: around the limits of the rules, with few values, so that things collide.

use proptest::{prelude::*, sample::select, strategy::Union};

use super::{
    request::{BLANK, Bell, By, Command, OTHER_WORK, Pick, Request, WORK, What, Why},
    rules::{
        ACTIVATION_MAX, ACTIVATION_MIN, APPROVAL, ASSIGNED_MAX, ASSIGNMENT_JUSTIFICATION,
        ASSIGNMENT_MFA, ASSIGNMENT_TICKET, ApprovalRule, ELIGIBLE_MAX, Mode, Name,
        PERMANENT_ASSIGNMENT, PERMANENT_ELIGIBILITY, REQUIRE_JUSTIFICATION, REQUIRE_MFA,
        REQUIRE_TICKET, Stage, Value,
    },
    things::{Kind, Length},
    universe::{
        ALICE, ALICE_TOO, BOB, CARL, DAY, DORA, FAY, HOUR, MINUTE, PEOPLE, Role, SECOND, Scope,
        Time, Who,
    },
};

/// One step of a sequence; left out when it is smaller than it must be to fail.
pub(super) type Step = (bool, Command);

/// Commands of an administrator to begin with, so that there is something to activate.
const OPENING: usize = 4;

/// Steps, each of which can be left out when a failing sequence is made smaller.
pub(super) fn steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    let opening = count.min(OPENING);
    let kept = || proptest::bool::weighted(1.0);
    let first = proptest::collection::vec((kept(), begin()), opening..=opening);
    let rest = count - opening;
    let rest = proptest::collection::vec((kept(), command()), rest..=rest);
    (first, rest).prop_map(|(first, rest)| first.into_iter().chain(rest).collect())
}

fn begin() -> impl Strategy<Value = Command> {
    let who = select(vec![ALICE, ALICE_TOO, BOB, CARL]);
    let end = prop_oneof![2 => Just(None), 1 => select(vec![HOUR, DAY]).prop_map(Some)];
    let scope = prop_oneof![2 => Just(Scope::Root), 1 => scope()];
    let grant = (who, role(), scope, end).prop_map(|(target, role, scope, end)| Request::Grant {
        kind: Kind::Eligibility,
        target,
        role,
        scope: mostly_legal(role, scope),
        start: None,
        end,
        because: WORK,
        ticket: true,
    });
    let rule = (role(), approval()).prop_map(|(role, rules)| Request::Set {
        role,
        scope: Scope::Root,
        name: APPROVAL,
        value: Value::Approval(rules),
        enforce: None,
        stale: false,
    });
    let request = prop_oneof![3 => grant, 1 => rule];
    request.prop_map(|request| {
        let by = By::Somebody(0);
        Command::Send { by, mfa: true, dry: false, request }
    })
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        80 => send(),
        6 => select(vec![1, SECOND, MINUTE, 5 * MINUTE, 20 * MINUTE, HOUR]).prop_map(Command::Wait),
        1 => select(vec![3 * HOUR, DAY, 3 * DAY]).prop_map(Command::Wait),
        8 => select(vec![-1, 0, 0, 1]).prop_map(Command::WaitForChange),
        4 => Just(Command::Settle),
        1 => Just(Command::Restart),
        6 => (any::<prop::sample::Index>(), proptest::bool::weighted(0.3))
            .prop_map(|(pick, changed)| Command::Again { pick: pick.index(1_000), changed }),
    ]
}

fn send() -> impl Strategy<Value = Command> {
    let by = prop_oneof![
        6 => (0..8_usize).prop_map(By::Somebody),
        1 => (0..PEOPLE.len()).prop_map(By::Anybody),
    ];
    let dry = proptest::bool::weighted(0.05);
    (request(), by, proptest::bool::weighted(0.9), dry)
        .prop_map(|(request, by, mfa, dry)| Command::Send { by, mfa, dry, request })
}

fn request() -> impl Strategy<Value = Request> {
    Union::new_weighted(vec![
        (13, grant().boxed()),
        (2, (kind(), pick(), why()).prop_map(remove).boxed()),
        (9, (role(), scope(), setting(), enforce(), stale()).prop_map(set).boxed()),
        (3, (role(), scope(), name(), stale()).prop_map(reset).boxed()),
        (30, activate().boxed()),
        (3, (pick(), why()).prop_map(deactivate).boxed()),
        (2, (pick(), why()).prop_map(cancel).boxed()),
        (8, (pick(), length(), why(), any::<bool>()).prop_map(extend).boxed()),
        (22, (pick(), shorten(), why(), stale()).prop_map(approve).boxed()),
        (3, (pick(), why(), stale()).prop_map(deny).boxed()),
        (2, target().prop_map(|who| Request::Disable { who }).boxed()),
        (4, target().prop_map(|who| Request::Enable { who }).boxed()),
        (6, (bell(), pick()).prop_map(|(bell, thing)| Request::Ring { bell, thing }).boxed()),
        (5, (what(), pick()).prop_map(|(what, thing)| Request::Read { what, thing }).boxed()),
    ])
}

fn grant() -> impl Strategy<Value = Request> {
    let kind = prop_oneof![3 => Just(Kind::Eligibility), 1 => Just(Kind::Assignment)];
    let start = prop_oneof![
        8 => Just(None),
        1 => Just(Some(-HOUR)),
        2 => select(vec![1, 10 * MINUTE, HOUR, DAY]).prop_map(Some),
    ];
    let ends = vec![-HOUR, 4 * MINUTE, 5 * MINUTE, 20 * MINUTE, HOUR, 3 * HOUR, DAY, 10 * DAY];
    let end = prop_oneof![1 => Just(None), 1 => select(ends).prop_map(Some)];
    let who = select(vec![ALICE, ALICE_TOO, BOB, CARL]);
    (kind, who, role(), scope(), start, end, why(), any::<bool>()).prop_map(
        |(kind, target, role, scope, start, end, because, ticket)| Request::Grant {
            kind,
            target,
            role,
            scope: mostly_legal(role, scope),
            start,
            end,
            because,
            ticket,
        },
    )
}

fn activate() -> impl Strategy<Value = Request> {
    let start = prop_oneof![
        20 => Just(None),
        1 => Just(Some(-HOUR)),
        1 => Just(Some(0)),
        6 => select(vec![1, 10 * MINUTE, HOUR, DAY]).prop_map(Some),
        1 => select(vec![30 * DAY, 30 * DAY + 1]).prop_map(Some),
    ];
    let named = prop_oneof![5 => Just(None), 1 => pick().prop_map(Some)];
    (role(), scope(), named, start, length(), why(), any::<bool>()).prop_map(
        |(role, scope, eligibility, start, length, because, ticket)| Request::Activate {
            role,
            scope: mostly_legal(role, scope),
            eligibility,
            start,
            length,
            because,
            ticket,
        },
    )
}

/// The illegal ones of two scopes become legal: enough illegal ones are left.
fn mostly_legal(role: Role, scope: Scope) -> Scope {
    match (role, scope) {
        (Role::Entra, Scope::Subscription) => Scope::Root,
        (_, scope) => scope,
    }
}

fn length() -> impl Strategy<Value = Length> {
    let lengths = || {
        prop_oneof![
            4 => select(vec![5 * MINUTE, 20 * MINUTE, HOUR]),
            1 => select(vec![4 * MINUTE, 5 * MINUTE - 1, HOUR + 1, 2 * HOUR, 8 * HOUR]),
            1 => select(vec![8 * HOUR + 1, 9 * HOUR, DAY, DAY + 1]),
        ]
    };
    prop_oneof![
        12 => lengths().prop_map(Length::For),
        5 => lengths().prop_map(Length::Until),
        1 => select(vec![-MINUTE, 0, 1]).prop_map(Length::Until),
    ]
}

fn setting() -> impl Strategy<Value = (Name, Value)> {
    let flags = vec![
        REQUIRE_MFA,
        REQUIRE_JUSTIFICATION,
        REQUIRE_TICKET,
        PERMANENT_ELIGIBILITY,
        PERMANENT_ASSIGNMENT,
        ASSIGNMENT_JUSTIFICATION,
        ASSIGNMENT_MFA,
        ASSIGNMENT_TICKET,
    ];
    let times = vec![
        (ACTIVATION_MAX, 20 * MINUTE),
        (ACTIVATION_MAX, 2 * HOUR),
        (ACTIVATION_MAX, DAY),
        (ACTIVATION_MIN, SECOND),
        (ACTIVATION_MIN, 20 * MINUTE),
        (ACTIVATION_MIN, HOUR),
        (ELIGIBLE_MAX, DAY),
        (ASSIGNED_MAX, DAY),
    ];
    prop_oneof![
        5 => approval().prop_map(|rules| (APPROVAL, Value::Approval(rules))),
        2 => (select(flags), any::<bool>()).prop_map(|(name, flag)| (name, Value::Flag(flag))),
        2 => select(times).prop_map(|(name, time)| (name, Value::Time(time))),
    ]
}

fn approval() -> impl Strategy<Value = Vec<ApprovalRule>> {
    let people = prop_oneof![
        6 => select(vec![CARL, DORA, FAY]),
        1 => select(vec![ALICE_TOO, BOB]),
    ];
    let slots = proptest::collection::vec(people, 1..=3);
    let stage =
        (slots, 0..3_usize, any::<prop::sample::Index>()).prop_map(|(slots, mode, some)| {
            let mut slots = slots;
            if some.index(8) > 0 {
                slots.sort_unstable();
                slots.dedup();
            }
            let quorum = 1 + some.index(slots.len());
            let mode = [Mode::All, Mode::Any, Mode::Quorum(quorum)][mode];
            Stage { slots, mode }
        });
    let stages = prop_oneof![
        3 => proptest::collection::vec(stage.clone(), 1..=1),
        1 => proptest::collection::vec(stage, 2..=2),
    ];
    let fallback =
        prop_oneof![2 => Just(Vec::new()), 1 => Just(vec![FAY]), 1 => Just(vec![DORA, FAY])];
    let rule = (stages, select(vec![5 * MINUTE, HOUR, DAY]), any::<bool>(), fallback).prop_map(
        |(stages, timeout, justify, fallback)| {
            vec![ApprovalRule { stages, timeout, justify, fallback }]
        },
    );
    prop_oneof![1 => Just(Vec::new()), 5 => rule]
}

fn role() -> impl Strategy<Value = Role> {
    select(Role::ALL.to_vec())
}

fn scope() -> impl Strategy<Value = Scope> {
    select(Scope::ALL.to_vec())
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![2 => Just(Kind::Eligibility), 1 => Just(Kind::Assignment)]
}

fn target() -> impl Strategy<Value = Who> {
    select(vec![ALICE, ALICE_TOO, BOB, CARL, DORA, FAY])
}

fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![40 => (1..40_usize).prop_map(Some), 1 => Just(None)]
}

fn why() -> impl Strategy<Value = Why> {
    prop_oneof![12 => Just(WORK), 1 => Just(OTHER_WORK), 1 => Just(""), 1 => Just(BLANK)]
}

fn stale() -> impl Strategy<Value = bool> {
    proptest::bool::weighted(0.05)
}

fn enforce() -> impl Strategy<Value = Option<bool>> {
    prop_oneof![3 => Just(None), 1 => Just(Some(true)), 1 => Just(Some(false))]
}

fn name() -> impl Strategy<Value = Name> {
    select(vec![APPROVAL, APPROVAL, ACTIVATION_MAX, ACTIVATION_MIN, REQUIRE_TICKET, REQUIRE_MFA])
}

fn shorten() -> impl Strategy<Value = Option<Time>> {
    let lengths = vec![4 * MINUTE, 5 * MINUTE, 20 * MINUTE, HOUR, 2 * HOUR];
    prop_oneof![4 => Just(None), 1 => select(lengths).prop_map(Some)]
}

fn bell() -> impl Strategy<Value = Bell> {
    select(vec![
        Bell::EndEligibility,
        Bell::EndAssignment,
        Bell::ExpireActivation,
        Bell::StartActivation,
        Bell::ResolveActivation,
        Bell::VoidActivation,
        Bell::OpenApproval,
        Bell::CancelApproval,
        Bell::TimeOutApproval,
    ])
}

fn what() -> impl Strategy<Value = What> {
    select(vec![
        What::Grant(Kind::Eligibility),
        What::Grant(Kind::Assignment),
        What::Activation,
        What::Approval,
    ])
}

fn remove((kind, grant, because): (Kind, Pick, Why)) -> Request {
    Request::Remove { kind, grant, because }
}

type Setting = (Name, Value);

fn set(
    (role, scope, (name, value), enforce, stale): (Role, Scope, Setting, Option<bool>, bool),
) -> Request {
    Request::Set { role, scope, name, value, enforce, stale }
}

fn reset((role, scope, name, stale): (Role, Scope, Name, bool)) -> Request {
    Request::Reset { role, scope, name, stale }
}

fn deactivate((activation, because): (Pick, Why)) -> Request {
    Request::Deactivate { activation, because }
}

fn cancel((activation, because): (Pick, Why)) -> Request {
    Request::Cancel { activation, because }
}

fn extend((activation, length, because, ticket): (Pick, Length, Why, bool)) -> Request {
    Request::Extend { activation, length, because, ticket }
}

fn approve((approval, shorten, because, stale): (Pick, Option<Time>, Why, bool)) -> Request {
    Request::Approve { approval, shorten, because, stale }
}

fn deny((approval, because, stale): (Pick, Why, bool)) -> Request {
    Request::Deny { approval, because, stale }
}
