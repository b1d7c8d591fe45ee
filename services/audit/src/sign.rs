//! Signing: what the tree of a tenant has become is read back, computed anew from the stored bytes
//! of its events, and signed only where it goes on from what was signed before and is what was
//! sealed. One bounded step, which any number of replicas repeat.

use std::{collections::BTreeMap, time::Duration};

use pim_chassis::{Process, log_keys::LogKeys};
use pim_domain::{
    event::{Actor, Stamp},
    id::TenantId,
    log::{
        checkpoint::{self, Checkpoint},
        fault::Fault,
        hash::TreeHash,
        key_change,
        tree::Frontier,
    },
};
use pim_store::{
    Purpose, Reach, StoreError, Tx, events,
    log::{self, Signed, Unsigned},
};
use uuid::Uuid;

/// Between two looks at which trees have grown; one that was signed is left alone for a second.
const PAUSE: Duration = Duration::from_millis(250);
/// Trees that are signed in one step, at most.
const TREES_MAX: i64 = 500;
/// Entries behind the last checkpoint that are signed at once, at most.
const ENTRIES_MAX: u64 = 50_000;
/// Entries that are read at once, at most.
const PAGE: i64 = 1_000;

/// What one step has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signing {
    /// Trees that were signed.
    pub signed: usize,
    /// Logs that are not what they should be, and were not signed.
    pub faults: BTreeMap<Uuid, Fault>,
}

