//! Calls of any RPC, with bytes for a message.

use pim_tests::{World, reason};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::{Channel, Endpoint},
};

use crate::descriptor::Method;

/// Messages of a stream that are read.
const MESSAGES_MAX: usize = 100;
/// How long a stream may stay silent before it is taken as having said all.
const SILENCE: std::time::Duration = std::time::Duration::from_millis(100);

/// Somebody who calls with this `authorization`, or without.
#[derive(Clone)]
pub(super) struct Caller {
    channel: Channel,
    authorization: Vec<String>,
}

impl Caller {
    /// With each of these values in a header of its own.
    pub(super) fn new(world: &World, authorization: &[&str]) -> Self {
        let channel = Endpoint::from_shared(world.url.clone()).unwrap().connect_lazy();
        let authorization = authorization.iter().map(|value| (*value).to_owned()).collect();
        Self { channel, authorization }
    }

    pub(super) fn with_token(world: &World, token: &str) -> Self {
        Self::new(world, &[&format!("Bearer {token}")])
    }

    /// What is answered: of a stream its first messages.
    pub(super) async fn call(
        &self,
        path: &str,
        streams: bool,
        message: Vec<u8>,
    ) -> Result<Vec<Vec<u8>>, Status> {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        let mut request = Request::new(message);
        for value in &self.authorization {
            request.metadata_mut().append("authorization", value.parse().unwrap());
        }
        let path = path.parse().unwrap();
        if !streams {
            return Ok(vec![grpc.unary(request, path, Bytes).await?.into_inner()]);
        }
        let mut stream = grpc.server_streaming(request, path, Bytes).await?.into_inner();
        let mut messages = Vec::new();
        while messages.len() < MESSAGES_MAX
            && let Ok(next) = tokio::time::timeout(SILENCE, stream.message()).await
            && let Some(message) = next?
        {
            messages.push(message);
        }
        Ok(messages)
    }

    /// How an empty message is refused.
    pub(super) async fn refusal(&self, method: &Method) -> (Code, String) {
        match self.call(&method.path, method.streams, Vec::new()).await {
            Ok(_) => (Code::Ok, String::new()),
            Err(status) => (status.code(), reason(&status)),
        }
    }
}

/// Messages as they are on the wire.
#[derive(Debug, Clone, Copy, Default)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(to, &message);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; bytes::Buf::remaining(from)];
        bytes::Buf::copy_to_slice(from, &mut message);
        Ok(Some(message))
    }
}
