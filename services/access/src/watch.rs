//! `WatchEffectiveRoles`: what principals hold, as it changes.
//!
//! A stream looks again whenever the copy in memory has changed what it depends on, and when the
//! clock changes something; what it sends is the difference to what it has sent before. A position
//! names the state and the instant of a message. What a reader who resumes has seen can be told from
//! it where nothing but the clock has changed since; of whom something else has changed, all is sent
//! anew.

mod position;
mod seen;

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use pim_chassis::{Arrival, Context, Error, Process, clock::Reading, context::Who};
use pim_domain::{
    denial::Reason,
    effective::{self, Ground, Instant},
    id::PrincipalId,
};
use pim_proto::{
    access::v1::{WatchEffectiveRolesRequest, WatchEffectiveRolesResponse},
    call::{HoldingsFilter, Watch, Watched, WatchedChange},
};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use self::{
    position::Position,
    seen::{Seen, pieces},
};
use crate::{
    facts::{Facts as _, Remembered},
    follow::Follower,
    history::Touched,
    list,
};

/// A reader hears something at least this often.
const SIGN_OF_LIFE_INTERVAL: Duration = Duration::from_secs(1);
/// The caller's right is judged again this often.
const RIGHT_INTERVAL: Duration = Duration::from_secs(1);
/// Of a copy that is older than this, nobody is told that nothing has changed.
const SILENCE_MIN: Duration = Duration::from_secs(2);
/// Where the instant of a change lies within the clock's error, it is looked for this often.
const EDGE_INTERVAL: Duration = Duration::from_millis(1);
/// Messages that wait for a reader; a reader that is slower is cut, never skipped.
const MESSAGES_MAX: usize = 64;

pub(crate) type Answers = ReceiverStream<Result<WatchEffectiveRolesResponse, Status>>;
type Sender = mpsc::Sender<Result<WatchEffectiveRolesResponse, Status>>;

/// Begins a stream.
pub(crate) async fn watch(
    process: &Process,
    follower: &Follower,
    request: Request<WatchEffectiveRolesRequest>,
) -> Result<Response<Answers>, Status> {
    let (arrival, message) = Arrival::of(request)?;
    let wish = Watch::try_from(message).map_err(Error::Field);
    if arrival.tenant().is_none() {
        return Err(Error::from(Reason::NotPermitted).into());
    }
    if !follower.ready(process).await {
        return Err(Error::Behind.into());
    }
    let mut watching = Watching::new(process, follower, arrival);
    // Who calls is judged before what they ask.
    watching.judge()?;
    let Watch { principals, after_position } = wish?;
    watching.principals = principals.into_iter().map(|principal| (principal, None)).collect();
    if !after_position.is_empty() {
        let position = watching.open(&after_position)?;
        if !follower.includes_soon(process, &position.snapshot).await {
            return Err(Error::Behind.into());
        }
        watching.at = Some(position);
    }
    let context = watching.judge()?;
    let stream = process.streams.open(context.tenant, context.caller()?.principal.id)?;
    let (sender, receiver) = mpsc::channel(MESSAGES_MAX);
    tokio::spawn(async move {
        let _open = stream;
        let shutdown = watching.process.shutdown.clone();
        let followed = shutdown.run_until_cancelled(watching.follow(&sender)).await;
        if let Err(error) = followed.unwrap_or(Err(Error::Stopping)) {
            // Behind what the reader has not read yet; gone with the reader.
            let _ = sender.send(Err(error.into())).await;
        }
    });
    Ok(Response::new(ReceiverStream::new(receiver)))
}

struct Watching {
    process: Process,
    follower: Follower,
    arrival: Arrival,
    /// Who is watched, and what has been sent of them.
    principals: BTreeMap<PrincipalId, Option<Seen>>,
    /// Up to where everything has been sent.
    at: Option<Position>,
    judged: time::Instant,
    heard: time::Instant,
}

impl Watching {
    fn new(process: &Process, follower: &Follower, arrival: Arrival) -> Self {
        let now = time::Instant::now();
        Self {
            process: process.clone(),
            follower: follower.clone(),
            arrival,
            principals: BTreeMap::new(),
            at: None,
            judged: now,
            heard: now,
        }
    }

