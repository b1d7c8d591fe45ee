//! The examination of a whole log: each fault is named, and what is in order passes.

use pim_domain::{
    event::{About, Code, Event, Indexed, Outcome, StoredEvent, ThingKind, ThingRef},
    fixture::{noon, stamp},
    id::EventId,
    log::{
        checkpoint::Checkpoint,
        examine::{Examination, Stored},
        fault::Fault,
        hash::TreeHash,
        note::Signer,
    },
};
use uuid::Uuid;

const ORIGIN: &str = "pim.dev/a";

fn thing(version: i64) -> ThingRef {
    ThingRef { kind: ThingKind::Activation, id: Uuid::from_u128(7), version }
}

/// An event as it is stored: its bytes, and what stands beside them.
struct Told {
    body: Vec<u8>,
    indexed: Indexed,
}

/// Events that make these versions of one thing; a refusal makes none.
fn told(versions: &[i64]) -> Vec<Told> {
    let event = |version: &i64| Event {
        time: noon(),
        code: Code::PrincipalCreated,
        outcome: Outcome::Success,
        actor: stamp(noon()).actor,
        thing: Some(thing(*version)),
        about: About::default(),
        changes: Vec::new(),
    };
    let told = |version: &i64| {
        let stored = StoredEvent::new(Uuid::from_u128(1).into(), event(version));
        Told { body: serde_json::to_vec(&stored).unwrap(), indexed: stored.indexed() }
    };
    versions.iter().map(told).collect()
}

fn stored(index: u64, told: &Told) -> Stored<'_> {
    let event = EventId::from(Uuid::from_u128(index.into()));
    let Told { body, indexed } = told;
    Stored { index, event, leaf: TreeHash::of_leaf(body), body: Some((body, indexed)) }
}

/// The examination after these entries.
fn examined(told: &[Told]) -> Examination {
    let signer = Signer::new(&[1; 32]).unwrap();
    let mut examination = Examination::new(ORIGIN.to_owned(), vec![signer.verifier(ORIGIN)]);
    for (index, told) in (0..).zip(told) {
        examination.entry(stored(index, told), &mut Vec::new()).unwrap();
    }
    examination
}

#[test]
fn versions_count_and_not_their_order() {
    for versions in [&[1, 2, 3][..], &[2, 1, 3], &[0, 3, 0, 1, 2]] {
        examined(&told(versions)).state(&[thing(3)]).unwrap();
    }
    for versions in [&[1, 3][..], &[2, 3], &[1, 2, 2, 3], &[1, 1]] {
        let found = examined(&told(versions)).state(&[thing(3)]);
        assert!(matches!(found, Err(Fault::Incomplete(_))), "{versions:?}: {found:?}");
    }
    for state in [&[thing(1)][..], &[thing(3)], &[]] {
        let found = examined(&told(&[1, 2])).state(state);
        assert!(matches!(found, Err(Fault::StateDiffers(_))), "{state:?}: {found:?}");
    }
    let untold = ThingRef { kind: ThingKind::Approval, ..thing(1) };
    let found = examined(&told(&[1])).state(&[thing(1), untold]);
    assert!(matches!(found, Err(Fault::StateDiffers(_))), "{found:?}");
}

#[test]
fn an_event_that_waits_to_be_sealed_counts() {
    let mut second = told(&[1, 2]);
    let first = second.remove(0);
    let Told { body, indexed } = &second[0];
    let mut examination = examined(&[first]);
    examination.event(EventId::from(Uuid::nil()), body, indexed).unwrap();
    assert_eq!((examination.tree().size(), examination.things()), (1, 1));
    examination.state(&[thing(2)]).unwrap();
}

#[test]
fn each_entry_is_the_next_and_what_was_sealed() {
    let told = told(&[1, 2]);
    let mut kept = Vec::new();
    let next = |entry: Stored<'_>, kept: &mut _| examined(&told[..1]).entry(entry, kept);
    let found = next(stored(2, &told[1]), &mut kept);
    assert!(matches!(found, Err(Fault::Incomplete(_))), "{found:?}");
    let found = next(Stored { body: None, ..stored(1, &told[1]) }, &mut kept);
    assert!(matches!(found, Err(Fault::Incomplete(_))), "{found:?}");
    let other = Some((&told[0].body[..], &told[0].indexed));
    let found = next(Stored { body: other, ..stored(1, &told[1]) }, &mut kept);
    assert!(matches!(found, Err(Fault::Altered(_))), "{found:?}");
    let no_event = Told { body: b"no event".to_vec(), indexed: told[1].indexed.clone() };
    let found = next(stored(1, &no_event), &mut kept);
    assert!(matches!(found, Err(Fault::Altered(_))), "{found:?}");
    let beside = Indexed { scope: Some("/".to_owned()), ..told[1].indexed.clone() };
    let beside = Told { body: told[1].body.clone(), indexed: beside };
    let found = next(stored(1, &beside), &mut kept);
    assert!(matches!(found, Err(Fault::Altered(_))), "{found:?}");
    next(stored(1, &told[1]), &mut kept).unwrap();
}

#[test]
fn each_checkpoint_is_of_this_tree_and_signed() {
    let examination = examined(&told(&[1, 2]));
    let (size, root) = (2, examination.tree().root());
    let signer = Signer::new(&[1; 32]).unwrap();
    let note = |origin: &str, size: u64, root: TreeHash, signer: &Signer| {
        Checkpoint { origin: origin.to_owned(), size, root }.sign(&[signer]).to_string()
    };
    examination.checkpoint(size, root, &note(ORIGIN, size, root, &signer)).unwrap();
    let other = TreeHash::of_leaf(b"another");
    let forked = examination.checkpoint(size, other, &note(ORIGIN, size, other, &signer));
    assert!(matches!(forked, Err(Fault::Forked(_))), "{forked:?}");
    let stranger = Signer::new(&[2; 32]).unwrap();
    for wrong in [
        note(ORIGIN, size, other, &signer),
        note(ORIGIN, 1, root, &signer),
        note("pim.dev/b", size, root, &signer),
        note(ORIGIN, size, root, &stranger),
        "no note".to_owned(),
    ] {
        let found = examination.checkpoint(size, root, &wrong);
        assert!(matches!(found, Err(Fault::Altered(_))), "{wrong}: {found:?}");
    }
    // Without a key only signatures are left out.
    let keyless = Examination::new(ORIGIN.to_owned(), Vec::new());
    let (size, root) = (0, TreeHash::of_nothing());
    keyless.checkpoint(size, root, &note(ORIGIN, size, root, &stranger)).unwrap();
    assert!(keyless.checkpoint(size, root, &note("pim.dev/b", size, root, &signer)).is_err());
}
