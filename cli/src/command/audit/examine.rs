//! `pim audit fsck` and `pim audit replay`: the whole log in its database, by whoever runs it.

use clap::Args;
use pim_chassis::{config::Secret, process::ProcessError};
use pim_domain::{
    event::{Event, ThingKind, ThingRef},
    id::TenantId,
    log::{
        checkpoint,
        examine::{Examination, Stored},
        fault::Fault,
        note::VerifierKey,
        tree::Node,
    },
};
use pim_store::{
    Db, Options, Read, StoreError,
    log::{self, Signed},
};
use std::collections::HashSet;
use uuid::Uuid;

use crate::{
    connect::Session,
    error::{CliError, EXIT_OK, fault_code},
    output::Page,
    view::log::ExaminedView,
};

/// Entries that are read at once.
const ENTRIES_PAGE: i64 = 5_000;
/// Checkpoints that are read at once.
const CHECKPOINTS_PAGE: i64 = 1_000;
/// Events that may wait to be sealed.
const UNSEALED_MAX: i64 = 100_000;

/// Where the log is, and whose.
#[derive(Debug, Args)]
pub(crate) struct Where {
    /// The Postgres database, as a URL
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Secret,
    /// Only of this tenant [default: of all]
    #[arg(long, value_name = "UUID")]
    tenant: Option<Uuid>,
}

/// `pim audit fsck`.
#[derive(Debug, Args)]
pub(crate) struct Fsck {
    #[command(flatten)]
    place: Where,
    /// A public key that has signed, of any of the logs; several where keys have changed. Without one
    /// signatures are not verified
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<VerifierKey>,
}

/// Why an examination stopped.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Examines every leaf, node and checkpoint, and the versions of all that is stored.
pub(crate) async fn fsck(fsck: Fsck, session: &mut Session<'_>) -> Result<u8, CliError> {
    let (db, tenants) = open(&fsck.place).await?;
    let mut views = Vec::new();
    let mut code = EXIT_OK;
    for tenant in tenants {
        let origin = checkpoint::origin(db.instance(), tenant);
        let keys = fsck.keys.iter().map(|key| key.under(&origin)).collect();
        let mut found = Found { examination: Examination::new(origin, keys), checkpoints: 0 };
        // One state of the database, so that log and state belong together.
        let mut read = db.copy().await.map_err(ProcessError::from)?;
        let fault = stopped(found.examine(&mut read, tenant).await)?;
        let (entries, things) = (found.examination.tree().size(), found.examination.things());
        let fault = match fault {
            Some(fault) => Some(fault),
            None => {
                let stored = log::state(&mut read, tenant).await.map_err(ProcessError::from)?;
                found.examination.state(&stored).err()
            }
        };
        views.push(view(tenant, (entries, found.checkpoints, things), fault, &mut code));
    }
    session.printer.list(&Page { items: views, more: false })?;
    Ok(code)
}

/// Leads each thing from the log to its state, and compares it with what is stored.
pub(crate) async fn replay(place: Where, session: &mut Session<'_>) -> Result<u8, CliError> {
    let (db, tenants) = open(&place).await?;
    let mut views = Vec::new();
    let mut code = EXIT_OK;
    for tenant in tenants {
        let mut read = db.copy().await.map_err(ProcessError::from)?;
        let mut told = Told::default();
        let fault = stopped(told.replay(&mut read, tenant).await)?;
        views.push(view(tenant, (told.events, 0, told.seen.len()), fault, &mut code));
    }
    session.printer.list(&Page { items: views, more: false })?;
    Ok(code)
}

async fn open(place: &Where) -> Result<(Db, Vec<TenantId>), CliError> {
    let url = place.database_url.expose();
    let db = Db::connect(url, &Options::default()).await.map_err(ProcessError::from)?;
    let mut read = db.read().await.map_err(ProcessError::from)?;
    let tenants = match place.tenant {
        Some(tenant) => vec![tenant.into()],
        None => log::tenants(&mut read).await.map_err(ProcessError::from)?,
    };
    drop(read);
    Ok((db, tenants))
}

fn stopped(result: Result<(), Stop>) -> Result<Option<Fault>, CliError> {
    match result {
        Ok(()) => Ok(None),
        Err(Stop::Fault(fault)) => Ok(Some(fault)),
        Err(Stop::Store(error)) => Err(ProcessError::from(error).into()),
    }
}

/// The process exits with the code of the first fault.
fn view(
    tenant: TenantId,
    (entries, checkpoints, things): (u64, u64, usize),
    fault: Option<Fault>,
    code: &mut u8,
) -> ExaminedView {
    if let Some(fault) = fault.as_ref().filter(|_| *code == EXIT_OK) {
        *code = fault_code(fault);
    }
    let fault = fault.map(|fault| fault.to_string());
    ExaminedView { tenant_id: tenant.to_string(), entries, checkpoints, things, fault }
}

/// A log that is being examined.
struct Found {
    examination: Examination,
    checkpoints: u64,
}

