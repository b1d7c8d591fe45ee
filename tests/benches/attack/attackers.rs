//! Those who mean harm, on threads of their own.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use pim_proto::access::v1::ListEffectiveRolesRequest;
use pim_tests::{Frame, Organisation, PREFACE, Person, farewell, header_block};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
    runtime::Runtime,
    time::interval,
};
use tonic::Code;

/// Connections that have said hello and say nothing more, and the addresses they come from.
const IDLE: usize = 2_000;
const IDLE_ADDRESSES: usize = 4;
/// Connections on which requests are made and given up, many at once.
const RESETTING: usize = 8;
/// Requests that are given up in one breath.
const RESETS: u32 = 200;
/// Connections on which one request's headers never end, fast.
const ENDLESS: usize = 8;
/// Connections on which they never end, a few each second.
const SLOW: usize = 200;
/// Calls at once by each caller with good credentials.
const CALLS: usize = 32;
/// A peer that was sent away comes back no sooner than this after it came.
const COME_BACK: Duration = Duration::from_millis(20);
/// From one breath to the next: as soon as the timer goes, or now and then.
const AT_ONCE: Duration = Duration::from_millis(1);
const SLOWLY: Duration = Duration::from_secs(1);

/// What they do, until it ends.
pub(crate) struct Attack {
    runtime: Runtime,
    counts: Arc<Counts>,
    begun: Instant,
}

#[derive(Default)]
struct Counts {
    idle: AtomicU64,
    resets: AtomicU64,
    sent_away: AtomicU64,
    answered: AtomicU64,
    refused: AtomicU64,
    other: AtomicU64,
}

/// What came of it.
pub(crate) struct Outcome {
    counts: Arc<Counts>,
    length: Duration,
}

impl Attack {
    /// Begins it against the server at `url`, once the idle connections are there.
    pub(crate) async fn begin(url: &str, hogs: &[Person]) -> Self {
        let server: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let counts = Arc::new(Counts::default());
        let idle = runtime.spawn(idle(server, Arc::clone(&counts)));
        let connections = idle.await.unwrap();
        runtime.spawn(async move {
            let _connections = connections;
            std::future::pending::<()>().await;
        });
        for place in 0..RESETTING {
            runtime.spawn(reset(server, place, Arc::clone(&counts)));
        }
        for place in 0..ENDLESS {
            runtime.spawn(never_end(server, place, AT_ONCE, Arc::clone(&counts)));
        }
        for place in 0..SLOW {
            runtime.spawn(never_end(server, place, SLOWLY, Arc::clone(&counts)));
        }
        for hog in hogs {
            for _ in 0..CALLS {
                runtime.spawn(read(hog.clone(), Arc::clone(&counts)));
                runtime.spawn(gain(hog.clone(), Arc::clone(&counts)));
            }
        }
        Self { runtime, counts, begun: Instant::now() }
    }

    /// Ends it.
    pub(crate) fn end(self) -> Outcome {
        let Self { runtime, counts, begun } = self;
        let length = begun.elapsed();
        runtime.shutdown_background();
        Outcome { counts, length }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_second = |count: &AtomicU64| {
            let count = u32::try_from(count.load(Ordering::Relaxed)).unwrap();
            f64::from(count) / self.length.as_secs_f64()
        };
        let Counts { idle, resets, sent_away, answered, refused, other } = &*self.counts;
        write!(
            f,
            "{} idle connections; per s {:.0} requests given up, {:.0} peers sent away, \
             {:.0} calls answered, {:.0} too often, {:.0} otherwise refused",
            idle.load(Ordering::Relaxed),
            per_second(resets),
            per_second(sent_away),
            per_second(answered),
            per_second(refused),
            per_second(other),
        )
    }
}

/// A connection from one of the loopback addresses that are not everybody's.
async fn connect(server: SocketAddr, address: usize) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    let last = u8::try_from(2 + address).unwrap();
    socket.bind(SocketAddr::new(IpAddr::from([127, 0, 0, last]), 0)).unwrap();
    let mut connection = socket.connect(server).await.ok()?;
    let hello = Frame { kind: Frame::SETTINGS, flags: 0, stream: 0 }.with(&[]);
    connection.write_all(&[PREFACE, &hello].concat()).await.ok()?;
    Some(connection)
}

async fn idle(server: SocketAddr, counts: Arc<Counts>) -> Vec<TcpStream> {
    let mut connections = Vec::new();
    for place in 0..IDLE {
        connections.extend(connect(server, place % IDLE_ADDRESSES).await);
    }
    let there = u64::try_from(connections.len()).unwrap();
    counts.idle.store(there, Ordering::Relaxed);
    connections
}

/// Sends what `breath` makes of its number until the server sends the peer away, and comes back.
async fn assault(
    server: SocketAddr,
    address: usize,
    each: Duration,
    sent_away: &AtomicU64,
    mut breath: impl FnMut(u32) -> Vec<u8>,
) {
    let (mut turns, mut breaths) = (interval(COME_BACK), interval(each));
    loop {
        turns.tick().await;
        if let Some(connection) = connect(server, address).await {
            let (mut read, mut write) = connection.into_split();
            let writing = async {
                let mut count = 0;
                while write.write_all(&breath(count)).await.is_ok() {
                    count += 1;
                    breaths.tick().await;
                }
            };
            tokio::select! {
                _ = farewell(&mut read) => {}
                () = writing => {}
            }
            sent_away.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn reset(server: SocketAddr, place: usize, counts: Arc<Counts>) {
    let block = header_block();
    let breath = |breath: u32| {
        counts.resets.fetch_add(RESETS.into(), Ordering::Relaxed);
        let streams = (0..RESETS).map(|number| (breath * RESETS + number) * 2 + 1);
        streams.flat_map(|stream| Frame::opened_and_reset(stream, &block)).collect()
    };
    let address = IDLE_ADDRESSES + place % 2;
    assault(server, address, AT_ONCE, &counts.sent_away, breath).await;
}

async fn never_end(server: SocketAddr, place: usize, each: Duration, counts: Arc<Counts>) {
    let block = header_block();
    let frame = |kind| Frame { kind, flags: 0, stream: 1 };
    let breath = |breath| match breath {
        0 => frame(Frame::HEADERS).with(&block),
        _ => frame(Frame::CONTINUATION).with(&b"\x00\x01x\x01y".repeat(200)),
    };
    let address = IDLE_ADDRESSES + 2 + place % 2;
    assault(server, address, each, &counts.sent_away, breath).await;
}

/// Reads what is long, again and again.
async fn read(hog: Person, counts: Arc<Counts>) {
    let mut turns = interval(AT_ONCE);
    loop {
        turns.tick().await;
        let request = ListEffectiveRolesRequest {
            principal_id: hog.id.clone(),
            page_size: 1_000,
            ..ListEffectiveRolesRequest::default()
        };
        let answer = hog.client.access().list_effective_roles(request).await;
        counts.note(answer.map(drop));
    }
}

/// Asks for what nobody gives, which takes a transaction and is told in the log.
async fn gain(hog: Person, counts: Arc<Counts>) {
    let mut turns = interval(AT_ONCE);
    loop {
        turns.tick().await;
        let wish = Person::wish(Organisation::CONTRIBUTOR, "/subscriptions/0");
        counts.note(hog.activate(wish).await.map(drop));
    }
}

impl Counts {
    fn note(&self, answer: Result<(), tonic::Status>) {
        let count = match answer {
            Ok(()) => &self.answered,
            Err(status) if status.code() == Code::ResourceExhausted => &self.refused,
            Err(_) => &self.other,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}
