//! Peers that speak HTTP/2 to do harm: the server ends their connection, and others are answered.

use std::net::SocketAddr;

use pim_chassis::{limits::Limits, rates::RateLimits};
use pim_proto::activation::v1::DeactivateRoleRequest;
use pim_tests::{
    Frame, PREFACE, Person, World, eventually, farewell, header_block, new_id, reason,
};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
};

/// What HPACK writes for `:status 200`.
const STATUS_200: u8 = 0x88;
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
        let hello =
            [PREFACE, &Frame { kind: Frame::SETTINGS, flags: 0, stream: 0 }.with(&[])].concat();
        attacker.write_all(&hello).await.unwrap();
        attacker
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
        streams.flat_map(|stream| Frame::opened_and_reset(stream, &block)).collect()
    });
    assert_eq!(reason.await, ENHANCE_YOUR_CALM);
}

#[tokio::test]
async fn who_sends_headers_without_end_is_told_to_calm_down() {
    let scene = Scene::new().await;
    let block = header_block();
    let frame = |kind| Frame { kind, flags: 0, stream: 1 };
    let reason = assault(&scene, |breath| match breath {
        0 => frame(Frame::HEADERS).with(&block),
        _ => frame(Frame::CONTINUATION).with(&b"\x00\x01x\x01y".repeat(200)),
    });
    assert_eq!(reason.await, ENHANCE_YOUR_CALM);
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
        let kind = if index == 0 { Frame::HEADERS } else { Frame::CONTINUATION };
        let whole = if index == 0 { Frame::END_STREAM } else { 0 };
        let ends = if index + 1 == frames.len() { Frame::END_HEADERS } else { 0 };
        let frame = Frame { kind, flags: whole | ends, stream: 1 };
        peer.write_all(&frame.with(part)).await.unwrap();
    }
    let flags = Frame::END_STREAM | Frame::END_HEADERS;
    let other = Frame { kind: Frame::HEADERS, flags, stream: 3 };
    peer.write_all(&other.with(&header_block())).await.unwrap();
    let mut first = Vec::new();
    loop {
        let (frame, payload) = Frame::read(&mut peer).await.unwrap();
        assert_ne!(frame.kind, Frame::GOAWAY, "{payload:?}");
        match (frame.kind, frame.stream) {
            (Frame::HEADERS, 1) => first = payload,
            (Frame::HEADERS, 3) => {
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
