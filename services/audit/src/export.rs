//! `ExportEvents`: the log as a file. All pieces are of the state at its beginning, read a page at a
//! time, so that neither a long log nor a slow reader costs memory or an open transaction.

use std::time::Duration;

use pim_chassis::{Context, Error};
use pim_domain::{
    event::{Event, FieldChange},
    export::{Entry, Names},
    id::{PrincipalId, RoleId},
};
use pim_proto::{
    audit::v1::ExportEventsResponse,
    call::{Export, Exported},
};
use pim_store::{
    Purpose, Read, StoreError,
    events::{self, Cursor},
    principals, roles,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{sync::mpsc, time};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::{filter, read::authorise};

/// Entries that are read at once.
const PAGE_MAX: usize = 1_000;
/// A piece is sent when it has come to this, or all is written.
const PIECE_BYTES_MIN: usize = 256 * 1024;
/// Pieces that wait for a reader.
const PIECES_MAX: usize = 2;
/// A reader that takes longer for a piece is cut.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// What a position is of.
const STREAM: &str = "export";

type Sender = mpsc::Sender<Result<ExportEventsResponse, Status>>;

/// Up to where an export has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Position {
    /// The state of the database that it is of, as its snapshot.
    snapshot: String,
    /// The last entry that was sent.
    after: Option<Cursor>,
}

/// Begins a file, or goes on with one.
pub(crate) async fn export(
    context: Context,
    export: Export,
) -> Result<ReceiverStream<Result<ExportEventsResponse, Status>>, Error> {
    authorise(&context)?;
    let position = if export.after_position.is_empty() {
        let read = context.read().await?;
        Position { snapshot: read.snapshot().to_string(), after: None }
    } else {
        context.open_position(STREAM, &asked(&export)?, &export.after_position)?
    };
    let stream = context.process.streams.open(context.tenant, context.caller()?.principal.id)?;
    tell(&context, &export).await?;
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    tokio::spawn(async move {
        let _open = stream;
        let shutdown = context.process.shutdown.clone();
        let sending = Sending {
            context: &context,
            export,
            position,
            count: 0,
            data: Vec::new(),
            sender: &sender,
        };
        let sent = shutdown.run_until_cancelled(sending.all()).await;
        if let Err(error) = sent.unwrap_or(Err(Error::Stopping)) {
            // Behind what the reader has not read yet; gone with the reader.
            let _ = sender.send(Err(error.into())).await;
        }
    });
    Ok(ReceiverStream::new(receiver))
}

/// That it was exported is in the log before anybody has it.
async fn tell(context: &Context, export: &Export) -> Result<(), Error> {
    let wish = serde_json::to_value(export);
    let wish = wish.map_err(|error| StoreError::corrupt("export", error))?;
    let stamp = context.losing(context.now());
    let mut tx = context.db().begin(Purpose::Gain, context.tenant).await?;
    events::insert(&mut tx, context.tenant, &Event::exported(&stamp, said(&wish))).await?;
    tx.commit().await?;
    Ok(())
}

/// What was wished for, field by field.
fn said(wish: &Value) -> Vec<FieldChange> {
    let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let filter = wish.get("filter").map(fields).unwrap_or_default();
    let format = fields(wish).into_iter().filter(|(field, _)| field != "filter");
    let given = format.chain(filter).filter(|(_, value)| !value.is_null());
    given.map(|(field, value)| FieldChange { field, old: None, new: Some(value) }).collect()
}

/// A file on its way to its reader.
struct Sending<'a> {
    context: &'a Context,
    export: Export,
    position: Position,
    count: i64,
    /// What has been written and not sent.
    data: Vec<u8>,
    sender: &'a Sender,
}

