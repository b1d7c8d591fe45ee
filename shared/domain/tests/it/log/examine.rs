//! The examination of a whole log: each fault is named, and what is in order passes.

use pim_domain::{
    event::{ThingKind, ThingRef},
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

/// Events that make these versions of one thing; a refusal makes none.
fn bodies(versions: &[i64]) -> Vec<Vec<u8>> {
    let body = |version: &i64| serde_json::json!({ "thing": thing(*version), "time": 1 });
    versions.iter().map(|version| body(version).to_string().into_bytes()).collect()
}

fn stored(index: u64, body: &[u8]) -> Stored<'_> {
    let event = EventId::from(Uuid::from_u128(index.into()));
    Stored { index, event, leaf: TreeHash::of_leaf(body), body: Some(body) }
}

/// The examination after these entries.
fn examined(bodies: &[Vec<u8>]) -> Examination {
    let signer = Signer::new(&[1; 32]).unwrap();
    let mut examination = Examination::new(ORIGIN.to_owned(), vec![signer.verifier(ORIGIN)]);
    for (index, body) in (0..).zip(bodies) {
        examination.entry(stored(index, body), &mut Vec::new()).unwrap();
    }
    examination
}

#[test]
fn versions_count_and_not_their_order() {
    for versions in [&[1, 2, 3][..], &[2, 1, 3], &[0, 3, 0, 1, 2]] {
        examined(&bodies(versions)).state(&[thing(3)]).unwrap();
    }
    for versions in [&[1, 3][..], &[2, 3], &[1, 2, 2, 3], &[1, 1]] {
        let found = examined(&bodies(versions)).state(&[thing(3)]);
        assert!(matches!(found, Err(Fault::Incomplete(_))), "{versions:?}: {found:?}");
    }
    for state in [&[thing(1)][..], &[thing(3)], &[]] {
        let found = examined(&bodies(&[1, 2])).state(state);
        assert!(matches!(found, Err(Fault::StateDiffers(_))), "{state:?}: {found:?}");
    }
    let untold = ThingRef { kind: ThingKind::Approval, ..thing(1) };
    let found = examined(&bodies(&[1])).state(&[thing(1), untold]);
    assert!(matches!(found, Err(Fault::StateDiffers(_))), "{found:?}");
}

#[test]
fn an_event_that_waits_to_be_sealed_counts() {
    let [first, second] = bodies(&[1, 2]).try_into().unwrap();
    let mut examination = examined(&[first]);
    examination.event(EventId::from(Uuid::nil()), &second).unwrap();
    assert_eq!((examination.tree().size(), examination.things()), (1, 1));
    examination.state(&[thing(2)]).unwrap();
}

#[test]
fn each_entry_is_the_next_and_what_was_sealed() {
    let bodies = bodies(&[1, 2]);
    let mut kept = Vec::new();
    let next = |entry: Stored<'_>, kept: &mut _| examined(&bodies[..1]).entry(entry, kept);
    let found = next(stored(2, &bodies[1]), &mut kept);
    assert!(matches!(found, Err(Fault::Incomplete(_))), "{found:?}");
    let found = next(Stored { body: None, ..stored(1, &bodies[1]) }, &mut kept);
    assert!(matches!(found, Err(Fault::Incomplete(_))), "{found:?}");
    let found = next(Stored { body: Some(&bodies[0]), ..stored(1, &bodies[1]) }, &mut kept);
    assert!(matches!(found, Err(Fault::Altered(_))), "{found:?}");
    let found = next(stored(1, b"no event"), &mut kept);
    assert!(matches!(found, Err(Fault::Altered(_))), "{found:?}");
    next(stored(1, &bodies[1]), &mut kept).unwrap();
}

#[test]
fn each_checkpoint_is_of_this_tree_and_signed() {
    let examination = examined(&bodies(&[1, 2]));
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
