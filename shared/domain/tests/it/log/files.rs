//! Parts of a log as files: what verifies, and which fault each kind of damage is.

use pim_domain::{
    id::EventId,
    log::{
        bundle::{self, Verified, Verifier},
        checkpoint::Checkpoint,
        entry::ProvenEntry,
        fault::Fault,
        note::{Signer, VerifierKey},
        proof,
    },
};
use uuid::Uuid;

use super::Log;

const ORIGIN: &str = "pim.dev/a";

fn signer() -> Signer {
    Signer::new(&[1; 32]).unwrap()
}

fn keys() -> Vec<VerifierKey> {
    vec![signer().verifier(ORIGIN)]
}

fn bodies(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|number| format!("event {number}").into_bytes()).collect()
}

fn checkpoint(log: &Log) -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size: log.tree.size(), root: log.tree.root() }
}

/// The lines of the bundle of these entries from `first` on.
fn lines(bodies: &[Vec<u8>], first: usize) -> Vec<String> {
    let log = Log::of(bodies);
    let mut lines = vec![bundle::head(&Log::of(&bodies[..first]).tree)];
    for (index, body) in bodies.iter().enumerate().skip(first) {
        let id = EventId::from(Uuid::from_u128(index as u128));
        lines.push(bundle::entry(index as u64, id, log.leaves[index], body));
    }
    lines.push(bundle::end(&checkpoint(&log).sign(&[&signer()]).to_string()));
    lines
}

fn verify(lines: &[String], known: Option<Checkpoint>) -> Result<Verified, Fault> {
    let mut verifier = Verifier::new(keys(), known);
    for line in lines {
        verifier.line(line)?;
    }
    verifier.finish()
}

#[test]
fn a_whole_bundle_verifies() {
    let bodies = bodies(300);
    for first in [0, 1, 255, 256, 299, 300] {
        let found = verify(&lines(&bodies, first), None).unwrap();
        assert_eq!(found.first, first as u64);
        assert_eq!(found.checkpoint, checkpoint(&Log::of(&bodies)));
        let before = checkpoint(&Log::of(&bodies[..first]));
        verify(&lines(&bodies, first), Some(before)).unwrap();
    }
}

#[test]
fn a_bundle_without_its_end_is_incomplete() {
    let whole = lines(&bodies(9), 2);
    for length in 0..whole.len() {
        let error = verify(&whole[..length], None).unwrap_err();
        assert!(matches!(error, Fault::Incomplete(_)), "{length}: {error}");
    }
}

#[test]
fn a_bundle_without_an_entry_is_incomplete() {
    for gone in 1..8 {
        let mut lines = lines(&bodies(9), 2);
        lines.remove(gone);
        let error = verify(&lines, None).unwrap_err();
        assert!(matches!(error, Fault::Incomplete(_)), "{gone}: {error}");
    }
}

#[test]
fn an_altered_bundle_is_found() {
    let honest = bodies(9);
    let mut altered = honest.clone();
    altered[5] = b"event five".to_vec();
    let (honest, altered) = (lines(&honest, 2), lines(&altered, 2));
    // The entry with a hash of its own, and with that of the honest one.
    let whole = [&honest[..4], &altered[4..5], &honest[5..]].concat();
    let swapped = [&honest[..4], &honest[5..6], &honest[4..5], &honest[6..]].concat();
    let twice = [&honest[..5], &honest[4..]].concat();
    let forged = [&honest[..9], &[honest[8].clone()]].concat();
    for lines in [&whole, &twice, &forged] {
        let error = verify(lines, None).unwrap_err();
        assert!(matches!(error, Fault::Altered(_)), "{error}");
    }
    assert!(verify(&swapped, None).is_err());
    let body = altered[4].split("\"body\":").nth(1).unwrap();
    let old = honest[4].split("\"body\":").nth(1).unwrap();
    let mut lines = honest.clone();
    lines[4] = lines[4].replace(old, body);
    let error = verify(&lines, None).unwrap_err();
    assert!(error.to_string().contains("entry 5"), "{error}");
}

#[test]
fn another_past_is_a_fork() {
    let honest = bodies(9);
    let mut other = honest.clone();
    other[1] = b"another".to_vec();
    for size in [2, 4, 9] {
        let known = checkpoint(&Log::of(&other[..size]));
        let error = verify(&lines(&honest, 2), Some(known)).unwrap_err();
        assert!(matches!(error, Fault::Forked(_)), "{error}");
    }
    for size in [1, 8] {
        let known = checkpoint(&Log::of(&honest[..size]));
        let found = verify(&lines(&honest[..7], 2), Some(known));
        assert!(matches!(found, Err(Fault::Incomplete(_))), "{found:?}");
    }
}

#[test]
fn an_entry_with_its_proof_verifies_alone() {
    let bodies = bodies(300);
    let log = Log::of(&bodies);
    let entry = ProvenEntry {
        body: bodies[77].clone(),
        index: 77,
        proof: log.hashes(&proof::inclusion(77, 300).unwrap()),
        checkpoint: checkpoint(&log).sign(&[&signer()]).to_string(),
    };
    let read: ProvenEntry = entry.to_string().parse().unwrap();
    assert_eq!(read, entry);
    assert_eq!(read.verify(&keys()).unwrap(), checkpoint(&log));
    for wrong in [
        ProvenEntry { index: 78, ..entry.clone() },
        ProvenEntry { body: b"another".to_vec(), ..entry.clone() },
        ProvenEntry { proof: Vec::new(), ..entry.clone() },
        ProvenEntry { checkpoint: entry.checkpoint.replace("300", "301"), ..entry.clone() },
    ] {
        assert!(matches!(wrong.verify(&keys()), Err(Fault::Altered(_))));
    }
    for text in ["", "c2sp.org/tlog-proof@v1\n\n", "c2sp.org/tlog-proof@v2\nextra \nindex 1\n\n"] {
        assert!(text.parse::<ProvenEntry>().is_err(), "{text:?}");
    }
}
