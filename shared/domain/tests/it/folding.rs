//! A flood of refusals becomes counted entries, and none is lost.

use chrono::{DateTime, TimeDelta, Utc};
use pim_domain::{
    denial::{Denial, Reason},
    event::{Event, FOLDING_WINDOW, Folding, KINDS_MAX, SINGLY_MAX},
    fixture::{noon, stamp},
};

fn refusal(at: DateTime<Utc>) -> Event {
    Event::refusal(&stamp(at), &Denial::new(Reason::NotPermitted), "NOT_PERMITTED", "/a/B")
}

fn seconds(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

/// For how many calls an entry stands.
fn count(event: &Event) -> u64 {
    event.folded().map_or(1, |folded| folded.count)
}

#[test]
fn so_many_are_entries_and_the_rest_of_the_minute_is_one() {
    let mut folding = Folding::default();
    for at in 0..i64::from(SINGLY_MAX) {
        assert_eq!(folding.add("one", refusal(seconds(at))), Some(refusal(seconds(at))));
    }
    for at in [30, 40, 50] {
        assert_eq!(folding.add("one", refusal(seconds(at))), None);
    }
    assert_eq!(folding.add("other", refusal(seconds(50))), Some(refusal(seconds(50))));
    let tick = TimeDelta::microseconds(1);
    assert_eq!(folding.due(noon() + FOLDING_WINDOW - tick), []);
    let due = folding.due(noon() + FOLDING_WINDOW);
    let [(kind, counted)] = due.as_slice() else { panic!("{due:?}") };
    let folded = counted.folded().unwrap();
    assert_eq!((*kind, counted.time, folded.count), ("one", seconds(50), 3));
    assert_eq!(folded.since, seconds(30));
    assert_eq!(folding.due(seconds(3_600)), []);
}

#[test]
fn a_new_minute_begins_anew_and_the_old_one_is_not_lost() {
    let mut folding = Folding::default();
    for _ in 0..SINGLY_MAX + 5 {
        folding.add("one", refusal(noon()));
    }
    let later = noon() + FOLDING_WINDOW;
    assert_eq!(folding.add("one", refusal(later)), Some(refusal(later)));
    let due = folding.due(later);
    assert_eq!(due.iter().map(|(_, event)| count(event)).collect::<Vec<_>>(), [5]);
}

#[test]
fn what_could_not_be_written_comes_again_and_the_end_takes_all() {
    let mut folding = Folding::default();
    for _ in 0..SINGLY_MAX + 2 {
        folding.add("one", refusal(noon()));
    }
    let mut all = folding.all();
    let (kind, counted) = all.pop().unwrap();
    assert_eq!((all.len(), count(&counted)), (0, 2));
    folding.restore(kind, counted.clone());
    assert_eq!(folding.due(noon()), [("one", counted)]);
    assert_eq!(folding.all(), []);
}

#[test]
fn beyond_so_many_kinds_nothing_is_counted() {
    let mut folding = Folding::default();
    for kind in 0..KINDS_MAX {
        folding.add(kind, refusal(noon()));
    }
    for _ in 0..SINGLY_MAX * 2 {
        assert!(folding.add(KINDS_MAX, refusal(noon())).is_some());
    }
    for _ in 0..SINGLY_MAX * 2 {
        folding.add(0, refusal(noon()));
    }
    assert_eq!(folding.all().len(), 1);
}