impl Found {
    async fn examine(&mut self, read: &mut Read, tenant: TenantId) -> Result<(), Stop> {
        let mut signed = log::checkpoints(read, tenant, 0, CHECKPOINTS_PAGE).await?;
        signed.reverse();
        let mut completed = Vec::new();
        loop {
            let first = self.examination.tree().size();
            let page = log::entries(read, tenant, first, ENTRIES_PAGE).await?;
            if page.is_empty() {
                break;
            }
            for entry in page {
                let body = entry.body.as_deref();
                let (index, event, leaf) = (entry.index, entry.event, entry.hash);
                let stored = Stored { index, event, leaf, body };
                self.examination.entry(stored, &mut completed)?;
                self.checkpoint(read, tenant, &mut signed).await?;
            }
            nodes(read, tenant, std::mem::take(&mut completed)).await?;
        }
        let size = self.examination.tree().size();
        if let Some(beyond) = signed.last() {
            let text = format!("{size} of {} entries that were signed are there", beyond.size);
            return Err(Fault::Incomplete(text).into());
        }
        let head = log::head(read, tenant).await?.unwrap_or_default();
        if head.size() > size {
            let text = format!("{size} of {} entries are there", head.size());
            return Err(Fault::Incomplete(text).into());
        }
        if head != *self.examination.tree() {
            let text = "the head of the tree is not the one to which its entries lead".to_owned();
            return Err(Fault::Altered(text).into());
        }
        self.unsealed(read, tenant).await
    }

    /// The checkpoint of the tree so far, if there is one; those that follow are in `signed`, the
    /// next one last.
    async fn checkpoint(
        &mut self,
        read: &mut Read,
        tenant: TenantId,
        signed: &mut Vec<Signed>,
    ) -> Result<(), Stop> {
        let size = self.examination.tree().size();
        let Some(next) = signed.pop_if(|next| next.size == size) else { return Ok(()) };
        self.examination.checkpoint(next.size, next.root, &next.note)?;
        self.checkpoints += 1;
        if signed.is_empty() {
            *signed = log::checkpoints(read, tenant, next.size, CHECKPOINTS_PAGE).await?;
            signed.reverse();
        }
        Ok(())
    }

    /// What waits to be sealed is part of what the log tells.
    async fn unsealed(&mut self, read: &mut Read, tenant: TenantId) -> Result<(), Stop> {
        let waiting = log::unsealed(read, tenant, UNSEALED_MAX).await?;
        for event in &waiting {
            if event.is_late {
                let text = format!("event {} is not in the log, and should be", event.event);
                return Err(Fault::Altered(text).into());
            }
            self.examination.event(event.event, &event.body)?;
        }
        if waiting.len() >= usize::try_from(UNSEALED_MAX).unwrap_or(usize::MAX) {
            let text = format!("{} events and more are not sealed", waiting.len());
            return Err(Fault::Incomplete(text).into());
        }
        Ok(())
    }
}

/// The kept nodes are those that the leaves below them lead to.
async fn nodes(read: &mut Read, tenant: TenantId, mut completed: Vec<Node>) -> Result<(), Stop> {
    completed.sort_unstable_by_key(|node| (node.level, node.index));
    for level in completed.chunk_by(|one, next| one.level == next.level) {
        let Some(first) = level.first() else { continue };
        let count = i64::try_from(level.len()).unwrap_or(i64::MAX);
        let kept = log::kept_from(read, tenant, first.level, first.index, count).await?;
        if kept != level {
            let text = format!("nodes of level {} from {} on", first.level, first.index);
            return Err(Fault::Altered(format!("{text} are not what their leaves lead to")).into());
        }
    }
    Ok(())
}

/// A log that is being replayed.
#[derive(Default)]
struct Told {
    events: u64,
    seen: HashSet<(ThingKind, Uuid)>,
}

impl Told {
    async fn replay(&mut self, read: &mut Read, tenant: TenantId) -> Result<(), Stop> {
        let mut last: Option<ThingRef> = None;
        let mut events: Vec<Event> = Vec::new();
        loop {
            let page = log::history(read, tenant, last, ENTRIES_PAGE).await?;
            let is_end = page.is_empty();
            for (thing, event) in page {
                if let Some(before) = last.filter(|it| (it.kind, it.id) != (thing.kind, thing.id)) {
                    self.compare(read, tenant, before, &events).await?;
                    events.clear();
                }
                last = Some(thing);
                events.push(event);
                self.events += 1;
            }
            if is_end {
                break;
            }
        }
        if let Some(last) = last {
            self.compare(read, tenant, last, &events).await?;
        }
        let stored = log::state(read, tenant).await?;
        match stored.iter().find(|thing| !self.seen.contains(&(thing.kind, thing.id))) {
            Some(thing) => {
                let name = format!("{} {}", thing.kind.as_str(), thing.id);
                Err(Fault::StateDiffers(format!("{name} is stored and not in the log")).into())
            }
            None => Ok(()),
        }
    }

    async fn compare(
        &mut self,
        read: &mut Read,
        tenant: TenantId,
        thing: ThingRef,
        events: &[Event],
    ) -> Result<(), Stop> {
        self.seen.insert((thing.kind, thing.id));
        log::replay(read, tenant, (thing.kind, thing.id), events)
            .await?
            .map_err(|broken| Fault::StateDiffers(broken.to_string()).into())
    }
}
