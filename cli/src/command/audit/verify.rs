//! `pim audit verify`: files that need no server, or what the server has signed.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use clap::Args;
use pim_domain::log::{
    bundle::Verifier,
    checkpoint::Checkpoint,
    entry::{ENTRY_FORMAT, ProvenEntry},
    fault::Fault,
    hash::TreeHash,
    key_change,
    note::VerifierKey,
    proof,
};
use pim_proto::audit::v1::{
    self as proto, EventFilter, GetCheckpointRequest, GetConsistencyProofRequest,
    GetInclusionProofRequest, ListEventsRequest, get_inclusion_proof_request::Entry,
};

use super::{fetch_pages, present};
use crate::{connect::Session, error::CliError, view::log::VerifiedView};

/// `pim audit verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Files of `pim audit bundle` and `pim audit prove`; no server is asked [default: what the
    /// server has signed]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The public key of the log, name+id+key; several where keys have changed. Without a file it may
    /// be left out, and the server is believed
    #[arg(long = "key", value_name = "KEY", env = "PIM_LOG_VERIFIER_KEY")]
    keys: Vec<VerifierKey>,
    /// A checkpoint that was kept before: the log must have only grown since
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
    /// Write the newest checkpoint to this file, to be known the next time
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    keep: Option<PathBuf>,
    /// An entry that must be in the log, by its id; may be repeated
    #[arg(long = "event", value_name = "ID", conflicts_with = "files")]
    events: Vec<String>,
}

/// Verifies.
pub(crate) async fn run(verify: Verify, session: &mut Session<'_>) -> Result<(), CliError> {
    if verify.files.is_empty() {
        return online(verify, session).await;
    }
    if verify.keys.is_empty() {
        return Err(CliError::Usage("files are verified with a --key".to_owned()));
    }
    let known = known(verify.known.as_deref(), &verify.keys)?;
    for path in &verify.files {
        let view = file(path, &verify.keys, known.as_ref())?;
        session.printer.one(&view)?;
    }
    Ok(())
}

/// A checkpoint that was kept; it must be by a key that is known, as all others.
fn known(path: Option<&Path>, keys: &[VerifierKey]) -> Result<Option<Checkpoint>, CliError> {
    let Some(path) = path else { return Ok(None) };
    let note = std::fs::read_to_string(path).map_err(|error| CliError::file(path, error))?;
    Ok(Some(Checkpoint::open(&note, keys)?))
}

fn file(
    path: &Path,
    keys: &[VerifierKey],
    known: Option<&Checkpoint>,
) -> Result<VerifiedView, CliError> {
    let unreadable = |error: std::io::Error| CliError::file(path, error);
    let mut reader = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut line = String::new();
    reader.read_line(&mut line).map_err(unreadable)?;
    if line.trim_end() == ENTRY_FORMAT {
        std::io::Read::read_to_string(&mut reader, &mut line).map_err(unreadable)?;
        let entry: ProvenEntry = line.parse().map_err(|error| CliError::file(path, error))?;
        return Ok(VerifiedView::new(&entry.verify(keys)?, 1, None));
    }
    let mut verifier = Verifier::new(keys.to_vec(), known.cloned());
    while !line.is_empty() {
        verifier.line(line.trim_end_matches('\n'))?;
        line.clear();
        reader.read_line(&mut line).map_err(unreadable)?;
    }
    let found = verifier.finish()?;
    let entries = found.checkpoint.size - found.first;
    Ok(VerifiedView::new(&found.checkpoint, entries, known.map(|known| known.size)))
}

async fn online(verify: Verify, session: &mut Session<'_>) -> Result<(), CliError> {
    let request = GetCheckpointRequest::default();
    let answer = session.client.audit().get_checkpoint(request).await?.into_inner();
    let note = present(answer.checkpoint)?.note;
    let mut keys = verify.keys;
    if keys.is_empty() {
        let own = answer.verifier_keys.iter().filter_map(|key| key.parse().ok());
        keys = own.collect();
        let newest = answer.verifier_keys.last().cloned().unwrap_or_default();
        session.printer.note(&format!("no --key was given, the server is believed: {newest}"))?;
    }
    let known = known(verify.known.as_deref(), &keys)?;
    follow(&mut keys, &note, session).await?;
    let newest = Checkpoint::open(&note, &keys)?;
    if let Some(known) = &known {
        grown(known, &newest, session).await?;
    }
    for event in &verify.events {
        included(event, &newest, session).await?;
    }
    if let Some(path) = &verify.keep {
        std::fs::write(path, &note).map_err(|error| CliError::file(path, error))?;
    }
    let entries = u64::try_from(verify.events.len()).unwrap_or(u64::MAX);
    let view = VerifiedView::new(&newest, entries, known.map(|known| known.size));
    Ok(session.printer.one(&view)?)
}

