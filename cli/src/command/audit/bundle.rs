//! `pim audit bundle` and `pim audit prove`: files that verify without a server.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use pim_domain::log::{bundle, entry::ProvenEntry, fault::Fault, hash::TreeHash, tree::Frontier};
use pim_proto::audit::v1::{GetCheckpointRequest, ListEntriesRequest};

use super::{
    present,
    verify::{hashes, inclusion, wire},
};
use crate::{connect::Session, error::CliError};

/// Entries that are asked for at once; the largest of them still fit a message.
const PAGE_SIZE: i32 = 200;

/// `pim audit bundle`.
#[derive(Debug, Args)]
pub(crate) struct Bundle {
    /// The file that is written
    file: PathBuf,
    /// The first entry, by its place in the log: the size of the checkpoint before, where parts are
    /// to follow each other
    #[arg(long, default_value_t = 0)]
    first: u64,
}

/// `pim audit prove`.
#[derive(Debug, Args)]
pub(crate) struct Prove {
    /// The entry, by its id
    event: String,
    /// The file that is written
    file: PathBuf,
}

/// Writes the entries from `first` on, up to the newest checkpoint.
pub(crate) async fn bundle(bundle: Bundle, session: &mut Session<'_>) -> Result<(), CliError> {
    let request = GetCheckpointRequest::default();
    let answer = session.client.audit().get_checkpoint(request).await?.into_inner();
    let newest = present(answer.checkpoint)?;
    let size = u64::try_from(newest.tree_size).map_err(|_| CliError::Incomplete)?;
    let path = bundle.file.as_path();
    let mut file = BufWriter::new(File::create(path).map_err(|error| CliError::file(path, error))?);
    let mut written = bundle.first;
    let mut request = ListEntriesRequest {
        first_index: wire(bundle.first),
        page_size: PAGE_SIZE,
        page_token: String::new(),
    };
    loop {
        let page = session.client.audit().list_entries(request.clone()).await?.into_inner();
        if request.page_token.is_empty() {
            let before = Frontier::new(bundle.first, hashes(&page.preceding_peaks)?)
                .map_err(|_| beyond(bundle.first, size))?;
            line(&mut file, path, &bundle::head(&before))?;
        }
        // What was sealed since the checkpoint is for the next part.
        for entry in page.entries.into_iter().take_while(|entry| entry.index < newest.tree_size) {
            let index = u64::try_from(entry.index).map_err(|_| CliError::Incomplete)?;
            let leaf = TreeHash::try_from(entry.leaf_hash.as_slice());
            let leaf = leaf.map_err(|_| CliError::Incomplete)?;
            let event = entry.event_id.parse().map_err(|_| CliError::Incomplete)?;
            line(&mut file, path, &bundle::entry(index, event, leaf, &entry.body))?;
            written = index + 1;
        }
        if written >= size || page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    line(&mut file, path, &bundle::end(&newest.note))?;
    file.flush().map_err(|error| CliError::file(path, error))?;
    let (first, file) = (bundle.first, path.display());
    Ok(session.printer.note(&format!("entries {first} to {written} are in {file}"))?)
}

/// Writes an entry with its proof.
pub(crate) async fn prove(prove: Prove, session: &mut Session<'_>) -> Result<(), CliError> {
    let answer = inclusion(&prove.event, 0, session).await?;
    let entry = present(answer.entry)?;
    let proven = ProvenEntry {
        body: entry.body,
        index: u64::try_from(entry.index).map_err(|_| CliError::Incomplete)?,
        proof: hashes(&answer.hashes)?,
        checkpoint: present(answer.checkpoint)?.note,
    };
    let path = prove.file.as_path();
    std::fs::write(path, proven.to_string()).map_err(|error| CliError::file(path, error))?;
    Ok(session.printer.note(&format!("the entry with its proof is in {}", path.display()))?)
}

fn line(file: &mut BufWriter<File>, path: &Path, line: &str) -> Result<(), CliError> {
    writeln!(file, "{line}").map_err(|error| CliError::file(path, error))
}

/// No part begins where nothing is signed.
fn beyond(first: u64, size: u64) -> CliError {
    Fault::Incomplete(format!("there is no entry {first}: {size} are signed")).into()
}
