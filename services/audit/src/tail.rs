//! `TailEvents`: the log as it grows. What is new is what a later state of the database shows and an
//! earlier one did not, so nothing is lost and nothing comes twice, in whatever order writers commit.

use std::time::Duration;

use pim_chassis::{Context, Error, context::Who};
use pim_domain::{authority::Caller, event::StoredEvent};
use pim_proto::{
    audit::v1::TailEventsResponse,
    call::{Tail, Tailed},
    field::FieldViolation,
};
use pim_store::{
    callers,
    events::{self, Between},
};
use tokio::{sync::mpsc, time::Instant};
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
/// What a sealed position is for.
const POSITION: &str = "position";

type Sender = mpsc::Sender<Result<TailEventsResponse, Status>>;

/// Follows the log from a position on, or from now.
pub(crate) async fn tail(
    context: Context,
    tail: Tail,
) -> Result<ReceiverStream<Result<TailEventsResponse, Status>>, Error> {
    authorise(&context)?;
    let since = if tail.after_position.is_empty() {
        let read = context.db().read().await?;
        read.snapshot().to_string()
    } else {
        open(&context, &tail.after_position)?
    };
    let (sender, receiver) = mpsc::channel(MESSAGES_MAX);
    tokio::spawn(async move {
        let shutdown = context.process.shutdown.clone();
        let follow = follow(&context, tail, since, &sender);
        if let Some(Err(error)) = shutdown.run_until_cancelled(follow).await {
            // Behind what the reader has not read yet; gone with the reader.
            let _ = sender.send(Err(error)).await;
        }
    });
    Ok(ReceiverStream::new(receiver))
}

/// Until the reader goes away, is too slow, or may not read any more.
async fn follow(
    context: &Context,
    tail: Tail,
    mut since: String,
    sender: &Sender,
) -> Result<(), Status> {
    let (mut heard, mut judged) = (Some(Instant::now()), Instant::now());
    // At once, so that the reader knows from where on it will hear of everything.
    send(context, sender, Vec::new(), &since)?;
    while !sender.is_closed() {
        if judged.elapsed() >= RIGHT_INTERVAL {
            judge_again(context).await?;
            judged = Instant::now();
        }
        let mut read = context.db().browse().await.map_err(Error::from)?;
        let until = read.snapshot().to_string();
        let between = Between { since, until };
        let mut after = None;
        loop {
            let page =
                events::committed_between(&mut read, context.tenant, &between, after, PAGE_MAX)
                    .await
                    .map_err(Error::from)?;
            let Some((_, last)) = page.last() else { break };
            after = Some(*last);
            let new = page.into_iter().map(|(event, _)| event);
            let wanted: Vec<_> =
                new.filter(|new| filter::matches(&tail.filter, &new.event)).collect();
            if !wanted.is_empty() {
                // Not moved on before all is sent: who resumes in between hears some again.
                send(context, sender, wanted, &between.since)?;
                heard = None;
            }
        }
        drop(read);
        let is_quiet = heard.is_some_and(|heard| heard.elapsed() < SIGN_OF_LIFE_INTERVAL);
        if !is_quiet {
            send(context, sender, Vec::new(), &between.until)?;
            heard = Some(Instant::now());
        }
        since = between.until;
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

fn send(
    context: &Context,
    sender: &Sender,
    events: Vec<StoredEvent>,
    snapshot: &str,
) -> Result<(), Status> {
    let tenant = context.tenant.uuid();
    let bound: [&[u8]; 1] = [tenant.as_bytes()];
    let position = context.process.seal.seal(POSITION, &bound, snapshot.as_bytes());
    let message = TailEventsResponse::from(Tailed { events, position });
    match sender.try_send(Ok(message)) {
        Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        Err(mpsc::error::TrySendError::Full(_)) => {
            Err(Status::resource_exhausted("the reader is too slow: resume from the last position"))
        }
    }
}

fn open(context: &Context, position: &str) -> Result<String, Error> {
    let tenant = context.tenant.uuid();
    context
        .process
        .seal
        .open(POSITION, &[tenant.as_bytes()], position)
        .and_then(|snapshot| String::from_utf8(snapshot).ok())
        .ok_or_else(|| {
            let path = "after_position".to_owned();
            let description = "must be a position from an answer of this tenant".to_owned();
            Error::Field(FieldViolation { path, description })
        })
}

/// A right that has ended ends the stream; so does a token that is no longer good.
async fn judge_again(context: &Context) -> Result<(), Error> {
    let Who::Principal { caller, claims } = &context.who else { return Err(Error::NobodyThere) };
    let principal = &caller.principal;
    let mut read = context.db().read().await?;
    let now = context.now();
    if claims.expire_time <= now {
        return Err(Error::NobodyThere);
    }
    let caller: Option<Caller> = callers::load(
        &mut read,
        context.tenant,
        &principal.issuer,
        &principal.subject,
        caller.sign_in.clone(),
    )
    .await?;
    let caller = caller.filter(|caller| caller.principal.is_enabled()).ok_or(Error::NobodyThere)?;
    let who = Who::Principal { caller: Box::new(caller), claims: claims.clone() };
    authorise(&Context { who, ..context.clone() })
}