/// Where none of the keys has signed the newest checkpoint, the log says which key took over.
async fn follow(
    keys: &mut Vec<VerifierKey>,
    note: &str,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    if Checkpoint::open(note, keys).is_ok() {
        return Ok(());
    }
    let code = pim_domain::event::Code::LogKeyChanged.as_str().to_owned();
    let filter = EventFilter { code, ..EventFilter::default() };
    let mut audit = session.client.audit();
    let changes = fetch_pages(None, async |page_size, page_token| {
        let request = ListEventsRequest { filter: Some(filter.clone()), page_size, page_token };
        let answer = audit.list_events(request).await?.into_inner();
        Ok((answer.events, answer.next_page_token))
    })
    .await?;
    // They are listed newest first.
    for event in changes.items.iter().rev() {
        let told = event.changes.first().map(|change| change.new_value.as_str());
        let statement: Option<String> = told.and_then(|json| serde_json::from_str(json).ok());
        if let Some(statement) = statement.filter(|it| key_change::concerns(it, keys)) {
            let new = key_change::open(&statement, keys)?;
            session.printer.note(&format!("the key has changed to {new}"))?;
            keys.push(new);
        }
    }
    Ok(())
}

async fn grown(
    known: &Checkpoint,
    newest: &Checkpoint,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    let forked = |what: &str| Fault::Forked(format!("{what} the log that was known"));
    if known.origin != newest.origin {
        return Err(forked(&format!("{} is not", newest.origin)).into());
    }
    if known.size > newest.size {
        let text = format!("{} entries are signed, {} were known", newest.size, known.size);
        return Err(Fault::Incomplete(text).into());
    }
    let request = GetConsistencyProofRequest {
        old_tree_size: wire(known.size),
        new_tree_size: wire(newest.size),
    };
    let answer = session.client.audit().get_consistency_proof(request).await?.into_inner();
    let proof = hashes(&answer.hashes)?;
    proof::verify_consistency((known.size, known.root), (newest.size, newest.root), &proof)
        .map_err(|_| forked("what is signed now does not begin with").into())
}

async fn included(
    event: &str,
    newest: &Checkpoint,
    session: &mut Session<'_>,
) -> Result<(), CliError> {
    let answer = inclusion(event, newest.size, session).await?;
    let (entry, proof) = (present(answer.entry)?, hashes(&answer.hashes)?);
    let index = u64::try_from(entry.index).map_err(|_| CliError::Incomplete)?;
    let leaf = TreeHash::of_leaf(&entry.body);
    proof::verify_inclusion(leaf, index, (newest.size, newest.root), &proof)
        .map_err(|_| Fault::Altered(format!("event {event} is not in the log")).into())
}

/// An entry with its proof, in the tree of that size; 0 is the newest.
pub(super) async fn inclusion(
    event: &str,
    size: u64,
    session: &mut Session<'_>,
) -> Result<proto::GetInclusionProofResponse, CliError> {
    let entry = Some(Entry::EventId(event.to_owned()));
    let request = GetInclusionProofRequest { entry, tree_size: wire(size) };
    Ok(session.client.audit().get_inclusion_proof(request).await?.into_inner())
}

/// Hashes of an answer.
pub(super) fn hashes(hashes: &[Vec<u8>]) -> Result<Vec<TreeHash>, CliError> {
    let read = |hash: &Vec<u8>| TreeHash::try_from(hash.as_slice());
    hashes.iter().map(read).collect::<Result<_, _>>().map_err(|_| CliError::Incomplete)
}

/// A size or an index, as requests have it.
pub(super) fn wire(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