    /// Until the reader goes away, is too slow, or may not read any more.
    async fn follow(mut self, sender: &Sender) -> Result<(), Error> {
        let mut changes = self.follower.changes();
        loop {
            if self.judged.elapsed() >= RIGHT_INTERVAL {
                self.judge()?;
            }
            for message in self.look()? {
                match sender.try_send(Ok(message.into())) {
                    Ok(()) => self.heard = time::Instant::now(),
                    Err(TrySendError::Closed(_)) => return Ok(()),
                    Err(TrySendError::Full(_)) => return Err(Error::SlowReader),
                }
            }
            let pause = time::timeout(self.pause(), changes.changed());
            tokio::select! {
                () = sender.closed() => return Ok(()),
                _ = pause => {}
            }
        }
    }

    /// Passes a caller who may hear this still: a right that has ended ends the stream; so does a
    /// token that is no longer good.
    fn judge(&mut self) -> Result<Context, Error> {
        let replica = self.follower.replica().ok_or(Error::Behind)?;
        let replica = replica.as_ref().ok_or(Error::Behind)?;
        let tenant = self.arrival.tenant().and_then(|tenant| replica.tenant(tenant));
        let tenant = tenant.ok_or(Error::NobodyThere)?;
        let context = self.arrival.known(&self.process, |_, issuer, subject, sign_in| {
            tenant.caller(issuer, subject, sign_in)
        })?;
        let context = context.ok_or(Error::NobodyThere)?;
        context.permit()?;
        let Who::Principal { claims, .. } = &context.who else { return Err(Error::NobodyThere) };
        if claims.expire_time <= context.now() {
            return Err(Error::NobodyThere);
        }
        for principal in self.principals.keys() {
            let filter = HoldingsFilter { principal: *principal, scope: None, at: None };
            list::permit(&context, &Remembered { replica, tenant }, &filter)?;
        }
        self.judged = time::Instant::now();
        Ok(context)
    }

    fn open(&mut self, sealed: &str) -> Result<Position, Error> {
        let context = self.judge()?;
        Position::open(&context, self.principals.keys(), sealed)
    }

    /// What there is to be told now: changes, or a sign of life when it is time for one.
    fn look(&mut self) -> Result<Vec<Watched>, Error> {
        let follower = self.follower.clone();
        let replica = follower.replica().ok_or(Error::Behind)?;
        let replica = replica.as_ref().ok_or(Error::Behind)?;
        let id = self.arrival.tenant().ok_or(Error::NobodyThere)?;
        let tenant = replica.tenant(id).ok_or(Error::NobodyThere)?;
        let facts = Remembered { replica, tenant };
        let touched = match &self.at {
            Some(at) => follower.since(&at.snapshot, replica.snapshot()),
            None => Some(Touched::default()),
        };
        let touched = touched.ok_or(Error::PositionTooOld)?;
        let answers_void = touched.tenants.contains(&id);
        let is_touched = |seen: &Seen| {
            answers_void || seen.through.iter().any(|one| touched.holders.contains(&(id, *one)))
        };
        // One reading for all of it: who is looked at, as of when, and what a reader hears of that. A
        // position that were later than the look would leave out what ended in between.
        let reading = self.process.clock.now();
        let is_new = |seen: Option<&Seen>| seen.is_none_or(is_touched);
        let mut grounds = self.grounds(&facts, is_new);
        let instant = self.instant(reading, &grounds);
        grounds.extend(self.grounds(&facts, |seen| {
            !is_new(seen) && seen.is_some_and(|seen| seen.may_change_by(instant.latest))
        }));
        let mut changes = Vec::new();
        for ground in grounds {
            changes.extend(self.change(ground, instant, is_touched));
        }
        let position = Position { snapshot: replica.snapshot().clone(), instant };
        let is_first = self.at.is_none();
        let is_quiet = changes.is_empty() && !answers_void && !is_first;
        let is_time = self.heard.elapsed() >= SIGN_OF_LIFE_INTERVAL
            && follower.age().is_some_and(|age| age < SILENCE_MIN);
        if is_quiet && !is_time {
            // What a reader was told is what the next change is counted from.
            self.at = self.at.take().map(|at| Position { instant: at.instant, ..position });
            return Ok(Vec::new());
        }
        let messages = self.messages(&facts, changes, answers_void, (&position, reading));
        self.at = Some(position);
        messages
    }