impl Sending<'_> {
    /// Until all is sent, or the reader goes away or is too slow.
    async fn all(mut self) -> Result<(), Error> {
        let wanted = filter::stored(&self.export.filter);
        let mut names = Names::default();
        if self.position.after.is_none() {
            self.data = self.export.format.heading();
        }
        while !self.sender.is_closed() {
            let page = self.page(&wanted, &mut names).await?;
            let is_last = page.len() < PAGE_MAX;
            for (entry, cursor) in page {
                let written = self.export.format.write(&mut self.data, &entry, &names);
                written.map_err(|error| StoreError::corrupt("event", error))?;
                self.position.after = Some(cursor);
                self.count += 1;
                if self.data.len() >= PIECE_BYTES_MIN {
                    self.piece(false).await?;
                }
            }
            if is_last {
                return self.piece(true).await;
            }
        }
        Ok(())
    }

    async fn page(
        &self,
        wanted: &events::Filter,
        names: &mut Names,
    ) -> Result<Vec<(Entry, Cursor)>, Error> {
        let mut read = self.context.browse().await?;
        let Position { snapshot, after } = &self.position;
        let (tenant, limit) = (self.context.tenant, i64::try_from(PAGE_MAX).unwrap_or(i64::MAX));
        let page = events::export(&mut read, tenant, wanted, snapshot, *after, limit).await?;
        if self.export.format.has_names() {
            learn(self.context, &mut read, &page, names).await?;
        }
        Ok(page)
    }

    /// Sends what has been written. Nobody is left to tell where the reader has gone.
    async fn piece(&mut self, is_last: bool) -> Result<(), Error> {
        let piece = Exported {
            data: std::mem::take(&mut self.data),
            count: self.count,
            reached: self.position.after.map(|cursor| cursor.time),
            position: self.context.position(STREAM, &asked(&self.export)?, &self.position)?,
            is_last,
        };
        hand_over(self.sender, piece.into(), READ_TIMEOUT).await
    }
}

/// Sends a piece, as soon as there is room for it. Whether somebody is still there to read it makes
/// no difference.
async fn hand_over(
    sender: &Sender,
    piece: ExportEventsResponse,
    within: Duration,
) -> Result<(), Error> {
    time::timeout(within, sender.send(Ok(piece))).await.map(drop).map_err(|_| Error::SlowReader)
}

/// Looks up what the ids of a page are called, of those that are not known yet.
async fn learn(
    context: &Context,
    read: &mut Read,
    page: &[(Entry, Cursor)],
    names: &mut Names,
) -> Result<(), Error> {
    let (mut people, mut held): (Vec<PrincipalId>, Vec<RoleId>) = (Vec::new(), Vec::new());
    for (entry, _) in page {
        let event = entry.event().map_err(|error| StoreError::corrupt("event", error))?;
        people.extend(event.actor.principal());
        people.extend(event.about.subject);
        held.extend(event.about.role);
    }
    people.sort_unstable();
    people.dedup();
    people.retain(|id| !names.principals.contains_key(id));
    held.sort_unstable();
    held.dedup();
    held.retain(|id| !names.roles.contains_key(id));
    if !people.is_empty() {
        names.principals.extend(principals::names(read, context.tenant, &people).await?);
    }
    if !held.is_empty() {
        names.roles.extend(roles::names(read, context.tenant, &held).await?);
    }
    Ok(())
}

/// What a position belongs to.
fn asked(export: &Export) -> Result<Vec<u8>, Error> {
    let wish = serde_json::to_vec(export);
    Ok(wish.map_err(|error| StoreError::corrupt("export", error))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_read_in_time_is_cut_and_who_reads_is_not() {
        let (sender, mut receiver) = mpsc::channel(1);
        let piece = ExportEventsResponse::default;
        hand_over(&sender, piece(), Duration::ZERO).await.unwrap();
        let cut = hand_over(&sender, piece(), Duration::ZERO).await;
        assert!(matches!(cut, Err(Error::SlowReader)), "{cut:?}");
        receiver.recv().await.unwrap().unwrap();
        hand_over(&sender, piece(), Duration::ZERO).await.unwrap();
        // Nobody is cut who has gone.
        drop(receiver);
        hand_over(&sender, piece(), Duration::ZERO).await.unwrap();
    }
}
