//! Sets of instants against the instants themselves.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{fixture::noon, spans::Spans, time::Window};
use proptest::prelude::*;

const HOURS: i64 = 12;

fn hour(hours: i64) -> DateTime<Utc> {
    noon() + TimeDelta::hours(hours)
}

fn window() -> impl Strategy<Value = Window> {
    (0..HOURS, prop::option::weighted(0.9, 0..HOURS))
        .prop_map(|(start, end)| Window { start: hour(start), end: end.map(hour) })
}

fn spans() -> impl Strategy<Value = (Vec<Window>, Spans)> {
    prop::collection::vec(window(), 0..5).prop_map(|windows| {
        let all = windows.iter().map(|window| Spans::from(*window));
        let spans = all.fold(Spans::never(), |spans, more| spans.or(&more));
        (windows, spans)
    })
}

/// Each hour and a microsecond beside it.
fn instants() -> impl Iterator<Item = DateTime<Utc>> {
    let beside = [-1, 0, 1].map(TimeDelta::microseconds);
    (-1..=HOURS).flat_map(move |hours| beside.map(|beside| hour(hours) + beside))
}

fn within(windows: &[Window], at: DateTime<Utc>) -> bool {
    windows.iter().any(|one| one.start <= at && one.end.is_none_or(|end| at < end))
}

/// In order, none empty, each two with a gap between them.
fn is_canonical(spans: &Spans) -> bool {
    let windows = spans.windows();
    windows.iter().all(|one| one.end.is_none_or(|end| one.start < end))
        && windows.windows(2).all(|two| two[0].end.is_some_and(|end| end < two[1].start))
}

proptest! {
    #[test]
    fn union_and_intersection_are_those_of_the_instants(one in spans(), two in spans()) {
        let ((left, one), (right, two)) = (one, two);
        let (both, either) = (one.and(&two), one.or(&two));
        prop_assert!(is_canonical(&one) && is_canonical(&both) && is_canonical(&either));
        for at in instants() {
            let (in_left, in_right) = (within(&left, at), within(&right, at));
            prop_assert_eq!(one.contains(at), in_left);
            prop_assert_eq!(both.contains(at), in_left && in_right, "and at {}", at);
            prop_assert_eq!(either.contains(at), in_left || in_right, "or at {}", at);
        }
        prop_assert_eq!(one.and(&Spans::always()), one.clone());
        prop_assert_eq!(one.or(&Spans::never()), one);
    }

    #[test]
    fn between_two_boundaries_nothing_changes((windows, spans) in spans()) {
        for at in instants() {
            let next = spans.boundaries(at).next();
            let same = |later: &DateTime<Utc>| *later > at && next.is_none_or(|next| *later < next);
            for later in instants().filter(same) {
                prop_assert_eq!(within(&windows, later), within(&windows, at));
            }
            if let Some(next) = next {
                prop_assert_ne!(within(&windows, next), within(&windows, at));
            }
        }
    }
}
