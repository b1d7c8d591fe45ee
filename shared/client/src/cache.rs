//! Answers that are kept for as long as they are right.
//!
//! An answer is kept no longer than the clock leaves it so, by the steady clock of this computer and
//! counted from before the question was sent: an end needs no message. What else may change it is
//! heard of by a stream, and where nothing has been heard for a while, nothing is known any more.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pim_proto::access::v1::{
    CheckAccessRequest, CheckAccessResponse, Decision, WatchEffectiveRolesRequest,
    WatchEffectiveRolesResponse,
};
use prost::Message as _;
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};
use tonic::{Code, Status, Streaming};

use crate::Client;

/// Who has heard nothing for this long knows nothing any more.
pub const SILENCE_MAX: Duration = Duration::from_secs(5);
/// Answers about one principal, at most; with more, all of them are let go.
const ANSWERS_MAX: usize = 1_024;
/// The pause before a stream is opened again; it doubles up to the longest.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Whether somebody holds or may do something.
#[derive(Debug, Clone)]
pub enum Access {
    /// They do.
    Allowed,
    /// They do not.
    Denied,
    /// Nobody can tell now: to be treated as a no.
    Unknown(Box<Status>),
}

impl Access {
    /// Whether it is a yes. What is not known is none.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Access::Allowed)
    }
}

/// Keeps the answers about some principals. Questions about others are asked each time.
///
/// The caller must be allowed to watch these principals.
#[derive(Debug)]
pub struct AccessCache {
    client: Client,
    state: Arc<Mutex<State>>,
    follows: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    /// When the service was last heard of.
    heard: Option<Instant>,
    principals: HashMap<String, Kept>,
}

/// What is kept about one principal.
#[derive(Debug, Default)]
struct Kept {
    /// Whether its changes are being heard of.
    is_watched: bool,
    /// Counts what may have made answers wrong that were on their way.
    changes: u64,
    answers: HashMap<Vec<u8>, Answer>,
}

#[derive(Debug, Clone, Copy)]
struct Answer {
    is_allowed: bool,
    /// Absent: the clock alone never changes it.
    until: Option<Instant>,
}

impl AccessCache {
    /// A cache of what is asked about these principals, by id. To be called within a tokio runtime;
    /// it follows their changes until it is dropped.
    #[must_use]
    pub fn new(client: Client, principals: impl IntoIterator<Item = String>) -> Self {
        let principals: HashMap<String, Kept> =
            principals.into_iter().map(|id| (id, Kept::default())).collect();
        let ids = principals.keys().cloned().collect();
        let state = Arc::new(Mutex::new(State { heard: None, principals }));
        let follows = tokio::spawn(follow(client.clone(), ids, Arc::clone(&state)));
        Self { client, state, follows }
    }

    /// The answer to a question: what is kept if that is right still, else what the service says.
    pub async fn check(&self, question: CheckAccessRequest) -> Access {
        let principal = question.principal_id.clone();
        let key = question.encode_to_vec();
        let before = match lock(&self.state).look_up(&principal, &key, Instant::now()) {
            Ok(is_allowed) => return access(is_allowed),
            Err(before) => before,
        };
        let sent = Instant::now();
        match self.client.access().check_access(question).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                let is_allowed = answer.decision() == Decision::Allowed;
                if let Some(until) = until(&answer, sent) {
                    let answer = Answer { is_allowed, until };
                    lock(&self.state).keep(&principal, key, answer, before);
                }
                access(is_allowed)
            }
            Err(status) => Access::Unknown(Box::new(status)),
        }
    }
}

impl Drop for AccessCache {
    fn drop(&mut self) {
        self.follows.abort();
    }
}

fn access(is_allowed: bool) -> Access {
    if is_allowed { Access::Allowed } else { Access::Denied }
}

impl State {
    /// What is kept, if it is right at `now`; else what has happened so far to the principal, where
    /// an answer may be kept.
    fn look_up(&self, principal: &str, key: &[u8], now: Instant) -> Result<bool, Option<u64>> {
        let is_heard = self.heard.is_some_and(|heard| now - heard < SILENCE_MAX);
        let kept = self.principals.get(principal).filter(|kept| is_heard && kept.is_watched);
        let Some(kept) = kept else { return Err(None) };
        let answer = kept.answers.get(key).filter(|one| one.until.is_none_or(|until| now < until));
        answer.map(|answer| answer.is_allowed).ok_or(Some(kept.changes))
    }

