//! `GetCheckpoint`, `GetInclusionProof`, `GetConsistencyProof` and `ListEntries`.

use pim_chassis::{Context, Error};
use pim_domain::{
    denial::Reason,
    event::ThingKind,
    log::{
        checkpoint,
        hash::TreeHash,
        proof::{self, Part},
    },
};
use pim_proto::{
    call::{
        Answer, CheckpointQuery, CheckpointView, ConsistencyQuery, ConsistencyView, EntriesFrom,
        EntriesPage, EntryRef, EntryView, InclusionQuery, InclusionView, List, SignedTree,
    },
    field::FieldViolation,
};
use pim_store::{
    Read, StoreError, events,
    log::{self, Entry, EventKey, Signed},
};

use crate::read::authorise;

/// A checkpoint.
pub(crate) async fn checkpoint(
    context: Context,
    query: CheckpointQuery,
) -> Result<Answer<CheckpointView>, Error> {
    authorise(&context)?;
    let mut read = context.read().await?;
    let signed = log::checkpoint(&mut read, context.tenant, query.size).await?;
    let signed = match (signed, query.size) {
        (Some(signed), _) => view(signed),
        (None, None) => return Err(Error::Behind),
        (None, Some(size)) => {
            let limit = format!("must be the size of a tree that was signed; it is {size}");
            return Err(FieldViolation::new("tree_size", limit).into());
        }
    };
    let origin = checkpoint::origin(context.db().instance(), context.tenant);
    let keys = context.process.log_keys.as_ref().map(|keys| keys.verifiers(&origin));
    let view = CheckpointView { signed, keys: keys.unwrap_or_default() };
    Ok(context.answer(view, read.revision(), context.now()))
}

/// An entry, with the proof that it is in a tree.
pub(crate) async fn inclusion(
    context: Context,
    query: InclusionQuery,
) -> Result<Answer<InclusionView>, Error> {
    authorise(&context)?;
    let mut read = context.read().await?;
    let newest = newest(&context, &mut read).await?;
    let size = within(query.size, newest.size, "tree_size")?;
    let entry = match query.entry {
        EntryRef::Index(index) if index >= size => {
            let limit = format!("must be below the tree's size, {size}; it is {index}");
            return Err(FieldViolation::new("index", limit).into());
        }
        EntryRef::Index(index) => {
            log::entry(&mut read, context.tenant, EventKey::Index(index)).await?
        }
        EntryRef::Event(event) => {
            let entry = log::entry(&mut read, context.tenant, EventKey::Event(event)).await?;
            let absent = Reason::NotFound { thing: ThingKind::Event, id: event.uuid() };
            match entry {
                Some(entry) if entry.index >= newest.size => return Err(Error::Behind),
                Some(entry) => Some(entry),
                None if events::get(&mut read, context.tenant, event).await?.is_some() => {
                    return Err(Error::Behind);
                }
                None => return Err(absent.into()),
            }
        }
    };
    let entry = sound(entry)?;
    let parts = proof::inclusion(entry.index, size).ok_or_else(|| {
        let limit = format!("must be above the entry's index, {}; it is {size}", entry.index);
        FieldViolation::new("tree_size", limit)
    })?;
    let hashes = hashes(&context, &mut read, &parts).await?;
    let signed = signed(&context, &mut read, newest, size).await?;
    let view = InclusionView { entry, size, hashes, signed };
    Ok(context.answer(view, read.revision(), context.now()))
}

/// The proof that a tree begins with another.
pub(crate) async fn consistency(
    context: Context,
    ConsistencyQuery { old, new }: ConsistencyQuery,
) -> Result<Answer<ConsistencyView>, Error> {
    authorise(&context)?;
    let mut read = context.read().await?;
    let newest = newest(&context, &mut read).await?;
    let new = within(new, newest.size, "new_tree_size")?;
    let parts = proof::consistency(old, new).ok_or_else(|| {
        FieldViolation::new("old_tree_size", format!("must be at most {new}; it is {old}"))
    })?;
    let hashes = hashes(&context, &mut read, &parts).await?;
    let signed = signed(&context, &mut read, newest, new).await?;
    let view = ConsistencyView { old, new, hashes, signed };
    Ok(context.answer(view, read.revision(), context.now()))
}

/// Entries as they were sealed.
pub(crate) async fn entries(
    context: Context,
    list: List<EntriesFrom>,
) -> Result<EntriesPage, Error> {
    authorise(&context)?;
    let List { filter, page } = list;
    let (after, limit) = context.page::<_, u64>(&filter, &page)?;
    let mut read = context.read().await?;
    let first = after.map_or(filter.first, |last| last.saturating_add(1));
    let entries = log::entries(&mut read, context.tenant, first, limit).await?;
    let views =
        entries.into_iter().map(|entry| sound(Some(entry))).collect::<Result<Vec<_>, _>>()?;
    // Before what is not there, there is no tree either.
    let peaks = if views.is_empty() {
        Vec::new()
    } else {
        hashes(&context, &mut read, &proof::peaks(filter.first)).await?
    };
    let (revision, now) = (read.revision(), context.now());
    let listed = context.listed(&filter, &page, views, revision, now, |last| last.index);
    Ok(EntriesPage { listed, peaks })
}

/// The newest tree that was signed.
async fn newest(context: &Context, read: &mut Read) -> Result<Signed, Error> {
    log::checkpoint(read, context.tenant, None).await?.ok_or(Error::Behind)
}

/// The size that was asked for, or the newest; nothing is proven of what is not signed.
fn within(size: Option<u64>, newest: u64, path: &str) -> Result<u64, FieldViolation> {
    match size {
        Some(size) if size > newest => {
            let limit = format!("must be at most what is signed, {newest}; it is {size}");
            Err(FieldViolation::new(path, limit))
        }
        Some(size) => Ok(size),
        None => Ok(newest),
    }
}

async fn hashes(
    context: &Context,
    read: &mut Read,
    parts: &[Part],
) -> Result<Vec<TreeHash>, Error> {
    let kept = log::kept(read, context.tenant, &proof::spans(parts)).await?;
    kept.hashes(parts).ok_or_else(|| damaged("nodes of the tree are missing"))
}

async fn signed(
    context: &Context,
    read: &mut Read,
    newest: Signed,
    size: u64,
) -> Result<Option<SignedTree>, Error> {
    let signed = if newest.size == size {
        Some(newest)
    } else {
        log::checkpoint(read, context.tenant, Some(size)).await?
    };
    Ok(signed.map(view))
}

fn view(signed: Signed) -> SignedTree {
    SignedTree { note: signed.note, size: signed.size, root: signed.root }
}

/// An entry whose bytes are those that were sealed: nothing else is given out as proven.
fn sound(entry: Option<Entry>) -> Result<EntryView, Error> {
    let entry = entry.ok_or_else(|| damaged("an entry is missing"))?;
    let body = entry.body.ok_or_else(|| damaged("the event of an entry is missing"))?;
    if TreeHash::of_leaf(&body) != entry.hash {
        return Err(damaged("the event of an entry is not what was sealed"));
    }
    Ok(EntryView { index: entry.index, event: entry.event, hash: entry.hash, body })
}

fn damaged(how: &'static str) -> Error {
    StoreError::Corrupt { what: "log", source: how.into() }.into()
}
