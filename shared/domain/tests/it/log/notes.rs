//! Signed notes and checkpoints: the published example, what is refused, and what is ignored.

use pim_domain::{
    fixture::{noon, stamp},
    id::TenantId,
    log::{
        checkpoint::{self, Checkpoint},
        fault::Fault,
        hash::TreeHash,
        key_change,
        note::{Note, Signer, Unverified, VerifierKey},
    },
};
use uuid::Uuid;

/// The example of the Go implementation of notes.
const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
     then you don't know what your problem is.\n\n\
     \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn checkpoint(origin: &str) -> Checkpoint {
    Checkpoint { origin: origin.to_owned(), size: 7, root: TreeHash::of_leaf(b"a") }
}

#[test]
fn the_published_example_verifies() {
    let key: VerifierKey = KEY.parse().unwrap();
    assert_eq!(key.to_string(), KEY);
    let note: Note = NOTE.parse().unwrap();
    note.verify(std::slice::from_ref(&key)).unwrap();
    assert_eq!(note.to_string(), NOTE);
    let altered: Note = NOTE.replace("answer", "question").parse().unwrap();
    assert_eq!(altered.verify(&[key]), Err(Unverified::BadSignature));
    assert_eq!(note.verify(&[]), Err(Unverified::NoSignature));
}

#[test]
fn what_is_no_note_is_refused() {
    for text in [
        "",
        "a\n",
        "a\n\n",
        "a\n\nb\n",
        "a\n\n\u{2014} name\n",
        "a\n\n\u{2014} name AAAA\n",
        "a\n\n\u{2014} na+me AAAAAAAA\n",
        "a\u{7}\n\n\u{2014} name AAAAAAAA\n",
        "a\n\n\u{2014} name AAAAAAAA",
    ] {
        assert!(text.parse::<Note>().is_err(), "{text:?}");
    }
    assert!("a\n\n\u{2014} name AAAAAAAA\n".parse::<Note>().is_ok());
    for text in
        ["", "a", "a+b", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
    {
        assert!(text.parse::<VerifierKey>().is_err(), "{text:?}");
    }
}

#[test]
fn a_checkpoint_is_three_lines() {
    let signer = Signer::new(&[1; 32]).unwrap();
    let note = checkpoint("pim.dev/a").sign(&[&signer]);
    assert_eq!(note.text(), format!("pim.dev/a\n7\n{}\n", TreeHash::of_leaf(b"a")));
    let read = Checkpoint::open(&note.to_string(), &[signer.verifier("pim.dev/a")]).unwrap();
    assert_eq!(read, checkpoint("pim.dev/a"));
    for text in ["", "a\n7\n", "a\n07\nAA==\n", "\n7\nAA==\n", "a\n7\nAA==\n", "a\n-7\nAA==\n"] {
        assert!(text.parse::<Checkpoint>().is_err(), "{text:?}");
    }
    let size = format!("a\n07\n{}\n", TreeHash::of_leaf(b"a"));
    assert!(size.parse::<Checkpoint>().is_err());
}

#[test]
fn a_key_signs_for_its_own_log_alone() {
    let signer = Signer::new(&[1; 32]).unwrap();
    let note = checkpoint("pim.dev/a").sign(&[&signer]).to_string();
    let of_another = signer.verifier("pim.dev/b");
    let error = Checkpoint::open(&note, &[of_another]).unwrap_err();
    assert!(matches!(error, Fault::Altered(_)), "{error}");
}

#[test]
fn while_keys_change_either_is_enough() {
    let (old, new) = (Signer::new(&[1; 32]).unwrap(), Signer::new(&[2; 32]).unwrap());
    let note = checkpoint("pim.dev/a").sign(&[&old, &new]).to_string();
    for signer in [&old, &new] {
        Checkpoint::open(&note, &[signer.verifier("pim.dev/a")]).unwrap();
    }
    let stranger = Signer::new(&[3; 32]).unwrap();
    assert!(Checkpoint::open(&note, &[stranger.verifier("pim.dev/a")]).is_err());
}

#[test]
fn logs_of_two_databases_have_two_names() {
    let tenant = TenantId::from(Uuid::from_u128(1));
    let (one, other) = (Uuid::from_u128(2), Uuid::from_u128(3));
    assert_ne!(checkpoint::origin(one, tenant), checkpoint::origin(other, tenant));
    assert_eq!(
        checkpoint::origin(one, tenant),
        "pim.dev/00000000-0000-0000-0000-000000000002/00000000-0000-0000-0000-000000000001"
    );
}

#[test]
fn a_key_is_followed_by_what_it_and_the_next_have_signed() {
    let origin = "pim.dev/a";
    let (old, new) = (Signer::new(&[1; 32]).unwrap(), Signer::new(&[2; 32]).unwrap());
    let statement = key_change::statement(origin, &old, &new);
    let event = key_change::event(&stamp(noon()), &statement);
    let told = key_change::told(&event).unwrap();
    let keys = [old.verifier(origin)];
    assert!(key_change::concerns(told, &keys));
    assert_eq!(key_change::open(told, &keys).unwrap(), new.verifier(origin));
    // A stranger follows nothing, and one of the two signatures is not enough.
    assert!(!key_change::concerns(told, &[new.verifier(origin)]));
    assert!(key_change::open(told, &[new.verifier(origin)]).is_err());
    for signers in [&[&old][..], &[&new][..], &[&old, &old][..]] {
        let half = Note::signed(statement.text().to_owned(), origin, signers).to_string();
        assert!(matches!(key_change::open(&half, &keys), Err(Fault::Altered(_))));
    }
    let checkpoint = checkpoint(origin).sign(&[&old, &new]).to_string();
    assert!(key_change::open(&checkpoint, &keys).is_err());
}
