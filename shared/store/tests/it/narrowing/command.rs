//! What may happen in the small world.

use pim_domain::policy::Mode;
use proptest::prelude::*;

/// What happens next; whom and what it concerns is a number, modulo how many there are.
#[derive(Debug, Clone)]
pub(super) enum Command {
    Wait {
        hours: i64,
    },
    Grant {
        eligible: bool,
        who: usize,
        role: usize,
        at: usize,
        ahead: i64,
        hours: Option<i64>,
    },
    Remove(usize),
    Expire(usize),
    /// No rule shortens a grant yet; a row may be short nevertheless.
    Shorten {
        grant: usize,
        hours: i64,
    },
    Ask {
        eligibility: usize,
        at: usize,
        ahead: Option<i64>,
        hours: i64,
        asks: Option<Mode>,
    },
    Extend {
        active: usize,
        hours: i64,
        asks: Option<Mode>,
    },
    Activation(usize, Step),
    Open(usize),
    /// A yes may be to so many minutes.
    Decide {
        approval: usize,
        who: usize,
        yes: bool,
        minutes: Option<i64>,
    },
    CloseApproval(usize),
    Request(usize),
    CloseRequest(usize),
    Disable(usize),
    Enable(usize),
}

/// What is done to an activation.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Resolve,
    Start,
    Deactivate,
    Cancel,
    Revoke,
    Expire,
    Void,
}

fn mode() -> impl Strategy<Value = Option<Mode>> {
    let mode = prop_oneof![Just(Mode::AllOf), Just(Mode::AnyOf), Just(Mode::Quorum(1))];
    prop::option::of(mode)
}

pub(super) fn command() -> impl Strategy<Value = Command> {
    let which = any::<usize>;
    let grant = (any::<bool>(), which(), which(), which(), 0_i64..4, prop::option::of(1_i64..12));
    let wish = (which(), which(), prop::option::of(1_i64..5), 1_i64..8, mode());
    let vote = (which(), which(), any::<bool>(), prop::option::weighted(0.2, 30_i64..90));
    let step = prop_oneof![
        1 => Just(Step::Resolve),
        1 => Just(Step::Start),
        1 => Just(Step::Deactivate),
        3 => Just(Step::Cancel),
        1 => Just(Step::Revoke),
        1 => Just(Step::Expire),
        1 => Just(Step::Void),
    ];
    prop_oneof![
        2 => (1_i64..3).prop_map(|hours| Command::Wait { hours }),
        3 => grant.prop_map(|(eligible, who, role, at, ahead, hours)| {
            Command::Grant { eligible, who, role, at, ahead, hours }
        }),
        1 => which().prop_map(Command::Remove),
        1 => which().prop_map(Command::Expire),
        2 => (which(), 1_i64..5).prop_map(|(grant, hours)| Command::Shorten { grant, hours }),
        8 => wish.prop_map(|(eligibility, at, ahead, hours, asks)| {
            Command::Ask { eligibility, at, ahead, hours, asks }
        }),
        4 => (which(), step).prop_map(|(which, step)| Command::Activation(which, step)),
        4 => (which(), 1_i64..4, mode()).prop_map(|(active, hours, asks)| {
            Command::Extend { active, hours, asks }
        }),
        7 => which().prop_map(Command::Open),
        4 => vote.prop_map(|(approval, who, yes, minutes)| {
            Command::Decide { approval, who, yes, minutes }
        }),
        1 => which().prop_map(Command::CloseApproval),
        2 => which().prop_map(Command::Request),
        1 => which().prop_map(Command::CloseRequest),
        2 => which().prop_map(Command::Disable),
        2 => which().prop_map(Command::Enable),
    ]
}