/// Why a tree was not signed.
#[derive(Debug, thiserror::Error)]
enum Unsound {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Signs each tree that has grown since it was signed, unless it was signed within a second.
///
/// # Errors
/// The database cannot serve. A log that is not what it should be is none: the others are signed.
pub async fn sign(process: &Process, keys: &LogKeys) -> Result<Signing, StoreError> {
    let mut looking = process.db.begin(Purpose::Log, Reach::EveryTenant).await?;
    let grown = log::unsigned(&mut looking, TREES_MAX).await?;
    drop(looking);
    let mut signing = Signing::default();
    for tree in grown {
        match sign_tree(process, keys, &tree).await {
            Ok(Done::Signed) => signing.signed += 1,
            Ok(Done::ByAnother) => {}
            Err(Unsound::Store(error)) => return Err(error),
            Err(Unsound::Fault(fault)) => {
                signing.faults.insert(tree.tenant.uuid(), fault);
            }
        }
    }
    Ok(signing)
}

/// The same, repeated: a fault is told when it is news.
pub(crate) async fn step(
    process: &Process,
    keys: &LogKeys,
    known: &mut BTreeMap<Uuid, Fault>,
) -> Result<Duration, StoreError> {
    let signing = sign(process, keys).await?;
    for (tenant, fault) in &signing.faults {
        if known.get(tenant) != Some(fault) {
            tracing::error!(%tenant, %fault, "the log is not what it should be and is not signed");
        }
    }
    *known = signing.faults;
    Ok(PAUSE)
}

/// Who has signed a tree.
enum Done {
    Signed,
    ByAnother,
}

async fn sign_tree(
    process: &Process,
    keys: &LogKeys,
    Unsigned { tenant, head, last }: &Unsigned,
) -> Result<Done, Unsound> {
    let mut tx = process.db.begin(Purpose::Log, *tenant).await?;
    if !log::claim_signing(&mut tx, *tenant).await?
        || log::checkpoint(&mut tx, *tenant, None).await? != *last
    {
        return Ok(Done::ByAnother);
    }
    let origin = checkpoint::origin(process.db.instance(), *tenant);
    let signed = go_on(keys, &origin, last.as_ref())?;
    let tree = begin(&mut tx, *tenant, signed.as_ref()).await?;
    if head.size() < tree.size() {
        let text = format!("{} of {} entries that were signed are there", head.size(), tree.size());
        return Err(Fault::Incomplete(text).into());
    }
    let size = head.size().min(tree.size().saturating_add(ENTRIES_MAX));
    let tree = read_back(&mut tx, *tenant, tree, size).await?;
    let kept = log::frontier(&mut tx, *tenant, size).await?;
    if kept.as_ref() != Some(&tree) || (size == head.size() && *head != tree) {
        let text = format!("at {size} entries the tree is not the one that was sealed");
        return Err(Fault::Altered(text).into());
    }
    introduce(process, keys, &origin, &mut tx, *tenant, last.as_ref()).await?;
    let checkpoint = Checkpoint { origin, size, root: tree.root() };
    let note = checkpoint.sign(&keys.signers()).to_string();
    log::record_checkpoint(&mut tx, *tenant, &checkpoint, &note).await?;
    tx.commit().await?;
    Ok(Done::Signed)
}

/// What was signed last, which a key of ours must have signed: no key takes over silently.
fn go_on(keys: &LogKeys, origin: &str, last: Option<&Signed>) -> Result<Option<Checkpoint>, Fault> {
    let Some(last) = last else { return Ok(None) };
    let checkpoint = Checkpoint::open(&last.note, &keys.verifiers(origin))?;
    if checkpoint.origin != origin || (checkpoint.size, checkpoint.root) != (last.size, last.root) {
        return Err(Fault::Altered("the last checkpoint is not what was signed".to_owned()));
    }
    Ok(Some(checkpoint))
}

/// The tree that was signed last, of the nodes that are kept.
async fn begin(
    tx: &mut Tx,
    tenant: TenantId,
    signed: Option<&Checkpoint>,
) -> Result<Frontier, Unsound> {
    let Some(signed) = signed else { return Ok(Frontier::default()) };
    let tree = log::frontier(tx, tenant, signed.size).await?;
    let tree = tree.ok_or_else(|| {
        Fault::Incomplete(format!("of the {} entries that were signed some are gone", signed.size))
    })?;
    if tree.root() != signed.root {
        let text = format!("the {} entries are not those that were signed", signed.size);
        return Err(Fault::Forked(text).into());
    }
    Ok(tree)
}

/// The tree of `size` entries, from the bytes that are stored.
async fn read_back(
    tx: &mut Tx,
    tenant: TenantId,
    mut tree: Frontier,
    size: u64,
) -> Result<Frontier, Unsound> {
    let mut completed = Vec::new();
    while tree.size() < size {
        let limit = i64::try_from(size - tree.size()).unwrap_or(PAGE).min(PAGE);
        let page = log::entries(tx, tenant, tree.size(), limit).await?;
        if page.is_empty() {
            return Err(Fault::Incomplete(format!("entry {} is not there", tree.size())).into());
        }
        for entry in page {
            let index = tree.size();
            let body = entry.body.filter(|_| entry.index == index);
            let body = body.ok_or_else(|| Fault::Incomplete(format!("entry {index} is gone")))?;
            if TreeHash::of_leaf(&body) != entry.hash {
                let event = entry.event;
                let text = format!("entry {index}, event {event}, is not what was sealed");
                return Err(Fault::Altered(text).into());
            }
            tree.push(entry.hash, &mut completed);
        }
        // Those are for who seals.
        completed.clear();
    }
    Ok(tree)
}

/// Where the previous key has signed so far and the current one has not: an entry of the log that
/// both have signed says that it takes over.
async fn introduce(
    process: &Process,
    keys: &LogKeys,
    origin: &str,
    tx: &mut Tx,
    tenant: TenantId,
    last: Option<&Signed>,
) -> Result<(), StoreError> {
    let (Some(previous), Some(last)) = (&keys.previous, last) else { return Ok(()) };
    if Checkpoint::open(&last.note, &[keys.current.verifier(origin)]).is_ok() {
        return Ok(());
    }
    let statement = key_change::statement(origin, previous, &keys.current);
    let actor = Actor::Service { name: crate::SERVICE.name.to_owned() };
    let stamp = Stamp { now: process.clock.losing_now(None), actor };
    events::insert(tx, tenant, &key_change::event(&stamp, &statement)).await
}
