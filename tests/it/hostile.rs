//! Peers that speak HTTP/2 to do harm: the server ends their connection, and others are answered.

use std::net::SocketAddr;

use pim_chassis::{limits::Limits, rates::RateLimits};
use pim_proto::activation::v1::DeactivateRoleRequest;
use pim_tests::{Person, World, eventually, new_id, reason};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// What HPACK writes for `:status 200`.
const STATUS_200: u8 = 0x88;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

/// Streams that are opened and reset in one breath.
const RESETS: u32 = 200;
/// Breaths after which a server that has not had enough never has.
const BREATHS: u32 = 200;
/// Connections that one address may have, and how many it tries.
const PLACES: usize = 64;
const TRIES: usize = 100;

/// A system, who calls it, and where it is.
struct Scene {
    alice: Person,
    address: SocketAddr,
    _world: World,
}

impl Scene {
    async fn new() -> Self {
        let mut world = World::start().await;
        let org = world.organisation().await;
        let limits = Limits {
            connections_per_address_max: PLACES,
            rates: RateLimits::none(),
            ..Limits::default()
        };
        world.call_another(limits, |_, _, _| {}).await;
        let alice = org.user(&world, "alice").await;
        let address = world.url.trim_start_matches("http://").parse().unwrap();
        Self { alice, address, _world: world }
    }

    /// Alice gives up what is not hers, which is answered.
    async fn deactivates(&self) {
        let request = DeactivateRoleRequest { activation_id: new_id(), ..Default::default() };
        let answer = self.alice.client.activations().deactivate_role(request).await;
        assert_eq!(reason(&answer.unwrap_err()), "NOT_PERMITTED");
    }

    /// A connection from an address that is not Alice's, which has said hello.
    async fn attacker(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut attacker = socket.connect(self.address).await.unwrap();
        let hello = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
        attacker.write_all(&hello).await.unwrap();
        attacker
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `POST` to a method, as HPACK writes it with the static table alone.
fn header_block() -> Vec<u8> {
    let text = |index: &[u8], text: &str| {
        [index, &[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
    };
    let path = "/pim.activation.v1.ActivationService/DeactivateRole";
    let content = text(&[0x0f, 0x10], "application/grpc");
    [vec![0x83, 0x86], text(&[0x01], "localhost"), text(&[0x04], path), content].concat()
}

/// The reason of the first frame that asks to go away; 0 where the connection ended without one.
async fn farewell(attacker: &mut (impl tokio::io::AsyncRead + Unpin)) -> u32 {
    loop {
        let mut head = [0; 9];
        if attacker.read_exact(&mut head).await.is_err() {
            return 0;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        if attacker.read_exact(&mut payload).await.is_err() {
            return 0;
        }
        if head[3] == GOAWAY {
            return u32::from_be_bytes(payload[4..8].try_into().unwrap());
        }
    }
}

/// Sends as fast as the server takes it, while Alice calls, until the server has had enough.
async fn assault(scene: &Scene, mut breath: impl FnMut(u32) -> Vec<u8>) -> u32 {
    let (mut read, mut write) = scene.attacker().await.into_split();
    let writing = async {
        for count in 0..BREATHS {
            if write.write_all(&breath(count)).await.is_err() {
                return;
            }
        }
    };
    let calling = async {
        for _ in 0..10 {
            scene.deactivates().await;
        }
    };
    let (reason, (), ()) = tokio::join!(farewell(&mut read), writing, calling);
    scene.deactivates().await;
    reason
}

#[tokio::test]
async fn who_resets_streams_rapidly_is_told_to_calm_down() {
    let scene = Scene::new().await;
    let block = header_block();
    let reason = assault(&scene, |breath| {
        let streams = (0..RESETS).map(|number| (breath * RESETS + number) * 2 + 1);
        let one = |stream| {
            let opened = frame(HEADERS, END_HEADERS | END_STREAM, stream, &block);
            [opened, frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())].concat()
        };
        streams.flat_map(one).collect()
    });
    assert_eq!(reason.await, ENHANCE_YOUR_CALM);
}

#[tokio::test]
async fn who_sends_headers_without_end_is_told_to_calm_down() {
    let scene = Scene::new().await;
    let block = header_block();
    let reason = assault(&scene, |breath| match breath {
        0 => frame(HEADERS, 0, 1, &block),
        _ => frame(CONTINUATION, 0, 1, &b"\x00\x01x\x01y".repeat(200)),
    });
    assert_eq!(reason.await, ENHANCE_YOUR_CALM);
}

/// The next frame: its kind, its stream and what is in it.
async fn read_frame(peer: &mut TcpStream) -> (u8, u32, Vec<u8>) {
    let mut head = [0; 9];
    peer.read_exact(&mut head).await.unwrap();
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    peer.read_exact(&mut payload).await.unwrap();
    (head[3], u32::from_be_bytes(head[5..].try_into().unwrap()), payload)
}

/// A header of so many bytes, as HPACK writes it.
fn long_header(bytes: usize) -> Vec<u8> {
    let mut header = b"\x00\x01x\x7f".to_vec();
    let mut rest = bytes - 127;
    while rest >= 128 {
        header.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    header.push(u8::try_from(rest).unwrap());
    header.resize(header.len() + bytes, b'y');
    header
}

#[tokio::test]
async fn headers_over_the_limit_end_their_own_call_alone() {
    let scene = Scene::new().await;
    let mut peer = scene.attacker().await;
    let long = [header_block(), long_header(80 * 1024)].concat();
    let frames: Vec<&[u8]> = long.chunks(16 * 1024).collect();
    for (index, part) in frames.iter().enumerate() {
        let kind = if index == 0 { HEADERS } else { CONTINUATION };
        let stream = if index == 0 { END_STREAM } else { 0 };
        let ends = if index + 1 == frames.len() { END_HEADERS } else { 0 };
        peer.write_all(&frame(kind, stream | ends, 1, part)).await.unwrap();
    }
    let other = frame(HEADERS, END_STREAM | END_HEADERS, 3, &header_block());
    peer.write_all(&other).await.unwrap();
    let mut first = Vec::new();
    loop {
        let (kind, stream, payload) = read_frame(&mut peer).await;
        assert_ne!(kind, GOAWAY, "{payload:?}");
        match (kind, stream) {
            (HEADERS, 1) => first = payload,
            (HEADERS, 3) => {
                // That one is answered by gRPC, so with 200; the other one by HTTP/2 itself.
                assert_eq!(payload[0], STATUS_200);
                break;
            }
            _ => {}
        }
    }
    assert!(!first.is_empty() && first[0] != STATUS_200, "{first:?}");
}

#[tokio::test]
async fn who_hoards_connections_leaves_places_for_others() {
    let scene = Scene::new().await;
    let mut hoard = Vec::new();
    for _ in 0..TRIES {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        hoard.push(socket.connect(scene.address).await.unwrap());
    }
    eventually("connections over the limit are closed", async || {
        let closed = hoard.iter().filter(|one| one.try_read(&mut [0]).is_ok_and(|n| n == 0));
        (closed.count() >= TRIES - PLACES).then_some(())
    })
    .await;
    scene.deactivates().await;
}
