//! HTTP/2 frames written by hand, for peers that mean harm.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame, as RFC 9113 numbers them.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream.
    pub stream: u32,
}

impl Frame {
    /// The type of a request's first frame.
    pub const HEADERS: u8 = 1;
    /// Of one that gives a stream up.
    pub const RST_STREAM: u8 = 3;
    /// Of one that says how the peers go about it.
    pub const SETTINGS: u8 = 4;
    /// Of one that says farewell to a connection.
    pub const GOAWAY: u8 = 7;
    /// Of one with more headers.
    pub const CONTINUATION: u8 = 9;
    /// The flag of a request without a body.
    pub const END_STREAM: u8 = 1;
    /// The flag of the last headers.
    pub const END_HEADERS: u8 = 4;

    /// As it is sent.
    #[must_use]
    pub fn with(self, payload: &[u8]) -> Vec<u8> {
        let Self { kind, flags, stream } = self;
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    /// The next one of a peer, with what is in it.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn read(peer: &mut (impl AsyncRead + Unpin)) -> io::Result<(Self, Vec<u8>)> {
        let mut head = [0; 9];
        peer.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        peer.read_exact(&mut payload).await?;
        let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
        Ok((Self { kind: head[3], flags: head[4], stream }, payload))
    }

    /// A request that is given up in one breath.
    #[must_use]
    pub fn opened_and_reset(stream: u32, header_block: &[u8]) -> Vec<u8> {
        const CANCEL: u32 = 8;
        let flags = Self::END_HEADERS | Self::END_STREAM;
        let opened = Self { kind: Self::HEADERS, flags, stream }.with(header_block);
        let reset = Self { kind: Self::RST_STREAM, flags: 0, stream };
        [opened, reset.with(&CANCEL.to_be_bytes())].concat()
    }
}

/// `POST` to a method, as HPACK writes it with the static table alone.
#[must_use]
pub fn header_block() -> Vec<u8> {
    let text = |index: &[u8], text: &str| {
        [index, &[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
    };
    let path = "/pim.activation.v1.ActivationService/DeactivateRole";
    let content = text(&[0x0f, 0x10], "application/grpc");
    [vec![0x83, 0x86], text(&[0x01], "localhost"), text(&[0x04], path), content].concat()
}

/// The reason of the first frame that asks to go away; 0 where the connection ended without one.
pub async fn farewell(peer: &mut (impl AsyncRead + Unpin)) -> u32 {
    while let Ok((frame, payload)) = Frame::read(peer).await {
        if frame.kind == Frame::GOAWAY {
            return u32::from_be_bytes(payload[4..8].try_into().unwrap());
        }
    }
    0
}