    /// What there may be of those of whom this is so, by what has been sent of them.
    fn grounds(
        &self,
        facts: &Remembered<'_>,
        is_asked: impl Fn(Option<&Seen>) -> bool,
    ) -> Vec<Ground> {
        let asked = self.principals.iter().filter(|(_, seen)| is_asked(seen.as_ref()));
        asked.map(|(principal, _)| facts.ground(*principal, &|_, _| true)).collect()
    }

    /// The instant of a look: not before the newest change in what it finds, nor before the last.
    fn instant(&self, reading: Reading, grounds: &[Ground]) -> Instant {
        let newest = grounds.iter().filter_map(Ground::newest).max();
        let last = self.at.as_ref().map(|at| at.instant);
        let floor = newest.max(last.map(|last| last.earliest));
        let floor = floor.unwrap_or(DateTime::<Utc>::MIN_UTC);
        let latest = last.map_or(floor, |last| last.latest.max(floor));
        Instant {
            earliest: (reading.now - reading.max_error).max(floor),
            latest: (reading.now + reading.max_error).max(latest),
        }
    }

    /// What has changed for one principal since it was looked at, or since the position of a reader
    /// who resumes.
    fn change(
        &mut self,
        ground: Ground,
        instant: Instant,
        is_touched: impl Fn(&Seen) -> bool,
    ) -> Option<WatchedChange> {
        let principal = ground.principal;
        let through = Seen::through(&ground);
        let resolved = ground.resolve();
        let resuming = self.at.as_ref().map(|at| at.instant);
        let seen = self.principals.get_mut(&principal)?;
        let is_resumed = seen.is_none() && resuming.is_some();
        if let (None, Some(then)) = (&seen, resuming) {
            // As it was, if only the clock has moved on.
            let then = effective::list(resolved.clone(), then);
            *seen = Some(Seen::new(through.clone(), then));
        }
        let new = Seen::new(through, effective::list(resolved, instant));
        let change = match seen {
            Some(old) if !(is_resumed && is_touched(old)) => old.change_to(&new),
            _ => Some(new.whole()),
        };
        *seen = Some(new);
        change.map(|change| change.of(principal))
    }

    fn messages(
        &self,
        facts: &Remembered<'_>,
        changes: Vec<WatchedChange>,
        answers_void: bool,
        (position, reading): (&Position, Reading),
    ) -> Result<Vec<Watched>, Error> {
        let context = self.arrival.known(&self.process, |_, issuer, subject, sign_in| {
            facts.tenant.caller(issuer, subject, sign_in)
        })?;
        let context = context.ok_or(Error::NobodyThere)?;
        let (revision, sealed) =
            (facts.sealed(&context), position.seal(&context, self.principals.keys())?);
        let message = |changes| Watched {
            changes,
            answers_void,
            position: String::new(),
            revision: revision.clone(),
            as_of: reading.now.max(position.instant.earliest),
            max_clock_error: reading.max_error,
        };
        let mut messages: Vec<Watched> = pieces(changes).into_iter().map(message).collect();
        if let Some(last) = messages.last_mut() {
            last.position = sealed;
        }
        Ok(messages)
    }

    /// How long nothing can change by the clock, and nothing has to be said.
    fn pause(&self) -> Duration {
        let now = self.process.clock.now();
        let soonest = self.principals.values().flatten().filter_map(|seen| seen.valid_until).min();
        let until = soonest.map_or(SIGN_OF_LIFE_INTERVAL, |soonest| {
            let until = (soonest - now.max_error - now.now).to_std().unwrap_or_default();
            until.max(EDGE_INTERVAL)
        });
        let quiet = SIGN_OF_LIFE_INTERVAL.saturating_sub(self.heard.elapsed());
        until.min(quiet.max(EDGE_INTERVAL))
    }
}