    /// Keeps an answer, unless something has happened since it was asked for.
    fn keep(&mut self, principal: &str, key: Vec<u8>, answer: Answer, before: Option<u64>) {
        let Some(kept) = self.principals.get_mut(principal) else { return };
        if before != Some(kept.changes) {
            return;
        }
        if kept.answers.len() >= ANSWERS_MAX {
            kept.answers.clear();
        }
        kept.answers.insert(key, answer);
    }

    fn hear(&mut self, message: &WatchEffectiveRolesResponse, now: Instant) {
        self.heard = Some(now);
        for change in &message.changes {
            if let Some(kept) = self.principals.get_mut(&change.principal_id) {
                kept.is_watched = true;
                kept.forget();
            }
        }
        if message.answers_void {
            self.principals.values_mut().for_each(Kept::forget);
        }
    }
}

impl Kept {
    fn forget(&mut self) {
        self.changes += 1;
        self.answers.clear();
    }
}

/// How long an answer is right; `None` where that cannot be told.
fn until(answer: &CheckAccessResponse, sent: Instant) -> Option<Option<Instant>> {
    let Some(valid_until) = answer.valid_until else { return Some(None) };
    let (as_of, error) = (answer.as_of_time?, answer.max_clock_error?);
    let nanos = |seconds: i64, nanos: i32| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let left = nanos(valid_until.seconds, valid_until.nanos)
        - nanos(as_of.seconds, as_of.nanos)
        - nanos(error.seconds, error.nanos);
    let left = Duration::from_nanos(u64::try_from(left).ok()?);
    Some(Some(sent.checked_add(left)?))
}

/// Hears of changes, and again when the stream breaks off.
async fn follow(client: Client, principals: Vec<String>, state: Arc<Mutex<State>>) {
    let (mut position, mut pause) = (String::new(), BACKOFF_MIN);
    loop {
        let request = WatchEffectiveRolesRequest {
            principal_ids: principals.clone(),
            after_position: position.clone(),
        };
        let ended = match client.access().watch_effective_roles(request).await {
            Ok(stream) => listen(stream.into_inner(), &state, &mut position).await,
            Err(status) => status,
        };
        if ended.code() == Code::OutOfRange {
            position.clear();
        }
        let was_heard = lock(&state).heard.is_some_and(|heard| heard.elapsed() < pause);
        pause = if was_heard { BACKOFF_MIN } else { (pause * 2).min(BACKOFF_MAX) };
        tokio::time::sleep(pause).await;
    }
}

/// Until the stream ends, or has been silent for so long that it is no use.
async fn listen(
    mut stream: Streaming<WatchEffectiveRolesResponse>,
    state: &Mutex<State>,
    position: &mut String,
) -> Status {
    loop {
        match timeout(SILENCE_MAX, stream.message()).await {
            Ok(Ok(Some(message))) => {
                lock(state).hear(&message, Instant::now());
                // Within a state there is nothing to resume from but what came before it.
                if !message.position.is_empty() {
                    position.clone_from(&message.position);
                }
            }
            Ok(Ok(None)) => return Status::unavailable("the stream ended"),
            Ok(Err(status)) => return status,
            Err(_) => return Status::unavailable("the stream was silent"),
        }
    }
}

