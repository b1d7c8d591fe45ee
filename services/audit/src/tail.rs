//! `TailEvents`: the log as it grows. What is new is what a later state of the database shows and an
//! earlier one did not, so nothing is lost and nothing comes twice, in whatever order writers commit.

use std::time::Duration;

use pim_chassis::{Context, Error, context::Who};
use pim_domain::event::StoredEvent;
use pim_proto::{
    audit::v1::TailEventsResponse,
    call::{Tail, Tailed},
};
use pim_store::events::{self, Between, CommittedCursor};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::Instant,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::{filter, read::authorise};

/// Between two looks at the log.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// A reader hears something at least this often.
const SIGN_OF_LIFE_INTERVAL: Duration = Duration::from_secs(1);
/// The caller's right is judged again this often.
const RIGHT_INTERVAL: Duration = Duration::from_secs(5);
/// Messages that wait for a reader; a reader that is slower is cut, never skipped.
const MESSAGES_MAX: usize = 64;
/// Entries in one message, at most.
const PAGE_MAX: i64 = 100;
/// What a position is of.
const STREAM: &str = "tail";

type Sender = mpsc::Sender<Result<TailEventsResponse, Status>>;

/// Up to where a reader has heard everything.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Position {
    /// All that this state of the database shows, as its snapshot.
    since: String,
    /// And a part of what a later one shows and this one does not.
    part: Option<Part>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Part {
    /// The later state.
    until: String,
    /// The last of the part.
    after: CommittedCursor,
}

/// Follows the log from a position on, or from now.
pub(crate) async fn tail(
    context: Context,
    tail: Tail,
) -> Result<ReceiverStream<Result<TailEventsResponse, Status>>, Error> {
    authorise(&context)?;
    let position = if tail.after_position.is_empty() {
        let read = context.read().await?;
        Position { since: read.snapshot().to_string(), part: None }
    } else {
        context.open_position(STREAM, &[], &tail.after_position)?
    };
    let stream = context.process.streams.open(context.tenant, context.caller()?.principal.id)?;
    let (sender, receiver) = mpsc::channel(MESSAGES_MAX);
    tokio::spawn(async move {
        let _open = stream;
        let shutdown = context.process.shutdown.clone();
        let follow = follow(&context, tail, position, &sender);
        let followed = shutdown.run_until_cancelled(follow).await;
        if let Err(error) = followed.unwrap_or(Err(Error::Stopping)) {
            // Behind what the reader has not read yet; gone with the reader.
            let _ = sender.send(Err(error.into())).await;
        }
    });
    Ok(ReceiverStream::new(receiver))
}

/// Until the reader goes away, is too slow, or may not read any more.
async fn follow(
    context: &Context,
    tail: Tail,
    mut position: Position,
    sender: &Sender,
) -> Result<(), Error> {
    let (mut heard, mut judged) = (Instant::now(), Instant::now());
    // At once, so that the reader knows from where on it will hear of everything.
    send(context, sender, Vec::new(), &position)?;
    loop {
        if judged.elapsed() >= RIGHT_INTERVAL {
            judge_again(context).await?;
            judged = Instant::now();
        }
        let mut read = context.browse().await?;
        let Position { since, part } = position;
        // What a reader has heard a part of is told to its end first.
        let (until, mut after) = match part {
            Some(Part { until, after }) => (until, Some(after)),
            None => (read.snapshot().to_string(), None),
        };
        let between = Between { since, until };
        let mut is_quiet = true;
        while !sender.is_closed() {
            let page =
                events::committed_between(&mut read, context.tenant, &between, after, PAGE_MAX)
                    .await?;
            let Some((_, last)) = page.last() else { break };
            let part = Part { until: between.until.clone(), after: *last };
            after = Some(*last);
            let new = page.into_iter().map(|(event, _)| event);
            let wanted: Vec<_> =
                new.filter(|new| filter::matches(&tail.filter, &new.event)).collect();
            if !wanted.is_empty() {
                let position = Position { since: between.since.clone(), part: Some(part) };
                send(context, sender, wanted, &position)?;
                is_quiet = false;
            }
        }
        drop(read);
        position = Position { since: between.until, part: None };
        if !is_quiet || heard.elapsed() >= SIGN_OF_LIFE_INTERVAL {
            send(context, sender, Vec::new(), &position)?;
            heard = Instant::now();
        }
        tokio::select! {
            () = sender.closed() => return Ok(()),
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

fn send(
    context: &Context,
    sender: &Sender,
    events: Vec<StoredEvent>,
    position: &Position,
) -> Result<(), Error> {
    let position = context.position(STREAM, &[], position)?;
    match sender.try_send(Ok(Tailed { events, position }.into())) {
        Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
        Err(TrySendError::Full(_)) => Err(Error::SlowReader),
    }
}

/// A right that has ended ends the stream; so does a token that is no longer good.
async fn judge_again(context: &Context) -> Result<(), Error> {
    let context = context.again().await?;
    let Who::Principal { claims, .. } = &context.who else { return Err(Error::NobodyThere) };
    if claims.expire_time <= context.now() {
        return Err(Error::NobodyThere);
    }
    authorise(&context)
}