/// What is behind it is changed in single steps, none of which can break off.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use pim_proto::access::v1::watch_effective_roles_response::Change;
    use prost_types::{Duration as WireDuration, Timestamp};

    use super::*;

    fn state() -> State {
        State { heard: None, principals: HashMap::from([("alice".to_owned(), Kept::default())]) }
    }

    fn about(principals: &[&str]) -> WatchEffectiveRolesResponse {
        let change = |id: &&str| Change { principal_id: (*id).to_owned(), ..Change::default() };
        WatchEffectiveRolesResponse {
            changes: principals.iter().map(change).collect(),
            ..WatchEffectiveRolesResponse::default()
        }
    }

    fn yes(until: Option<Instant>) -> Answer {
        Answer { is_allowed: true, until }
    }

    fn kept(state: &mut State, now: Instant, until: Option<Instant>) {
        let before = state.look_up("alice", b"q", now).unwrap_err();
        state.keep("alice", b"q".to_vec(), yes(until), before);
    }

    #[tokio::test]
    async fn an_answer_is_kept_until_its_time_and_no_longer() {
        let (mut state, now) = (state(), Instant::now());
        state.hear(&about(&["alice"]), now);
        let end = now + Duration::from_millis(40);
        kept(&mut state, now, Some(end));
        let tick = Duration::from_nanos(1);
        assert_eq!(state.look_up("alice", b"q", end - tick), Ok(true));
        assert_eq!(state.look_up("alice", b"q", end), Err(Some(1)));
        assert_eq!(state.look_up("alice", b"another", now), Err(Some(1)));
        assert_eq!(state.look_up("bob", b"q", now), Err(None));
    }

    #[tokio::test]
    async fn after_a_silence_nothing_is_known() {
        let (mut state, now) = (state(), Instant::now());
        kept(&mut state, now, None);
        assert_eq!(state.look_up("alice", b"q", now), Err(None), "never heard of");
        state.hear(&about(&["alice"]), now);
        kept(&mut state, now, None);
        let tick = Duration::from_nanos(1);
        assert_eq!(state.look_up("alice", b"q", now + SILENCE_MAX - tick), Ok(true));
        assert_eq!(state.look_up("alice", b"q", now + SILENCE_MAX), Err(None));
        // A sign of life is enough.
        state.hear(&about(&[]), now + SILENCE_MAX);
        assert_eq!(state.look_up("alice", b"q", now + SILENCE_MAX), Ok(true));
    }

    #[tokio::test]
    async fn a_change_voids_what_is_kept_and_what_is_on_its_way() {
        let (mut state, now) = (state(), Instant::now());
        state.hear(&about(&["alice"]), now);
        let void = WatchEffectiveRolesResponse { answers_void: true, ..about(&[]) };
        for message in [about(&["alice"]), void] {
            kept(&mut state, now, None);
            assert_eq!(state.look_up("alice", b"q", now), Ok(true));
            let before = state.look_up("alice", b"on its way", now).unwrap_err();
            state.hear(&message, now);
            state.keep("alice", b"on its way".to_vec(), yes(None), before);
            for key in [b"q".as_slice(), b"on its way"] {
                assert!(state.look_up("alice", key, now).is_err());
            }
        }
        state.hear(&about(&["bob"]), now);
        kept(&mut state, now, None);
        state.hear(&about(&["bob"]), now);
        assert_eq!(state.look_up("alice", b"q", now), Ok(true), "it is another's change");
    }

    #[tokio::test]
    async fn it_keeps_no_more_than_it_may() {
        let (mut state, now) = (state(), Instant::now());
        state.hear(&about(&["alice"]), now);
        for n in 0..=ANSWERS_MAX {
            state.keep("alice", n.to_be_bytes().to_vec(), yes(None), Some(1));
        }
        assert_eq!(state.principals["alice"].answers.len(), 1);
    }

    #[tokio::test]
    async fn the_clocks_error_is_taken_from_what_is_left() {
        let sent = Instant::now();
        let at = |seconds, nanos| Some(Timestamp { seconds, nanos });
        let answer = CheckAccessResponse {
            valid_until: at(10, 500),
            as_of_time: at(7, 900),
            max_clock_error: Some(WireDuration { seconds: 1, nanos: 100 }),
            ..CheckAccessResponse::default()
        };
        let left = Duration::from_secs(2) - Duration::from_nanos(500);
        assert_eq!(until(&answer, sent), Some(Some(sent + left)));
        let over = CheckAccessResponse { as_of_time: at(10, 0), ..answer.clone() };
        assert_eq!(until(&over, sent), None, "to be asked again");
        let unknown = CheckAccessResponse { as_of_time: None, ..answer.clone() };
        assert_eq!(until(&unknown, sent), None);
        let never = CheckAccessResponse { valid_until: None, ..answer };
        assert_eq!(until(&never, sent), Some(None));
    }
}
